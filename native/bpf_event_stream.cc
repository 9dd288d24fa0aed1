#include "bpf_event_stream.h"

#include <cstddef>

#include "report_exception.h"

namespace director {

namespace {

// How many records one turn of the event loop takes: events must not starve timers.
constexpr std::size_t kRecordsPerTurn = 64;

}  // namespace

SyscallResult EventStream::Start(int map_fd) {
  if (const SyscallResult opened = reader_.Open(map_fd); opened.error != 0) return opened;
  const SyscallResult started = poll_.Start(env_, reader_.fd(),
                                            {
                                                .on_readable = [this](bool) { OnReadable(); },
                                                .let_go = [this] { reader_.Close(); },
                                            });
  if (started.error != 0) reader_.Close();
  return started;
}

void EventStream::Stop() { poll_.Stop(); }

void EventStream::ReadNow() {
  const auto self = shared_from_this();  // a callback may close()
  for (const std::vector<std::uint8_t>& record : reader_.Read(kRecordsPerTurn)) {
    if (!poll_.IsRunning()) return;
    Deliver(record);
  }
}

void EventStream::OnReadable() {
  const Napi::HandleScope scope(env_);
  ReadNow();
}

void EventStream::Deliver(const std::vector<std::uint8_t>& record) {
  const Napi::HandleScope scope(env_);
  const Napi::Value copy = Napi::Buffer<std::uint8_t>::Copy(env_, record.data(), record.size());
  on_event_.MakeCallback(env_.Global(), {copy}, context_);
  ReportException(env_);
}

}  // namespace director
