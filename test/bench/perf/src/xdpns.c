// SPDX-License-Identifier: MIT
// xdpns OBJECT IF KIND FLOWS REPEAT SADDR TARGET: nanoseconds per frame of a loaded XDP program, TARGET id:N, pin:PATH or
// nothing (the wrapper alone, to be taken off). The frames come in on IF, from SADDR on; FLOWS 0: each a new flow; ack
// opens the flows first. Prints the mean of the middle runs, lowest and highest, and what the program returned last.
#include "common.h"
#define RUNS 15

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int target_fd(struct bpf_object *object, const char *target)
{
	int fd = !strncmp(target, "id:", 3)    ? bpf_prog_get_fd_by_id(atoi(target + 3))
		 : !strncmp(target, "pin:", 4) ? bpf_obj_get(target + 4)
					       : bpf_program__fd(program_of(object, "nothing"));
	if (fd < 0) die(target);
	return fd;
}

static __u32 returned;

static double ns_per_frame(int wrapper, __u32 device, __u32 repeat)
{
	__u8 frame[FRAME_BYTES] = { 0 };
	struct xdp_md context = { .data_end = FRAME_BYTES, .ingress_ifindex = device };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .repeat = repeat);
	if (bpf_prog_test_run_opts(wrapper, &opts)) die("test run");
	returned = opts.retval;
	return opts.duration; /* the kernel's clock around the frames only; the call itself costs a millisecond */
}

int main(int argc, char **argv)
{
	if (argc < 8) { fprintf(stderr, "usage: xdpns OBJECT IF udp|syn|ack FLOWS REPEAT SADDR id:N|pin:PATH|nothing\n"); return 2; }
	__u32 device = if_nametoindex(argv[2]), flows = atoi(argv[4]), repeat = atoi(argv[5]);
	if (!device) die(argv[2]);
	pin_to_core(0);
	struct bpf_object *object = open_object(argv[1]);
	if (bpf_object__load(object)) die("load");
	int wrapper = bpf_program__fd(program_of(object, "wrap")), target = target_fd(object, argv[7]);
	struct pf_config config = flows_config(kind_of(argv[3]), flows, 1, ntohl(inet_addr(argv[6])));
	set_entry(object, "config", 0, &config);
	set_entry(object, "target", 0, &target);
	if (flows) ns_per_frame(wrapper, device, 3 * flows); /* opened, and each seen once more */
	double runs[RUNS];
	for (int i = 0; i < RUNS; i++) runs[i] = ns_per_frame(wrapper, device, repeat);
	qsort(runs, RUNS, sizeof *runs, compare);
	double middle = (runs[RUNS / 2 - 1] + runs[RUNS / 2] + runs[RUNS / 2 + 1]) / 3;
	printf("%.1f %.0f %.0f %u\n", middle, runs[0], runs[RUNS - 1], returned);
	return 0;
}
