#include "notify.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace director {

SyscallResult Notify(const std::string& path, const std::string& text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || (path[0] != '/' && path[0] != '@')) return {EINVAL, "connect"};
  if (path.size() >= sizeof address.sun_path) return {ENAMETOOLONG, "connect"};
  std::memcpy(address.sun_path, path.data(), path.size());
  socklen_t size = offsetof(sockaddr_un, sun_path) + path.size();
  if (path[0] == '@') {
    address.sun_path[0] = '\0';  // an abstract name is as long as it is; a file name ends with a zero
  } else {
    size++;
  }

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {errno, "socket"};
  SyscallResult result;
  if (sendto(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address),
             size) < 0) {
    result = {errno, "sendto"};
  }
  close(fd);
  return result;
}

}  // namespace director
