// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
/*
 * `director_tap` takes the place of `director` on the interface while somebody captures: the same path over the same
 * maps, with a look before it and one after it. So the path without captures has no instruction for them, and a
 * capture knows verdict and server from the path itself.
 */
#include <linux/types.h>

static void note_server(__u32 number);
#define NOTE_SERVER(number) note_server(number)

#include "path.h"
#include "capture_layout.h"

SHARED_ARRAY(capture_control, struct capture_control, 1);
SHARED_ARRAY(capture_counts, struct capture_counts, 1);

#define RING_BYTES (1 << 22)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} captured_frames SEC(".maps");

/* The frame that a CPU is at. */
struct watched {
	__u32 is_watched;
	/* The ring had room for it. */
	__u32 has_room;
	struct captured frame;
	__u8 bytes[2 * MAX_KEPT_BYTES];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct watched);
} watched SEC(".maps");

static __always_inline struct watched *the_watched(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&watched, &zero);
}

static __always_inline struct capture_control *the_control(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&capture_control, &zero);
}

static __always_inline void note_server(__u32 number)
{
	struct watched *watched = the_watched();
	if (watched) watched->frame.server = number;
}

/* --- before the path --- */

static __always_inline __u32 kept_of(const struct capture_control *control, __u32 length)
{
	__u32 kept = length < control->keep_bytes ? length : control->keep_bytes;
	return kept < MAX_KEPT_BYTES ? kept : MAX_KEPT_BYTES;
}

static __always_inline int has_room(void)
{
	return bpf_ringbuf_query(&captured_frames, BPF_RB_AVAIL_DATA) < RING_BYTES - sizeof(struct watched);
}

/* Copies the frame, but for one that would be lost in the end. */
GLOBAL int watch(struct xdp_md *context, __u32 now)
{
	struct capture_control *control = the_control();
	struct watched *watched = the_watched();
	if (!control || !watched) return 0;
	watched->is_watched = (__s32)(control->until - now) > 0;
	watched->has_room = watched->is_watched && has_room();
	watched->frame.server = NO_NUMBER;
	if (!watched->has_room) return 0;
	__u32 length = bpf_xdp_get_buff_len(context), kept = kept_of(control, length);
	CHECKED(kept);
	if (kept == 0 || kept > MAX_KEPT_BYTES || bpf_xdp_load_bytes(context, 0, watched->bytes, kept)) kept = 0;
	watched->frame.time = bpf_ktime_get_ns();
	watched->frame.in_length = length;
	watched->frame.in_kept = kept;
	return 0;
}

/* --- after it --- */

static __always_inline int is_at_end(const struct capture_end *end, __u32 version, const __u32 *address, __u32 port)
{
	if (end->version == 0) return 1;
	if (end->version != version || !is_same_address(end->address, address)) return 0;
	return end->port == 0 || end->port == port;
}

/* Of frames below that nothing is known but the verdict: they are none of ours, or broken. */
static __always_inline int has_ends(__u32 verdict)
{
	return verdict >= VERDICT_FORWARD && verdict != VERDICT_PASS_ARP_CONFLICT;
}

static __always_inline int is_wanted(const struct capture_wish *wish, const struct packet *packet, __u32 verdict, const struct server *server)
{
	__u64 verdicts = verdict < 64 ? wish->verdicts[0] : wish->verdicts[1];
	if (!wish->in_use || !(verdicts >> (verdict & 63) & 1)) return 0;
	if (wish->server.version != 0 && !(server && is_at_end(&wish->server, server->version, server->address, server->port))) return 0;
	if (wish->client.version == 0 && wish->virtual.version == 0) return 1;
	if (!has_ends(verdict)) return 0;
	return is_at_end(&wish->client, packet->version, packet->client, packet->has_ports ? client_port(packet) : 0) &&
	       is_at_end(&wish->virtual, packet->version, packet->virtual, packet->has_ports ? virtual_port(packet) : 0);
}

static __always_inline void count_lost(struct capture_counts *counts, __u32 captures)
{
#pragma unroll
	for (int i = 0; i < MAX_CAPTURES; i++)
		if (captures & 1 << i) counts->lost[i]++;
}

/* The frame as it is now, behind the one that came. */
static __always_inline __u32 keep_sent(struct xdp_md *context, struct watched *watched, const struct capture_control *control)
{
	__u32 length = bpf_xdp_get_buff_len(context), kept = kept_of(control, length), offset = watched->frame.in_kept;
	watched->frame.out_length = length;
	CHECKED(kept);
	CHECKED(offset);
	if (offset > MAX_KEPT_BYTES || kept == 0 || kept > MAX_KEPT_BYTES) return 0;
	return bpf_xdp_load_bytes(context, 0, watched->bytes + offset, kept) ? 0 : kept;
}

GLOBAL int tell(struct xdp_md *context, const struct packet *packet, __u32 verdict, __u32 action)
{
	__u32 cpu = bpf_get_smp_processor_id(), wanted = 0;
	struct capture_counts *counts = bpf_map_lookup_elem(&capture_counts, &cpu);
	struct capture_control *control = the_control();
	struct watched *watched = the_watched();
	if (!packet || !counts || !control || !watched || !watched->is_watched) return 0;
	struct server *server = watched->frame.server == NO_NUMBER ? 0 : server_of(watched->frame.server);
	counts->seen++;
#pragma unroll
	for (int i = 0; i < MAX_CAPTURES; i++)
		if (is_wanted(&control->wish[i], packet, verdict, server)) wanted |= 1 << i;
	if (!wanted) return 0;
	if (!watched->has_room) {
		count_lost(counts, wanted);
		return 0;
	}
	watched->frame.captures = wanted;
	watched->frame.verdict = verdict;
	watched->frame.out_length = 0;
	watched->frame.out_kept = action == XDP_TX || action == XDP_REDIRECT ? keep_sent(context, watched, control) : 0;
	__u32 bytes = watched->frame.in_kept + watched->frame.out_kept;
	CHECKED(bytes);
	if (bytes > sizeof watched->bytes) return 0;
	/* Whoever reads looks by a clock: waking it would cost the path more than all the rest. */
	if (bpf_ringbuf_output(&captured_frames, &watched->frame, sizeof watched->frame + bytes, BPF_RB_NO_WAKEUP))
		count_lost(counts, wanted);
	return 0;
}

SEC("xdp") int director_tap(struct xdp_md *context)
{
	struct config *config = the_config();
	struct packet packet;
	if (!config) return XDP_PASS;
	clear_packet(&packet);
	packet.now = clock_ticks(config);
	watch(context, packet.now);
	__u32 verdict = handle(context, config, &packet);
	count_verdict(verdict);
	int action = action_of(verdict, packet.device);
	tell(context, &packet, verdict, action);
	return action;
}

char _license[] SEC("license") = "Dual MIT/GPL";
