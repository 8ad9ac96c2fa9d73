/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data of the boot CPU. It is the section itself, so its GS base is 0, which is also what
 * reset leaves.
 */

#include <asm/current.h>
#include <asm/percpu.h>

unsigned long __per_cpu_offset[NR_CPUS];
unsigned int nr_cpus = 1, nr_cpu_ids = 1;

DEFINE_PER_CPU(unsigned long, this_cpu_off);
DEFINE_PER_CPU(unsigned int, cpu_number);
DEFINE_PER_CPU(struct task_struct *, current_task);
