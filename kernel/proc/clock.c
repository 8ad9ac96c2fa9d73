/* SPDX-License-Identifier: MIT */
/* System calls about time: clocks and sleeping. Timers that send signals: itimer.c, posix_timer.c. */
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/timers.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define USER_HZ 100

struct timeval {
	s64 tv_sec, tv_usec;
};

long timespec_ns(u64 *ns, const struct timespec *ts)
{
	if (ts->tv_sec < 0 || (u64)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	/* Longer than 292 years is for ever, but not the ~0 that means "no limit". */
	*ns = (u64)ts->tv_sec > (u64)INT64_MAX / NSEC_PER_SEC - 1 ?
		      (u64)INT64_MAX :
		      (u64)ts->tv_sec * NSEC_PER_SEC + (u64)ts->tv_nsec;
	return 0;
}

long get_timespec_ns(u64 *ns, const struct timespec __user *uts)
{
	struct timespec ts;

	return copy_from_user(&ts, uts, sizeof(ts)) ? -EFAULT : timespec_ns(ns, &ts);
}

static long put_timespec(struct timespec __user *uts, u64 ns)
{
	struct timespec ts = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	return copy_to_user(uts, &ts, sizeof(ts)) ? -EFAULT : 0;
}

/* --- clocks --- */

/* Clocks by number: ~pid << 3, 4 for a thread's, and what is measured. */
#define CPUCLOCK_PROF 0
#define CPUCLOCK_VIRT 1
#define CPUCLOCK_SCHED 2
#define CPUCLOCK_MAX 3
#define CPUCLOCK_PERTHREAD 4

struct task_struct *cpu_clock_task(int clock, bool *thread)
{
	struct task_struct *task, *me = current;
	pid_t pid = clock < 0 ? ~(clock >> 3) : 0;

	*thread = clock < 0 ? clock & CPUCLOCK_PERTHREAD : clock == CLOCK_THREAD_CPUTIME_ID;
	if (clock < 0 ? (clock & 3) == CPUCLOCK_MAX :
			clock != CLOCK_PROCESS_CPUTIME_ID && !*thread)
		return NULL;
	if (!pid || pid == me->pid) {
		get_task_struct(me);
		return me;
	}
	task = find_get_task(pid);
	if (task && task->signal && (*thread ? task->signal == me->signal : task->tgid == pid))
		return task;
	if (task)
		put_task_struct(task);
	return NULL;
}

u64 cpu_clock_ns(int clock, bool thread, struct task_struct *task)
{
	struct usage usage = thread ? task_usage(task) : process_usage(task);

	switch (clock < 0 ? clock & 3 : CPUCLOCK_SCHED) {
	case CPUCLOCK_PROF:
		return usage.utime_ns + usage.stime_ns;
	case CPUCLOCK_VIRT:
		return usage.utime_ns;
	default:
		return usage.exec_ns;
	}
}

/* A clock with a number of somebody in it. */
static bool cpu_clock_read(int clock, u64 *ns)
{
	bool thread;
	struct task_struct *task = cpu_clock_task(clock, &thread);

	if (!task)
		return false;
	spin_lock_irq(&tasklist_lock);
	*ns = cpu_clock_ns(clock, thread, task);
	spin_unlock_irq(&tasklist_lock);
	put_task_struct(task);
	return true;
}

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
		return clock < 0 && cpu_clock_read(clock, ns);
	}
}

long sys_clock_gettime(int clock, struct timespec __user *uts)
{
	u64 ns;

	return clock_read(clock, &ns) ? put_timespec(uts, ns) : -EINVAL;
}

long sys_clock_getres(int clock, struct timespec __user *uts)
{
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ||
		      (clock < 0 && (clock & 3) != CPUCLOCK_SCHED);
	u64 ns;

	if (!clock_read(clock, &ns))
		return -EINVAL;
	return uts ? put_timespec(uts, coarse ? TICK_NSEC : 1) : 0;
}

/* Linux wants 30 years to come before the clock overflows. */
#define SETTABLE_SECONDS_MAX (INT64_MAX / (s64)NSEC_PER_SEC - 30LL * 365 * 24 * 3600)

/* Set the wall clock; it is never less than the time since boot. NULL: only check. 0, -EINVAL, -EPERM. */
static long set_real_time(const struct timespec *ts)
{
	u64 ns;

	if (ts && (timespec_ns(&ns, ts) || ts->tv_sec > SETTABLE_SECONDS_MAX))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (ts && ns < ktime_get_ns())
		return -EINVAL;
	if (ts)
		ktime_set_real_ns(ns);
	return 0;
}

long sys_clock_settime(int clock, const struct timespec __user *uts)
{
	struct timespec ts;
	u64 now;

	if (clock > CLOCK_REALTIME)
		return -EINVAL;
	if (copy_from_user(&ts, uts, sizeof(ts)))
		return -EFAULT;
	if (clock != CLOCK_REALTIME) /* CPU time cannot be set */
		return clock_read(clock, &now) ? -EPERM : -EINVAL;
	return set_real_time(&ts);
}

/* Minutes west of Greenwich and kind of daylight saving time: kept for programs, no more. */
static s32 time_zone[2];

long sys_gettimeofday(struct timeval __user *utv, void __user *tz)
{
	u64 ns = ktime_get_real_ns();
	struct timeval tv = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000) };

	if (utv && copy_to_user(utv, &tv, sizeof(tv)))
		return -EFAULT;
	return tz && copy_to_user(tz, time_zone, sizeof(time_zone)) ? -EFAULT : 0;
}

long sys_settimeofday(const struct timeval __user *utv, const void __user *utz)
{
	struct timeval tv;
	struct timespec ts;
	s32 zone[2];
	long ret;

	if (utv && copy_from_user(&tv, utv, sizeof(tv)))
		return -EFAULT;
	if (utv && (tv.tv_usec < 0 || tv.tv_usec >= 1000000))
		return -EINVAL;
	if (utz && copy_from_user(zone, utz, sizeof(zone)))
		return -EFAULT;
	if (utz && (zone[0] > 15 * 60 || zone[0] < -15 * 60))
		return -EINVAL;
	if (utv)
		ts = (struct timespec){ tv.tv_sec, tv.tv_usec * 1000 };
	ret = set_real_time(utv ? &ts : NULL);
	if (!ret && utz)
		memcpy(time_zone, zone, sizeof(zone));
	return ret;
}

/* struct timex of adjtimex(2). */
struct timex {
	u32 modes, pad1;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad2;
	s64 constant, precision, tolerance;
	struct timeval time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad3;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad4[11];
};

#define STA_UNSYNC 0x40
#define TIME_ERROR 5

/* Nothing disciplines this clock, and nobody can ask for it: the answer is that of such a Linux. */
long sys_adjtimex(struct timex __user *utx)
{
	u64 now = ktime_get_real_ns();
	struct timex tx = {
		.maxerror = 16000000,
		.esterror = 16000000,
		.status = STA_UNSYNC,
		.constant = 2,
		.precision = 1,
		.tolerance = 32768000,
		.time = { (s64)(now / NSEC_PER_SEC), (s64)(now % NSEC_PER_SEC / 1000) },
		.tick = 1000000 / USER_HZ,
	};
	u32 modes;

	BUILD_BUG_ON(sizeof(tx) != 208);
	/* The first field; the user's address need not be aligned. */
	if (get_user(modes, (u32 __user *)utx))
		return -EFAULT;
	if (modes)
		return -EPERM;
	return copy_to_user(utx, &tx, sizeof(tx)) ? -EFAULT : TIME_ERROR;
}

long sys_clock_adjtime(int clock, struct timex __user *utx)
{
	u64 ns;

	if (!clock_read(clock, &ns))
		return -EINVAL;
	return clock == CLOCK_REALTIME ? sys_adjtimex(utx) : -EOPNOTSUPP;
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

/* Until the wall clock says @deadline, if somebody sets it, too. */
static long sleep_until_real(u64 deadline)
{
	struct task_struct *task = current;

	for (;;) {
		WRITE_ONCE(task->state, TASK_INTERRUPTIBLE);
		if (ktime_get_real_ns() >= deadline || signal_pending(task))
			break;
		schedule_until_real(deadline);
	}
	WRITE_ONCE(task->state, TASK_RUNNING);
	return ktime_get_real_ns() >= deadline ? 0 : -ERESTARTNOHAND;
}

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

static long cpu_sleep_restart(unsigned long *args);

/* Until a CPU clock says @deadline. Nobody wakes us: it is looked at as often as it changes. */
static long sleep_until_cpu_time(int clock, u64 deadline, struct timespec __user *rem)
{
	struct task_struct *task = current;
	u64 now;

	for (;;) {
		if (!clock_read(clock, &now) || now >= deadline)
			return 0;
		WRITE_ONCE(task->state, TASK_INTERRUPTIBLE);
		if (signal_pending(task))
			break;
		schedule_timeout(TICK_NSEC);
	}
	WRITE_ONCE(task->state, TASK_RUNNING);
	if (rem && put_timespec(rem, deadline - now))
		return -EFAULT;
	task->restart_fn = cpu_sleep_restart;
	task->restart_args[0] = (unsigned long)clock;
	task->restart_args[1] = (unsigned long)deadline;
	task->restart_args[2] = (unsigned long)rem;
	return -ERESTART_RESTARTBLOCK;
}

static long cpu_sleep_restart(unsigned long *args)
{
	return sleep_until_cpu_time((int)args[0], args[1], (struct timespec *)args[2]);
}

static long sleep_cpu_time(int clock, int flags, const struct timespec __user *req,
			   struct timespec __user *rem)
{
	bool thread;
	struct task_struct *task = cpu_clock_task(clock, &thread);
	bool own = thread && task == current;
	u64 ns, now;
	long ret;

	if (task)
		put_task_struct(task);
	ret = get_timespec_ns(&ns, req);
	if (ret)
		return ret;
	/* While it sleeps, its own time stands still. */
	if (own || !task || !clock_read(clock, &now))
		return -EINVAL;
	if (!(flags & TIMER_ABSTIME))
		return sleep_until_cpu_time(clock, now + ns, rem);
	ret = sleep_until_cpu_time(clock, ns, NULL);
	return ret == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : ret;
}

long sys_clock_nanosleep(int clock, int flags, const struct timespec __user *req,
			 struct timespec __user *rem)
{
	u64 ns, now;
	long ret;

	if (clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID)
		return sleep_cpu_time(clock, flags, req, rem);
	if (!clock_read(clock, &now))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_TAI)
		return -EOPNOTSUPP;
	ret = get_timespec_ns(&ns, req);
	if (ret)
		return ret;
	if (!(flags & TIMER_ABSTIME))
		return sleep_until(ktime_get_ns() + ns, rem);
	if (clock == CLOCK_REALTIME || clock == CLOCK_TAI)
		return sleep_until_real(ns);
	/* An absolute time is simply asked for again. */
	ret = sleep_until(ns, NULL);
	return ret == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : ret;
}

long sys_nanosleep(const struct timespec __user *req, struct timespec __user *rem)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, req, rem);
}
