/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What the daemon has done to connections: a slice of the sweep that ends those whose time is up
 * (src/datapath/expiry.ts), and the end of one. Programs, so that ending is the same code on the path and beside it.
 */
#ifndef DIRECTOR_SWEEP_H
#define DIRECTOR_SWEEP_H
#include "life.h"

/* With expire_nodest_conn a server takes its connections along when it is removed: ip_vs_expire_nodest_conn_flush(). */
static __always_inline int ends_with_its_server(const struct connection *connection)
{
	struct server *server = server_of(connection->server);
	if (!server || !(server->flags & SERVER_TAKES_CONNECTIONS_ALONG)) return 0;
	return !(connection->kind & KIND_TEMPLATE) || dependents(connection) == 0;
}

/* 0: free */
static __always_inline __u32 kind_of(const struct connection *connection)
{
	return *(volatile const __u32 *)&connection->kind;
}

/* Ends the entry if its time is up. Whether it is in use afterwards, or somebody is just about to. */
GLOBAL int look_at(__u32 version, __u32 slot, struct sweep_arguments *arguments)
{
	struct config *config = the_config();
	struct connection *connection = connection_at(version, slot);
	if (!arguments || !config || !connection) return 0;
	__u32 word = word_of(connection);
	if (!is_live(connection)) return kind_of(connection) != 0;
	int has_ended = 0;
	if (is_expired(connection, arguments->ticks)) {
		has_ended = expire(config, connection, word, version, slot, arguments->ticks);
	} else if (arguments->servers_take_along && ends_with_its_server(connection)) {
		has_ended = forget(config, connection, word, version, slot);
	}
	if (has_ended) arguments->expired++;
	else arguments->live++;
	return kind_of(connection) != 0;
}

/* The same of all entries, of which most are free, or live on: those are seen to at a glance. */
static __always_inline int glance_at(const struct connection *connection, __u32 version, __u32 slot, struct sweep_arguments *arguments)
{
	if (kind_of(connection) == 0) return 0;
	if (!is_live(connection) || is_expired(connection, arguments->ticks) || arguments->servers_take_along)
		return look_at(version, slot, arguments);
	arguments->live++;
	return 1;
}

/* Whether some entry of the group is in use afterwards. The verifier loses count of buckets unless the count fills a slot of the stack. */
GLOBAL int sweep_group4(__u32 first_bucket, struct sweep_arguments *arguments)
{
	int is_used = 0;
	if (!arguments) return 0;
	for (__u64 at = 0; at < BUCKETS_PER_GROUP; at++) {
		__u32 slot = (first_bucket + at) * WAYS, kinds = 0;
		struct bucket4 *bucket = bucket4_at(first_bucket + at);
		if (!bucket) break;
#pragma unroll
		for (int way = 0; way < WAYS; way++) kinds |= kind_of(&bucket->way[way].connection);
		if (kinds == 0) continue;
#pragma unroll
		for (int way = 0; way < WAYS; way++) is_used |= glance_at(&bucket->way[way].connection, 4, slot + way, arguments);
	}
	return is_used;
}

GLOBAL int sweep_group6(__u32 first_bucket, struct sweep_arguments *arguments)
{
	int is_used = 0;
	if (!arguments) return 0;
	for (__u64 at = 0; at < BUCKETS_PER_GROUP; at++) {
		__u32 slot = (first_bucket + at) * WAYS, kinds = 0;
		struct bucket6 *bucket = bucket6_at(first_bucket + at);
		if (!bucket) break;
#pragma unroll
		for (int way = 0; way < WAYS; way++) kinds |= kind_of(&bucket->way[way].connection);
		if (kinds == 0) continue;
#pragma unroll
		for (int way = 0; way < WAYS; way++) is_used |= glance_at(&bucket->way[way].connection, 6, slot + way, arguments);
	}
	return is_used;
}

static __always_inline int is_used(__u32 word)
{
	return (word & GROUP_IS_USED) != 0;
}

struct line_sweep {
	struct sweep_arguments *arguments;
	__u32 element;
};

static long sweep_group(__u32 index, struct line_sweep *sweep)
{
	struct sweep_arguments *arguments = sweep->arguments;
	struct group_line *line = group_line_at(arguments->version, sweep->element);
	__u32 first_bucket = (sweep->element * GROUPS + index) * BUCKETS_PER_GROUP;
	if (!line || index >= GROUPS) return 1;
	__u32 *word = &line->word[index];
	if (!is_used(*(volatile __u32 *)word)) return 0;
	/* With its result wanted this is a full barrier, too. */
	if (!is_used(__sync_fetch_and_and(word, ~GROUP_IS_USED))) return 0;
	int is_used_still = arguments->version == 4 ? sweep_group4(first_bucket, arguments) : sweep_group6(first_bucket, arguments);
	if (is_used_still) __sync_fetch_and_or(word, GROUP_IS_USED);
	return 0;
}

static long sweep_line(__u32 index, struct sweep_arguments *arguments)
{
	struct line_sweep sweep = { .arguments = arguments, .element = arguments->first_line + index };
	struct group_line *line = group_line_at(arguments->version, sweep.element);
	__u32 words = 0;
	if (!line) return 1;
	for (int group = 0; group < GROUPS; group++) words |= *(volatile __u32 *)&line->word[group];
	if (is_used(words)) bpf_loop(GROUPS, sweep_group, &sweep, 0);
	return 0;
}

SEC("syscall") int sweep(struct sweep_arguments *context)
{
	struct config *config = the_config();
	if (!config) return 1;
	struct sweep_arguments arguments = *context;
	arguments.ticks = clock_ticks(config);
	arguments.expired = arguments.live = 0;
	bpf_loop(arguments.line_count, sweep_line, &arguments, 0);
	*context = arguments;
	return 0;
}

SEC("syscall") int end_connection(struct end_arguments *context)
{
	struct config *config = the_config();
	struct connection *connection = connection_at(context->version, context->slot);
	if (!config || !connection) return 0;
	__u32 word = word_of(connection);
	if (!is_live(connection)) return 0;
	/* A template stays for those that depend on it. */
	if ((connection->kind & KIND_TEMPLATE) && dependents(connection) > 0) return 0;
	forget_anyway(config, connection, word, context->version, context->slot);
	return 1;
}

#endif
