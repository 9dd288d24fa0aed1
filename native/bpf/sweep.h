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

static __always_inline int is_free(const struct connection *connection)
{
	return *(volatile const __u32 *)&connection->kind == 0;
}

/* Whether the entry is in use afterwards, or somebody is just about to. */
static __always_inline int look_at(const struct config *config, struct connection *connection, __u32 version, __u32 slot, struct sweep_arguments *arguments)
{
	__u32 word = word_of(connection);
	if (!is_live(connection)) return !is_free(connection);
	int has_ended = 0;
	if (is_expired(connection, arguments->ticks)) {
		has_ended = expire(config, connection, word, version, slot, arguments->ticks);
	} else if (ends_with_its_server(connection)) {
		has_ended = forget(config, connection, word, version, slot);
	}
	if (has_ended) arguments->expired++;
	else arguments->live++;
	return !is_free(connection);
}

struct group_sweep {
	struct sweep_arguments *arguments;
	__u32 first_slot;
	__u32 is_used;
};

static long sweep_slot(__u32 index, struct group_sweep *group)
{
	struct sweep_arguments *arguments = group->arguments;
	struct config *config = the_config();
	__u32 slot = group->first_slot + index;
	struct connection *connection = connection_at(arguments->version, slot);
	if (!config || !connection) return 1;
	if (look_at(config, connection, arguments->version, slot, arguments)) group->is_used = 1;
	return 0;
}

static __always_inline void sweep_group(__u32 *word, __u32 group, struct sweep_arguments *arguments)
{
	struct group_sweep sweep = { .arguments = arguments, .first_slot = group * BUCKETS_PER_GROUP * WAYS };
	if (!(*(volatile __u32 *)word & GROUP_IS_USED)) return;
	/* With its result wanted this is a full barrier, too. */
	if (!(__sync_fetch_and_and(word, ~GROUP_IS_USED) & GROUP_IS_USED)) return;
	bpf_loop(BUCKETS_PER_GROUP * WAYS, sweep_slot, &sweep, 0);
	if (sweep.is_used) __sync_fetch_and_or(word, GROUP_IS_USED);
}

static long sweep_line(__u32 index, struct sweep_arguments *arguments)
{
	__u32 element = arguments->first_line + index;
	struct group_line *line = group_line_at(arguments->version, element);
	if (!line) return 1;
	for (int group = 0; group < GROUPS; group++) sweep_group(&line->word[group], element * GROUPS + group, arguments);
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
