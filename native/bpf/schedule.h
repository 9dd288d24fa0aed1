/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Who is chosen: the schedulers of src/schedule, under the same names. */
#ifndef DIRECTOR_SCHEDULE_H
#define DIRECTOR_SCHEDULE_H
#include "schedule_cache.h"
#include "schedule_hash.h"
#include "schedule_scan.h"
#include "schedule_turn.h"

/* The server of a new connection, or NO_SERVER: no server can take it. */
static __always_inline int choose(struct service *service, const struct packet *packet)
{
	switch (service->scheduler) {
	case SCHEDULER_NONE: return NO_SERVER;
	case SCHEDULER_RR: return choose_rr(service);
	case SCHEDULER_WRR: return choose_wrr(service);
	case SCHEDULER_DH: case SCHEDULER_SH: case SCHEDULER_MH: return choose_by_hash(service, packet);
	case SCHEDULER_LBLC: case SCHEDULER_LBLCR: return choose_by_destination(service, packet);
	case SCHEDULER_WLC: return choose_wlc(service);
	default: return choose_best(service);
	}
}

#endif
