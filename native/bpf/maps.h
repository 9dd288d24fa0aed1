/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * The maps, and the constants that the loader sets. Arrays wherever the path of an established connection goes: the
 * verifier inlines their look-up, so that path calls no helper. Sizes given here are those of a test; the loader
 * (src/xdp/program.ts) sets those that are asked for.
 */
#ifndef DIRECTOR_MAPS_H
#define DIRECTOR_MAPS_H
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "layout.h"
#include "verifier.h"

#define CONNECTION_BUCKETS 1024
#define MAX_SERVERS 256

/* Powers of two less one, and sizes: of the maps below, as they are made. */
const volatile __u32 bucket_mask4 = CONNECTION_BUCKETS - 1;
const volatile __u32 bucket_mask6 = CONNECTION_BUCKETS - 1;
const volatile __u32 service_index_mask = 255;
const volatile __u32 max_servers = MAX_SERVERS;
/* Of bpf_jiffies64(), which is the clock: CONFIG_HZ. */
const volatile __u32 ticks_per_second = 100;
/* For tests: config.ticks is the time, and config.last_verdict tells what became of a frame. */
const volatile __u32 clock_is_given = 0;
const volatile __u32 records_verdict = 0;

#define SHARED_ARRAY(NAME, VALUE, ENTRIES)              \
	struct {                                        \
		__uint(type, BPF_MAP_TYPE_ARRAY);       \
		__uint(map_flags, BPF_F_MMAPABLE);      \
		__uint(max_entries, ENTRIES);           \
		__type(key, __u32);                     \
		__type(value, VALUE);                   \
	} NAME SEC(".maps")

SHARED_ARRAY(config, struct config, 1);
SHARED_ARRAY(services, struct service, 64);
SHARED_ARRAY(service_index, struct service_slot, 256);
SHARED_ARRAY(servers, struct server, MAX_SERVERS);
/* Lists of servers, buckets of sh, slots of mh: numbers of servers. */
SHARED_ARRAY(cells, struct cell_line, 4096);
SHARED_ARRAY(mark_rules, struct mark_rule, 128);
SHARED_ARRAY(connections4, struct bucket4, CONNECTION_BUCKETS);
SHARED_ARRAY(connections6, struct bucket6, CONNECTION_BUCKETS);
SHARED_ARRAY(groups4, struct group_line, CONNECTION_BUCKETS / BUCKETS_PER_GROUP / GROUPS);
SHARED_ARRAY(groups6, struct group_line, CONNECTION_BUCKETS / BUCKETS_PER_GROUP / GROUPS);
SHARED_ARRAY(server_traffic, struct traffic, MAX_SERVERS);
SHARED_ARRAY(servers_zeroed, struct zeroed, MAX_SERVERS);
SHARED_ARRAY(services_zeroed, struct zeroed, 64);
SHARED_ARRAY(verdicts, struct verdict_counts, 1);
SHARED_ARRAY(replies, struct replies, 1);
SHARED_ARRAY(notes, struct notes, 1);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct address_key);
	__type(value, __u32);
} virtual_addresses SEC(".maps"), own_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct datagram_key);
	__type(value, struct datagram);
} datagrams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cache_key);
	__type(value, struct cache_entry);
} destination_cache SEC(".maps");

/* Element 0 is not used: it stands for the interface that a frame came in by. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

/* Too large for the stack: what an ICMP answer quotes, and a new cache_entry. */
#define SCRATCH_BYTES 2048
struct scratch { __u32 words[SCRATCH_BYTES / 4]; };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct config *the_config(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline struct server *server_of(__u32 server)
{
	return bpf_map_lookup_elem(&servers, &server);
}

static __always_inline struct traffic *traffic_of(__u32 server)
{
	__u32 element = bpf_get_smp_processor_id() * max_servers + server;
	return bpf_map_lookup_elem(&server_traffic, &element);
}

/* Nothing lasts longer, some 24 days with 1,000 ticks a second: times are compared by the sign of their difference. */
#define MAX_TICKS 0x7fff0000

static __always_inline __u32 ticks_from_sec(__u32 seconds)
{
	return seconds > MAX_TICKS / ticks_per_second ? MAX_TICKS : seconds * ticks_per_second;
}

/* Ticks since then; none where that was told by another CPU, which is a little ahead. */
static __always_inline __u32 ticks_since(__u32 then, __u32 now)
{
	__u32 ticks = now - then;
	return ticks > 0u - ticks_per_second ? 0 : ticks;
}

/* Ticks; compare two times by the sign of their difference. */
static __always_inline __u32 clock_ticks(const struct config *config)
{
	return clock_is_given ? config->ticks : (__u32)bpf_jiffies64();
}

#endif
