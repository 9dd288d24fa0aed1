// The seam between src/host/native.ts and the kernel: converts arguments, nothing else. Classes have files of their own.
#include <napi.h>

#include <string>
#include <vector>

#include <sys/socket.h>

#include "execute.h"
#include "netlink_socket_wrap.h"
#include "notify.h"
#include "open_socket.h"
#include "packet_ring_wrap.h"
#include "shared_memory.h"
#include "syscall_error.h"

namespace director {

namespace {

// notify(path, text)
void NotifySystemd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsString()) {
    Napi::TypeError::New(env, "notify(path: string, text: string)").ThrowAsJavaScriptException();
    return;
  }
  const SyscallResult sent =
      Notify(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
  Succeeded(env, sent);
}

// openSocket(family: 4 | 6, type: 'stream' | 'datagram', mark): fd
Napi::Value OpenSocketFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 3 || !info[0].IsNumber() || !info[1].IsString() || !info[2].IsNumber()) {
    Napi::TypeError::New(env, "openSocket(family: 4 | 6, type: 'stream' | 'datagram', mark: number)")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const int family = info[0].As<Napi::Number>().Int32Value() == 6 ? AF_INET6 : AF_INET;
  const int type = info[1].As<Napi::String>().Utf8Value() == "datagram" ? SOCK_DGRAM : SOCK_STREAM;
  int fd = -1;
  const SyscallResult opened = OpenSocket(family, type, info[2].As<Napi::Number>().Uint32Value(), &fd);
  if (!Succeeded(env, opened)) return env.Undefined();
  return Napi::Number::New(env, fd);
}

// closeOnExec()
void CloseFilesOnExec(const Napi::CallbackInfo& info) {
  Succeeded(info.Env(), CloseOnExec());
}

// createMemory(name, bytes): fd
Napi::Value CreateSharedMemory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsNumber()) {
    Napi::TypeError::New(env, "createMemory(name: string, bytes: number)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  int fd = -1;
  const auto bytes = static_cast<std::size_t>(info[1].As<Napi::Number>().Int64Value());
  const SyscallResult created = CreateMemory(info[0].As<Napi::String>().Utf8Value(), bytes, &fd);
  if (!Succeeded(env, created)) return env.Undefined();
  return Napi::Number::New(env, fd);
}

// mapMemory(fd, bytes): ArrayBuffer, which stays mapped until it is collected
Napi::Value MapSharedMemory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsNumber() || !info[1].IsNumber()) {
    Napi::TypeError::New(env, "mapMemory(fd: number, bytes: number)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  void* memory = nullptr;
  const auto bytes = static_cast<std::size_t>(info[1].As<Napi::Number>().Int64Value());
  const SyscallResult mapped = MapMemory(info[0].As<Napi::Number>().Int32Value(), bytes, &memory);
  if (!Succeeded(env, mapped)) return env.Undefined();
  return Napi::ArrayBuffer::New(env, memory, bytes,
                                [bytes](Napi::Env, void* address) { UnmapMemory(address, bytes); });
}

// reap(pid): boolean
Napi::Value ReapChild(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsNumber() || info[0].As<Napi::Number>().Int32Value() <= 0) {
    Napi::TypeError::New(env, "reap(pid: number)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  bool ended = false;
  const SyscallResult result = Reap(info[0].As<Napi::Number>().Int32Value(), &ended);
  if (!Succeeded(env, result)) return env.Undefined();
  return Napi::Boolean::New(env, ended);
}

// execute(program, arguments); comes back only by an exception
void ExecuteProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsArray()) {
    Napi::TypeError::New(env, "execute(program: string, arguments: string[])").ThrowAsJavaScriptException();
    return;
  }
  const Napi::Array list = info[1].As<Napi::Array>();
  std::vector<std::string> arguments;
  for (std::uint32_t index = 0; index < list.Length(); index++)
    arguments.push_back(Napi::Value(list[index]).ToString().Utf8Value());
  Succeeded(env, Execute(info[0].As<Napi::String>().Utf8Value(), arguments));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("NetlinkSocket", DefineNetlinkSocket(env));
  exports.Set("PacketRing", DefinePacketRing(env));
  exports.Set("PacketSender", DefinePacketSender(env));
  exports.Set("notify", Napi::Function::New<NotifySystemd>(env, "notify"));
  exports.Set("openSocket", Napi::Function::New<OpenSocketFile>(env, "openSocket"));
  exports.Set("closeOnExec", Napi::Function::New<CloseFilesOnExec>(env, "closeOnExec"));
  exports.Set("createMemory", Napi::Function::New<CreateSharedMemory>(env, "createMemory"));
  exports.Set("mapMemory", Napi::Function::New<MapSharedMemory>(env, "mapMemory"));
  exports.Set("reap", Napi::Function::New<ReapChild>(env, "reap"));
  exports.Set("execute", Napi::Function::New<ExecuteProgram>(env, "execute"));
  return exports;
}

}  // namespace

NODE_API_MODULE(director_host, Init)

}  // namespace director
