/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Frame -> struct packet: src/wire/decode.ts. Twice: read_plain() takes most frames, reading them in place; all that
 * is less plain (tags, options, extension headers, fragments, errors, lengths that do not fit) goes to decode_any(),
 * which checks in the order of Linux and reads by helper. Where read_plain() takes a frame, both find the same.
 */
#ifndef DIRECTOR_DECODE_H
#define DIRECTOR_DECODE_H
#include "frame.h"
#include "maps.h"
#include "options.h"
#include "packet.h"
#include "verdict.h"

#define ETHERNET_BYTES 14
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define EXTENSION_BYTES 8
#define TCP_BYTES 20
#define UDP_BYTES 8
#define SCTP_BYTES 12
#define CHUNK_BYTES 4
#define PORTS_BYTES 4
#define ICMP_BYTES 8
#define MAC_MASK 0xffffffffffffULL

#define TYPE_IPV4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_SERVICE_VLAN 0x88a8
#define MAX_VLAN_TAGS 2

/* More extension headers than fit into a frame of 2,048 bytes. */
#define MAX_EXTENSIONS 256
/* More options than fit into the longest hop-by-hop header. */
#define MAX_HOP_OPTIONS 2048

/* --- plain frames --- */

static __always_inline void clear_packet(struct packet *packet)
{
	__builtin_memset(packet, 0, sizeof *packet);
	packet->tcp_flags = packet->sctp_chunk = packet->state_input = NOT_PRESENT;
}

static __always_inline int read_plain_transport(struct packet *packet, void *transport, void *end, __u32 length)
{
	if (packet->protocol == PROTOCOL_TCP) {
		if (length < TCP_BYTES || transport + TCP_BYTES > end) return 0;
		packet->tcp_flags = packet->state_input = *(__u8 *)(transport + 13);
	} else if (packet->protocol != PROTOCOL_UDP || length < UDP_BYTES || transport + UDP_BYTES > end) {
		return 0;
	}
	packet->ports = bpf_ntohl(*(__u32 *)transport);
	packet->has_ports = 1;
	return 1;
}

static __always_inline int read_plain4(struct packet *packet, void *ip, void *end)
{
	__u32 *word = ip;
	if (ip + IPV4_BYTES > end || *(__u8 *)ip != 0x45) return 0;
	__u32 length = bpf_ntohs(*(__u16 *)(ip + 2));
	CHECKED(length);
	length &= 0xffff;
	if (ip + length > end || (word[1] & bpf_htonl(0x3fff))) return 0;
	if (!is_right_sum((__u64)word[0] + word[1] + word[2] + word[3] + word[4])) return 0;
	packet->version = 4;
	packet->ttl = *(__u8 *)(ip + 8);
	packet->protocol = *(__u8 *)(ip + 9);
	packet->client[0] = bpf_ntohl(word[3]);
	packet->virtual[0] = bpf_ntohl(word[4]);
	packet->ip_end = ETHERNET_BYTES + length;
	packet->transport_offset = ETHERNET_BYTES + IPV4_BYTES;
	/* Of a length below that of the header nothing is left for the transport. */
	return read_plain_transport(packet, ip + IPV4_BYTES, end, length < IPV4_BYTES ? 0 : length - IPV4_BYTES);
}

static __always_inline int read_plain6(struct packet *packet, void *ip, void *end)
{
	__u32 *word = ip;
	if (ip + IPV6_BYTES > end || *(__u8 *)ip >> 4 != 6) return 0;
	__u32 length = bpf_ntohs(*(__u16 *)(ip + 4));
	CHECKED(length);
	length &= 0xffff;
	if (ip + IPV6_BYTES + length > end) return 0;
	packet->version = 6;
	packet->protocol = *(__u8 *)(ip + 6);
	packet->ttl = *(__u8 *)(ip + 7);
#pragma unroll
	for (int i = 0; i < 4; i++) {
		packet->client[i] = bpf_ntohl(word[2 + i]);
		packet->virtual[i] = bpf_ntohl(word[6 + i]);
	}
	packet->ip_end = ETHERNET_BYTES + IPV6_BYTES + length;
	packet->transport_offset = ETHERNET_BYTES + IPV6_BYTES;
	return read_plain_transport(packet, ip + IPV6_BYTES, end, length);
}

/* A whole TCP or UDP packet to us, without tags, options, extension headers and fragments. */
static __always_inline int read_plain(struct packet *packet, void *data, void *end, __u64 own_mac)
{
	if (data + ETHERNET_BYTES > end || (*(__u64 *)data & MAC_MASK) != own_mac) return 0;
	packet->ip_offset = ETHERNET_BYTES;
	if (*(__u16 *)(data + 12) == bpf_htons(TYPE_IPV4)) return read_plain4(packet, data + ETHERNET_BYTES, end);
	if (*(__u16 *)(data + 12) == bpf_htons(TYPE_IPV6)) return read_plain6(packet, data + ETHERNET_BYTES, end);
	return 0;
}

/* --- any frame --- */

static __always_inline int decode_transport(const struct frame *frame, struct packet *packet);

static __noinline int decode_any4(const struct frame *frame, struct packet *packet)
{
	__u32 word[5], offset = packet->ip_offset;
	if (offset + IPV4_BYTES > frame->length || !read_bytes(frame, offset, word, sizeof word))
		return VERDICT_DROP_TRUNCATED;
	__u32 word0 = bpf_ntohl(word[0]), word1 = bpf_ntohl(word[1]);
	if (word0 >> 28 != 4) return VERDICT_DROP_IP_VERSION;
	__u32 header_bytes = word0 >> 22 & 0x3c, total_bytes = word0 & 0xffff;
	if (header_bytes < IPV4_BYTES) return VERDICT_DROP_IP_HEADER_LENGTH;
	if (offset + header_bytes > frame->length) return VERDICT_DROP_TRUNCATED;
	struct options options;
	__u32 option_bytes = header_bytes - IPV4_BYTES;
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
	packet->has_options = option_bytes > 0;
	if (option_bytes > 0) {
		if (!read_options(frame, offset + IPV4_BYTES, option_bytes, &options)) return VERDICT_DROP_TRUNCATED;
#pragma unroll
		for (int i = 0; i < MAX_OPTION_BYTES / 4; i++) sum += ((__u32 *)options.byte)[i];
	}
	if (!is_right_sum(sum)) return VERDICT_DROP_IP_CHECKSUM;
	if (total_bytes < header_bytes || offset + total_bytes > frame->length) return VERDICT_DROP_IP_TOTAL_LENGTH;
	if (option_bytes > 0 && !options_are_acceptable(&options)) return VERDICT_DROP_IP_OPTIONS;
	packet->version = 4;
	packet->ip_end = offset + total_bytes;
	packet->ttl = bpf_ntohl(word[2]) >> 24;
	packet->protocol = bpf_ntohl(word[2]) >> 16;
	packet->fragment_offset_bytes = (word1 & 0x1fff) * 8;
	packet->more_fragments = (word1 & 0x2000) != 0;
	packet->identification = word1 >> 16;
	packet->transport_offset = offset + header_bytes;
	packet->client[0] = bpf_ntohl(packet->is_outgoing ? word[4] : word[3]);
	packet->virtual[0] = bpf_ntohl(packet->is_outgoing ? word[3] : word[4]);
	return decode_transport(frame, packet);
}

/* What goes from header to header; the fragment header fills in what it says. */
struct extension_walk {
	const struct frame *frame;
	__u32 offset;
	__u32 end;
	__u32 type;
	__u32 fragment_offset_bytes;
	__u32 more_fragments;
	__u32 identification;
	__u32 is_cut;
};

static __always_inline int is_extension(__u32 type)
{
	return type == PROTOCOL_HOP_BY_HOP || type == PROTOCOL_ROUTING || type == PROTOCOL_FRAGMENT ||
	       type == PROTOCOL_AUTHENTICATION || type == PROTOCOL_DESTINATION_OPTIONS;
}

/* The authentication header counts in words of 4: RFC 4302 2.2. */
static __always_inline __u32 extension_bytes(const struct frame *frame, __u32 offset, __u32 type)
{
	if (type == PROTOCOL_FRAGMENT) return EXTENSION_BYTES;
	__u32 units = read8(frame, offset + 1);
	return type == PROTOCOL_AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
}

static long walk_extension(__u32 index, struct extension_walk *walk)
{
	if (!is_extension(walk->type)) return 1;
	if (walk->offset + EXTENSION_BYTES > walk->end) {
		walk->is_cut = 1;
		return 1;
	}
	if (walk->type == PROTOCOL_FRAGMENT) {
		__u32 word = read16(walk->frame, walk->offset + 2);
		walk->fragment_offset_bytes = word & 0xfff8;
		walk->more_fragments = word & 1;
		walk->identification = read32(walk->frame, walk->offset + 4);
	}
	__u32 length = extension_bytes(walk->frame, walk->offset, walk->type);
	walk->type = read8(walk->frame, walk->offset);
	walk->offset += length;
	return walk->fragment_offset_bytes > 0;
}

/* To the transport header, or to what a later fragment holds. False: a header is cut. */
static __always_inline int skip_extensions(struct extension_walk *walk)
{
	bpf_loop(MAX_EXTENSIONS, walk_extension, walk, 0);
	return !walk->is_cut && walk->offset <= walk->end;
}

struct hop_walk {
	const struct frame *frame;
	__u32 at;
	__u32 end;
	__u32 pad_bytes;
	__u32 unpadded;
	__u32 is_refused;
};

#define MAX_PAD_BYTES 7
#define MAX_UNPADDED_OPTIONS 8
enum { HOP_PAD1 = 0, HOP_PADN = 1, HOP_ROUTER_ALERT = 5 };

static __always_inline int hop_option_is_acceptable(struct hop_walk *walk)
{
	__u32 type = read8(walk->frame, walk->at);
	if (type != HOP_PAD1 && walk->at + 1 >= walk->end) return 0;
	__u32 length = type == HOP_PAD1 ? 1 : read8(walk->frame, walk->at + 1) + 2;
	if (walk->at + length > walk->end) return 0;
	if (type == HOP_PAD1 || type == HOP_PADN) {
		walk->pad_bytes += length;
		if (walk->pad_bytes > MAX_PAD_BYTES) return 0;
		for (__u32 zero = 2; zero < MAX_PAD_BYTES; zero++)
			if (zero < length && read8(walk->frame, walk->at + zero) != 0) return 0;
	} else {
		walk->pad_bytes = 0;
		if (++walk->unpadded > MAX_UNPADDED_OPTIONS || type >> 6 != 0) return 0;
		if (type == HOP_ROUTER_ALERT && length != 4) return 0;
	}
	walk->at += length;
	return 1;
}

static long walk_hop_option(__u32 index, struct hop_walk *walk)
{
	if (walk->at >= walk->end) return 1;
	walk->is_refused = !hop_option_is_acceptable(walk);
	return walk->is_refused;
}

/* ip6_parse_tlv() of net/ipv6/exthdrs.c: src/wire/ipv6.ts, hopByHopIsAcceptable(). */
static __always_inline int hop_by_hop_is_acceptable(const struct frame *frame, __u32 offset, __u32 packet_end)
{
	if (offset + EXTENSION_BYTES > packet_end) return 1;
	struct hop_walk walk = { .frame = frame, .at = offset + 2 };
	walk.end = offset + extension_bytes(frame, offset, PROTOCOL_HOP_BY_HOP);
	if (walk.end > packet_end) return 1;
	bpf_loop(MAX_HOP_OPTIONS, walk_hop_option, &walk, 0);
	return !walk.is_refused;
}

static __always_inline void read_ends6(struct packet *packet, const __u32 *word, int from_server)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		packet->client[i] = bpf_ntohl(word[(from_server ? 6 : 2) + i]);
		packet->virtual[i] = bpf_ntohl(word[(from_server ? 2 : 6) + i]);
	}
}

static __noinline int decode_any6(const struct frame *frame, struct packet *packet)
{
	__u32 word[10], offset = packet->ip_offset;
	if (offset + IPV6_BYTES > frame->length || !read_bytes(frame, offset, word, sizeof word))
		return VERDICT_DROP_TRUNCATED;
	if (bpf_ntohl(word[0]) >> 28 != 6) return VERDICT_DROP_IP_VERSION;
	__u32 word1 = bpf_ntohl(word[1]);
	__u32 end = offset + IPV6_BYTES + (word1 >> 16);
	if (end > frame->length) return VERDICT_DROP_IP_TOTAL_LENGTH;
	packet->version = 6;
	packet->ip_end = end;
	packet->ttl = word1;
	if (packet->is_outgoing) read_ends6(packet, word, 1);
	else read_ends6(packet, word, 0);
	__u32 next = word1 >> 8 & 0xff;
	if (next == PROTOCOL_HOP_BY_HOP && !hop_by_hop_is_acceptable(frame, offset + IPV6_BYTES, end))
		return VERDICT_DROP_IP_OPTIONS;
	struct extension_walk walk = { .frame = frame, .offset = offset + IPV6_BYTES, .end = end, .type = next };
	if (!skip_extensions(&walk)) return VERDICT_DROP_TRUNCATED;
	packet->protocol = walk.type;
	packet->transport_offset = walk.offset;
	packet->fragment_offset_bytes = walk.fragment_offset_bytes;
	packet->more_fragments = walk.more_fragments;
	packet->identification = walk.identification;
	return decode_transport(frame, packet);
}

/* --- transport --- */

static __always_inline void set_ports(const struct frame *frame, struct packet *packet, __u32 offset, int from_server)
{
	__u32 word = read32(frame, offset);
	packet->ports = from_server ? word << 16 | word >> 16 : word;
	packet->has_ports = 1;
}

/* The first chunk, or an ABORT bundled behind a cookie: set_sctp_state() in ip_vs_proto_sctp.c. */
static __always_inline void read_sctp(const struct frame *frame, struct packet *packet)
{
	__u32 first = packet->transport_offset + SCTP_BYTES;
	if (first + CHUNK_BYTES > packet->ip_end) return;
	__u32 type = read8(frame, first), length = read16(frame, first + 2), next = first + ((length + 3) & ~3);
	packet->sctp_chunk = packet->state_input = type;
	if (type != SCTP_COOKIE_ECHO && type != SCTP_COOKIE_ACK) return;
	if (length >= CHUNK_BYTES && next + CHUNK_BYTES <= packet->ip_end && read8(frame, next) == SCTP_ABORT)
		packet->state_input = SCTP_ABORT;
}

static __always_inline void read_state_input(const struct frame *frame, struct packet *packet)
{
	if (packet->fragment_offset_bytes > 0) return;
	if (packet->protocol == PROTOCOL_SCTP) read_sctp(frame, packet);
	if (packet->protocol == PROTOCOL_TCP && packet->transport_offset + TCP_BYTES <= packet->ip_end)
		packet->tcp_flags = packet->state_input = read8(frame, packet->transport_offset + 13);
}

static __always_inline int read_inner_ports(const struct frame *frame, struct packet *packet, __u32 offset)
{
	if (offset + PORTS_BYTES > packet->ip_end || !has_transport(packet->protocol)) return VERDICT_PASS_PROTOCOL;
	set_ports(frame, packet, offset, 1);
	packet->is_icmp_error = 1;
	return VERDICT_CONTINUE;
}

/* Types that IPVS relates to a connection: unreachable, source quench, time exceeded. */
static __noinline int decode_icmp_error(const struct frame *frame, struct packet *packet)
{
	__u32 word[5], inner = packet->transport_offset + ICMP_BYTES;
	if (inner + IPV4_BYTES > packet->ip_end) return VERDICT_PASS_PROTOCOL;
	__u32 type = read8(frame, packet->transport_offset);
	if (type != 3 && type != 4 && type != 11) return VERDICT_PASS_PROTOCOL;
	if (!read_bytes(frame, inner, word, sizeof word)) return VERDICT_PASS_PROTOCOL;
	__u32 word0 = bpf_ntohl(word[0]), header_bytes = word0 >> 22 & 0x3c;
	if (word0 >> 28 != 4 || header_bytes < IPV4_BYTES) return VERDICT_PASS_PROTOCOL;
	if ((bpf_ntohl(word[1]) & 0x1fff) != 0) return VERDICT_PASS_PROTOCOL;
	packet->client[0] = bpf_ntohl(word[4]);
	packet->virtual[0] = bpf_ntohl(word[3]);
	packet->protocol = bpf_ntohl(word[2]) >> 16;
	return read_inner_ports(frame, packet, inner + header_bytes);
}

/* Types from 128 on are informational: RFC 4443 2.1. */
static __noinline int decode_icmpv6_error(const struct frame *frame, struct packet *packet)
{
	__u32 word[10], inner = packet->transport_offset + ICMP_BYTES;
	if (inner + IPV6_BYTES > packet->ip_end || read8(frame, packet->transport_offset) >= 128)
		return VERDICT_PASS_PROTOCOL;
	if (!read_bytes(frame, inner, word, sizeof word) || bpf_ntohl(word[0]) >> 28 != 6) return VERDICT_PASS_PROTOCOL;
	struct extension_walk walk = { .frame = frame, .offset = inner + IPV6_BYTES, .end = packet->ip_end };
	walk.type = bpf_ntohl(word[1]) >> 8 & 0xff;
	if (!skip_extensions(&walk) || walk.fragment_offset_bytes > 0) return VERDICT_PASS_PROTOCOL;
	read_ends6(packet, word, 1);
	packet->protocol = walk.type;
	return read_inner_ports(frame, packet, walk.offset);
}

static __always_inline int decode_transport(const struct frame *frame, struct packet *packet)
{
	if (has_transport(packet->protocol)) {
		if (packet->fragment_offset_bytes == 0 && packet->transport_offset + PORTS_BYTES <= packet->ip_end)
			set_ports(frame, packet, packet->transport_offset, packet->is_outgoing);
		read_state_input(frame, packet);
		return VERDICT_CONTINUE;
	}
	if (packet->fragment_offset_bytes > 0 || packet->is_outgoing) return VERDICT_PASS_PROTOCOL;
	if (packet->version == 4 && packet->protocol == PROTOCOL_ICMP) return decode_icmp_error(frame, packet);
	if (packet->version == 6 && packet->protocol == PROTOCOL_ICMPV6) return decode_icmpv6_error(frame, packet);
	return VERDICT_PASS_PROTOCOL;
}

static __always_inline int decode_any(const struct frame *frame, struct packet *packet, __u64 own_mac)
{
	__u64 destination = 0, source = 0;
	if (frame->length < ETHERNET_BYTES || !read_bytes(frame, 0, &destination, 6)) return VERDICT_DROP_TRUNCATED;
	read_bytes(frame, 6, &source, 6);
	__u32 offset = ETHERNET_BYTES, type = read16(frame, 12);
#pragma unroll
	for (int tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
		if (type != TYPE_VLAN && type != TYPE_SERVICE_VLAN) break;
		if (tags == MAX_VLAN_TAGS) return VERDICT_PASS_NOT_IP;
		if (offset + 4 > frame->length) return VERDICT_DROP_TRUNCATED;
		type = read16(frame, offset + 2);
		offset += 4;
	}
	packet->ip_offset = offset;
	packet->is_outgoing = destination != own_mac && source == own_mac;
	if (type == TYPE_ARP) return VERDICT_PASS_ARP;
	if (destination != own_mac && source != own_mac) return VERDICT_PASS_OTHER_MAC;
	if (type == TYPE_IPV4) return decode_any4(frame, packet);
	if (type == TYPE_IPV6) return decode_any6(frame, packet);
	return VERDICT_PASS_NOT_IP;
}

#endif
