#include "packet_ring_wrap.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "packet_ring.h"
#include "readable_poll.h"
#include "report_exception.h"
#include "syscall_error.h"

namespace director {

namespace {

bool IsBytes(const Napi::Value& value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

std::span<std::uint8_t> BytesOf(const Napi::Value& value) {
  auto bytes = value.As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

// The program as struct sock_filter has its instructions, one after the other.
PacketRing::Filter FilterOf(const Napi::Value& program, const Napi::Value& takes_sent) {
  const std::span<const std::uint8_t> bytes = BytesOf(program);
  std::vector<sock_filter> instructions(bytes.size() / sizeof(sock_filter));
  std::memcpy(instructions.data(), bytes.data(), instructions.size() * sizeof(sock_filter));
  return {std::move(instructions), takes_sent.As<Napi::Boolean>().Value()};
}

// new PacketRing(interface, filter, takesSent, slots, onReadable()). Open until close(), which detaches `memory`; keeps the
// process alive no more than a NetlinkSocket does.
class PacketRingWrap : public Napi::ObjectWrap<PacketRingWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "PacketRing",
                       {
                           InstanceAccessor<&PacketRingWrap::Memory>("memory"),
                           InstanceMethod<&PacketRingWrap::SetFilter>("setFilter"),
                           InstanceMethod<&PacketRingWrap::Next>("next"),
                           InstanceMethod<&PacketRingWrap::Send>("send"),
                           InstanceMethod<&PacketRingWrap::ReceiveLong>("receiveLong"),
                           InstanceMethod<&PacketRingWrap::ReadDrops>("readDrops"),
                           InstanceMethod<&PacketRingWrap::CloseRing>("close"),
                       });
  }

  explicit PacketRingWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PacketRingWrap>(info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 5 || !info[0].IsString() || !IsBytes(info[1]) || !info[2].IsBoolean() || !info[3].IsNumber() ||
        !info[4].IsFunction()) {
      Napi::TypeError::New(
          env, "PacketRing(interface: string, filter: Uint8Array, takesSent: boolean, slots: number, onReadable: function)")
          .ThrowAsJavaScriptException();
      return;
    }
    const std::uint32_t slots = info[3].As<Napi::Number>().Uint32Value();
    if (!Succeeded(env, ring_.Open(info[0].As<Napi::String>().Utf8Value(), FilterOf(info[1], info[2]), slots))) return;
    on_readable_ = Napi::Persistent(info[4].As<Napi::Function>());
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

  // setFilter(filter, takesSent)
  void SetFilter(const Napi::CallbackInfo& info) {
    if (!poll_.IsRunning() || info.Length() < 2 || !IsBytes(info[0]) || !info[1].IsBoolean()) return;
    Succeeded(info.Env(), ring_.SetFilter(FilterOf(info[0], info[1])));
  }

  // next(): how many
  Napi::Value Next(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), poll_.IsRunning() ? static_cast<double>(ring_.Next()) : 0);
  }

  // send(count): how many were not taken
  Napi::Value Send(const Napi::CallbackInfo& info) {
    if (!poll_.IsRunning() || info.Length() < 1 || !info[0].IsNumber()) return Napi::Number::New(info.Env(), 0);
    const std::size_t count = std::min<std::size_t>(info[0].As<Napi::Number>().Uint32Value(), kMaxBatch);
    return Napi::Number::New(info.Env(), static_cast<double>(ring_.Send(count)));
  }

  // receiveLong(start, buffer): bytes, 0 if there is none
  Napi::Value ReceiveLong(const Napi::CallbackInfo& info) {
    std::size_t length = 0;
    if (poll_.IsRunning() && info.Length() > 1 && info[0].IsNumber() && IsBytes(info[1])) {
      const std::span<std::uint8_t> buffer = BytesOf(info[1]);
      const RingFrame frame{info[0].As<Napi::Number>().Int32Value(), kLongFrame};
      if (ring_.ReceiveLong(frame, buffer.data(), buffer.size(), &length).error != 0) length = 0;
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
    const ReadablePoll::Pause pause(poll_);
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
