/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* RST from the virtual address to the client, which the frame becomes: src/datapath/tcp-reset.ts. RFC 9293 3.10.7.1. */
#ifndef DIRECTOR_RESET_H
#define DIRECTOR_RESET_H
#include "reply.h"

struct tcp_header {
	__u16 source;
	__u16 destination;
	__u32 sequence;
	__u32 acknowledgement;
	__u8 data_offset;
	__u8 flags;
	__u16 window;
	__u16 checksum;
	__u16 urgent;
};

#define TCP_FIRST_DATA_OFFSET 0x50

struct reset4 {
	struct ip4_header ip;
	struct tcp_header tcp;
};

struct reset6 {
	struct ip6_header ip;
	struct tcp_header tcp;
};

/* In answer to a segment of so many bytes, header and all; without its checksum. */
static __always_inline void encode_reset(struct tcp_header *reset, const struct tcp_header *segment, __u32 segment_bytes)
{
	int has_ack = segment->flags & TCP_ACK;
	__s32 payload_bytes = (__s32)segment_bytes - (segment->data_offset >> 4) * 4;
	__u32 length = (payload_bytes > 0 ? payload_bytes : 0) + !!(segment->flags & TCP_SYN) + (segment->flags & TCP_FIN);
	reset->source = segment->destination;
	reset->destination = segment->source;
	reset->sequence = has_ack ? segment->acknowledgement : 0;
	reset->acknowledgement = has_ack ? 0 : bpf_htonl(bpf_ntohl(segment->sequence) + length);
	reset->data_offset = TCP_FIRST_DATA_OFFSET;
	reset->flags = has_ack ? TCP_RST : TCP_RST | TCP_ACK;
	reset->window = reset->checksum = reset->urgent = 0;
}

static __always_inline __u64 sum_of_tcp(const struct tcp_header *header)
{
	const __u32 *word = (const __u32 *)header;
	return (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
}

/* The frame gets as long as the answer is: every segment that is answered has at least its size. */
static __always_inline int shorten(struct xdp_md *context, __u32 bytes)
{
	int surplus = (int)bpf_xdp_get_buff_len(context) - (int)bytes;
	return surplus >= 0 && (surplus == 0 || bpf_xdp_adjust_tail(context, -surplus) == 0);
}

static __always_inline int write_reset4(struct xdp_md *context, const struct packet *packet, const struct tcp_header *tcp)
{
	struct reset4 reset = { .tcp = *tcp };
	encode_ip4(&reset.ip, packet, PROTOCOL_TCP, sizeof reset);
	reset.tcp.checksum = ~fold16(sum_of_tcp(tcp) + reset.ip.source + reset.ip.destination +
				     bpf_htonl(PROTOCOL_TCP) + bpf_htonl(sizeof *tcp));
	return shorten(context, packet->ip_offset + sizeof reset) &&
	       bpf_xdp_store_bytes(context, packet->ip_offset, &reset, sizeof reset) == 0;
}

static __always_inline int write_reset6(struct xdp_md *context, const struct packet *packet, const struct tcp_header *tcp)
{
	struct reset6 reset = { .tcp = *tcp };
	__u64 addresses = encode_ip6(&reset.ip, packet, PROTOCOL_TCP, sizeof *tcp);
	reset.tcp.checksum = ~fold16(sum_of_tcp(tcp) + addresses + bpf_htonl(PROTOCOL_TCP) + bpf_htonl(sizeof *tcp));
	return shorten(context, packet->ip_offset + sizeof reset) &&
	       bpf_xdp_store_bytes(context, packet->ip_offset, &reset, sizeof reset) == 0;
}

GLOBAL int reply_reset(struct xdp_md *context, const struct config *config, struct packet *packet)
{
	if (!config || !packet) return VERDICT_DROP_TRANSMIT;
	struct tcp_header segment, reset;
	__u8 link[MAX_LINK_BYTES + 2] = {};
	__u32 link_bytes = packet->ip_offset;
	if (bpf_xdp_load_bytes(context, packet->transport_offset, &segment, sizeof segment)) return VERDICT_DROP_TRANSMIT;
	if (!read_link(context, link, link_bytes)) return VERDICT_DROP_TRANSMIT;
	encode_reset(&reset, &segment, packet->ip_end - packet->transport_offset);
	int is_written = packet->version == 4 ? write_reset4(context, packet, &reset) : write_reset6(context, packet, &reset);
	if (!is_written || !write_link(context, packet, link, config->own_mac)) return VERDICT_DROP_TRANSMIT;
	return VERDICT_REPLY_RESET;
}

#endif
