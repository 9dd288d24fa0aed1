/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Bytes of a frame wherever they are, by helper: for what is too seldom or too deep to be read in place. The same for
 * frames that come in (XDP) and for those that this host sends (clsact egress).
 */
#ifndef DIRECTOR_FRAME_H
#define DIRECTOR_FRAME_H
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "verifier.h"

/* An XDP or an skb context. The verifier follows is_skb, which must fill a whole slot of the stack for that. */
struct frame {
	void *context;
	__u64 is_skb;
	__u32 length;
};

/* False: the frame ends before. */
static __always_inline int read_bytes(const struct frame *frame, __u32 offset, void *into, __u32 length)
{
	if (frame->is_skb) return bpf_skb_load_bytes(frame->context, offset, into, length) == 0;
	return bpf_xdp_load_bytes(frame->context, offset, into, length) == 0;
}

/* 0 past the end of the frame: callers have checked its length. */
static __always_inline __u8 read8(const struct frame *frame, __u32 offset)
{
	__u8 value = 0;
	read_bytes(frame, offset, &value, sizeof value);
	return value;
}

static __always_inline __u16 read16(const struct frame *frame, __u32 offset)
{
	__u16 value = 0;
	read_bytes(frame, offset, &value, sizeof value);
	__u32 result = bpf_ntohs(value);
	CHECKED(result);
	return result & 0xffff;
}

static __always_inline __u32 read32(const struct frame *frame, __u32 offset)
{
	__u32 value = 0;
	read_bytes(frame, offset, &value, sizeof value);
	return bpf_ntohl(value);
}

/* One's complement sum to 16 bits. */
static __always_inline __u32 fold16(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Whether the header that a sum of up to 15 words is of has the right checksum: that it folds to 0xffff. */
static __always_inline int is_right_sum(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

#endif
