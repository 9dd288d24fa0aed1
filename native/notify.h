// One datagram to systemd's notification socket, sd_notify(3).
#pragma once

#include <string>

#include "syscall_result.h"

namespace director {

// `path` as NOTIFY_SOCKET holds it: a file, or an abstract name that begins with '@'.
SyscallResult Notify(const std::string& path, const std::string& text);

}  // namespace director
