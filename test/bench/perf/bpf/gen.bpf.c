// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Frame generator for BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES: the kernel hands over frames of a page pool,
// each is written and redirected to the device.
#include "flow.h"

struct { __uint(type, BPF_MAP_TYPE_DEVMAP); __uint(max_entries, 1);
	 __type(key, __u32); __type(value, __u32); } device SEC(".maps");

SEC("xdp") int generate(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pf_config *c = bpf_map_lookup_elem(&config, &zero);
	struct pf_position *at = bpf_map_lookup_elem(&position, &zero);
	if (!c || !at || write_frame((void *)(long)ctx->data, (void *)(long)ctx->data_end, c, at)) return XDP_DROP;
	return bpf_redirect_map(&device, 0, 0);
}
char _license[] SEC("license") = "Dual MIT/GPL";
