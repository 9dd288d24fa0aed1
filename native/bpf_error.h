// What fails is thrown as Error with .code ('EPERM'), .errno, .syscall ('bpf_object__load') and .log, what libbpf
// and the verifier said about it.
#pragma once

#include <napi.h>

#include "syscall_result.h"

namespace director {

// False if there is an exception now. What was said about something that went well in the end is dropped.
bool Succeeded(Napi::Env env, const SyscallResult& result);

// Of a call where ENOENT is an answer: whether there was such an entry.
Napi::Value Found(Napi::Env env, const SyscallResult& result);

}  // namespace director
