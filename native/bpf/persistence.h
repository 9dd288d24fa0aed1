/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Templates, which keep a client network with its server; src/datapath/persistence.ts. */
#ifndef DIRECTOR_PERSISTENCE_H
#define DIRECTOR_PERSISTENCE_H
#include "remember.h"
#include "schedule.h"
#include "verdict.h"

/* The first `bits` bits of a word; all of it from 32 on, none of it up to 0. */
static __always_inline __u32 mask_word(__u32 word, __s32 bits)
{
	if (bits >= 32) return word;
	return bits <= 0 ? 0 : word & 0xffffffff << (32 - bits);
}

/*
 * Protocol, client network, virtual address and, but for FTP and for services of all ports, the port. For a firewall
 * mark: the mark as the address, and neither protocol nor port. A function that is looked at once: what becomes of a key
 * is then not followed from each of the many ways to make it, which was too much for the verifier of Linux 6.1.
 */
GLOBAL int set_template_key(struct key *key, const struct packet *packet, const struct service *service)
{
	if (!key || !packet || !service) return 0;
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
	return 1;
}

/* ip_vs_check_template(): its server was not removed and, by setting, not quiesced; nor has it failed its checks. */
static __always_inline int is_usable(const struct config *config, const struct connection *template)
{
	struct server *server = server_of(template->server);
	return server && takes_part(server) &&
	       !(config->expire_quiescent_template && server->weight == 0);
}

/* It stays where it is, for those that depend on it. */
static __always_inline void invalidate(struct connection *template)
{
	__u32 kind = template->kind;
	if (kind & KIND_LIVE) __sync_val_compare_and_swap(&template->kind, kind, kind | KIND_INVALIDATED);
}

/* Somebody holds the entry, so that what is in it stays. */
static __always_inline int has_key(const struct connection *template, __u32 slot, const struct key *key)
{
	if ((template->kind & ~KIND_SPILLED) != key->kind || template->ports != key->ports) return 0;
	if (key->version == 4) {
		struct bucket4 *bucket = bucket4_at(slot / WAYS);
		if (!bucket) return 0;
		CHECKED(bucket);
		const struct connection4 *entry = &bucket->way[slot % WAYS];
		return entry->client == key->client[0] && entry->virtual == key->virtual[0];
	}
	struct bucket6 *bucket = bucket6_at(slot / WAYS);
	if (!bucket) return 0;
	CHECKED(bucket);
	const struct connection6 *entry = &bucket->way[slot % WAYS];
	return is_same_address(entry->client, key->client) && is_same_address(entry->virtual, key->virtual);
}

static __always_inline int create_template_in(__u32 version, const struct config *config, const struct packet *packet, const struct service *service, const struct key *key, struct opened *opened)
{
	__u32 slot = 0;
	struct home home = home_of(config, key);
	struct connection *template = take_slot(config, version, home, packet->now, &slot);
	struct server *server = server_of(opened->server);
	if (!template) return 0;
	if (server) __sync_fetch_and_add(&server->persistent, 1);
	__u32 seconds = service->persistent_sec;
	write_addresses(version, template, key->client, key->virtual);
	fill(template, slot, home, (struct content){
		.ports = key->ports, .kind = key->kind, .server = opened->server, .expires = packet->now + ticks_from_sec(seconds),
		.state = seconds << STATE_COUNT_SHIFT, .link = LINK_IS_TEMPLATE | 1,
	});
	opened->link = slot + 1;
	return 1;
}

/* The template of the packet's client, made for the server that was chosen, and held. */
GLOBAL int create_template(const struct config *config, const struct packet *packet, const struct service *service, struct opened *opened)
{
	struct key key = {};
	if (!config || !packet || !service || !opened || !set_template_key(&key, packet, service)) return 0;
	if (packet->version == 4) return create_template_in(4, config, packet, service, &key, opened);
	return create_template_in(6, config, packet, service, &key, opened);
}

/* Server of the packet's client by its template, held, whose timer is restarted. False: there is none that is of use. */
GLOBAL int find_template(const struct config *config, const struct packet *packet, const struct service *service, struct opened *opened)
{
	struct key key = {};
	struct connection *template;
	__u32 slot = 0;
	if (!config || !packet || !service || !opened || !set_template_key(&key, packet, service)) return 0;
	struct home home = home_of(config, &key);
	if (key.version == 4) template = find4(home, key.client[0], key.virtual[0], key.ports, key.kind, &slot);
	else template = find6(home, key.client, key.virtual, key.ports, key.kind, &slot);
	if (!template) return 0;
	__u32 word = word_of(template);
	if (is_expired(template, packet->now) && expire(config, template, word, key.version, slot, packet->now)) return 0;
	if (!hold(template)) return 0;
	int is_it = has_key(template, slot, &key);
	if (!is_it || !is_usable(config, template)) {
		if (is_it) invalidate(template);
		let_go(template);
		return 0;
	}
	template->expires = packet->now + template_timeout(word_of(template));
	opened->link = slot + 1;
	opened->server = template->server;
	return 1;
}

/* By the client's template, which is made if need be. */
static __always_inline int choose_by_template(const struct config *config, struct packet *packet, struct service *service, struct opened *opened)
{
	if (find_template(config, packet, service, opened)) return 1;
	opened->server = choose(service, packet);
	if (opened->server == NO_SERVER) packet->refusal = VERDICT_REPLY_PORT_UNREACHABLE;
	else if (create_template(config, packet, service, opened)) return 1;
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

#endif
