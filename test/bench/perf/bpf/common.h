/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared between the BPF programs and the programs in src/. */
#ifndef PF_COMMON_H
#define PF_COMMON_H
#include <linux/types.h>

enum pf_kind { PF_UDP, PF_SYN, PF_ACK };

struct pf_config {
	__u32 flows;   /* visited in turn; 0: every frame is a new flow */
	__u32 open;    /* the first 2 * open frames are a SYN and an ACK of each of the first `open` flows; PF_ACK only */
	__u32 saddr;   /* first source address, host order */
	__u32 sport;   /* first source port */
	__u32 sports;  /* ports per source address */
	__u32 kind;    /* enum pf_kind */
	__u32 length;  /* bytes of a frame */
	__u32 pad;
	__u8 header[56]; /* Ethernet, IPv4, first 22 bytes behind, with source address and port 0 */
};

struct pf_position { __u64 frames, flow; };

struct pf_count { __u64 frames, bytes; };
#endif
