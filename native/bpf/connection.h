/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What is remembered: two tables, of IPv4 and of IPv6, each an array of buckets of WAYS connections. A connection
 * lies in one of two buckets that its hash names, if there is room in the first: searches that end there touch one or
 * two lines of memory. Entries do not move, so that a slot (bucket
 * * WAYS + way) names one for as long as it lives. Who takes a free entry claims its `kind` by compare-and-swap, who
 * steps or ends a live one its `state` (life.h): that word is another one for each who has the entry.
 */
#ifndef DIRECTOR_CONNECTION_H
#define DIRECTOR_CONNECTION_H
#include "maps.h"
#include "packet.h"

/* What a connection, a template or a look-up is known by. */
struct key {
	__u32 client[4];
	__u32 virtual[4];
	__u32 ports;
	__u32 kind;
	__u32 version;
} WORD_PAIRS;

/*
 * Multilinear over the words of the key, then mixed: with secret multipliers two keys collide with a chance of 2^-32
 * (Lemire, Kaser: Strongly universal string hashing is fast, 2014). Four multiplications, where HalfSipHash takes 50 ns.
 */
static __always_inline struct home spread(__u64 hash, __u32 mask)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	struct home home = { .first = hash >> 40 & mask, .second = hash >> 8 & mask };
	if (home.second == home.first) home.second = home.first ^ (mask & 1);
	return home;
}

static __always_inline struct home home4(const struct config *config, __u32 client, __u32 virtual, __u32 ports, __u32 kind)
{
	return spread(config->seed[0] * client + config->seed[1] * virtual + config->seed[2] * ports +
		      config->seed[3] * kind + config->seed[4], bucket_mask4);
}

static __always_inline struct home home6(const struct config *config, const __u32 *client, const __u32 *virtual, __u32 ports, __u32 kind)
{
	__u64 hash = config->seed[10] + config->seed[8] * ports + config->seed[9] * kind;
#pragma unroll
	for (int i = 0; i < 4; i++) hash += config->seed[i] * client[i] + config->seed[4 + i] * virtual[i];
	return spread(hash, bucket_mask6);
}

static __always_inline struct bucket4 *bucket4_at(__u32 bucket)
{
	return bpf_map_lookup_elem(&connections4, &bucket);
}

static __always_inline struct bucket6 *bucket6_at(__u32 bucket)
{
	return bpf_map_lookup_elem(&connections6, &bucket);
}

static __always_inline struct group_line *group_line_at(__u32 version, __u32 element)
{
	if (version == 4) return bpf_map_lookup_elem(&groups4, &element);
	struct group_line *line = bpf_map_lookup_elem(&groups6, &element);
	/* Else the compiler makes one call of both, and that of two maps the verifier does not inline. */
	CHECKED(line);
	return line;
}

static __always_inline __u32 *group_of(__u32 version, __u32 bucket)
{
	__u32 group = bucket / BUCKETS_PER_GROUP;
	struct group_line *line = group_line_at(version, group / GROUPS);
	if (!line) return 0;
	CHECKED(line);
	return &line->word[group % GROUPS];
}

static __always_inline int has_spilled(__u32 version, __u32 bucket)
{
	__u32 *group = group_of(version, bucket);
	return group && (*(volatile __u32 *)group & GROUP_SPILLS);
}

/* --- find --- */

static __always_inline struct connection *find_in4(__u32 at, __u64 addresses, __u64 rest, __u32 *slot)
{
	struct bucket4 *bucket = bucket4_at(at);
	if (!bucket) return 0;
#pragma unroll
	for (int way = 0; way < WAYS; way++) {
		struct connection4 *entry = &bucket->way[way];
		if (*(__u64 *)&entry->client != addresses || *(__u64 *)&entry->connection.ports != rest) continue;
		*slot = at * WAYS + way;
		return &entry->connection;
	}
	return 0;
}

static __always_inline struct connection *find4(struct home home, __u32 client, __u32 virtual, __u32 ports, __u32 kind, __u32 *slot)
{
	__u64 addresses = (__u64)virtual << 32 | client, rest = (__u64)kind << 32 | ports;
	struct connection *found = find_in4(home.first, addresses, rest, slot);
	if (found || !has_spilled(4, home.first)) return found;
	return find_in4(home.second, addresses, rest | (__u64)KIND_SPILLED << 32, slot);
}

static __always_inline struct connection *find_in6(__u32 at, const __u32 *client, const __u32 *virtual, __u64 rest, __u32 *slot)
{
	struct bucket6 *bucket = bucket6_at(at);
	if (!bucket) return 0;
#pragma unroll
	for (int way = 0; way < WAYS; way++) {
		struct connection6 *entry = &bucket->way[way];
		if (*(__u64 *)&entry->connection.ports != rest) continue;
		if (!is_same_address(entry->client, client) || !is_same_address(entry->virtual, virtual)) continue;
		*slot = at * WAYS + way;
		return &entry->connection;
	}
	return 0;
}

static __always_inline struct connection *find6(struct home home, const __u32 *client, const __u32 *virtual, __u32 ports, __u32 kind, __u32 *slot)
{
	__u64 rest = (__u64)kind << 32 | ports;
	struct connection *found = find_in6(home.first, client, virtual, rest, slot);
	if (found || !has_spilled(6, home.first)) return found;
	return find_in6(home.second, client, virtual, rest | (__u64)KIND_SPILLED << 32, slot);
}

/* The entry of a slot, in use or not. Null past the end of the table. */
static __always_inline struct connection *connection_at(__u32 version, __u32 slot)
{
	if (version == 4) {
		struct bucket4 *bucket = bucket4_at(slot / WAYS);
		if (!bucket) return 0;
		CHECKED(bucket);
		return &bucket->way[slot % WAYS].connection;
	}
	struct bucket6 *bucket = bucket6_at(slot / WAYS);
	if (!bucket) return 0;
	CHECKED(bucket);
	return &bucket->way[slot % WAYS].connection;
}

static __always_inline int is_live(const struct connection *connection)
{
	return (connection->kind & KIND_LIVE) != 0;
}

static __always_inline int is_expired(const struct connection *connection, __u32 now)
{
	return (__s32)(connection->expires - now) <= 0;
}

/* --- claim --- */

/* Makes the entry visible. Others read `kind` first, so that what was written before must be seen before. */
static __always_inline void publish(struct connection *connection, __u32 kind)
{
#ifdef __TARGET_ARCH_x86
	/* Stores are seen in order there. */
	__asm__ volatile("" ::: "memory");
	*(volatile __u32 *)&connection->kind = kind;
#else
	__sync_lock_test_and_set(&connection->kind, kind);
#endif
}

/* The first free entry of a bucket that has two. Null: it has not. */
static __always_inline struct connection *first_of_two_free(__u32 version, __u32 at, __u32 *slot)
{
	struct bucket4 *bucket4 = version == 4 ? bucket4_at(at) : 0;
	struct bucket6 *bucket6 = version == 4 ? 0 : bucket6_at(at);
	struct connection *first = 0;
	if (version == 4 ? !bucket4 : !bucket6) return 0;
#pragma unroll
	for (int way = 0; way < WAYS; way++) {
		struct connection *connection = version == 4 ? &bucket4->way[way].connection : &bucket6->way[way].connection;
		if (connection->kind != 0) continue;
		if (first) return first;
		first = connection;
		*slot = at * WAYS + way;
	}
	return 0;
}

static __always_inline int claim(struct connection *connection, __u32 expected)
{
	return __sync_val_compare_and_swap(&connection->kind, expected, KIND_CLAIMED) == expected;
}

/*
 * An entry of the bucket has just been claimed. The sweep takes the mark away before it looks at the entries, so that
 * one of both sees what the other does: claim() and that are full barriers.
 */
static __always_inline void mark_used(__u32 version, __u32 bucket)
{
	__u32 *group = group_of(version, bucket);
	if (group && !(*(volatile __u32 *)group & GROUP_IS_USED)) __sync_fetch_and_or(group, GROUP_IS_USED);
}

/* A connection has been given a place in the second of its buckets. */
static __always_inline void mark_spilled(__u32 version, __u32 first_bucket)
{
	__u32 *group = group_of(version, first_bucket);
	if (group) __sync_fetch_and_add(group, 1);
}

#endif
