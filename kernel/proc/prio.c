/* SPDX-License-Identifier: MIT */
/*
 * Niceness and scheduling policies. All tasks take turns; niceness says how long a turn is, and so does
 * SCHED_IDLE. Nobody can have a real-time policy: EPERM, as for who lacks the privilege.
 */
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/page.h>
#include <asm/uaccess.h>

#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2

#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_BATCH 3
#define SCHED_IDLE 5
#define SCHED_DEADLINE 6
#define SCHED_RESET_ON_FORK 0x40000000

#define NICE_MIN (-20)
#define NICE_MAX 19

/* --- whom a call means --- */

/* Is @task one of those that @which and @who name? tasklist_lock held. */
static bool named(const struct task_struct *task, int which, int who)
{
	const struct signal_struct *me = current->signal;

	if (which == PRIO_PROCESS)
		return who ? task->pid == who : task == current;
	if (!task->signal)
		return false;
	if (which == PRIO_PGRP)
		return task->signal->pgrp == (who ? who : me->pgrp);
	return task->signal->uid.real == (who ? (uid_t)who : me->uid.real);
}

bool may_schedule(const struct task_struct *task)
{
	uid_t me = current->signal->uid.effective;

	return capable(CAP_SYS_NICE) || (task->signal && (task->signal->uid.effective == me ||
							  task->signal->uid.real == me));
}

static bool has_nice_limit(int nice)
{
	return (unsigned long)(20 - nice) <= rlimit(RLIMIT_NICE);
}

/* May current have something be of that niceness? Only for less is a privilege needed. */
static bool can_nice(const struct task_struct *task, int nice)
{
	return nice >= task->nice || has_nice_limit(nice) || capable(CAP_SYS_NICE);
}

/* tasklist_lock held. */
static void set_nice(struct task_struct *task, int nice, int policy)
{
	task->nice = (s8)nice;
	task->policy = (u8)policy;
	/* Half as long again for each five steps down, a tick for the nicest. */
	WRITE_ONCE(task->slice_ticks, policy == SCHED_IDLE ? 1 : SLICE_TICKS - nice / 4);
}

void sched_reset(struct task_struct *task)
{
	set_nice(task, max((int)task->nice, 0), task->policy);
}

/* --- getpriority, setpriority --- */

long sys_getpriority(int which, int who)
{
	struct task_struct *t;
	long best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(t, &task_list, tasks)
		if (named(t, which, who))
			best = max(best, 20L - t->nice);
	spin_unlock_irq(&tasklist_lock);
	return best;
}

static long renice(struct task_struct *task, int nice)
{
	if (!may_schedule(task))
		return -EPERM;
	if (!can_nice(task, nice))
		return -EACCES;
	set_nice(task, nice, task->policy);
	return 0;
}

long sys_setpriority(int which, int who, int nice)
{
	struct task_struct *t;
	long ret = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = clamp(nice, NICE_MIN, NICE_MAX);
	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(t, &task_list, tasks) {
		long err;

		if (!named(t, which, who))
			continue;
		err = renice(t, nice);
		if (err || ret == -ESRCH)
			ret = err;
	}
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

/* --- policies --- */

/* Is there such a policy, with that priority? 0, -EINVAL, or -EPERM for those nobody can have. */
static long check_policy(int policy, unsigned int priority)
{
	switch (policy) {
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return priority ? -EINVAL : 0;
	case SCHED_FIFO:
	case SCHED_RR:
		return priority < 1 || priority > 99 ? -EINVAL : -EPERM;
	default:
		return -EINVAL;
	}
}

/* How somebody is to run; for sched_setscheduler(2) and its kin. */
struct schedule {
	int policy; /* KEEP_POLICY: as before */
	unsigned int priority;
	bool reset_on_fork;
	const int *nice; /* NULL: it stays */
};

#define KEEP_POLICY (-1)

/* Who leaves SCHED_IDLE has more of the CPU, as with less niceness. */
static bool may_set_policy(const struct task_struct *task, const struct schedule *wanted)
{
	if (capable(CAP_SYS_NICE))
		return true;
	return may_schedule(task) && (!wanted->nice || can_nice(task, *wanted->nice)) &&
	       (task->policy != SCHED_IDLE || wanted->policy == SCHED_IDLE ||
		has_nice_limit(task->nice)) &&
	       (!task->reset_on_fork || wanted->reset_on_fork);
}

/* tasklist_lock held. */
static long set_policy(struct task_struct *task, struct schedule *wanted)
{
	long ret;

	if (wanted->policy == KEEP_POLICY) {
		wanted->policy = task->policy;
		wanted->reset_on_fork = task->reset_on_fork;
	}
	ret = check_policy(wanted->policy, wanted->priority);
	if (ret)
		return ret;
	if (!may_set_policy(task, wanted))
		return -EPERM;
	set_nice(task, wanted->nice ? *wanted->nice : task->nice, wanted->policy);
	task->reset_on_fork = wanted->reset_on_fork;
	return 0;
}

static long set_policy_of(pid_t pid, struct schedule *wanted)
{
	struct task_struct *task = get_thread(pid);
	long ret;

	if (!task)
		return -ESRCH;
	spin_lock_irq(&tasklist_lock);
	ret = set_policy(task, wanted);
	spin_unlock_irq(&tasklist_lock);
	put_task_struct(task);
	return ret;
}

long sys_sched_setscheduler(pid_t pid, int policy, const int __user *param)
{
	struct schedule wanted = { .policy = policy & ~SCHED_RESET_ON_FORK,
				   .reset_on_fork = policy & SCHED_RESET_ON_FORK };

	if (pid < 0 || policy < 0 || !param)
		return -EINVAL;
	if (get_user(wanted.priority, param))
		return -EFAULT;
	return set_policy_of(pid, &wanted);
}

/* -errno, or the policy. */
static long policy_of(pid_t pid)
{
	struct task_struct *task;
	long policy;

	if (pid < 0)
		return -EINVAL;
	task = get_thread(pid);
	if (!task)
		return -ESRCH;
	policy = task->policy | (task->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	put_task_struct(task);
	return policy;
}

long sys_sched_getscheduler(pid_t pid)
{
	return policy_of(pid);
}

long sys_sched_getparam(pid_t pid, int __user *param)
{
	long policy = param ? policy_of(pid) : -EINVAL;

	if (policy < 0)
		return policy;
	return put_user(0, param) ? -EFAULT : 0;
}

long sys_sched_setparam(pid_t pid, const int __user *param)
{
	struct schedule wanted = { .policy = KEEP_POLICY };

	if (pid < 0 || !param)
		return -EINVAL;
	if (get_user(wanted.priority, param))
		return -EFAULT;
	return set_policy_of(pid, &wanted);
}

long sys_sched_get_priority_max(int policy)
{
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return 99;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE ||
			       policy == SCHED_DEADLINE ?
		       0 :
		       -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	long most = sys_sched_get_priority_max(policy);

	return most > 0 ? 1 : most;
}

long sys_sched_rr_get_interval(pid_t pid, struct timespec __user *uts)
{
	struct timespec ts = { 0, 0 };
	struct task_struct *task;

	if (pid < 0)
		return -EINVAL;
	task = get_thread(pid);
	if (!task)
		return -ESRCH;
	ts.tv_nsec = (s64)((u64)READ_ONCE(task->slice_ticks) * TICK_NSEC);
	put_task_struct(task);
	return copy_to_user(uts, &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* struct sched_attr of linux/sched/types.h; the first version ends before the last two fields. */
struct sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
	u32 util_min, util_max;
};

#define SCHED_ATTR_SIZE_VER0 48u
#define SCHED_FLAG_RESET_ON_FORK 1u

long sys_sched_getattr(pid_t pid, struct sched_attr __user *uattr, unsigned int size,
		       unsigned int flags)
{
	struct sched_attr attr = { .size = min(size, (unsigned int)sizeof(attr)) };
	struct task_struct *task;

	if (!uattr || pid < 0 || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE || flags)
		return -EINVAL;
	task = get_thread(pid);
	if (!task)
		return -ESRCH;
	attr.policy = task->policy;
	attr.nice = task->nice;
	attr.flags = task->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	put_task_struct(task);
	return copy_to_user(uattr, &attr, attr.size) ? -EFAULT : 0;
}

long sys_sched_setattr(pid_t pid, const struct sched_attr __user *uattr, unsigned int flags)
{
	struct schedule wanted;
	struct sched_attr attr;
	u32 size;
	int nice;

	if (!uattr || pid < 0 || flags)
		return -EINVAL;
	if (get_user(size, &uattr->size))
		return -EFAULT;
	/* Who asks for more than there is, or less than there ever was, is told how much that is. */
	if (size && (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE))
		return put_user((u32)sizeof(attr), (u32 *)&uattr->size) ? -EFAULT : -E2BIG;
	if (copy_from_user(&attr, uattr, SCHED_ATTR_SIZE_VER0))
		return -EFAULT;
	if ((int)attr.policy < 0 || attr.flags & ~(u64)SCHED_FLAG_RESET_ON_FORK)
		return -EINVAL;
	nice = clamp(attr.nice, NICE_MIN, NICE_MAX);
	wanted = (struct schedule){ .policy = (int)attr.policy,
				    .priority = attr.priority,
				    .reset_on_fork = attr.flags & SCHED_FLAG_RESET_ON_FORK,
				    .nice = attr.policy == SCHED_IDLE ? NULL : &nice };
	return set_policy_of(pid, &wanted);
}

/* --- priorities of input and output: kept and told, the disk serves all alike --- */

#define IOPRIO_CLASS(ioprio) ((ioprio) >> 13 & 7)
#define IOPRIO_LEVEL(ioprio) ((ioprio)&7)
#define IOPRIO_CLASS_NONE 0
#define IOPRIO_CLASS_RT 1
#define IOPRIO_CLASS_IDLE 3

static long check_ioprio(int ioprio)
{
	int class = IOPRIO_CLASS(ioprio);

	if (class == IOPRIO_CLASS_RT && !capable(CAP_SYS_NICE))
		return -EPERM;
	return class > IOPRIO_CLASS_IDLE ||
			       (class == IOPRIO_CLASS_NONE && IOPRIO_LEVEL(ioprio)) ?
		       -EINVAL :
		       0;
}

/* ioprio_set(2) counts its kinds from 1. */
long sys_ioprio_set(int which, int who, int ioprio)
{
	long ret = check_ioprio(ioprio);
	struct task_struct *t;

	if (ret)
		return ret;
	if (which < PRIO_PROCESS + 1 || which > PRIO_USER + 1)
		return -EINVAL;
	ret = -ESRCH;
	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(t, &task_list, tasks) {
		if (!named(t, which - 1, who))
			continue;
		if (!may_schedule(t)) {
			ret = -EPERM;
			break;
		}
		t->ioprio = (u16)ioprio;
		ret = 0;
	}
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

/* Of several the best: the least number of those that say something. */
long sys_ioprio_get(int which, int who)
{
	struct task_struct *t;
	long best = -ESRCH;

	if (which < PRIO_PROCESS + 1 || which > PRIO_USER + 1)
		return -EINVAL;
	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(t, &task_list, tasks)
		if (named(t, which - 1, who) && (best <= 0 || (t->ioprio && t->ioprio < best)))
			best = t->ioprio;
	spin_unlock_irq(&tasklist_lock);
	return best;
}
