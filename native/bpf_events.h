// The reader of a BPF_MAP_TYPE_RINGBUF: Documentation/bpf/ringbuf.rst.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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
  // Those that fit into `into`, one behind the other, each after its length in 4 bytes; none of them is longer than
  // `longest`. Returns the bytes that were written.
  std::size_t ReadInto(std::span<std::uint8_t> into, std::size_t longest);
  void Close();

 private:
  static int OnRecord(void* context, void* data, std::size_t size);
  int Keep(const std::uint8_t* bytes, std::size_t size);
  int Append(const std::uint8_t* bytes, std::size_t size);

  ring_buffer* ring_ = nullptr;
  Records records_;
  std::size_t limit_ = 0;
  // Where ReadInto() writes; empty: nowhere.
  std::span<std::uint8_t> into_;
  std::size_t written_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace director
