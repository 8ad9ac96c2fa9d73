/* SPDX-License-Identifier: MIT */
/* What the files of arch/x86_64 share with each other and with nobody else. */
#ifndef ARCH_CPU_CPU_H
#define ARCH_CPU_CPU_H

#include "lib/types.h"
#include <asm/percpu.h>

/* Stacks of stacks.asm. */
#define BOOT_STACK_SIZE 16384UL
#define IST_STACK_SIZE 8192UL
#define IST_STRIDE (4096 + IST_STACK_SIZE)
extern char boot_stack_guard[], boot_stack[], boot_stack_top[], ist_stacks[];

/* Top of the running task's kernel stack, where SYSCALL begins. Kept by set_kernel_stack(). */
DECLARE_PER_CPU(unsigned long, cpu_kernel_stack_top);
DECLARE_PER_CPU(unsigned long, user_sp_scratch);

/* GDT and TSS of the boot CPU, and its segment registers. Once, before any interrupt. */
void gdt_init(void);
/* Which stack an entry from user mode starts on. Interrupts off. */
void set_kernel_stack(unsigned long top);
/* All 256 gates. */
void idt_init(void);
/* SYSCALL's MSRs on this CPU. */
void syscall_init(void);

/* Reads the MADT, while the first page tables are in use; boot_fail()s without a usable one. */
struct boot_info;
void acpi_init(const struct boot_info *info);
/*
 * Puts the interrupt controllers into service, all device lines masked. After arch_paging_init().
 */
void interrupts_init(void);

/* TSC against the PIT, and the CMOS clock. Before the first use of arch_clock_ns(). */
void clock_init(void);
/* Busy-wait on the PIT for about @us microseconds, at most 50000: calibration only. */
void pit_wait_start(unsigned int us);
bool pit_wait_done(void);

#endif
