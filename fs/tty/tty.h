/* SPDX-License-Identifier: MIT */
/*
 * The terminal: COM1 as /dev/ttyS0, /dev/console and /dev/tty.
 *
 *	interrupt -> ring (drivers/serial) -> "tty" thread: line discipline -> input buffer -> read(2)
 *
 * Bytes are edited, echoed and turned into signals by a thread of their own, so that all of it may
 * sleep. What nobody reads is left in the UART, and so at its sender: nothing is ever dropped but
 * what is typed into a line that is full.
 */
#ifndef FS_TTY_TTY_H
#define FS_TTY_TTY_H

#include "kernel/core/mutex.h"
#include "kernel/core/wait.h"
#include "lib/types.h"

struct file;
struct file_operations;

/* Linux's struct termios of TCGETS (asm-generic/termbits.h). */
#define NCCS 19
struct termios {
	u32 c_iflag, c_oflag, c_cflag, c_lflag;
	u8 c_line, c_cc[NCCS];
};
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT,
       VDISCARD, VWERASE, VLNEXT, VEOL2 };
#define PARMRK 0000010u
#define IGNCR 0000200u
#define ICRNL 0000400u
#define INLCR 0000100u
#define ISTRIP 0000040u
#define IUCLC 0001000u
#define IXON 0002000u
#define IXANY 0004000u
#define IMAXBEL 0020000u
#define IUTF8 0040000u
#define OPOST 0000001u
#define ONLCR 0000004u
#define OLCUC 0000002u
#define OCRNL 0000010u
#define ONOCR 0000020u
#define ONLRET 0000040u
#define XTABS 0014000u
#define ISIG 0000001u
#define ICANON 0000002u
#define ECHO 0000010u
#define ECHOE 0000020u
#define ECHOK 0000040u
#define ECHONL 0000100u
#define NOFLSH 0000200u
#define TOSTOP 0000400u
#define ECHOCTL 0001000u
#define ECHOKE 0004000u
#define IEXTEN 0100000u

struct winsize { u16 ws_row, ws_col, ws_xpixel, ws_ypixel; };

#define TTY_BUF_SIZE 4096 /* power of two; a canonical line is at most this minus one */

/*
 * There is one. Input is a ring of bytes numbered without end: [head, canon) may be read, [canon,
 * tail) is the line being typed (canonical mode only).
 */
struct tty {
	struct mutex lock;              /* all but what says otherwise */
	struct termios termios;
	struct winsize winsize;
	pid_t session, pgrp;            /* 0: no process has it as its terminal */
	u8 buf[TTY_BUF_SIZE];
	u8 line_end[TTY_BUF_SIZE / 8]; /* bit: the byte in buf ends a line (newline, EOL, or EOF) */
	unsigned long head, canon, tail;
	unsigned int column;            /* of the cursor, for erasing tabs */
	unsigned int line_start;        /* column where the typed line began */
	bool literal;                   /* ^V was typed: the next byte is only a byte */
	bool eof;                       /* framed: no more will come */
	bool exclusive;                 /* TIOCEXCL: only CAP_SYS_ADMIN opens it; no lock */
	bool framed, escape;            /* the runner frames input; a 0x10 was the last byte */
	u8 size_left;                   /* framed: bytes of a window's size to come */
	u32 size;
	unsigned int hangups;           /* how often its session ended, from 1 */
	struct wait_queue_head read_wait, write_wait; /* readers and poll; writers, drain */
	struct list_head async;         /* files with O_ASYNC; fasync_lock */
	struct mutex write_lock;        /* keeps output in order; taken inside lock; all below */
	bool stopped, stopped_by_ioctl; /* by ^S; by TCOOFF as well. Written under lock too */
	bool tell_room;                 /* a write was cut short: async is told when there is room */
	size_t held_len;
	u8 held[TTY_BUF_SIZE];          /* output that waits for ^Q */
};

extern struct tty console_tty;
extern const struct file_operations tty_fops;

/* --- line discipline (fs/tty/ldisc.c); tty->lock held --- */
/* Take one byte as typed. False: no room, offer it again when something was read. */
bool tty_receive(struct tty *tty, u8 c);
/* Take one byte from the line, which the runner's framing may surround. As above. */
bool tty_receive_line(struct tty *tty, u8 c);
/*
 * Move up to @count readable bytes to kernel memory; stops behind a line's end. *ended: at an end
 * of line.
 */
size_t tty_take(struct tty *tty, u8 *to, size_t count, bool *ended);
void tty_flush_input(struct tty *tty);
/* FIONREAD. Takes the lock. */
size_t tty_readable_bytes(struct tty *tty);
/* Is @c inside of a UTF-8 character, and the terminal's settings know of such? */
static inline bool tty_continues(const struct tty *tty, u8 c)
{
	return (tty->termios.c_iflag & IUTF8) && (c & 0xc0) == 0x80;
}

/* --- output (fs/tty/output.c) --- */
/*
 * Output with the processing that termios asks for; may sleep until the line takes it. Returns how
 * many bytes of @data it took: fewer when output is stopped and the place for it full.
 */
size_t tty_output(struct tty *tty, const u8 *data, size_t len);
bool tty_output_full(const struct tty *tty);
/* A write ends because there is no room; those with O_ASYNC are told once there is. */
void tty_tell_room(struct tty *tty);
/* One byte past all processing, for the other end (TCIOFF, TCION). */
void tty_send_raw(struct tty *tty, u8 c);
/*
 * Hold output back; let it go, unless an ioctl holds it; forget what is held back. tty->lock held.
 */
void tty_stop(struct tty *tty);
void tty_start(struct tty *tty);
void tty_flush_output(struct tty *tty);

/* --- as a file (fs/tty/tty.c) --- */
/* The session in which @file was opened has ended since; /dev/console stays for ever. */
bool tty_hung_up(const struct file *file);

/* --- ioctl (fs/tty/ioctl.c) --- */
long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/* SIGWINCH to the group in front, if it is another one. Lock held. */
void tty_set_winsize(struct tty *tty, const struct winsize *size);

/* --- job control (fs/tty/jobs.c) --- */
/*
 * current reads (SIGTTIN), or writes with TOSTOP or changes something (SIGTTOU) from the background:
 * 0, -EIO, or -ERESTARTSYS after the signal.
 */
int tty_check_background(struct tty *tty, int sig);
/* open(2) by a session leader without terminal gives it this one. */
void tty_acquire_on_open(struct tty *tty);
bool tty_is_mine(const struct tty *tty);
/* TIOCSCTTY, TIOCNOTTY, TIOCSPGRP. */
long tty_set_controlling(struct tty *tty, bool steal);
long tty_give_up(struct tty *tty);
long tty_set_pgrp(struct tty *tty, int __user *arg);

#endif
