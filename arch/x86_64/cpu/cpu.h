/* SPDX-License-Identifier: MIT */
/* What the files of arch/x86_64 share with each other and with nobody else. */
#ifndef ARCH_CPU_CPU_H
#define ARCH_CPU_CPU_H

#include "lib/types.h"
#include <asm/percpu.h>
#include <asm/segment.h>

struct pt_regs;

/* Stacks of stacks.asm. */
#define BOOT_STACK_SIZE 16384UL
#define IST_STACK_SIZE 8192UL
#define IST_STRIDE (4096 + IST_STACK_SIZE)
extern char boot_stack_guard[], boot_stack[], boot_stack_top[], ist_stacks[];

/* Where this CPU's stacks for NMI, double fault and machine check begin, IST_STACK_SIZE bytes each. */
DECLARE_PER_CPU(unsigned long, ist_stack[NR_IST]);

/* Top of the running task's kernel stack, where SYSCALL begins. Kept by set_kernel_stack(). */
DECLARE_PER_CPU(unsigned long, cpu_kernel_stack_top);
DECLARE_PER_CPU(unsigned long, user_sp_scratch);

/*
 * This CPU's GDT and TSS, and its segment registers. Before any interrupt. @ist: its stacks for NMI, double fault
 * and machine check, of IST_STACK_SIZE bytes at least; NULL: the boot CPU's.
 */
void gdt_init(char *const *ist);
/* Which stack an entry from user mode starts on. Interrupts off. */
void set_kernel_stack(unsigned long top);
/* All 256 gates, and LIDT. */
void idt_init(void);
/* LIDT alone: another CPU. */
void idt_load(void);
/* SYSCALL's MSRs on this CPU. */
void syscall_init(void);

/* Reads the MADT, while the first page tables are in use; boot_fail()s without a usable one. */
struct boot_info;
void acpi_init(const struct boot_info *info);
/*
 * Puts the interrupt controllers into service, all device lines masked. After arch_paging_init().
 */
void interrupts_init(void);

/* smp.c: which CPUs there are, from the MADT. */
struct acpi_madt;
void smp_prepare(const struct acpi_madt *madt);
/* From the handler of VECTOR_CALL_FUNCTION. */
void smp_handle_calls(void);
/* From the NMI handler, with the registers that it interrupted: does not return if the machine is being stopped. */
void smp_stop_if_asked(const struct pt_regs *regs);
void secondary_main(void) __attribute__((noreturn));
extern u64 secondary_cr3;
extern unsigned long secondary_stack, secondary_gs_base;
/* A free page below 1 MiB, where a CPU in real mode can start; 0: there is none. */
u64 trampoline_page(void);

/* Let arch_order_interrupt() do so. Once there are interrupt controllers. */
void clock_start_interrupts(void);
/* TSC against the PIT, and the CMOS clock. Before the first use of arch_clock_ns(). */
void clock_init(void);
/*
 * How far another CPU's TSC is from this one's: both call at the same time, interrupts off, and the other
 * corrects its own from then on.
 */
void clock_sync_boot_cpu(void);
void clock_sync_secondary(void);

#endif
