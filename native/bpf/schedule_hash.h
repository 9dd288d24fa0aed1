/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Those that hash an address: dh, sh and mh of src/schedule. The tables come from src/xdp/scheduler.ts. */
#ifndef DIRECTOR_SCHEDULE_HASH_H
#define DIRECTOR_SCHEDULE_HASH_H
#include "schedule_load.h"

#define SH_BUCKET_BITS 8
#define SH_BUCKETS 256
#define MH_SLOTS 4093
#define MH_KEY 2654435761ULL
/* src/schedule/flags.ts */
#define FLAG_FALLBACK 8
#define FLAG_PORT 16


static __always_inline __u32 folded(const __u32 *address)
{
	return address[0] ^ address[1] ^ address[2] ^ address[3];
}

static __always_inline __u32 golden_hash(__u32 word, __u32 bits)
{
	return word * 0x61c88647u >> (32 - bits);
}

static __always_inline int if_available(__u32 number)
{
	struct server *server = server_of(number);
	return server && is_available(server) ? (int)number : NO_SERVER;
}

static __always_inline int choose_dh(const struct service *service, const struct packet *packet)
{
	if (service->server_count == 0) return NO_SERVER;
	__u32 bucket = golden_hash(folded(destination_of(packet)), SH_BUCKET_BITS);
	return if_available(cell_at(service->list + bucket % service->server_count));
}

static __always_inline __u32 client_hash_input(const struct service *service, const struct packet *packet)
{
	return folded(packet->client) + (service->scheduler_flags & FLAG_PORT ? client_port(packet) : 0);
}

struct fallback {
	__u32 table;
	__u32 home;
	__u32 client;
	__s32 server;
};

/* The kernel counts `home` twice, as the place to start from and in the hash. */
static long try_next_bucket(__u32 tried, struct fallback *fallback)
{
	fallback->server = if_available(cell_at(fallback->table + (2 * fallback->home + tried) % SH_BUCKETS));
	return fallback->server != NO_SERVER;
}

static __always_inline int choose_sh(const struct service *service, const struct packet *packet)
{
	if (service->table_size != SH_BUCKETS) return NO_SERVER;
	__u32 home = golden_hash(client_hash_input(service, packet), SH_BUCKET_BITS);
	int server = if_available(cell_at(service->table + home));
	if (server != NO_SERVER || !(service->scheduler_flags & FLAG_FALLBACK)) return server;
	struct fallback fallback = { .table = service->table, .home = home, .server = NO_SERVER };
	bpf_loop(SH_BUCKETS, try_next_bucket, &fallback, 0);
	return fallback.server;
}

#define ROTATE(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))
#define SIP_ROUND                                                            \
	do {                                                                 \
		v0 += v1; v1 = ROTATE(v1, 13) ^ v0; v0 = ROTATE(v0, 32);     \
		v2 += v3; v3 = ROTATE(v3, 16) ^ v2;                          \
		v0 += v3; v3 = ROTATE(v3, 21) ^ v0;                          \
		v2 += v1; v1 = ROTATE(v1, 17) ^ v2; v2 = ROTATE(v2, 32);     \
	} while (0)

/* SipHash-1-3 of one word, both halves of whose key are MH_KEY: hsiphash_1u32() on 64-bit kernels. */
static __always_inline __u32 mh_hash(__u32 word)
{
	__u64 v0 = 0x736f6d6570736575ULL ^ MH_KEY, v1 = 0x646f72616e646f6dULL ^ MH_KEY;
	__u64 v2 = 0x6c7967656e657261ULL ^ MH_KEY, v3 = 0x7465646279746573ULL ^ MH_KEY;
	__u64 block = 4ULL << 56 | word;
	v3 ^= block;
	SIP_ROUND;
	v0 ^= block;
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/* Hashes on, starting from the number of the slot that is not available. */
static long try_next_slot(__u32 tried, struct fallback *fallback)
{
	__u32 again = fallback->client + (fallback->home + tried) % MH_SLOTS;
	fallback->server = if_available(cell_at(fallback->table + mh_hash(again) % MH_SLOTS));
	return fallback->server != NO_SERVER;
}

static __always_inline int choose_mh(const struct service *service, const struct packet *packet)
{
	if (service->table_size != MH_SLOTS) return NO_SERVER;
	__u32 client = client_hash_input(service, packet), home = mh_hash(client) % MH_SLOTS;
	int server = if_available(cell_at(service->table + home));
	if (server != NO_SERVER || !(service->scheduler_flags & FLAG_FALLBACK)) return server;
	struct fallback fallback = { .table = service->table, .home = home, .client = client, .server = NO_SERVER };
	bpf_loop(MH_SLOTS, try_next_slot, &fallback, 0);
	return fallback.server;
}

GLOBAL int choose_by_hash(const struct service *service, const struct packet *packet)
{
	if (!service || !packet) return NO_SERVER;
	if (service->scheduler == SCHEDULER_DH) return choose_dh(service, packet);
	if (service->scheduler == SCHEDULER_SH) return choose_sh(service, packet);
	return choose_mh(service, packet);
}

#endif
