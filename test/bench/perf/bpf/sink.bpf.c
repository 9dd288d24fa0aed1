// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts and drops what comes back.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "common.h"

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1);
	 __type(key, __u32); __type(value, struct pf_count); } counted SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 256);
	 __type(key, __u32); __type(value, __u64); } by_server SEC(".maps");

static __always_inline void count(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct pf_count *n = bpf_map_lookup_elem(&counted, &zero);
	if (!n) return;
	n->frames++;
	n->bytes += ctx->data_end - ctx->data;
}

SEC("xdp") int sink_drop(struct xdp_md *ctx)
{
	count(ctx);
	return XDP_DROP;
}

/* The same, and by the last byte of the destination MAC. */
SEC("xdp") int sink_spread(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	count(ctx);
	if (data + 14 > (__u8 *)(long)ctx->data_end) return XDP_DROP;
	__u32 last = data[5];
	__u64 *n = bpf_map_lookup_elem(&by_server, &last);
	if (n) (*n)++;
	return XDP_DROP;
}

SEC("xdp") int xdp_pass(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "Dual MIT/GPL";
