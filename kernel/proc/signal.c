/* SPDX-License-Identifier: MIT */
/*
 * Sending signals: into which pending set, whether at all, whom to wake; and taking them off again.
 */
#include "kernel/proc/signal.h"

#include "kernel/core/panic.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/proc/timers.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/current.h>

static struct kmem_cache *sighand_cache;

void signal_init(void)
{
	sigqueue_init();
	sighand_cache = kmem_cache_create("sighand_struct", sizeof(struct sighand_struct), 0);
}

/* --- actions --- */

struct sighand_struct *sighand_alloc(void)
{
	struct sighand_struct *sighand = kmem_cache_alloc(sighand_cache, GFP_KERNEL | __GFP_ZERO);

	if (sighand) {
		atomic_set(&sighand->count, 1);
		spin_lock_init(&sighand->lock, "sighand->lock");
	}
	return sighand;
}

struct sighand_struct *sighand_dup(struct sighand_struct *old)
{
	struct sighand_struct *sighand = kmem_cache_alloc(sighand_cache, GFP_KERNEL);
	unsigned long flags;

	if (!sighand)
		return NULL;
	atomic_set(&sighand->count, 1);
	spin_lock_init(&sighand->lock, "sighand->lock");
	spin_lock_irqsave(&old->lock, flags);
	memcpy(sighand->action, old->action, sizeof(old->action));
	spin_unlock_irqrestore(&old->lock, flags);
	return sighand;
}

void sighand_put(struct sighand_struct *sighand)
{
	if (atomic_dec_and_test(&sighand->count))
		kmem_cache_free(sighand_cache, sighand);
}

void flush_signal_handlers(struct sighand_struct *sighand)
{
	int i;

	for (i = 0; i < NSIG; i++) {
		struct k_sigaction *ka = &sighand->action[i];

		if (ka->handler | ka->flags | ka->restorer | (unsigned long)ka->mask)
			*ka = (struct k_sigaction){ .handler = ka->handler == SIG_IGN ? SIG_IGN :
											SIG_DFL };
	}
}

static unsigned long handler_of(const struct task_struct *task, int sig)
{
	return task->sighand->action[sig - 1].handler;
}

/* Would it be thrown away on delivery? A blocked one is kept: its action may change meanwhile. */
static bool sig_ignored(const struct task_struct *task, int sig, bool forced)
{
	unsigned long handler = handler_of(task, sig);

	if ((task->blocked | task->real_blocked) & sigmask(sig))
		return false;
	if (handler == SIG_DFL && task->signal->flags & SIGNAL_UNKILLABLE && !forced)
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && sigmask(sig) & SIG_IGNORED_SET);
}

/* Does it end the process, if it is delivered to @task? */
static bool sig_fatal(const struct task_struct *task, int sig)
{
	return !(sigmask(sig) & (SIG_IGNORED_SET | SIG_STOP_SET)) &&
	       !(task->real_blocked & sigmask(sig)) && handler_of(task, sig) == SIG_DFL &&
	       !(task->signal->flags & SIGNAL_UNKILLABLE);
}

/* --- waking --- */

static void recalc_sigpending_of(struct task_struct *task)
{
	if ((task->pending_mask | task->signal->shared.mask) & ~task->blocked ||
	    task->jobctl & JOBCTL_STOP_PENDING ||
	    task->signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED))
		set_thread_flag(task, TIF_SIGPENDING);
	else if (task == current)
		clear_thread_flag(task, TIF_SIGPENDING);
}

void recalc_sigpending(void)
{
	recalc_sigpending_of(current);
}

void signal_wake_up(struct task_struct *task, bool fatal)
{
	set_thread_flag(task, TIF_SIGPENDING);
	if (!wake_up_state(task, TASK_INTERRUPTIBLE | (fatal ? TASK_WAKEKILL | TASK_STOPPED : 0)))
		kick_process(task);
	else if ((unsigned int)READ_ONCE(task->cpu) == smp_processor_id())
		/* It runs first: a shell that kills a job is to know at its next prompt. */
		set_thread_flag(current, TIF_NEED_RESCHED);
}

/* --- sending --- */

/*
 * What a signal does by being sent, whatever its handler: SIGCONT wakes the stopped and cancels
 * stop signals, these cancel SIGCONT. False: it is not to be delivered.
 */
static bool prepare_signal(int sig, struct task_struct *task, bool forced)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *t;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return sig == SIGKILL;
	if (sigmask(sig) & SIG_STOP_SET) {
		remove_from_all(sigmask(SIGCONT), signal);
	} else if (sig == SIGCONT) {
		bool stopping = signal->group_stop_count;
		bool stopped = signal->flags & SIGNAL_STOP_STOPPED;

		remove_from_all(SIG_STOP_SET, signal);
		for_each_thread(signal, t) {
			t->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME);
			wake_up_state(t, TASK_STOPPED);
		}
		signal->group_stop_count = 0;
		signal->stop_code = 0;
		if (stopping || stopped) {
			signal->flags &= ~SIGNAL_STOP_STOPPED;
			/*
			 * The first of the threads to come this way out of the kernel tells the
			 * parent.
			 */
			signal->flags |= SIGNAL_STOP_CONTINUED |
					 (stopped ? SIGNAL_CLD_CONTINUED : SIGNAL_CLD_STOPPED);
		}
	}
	return !sig_ignored(task, sig, forced);
}

static bool wants_signal(int sig, const struct task_struct *t)
{
	/* Who stands still for a core may still be killed, and the core with it. */
	if (t->blocked & sigmask(sig) || (t->flags & (PF_EXITING | PF_IN_CORE)) == PF_EXITING)
		return false;
	if (sig == SIGKILL)
		return true;
	return !(t->state & TASK_STOPPED) && (t == current || !signal_pending(t));
}

/* The whole process dies with @sig: every thread finds a SIGKILL. */
static void kill_group(struct signal_struct *signal, int sig)
{
	struct task_struct *t;

	signal->flags = (signal->flags & SIGNAL_UNKILLABLE) | SIGNAL_GROUP_EXIT;
	signal->group_exit_code = sig;
	signal->group_stop_count = 0;
	for_each_thread(signal, t) {
		t->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME);
		t->pending_mask |= sigmask(SIGKILL);
		signal_wake_up(t, true);
	}
}

/*
 * Find a thread that takes the pending signal at once, and wake it. Nobody: it waits for an
 * unblock.
 */
static void complete_signal(int sig, struct task_struct *task, bool group)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *t = task, *other;

	if (!wants_signal(sig, task)) {
		t = NULL;
		if (group)
			for_each_thread(signal, other)
				if (wants_signal(sig, other)) {
					t = other;
					break;
				}
		if (!t)
			return;
	}
	/* For a core the thread has to see the signal itself; while it is written it can be ended. */
	if (sig_fatal(t, sig) && !(sigmask(sig) & SIG_CORE_SET) &&
	    (!(signal->flags & SIGNAL_GROUP_EXIT) || signal->core)) {
		kill_group(signal, sig);
		return;
	}
	signal_wake_up(t, sig == SIGKILL);
}

/* sighand->lock held. @info NULL: from the kernel. */
static int __send_signal(int sig, const struct siginfo *info, struct task_struct *task, bool group)
{
	struct signal_struct *signal = task->signal;
	u64 *mask = group ? &signal->shared.mask : &task->pending_mask;
	struct list_head *list = group ? &signal->shared.list : &task->pending_list;
	struct siginfo from_kernel;
	bool forced = !group && info && info->si_code > 0;

	if (!prepare_signal(sig, task, forced))
		return 0;
	if (sig < SIGRTMIN && *mask & sigmask(sig))
		return 0;
	/* SIGKILL needs no siginfo, and must not fail. */
	if (sig != SIGKILL) {
		struct sigqueue *q;

		if (!info) {
			from_kernel = (struct siginfo){ .si_signo = sig, .si_code = SI_KERNEL };
			info = &from_kernel;
		}
		q = alloc_sigqueue(signal, sig < SIGRTMIN && info->si_code >= 0);
		if (q) {
			q->info = *info;
			list_add_tail(&q->list, list);
		} else if (sig >= SIGRTMIN && info->si_code != SI_USER) {
			return -EAGAIN;
		}
	}
	*mask |= sigmask(sig);
	complete_signal(sig, task, group);
	return 0;
}

bool send_sigqueue(struct sigqueue *q, struct task_struct *task, bool group)
{
	struct signal_struct *signal = task->signal;
	int sig = q->info.si_signo;

	if (!list_empty(&q->list)) {
		q->info.timer.overrun++;
		return true;
	}
	q->info.timer.overrun = 0;
	if (!prepare_signal(sig, task, false))
		return false;
	list_add_tail(&q->list, group ? &signal->shared.list : &task->pending_list);
	*(group ? &signal->shared.mask : &task->pending_mask) |= sigmask(sig);
	complete_signal(sig, task, group);
	return true;
}

int send_sig_info(int sig, const struct siginfo *info, struct task_struct *task, bool group)
{
	struct sighand_struct *sighand = task->sighand;
	unsigned long flags;
	int ret;

	if (!sighand)
		return -ESRCH;
	spin_lock_irqsave(&sighand->lock, flags);
	ret = __send_signal(sig, info, task, group);
	spin_unlock_irqrestore(&sighand->lock, flags);
	return ret;
}

int send_own_signal(int sig, struct task_struct *task, bool group)
{
	struct siginfo info = {
		.si_signo = sig,
		.si_code = SI_USER,
		.rt.pid = current->tgid,
		.rt.uid = current->signal->uid.real,
	};

	return send_sig_info(sig, &info, task, group);
}

void send_sig_self(int sig)
{
	send_own_signal(sig, current, false);
}

void send_sig_kill(struct task_struct *task)
{
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	if (task->sighand) {
		spin_lock(&task->sighand->lock);
		if (!(task->signal->flags & SIGNAL_GROUP_EXIT) || task->signal->core)
			kill_group(task->signal, SIGKILL);
		spin_unlock(&task->sighand->lock);
	}
	spin_unlock_irqrestore(&tasklist_lock, flags);
}

void signal_pgrp(pid_t pgrp, int sig)
{
	struct task_struct *t;
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	list_for_each_entry(t, &task_list, tasks)
		if (t->group_leader == t && t->signal && t->signal->pgrp == pgrp)
			send_sig_info(sig, NULL, t, true);
	spin_unlock_irqrestore(&tasklist_lock, flags);
}

static void force_sig_info(const struct siginfo *info)
{
	struct task_struct *task = current;
	int sig = info->si_signo;
	struct k_sigaction *ka;
	unsigned long flags;

	if (WARN_ON(!task->sighand))
		return;
	spin_lock_irqsave(&task->sighand->lock, flags);
	ka = &task->sighand->action[sig - 1];
	if (ka->handler == SIG_IGN || task->blocked & sigmask(sig)) {
		ka->handler = SIG_DFL;
		task->blocked &= ~sigmask(sig);
	}
	/* Not even init survives an instruction that cannot be executed. */
	if (ka->handler == SIG_DFL)
		task->signal->flags &= ~SIGNAL_UNKILLABLE;
	__send_signal(sig, info, task, false);
	recalc_sigpending();
	spin_unlock_irqrestore(&task->sighand->lock, flags);
}

void force_sig_fault(int sig, int code, void __user *addr)
{
	struct siginfo info = { .si_signo = sig,
				.si_code = code,
				.fault.addr = (unsigned long)addr };

	force_sig_info(&info);
}

void force_sig(int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };

	force_sig_info(&info);
}

/* --- taking off --- */

static int next_signal(u64 set)
{
	if (set & SIG_SYNCHRONOUS_SET)
		set &= SIG_SYNCHRONOUS_SET;
	return set ? __builtin_ctzll(set) + 1 : 0;
}

int dequeue_signal(u64 mask, struct siginfo *info)
{
	struct task_struct *task = current;
	struct sigpending *shared = &task->signal->shared;
	int sig = next_signal(task->pending_mask & ~mask);

	if (sig) {
		take_signal(sig, &task->pending_mask, &task->pending_list, info);
	} else {
		sig = next_signal(shared->mask & ~mask);
		if (sig)
			take_signal(sig, &shared->mask, &shared->list, info);
		if (sig == SIGALRM)
			real_timer_delivered(task->signal);
	}
	recalc_sigpending();
	return sig;
}

int zap_other_threads(struct task_struct *task)
{
	struct task_struct *t;
	int count = 0;

	task->signal->group_stop_count = 0;
	for_each_thread(task->signal, t) {
		t->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME);
		if (t == task)
			continue;
		if (t->state & (TASK_ZOMBIE | TASK_DEAD))
			continue;
		count += !(t->flags & PF_EXITING);
		t->pending_mask |= sigmask(SIGKILL);
		signal_wake_up(t, true);
	}
	return count;
}

/* --- masks --- */

void set_current_blocked(u64 mask)
{
	struct task_struct *task = current;
	struct task_struct *t;
	u64 fresh;

	mask &= ~SIG_UNBLOCKABLE_SET;
	if (mask == task->blocked)
		return;
	spin_lock_irq(&task->sighand->lock);
	/* Shared signals that we were going to take and now block: another thread may want them. */
	fresh = mask & ~task->blocked & task->signal->shared.mask;
	task->blocked = mask;
	if (fresh && signal_pending(task))
		for_each_thread(task->signal, t)
			if (t != task && !(t->flags & PF_EXITING) && fresh & ~t->blocked &&
			    !signal_pending(t))
				signal_wake_up(t, false);
	recalc_sigpending();
	spin_unlock_irq(&task->sighand->lock);
}

bool exit_signals(struct task_struct *task, int code)
{
	struct signal_struct *signal = task->signal;
	bool stopped = false, last;
	struct task_struct *t;

	spin_lock_irq(&task->sighand->lock);
	task->flags |= PF_EXITING | (signal->core ? PF_IN_CORE : 0);
	if (!(signal->flags & SIGNAL_GROUP_EXIT) && signal->nr_threads > 1) {
		for_each_thread(signal, t)
			if (t != task && !(t->flags & PF_EXITING) &&
			    signal->shared.mask & ~t->blocked)
				signal_wake_up(t, false);
		stopped = task->jobctl & JOBCTL_STOP_PENDING && leave_group_stop(task);
	}
	last = atomic_dec_and_test(&signal->live);
	if (last && !(signal->flags & SIGNAL_GROUP_EXIT)) {
		signal->flags |= SIGNAL_GROUP_EXIT;
		signal->group_exit_code = code;
		signal->group_stop_count = 0;
	}
	spin_unlock_irq(&task->sighand->lock);
	if (stopped) {
		spin_lock_irq(&tasklist_lock);
		do_notify_parent_cldstop(task->group_leader, CLD_STOPPED);
		spin_unlock_irq(&tasklist_lock);
	}
	return last;
}
