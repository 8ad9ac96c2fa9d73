/* SPDX-License-Identifier: MIT */
/*
 * Families: what a parent is told, process groups and sessions. All of it under tasklist_lock.
 * The children list stands at a process's leader, whichever thread forked.
 */
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"

/* Of that group. */
static bool any_stopped(pid_t pgrp)
{
	struct task_struct *t;

	list_for_each_entry(t, &task_list, tasks)
		if (t->signal && t->signal->pgrp == pgrp && t->signal->flags & SIGNAL_STOP_STOPPED)
			return true;
	return false;
}

static void notify_info(struct siginfo *info, struct task_struct *task, int code, int status)
{
	struct usage usage = process_usage(task);

	*info = (struct siginfo){
		.si_signo = SIGCHLD,
		.si_code = code,
		.chld.pid = task->pid,
		.chld.uid = task->signal->uid.real,
		.chld.status = status,
		.chld.utime = (s64)(usage.utime_ns / (NSEC_PER_SEC / 100)),
		.chld.stime = (s64)(usage.stime_ns / (NSEC_PER_SEC / 100)),
	};
}

bool do_notify_parent(struct task_struct *task, int sig)
{
	struct task_struct *parent = task->real_parent;
	struct siginfo info;
	bool autoreap = false;
	int status = task->exit_code;
	struct k_sigaction *ka;

	if (status & 0x7f)
		notify_info(&info, task, status & 0x80 ? CLD_DUMPED : CLD_KILLED, status & 0x7f);
	else
		notify_info(&info, task, CLD_EXITED, status >> 8 & 0xff);
	/* What a parent's program before this one asked for is not sent to this one. */
	if (sig != SIGCHLD && task->signal->parent_exec_id != parent->signal->exec_id)
		sig = SIGCHLD;
	info.si_signo = sig;
	ka = &parent->sighand->action[SIGCHLD - 1];
	if (sig == SIGCHLD && (ka->handler == SIG_IGN || ka->flags & SA_NOCLDWAIT)) {
		/*
		 * POSIX: such a parent makes no zombies; and with SIG_IGN it gets no signal either.
		 */
		autoreap = true;
		if (ka->handler == SIG_IGN)
			sig = 0;
	}
	if (sig && sig <= NSIG) /* clone(2) takes others, and nothing is sent */
		send_sig_info(sig, &info, parent, true);
	if (waitqueue_active(&task->signal->wait_pidfd))
		wake_up(&task->signal->wait_pidfd);
	wake_up(&parent->signal->wait_chldexit);
	return autoreap;
}

void do_notify_parent_cldstop(struct task_struct *task, int code)
{
	struct task_struct *parent = task->real_parent;
	struct k_sigaction *ka;
	struct siginfo info;

	if (!parent || !parent->sighand)
		return;
	notify_info(&info, task, code,
		    code == CLD_CONTINUED ? SIGCONT : task->signal->stop_code & 0x7f);
	ka = &parent->sighand->action[SIGCHLD - 1];
	if (ka->handler != SIG_IGN && !(ka->flags & SA_NOCLDSTOP))
		send_sig_info(SIGCHLD, &info, parent, true);
	wake_up(&parent->signal->wait_chldexit);
}

/*
 * --- orphaned process groups: no member has a parent in another group of the session (POSIX 3.264)
 * ---
 */

/* As if @ignored were dead already. */
static bool pgrp_orphaned(pid_t pgrp, const struct task_struct *ignored)
{
	struct task_struct *t;

	list_for_each_entry(t, &task_list, tasks) {
		const struct task_struct *parent = t->real_parent;

		if (t->group_leader != t || !t->signal || t->signal->pgrp != pgrp || t == ignored ||
		    (t->state & TASK_ZOMBIE && t->signal->nr_threads == 1) || !parent ||
		    parent == init_task)
			continue;
		if (parent->signal->pgrp != pgrp && parent->signal->session == t->signal->session)
			return false;
	}
	return true;
}

bool current_pgrp_orphaned(void)
{
	bool orphaned;

	spin_lock_irq(&tasklist_lock);
	orphaned = pgrp_orphaned(task_pgrp(current), NULL);
	spin_unlock_irq(&tasklist_lock);
	return orphaned;
}

static void hang_up(pid_t pgrp)
{
	struct task_struct *t;

	list_for_each_entry(t, &task_list, tasks)
		if (t->group_leader == t && t->signal && t->signal->pgrp == pgrp) {
			send_sig_info(SIGHUP, NULL, t, true);
			send_sig_info(SIGCONT, NULL, t, true);
		}
}

void hang_up_if_orphaned(struct task_struct *task, const struct task_struct *parent,
			 const struct task_struct *ignored)
{
	pid_t pgrp = task_pgrp(task);

	if (parent && task_pgrp(parent) != pgrp && task_session(parent) == task_session(task) &&
	    any_stopped(pgrp) && pgrp_orphaned(pgrp, ignored))
		hang_up(pgrp);
}

bool pid_names_group(pid_t pid)
{
	struct task_struct *t;

	list_for_each_entry(t, &task_list, tasks)
		if (t->signal && (t->signal->pgrp == pid || t->signal->session == pid))
			return true;
	return false;
}

/* --- system calls --- */

/* A process of that group in the session, or NULL. */
static const struct signal_struct *pgrp_in_session(pid_t pgrp, pid_t session)
{
	struct task_struct *t;

	list_for_each_entry(t, &task_list, tasks)
		if (t->signal && t->signal->pgrp == pgrp && t->signal->session == session)
			return t->signal;
	return NULL;
}

static long set_pgrp(struct task_struct *task, pid_t pgid)
{
	const struct signal_struct *me = current->signal, *member = NULL;

	if (!task || !task->signal)
		return -ESRCH;
	if (task->group_leader != task)
		return -EINVAL;
	if (task->real_parent == current->group_leader) {
		if (task->signal->session != me->session)
			return -EPERM;
		if (task->signal->no_new_group)
			return -EACCES;
	} else if (task != current->group_leader) {
		return -ESRCH;
	}
	if (task->signal->leader)
		return -EPERM;
	if (pgid != task->pid) {
		member = pgrp_in_session(pgid, me->session);
		if (!member)
			return -EPERM;
	}
	task->signal->pgrp = pgid;
	task->signal->pgrp_born = member ? member->pgrp_born : task->start_ns;
	return 0;
}

long sys_setpgid(pid_t pid, pid_t pgid)
{
	long ret;

	if (!pid)
		pid = current->tgid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	spin_lock_irq(&tasklist_lock);
	ret = set_pgrp(find_task_by_pid(pid), pgid);
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

static long group_of(pid_t pid, bool session)
{
	struct task_struct *task;
	long ret = -ESRCH;

	spin_lock_irq(&tasklist_lock);
	task = pid ? find_task_by_pid(pid) : current;
	if (task && task->signal)
		ret = session ? task->signal->session : task->signal->pgrp;
	else if (task)
		ret = 0; /* the kernel's own */
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

long sys_getpgid(pid_t pid)
{
	return group_of(pid, false);
}

long sys_getpgrp(void)
{
	return task_pgrp(current);
}

long sys_getsid(pid_t pid)
{
	return group_of(pid, true);
}

long sys_setsid(void)
{
	struct signal_struct *signal = current->signal;
	pid_t pid = current->tgid;
	struct task_struct *t;
	long ret = pid;

	spin_lock_irq(&tasklist_lock);
	if (signal->leader)
		ret = -EPERM;
	list_for_each_entry(t, &task_list, tasks)
		if (t->signal && t->signal->pgrp == pid)
			ret = -EPERM;
	if (ret > 0) {
		signal->leader = true;
		signal->session = pid;
		signal->pgrp = pid;
		signal->pgrp_born = current->group_leader->start_ns;
		signal->tty_nr = 0;
	}
	spin_unlock_irq(&tasklist_lock);
	return ret;
}
