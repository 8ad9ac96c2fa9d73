/* SPDX-License-Identifier: MIT */
/* The terminal's settings, and whose it is. */
#include "fs/tty/tty.h"

#include "fs/file.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/string.h"
#include <asm/uaccess.h>

#define TTY_NR (4 << 8 | 64) /* /dev/ttyS0, as /proc/PID/stat has it */

#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSW 0x5403
#define TCSETSF 0x5404
#define TCSBRK 0x5409
#define TCXONC 0x540a
#define TCFLSH 0x540b
#define TIOCSCTTY 0x540e
#define TIOCGPGRP 0x540f
#define TIOCSPGRP 0x5410
#define TIOCOUTQ 0x5411
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD 0x541b
#define TIOCNOTTY 0x5422
#define TCSBRKP 0x5425
#define TIOCGSID 0x5429

/* One member of session or group, whatever it does. tasklist_lock held. */
static bool session_has(pid_t session, pid_t pgrp)
{
	struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (task->signal && task->signal->session == session &&
		    (!pgrp || task->signal->pgrp == pgrp))
			return true;
	return false;
}

static bool session_exists(pid_t session, pid_t pgrp)
{
	bool found;

	spin_lock_irq(&tasklist_lock);
	found = session_has(session, pgrp);
	spin_unlock_irq(&tasklist_lock);
	return found;
}

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

/* A terminal whose session has died out is free. Lock held. */
static bool is_free(const struct tty *tty)
{
	return !tty->session || !session_exists(tty->session, 0);
}

static bool may_acquire(void)
{
	return current->signal && current->signal->leader && !current->signal->tty_nr;
}

void tty_acquire_on_open(struct tty *tty)
{
	mutex_lock(&tty->lock);
	if (may_acquire() && is_free(tty))
		acquire(tty);
	mutex_unlock(&tty->lock);
}

static long set_controlling(struct tty *tty, bool steal)
{
	long err = 0;

	mutex_lock(&tty->lock);
	if (tty_is_mine(tty) && current->signal->leader)
		err = 0;
	else if (!may_acquire() || (!is_free(tty) && !steal))
		err = -EPERM;
	else
		acquire(tty);
	mutex_unlock(&tty->lock);
	return err;
}

static long give_up(struct tty *tty)
{
	long err = -ENOTTY;

	mutex_lock(&tty->lock);
	if (tty_is_mine(tty)) {
		if (current->signal->leader) {
			signal_pgrp(tty->pgrp, SIGHUP);
			signal_pgrp(tty->pgrp, SIGCONT);
			tty->session = tty->pgrp = 0;
		}
		current->signal->tty_nr = 0;
		err = 0;
	}
	mutex_unlock(&tty->lock);
	return err;
}

static bool blocked_or_ignored(int sig)
{
	return (current->blocked & sigmask(sig)) ||
	       current->sighand->action[sig - 1].handler == SIG_IGN;
}

int tty_check_background(struct tty *tty, int sig)
{
	pid_t pgrp;

	if (!tty_is_mine(tty) || (pgrp = task_pgrp(current)) == tty->pgrp)
		return 0;
	if (blocked_or_ignored(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (current_pgrp_orphaned())
		return -EIO;
	signal_pgrp(pgrp, sig);
	return -ERESTARTSYS;
}

static long set_pgrp(struct tty *tty, int __user *arg)
{
	pid_t pgrp;
	long err;

	if (!tty_is_mine(tty))
		return -ENOTTY;
	err = tty_check_background(tty, SIGTTOU);
	if (err)
		return err;
	if (get_user(pgrp, arg))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	if (!session_exists(tty->session, pgrp))
		return -EPERM;
	mutex_lock(&tty->lock);
	tty->pgrp = pgrp;
	mutex_unlock(&tty->lock);
	return 0;
}

/* Framed, the line must stay byte-exact: settings are kept for show. */
static long set_termios(struct tty *tty, unsigned long arg, bool flush)
{
	struct termios termios;
	long err = tty_check_background(tty, SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&termios, (void __user *)arg, sizeof(termios)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	if (flush)
		tty_flush_input(tty);
	/* Without lines, what was typed of one can be read. */
	if (!(termios.c_lflag & ICANON)) {
		tty->canon = tty->tail;
		tty->literal = false;
		wake_up_all(&tty->read_wait);
	}
	tty->termios = termios;
	mutex_unlock(&tty->lock);
	return 0;
}

static long set_winsize(struct tty *tty, unsigned long arg)
{
	struct winsize size;
	bool changed;

	if (copy_from_user(&size, (void __user *)arg, sizeof(size)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	changed = memcmp(&size, &tty->winsize, sizeof(size));
	tty->winsize = size;
	if (changed && tty->pgrp)
		signal_pgrp(tty->pgrp, SIGWINCH);
	mutex_unlock(&tty->lock);
	return 0;
}

static long flush(struct tty *tty, unsigned long what)
{
	if (what > 2)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (what != 1) /* 0: input, 1: output (never queued), 2: both */
		tty_flush_input(tty);
	mutex_unlock(&tty->lock);
	return 0;
}

static long get_termios(struct tty *tty, struct termios __user *user)
{
	struct termios termios;

	mutex_lock(&tty->lock);
	termios = tty->termios;
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &termios, sizeof(termios)) ? -EFAULT : 0;
}

static long get_winsize(struct tty *tty, struct winsize __user *user)
{
	struct winsize size;

	mutex_lock(&tty->lock);
	size = tty->winsize;
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &size, sizeof(size)) ? -EFAULT : 0;
}

static int input_len(struct tty *tty)
{
	int len;

	mutex_lock(&tty->lock); /* the tty thread moves canon, readers move head */
	len = (int)(tty->canon - tty->head);
	mutex_unlock(&tty->lock);
	return len;
}

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = &console_tty;
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case TCGETS:
		return get_termios(tty, user);
	case TCSETS:
	case TCSETSW: /* output is never queued: there is nothing to wait for */
	case TCSETSF:
		return set_termios(tty, arg, cmd == TCSETSF);
	case TCSBRK:
	case TCSBRKP:
	case TCXONC:
		return 0;
	case TCFLSH:
		return flush(tty, arg);
	case TIOCSCTTY:
		return set_controlling(tty, arg == 1);
	case TIOCNOTTY:
		return give_up(tty);
	case TIOCGPGRP:
		return tty_is_mine(tty) ? put_user(tty->pgrp, (int __user *)user) : -ENOTTY;
	case TIOCSPGRP:
		return set_pgrp(tty, user);
	case TIOCGSID:
		return tty_is_mine(tty) ? put_user(tty->session, (int __user *)user) : -ENOTTY;
	case TIOCGWINSZ:
		return get_winsize(tty, user);
	case TIOCSWINSZ:
		return set_winsize(tty, arg);
	case TIOCOUTQ:
		return put_user(0, (int __user *)user);
	case FIONREAD:
		return put_user(input_len(tty), (int __user *)user);
	}
	return -ENOTTY;
}
