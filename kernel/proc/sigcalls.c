/* SPDX-License-Identifier: MIT */
/* System calls about signals: actions, masks, waiting for one, sending one, alternate stacks. */
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/sigframe.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/switch.h>
#include <asm/uaccess.h>

/* --- actions and masks --- */

long sys_rt_sigaction(int sig, const struct k_sigaction __user *act,
		      struct k_sigaction __user *oldact, size_t size)
{
	struct task_struct *task = current;
	struct k_sigaction new, old, *ka;
	struct task_struct *t;

	if (size != sizeof(u64))
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (sig < 1 || sig > NSIG || (act && sigmask(sig) & SIG_UNBLOCKABLE_SET))
		return -EINVAL;
	spin_lock_irq(&task->sighand->lock);
	ka = &task->sighand->action[sig - 1];
	old = *ka;
	if (act) {
		new.mask &= ~SIG_UNBLOCKABLE_SET;
		new.flags &= SA_KNOWN; /* what a program asks for is read back if it is there */
		*ka = new;
		/* POSIX: what is ignored from now on is not pending any more, blocked or not. */
		if (new.handler == SIG_IGN ||
		    (new.handler == SIG_DFL &&sigmask(sig) & SIG_IGNORED_SET)) {
			struct signal_struct *signal = task->signal;

			discard_signal(sig, &signal->shared.mask, &signal->shared.list);
			for_each_thread(signal, t)
				discard_signal(sig, &t->pending_mask, &t->pending_list);
		}
	}
	spin_unlock_irq(&task->sighand->lock);
	return oldact && copy_to_user(oldact, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(int how, const u64 __user *set, u64 __user *oldset, size_t size)
{
	u64 mask, old = current->blocked;

	if (size != sizeof(u64))
		return -EINVAL;
	if (set) {
		if (get_user(mask, set))
			return -EFAULT;
		if (how == 0) /* SIG_BLOCK */
			mask = old | mask;
		else if (how == 1) /* SIG_UNBLOCK */
			mask = old & ~mask;
		else if (how != 2) /* SIG_SETMASK */
			return -EINVAL;
		set_current_blocked(mask);
	}
	return oldset && copy_to_user(oldset, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_rt_sigpending(u64 __user *set, size_t size)
{
	struct task_struct *task = current;
	u64 mask;

	if (size > sizeof(u64))
		return -EINVAL;
	spin_lock_irq(&task->sighand->lock);
	mask = (task->pending_mask | task->signal->shared.mask) & task->blocked;
	spin_unlock_irq(&task->sighand->lock);
	return copy_to_user(set, &mask, size) ? -EFAULT : 0;
}

int set_user_sigmask(const u64 __user *umask, size_t sigsetsize)
{
	u64 mask;

	if (!umask)
		return 0;
	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (get_user(mask, umask))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	current->restore_sigmask = true;
	set_current_blocked(mask);
	return 0;
}

void restore_saved_sigmask_unless(bool interrupted)
{
	if (interrupted || !current->restore_sigmask)
		return;
	current->restore_sigmask = false;
	set_current_blocked(current->saved_sigmask);
}

/* --- waiting --- */

long sys_pause(void)
{
	while (!signal_pending(current)) {
		current->state = TASK_INTERRUPTIBLE;
		schedule();
	}
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(const u64 __user *set, size_t size)
{
	u64 mask;

	if (size != sizeof(u64))
		return -EINVAL;
	if (get_user(mask, set))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	current->restore_sigmask = true;
	set_current_blocked(mask);
	return sys_pause();
}

/* Padded. 0 or -EFAULT. */
static int copy_siginfo_to_user(void __user *to, const struct siginfo *info)
{
	u8 padded[SI_MAX_SIZE] = { 0 };

	memcpy(padded, info, sizeof(*info));
	return copy_to_user(to, padded, sizeof(padded)) ? -EFAULT : 0;
}

long sys_rt_sigtimedwait(const u64 __user *uset, void __user *uinfo,
			 const struct timespec __user *uts, size_t size)
{
	struct task_struct *task = current;
	struct siginfo info;
	u64 set, timeout = ~0ULL;
	int sig;

	if (size != sizeof(u64))
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	if (uts) {
		long ret = get_timespec_ns(&timeout, uts);

		if (ret)
			return ret;
	}
	set &= ~SIG_UNBLOCKABLE_SET;
	spin_lock_irq(&task->sighand->lock);
	sig = dequeue_signal(~set, &info);
	if (!sig && timeout) {
		/* Let them wake us, without letting them act: see real_blocked. */
		task->real_blocked = task->blocked;
		task->blocked &= ~set;
		recalc_sigpending();
		WRITE_ONCE(task->state, TASK_INTERRUPTIBLE);
		spin_unlock_irq(&task->sighand->lock);
		timeout = schedule_timeout(timeout);
		spin_lock_irq(&task->sighand->lock);
		task->blocked = task->real_blocked;
		task->real_blocked = 0;
		sig = dequeue_signal(~set, &info);
	}
	spin_unlock_irq(&task->sighand->lock);
	if (!sig)
		return timeout ? -EINTR : -EAGAIN;
	return uinfo && copy_siginfo_to_user(uinfo, &info) ? -EFAULT : sig;
}

long sys_restart_syscall(void)
{
	struct task_struct *task = current;

	return task->restart_fn ? task->restart_fn(task->restart_args) : -EINTR;
}

/* --- sending --- */

/* May current signal @task (kill(2)'s rule)? */
static bool may_signal(const struct task_struct *task, int sig)
{
	const struct signal_struct *me = current->signal, *to = task->signal;

	if (!to) /* the kernel's own, which is root's */
		return capable(CAP_KILL) || !me->uid.effective || !me->uid.real;
	return capable(CAP_KILL) || me->uid.effective == to->uid.real ||
	       me->uid.effective == to->uid.saved || me->uid.real == to->uid.real ||
	       me->uid.real == to->uid.saved || (sig == SIGCONT && me->session == to->session);
}

/* tasklist_lock held. Signal 0 only asks, and threads of the kernel ignore all. */
static long signal_one(int sig, const struct siginfo *info, struct task_struct *task, bool group)
{
	if (!task || (!task->sighand && !(task->flags & PF_KTHREAD)))
		return -ESRCH;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	if (!may_signal(task, sig))
		return -EPERM;
	return sig && task->sighand ? send_sig_info(sig, info, task, group) : 0;
}

/* To a process group: success if one could be signalled, else the last one's error. */
static long signal_group(int sig, const struct siginfo *info, pid_t pgrp)
{
	struct task_struct *t;
	long ret = -ESRCH;

	list_for_each_entry(t, &task_list, tasks) {
		long err;

		if (t->group_leader != t || !t->signal || t->signal->pgrp != pgrp)
			continue;
		err = signal_one(sig, info, t, true);
		if (ret)
			ret = err;
	}
	return ret;
}

/* To everybody else but init: who may not be signalled is passed over, as on Linux. */
static long signal_all(int sig, const struct siginfo *info)
{
	struct task_struct *t;
	bool any = false;
	long ret = 0;

	list_for_each_entry(t, &task_list, tasks) {
		long err;

		if (t->group_leader != t || t == init_task || t->signal == current->signal)
			continue;
		any = true;
		err = signal_one(sig, info, t, true);
		if (err != -EPERM)
			ret = err;
	}
	return any ? ret : -ESRCH;
}

long sys_kill(pid_t pid, int sig)
{
	struct siginfo info = {
		.si_signo = sig,
		.si_code = SI_USER,
		.rt.pid = current->tgid,
		.rt.uid = current->signal->uid.real,
	};
	long ret;

	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	spin_lock_irq(&tasklist_lock);
	if (pid > 0)
		ret = signal_one(sig, &info, find_task_by_pid(pid), true);
	else if (pid == -1)
		ret = signal_all(sig, &info);
	else
		ret = signal_group(sig, &info, pid ? -pid : task_pgrp(current));
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

/* @tgid 0: any. */
static long signal_thread(pid_t tgid, pid_t pid, int sig, const struct siginfo *info)
{
	struct task_struct *task;
	long ret = -ESRCH;

	spin_lock_irq(&tasklist_lock);
	task = find_task_by_pid(pid);
	if (task && (!tgid || task->tgid == tgid))
		ret = signal_one(sig, info, task, false);
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

long sys_tgkill(pid_t tgid, pid_t pid, int sig)
{
	struct siginfo info = {
		.si_signo = sig,
		.si_code = SI_TKILL,
		.rt.pid = current->tgid,
		.rt.uid = current->signal->uid.real,
	};

	return tgid <= 0 || pid <= 0 ? -EINVAL : signal_thread(tgid, pid, sig, &info);
}

long sys_tkill(pid_t pid, int sig)
{
	struct siginfo info = {
		.si_signo = sig,
		.si_code = SI_TKILL,
		.rt.pid = current->tgid,
		.rt.uid = current->signal->uid.real,
	};

	return pid <= 0 ? -EINVAL : signal_thread(0, pid, sig, &info);
}

/* Is it known what else a siginfo with that code holds? */
static bool is_known_code(int sig, int code)
{
	/* The last si_code of those that have their own; 6 of SIGIO are for all others. */
	static const u8 last_code[SIGSYS + 1] = {
		[SIGILL] = 11, [SIGTRAP] = 6, [SIGBUS] = 5, [SIGFPE] = 15,
		[SIGSEGV] = 9, [SIGCHLD] = 6, [SIGIO] = 6,  [SIGSYS] = 2,
	};
	int last = sig > 0 && sig <= SIGSYS && last_code[sig] ? last_code[sig] : 6;

	return code > 0 ? code == SI_KERNEL || code <= last :
			  code >= SI_DETHREAD || code == SI_ASYNCNL;
}

/* 0, -EFAULT; -E2BIG: there is something in a place that nothing is known of. */
static long copy_siginfo_from_user(struct siginfo *info, const void __user *uinfo, int sig)
{
	u8 all[SI_MAX_SIZE];

	if (copy_from_user(all, uinfo, sizeof(all)))
		return -EFAULT;
	memcpy(info, all, sizeof(*info));
	for (size_t i = sizeof(*info); i < sizeof(all); i++)
		if (all[i] && !is_known_code(sig, info->si_code))
			return -E2BIG;
	return 0;
}

/*
 * A siginfo that user space made. It may not claim to come from the kernel or from kill(2), but to
 * oneself: @pid, the number it is sent to, is the caller's.
 */
static long get_user_siginfo(struct siginfo *info, const void __user *uinfo, int sig, pid_t pid)
{
	long err = copy_siginfo_from_user(info, uinfo, sig);

	if (err)
		return err;
	info->si_signo = sig;
	return (info->si_code >= 0 || info->si_code == SI_TKILL) && pid != current->pid ? -EPERM :
											    0;
}

long sys_rt_sigqueueinfo(pid_t pid, int sig, const void __user *uinfo)
{
	struct siginfo info;
	long ret = get_user_siginfo(&info, uinfo, sig, pid);

	if (ret)
		return ret;
	spin_lock_irq(&tasklist_lock);
	ret = signal_one(sig, &info, find_task_by_pid(pid), true);
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t pid, int sig, const void __user *uinfo)
{
	struct siginfo info;
	long ret = get_user_siginfo(&info, uinfo, sig, pid);

	if (ret != -EFAULT && ret != -E2BIG && (tgid <= 0 || pid <= 0))
		ret = -EINVAL;
	return ret ? ret : signal_thread(tgid, pid, sig, &info);
}

long signal_process(struct signal_struct *signal, int sig, const void __user *uinfo)
{
	struct siginfo info = {
		.si_signo = sig,
		.si_code = SI_USER,
		.rt.pid = current->tgid,
		.rt.uid = current->signal->uid.real,
	};
	long ret = uinfo ? copy_siginfo_from_user(&info, uinfo, sig) : 0;

	if (ret)
		return ret;
	if (info.si_signo != sig)
		return -EINVAL;
	if (uinfo && signal != current->signal &&
	    (info.si_code >= 0 || info.si_code == SI_TKILL))
		return -EPERM;
	spin_lock_irq(&tasklist_lock);
	ret = signal->nr_threads ? signal_one(sig, &info, signal->owner, true) : -ESRCH;
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

/* --- alternate stack --- */

long sys_sigaltstack(const struct user_stack __user *uss, struct user_stack __user *uoss)
{
	struct task_struct *task = current;
	struct user_stack old = { task->sas_sp, task->sas_flags & SS_AUTODISARM, 0,
				  task->sas_size };
	struct user_stack new;
	unsigned long sp = current_pt_regs()->sp;
	bool on_stack = sp > task->sas_sp && sp - task->sas_sp <= task->sas_size &&
			!(task->sas_flags & SS_AUTODISARM);

	if (!task->sas_size)
		old.flags |= SS_DISABLE;
	else if (on_stack)
		old.flags |= SS_ONSTACK;
	if (uss) {
		int mode;

		if (copy_from_user(&new, uss, sizeof(new)))
			return -EFAULT;
		if (on_stack)
			return -EPERM;
		mode = new.flags & ~SS_AUTODISARM;
		if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
			return -EINVAL;
		if (mode == SS_DISABLE)
			new.sp = new.size = 0;
		else if (new.size < MINSIGSTKSZ)
			return -ENOMEM;
		task->sas_sp = new.sp;
		task->sas_size = new.size;
		task->sas_flags = new.flags;
	}
	return uoss && copy_to_user(uoss, &old, sizeof(old)) ? -EFAULT : 0;
}
