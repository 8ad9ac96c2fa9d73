/* SPDX-License-Identifier: MIT */
/* Several CPUs: those of the software machine answer at once. The rest of the kernel sees one. */
#ifndef HOST_ASM_SMP_H
#define HOST_ASM_SMP_H

#include "lib/types.h"
#include <asm/percpu.h>

typedef unsigned long cpumask_t;
#define CPU_MASK(cpu) (1UL << (cpu))
#define CPU_MASK_ALL (~0UL >> (64 - nr_cpus))
#define for_each_cpu_in(cpu, mask) for (cpumask_t __left = (mask); __left && ((cpu) = (unsigned int)__builtin_ctzl(__left), true); __left &= __left - 1)

typedef void (*smp_call_func_t)(void *arg);
static inline void smp_send_reschedule(unsigned int cpu) { (void)cpu; }
void smp_call_function_many(cpumask_t mask, smp_call_func_t fn, void *arg);
static inline void on_each_cpu_mask(cpumask_t mask, smp_call_func_t fn, void *arg) { if (mask & 1) fn(arg); }

#endif
