/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Options of an IPv4 header, as Linux takes them: src/wire/ipv4-options.ts. */
#ifndef DIRECTOR_OPTIONS_H
#define DIRECTOR_OPTIONS_H
#include "frame.h"

enum {
	OPTION_END = 0, OPTION_NO_OPERATION = 1, OPTION_RECORD_ROUTE = 7, OPTION_TIMESTAMP = 68,
	OPTION_LOOSE_ROUTE = 131, OPTION_SECURITY_LABEL = 134, OPTION_STRICT_ROUTE = 137, OPTION_ROUTER_ALERT = 148,
};
enum { TIME_ONLY = 0, TIME_AND_ADDRESS = 1, TIME_PRESPECIFIED = 3 };
#define MAX_OPTION_BYTES 40
#define MAX_OVERFLOWS 15

/* Options of a header, zeroes behind them, and how far somebody has come with them. */
struct options {
	__u8 byte[64];
	__u32 at;
	__u32 length;
	__u32 has_route;
	__u32 has_timestamp;
	__u32 is_refused;
	/* What is written into them: this host's address, and milliseconds since midnight UTC. */
	__u32 own;
	__u32 day_ms;
};

#define option_byte(options, index) ((options)->byte[(index) & 63])

static __always_inline int read_options(const struct frame *frame, __u32 offset, __u32 length, struct options *options)
{
	__builtin_memset(options, 0, sizeof *options);
	options->length = length;
	if (length > MAX_OPTION_BYTES) return 0;
	CHECKED(length);
	if (length < 4) return 0;
	return read_bytes(frame, offset, options->byte, length);
}

static __always_inline int record_route_is_valid(const struct options *options, __u32 length)
{
	if (length < 3) return 0;
	__u32 pointer = option_byte(options, options->at + 2);
	return pointer >= 4 && (pointer > length || pointer + 3 <= length);
}

static __always_inline int timestamp_is_valid(const struct options *options, __u32 length)
{
	if (length < 4) return 0;
	__u32 pointer = option_byte(options, options->at + 2), flags = option_byte(options, options->at + 3);
	__u32 kind = flags & 0xf;
	if (pointer < 5) return 0;
	if (pointer > length) return kind == TIME_PRESPECIFIED || flags >> 4 < MAX_OVERFLOWS;
	return pointer + (kind == TIME_AND_ADDRESS || kind == TIME_PRESPECIFIED ? 4 : 0) + 3 <= length;
}

static __always_inline int option_is_acceptable(struct options *options, __u32 type, __u32 length)
{
	if (length < 2 || options->at + length > options->length) return 0;
	if (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE || type == OPTION_SECURITY_LABEL) return 0;
	if (type == OPTION_ROUTER_ALERT && length < 4) return 0;
	if (type == OPTION_RECORD_ROUTE && (options->has_route++ || !record_route_is_valid(options, length))) return 0;
	return type != OPTION_TIMESTAMP || (!options->has_timestamp++ && timestamp_is_valid(options, length));
}

static long check_option(__u32 index, struct options *options)
{
	if (options->at >= options->length) return 1;
	__u32 type = option_byte(options, options->at);
	if (type == OPTION_END) return 1;
	if (type == OPTION_NO_OPERATION) {
		options->at++;
		return 0;
	}
	__u32 length = options->at + 1 < options->length ? option_byte(options, options->at + 1) : 0;
	options->is_refused = !option_is_acceptable(options, type, length);
	options->at += length;
	return options->is_refused;
}

/* Whether Linux delivers a packet with these options: well-formed, none twice, and without source routes. */
static __always_inline int options_are_acceptable(struct options *options)
{
	bpf_loop(MAX_OPTION_BYTES, check_option, options, 0);
	return !options->is_refused;
}

/* --- what this host writes into them: fillIpv4Options() --- */

static __always_inline void put32(struct options *options, __u32 at, __u32 value)
{
	option_byte(options, at) = value >> 24;
	option_byte(options, at + 1) = value >> 16;
	option_byte(options, at + 2) = value >> 8;
	option_byte(options, at + 3) = value;
}

static __always_inline __u32 get32(const struct options *options, __u32 at)
{
	return (__u32)option_byte(options, at) << 24 | option_byte(options, at + 1) << 16 |
	       option_byte(options, at + 2) << 8 | option_byte(options, at + 3);
}

static __always_inline void record_route(struct options *options, __u32 length)
{
	__u32 pointer = option_byte(options, options->at + 2);
	if (pointer > length) return;
	put32(options, options->at + pointer - 1, options->own);
	option_byte(options, options->at + 2) = pointer + 4;
}

static __always_inline void record_time(struct options *options, __u32 length)
{
	__u32 at = options->at, pointer = option_byte(options, at + 2), place = at + pointer - 1;
	__u32 kind = option_byte(options, at + 3) & 0xf;
	if (pointer > length) {
		if (kind != TIME_PRESPECIFIED) option_byte(options, at + 3) += 0x10;
		return;
	}
	if (kind == TIME_ONLY) {
		put32(options, place, options->day_ms);
		option_byte(options, at + 2) = pointer + 4;
		return;
	}
	if (kind != TIME_AND_ADDRESS && kind != TIME_PRESPECIFIED) return;
	__u32 present = get32(options, place);
	/* A prespecified address is left as it is; where it is another host's, Linux fills in nothing. */
	if (kind == TIME_AND_ADDRESS) put32(options, place, options->own);
	else if (present != options->own && present != 0) return;
	put32(options, place + 4, options->day_ms);
	option_byte(options, at + 2) = pointer + 8;
}

static long fill_option(__u32 index, struct options *options)
{
	if (options->at >= options->length) return 1;
	__u32 type = option_byte(options, options->at);
	if (type == OPTION_END) return 1;
	if (type == OPTION_NO_OPERATION) {
		options->at++;
		return 0;
	}
	__u32 length = option_byte(options, options->at + 1);
	if (type == OPTION_RECORD_ROUTE) record_route(options, length);
	else if (type == OPTION_TIMESTAMP) record_time(options, length);
	options->at += length;
	return 0;
}

/* Behind the end come zeroes. */
static long clear_option(__u32 index, struct options *options)
{
	if (options->at >= options->length) return 1;
	option_byte(options, options->at++) = 0;
	return 0;
}

#endif
