// The reader of a BPF_MAP_TYPE_RINGBUF: Documentation/bpf/ringbuf.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "syscall_result.h"

struct ring_buffer;

namespace director {

class RingReader {
 public:
  using Records = std::vector<std::vector<std::uint8_t>>;

  RingReader() = default;
  ~RingReader() { Close(); }
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  SyscallResult Open(int map_fd);
  // Readable while there are records.
  int fd() const;
  // The next records, at most `limit`. They are copies: what is read is the kernel's to overwrite.
  Records Read(std::size_t limit);
  void Close();

 private:
  static int OnRecord(void* context, void* data, std::size_t size);

  ring_buffer* ring_ = nullptr;
  Records records_;
  std::size_t limit_ = 0;
};

}  // namespace director
