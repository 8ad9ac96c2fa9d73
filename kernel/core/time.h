/* SPDX-License-Identifier: MIT */
/*
 * Time: nanoseconds since boot, monotonic on all CPUs; wall time; one-shot timers run by the tick.
 */
#ifndef KERNEL_CORE_TIME_H
#define KERNEL_CORE_TIME_H

#include "lib/list.h"
#include "lib/rbtree.h"
#include "lib/types.h"

#define HZ 100
#define NSEC_PER_SEC 1000000000ULL

struct pt_regs;
struct task_struct;

u64 ktime_get_ns(void);         /* since boot */
u64 ktime_get_real_ns(void);    /* since 1970 */
extern u64 ktime_coarse_ns;     /* ktime_get_ns() at the last tick: for questions like "the same tick?" */
void ktime_set_real_ns(u64 ns); /* clock_settime(2): from now on it is @ns, which is not before boot */
/* Boot, before the first tick. */
void time_init(void);
/* Called by the tick for a running task that is a process's; set once at boot by kernel/proc. */
extern void (*task_tick_hook)(struct task_struct *task);
#define TICK_NSEC (NSEC_PER_SEC / HZ)
/* From the timer interrupt: accounting, timers, scheduler_tick(), the guest time limit. */
void tick(struct pt_regs *regs);

/*
 * fn runs in interrupt context at or soon after @expires: ns since boot, or with @wall since 1970, whenever
 * that will be when the clock is set meanwhile.
 */
struct timer {
	u64 expires;
	void (*fn)(struct timer *timer);
	struct rb_node node; /* timer lock */
	bool queued;
	bool wall; /* constant while queued */
};
/* Of the boot CPU's tick, and of interrupts ordered by arch_order_interrupt(). Interrupts off. */
void run_timers(void);
/* Any context. The timer is not queued. */
void timer_add(struct timer *timer, u64 expires);
/* True if it had not run yet. After return fn is not running. */
bool timer_del(struct timer *timer);

#if !__STDC_HOSTED__ /* libc's, which lib/types.h has brought, is the same */
struct timespec {
	s64 tv_sec;
	s64 tv_nsec;
};
#endif

#endif
