/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. They live in the section .data..percpu, which CPU 0 uses as it stands; each
 * other CPU has an area of the same layout. A CPU's GS base is the distance from the section to its own
 * area (0 for CPU 0), so `gs:var` in assembly and this_cpu_*(var) here reach the running CPU's instance in
 * one instruction. In a debugger a plain `print var` shows CPU 0's.
 *
 * All of it is zero at first, for an area is made when CPU 0's variables are long in use: definitions have no
 * initialiser.
 *
 * this_cpu_*() need no lock against this CPU's own interrupts: each is a single instruction. A
 * pointer from this_cpu_ptr() is good only until the task may move, which it does in schedule().
 */
#ifndef ASM_PERCPU_H
#define ASM_PERCPU_H

#include "lib/compiler.h"
#include "lib/types.h"

#define NR_CPUS 32 /* how many the tables are made for */

#define PER_CPU_SECTION ".data..percpu"
#define DECLARE_PER_CPU(type, name) extern __section(PER_CPU_SECTION) type name
#define DEFINE_PER_CPU(type, name) __section(PER_CPU_SECTION) type name

/* Distance from the section to each CPU's area, in bytes. Constant once the CPU runs. */
extern unsigned long __per_cpu_offset[NR_CPUS];
/* CPUs that run, numbered 0 .. nr_cpus - 1. Grows in smp_boot_cpus() only. */
extern unsigned int nr_cpus;
/* As many there may be: what the MADT lists, NR_CPUS at most, cut by the knob maxcpus. Constant from setup_arch() on. */
extern unsigned int nr_cpu_ids;
#define for_each_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpus; (cpu)++)

DECLARE_PER_CPU(unsigned long, this_cpu_off);
DECLARE_PER_CPU(unsigned int, cpu_number);

/* Another CPU's instance: per_cpu_ptr(&var, cpu) is its address, per_cpu(var, cpu) an lvalue. */
#define per_cpu_ptr(ptr, cpu) \
	((__typeof__(ptr))((unsigned long)(ptr) + __per_cpu_offset[(cpu)]))
#define per_cpu(var, cpu) (*per_cpu_ptr(&(var), (cpu)))

/* 1, 2, 4 or 8 bytes; the operand's type chooses the register and so the instruction's width. */
#define this_cpu_read(var)                                                                         \
	({                                                                                         \
		__typeof__(var) __pcv;                                                             \
		__asm__ volatile("mov %%gs:%1, %0" : "=r"(__pcv) : "m"(var));                      \
		__pcv;                                                                             \
	})
#define this_cpu_write(var, val)                                                                   \
	do {                                                                                       \
		__typeof__(var) __pcv = (val);                                                     \
		__asm__ volatile("mov %1, %%gs:%0" : "=m"(var) : "r"(__pcv));                      \
	} while (0)
#define this_cpu_add(var, val)                                                                     \
	do {                                                                                       \
		__typeof__(var) __pcv = (__typeof__(var))(val);                                    \
		__asm__ volatile("add %1, %%gs:%0" : "+m"(var) : "r"(__pcv) : "cc");               \
	} while (0)
#define __this_cpu_unary(op, var)                                                                  \
	do {                                                                                       \
		switch (sizeof(var)) {                                                             \
		case 1: __asm__ volatile(op "b %%gs:%0" : "+m"(var) : : "cc"); break;              \
		case 2: __asm__ volatile(op "w %%gs:%0" : "+m"(var) : : "cc"); break;              \
		case 4: __asm__ volatile(op "l %%gs:%0" : "+m"(var) : : "cc"); break;              \
		default: __asm__ volatile(op "q %%gs:%0" : "+m"(var) : : "cc");                    \
		}                                                                                  \
	} while (0)
#define this_cpu_inc(var) __this_cpu_unary("inc", var)
#define this_cpu_dec(var) __this_cpu_unary("dec", var)

/* this_cpu_ptr(&var): address of the running CPU's instance. */
#define this_cpu_ptr(ptr) ((__typeof__(ptr))((unsigned long)(ptr) + this_cpu_read(this_cpu_off)))

#define smp_processor_id() this_cpu_read(cpu_number)

#endif
