/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* States of TCP and SCTP, judged by one side: src/connection/tcp-state.ts, sctp-state.ts. */
#ifndef DIRECTOR_STATE_H
#define DIRECTOR_STATE_H
#include "layout.h"
#include "packet.h"

/* Which half of the conversation a packet is of, and whether the other half is seen, too. */
enum direction { INPUT_ONLY, INPUT, OUTPUT };

/* linux/ip_vs.h, IP_VS_TCP_S_* */
enum tcp_state { NO, ES, SS, SR, FW, TW, CL, CW, LA, LI, SA };

#define KINDS 5
#define TABLES 6

/* Rows: SYN, FIN, ACK, RST, none of them. Columns: the state before. */
static const __u8 next_tcp[TABLES][KINDS][TCP_STATES] = {
	{
		{ SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		{ CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW },
		{ ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		{ CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	{
		{ SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },
		{ CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW },
		{ ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		{ CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	{
		{ SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR },
		{ TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		{ ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		{ CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	/* The same while secure_tcp is in force. */
	{
		{ SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA },
		{ CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW },
		{ ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },
		{ CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	{
		{ SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA },
		{ CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA },
		{ ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA },
		{ CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	{
		{ SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA },
		{ TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },
		{ ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },
		{ CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },
		{ CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
};

/* RST counts before SYN, SYN before FIN, FIN before ACK. */
static __always_inline __u32 kind_of_flags(__u32 flags)
{
	if (flags & TCP_RST) return 3;
	if (flags & TCP_SYN) return 0;
	if (flags & TCP_FIN) return 1;
	return flags & TCP_ACK ? 2 : 4;
}

/* A packet cut before its flags changes nothing. */
static __always_inline __u32 next_tcp_state(__u32 state, __s32 flags, enum direction direction, int is_secure)
{
	__u32 table = direction + (is_secure ? TABLES / 2 : 0);
	if (flags == NOT_PRESENT || table >= TABLES || state >= TCP_STATES) return state;
	__u32 at = (table * KINDS + kind_of_flags(flags)) * TCP_STATES + state;
	return at < sizeof next_tcp ? ((const __u8 *)next_tcp)[at] : state;
}

/* The client has sent its SYN, and nothing since. */
static __always_inline int is_half_open_tcp(__u32 state)
{
	return state == SR || state == SA;
}

static __always_inline int is_active_tcp(__u32 state)
{
	return state == ES || state == SS || state == SR || state == SA;
}

/* linux/ip_vs.h, IP_VS_SCTP_S_* */
enum sctp_state { S_NO, S_I1, S_IN, S_CS, S_CR, S_CW, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL };

static const __u8 next_sctp[10][SCTP_STATES] = {
	/* DATA, and what is not listed */
	{ S_ES, S_I1, S_IN, S_CS, S_CR, S_ES, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* INIT */
	{ S_I1, S_IN, S_IN, S_IN, S_IN, S_IN, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_IN, S_IN },
	/* INIT-ACK */
	{ S_CE, S_CE, S_CE, S_CE, S_CE, S_CE, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* COOKIE-ECHO */
	{ S_ES, S_ES, S_ES, S_ES, S_ES, S_ES, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* COOKIE-ACK */
	{ S_ES, S_I1, S_IN, S_ES, S_ES, S_CW, S_ES, S_ES, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* SHUTDOWN */
	{ S_SR, S_I1, S_IN, S_CS, S_CR, S_CW, S_CO, S_CE, S_SR, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* SHUTDOWN-ACK */
	{ S_CL, S_IN, S_IN, S_CS, S_CR, S_CW, S_CO, S_CE, S_CL, S_CL, S_SR, S_CL, S_RJ, S_CL },
	/* SHUTDOWN-COMPLETE */
	{ S_CL, S_CL, S_CL, S_CL, S_CL, S_CW, S_CO, S_CE, S_ES, S_SS, S_CL, S_CL, S_RJ, S_CL },
	/* ERROR */
	{ S_CL, S_I1, S_IN, S_CS, S_CR, S_CW, S_CO, S_CE, S_ES, S_SS, S_SR, S_SA, S_RJ, S_CL },
	/* ABORT */
	{ S_CL, S_CL, S_CL, S_CL, S_CL, S_RJ, S_CL, S_CL, S_CL, S_CL, S_CL, S_CL, S_CL, S_CL },
};

static __always_inline __u32 row_of_chunk(__s32 chunk)
{
	switch (chunk) {
	case SCTP_INIT: return 1;
	case SCTP_INIT_ACK: return 2;
	case SCTP_COOKIE_ECHO: return 3;
	case SCTP_COOKIE_ACK: return 4;
	case SCTP_SHUTDOWN: return 5;
	case SCTP_SHUTDOWN_ACK: return 6;
	case SCTP_SHUTDOWN_COMPLETE: return 7;
	case SCTP_ERROR: return 8;
	case SCTP_ABORT: return 9;
	default: return 0;
	}
}

static __always_inline __u32 next_sctp_state(__u32 state, __s32 chunk)
{
	__u32 at = row_of_chunk(chunk) * SCTP_STATES + state;
	if (chunk == NOT_PRESENT || state >= SCTP_STATES || at >= sizeof next_sctp) return state;
	return ((const __u8 *)next_sctp)[at];
}

#endif
