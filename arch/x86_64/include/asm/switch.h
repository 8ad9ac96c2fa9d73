/* SPDX-License-Identifier: MIT */
/*
 * Changing from one kernel stack to another, and the first stack frame of a new task.
 *
 * Stack of a task, from stack_top down: struct pt_regs of its way into the kernel (user tasks), and,
 * while it does not run, what __switch_to() pushed; sp points there.
 */
#ifndef ASM_SWITCH_H
#define ASM_SWITCH_H

#include "kernel/core/task.h"
#include <asm/current.h>
#include <asm/ptrace.h>

/* Where the registers of the user context of @task lie while it is in the kernel. */
static inline struct pt_regs *task_pt_regs(const struct task_struct *task)
{
	return (struct pt_regs *)task->stack_top - 1;
}
#define current_pt_regs() task_pt_regs(current)

/*
 * Run @next instead of @prev on this CPU: FPU state, FS and GS base, kernel stack, `current`. Returns
 * when @prev is switched to again, possibly on another CPU. Interrupts off; page tables are switched
 * by the caller (switch_mm_irqs_off) before.
 */
void switch_to(struct task_struct *prev, struct task_struct *next);

/*
 * Give a new task its first frame. stack and stack_top are set; writes sp.
 * fork: the task starts in user mode with a copy of @regs, rax 0, and @user_sp unless that is 0; if
 * task->fpu is set, it gets current's FPU state. fs_base and gs_base are the caller's.
 * kthread: the task calls fn(arg). When fn returns (after kernel_execve() filled in task_pt_regs()) it
 * goes to user mode; a pure kernel thread never returns from fn. Both first call schedule_tail().
 */
void arch_prepare_fork(struct task_struct *task, const struct pt_regs *regs, unsigned long user_sp);
void arch_prepare_kthread(struct task_struct *task, void (*fn)(void *arg), void *arg);

/*
 * Return addresses on the stack of @task, which does not run, from where it left the CPU outwards: @max at most, into
 * @addrs. Returns how many. Reads that stack alone, which must not be freed meanwhile.
 */
unsigned int task_backtrace(const struct task_struct *task, unsigned long *addrs, unsigned int max);
/* The same from the frame at @bp on, of a task that ran when its CPU was stopped. */
unsigned int backtrace_from(const struct task_struct *task, unsigned long bp, unsigned long *addrs,
			    unsigned int max);

/*
 * exec: registers for the first user instruction (@regs is current_pt_regs()); everything else is zero,
 * FPU state as the ABI says, FS and GS base 0.
 */
void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp);

/* Load current's changed fs_base or gs_base into the CPU (arch_prctl). */
void load_user_fs_base(unsigned long base);
void load_user_gs_base(unsigned long base);

/* The context in which a CPU begins becomes @task, its idle task, whose stack it runs on: sets current. */
void arch_adopt_boot_task(struct task_struct *task);
/* The stack of THREAD_SIZE bytes that kmain() runs on. */
void *arch_boot_stack(void);

#endif
