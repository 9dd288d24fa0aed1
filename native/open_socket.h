// Sockets as health checks need them, and net and dgram of Node.js do not make them.
#pragma once

#include <cstdint>

#include "syscall_result.h"

namespace director {

// `family`: AF_INET or AF_INET6. `type`: SOCK_STREAM or SOCK_DGRAM. `mark`: SO_MARK, which needs CAP_NET_ADMIN,
// or since Linux 5.17 CAP_NET_RAW; 0 leaves it. The file is nonblocking and not for programs that this one calls.
// A datagram socket reports also those ICMP errors that the kernel takes for passing ones, such as host
// unreachable: IP_RECVERR, ip(7).
SyscallResult OpenSocket(int family, int type, std::uint32_t mark, int* fd);

// No program that is called from now on gets a file of ours but the standard ones: for sockets that a library
// opened without SOCK_CLOEXEC.
SyscallResult CloseOnExec();

}  // namespace director
