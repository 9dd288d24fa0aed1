#include "bpf_xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <cerrno>

namespace director {

namespace {

// A program may be gone before it is asked for its name, and asking takes CAP_SYS_ADMIN.
std::string ProgramName(std::uint32_t id) {
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) return {};
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  const int status = bpf_obj_get_info_by_fd(fd, &info, &size);
  close(fd);
  return status == 0 ? info.name : "";
}

}  // namespace

SyscallResult AttachXdp(int program, std::uint32_t ifindex, XdpMode mode, const std::optional<std::string>& link_path,
                        int* link) {
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = mode == XdpMode::kGeneric ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
  *link = bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options);
  if (*link < 0) return Outcome(*link, "BPF_LINK_CREATE");
  if (!link_path) return {};
  const int status = bpf_obj_pin(*link, link_path->c_str());
  close(*link);
  *link = -1;
  return Outcome(status, "BPF_OBJ_PIN");
}

SyscallResult ReplaceXdp(int program, const std::string& link_path) {
  const int link = bpf_obj_get(link_path.c_str());
  if (link < 0) return Outcome(link, "BPF_OBJ_GET");
  const int status = bpf_link_update(link, program, nullptr);
  close(link);
  return Outcome(status, "BPF_LINK_UPDATE");
}

SyscallResult QueryXdp(std::uint32_t ifindex, std::optional<XdpProgram>* program) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  const int status = bpf_xdp_query(static_cast<int>(ifindex), 0, &options);
  if (status != 0) return Outcome(status, "bpf_xdp_query");
  XdpProgram found;
  if (options.drv_prog_id != 0) {
    found = {options.drv_prog_id, {}, XdpMode::kNative};
  } else if (options.skb_prog_id != 0) {
    found = {options.skb_prog_id, {}, XdpMode::kGeneric};
  } else if (options.hw_prog_id != 0) {
    found = {options.hw_prog_id, {}, XdpMode::kOffloaded};
  } else {
    program->reset();
    return {};
  }
  found.name = ProgramName(found.id);
  *program = found;
  return {};
}

SyscallResult QueryLink(const std::string& link_path, std::optional<XdpLink>* link) {
  link->reset();
  const int fd = bpf_obj_get(link_path.c_str());
  if (fd == -ENOENT) return {};
  if (fd < 0) return Outcome(fd, "BPF_OBJ_GET");
  bpf_link_info info{};
  std::uint32_t size = sizeof info;
  const int status = bpf_obj_get_info_by_fd(fd, &info, &size);
  close(fd);
  if (status != 0) return Outcome(status, "BPF_OBJ_GET_INFO_BY_FD");
  if (info.type != BPF_LINK_TYPE_XDP) return {EINVAL, "BPF_OBJ_GET_INFO_BY_FD"};
  *link = {info.xdp.ifindex, info.prog_id};
  return {};
}

}  // namespace director
