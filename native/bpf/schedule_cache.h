/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Those that remember a destination: lblc and lblcr of src/schedule. */
#ifndef DIRECTOR_SCHEDULE_CACHE_H
#define DIRECTOR_SCHEDULE_CACHE_H
#include "schedule_scan.h"

#define CACHE_EXPIRATION_SEC (24 * 60 * 60)


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
	return takes_part(server) ? server : 0;
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

#endif
