#include "bpf_events.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <utility>

namespace director {

SyscallResult RingReader::Open(int map_fd) {
  ring_ = ring_buffer__new(map_fd, OnRecord, this, nullptr);
  return ring_ == nullptr ? SyscallResult{errno, "ring_buffer__new"} : SyscallResult{};
}

int RingReader::fd() const { return ring_buffer__epoll_fd(ring_); }

RingReader::Records RingReader::Read(std::size_t limit) {
  limit_ = limit;
  ring_buffer__consume(ring_);  // fails with what OnRecord() returns, and not otherwise
  return std::exchange(records_, {});
}

// A negative number ends the reading; libbpf has counted this record as read.
int RingReader::OnRecord(void* context, void* data, std::size_t size) {
  auto* self = static_cast<RingReader*>(context);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  self->records_.emplace_back(bytes, bytes + size);
  return self->records_.size() < self->limit_ ? 0 : -EAGAIN;
}

void RingReader::Close() {
  ring_buffer__free(ring_);
  ring_ = nullptr;
}

}  // namespace director
