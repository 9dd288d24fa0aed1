/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The virtual service of a packet, in the kernel's order: src/service/service-index.ts, mark-rule.ts. */
#ifndef DIRECTOR_SERVICE_H
#define DIRECTOR_SERVICE_H
#include "maps.h"
#include "packet.h"

#define FTP_PORT 21
#define FTP_DATA_PORT 20
/* Default of net.ipv4.ip_unprivileged_port_start. */
#define FIRST_UNPRIVILEGED_PORT 1024
#define NO_SERVICE 0

/* Needs no seed: what is in the table is chosen by the operator. src/xdp/service-slots.ts has the same. */
static __always_inline __u32 hash_endpoint(const __u32 *address, __u32 protocol, __u32 port)
{
	__u32 hash = (address[0] ^ address[3] << 7) * 0x9e3779b1u ^ (address[1] ^ address[2] << 7) * 0xc2b2ae3du;
	hash ^= (port << 8 | protocol) * 0x85ebca6bu;
	hash ^= hash >> 15;
	return hash * 0xc2b2ae35u >> 8;
}

/* Number of a service by address, or of a firewall mark: address {mark, 0, 0, 0}, protocol and port 0. */
static __always_inline __u32 find_service(const __u32 *address, __u8 version, __u8 protocol, __u32 port)
{
	__u32 at = hash_endpoint(address, protocol, port);
	for (int probe = 0; probe < SERVICE_PROBES; probe++, at++) {
		__u32 element = at & service_index_mask;
		struct service_slot *slot = bpf_map_lookup_elem(&service_index, &element);
		if (!slot || slot->version == 0) return NO_SERVICE;
		if (slot->port != port || slot->protocol != protocol || slot->version != version) continue;
		if (!is_same_address(slot->address, address)) continue;
		return *(volatile __u32 *)&slot->service;
	}
	return NO_SERVICE;
}

static __always_inline struct service *service_at(__u32 service)
{
	return service == NO_SERVICE ? 0 : bpf_map_lookup_elem(&services, &service);
}

static __always_inline int is_mark(const struct service *service)
{
	return service->flags & SERVICE_IS_MARK;
}

/* --- firewall marks --- */

static __always_inline int is_in_network(const __u32 *address, const __u32 *network, __u32 bits)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		__u32 differing = address[i] ^ network[i];
		if (bits >= 32) {
			if (differing) return 0;
			bits -= 32;
			continue;
		}
		return bits == 0 || differing >> (32 - bits) == 0;
	}
	return 1;
}

struct mark_search {
	const struct packet *packet;
	__u32 first;
	/* 0: none */
	__u32 mark;
	/* Only whether some rule is for the packet's virtual address. */
	__u32 by_address;
};

static long try_mark_rule(__u32 index, struct mark_search *search)
{
	const struct packet *packet = search->packet;
	__u32 element = search->first + index;
	struct mark_rule *rule = bpf_map_lookup_elem(&mark_rules, &element);
	if (!rule || rule->version != packet->version) return 0;
	if (!is_in_network(packet->virtual, rule->destination, rule->destination_bits)) return 0;
	if (!search->by_address) {
		__u32 port = virtual_port(packet);
		if (rule->protocol && rule->protocol != packet->protocol) return 0;
		if (port < rule->first_port || port > rule->last_port) return 0;
		if (!is_in_network(packet->client, rule->source, rule->source_bits)) return 0;
	}
	search->mark = rule->mark;
	return 1;
}

static __always_inline __u32 mark_of(const struct config *config, const struct packet *packet, int by_address)
{
	__u32 rules = *(volatile const __u32 *)&config->mark_rules;
	struct mark_search search = { .packet = packet, .first = rules >> 16, .by_address = by_address };
	bpf_loop(rules & 0xffff, try_mark_rule, &search, 0);
	return search.mark;
}

/* Whether some service or mark has the packet's virtual address, whatever its port and protocol. */
static __always_inline int has_virtual_address(const struct config *config, const struct packet *packet)
{
	struct address_key key = { .version = packet->version };
	__builtin_memcpy(key.address, packet->virtual, sizeof key.address);
	return bpf_map_lookup_elem(&virtual_addresses, &key) != 0 || mark_of(config, packet, 1) != 0;
}

/* --- match --- */

GLOBAL __u32 marked_service(const struct config *config, const struct packet *packet)
{
	if (!config || !packet) return NO_SERVICE;
	__u32 address[4] WORD_PAIRS = { mark_of(config, packet, 0) };
	return address[0] ? find_service(address, packet->version, 0, 0) : NO_SERVICE;
}

static __always_inline int is_persistent(__u32 number)
{
	struct service *service = service_at(number);
	return service && service->persistent_sec > 0;
}

/* Its mark's, this very port, the FTP service for its data connections, the service for all ports. */
GLOBAL __u32 match_less_exact(const struct config *config, const struct packet *packet)
{
	if (!config || !packet) return NO_SERVICE;
	__u32 port = virtual_port(packet);
	int may_be_ftp = config->has_ftp && packet->protocol == PROTOCOL_TCP &&
			 (port == FTP_DATA_PORT || port >= FIRST_UNPRIVILEGED_PORT);
	__u32 ftp = may_be_ftp ? find_service(packet->virtual, packet->version, packet->protocol, FTP_PORT) : NO_SERVICE;
	if (ftp != NO_SERVICE && is_persistent(ftp)) return ftp;
	__u32 any = config->has_any_port ? find_service(packet->virtual, packet->version, packet->protocol, 0) : NO_SERVICE;
	if (any == NO_SERVICE || !is_persistent(any)) return NO_SERVICE;
	return ftp != NO_SERVICE ? ftp : any;
}

static __always_inline __u32 match(const struct config *config, const struct packet *packet)
{
	int has_marks = (packet->version == 4 ? config->marked4 : config->marked6) != 0;
	__u32 marked = has_marks ? marked_service(config, packet) : NO_SERVICE;
	if (marked != NO_SERVICE) return marked;
	__u32 exact = find_service(packet->virtual, packet->version, packet->protocol, virtual_port(packet));
	return exact != NO_SERVICE ? exact : match_less_exact(config, packet);
}

#endif
