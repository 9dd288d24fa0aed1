// What of the host a user of BPF asks: CPUs, ticks, the bpf file system, a frame sent.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "syscall_result.h"

namespace director {

// As many values has an entry of a per-CPU map.
SyscallResult PossibleCpus(std::uint32_t* count);

// The kernel's HZ, which bpf_jiffies64() counts in.
SyscallResult TicksPerSecond(std::uint32_t* ticks);

// False when there is nothing at `path`.
SyscallResult IsBpfFileSystem(const std::string& path, bool* is);

SyscallResult MountBpf(const std::string& path);

// Puts a whole frame, Ethernet header and all, on the wire of an interface.
SyscallResult SendFrame(std::uint32_t ifindex, std::span<const std::uint8_t> frame);

}  // namespace director
