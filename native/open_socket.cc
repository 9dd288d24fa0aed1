#include "open_socket.h"

#include <cerrno>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace director {

namespace {

bool SetOptions(int fd, int family, int type, std::uint32_t mark) {
  if (mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) return false;
  if (type != SOCK_DGRAM) return true;
  const int on = 1;
  return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0
                            : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0;
}

}  // namespace

SyscallResult OpenSocket(int family, int type, std::uint32_t mark, int* fd) {
  *fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) return {errno, "socket"};
  if (SetOptions(*fd, family, type, mark)) return {};
  const SyscallResult failed{errno, "setsockopt"};
  close(*fd);
  return failed;
}

SyscallResult CloseOnExec() {
  const long status = syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  return status == 0 ? SyscallResult{} : SyscallResult{errno, "close_range"};
}

}  // namespace director
