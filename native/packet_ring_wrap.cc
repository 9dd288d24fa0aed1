#include "packet_ring_wrap.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "packet_ring.h"
#include "readable_poll.h"
#include "report_exception.h"
#include "syscall_error.h"

namespace director {

namespace {

constexpr SyscallResult kClosed{EBADF, "send"};

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

std::span<std::uint8_t> BytesOf(const Napi::Value& value) {
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

// As struct sock_filter has them, one after the other.
std::vector<sock_filter> FilterOf(std::span<const std::uint8_t> bytes) {
  std::vector<sock_filter> filter(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.data(), bytes.data(), filter.size() * sizeof(sock_filter));
  return filter;
}

// new PacketRing(interface, filter, slotBytes, receiveSlots, sendSlots, onReadable()). Open until close(), which
// detaches `memory`; keeps the process alive no more than a NetlinkSocket does.
class PacketRingWrap : public Napi::ObjectWrap<PacketRingWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "PacketRing",
                       {
                           InstanceAccessor<&PacketRingWrap::Memory>("memory"),
                           InstanceMethod<&PacketRingWrap::Flush>("flush"),
                           InstanceMethod<&PacketRingWrap::ReceiveLong>("receiveLong"),
                           InstanceMethod<&PacketRingWrap::ReadDrops>("readDrops"),
                           InstanceMethod<&PacketRingWrap::CloseRing>("close"),
                       });
  }

  explicit PacketRingWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketRingWrap>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 6 || !info[0].IsString() || !IsBytes(info[1]) || !info[2].IsNumber() || !info[3].IsNumber() ||
        !info[4].IsNumber() || !info[5].IsFunction()) {
      Napi::TypeError::New(env,
                           "PacketRing(interface: string, filter: Uint8Array, slotBytes: number, "
                           "receiveSlots: number, sendSlots: number, onReadable: function)")
          .ThrowAsJavaScriptException();
      return;
    }
    const auto number = [&info](std::size_t index) { return info[index].As<Napi::Number>().Uint32Value(); };
    const RingSizes sizes{number(2), number(3), number(4)};
    if (!Succeeded(env, ring_.Open(info[0].As<Napi::String>().Utf8Value(), FilterOf(BytesOf(info[1])), sizes))) return;
    on_readable_ = Napi::Persistent(info[5].As<Napi::Function>());
    context_ = std::make_unique<Napi::AsyncContext>(env, "director.PacketRing");
    const SyscallResult started = poll_.Start(env, ring_.fd(),
                                              {
                                                  .on_readable = [this](bool failed) { OnReadable(failed); },
                                                  .let_go = [this] { LetGo(); },
                                              });
    if (started.error == 0) {
      memory_ = Napi::Persistent(Napi::ArrayBuffer::New(env, ring_.memory(), ring_.memory_bytes()));
      Ref();  // not collected while open
    } else {
      ring_.Close();
    }
    Succeeded(env, started);
  }

 private:
  Napi::Value Memory(const Napi::CallbackInfo& info) {
    return memory_.IsEmpty() ? info.Env().Undefined() : memory_.Value();
  }

  // flush(): false if the interface takes no more at present
  Napi::Value Flush(const Napi::CallbackInfo& info) {
    const SyscallResult flushed = poll_.IsRunning() ? ring_.Flush() : kClosed;
    return Napi::Boolean::New(info.Env(), flushed.error == 0);
  }

  // receiveLong(buffer): bytes, 0 if there is none
  Napi::Value ReceiveLong(const Napi::CallbackInfo& info) {
    std::size_t length = 0;
    if (poll_.IsRunning() && info.Length() > 0 && IsBytes(info[0])) {
      const std::span<std::uint8_t> buffer = BytesOf(info[0]);
      if (ring_.ReceiveLong(buffer.data(), buffer.size(), &length).error != 0) length = 0;
    }
    return Napi::Number::New(info.Env(), static_cast<double>(length));
  }

  Napi::Value ReadDrops(const Napi::CallbackInfo& info) {
    std::uint32_t drops = 0;
    if (poll_.IsRunning()) Succeeded(info.Env(), ring_.ReadDrops(&drops));
    return Napi::Number::New(info.Env(), drops);
  }

  void CloseRing(const Napi::CallbackInfo&) { poll_.Stop(); }

  // Whoever still had a view of the memory has an empty one now.
  void LetGo() {
    const Napi::HandleScope scope(Env());
    memory_.Value().Detach();
    memory_.Reset();
    ring_.Close();
    Unref();
  }

  void OnReadable(bool failed) {
    const Napi::HandleScope scope(Env());
    [[maybe_unused]] const Napi::Object keep = Value();  // the callback may close()
    if (failed) ring_.ClearError();
    on_readable_.MakeCallback(Value(), std::initializer_list<napi_value>{}, *context_);
    ReportException(Env());
  }

  PacketRing ring_;
  ReadablePoll poll_;
  Napi::FunctionReference on_readable_;
  Napi::Reference<Napi::ArrayBuffer> memory_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

// new PacketSender(interface). Open until close().
class PacketSenderWrap : public Napi::ObjectWrap<PacketSenderWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "PacketSender",
                       {
                           InstanceMethod<&PacketSenderWrap::Send>("send"),
                           InstanceMethod<&PacketSenderWrap::CloseSender>("close"),
                       });
  }

  explicit PacketSenderWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketSenderWrap>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsString()) {
      Napi::TypeError::New(env, "PacketSender(interface: string)").ThrowAsJavaScriptException();
      return;
    }
    Succeeded(env, sender_.Open(info[0].As<Napi::String>().Utf8Value()));
  }

 private:
  // send(bytes, start, end): false if the interface did not take them
  Napi::Value Send(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 3 || !IsBytes(info[0]) || !info[1].IsNumber() || !info[2].IsNumber()) {
      Napi::TypeError::New(env, "send(bytes: Uint8Array, start: number, end: number)").ThrowAsJavaScriptException();
      return env.Undefined();
    }
    const std::span<std::uint8_t> bytes = BytesOf(info[0]);
    const std::size_t start = info[1].As<Napi::Number>().Uint32Value();
    const std::size_t end = info[2].As<Napi::Number>().Uint32Value();
    const bool is_within = start <= end && end <= bytes.size();
    return Napi::Boolean::New(env, is_within && sender_.Send(bytes.data() + start, end - start).error == 0);
  }

  void CloseSender(const Napi::CallbackInfo&) { sender_.Close(); }

  PacketSender sender_;
};

}  // namespace

Napi::Function DefinePacketRing(Napi::Env env) { return PacketRingWrap::Define(env); }
Napi::Function DefinePacketSender(Napi::Env env) { return PacketSenderWrap::Define(env); }

}  // namespace director
