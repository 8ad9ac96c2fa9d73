/* SPDX-License-Identifier: MIT */
/* Per-CPU variables of a host test: one CPU, plain variables. */
#ifndef HOST_ASM_PERCPU_H
#define HOST_ASM_PERCPU_H

#include "lib/compiler.h"
#include "lib/types.h"

#define NR_CPUS 32
#define DECLARE_PER_CPU(type, name) extern type name
#define DEFINE_PER_CPU(type, name) type name

extern unsigned int nr_cpus;
#define nr_cpu_ids nr_cpus
#define for_each_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus; (cpu)++)

#define per_cpu_ptr(ptr, cpu) ((void)(cpu), (ptr))
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), (cpu)))
#define this_cpu_read(var) (var)
#define this_cpu_write(var, val) ((void)((var) = (val)))
#define this_cpu_add(var, val) ((void)((var) += (val)))
#define this_cpu_inc(var) ((void)(var)++)
#define this_cpu_dec(var) ((void)(var)--)
#define this_cpu_ptr(ptr) (ptr)
#define smp_processor_id() 0U

#endif
