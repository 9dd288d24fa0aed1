#include "netlink_socket.h"

#include <cerrno>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace director {

namespace {

// Room for bursts of events while JavaScript is busy; the kernel counts buffers, not bytes of messages.
constexpr int kReceiveBufferBytes = 4 << 20;

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif
#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

SyscallResult Failed(const char* syscall) { return {errno, syscall}; }

// Whatever of this the kernel does not know, the socket works without.
void SetOptions(int fd) {
  const int bytes = kReceiveBufferBytes;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);         // errors come with a sentence
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);  // dumps honour their filter
}

}  // namespace

SyscallResult NetlinkSocket::Open(int protocol, std::uint32_t groups) {
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd_ < 0) return Failed("socket");
  SetOptions(fd_);

  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const SyscallResult result = Failed("bind");
    Close();
    return result;
  }
  socklen_t size = sizeof address;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    const SyscallResult result = Failed("getsockname");
    Close();
    return result;
  }
  port_id_ = address.nl_pid;
  return {};
}

SyscallResult NetlinkSocket::Send(const std::uint8_t* bytes, std::size_t length) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    if (sendto(fd_, bytes, length, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) >= 0) return {};
    if (errno != EINTR) return Failed("sendto");
  }
}

Received NetlinkSocket::Receive(std::uint8_t* buffer, std::size_t capacity, std::size_t* length,
                                SyscallResult* result) {
  sockaddr_nl sender{};
  iovec vector{buffer, capacity};
  msghdr message{};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;

  ssize_t received;
  do {
    received = recvmsg(fd_, &message, 0);
  } while (received < 0 && errno == EINTR);

  if (received < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Received::kNothing;
    if (errno == ENOBUFS) return Received::kOverrun;
    *result = Failed("recvmsg");
    return Received::kFailed;
  }
  if (sender.nl_pid != 0) return Received::kIgnored;
  if (message.msg_flags & MSG_TRUNC) return Received::kOverrun;
  *length = static_cast<std::size_t>(received);
  return Received::kDatagram;
}

void NetlinkSocket::Close() {
  if (fd_ < 0) return;
  close(fd_);
  fd_ = -1;
}

}  // namespace director
