/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The connection of a first packet whose server is chosen; remember() of src/datapath/connection-life.ts. */
#ifndef DIRECTOR_REMEMBER_H
#define DIRECTOR_REMEMBER_H
#include "life.h"

/* What opening a connection came to. */
struct opened {
	/* NO_SERVER: packet.refusal says why. */
	__s32 server;
	/* Slot of the template + 1, which is held until the connection depends on it; 0: none. */
	__u32 link;
};

static __always_inline struct home home_of(const struct config *config, const struct key *key)
{
	if (key->version == 4) return home4(config, key->client[0], key->virtual[0], key->ports, key->kind);
	return home6(config, key->client, key->virtual, key->ports, key->kind);
}

static __always_inline void set_connection_key(struct key *key, const struct packet *packet)
{
	__builtin_memcpy(key->client, packet->client, sizeof key->client);
	__builtin_memcpy(key->virtual, packet->virtual, sizeof key->virtual);
	key->ports = packet->ports;
	key->kind = packet->protocol | KIND_LIVE;
	key->version = packet->version;
}

/*
 * The connection of the packet, in the state that this first packet brings it to. One that an ICMP error opened has
 * had no packet of its own yet. From now on it holds its template. False: there is no room.
 */
GLOBAL int remember(const struct config *config, const struct packet *packet, const struct opened *opened)
{
	struct key key;
	if (!config || !packet || !opened) return 0;
	__u32 slot = 0, timeout = config->new_timeout, word = STATE_INACTIVE | STATE_NO_OUTPUT;
	set_connection_key(&key, packet);
	/* One from port 0 was not looked for. */
	struct home home = packet->home;
	if (client_port(packet) == 0) home = home_of(config, &key);
	struct connection *connection = take_slot(config, packet->version, home, packet->now, &slot);
	if (!connection) return 0;
	if (!packet->is_icmp_error) {
		__u32 state = next_state(config, packet, word, INPUT_ONLY);
		word = stepped_word(word, packet->protocol, state, 1);
		timeout = state_timeout(config, packet->protocol, state);
		if (state != 0 && is_assuring(packet->protocol, state)) assure_template(packet->version, opened->link);
	}
	struct connection *template = opened->link ? connection_at(packet->version, opened->link - 1) : 0;
	if (template) say_who_holds(template, slot);
	/* Counted before it is seen: who sees it may end it, and count it out. */
	struct server *server = server_of(opened->server);
	if (server) {
		__sync_fetch_and_add(&server->load, word & STATE_INACTIVE ? ONE_INACTIVE : ONE_ACTIVE);
		update_overload(server);
	}
	fill(connection, slot, &key, home, opened->server, packet->now + timeout, word, opened->link);
	return 1;
}

#endif
