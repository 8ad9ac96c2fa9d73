/* SPDX-License-Identifier: MIT */
/*
 * The registers of an interrupted context, in the order in which the entry code pushes them (Linux's
 * order, so that it is also that of struct user_regs up to names).
 */
#ifndef ASM_PTRACE_H
#define ASM_PTRACE_H

#include "lib/types.h"
#include <asm/irqflags.h>
#include <asm/segment.h>

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax; /* system call number; -1 or a vector for everything else */
	unsigned long ip, cs, flags, sp, ss;
};

/* EFLAGS (SDM vol. 1 3.4.3). */
#define X86_EFLAGS_CF (1UL << 0)
#define X86_EFLAGS_FIXED (1UL << 1)
#define X86_EFLAGS_TF (1UL << 8)
#define X86_EFLAGS_DF (1UL << 10)
#define X86_EFLAGS_OF (1UL << 11)
#define X86_EFLAGS_IOPL (3UL << 12)
#define X86_EFLAGS_NT (1UL << 14)
#define X86_EFLAGS_RF (1UL << 16)
#define X86_EFLAGS_AC (1UL << 18)
/* What a program may set for itself: CF PF AF ZF SF TF DF OF RF AC. */
#define X86_EFLAGS_USER_SETTABLE 0x50dd5UL

static inline bool user_mode(const struct pt_regs *regs)
{
	return (regs->cs & 3) == 3;
}

static inline bool regs_irqs_disabled(const struct pt_regs *regs)
{
	return irqs_disabled_flags(regs->flags);
}

#endif
