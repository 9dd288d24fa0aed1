#include "bpf_tc.h"

#include <bpf/libbpf.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "netlink_socket.h"

namespace director {

namespace {

bpf_tc_hook Hook(std::uint32_t ifindex, int directions) {
  LIBBPF_OPTS(bpf_tc_hook, hook);
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = static_cast<bpf_tc_attach_point>(directions);
  return hook;
}

// libbpf takes both directions together for the qdisc itself.
SyscallResult RemoveQdisc(std::uint32_t ifindex) {
  bpf_tc_hook hook = Hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
  return Outcome(bpf_tc_hook_destroy(&hook), "bpf_tc_hook_destroy");
}

// Asks for the filters of one direction. The first message of the answer tells: a filter, or that there is none.
SyscallResult HasFilter(std::uint32_t ifindex, std::uint32_t direction, bool* has) {
  NetlinkSocket socket;
  if (const SyscallResult opened = socket.Open(NETLINK_ROUTE, 0); opened.error != 0) return opened;
  struct {
    nlmsghdr header;
    tcmsg message;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETTFILTER;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.message.tcm_ifindex = static_cast<int>(ifindex);
  request.message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction);
  const SyscallResult sent = socket.Send(reinterpret_cast<const std::uint8_t*>(&request), sizeof request);
  if (sent.error != 0) return sent;

  // A dump begins within sendto(): the answer is there already.
  const auto buffer = std::make_unique<std::uint8_t[]>(kNetlinkDatagramBytes);
  std::size_t length = 0;
  SyscallResult failure{EPROTO, "RTM_GETTFILTER"};
  nlmsghdr answer{};
  if (socket.Receive(buffer.get(), kNetlinkDatagramBytes, &length, &failure) != Received::kDatagram ||
      length < sizeof answer) {
    return failure;
  }
  std::memcpy(&answer, buffer.get(), sizeof answer);
  *has = answer.nlmsg_type == RTM_NEWTFILTER;
  return {};
}

}  // namespace

SyscallResult AttachTcEgress(int program, const TcPlace& place) {
  bpf_tc_hook hook = Hook(place.ifindex, BPF_TC_EGRESS);
  const int made = bpf_tc_hook_create(&hook);
  if (made != 0 && made != -EEXIST) return Outcome(made, "bpf_tc_hook_create");
  LIBBPF_OPTS(bpf_tc_opts, options);
  options.prog_fd = program;
  options.flags = BPF_TC_F_REPLACE;
  options.handle = place.handle;
  options.priority = place.priority;
  const SyscallResult attached = Outcome(bpf_tc_attach(&hook, &options), "bpf_tc_attach");
  if (attached.error != 0 && made == 0) RemoveQdisc(place.ifindex);
  return attached;
}

SyscallResult DetachTcEgress(const TcPlace& place) {
  const bpf_tc_hook hook = Hook(place.ifindex, BPF_TC_EGRESS);
  LIBBPF_OPTS(bpf_tc_opts, options);
  options.handle = place.handle;
  options.priority = place.priority;
  const int status = bpf_tc_detach(&hook, &options);
  // No such filter; no clsact, or a filter there that is no program; no such interface.
  if (status == -ENOENT || status == -EINVAL || status == -ENODEV) return {};
  if (status != 0) return Outcome(status, "bpf_tc_detach");
  for (const std::uint32_t direction : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS}) {
    bool has = false;
    const SyscallResult asked = HasFilter(place.ifindex, direction, &has);
    if (asked.error != 0 || has) return asked;
  }
  return RemoveQdisc(place.ifindex);
}

}  // namespace director
