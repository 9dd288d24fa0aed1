/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The rewrite of direct routing: both MAC addresses and the TTL, in place. src/datapath/direct-route.ts */
#ifndef DIRECTOR_ROUTE_H
#define DIRECTOR_ROUTE_H
#include "decode.h"

#define DAY_MS 86400000ULL

/* Writes what this host has to into acceptable options, and the checksum of the header. */
GLOBAL int rewrite_options(struct xdp_md *context, const struct config *config, const struct packet *packet)
{
	if (!config || !packet) return 0;
	struct frame frame = { .context = context };
	struct options options;
	__u32 word[5], offset = packet->ip_offset, length = packet->transport_offset - offset - IPV4_BYTES;
	if (!read_bytes(&frame, offset, word, sizeof word) || !read_options(&frame, offset + IPV4_BYTES, length, &options)) return 0;
	options.own = bpf_ntohl(word[4]);
	options.day_ms = ((clock_is_given ? 0 : bpf_ktime_get_ns() / 1000000) + config->day_offset_ms) % DAY_MS;
	bpf_loop(MAX_OPTION_BYTES, fill_option, &options, 0);
	bpf_loop(MAX_OPTION_BYTES, clear_option, &options, 0);
	word[2] &= bpf_htonl(0xffff0000);
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];
#pragma unroll
	for (int i = 0; i < MAX_OPTION_BYTES / 4; i++) sum += ((__u32 *)options.byte)[i];
	word[2] |= bpf_htonl(~bpf_ntohs(fold16(sum)) & 0xffff);
	if (length < 4 || length > MAX_OPTION_BYTES) return 0;
	return bpf_xdp_store_bytes(context, offset, word, sizeof word) == 0 &&
	       bpf_xdp_store_bytes(context, offset + IPV4_BYTES, options.byte, length) == 0;
}

/* ip_decrease_ttl(): RFC 1624 eqn. 3, where one byte is lowered by one. */
static __always_inline void lower_ttl4(void *ip)
{
	__u32 checksum = *(__u16 *)(ip + 10) + bpf_htons(0x100);
	*(__u16 *)(ip + 10) = checksum + (checksum >= 0xffff);
	*(__u8 *)(ip + 8) -= 1;
}

static __always_inline void write_macs(void *frame, const struct server *server, __u64 next_hop)
{
	__u64 source = server->source;
	*(__u32 *)frame = next_hop;
	*(__u32 *)(frame + 4) = (next_hop >> 32 & 0xffff) | (__u32)(source & 0xffff) << 16;
	*(__u32 *)(frame + 8) = source >> 16;
}

/* False: the header is not in the part of the frame that can be written in place. The TTL is above 1. */
static __always_inline int rewrite(struct xdp_md *context, const struct packet *packet, const struct server *server, __u64 next_hop)
{
	void *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;
	__u32 offset = packet->ip_offset;
	if (offset > MAX_LINK_BYTES || data + ETHERNET_BYTES > end || data + offset + IPV4_BYTES > end) return 0;
	write_macs(data, server, next_hop);
	if (packet->version == 4) lower_ttl4(data + offset);
	else *(__u8 *)(data + offset + 7) -= 1;
	return 1;
}

#endif
