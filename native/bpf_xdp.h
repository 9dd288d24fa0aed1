// XDP programs on interfaces, by bpf_link: what is there, and putting one there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "syscall_result.h"

namespace director {

enum class XdpMode { kNative, kGeneric, kOffloaded };

struct XdpProgram {
  std::uint32_t id = 0;
  std::string name;  // empty when the kernel does not tell
  XdpMode mode = XdpMode::kNative;
};

struct XdpLink {
  std::uint32_t ifindex = 0;  // 0: defunct, its interface is gone
  std::uint32_t program_id = 0;
};

// The program is on the interface as long as the link lives: by its file descriptor `link`, or, when
// `link_path` is given, by being pinned there (`link` is -1 then).
SyscallResult AttachXdp(int program, std::uint32_t ifindex, XdpMode mode, const std::optional<std::string>& link_path,
                        int* link);

// No frame meets the interface without a program in between. ENOLINK: the link is defunct.
SyscallResult ReplaceXdp(int program, const std::string& link_path);

SyscallResult QueryXdp(std::uint32_t ifindex, std::optional<XdpProgram>* program);

SyscallResult QueryLink(const std::string& link_path, std::optional<XdpLink>* link);

}  // namespace director
