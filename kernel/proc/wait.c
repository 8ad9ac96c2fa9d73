/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children: wait4(2) and waitid(2). A child is reported once for each thing that
 * happened to it.
 */
#include "kernel/core/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define WNOHANG 0x1u
#define WUNTRACED 0x2u /* = WSTOPPED */
#define WEXITED 0x4u
#define WCONTINUED 0x8u
#define WNOWAIT 0x01000000u
#define __WNOTHREAD 0x20000000u
#define __WALL 0x40000000u
#define __WCLONE 0x80000000u

struct wait_request {
	enum { WAIT_ANY, WAIT_PID, WAIT_PGRP, WAIT_PIDFD } kind;
	pid_t id;
	struct signal_struct *process; /* WAIT_PIDFD; counted */
	unsigned int options;
	/* the answer */
	pid_t pid;
	int status; /* as wait4(2) encodes it */
	int code;   /* CLD_* */
	uid_t uid;
	struct usage usage;
	struct task_struct *reap; /* to be released */
};

static bool eligible(const struct wait_request *req, const struct task_struct *child)
{
	if (req->kind == WAIT_PID && child->pid != req->id)
		return false;
	if (req->kind == WAIT_PIDFD && child->signal != req->process)
		return false;
	if (req->kind == WAIT_PGRP && child->signal->pgrp != req->id)
		return false;
	if (req->options & __WNOTHREAD && child->parent_tid != current->pid)
		return false;
	/* Children that end without SIGCHLD are "clone children". */
	return req->options & __WALL ||
	       (child->exit_signal != SIGCHLD) == !!(req->options & __WCLONE);
}

static void answer(struct wait_request *req, struct task_struct *child, int code, int status)
{
	req->pid = child->pid;
	req->uid = child->signal->uid.real;
	req->code = code;
	req->status = status;
	req->usage = process_usage(child);
	add_usage(&req->usage, &child->signal->children);
}

/* The child is dead: its usage becomes ours, unless it is only looked at. */
static void take_zombie(struct wait_request *req, struct task_struct *child)
{
	struct signal_struct *signal = child->signal, *me = current->signal;
	int status = signal->group_exit_code;

	answer(req, child,
	       status & 0x80 ? CLD_DUMPED :
	       status & 0x7f ? CLD_KILLED :
			       CLD_EXITED,
	       status);
	if (req->options & WNOWAIT)
		return;
	child->state = TASK_DEAD;
	add_usage(&me->children, &req->usage);
	req->reap = child;
}

/* Has something to be reported happened to @child? tasklist_lock held. */
static bool look_at(struct wait_request *req, struct task_struct *child)
{
	struct signal_struct *signal = child->signal;
	bool found = false;

	if (child->state & TASK_ZOMBIE && signal->nr_threads == 1) {
		if (!(req->options & WEXITED))
			return false;
		take_zombie(req, child);
		return true;
	}
	if (!(req->options & (WUNTRACED | WCONTINUED)) || !child->sighand)
		return false;
	spin_lock(&child->sighand->lock);
	if (req->options & WUNTRACED && signal->flags & SIGNAL_STOP_STOPPED && signal->stop_code) {
		answer(req, child, CLD_STOPPED, signal->stop_code << 8 | 0x7f);
		if (!(req->options & WNOWAIT))
			signal->stop_code = 0;
		found = true;
	} else if (req->options & WCONTINUED && signal->flags & SIGNAL_STOP_CONTINUED) {
		answer(req, child, CLD_CONTINUED, 0xffff);
		if (!(req->options & WNOWAIT))
			signal->flags &= ~SIGNAL_STOP_CONTINUED;
		found = true;
	}
	spin_unlock(&child->sighand->lock);
	return found;
}

/* True: answered. @any is set when there is a child that could be waited for. */
static bool look_at_children(struct wait_request *req, bool *any)
{
	struct task_struct *child;
	bool found = false;

	*any = false;
	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(child, &current->group_leader->children, sibling) {
		if (!eligible(req, child) || child->state & TASK_DEAD)
			continue;
		*any = true;
		found = look_at(req, child);
		if (found)
			break;
	}
	spin_unlock_irq(&tasklist_lock);
	return found;
}

/* 1: answered, 0: nothing yet (WNOHANG), or -errno. */
static long do_wait(struct wait_request *req)
{
	struct wait_queue_head *q = &current->signal->wait_chldexit;
	DEFINE_WAIT(wait);
	long ret;
	bool any;

	for (;;) {
		prepare_to_wait(q, &wait, TASK_INTERRUPTIBLE);
		ret = look_at_children(req, &any);
		if (ret)
			break;
		if (!any)
			ret = -ECHILD;
		else if (!(req->options & WNOHANG) && signal_pending(current))
			ret = -ERESTARTSYS;
		if (ret || req->options & WNOHANG)
			break;
		schedule();
	}
	finish_wait(q, &wait);
	if (req->reap)
		release_task(req->reap);
	return ret;
}

long sys_wait4(pid_t pid, int __user *status, int options, struct rusage __user *rusage)
{
	struct wait_request req = { .kind = WAIT_ANY, .id = pid, .options = (unsigned int)options };
	long ret;

	if (req.options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	if (pid > 0) {
		req.kind = WAIT_PID;
	} else if (pid != -1) {
		req.kind = WAIT_PGRP;
		req.id = pid ? -pid : task_pgrp(current);
	}
	req.options |= WEXITED;
	ret = do_wait(&req);
	if (ret <= 0)
		return ret;
	if (status && put_user(req.status, status))
		return -EFAULT;
	if (rusage && put_rusage(rusage, &req.usage))
		return -EFAULT;
	return req.pid;
}

/* wait4 gives the status word, siginfo what is in it. */
static int siginfo_status(const struct wait_request *req)
{
	switch (req->code) {
	case CLD_EXITED:
		return req->status >> 8 & 0xff;
	case CLD_KILLED:
	case CLD_DUMPED:
		return req->status & 0x7f;
	case CLD_STOPPED:
		return req->status >> 8;
	default:
		return SIGCONT;
	}
}

#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3

/* Whom to wait for: 0 or -errno. @nonblock: of a descriptor. */
static long choose(struct wait_request *req, int which, pid_t id, bool *nonblock)
{
	static const int kinds[] = { WAIT_ANY, WAIT_PID, WAIT_PGRP, WAIT_PIDFD };
	struct signal_struct *process;

	if (which < P_ALL || which > P_PIDFD || (which == P_PID && id <= 0) ||
	    (which != P_ALL && id < 0))
		return -EINVAL;
	req->kind = kinds[which];
	req->id = which == P_PGID && !id ? task_pgrp(current) : id;
	if (which != P_PIDFD)
		return 0;
	process = pidfd_signal((unsigned int)id, nonblock);
	if (IS_ERR(process))
		return PTR_ERR(process);
	req->process = process;
	return 0;
}

long sys_waitid(int which, pid_t id, void __user *uinfo, int options, struct rusage __user *rusage)
{
	struct wait_request req = { .options = (unsigned int)options };
	struct siginfo info = { .si_signo = 0 };
	bool nonblock = false;
	long ret;

	if (req.options & ~(WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | __WNOTHREAD |
			    __WCLONE | __WALL) ||
	    !(req.options & (WEXITED | WUNTRACED | WCONTINUED)))
		return -EINVAL;
	ret = choose(&req, which, id, &nonblock);
	if (ret)
		return ret;
	if (nonblock)
		req.options |= WNOHANG;
	ret = do_wait(&req);
	if (which == P_PIDFD)
		signal_put(req.process);
	if (!ret && nonblock && !((unsigned int)options & WNOHANG))
		ret = -EAGAIN;
	if (ret > 0) {
		info.si_signo = SIGCHLD;
		info.si_code = req.code;
		info.chld.pid = req.pid;
		info.chld.uid = req.uid;
		info.chld.status = siginfo_status(&req);
		ret = 0;
		if (rusage && put_rusage(rusage, &req.usage))
			return -EFAULT;
	}
	/* Only the fields that waitid(2) speaks of are written, after an error too: 28 bytes. */
	return uinfo && copy_to_user(uinfo, &info, 28) ? -EFAULT : ret;
}
