// What a system call, or a call of libbpf, left behind.
#pragma once

namespace director {

// Error 0 is success.
struct SyscallResult {
  int error = 0;
  const char* syscall = "";
};

// Of a call that returns what went wrong as a negative number, as those of libbpf do.
inline SyscallResult Outcome(int status, const char* call) { return {status < 0 ? -status : 0, call}; }

}  // namespace director
