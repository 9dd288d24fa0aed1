// Memory that outlives a process, as long as another one holds its file; and what a daemon needs to begin anew.
#pragma once

#include <cstddef>
#include <string>

#include <sys/types.h>

#include "syscall_result.h"

namespace director {

// Of zeros; pages are taken as they are first written to. `name` is for people: /proc/PID/fd shows it. The file is
// not for programs that this one calls.
SyscallResult CreateMemory(const std::string& name, std::size_t bytes, int* fd);

// All of it, shared with whoever maps the same file.
SyscallResult MapMemory(int fd, std::size_t bytes, void** memory);
void UnmapMemory(void* memory, std::size_t bytes);

// Takes leave of a child that has ended. `*ended`: false while it lives.
SyscallResult Reap(pid_t pid, bool* ended);

}  // namespace director
