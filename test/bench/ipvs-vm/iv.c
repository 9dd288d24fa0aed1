// SPDX-License-Identifier: MIT
// iv: generator, sink and floors.
//   iv attach OBJ PROG IF native [PINDIR|-] [OUTIF]   XDP program PROG on IF (stays); the sink's counters pinned in PINDIR
//   iv gen OBJ IF DMAC VIP PORT udp|syn|ack FLOWS FRAMES ROUNDS PINDIR BATCH
//        per round: FRAMES live frames out of IF (BPF_PROG_TEST_RUN, BATCH at a time), as SCHED_IDLE so that softirqs go
//        first; then one line "round sent= got= ns= rs1= rs2=". ns: from the first frame to the first of the last batch, by
//        the clock that the generator itself reads (the system call waits for RCU around it), scaled to FRAMES. The first
//        round, a frame a flow (ack: a SYN first), warms up and is not printed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "iv.h"

enum kind { UDP, SYN, ACK };
struct sink { unsigned long long all, rs1, rs2; };

static void die(const char *m) { fprintf(stderr, "iv: %s: %s\n", m, strerror(errno)); exit(1); }

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static struct bpf_object *load(const char *path, const char *name, int *fd)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	if (!object) die(path);
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
		bpf_program__set_flags(program, 1U << 1 /* BPF_F_ANY_ALIGNMENT */);
	}
	if (bpf_object__load(object)) die("load");
	program = bpf_object__find_program_by_name(object, name);
	if (!program) die(name);
	*fd = bpf_program__fd(program);
	return object;
}

static int map_fd(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	if (fd < 0) die(name);
	return fd;
}

static int index_of(const char *device)
{
	int index = if_nametoindex(device);
	if (!index) die(device);
	return index;
}

static int attach(int argc, char **argv)
{
	int fd, device = index_of(argv[4]);
	struct bpf_object *object = load(argv[2], argv[3], &fd);
	if (argc > 7) {
		__u32 zero = 0, out = index_of(argv[7]);
		if (bpf_map_update_elem(map_fd(object, "out"), &zero, &out, 0)) die("out");
	}
	if (argc > 6 && strcmp(argv[6], "-")) {
		char path[256];
		mkdir(argv[6], 0700);
		snprintf(path, sizeof path, "%s/sink", argv[6]);
		unlink(path);
		if (bpf_obj_pin(map_fd(object, "sink"), path)) die(path);
	}
	if (bpf_xdp_attach(device, fd, XDP_FLAGS_DRV_MODE, NULL)) die("attach");
	return 0;
}

static struct sink count(int fd)
{
	int cpus = libbpf_num_possible_cpus();
	unsigned long long of[cpus];
	struct sink sink = { 0 };
	for (__u32 last = 0; last < 256; last++) {
		unsigned long long frames = 0;
		if (bpf_map_lookup_elem(fd, &last, of)) die("count");
		for (int i = 0; i < cpus; i++) frames += of[i];
		sink.all += frames;
		if (last == 0x11) sink.rs1 += frames;
		if (last == 0x12) sink.rs2 += frames;
	}
	return sink;
}

static unsigned add_halves(const void *data, int bytes, unsigned sum)
{
	const unsigned char *b = data;
	for (int i = 0; i < bytes; i += 2) sum += b[i] << 8 | b[i + 1];
	return sum;
}

static void put_checksum(unsigned char *at, unsigned sum)
{
	while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
	at[0] = ~sum >> 8; at[1] = ~sum;
}

static void frame(struct iv_cfg *cfg, const char *dmac, const char *vip, int port, enum kind kind)
{
	unsigned char *f = cfg->b, *ip = f + 14, *l4 = f + 34;
	int bytes = 60 - 14, l4_bytes = bytes - 20;
	memset(f, 0, sizeof cfg->b);
	if (sscanf(dmac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", f, f + 1, f + 2, f + 3, f + 4, f + 5) != 6) die("mac");
	memcpy(f + 6, "\2\0\0\0\0\1", 6); f[12] = 8;
	ip[0] = 0x45; ip[3] = bytes; ip[8] = 64; ip[9] = kind == UDP ? 17 : 6;
	if (inet_pton(AF_INET, vip, ip + 16) != 1) die("vip");
	put_checksum(ip + 10, add_halves(ip, 20, 0));
	l4[2] = port >> 8; l4[3] = port;
	if (kind == UDP) l4[5] = l4_bytes;
	else {
		l4[12] = 5 << 4; l4[13] = kind == SYN ? 2 : 16; l4[14] = 0xff; l4[8] = l4[4] = 1;
		put_checksum(l4 + 16, add_halves(l4, l4_bytes, add_halves(ip + 12, 8, 6 + l4_bytes)));
	}
	cfg->tcp = kind != UDP;
	cfg->len = 60;
}

static void send_frames(int fd, int device, long long frames, int batch)
{
	unsigned char data[60] = { 0 };
	struct xdp_md context = { .data_end = sizeof data, .ingress_ifindex = device };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof data, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .flags = 1U << 1 /* BPF_F_TEST_XDP_LIVE_FRAMES */, .batch_size = batch,
		    .repeat = frames);
	if (bpf_prog_test_run_opts(fd, &opts)) die("test run");
}

/* What is queued is worked off before SCHED_IDLE gets the CPU again: until nothing more comes. */
static struct sink settled(int fd, unsigned long long expected)
{
	struct sink now = count(fd);
	for (int i = 0; i < 50 && now.all < expected; i++) {
		unsigned long long before = now.all;
		usleep(2000);
		now = count(fd);
		if (now.all == before) break;
	}
	return now;
}

static int generate(char **argv)
{
	struct iv_cfg cfg = { .saddr = 0x0a640001, .sports = 50000, .ifindex = index_of(argv[3]), .nflows = atoi(argv[8]) };
	enum kind kind = !strcmp(argv[7], "udp") ? UDP : !strcmp(argv[7], "syn") ? SYN : ACK;
	long long frames = atoll(argv[9]);
	int fd, rounds = atoi(argv[10]), batch = atoi(argv[12]);
	struct bpf_object *object = load(argv[2], "gen", &fd);
	int cfg_fd = map_fd(object, "cfg");
	char path[256];
	snprintf(path, sizeof path, "%s/sink", argv[11]);
	int sink_fd = bpf_obj_get(path);
	if (sink_fd < 0) die(path);
	struct sched_param none = { 0 };
	if (frames <= batch) die("FRAMES <= BATCH");
	if (sched_setscheduler(0, SCHED_IDLE, &none)) die("SCHED_IDLE");
	for (int round = 0; round <= rounds; round++) {
		struct sink a, b;
		__u32 zero = 0;
		long long n = round ? frames : cfg.nflows > 2000 ? cfg.nflows : 2000;
		for (int syn = round == 0 && kind == ACK; syn >= 0; syn--) {
			frame(&cfg, argv[4], argv[5], atoi(argv[6]), syn ? SYN : kind);
			/* all but the last batch are worked off when the first of that one is made */
			cfg.first = cfg.i; cfg.last = cfg.i + n - batch;
			if (bpf_map_update_elem(cfg_fd, &zero, &cfg, 0)) die("cfg");
			a = count(sink_fd);
			send_frames(fd, cfg.ifindex, n, batch);
			if (bpf_map_lookup_elem(cfg_fd, &zero, &cfg)) die("cfg");
		}
		b = settled(sink_fd, a.all + n);
		if (!round) continue;
		printf("round sent=%lld got=%llu ns=%.0f rs1=%llu rs2=%llu\n", n, b.all - a.all,
		       (double)(cfg.t1 - cfg.t0) * n / (n - batch), b.rs1 - a.rs1, b.rs2 - a.rs2);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	if (argc >= 6 && !strcmp(argv[1], "attach")) return attach(argc, argv);
	if (argc >= 13 && !strcmp(argv[1], "gen")) return generate(argv);
	fprintf(stderr, "iv: see the head of iv.c\n");
	return 2;
}
