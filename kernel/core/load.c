/* SPDX-License-Identifier: MIT */
/* Where the time went, and the load averages: exponentially damped, sampled every five seconds. */
#include "kernel/core/load.h"

#include "kernel/core/sched.h"
#include "kernel/core/time.h"

#define SAMPLE_NS (5 * NSEC_PER_SEC)
#define ONE (1UL << LOAD_SHIFT)

/* 1 / e ^ (5 s / 1, 5, 15 minutes), fixed point. */
static const unsigned long decay[3] = { 1884, 2014, 2037 };

DEFINE_PER_CPU(struct cpu_times, cpu_times);
unsigned long load_averages[3];
static u64 next_sample_ns; /* boot CPU's tick */

void account_cpu_time(bool user, u64 ns)
{
	struct cpu_times *times = this_cpu_ptr(&cpu_times);
	struct task_struct *task = current;

	if (user) {
		task->utime_ns += ns;
		times->user_ns += ns;
		return;
	}
	task->stime_ns += ns;
	if (task == this_idle_task())
		times->idle_ns += ns;
	else
		times->system_ns += ns;
}

void update_load_averages(u64 now)
{
	struct sched_totals totals;
	unsigned long active;

	if (now < next_sample_ns)
		return;
	next_sample_ns = now + SAMPLE_NS;
	get_sched_totals(&totals);
	active = (unsigned long)(totals.running + totals.blocked) * ONE;
	for (int i = 0; i < 3; i++) {
		unsigned long load = load_averages[i] * decay[i] + active * (ONE - decay[i]);

		if (active >= load_averages[i])
			load += ONE - 1; /* so that a constant load is reached, and not nearly */
		WRITE_ONCE(load_averages[i], load >> LOAD_SHIFT);
	}
}
