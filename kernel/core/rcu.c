/* SPDX-License-Identifier: MIT */
/*
 * Grace periods. Each CPU counts the moments in which it is in no section of readers. A grace period is over
 * when every CPU's count has moved since it began. Callbacks wait for that in batches, served by one thread:
 *
 *	call_rcu() -> the CPU's list -> taken by the thread -> grace period -> called
 *
 * The thread is in no hurry: it lets a tick go by to gather a batch, and ticks move the counts of busy and idle
 * CPUs alike. Who waits in synchronize_rcu() makes the others pass through schedule() instead.
 */
#include "kernel/core/rcu.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include <asm/smp.h>

DEFINE_PER_CPU(unsigned long, rcu_passed);

static DEFINE_PER_CPU(struct rcu_head *,
		      new_callbacks); /* pushed by its CPU, taken whole by the thread */
static DECLARE_WAIT_QUEUE_HEAD(thread_wait);

struct grace_period {
	unsigned long seen[NR_CPUS];
	cpumask_t missing; /* CPUs that have not moved */
};

static void begin_grace_period(struct grace_period *gp)
{
	unsigned int cpu;

	gp->missing = CPU_MASK_ALL;
	smp_mb(); /* what was unlinked is so for everybody who enters a section from now on */
	for_each_cpu(cpu)
		gp->seen[cpu] = READ_ONCE(per_cpu(rcu_passed, cpu));
}

static bool grace_period_over(struct grace_period *gp)
{
	unsigned int cpu;

	for_each_cpu_in(cpu, gp->missing)
		if (READ_ONCE(per_cpu(rcu_passed, cpu)) != gp->seen[cpu])
			gp->missing &= ~CPU_MASK(cpu);
	if (gp->missing)
		return false;
	smp_mb(); /* and all they did in their sections is done before what follows */
	return true;
}

static void pass_soon(void *arg)
{
	(void)arg;
	set_thread_flag(current, TIF_NEED_RESCHED);
}

void synchronize_rcu(void)
{
	struct grace_period gp;
	unsigned int tries = 0;

	might_sleep();
	if (nr_cpus == 1)
		return; /* whoever was in a section has left it, or we would not run */
	begin_grace_period(&gp);
	smp_call_function_many(gp.missing, pass_soon, NULL);
	while (!grace_period_over(&gp)) {
		if (++tries < 16) {
			yield();
			continue;
		}
		WRITE_ONCE(current->state, TASK_UNINTERRUPTIBLE);
		schedule_timeout(TICK_NSEC);
	}
}

/* --- callbacks --- */

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	struct rcu_head **list, *first;

	if (nr_cpus == 1) {
		func(head);
		return;
	}
	head->func = func;
	list = this_cpu_ptr(&new_callbacks);
	first = READ_ONCE(*list);
	do {
		head->next = first;
	} while (!__atomic_compare_exchange_n(list, &first, head, false, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	if (!first && waitqueue_active(&thread_wait))
		wake_up(&thread_wait);
}

static bool wanted(void)
{
	unsigned int cpu;

	for_each_cpu(cpu)
		if (READ_ONCE(per_cpu(new_callbacks, cpu)))
			return true;
	return false;
}

/* All that is waiting, as one list of lists: each CPU's hangs in heads[]. */
static void take_callbacks(struct rcu_head **heads)
{
	unsigned int cpu;

	for_each_cpu(cpu)
		heads[cpu] = __atomic_exchange_n(per_cpu_ptr(&new_callbacks, cpu), NULL,
						 __ATOMIC_ACQUIRE);
}

static void call_all(struct rcu_head *head)
{
	while (head) {
		struct rcu_head *next = head->next;

		head->func(head);
		head = next;
		cond_resched();
	}
}

static void wait_without_hurry(void)
{
	struct grace_period gp;

	begin_grace_period(&gp);
	while (!grace_period_over(&gp)) {
		WRITE_ONCE(current->state, TASK_UNINTERRUPTIBLE);
		schedule_timeout(TICK_NSEC);
	}
}

static int rcu_thread(void *arg)
{
	struct rcu_head *heads[NR_CPUS];

	(void)arg;
	for (;;) {
		wait_event(thread_wait, wanted());
		WRITE_ONCE(current->state, TASK_UNINTERRUPTIBLE);
		schedule_timeout(TICK_NSEC);
		take_callbacks(heads);
		wait_without_hurry();
		for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
			call_all(heads[cpu]);
	}
	return 0;
}

void rcu_init(void)
{
	if (nr_cpus > 1 && !kthread_run(rcu_thread, NULL, "rcu"))
		boot_fail(
			"no memory for the thread of grace periods: give the machine more RAM (MEM=)");
}
