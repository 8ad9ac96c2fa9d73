/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads: tasks without a user half. They have no parent, take no signals, and end by
 * returning.
 */
#include "kernel/core/sched.h"
#include "kernel/core/wait.h"
#include "lib/string.h"
#include "mm/frame/slab.h"
#include <asm/switch.h>

struct kthread_start {
	int (*fn)(void *arg);
	void *arg;
};

static void kthread_entry(void *data)
{
	struct kthread_start start = *(struct kthread_start *)data;

	kfree(data);
	start.fn(start.arg);
	kthread_exit();
}

static struct task_struct *make(int (*fn)(void *arg), void *arg, const char *name,
				cpumask_t allowed)
{
	struct kthread_start *start = kmalloc(sizeof(*start), GFP_KERNEL);
	struct task_struct *task = start ? alloc_task(false) : NULL;
	unsigned long flags;

	if (!task) {
		kfree(start);
		return NULL;
	}
	*start = (struct kthread_start){ fn, arg };
	task->flags = PF_KTHREAD | (allowed == ~0UL ? 0 : PF_NO_SETAFFINITY);
	task->cpus_allowed = allowed;
	strlcpy(task->comm, name, sizeof(task->comm));
	arch_prepare_kthread(task, kthread_entry, start);
	spin_lock_irqsave(&tasklist_lock, flags);
	link_task(task);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	wake_up_new_task(task);
	return task;
}

struct task_struct *kthread_run(int (*fn)(void *arg), void *arg, const char *name)
{
	return make(fn, arg, name, ~0UL);
}

struct task_struct *kthread_run_on_cpu(int (*fn)(void *arg), void *arg, const char *name,
				       unsigned int cpu)
{
	return make(fn, arg, name, CPU_MASK(cpu));
}

void kthread_exit(void)
{
	struct task_struct *task = current;
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	unlink_task(task);
	task->state = TASK_DEAD;
	spin_unlock_irqrestore(&tasklist_lock, flags);
	free_pid(task->pid);
	put_task_struct(task); /* its own reference; the CPU's goes after the switch */
	schedule();
	panic("kernel thread %s ran after its end", task->comm);
}
