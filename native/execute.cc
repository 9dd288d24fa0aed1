#include "execute.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace director {

SyscallResult Execute(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  // Node.js has them closed at an execve(2): node.cc, uv_disable_stdio_inheritance().
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) fcntl(fd, F_SETFD, 0);
  execv(program.c_str(), pointers.data());
  return {errno, "execve"};
}

}  // namespace director
