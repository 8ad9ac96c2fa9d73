/* SPDX-License-Identifier: MIT */
/*
 * Processes as others look at them: by number, their identities, times and maps. For /proc above
 * all.
 */
#ifndef KERNEL_PROC_PID_H
#define KERNEL_PROC_PID_H

#include "kernel/core/task.h"
#include "lib/types.h"

struct mm_struct;

/* The process (thread-group leader) with the lowest pid >= @pid, counted, or NULL. */
struct task_struct *find_get_next_process(pid_t pid);
/* The thread of @task's process with the lowest pid >= @pid, counted, or NULL. */
struct task_struct *find_get_next_thread(struct task_struct *task, pid_t pid);
/*
 * The user map of a task, with mm_users raised, or NULL (kernel threads, zombies). Drop with
 * mmput().
 */
struct mm_struct *get_task_mm(struct task_struct *task);
/* The same for who wants to look into it as a debugger does: ERR_PTR(-EACCES) when current may not. */
struct mm_struct *mm_access(struct task_struct *task, bool real);

struct process_ids {
	pid_t ppid, pgrp, session;
	int tty_nr; /* 0: no controlling terminal */
	int threads;
	struct {
		u32 real, effective, saved, fs;
	} uid, gid;
	int dumpable;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	bool no_new_privs;
};
void get_process_ids(struct task_struct *task, struct process_ids *ids);

/* Of the whole process; c: of its children that were waited for. */
struct process_times {
	unsigned long min_flt, cmin_flt, maj_flt, cmaj_flt;
	u64 utime_ns, stime_ns, cutime_ns, cstime_ns;
};
void get_process_times(struct task_struct *task, struct process_times *times);

/* Masks: of the thread pending and blocked; of its process shared, ignored and caught. */
struct process_signals {
	u64 pending, shared, blocked, ignored, caught;
	unsigned int queued; /* of the process */
};
void get_process_signals(struct task_struct *task, struct process_signals *signals);

struct rlimit;
/* All RLIM_NLIMITS limits of its process; false: kernel threads have none. */
bool get_process_limits(struct task_struct *task, struct rlimit *limits);
/*
 * For the OOM killer, -1000 .. 1000: of all threads of @task's process. Lower than what somebody with
 * CAP_SYS_RESOURCE said last only such a one can set it: 0 or -EACCES.
 */
int set_oom_score_adj(struct task_struct *task, int adj);
/*
 * May current look into @task's secrets: memory, environment, open files? Same user in all that it is,
 * and dumpable, and with no capability that current has not; or CAP_SYS_PTRACE. @real: as who current
 * really is, and not as it opens files.
 */
bool ptrace_may_access(const struct task_struct *task, bool real);

#endif
