// SPDX-License-Identifier: MIT
// pace IF RATE SECONDS FLOWS: so many UDP frames a second of FLOWS flows out of IF, evenly, from core 0. Prints how many
// it sent.
#include "common.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#define BATCH 16
#define MAX_BEHIND 128 /* as a card's queue is finite, what was due while others had our core is not made up for */

static int open_socket(const char *device)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
	if (fd < 0) die("socket");
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device) };
	if (bind(fd, (void *)&address, sizeof address)) die(device);
	return fd;
}

static void write_flow(__u8 *frame, __u32 flow)
{
	struct iphdr *ip = (void *)(frame + 14);
	struct udphdr *udp = (void *)(frame + 34);
	ip->saddr = htonl(0x0b000000 + flow / 50000);
	ip->check = 0;
	ip->check = checksum(add_halves(0, ip, 20));
	udp->source = htons(1024 + flow % 50000);
	udp->check = 0; /* none */
}

int main(int argc, char **argv)
{
	if (argc < 5) { fprintf(stderr, "usage: pace IF RATE SECONDS FLOWS\n"); return 2; }
	double rate = atof(argv[2]), seconds = atof(argv[3]);
	__u32 flows = atoi(argv[4]);
	static __u8 frames[BATCH][FRAME_BYTES];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec vectors[BATCH];
	pin_to_core(0);
	int fd = open_socket(argv[1]);
	for (int i = 0; i < BATCH; i++) {
		write_template(frames[i], PF_UDP, 0x0a640064);
		vectors[i] = (struct iovec){ frames[i], FRAME_BYTES };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
	double start = now_seconds(), end = start + seconds;
	unsigned long long sent = 0;
	for (double now = start; now < end; now = now_seconds()) {
		double behind = (now - start) * rate - sent;
		if (behind < 0) continue;
		if (behind > MAX_BEHIND) start += (behind - MAX_BEHIND) / rate;
		for (int i = 0; i < BATCH; i++) write_flow(frames[i], (sent + i) % flows);
		int taken = sendmmsg(fd, messages, BATCH, 0);
		if (taken < 0) die("sendmmsg");
		sent += taken;
	}
	printf("%llu\n", sent);
	return 0;
}
