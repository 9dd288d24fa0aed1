/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What capture.bpf.c and the process that tends it share, as layout.h is for director.bpf.c: src/xdp/capture-layout.ts
 * has the same. Nothing of it is pinned.
 */
#ifndef DIRECTOR_CAPTURE_LAYOUT_H
#define DIRECTOR_CAPTURE_LAYOUT_H
#include <linux/types.h>

#define MAX_CAPTURES 4
#define MAX_KEPT_BYTES 4096

/* Whom a capture is for, of those at one end. Version 0: anybody; port 0: any. */
struct capture_end {
	__u32 address[4];
	__u16 port;
	__u8 version;
	__u8 spare;
};

/* All of it must hold. The daemon writes, in_use last. */
struct capture_wish {
	/* A bit for each verdict. */
	__u64 verdicts[2];
	__u32 in_use;
	struct capture_end client;
	struct capture_end virtual;
	struct capture_end server;
};

/* The one element of `capture_control`. */
struct capture_control {
	/* Nobody captures after this, ticks: whoever does says so again and again. */
	__u32 until;
	/* So many bytes of each frame. */
	__u32 keep_bytes;
	struct capture_wish wish[MAX_CAPTURES];
};

/* Element of `capture_counts` for each CPU. */
struct capture_counts {
	/* Frames that the path handled. */
	__u64 seen;
	/* Of each capture: those that it was for and that found no room in `captured_frames`. */
	__u64 lost[MAX_CAPTURES];
	__u64 spare[3];
};

#define NO_NUMBER 0xffffffff

/* Records of `captured_frames`. The frame as it came follows, and if it was sent, as it left. */
struct captured {
	/* Monotonic clock, ns. */
	__u64 time;
	/* A bit for each capture that it is for. */
	__u32 captures;
	__u32 verdict;
	/* NO_NUMBER: none. */
	__u32 server;
	/* Of the frame, and how much of it follows. */
	__u32 in_length;
	__u32 in_kept;
	__u32 out_length;
	__u32 out_kept;
	__u32 spare;
};

#endif
