/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What decode() finds in a frame: src/wire/packet.ts. Numbers in host order. */
#ifndef DIRECTOR_PACKET_H
#define DIRECTOR_PACKET_H
#include <linux/types.h>
#include "layout.h"

/* tcp_flags, sctp_chunk and state_input of a packet that ends before them. */
#define NOT_PRESENT (-1)

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION_OPTIONS = 60,
	PROTOCOL_SCTP = 132,
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

enum {
	SCTP_DATA = 0, SCTP_INIT = 1, SCTP_INIT_ACK = 2, SCTP_ABORT = 6, SCTP_SHUTDOWN = 7, SCTP_SHUTDOWN_ACK = 8,
	SCTP_ERROR = 9, SCTP_COOKIE_ECHO = 10, SCTP_COOKIE_ACK = 11, SCTP_SHUTDOWN_COMPLETE = 14,
};

struct packet {
	/* Both ends as the client sees them; of IPv4 the first word, the others are 0. */
	__u32 client[4];
	__u32 virtual[4];
	/* client << 16 | virtual. Valid iff has_ports. */
	__u32 ports;
	/* Bytes from the start of the frame, as ip_offset. What follows ip_end is padding. */
	__u32 ip_end;
	__u32 transport_offset;
	__u32 fragment_offset_bytes;
	/* Valid iff the packet is a fragment. */
	__u32 identification;
	/* When it came, ticks. */
	__u32 now;
	/* The two buckets of its connection. Valid once it was looked for. */
	struct home {
		__u32 first;
		__u32 second;
	} home;
	/* Of the connection that was found. */
	__u32 slot;
	/* What move the state: TCP flags, SCTP chunks, or NOT_PRESENT. */
	__s16 tcp_flags;
	__s16 sctp_chunk;
	__s16 state_input;
	__u16 ip_offset;
	/* Element of `devices` by which it leaves; 0: where it came in. */
	__u16 device;
	__u8 version;
	__u8 ttl;
	/* For an ICMP error: of the packet inside, as are addresses and ports. */
	__u8 protocol;
	__u8 has_ports;
	__u8 more_fragments;
	__u8 is_icmp_error;
	/* This host sent the frame. */
	__u8 is_outgoing;
	/* IPv4 options. */
	__u8 has_options;
	/* Why it got no connection: an enum verdict. */
	__u8 refusal;
} WORD_PAIRS;

#define client_port(packet) ((packet)->ports >> 16)
#define virtual_port(packet) ((packet)->ports & 0xffff)

/* Both lie in something of WORD_PAIRS. */
static __always_inline int is_same_address(const __u32 *a, const __u32 *b)
{
	const __u64 *pairs_a = (const __u64 *)a, *pairs_b = (const __u64 *)b;
	return pairs_a[0] == pairs_b[0] && pairs_a[1] == pairs_b[1];
}

static __always_inline int has_transport(__u8 protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP;
}

#endif
