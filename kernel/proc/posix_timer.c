/* SPDX-License-Identifier: MIT */
/*
 * timer_create(2) and its kin. A timer owns its entry of a signal queue, so that sending cannot fail
 * and it is pending once at most. One with an interval rests while its signal is pending: when that is
 * taken off, the periods that went by are counted (the overrun) and the timer goes on from there.
 *
 *	settime --> armed --(expires)--> signal pending --(delivered)--> armed again, or at rest
 *
 * All fields are guarded by the owner's sighand->lock. A timer is freed under tasklist_lock, which the
 * thread that sends signals holds meanwhile (itimer.c).
 */
#include "kernel/core/panic.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define SIGEV_SIGNAL 0
#define SIGEV_NONE 1
#define SIGEV_THREAD 2
#define SIGEV_THREAD_ID 4
#define SIGEV_SIZE 64

struct sigevent {
	u64 value;
	s32 signo, notify, tid;
};

struct itimerspec {
	struct timespec interval, value;
};

struct k_itimer {
	struct list_head node; /* signal->posix_timers */
	struct signal_struct *signal;
	int id, clock, notify;
	bool cpu_thread; /* the clock is a thread's */
	struct task_struct
		*cpu_task; /* whose time a CPU clock measures, counted; NULL: other clocks */
	struct task_struct *target; /* SIGEV_THREAD_ID: counted */
	u64 expires; /* by its clock, 0: disarmed; a wall clock's if the time was absolute, else since boot */
	u64 interval;               /* ns */
	unsigned int overrun, overrun_last;
	bool resting; /* its signal is pending; the interval goes on with its delivery */
	struct timer timer;
	struct expiry expiry;
	struct sigqueue *queue;
};

static struct kmem_cache *timer_cache;

void posix_timer_init(void)
{
	timer_cache = kmem_cache_create("posix_timer", sizeof(struct k_itimer), 0);
}

/* --- time --- */

static u64 timer_now(const struct k_itimer *timer)
{
	if (timer->cpu_task)
		return cpu_clock_ns(timer->clock, timer->cpu_thread, timer->cpu_task);
	return timer->timer.wall ? ktime_get_real_ns() : ktime_get_ns();
}

static void start(struct k_itimer *timer)
{
	if (timer->cpu_task)
		watch_cpu_time(timer->signal);
	else if (timer->notify != SIGEV_NONE)
		timer_add(&timer->timer, timer->expires);
}

/* Skip the periods that are over at @now. */
static void forward(struct k_itimer *timer, u64 now)
{
	u64 periods;

	if (now < timer->expires)
		return;
	periods = (now - timer->expires) / timer->interval + 1;
	timer->expires += periods * timer->interval;
	timer->overrun = (unsigned int)min(timer->overrun + periods, (u64)INT32_MAX);
}

/* --- expiry --- */

/* Interrupt context. */
static void wall_timer_fires(struct timer *timer)
{
	expire(&container_of(timer, struct k_itimer, timer)->expiry);
}

/* sighand->lock held, and tasklist_lock, for the target's sake: it is time. */
static void fire(struct k_itimer *timer, u64 now)
{
	struct task_struct *target = timer->target ? timer->target : timer->signal->owner;
	bool queued = target->sighand && send_sigqueue(timer->queue, target, !timer->target);

	if (!timer->interval) {
		timer->expires = 0;
	} else if (queued) {
		timer->resting = true;
	} else {
		/* Nobody wants to know: it goes on by itself, but not often, and counts for who may want later. */
		forward(timer, timer->interval < TICK_NSEC ? now + TICK_NSEC : now);
		start(timer);
	}
}

/* tasklist_lock held. */
static void posix_timer_expired(struct expiry *expiry)
{
	struct k_itimer *timer = container_of(expiry, struct k_itimer, expiry);
	struct sighand_struct *sighand = timer->signal->owner->sighand;
	u64 now;

	if (!sighand)
		return;
	spin_lock(&sighand->lock);
	now = timer_now(timer);
	/* Set anew meanwhile, it is queued, over or not; of a clock set back, it is not yet time. */
	if (timer->expires && !timer->resting && !READ_ONCE(timer->timer.queued)) {
		if (now >= timer->expires)
			fire(timer, now);
		else
			start(timer);
	}
	spin_unlock(&sighand->lock);
}

void check_posix_cpu_timers(struct signal_struct *signal)
{
	struct sighand_struct *sighand = signal->owner->sighand;
	struct k_itimer *timer;

	spin_lock(&sighand->lock);
	list_for_each_entry(timer, &signal->posix_timers, node) {
		u64 now;

		if (!timer->cpu_task || !timer->expires || timer->resting ||
		    timer->notify == SIGEV_NONE)
			continue;
		now = timer_now(timer);
		if (now >= timer->expires)
			fire(timer, now);
	}
	spin_unlock(&sighand->lock);
}

void posix_timer_delivered(struct k_itimer *timer, struct siginfo *info)
{
	if (!timer->resting)
		return;
	timer->resting = false;
	/* The expiry that was signalled is no overrun. */
	forward(timer, timer_now(timer));
	timer->overrun_last = timer->overrun ? timer->overrun - 1 : 0;
	timer->overrun = 0;
	info->timer.overrun = (s32)timer->overrun_last;
	start(timer);
}

/* --- making and deleting --- */

/* What @event asks for: 0 or -EINVAL. A thread of the own process is counted in @target. */
static long check_event(const struct sigevent *event, struct task_struct **target)
{
	*target = NULL;
	if (event->notify == SIGEV_NONE)
		return 0;
	if ((event->notify != SIGEV_SIGNAL && event->notify != SIGEV_THREAD &&
	     event->notify != SIGEV_THREAD_ID) ||
	    event->signo < 1 || event->signo > NSIG)
		return -EINVAL;
	if (event->notify != SIGEV_THREAD_ID)
		return 0;
	*target = find_get_task(event->tid);
	if (*target && (*target)->signal == current->signal)
		return 0;
	if (*target)
		put_task_struct(*target);
	return -EINVAL;
}

/* Not on the list any more. tasklist_lock held; @release afterwards without. */
static void unlink_timer(struct k_itimer *timer)
{
	struct sighand_struct *sighand = current->sighand;

	spin_lock(&sighand->lock);
	list_del_init(&timer->node);
	timer_del(&timer->timer);
	stop_expiry(&timer->expiry);
	release_timer_sigqueue(timer->queue);
	spin_unlock(&sighand->lock);
}

static void free_timer(struct k_itimer *timer)
{
	if (timer->target)
		put_task_struct(timer->target);
	if (timer->cpu_task)
		put_task_struct(timer->cpu_task);
	kmem_cache_free(timer_cache, timer);
}

/* sighand->lock held. */
static struct k_itimer *find_timer(int id)
{
	struct k_itimer *timer;

	list_for_each_entry(timer, &current->signal->posix_timers, node)
		if (timer->id == id)
			return timer;
	return NULL;
}

/* Number it and make it known. @value_is_id: the signal's value is its number. */
static void link_timer(struct k_itimer *timer, bool value_is_id)
{
	struct signal_struct *signal = current->signal;

	spin_lock_irq(&current->sighand->lock);
	do {
		timer->id = signal->next_timer_id;
		signal->next_timer_id = (timer->id + 1) & INT32_MAX;
	} while (find_timer(timer->id));
	timer->queue->info.timer.tid = timer->id;
	if (value_is_id)
		timer->queue->info.timer.value = (u64)timer->id;
	list_add_tail(&timer->node, &signal->posix_timers);
	spin_unlock_irq(&current->sighand->lock);
}

static struct k_itimer *alloc_timer(int clock, const struct sigevent *event)
{
	struct k_itimer *timer = kmem_cache_alloc(timer_cache, GFP_KERNEL | __GFP_ZERO);

	if (!timer)
		return NULL;
	timer->queue = alloc_timer_sigqueue(timer);
	if (!timer->queue) {
		kmem_cache_free(timer_cache, timer);
		return NULL;
	}
	timer->queue->info = (struct siginfo){ .si_signo = event->signo,
					       .si_code = SI_TIMER,
					       .timer.value = event->value };
	timer->signal = current->signal;
	timer->clock = clock;
	timer->notify = event->notify;
	timer->timer.fn = wall_timer_fires;
	INIT_LIST_HEAD(&timer->expiry.node);
	timer->expiry.fn = posix_timer_expired;
	return timer;
}

/* 0, or an error; a CPU clock's task is counted in @task. */
static long check_clock(int clock, struct task_struct **task, bool *thread)
{
	*task = NULL;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		/* Only one's own process's time can be waited for. */
		*task = cpu_clock_task(clock, thread);
		if (*task && (*task)->signal != current->signal) {
			put_task_struct(*task);
			*task = NULL;
		}
		return *task ? 0 : -EINVAL;
	}
}

long sys_timer_create(int clock, const void __user *uevent, int __user *uid)
{
	struct sigevent event = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	struct task_struct *cpu_task, *target = NULL;
	struct k_itimer *timer;
	bool thread = false;
	long ret;

	if (uevent &&
	    (!access_ok(uevent, SIGEV_SIZE) || copy_from_user(&event, uevent, sizeof(event))))
		return -EFAULT;
	ret = check_clock(clock, &cpu_task, &thread);
	if (!ret)
		ret = check_event(&event, &target);
	timer = ret ? NULL : alloc_timer(clock, &event);
	if (!timer) {
		if (target)
			put_task_struct(target);
		if (cpu_task)
			put_task_struct(cpu_task);
		return ret ? ret : -EAGAIN;
	}
	timer->cpu_task = cpu_task;
	timer->cpu_thread = thread;
	timer->target = target;
	link_timer(timer, !uevent);
	if (!put_user(timer->id, uid))
		return 0;
	sys_timer_delete(timer->id);
	return -EFAULT;
}

long sys_timer_delete(int id)
{
	struct k_itimer *timer;

	spin_lock_irq(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	timer = find_timer(id);
	spin_unlock(&current->sighand->lock);
	if (timer)
		unlink_timer(timer);
	spin_unlock_irq(&tasklist_lock);
	if (!timer)
		return -EINVAL;
	free_timer(timer);
	return 0;
}

void delete_posix_timers(void)
{
	struct list_head *timers = &current->signal->posix_timers;

	while (!list_empty(timers)) {
		struct k_itimer *timer = list_first_entry(timers, struct k_itimer, node);

		spin_lock_irq(&tasklist_lock);
		unlink_timer(timer);
		spin_unlock_irq(&tasklist_lock);
		free_timer(timer);
	}
}

/* --- asking and setting --- */

/* sighand->lock held. */
static void tell(struct k_itimer *timer, u64 now, u64 *left, u64 *interval)
{
	u64 expires = timer->expires;

	*interval = timer->interval;
	*left = 0;
	if (!expires)
		return;
	if (expires <= now && timer->interval && (timer->resting || timer->notify == SIGEV_NONE))
		expires += ((now - expires) / timer->interval + 1) * timer->interval;
	if (expires > now)
		*left = expires - now;
	else if (timer->notify != SIGEV_NONE)
		*left = 1; /* it is about to expire */
}

static void set(struct k_itimer *timer, int flags, u64 value, u64 interval)
{
	bool absolute = flags & TIMER_ABSTIME;

	timer_del(&timer->timer);
	timer->timer.wall =
		absolute && (timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_TAI);
	timer->resting = false;
	timer->overrun = timer->overrun_last = 0;
	timer->interval = value || timer->cpu_task ? interval : 0; /* as Linux tells it */
	timer->expires = 0;
	if (!value)
		return;
	timer->expires = absolute ? value : min(timer_now(timer) + value, (u64)INT64_MAX);
	start(timer);
}

static long put_itimerspec(struct itimerspec __user *uspec, u64 left, u64 interval)
{
	struct itimerspec spec = {
		{ (s64)(interval / NSEC_PER_SEC), (s64)(interval % NSEC_PER_SEC) },
		{ (s64)(left / NSEC_PER_SEC), (s64)(left % NSEC_PER_SEC) },
	};

	return copy_to_user(uspec, &spec, sizeof(spec)) ? -EFAULT : 0;
}

long sys_timer_settime(int id, int flags, const struct itimerspec __user *unew,
		       struct itimerspec __user *uold)
{
	u64 value, interval, left = 0, old_interval = 0;
	struct itimerspec new;
	struct k_itimer *timer;

	if (!unew)
		return -EINVAL;
	if (copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	if (timespec_ns(&value, &new.value) || timespec_ns(&interval, &new.interval))
		return -EINVAL;
	spin_lock_irq(&current->sighand->lock);
	timer = find_timer(id);
	if (timer) {
		tell(timer, timer_now(timer), &left, &old_interval);
		set(timer, flags, value, interval);
	}
	spin_unlock_irq(&current->sighand->lock);
	if (!timer)
		return -EINVAL;
	return uold ? put_itimerspec(uold, left, old_interval) : 0;
}

long sys_timer_gettime(int id, struct itimerspec __user *uspec)
{
	struct k_itimer *timer;
	u64 left, interval;

	spin_lock_irq(&current->sighand->lock);
	timer = find_timer(id);
	if (timer)
		tell(timer, timer_now(timer), &left, &interval);
	spin_unlock_irq(&current->sighand->lock);
	return timer ? put_itimerspec(uspec, left, interval) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	struct k_itimer *timer;
	long overrun = -EINVAL;

	spin_lock_irq(&current->sighand->lock);
	timer = find_timer(id);
	if (timer)
		overrun = timer->overrun_last;
	spin_unlock_irq(&current->sighand->lock);
	return overrun;
}
