/* SPDX-License-Identifier: MIT */
/*
 * Robust futexes: locks that say so when their owner dies (linux/futex.h, struct robust_list_head). The
 * list of those that a thread holds is in its own memory.
 */
#include "kernel/proc/pid.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include <asm/uaccess.h>

#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

#define ROBUST_LIST_LIMIT 2048

struct robust_head {
	unsigned long list;    /* first entry, or the head's own address */
	long offset;           /* from an entry to its futex word */
	unsigned long pending; /* being locked or unlocked just now */
};

long sys_set_robust_list(unsigned long head, size_t len)
{
	if (len != sizeof(struct robust_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

long sys_get_robust_list(pid_t pid, unsigned long __user *head, size_t __user *len)
{
	struct task_struct *task;
	unsigned long addr = current->robust_list;
	bool may;

	if (pid) {
		task = find_get_task(pid);
		if (!task)
			return -ESRCH;
		addr = task->robust_list;
		may = ptrace_may_access(task, true);
		put_task_struct(task);
		if (!may)
			return -EPERM;
	}
	return put_user(sizeof(struct robust_head), len) || put_user(addr, head) ? -EFAULT : 0;
}

static int mark_owner_died(u32 __user *addr, pid_t pid, bool pending)
{
	u32 value, found;

	if ((unsigned long)addr & 3 || get_user(value, addr))
		return -EFAULT;
	/* Unlocked already, but died before it could wake: do it. */
	if (pending && !value) {
		futex_wake_shared(addr, 1);
		return 0;
	}
	while ((value & FUTEX_TID_MASK) == (u32)pid) {
		if (cmpxchg_user(&found, addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return -EFAULT;
		if (found == value) {
			if (value & FUTEX_WAITERS)
				futex_wake_shared(addr, 1);
			break;
		}
		value = found;
	}
	return 0;
}

void exit_robust_list(struct task_struct *task)
{
	struct robust_head head;
	unsigned long entry;
	int limit = ROBUST_LIST_LIMIT;

	if (copy_from_user(&head, (void *)task->robust_list, sizeof(head)))
		return;
	entry = head.list & ~1UL; /* bit 0: a priority-inheriting lock */
	while (entry != task->robust_list && limit--) {
		unsigned long next;
		bool last = get_user(next, (unsigned long *)entry);

		if (entry != (head.pending & ~1UL) &&
		    mark_owner_died((u32 *)(entry + (unsigned long)head.offset), task->pid, false))
			return;
		if (last)
			return;
		entry = next & ~1UL;
		cond_resched();
	}
	if (head.pending & ~1UL)
		mark_owner_died((u32 *)((head.pending & ~1UL) + (unsigned long)head.offset),
				task->pid, true);
}
