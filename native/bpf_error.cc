#include "bpf_error.h"

#include <bpf/libbpf.h>
#include <string.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "bpf_log.h"

namespace director {

namespace {

// libuv's names do not do: it has none for ENOLINK, and calls EOPNOTSUPP otherwise.
std::string ErrorCode(int error) {
  constexpr int kNotSupported = 524;  // ENOTSUPP of linux/errno.h, which the kernel should not let out
  if (error == kNotSupported) return "ENOTSUPP";
  if (error >= __LIBBPF_ERRNO__START) return "ENOEXEC";  // libbpf's own: what is wrong is the object file
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : std::string("E").append(std::to_string(error));
}

std::string ErrorText(int error) {
  char text[128] = "";
  libbpf_strerror(error, text, sizeof text);
  return text;
}

// A log of one line is part of the message.
Napi::Error ToError(Napi::Env env, const SyscallResult& result) {
  const std::string code = ErrorCode(result.error);
  const std::string log = TakeLog();
  std::string message = std::string(result.syscall) + ": " + ErrorText(result.error) + " (" + code + ")";
  if (!log.empty() && log.find('\n') == log.size() - 1) message += ": " + log.substr(0, log.size() - 1);
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", code);
  error.Set("errno", static_cast<double>(-result.error));
  error.Set("syscall", std::string(result.syscall));
  error.Set("log", log);
  return error;
}

}  // namespace

bool Succeeded(Napi::Env env, const SyscallResult& result) {
  if (result.error != 0) {
    ToError(env, result).ThrowAsJavaScriptException();
    return false;
  }
  TakeLog();
  return true;
}

Napi::Value Found(Napi::Env env, const SyscallResult& result) {
  const bool absent = result.error == ENOENT && std::string_view(result.syscall).starts_with("BPF_MAP_");
  if (!absent && !Succeeded(env, result)) return env.Undefined();
  TakeLog();
  return Napi::Boolean::New(env, !absent);
}

}  // namespace director
