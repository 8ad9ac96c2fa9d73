/* SPDX-License-Identifier: MIT */
/* C sides of the stubs of entry.asm and syscall.asm: called by assembly only. */
#ifndef ARCH_ENTRY_EXCEPTIONS_H
#define ARCH_ENTRY_EXCEPTIONS_H

#include <asm/ptrace.h>

#define DECLARE_EXC(name) void exc_##name(struct pt_regs *regs, unsigned long error_code)
DECLARE_EXC(divide_error);
DECLARE_EXC(debug);
DECLARE_EXC(int3);
DECLARE_EXC(overflow);
DECLARE_EXC(bounds);
DECLARE_EXC(invalid_op);
DECLARE_EXC(device_not_available);
DECLARE_EXC(invalid_tss);
DECLARE_EXC(segment_not_present);
DECLARE_EXC(stack_segment);
DECLARE_EXC(general_protection);
DECLARE_EXC(coprocessor_error);
DECLARE_EXC(alignment_check);
DECLARE_EXC(simd_coprocessor_error);
DECLARE_EXC(control_protection);
DECLARE_EXC(spurious_interrupt_bug);
DECLARE_EXC(nmi);
DECLARE_EXC(double_fault);
DECLARE_EXC(machine_check);
#undef DECLARE_EXC

/* @address is CR2. Interrupts off on entry and exit. */
void exc_page_fault(struct pt_regs *regs, unsigned long error_code, unsigned long address);

/*
 * IRETQ raised #GP, #NP or #SS on a user frame that a signal handler made up: returns the registers
 * of user mode, at the top of the stack, as if the exception had hit there.
 */
struct pt_regs *fixup_bad_iret(struct pt_regs *regs);

/*
 * Reschedule and deliver signals until there is nothing left to do before user mode. Interrupts
 * off.
 */
void exit_to_user_mode(struct pt_regs *regs);
/* Its result goes to regs->ax. Interrupts on. */
long do_syscall_64(struct pt_regs *regs, unsigned long nr);
void do_IRQ(struct pt_regs *regs);

/* The report without the consequences. @walk: @addr is worth a walk of the page tables. */
void oops_report(const char *what, const struct pt_regs *regs, long err, unsigned long addr, bool walk);

/* Report of a fault before idt_init(), from boot/start.asm. */
struct early_frame;
void early_exception(const struct early_frame *frame, unsigned long cr2) __attribute__((noreturn));

#endif
