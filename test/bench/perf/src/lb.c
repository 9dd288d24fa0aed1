// SPDX-License-Identifier: MIT
// lb OBJECT IF|- PINS: the reference balancer with 10.100.0.100:80 tcp and udp and four real servers
// 02:50:00:00:00:11..14; attached to IF, the program pinned as PINS/prog.
#include "common.h"
#include <linux/if_link.h>
#include <sys/stat.h>
#include "../bpf/lb.h"

static void add_service(struct bpf_object *object, __u32 index, __u8 protocol)
{
	struct lb_service service = { inet_addr("10.100.0.100"), htons(80), protocol, 1, index, index * LB_RING };
	__u32 at = lb_mix(service.address, (__u32)service.port << 8 | protocol) & 255;
	struct lb_services set;
	if (bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "services"), &at, &set)) die("services");
	for (int i = 0; i < 4; i++)
		if (!set.of[i].used) { set.of[i] = service; break; }
	set_entry(object, "services", at, &set);
	for (__u32 i = 0; i < LB_RING; i++) {
		__u16 server = 1 + (i * 2654435761u >> 13) % 4;
		set_entry(object, "ring", service.ring + i, &server);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) { fprintf(stderr, "usage: lb OBJECT IF|- PINS\n"); return 2; }
	struct bpf_object *object = open_object(argv[1]);
	if (bpf_object__load(object)) die("load");
	add_service(object, 0, IPPROTO_TCP);
	add_service(object, 1, IPPROTO_UDP);
	for (__u32 i = 1; i <= 4; i++) {
		struct lb_server server = { { 2, 0x50, 0, 0, 0, 0x10 + i }, 1 };
		set_entry(object, "servers", i, &server);
	}
	struct bpf_program *program = program_of(object, "lb_arr");
	char path[300];
	mkdir(argv[3], 0700);
	snprintf(path, sizeof path, "%s/prog", argv[3]);
	unlink(path);
	if (bpf_program__pin(program, path)) die(path);
	if (!strcmp(argv[2], "-")) return 0;
	int error = bpf_xdp_attach(if_nametoindex(argv[2]), bpf_program__fd(program), XDP_FLAGS_DRV_MODE, NULL);
	if (error) { errno = -error; die("attach"); }
	return 0;
}
