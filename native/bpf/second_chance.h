/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A SYN that is sent again to a server that shows no life goes to one that does: src/datapath/second-chance.ts. */
#ifndef DIRECTOR_SECOND_CHANCE_H
#define DIRECTOR_SECOND_CHANCE_H
#include "open.h"

/* A SYN is sent again after a second (RFC 6298, 2.1); what comes sooner is a duplicate. */
#define MIN_WAIT_PERCENT 90
/* One that has had more packets is the rest of an older connection. */
#define MAX_SYNS 3

/* NO_SERVER: the connection stays where it is. */
GLOBAL int other_server_that_lives(const struct config *config, const struct packet *packet, const struct connection *connection)
{
	if (!config || !packet || !connection) return NO_SERVER;
	__u32 word = word_of(connection), state = word & STATE_MASK;
	if (!is_half_open_tcp(state) || !(word & STATE_NO_OUTPUT)) return NO_SERVER;
	if ((word >> STATE_COUNT_SHIFT & STATE_COUNT_MASK) > MAX_SYNS) return NO_SERVER;
	__u32 number = connection->server, since = connection->expires - tcp_timeout(config, state);
	struct server *server = server_of(number);
	if ((__s32)(packet->now - since) < (__s32)(ticks_per_second * MIN_WAIT_PERCENT / 100)) return NO_SERVER;
	if (!server || has_lived_since(server, since)) return NO_SERVER;
	struct service *service = service_at(match(config, packet));
	return service ? least_loaded_that_lives(service, number, since) : NO_SERVER;
}

/* The connection begins anew, with another server and without template. */
GLOBAL int move_connection(const struct config *config, struct packet *packet, struct connection *connection, __s32 server)
{
	struct opened opened = { .server = server };
	if (!config || !packet || !connection) return NO_SERVER;
	struct service *service = service_at(match(config, packet));
	if (!service) return NO_SERVER;
	forget_anyway(config, connection, word_of(connection), packet->version, packet->slot);
	return admit(config, packet, service, &opened);
}

#endif
