/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Who is chosen: the schedulers of src/schedule, under the same names. */
#ifndef DIRECTOR_SCHEDULE_H
#define DIRECTOR_SCHEDULE_H
#include "life.h"
#include "service.h"

#define NO_SERVER (-1)
#define SH_BUCKET_BITS 8
#define SH_BUCKETS 256
#define MH_SLOTS 4093
#define MH_KEY 2654435761ULL
/* src/schedule/flags.ts */
#define FLAG_FALLBACK 8
#define FLAG_PORT 16
#define CACHE_EXPIRATION_SEC (24 * 60 * 60)

static __always_inline __u32 cell_at(__u32 cell)
{
	__u32 element = cell / CELLS;
	struct cell_line *line = bpf_map_lookup_elem(&cells, &element);
	if (!line) return 0xffffffff;
	CHECKED(line);
	return line->server[cell % CELLS];
}

/* Takes new connections: what lc, wlc and their kin skip the others for. */
static __always_inline int is_available(const struct server *server)
{
	return server->weight > 0 && !server->overloaded;
}

/* An active connection weighs 256 times an inactive one (and counts among all of them once more). */
static __always_inline __u64 overhead(const struct server *server)
{
	__u64 load = *(volatile const __u64 *)&server->load;
	return 257 * (load >> 32) + (load & 0xffffffff);
}

/* --- rr --- */

struct turn {
	__u32 list;
	__u32 count;
	/* Index of the server that is tried. */
	__u32 index;
	__s32 server;
};

static long try_in_turn(__u32 tried, struct turn *turn)
{
	if (++turn->index >= turn->count) turn->index = 0;
	__u32 number = cell_at(turn->list + turn->index);
	struct server *server = server_of(number);
	if (!server || !is_available(server)) return 0;
	turn->server = number;
	return 1;
}

/* `place` is the index of the last pick + 1. Two CPUs at the same place: one of them goes on from the other's. */
GLOBAL int choose_rr(struct service *service)
{
	if (!service) return NO_SERVER;
	for (int race = 0; race < 4; race++) {
		__u64 place = *(volatile __u64 *)&service->place;
		struct turn turn = { .list = service->list, .count = service->server_count, .index = (__u32)place - 1, .server = NO_SERVER };
		if ((__u32)place == 0) turn.index = turn.count;
		bpf_loop(turn.count, try_in_turn, &turn, 0);
		if (turn.server == NO_SERVER) return NO_SERVER;
		if (__sync_val_compare_and_swap(&service->place, place, (__u64)turn.index + 1) == place) return turn.server;
	}
	return NO_SERVER;
}

/* --- wrr --- */

struct weighted_turn {
	__u32 list;
	__s32 count;
	__u32 max_weight;
	__u32 step;
	/* Indexes in the list; -1: before the first server. */
	__s32 start;
	__s32 index;
	__s64 current_weight;
	/* The highest weight in this pass that was too low, and whether the pass sees all servers. */
	__u32 highest;
	__u32 sees_all;
	__u32 restarted;
	__u32 is_last_pass;
	__u32 stops_at_start;
	__s32 last;
	__s32 server;
};

/* passesUntil() of src/schedule/wrr.ts: passes that would find nobody are left out. */
static __always_inline __s64 passes_until(__s64 highest, __s64 current_weight, __s64 step)
{
	__s64 missing = current_weight - highest;
	__s64 until_found = missing <= 0 ? 0 : ((__u64)missing + step - 1) / (__u64)step;
	__s64 until_last = current_weight <= 1 ? 0 : (__u64)(current_weight - 1) / (__u64)step;
	__s64 passes = until_found < until_last ? until_found : until_last;
	return passes < 1 ? 1 : passes;
}

/* At the end of the list the next pass begins, for lower weights. True: nobody was found in all of them. */
static __always_inline int next_pass(struct weighted_turn *turn)
{
	turn->index = -1;
	turn->current_weight -= turn->step * (turn->sees_all ? passes_until(turn->highest, turn->current_weight, turn->step) : 1);
	if (turn->current_weight <= 0) {
		turn->current_weight = turn->max_weight;
		if (turn->is_last_pass || turn->start == -1) {
			turn->last = -1;
			return 1;
		}
		turn->restarted = 1;
	}
	turn->is_last_pass = turn->current_weight <= turn->step;
	if (turn->is_last_pass && turn->restarted && turn->start != -1) turn->stops_at_start = 1;
	turn->sees_all = 1;
	turn->highest = 0;
	return 0;
}

static long try_weighted_turn(__u32 tried, struct weighted_turn *turn)
{
	if (++turn->index >= turn->count) return next_pass(turn);
	__u32 number = cell_at(turn->list + turn->index);
	struct server *server = server_of(number);
	if (server && !server->overloaded) {
		if (server->weight >= turn->current_weight) {
			turn->last = turn->index;
			turn->server = number;
			return 1;
		}
		if (server->weight > turn->highest) turn->highest = server->weight;
	}
	if (turn->index != turn->start || !turn->stops_at_start) return 0;
	turn->last = turn->index;
	return 1;
}

GLOBAL int choose_wrr(struct service *service)
{
	if (!service || service->max_weight == 0) return NO_SERVER;
	__u64 place = *(volatile __u64 *)&service->place;
	struct weighted_turn turn = {
		.list = service->list, .count = service->server_count, .max_weight = service->max_weight, .step = service->step,
		.start = (__s32)(__u32)place - 1, .current_weight = place >> 32, .last = (__s32)(__u32)place - 1, .server = NO_SERVER,
	};
	if (turn.step == 0) return NO_SERVER;
	turn.index = turn.start;
	turn.sees_all = turn.start == -1;
	/* The rest of a pass, all of the next ones that find somebody, and the last. */
	bpf_loop(8 * (turn.count + 2), try_weighted_turn, &turn, 0);
	__sync_val_compare_and_swap(&service->place, place, (__u64)turn.current_weight << 32 | (__u32)(turn.last + 1));
	return turn.server;
}

/* --- those that look at every server: lc, wlc, sed, nq, fo, ovf --- */

#define SCANNED_IN_PLACE 8

struct scan {
	__u32 list;
	/* Index of the first server. */
	__u32 first;
	__u32 scheduler;
	__u64 load;
	__u64 weight;
	__s32 server;
};

/* Whether loadA / weightA > loadB / weightB, without dividing. 257 * 2^24 connections * 2^31 fit into 64 bits. */
static __always_inline int is_more_loaded(__u64 load_a, __u64 weight_a, __u64 load_b, __u64 weight_b)
{
	return load_a * weight_b > load_b * weight_a;
}

static __always_inline int is_better(const struct scan *scan, __u64 load, __u64 weight)
{
	if (scan->server == NO_SERVER) return 1;
	switch (scan->scheduler) {
	case SCHEDULER_LC: return load < scan->load;
	case SCHEDULER_FO: case SCHEDULER_OVF: return weight > scan->weight;
	default: return is_more_loaded(scan->load, scan->weight, load, weight);
	}
}

static __always_inline long look_at_server(__u32 index, struct scan *scan)
{
	__u32 number = cell_at(scan->list + scan->first + index);
	struct server *server = server_of(number);
	if (!server || !is_available(server)) return 0;
	__u64 weight = server->weight, load;
	if (scan->scheduler == SCHEDULER_WLC || scan->scheduler == SCHEDULER_LC) load = overhead(server);
	else load = (__u64)active_connections(server) + 1;
	/* An idle one is the first choice of nq. */
	int is_idle = scan->scheduler == SCHEDULER_NQ && load == 1;
	if (scan->scheduler == SCHEDULER_OVF && load - 1 > weight) return 0;
	if (!is_idle && !is_better(scan, load, weight)) return 0;
	scan->load = load;
	scan->weight = weight;
	scan->server = number;
	return is_idle;
}

static long scan_server(__u32 index, struct scan *scan)
{
	return look_at_server(index, scan);
}

static __always_inline int best_of(const struct service *service, __u32 scheduler)
{
	struct scan scan = { .list = service->list, .scheduler = scheduler, .server = NO_SERVER };
	__u32 count = service->server_count;
	/* A loop in place is quicker, but the verifier follows each round of it. */
	for (__u32 i = 0; i < SCANNED_IN_PLACE; i++)
		if (i >= count || look_at_server(i, &scan)) return scan.server;
	scan.first = SCANNED_IN_PLACE;
	bpf_loop(count - SCANNED_IN_PLACE, scan_server, &scan, 0);
	return scan.server;
}

GLOBAL int choose_best(const struct service *service)
{
	return service ? best_of(service, service->scheduler) : NO_SERVER;
}

/* The default, and what lblc and lblcr fall back on: with its rule in place. */
GLOBAL int choose_wlc(const struct service *service)
{
	return service ? best_of(service, SCHEDULER_WLC) : NO_SERVER;
}

/* --- dh, sh, mh --- */

static __always_inline __u32 folded(const __u32 *address)
{
	return address[0] ^ address[1] ^ address[2] ^ address[3];
}

/* Of an ICMP error that of the packet inside as it stands there, which is the client. */
static __always_inline const __u32 *destination_of(const struct packet *packet)
{
	return packet->is_icmp_error ? packet->client : packet->virtual;
}

static __always_inline __u32 golden_hash(__u32 word, __u32 bits)
{
	return word * 0x61c88647u >> (32 - bits);
}

static __always_inline int if_available(__u32 number)
{
	struct server *server = server_of(number);
	return server && is_available(server) ? (int)number : NO_SERVER;
}

static __always_inline int choose_dh(const struct service *service, const struct packet *packet)
{
	if (service->server_count == 0) return NO_SERVER;
	__u32 bucket = golden_hash(folded(destination_of(packet)), SH_BUCKET_BITS);
	return if_available(cell_at(service->list + bucket % service->server_count));
}

static __always_inline __u32 client_hash_input(const struct service *service, const struct packet *packet)
{
	return folded(packet->client) + (service->scheduler_flags & FLAG_PORT ? client_port(packet) : 0);
}

struct fallback {
	__u32 table;
	__u32 home;
	__u32 client;
	__s32 server;
};

/* The kernel counts `home` twice, as the place to start from and in the hash. */
static long try_next_bucket(__u32 tried, struct fallback *fallback)
{
	fallback->server = if_available(cell_at(fallback->table + (2 * fallback->home + tried) % SH_BUCKETS));
	return fallback->server != NO_SERVER;
}

static __always_inline int choose_sh(const struct service *service, const struct packet *packet)
{
	if (service->table_size != SH_BUCKETS) return NO_SERVER;
	__u32 home = golden_hash(client_hash_input(service, packet), SH_BUCKET_BITS);
	int server = if_available(cell_at(service->table + home));
	if (server != NO_SERVER || !(service->scheduler_flags & FLAG_FALLBACK)) return server;
	struct fallback fallback = { .table = service->table, .home = home, .server = NO_SERVER };
	bpf_loop(SH_BUCKETS, try_next_bucket, &fallback, 0);
	return fallback.server;
}

#define ROTATE(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))
#define SIP_ROUND                                                            \
	do {                                                                 \
		v0 += v1; v1 = ROTATE(v1, 13) ^ v0; v0 = ROTATE(v0, 32);     \
		v2 += v3; v3 = ROTATE(v3, 16) ^ v2;                          \
		v0 += v3; v3 = ROTATE(v3, 21) ^ v0;                          \
		v2 += v1; v1 = ROTATE(v1, 17) ^ v2; v2 = ROTATE(v2, 32);     \
	} while (0)

/* SipHash-1-3 of one word, both halves of whose key are MH_KEY: hsiphash_1u32() on 64-bit kernels. */
static __always_inline __u32 mh_hash(__u32 word)
{
	__u64 v0 = 0x736f6d6570736575ULL ^ MH_KEY, v1 = 0x646f72616e646f6dULL ^ MH_KEY;
	__u64 v2 = 0x6c7967656e657261ULL ^ MH_KEY, v3 = 0x7465646279746573ULL ^ MH_KEY;
	__u64 block = 4ULL << 56 | word;
	v3 ^= block;
	SIP_ROUND;
	v0 ^= block;
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/* Hashes on, starting from the number of the slot that is not available. */
static long try_next_slot(__u32 tried, struct fallback *fallback)
{
	__u32 again = fallback->client + (fallback->home + tried) % MH_SLOTS;
	fallback->server = if_available(cell_at(fallback->table + mh_hash(again) % MH_SLOTS));
	return fallback->server != NO_SERVER;
}

static __always_inline int choose_mh(const struct service *service, const struct packet *packet)
{
	if (service->table_size != MH_SLOTS) return NO_SERVER;
	__u32 client = client_hash_input(service, packet), home = mh_hash(client) % MH_SLOTS;
	int server = if_available(cell_at(service->table + home));
	if (server != NO_SERVER || !(service->scheduler_flags & FLAG_FALLBACK)) return server;
	struct fallback fallback = { .table = service->table, .home = home, .client = client, .server = NO_SERVER };
	bpf_loop(MH_SLOTS, try_next_slot, &fallback, 0);
	return fallback.server;
}

/* --- lblc, lblcr --- */

static long is_below_half(__u32 index, struct scan *scan)
{
	struct server *server = server_of(cell_at(scan->list + index));
	scan->server = server && 2ULL * active_connections(server) < server->weight;
	return scan->server;
}

/* This server is above its weight, and some is below half of its own. */
static __always_inline int is_busy(const struct service *service, const struct server *server)
{
	if (active_connections(server) <= server->weight) return 0;
	struct scan scan = { .list = service->list };
	bpf_loop(service->server_count, is_below_half, &scan, 0);
	return scan.server;
}

static __always_inline struct cache_entry *cached(const struct cache_key *key, __u32 now)
{
	struct cache_entry *entry = bpf_map_lookup_elem(&destination_cache, key);
	if (!entry) return 0;
	if ((__s32)(now - entry->last_used) >= (__s32)(CACHE_EXPIRATION_SEC * ticks_per_second)) {
		bpf_map_delete_elem(&destination_cache, key);
		return 0;
	}
	entry->last_used = now;
	return entry;
}

/* What stands for a server in the cache; 0: none. */
static __always_inline __u32 cached_name(__u32 number)
{
	struct server *server = server_of(number);
	return server ? number | server->generation << SERVER_BITS : 0;
}

/* The server that was cached, if its number is still its own and its service lists it. */
static __always_inline struct server *cached_server(__u32 name)
{
	struct server *server = server_of(name & ((1 << SERVER_BITS) - 1));
	if (!server || (__u32)(server->generation << SERVER_BITS) != (name & ~((1u << SERVER_BITS) - 1))) return 0;
	return server->flags & SERVER_LISTED ? server : 0;
}

static __always_inline int number_of(__u32 name)
{
	return name & ((1 << SERVER_BITS) - 1);
}

static __always_inline void cache(const struct cache_key *key, __u32 server, __u32 now)
{
	__u32 zero = 0;
	struct cache_entry *entry = bpf_map_lookup_elem(&scratch, &zero);
	if (!entry) return;
	entry->last_used = entry->last_changed = now;
	entry->count = 1;
	entry->servers[0] = cached_name(server);
	bpf_map_update_elem(&destination_cache, key, entry, BPF_ANY);
}

/* The remembered server may be overloaded: the kernel asks for the thresholds only of a new one. */
static __always_inline int choose_lblc(const struct service *service, const struct cache_key *key, __u32 now)
{
	struct cache_entry *entry = cached(key, now);
	if (entry) {
		struct server *server = cached_server(entry->servers[0]);
		if (server && server->weight > 0 && !is_busy(service, server)) return number_of(entry->servers[0]);
	}
	int chosen = choose_wlc(service);
	if (chosen == NO_SERVER) return NO_SERVER;
	if (entry) entry->servers[0] = cached_name(chosen);
	else cache(key, chosen, now);
	return chosen;
}

struct member_walk {
	struct cache_entry *entry;
	__u64 load;
	__u64 weight;
	__s32 server;
	__u32 index;
	__u32 wanted;
};

static long look_at_member(__u32 index, struct member_walk *walk)
{
	__u32 name = walk->entry->servers[index % CACHE_SERVERS];
	struct server *server = cached_server(name);
	if (!server || !is_available(server)) return 0;
	if (walk->server != NO_SERVER && !is_more_loaded(walk->load, walk->weight, overhead(server), server->weight)) return 0;
	walk->load = overhead(server);
	walk->weight = server->weight;
	walk->server = number_of(name);
	return 0;
}

/* Of those with a weight, be they deleted or overloaded. */
static long look_for_most_loaded(__u32 index, struct member_walk *walk)
{
	struct server *server = server_of(number_of(walk->entry->servers[index % CACHE_SERVERS]));
	if (!server || server->weight == 0) return 0;
	if (walk->server != NO_SERVER && !is_more_loaded(overhead(server), server->weight, walk->load, walk->weight)) return 0;
	walk->load = overhead(server);
	walk->weight = server->weight;
	walk->server = 1;
	walk->index = index;
	return 0;
}

static long is_member(__u32 index, struct member_walk *walk)
{
	walk->server = walk->entry->servers[index % CACHE_SERVERS] == walk->wanted;
	return walk->server;
}

static long close_gap(__u32 index, struct member_walk *walk)
{
	__u32 at = walk->index + index;
	if (at >= CACHE_SERVERS - 1) return 1;
	walk->entry->servers[at % CACHE_SERVERS] = walk->entry->servers[(at + 1) % CACHE_SERVERS];
	return 0;
}

static __always_inline void remove_most_loaded(struct cache_entry *entry, __u32 now)
{
	struct member_walk walk = { .entry = entry, .server = NO_SERVER };
	bpf_loop(entry->count, look_for_most_loaded, &walk, 0);
	if (walk.server == NO_SERVER) return;
	bpf_loop(CACHE_SERVERS, close_gap, &walk, 0);
	entry->count--;
	entry->last_changed = now;
}

/* A set that is full loses the member that has been in it longest. */
static __always_inline void add_member(struct cache_entry *entry, __u32 server, __u32 now)
{
	struct member_walk walk = { .entry = entry, .wanted = cached_name(server) };
	bpf_loop(entry->count, is_member, &walk, 0);
	if (walk.server) return;
	for (__u32 i = CACHE_SERVERS - 1; i > 0; i--) entry->servers[i] = entry->servers[i - 1];
	entry->servers[0] = walk.wanted;
	if (entry->count < CACHE_SERVERS) entry->count++;
	entry->last_changed = now;
}

static __always_inline int choose_lblcr(const struct service *service, const struct cache_key *key, __u32 now)
{
	struct cache_entry *entry = cached(key, now);
	if (entry) {
		struct member_walk walk = { .entry = entry, .server = NO_SERVER };
		bpf_loop(entry->count, look_at_member, &walk, 0);
		if (entry->count > 1 && (__s32)(now - entry->last_changed) > (__s32)(CACHE_EXPIRATION_SEC * ticks_per_second))
			remove_most_loaded(entry, now);
		struct server *member = walk.server == NO_SERVER ? 0 : server_of(walk.server);
		if (member && !is_busy(service, member)) return walk.server;
	}
	int chosen = choose_wlc(service);
	if (chosen == NO_SERVER) return NO_SERVER;
	if (entry) add_member(entry, chosen, now);
	else cache(key, chosen, now);
	return chosen;
}

GLOBAL int choose_by_destination(const struct service *service, const struct packet *packet)
{
	if (!service || !packet) return NO_SERVER;
	struct cache_key key = { .instance = service->instance };
	__builtin_memcpy(key.address, destination_of(packet), sizeof key.address);
	if (service->scheduler == SCHEDULER_LBLC) return choose_lblc(service, &key, packet->now);
	return choose_lblcr(service, &key, packet->now);
}

GLOBAL int choose_by_hash(const struct service *service, const struct packet *packet)
{
	if (!service || !packet) return NO_SERVER;
	if (service->scheduler == SCHEDULER_DH) return choose_dh(service, packet);
	if (service->scheduler == SCHEDULER_SH) return choose_sh(service, packet);
	return choose_mh(service, packet);
}

/* The server of a new connection, or NO_SERVER: no server can take it. */
static __always_inline int choose(struct service *service, const struct packet *packet)
{
	switch (service->scheduler) {
	case SCHEDULER_NONE: return NO_SERVER;
	case SCHEDULER_RR: return choose_rr(service);
	case SCHEDULER_WRR: return choose_wrr(service);
	case SCHEDULER_DH: case SCHEDULER_SH: case SCHEDULER_MH: return choose_by_hash(service, packet);
	case SCHEDULER_LBLC: case SCHEDULER_LBLCR: return choose_by_destination(service, packet);
	case SCHEDULER_WLC: return choose_wlc(service);
	default: return choose_best(service);
	}
}

#endif
