/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* One after the other: rr and wrr of src/schedule. */
#ifndef DIRECTOR_SCHEDULE_TURN_H
#define DIRECTOR_SCHEDULE_TURN_H
#include "schedule_load.h"

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

#define RACES 4

/*
 * `place` is the index of the last pick + 1. Two CPUs at the same place: one of them goes on from the other's. Who has
 * lost that often takes the server that it found, and leaves the place to the others.
 */
GLOBAL int search_in_turn(struct service *service)
{
	if (!service) return NO_SERVER;
	struct turn turn = { .list = service->list, .count = service->server_count };
	for (int race = 0; race < RACES; race++) {
		__u64 place = *(volatile __u64 *)&service->place;
		turn.index = (__u32)place == 0 ? turn.count : (__u32)place - 1;
		turn.server = NO_SERVER;
		bpf_loop(turn.count, try_in_turn, &turn, 0);
		if (turn.server == NO_SERVER) return NO_SERVER;
		if (__sync_val_compare_and_swap(&service->place, place, (__u64)turn.index + 1) == place) break;
	}
	return turn.server;
}

/* Mostly the next one is available, and no other CPU in the way. */
static __always_inline int choose_rr(struct service *service)
{
	__u64 place = *(volatile __u64 *)&service->place;
	__u32 index = (__u32)place < service->server_count ? place : 0;
	if (service->server_count == 0) return NO_SERVER;
	__u32 number = cell_at(service->list + index);
	struct server *server = server_of(number);
	if (!server || !is_available(server)) return search_in_turn(service);
	if (__sync_val_compare_and_swap(&service->place, place, (__u64)index + 1) != place) return search_in_turn(service);
	return number;
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

#endif
