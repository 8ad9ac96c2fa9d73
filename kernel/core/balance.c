/* SPDX-License-Identifier: MIT */
/*
 * Which CPU a task runs on. Three rules:
 *
 * - A task that is woken goes to the CPU it last ran on, whose cache it may still find warm, if that is
 *   idle; else to another that is idle; if none is, it stays, unless another queue is shorter.
 * - A CPU with nothing to run takes a waiting task from the longest queue. One that left a CPU a moment
 *   ago has a warm cache there and is left to it, until the next tick.
 * - Every few ticks a CPU compares its queue with the longest other. Two tasks more over there: one
 *   comes over. One more, and all compute: one comes over too, so that with three tasks on two CPUs
 *   each has the CPU to itself for a time. The period shares no factor with the time slice, and each
 *   look begins at another CPU, so that it is not the same tasks that move over and over.
 */
#include "kernel/core/sched_internal.h"
#include "kernel/core/stop.h"
#include "kernel/core/time.h"
#include "lib/bitops.h"
#include <asm/irq.h>
#include <asm/smp.h>

#define BALANCE_TICKS 7
#define WARM_NS 500000

/* CPUs that halt and have been given nothing yet; atomic. Only a hint: queue locks decide. */
static cpumask_t idle_cpus;

void mark_idle(void)
{
	unsigned int cpu = smp_processor_id();

	if (!(READ_ONCE(idle_cpus) & CPU_MASK(cpu)))
		set_bit(cpu, &idle_cpus);
}

void mark_busy(void)
{
	unsigned int cpu = smp_processor_id();

	if (READ_ONCE(idle_cpus) & CPU_MASK(cpu))
		clear_bit(cpu, &idle_cpus);
}

/* --- a place for one that becomes runnable --- */

/* The bit is taken, so that two wakers do not choose the same idle CPU. */
static bool claim_idle(cpumask_t idle, unsigned int cpu)
{
	return idle & CPU_MASK(cpu) && test_and_clear_bit(cpu, &idle_cpus);
}

unsigned int select_cpu(const struct task_struct *task)
{
	cpumask_t allowed = task->cpus_allowed & CPU_MASK_ALL, idle;
	unsigned int best = (unsigned int)task->cpu, self = smp_processor_id(), cpu, least;

	if (!(allowed & (allowed - 1)))
		return __ffs(allowed);
	idle = READ_ONCE(idle_cpus) & allowed;
	if (claim_idle(idle, best))
		return best;
	if (claim_idle(idle, self))
		return self;
	for_each_cpu_in(cpu, idle)
		if (claim_idle(idle, cpu))
			return cpu;
	if (!(allowed & CPU_MASK(best)))
		best = __ffs(allowed);
	least = load_of(best);
	for_each_cpu_in(cpu, allowed) {
		unsigned int load = load_of(cpu);

		if (load < least) {
			least = load;
			best = cpu;
		}
	}
	return best;
}

/* --- moving those that wait --- */

/* The CPU with most tasks waiting, at least @min; looked for from another beginning each time. -1: none. */
static int longest_queue(struct run_queue *rq, unsigned int min)
{
	unsigned int self = smp_processor_id(), start = rq->looks++, most = min - 1;
	int found = -1;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		unsigned int cpu = (start + i) % nr_cpus;
		unsigned int n = READ_ONCE(per_cpu_ptr(&run_queues, cpu)->nr_queued);

		if (cpu != self && n > most) {
			most = n;
			found = (int)cpu;
		}
	}
	return found;
}

/* Take off the first task that may run on @cpu and has not run since @cold_since. rq->lock held. NULL: none. */
static struct task_struct *detach(struct run_queue *rq, const struct list_head *list,
				  unsigned int cpu, u64 cold_since)
{
	struct task_struct *task;

	list_for_each_entry(task, list, run_node) {
		if (!may_run_on(task, cpu) || task->last_ran_ns > cold_since)
			continue;
		list_del_init(&task->run_node);
		rq->nr_queued--;
		task->on_rq = 0;
		WRITE_ONCE(task->cpu, (int)cpu);
		return task;
	}
	return NULL;
}

enum pull { ANY, COMPUTING }; /* COMPUTING: not one that was just woken */

/* Take a task from CPU @from to this one, whose queue is @rq. No queue lock held, interrupts off. */
static bool pull(struct run_queue *rq, unsigned int from, enum pull which, u64 cold_since)
{
	struct run_queue *source = per_cpu_ptr(&run_queues, from);
	unsigned int self = smp_processor_id();
	struct task_struct *task;
	bool woken = false;

	spin_lock(&source->lock);
	task = detach(source, &source->queue, self, cold_since);
	if (!task && which == ANY) {
		task = detach(source, &source->woken, self, cold_since);
		woken = true;
	}
	spin_unlock(&source->lock);
	if (!task)
		return false;
	spin_lock(&rq->lock);
	if (likely(may_run_on(task, self)))
		enqueue(rq, task, woken ? &rq->woken : &rq->queue, false);
	else
		rq = activate(rq, task, true); /* its mask was changed on the way */
	spin_unlock(&rq->lock);
	return true;
}

void pull_for_idle(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queues);
	int from = longest_queue(rq, 1);
	u64 now = ktime_get_ns();
	unsigned long flags;

	if (from < 0)
		return;
	local_irq_save(flags);
	pull(rq, (unsigned int)from, ANY, now > WARM_NS ? now - WARM_NS : 0);
	local_irq_restore(flags);
}

void balance_tick(struct run_queue *rq, struct task_struct *running)
{
	unsigned int mine = rq->nr_queued;
	int from;

	if (running == rq->idle) {
		from = mine ? -1 : longest_queue(rq, 1);
		if (from >= 0)
			pull(rq, (unsigned int)from, ANY, ~0ULL);
		return;
	}
	if (++rq->ticks < BALANCE_TICKS)
		return;
	rq->ticks = 0;
	from = longest_queue(rq, mine + 1);
	if (from < 0)
		return;
	if (READ_ONCE(per_cpu_ptr(&run_queues, (unsigned int)from)->nr_queued) > mine + 1)
		pull(rq, (unsigned int)from, ANY, ~0ULL);
	else if (list_empty(&rq->woken))
		pull(rq, (unsigned int)from, COMPUTING, ~0ULL);
}

/* --- affinity --- */

static void do_nothing(void *unused)
{
	(void)unused;
}

void set_cpus_allowed(struct task_struct *task, cpumask_t mask)
{
	unsigned long flags;
	struct run_queue *rq = task_rq_lock(task, &flags);
	bool runs = false;

	task->cpus_allowed = mask;
	if (task->on_rq && !may_run_on(task, (unsigned int)task->cpu)) {
		runs = task_runs(task);
		if (runs) {
			preempt(task, (unsigned int)task->cpu);
		} else {
			list_del_init(&task->run_node);
			rq->nr_queued--;
			task->on_rq = 0;
			rq = activate(rq, task, true);
		}
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (!runs)
		return;
	/* schedule() moves it. That it was called there we know when another task has run. */
	if (task == current)
		schedule();
	else
		schedule_on_each_cpu(do_nothing, NULL);
}
