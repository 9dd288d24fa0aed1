// The classes PacketRing and PacketSender of src/host/native.ts.
#pragma once

#include <napi.h>

namespace director {

Napi::Function DefinePacketRing(Napi::Env env);
Napi::Function DefinePacketSender(Napi::Env env);

}  // namespace director
