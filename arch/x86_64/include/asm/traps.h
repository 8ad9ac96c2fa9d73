/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: their numbers (SDM vol. 3A table 6-1, with Linux's names), and the way down for
 * kernel ones.
 */
#ifndef ASM_TRAPS_H
#define ASM_TRAPS_H

#include "lib/compiler.h"
#include "lib/types.h"

#define X86_TRAP_DE 0   /* divide error */
#define X86_TRAP_DB 1   /* debug */
#define X86_TRAP_NMI 2
#define X86_TRAP_BP 3   /* breakpoint */
#define X86_TRAP_OF 4   /* overflow */
#define X86_TRAP_BR 5   /* bound range exceeded */
#define X86_TRAP_UD 6   /* invalid opcode */
#define X86_TRAP_NM 7   /* device not available */
#define X86_TRAP_DF 8   /* double fault */
#define X86_TRAP_TS 10  /* invalid TSS */
#define X86_TRAP_NP 11  /* segment not present */
#define X86_TRAP_SS 12  /* stack segment fault */
#define X86_TRAP_GP 13  /* general protection */
#define X86_TRAP_PF 14  /* page fault */
#define X86_TRAP_MF 16  /* x87 error */
#define X86_TRAP_AC 17  /* alignment check */
#define X86_TRAP_MC 18  /* machine check */
#define X86_TRAP_XF 19  /* SIMD error */
#define X86_TRAP_CP 21  /* control protection */
#define NR_EXCEPTIONS 32

struct pt_regs;

/* An exception's name in words. */
const char *trap_name(unsigned int vector);

/*
 * The kernel cannot go on from here: reports cause, registers, code bytes, table walk (for a page
 * fault: @addr), backtrace and current task; then ends the task, or panics if there is none to end
 * (interrupt context, idle task, init, spinlock held). @what is the cause in words, @err the error
 * code. A fault during the report is itself reported, shortly, and panics.
 */
void die(const char *what, struct pt_regs *regs, long err, unsigned long addr) __noreturn;

/* Registers and where they point to, in the log. */
void show_regs(const struct pt_regs *regs);
/*
 * Return addresses along the chain of frame pointers from @bp, with names. Touches kernel stacks
 * only.
 */
void show_backtrace(unsigned long bp);

#endif
