/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Who makes room for something new where both buckets are full: src/datapath/room.ts. One whose time is up, else the
 * oldest of those that a flood of forged addresses leaves behind. What has shown that somebody is there never goes.
 */
#ifndef DIRECTOR_ROOM_H
#define DIRECTOR_ROOM_H
#include "connection.h"
#include "state.h"

#define NO_SLOT 0xffffffff
/* What is said with a slot that is to be taken. */
#define SLOT_IS_FREE 0x80000000
#define SLOT_IS_HALF_OPEN 0x40000000

/* --- timeouts --- */

static __always_inline __u32 tcp_timeout(const struct config *config, __u32 state)
{
	return state < TCP_STATES ? config->tcp_timeout[state] : 0;
}

static __always_inline __u32 sctp_timeout(const struct config *config, __u32 state)
{
	return state < SCTP_STATES ? config->sctp_timeout[state] : 0;
}

/* Ticks that a connection lives in a state. */
static __always_inline __u32 state_timeout(const struct config *config, __u8 protocol, __u32 state)
{
	if (protocol == PROTOCOL_TCP) return tcp_timeout(config, state);
	return protocol == PROTOCOL_SCTP ? sctp_timeout(config, state) : config->udp_timeout;
}

static __always_inline __u32 template_timeout(__u32 word)
{
	return ticks_from_sec(word >> STATE_COUNT_SHIFT);
}

/* --- who may go --- */

static __always_inline __u32 link_of(const struct connection *template)
{
	return *(volatile const __u32 *)&template->link;
}

static __always_inline __u32 count_in_link(__u32 link)
{
	return link & LINK_IS_SOLE ? link & LINK_COUNT_MASK : link & ~LINK_IS_TEMPLATE;
}

static __always_inline __u32 dependents(const struct connection *template)
{
	return count_in_link(link_of(template));
}

/* What a template decides is worth nothing before its client got as far as a handshake. */
static __always_inline int is_unassured(__u32 word)
{
	return (word & STATE_MASK) == 0;
}

/*
 * Nobody has shown to be there: no packet of its own (an ICMP error opened it), TCP or SCTP without a handshake, UDP
 * after one packet.
 */
static __always_inline int is_half_open(__u8 protocol, __u32 word)
{
	__u32 state = word & STATE_MASK, packets = word >> STATE_COUNT_SHIFT & STATE_COUNT_MASK;
	if (state == STATE_GONE) return 0;
	if (packets == 0) return 1;
	if (protocol == PROTOCOL_TCP) return state == SR || state == SA;
	if (protocol == PROTOCOL_SCTP) return state == S_I1 || state == S_IN;
	return packets == 1 && (word & STATE_NO_OUTPUT);
}

/* Nobody depends on it, or one of whom it is known where it is: it goes along if it is half-open. */
static __always_inline int may_template_go(const struct connection *template)
{
	__u32 link = link_of(template), count = count_in_link(link);
	return is_unassured(template->state) && (count == 0 || (count == 1 && (link & LINK_IS_SOLE)));
}

static __always_inline int may_go(const struct connection *connection)
{
	return connection->kind & KIND_TEMPLATE ? may_template_go(connection) : is_half_open(connection->kind, connection->state);
}

/* Its time is up; a template on which connections depend stays all the same. */
static __always_inline int is_over(const struct connection *connection, __u32 now)
{
	return is_expired(connection, now) && (!(connection->kind & KIND_TEMPLATE) || dependents(connection) == 0);
}

/* Ticks since its last packet. */
static __always_inline __s32 age_of(const struct config *config, const struct connection *connection, __u32 now)
{
	__u32 word = connection->state, timeout;
	if (connection->kind & KIND_TEMPLATE) timeout = template_timeout(word);
	else timeout = state_timeout(config, connection->kind, word & STATE_MASK);
	return timeout - (connection->expires - now);
}

/* --- looking --- */

/* What the ways of a bucket are good for when something new is to be remembered. */
struct room {
	__u32 free;
	/* Way of a free entry; else of one whose time is up; else of the oldest that may go. */
	__u32 free_way;
	__u32 expired_way;
	__u32 half_open_way;
	__s32 age;
};

#define NO_WAY 0xff

static __always_inline void look_for_room(const struct config *config, struct room *room, const struct connection *connection, __u32 way, __u32 now)
{
	if (connection->kind == 0) {
		room->free++;
		if (room->free_way == NO_WAY) room->free_way = way;
		return;
	}
	if (!is_live(connection)) return;
	if (is_over(connection, now)) {
		room->expired_way = way;
		return;
	}
	if (!may_go(connection)) return;
	__s32 age = age_of(config, connection, now);
	if (age <= room->age) return;
	room->age = age;
	room->half_open_way = way;
}

static __always_inline struct room room_in(const struct config *config, __u32 version, __u32 at, __u32 now)
{
	struct room room = { 0, NO_WAY, NO_WAY, NO_WAY, -0x7fffffff };
	if (version == 4) {
		struct bucket4 *bucket = bucket4_at(at);
		if (!bucket) return room;
#pragma unroll
		for (int way = 0; way < WAYS; way++) look_for_room(config, &room, &bucket->way[way].connection, way, now);
	} else {
		struct bucket6 *bucket = bucket6_at(at);
		if (!bucket) return room;
#pragma unroll
		for (int way = 0; way < WAYS; way++) look_for_room(config, &room, &bucket->way[way].connection, way, now);
	}
	return room;
}

/* A slot for something new: free, or held by one that has to go first. With what it is, or NO_SLOT. */
GLOBAL __u32 slot_with_room(const struct config *config, __u32 version, __u32 first_bucket, __u32 second_bucket, __u32 now)
{
	if (!config) return NO_SLOT;
	struct room first = room_in(config, version, first_bucket, now);
	if (first.free >= 2) return (first_bucket * WAYS + first.free_way) | SLOT_IS_FREE;
	struct room second = room_in(config, version, second_bucket, now);
	if (second.free > first.free) return (second_bucket * WAYS + second.free_way) | SLOT_IS_FREE;
	if (first.free > 0) return (first_bucket * WAYS + first.free_way) | SLOT_IS_FREE;
	if (first.expired_way != NO_WAY) return first_bucket * WAYS + first.expired_way;
	if (second.expired_way != NO_WAY) return second_bucket * WAYS + second.expired_way;
	if (second.half_open_way != NO_WAY && second.age > first.age)
		return (second_bucket * WAYS + second.half_open_way) | SLOT_IS_HALF_OPEN;
	return first.half_open_way != NO_WAY ? (first_bucket * WAYS + first.half_open_way) | SLOT_IS_HALF_OPEN : NO_SLOT;
}

/* Whether who is in the slot that was found still has to go. */
static __always_inline int makes_room(__u32 found, const struct connection *connection, __u32 now)
{
	if (!is_live(connection)) return 0;
	return is_over(connection, now) || ((found & SLOT_IS_HALF_OPEN) && may_go(connection));
}

static __noinline void count_room(__u32 kind)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct verdict_counts *counts = bpf_map_lookup_elem(&verdicts, &cpu);
	if (!counts) return;
	if (kind & KIND_TEMPLATE) counts->made_room[ROOM_TEMPLATE]++;
	else if ((kind & 0xff) == PROTOCOL_UDP) counts->made_room[ROOM_UDP]++;
	else counts->made_room[ROOM_HALF_OPEN]++;
}

#endif
