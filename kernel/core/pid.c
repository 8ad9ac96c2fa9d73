/* SPDX-License-Identifier: MIT */
/*
 * Process numbers: a bitmap of those in use, handed out in rising order so that a number is not met
 * again soon, and a hash from number to task.
 */
#include "kernel/core/task.h"
#include "lib/bitops.h"
#include "lib/errno.h"

#define PID_HASH_SIZE 1024
/* After the first round, numbers below this are left to what started at boot (as on Linux). */
#define RESERVED_PIDS 300

int pid_max = PID_MAX;

static DEFINE_SPINLOCK(pid_lock);
static DECLARE_BITMAP(pid_map, PID_MAX) = { 3 };  /* pid_lock; 0 is idle's, 1 is init's */
static unsigned long last_pid = 1;                /* pid_lock */
static bool wrapped;                              /* pid_lock: numbers are being used again */
static struct hlist_head pid_hash[PID_HASH_SIZE]; /* tasklist_lock */

bool (*pid_in_use_hook)(pid_t pid);

static struct hlist_head *pid_bucket(pid_t pid)
{
	return &pid_hash[(unsigned int)pid % PID_HASH_SIZE];
}

/* The next free number after last_pid, marked used; 0 when all are taken. */
static unsigned long take_next_pid(void)
{
	unsigned long max = (unsigned long)READ_ONCE(pid_max),
		      nr = find_next_zero_bit(pid_map, max, last_pid + 1);

	if (nr >= max) {
		wrapped = true;
		nr = find_next_zero_bit(pid_map, max, RESERVED_PIDS);
	}
	if (nr >= max)
		return 0;
	__set_bit(nr, pid_map);
	last_pid = nr;
	return nr;
}

pid_t last_allocated_pid(void)
{
	return (pid_t)READ_ONCE(last_pid);
}

static bool names_a_group(pid_t pid)
{
	unsigned long flags;
	bool in_use;

	if (!pid_in_use_hook)
		return false;
	spin_lock_irqsave(&tasklist_lock, flags);
	in_use = pid_in_use_hook(pid);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return in_use;
}

pid_t alloc_pid(void)
{
	unsigned int tries;

	for (tries = 0; tries < PID_MAX; tries++) {
		unsigned long nr;
		bool check;

		spin_lock(&pid_lock);
		nr = take_next_pid();
		check = wrapped;
		spin_unlock(&pid_lock);
		if (!nr)
			break;
		if (!check || !names_a_group((pid_t)nr))
			return (pid_t)nr;
		free_pid((pid_t)nr);
	}
	return -EAGAIN;
}

int claim_pid(pid_t pid)
{
	bool taken;

	spin_lock(&pid_lock);
	taken = test_bit((unsigned long)pid, pid_map);
	if (!taken)
		__set_bit((unsigned long)pid, pid_map);
	spin_unlock(&pid_lock);
	if (taken)
		return -EEXIST;
	if (!names_a_group(pid))
		return 0;
	free_pid(pid);
	return -EEXIST;
}

void free_pid(pid_t pid)
{
	spin_lock(&pid_lock);
	if (pid > 1)
		__clear_bit((unsigned long)pid, pid_map);
	spin_unlock(&pid_lock);
}

void link_task(struct task_struct *task)
{
	hlist_add_head(&task->pid_node, pid_bucket(task->pid));
	list_add_tail(&task->tasks, &task_list);
	nr_tasks++;
}

void unlink_task(struct task_struct *task)
{
	hlist_del_init(&task->pid_node);
	list_del_init(&task->tasks);
	nr_tasks--;
}

void exchange_pids(struct task_struct *task, struct task_struct *leader)
{
	pid_t pid = task->pid;

	hlist_del_init(&task->pid_node);
	hlist_del_init(&leader->pid_node);
	task->pid = leader->pid;
	leader->pid = pid;
	hlist_add_head(&task->pid_node, pid_bucket(task->pid));
	hlist_add_head(&leader->pid_node, pid_bucket(leader->pid));
}

struct task_struct *find_task_by_pid(pid_t pid)
{
	struct task_struct *task;

	hlist_for_each_entry(task, pid_bucket(pid), pid_node)
		if (task->pid == pid)
			return task;
	return NULL;
}

struct task_struct *find_get_task(pid_t pid)
{
	struct task_struct *task;
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	task = find_task_by_pid(pid);
	if (task)
		get_task_struct(task);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return task;
}
