// A NETLINK_ROUTE socket: bytes in, bytes out. What the bytes mean is src/host/rtnetlink.ts's business.
// No N-API here; addon.cc joins this to the event loop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "syscall_result.h"

namespace director {

// The largest datagram the kernel makes: dumps are cut to what recvmsg() offers, at most 32 KiB.
constexpr std::size_t kNetlinkDatagramBytes = 65536;

enum class Received {
  kDatagram,  // `length` bytes are in the buffer
  kNothing,   // the queue is empty
  kIgnored,   // not from the kernel
  kOverrun,   // the kernel dropped messages: what is known may be out of date
  kFailed,
};

class NetlinkSocket {
 public:
  NetlinkSocket() = default;
  ~NetlinkSocket() { Close(); }
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  // `groups`: bitmask of the multicast groups 1 to 32, linux/rtnetlink.h RTMGRP_*.
  SyscallResult Open(int protocol, std::uint32_t groups);
  SyscallResult Send(const std::uint8_t* bytes, std::size_t length);
  Received Receive(std::uint8_t* buffer, std::size_t capacity, std::size_t* length, SyscallResult* result);
  void Close();

  int fd() const { return fd_; }
  std::uint32_t port_id() const { return port_id_; }

 private:
  int fd_ = -1;
  std::uint32_t port_id_ = 0;
};

}  // namespace director
