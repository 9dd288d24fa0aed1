/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Beginning, steps and end of connections and templates, with what they change in a server's load:
 * src/datapath/connection-life.ts. A server's load changes only with a connection's state word, which changes by
 * compare-and-swap: so the counts are right on however many CPUs.
 */
#ifndef DIRECTOR_LIFE_H
#define DIRECTOR_LIFE_H
#include "room.h"

/* A template that connections still depend on when its time is up lives on for this long: ip_vs_conn_expire(). */
#define DEPENDED_ON_SEC 60

#define ONE_ACTIVE (1ULL << 32)
#define ONE_INACTIVE 1ULL

/* How often another CPU may be quicker. */
#define CLAIMS 4
/* The same of a template that many CPUs have new connections for. */
#define HOLDS 64

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

/* What decides who may step or end an entry: read before all else that decides whether to. */
static __always_inline __u32 word_of(const struct connection *connection)
{
	return *(volatile const __u32 *)&connection->state;
}

/* --- who depends on a template --- */

/*
 * A template goes only while nobody depends on it, and nobody may come to depend on one that goes. Its link decides:
 * who ends it takes the link from a count of 0 to 0 altogether (take_template()), who depends on it adds one to a link
 * that has LINK_IS_TEMPLATE (hold()), both by compare-and-swap, so that one of two finds that the other was there. The
 * link of a connection never has that bit, nor has that of a claimed entry before fill() has written it for a new
 * template: so a hold is always on a template, and let_go() takes it from the same one, which cannot have gone
 * meanwhile. It may be another one than was found, if that has ended and its entry was filled anew: who holds one can
 * look in peace.
 */
static __always_inline int hold(struct connection *template)
{
	for (int tried = 0; tried < HOLDS; tried++) {
		__u32 link = link_of(template), next = link + 1;
		if (!(link & LINK_IS_TEMPLATE)) return 0;
		if (count_in_link(next) == 0) next = LINK_IS_TEMPLATE | (LINK_COUNT_MASK + 1);
		if (__sync_val_compare_and_swap(&template->link, link, next) == link) return 1;
	}
	return 0;
}

/* Who holds it alone says where it is. */
static __always_inline void say_who_holds(struct connection *template, __u32 slot)
{
	__u32 link = link_of(template), sole = LINK_IS_TEMPLATE | LINK_IS_SOLE | slot << LINK_COUNT_BITS | 1;
	if (count_in_link(link) == 1) __sync_val_compare_and_swap(&template->link, link, sole);
}

static __always_inline void let_go(struct connection *template)
{
	__sync_fetch_and_sub(&template->link, 1);
}

static __always_inline void drop_dependent(__u32 version, __u32 link)
{
	struct connection *template = link ? connection_at(version, link - 1) : 0;
	if (template) let_go(template);
}

/* The entry is claimed. Its key says which bucket it would rather have had. */
static __always_inline void unspill(const struct config *config, __u32 version, __u32 slot, __u32 kind)
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

/*
 * That of a template on which nobody depends. A template keeps no number of owner: with any other in its place, the
 * next connection's is another than that of the connection before it.
 */
static __always_inline int take_template(struct connection *template, __u32 word)
{
	__u32 link = link_of(template);
	if (!(link & LINK_IS_TEMPLATE) || count_in_link(link) > 0) return 0;
	if (__sync_val_compare_and_swap(&template->link, link, 0) != link) return 0;
	__u32 gone = STATE_GONE | bpf_get_prandom_u32() << STATE_OWNER_SHIFT;
	if (__sync_val_compare_and_swap(&template->state, word, gone) == word) return 1;
	/* Assured, or given another timeout, just now. Nobody else writes the link meanwhile. */
	*(volatile __u32 *)&template->link = LINK_IS_TEMPLATE;
	return 0;
}

/*
 * Claims an entry and takes it out of its server's counts. False: since the word was read somebody else has ended it,
 * or it goes on.
 */
GLOBAL int clear(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot)
{
	if (!config || !connection || !is_live(connection) || (word & STATE_MASK) == STATE_GONE) return 0;
	if (connection->kind & KIND_TEMPLATE) {
		if (!take_template(connection, word)) return 0;
	} else if (__sync_val_compare_and_swap(&connection->state, word, word | STATE_GONE) != word) {
		return 0;
	}
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

static __always_inline int forget(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot)
{
	if (!clear(config, connection, word, version, slot)) return 0;
	publish(connection, 0);
	return 1;
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

/* What happens when an entry's time is up. False: it lives on, because others depend on it. */
static __always_inline int expire(const struct config *config, struct connection *connection, __u32 word, __u32 version, __u32 slot, __u32 now)
{
	if ((connection->kind & KIND_TEMPLATE) && dependents(connection) > 0) {
		__u32 longer = (word & STATE_MASK) | DEPENDED_ON_SEC << STATE_COUNT_SHIFT;
		if (__sync_val_compare_and_swap(&connection->state, word, longer) == word)
			connection->expires = now + DEPENDED_ON_SEC * ticks_per_second;
		return 0;
	}
	return forget(config, connection, word, version, slot);
}

/* --- beginning --- */

/* --- pushing out --- */

/*
 * A flood of a persistent service leaves a template and a half-open connection for each forged address. If they made
 * room one by one, oldest first, and templates only once their connection had, half of the places would be those of
 * templates that must stay, and of eight places that a newcomer may have all would be such too often: 10 % of honest
 * clients failed, now 0.5 % (test/xdp/kernel/table.test.ts). So a template takes its one connection along.
 */

static __always_inline int depends_on(const struct connection *connection, __u32 template_slot)
{
	return is_live(connection) && !(connection->kind & KIND_TEMPLATE) && connection->link == template_slot + 1;
}

/* Where the one is that alone depends on a template and is half-open, or NO_SLOT: then the template is not asked again. */
static __noinline __u32 sole_dependent(__u32 version, __u32 template_slot)
{
	struct connection *template = connection_at(version, template_slot);
	if (!template) return NO_SLOT;
	__u32 word = word_of(template), link = link_of(template);
	__u32 slot = (link & ~(LINK_IS_TEMPLATE | LINK_IS_SOLE)) >> LINK_COUNT_BITS;
	if (!(link & LINK_IS_TEMPLATE) || !(link & LINK_IS_SOLE) || count_in_link(link) != 1) return NO_SLOT;
	const struct connection *connection = connection_at(version, slot);
	if (!connection) return NO_SLOT;
	if (!depends_on(connection, template_slot)) {
		/* Another one does so now: nobody knows where that is. */
		__sync_val_compare_and_swap(&template->link, link, LINK_IS_TEMPLATE | 1);
		return NO_SLOT;
	}
	if (is_half_open(connection->kind, connection->state)) return slot;
	if (is_unassured(word)) __sync_val_compare_and_swap(&template->state, word, word | STATE_PROVEN);
	return NO_SLOT;
}

/* Before a template is pushed out: who depends on it goes first. False: that stays. */
GLOBAL int push_out_dependent(const struct config *config, __u32 version, __u32 template_slot)
{
	const struct connection *template = connection_at(version, template_slot);
	if (!config || !template) return 0;
	if (!(template->kind & KIND_TEMPLATE) || dependents(template) == 0) return 1;
	__u32 slot = sole_dependent(version, template_slot);
	struct connection *connection = connection_at(version, slot);
	if (!connection) return 0;
	__u32 word = word_of(connection);
	__u8 protocol = connection->kind;
	if (!depends_on(connection, template_slot) || !is_half_open(protocol, word)) return 0;
	if (!clear(config, connection, word, version, slot)) return 0;
	publish(connection, 0);
	count_room(protocol);
	return 1;
}

/* Claims the entry that was found to make room, if it still does: it may be another one by now. */
GLOBAL int push_out(const struct config *config, __u32 version, __u32 found, __u32 now)
{
	__u32 slot = found & ~SLOT_IS_HALF_OPEN;
	struct connection *connection = connection_at(version, slot);
	if (!config || !connection) return 0;
	__u32 word = word_of(connection), kind = connection->kind;
	if (!makes_room(found, connection, now) || !clear(config, connection, word, version, slot)) return 0;
	if (found & SLOT_IS_HALF_OPEN) count_room(kind);
	return 1;
}

/*
 * Slot of an entry of the two buckets, claimed, or NO_SLOT: both are full of what must stay. One that was free is never
 * taken from who was quicker to take it.
 */
GLOBAL __u32 search_slot(const struct config *config, __u32 version, __u32 first_bucket, __u32 second_bucket, __u32 now)
{
	for (int tried = 0; tried < CLAIMS; tried++) {
		__u32 found = slot_with_room(config, version, first_bucket, second_bucket, now), slot = found & ~(SLOT_IS_FREE | SLOT_IS_HALF_OPEN);
		struct connection *connection = found == NO_SLOT ? 0 : connection_at(version, slot);
		if (!connection) return NO_SLOT;
		if (!(found & SLOT_IS_FREE)) {
			if ((connection->kind & KIND_TEMPLATE) && !push_out_dependent(config, version, slot)) continue;
			if (!push_out(config, version, found, now)) continue;
		} else {
			if (!claim(connection, 0)) continue;
			mark_used(version, slot / WAYS);
		}
		if (slot / WAYS != first_bucket) mark_spilled(version, first_bucket);
		return slot;
	}
	return NO_SLOT;
}

/*
 * An entry of the key's home, claimed. Null: there is none. Where the first bucket has two free entries it is the first
 * of them, as slot_with_room() would say; that looks at those in use, too.
 */
static __always_inline struct connection *take_slot(const struct config *config, __u32 version, struct home home, __u32 now, __u32 *slot)
{
	struct connection *connection = first_of_two_free(version, home.first, slot);
	if (connection && claim(connection, 0)) {
		mark_used(version, home.first);
		return connection;
	}
	*slot = search_slot(config, version, home.first, home.second, now);
	return *slot == NO_SLOT ? 0 : connection_at(version, *slot);
}

/* The version is known when this is compiled: the verifier has to see that an entry of IPv6 is in its table. */
static __always_inline void write_addresses(__u32 version, struct connection *connection, const __u32 *client, const __u32 *virtual)
{
	if (version == 4) {
		struct connection4 *entry = container_of(connection, struct connection4, connection);
		entry->client = client[0];
		entry->virtual = virtual[0];
	} else {
		struct connection6 *entry = container_of(connection, struct connection6, connection);
		__builtin_memcpy(entry->client, client, sizeof entry->client);
		__builtin_memcpy(entry->virtual, virtual, sizeof entry->virtual);
	}
}

/* What a claimed entry is to hold besides its addresses. */
struct content {
	__u32 ports;
	__u32 kind;
	__u32 server;
	__u32 expires;
	__u32 state;
	__u32 link;
};

/* Writes that, and shows it. */
static __always_inline void fill(struct connection *connection, __u32 slot, struct home home, struct content content)
{
	if (slot / WAYS != home.first) content.kind |= KIND_SPILLED;
	if (!(content.kind & KIND_TEMPLATE)) content.state |= ((word_of(connection) >> STATE_OWNER_SHIFT) + 1) << STATE_OWNER_SHIFT;
	connection->ports = content.ports;
	connection->server = content.server;
	connection->expires = content.expires;
	connection->state = content.state;
	connection->link = content.link;
	publish(connection, content.kind);
}

/* --- steps --- */

/* A client that got as far as a handshake is a real one: ip_vs_control_assure_ct(). */
static __always_inline void assure_template(__u32 version, __u32 link)
{
	struct connection *template = link ? connection_at(version, link - 1) : 0;
	if (!template || !(template->kind & KIND_TEMPLATE)) return;
	__u32 word = word_of(template);
	if (!(word & STATE_ASSURED)) __sync_val_compare_and_swap(&template->state, word, word | STATE_ASSURED);
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
