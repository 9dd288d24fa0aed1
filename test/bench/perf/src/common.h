/* SPDX-License-Identifier: MIT */
/* What the programs share: dying, pinning to a core, BPF objects, the template of a frame. */
#ifndef PF_SRC_COMMON_H
#define PF_SRC_COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "../bpf/common.h"

#define FRAME_BYTES 60

static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static inline double now_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline void pin_to_core(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
}

static inline int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static inline struct bpf_object *open_object(const char *path)
{
	libbpf_set_print(print_warnings);
	struct bpf_object *object = bpf_object__open(path);
	if (!object) die(path);
	return object;
}

static inline struct bpf_program *program_of(struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	if (!program) die(name);
	return program;
}

/* Only this one of the object's programs is to be loaded. */
static inline struct bpf_program *only_program(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	return program_of(object, name);
}

static inline void set_entry(struct bpf_object *object, const char *map, __u32 key, const void *value)
{
	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, map), &key, value, 0)) die(map);
}

static inline __u32 add_halves(__u32 sum, const void *data, int bytes)
{
	const __u8 *b = data;
	for (int i = 0; i < bytes; i += 2) sum += b[i] << 8 | b[i + 1];
	while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline __u16 checksum(__u32 sum) { return htons(~sum & 0xffff); }

static inline enum pf_kind kind_of(const char *name)
{
	return !strcmp(name, "udp") ? PF_UDP : !strcmp(name, "syn") ? PF_SYN : PF_ACK;
}

/* To port 80 of the virtual address, source address and port 0: bpf/flow.h puts them in. */
static inline void write_template(__u8 *frame, enum pf_kind kind, __u32 virtual_address)
{
	static const __u8 macs[14] = { 2, 0x50, 0, 0, 0, 2, 2, 0x50, 0, 0, 0, 1, 8, 0 };
	struct iphdr *ip = (void *)(frame + 14);
	int l4_bytes = FRAME_BYTES - 34;
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, macs, sizeof macs);
	ip->version = 4; ip->ihl = 5; ip->ttl = 64; ip->frag_off = htons(0x4000); ip->tot_len = htons(FRAME_BYTES - 14);
	ip->protocol = kind == PF_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	ip->daddr = htonl(virtual_address);
	ip->check = checksum(add_halves(0, ip, 20));
	__u32 pseudo = add_halves(ip->protocol + l4_bytes, &ip->daddr, 4);
	if (kind == PF_UDP) {
		struct udphdr *udp = (void *)(frame + 34);
		udp->dest = htons(80); udp->len = htons(l4_bytes);
		udp->check = checksum(add_halves(pseudo, udp, l4_bytes));
	} else {
		struct tcphdr *tcp = (void *)(frame + 34);
		tcp->dest = htons(80); tcp->seq = htonl(1); tcp->doff = 5; tcp->window = htons(65535);
		if (kind == PF_SYN) tcp->syn = 1; else tcp->ack = 1;
		tcp->check = checksum(add_halves(pseudo, tcp, l4_bytes));
	}
}

static inline struct pf_config flows_config(enum pf_kind kind, __u32 flows, int open, __u32 saddr)
{
	struct pf_config config = { .flows = flows, .open = open && kind == PF_ACK ? flows : 0, .saddr = saddr,
				    .sport = 1024, .sports = 50000, .kind = kind, .length = FRAME_BYTES };
	__u8 frame[FRAME_BYTES];
	write_template(frame, kind, 0x0a640064);
	memcpy(config.header, frame, sizeof config.header);
	return config;
}
#endif
