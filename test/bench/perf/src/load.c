// SPDX-License-Identifier: MIT
// load MIB...  prints for each: MIB ns, what a load takes that must wait for the one before, from a random line of so
//     much memory. With small pages, as the maps of BPF programs have them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define LINE 128 // two cache lines: a bucket of IPv4
#define LOADS 3000000

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

// one ring through all lines, in random order: Sattolo's shuffle
static void link_lines(char *memory, size_t lines)
{
	uint32_t *order = malloc(lines * sizeof *order);
	if (!order) exit(1);
	for (size_t i = 0; i < lines; i++) order[i] = i;
	for (size_t i = lines - 1; i > 0; i--) {
		size_t j = random() % i;
		uint32_t swapped = order[i];
		order[i] = order[j];
		order[j] = swapped;
	}
	for (size_t i = 0; i < lines; i++)
		*(size_t *)(memory + (size_t)order[i] * LINE) = (size_t)order[(i + 1) % lines] * LINE;
	free(order);
}

static double load_ns(size_t bytes)
{
	char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at = 0;
	double began = 0;
	if (memory == MAP_FAILED) exit(1);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	link_lines(memory, bytes / LINE);
	for (int i = -LOADS / 2; i < LOADS; i++) { // those before 0 warm up
		if (i == 0) began = now_ns();
		at = *(volatile size_t *)(memory + at);
	}
	double ns = (now_ns() - began) / LOADS;
	munmap(memory, bytes);
	return ns;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) printf("%s %.1f\n", argv[i], load_ns((size_t)(atof(argv[i]) * (1 << 20))));
	return 0;
}
