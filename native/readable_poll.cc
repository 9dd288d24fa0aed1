#include "readable_poll.h"

#include <memory>
#include <utility>

namespace director {

SyscallResult ReadablePoll::Start(napi_env env, int fd, Callbacks callbacks) {
  uv_loop_t* loop = nullptr;
  auto poll = std::make_unique<uv_poll_t>();
  int status = napi_get_uv_event_loop(env, &loop) == napi_ok ? 0 : UV_EINVAL;
  if (status == 0) status = uv_poll_init(loop, poll.get(), fd);
  if (status != 0) return {-status, "uv_poll_init"};
  poll_ = poll.release();
  poll_->data = this;
  callbacks_ = std::move(callbacks);
  napi_add_async_cleanup_hook(env, OnEnvironmentExit, this, &cleanup_hook_);
  Watch();
  Unref();
  return {};
}

void ReadablePoll::Watch() {
  if (poll_ != nullptr) uv_poll_start(poll_, UV_READABLE, OnReadable);
}

void ReadablePoll::Stop() {
  if (StopPolling(nullptr)) napi_remove_async_cleanup_hook(cleanup_hook_);
}

void ReadablePoll::Ref() {
  if (poll_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(poll_));
}

void ReadablePoll::Unref() {
  if (poll_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
}

// The handle outlives this object until libuv has let go of it; the file is closed at once.
bool ReadablePoll::StopPolling(napi_async_cleanup_hook_handle report_to) {
  if (poll_ == nullptr) return false;
  uv_poll_t* poll = std::exchange(poll_, nullptr);
  uv_poll_stop(poll);
  poll->data = report_to;
  uv_close(reinterpret_cast<uv_handle_t*>(poll), [](uv_handle_t* handle) {
    auto* hook = static_cast<napi_async_cleanup_hook_handle>(handle->data);
    delete reinterpret_cast<uv_poll_t*>(handle);
    if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
  });
  callbacks_.let_go();
  return true;
}

void ReadablePoll::OnReadable(uv_poll_t* poll, int status, int) {
  auto* self = static_cast<ReadablePoll*>(poll->data);
  self->callbacks_.on_readable(status < 0);
  // libuv stops a handle whose file has an error pending. `poll` is still the one that runs: nobody has stopped it.
  if (status < 0 && self->poll_ == poll) self->Watch();
}

void ReadablePoll::OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* argument) {
  if (!static_cast<ReadablePoll*>(argument)->StopPolling(hook)) napi_remove_async_cleanup_hook(hook);
}

}  // namespace director
