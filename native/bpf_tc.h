// A program as filter of what leaves an interface: tc-bpf(8), on the qdisc clsact.
#pragma once

#include <cstdint>

#include "syscall_result.h"

namespace director {

// Where among the filters of an interface.
struct TcPlace {
  std::uint32_t ifindex = 0;
  std::uint32_t handle = 0;
  std::uint32_t priority = 0;  // 1 to 65535
};

// Makes the qdisc if it is not there, and takes the place of a program that is at this place.
SyscallResult AttachTcEgress(int program, const TcPlace& place);

// With the last filter, of either direction, the qdisc goes too. Nothing is done when the filter is not there.
SyscallResult DetachTcEgress(const TcPlace& place);

}  // namespace director
