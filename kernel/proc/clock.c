/* SPDX-License-Identifier: MIT */
/* System calls about time: clocks, sleeping, the real-time interval timer. */
#include "kernel/core/panic.h"
#include "kernel/core/wait.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/uaccess.h>

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
#define USER_HZ 100

struct timeval {
	s64 tv_sec, tv_usec;
};
struct itimerval {
	struct timeval interval, value;
};

long get_timespec_ns(u64 *ns, const struct timespec __user *uts)
{
	struct timespec ts;

	if (copy_from_user(&ts, uts, sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || (u64)ts.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	/* Longer than 292 years is for ever, but not the ~0 that means "no limit". */
	*ns = (u64)ts.tv_sec > (u64)INT64_MAX / NSEC_PER_SEC - 1 ?
		      (u64)INT64_MAX :
		      (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
	return 0;
}

static long put_timespec(struct timespec __user *uts, u64 ns)
{
	struct timespec ts = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	return copy_to_user(uts, &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* --- clocks --- */

static bool clock_read(int clock, u64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = ktime_get_real_ns();
		return true;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = ktime_get_ns();
		return true;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_exec_ns(current->group_leader);
		return true;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = task_exec_ns(current);
		return true;
	default:
		return false;
	}
}

long sys_clock_gettime(int clock, struct timespec __user *uts)
{
	u64 ns;

	return clock_read(clock, &ns) ? put_timespec(uts, ns) : -EINVAL;
}

long sys_clock_getres(int clock, struct timespec __user *uts)
{
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	u64 ns;

	if (!clock_read(clock, &ns))
		return -EINVAL;
	return uts ? put_timespec(uts, coarse ? TICK_NSEC : 1) : 0;
}

long sys_clock_settime(int clock, const struct timespec __user *uts)
{
	u64 ns;
	long ret;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	ret = get_timespec_ns(&ns, uts);
	if (ret)
		return ret;
	if (current->signal->uid.effective)
		return -EPERM;
	ktime_set_real_ns(ns);
	return 0;
}

long sys_gettimeofday(struct timeval __user *utv, void __user *tz)
{
	u64 ns = ktime_get_real_ns();
	struct timeval tv = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };
	static const s32 no_zone[2];

	if (utv && copy_to_user(utv, &tv, sizeof(tv)))
		return -EFAULT;
	return tz && copy_to_user(tz, no_zone, sizeof(no_zone)) ? -EFAULT : 0;
}

long sys_time(s64 __user *where)
{
	s64 now = (s64)(ktime_get_real_ns() / NSEC_PER_SEC);

	return where && put_user(now, where) ? -EFAULT : (long)now;
}

struct tms {
	s64 utime, stime, cutime, cstime;
};

long sys_times(struct tms __user *utms)
{
	const u64 tick = NSEC_PER_SEC / USER_HZ;
	struct usage own, children;
	struct tms tms;

	spin_lock_irq(&tasklist_lock);
	own = process_usage(current);
	children = current->signal->children;
	spin_unlock_irq(&tasklist_lock);
	tms = (struct tms){ (s64)(own.utime_ns / tick), (s64)(own.stime_ns / tick),
			    (s64)(children.utime_ns / tick), (s64)(children.stime_ns / tick) };
	if (utms && copy_to_user(utms, &tms, sizeof(tms)))
		return -EFAULT;
	return (long)(ktime_get_ns() / tick);
}

/* --- sleeping --- */

static long sleep_restart(unsigned long *args);

/*
 * Until @deadline (ns since boot). Interrupted: what is left goes to @rem, if that is an address.
 */
static long sleep_until(u64 deadline, struct timespec __user *rem)
{
	struct task_struct *task = current;
	u64 now;

	for (;;) {
		WRITE_ONCE(task->state, TASK_INTERRUPTIBLE);
		now = ktime_get_ns();
		if (now >= deadline || signal_pending(task))
			break;
		schedule_timeout(deadline - now);
	}
	WRITE_ONCE(task->state, TASK_RUNNING);
	if (now >= deadline)
		return 0;
	if (rem && put_timespec(rem, deadline - now))
		return -EFAULT;
	task->restart_fn = sleep_restart;
	task->restart_args[0] = (unsigned long)deadline;
	task->restart_args[1] = (unsigned long)rem;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_restart(unsigned long *args)
{
	return sleep_until(args[0], (struct timespec *)args[1]);
}

long sys_clock_nanosleep(int clock, int flags, const struct timespec __user *req,
			 struct timespec __user *rem)
{
	u64 ns, now, clock_now;
	long ret;

	if (clock == CLOCK_THREAD_CPUTIME_ID || !clock_read(clock, &clock_now))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_TAI)
		return -EOPNOTSUPP;
	ret = get_timespec_ns(&ns, req);
	if (ret)
		return ret;
	now = ktime_get_ns();
	if (!(flags & TIMER_ABSTIME))
		return sleep_until(now + ns, rem);
	/* An absolute time is simply asked for again. */
	ret = ns <= clock_now ? 0 : sleep_until(now + (ns - clock_now), NULL);
	return ret == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : ret;
}

long sys_nanosleep(const struct timespec __user *req, struct timespec __user *rem)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, req, rem);
}

/* --- ITIMER_REAL --- */

/*
 * The interrupt only notes whose timer expired; a thread sends the signals, for that takes locks which
 * the interrupted code may hold.
 */
static DEFINE_SPINLOCK(expired_lock);
static LIST_HEAD(expired); /* struct signal_struct.expired_node; expired_lock */
static DECLARE_WAIT_QUEUE_HEAD(expired_wait);

/* Interrupt context. */
static void real_timer_fires(struct timer *timer)
{
	struct signal_struct *signal = container_of(timer, struct signal_struct, real_timer);
	u64 interval;

	spin_lock(&expired_lock);
	if (list_empty(&signal->expired_node))
		list_add_tail(&signal->expired_node, &expired);
	spin_unlock(&expired_lock);
	wake_up(&expired_wait);
	interval = READ_ONCE(signal->real_interval);
	if (interval)
		timer_add(timer, max(timer->expires + interval, ktime_get_ns()));
}

/* Interrupts are off. */
static struct signal_struct *take_expired(void)
{
	struct signal_struct *signal;

	spin_lock(&expired_lock);
	signal = list_first_entry_or_null(&expired, struct signal_struct, expired_node);
	if (signal)
		list_del_init(&signal->expired_node);
	spin_unlock(&expired_lock);
	return signal;
}

/* tasklist_lock from before it leaves the list: the process cannot end in between. */
static bool send_one_alarm(void)
{
	struct signal_struct *signal;
	unsigned long flags;

	spin_lock_irqsave(&tasklist_lock, flags);
	signal = take_expired();
	if (signal)
		send_sig_info(SIGALRM, NULL, signal->owner, true);
	spin_unlock_irqrestore(&tasklist_lock, flags);
	return signal != NULL;
}

static int alarm_thread(void *unused)
{
	(void)unused;
	for (;;) {
		DEFINE_WAIT(wait);

		while (send_one_alarm())
			;
		prepare_to_wait(&expired_wait, &wait, TASK_UNINTERRUPTIBLE);
		if (list_empty(&expired))
			schedule();
		finish_wait(&expired_wait, &wait);
	}
	return 0;
}

void itimers_start(void)
{
	if (!kthread_run(alarm_thread, NULL, "alarm"))
		boot_fail(
			"no memory for the thread of interval timers: give the machine more RAM (MEM=)");
}

void itimer_init(struct signal_struct *signal)
{
	signal->real_timer.fn = real_timer_fires;
	INIT_LIST_HEAD(&signal->expired_node);
}

void exit_itimer(struct signal_struct *signal)
{
	signal->real_interval = 0;
	timer_del(&signal->real_timer);
	spin_lock_irq(&expired_lock);
	list_del_init(&signal->expired_node);
	spin_unlock_irq(&expired_lock);
}

/*
 * What is left, and the interval, of a timer that is then set anew if @set. ns. sighand->lock keeps the
 * process's threads apart; the timer itself does without it.
 */
static void change_real_timer(u64 *left, u64 *interval, bool set, u64 new_left, u64 new_interval)
{
	struct signal_struct *signal = current->signal;
	spinlock_t *lock = &current->sighand->lock;
	u64 now, expires;

	spin_lock_irq(lock);
	now = ktime_get_ns();
	expires = READ_ONCE(signal->real_timer.expires);
	*left = READ_ONCE(signal->real_timer.queued) ? expires > now ? expires - now : 1000 : 0;
	*interval = signal->real_interval;
	if (set) {
		WRITE_ONCE(signal->real_interval, 0);
		timer_del(&signal->real_timer);
		WRITE_ONCE(signal->real_interval, new_left ? new_interval : 0);
		if (new_left)
			timer_add(&signal->real_timer, now + new_left);
	}
	spin_unlock_irq(lock);
}

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

long sys_setitimer(int which, const struct itimerval __user *unew, struct itimerval __user *uold)
{
	struct itimerval new = { 0 }, old;
	u64 left, interval, new_left, new_interval;

	if (unew && copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	if (which || !timeval_ns(&new.value, &new_left) ||
	    !timeval_ns(&new.interval, &new_interval))
		return -EINVAL;
	change_real_timer(&left, &interval, true, new_left, new_interval);
	old = (struct itimerval){ ns_timeval(interval), ns_timeval(left) };
	return uold && copy_to_user(uold, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_getitimer(int which, struct itimerval __user *uval)
{
	struct itimerval val;
	u64 left, interval;

	if (which)
		return -EINVAL;
	change_real_timer(&left, &interval, false, 0, 0);
	val = (struct itimerval){ ns_timeval(interval), ns_timeval(left) };
	return copy_to_user(uval, &val, sizeof(val)) ? -EFAULT : 0;
}

long sys_alarm(unsigned int seconds)
{
	u64 left, interval;

	change_real_timer(&left, &interval, true, seconds * NSEC_PER_SEC, 0);
	/* Rounded to the nearest second, but something is not nothing. */
	return left ? max((long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC), 1L) : 0;
}
