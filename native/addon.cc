// The seam between src/host/native.ts and the kernel: converts arguments and joins sockets to the event
// loop, nothing else. Failed system calls are thrown as Error with .code ('EPERM') and .syscall ('bind').
#include <napi.h>
#include <uv.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <sys/socket.h>

#include "execute.h"
#include "netlink_socket.h"
#include "notify.h"
#include "open_socket.h"
#include "shared_memory.h"
#include "syscall_result.h"

namespace director {

namespace {

Napi::Error ToError(Napi::Env env, const SyscallResult& result) {
  const std::string code = uv_err_name(-result.error);
  Napi::Error error = Napi::Error::New(
      env, std::string(result.syscall) + ": " + std::generic_category().message(result.error) + " (" + code + ")");
  error.Set("code", code);
  error.Set("errno", static_cast<double>(-result.error));
  error.Set("syscall", std::string(result.syscall));
  return error;
}

// How many datagrams one turn of the event loop takes: events must not starve timers.
constexpr int kDatagramsPerTurn = 64;

// new NetlinkSocket(groups, onDatagram(Buffer), onOverrun()). Open until close(); does not keep the process
// alive unless ref() is called.
class NetlinkSocketWrap : public Napi::ObjectWrap<NetlinkSocketWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "NetlinkSocket",
                       {
                           InstanceMethod<&NetlinkSocketWrap::Send>("send"),
                           InstanceMethod<&NetlinkSocketWrap::RefLoop>("ref"),
                           InstanceMethod<&NetlinkSocketWrap::UnrefLoop>("unref"),
                           InstanceMethod<&NetlinkSocketWrap::CloseSocket>("close"),
                           InstanceAccessor<&NetlinkSocketWrap::PortId>("portId"),
                       });
  }

  explicit NetlinkSocketWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NetlinkSocketWrap>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 3 || !info[0].IsNumber() || !info[1].IsFunction() || !info[2].IsFunction()) {
      Napi::TypeError::New(env, "NetlinkSocket(groups: number, onDatagram: function, onOverrun: function)")
          .ThrowAsJavaScriptException();
      return;
    }
    const SyscallResult opened = socket_.Open(info[0].As<Napi::Number>().Uint32Value());
    if (opened.error != 0) {
      ToError(env, opened).ThrowAsJavaScriptException();
      return;
    }
    uv_loop_t* loop = nullptr;
    poll_ = new uv_poll_t;
    poll_->data = this;
    int status = napi_get_uv_event_loop(env, &loop) == napi_ok ? 0 : UV_EINVAL;
    if (status == 0) status = uv_poll_init(loop, poll_, socket_.fd());
    if (status != 0) {
      delete poll_;
      poll_ = nullptr;
      socket_.Close();
      ToError(env, {-status, "uv_poll_init"}).ThrowAsJavaScriptException();
      return;
    }
    on_datagram_ = Napi::Persistent(info[1].As<Napi::Function>());
    on_overrun_ = Napi::Persistent(info[2].As<Napi::Function>());
    context_ = std::make_unique<Napi::AsyncContext>(env, "director.NetlinkSocket");
    napi_add_async_cleanup_hook(env, OnEnvironmentExit, this, &cleanup_hook_);
    Ref();  // not collected while open
    uv_poll_start(poll_, UV_READABLE, OnReadable);
    uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
  }

  ~NetlinkSocketWrap() override = default;

 private:
  void Send(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsTypedArray() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      Napi::TypeError::New(env, "send(datagram: Uint8Array)").ThrowAsJavaScriptException();
      return;
    }
    const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    const SyscallResult sent =
        poll_ == nullptr ? SyscallResult{EBADF, "sendto"} : socket_.Send(bytes.Data(), bytes.ByteLength());
    if (sent.error != 0) ToError(env, sent).ThrowAsJavaScriptException();
  }

  void RefLoop(const Napi::CallbackInfo&) {
    if (poll_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(poll_));
  }

  void UnrefLoop(const Napi::CallbackInfo&) {
    if (poll_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
  }

  void CloseSocket(const Napi::CallbackInfo&) {
    if (StopPolling(nullptr)) napi_remove_async_cleanup_hook(cleanup_hook_);
  }

  Napi::Value PortId(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), socket_.port_id()); }

  // The handle outlives this object until libuv has let go of it; the file is closed at once.
  bool StopPolling(napi_async_cleanup_hook_handle report_to) {
    if (poll_ == nullptr) return false;
    uv_poll_t* poll = poll_;
    poll_ = nullptr;
    uv_poll_stop(poll);
    poll->data = report_to;
    uv_close(reinterpret_cast<uv_handle_t*>(poll), [](uv_handle_t* handle) {
      auto* hook = static_cast<napi_async_cleanup_hook_handle>(handle->data);
      delete reinterpret_cast<uv_poll_t*>(handle);
      if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
    });
    socket_.Close();
    Unref();
    return true;
  }

  static void OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* argument) {
    if (!static_cast<NetlinkSocketWrap*>(argument)->StopPolling(hook)) napi_remove_async_cleanup_hook(hook);
  }

  static void OnReadable(uv_poll_t* poll, int status, int) {
    auto* self = static_cast<NetlinkSocketWrap*>(poll->data);
    const Napi::HandleScope scope(self->Env());
    [[maybe_unused]] const Napi::Object keep = self->Value();  // a callback may close()
    self->Drain();
    // libuv stops a handle whose socket has an error pending (POLLERR), which is how an overrun shows.
    // Reading has cleared the error.
    if (status < 0 && self->poll_ != nullptr) uv_poll_start(self->poll_, UV_READABLE, OnReadable);
  }

  void Drain() {
    static thread_local std::uint8_t buffer[kNetlinkDatagramBytes];
    for (int taken = 0; taken < kDatagramsPerTurn && poll_ != nullptr; taken++) {
      std::size_t length = 0;
      SyscallResult failure;
      switch (socket_.Receive(buffer, sizeof buffer, &length, &failure)) {
        case Received::kDatagram: {
          const Napi::HandleScope scope(Env());
          Call(on_datagram_, {Napi::Buffer<std::uint8_t>::Copy(Env(), buffer, length)});
          break;
        }
        case Received::kOverrun:
          Call(on_overrun_, {});
          break;
        case Received::kIgnored:
          break;
        case Received::kNothing:
        case Received::kFailed:  // nothing but ENOBUFS is documented for netlink(7); the next turn tries again
          return;
      }
    }
  }

  void Call(const Napi::FunctionReference& callback, const std::initializer_list<napi_value>& arguments) {
    const Napi::Env env = Env();
    const Napi::HandleScope scope(env);
    callback.MakeCallback(Value(), arguments, *context_);
    if (!env.IsExceptionPending()) return;
    napi_value exception = nullptr;
    napi_get_and_clear_last_exception(env, &exception);
    napi_fatal_exception(env, exception);  // 'uncaughtException', as from any other callback
  }

  NetlinkSocket socket_;
  uv_poll_t* poll_ = nullptr;
  Napi::FunctionReference on_datagram_;
  Napi::FunctionReference on_overrun_;
  std::unique_ptr<Napi::AsyncContext> context_;
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
};

// notify(path, text)
void NotifySystemd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsString()) {
    Napi::TypeError::New(env, "notify(path: string, text: string)").ThrowAsJavaScriptException();
    return;
  }
  const SyscallResult sent =
      Notify(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value());
  if (sent.error != 0) ToError(env, sent).ThrowAsJavaScriptException();
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
  if (opened.error != 0) {
    ToError(env, opened).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, fd);
}

// closeOnExec()
void CloseFilesOnExec(const Napi::CallbackInfo& info) {
  const SyscallResult result = CloseOnExec();
  if (result.error != 0) ToError(info.Env(), result).ThrowAsJavaScriptException();
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
  if (created.error != 0) {
    ToError(env, created).ThrowAsJavaScriptException();
    return env.Undefined();
  }
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
  if (mapped.error != 0) {
    ToError(env, mapped).ThrowAsJavaScriptException();
    return env.Undefined();
  }
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
  if (result.error != 0) {
    ToError(env, result).ThrowAsJavaScriptException();
    return env.Undefined();
  }
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
  ToError(env, Execute(info[0].As<Napi::String>().Utf8Value(), arguments)).ThrowAsJavaScriptException();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("NetlinkSocket", NetlinkSocketWrap::Define(env));
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
