#include "bpf_event_stream.h"

#include <cstddef>
#include <utility>

namespace director {

namespace {

// How many records one turn of the event loop takes: events must not starve timers.
constexpr std::size_t kRecordsPerTurn = 64;

}  // namespace

SyscallResult EventStream::Start(int map_fd) {
  if (const SyscallResult opened = reader_.Open(map_fd); opened.error != 0) return opened;
  uv_loop_t* loop = nullptr;
  auto poll = std::make_unique<uv_poll_t>();
  int status = napi_get_uv_event_loop(env_, &loop) == napi_ok ? 0 : UV_EINVAL;
  if (status == 0) status = uv_poll_init(loop, poll.get(), reader_.fd());
  if (status != 0) return {-status, "uv_poll_init"};
  poll_ = poll.release();
  poll_->data = this;
  napi_add_async_cleanup_hook(env_, OnEnvironmentExit, this, &cleanup_hook_);
  uv_poll_start(poll_, UV_READABLE, OnReadable);
  uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
  return {};
}

void EventStream::Stop() {
  if (StopPolling(nullptr)) napi_remove_async_cleanup_hook(cleanup_hook_);
}

void EventStream::ReadNow() {
  const auto self = shared_from_this();  // a callback may close()
  for (const std::vector<std::uint8_t>& record : reader_.Read(kRecordsPerTurn)) {
    if (poll_ == nullptr) return;
    Deliver(record);
  }
}

// The handle outlives this object until libuv has let go of it; the ring buffer is closed at once.
bool EventStream::StopPolling(napi_async_cleanup_hook_handle report_to) {
  if (poll_ == nullptr) return false;
  uv_poll_t* poll = std::exchange(poll_, nullptr);
  uv_poll_stop(poll);
  poll->data = report_to;
  uv_close(reinterpret_cast<uv_handle_t*>(poll), [](uv_handle_t* handle) {
    auto* hook = static_cast<napi_async_cleanup_hook_handle>(handle->data);
    delete reinterpret_cast<uv_poll_t*>(handle);
    if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
  });
  reader_.Close();
  return true;
}

void EventStream::OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* argument) {
  if (!static_cast<EventStream*>(argument)->StopPolling(hook)) napi_remove_async_cleanup_hook(hook);
}

void EventStream::OnReadable(uv_poll_t* poll, int, int) {
  auto* self = static_cast<EventStream*>(poll->data);
  const Napi::HandleScope scope(self->env_);
  self->ReadNow();
}

void EventStream::Deliver(const std::vector<std::uint8_t>& record) {
  const Napi::HandleScope scope(env_);
  const Napi::Value copy = Napi::Buffer<std::uint8_t>::Copy(env_, record.data(), record.size());
  on_event_.MakeCallback(env_.Global(), {copy}, context_);
  if (!env_.IsExceptionPending()) return;
  napi_value exception = nullptr;
  napi_get_and_clear_last_exception(env_, &exception);
  napi_fatal_exception(env_, exception);  // 'uncaughtException', as from any other callback
}

}  // namespace director
