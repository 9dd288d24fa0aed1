#include "bpf_arguments.h"

#include <cmath>

namespace director {

bool Arguments::Ok() {
  if (ok_) return true;
  Napi::TypeError::New(info_.Env(), usage_).ThrowAsJavaScriptException();
  return false;
}

std::string Arguments::String() {
  const Napi::Value value = Next();
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  ok_ = false;
  return {};
}

std::optional<std::string> Arguments::StringOrNull() {
  if (!IsNull()) return String();
  Next();
  return std::nullopt;
}

std::uint32_t Arguments::Number() {
  double number = -1;
  napi_get_value_double(info_.Env(), Next(), &number);
  if (number >= 0 && number <= UINT32_MAX && number == std::floor(number)) {
    return static_cast<std::uint32_t>(number);
  }
  ok_ = false;
  return 0;
}

std::span<std::uint8_t> Arguments::Bytes() {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info_.Env(), Next(), &type, &length, &data, nullptr, nullptr);
  if (status == napi_ok && type == napi_uint8_array) return {static_cast<std::uint8_t*>(data), length};
  ok_ = false;
  return {};
}

std::optional<std::span<std::uint8_t>> Arguments::BytesOrNull() {
  if (!IsNull()) return Bytes();
  Next();
  return std::nullopt;
}

std::span<std::uint8_t> Arguments::Frame() {
  const std::span<std::uint8_t> bytes = Bytes();
  const std::uint32_t length = Number();
  if (length <= bytes.size()) return bytes.first(length);
  ok_ = false;
  return {};
}

XdpMode Arguments::Mode() {
  const std::string mode = String();
  if (mode != "native" && mode != "generic") ok_ = false;
  return mode == "generic" ? XdpMode::kGeneric : XdpMode::kNative;
}

TcPlace Arguments::Place() {
  TcPlace place;
  place.ifindex = Number();
  place.handle = Number();
  place.priority = Number();
  if (place.handle == 0 || place.priority == 0 || place.priority > UINT16_MAX) ok_ = false;
  return place;
}

Napi::Function Arguments::Function() {
  const Napi::Value value = Next();
  if (value.IsFunction()) return value.As<Napi::Function>();
  ok_ = false;
  return {};
}

// --- options of a load ---

LoadOptions Arguments::Options() {
  LoadOptions options;
  const Napi::Value value = Next();
  if (!value.IsObject()) {
    ok_ = false;
    return options;
  }
  const auto object = value.As<Napi::Object>();
  for (const auto& [name, entries] : Members(object.Get("maxEntries"))) {
    options.max_entries.emplace_back(name, Entries(entries));
  }
  for (const auto& [name, constant] : Members(object.Get("constants"))) {
    options.constants.emplace_back(name, ToConstant(constant));
  }
  options.pin_folder = Folder(object.Get("pinFolder"));
  options.program_folder = Folder(object.Get("programFolder"));
  options.own_maps = Names(object.Get("ownMaps"));
  return options;
}

std::optional<std::string> Arguments::Folder(const Napi::Value& value) {
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (!value.IsNull() && !value.IsUndefined()) ok_ = false;
  return std::nullopt;
}

std::vector<std::string> Arguments::Names(const Napi::Value& value) {
  std::vector<std::string> names;
  if (value.IsUndefined()) return names;
  if (!value.IsArray()) {
    ok_ = false;
    return names;
  }
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t i = 0; i < array.Length(); i++) names.push_back(array.Get(i).ToString().Utf8Value());
  return names;
}

std::vector<std::pair<std::string, Napi::Value>> Arguments::Members(const Napi::Value& value) {
  std::vector<std::pair<std::string, Napi::Value>> members;
  if (!value.IsObject()) {
    ok_ = false;
    return members;
  }
  const auto object = value.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (std::uint32_t i = 0; i < names.Length(); i++) {
    const Napi::Value name = names.Get(i);
    members.emplace_back(name.ToString().Utf8Value(), object.Get(name));
  }
  return members;
}

std::uint32_t Arguments::Entries(const Napi::Value& value) {
  double number = 0;
  napi_get_value_double(info_.Env(), value, &number);
  if (number >= 1 && number <= UINT32_MAX && number == std::floor(number)) {
    return static_cast<std::uint32_t>(number);
  }
  ok_ = false;
  return 0;
}

Constant Arguments::ToConstant(const Napi::Value& value) {
  constexpr double kMaxSafeInteger = 9007199254740991;
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number == std::floor(number) && std::abs(number) <= kMaxSafeInteger) {
      return {static_cast<std::uint64_t>(static_cast<std::int64_t>(number)), number < 0};
    }
  } else if (value.IsBigInt()) {
    bool lossless = false;
    const std::uint64_t positive = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (lossless) return {positive, false};
    const std::int64_t any = value.As<Napi::BigInt>().Int64Value(&lossless);
    if (lossless) return {static_cast<std::uint64_t>(any), any < 0};
  }
  ok_ = false;
  return {};
}

}  // namespace director
