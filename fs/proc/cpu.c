/* SPDX-License-Identifier: MIT */
/* The CPUs in /proc: what they spend their time on, what interrupts them. */
#include "fs/proc/proc.h"
#include "kernel/core/load.h"
#include "kernel/core/task.h"
#include "kernel/core/time.h"
#include "lib/vsprintf.h"
#include <asm/irq.h>
#include <asm/percpu.h>

/* user nice system idle iowait irq softirq steal guest guest_nice, in clock ticks. */
static void show_times(struct seq_buf *m, const char *name, const struct cpu_times *times)
{
	seq_printf(m, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name,
		   (unsigned long long)(times->user_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(times->system_ns / NSEC_PER_CLOCK_TICK),
		   (unsigned long long)(times->idle_ns / NSEC_PER_CLOCK_TICK));
}

static unsigned long total_interrupts(void)
{
	unsigned long sum = 0;
	unsigned int vector, cpu;

	for (vector = 0; vector < NR_VECTORS; vector++)
		for_each_cpu(cpu)
			sum += irq_count(vector, cpu);
	return sum;
}

int proc_show_cpu_stat(struct seq_buf *m, void *arg)
{
	struct cpu_times sum = { 0 };
	struct sched_totals totals;
	unsigned int cpu;

	(void)arg;
	for_each_cpu(cpu) {
		const struct cpu_times *times = per_cpu_ptr(&cpu_times, cpu);

		sum.user_ns += times->user_ns;
		sum.system_ns += times->system_ns;
		sum.idle_ns += times->idle_ns;
	}
	show_times(m, "cpu ", &sum);
	for_each_cpu(cpu) {
		char name[8];

		snprintf(name, sizeof(name), "cpu%u", cpu);
		show_times(m, name, per_cpu_ptr(&cpu_times, cpu));
	}
	get_sched_totals(&totals);
	seq_printf(m, "intr %lu\nctxt %lu\nbtime %llu\nprocesses %lu\n", total_interrupts(),
		   totals.switches,
		   (unsigned long long)((ktime_get_real_ns() - ktime_get_ns()) / NSEC_PER_SEC),
		   totals.forks);
	seq_printf(m, "procs_running %u\nprocs_blocked %u\n", totals.running, totals.blocked);
	return 0;
}

int proc_show_interrupts(struct seq_buf *m, void *arg)
{
	unsigned int vector, cpu;

	(void)arg;
	seq_puts(m, "     ");
	for_each_cpu(cpu)
		seq_printf(m, "       CPU%-3u", cpu);
	seq_puts(m, "\n");
	for (vector = 0; vector < NR_VECTORS; vector++) {
		struct irq_name name;

		if (!get_irq_name(vector, &name))
			continue;
		seq_printf(m, "%4s:", name.number);
		for_each_cpu(cpu)
			seq_printf(m, " %12lu", irq_count(vector, cpu));
		seq_printf(m, "   %s\n", name.what);
	}
	return 0;
}

int proc_show_loadavg(struct seq_buf *m, void *arg)
{
	struct sched_totals totals;

	(void)arg;
	get_sched_totals(&totals);
	for (int i = 0; i < 3; i++) {
		/* rounded to two decimals */
		unsigned long load = READ_ONCE(load_averages[i]) + (1UL << LOAD_SHIFT) / 200;

		seq_printf(m, "%lu.%02lu ", load >> LOAD_SHIFT,
			   (load & ((1UL << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
	}
	seq_printf(m, "%u/%u %d\n", totals.running, READ_ONCE(nr_tasks), last_allocated_pid());
	return 0;
}

int proc_show_uptime(struct seq_buf *m, void *arg)
{
	u64 now = ktime_get_ns(), idle = 0;
	unsigned int cpu;

	(void)arg;
	for_each_cpu(cpu)
		idle += per_cpu(cpu_times, cpu).idle_ns;
	seq_printf(m, "%llu.%02llu %llu.%02llu\n", (unsigned long long)(now / NSEC_PER_SEC),
		   (unsigned long long)(now % NSEC_PER_SEC / 10000000),
		   (unsigned long long)(idle / NSEC_PER_SEC),
		   (unsigned long long)(idle % NSEC_PER_SEC / 10000000));
	return 0;
}
