/* SPDX-License-Identifier: MIT */
/* Resource limits, what was used, and how busy the machine is. */
#include "kernel/core/load.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/space/mm.h"
#include "mm/stats.h"
#include <asm/uaccess.h>

#define RUSAGE_SELF 0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD 1

/* --- limits --- */

unsigned long memlock_limit(void)
{
	return capable(CAP_IPC_LOCK) ? ~0UL : rlimit(RLIMIT_MEMLOCK);
}

/* mm has its own copy of those it looks at (see struct mm_struct). */
static void mirror_limit(struct task_struct *leader, unsigned int which, unsigned long cur)
{
	task_lock(leader);
	if (leader->mm) {
		if (which == RLIMIT_STACK)
			leader->mm->rlim_stack = cur;
		else if (which == RLIMIT_AS)
			leader->mm->rlim_as = cur;
		else if (which == RLIMIT_DATA)
			leader->mm->rlim_data = cur;
		else if (which == RLIMIT_MEMLOCK)
			leader->mm->rlim_memlock =
				has_capability(leader->signal, CAP_IPC_LOCK) ? ~0UL : cur;
	}
	task_unlock(leader);
}

/* tasklist_lock held. */
static long do_prlimit(struct task_struct *task, unsigned int which, const struct rlimit *new,
		       struct rlimit *old)
{
	struct rlimit *limit;

	if (which >= RLIM_NLIMITS || (new && new->rlim_cur > new->rlim_max))
		return -EINVAL;
	if (new && which == RLIMIT_NOFILE && new->rlim_max > (unsigned long)READ_ONCE(nr_open))
		return -EPERM;
	limit = &task->signal->rlim[which];
	if (new && new->rlim_max > limit->rlim_max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	*old = *limit;
	if (new) {
		*limit = *new;
		if (which == RLIMIT_CPU && new->rlim_cur != RLIM_INFINITY)
			watch_cpu_time(task->signal);
		mirror_limit(task->group_leader, which, new->rlim_cur);
		if (task->signal == current->signal && current != task->group_leader)
			mirror_limit(current, which, new->rlim_cur);
	}
	return 0;
}

/* Another process's limits are for the same user, in all that it is, and CAP_SYS_RESOURCE (prlimit(2)). */
static bool may_prlimit(const struct signal_struct *to)
{
	const struct signal_struct *me = current->signal;

	if (me == to || capable(CAP_SYS_RESOURCE))
		return true;
	return me->uid.real == to->uid.real && me->uid.real == to->uid.effective &&
	       me->uid.real == to->uid.saved && me->gid.real == to->gid.real &&
	       me->gid.real == to->gid.effective && me->gid.real == to->gid.saved;
}

long sys_prlimit64(pid_t pid, unsigned int which, const struct rlimit __user *unew,
		   struct rlimit __user *uold)
{
	struct rlimit new, old = { 0 };
	struct task_struct *task;
	long ret = -ESRCH;

	if (unew && copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	spin_lock_irq(&tasklist_lock);
	task = pid ? find_task_by_pid(pid) : current;
	if (task && task->signal)
		ret = may_prlimit(task->signal) ?
			      do_prlimit(task, which, unew ? &new : NULL, &old) :
			      -EPERM;
	spin_unlock_irq(&tasklist_lock);
	return !ret && uold && copy_to_user(uold, &old, sizeof(old)) ? -EFAULT : ret;
}

long sys_getrlimit(unsigned int which, struct rlimit __user *uold)
{
	long ret = sys_prlimit64(0, which, NULL, uold);

	return ret || uold ? ret : -EFAULT;
}

long sys_setrlimit(unsigned int which, const struct rlimit __user *unew)
{
	return unew ? sys_prlimit64(0, which, unew, NULL) : -EFAULT;
}

/* --- usage --- */

long sys_getrusage(int who, struct rusage __user *uusage)
{
	struct task_struct *task = current;
	struct usage usage;

	spin_lock_irq(&tasklist_lock);
	if (who == RUSAGE_CHILDREN)
		usage = task->signal->children;
	else
		usage = who == RUSAGE_THREAD ? task_usage(task) : process_usage(task);
	spin_unlock_irq(&tasklist_lock);
	if (who == RUSAGE_SELF || who == RUSAGE_THREAD)
		usage.maxrss = max(usage.maxrss, mm_maxrss(task->mm));
	else if (who != RUSAGE_CHILDREN)
		return -EINVAL;
	return put_rusage(uusage, &usage);
}

/* struct sysinfo of sysinfo(2). */
struct sysinfo {
	long uptime;
	unsigned long loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	unsigned long totalhigh, freehigh;
	u32 mem_unit;
};

/* It wants 16 binary digits after the point. */
static unsigned long sysinfo_load(int i)
{
	return READ_ONCE(load_averages[i]) << (16 - LOAD_SHIFT);
}

long sys_sysinfo(struct sysinfo __user *uinfo)
{
	struct sysinfo info = {
		.uptime = (long)DIV_ROUND_UP(ktime_get_ns(), NSEC_PER_SEC),
		.loads = { sysinfo_load(0), sysinfo_load(1), sysinfo_load(2) },
		.totalram = totalram_pages() << PAGE_SHIFT,
		.freeram = nr_free_pages() << PAGE_SHIFT,
		.sharedram = node_stat(N_nr_shmem) << PAGE_SHIFT,
		.totalswap = total_swap_pages() << PAGE_SHIFT,
		.freeswap = nr_swap_pages() << PAGE_SHIFT,
		.procs = (u16)READ_ONCE(nr_tasks),
		.mem_unit = 1,
	};

	BUILD_BUG_ON(sizeof(info) != 112);
	return copy_to_user(uinfo, &info, sizeof(info)) ? -EFAULT : 0;
}

/* --- CPUs --- */

long sys_sched_yield(void)
{
	yield();
	return 0;
}

struct task_struct *get_thread(pid_t pid)
{
	if (pid)
		return find_get_task(pid);
	get_task_struct(current);
	return current;
}

long sys_sched_getaffinity(pid_t pid, unsigned int size, unsigned long __user *umask)
{
	struct task_struct *task;
	unsigned long mask;

	if (size < sizeof(mask) || size & (sizeof(mask) - 1))
		return -EINVAL;
	task = get_thread(pid);
	if (!task)
		return -ESRCH;
	mask = READ_ONCE(task->cpus_allowed) & CPU_MASK_ALL;
	put_task_struct(task);
	return copy_to_user(umask, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

long sys_sched_setaffinity(pid_t pid, unsigned int size, const unsigned long __user *umask)
{
	struct task_struct *task;
	unsigned long mask = 0;
	long ret = 0;

	if (copy_from_user(&mask, umask, min((size_t)size, sizeof(mask))))
		return -EFAULT;
	task = get_thread(pid);
	if (!task)
		return -ESRCH;
	mask &= CPU_MASK_ALL;
	if (task->flags & PF_NO_SETAFFINITY)
		ret = -EINVAL;
	else if (!may_schedule(task))
		ret = -EPERM;
	else if (!mask)
		ret = -EINVAL;
	else
		set_cpus_allowed(task, mask);
	put_task_struct(task);
	return ret;
}

long sys_getcpu(unsigned int __user *cpu, unsigned int __user *node)
{
	if (cpu && put_user(smp_processor_id(), cpu))
		return -EFAULT;
	return node && put_user(0u, node) ? -EFAULT : 0;
}
