/* SPDX-License-Identifier: MIT */
/* The terminal's settings. termios(3) and ioctl_tty(2) are the specification. */
#include "fs/tty/tty.h"

#include "fs/file.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/string.h"
#include <asm/uaccess.h>

#define TCGETS 0x5401
#define TCSETS 0x5402
#define TCSETSW 0x5403
#define TCSETSF 0x5404
#define TCGETA 0x5405
#define TCSETA 0x5406
#define TCSETAW 0x5407
#define TCSETAF 0x5408
#define TCSBRK 0x5409
#define TCXONC 0x540a
#define TCFLSH 0x540b
#define TIOCEXCL 0x540c
#define TIOCNXCL 0x540d
#define TIOCSCTTY 0x540e
#define TIOCGPGRP 0x540f
#define TIOCSPGRP 0x5410
#define TIOCOUTQ 0x5411
#define TIOCSTI 0x5412
#define TIOCGWINSZ 0x5413
#define TIOCSWINSZ 0x5414
#define FIONREAD 0x541b
#define TIOCNOTTY 0x5422
#define TIOCGETD 0x5424
#define TCSBRKP 0x5425
#define TIOCGSID 0x5429
#define TIOCGEXCL 0x80045440

#define N_TTY 0 /* the line discipline that there is */

/* System V's settings, of TCGETA and its like: the lower halves, and fewer keys. */
#define NCC 8
struct termio {
	u16 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line, c_cc[NCC];
};

/* Wait until nothing is held back. 0, -ERESTARTSYS. */
static long drain(struct tty *tty)
{
	return wait_event_interruptible(tty->write_wait, !READ_ONCE(tty->held_len));
}

/* Lines come or go: what is there can be read as it is. Lock held. */
static void change_lines(struct tty *tty)
{
	memset(tty->line_end, 0, sizeof(tty->line_end));
	tty->canon = tty->tail;
	tty->literal = false;
	wake_up_all(&tty->read_wait);
}

static long load_termio(struct tty *tty, struct termios *termios, const struct termio __user *user)
{
	const u32 high = 0xffff0000;
	struct termio termio;

	if (copy_from_user(&termio, user, sizeof(termio)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	*termios = tty->termios;
	mutex_unlock(&tty->lock);
	termios->c_iflag = (termios->c_iflag & high) | termio.c_iflag;
	termios->c_oflag = (termios->c_oflag & high) | termio.c_oflag;
	termios->c_cflag = (termios->c_cflag & high) | termio.c_cflag;
	termios->c_lflag = (termios->c_lflag & high) | termio.c_lflag;
	termios->c_line = termio.c_line;
	memcpy(termios->c_cc, termio.c_cc, NCC);
	return 0;
}

static long load_termios(struct tty *tty, struct termios *termios, const void __user *user,
			 bool short_one)
{
	if (short_one)
		return load_termio(tty, termios, user);
	return copy_from_user(termios, user, sizeof(*termios)) ? -EFAULT : 0;
}

static long set_termios(struct tty *tty, const void __user *user, unsigned int cmd)
{
	struct termios termios;
	long err = tty_check_background(tty, SIGTTOU);

	if (!err)
		err = load_termios(tty, &termios, user, cmd >= TCSETA);
	if (!err && cmd != TCSETS && cmd != TCSETA)
		err = drain(tty);
	if (err)
		return err;
	mutex_lock(&tty->lock);
	if (cmd == TCSETSF || cmd == TCSETAF)
		tty_flush_input(tty);
	if ((termios.c_lflag ^ tty->termios.c_lflag) & ICANON)
		change_lines(tty);
	if (!(termios.c_iflag & IXON))
		tty_start(tty);
	tty->termios = termios;
	mutex_unlock(&tty->lock);
	return 0;
}

void tty_set_winsize(struct tty *tty, const struct winsize *size)
{
	if (memcmp(size, &tty->winsize, sizeof(*size)) && tty->pgrp)
		signal_pgrp(tty->pgrp, SIGWINCH);
	tty->winsize = *size;
}

static long set_winsize(struct tty *tty, unsigned long arg)
{
	struct winsize size;

	if (copy_from_user(&size, (void __user *)arg, sizeof(size)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	tty_set_winsize(tty, &size);
	mutex_unlock(&tty->lock);
	return 0;
}

/* TCFLSH. @what: 0 input, 1 output, 2 both. */
static long flush(struct tty *tty, unsigned long what)
{
	long err = tty_check_background(tty, SIGTTOU);

	if (err)
		return err;
	if (what > 2)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (what != 1)
		tty_flush_input(tty);
	if (what != 0)
		tty_flush_output(tty);
	mutex_unlock(&tty->lock);
	return 0;
}

enum { TCOOFF, TCOON, TCIOFF, TCION };

/* TCXONC: stop or start output here, or ask the other end to. */
static long flow(struct tty *tty, unsigned long what)
{
	long err = tty_check_background(tty, SIGTTOU);
	u8 c;

	if (err)
		return err;
	if (what > TCION)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (what == TCOOFF) {
		tty->stopped_by_ioctl = true;
		tty_stop(tty);
	} else if (what == TCOON && tty->stopped_by_ioctl) {
		tty->stopped_by_ioctl = false;
		tty_start(tty);
	} else if (what != TCOON) {
		c = tty->termios.c_cc[what == TCIOFF ? VSTOP : VSTART];
		if (c)
			tty_send_raw(tty, c);
	}
	mutex_unlock(&tty->lock);
	return 0;
}

/* TCSBRK, TCSBRKP: no line here has a break to send; its wait for what was written is real. */
static long send_break(struct tty *tty)
{
	long err = tty_check_background(tty, SIGTTOU);

	return err ? err : drain(tty);
}

/* TIOCSTI: as if it had been typed. */
static long type_in(struct tty *tty, const u8 __user *user)
{
	u8 c;

	if (!tty_is_mine(tty) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, user))
		return -EFAULT;
	mutex_lock(&tty->lock);
	tty_receive(tty, c);
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

static long get_termio(struct tty *tty, struct termio __user *user)
{
	const struct termios *t = &tty->termios;
	struct termio termio = { 0 };

	mutex_lock(&tty->lock);
	termio.c_iflag = (u16)t->c_iflag;
	termio.c_oflag = (u16)t->c_oflag;
	termio.c_cflag = (u16)t->c_cflag;
	termio.c_lflag = (u16)t->c_lflag;
	termio.c_line = t->c_line;
	memcpy(termio.c_cc, t->c_cc, NCC);
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &termio, sizeof(termio)) ? -EFAULT : 0;
}

static long get_winsize(struct tty *tty, struct winsize __user *user)
{
	struct winsize size;

	mutex_lock(&tty->lock);
	size = tty->winsize;
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &size, sizeof(size)) ? -EFAULT : 0;
}

/* What TCGETS and its like ask for. */
static long termios_ioctl(struct tty *tty, unsigned int cmd, void __user *user)
{
	switch (cmd) {
	case TCGETS:
		return get_termios(tty, user);
	case TCGETA:
		return get_termio(tty, user);
	default:
		return set_termios(tty, user, cmd);
	}
}

static long set_exclusive(struct tty *tty, bool value)
{
	WRITE_ONCE(tty->exclusive, value);
	return 0;
}

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = &console_tty;
	void __user *user = (void __user *)arg;

	if (tty_hung_up(file))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TCGETS ... TCSETAF:
		return termios_ioctl(tty, cmd, user);
	case TCSBRK:
	case TCSBRKP:
		return send_break(tty);
	case TCXONC:
		return flow(tty, arg);
	case TCFLSH:
		return flush(tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		return set_exclusive(tty, cmd == TIOCEXCL);
	case TIOCGEXCL:
		return put_user((int)READ_ONCE(tty->exclusive), (int __user *)user);
	case TIOCGETD:
		return put_user(N_TTY, (int __user *)user);
	case TIOCSCTTY:
		return tty_set_controlling(tty, arg == 1);
	case TIOCNOTTY:
		return tty_give_up(tty);
	case TIOCGPGRP:
		return tty_is_mine(tty) ? put_user(tty->pgrp, (int __user *)user) : -ENOTTY;
	case TIOCSPGRP:
		return tty_set_pgrp(tty, user);
	case TIOCGSID:
		return tty_is_mine(tty) ? put_user(tty->session, (int __user *)user) : -ENOTTY;
	case TIOCGWINSZ:
		return get_winsize(tty, user);
	case TIOCSWINSZ:
		return set_winsize(tty, arg);
	case TIOCSTI:
		return type_in(tty, user);
	case TIOCOUTQ:
		return put_user((int)READ_ONCE(tty->held_len), (int __user *)user);
	case FIONREAD:
		return put_user((int)tty_readable_bytes(tty), (int __user *)user);
	}
	return -ENOTTY;
}
