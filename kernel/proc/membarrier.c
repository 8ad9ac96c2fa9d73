/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2): a full barrier in every thread that runs, so that user code which is run often can do
 * without one. A thread that does not run needs none: going off a CPU and coming on it are barriers.
 *
 * Private commands interrupt the CPUs that have the caller's map loaded. That set is never too small:
 * who loads a map enters itself first, with a full barrier. Coming back from an interrupt by IRETQ
 * serialises a CPU (SDM vol. 3A 8.3), and so does the CR3 load of one that was not in the set, which is
 * what SYNC_CORE asks for after code was changed.
 */
#include "kernel/core/rcu.h"
#include "kernel/core/sched.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "mm/space/mm.h"
#include <asm/processor.h>
#include <asm/smp.h>

/* linux/membarrier.h of Linux's user headers. To register for a command is the next bit. */
#define CMD_QUERY 0
#define CMD_GLOBAL 0x1
#define CMD_GLOBAL_EXPEDITED 0x2
#define CMD_REGISTER_GLOBAL_EXPEDITED 0x4
#define CMD_PRIVATE_EXPEDITED 0x8
#define CMD_REGISTER_PRIVATE_EXPEDITED 0x10
#define CMD_PRIVATE_EXPEDITED_SYNC_CORE 0x20
#define CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE 0x40
#define CMD_PRIVATE_EXPEDITED_RSEQ 0x80
#define CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ 0x100
#define CMD_ALL 0x1ff

#define FLAG_CPU 0x1u /* with PRIVATE_EXPEDITED_RSEQ: only on one */

static void barrier_here(void *unused)
{
	(void)unused;
	smp_mb();
}

static void barrier_on(cpumask_t cpus)
{
	smp_mb(); /* what the caller did before is seen before what others do after theirs */
	smp_call_function_many(cpus, barrier_here, NULL);
	smp_mb();
}

static long private_barrier(int cmd, int cpu)
{
	struct mm_struct *mm = current->mm;
	u32 a, b, c, d;

	if (!(READ_ONCE(mm->membarrier) & (unsigned int)cmd << 1))
		return -EPERM;
	if (cpu >= 0) {
		if ((unsigned int)cpu < nr_cpus)
			barrier_on(READ_ONCE(mm->context.cpumask) & CPU_MASK(cpu));
		return 0;
	}
	barrier_on(READ_ONCE(mm->context.cpumask));
	if (cmd == CMD_PRIVATE_EXPEDITED_SYNC_CORE)
		cpuid(0, 0, &a, &b, &c, &d); /* serialises, which SYSRET will not do for us */
	return 0;
}

long sys_membarrier(int cmd, unsigned int flags, int cpu)
{
	if (flags && !(cmd == CMD_PRIVATE_EXPEDITED_RSEQ && flags == FLAG_CPU))
		return -EINVAL;
	switch (cmd) {
	case CMD_QUERY:
		return CMD_ALL;
	case CMD_GLOBAL:
		synchronize_rcu();
		return 0;
	case CMD_GLOBAL_EXPEDITED:
		barrier_on(CPU_MASK_ALL);
		return 0;
	case CMD_PRIVATE_EXPEDITED:
	case CMD_PRIVATE_EXPEDITED_SYNC_CORE:
	case CMD_PRIVATE_EXPEDITED_RSEQ:
		return private_barrier(cmd, flags & FLAG_CPU ? cpu : -1);
	case CMD_REGISTER_GLOBAL_EXPEDITED: /* everybody gets one anyway */
	case CMD_REGISTER_PRIVATE_EXPEDITED:
	case CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		__atomic_fetch_or(&current->mm->membarrier, (unsigned int)cmd, __ATOMIC_RELAXED);
		return 0;
	default:
		return -EINVAL;
	}
}
