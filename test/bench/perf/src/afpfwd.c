// SPDX-License-Identifier: MIT
// afpfwd IN OUT [cpu]: the limit of the AF_PACKET path. TPACKET_V3 receive ring on
// IN, TPACKET_V2 transmit ring on OUT (qdisc bypass), both MACs rewritten, nothing
// looked up. One send() for each received block.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLK (1 << 16)
#define NBLK 64
static volatile sig_atomic_t stop;
static void onsig(int s) { (void)s; stop = 1; }
static void die(const char *m) { perror(m); exit(1); }

static int sock(const char *ifn, int ver)
{
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0) die("socket");
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &ver, sizeof ver)) die("PACKET_VERSION");
	(void)ifn;
	return fd;
}

static void bindto(int fd, const char *ifn, int proto)
{
	struct sockaddr_ll sl = { .sll_family = AF_PACKET, .sll_protocol = htons(proto), .sll_ifindex = if_nametoindex(ifn) };
	if (!sl.sll_ifindex || bind(fd, (void *)&sl, sizeof sl)) die(ifn);
}

int main(int argc, char **argv)
{
	static const uint8_t rs[6] = { 2, 0x50, 0, 0, 0, 0x11 }, me[6] = { 2, 0x50, 0, 0, 0, 2 };
	int one = 1, spin = argc > 4;
	if (argc < 3) return 2;
	if (argc > 3) {
		cpu_set_t s;
		CPU_ZERO(&s);
		CPU_SET(atoi(argv[3]), &s);
		if (sched_setaffinity(0, sizeof s, &s)) die("affinity");
	}
	signal(SIGTERM, onsig); signal(SIGINT, onsig);

	int rx = sock(argv[1], TPACKET_V3);
	struct tpacket_req3 r3 = { .tp_block_size = BLK, .tp_block_nr = NBLK, .tp_frame_size = 2048,
				   .tp_frame_nr = BLK / 2048 * NBLK, .tp_retire_blk_tov = 1 };
	if (setsockopt(rx, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one)) die("IGNORE_OUTGOING");
	if (setsockopt(rx, SOL_PACKET, PACKET_RX_RING, &r3, sizeof r3)) die("RX_RING");
	uint8_t *rr = mmap(NULL, (size_t)BLK * NBLK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, rx, 0);
	if (rr == MAP_FAILED) die("mmap rx");
	bindto(rx, argv[1], ETH_P_ALL);   /* ETH_P_ALL taps come before the ingress hook; ETH_P_IP ones after it */

	int tx = sock(argv[2], TPACKET_V2);
	if (setsockopt(tx, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one)) die("QDISC_BYPASS");
	setsockopt(tx, SOL_PACKET, PACKET_LOSS, &one, sizeof one);
	struct tpacket_req r2 = { .tp_block_size = BLK * 4, .tp_block_nr = 16, .tp_frame_size = 2048 };
	r2.tp_frame_nr = r2.tp_block_size / 2048 * r2.tp_block_nr;
	if (setsockopt(tx, SOL_PACKET, PACKET_TX_RING, &r2, sizeof r2)) die("TX_RING");
	uint8_t *tr = mmap(NULL, (size_t)r2.tp_block_size * r2.tp_block_nr, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, tx, 0);
	if (tr == MAP_FAILED) die("mmap tx");
	bindto(tx, argv[2], 0);
	const unsigned toff = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll);

	unsigned long long in = 0, out = 0, full = 0;
	unsigned b = 0, t = 0;
	while (!stop) {
		struct tpacket_block_desc *d = (void *)(rr + (size_t)b * BLK);
		if (!(__atomic_load_n(&d->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
			if (!spin) {
				struct pollfd p = { rx, POLLIN, 0 };
				poll(&p, 1, 100);
			}
			continue;
		}
		struct tpacket3_hdr *h = (void *)((uint8_t *)d + d->hdr.bh1.offset_to_first_pkt);
		unsigned n = d->hdr.bh1.num_pkts, pend = 0;
		for (unsigned i = 0; i < n; i++, h = (void *)((uint8_t *)h + h->tp_next_offset)) {
			struct tpacket2_hdr *o = (void *)(tr + (size_t)t * 2048);
			if (__atomic_load_n(&o->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) {
				send(tx, NULL, 0, MSG_DONTWAIT);
				pend = 0;
				if (__atomic_load_n(&o->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) { full++; continue; }
			}
			uint8_t *p = (uint8_t *)o + toff, *q = (uint8_t *)h + h->tp_mac;
			unsigned len = h->tp_snaplen;
			if (len > 2048 - toff) continue;
			memcpy(p, rs, 6);
			memcpy(p + 6, me, 6);
			memcpy(p + 12, q + 12, len - 12);
			o->tp_len = len;
			__atomic_store_n(&o->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
			if (++t == r2.tp_frame_nr) t = 0;
			pend++;
			out++;
		}
		in += n;
		__atomic_store_n(&d->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		if (++b == NBLK) b = 0;
		if (pend) send(tx, NULL, 0, MSG_DONTWAIT);
	}
	struct tpacket_stats_v3 st = { 0 };
	socklen_t sl = sizeof st;
	getsockopt(rx, SOL_PACKET, PACKET_STATISTICS, &st, &sl);
	fprintf(stderr, "in %llu out %llu txfull %llu kernel-seen %u kernel-drops %u\n", in, out, full, st.tp_packets, st.tp_drops);
	return 0;
}
