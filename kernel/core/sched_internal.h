/* SPDX-License-Identifier: MIT */
/* The run queues, as sched.c, which runs tasks, balance.c, which spreads them, and idle.c see them. */
#ifndef KERNEL_CORE_SCHED_INTERNAL_H
#define KERNEL_CORE_SCHED_INTERNAL_H

#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include <asm/percpu.h>

/*
 * Which lock guards a task's place: the lock of the queue that task->cpu names. With it held,
 * task->on_rq says whether the task runs there (it is that CPU's `current`) or waits there (it is on a
 * list); if neither, it is off every CPU. task->cpu is changed under the lock of the queue it named.
 *
 * No two queue locks are ever held at once. A task on its way from one queue to another is on none,
 * with state TASK_RUNNING: nobody wakes it, and only who took it off may put it on.
 */
struct run_queue {
	spinlock_t lock;
	struct list_head woken, queue;    /* lock */
	unsigned int nr_queued;           /* on both; lock to write */
	bool computes;                    /* the running task came from `queue`; lock */
	struct task_struct *idle;         /* constant */
	struct task_struct *prev;         /* switched from; own CPU, until finish_switch() */
	struct mm_struct *drop_mm;        /* reference of a kernel thread that went; likewise */
	unsigned int ticks, looks;        /* until it looks at the others, and how often it did; own CPU */
	unsigned long nr_switches;        /* lock to write */
	unsigned long nr_forks, nr_blocked; /* here; lock to write; the latter may wrap, the sum is right */
};

DECLARE_PER_CPU(struct run_queue, run_queues);

/* The queue that @task belongs to, locked, interrupts off. */
struct run_queue *task_rq_lock(struct task_struct *task, unsigned long *flags);
/* Append a task that is on no queue to @where of @rq; to its front if its slice is not used up. rq->lock held. */
void enqueue(struct run_queue *rq, struct task_struct *task, struct list_head *where, bool front);
/*
 * A task that became runnable goes to the queue that suits it best. @rq is its last one, locked;
 * returns the one that it is on now, locked instead. @woken: if it slept it may push others aside.
 */
struct run_queue *activate(struct run_queue *rq, struct task_struct *task, bool woken);
/* Tell the running task of the queue to make way at the next chance. rq->lock held. */
void preempt(struct task_struct *running, unsigned int cpu);

static inline bool task_runs(const struct task_struct *task)
{
	return READ_ONCE(per_cpu(current_task, task->cpu)) == task;
}
static inline bool may_run_on(const struct task_struct *task, unsigned int cpu)
{
	return task->cpus_allowed & CPU_MASK(cpu);
}

/* Tasks that want to run there. */
static inline unsigned int load_of(unsigned int cpu)
{
	const struct run_queue *rq = per_cpu_ptr(&run_queues, cpu);

	return READ_ONCE(rq->nr_queued) + (READ_ONCE(per_cpu(current_task, cpu)) != rq->idle);
}

/* --- balance.c --- */

/* The best CPU for @task, which is to run: one that it may run on. Interrupts off. */
unsigned int select_cpu(const struct task_struct *task);
/* This CPU has nothing to run: take a task from another that has too many. No queue lock held. */
void pull_for_idle(void);
/* From the tick of a machine with several CPUs. */
void balance_tick(struct run_queue *rq, struct task_struct *running);
/* The running CPU runs nothing, and may be given a task; or no longer. Interrupts off. */
void mark_idle(void);
void mark_busy(void);

/* --- idle.c --- */

/* The idle task of @cpu, running there on @stack, of THREAD_SIZE bytes, in init_mm. Once a CPU. */
struct task_struct *init_idle(unsigned int cpu, void *stack);

#endif
