#include "bpf_events.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
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

std::size_t RingReader::ReadInto(std::span<std::uint8_t> into, std::size_t longest) {
  if (into.size() < sizeof(std::uint32_t) + longest) return 0;
  into_ = into;
  longest_ = longest;
  written_ = 0;
  ring_buffer__consume(ring_);
  into_ = {};
  return written_;
}

// A negative number ends the reading; libbpf has counted this record as read.
int RingReader::OnRecord(void* context, void* data, std::size_t size) {
  auto* self = static_cast<RingReader*>(context);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return self->into_.empty() ? self->Keep(bytes, size) : self->Append(bytes, size);
}

int RingReader::Keep(const std::uint8_t* bytes, std::size_t size) {
  records_.emplace_back(bytes, bytes + size);
  return records_.size() < limit_ ? 0 : -EAGAIN;
}

int RingReader::Append(const std::uint8_t* bytes, std::size_t size) {
  const auto length = static_cast<std::uint32_t>(size);
  if (written_ + sizeof length + size > into_.size()) return -EAGAIN;
  std::memcpy(into_.data() + written_, &length, sizeof length);
  std::memcpy(into_.data() + written_ + sizeof length, bytes, size);
  written_ += sizeof length + size;
  return written_ + sizeof length + longest_ <= into_.size() ? 0 : -EAGAIN;
}

void RingReader::Close() {
  ring_buffer__free(ring_);
  ring_ = nullptr;
}

}  // namespace director
