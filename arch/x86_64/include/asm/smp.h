/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs: starting them, interrupting one another, stopping. CPUs are numbered 0 .. nr_cpus - 1,
 * the boot CPU being 0; none is ever taken away again.
 */
#ifndef ASM_SMP_H
#define ASM_SMP_H

#include "lib/types.h"
#include <asm/percpu.h>

struct pt_regs;

/* A set of CPUs, bit n for CPU n. Fields that several CPUs change are changed with set_bit() and clear_bit(). */
typedef unsigned long cpumask_t;
#define CPU_MASK(cpu) (1UL << (cpu))
#define CPU_MASK_ALL (~0UL >> (64 - nr_cpus))
#define for_each_cpu_in(cpu, mask)                                                                 \
	for (cpumask_t __left = (mask); __left && ((cpu) = (unsigned int)__builtin_ctzl(__left), true); __left &= __left - 1)

/*
 * Start every other CPU that the MADT lists: each takes its idle task and goes to cpu_idle(). Process context
 * or the boot context, interrupts on. A CPU that does not answer is left out, with a line in the log.
 */
void smp_boot_cpus(void);

/* @cpu looks at need_resched() soon: from user mode and idleness at once. Any context. */
void smp_send_reschedule(unsigned int cpu);

typedef void (*smp_call_func_t)(void *arg);
/*
 * Run fn(arg) in the interrupt handler of each CPU of @mask but this one; returns when all have done it.
 * Interrupts on (or the others might wait for us in the same way); any spinlock may be held that is never
 * taken with interrupts off.
 */
void smp_call_function_many(cpumask_t mask, smp_call_func_t fn, void *arg);
/* The same on all CPUs of @mask, this one included (interrupts off for the call). */
void on_each_cpu_mask(cpumask_t mask, smp_call_func_t fn, void *arg);

/* The others stop for good, wherever they are: for panic(). Any context, never fails, returns soon. */
void smp_send_stop(void);
/* The registers with which @cpu stopped, NULL if it has not (yet). */
const struct pt_regs *smp_stopped_at(unsigned int cpu);

#endif
