/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared between the generator's BPF program and iv.c. */
#ifndef IV_H
#define IV_H
#include <linux/types.h>
struct iv_cfg {
	__u64 i;             /* frames made so far: the program counts on */
	__u64 first, last;   /* the clock is read when these are made */
	__u64 t0, t1;        /* ... and noted here */
	__u32 nflows;        /* flows, visited in turn; 0 = every frame is a new one */
	__u32 ifindex;       /* goes out there */
	__u32 tcp;           /* else UDP */
	__u32 saddr;         /* first source address, host order; the port changes first */
	__u32 len;           /* octets of a frame */
	__u32 sports;        /* ports per source address, from 1024 */
	__u8  b[64];         /* eth + ip + l4 header with source address and port 0 */
};
#endif
