#include "bpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

namespace director {

namespace {

// The verifier's log of a large program has megabytes; what it refused is at the end.
constexpr std::size_t kLogBytes = 64 << 10;

thread_local std::string log_text;

void Append(const std::string& text) {
  log_text += text;
  if (log_text.size() > kLogBytes) log_text.erase(0, log_text.size() - kLogBytes);
}

// libbpf hands over the verifier's log of a failed load as one message. Steps that succeed are LIBBPF_DEBUG.
int Print(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  Append(text);
  return length;
}

}  // namespace

void CollectLog() { libbpf_set_print(Print); }

void AddToLog(const std::string& line) { Append(line + "\n"); }

std::string TakeLog() { return std::exchange(log_text, {}); }

}  // namespace director
