/* SPDX-License-Identifier: MIT */
/*
 * Signals on the way to user mode: default actions, stops, and the decision for a handler or a
 * restart. What a handler finds on its stack is kernel/proc/sigframe.c.
 */
#include "kernel/core/panic.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/proc/sigframe.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include <asm/ptrace.h>

/* --- stopping --- */

bool leave_group_stop(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	bool counted = task->jobctl & JOBCTL_STOP_CONSUME;

	task->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME);
	if (!counted || signal->group_stop_count == 0 || --signal->group_stop_count > 0)
		return false;
	signal->flags = (signal->flags & SIGNAL_UNKILLABLE) | SIGNAL_STOP_STOPPED;
	return true;
}

static void begin_group_stop(int sig)
{
	struct signal_struct *signal = current->signal;
	struct task_struct *t;

	signal->stop_code = sig;
	signal->group_stop_count = 0;
	for_each_thread(signal, t) {
		if (t->flags & PF_EXITING || t->state & TASK_STOPPED)
			continue;
		t->jobctl |= JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME;
		signal->group_stop_count++;
		if (t != current)
			signal_wake_up(t, false);
	}
}

/*
 * Group stop: take part in (or, with @sig, begin) it; false: it was called off. sighand->lock held,
 * released and retaken.
 */
static bool do_signal_stop(int sig)
{
	struct task_struct *task = current;
	spinlock_t *lock = &task->sighand->lock;
	bool last;

	if (sig) {
		if (task->signal->flags & SIGNAL_GROUP_EXIT || task->signal->group_exec_task)
			return false;
		begin_group_stop(sig);
	}
	last = leave_group_stop(task);
	WRITE_ONCE(task->state, TASK_STOPPED);
	spin_unlock_irq(lock);
	if (last) {
		spin_lock_irq(&tasklist_lock);
		do_notify_parent_cldstop(task->group_leader, CLD_STOPPED);
		spin_unlock_irq(&tasklist_lock);
	}
	schedule();
	spin_lock_irq(lock);
	return true;
}

/*
 * The group was continued: one thread tells the parent. sighand->lock held, released and retaken.
 */
static void report_continued(void)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;
	int code = signal->flags & SIGNAL_CLD_CONTINUED ? CLD_CONTINUED : CLD_STOPPED;

	signal->flags &= ~(SIGNAL_CLD_CONTINUED | SIGNAL_CLD_STOPPED);
	spin_unlock_irq(&task->sighand->lock);
	spin_lock_irq(&tasklist_lock);
	do_notify_parent_cldstop(task->group_leader, code);
	spin_unlock_irq(&tasklist_lock);
	spin_lock_irq(&task->sighand->lock);
}

/* --- choosing --- */

static bool stop_for(int sig)
{
	struct task_struct *task = current;

	if (sig != SIGSTOP) {
		bool orphaned;

		spin_unlock_irq(&task->sighand->lock);
		orphaned = current_pgrp_orphaned();
		spin_lock_irq(&task->sighand->lock);
		/* SIGCONT or SIGKILL may have come while the lock was open. */
		if (orphaned || task->signal->shared.mask & sigmask(SIGCONT) ||
		    task->pending_mask & sigmask(SIGKILL))
			return false;
	}
	return do_signal_stop(sig);
}

/* @info: of the signal, if a core of it is wanted. */
static void __noreturn die_of(int sig, const struct siginfo *info)
{
	spin_unlock_irq(&current->sighand->lock);
	if (info && sigmask(sig) & SIG_CORE_SET)
		do_coredump(info);
	do_group_exit(sig);
}

/*
 * The next signal that has a handler, with its action and siginfo. False: none is left. Ends the
 * process when that is what the default action says.
 */
static bool get_signal(struct ksignal *ksig)
{
	struct task_struct *task = current;
	struct signal_struct *signal = task->signal;
	bool found = false;

	spin_lock_irq(&task->sighand->lock);
	if (signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED))
		report_continued();
	for (;;) {
		struct k_sigaction *ka;
		int sig;

		if (signal->flags & SIGNAL_GROUP_EXIT)
			die_of(signal->group_exit_code, NULL);
		if (signal->group_exec_task && signal->group_exec_task != task)
			die_of(SIGKILL, NULL);
		if (task->jobctl & JOBCTL_STOP_PENDING) {
			do_signal_stop(0);
			if (signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED))
				report_continued();
			continue;
		}
		sig = dequeue_signal(task->blocked, &ksig->info);
		if (!sig)
			break;
		ka = &task->sighand->action[sig - 1];
		if (ka->handler == SIG_IGN)
			continue;
		if (ka->handler != SIG_DFL) {
			ksig->sig = sig;
			ksig->ka = *ka;
			if (ka->flags & SA_RESETHAND)
				ka->handler = SIG_DFL;
			found = true;
			break;
		}
		if (sigmask(sig) & SIG_IGNORED_SET || signal->flags & SIGNAL_UNKILLABLE)
			continue;
		if (sigmask(sig) & SIG_STOP_SET) {
			stop_for(sig);
			if (signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED))
				report_continued();
			continue;
		}
		die_of(sig, &ksig->info);
	}
	recalc_sigpending();
	spin_unlock_irq(&task->sighand->lock);
	return found;
}

/* --- acting --- */

static void restart_call(struct pt_regs *regs)
{
	regs->ax = regs->orig_ax;
	regs->ip -= 2; /* length of SYSCALL */
}

static void handle_signal(struct ksignal *ksig, struct pt_regs *regs)
{
	struct task_struct *task = current;
	u64 mask;

	if ((long)regs->orig_ax >= 0) {
		switch ((long)regs->ax) {
		case -ERESTARTSYS:
			if (ksig->ka.flags & SA_RESTART)
				restart_call(regs);
			else
				regs->ax = (unsigned long)-EINTR;
			break;
		case -ERESTARTNOINTR:
			restart_call(regs);
			break;
		case -ERESTARTNOHAND:
		case -ERESTART_RESTARTBLOCK:
			regs->ax = (unsigned long)-EINTR;
		}
	}
	if (setup_rt_frame(ksig, regs) < 0) {
		/*
		 * Nowhere to put the frame. If SIGSEGV's own handler is the one that cannot run, it
		 * kills.
		 */
		if (ksig->sig == SIGSEGV) {
			spin_lock_irq(&task->sighand->lock);
			task->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
			spin_unlock_irq(&task->sighand->lock);
		}
		force_sig(SIGSEGV);
		return;
	}
	task->restore_sigmask = false;
	mask = task->blocked | ksig->ka.mask;
	if (!(ksig->ka.flags & SA_NODEFER))
		mask |= sigmask(ksig->sig);
	set_current_blocked(mask);
}

void do_signal(struct pt_regs *regs)
{
	struct task_struct *task = current;
	struct ksignal ksig;

	if (!task->sighand) {
		clear_thread_flag(task, TIF_SIGPENDING);
		return;
	}
	if (get_signal(&ksig)) {
		handle_signal(&ksig, regs);
		return;
	}
	if ((long)regs->orig_ax >= 0) {
		switch ((long)regs->ax) {
		case -ERESTARTSYS:
		case -ERESTARTNOINTR:
		case -ERESTARTNOHAND:
			restart_call(regs);
			break;
		case -ERESTART_RESTARTBLOCK:
			regs->ax = NR_restart_syscall;
			regs->ip -= 2;
		}
		/* Once is enough, should another signal come before user mode is reached. */
		regs->orig_ax = (unsigned long)-1;
	}
	if (task->restore_sigmask) {
		task->restore_sigmask = false;
		set_current_blocked(task->saved_sigmask);
	}
}
