// SPDX-License-Identifier: MIT OR GPL-2.0-only
// XDP programs of the IPVS rig: a generator for BPF_PROG_TEST_RUN in live-frame mode, a counting sink, and the floors.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "iv.h"

#define MAP(name, t, k, v, n) struct { __uint(type, t); __type(key, k); __type(value, v); __uint(max_entries, n); } name SEC(".maps")
MAP(cfg, BPF_MAP_TYPE_ARRAY, __u32, struct iv_cfg, 1);
MAP(sink, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 256);    /* frames by the last octet of the destination MAC */
MAP(out, BPF_MAP_TYPE_ARRAY, __u32, __u32, 1);              /* ifindex for fwd_if */

static __always_inline __u32 fold(__u32 s) { s = (s & 0xffff) + (s >> 16); return (s & 0xffff) + (s >> 16); }

SEC("xdp") int gen(struct xdp_md *x)
{
	void *d = (void *)(long)x->data, *e = (void *)(long)x->data_end;
	__u32 k = 0;
	struct iv_cfg *c = bpf_map_lookup_elem(&cfg, &k);
	if (!c || d + 60 > e) return XDP_ABORTED;
	/* a page that comes back still has what the forwarder wrote: all 56 octets again */
	__u64 *w = d; const __u64 *s = (const __u64 *)c->b;
	w[0] = s[0]; w[1] = s[1]; w[2] = s[2]; w[3] = s[3]; w[4] = s[4]; w[5] = s[5]; w[6] = s[6];
	__u32 f = c->nflows ? c->i % c->nflows : c->i;
	if (c->i == c->first) c->t0 = bpf_ktime_get_ns();
	if (c->i == c->last) c->t1 = bpf_ktime_get_ns();
	c->i++;
	__u32 n = c->sports ? c->sports : 1, addr = c->saddr + f / n, port = 1024 + f % n;
	__u16 *p = d;
	__u32 a = (addr >> 16) + (addr & 0xffff);
	p[12] = bpf_htons(~fold((~bpf_ntohs(p[12]) & 0xffff) + a) & 0xffff);
	p[13] = bpf_htons(addr >> 16); p[14] = bpf_htons(addr & 0xffff);
	p[17] = bpf_htons(port);
	if (c->tcp) p[25] = bpf_htons(~fold((~bpf_ntohs(p[25]) & 0xffff) + fold(a) + port) & 0xffff);
	return bpf_redirect(c->ifindex, 0);
}

SEC("xdp") int sink_drop(struct xdp_md *x)
{
	__u8 *d = (void *)(long)x->data;
	if (d + 14 > (__u8 *)(long)x->data_end) return XDP_DROP;
	__u32 k = d[5];
	__u64 *n = bpf_map_lookup_elem(&sink, &k);
	if (n) (*n)++;
	return XDP_DROP;
}

static __always_inline int to_rs1(struct xdp_md *x)
{
	__u16 *d = (void *)(long)x->data;
	if ((void *)d + 14 > (void *)(long)x->data_end) return -1;
	d[3] = d[0]; d[4] = d[1]; d[5] = d[2];                          /* from the director ... */
	d[0] = bpf_htons(0x0200); d[1] = 0; d[2] = bpf_htons(0x0111);   /* ... to 02:00:00:00:01:11 */
	return 0;
}
/* the floors: nothing but two MAC addresses written */
SEC("xdp") int fwd_tx(struct xdp_md *x) { return to_rs1(x) ? XDP_DROP : XDP_TX; }
SEC("xdp") int fwd_if(struct xdp_md *x)
{
	__u32 k = 0, *i = bpf_map_lookup_elem(&out, &k);
	return !i || to_rs1(x) ? XDP_DROP : bpf_redirect(*i, 0);
}
SEC("xdp") int pass(struct xdp_md *x) { return XDP_PASS; }
char _license[] SEC("license") = "Dual MIT/GPL";
