// A file of the kernel's that the event loop watches: calls back when there is something to read.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <functional>

#include "syscall_result.h"

namespace director {

class ReadablePoll {
 public:
  struct Callbacks {
    // Something waits, or `failed`: an error is pending (POLLERR), which this has to clear. No HandleScope is open.
    std::function<void(bool failed)> on_readable;
    // The file is not watched any more: close it. Called by Stop() and at the end of the environment.
    std::function<void()> let_go;
  };

  ReadablePoll() = default;
  ReadablePoll(const ReadablePoll&) = delete;
  ReadablePoll& operator=(const ReadablePoll&) = delete;

  // Does not keep the process alive unless Ref() is called. The owner lives until let_go.
  SyscallResult Start(napi_env env, int fd, Callbacks callbacks);
  void Stop();
  void Ref();
  void Unref();
  bool IsRunning() const { return poll_ != nullptr; }

  // While it lives the file is not watched. Every frame that a watched packet socket has sent wakes whoever watches, by
  // its buffer that is free again (sock_def_write_space()): a tenth of all time.
  class Pause {
   public:
    explicit Pause(ReadablePoll& poll) : poll_(poll) { uv_poll_stop(poll.poll_); }
    ~Pause() { poll_.Watch(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    ReadablePoll& poll_;
  };

 private:
  void Watch();
  bool StopPolling(napi_async_cleanup_hook_handle report_to);
  static void OnReadable(uv_poll_t* poll, int status, int events);
  static void OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* argument);

  uv_poll_t* poll_ = nullptr;
  Callbacks callbacks_;
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
};

}  // namespace director
