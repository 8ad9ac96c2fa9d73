/* SPDX-License-Identifier: MIT */
/* Storage, names and sums of the counters in mm/stats.h. */
#include "mm/stats.h"

DEFINE_PER_CPU(unsigned long, vm_events[NR_VM_EVENTS]);
DEFINE_PER_CPU(long, node_stats[NR_NODE_STATS]);

const char *const vm_event_names[NR_VM_EVENTS] = {
#define X(name) #name,
	VM_EVENTS(X)
#undef X
};

const char *const node_stat_names[NR_NODE_STATS] = {
#define X(name) #name,
	NODE_STATS(X)
#undef X
};

unsigned long vm_event_sum(enum vm_event event)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_cpu(cpu)
		sum += READ_ONCE(per_cpu(vm_events, cpu)[event]);
	return sum;
}

long node_stat_sum(enum node_stat stat)
{
	unsigned int cpu;
	long sum = 0;

	for_each_cpu(cpu)
		sum += READ_ONCE(per_cpu(node_stats, cpu)[stat]);
	return sum;
}
