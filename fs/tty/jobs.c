/* SPDX-License-Identifier: MIT */
/* Whose the terminal is: sessions, the group in front, and what becomes of those behind it. */
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/tty/tty.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define TTY_NR (4 << 8 | 64) /* /dev/ttyS0, as /proc/PID/stat has it */

bool tty_is_mine(const struct tty *tty)
{
	return tty->session && current->signal && current->signal->tty_nr &&
	       current->signal->session == tty->session;
}

/* Lock held. */
static void acquire(struct tty *tty)
{
	tty->session = current->signal->session;
	tty->pgrp = current->signal->pgrp;
	current->signal->tty_nr = TTY_NR;
}

/* Its session is without a terminal. Lock held. */
static void disown(struct tty *tty)
{
	struct task_struct *task;

	spin_lock_irq(&tasklist_lock);
	list_for_each_entry(task, &task_list, tasks)
		if (task->signal && task->signal->session == tty->session)
			task->signal->tty_nr = 0;
	spin_unlock_irq(&tasklist_lock);
	tty->session = tty->pgrp = 0;
}

static bool may_acquire(void)
{
	return current->signal && current->signal->leader && !current->signal->tty_nr;
}

void tty_acquire_on_open(struct tty *tty)
{
	mutex_lock(&tty->lock);
	if (may_acquire() && !tty->session)
		acquire(tty);
	mutex_unlock(&tty->lock);
}

long tty_set_controlling(struct tty *tty, bool steal)
{
	long err = 0;

	mutex_lock(&tty->lock);
	if (tty_is_mine(tty) && current->signal->leader) {
		err = 0;
	} else if (!may_acquire() || (tty->session && (!steal || !capable(CAP_SYS_ADMIN)))) {
		err = -EPERM;
	} else {
		if (tty->session)
			disown(tty);
		acquire(tty);
	}
	mutex_unlock(&tty->lock);
	return err;
}

long tty_give_up(struct tty *tty)
{
	long err = -ENOTTY;

	mutex_lock(&tty->lock);
	if (tty_is_mine(tty)) {
		if (current->signal->leader) {
			signal_pgrp(tty->pgrp, SIGHUP);
			signal_pgrp(tty->pgrp, SIGCONT);
			disown(tty);
		}
		current->signal->tty_nr = 0;
		err = 0;
	}
	mutex_unlock(&tty->lock);
	return err;
}

void tty_session_end(void)
{
	struct tty *tty = &console_tty;
	pid_t pgrp;

	mutex_lock(&tty->lock);
	if (tty_is_mine(tty)) {
		pgrp = tty->pgrp;
		disown(tty);
		tty_flush_input(tty);
		WRITE_ONCE(tty->hangups, tty->hangups + 1);
		fasync_drop(&tty->async, tty_hung_up);
		signal_pgrp(pgrp, SIGHUP);
		wake_up_all(&tty->read_wait);
		wake_up_all(&tty->write_wait);
	}
	mutex_unlock(&tty->lock);
}

static bool blocked_or_ignored(int sig)
{
	return (current->blocked & sigmask(sig)) ||
	       current->sighand->action[sig - 1].handler == SIG_IGN;
}

int tty_check_background(struct tty *tty, int sig)
{
	pid_t pgrp;

	if (!tty_is_mine(tty) || !tty->pgrp || (pgrp = task_pgrp(current)) == tty->pgrp)
		return 0;
	if (blocked_or_ignored(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (current_pgrp_orphaned())
		return -EIO;
	signal_pgrp(pgrp, sig);
	return -ERESTARTSYS;
}

/* The group may be put in front by current. 0, -ESRCH, -EPERM. */
static long check_pgrp(pid_t pgrp)
{
	pid_t session = task_session(current);
	long err = -ESRCH;
	struct task_struct *task;

	spin_lock_irq(&tasklist_lock);
	if (find_task_by_pid(pgrp) || pid_names_group(pgrp))
		err = -EPERM;
	list_for_each_entry(task, &task_list, tasks)
		if (task->signal && task->signal->pgrp == pgrp && task->signal->session == session)
			err = 0;
	spin_unlock_irq(&tasklist_lock);
	return err;
}

long tty_set_pgrp(struct tty *tty, int __user *arg)
{
	long err = tty_check_background(tty, SIGTTOU);
	pid_t pgrp;

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user(pgrp, arg))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	if (!tty_is_mine(tty))
		return -ENOTTY;
	err = check_pgrp(pgrp);
	if (err)
		return err;
	mutex_lock(&tty->lock);
	tty->pgrp = pgrp;
	mutex_unlock(&tty->lock);
	return 0;
}
