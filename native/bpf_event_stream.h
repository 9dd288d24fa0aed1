// A ring buffer that is read when the event loop finds it readable. Does not keep the process alive.
#pragma once

#include <napi.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf_events.h"
#include "syscall_result.h"

namespace director {

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Napi::Env env, const Napi::Function& on_event)
      : env_(env), on_event_(Napi::Persistent(on_event)), context_(env, "director.BpfEvents") {}
  ~EventStream() { Stop(); }

  SyscallResult Start(int map_fd);
  void Stop();
  // What has come by now, as much as one turn of the event loop takes.
  void ReadNow();

 private:
  bool StopPolling(napi_async_cleanup_hook_handle report_to);
  static void OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* argument);
  static void OnReadable(uv_poll_t* poll, int status, int events);
  void Deliver(const std::vector<std::uint8_t>& record);

  Napi::Env env_;
  RingReader reader_;
  uv_poll_t* poll_ = nullptr;
  Napi::FunctionReference on_event_;
  Napi::AsyncContext context_;
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
};

}  // namespace director
