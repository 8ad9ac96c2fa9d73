/* SPDX-License-Identifier: MIT */
/*
 * Clocks, one-shot timers in a tree by time, sleeping for a while, and what happens at each tick.
 */
#include "kernel/core/time.h"

#include "kernel/core/kallsyms.h"
#include "kernel/core/load.h"
#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/core/rcu.h"
#include "kernel/core/sched.h"
#include "kernel/core/show.h"
#include "kernel/core/spin.h"
#include "kernel/core/spinlock.h"
#include "lib/util.h"
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/vdso.h>

static DEFINE_SPINLOCK(timer_lock);
static struct rb_root timers[2];          /* timer_lock; by expires; [1]: by wall time */
static u64 next_expiry = ~0ULL;           /* timer_lock to write; the first timer's time since boot */
static struct timer *running_timer;       /* timer_lock; whose fn runs now */
static DEFINE_PER_CPU(u64, last_tick_ns); /* own CPU */
u64 ktime_coarse_ns;
void (*task_tick_hook)(struct task_struct *task);
static unsigned long time_limit; /* seconds of guest time; 0: none */

static int set_limit(const char *value)
{
	return param_number(value, 0, 1000000000, &time_limit);
}
KNOB(limit, "SECONDS", "stop the machine after this much guest time, 0: never", set_limit);

u64 ktime_get_ns(void)
{
	return arch_clock_ns();
}

u64 ktime_get_real_ns(void)
{
	return arch_clock_ns() + READ_ONCE(vdso_page.data.real_offset_ns);
}

void time_init(void)
{
	vdso_page.data.real_offset_ns = arch_boot_wall_seconds() * NSEC_PER_SEC;
	this_cpu_write(last_tick_ns, ktime_get_ns());
}

/* --- timers --- */

/* By the boot clock, as long as nobody sets the other one. timer_lock held. */
static u64 expiry_of(const struct timer *timer)
{
	u64 offset = timer->wall ? vdso_page.data.real_offset_ns : 0;

	return timer->expires > offset ? timer->expires - offset : 0;
}

/* The timer that expires first, or NULL. timer_lock held. */
static struct timer *first_timer(void)
{
	struct timer *first = NULL;

	for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++) {
		struct rb_node *node = rb_first(&timers[i]);
		struct timer *timer = node ? rb_entry(node, struct timer, node) : NULL;

		if (timer && (!first || expiry_of(timer) < expiry_of(first)))
			first = timer;
	}
	return first;
}

static void update_next_expiry(void)
{
	struct timer *first = first_timer();

	WRITE_ONCE(next_expiry, first ? expiry_of(first) : ~0ULL);
}

/* The next tick would be too late: have an interrupt of its own. timer_lock held. */
static void order_interrupt(void)
{
	u64 now = ktime_get_ns();

	if (next_expiry < READ_ONCE(per_cpu(last_tick_ns, 0)) + TICK_NSEC)
		arch_order_interrupt(next_expiry > now ? next_expiry - now : 0);
}

void ktime_set_real_ns(u64 ns)
{
	unsigned long flags;

	spin_lock_irqsave(&timer_lock, flags);
	WRITE_ONCE(vdso_page.data.real_offset_ns, ns - arch_clock_ns());
	update_next_expiry();
	order_interrupt();
	spin_unlock_irqrestore(&timer_lock, flags);
}

void timer_add(struct timer *timer, u64 expires)
{
	struct rb_root *root = &timers[timer->wall];
	struct rb_node **link = &root->rb_node, *parent = NULL;
	unsigned long flags;

	spin_lock_irqsave(&timer_lock, flags);
	ASSERT(!timer->queued);
	timer->expires = expires;
	while (*link) {
		parent = *link;
		link = expires < rb_entry(parent, struct timer, node)->expires ? &parent->rb_left :
										 &parent->rb_right;
	}
	rb_link_node(&timer->node, parent, link);
	rb_insert_color(&timer->node, root);
	timer->queued = true;
	if (expiry_of(timer) < next_expiry) {
		WRITE_ONCE(next_expiry, expiry_of(timer));
		order_interrupt();
	}
	spin_unlock_irqrestore(&timer_lock, flags);
}

/* timer_lock held. */
static void dequeue(struct timer *timer)
{
	rb_erase(&timer->node, &timers[timer->wall]);
	timer->queued = false;
	update_next_expiry();
}

static __noreturn void stop_for_timer(const struct timer *timer)
{
	char name[96];

	panic("CPU %u waits for a timer's function on CPU 0 that does not return: %s",
	      smp_processor_id(), kallsyms_format((unsigned long)timer->fn, name, sizeof(name)));
}

bool timer_del(struct timer *timer)
{
	unsigned long flags;
	bool was_queued;

	for (;;) {
		spin_lock_irqsave(&timer_lock, flags);
		was_queued = timer->queued;
		if (was_queued)
			dequeue(timer);
		if (running_timer != timer)
			break;
		spin_unlock_irqrestore(&timer_lock, flags);
		spin_until(READ_ONCE(running_timer) != timer, stop_for_timer(timer));
	}
	spin_unlock_irqrestore(&timer_lock, flags);
	return was_queued;
}

/* The boot CPU. Interrupts are off. The lock is not held in fn, which may add its timer again. */
void run_timers(void)
{
	u64 now = ktime_get_ns();

	if (likely(READ_ONCE(next_expiry) > now + TICK_NSEC))
		return;
	spin_lock(&timer_lock);
	while (next_expiry <= now) {
		struct timer *timer = first_timer();

		dequeue(timer);
		WRITE_ONCE(running_timer, timer);
		spin_unlock(&timer_lock);
		timer->fn(timer);
		spin_lock(&timer_lock);
		WRITE_ONCE(running_timer, NULL);
	}
	order_interrupt();
	spin_unlock(&timer_lock);
}

struct sleeper {
	struct timer timer;
	struct task_struct *task;
};

static void wake_sleeper(struct timer *timer)
{
	wake_up_process(container_of(timer, struct sleeper, timer)->task);
}

void schedule_until_real(u64 deadline)
{
	struct sleeper sleeper = { .timer = { .fn = wake_sleeper, .wall = true }, .task = current };

	timer_add(&sleeper.timer, deadline);
	schedule();
	timer_del(&sleeper.timer);
}

u64 schedule_timeout(u64 ns)
{
	struct sleeper sleeper = { .timer.fn = wake_sleeper, .task = current };
	u64 deadline, now = ktime_get_ns();

	if (ns > ~0ULL - now) {
		schedule();
		return ns;
	}
	deadline = now + ns;
	timer_add(&sleeper.timer, deadline);
	schedule();
	timer_del(&sleeper.timer);
	now = ktime_get_ns();
	return now < deadline ? deadline - now : 0;
}

/* --- the tick --- */

static void check_time_limit(u64 now)
{
	if (likely(!time_limit || now < time_limit * NSEC_PER_SEC))
		return;
	pr_err("time limit of %lu s reached\n", time_limit);
	show_state();
	machine_exit(EXIT_TIME_LIMIT);
}

void tick(struct pt_regs *regs)
{
	u64 now = ktime_get_ns(), last = this_cpu_read(last_tick_ns);
	u64 delta = likely(last) ? now - last : TICK_NSEC; /* a CPU's first */

	this_cpu_write(last_tick_ns, now);
	WRITE_ONCE(ktime_coarse_ns, now);
	if (user_mode(regs) || current == this_idle_task())
		rcu_quiescent_state();
	account_cpu_time(user_mode(regs), delta);
	if (current->signal)
		task_tick_hook(current);
	if (smp_processor_id() == 0) {
		update_load_averages(now);
		run_timers();
		check_time_limit(now);
	}
	scheduler_tick(delta);
}
