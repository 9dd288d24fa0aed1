/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * THE PACKET PATH in the kernel: that of src/datapath/forward.ts, with the same functions in the same order. One
 * frame at a time:
 *
 *   1. decode       what is in the frame                                decode.h
 *   2. find         the connection that it belongs to                   connection.h
 *   3. match        none: the virtual service that it is for            service.h
 *   4. schedule     a real server for it                                schedule.h, persistence.h
 *   5. remember     the choice as a connection                          remember.h, life.h
 *   6. step         the connection's state, its timer, the counters     life.h, state.h
 *   7. send         rewritten to the server's MAC, or to this host      route.h, reply.h, reset.h
 *
 * Every frame ends with a verdict. Nothing waits, and nothing asks user space: a daemon that is slow or dead stops no
 * client. An established connection takes no helper call. Two programs are made of it: director.bpf.c, and
 * capture.bpf.c, which takes that one's place while somebody captures.
 */
#ifndef DIRECTOR_PATH_H
#define DIRECTOR_PATH_H
#include "connection.h"
#include "decode.h"
#include "fragment.h"
#include "life.h"
#include "maps.h"
#include "open.h"
#include "reply.h"
#include "reset.h"
#include "route.h"
#include "second_chance.h"
#include "service.h"
#include "verdict.h"

/* Who captures is told which server a frame is for. */
#ifndef NOTE_SERVER
#define NOTE_SERVER(number)
#endif

/* --- counters --- */

static __always_inline void count_verdict(__u32 verdict)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct verdict_counts *counts = bpf_map_lookup_elem(&verdicts, &cpu);
	/* The compiler knows which verdicts there are; the verifier wants to see. */
	CHECKED(verdict);
	if (counts && verdict < VERDICT_COUNT) counts->frames[verdict]++;
}

/* ip_vs_in_stats(): a server that was removed counts no more. The counters of a service are those of its servers. */
static __always_inline void count_in(const struct packet *packet, const struct server *server, __u32 number)
{
	struct traffic *traffic = traffic_of(number);
	if (!traffic || !(server->flags & SERVER_LISTED)) return;
	traffic->in_packets++;
	traffic->in_bytes += packet->ip_end - packet->ip_offset;
}

static __always_inline void count_out(const struct packet *packet, const struct server *server, __u32 number)
{
	struct traffic *traffic = traffic_of(number);
	if (!traffic || !(server->flags & SERVER_LISTED)) return;
	traffic->out_packets++;
	traffic->out_bytes += packet->ip_end - packet->ip_offset;
}

/* --- send --- */

static __always_inline int send(struct xdp_md *context, const struct config *config, struct packet *packet, const struct server *server, __u32 forwarded)
{
	__u64 next_hop = *(volatile const __u64 *)&server->next_hop;
	__u32 reach = next_hop >> 48;
	if (reach == REACH_LOCAL) return VERDICT_DELIVER_LOCAL_SERVER;
	if (packet->ttl <= 1) return reply_time_exceeded(context, config, packet);
	if (reach == REACH_UNRESOLVED) return VERDICT_DROP_NO_NEIGHBOR;
	if (reach != REACH_NEIGHBOR) return VERDICT_DROP_SERVER_UNREACHABLE;
	if (!rewrite(context, packet, server, next_hop)) return VERDICT_DROP_TRANSMIT;
	packet->device = server->source >> 48;
	if (packet->has_options && !rewrite_options(context, config, packet)) return VERDICT_DROP_TRANSMIT;
	return forwarded;
}

/* Counted and sent: a frame whose server is known. */
static __always_inline int forward_to(struct xdp_md *context, struct config *config, struct packet *packet, struct server *server, __u32 number)
{
	count_in(packet, server, number);
	if (packet->more_fragments) remember_datagram(config, packet, number);
	return send(context, config, packet, server, VERDICT_FORWARD);
}

/* --- find --- */

static __always_inline struct connection *find_connection(const struct config *config, struct packet *packet)
{
	__u32 slot = 0, kind = packet->protocol | KIND_LIVE;
	struct connection *found;
	/* One from port 0 is remembered, and never found again: __ip_vs_conn_in_get(). */
	if (!packet->has_ports || client_port(packet) == 0) return 0;
	if (packet->version == 4) {
		packet->home = home4(config, packet->client[0], packet->virtual[0], packet->ports, kind);
		found = find4(packet->home, packet->client[0], packet->virtual[0], packet->ports, kind, &slot);
	} else {
		packet->home = home6(config, packet->client, packet->virtual, packet->ports, kind);
		found = find6(packet->home, packet->client, packet->virtual, packet->ports, kind, &slot);
	}
	packet->slot = slot;
	if (!found) return 0;
	__u32 word = word_of(found);
	if (!is_expired(found, packet->now)) return found;
	forget(config, found, word, packet->version, slot);
	return 0;
}

/* conn_reuse_mode, expire_nodest_conn for a server that is quiesced, failed_connections for one that failed. */
static __always_inline int is_reused(const struct config *config, const struct packet *packet, const struct connection *connection, const struct server *server)
{
	if (!is_opening(packet)) return 0;
	if (config->failed_connections && (server->flags & SERVER_FAILED)) return 1;
	if (config->expire_nodest_conn && server->weight == 0) return 1;
	if (config->conn_reuse_mode == 0 || connection->link != 0) return 0;
	__u32 state = connection->state & STATE_MASK;
	if (packet->protocol == PROTOCOL_SCTP) return state == S_CL;
	if (state == TW || state == CL) return 1;
	return (config->conn_reuse_mode & 2) && state == FW && (connection->state & STATE_NO_OUTPUT);
}

/* Its server was removed, or an opening packet on a connection that is over is the first of another one. */
static __always_inline int is_replaced(const struct config *config, const struct packet *packet, const struct connection *connection, const struct server *server)
{
	return is_reused(config, packet, connection, server) ||
	       (config->expire_nodest_conn && !(server->flags & SERVER_LISTED));
}

/* --- the less common ways --- */

static __always_inline int refuse(struct xdp_md *context, const struct config *config, struct packet *packet)
{
	if (packet->refusal == VERDICT_REPLY_PORT_UNREACHABLE) return reply_port_unreachable(context, config, packet);
	return packet->refusal;
}

static __always_inline int forward_opened(struct xdp_md *context, struct config *config, struct packet *packet, int number)
{
	struct server *server = number == NO_SERVER ? 0 : server_of(number);
	NOTE_SERVER(number);
	return server ? forward_to(context, config, packet, server, number) : refuse(context, config, packet);
}

/* While its successor is scheduled, a connection that is over still counts at its server. */
static __always_inline int open_in_place_of(struct config *config, struct packet *packet, struct connection *over)
{
	__u32 word = word_of(over);
	int number = open_connection(config, packet);
	/* If this host answers instead, with RST, that finds the connection still there, and leaves it in CLOSE for a while. */
	if (number == NO_SERVER && packet->refusal == VERDICT_DELIVER_UNSCHEDULED) over->expires = packet->now;
	/* Unless it had to make room for its successor. */
	else forget_anyway(config, over, word, packet->version, packet->slot);
	return number;
}

/* A TCP segment that RST answers: RFC 9293 3.10.7.1. */
static __always_inline int is_reset(const struct config *config, const struct packet *packet)
{
	return config->failed_connections == 2 && packet->protocol == PROTOCOL_TCP && packet->tcp_flags != NOT_PRESENT &&
	       !packet->more_fragments && !(packet->tcp_flags & TCP_RST);
}

static __always_inline int reset_connection(struct xdp_md *context, const struct config *config, struct packet *packet, struct connection *connection)
{
	forget_anyway(config, connection, word_of(connection), packet->version, packet->slot);
	return reply_reset(context, config, packet);
}

/* A later fragment has no ports: it goes where the first one went, or waits for it. */
GLOBAL int forward_fragment(struct xdp_md *context, struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_DROP_TRANSMIT;
	int number = server_of_fragment(packet);
	if (number < 0) {
		if (!has_virtual_address(config, packet)) return VERDICT_PASS_FRAGMENT;
		return let_wait(context, config, packet) ? VERDICT_PASS_WAITING : VERDICT_PASS_FRAGMENT;
	}
	NOTE_SERVER(number);
	struct server *server = server_of(number);
	struct traffic *traffic = traffic_of(number);
	/* This host had the fragment from the wire. */
	if (!server || !traffic || server->next_hop >> 48 == REACH_LOCAL) return VERDICT_PASS_FRAGMENT;
	if (server->flags & SERVER_LISTED) traffic->in_bytes += packet->ip_end - packet->ip_offset;
	return send(context, config, packet, server, VERDICT_FORWARD_FRAGMENT);
}

/* The sender of an ICMP error may be anybody but who cannot be. */
static __always_inline int has_martian_sender(struct xdp_md *context, const struct config *config, const struct packet *packet)
{
	__u32 word[4] = {};
	if (packet->version == 4) {
		if (bpf_xdp_load_bytes(context, packet->ip_offset + 12, word, 4)) return 1;
		return is_martian4(config, bpf_ntohl(word[0]));
	}
	if (bpf_xdp_load_bytes(context, packet->ip_offset + 8, word, 16)) return 1;
#pragma unroll
	for (int i = 0; i < 4; i++) word[i] = bpf_ntohl(word[i]);
	return is_martian6(word);
}

/* ip_vs_in_icmp(): goes where the connection goes that it is about; changes no state, no timer. */
GLOBAL int server_of_icmp_error(const struct config *config, struct packet *packet)
{
	if (!config || !packet) return NO_SERVER;
	struct connection *found = find_connection(config, packet);
	return found ? (int)found->server : NO_SERVER;
}

GLOBAL int forward_icmp_error(struct xdp_md *context, const struct config *config, struct packet *packet, __s32 number)
{
	if (!config || !packet) return VERDICT_DROP_TRANSMIT;
	struct server *server = number == NO_SERVER ? 0 : server_of(number);
	if (!server) return VERDICT_PASS_ICMP_UNRELATED;
	NOTE_SERVER(number);
	if (has_martian_sender(context, config, packet)) return VERDICT_DROP_MARTIAN_SOURCE;
	count_in(packet, server, number);
	if (server->next_hop >> 48 == REACH_LOCAL) return VERDICT_PASS_ICMP_LOCAL;
	return send(context, config, packet, server, VERDICT_FORWARD_ICMP_ERROR);
}

/* ip_vs_out_hook(): what this host answers as a real server shows the other half of the connection. */
GLOBAL int follow_own_reply(const struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_PASS_OWN;
	__u32 slot, kind = packet->protocol | KIND_LIVE;
	struct connection *connection = 0;
	if (packet->has_ports && packet->version == 4)
		connection = find4(home4(config, packet->client[0], packet->virtual[0], packet->ports, kind), packet->client[0],
				   packet->virtual[0], packet->ports, kind, &slot);
	else if (packet->has_ports)
		connection = find6(home6(config, packet->client, packet->virtual, packet->ports, kind), packet->client,
				   packet->virtual, packet->ports, kind, &slot);
	__u32 number = connection ? connection->server : 0;
	struct server *server = connection ? server_of(number) : 0;
	if (!server) return VERDICT_PASS_OWN;
	NOTE_SERVER(number);
	count_out(packet, server, number);
	step_state(config, packet, connection, server, number, OUTPUT);
	return VERDICT_PASS_OWN_REPLY;
}

/* Another host that says it holds a virtual address takes its traffic away: the classic mistake. */
GLOBAL int check_arp(struct xdp_md *context, const struct config *config, const struct packet *packet)
{
	if (!config || !packet) return VERDICT_PASS_ARP;
	__u8 arp[28];
	__u64 sender = 0;
	struct event event = { .kind = EVENT_ARP_CONFLICT };
	struct address_key key = { .version = 4 };
	if (bpf_xdp_load_bytes(context, packet->ip_offset, arp, sizeof arp)) return VERDICT_PASS_ARP;
	/* Ethernet, IPv4, 6 and 4 bytes: RFC 826. */
	if (*(__u32 *)arp != bpf_htonl(0x00010800) || *(__u16 *)(arp + 4) != bpf_htons(0x0604)) return VERDICT_PASS_ARP;
	__builtin_memcpy(&sender, arp + 8, 6);
	__builtin_memcpy(key.address, arp + 14, 4);
	event.address = key.address[0] = bpf_ntohl(key.address[0]);
	event.mac = sender;
	if (sender == config->own_mac || !bpf_map_lookup_elem(&virtual_addresses, &key)) return VERDICT_PASS_ARP;
	bpf_ringbuf_output(&events, &event, sizeof event, 0);
	return VERDICT_PASS_ARP_CONFLICT;
}

GLOBAL int decode_less_plain(struct xdp_md *context, const struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_DROP_TRUNCATED;
	struct frame frame = { .context = context, .length = bpf_xdp_get_buff_len(context), .is_skb = 0 };
	return decode_any(&frame, packet, config->own_mac);
}

GLOBAL int decode_outgoing(struct __sk_buff *skb, const struct config *config, struct packet *packet)
{
	struct frame frame = { .context = skb, .is_skb = 1, .length = skb->len };
	if (!config || !packet) return VERDICT_DROP_TRUNCATED;
	return decode_any(&frame, packet, config->own_mac);
}

/* --- the path --- */

static __always_inline int handle(struct xdp_md *context, struct config *config, struct packet *packet)
{
	int is_plain = read_plain(packet, (void *)(long)context->data, (void *)(long)context->data_end, config->own_mac);
	if (!is_plain) {
		int decoded = decode_less_plain(context, config, packet);
		if (decoded == VERDICT_PASS_ARP) return check_arp(context, config, packet);
		if (decoded != VERDICT_CONTINUE) return decoded;
	}
	if (!(packet->version == 4 ? config->services4 : config->services6))
		return packet->is_outgoing ? VERDICT_PASS_OWN : VERDICT_PASS_NOT_VIRTUAL;
	if (!is_plain) {
		if (packet->is_outgoing) return follow_own_reply(config, packet);
		if (packet->fragment_offset_bytes > 0) return forward_fragment(context, config, packet);
		if (packet->is_icmp_error) {
			int number = server_of_icmp_error(config, packet);
			if (number == NO_SERVER && config->schedule_icmp) number = open_connection(config, packet);
			return forward_icmp_error(context, config, packet, number);
		}
	}

	struct connection *found = find_connection(config, packet);
	if (!found) return forward_opened(context, config, packet, open_connection(config, packet));
	__u32 number = found->server;
	NOTE_SERVER(number);
	struct server *server = server_of(number);
	if (!server) return VERDICT_DROP_SERVER_REMOVED;
	if (is_replaced(config, packet, found, server))
		return forward_opened(context, config, packet, open_in_place_of(config, packet, found));
	if (!(server->flags & SERVER_LISTED)) return VERDICT_DROP_SERVER_REMOVED;
	if ((server->flags & SERVER_FAILED) && is_reset(config, packet)) return reset_connection(context, config, packet, found);
	if (config->second_chance && packet->protocol == PROTOCOL_TCP && is_opening(packet)) {
		int other = other_server_that_lives(config, packet, found);
		if (other != NO_SERVER)
			return forward_opened(context, config, packet, move_connection(config, packet, found, other));
	}
	step_state(config, packet, found, server, number, INPUT);
	return forward_to(context, config, packet, server, number);
}

/* Who has the frame now. What decode() refuses is the host's, which drops it, or says why not, by itself. */
static __always_inline int action_of(__u32 verdict, __u32 device)
{
	switch (verdict) {
	case VERDICT_FORWARD: case VERDICT_FORWARD_ICMP_ERROR: case VERDICT_FORWARD_FRAGMENT:
		return device ? bpf_redirect_map(&devices, device, XDP_DROP) : XDP_TX;
	case VERDICT_REPLY_PORT_UNREACHABLE: case VERDICT_REPLY_TIME_EXCEEDED: case VERDICT_REPLY_RESET:
		return XDP_TX;
	default:
		return verdict >= VERDICT_DROP_MARTIAN_SOURCE ? XDP_DROP : XDP_PASS;
	}
}

#endif
