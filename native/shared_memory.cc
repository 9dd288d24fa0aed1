#include "shared_memory.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace director {

SyscallResult CreateMemory(const std::string& name, std::size_t bytes, int* fd) {
  *fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd < 0) return {errno, "memfd_create"};
  SyscallResult failed{};
  if (ftruncate(*fd, static_cast<off_t>(bytes)) != 0) failed = {errno, "ftruncate"};
  // Whoever has it mapped is safe from SIGBUS.
  else if (fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) failed = {errno, "fcntl"};
  if (failed.error != 0) close(*fd);
  return failed;
}

SyscallResult MapMemory(int fd, std::size_t bytes, void** memory) {
  *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return *memory == MAP_FAILED ? SyscallResult{errno, "mmap"} : SyscallResult{};
}

void UnmapMemory(void* memory, std::size_t bytes) { munmap(memory, bytes); }

SyscallResult Reap(pid_t pid, bool* ended) {
  const pid_t reaped = waitpid(pid, nullptr, WNOHANG);
  // ECHILD: it is not, or no longer, a child of ours.
  *ended = reaped == pid || (reaped < 0 && errno == ECHILD);
  return reaped < 0 && errno != ECHILD ? SyscallResult{errno, "waitpid"} : SyscallResult{};
}

}  // namespace director
