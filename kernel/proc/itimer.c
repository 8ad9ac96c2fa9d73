/* SPDX-License-Identifier: MIT */
/*
 * Interval timers, RLIMIT_CPU, and the thread that sends all timers' signals. CPU time is looked at
 * when a tick finds a thread of the process running, thus at most a tick late.
 */
#include "kernel/core/panic.h"
#include "kernel/core/wait.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define ITIMER_REAL 0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF 2

struct timeval {
	s64 tv_sec, tv_usec;
};
struct itimerval {
	struct timeval interval, value;
};
/* The same in ns. */
struct itimer_ns {
	u64 interval, value;
};

/* --- the thread --- */

static DEFINE_SPINLOCK(expired_lock);
static LIST_HEAD(expired); /* struct expiry.node; expired_lock */
static DECLARE_WAIT_QUEUE_HEAD(expired_wait);

void expire(struct expiry *expiry)
{
	unsigned long flags;

	spin_lock_irqsave(&expired_lock, flags);
	if (list_empty(&expiry->node) && !expiry->stopped)
		list_add_tail(&expiry->node, &expired);
	spin_unlock_irqrestore(&expired_lock, flags);
	wake_up(&expired_wait);
}

/* What expired but was not handled yet is not any more. tasklist_lock held. */
static void forget_expiry(struct expiry *expiry)
{
	spin_lock(&expired_lock);
	list_del_init(&expiry->node);
	spin_unlock(&expired_lock);
}

void stop_expiry(struct expiry *expiry)
{
	unsigned long flags;

	spin_lock_irqsave(&expired_lock, flags);
	expiry->stopped = true;
	list_del_init(&expiry->node);
	spin_unlock_irqrestore(&expired_lock, flags);
}

/* tasklist_lock from before it leaves the list: what it belongs to cannot go in between. */
static bool handle_one(void)
{
	struct expiry *expiry;
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	spin_lock(&expired_lock);
	expiry = list_first_entry_or_null(&expired, struct expiry, node);
	if (expiry)
		list_del_init(&expiry->node);
	spin_unlock(&expired_lock);
	if (expiry)
		expiry->fn(expiry);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return expiry != NULL;
}

static int alarm_thread(void *unused)
{
	(void)unused;
	for (;;) {
		DEFINE_WAIT(wait);

		while (handle_one())
			;
		prepare_to_wait(&expired_wait, &wait, TASK_UNINTERRUPTIBLE);
		if (list_empty(&expired))
			schedule();
		finish_wait(&expired_wait, &wait);
	}
	return 0;
}

/* --- ITIMER_REAL --- */

/* Interrupt context. */
static void real_timer_fires(struct timer *timer)
{
	expire(&container_of(timer, struct signal_struct, real_timer)->real_expiry);
}

/*
 * An interval goes on when its signal is taken, as on Linux: however short it is, it costs the process
 * that wants it; and one whose signal is ignored stands still for ever.
 */
void real_timer_delivered(struct signal_struct *signal)
{
	struct timer *timer = &signal->real_timer;
	u64 now = ktime_get_ns(), interval = signal->real_interval, expires = timer->expires;

	if (!interval || READ_ONCE(timer->queued))
		return;
	if (expires <= now)
		expires += ((now - expires) / interval + 1) * interval;
	timer_add(timer, expires);
}

static void send_alarm(struct expiry *expiry)
{
	struct signal_struct *signal = container_of(expiry, struct signal_struct, real_expiry);

	send_sig_info(SIGALRM, NULL, signal->owner, true);
}

/* tasklist_lock and sighand->lock held. No signal of the old time comes after this. */
static void change_real_timer(struct itimer_ns *old, const struct itimer_ns *new)
{
	struct signal_struct *signal = current->signal;
	u64 now = ktime_get_ns(), expires = READ_ONCE(signal->real_timer.expires);

	old->value =
		READ_ONCE(signal->real_timer.queued) ? expires > now ? expires - now : 1000 : 0;
	old->interval = signal->real_interval;
	if (!new)
		return;
	timer_del(&signal->real_timer);
	forget_expiry(&signal->real_expiry);
	signal->real_interval = new->value ? new->interval : 0;
	if (new->value)
		timer_add(&signal->real_timer, now + new->value);
}

/* --- CPU time --- */

/* Interrupt context: @task runs. */
static void look_at_cpu_time(struct task_struct *task)
{
	if (unlikely(READ_ONCE(task->signal->cpu_watched)))
		expire(&task->signal->cpu_expiry);
}

static void check_cpu_itimer(struct signal_struct *signal, int which, u64 now, int sig)
{
	struct cpu_itimer *timer = &signal->cpu_itimer[which - ITIMER_VIRTUAL];
	spinlock_t *lock = &signal->owner->sighand->lock;
	bool fires;

	spin_lock(lock);
	fires = timer->expires && now >= timer->expires;
	if (fires)
		timer->expires = timer->interval ? max(timer->expires + timer->interval, now) : 0;
	spin_unlock(lock);
	if (fires)
		send_sig_info(sig, NULL, signal->owner, true);
}

/* SIGXCPU each second from the soft limit on, SIGKILL at the hard one. */
static void check_cpu_limit(struct signal_struct *signal, u64 now)
{
	struct rlimit *limit = &signal->rlim[RLIMIT_CPU];
	u64 seconds = now / NSEC_PER_SEC;

	if (seconds >= limit->rlim_max) {
		send_sig_info(SIGKILL, NULL, signal->owner, true);
	} else if (seconds >= limit->rlim_cur) {
		limit->rlim_cur = seconds + 1;
		send_sig_info(SIGXCPU, NULL, signal->owner, true);
	}
}

static void check_cpu_time(struct expiry *expiry)
{
	struct signal_struct *signal = container_of(expiry, struct signal_struct, cpu_expiry);
	struct usage usage;

	if (!signal->owner->sighand)
		return;
	usage = process_usage(signal->owner);
	check_cpu_itimer(signal, ITIMER_VIRTUAL, usage.utime_ns, SIGVTALRM);
	check_cpu_itimer(signal, ITIMER_PROF, usage.utime_ns + usage.stime_ns, SIGPROF);
	check_cpu_limit(signal, usage.utime_ns + usage.stime_ns);
	check_posix_cpu_timers(signal);
}

/* tasklist_lock and sighand->lock held. */
static void change_cpu_itimer(int which, struct itimer_ns *old, const struct itimer_ns *new)
{
	struct signal_struct *signal = current->signal;
	struct cpu_itimer *timer = &signal->cpu_itimer[which - ITIMER_VIRTUAL];
	struct usage usage = process_usage(signal->owner);
	u64 now = usage.utime_ns + (which == ITIMER_PROF ? usage.stime_ns : 0);

	old->interval = timer->interval;
	old->value = !timer->expires ? 0 : timer->expires > now ? timer->expires - now : TICK_NSEC;
	if (!new)
		return;
	*timer = (struct cpu_itimer){ new->value ? now + new->value : 0, new->interval };
	if (new->value)
		watch_cpu_time(signal);
}

/* --- life --- */

void itimers_start(void)
{
	posix_timer_init();
	task_tick_hook = look_at_cpu_time;
	if (!kthread_run(alarm_thread, NULL, "alarm"))
		boot_fail(
			"no memory for the thread of interval timers: give the machine more RAM (MEM=)");
}

void itimer_init(struct signal_struct *signal)
{
	signal->real_timer.fn = real_timer_fires;
	INIT_LIST_HEAD(&signal->real_expiry.node);
	signal->real_expiry.fn = send_alarm;
	INIT_LIST_HEAD(&signal->cpu_expiry.node);
	signal->cpu_expiry.fn = check_cpu_time;
	INIT_LIST_HEAD(&signal->posix_timers);
}

void exit_itimers(struct signal_struct *signal)
{
	if (!list_empty(&signal->posix_timers))
		delete_posix_timers();
	signal->real_interval = 0;
	timer_del(&signal->real_timer);
	spin_lock_irq(&tasklist_lock);
	stop_expiry(&signal->real_expiry);
	stop_expiry(&signal->cpu_expiry);
	spin_unlock_irq(&tasklist_lock);
}

/* --- system calls --- */

static bool timeval_ns(const struct timeval *tv, u64 *ns)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return false;
	*ns = (u64)min(tv->tv_sec, (s64)(INT64_MAX / NSEC_PER_SEC / 2)) * NSEC_PER_SEC +
	      (u64)tv->tv_usec * 1000;
	return true;
}

static struct timeval ns_timeval(u64 ns)
{
	return (struct timeval){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };
}

/* @new NULL: only tell. */
static void change_itimer(int which, struct itimer_ns *old, const struct itimer_ns *new)
{
	spin_lock_irq(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	if (which == ITIMER_REAL)
		change_real_timer(old, new);
	else
		change_cpu_itimer(which, old, new);
	spin_unlock(&current->sighand->lock);
	spin_unlock_irq(&tasklist_lock);
}

static long put_itimerval(struct itimerval __user *uval, const struct itimer_ns *ns)
{
	struct itimerval val = { ns_timeval(ns->interval), ns_timeval(ns->value) };

	return copy_to_user(uval, &val, sizeof(val)) ? -EFAULT : 0;
}

long sys_setitimer(int which, const struct itimerval __user *unew, struct itimerval __user *uold)
{
	struct itimerval val = { 0 };
	struct itimer_ns new, old;

	if (unew && copy_from_user(&val, unew, sizeof(val)))
		return -EFAULT;
	if (which < ITIMER_REAL || which > ITIMER_PROF || !timeval_ns(&val.value, &new.value) ||
	    !timeval_ns(&val.interval, &new.interval))
		return -EINVAL;
	change_itimer(which, &old, &new);
	return uold ? put_itimerval(uold, &old) : 0;
}

long sys_getitimer(int which, struct itimerval __user *uval)
{
	struct itimer_ns now;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	change_itimer(which, &now, NULL);
	return put_itimerval(uval, &now);
}

long sys_alarm(unsigned int seconds)
{
	const struct itimer_ns new = { .value = seconds * NSEC_PER_SEC };
	struct itimer_ns old;

	change_itimer(ITIMER_REAL, &old, &new);
	/* Rounded to the nearest second, but something is not nothing. */
	return old.value ? max((long)((old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC), 1L) : 0;
}
