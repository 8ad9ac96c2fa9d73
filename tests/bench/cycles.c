/* SPDX-License-Identifier: MIT */
/*
 * What native.c measures time with: the CPU's cycles in user mode where they are counted (a virtual
 * machine often has no counter), otherwise nanoseconds of the host. A file of its own because the
 * host's headers do not go together with the kernel's.
 */
#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cycles.h"

static int counter = -1;

const char *cycles_init(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	counter = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	return counter < 0 ? "ns" : "cycles";
}

uint64_t cycles_now(void)
{
	struct timespec ts;
	uint64_t value;

	if (counter >= 0 && read(counter, &value, sizeof(value)) == sizeof(value))
		return value;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}
