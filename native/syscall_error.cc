#include "syscall_error.h"

#include <uv.h>

#include <string>
#include <system_error>

namespace director {

bool Succeeded(Napi::Env env, const SyscallResult& result) {
  if (result.error == 0) return true;
  const std::string code = uv_err_name(-result.error);
  Napi::Error error = Napi::Error::New(
      env, std::string(result.syscall) + ": " + std::generic_category().message(result.error) + " (" + code + ")");
  error.Set("code", code);
  error.Set("errno", static_cast<double>(-result.error));
  error.Set("syscall", std::string(result.syscall));
  error.ThrowAsJavaScriptException();
  return false;
}

}  // namespace director
