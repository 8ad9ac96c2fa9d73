/* SPDX-License-Identifier: MIT */
/*
 * The scheduler. Each CPU has two queues: tasks that were woken, and behind them tasks that used up
 * their time slice or were preempted. Who slept thus runs before who computes, first come first
 * served; the slice is kept across sleeps, so that a pair of tasks that wake each other for ever
 * ends up in the second queue as well and nobody starves.
 *
 *	wake_up ----------> woken --.
 *	slice left: front -> queue --+--> running --> sleeps
 *	slice used: back  -> queue --'
 *
 * The running task is on no queue. The queue lock is held across the switch and released by the
 * task switched to, so a task that others see off the CPU has really left it.
 */
#include "kernel/core/sched_internal.h"

#include "kernel/core/load.h"
#include "kernel/core/panic.h"
#include "kernel/core/rcu.h"
#include "kernel/core/time.h"
#include "lib/util.h"
#include "mm/space/mmu_context.h"
#include <asm/irq.h>
#include <asm/switch.h>
#include <asm/tlbflush.h>
#include <asm/uaccess.h>

DEFINE_PER_CPU(struct run_queue, run_queues);

/* --- queues; rq->lock held --- */

void enqueue(struct run_queue *rq, struct task_struct *task, struct list_head *where, bool front)
{
	if (unlikely(task->urgent)) {
		where = &rq->woken;
		front = true;
	} else if (task->time_slice <= 0) {
		task->time_slice = task->slice_ticks;
		front = false;
	}
	if (front)
		list_add(&task->run_node, where);
	else
		list_add_tail(&task->run_node, where);
	task->on_rq = 1;
	rq->nr_queued++;
}

static struct task_struct *pick_next(struct run_queue *rq)
{
	struct list_head *from = list_empty(&rq->woken) ? &rq->queue : &rq->woken;
	struct task_struct *next = list_first_entry_or_null(from, struct task_struct, run_node);

	if (!next)
		return rq->idle;
	list_del_init(&next->run_node);
	rq->nr_queued--;
	rq->computes = from == &rq->queue;
	return next;
}

struct run_queue *task_rq_lock(struct task_struct *task, unsigned long *flags)
{
	for (;;) {
		int cpu = READ_ONCE(task->cpu);
		struct run_queue *rq = per_cpu_ptr(&run_queues, cpu);

		spin_lock_irqsave(&rq->lock, *flags);
		if (likely(cpu == task->cpu))
			return rq;
		spin_unlock_irqrestore(&rq->lock, *flags);
	}
}

/* --- waking --- */

void preempt(struct task_struct *running, unsigned int cpu)
{
	u32 old = __atomic_fetch_or(&running->thread_flags, TIF_NEED_RESCHED, __ATOMIC_SEQ_CST);

	if (!(old & TIF_NEED_RESCHED) && cpu != smp_processor_id())
		smp_send_reschedule(cpu);
}

/*
 * Woken from an interrupt or out of idleness a task shall run soon. Who slept does not wait for one
 * that computes, unless that one woke it and said that it will sleep soon itself. Else it waits until
 * the running one sleeps, or for the next tick: fewer switches.
 */
static void maybe_preempt(struct run_queue *rq, const struct task_struct *task, bool slept)
{
	unsigned int cpu = (unsigned int)task->cpu;
	struct task_struct *running = per_cpu(current_task, cpu);

	if (running == rq->idle || in_interrupt() || task->urgent ||
	    (slept && (rq->computes || running->time_slice <= 0) && !running->wakes_sync))
		preempt(running, cpu);
}

struct run_queue *activate(struct run_queue *rq, struct task_struct *task, bool woken)
{
	bool slept = task->time_slice > 0;

	while (nr_cpus > 1) {
		unsigned int cpu = select_cpu(task);

		if (cpu == (unsigned int)task->cpu)
			break;
		WRITE_ONCE(task->cpu, (int)cpu);
		spin_unlock(&rq->lock);
		rq = per_cpu_ptr(&run_queues, cpu);
		spin_lock(&rq->lock);
		if (may_run_on(task, cpu)) /* still */
			break;
	}
	enqueue(rq, task, slept ? &rq->woken : &rq->queue, false);
	maybe_preempt(rq, task, slept && woken);
	return rq;
}

/* Its sleep counts in the load average. Kernel threads cannot be signalled, and wait so for work. */
static bool blocks(const struct task_struct *task)
{
	return task->state & TASK_UNINTERRUPTIBLE && !(task->flags & PF_KTHREAD);
}

bool wake_up_state(struct task_struct *task, unsigned int mask)
{
	unsigned long flags;
	struct run_queue *rq = task_rq_lock(task, &flags);
	bool asleep = !task->on_rq, blocked = asleep && blocks(task), woken = false;
	u32 state = task->state;

	/* A task that runs changes its state without this lock; the last one, TASK_ZOMBIE, must not be undone. */
	while (!woken && state & mask)
		woken = __atomic_compare_exchange_n(&task->state, &state, TASK_RUNNING, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	/* On a queue: still on its way into schedule(), it will come out again. */
	if (woken && asleep) {
		rq->nr_blocked -= blocked;
		rq = activate(rq, task, true);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	return woken;
}

bool wake_up_process(struct task_struct *task)
{
	return wake_up_state(task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}

void wake_up_new_task(struct task_struct *task)
{
	unsigned long flags;
	struct run_queue *rq;

	/*
	 * Parent and child share what is left of the slice, or fork would be a way to get more
	 * time. The child does not push its parent aside: who forks goes on to what it forked for.
	 */
	task->time_slice = (current->time_slice + 1) / 2;
	if (current->time_slice > 1)
		current->time_slice /= 2;
	task->cpu = (int)smp_processor_id();
	rq = task_rq_lock(task, &flags);
	rq->nr_forks++;
	rq = activate(rq, task, false);
	spin_unlock_irqrestore(&rq->lock, flags);
}

void kick_process(struct task_struct *task)
{
	unsigned int cpu = (unsigned int)READ_ONCE(task->cpu);

	if (cpu != smp_processor_id() && task_runs(task))
		smp_send_reschedule(cpu);
}

bool fatal_signal_pending(const struct task_struct *task)
{
	return signal_pending(task) &&
	       READ_ONCE(task->pending_mask) & (1ULL << (9 - 1)); /* SIGKILL */
}

/* --- switching --- */

void use_mm(struct mm_struct *mm)
{
	struct task_struct *task = current;
	unsigned long flags;

	local_irq_save(flags);
	task_lock(task);
	switch_mm_irqs_off(mm);
	task->mm = mm;
	task->active_mm = mm;
	task->vma_hint_seq = 0; /* of the old map */
	task_unlock(task);
	local_irq_restore(flags);
}

/*
 * The second half of a switch, on the stack of the task switched to: the queue lock is released,
 * and what only the previous task still needed is dropped. Interrupts are on afterwards.
 */
static void finish_switch(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queues);
	struct task_struct *prev = rq->prev;
	struct mm_struct *mm = rq->drop_mm;
	u32 state = prev->state;
	bool evicted = !state && !prev->on_rq;

	rq->prev = NULL;
	if (unlikely(evicted))
		rq = activate(rq, prev, true);
	spin_unlock_irq(&rq->lock);
	if (mm)
		mmdrop(mm);
	if (unlikely(state & (TASK_ZOMBIE | TASK_DEAD)))
		put_task_struct(prev);
}

static void context_switch(struct run_queue *rq, struct task_struct *prev, struct task_struct *next)
{
	u64 now = ktime_get_ns();

	prev->sum_exec_ns += now - prev->last_ran_ns;
	prev->last_ran_ns = now;
	next->last_ran_ns = now;
	rq->nr_switches++;
	rq->prev = prev;
	rq->drop_mm = switch_maps(prev, next);
	switch_to(prev, next);
	finish_switch();
}

/* A sleeper that a signal shall wake, and that already has one, does not go to sleep. */
static bool signal_pending_state(const struct task_struct *task)
{
	if (task->state & TASK_INTERRUPTIBLE)
		return signal_pending(task);
	return task->state & TASK_WAKEKILL && fatal_signal_pending(task);
}

/* About to be idle? */
static void look_around(const struct task_struct *prev)
{
	const struct run_queue *rq = this_cpu_ptr(&run_queues);

	if (!READ_ONCE(rq->nr_queued) && (prev->state != TASK_RUNNING || prev == rq->idle))
		pull_for_idle();
}

void schedule(void)
{
	struct task_struct *prev = current, *next;
	struct run_queue *rq;
	unsigned long flags;

	might_sleep();
	ASSERT(!irqs_disabled());
	if (nr_cpus > 1)
		look_around(prev);
	local_irq_save(flags);
	rcu_quiescent_state();
	rq = this_cpu_ptr(&run_queues);
	spin_lock(&rq->lock);
	clear_thread_flag(prev, TIF_NEED_RESCHED);
	if (prev->state != TASK_RUNNING && signal_pending_state(prev))
		prev->state = TASK_RUNNING;
	if (prev->state != TASK_RUNNING) {
		prev->on_rq = 0;
		prev->nvcsw++;
		if (blocks(prev))
			rq->nr_blocked++;
	} else if (unlikely(!may_run_on(prev, smp_processor_id()))) {
		prev->on_rq = 0; /* evicted: finish_switch() finds it another queue */
	} else if (prev != rq->idle) {
		enqueue(rq, prev, &rq->queue, true);
	}
	next = pick_next(rq);
	if (next == prev) {
		spin_unlock(&rq->lock);
	} else {
		if (prev->on_rq)
			prev->nivcsw++;
		context_switch(rq, prev, next);
	}
	local_irq_restore(flags);
}

void schedule_tail(void)
{
	struct task_struct *task = current;

	finish_switch();
	/* CLONE_CHILD_SETTID: in the child, so that only its own copy of the page is written. */
	if (task->set_child_tid && put_user(task->pid, task->set_child_tid))
		task->set_child_tid = NULL;
}

void yield(void)
{
	current->time_slice = 0;
	schedule();
}

u64 task_exec_ns(struct task_struct *task)
{
	unsigned long flags;
	struct run_queue *rq;
	u64 ns;

	if (task == current)
		return task->sum_exec_ns + ktime_get_ns() - task->last_ran_ns;
	if (nr_cpus == 1)
		return task->sum_exec_ns;
	rq = task_rq_lock(task, &flags);
	ns = task->sum_exec_ns;
	if (task_runs(task))
		ns += ktime_get_ns() - task->last_ran_ns;
	spin_unlock_irqrestore(&rq->lock, flags);
	return ns;
}

void scheduler_tick(u64 ns)
{
	struct run_queue *rq = this_cpu_ptr(&run_queues);
	struct task_struct *task = current;

	/* A host that takes the CPU away for a while swallows ticks. */
	if (task != rq->idle)
		task->time_slice -= (int)min(max(ns / TICK_NSEC, 1ULL), (u64)SLICE_TICKS);
	if (nr_cpus > 1)
		balance_tick(rq, task);
	if (!rq->nr_queued)
		return;
	if (task == rq->idle || task->time_slice <= 0 || !list_empty(&rq->woken))
		set_thread_flag(task, TIF_NEED_RESCHED);
}

void get_sched_totals(struct sched_totals *totals)
{
	unsigned int cpu;

	*totals = (struct sched_totals){ 0 };
	for_each_cpu(cpu) {
		const struct run_queue *rq = per_cpu_ptr(&run_queues, cpu);

		totals->switches += READ_ONCE(rq->nr_switches);
		totals->forks += READ_ONCE(rq->nr_forks);
		totals->running += load_of(cpu);
		totals->blocked += (unsigned int)READ_ONCE(rq->nr_blocked);
	}
}

/* --- start --- */

void sched_init_cpu(unsigned int cpu, void *stack)
{
	struct run_queue *rq = per_cpu_ptr(&run_queues, cpu);

	spin_lock_init(&rq->lock, "run_queue");
	INIT_LIST_HEAD(&rq->woken);
	INIT_LIST_HEAD(&rq->queue);
	rq->idle = init_idle(cpu, stack);
	tlb_init_cpu(cpu);
}

void sched_init(void)
{
	task_init();
	sched_init_cpu(0, arch_boot_stack());
	arch_adopt_boot_task(this_idle_task());
}
