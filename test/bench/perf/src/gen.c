// SPDX-License-Identifier: MIT
// gen OBJECT IF KIND FLOWS SECONDS [SADDR]: frames of FLOWS flows from SADDR on (0: each a new flow) out of IF, on core 0.
//   KIND udp, syn or ack; ack opens the flows first, with a SYN and an ACK each. SECONDS 0: opens them (udp: one frame
//   each) and ends. Prints the frames per second offered and the share of a core that it got.
#include "common.h"
#include <signal.h>
#include <sys/time.h>

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

static void on_alarm(int signal) { (void)signal; }

/* A call costs 25 ms of setup and teardown: one for the whole run, ended by a signal. */
static void run(int program, __u32 repeat)
{
	__u8 frame[FRAME_BYTES] = { 0 };
	struct xdp_md context = { .data_end = FRAME_BYTES };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FRAME_BYTES, .ctx_in = &context,
		    .ctx_size_in = sizeof context, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64, .repeat = repeat);
	int error = bpf_prog_test_run_opts(program, &opts);
	if (error && error != -EINTR) { errno = -error; die("test run"); }
}

static double sent(struct bpf_object *object)
{
	int cpus = libbpf_num_possible_cpus();
	struct pf_position at[cpus];
	__u32 zero = 0;
	double frames = 0;
	if (bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "position"), &zero, at)) die("position");
	for (int i = 0; i < cpus; i++) frames += at[i].frames;
	return frames;
}

int main(int argc, char **argv)
{
	if (argc < 6) { fprintf(stderr, "usage: gen OBJECT IF udp|syn|ack FLOWS SECONDS [SADDR]\n"); return 2; }
	enum pf_kind kind = kind_of(argv[3]);
	double seconds = atof(argv[5]);
	__u32 flows = atoi(argv[4]), device = if_nametoindex(argv[2]), saddr = argc > 6 ? ntohl(inet_addr(argv[6])) : 0x0a640a00;
	if (!device) die(argv[2]);
	signal(SIGALRM, on_alarm);
	pin_to_core(0);
	struct bpf_object *object = open_object(argv[1]);
	if (bpf_object__load(object)) die("load");
	struct pf_config config = flows_config(kind, flows, 1, saddr);
	set_entry(object, "config", 0, &config);
	set_entry(object, "device", 0, &device);
	struct itimerval timer = { .it_value = { (int)seconds, (seconds - (int)seconds) * 1e6 } };
	setitimer(ITIMER_REAL, &timer, NULL);
	double start = now_seconds();
	run(bpf_program__fd(program_of(object, "generate")), seconds ? 0x7fffffff : kind == PF_ACK ? 2 * flows : flows);
	double took = now_seconds() - start;
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%.0f %.3f\n", sent(object) / took, (cpu.tv_sec + cpu.tv_nsec * 1e-9) / took);
	return 0;
}
