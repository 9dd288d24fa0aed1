/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Beginning, steps and end of connections and templates, with what they change in a server's load:
 * src/datapath/connection-life.ts. A server's load changes only with a connection's state word, which changes by
 * compare-and-swap: so the counts are right on however many CPUs.
 */
#ifndef DIRECTOR_LIFE_H
#define DIRECTOR_LIFE_H
#include "connection.h"
#include "state.h"

/* A template that connections still depend on when its time is up lives on for this long: ip_vs_conn_expire(). */
#define DEPENDED_ON_SEC 60

#define ONE_ACTIVE (1ULL << 32)
#define ONE_INACTIVE 1ULL

/* How often another CPU may be quicker. */
#define CLAIMS 4

static __always_inline __u32 active_connections(const struct server *server)
{
	return *(volatile const __u64 *)&server->load >> 32;
}

static __always_inline __u32 inactive_connections(const struct server *server)
{
	return *(volatile const __u64 *)&server->load;
}

/* ip_vs_ctl.c, ip_vs_dest_update_overload(): between the two thresholds it stays as it is. */
static __always_inline void update_overload(struct server *server)
{
	if (server->upper == 0) return;
	__u32 count = active_connections(server) + inactive_connections(server);
	if (count >= server->upper) server->overloaded = 1;
	else if (count < server->lower) server->overloaded = 0;
}

/* --- end --- */

static __always_inline void drop_dependent(__u32 version, __u32 link)
{
	struct connection *template = link ? connection_at(version, link - 1) : 0;
	if (template) __sync_fetch_and_sub(&template->link, 1);
}

/* The entry is claimed. Its key says which bucket it would rather have had. */
static __noinline void unspill(const struct config *config, __u32 version, __u32 slot, __u32 kind)
{
	struct home home;
	kind &= ~(KIND_SPILLED | KIND_INVALIDATED);
	if (version == 4) {
		struct bucket4 *bucket = bucket4_at(slot / WAYS);
		if (!bucket) return;
		CHECKED(bucket);
		const struct connection4 *entry = &bucket->way[slot % WAYS];
		home = home4(config, entry->client, entry->virtual, entry->connection.ports, kind);
	} else {
		struct bucket6 *bucket = bucket6_at(slot / WAYS);
		if (!bucket) return;
		CHECKED(bucket);
		const struct connection6 *entry = &bucket->way[slot % WAYS];
		home = home6(config, entry->client, entry->virtual, entry->connection.ports, kind);
	}
	__u32 *group = group_of(version, home.first);
	if (group) __sync_fetch_and_sub(group, 1);
}

/* What decides who may step or end an entry: read before all else that decides whether to. */
static __always_inline __u32 word_of(const struct connection *connection)
{
	return *(volatile const __u32 *)&connection->state;
}

/*
 * Claims an entry and takes it out of its server's counts. False: since the word was read somebody else has ended it,
 * or it goes on.
 */
static __always_inline int clear(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot)
{
	if (!is_live(connection) || (word & STATE_MASK) == STATE_GONE) return 0;
	if (__sync_val_compare_and_swap(&connection->state, word, word | STATE_GONE) != word) return 0;
	__u32 kind = __sync_lock_test_and_set(&connection->kind, KIND_CLAIMED);
	if (kind & KIND_SPILLED) unspill(config, version, slot, kind);
	struct server *server = server_of(connection->server);
	if (server && (kind & KIND_TEMPLATE)) {
		__sync_fetch_and_sub(&server->persistent, 1);
	} else if (server) {
		drop_dependent(version, connection->link);
		__sync_fetch_and_sub(&server->load, word & STATE_INACTIVE ? ONE_INACTIVE : ONE_ACTIVE);
		update_overload(server);
	}
	return 1;
}

static __always_inline void forget(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot)
{
	if (clear(config, connection, word, version, slot)) publish(connection, 0);
}

/* The same, whatever it has done since the word was read. */
static __always_inline void forget_anyway(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot)
{
	for (int tried = 0; tried < CLAIMS; tried++) {
		__u32 now = word_of(connection);
		if ((now ^ word) >> STATE_OWNER_SHIFT) return;
		if (!clear(config, connection, now, version, slot)) continue;
		publish(connection, 0);
		return;
	}
}

static __always_inline void set_template_timeout(struct connection *template, __u32 seconds)
{
	template->state = (template->state & STATE_MASK) | seconds << STATE_COUNT_SHIFT;
}

static __always_inline __u32 template_timeout(const struct connection *template)
{
	return ticks_from_sec(template->state >> STATE_COUNT_SHIFT);
}

/* What happens when an entry's time is up. False: it lives on, because others depend on it. */
static __always_inline int expire(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot, __u32 now)
{
	if ((connection->kind & KIND_TEMPLATE) && connection->link > 0) {
		set_template_timeout(connection, DEPENDED_ON_SEC);
		connection->expires = now + DEPENDED_ON_SEC * ticks_per_second;
		return 0;
	}
	forget(config, connection, word, version, slot);
	return 1;
}

/* --- beginning --- */

/*
 * An entry of the key's home, claimed. Null: both buckets are full of what must stay. One that was free is never taken
 * from who was quicker to take it.
 */
static __always_inline struct connection *take_slot(const struct config *config, __u32 version, struct home home, __u32 now, __u32 *taken)
{
	for (int tried = 0; tried < CLAIMS; tried++) {
		__u32 found = slot_with_room(version, home.first, home.second, now), slot = found & ~(SLOT_IS_FREE | SLOT_IS_HALF_OPEN);
		struct connection *connection = found == NO_SLOT ? 0 : connection_at(version, slot);
		if (!connection) return 0;
		*taken = slot;
		if (found & SLOT_IS_FREE) {
			if (!claim(connection, 0)) continue;
			mark_used(version, slot / WAYS);
			return connection;
		}
		__u32 word = word_of(connection);
		if (makes_room(found, connection, now) && clear(config, connection, word, version, slot)) return connection;
	}
	return 0;
}

/* Writes key, server and state into a claimed entry, and shows it. */
static __always_inline void fill(struct connection *connection, __u32 slot, const struct key *key, struct home home, __u32 server, __u32 expires, __u32 state, __u32 link)
{
	__u32 kind = key->kind;
	if (slot / WAYS != home.first) {
		__u32 *group = group_of(key->version, home.first);
		if (group) __sync_fetch_and_add(group, 1);
		kind |= KIND_SPILLED;
	}
	if (key->version == 4) {
		struct bucket4 *bucket = bucket4_at(slot / WAYS);
		if (bucket) {
			struct connection4 *entry = &bucket->way[slot % WAYS];
			entry->client = key->client[0];
			entry->virtual = key->virtual[0];
		}
	} else {
		struct bucket6 *bucket = bucket6_at(slot / WAYS);
		if (bucket) {
			struct connection6 *entry = &bucket->way[slot % WAYS];
			__builtin_memcpy(entry->client, key->client, sizeof key->client);
			__builtin_memcpy(entry->virtual, key->virtual, sizeof key->virtual);
		}
	}
	connection->ports = key->ports;
	connection->server = server;
	connection->expires = expires;
	connection->state = kind & KIND_TEMPLATE ? state : state | ((word_of(connection) >> STATE_OWNER_SHIFT) + 1) << STATE_OWNER_SHIFT;
	connection->link = link;
	publish(connection, kind);
}

/* --- steps --- */

static __always_inline __u32 tcp_timeout(const struct config *config, __u32 state)
{
	return state < TCP_STATES ? config->tcp_timeout[state] : 0;
}

static __always_inline __u32 sctp_timeout(const struct config *config, __u32 state)
{
	return state < SCTP_STATES ? config->sctp_timeout[state] : 0;
}

/* A client that got as far as a handshake is a real one: ip_vs_control_assure_ct(). */
static __always_inline void assure_template(__u32 version, __u32 link)
{
	struct connection *template = link ? connection_at(version, link - 1) : 0;
	if (template && is_live(template) && (template->kind & KIND_TEMPLATE)) template->state |= 1;
}

/* The state after this packet. */
static __always_inline __u32 next_state(const struct config *config, const struct packet *packet, __u32 word, enum direction side)
{
	__u32 state = word & STATE_MASK;
	if (packet->protocol == PROTOCOL_TCP) {
		enum direction direction = word & STATE_NO_OUTPUT ? INPUT_ONLY : side;
		return next_tcp_state(state, packet->state_input, direction, config->is_secure);
	}
	if (packet->protocol == PROTOCOL_SCTP && side != OUTPUT) return next_sctp_state(state, packet->state_input);
	return state;
}

static __always_inline int is_active(__u8 protocol, __u32 state)
{
	return protocol == PROTOCOL_TCP ? is_active_tcp(state) : protocol == PROTOCOL_SCTP && state == S_ES;
}

/* Ticks that a connection lives in a state. */
static __always_inline __u32 state_timeout(const struct config *config, __u8 protocol, __u32 state)
{
	if (protocol == PROTOCOL_TCP) return tcp_timeout(config, state);
	return protocol == PROTOCOL_SCTP ? sctp_timeout(config, state) : config->udp_timeout;
}

static __always_inline int is_assuring(__u8 protocol, __u32 state)
{
	return protocol == PROTOCOL_TCP ? state == ES : protocol == PROTOCOL_SCTP && state == S_ES;
}

/* The same word with another state, and with one packet more. */
static __always_inline __u32 stepped_word(__u32 word, __u8 protocol, __u32 state, int counts)
{
	__u32 next = (word & ~STATE_MASK) | state;
	if (state != (word & STATE_MASK)) {
		if (is_active(protocol, state)) next &= ~STATE_INACTIVE;
		else next |= STATE_INACTIVE;
	}
	if (counts && (next >> STATE_COUNT_SHIFT & STATE_COUNT_MASK) < MAX_PACKETS) next += 1 << STATE_COUNT_SHIFT;
	return next;
}

/* New state and fresh timer of a connection to this server; of nobody's else, who may have got its entry meanwhile. */
static __always_inline void step_state(const struct config *config, const struct packet *packet, struct connection *connection, struct server *server, __u32 number, enum direction side)
{
	__u32 before = word_of(connection), word = side == OUTPUT ? before & ~STATE_NO_OUTPUT : before;
	if ((before & STATE_MASK) == STATE_GONE || *(volatile __u32 *)&connection->server != number) return;
	__u32 state = next_state(config, packet, word, side);
	__u32 next = stepped_word(word, packet->protocol, state, side != OUTPUT);
	if (next != before) {
		if (__sync_val_compare_and_swap(&connection->state, before, next) != before) return;
		/* From inactive to active the lower half lends nothing: there is at least this one in it. */
		if ((before & STATE_INACTIVE) && !(next & STATE_INACTIVE)) __sync_fetch_and_add(&server->load, ONE_ACTIVE - ONE_INACTIVE);
		if (!(before & STATE_INACTIVE) && (next & STATE_INACTIVE)) __sync_fetch_and_sub(&server->load, ONE_ACTIVE - ONE_INACTIVE);
		if (state != (before & STATE_MASK) && is_assuring(packet->protocol, state)) {
			assure_template(packet->version, connection->link);
			if (packet->protocol == PROTOCOL_TCP && is_half_open_tcp(before & STATE_MASK)) server->last_alive = packet->now;
		}
	}
	/* Only an answer assures a client of UDP. */
	if (packet->protocol == PROTOCOL_UDP && side == OUTPUT) assure_template(packet->version, connection->link);
	connection->expires = packet->now + state_timeout(config, packet->protocol, state);
}

#endif
