/* SPDX-License-Identifier: MIT */
/* The words outside slabs that may be pointers. */
#include <asm/roots.h>

#include "arch/x86_64/cpu/cpu.h"
#include "kernel/core/task.h"
#include <asm/current.h>

extern char _sdata[], __per_cpu_start[], __per_cpu_end[];

static void words(void (*fn)(const unsigned long *from, const unsigned long *to), const void *from,
		  const void *to)
{
	fn((const unsigned long *)(((unsigned long)from + 7) & ~7UL),
	   (const unsigned long *)((unsigned long)to & ~7UL));
}

void for_each_root(void (*fn)(const unsigned long *from, const unsigned long *to))
{
	const struct task_struct *task;

	words(fn, _sdata, __per_cpu_start);
	words(fn, __per_cpu_end, boot_stack_guard); /* the boot stacks are the end of the image */
	list_for_each_entry(task, &task_list, tasks)
		words(fn, task == current ? __builtin_frame_address(0) : (const void *)task->sp,
		      (const void *)task->stack_top);
}
