/* SPDX-License-Identifier: MIT */
/*
 * Robust futexes: locks that say so when their owner dies (linux/futex.h, struct robust_list_head). The
 * list of those that a thread holds is in its own memory.
 */
#include "kernel/proc/futex.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include <asm/uaccess.h>

#define ROBUST_LIST_LIMIT 2048
#define ENTRY_PI 1UL /* in the address of an entry: a lock of futex_pi.c, which wakes its waiters */

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

/* @entry, with its bit, of the list that begins with @head. */
static int mark_owner_died(unsigned long entry, const struct robust_head *head, bool pending)
{
	u32 __user *addr = (u32 *)((entry & ~ENTRY_PI) + (unsigned long)head->offset);
	bool pi = entry & ENTRY_PI;
	u32 value, found;

	if ((unsigned long)addr & 3 || get_user(value, addr))
		return -EFAULT;
	/* Unlocked already, but died before it could wake: do it. */
	if (pending && !pi && !value) {
		futex_wake_shared(addr, 1);
		return 0;
	}
	while ((value & FUTEX_TID_MASK) == (u32)current->pid) {
		if (cmpxchg_user(&found, addr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return -EFAULT;
		if (found == value) {
			if (value & FUTEX_WAITERS && !pi)
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
	entry = head.list;
	while ((entry & ~ENTRY_PI) != task->robust_list && limit--) {
		unsigned long next;
		bool last = get_user(next, (unsigned long *)(entry & ~ENTRY_PI));

		if ((entry ^ head.pending) & ~ENTRY_PI && mark_owner_died(entry, &head, false))
			return;
		if (last)
			return;
		entry = next;
		cond_resched();
	}
	if (head.pending & ~ENTRY_PI)
		mark_owner_died(head.pending, &head, true);
}
