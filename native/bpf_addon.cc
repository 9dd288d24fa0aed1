// The seam between src/host/bpf.ts and libbpf: its functions; bpf_object_wrap.cc has its class. Converts arguments
// and joins ring buffers to the event loop (bpf_event_stream.cc), nothing else.
#include <napi.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bpf_arguments.h"
#include "bpf_error.h"
#include "bpf_host.h"
#include "bpf_log.h"
#include "bpf_object_wrap.h"
#include "bpf_tc.h"
#include "bpf_xdp.h"

namespace director {

namespace {

const char* ModeName(XdpMode mode) {
  if (mode == XdpMode::kGeneric) return "generic";
  return mode == XdpMode::kNative ? "native" : "offloaded";
}

Napi::Value QueryXdpOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info, "queryXdp(ifindex: number)");
  const std::uint32_t ifindex = arguments.Number();
  std::optional<XdpProgram> program;
  if (!arguments.Ok() || !Succeeded(env, QueryXdp(ifindex, &program))) return env.Undefined();
  if (!program) return env.Null();
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", program->id);
  result.Set("name", program->name);
  result.Set("mode", ModeName(program->mode));
  return result;
}

Napi::Value QueryLinkAt(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Arguments arguments(info, "queryLink(path: string)");
  const std::string path = arguments.String();
  std::optional<XdpLink> link;
  if (!arguments.Ok() || !Succeeded(env, QueryLink(path, &link))) return env.Undefined();
  if (!link) return env.Null();
  Napi::Object result = Napi::Object::New(env);
  result.Set("ifindex", link->ifindex);
  result.Set("programId", link->program_id);
  return result;
}

void DetachTc(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "detachTcEgress(ifindex: number, handle: number, priority: number)");
  const TcPlace place = arguments.Place();
  if (arguments.Ok()) Succeeded(info.Env(), DetachTcEgress(place));
}

// A function of the host that tells a number.
template <SyscallResult (*Ask)(std::uint32_t*)>
Napi::Value Count(const Napi::CallbackInfo& info) {
  std::uint32_t count = 0;
  if (!Succeeded(info.Env(), Ask(&count))) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), count);
}

Napi::Value IsBpfFileSystemAt(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "isBpfFileSystem(path: string)");
  const std::string path = arguments.String();
  bool is = false;
  if (!arguments.Ok() || !Succeeded(info.Env(), IsBpfFileSystem(path, &is))) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), is);
}

void MountBpfAt(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "mountBpf(path: string)");
  const std::string path = arguments.String();
  if (arguments.Ok()) Succeeded(info.Env(), MountBpf(path));
}

void SendFrameOn(const Napi::CallbackInfo& info) {
  Arguments arguments(info, "sendFrame(ifindex: number, frame: Uint8Array)");
  const std::uint32_t ifindex = arguments.Number();
  const std::span<std::uint8_t> frame = arguments.Bytes();
  if (arguments.Ok()) Succeeded(info.Env(), SendFrame(ifindex, frame));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  CollectLog();
  exports.Set("BpfObject", DefineBpfObject(env));
  exports.Set("queryXdp", Napi::Function::New<QueryXdpOf>(env, "queryXdp"));
  exports.Set("queryLink", Napi::Function::New<QueryLinkAt>(env, "queryLink"));
  exports.Set("detachTcEgress", Napi::Function::New<DetachTc>(env, "detachTcEgress"));
  exports.Set("possibleCpus", Napi::Function::New<Count<PossibleCpus>>(env, "possibleCpus"));
  exports.Set("ticksPerSecond", Napi::Function::New<Count<TicksPerSecond>>(env, "ticksPerSecond"));
  exports.Set("isBpfFileSystem", Napi::Function::New<IsBpfFileSystemAt>(env, "isBpfFileSystem"));
  exports.Set("sendFrame", Napi::Function::New<SendFrameOn>(env, "sendFrame"));
  exports.Set("mountBpf", Napi::Function::New<MountBpfAt>(env, "mountBpf"));
  return exports;
}

}  // namespace

NODE_API_MODULE(director_bpf, Init)

}  // namespace director
