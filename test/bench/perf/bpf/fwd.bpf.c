// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The floor: the least an XDP forwarder can do. Two MAC addresses are written; nothing is parsed, looked up, counted.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static const __u8 server[6] = { 2, 0x50, 0, 0, 0, 0x11 }, own[6] = { 2, 0x50, 0, 0, 0, 2 };

SEC("xdp") int fwd_tx(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	if (data + 14 > (__u8 *)(long)ctx->data_end) return XDP_DROP;
	__builtin_memcpy(data, server, 6);
	__builtin_memcpy(data + 6, own, 6);
	return XDP_TX;
}
char _license[] SEC("license") = "Dual MIT/GPL";
