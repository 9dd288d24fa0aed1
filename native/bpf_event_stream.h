// A ring buffer that is read when the event loop finds it readable. Does not keep the process alive.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf_events.h"
#include "readable_poll.h"
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
  void OnReadable();
  void Deliver(const std::vector<std::uint8_t>& record);

  Napi::Env env_;
  RingReader reader_;
  ReadablePoll poll_;
  Napi::FunctionReference on_event_;
  Napi::AsyncContext context_;
};

}  // namespace director
