/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Match, schedule, remember: what the path does for the first packet of a connection. The order of the checks is that
 * of src/datapath/open-connection.ts.
 */
#ifndef DIRECTOR_OPEN_H
#define DIRECTOR_OPEN_H
#include "persistence.h"

static __always_inline int refusing(struct packet *packet, __u32 reason)
{
	packet->refusal = reason;
	return NO_SERVER;
}

/* --- martian sources --- */

static __always_inline int is_own_address(const struct config *config, __u32 address)
{
	__u32 bit = address * 0x9e3779b1u >> 20;
	if (!(config->own_addresses[bit / 64 % OWN_ADDRESS_WORDS] >> bit % 64 & 1)) return 0;
	struct address_key key = { .address = { address }, .version = 4 };
	return bpf_map_lookup_elem(&own_addresses, &key) != 0;
}

/* 0.0.0.0, loopback, multicast, broadcast (ip_route_input_slow()), and what is this host's own. */
static __always_inline int is_martian4(const struct config *config, __u32 source)
{
	return source == 0 || source >> 24 == 127 || source >> 28 == 14 || source == 0xffffffff ||
	       is_own_address(config, source);
}

/* Multicast and loopback, but not the unspecified address: ip6_rcv_core(). */
static __always_inline int is_martian6(const __u32 *source)
{
	return source[0] >> 24 == 0xff || (source[0] == 0 && source[1] == 0 && source[2] == 0 && source[3] == 1);
}

/* --- what may open --- */

/* The packet ends before what its protocol's handler reads; of one inside an ICMP error the ports suffice. */
static __always_inline int is_transport_truncated(const struct packet *packet)
{
	if (packet->is_icmp_error) return 0;
	if (packet->protocol == PROTOCOL_TCP) return packet->tcp_flags == NOT_PRESENT;
	if (packet->protocol == PROTOCOL_SCTP) return packet->sctp_chunk == NOT_PRESENT;
	return packet->transport_offset + 8 > packet->ip_end;
}

/* A SYN, an SCTP INIT; sloppy_tcp and sloppy_sctp widen it. */
static __always_inline int is_opening(const struct packet *packet)
{
	if (packet->protocol == PROTOCOL_TCP) return packet->tcp_flags != NOT_PRESENT && (packet->tcp_flags & TCP_SYN);
	return packet->protocol == PROTOCOL_SCTP && packet->sctp_chunk == SCTP_INIT;
}

static __always_inline int may_open(const struct config *config, const struct packet *packet)
{
	if (packet->is_icmp_error || packet->protocol == PROTOCOL_UDP) return 1;
	if (packet->protocol == PROTOCOL_TCP)
		return !(packet->tcp_flags & TCP_RST) && (is_opening(packet) || config->sloppy_tcp);
	return is_opening(packet) || (config->sloppy_sctp && packet->sctp_chunk != SCTP_ABORT);
}

/* Not a data connection of an FTP service that is not persistent. */
static __always_inline int takes_port(const struct service *service, const struct packet *packet)
{
	return service->persistent_sec > 0 || is_mark(service) || service->port == virtual_port(packet);
}

/* ip_vs_todrop(): whether this first packet is one of those that drop_packet gives up. */
static __always_inline int drops_packet(struct config *config)
{
	if (config->drop_rate == 0) return 0;
	if ((__s32)--config->drop_counter > 0) return 0;
	config->drop_counter = config->drop_rate;
	return 1;
}

/* --- open --- */

static __always_inline int is_of_service(const struct server *server, const struct service *service)
{
	return server->service_port == service->port && server->service_protocol == service->protocol &&
	       is_same_address(server->service_address, service->address);
}

/*
 * Counters of a service are those of its servers (src/xdp/traffic-reader.ts). A template, though, may be that of another
 * service: those of FTP and of all ports of one address are the same.
 */
static __always_inline void count_connection(struct service *service, const struct opened *opened, const struct server *server)
{
	struct traffic *traffic = traffic_of(opened->server);
	if (!traffic) return;
	traffic->connections++;
	if (!opened->link || is_of_service(server, service)) return;
	traffic->foreign++;
	__sync_fetch_and_add(&service->strays, 1);
}

static __always_inline int admit(const struct config *config, struct packet *packet, struct service *service, const struct opened *opened)
{
	int is_one_packet = (service->flags & SERVICE_ONE_PACKET) && packet->protocol == PROTOCOL_UDP;
	struct server *server = server_of(opened->server);
	int is_remembered = !is_one_packet && server && remember(config, packet, opened, server);
	if (!is_remembered) drop_dependent(packet->version, opened->link);
	if (!server || (!is_remembered && !is_one_packet)) return refusing(packet, VERDICT_DROP_CONNECTION_TABLE_FULL);
	count_connection(service, opened, server);
	return opened->server;
}

/* What is for no service is for the host to judge: a real server's answer to a check comes from the virtual address. */
static __always_inline __u32 martian_verdict(const struct config *config, const struct packet *packet)
{
	return match(config, packet) == NO_SERVICE ? VERDICT_PASS_NOT_VIRTUAL : VERDICT_DROP_MARTIAN_SOURCE;
}

/* The server of a first packet, or NO_SERVER: packet.refusal says why. */
GLOBAL int open_connection(struct config *config, struct packet *packet)
{
	if (!config || !packet) return NO_SERVER;
	struct opened opened = { .server = NO_SERVER };
	if (!packet->is_icmp_error) {
		if (packet->version == 4 ? is_martian4(config, packet->client[0]) : is_martian6(packet->client))
			return refusing(packet, martian_verdict(config, packet));
	}
	if (is_transport_truncated(packet)) return refusing(packet, VERDICT_DROP_TRANSPORT_TRUNCATED);
	struct service *service = service_at(match(config, packet));
	if (!service) return refusing(packet, VERDICT_PASS_NOT_VIRTUAL);
	if (!takes_port(service, packet) || !may_open(config, packet)) return refusing(packet, VERDICT_DELIVER_UNSCHEDULED);
	if (drops_packet(config)) return refusing(packet, VERDICT_DROP_DEFENSE);
	if (client_port(packet) == FTP_DATA_PORT) return refusing(packet, VERDICT_DELIVER_UNSCHEDULED);
	if (service->persistent_sec > 0) {
		if (!choose_by_template(config, packet, service, &opened)) return without_template(packet, service);
	} else {
		opened.server = choose(service, packet);
		if (opened.server == NO_SERVER) return refusing(packet, VERDICT_REPLY_PORT_UNREACHABLE);
	}
	return admit(config, packet, service, &opened);
}

#endif
