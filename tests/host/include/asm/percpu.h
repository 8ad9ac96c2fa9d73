/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables of a host test. One thread plays all CPUs, and the kernel is never left in the
 * middle of using one: so lists, counters and the like are shared plain variables. Only a source
 * compiled with HOST_EACH_CPU has one instance for each of the machine's CPUs (tests/host/mmu.c), and
 * knows on which of them it runs.
 */
#ifndef HOST_ASM_PERCPU_H
#define HOST_ASM_PERCPU_H

#include "lib/compiler.h"
#include "lib/types.h"

#define NR_CPUS 32
#define HOST_CPUS 3 /* of the machine */
#define DECLARE_PER_CPU(type, name) extern type name
#ifdef HOST_EACH_CPU
#define DEFINE_PER_CPU(type, name) __section("host_each_cpu") type name
extern unsigned long host_cpu_offset[];
#define per_cpu_ptr(ptr, cpu)                                                                      \
	((__typeof__(ptr))((unsigned long)(ptr) +                                                  \
			   (host_is_each_cpu((ptr)) ? host_cpu_offset[(cpu)] : 0)))
extern char __start_host_each_cpu[], __stop_host_each_cpu[];
static inline bool host_is_each_cpu(const void *p)
{
	return (const char *)p >= __start_host_each_cpu && (const char *)p < __stop_host_each_cpu;
}
#define smp_processor_id() host_cpu
#define for_each_cpu(cpu) for ((cpu) = 0; (cpu) < HOST_CPUS; (cpu)++)
#else
#define smp_processor_id() 0U
#define DEFINE_PER_CPU(type, name) type name
#define per_cpu_ptr(ptr, cpu) ((void)(cpu), (ptr))
#define for_each_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus; (cpu)++)
#endif

extern unsigned int nr_cpus;
extern unsigned int host_cpu; /* whose turn it is */
#define nr_cpu_ids nr_cpus

#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), (cpu)))
#define this_cpu_ptr(ptr) per_cpu_ptr((ptr), host_cpu)
#define this_cpu_read(var) (*this_cpu_ptr(&(var)))
#define this_cpu_write(var, val) ((void)(*this_cpu_ptr(&(var)) = (val)))
#define this_cpu_add(var, val) ((void)(*this_cpu_ptr(&(var)) += (val)))
#define this_cpu_inc(var) this_cpu_add(var, 1)
#define this_cpu_dec(var) this_cpu_add(var, -1)

#endif
