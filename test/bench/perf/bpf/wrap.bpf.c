// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Puts a fresh frame of the next flow in front of a loaded XDP program (tail call), for BPF_PROG_TEST_RUN with a high
// repeat count: it does not restore the frame between repetitions, so a program would see its own output.
#include "flow.h"

struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1);
	 __type(key, __u32); __type(value, __u32); } target SEC(".maps");

SEC("xdp") int wrap(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pf_config *c = bpf_map_lookup_elem(&config, &zero);
	struct pf_position *at = bpf_map_lookup_elem(&position, &zero);
	if (!c || !at) return XDP_ABORTED;
	if (!write_frame((void *)(long)ctx->data, (void *)(long)ctx->data_end, c, at)) bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

/* What to take off: a target that does nothing. */
SEC("xdp") int nothing(struct xdp_md *ctx) { return XDP_DROP; }
char _license[] SEC("license") = "Dual MIT/GPL";
