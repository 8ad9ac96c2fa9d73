/* SPDX-License-Identifier: MIT */
/* The running task: one load from per-CPU data. */
#ifndef ASM_CURRENT_H
#define ASM_CURRENT_H

#include <asm/percpu.h>

struct task_struct;

/* Written by switch_to() alone (and once at boot). */
DECLARE_PER_CPU(struct task_struct *, current_task);

/*
 * Not volatile and without a memory operand: the compiler may reuse the value, for it is the same
 * whenever this task runs, on whatever CPU.
 */
static __always_inline struct task_struct *get_current(void)
{
	struct task_struct *task;

	__asm__("movq %%gs:%P1, %0" : "=r"(task) : "p"(&current_task));
	return task;
}

#define current get_current()

#endif
