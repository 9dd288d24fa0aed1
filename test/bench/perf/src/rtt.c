// SPDX-License-Identifier: MIT
// rtt IF COUNT same|new: one UDP frame at a time out of IF, time until it is back; each of the same or of a new flow.
// Prints p50, p90, p99 in microseconds and how many were lost.
#include "common.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#define WARM_UP 100
#define MARK 42 /* after the UDP header */
#define LOST_AFTER_SECONDS 0.02

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int open_socket(const char *device)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;
	if (fd < 0) die("socket");
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = if_nametoindex(device) };
	if (bind(fd, (void *)&address, sizeof address)) die(device);
	return fd;
}

static void write_frame(__u8 *frame, __u32 flow, __u32 mark)
{
	struct iphdr *ip = (void *)(frame + 14);
	struct udphdr *udp = (void *)(frame + 34);
	write_template(frame, PF_UDP, 0x0a640064);
	ip->saddr = htonl(0x0b000000 + (flow >> 14 & 0xffffff));
	ip->check = 0;
	ip->check = checksum(add_halves(0, ip, 20));
	udp->source = htons(1024 + (flow & 0x3fff));
	udp->check = 0; /* none */
	memcpy(frame + MARK, &mark, sizeof mark);
}

/* Seconds until the frame with this mark is back; negative: lost. */
static double wait_for(int fd, __u32 mark, double start)
{
	__u8 got[2048];
	for (;;) {
		int bytes = recv(fd, got, sizeof got, MSG_DONTWAIT);
		double waited = now_seconds() - start;
		if (bytes >= FRAME_BYTES && !memcmp(got + MARK, &mark, sizeof mark)) return waited;
		if (waited > LOST_AFTER_SECONDS) return -1;
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) { fprintf(stderr, "usage: rtt IF COUNT same|new\n"); return 2; }
	int count = atoi(argv[2]), fresh = !strcmp(argv[3], "new"), lost = 0, kept = 0;
	pin_to_core(0);
	int fd = open_socket(argv[1]);
	double *took = calloc(count, sizeof *took);
	__u32 base = time(NULL) * 7919u;
	for (int i = 0; i < count + WARM_UP; i++) {
		__u8 frame[FRAME_BYTES];
		write_frame(frame, fresh ? base + i : 0, i);
		double start = now_seconds();
		if (send(fd, frame, sizeof frame, 0) != sizeof frame) die("send");
		double waited = wait_for(fd, i, start);
		if (waited < 0) lost++;
		else if (i >= WARM_UP) took[kept++] = waited * 1e6;
		if (i % 16 == 0) usleep(100);
	}
	if (!kept) { printf("all %d lost\n", lost); return 1; }
	qsort(took, kept, sizeof *took, compare);
	printf("%.1f %.1f %.1f %d\n", took[kept / 2], took[kept * 9 / 10], took[kept * 99 / 100], lost);
	return 0;
}
