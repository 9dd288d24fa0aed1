// What a callback throws that nobody waits for.
#pragma once

#include <napi.h>

namespace director {

// An exception that is pending becomes an 'uncaughtException', as that of any other callback.
inline void ReportException(Napi::Env env) {
  if (!env.IsExceptionPending()) return;
  napi_value exception = nullptr;
  napi_get_and_clear_last_exception(env, &exception);
  napi_fatal_exception(env, exception);
}

}  // namespace director
