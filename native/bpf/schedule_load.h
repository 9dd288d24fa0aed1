/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What schedulers ask of a server, and of a packet: src/schedule/load.ts, hash.ts. */
#ifndef DIRECTOR_SCHEDULE_LOAD_H
#define DIRECTOR_SCHEDULE_LOAD_H
#include "life.h"
#include "service.h"

#define NO_SERVER (-1)

static __always_inline __u32 cell_at(__u32 cell)
{
	__u32 element = cell / CELLS;
	struct cell_line *line = bpf_map_lookup_elem(&cells, &element);
	if (!line) return 0xffffffff;
	CHECKED(line);
	return line->server[cell % CELLS];
}

/* Neither deleted nor failed: who has remembered it may still choose it. */
static __always_inline int takes_part(const struct server *server)
{
	return (server->flags & (SERVER_LISTED | SERVER_FAILED)) == SERVER_LISTED;
}

/* Takes new connections: what lc, wlc and their kin skip the others for. */
static __always_inline int is_available(const struct server *server)
{
	return server->weight > 0 && !server->overloaded;
}

/* An active connection weighs 256 times an inactive one (and counts among all of them once more). */
static __always_inline __u64 overhead(const struct server *server)
{
	__u64 load = *(volatile const __u64 *)&server->load;
	return 257 * (load >> 32) + (load & 0xffffffff);
}


/* Of an ICMP error that of the packet inside as it stands there, which is the client. */
static __always_inline const __u32 *destination_of(const struct packet *packet)
{
	return packet->is_icmp_error ? packet->client : packet->virtual;
}

#endif
