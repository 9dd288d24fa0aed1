// SPDX-License-Identifier: MIT
// pf attach OBJECT PROGRAM IF [PINS]   load, attach natively; maps pinned in PINS
// pf detach IF
// pf rate PINS SECONDS [PID...]        "frames/s others share...": others: cores that anything else used meanwhile;
//                                      share: of a core, by each PID
// pf spread PINS                       frames by last byte of the destination MAC
#include "common.h"
#include <linux/if_link.h>
#include <sys/stat.h>

static int usage(void)
{
	fprintf(stderr, "usage: pf attach OBJECT PROGRAM IF [PINS] | detach IF | rate PINS SECONDS [PID...] | spread PINS\n");
	return 2;
}

static int attach(int argc, char **argv)
{
	if (argc < 5) return usage();
	int device = if_nametoindex(argv[4]);
	if (!device) die(argv[4]);
	struct bpf_object *object = open_object(argv[2]);
	struct bpf_program *program = only_program(object, argv[3]);
	struct bpf_map *map;
	if (argc > 5) mkdir(argv[5], 0700);
	bpf_object__for_each_map(map, object) {
		char path[300];
		if (argc < 6 || strchr(bpf_map__name(map), '.')) continue;
		snprintf(path, sizeof path, "%s/%s", argv[5], bpf_map__name(map));
		unlink(path);
		bpf_map__set_pin_path(map, path);
	}
	if (bpf_object__load(object)) die("load");
	int error = bpf_xdp_attach(device, bpf_program__fd(program), XDP_FLAGS_DRV_MODE, NULL);
	if (error) { errno = -error; die("attach"); }
	return 0;
}

static int detach(int argc, char **argv)
{
	int device = argc > 2 ? if_nametoindex(argv[2]) : 0;
	if (device) bpf_xdp_detach(device, XDP_FLAGS_DRV_MODE, NULL);
	return 0;
}

static int pinned(const char *folder, const char *map)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", folder, map);
	int fd = bpf_obj_get(path);
	if (fd < 0) die(path);
	return fd;
}

static double counted(int fd)
{
	int cpus = libbpf_num_possible_cpus();
	struct pf_count of[cpus];
	__u32 zero = 0;
	double frames = 0;
	if (bpf_map_lookup_elem(fd, &zero, of)) die("counted");
	for (int i = 0; i < cpus; i++) frames += of[i].frames;
	return frames;
}

static double cpu_seconds(int pid)
{
	clockid_t clock;
	struct timespec t;
	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) return 0;
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Of all cores together. */
static double busy_seconds(void)
{
	unsigned long long user, nice, system, idle, wait, irq, soft, steal;
	FILE *file = fopen("/proc/stat", "r");
	if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq,
			    &soft, &steal) != 8) die("/proc/stat");
	fclose(file);
	return (user + nice + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
}

static int rate(int argc, char **argv)
{
	if (argc < 4 || argc > 20) return usage();
	int fd = pinned(argv[2], "counted"), pids = argc - 4;
	double share[16] = { 0 }, own = 0;
	for (int i = 0; i < pids; i++) share[i] = cpu_seconds(atoi(argv[4 + i]));
	double busy = busy_seconds(), before = counted(fd), start = now_seconds();
	usleep(atof(argv[3]) * 1e6);
	double frames = counted(fd) - before, took = now_seconds() - start;
	for (int i = 0; i < pids; i++) own += share[i] = (cpu_seconds(atoi(argv[4 + i])) - share[i]) / took;
	double others = (busy_seconds() - busy) / took - own;
	printf("%.0f %.3f", frames / took, others < 0 ? 0 : others);
	for (int i = 0; i < pids; i++) printf(" %.3f", share[i]);
	printf("\n");
	return 0;
}

static int spread(int argc, char **argv)
{
	if (argc < 3) return usage();
	int fd = pinned(argv[2], "by_server"), cpus = libbpf_num_possible_cpus();
	__u64 of[cpus];
	for (__u32 last = 0; last < 256; last++) {
		__u64 frames = 0;
		if (bpf_map_lookup_elem(fd, &last, of)) die("by_server");
		for (int i = 0; i < cpus; i++) frames += of[i];
		if (frames) printf("%02x:%llu ", last, frames);
	}
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int (*run)(int, char **); } commands[] = {
		{ "attach", attach }, { "detach", detach }, { "rate", rate }, { "spread", spread },
	};
	for (unsigned i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(argv[1], commands[i].name)) return commands[i].run(argc, argv);
	return usage();
}
