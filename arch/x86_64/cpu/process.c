/* SPDX-License-Identifier: MIT */
/*
 * The machine's part of a task: FPU state, segment bases, first stack frame, and the switch itself.
 */

#include "arch/x86_64/cpu/cpu.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/vmalloc.h"
#include <asm/fpu.h>
#include <asm/msr.h>
#include <asm/switch.h>

/* What __switch_to() pops, from the lowest address up. */
struct switch_frame {
	unsigned long r15, r14, r13, r12, bx, bp, ret;
};

extern void __switch_to(unsigned long *prev_sp, unsigned long next_sp);
extern char ret_from_fork[];

void switch_to(struct task_struct *prev, struct task_struct *next)
{
	if (prev->fpu)
		fpu_save(prev->fpu);
	if (next->fpu) {
		fpu_restore(next->fpu);
		wrmsr(MSR_FS_BASE, next->fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, next->gs_base); /* SWAPGS brings it in */
	}
	set_kernel_stack(next->stack_top);
	this_cpu_write(current_task, next);
	__switch_to(&prev->sp, next->sp);
}

static struct switch_frame *first_frame(struct task_struct *task, const struct pt_regs *regs)
{
	struct pt_regs *user = task_pt_regs(task);
	struct switch_frame *frame = (struct switch_frame *)user - 1;

	if (regs)
		*user = *regs;
	else
		memset(user, 0, sizeof(*user));
	*frame = (struct switch_frame){ .ret = (unsigned long)ret_from_fork };
	task->sp = (unsigned long)frame;
	return frame;
}

void arch_prepare_fork(struct task_struct *task, const struct pt_regs *regs, unsigned long user_sp)
{
	first_frame(task, regs);
	if (task->fpu && current->fpu)
		fpu_save(task->fpu);
	task_pt_regs(task)->ax = 0;
	if (user_sp)
		task_pt_regs(task)->sp = user_sp;
}

void arch_prepare_kthread(struct task_struct *task, void (*fn)(void *arg), void *arg)
{
	struct switch_frame *frame = first_frame(task, NULL);

	frame->bx = (unsigned long)fn;
	frame->r12 = (unsigned long)arg;
}

/* Is that a frame on the stack of @task: the caller's frame pointer, then the return address? */
static bool is_frame(const struct task_struct *task, unsigned long bp)
{
	return !(bp & 7) && bp - (unsigned long)task->stack <= THREAD_SIZE - 16;
}

unsigned int backtrace_from(const struct task_struct *task, unsigned long bp, unsigned long *addrs,
			    unsigned int max)
{
	unsigned int n = 0;

	while (n < max && task->stack && is_frame(task, bp)) {
		const unsigned long *frame = (const unsigned long *)bp;

		addrs[n++] = frame[1];
		if (frame[0] <= bp)
			break;
		bp = frame[0];
	}
	return n;
}

unsigned int task_backtrace(const struct task_struct *task, unsigned long *addrs, unsigned int max)
{
	return backtrace_from(task, task->sp + offsetof(struct switch_frame, bp), addrs, max);
}

void load_user_fs_base(unsigned long base)
{
	current->fs_base = base;
	wrmsr(MSR_FS_BASE, base);
}

void load_user_gs_base(unsigned long base)
{
	current->gs_base = base;
	wrmsr(MSR_KERNEL_GS_BASE, base);
}

void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp)
{
	*regs = (struct pt_regs){
		.orig_ax = -1UL,
		.ip = ip,
		.cs = __USER_CS,
		.flags = X86_EFLAGS_IF | X86_EFLAGS_FIXED,
		.sp = sp,
		.ss = __USER_DS,
	};
	fpu_reset();
	load_user_fs_base(0);
	load_user_gs_base(0);
}

void arch_adopt_boot_task(struct task_struct *task)
{
	set_kernel_stack(task->stack_top);
	this_cpu_write(current_task, task);
}

void *arch_boot_stack(void)
{
	BUILD_BUG_ON(BOOT_STACK_SIZE != THREAD_SIZE);
	return boot_stack;
}
