/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Match, schedule, remember: what the path does for the first packet of a connection. src/datapath/open-connection.ts
 * and, for persistence, persistence.ts; the order of the checks is theirs.
 */
#ifndef DIRECTOR_OPEN_H
#define DIRECTOR_OPEN_H
#include "schedule.h"
#include "verdict.h"

#define INVALIDATED_PORT 0xffff

/* What opening a connection came to. */
struct opened {
	/* NO_SERVER: packet.refusal says why. */
	__s32 server;
	/* Slot of the template + 1; 0: none. */
	__u32 link;
};

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

static __always_inline int is_mark(const struct service *service)
{
	return service->flags & SERVICE_IS_MARK;
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

/* --- remember --- */

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
 * had no packet of its own yet. False: there is no room.
 */
GLOBAL int remember(const struct config *config, const struct packet *packet, const struct opened *opened)
{
	struct key key;
	if (!config || !packet || !opened) return 0;
	struct server *server = server_of(opened->server);
	__u32 slot = 0, timeout = config->new_timeout, word = STATE_INACTIVE | STATE_NO_OUTPUT;
	if (!server) return 0;
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
	if (opened->link) {
		struct connection *template = connection_at(packet->version, opened->link - 1);
		if (template) __sync_fetch_and_add(&template->link, 1);
	}
	fill(connection, slot, &key, home, opened->server, packet->now + timeout, word, opened->link);
	__sync_fetch_and_add(&server->load, word & STATE_INACTIVE ? ONE_INACTIVE : ONE_ACTIVE);
	update_overload(server);
	return 1;
}

/* --- persistence --- */

/* The first `bits` bits of a word; all of it from 32 on, none of it up to 0. */
static __always_inline __u32 mask_word(__u32 word, __s32 bits)
{
	if (bits >= 32) return word;
	return bits <= 0 ? 0 : word & 0xffffffff << (32 - bits);
}

/*
 * Protocol, client network, virtual address and, but for FTP and for services of all ports, the port. For a firewall
 * mark: the mark as the address, and neither protocol nor port.
 */
static __always_inline void set_template_key(struct key *key, const struct packet *packet, const struct service *service)
{
	__u32 port = is_mark(service) || service->port == FTP_PORT ? 0 : service->port;
	key->version = packet->version;
	key->kind = (is_mark(service) ? 0 : packet->protocol) | KIND_TEMPLATE | KIND_LIVE;
	key->ports = virtual_port(packet) == port ? port : 0;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		key->virtual[i] = is_mark(service) ? service->address[i] : packet->virtual[i];
		if (packet->version == 6) key->client[i] = mask_word(packet->client[i], (__s32)service->netmask - 32 * i);
		else key->client[i] = i == 0 ? packet->client[0] & service->netmask : 0;
	}
}

/* ip_vs_check_template(): its server was not removed, and, by setting, not quiesced. */
static __always_inline int is_usable(const struct config *config, const struct connection *template)
{
	struct server *server = server_of(template->server);
	return server && (server->flags & SERVER_LISTED) && !(config->expire_quiescent_template && server->weight == 0);
}

/* It stays where it is, for those that depend on it. Its port is what is listed of it. */
static __always_inline void invalidate(const struct config *config, struct connection *template, __u32 version, __u32 slot)
{
	__u32 kind = template->kind, next = (kind & ~KIND_SPILLED) | KIND_INVALIDATED;
	if (!(kind & KIND_LIVE) || __sync_val_compare_and_swap(&template->kind, kind, next) != kind) return;
	if (kind & KIND_SPILLED) unspill(config, version, slot, kind);
	template->ports = INVALIDATED_PORT;
}

/* The template of the packet's client, made for this server. */
GLOBAL int create_template(const struct config *config, const struct packet *packet, const struct service *service, __u32 chosen, struct opened *opened)
{
	struct key key;
	__u32 slot = 0;
	if (!config || !packet || !service || !opened) return 0;
	__u32 seconds = service->persistent_sec;
	set_template_key(&key, packet, service);
	struct server *server = server_of(chosen);
	struct home home = home_of(config, &key);
	struct connection *template = take_slot(config, key.version, home, packet->now, &slot);
	if (!template || !server) return 0;
	fill(template, slot, &key, home, chosen, packet->now + seconds * ticks_per_second, seconds << STATE_COUNT_SHIFT, 0);
	__sync_fetch_and_add(&server->persistent, 1);
	opened->link = slot + 1;
	opened->server = chosen;
	return 1;
}

/* Server of the packet's client by its template, whose timer is restarted. False: there is none that is of use. */
GLOBAL int find_template(const struct config *config, const struct packet *packet, const struct service *service, struct opened *opened)
{
	struct key key;
	struct connection *template;
	__u32 slot = 0;
	if (!config || !packet || !service || !opened) return 0;
	set_template_key(&key, packet, service);
	struct home home = home_of(config, &key);
	if (key.version == 4) template = find4(home, key.client[0], key.virtual[0], key.ports, key.kind, &slot);
	else template = find6(home, key.client, key.virtual, key.ports, key.kind, &slot);
	if (!template || (is_expired(template, packet->now) && expire(config, template, key.version, slot, packet->now))) return 0;
	if (!is_usable(config, template)) {
		invalidate(config, template, key.version, slot);
		return 0;
	}
	template->expires = packet->now + template_timeout(template);
	opened->link = slot + 1;
	opened->server = template->server;
	return 1;
}

/* By the client's template, which is made if need be. */
static __always_inline int choose_by_template(const struct config *config, struct packet *packet, struct service *service, struct opened *opened)
{
	if (find_template(config, packet, service, opened)) return 1;
	int chosen = choose(service, packet);
	if (chosen == NO_SERVER) packet->refusal = VERDICT_REPLY_PORT_UNREACHABLE;
	else if (create_template(config, packet, service, chosen, opened)) return 1;
	else packet->refusal = VERDICT_DROP_CONNECTION_TABLE_FULL;
	return 0;
}

/* ip_vs_leave(): an FTP service without servers answers for its own port, not for those of data connections. */
static __always_inline int without_template(struct packet *packet, const struct service *service)
{
	int is_ftp_data = !is_mark(service) && service->port == FTP_PORT && virtual_port(packet) != FTP_PORT;
	if (is_ftp_data && packet->refusal == VERDICT_REPLY_PORT_UNREACHABLE) packet->refusal = VERDICT_DELIVER_UNSCHEDULED;
	return NO_SERVER;
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
static __always_inline void count_connection(struct service *service, const struct opened *opened)
{
	struct server *server = server_of(opened->server);
	struct traffic *traffic = traffic_of(opened->server);
	if (!server || !traffic) return;
	traffic->connections++;
	if (!opened->link || is_of_service(server, service)) return;
	traffic->foreign++;
	__sync_fetch_and_add(&service->strays, 1);
}

static __always_inline int admit(const struct config *config, struct packet *packet, struct service *service, const struct opened *opened)
{
	int is_one_packet = (service->flags & SERVICE_ONE_PACKET) && packet->protocol == PROTOCOL_UDP;
	if (!is_one_packet && !remember(config, packet, opened)) return refusing(packet, VERDICT_DROP_CONNECTION_TABLE_FULL);
	count_connection(service, opened);
	return opened->server;
}

/* The server of a first packet, or NO_SERVER: packet.refusal says why. */
GLOBAL int open_connection(struct config *config, struct packet *packet)
{
	if (!config || !packet) return NO_SERVER;
	struct opened opened = { .server = NO_SERVER };
	if (!packet->is_icmp_error) {
		if (packet->version == 4 ? is_martian4(config, packet->client[0]) : is_martian6(packet->client))
			return refusing(packet, VERDICT_DROP_MARTIAN_SOURCE);
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
