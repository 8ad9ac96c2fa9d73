/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: per-CPU round-robin run queues, a time slice counted in ticks. User mode is
 * preempted by the timer; the kernel itself is not preempted: it gives the CPU away in schedule()
 * and cond_resched() only, so code between those needs locks against other CPUs and interrupts, not
 * against its own CPU's tasks.
 */
#ifndef KERNEL_CORE_SCHED_H
#define KERNEL_CORE_SCHED_H

#include "kernel/core/task.h"
#include "lib/types.h"
#include <asm/current.h>

/*
 * Give up the CPU: to run again at once if the state is TASK_RUNNING, after wake_up_process()
 * otherwise. No spinlock held.
 */
void schedule(void);
/* Make a sleeping task runnable; true if it was not. Any context. */
bool wake_up_process(struct task_struct *task);
/* Wake it only if it sleeps in one of the states of @mask. */
bool wake_up_state(struct task_struct *task, unsigned int mask);
/* If it runs on another CPU in user mode, make it look at its thread_flags now. Any context. */
void kick_process(struct task_struct *task);
/*
 * Let @task run on the CPUs of @mask only; one of them there must be. On return it runs on no other. May
 * sleep. The caller holds a reference.
 */
void set_cpus_allowed(struct task_struct *task, cpumask_t mask);
/* First time on a run queue (after fork). */
void wake_up_new_task(struct task_struct *task);
/* Ticks that a task of ordinary niceness may run before others get their turn. */
#define SLICE_TICKS 5
/* Sleep at most @ns (state set before); returns ns left. ~0ULL: no limit. */
u64 schedule_timeout(u64 ns);
/* Sleep (state set before) at most until it is @deadline (ns since 1970), which setting the clock moves. */
void schedule_until_real(u64 deadline);
/* Called by the timer interrupt, which last came @ns ago. */
void scheduler_tick(u64 ns);
/* Go behind all others that want to run, with a fresh time slice. */
void yield(void);
/*
 * The boot context becomes this CPU's idle task. After slab_init(), before anything that may sleep.
 */
void sched_init(void);
/* The same for CPU @cpu, which runs nothing yet and will begin on @stack, of THREAD_SIZE bytes. */
void sched_init_cpu(unsigned int cpu, void *stack);
/* The running CPU's. */
struct task_struct *this_idle_task(void);
/* CPU time of @task in ns, the current stretch included if it is the running one. */
u64 task_exec_ns(struct task_struct *task);
/* The idle task's loop: never returns. */
void cpu_idle(void) __attribute__((noreturn));
/* First thing a new task runs, from ret_from_fork. */
void schedule_tail(void);
/* A running task replaces its mm (exec): drops nothing. */
void use_mm(struct mm_struct *mm);

static inline bool need_resched(void)
{
	return READ_ONCE(current->thread_flags) & TIF_NEED_RESCHED;
}
static inline void cond_resched(void)
{
	if (unlikely(need_resched()))
		schedule();
}
static inline bool signal_pending(const struct task_struct *task)
{
	return READ_ONCE(task->thread_flags) & TIF_SIGPENDING;
}
/* SIGKILL is pending (or the group is exiting). */
bool fatal_signal_pending(const struct task_struct *task);

/*
 * A kernel thread running fn(arg), never in user mode. NULL: out of memory. Ends when fn returns.
 * May sleep.
 */
struct task_struct *kthread_run(int (*fn)(void *arg), void *arg, const char *name);
/* The same, and it runs on @cpu, which has been started, and nowhere else. */
struct task_struct *kthread_run_on_cpu(int (*fn)(void *arg), void *arg, const char *name,
				       unsigned int cpu);

#endif
