/* SPDX-License-Identifier: MIT */
/* What both say at two moments, and the slope between them. */
#include "arch/x86_64/cpu/timer_rate.h"

#define MEASURE_NS 5000000u
#define READINGS 16

struct moment {
	u64 ns;
	u32 count;
};

/*
 * The two cannot be read at once, and a host may take the CPU away between them. Of several readings that with the
 * clock's narrowest window around the counter is best.
 */
static struct moment read_both(u32 (*count)(void), u64 (*clock_ns)(void))
{
	struct moment best = { 0, 0 };
	u64 narrowest = ~0ULL;

	for (int i = 0; i < READINGS; i++) {
		u64 before = clock_ns(), window;
		u32 ticks = count();

		window = clock_ns() - before;
		if (window < narrowest) {
			narrowest = window;
			best = (struct moment){ before + window / 2, ticks };
		}
	}
	return best;
}

u64 timer_rate(u32 (*count)(void), u64 (*clock_ns)(void))
{
	struct moment first = read_both(count, clock_ns), last;

	while (clock_ns() - first.ns < MEASURE_NS)
		;
	last = read_both(count, clock_ns);
	return (u64)(first.count - last.count) * 1000000000 / (last.ns - first.ns);
}
