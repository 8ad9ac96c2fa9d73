/* SPDX-License-Identifier: MIT */
/* System calls from registers to C and back, and the last things done before user mode. */

#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "mm/space/mm.h"
#include <asm/irqflags.h>

static __always_inline long make_call(const struct pt_regs *regs, unsigned long nr)
{
	return sys_call_table[nr](regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9);
}

/* With the recorder on: a call about memory is told as it ends. */
static noinline long make_recorded_call(const struct pt_regs *regs, unsigned long nr)
{
	const u64 args[] = { regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9 };
	long ret = make_call(regs, nr);

	trace_call((u32)nr, current->mm->number, args, (u64)ret);
	return ret;
}

long do_syscall_64(struct pt_regs *regs, unsigned long nr)
{
	long ret;

	if (unlikely(nr >= NR_syscalls))
		return -ENOSYS;
	if (tracing() && sys_call_is_about_memory[nr])
		ret = make_recorded_call(regs, nr);
	else
		ret = make_call(regs, nr);
	lock_check_return("a system call");
	return ret;
}

void exit_to_user_mode(struct pt_regs *regs)
{
	u32 work;

	while ((work = current->thread_flags) & (TIF_NEED_RESCHED | TIF_SIGPENDING)) {
		local_irq_enable();
		if (work & TIF_NEED_RESCHED)
			schedule();
		if (work & TIF_SIGPENDING)
			do_signal(regs);
		local_irq_disable();
	}
}
