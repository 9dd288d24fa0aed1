// The class BpfObject of src/host/bpf.ts.
#pragma once

#include <napi.h>

namespace director {

Napi::Function DefineBpfObject(Napi::Env env);

}  // namespace director
