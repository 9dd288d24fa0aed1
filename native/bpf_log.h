// What libbpf and the verifier say, kept for the error that follows it instead of printed to stderr.
#pragma once

#include <string>

namespace director {

// Takes libbpf's output from now on, on every thread; each thread has a log of its own.
void CollectLog();

// Adds a line of our own.
void AddToLog(const std::string& line);

// The end of what was said since the last call, at most 64 KiB; the log is empty after it.
std::string TakeLog();

}  // namespace director
