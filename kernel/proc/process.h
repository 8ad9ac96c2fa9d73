/* SPDX-License-Identifier: MIT */
/*
 * Processes: how they begin (fork.c), become another program (exec.c), end (exit.c) and are waited
 * for (wait.c), and in which groups they stand (jobs.c).
 */
#ifndef KERNEL_PROC_PROCESS_H
#define KERNEL_PROC_PROCESS_H

#include "kernel/proc/exit.h"
#include "kernel/proc/signal.h"

/* --- beginning --- */
/* Caches and hooks of this folder. Boot, after sched_init(). */
void process_init(void);
void vdso_init(void); /* where its frames are; boot */
/*
 * Make pid 1: a task with its own files, fs and signals that runs fn(arg) in the kernel, calls
 * kernel_execve() there, and goes to user mode when fn returns. Panics when out of memory.
 */
void start_init(void (*fn)(void *arg), void *arg);
/* The only task whose end is the machine's. NULL before start_init(). */
extern struct task_struct *init_task;

/* --- exec --- */
/*
 * Replace current's program; strings are kernel memory, arrays end in NULL. 0 (the registers for
 * user mode are set) or -errno.
 */
int kernel_execve(const char *path, const char *const argv[], const char *const envp[]);
/*
 * Let whoever waits in vfork() go on, and clear and wake clear_child_tid: current leaves its map.
 * User memory is touched.
 */
void mm_release(struct task_struct *task);
/*
 * Kill the other threads of current and become the group's leader. 0, or -EAGAIN when killed
 * meanwhile. (exit.c)
 */
int de_thread(void);

/*
 * current is about to write a core, for @sig: its process dies of that. Kill the other threads and
 * wait until they stand still; or -EAGAIN: it dies of something else already. After core_end() they
 * go on to their ends; @dumped: wait(2) tells of a core. (exit.c)
 */
struct core_stop {
	atomic_t running; /* of the others */
	struct completion stopped;
};
int core_begin(struct core_stop *stop, int sig);
void core_end(bool dumped);
/* fs.suid_dumpable: struct signal_struct.dumpable of who became somebody else (ids.c). */
extern int suid_dumpable;

/*
 * Kill what runs, write everything out, end the machine with @status; for the last thread of init, with
 * what it ended by, a wait status. Process context. (power.c)
 */
void power_off(int status) __attribute__((noreturn));
void end_of_init(int code) __attribute__((noreturn));

/* --- futex --- */
void futex_init(void);
/* Unlock what the dying current still holds, marked FUTEX_OWNER_DIED. */
void exit_robust_list(struct task_struct *task);
/*
 * Who waits for locks of @task, current, which leaves its map, inherits them; once it dies nobody can wait
 * for it any more. (futex_pi.c)
 */
void exit_pi_futexes(struct task_struct *task);
/* Wake up to @nr waiters on a shared futex of current's map. Number woken, or -errno. */
long futex_wake_shared(u32 __user *addr, int nr);

/* --- usage (info.c) --- */
/* One thread's. */
struct usage task_usage(struct task_struct *task);
/* The most frames @mm ever had mapped. */
unsigned long mm_maxrss(const struct mm_struct *mm);
/*
 * The whole process's so far, dead threads included. tasklist_lock held, or, of current's own,
 * sighand->lock.
 */
struct usage process_usage(struct task_struct *leader);
void add_usage(struct usage *sum, const struct usage *part);
/* CPU time of the process in ns. */
u64 process_exec_ns(struct task_struct *leader);
struct rusage;
/* @usage in the form of getrusage(2). 0 or -EFAULT. */
int put_rusage(struct rusage __user *to, const struct usage *usage);

/* --- time (clock.c) --- */
/*
 * A struct timespec, the kernel's or the user's, in ns (saturated). 0, -EFAULT, or -EINVAL when it
 * is not a time.
 */
long timespec_ns(u64 *ns, const struct timespec *ts);
long get_timespec_ns(u64 *ns, const struct timespec __user *ts);

/* --- timers that send signals (itimer.c) --- */
/* Stop them all for good: current's process ends. No locks held. */
void exit_itimers(struct signal_struct *signal);
void itimer_init(struct signal_struct *signal);
/* Start the thread that sends their signals. Boot, after process_init(). */
void itimers_start(void);

/* May current read the kernel log (syslog.c)? */
bool may_read_log(void);

/* --- limits (limits.c) --- */
/* Bytes that current's process may lock: RLIMIT_MEMLOCK, or ~0UL with CAP_IPC_LOCK. */
unsigned long memlock_limit(void);

/* May current say when @task runs, and how nice it is? Its own user may, and CAP_SYS_NICE. */
bool may_schedule(const struct task_struct *task);
/* The thread of that number, 0: the caller; counted. NULL: there is none. */
struct task_struct *get_thread(pid_t pid);
/* May current say how @task runs: its user, or CAP_SYS_NICE? */
bool may_schedule(const struct task_struct *task);
/* @task is new, and its parent asked that none start with less niceness than usual. */
void sched_reset(struct task_struct *task);

/* --- groups --- */
/* Some process is in group or session @pid. tasklist_lock held. */
bool pid_names_group(pid_t pid);
/*
 * @task's tie to its parent @parent ends: if that leaves its group without anyone to continue it, and
 * there is something stopped in it, hang it up. @ignored: a process that counts as dead already, or
 * NULL. tasklist_lock held.
 */
void hang_up_if_orphaned(struct task_struct *task, const struct task_struct *parent,
			 const struct task_struct *ignored);

static inline bool is_init(const struct task_struct *task)
{
	return task->signal && task->signal->owner == init_task;
}
static inline pid_t task_pgrp(const struct task_struct *task)
{
	return task->signal ? task->signal->pgrp : 0;
}
static inline pid_t task_session(const struct task_struct *task)
{
	return task->signal ? task->signal->session : 0;
}

#endif
