/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals: the three of setitimer(2) (itimer.c), those of timer_create(2)
 * (posix_timer.c), and RLIMIT_CPU. Sending takes locks that the code which an interrupt finds may hold,
 * so that an interrupt only notes what expired, and a thread does the rest.
 */
#ifndef KERNEL_PROC_TIMERS_H
#define KERNEL_PROC_TIMERS_H

#include "kernel/proc/signal.h"

struct k_itimer;

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID 3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7
#define CLOCK_TAI 11
#define TIMER_ABSTIME 1

/* Have the thread call expiry->fn(), with tasklist_lock held. Any context. */
void expire(struct expiry *expiry);
/* Never again; who holds tasklist_lock knows that the thread is not doing it either. */
void stop_expiry(struct expiry *expiry);

/*
 * Clocks of CPU time: those of current, and of each process and of the threads of one's own by number
 * (clock.c). Whom @clock measures, counted; NULL: there is none such. @thread: that thread, else its
 * process.
 */
struct task_struct *cpu_clock_task(int clock, bool *thread);
/* What it says, in ns. tasklist_lock held, or @task is of current's process and sighand->lock held. */
u64 cpu_clock_ns(int clock, bool thread, struct task_struct *task);

/* Its signal is taken off the queue: fills in info->timer.overrun and lets an interval go on. sighand->lock held. */
void posix_timer_delivered(struct k_itimer *timer, struct siginfo *info);
/* SIGALRM is taken off the queue of @signal: ITIMER_REAL's interval goes on. sighand->lock held. */
void real_timer_delivered(struct signal_struct *signal);
/* Those of @signal that measure CPU time. tasklist_lock held, sighand->lock not. */
void check_posix_cpu_timers(struct signal_struct *signal);
/* All of current's process, which execs or ends. No locks held. */
void delete_posix_timers(void);

/* Have the tick look at the CPU time of @signal from now on. */
static inline void watch_cpu_time(struct signal_struct *signal)
{
	WRITE_ONCE(signal->cpu_watched, true);
}

void posix_timer_init(void);

#endif
