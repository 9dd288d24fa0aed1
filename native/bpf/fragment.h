/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Fragments: what became of the first one of a datagram holds for those that follow. One that comes before the first
 * cannot be held by a program: a copy goes to the daemon, which sends it through here again when the first has come
 * (src/xdp/waiting.ts). src/datapath/fragments.ts
 */
#ifndef DIRECTOR_FRAGMENT_H
#define DIRECTOR_FRAGMENT_H
#include "maps.h"
#include "packet.h"

/* As long as Linux waits for the rest, net.ipv4.ipfrag_time. */
#define DATAGRAM_SEC 30

static __always_inline void set_datagram_key(struct datagram_key *key, const struct packet *packet)
{
	__builtin_memcpy(key->client, packet->client, sizeof key->client);
	__builtin_memcpy(key->virtual, packet->virtual, sizeof key->virtual);
	key->identification = packet->identification;
	key->kind = packet->protocol | packet->version << 8;
}

/* The packet is the first fragment of several, and goes to this server. True: some may wait for it. */
GLOBAL int remember_datagram(struct config *config, const struct packet *packet, __u32 server)
{
	if (!config || !packet) return 0;
	struct event event = { .kind = EVENT_FIRST_FRAGMENT };
	struct datagram datagram = { .server = server, .expires = packet->now + DATAGRAM_SEC * ticks_per_second };
	set_datagram_key(&event.datagram, packet);
	bpf_map_update_elem(&datagrams, &event.datagram, &datagram, BPF_ANY);
	if ((__s32)(config->waiting_until - packet->now) <= 0) return 0;
	bpf_ringbuf_output(&events, &event, sizeof event, 0);
	return 1;
}

/* The server of the datagram that a later fragment belongs to, or -1. */
static __noinline int server_of_fragment(const struct packet *packet)
{
	struct datagram_key key;
	set_datagram_key(&key, packet);
	struct datagram *datagram = bpf_map_lookup_elem(&datagrams, &key);
	return datagram && (__s32)(datagram->expires - packet->now) > 0 ? (int)datagram->server : -1;
}

/* False: it is too long, or too many wait to be read. */
static __noinline int let_wait(struct xdp_md *context, struct config *config, const struct packet *packet)
{
	__u32 length = packet->ip_end;
	if (length > MAX_WAITING_BYTES) return 0;
	CHECKED(length);
	if (length < ETHERNET_BYTES) return 0;
	struct waiting_event *waiting = bpf_ringbuf_reserve(&events, sizeof *waiting, 0);
	if (!waiting) return 0;
	waiting->event.kind = EVENT_WAITING_FRAGMENT;
	set_datagram_key(&waiting->event.datagram, packet);
	waiting->length = length;
	waiting->ifindex = context->ingress_ifindex;
	if (bpf_xdp_load_bytes(context, 0, waiting->frame, length)) {
		bpf_ringbuf_discard(waiting, 0);
		return 0;
	}
	bpf_ringbuf_submit(waiting, 0);
	config->waiting_until = packet->now + DATAGRAM_SEC * ticks_per_second;
	return 1;
}

#endif
