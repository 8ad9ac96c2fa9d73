/* SPDX-License-Identifier: MIT */
/* What others may know of a process: sums over its threads, identities, its map. */
#include "kernel/proc/caps.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/process.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

void add_usage(struct usage *sum, const struct usage *part)
{
	sum->utime_ns += part->utime_ns;
	sum->stime_ns += part->stime_ns;
	sum->exec_ns += part->exec_ns;
	sum->min_flt += part->min_flt;
	sum->maj_flt += part->maj_flt;
	sum->nvcsw += part->nvcsw;
	sum->nivcsw += part->nivcsw;
	sum->maxrss = max(sum->maxrss, part->maxrss);
}

struct usage task_usage(struct task_struct *task)
{
	return (struct usage){
		.utime_ns = task->utime_ns,
		.stime_ns = task->stime_ns,
		.exec_ns = task_exec_ns(task),
		.min_flt = task->min_flt,
		.maj_flt = task->maj_flt,
		.nvcsw = task->nvcsw,
		.nivcsw = task->nivcsw,
	};
}

unsigned long mm_maxrss(const struct mm_struct *mm)
{
	return max(mm_rss(mm), mm->hiwater_rss);
}

struct usage process_usage(struct task_struct *leader)
{
	struct usage sum = leader->signal->dead;
	struct task_struct *t;

	for_each_thread(leader->signal, t) {
		struct usage part = task_usage(t);

		add_usage(&sum, &part);
	}
	return sum;
}

u64 process_exec_ns(struct task_struct *leader)
{
	u64 ns;

	spin_lock_irq(&tasklist_lock);
	ns = process_usage(leader).exec_ns;
	spin_unlock_irq(&tasklist_lock);
	return ns;
}

/*
 * struct rusage of getrusage(2): two times, then fourteen longs, most of which Linux leaves 0 too.
 */
struct rusage {
	s64 utime_sec, utime_usec, stime_sec, stime_usec;
	long maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
		nsignals, nvcsw, nivcsw;
};

int put_rusage(struct rusage __user *to, const struct usage *usage)
{
	struct rusage r = {
		.utime_sec = (s64)(usage->utime_ns / NSEC_PER_SEC),
		.utime_usec = (s64)(usage->utime_ns % NSEC_PER_SEC / 1000),
		.stime_sec = (s64)(usage->stime_ns / NSEC_PER_SEC),
		.stime_usec = (s64)(usage->stime_ns % NSEC_PER_SEC / 1000),
		.maxrss = (long)(usage->maxrss * (PAGE_SIZE / 1024)),
		.minflt = (long)usage->min_flt,
		.majflt = (long)usage->maj_flt,
		.nvcsw = (long)usage->nvcsw,
		.nivcsw = (long)usage->nivcsw,
	};

	return copy_to_user(to, &r, sizeof(r)) ? -EFAULT : 0;
}

struct mm_struct *get_task_mm(struct task_struct *task)
{
	struct mm_struct *mm;

	task_lock(task);
	mm = task->mm;
	if (mm)
		mmget(mm);
	task_unlock(task);
	return mm;
}

struct task_struct *find_get_next_process(pid_t pid)
{
	struct task_struct *t, *best = NULL;

	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(t, &task_list, tasks)
		if (t->group_leader == t && t->pid >= pid && (!best || t->pid < best->pid))
			best = t;
	if (best)
		get_task_struct(best);
	spin_unlock_irq(&tasklist_lock);
	return best;
}

struct task_struct *find_get_next_thread(struct task_struct *task, pid_t pid)
{
	struct task_struct *t, *best = NULL;

	spin_lock_irq(&tasklist_lock);
	if (task->signal && task->sighand) /* else it was released: its list is another's */
		for_each_thread(task->signal, t)
			if (t->pid >= pid && (!best || t->pid < best->pid))
				best = t;
	if (best)
		get_task_struct(best);
	spin_unlock_irq(&tasklist_lock);
	return best;
}

static void get_caps(struct process_ids *ids, const struct signal_struct *signal)
{
	ids->cap_inheritable = signal->caps.inheritable;
	ids->cap_permitted = signal->caps.permitted;
	ids->cap_effective = signal->caps.effective;
	ids->cap_bounding = signal->caps.bounding;
	ids->cap_ambient = signal->caps.ambient;
	ids->no_new_privs = signal->no_new_privs;
}

void get_process_ids(struct task_struct *task, struct process_ids *ids)
{
	*ids = (struct process_ids){ .threads = 1, .dumpable = 1 };
	spin_lock_irq(&tasklist_lock);
	/* One that was released meanwhile does not keep its family alive. */
	if (task->sighand && task->group_leader->real_parent)
		ids->ppid = task->group_leader->real_parent->tgid;
	if (task->signal) {
		ids->pgrp = task->signal->pgrp;
		ids->session = task->signal->session;
		ids->threads = task->signal->nr_threads;
		ids->tty_nr = task->signal->tty_nr;
		memcpy(&ids->uid, &task->signal->uid, sizeof(ids->uid));
		memcpy(&ids->gid, &task->signal->gid, sizeof(ids->gid));
		ids->dumpable = task->signal->dumpable;
		get_caps(ids, task->signal);
	}
	spin_unlock_irq(&tasklist_lock);
}

void get_process_times(struct task_struct *task, struct process_times *times)
{
	struct usage own, children = { 0 };

	spin_lock_irq(&tasklist_lock);
	if (task->signal) {
		own = process_usage(task);
		children = task->signal->children;
	} else {
		own = task_usage(task);
	}
	spin_unlock_irq(&tasklist_lock);
	*times = (struct process_times){
		.min_flt = own.min_flt,
		.cmin_flt = children.min_flt,
		.maj_flt = own.maj_flt,
		.cmaj_flt = children.maj_flt,
		.utime_ns = own.utime_ns,
		.stime_ns = own.stime_ns,
		.cutime_ns = children.utime_ns,
		.cstime_ns = children.stime_ns,
	};
}

void get_process_signals(struct task_struct *task, struct process_signals *signals)
{
	*signals = (struct process_signals){ 0 };
	spin_lock_irq(&tasklist_lock);
	if (task->sighand && task->signal) {
		spin_lock(&task->sighand->lock);
		signals->pending = task->pending_mask;
		signals->shared = task->signal->shared.mask;
		signals->blocked = task->blocked;
		signals->queued = sigqueue_count(task->signal->uid.real);
		for (int i = 0; i < NSIG; i++) {
			unsigned long handler = task->sighand->action[i].handler;

			if (handler == SIG_IGN)
				signals->ignored |= 1ULL << i;
			else if (handler != SIG_DFL)
				signals->caught |= 1ULL << i;
		}
		spin_unlock(&task->sighand->lock);
	}
	spin_unlock_irq(&tasklist_lock);
}

bool get_process_limits(struct task_struct *task, struct rlimit *limits)
{
	bool there;

	spin_lock_irq(&tasklist_lock);
	there = task->signal;
	if (there)
		memcpy(limits, task->signal->rlim, sizeof(task->signal->rlim));
	spin_unlock_irq(&tasklist_lock);
	return there;
}

int set_oom_score_adj(struct task_struct *task, int adj)
{
	bool may_lower = capable(CAP_SYS_RESOURCE);
	struct task_struct *t;
	int err = 0;

	spin_lock_irq(&tasklist_lock);
	if (task->signal && adj < task->signal->oom_score_adj_min && !may_lower) {
		err = -EACCES;
	} else {
		task->oom_score_adj = adj;
		if (task->signal && task->sighand)
			for_each_thread(task->signal, t)
				t->oom_score_adj = adj;
		if (task->signal && may_lower)
			task->signal->oom_score_adj_min = adj;
	}
	spin_unlock_irq(&tasklist_lock);
	return err;
}
