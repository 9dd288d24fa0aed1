// SPDX-License-Identifier: MIT OR GPL-2.0-only
// lb_arr, a reference: about the least that a balancer with a flow table can cost in XDP. Services and flows are in
// ARRAYs used as set-associative tables, so a hit calls no helper. IPv4 without options and fragments, no TCP states,
// no timeouts, one scheduler (a ring), the oldest flow of a full bucket gives way. Not a product.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "common.h"
#include "lb.h"

#define TABLE(NAME, TYPE, ENTRIES, VALUE) \
	struct { __uint(type, TYPE); __uint(max_entries, ENTRIES); __type(key, __u32); __type(value, VALUE); } NAME SEC(".maps")
TABLE(services, BPF_MAP_TYPE_ARRAY, 256, struct lb_services);
TABLE(flows, BPF_MAP_TYPE_ARRAY, LB_BUCKETS, struct lb_bucket);
TABLE(ring, BPF_MAP_TYPE_ARRAY, LB_RING * 2, __u16);
TABLE(servers, BPF_MAP_TYPE_ARRAY, LB_SERVERS, struct lb_server);
TABLE(of_server, BPF_MAP_TYPE_PERCPU_ARRAY, LB_SERVERS, struct pf_count);
TABLE(of_service, BPF_MAP_TYPE_PERCPU_ARRAY, 256, struct pf_count);
TABLE(new_flows, BPF_MAP_TYPE_PERCPU_ARRAY, 1, struct pf_count);

struct packet { __u32 saddr, daddr; __u16 sport, dport; __u8 protocol; __u16 bytes; };

static __always_inline int parse(struct xdp_md *ctx, struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__u16 *ports = (void *)(ip + 1);
	if ((void *)ports + 8 > end) return -1;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || *(__u8 *)ip != 0x45 || (ip->frag_off & bpf_htons(0x3fff))) return -1;
	if (ip->protocol == IPPROTO_TCP ? (void *)ports + sizeof(struct tcphdr) > end : ip->protocol != IPPROTO_UDP) return -1;
	*p = (struct packet){ ip->saddr, ip->daddr, ports[0], ports[1], ip->protocol, end - data };
	return 0;
}

static __always_inline struct lb_service *match(const struct packet *p)
{
	__u32 at = lb_mix(p->daddr, (__u32)p->dport << 8 | p->protocol) & 255;
	struct lb_services *set = bpf_map_lookup_elem(&services, &at);
	if (!set) return 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		struct lb_service *s = &set->of[i];
		if (s->address == p->daddr && s->port == p->dport && s->protocol == p->protocol && s->used) return s;
	}
	return 0;
}

static __always_inline __u32 schedule(const struct packet *p, __u32 base)
{
	__u32 at = base + (lb_mix(p->saddr, (__u32)p->sport << 16 | p->dport) & (LB_RING - 1)), zero = 0;
	__u16 *server = bpf_map_lookup_elem(&ring, &at);
	struct pf_count *n = bpf_map_lookup_elem(&new_flows, &zero);
	if (n) n->frames++;
	return server ? *server : 0;
}

static __always_inline int send(struct xdp_md *ctx, const struct packet *p, __u32 server, __u32 service)
{
	__u8 *data = (void *)(long)ctx->data;
	struct lb_server *s = bpf_map_lookup_elem(&servers, &server);
	if (!s || !s->ok || data + 14 > (__u8 *)(long)ctx->data_end) return XDP_DROP;
	struct pf_count *a = bpf_map_lookup_elem(&of_server, &server), *b = bpf_map_lookup_elem(&of_service, &service);
	if (a) { a->frames++; a->bytes += p->bytes; }
	if (b) { b->frames++; b->bytes += p->bytes; }
	__builtin_memcpy(data + 6, data, 6);
	__builtin_memcpy(data, s->mac, 6);
	return XDP_TX;
}

/* The slot that is empty or was unused longest. */
static __always_inline struct lb_flow *slot_of(struct lb_bucket *bucket, __u32 now)
{
	__u32 oldest = 0, slot = 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		__u32 age = bucket->of[i].key ? now - bucket->of[i].seen : 0xffffffff;
		if (age >= oldest) { oldest = age; slot = i; }
	}
	return &bucket->of[slot & 3];
}

SEC("xdp") int lb_arr(struct xdp_md *ctx)
{
	struct packet p;
	if (parse(ctx, &p)) return XDP_PASS;
	struct lb_service *service = match(&p);
	if (!service) return XDP_PASS;
	/* address, port and service are the whole key, which is never 0 */
	__u64 key = (__u64)p.saddr << 32 | (__u64)p.sport << 16 | (service->index + 1);
	__u32 at = lb_mix(p.saddr, (__u32)p.sport << 16 | service->index) & (LB_BUCKETS - 1), now = (__u32)bpf_jiffies64();
	struct lb_bucket *bucket = bpf_map_lookup_elem(&flows, &at);
	if (!bucket) return XDP_DROP;
#pragma unroll
	for (int i = 0; i < 4; i++)
		if (bucket->of[i].key == key) {
			bucket->of[i].seen = now;
			return send(ctx, &p, bucket->of[i].server, service->index);
		}
	struct lb_flow *flow = slot_of(bucket, now);
	__u32 server = schedule(&p, service->ring);
	__u64 old = flow->key;
	if (__sync_val_compare_and_swap(&flow->key, old, 0) == old) { /* ours: nobody takes key 0 for a hit */
		flow->server = server;
		flow->seen = now;
		*(volatile __u64 *)&flow->key = key;
	}
	return send(ctx, &p, server, service->index);
}
char _license[] SEC("license") = "Dual MIT/GPL";
