#include "netlink_socket_wrap.h"

#include <cerrno>
#include <initializer_list>
#include <memory>

#include "netlink_socket.h"
#include "readable_poll.h"
#include "report_exception.h"
#include "syscall_error.h"

namespace director {

namespace {

// How many datagrams one turn of the event loop takes: events must not starve timers.
constexpr int kDatagramsPerTurn = 64;

// new NetlinkSocket(protocol, groups, onDatagram(Buffer), onOverrun()). Open until close(); does not keep the process
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
    if (info.Length() < 4 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsFunction() || !info[3].IsFunction()) {
      Napi::TypeError::New(
          env, "NetlinkSocket(protocol: number, groups: number, onDatagram: function, onOverrun: function)")
          .ThrowAsJavaScriptException();
      return;
    }
    const int protocol = info[0].As<Napi::Number>().Int32Value();
    if (!Succeeded(env, socket_.Open(protocol, info[1].As<Napi::Number>().Uint32Value()))) return;
    on_datagram_ = Napi::Persistent(info[2].As<Napi::Function>());
    on_overrun_ = Napi::Persistent(info[3].As<Napi::Function>());
    context_ = std::make_unique<Napi::AsyncContext>(env, "director.NetlinkSocket");
    const SyscallResult started = poll_.Start(env, socket_.fd(),
                                              {
                                                  .on_readable = [this](bool) { OnReadable(); },
                                                  .let_go = [this] { LetGo(); },
                                              });
    if (started.error == 0) Ref();  // not collected while open
    else socket_.Close();
    Succeeded(env, started);
  }

 private:
  void Send(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsTypedArray() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
      Napi::TypeError::New(env, "send(datagram: Uint8Array)").ThrowAsJavaScriptException();
      return;
    }
    const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    Succeeded(env,
              poll_.IsRunning() ? socket_.Send(bytes.Data(), bytes.ByteLength()) : SyscallResult{EBADF, "sendto"});
  }

  void RefLoop(const Napi::CallbackInfo&) { poll_.Ref(); }
  void UnrefLoop(const Napi::CallbackInfo&) { poll_.Unref(); }
  void CloseSocket(const Napi::CallbackInfo&) { poll_.Stop(); }

  Napi::Value PortId(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), socket_.port_id()); }

  void LetGo() {
    socket_.Close();
    Unref();
  }

  // libuv tells of an overrun as an error; reading clears it.
  void OnReadable() {
    const Napi::HandleScope scope(Env());
    [[maybe_unused]] const Napi::Object keep = Value();  // a callback may close()
    Drain();
  }

  void Drain() {
    static thread_local std::uint8_t buffer[kNetlinkDatagramBytes];
    for (int taken = 0; taken < kDatagramsPerTurn && poll_.IsRunning(); taken++) {
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
    const Napi::HandleScope scope(Env());
    callback.MakeCallback(Value(), arguments, *context_);
    ReportException(Env());
  }

  NetlinkSocket socket_;
  ReadablePoll poll_;
  Napi::FunctionReference on_datagram_;
  Napi::FunctionReference on_overrun_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

}  // namespace

Napi::Function DefineNetlinkSocket(Napi::Env env) { return NetlinkSocketWrap::Define(env); }

}  // namespace director
