/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Those that look at every server: lc, wlc, sed, nq, fo and ovf of src/schedule. */
#ifndef DIRECTOR_SCHEDULE_SCAN_H
#define DIRECTOR_SCHEDULE_SCAN_H
#include "schedule_load.h"

#define SCANNED_IN_PLACE 8

/* A connection got from SYN to ESTABLISHED there since. */
static __always_inline int has_lived_since(const struct server *server, __u32 since)
{
	__u32 last = *(volatile const __u32 *)&server->last_alive;
	return last != 0 && (__s32)(last - since) >= 0;
}

struct scan {
	__u32 list;
	/* Index of the first server. */
	__u32 first;
	__u32 scheduler;
	__u64 load;
	__u64 weight;
	__s32 server;
	/* Only those that have shown life since then, and not this one. */
	__u32 asks_for_life;
	__u32 since;
	__u32 avoided;
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
	if (scan->asks_for_life && (number == scan->avoided || !has_lived_since(server, scan->since))) return 0;
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

/* src/datapath/second-chance.ts, leastLoadedThatLives() */
static __always_inline int least_loaded_that_lives(const struct service *service, __u32 avoided, __u32 since)
{
	struct scan scan = {
		.list = service->list, .scheduler = SCHEDULER_WLC, .server = NO_SERVER,
		.asks_for_life = 1, .since = since, .avoided = avoided,
	};
	bpf_loop(service->server_count, scan_server, &scan, 0);
	return scan.server;
}

#endif
