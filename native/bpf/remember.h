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

/* One from port 0 was not looked for. */
static __always_inline struct home home_of_packet(__u32 version, const struct config *config, const struct packet *packet)
{
	__u32 kind = packet->protocol | KIND_LIVE;
	if (client_port(packet) != 0) return packet->home;
	if (version == 4) return home4(config, packet->client[0], packet->virtual[0], packet->ports, kind);
	return home6(config, packet->client, packet->virtual, packet->ports, kind);
}

/* The version is that of the packet. */
static __always_inline int remember_in(__u32 version, const struct config *config, const struct packet *packet, const struct opened *opened, struct server *server)
{
	__u32 slot = 0, timeout = config->new_timeout, word = STATE_INACTIVE | STATE_NO_OUTPUT;
	struct home home = home_of_packet(version, config, packet);
	struct connection *connection = take_slot(config, version, home, packet->now, &slot);
	if (!connection) return 0;
	if (!packet->is_icmp_error) {
		__u32 state = next_state(config, packet, word, INPUT_ONLY);
		word = stepped_word(word, packet->protocol, state, 1);
		timeout = state_timeout(config, packet->protocol, state);
		if (state != 0 && is_assuring(packet->protocol, state)) assure_template(version, opened->link);
	}
	struct connection *template = opened->link ? connection_at(version, opened->link - 1) : 0;
	if (template) say_who_holds(template, slot);
	/* Counted before it is seen: who sees it may end it, and count it out. */
	__sync_fetch_and_add(&server->load, word & STATE_INACTIVE ? ONE_INACTIVE : ONE_ACTIVE);
	update_overload(server);
	write_addresses(version, connection, packet->client, packet->virtual);
	fill(connection, slot, home, (struct content){
		.ports = packet->ports, .kind = packet->protocol | KIND_LIVE, .server = opened->server,
		.expires = packet->now + timeout, .state = word, .link = opened->link,
	});
	return 1;
}

/*
 * The connection of the packet, in the state that this first packet brings it to. One that an ICMP error opened has
 * had no packet of its own yet. From now on it holds its template. False: there is no room.
 */
static __always_inline int remember(const struct config *config, const struct packet *packet, const struct opened *opened, struct server *server)
{
	if (packet->version == 4) return remember_in(4, config, packet, opened, server);
	return remember_in(6, config, packet, opened, server);
}

#endif
