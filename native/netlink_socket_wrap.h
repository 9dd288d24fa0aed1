// The class NetlinkSocket of src/host/native.ts.
#pragma once

#include <napi.h>

namespace director {

Napi::Function DefineNetlinkSocket(Napi::Env env);

}  // namespace director
