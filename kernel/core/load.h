/* SPDX-License-Identifier: MIT */
/* How busy the machine is: time by CPU, switches, tasks that want to run, load averages. */
#ifndef KERNEL_CORE_LOAD_H
#define KERNEL_CORE_LOAD_H

#include "lib/types.h"
#include <asm/percpu.h>

/* What a CPU spent its time on, by the tick, in ns since it started. Own CPU writes. */
struct cpu_times {
	u64 user_ns, system_ns, idle_ns;
};
DECLARE_PER_CPU(struct cpu_times, cpu_times);

struct sched_totals {
	unsigned long switches, forks; /* since boot; kernel threads are forks too */
	unsigned int running;          /* tasks that run or wait for a CPU now */
	unsigned int blocked;          /* user tasks in uninterruptible sleep */
};
/* Sums over all CPUs, each looked at in turn. (sched.c) */
void get_sched_totals(struct sched_totals *totals);

/* Fixed-point numbers with LOAD_SHIFT binary digits after the point, for the last 1, 5, 15 minutes. */
#define LOAD_SHIFT 11
extern unsigned long load_averages[3];

/* From the tick: the last @ns of this CPU went to the running task, in user mode or the kernel. */
void account_cpu_time(bool user, u64 ns);
/* From the boot CPU's tick. */
void update_load_averages(u64 now);

#endif
