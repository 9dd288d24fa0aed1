/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The next frame of the configured flows, with right checksums: for the generator and for the wrapper. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "common.h"

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1);
	 __type(key, __u32); __type(value, struct pf_config); } config SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1);
	 __type(key, __u32); __type(value, struct pf_position); } position SEC(".maps");

static __always_inline __u32 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Puts `more` into a checksum of the template, which has zeros where `more` comes to stand. */
static __always_inline __u16 with(__u16 checksum, __u32 more)
{
	return bpf_htons(~fold((~bpf_ntohs(checksum) & 0xffff) + more) & 0xffff);
}

static __always_inline __u64 next_flow(const struct pf_config *c, struct pf_position *at)
{
	if (!c->flows) return at->frames;
	__u64 flow = at->flow++;
	if (at->flow >= c->flows) at->flow = 0;
	return flow;
}

/* The whole header is written every time: a page that comes back holds what the forwarder left in it. */
static __always_inline int write_frame(void *data, void *end, const struct pf_config *c, struct pf_position *at)
{
	if (data + 60 > end) return -1;
	int opening = at->frames < 2ULL * c->open, syn = opening && !(at->frames & 1);
	__u64 flow = opening ? at->frames >> 1 : next_flow(c, at);
	at->frames++;
	__u64 *d = data; const __u64 *s = (const __u64 *)c->header;
	d[0] = s[0]; d[1] = s[1]; d[2] = s[2]; d[3] = s[3]; d[4] = s[4]; d[5] = s[5]; d[6] = s[6];
	__u32 address = c->saddr + (__u32)(flow / c->sports);
	__u32 port = c->sport + (__u32)(flow % c->sports);
	__u32 sum = (address >> 16) + (address & 0xffff);
	__u16 *half = data;
	half[12] = with(half[12], sum);
	*(__u32 *)(data + 26) = bpf_htonl(address);
	half[17] = bpf_htons(port);
	__u16 *l4 = c->kind == PF_UDP ? half + 20 : half + 25;
	__u32 more = fold(sum) + port;
	if (syn) { /* 0x5002 for the template's 0x5010 */
		((__u8 *)data)[47] = 0x02;
		more += 0xffff - 0x0e;
	}
	*l4 = with(*l4, more);
	return 0;
}
