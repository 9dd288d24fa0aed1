// The arguments of a call from JavaScript, taken one by one.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf_object.h"
#include "bpf_tc.h"
#include "bpf_xdp.h"

namespace director {

class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, const char* usage) : info_(info), usage_(usage) {}

  // Throws the usage if one of those that were taken was of another type.
  bool Ok();

  std::string String();
  std::optional<std::string> StringOrNull();
  std::uint32_t Number();
  std::span<std::uint8_t> Bytes();
  std::optional<std::span<std::uint8_t>> BytesOrNull();
  // Bytes and how many of them count.
  std::span<std::uint8_t> Frame();
  XdpMode Mode();
  TcPlace Place();
  Napi::Function Function();
  LoadOptions Options();

 private:
  Napi::Value Next() { return info_[taken_++]; }
  bool IsNull() const { return info_[taken_].IsNull(); }

  std::optional<std::string> Folder(const Napi::Value& value);
  std::vector<std::string> Names(const Napi::Value& value);
  std::vector<std::pair<std::string, Napi::Value>> Members(const Napi::Value& value);
  std::uint32_t Entries(const Napi::Value& value);
  Constant ToConstant(const Napi::Value& value);

  const Napi::CallbackInfo& info_;
  const char* usage_;
  std::size_t taken_ = 0;
  bool ok_ = true;
};

}  // namespace director
