// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * The programs: `director` handles what comes in (path.h); `director_egress` sees what this host answers as a real
 * server; `sweep` and `end_connection` are run by the daemon.
 */
#include "path.h"
#include "sweep.h"

SEC("xdp") int director(struct xdp_md *context)
{
	struct config *config = the_config();
	struct packet packet;
	if (!config) return XDP_PASS;
	clear_packet(&packet);
	packet.now = clock_ticks(config);
	__u32 verdict = handle(context, config, &packet);
	count_verdict(verdict);
	if (records_verdict) config->last_verdict = verdict;
	return action_of(verdict, packet.device);
}

SEC("tc") int director_egress(struct __sk_buff *skb)
{
	struct config *config = the_config();
	struct packet packet;
	if (!config || !(config->services4 | config->services6)) return 0;
	clear_packet(&packet);
	packet.now = clock_ticks(config);
	if (decode_outgoing(skb, config, &packet) != VERDICT_CONTINUE || !packet.is_outgoing) return 0;
	count_verdict(follow_own_reply(config, &packet));
	return 0;
}

/* Several helpers are for programs under the GPL alone. */
char _license[] SEC("license") = "Dual MIT/GPL";
