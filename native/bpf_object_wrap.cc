#include "bpf_object_wrap.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bpf_arguments.h"
#include "bpf_error.h"
#include "bpf_event_stream.h"
#include "bpf_events.h"
#include "bpf_object.h"
#include "bpf_tc.h"
#include "bpf_xdp.h"

namespace director {

namespace {

// new BpfObject(path, options). Loaded until close().
class BpfObjectWrap : public Napi::ObjectWrap<BpfObjectWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "BpfObject",
                       {
                           InstanceMethod<&BpfObjectWrap::Map>("map"),
                           InstanceMethod<&BpfObjectWrap::Info>("mapInfo"),
                           InstanceMethod<&BpfObjectWrap::Lookup>("lookup"),
                           InstanceMethod<&BpfObjectWrap::Update>("update"),
                           InstanceMethod<&BpfObjectWrap::Remove>("remove"),
                           InstanceMethod<&BpfObjectWrap::NextKey>("nextKey"),
                           InstanceMethod<&BpfObjectWrap::Program>("program"),
                           InstanceMethod<&BpfObjectWrap::ProgramId>("programId"),
                           InstanceMethod<&BpfObjectWrap::RunXdp>("runXdp"),
                           InstanceMethod<&BpfObjectWrap::RunSyscall>("runSyscall"),
                           InstanceMethod<&BpfObjectWrap::Attach>("attachXdp"),
                           InstanceMethod<&BpfObjectWrap::Replace>("replaceXdp"),
                           InstanceMethod<&BpfObjectWrap::AttachTc>("attachTcEgress"),
                           InstanceMethod<&BpfObjectWrap::OnEvents>("onEvents"),
                           InstanceMethod<&BpfObjectWrap::ReadEvents>("readEvents"),
                           InstanceMethod<&BpfObjectWrap::ReadRing>("readRing"),
                           InstanceMethod<&BpfObjectWrap::CloseObject>("close"),
                       });
  }

  explicit BpfObjectWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BpfObjectWrap>(info) {
    Arguments arguments(info, "BpfObject(path: string, options: BpfLoadOptions)");
    const std::string path = arguments.String();
    const LoadOptions options = arguments.Options();
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.Load(path, options))) return;
    open_ = true;
    Ref();  // not collected while open: its links hold programs on interfaces
  }

 private:
  // One buffer for each map: V8 does not take the same memory twice.
  Napi::Value Map(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(info, "map(name: string)");
    const std::string name = arguments.String();
    if (!arguments.Ok()) return env.Undefined();
    if (const auto known = buffers_.find(name); known != buffers_.end()) return known->second.Value();
    MapMemory memory;
    if (!Succeeded(env, object_.Memory(name, &memory))) return env.Undefined();
    // The memory outlives the object as long as JavaScript holds the buffer.
    const Napi::ArrayBuffer buffer =
        Napi::ArrayBuffer::New(env, memory.address, memory.bytes, [memory](Napi::Env, void*) { UnmapMemory(memory); });
    if (env.IsExceptionPending()) return env.Undefined();
    buffers_[name] = Napi::Persistent(buffer);
    return buffer;
  }

  Napi::Value Info(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(info, "mapInfo(name: string)");
    const std::string name = arguments.String();
    MapInfo known;
    if (!arguments.Ok() || !Succeeded(env, object_.Info(name, &known))) return env.Undefined();
    Napi::Object result = Napi::Object::New(env);
    result.Set("id", known.id);
    result.Set("keyBytes", known.key_bytes);
    result.Set("valueBytes", known.value_bytes);
    result.Set("maxEntries", known.max_entries);
    return result;
  }

  Napi::Value Lookup(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "lookup(map: string, key: Uint8Array, value: Uint8Array)");
    const std::string map = arguments.String();
    const auto key = arguments.Bytes();
    const auto value = arguments.Bytes();
    if (!arguments.Ok()) return info.Env().Undefined();
    return Found(info.Env(), object_.Lookup(map, key, value));
  }

  void Update(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "update(map: string, key: Uint8Array, value: Uint8Array)");
    const std::string map = arguments.String();
    const auto key = arguments.Bytes();
    const auto value = arguments.Bytes();
    if (arguments.Ok()) Succeeded(info.Env(), object_.Update(map, key, value));
  }

  Napi::Value Remove(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "remove(map: string, key: Uint8Array)");
    const std::string map = arguments.String();
    const auto key = arguments.Bytes();
    if (!arguments.Ok()) return info.Env().Undefined();
    return Found(info.Env(), object_.Remove(map, key));
  }

  Napi::Value NextKey(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(info, "nextKey(map: string, key: Uint8Array | null, next: Uint8Array)");
    const std::string map = arguments.String();
    const auto key = arguments.BytesOrNull();
    const auto next = arguments.Bytes();
    if (!arguments.Ok()) return env.Undefined();
    if (key && key->size() != next.size()) {
      Napi::RangeError::New(env, "nextKey: the two keys are not of one size").ThrowAsJavaScriptException();
      return env.Undefined();
    }
    return Found(env, object_.NextKey(map, key ? key->data() : nullptr, next));
  }

  Napi::Value Program(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "program(name: string)");
    const std::string name = arguments.String();
    std::uint32_t number = 0;
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.Program(name, &number))) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), number);
  }

  Napi::Value ProgramId(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "programId(program: number)");
    const std::uint32_t program = arguments.Number();
    std::uint32_t id = 0;
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.ProgramId(program, &id))) return info.Env().Undefined();
    return Napi::Number::New(info.Env(), id);
  }

  // Called millions of times: one number holds both results, and nothing is allocated.
  Napi::Value RunXdp(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(
        info, "runXdp(program: number, frame: Uint8Array, lengthBytes: number, out: Uint8Array, ifindex: number)");
    const std::uint32_t program = arguments.Number();
    const auto frame = arguments.Frame();
    const auto out = arguments.Bytes();
    const std::uint32_t ifindex = arguments.Number();
    if (!arguments.Ok()) return env.Undefined();
    XdpRun run;
    const SyscallResult result = object_.RunXdp(program, frame, out, ifindex, &run);
    if (result.error != 0 && !Succeeded(env, result)) return env.Undefined();
    return Napi::Number::New(env, static_cast<double>(run.action) * (1 << 20) + run.length);
  }

  Napi::Value RunSyscall(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "runSyscall(program: number, context: Uint8Array)");
    const std::uint32_t program = arguments.Number();
    const auto context = arguments.Bytes();
    std::int32_t returned = 0;
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.RunSyscall(program, context, &returned))) {
      return info.Env().Undefined();
    }
    return Napi::Number::New(info.Env(), returned);
  }

  void Attach(const Napi::CallbackInfo& info) {
    Arguments arguments(
        info, "attachXdp(program: number, ifindex: number, mode: 'native' | 'generic', linkPath: string | null)");
    const std::uint32_t program = arguments.Number();
    const std::uint32_t ifindex = arguments.Number();
    const XdpMode mode = arguments.Mode();
    const std::optional<std::string> link_path = arguments.StringOrNull();
    int link = -1;
    if (!arguments.Ok()) return;
    if (!Succeeded(info.Env(), AttachXdp(object_.ProgramFd(program), ifindex, mode, link_path, &link))) return;
    if (link >= 0) object_.KeepLink(link);
  }

  void Replace(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "replaceXdp(program: number, linkPath: string)");
    const std::uint32_t program = arguments.Number();
    const std::string link_path = arguments.String();
    if (arguments.Ok()) Succeeded(info.Env(), ReplaceXdp(object_.ProgramFd(program), link_path));
  }

  void AttachTc(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "attachTcEgress(program: number, ifindex: number, handle: number, priority: number)");
    const std::uint32_t program = arguments.Number();
    const TcPlace place = arguments.Place();
    if (arguments.Ok()) Succeeded(info.Env(), AttachTcEgress(object_.ProgramFd(program), place));
  }

  void OnEvents(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "onEvents(map: string, onEvent: (record: Buffer) => void)");
    const std::string map = arguments.String();
    const Napi::Function on_event = arguments.Function();
    int fd = -1;
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.MapFd(map, &fd))) return;
    auto stream = std::make_shared<EventStream>(info.Env(), on_event);
    if (Succeeded(info.Env(), stream->Start(fd))) streams_.push_back(std::move(stream));
  }

  void ReadEvents(const Napi::CallbackInfo&) {
    for (const auto& stream : std::vector(streams_)) stream->ReadNow();
  }

  Napi::Value ReadRing(const Napi::CallbackInfo& info) {
    Arguments arguments(info, "readRing(map: string, into: Uint8Array, longestBytes: number)");
    const std::string map = arguments.String();
    const auto into = arguments.Bytes();
    const std::uint32_t longest = arguments.Number();
    int fd = -1;
    if (!arguments.Ok() || !Succeeded(info.Env(), object_.MapFd(map, &fd))) return info.Env().Undefined();
    auto& reader = rings_[map];
    if (reader == nullptr) {
      auto opened = std::make_unique<RingReader>();
      if (!Succeeded(info.Env(), opened->Open(fd))) return info.Env().Undefined();
      reader = std::move(opened);
    }
    return Napi::Number::New(info.Env(), static_cast<double>(reader->ReadInto(into, longest)));
  }

  void CloseObject(const Napi::CallbackInfo&) {
    if (!std::exchange(open_, false)) return;
    rings_.clear();
    for (const auto& stream : streams_) stream->Stop();
    streams_.clear();
    buffers_.clear();
    object_.Close();
    Unref();
  }

  bool open_ = false;
  BpfObject object_;
  std::map<std::string, Napi::Reference<Napi::ArrayBuffer>> buffers_;
  std::vector<std::shared_ptr<EventStream>> streams_;
  // Those that are read by the clock.
  std::map<std::string, std::unique_ptr<RingReader>> rings_;
};

}  // namespace

Napi::Function DefineBpfObject(Napi::Env env) { return BpfObjectWrap::Define(env); }

}  // namespace director
