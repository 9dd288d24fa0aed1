/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What the director itself answers: port unreachable, time exceeded. The frame becomes the answer and goes back to
 * where it came from. src/datapath/icmp-reply.ts, reply-limit.ts. RFC 792, RFC 1812 4.3.2, RFC 4443 2.4.
 */
#ifndef DIRECTOR_REPLY_H
#define DIRECTOR_REPLY_H
#include "decode.h"

#define REPLY_TTL 64
/* Class selector 6, as Linux gives its ICMP errors: RFC 1812 4.3.2.5. */
#define INTERNETWORK_CONTROL 0xc0
#define REPLIES_PER_SECOND 1000
#define CLIENT_BURST 6
/* As much of the packet as fits: RFC 1812 4.3.2.3, RFC 4443 2.4 (c). */
#define MAX_BODY_BYTES4 (576 - IPV4_BYTES - ICMP_BYTES)
#define MAX_BODY_BYTES6 (1280 - IPV6_BYTES - ICMP_BYTES)

/* --- limits --- */

static __always_inline int take_of_client(struct replies *replies, const struct packet *packet)
{
	__u32 cost = packet->version == 4 ? ticks_per_second : ticks_per_second / 16;
	__u32 folded = packet->client[0] ^ packet->client[1] * 3 ^ packet->client[2] * 5 ^ packet->client[3] * 7;
	__u32 name = folded * 0x9e3779b1u | 1;
	struct reply_client *client = &replies->clients[name >> 16 & (REPLY_CLIENTS - 1)];
	int is_known = client->client == name;
	__u32 elapsed = is_known ? ticks_since(client->refilled, packet->now) : 0;
	__u64 credit = is_known ? (__u64)client->credit + elapsed : CLIENT_BURST * cost;
	if (credit > CLIENT_BURST * cost) credit = CLIENT_BURST * cost;
	int is_enough = credit >= cost;
	client->client = name;
	if (!is_known || elapsed > 0) client->refilled = packet->now;
	client->credit = is_enough ? credit - cost : credit;
	return is_enough;
}

static __always_inline int take_one(struct replies *replies, __u32 now)
{
	__u32 elapsed = ticks_since(replies->refilled, now);
	__u64 tokens = replies->tokens + (__u64)elapsed * REPLIES_PER_SECOND * 1000 / ticks_per_second;
	if (tokens > REPLIES_PER_SECOND * 1000) tokens = REPLIES_PER_SECOND * 1000;
	if (elapsed > 0) replies->refilled = now;
	replies->tokens = tokens < 1000 ? tokens : tokens - 1000;
	return tokens >= 1000;
}

/* False: enough were sent in the last second, or to this packet's client. */
static __always_inline int take_reply(const struct config *config, const struct packet *packet)
{
	__u32 zero = 0;
	struct replies *shared = bpf_map_lookup_elem(&replies, &zero);
	if (!shared) return 0;
	return (!config->limits_clients || take_of_client(shared, packet)) && take_one(shared, packet->now);
}

/* --- building --- */

/* Sum, in frame order, of the first `bytes` of the packet. */
static __noinline __u32 sum_of_body(struct xdp_md *context, __u32 offset, __u32 bytes)
{
	__u32 zero = 0;
	struct scratch *body = bpf_map_lookup_elem(&scratch, &zero);
	__u64 sum = 0;
	if (!body || bytes > MAX_BODY_BYTES6) return 0;
	CHECKED(bytes);
	if (bytes < IPV4_BYTES) return 0;
	/* An odd byte is followed by a zero. */
	body->words[(bytes / 4) % (SCRATCH_BYTES / 4)] = 0;
	if (bpf_xdp_load_bytes(context, offset, body, bytes)) return 0;
	for (__u32 i = 0; i < SCRATCH_BYTES / 4; i++) {
		if (i * 4 >= bytes) break;
		sum += body->words[i];
	}
	return fold16(sum);
}

struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u32 rest;
};

struct ip4_header {
	__u8 version_length;
	__u8 service;
	__u16 total_bytes;
	__u32 identification;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u32 source;
	__u32 destination;
};

struct ip6_header {
	__u32 version;
	__u16 payload_bytes;
	__u8 next;
	__u8 hop_limit;
	__u32 source[4];
	__u32 destination[4];
};

struct reply4 {
	struct ip4_header ip;
	struct icmp_header icmp;
};

struct reply6 {
	struct ip6_header ip;
	struct icmp_header icmp;
};

static __always_inline void encode_ip4(struct ip4_header *ip, const struct packet *packet, __u8 protocol, __u32 bytes)
{
	__builtin_memset(ip, 0, sizeof *ip);
	ip->version_length = 0x45;
	ip->service = INTERNETWORK_CONTROL;
	ip->total_bytes = bpf_htons(bytes);
	ip->ttl = REPLY_TTL;
	ip->protocol = protocol;
	ip->source = bpf_htonl(packet->virtual[0]);
	ip->destination = bpf_htonl(packet->client[0]);
	const __u32 *word = (const __u32 *)ip;
	ip->checksum = ~fold16((__u64)word[0] + word[1] + word[2] + word[3] + word[4]);
}

/* Returns the sum of both addresses. */
static __always_inline __u64 encode_ip6(struct ip6_header *ip, const struct packet *packet, __u8 next, __u32 payload_bytes)
{
	__u64 sum = 0;
	__builtin_memset(ip, 0, sizeof *ip);
	ip->version = bpf_htonl(0x60000000);
	ip->payload_bytes = bpf_htons(payload_bytes);
	ip->next = next;
	ip->hop_limit = REPLY_TTL;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		ip->source[i] = bpf_htonl(packet->virtual[i]);
		ip->destination[i] = bpf_htonl(packet->client[i]);
		sum += (__u64)ip->source[i] + ip->destination[i];
	}
	return sum;
}

static __always_inline void encode_reply4(struct reply4 *reply, const struct packet *packet, __u8 type, __u8 code, __u32 body_bytes, __u32 body_sum)
{
	encode_ip4(&reply->ip, packet, PROTOCOL_ICMP, sizeof *reply + body_bytes);
	reply->icmp = (struct icmp_header){ .type = type, .code = code };
	reply->icmp.checksum = ~fold16((__u64)*(const __u16 *)&reply->icmp + body_sum);
}

static __always_inline void encode_reply6(struct reply6 *reply, const struct packet *packet, __u8 type, __u8 code, __u32 body_bytes, __u32 body_sum)
{
	__u32 icmp_bytes = sizeof reply->icmp + body_bytes;
	__u64 sum = body_sum + bpf_htonl(icmp_bytes) + bpf_htonl(PROTOCOL_ICMPV6);
	sum += encode_ip6(&reply->ip, packet, PROTOCOL_ICMPV6, icmp_bytes);
	reply->icmp = (struct icmp_header){ .type = type, .code = code };
	sum += *(const __u16 *)&reply->icmp;
	reply->icmp.checksum = ~fold16(sum);
}

/* Cuts the packet to what is quoted and makes room for the headers before it. False: the driver has no room. */
static __always_inline int resize(struct xdp_md *context, const struct packet *packet, __u32 body_bytes, int header_bytes)
{
	int surplus = (int)bpf_xdp_get_buff_len(context) - (int)(packet->ip_offset + body_bytes);
	if (surplus > 0 && bpf_xdp_adjust_tail(context, -surplus)) return 0;
	return bpf_xdp_adjust_head(context, -header_bytes) == 0;
}

/* Link header with its VLAN tags, back to where the frame came from. */
static __always_inline int write_link(struct xdp_md *context, const struct packet *packet, const __u8 *link, __u64 own_mac)
{
	__u8 macs[12];
	__u32 tag_bytes = packet->ip_offset - 12;
	__builtin_memcpy(macs, link + 6, 6);
	__builtin_memcpy(macs + 6, &own_mac, 6);
	if (tag_bytes < 2 || tag_bytes > MAX_LINK_BYTES - 12) return 0;
	return bpf_xdp_store_bytes(context, 0, macs, sizeof macs) == 0 &&
	       bpf_xdp_store_bytes(context, 12, (void *)(link + 12), tag_bytes) == 0;
}

/* `link` has room for MAX_LINK_BYTES. */
static __always_inline int read_link(struct xdp_md *context, __u8 *link, __u32 link_bytes)
{
	if (link_bytes > MAX_LINK_BYTES) return 0;
	CHECKED(link_bytes);
	return link_bytes >= ETHERNET_BYTES && bpf_xdp_load_bytes(context, 0, link, link_bytes) == 0;
}

static __always_inline int reply(struct xdp_md *context, const struct config *config, struct packet *packet, int is_unreachable, __u32 replied)
{
	__u8 link[MAX_LINK_BYTES + 2] = {};
	__u32 ip_bytes = packet->ip_end - packet->ip_offset, link_bytes = packet->ip_offset;
	__u32 max_bytes = packet->version == 4 ? MAX_BODY_BYTES4 : MAX_BODY_BYTES6;
	__u32 body_bytes = ip_bytes < max_bytes ? ip_bytes : max_bytes;
	/* Nobody has the unspecified address: RFC 4443 2.4 (e.6). */
	if (packet->version == 6 && !(packet->client[0] | packet->client[1] | packet->client[2] | packet->client[3]))
		return VERDICT_DROP_MARTIAN_SOURCE;
	if (!take_reply(config, packet)) return VERDICT_DROP_REPLY_LIMIT;
	if (!read_link(context, link, link_bytes)) return VERDICT_DROP_TRANSMIT;
	__u32 body_sum = sum_of_body(context, link_bytes, body_bytes);
	if (packet->version == 4) {
		struct reply4 reply;
		encode_reply4(&reply, packet, is_unreachable ? 3 : 11, is_unreachable ? 3 : 0, body_bytes, body_sum);
		if (!resize(context, packet, body_bytes, sizeof reply)) return VERDICT_DROP_TRANSMIT;
		if (bpf_xdp_store_bytes(context, link_bytes, &reply, sizeof reply)) return VERDICT_DROP_TRANSMIT;
	} else {
		struct reply6 reply;
		encode_reply6(&reply, packet, is_unreachable ? 1 : 3, is_unreachable ? 4 : 0, body_bytes, body_sum);
		if (!resize(context, packet, body_bytes, sizeof reply)) return VERDICT_DROP_TRANSMIT;
		if (bpf_xdp_store_bytes(context, link_bytes, &reply, sizeof reply)) return VERDICT_DROP_TRANSMIT;
	}
	return write_link(context, packet, link, config->own_mac) ? replied : VERDICT_DROP_TRANSMIT;
}

GLOBAL int reply_port_unreachable(struct xdp_md *context, const struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_DROP_TRANSMIT;
	return reply(context, config, packet, 1, VERDICT_REPLY_PORT_UNREACHABLE);
}

GLOBAL int reply_time_exceeded(struct xdp_md *context, const struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_DROP_TRANSMIT;
	/* No error about an error, nor about a later fragment: RFC 1122 3.2.2. */
	if (packet->is_icmp_error || packet->fragment_offset_bytes > 0) return VERDICT_DROP_TTL;
	return reply(context, config, packet, 0, VERDICT_REPLY_TIME_EXCEEDED);
}

#endif
