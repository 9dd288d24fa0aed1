// Failed system calls are thrown as Error with .code ('EPERM'), .errno and .syscall ('bind').
#pragma once

#include <napi.h>

#include "syscall_result.h"

namespace director {

// False if there is an exception now.
bool Succeeded(Napi::Env env, const SyscallResult& result);

}  // namespace director
