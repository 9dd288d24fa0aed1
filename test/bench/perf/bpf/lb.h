/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Tables of the reference balancer, shared by lb.bpf.c and src/lb.c. */
#ifndef PF_LB_H
#define PF_LB_H
#include <linux/types.h>

#define LB_RING 65536
#define LB_SERVERS 256
#define LB_BUCKETS (1 << 18)

struct lb_service { __u32 address; __u16 port; __u8 protocol, used; __u32 index, ring; };
struct lb_services { struct lb_service of[4]; };                          /* 64 bytes */
struct lb_flow { __u64 key; __u16 server, pad; __u32 seen; };
struct lb_bucket { struct lb_flow of[4]; };                               /* one cache line */
struct lb_server { __u8 mac[6]; __u16 ok; };

static inline __attribute__((always_inline)) __u32 lb_mix(__u32 a, __u32 b)
{
	__u64 hash = ((__u64)a << 32 | b) * 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ULL;
	return hash >> 32;
}
#endif
