/* SPDX-License-Identifier: MIT */
/*
 * The line discipline: editing, echo, signals, and what the program sees of it. termios(3) is the
 * specification.
 */
#include "fs/tty/tty.h"

#include "fs/fasync.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/string.h"
#include "lib/util.h"

#define MASK (TTY_BUF_SIZE - 1)
#define FRAME_ESCAPE 0x10 /* framed: 0x10 0x10 is a byte 0x10; 0x10 'e' and 0x10 'w': below */

static bool has(const struct tty *tty, u32 lflag)
{
	return tty->termios.c_lflag & lflag;
}

static bool is_cc(const struct tty *tty, int which, u8 c)
{
	return c && tty->termios.c_cc[which] == c; /* 0 means that there is no such key */
}

/* --- echo: what finds no room while output is held back is lost --- */

static void put(struct tty *tty, const char *s)
{
	tty_output(tty, (const u8 *)s, strlen(s));
}

static bool shown_as_caret(const struct tty *tty, u8 c)
{
	return (c < ' ' || c == 0x7f) && c != '\n' && c != '\t' && has(tty, ECHOCTL);
}

static void echo(struct tty *tty, u8 c)
{
	u8 caret[2] = { '^', c ^ 0x40 };

	if (!has(tty, ECHO) && !(c == '\n' && has(tty, ECHONL) && has(tty, ICANON)))
		return;
	if (shown_as_caret(tty, c))
		tty_output(tty, caret, 2);
	else
		tty_output(tty, &c, 1);
}

/* --- the input buffer --- */

static bool full(const struct tty *tty)
{
	return tty->tail - tty->head >= TTY_BUF_SIZE - 1; /* the last place is for a line's end */
}

static void store(struct tty *tty, u8 c, bool ends_line)
{
	unsigned long at = tty->tail & MASK;

	tty->buf[at] = c;
	if (ends_line)
		tty->line_end[at / 8] |= 1 << at % 8;
	else
		tty->line_end[at / 8] &= ~(1 << at % 8);
	tty->tail++;
	if (ends_line || !has(tty, ICANON)) {
		tty->canon = tty->tail;
		wake_up_all(&tty->read_wait);
		kill_fasync(&tty->async, FMODE_READ);
	}
}

static bool ends_line_at(const struct tty *tty, unsigned long pos)
{
	return tty->line_end[(pos & MASK) / 8] >> (pos & 7) & 1;
}

/* Does it end a line without being of it, as the end-of-file key does? */
static bool is_eof_at(const struct tty *tty, unsigned long pos)
{
	return ends_line_at(tty, pos) && !tty->buf[pos & MASK];
}

size_t tty_readable_bytes(struct tty *tty)
{
	size_t n;

	mutex_lock(&tty->lock); /* the tty thread moves canon, readers move head */
	n = tty->canon - tty->head;
	for (unsigned long i = tty->head; has(tty, ICANON) && i != tty->canon; i++)
		n -= is_eof_at(tty, i);
	mutex_unlock(&tty->lock);
	return n;
}

/*
 * In canonical mode a stored NUL that ends a line is the end-of-file key: it is taken, not given; also
 * where there was room for what it follows and no more, or the next read would seem to be at the end.
 */
size_t tty_take(struct tty *tty, u8 *to, size_t count, bool *ended)
{
	size_t n = 0;

	*ended = false;
	while (n < count && tty->head != tty->canon && !*ended) {
		if (!is_eof_at(tty, tty->head))
			to[n++] = tty->buf[tty->head & MASK];
		*ended = ends_line_at(tty, tty->head++);
	}
	if (n && !*ended && has(tty, ICANON) && tty->head != tty->canon &&
	    is_eof_at(tty, tty->head)) {
		*ended = true;
		tty->head++;
	}
	return n;
}

void tty_flush_input(struct tty *tty)
{
	tty->head = tty->canon = tty->tail;
	tty->literal = false;
}

/* --- editing the line being typed --- */

/* Columns that the line's bytes before @end take on the screen, from where it began. */
static unsigned int column_at(const struct tty *tty, unsigned long end)
{
	unsigned int column = tty->line_start;

	for (unsigned long i = tty->canon; i != end; i++) {
		u8 c = tty->buf[i & MASK];

		if (c == '\t')
			column = (column | 7) + 1;
		else if (shown_as_caret(tty, c))
			column += 2;
		else if (c >= ' ' && !tty_continues(tty, c))
			column++;
	}
	return column;
}

/* Take the last character (all bytes of it) off the line, and off the screen. */
static void erase_one(struct tty *tty)
{
	unsigned int before = column_at(tty, tty->tail);
	u8 c;

	do {
		c = tty->buf[--tty->tail & MASK];
	} while (tty->tail != tty->canon && tty_continues(tty, c));
	if (!has(tty, ECHO))
		return;
	if (!has(tty, ECHOE)) {
		echo(tty, tty->termios.c_cc[VERASE]);
		return;
	}
	for (unsigned int n = before - column_at(tty, tty->tail); n > 0; n--)
		put(tty, c == '\t' ? "\b" : "\b \b");
}

static bool is_word_byte(u8 c)
{
	return (c | 0x20) - 'a' < 26u || c - '0' < 10u || c == '_' || c >= 0x80;
}

static void erase_word(struct tty *tty)
{
	bool seen_word = false;

	while (tty->tail != tty->canon) {
		bool word = is_word_byte(tty->buf[(tty->tail - 1) & MASK]);

		if (seen_word && !word)
			break;
		seen_word |= word;
		erase_one(tty);
	}
}

static void kill_line(struct tty *tty)
{
	if (has(tty, ECHO) && !(has(tty, ECHOK) && has(tty, ECHOKE) && has(tty, ECHOE))) {
		tty->tail = tty->canon;
		echo(tty, tty->termios.c_cc[VKILL]);
		if (has(tty, ECHOK))
			put(tty, "\n");
	}
	while (tty->tail != tty->canon)
		erase_one(tty);
}

static void reprint_line(struct tty *tty)
{
	echo(tty, tty->termios.c_cc[VREPRINT]);
	put(tty, "\n");
	tty->line_start = 0;
	for (unsigned long i = tty->canon; i != tty->tail; i++)
		echo(tty, tty->buf[i & MASK]);
}

/* A byte that is no key. One that marks parity errors (PARMRK) is doubled where it is only a byte. */
static void store_byte(struct tty *tty, u8 c)
{
	if (c == 0xff && (tty->termios.c_iflag & PARMRK) && tty->tail - tty->head < TTY_BUF_SIZE - 2)
		store(tty, c, false);
	store(tty, c, false);
}

/* A byte that belongs to the line. */
static void type_byte(struct tty *tty, u8 c)
{
	if (full(tty)) {
		if (tty->termios.c_iflag & IMAXBEL)
			put(tty, "\a");
		return;
	}
	if (tty->tail == tty->canon)
		tty->line_start = tty->column;
	store_byte(tty, c);
	echo(tty, c);
}

/* One byte in canonical mode. */
static void edit(struct tty *tty, u8 c)
{
	bool extended = has(tty, IEXTEN);

	if (tty->literal) {
		tty->literal = false;
		type_byte(tty, c);
	} else if (extended && is_cc(tty, VLNEXT, c)) {
		tty->literal = true;
		if (has(tty, ECHO) && has(tty, ECHOCTL))
			put(tty, "^\b");
	} else if (is_cc(tty, VERASE, c)) {
		if (tty->tail != tty->canon)
			erase_one(tty);
	} else if (extended && is_cc(tty, VWERASE, c)) {
		erase_word(tty);
	} else if (is_cc(tty, VKILL, c)) {
		kill_line(tty);
	} else if (extended && is_cc(tty, VREPRINT, c) && has(tty, ECHO)) {
		reprint_line(tty);
	} else if (is_cc(tty, VEOF, c)) {
		store(tty, '\0', true);
	} else if (c == '\n' || is_cc(tty, VEOL, c) || (extended && is_cc(tty, VEOL2, c))) {
		echo(tty, c);
		store(tty, c, true);
	} else {
		type_byte(tty, c);
	}
}

/* The keys that interrupt, quit and suspend. */
static int signal_of(const struct tty *tty, u8 c)
{
	if (!has(tty, ISIG) || tty->literal)
		return 0;
	return is_cc(tty, VINTR, c) ? SIGINT :
	       is_cc(tty, VQUIT, c) ? SIGQUIT :
	       is_cc(tty, VSUSP, c) ? SIGTSTP :
				      0;
}

/* A key that interrupts, quits or suspends; it starts output again as well. */
static void send_signal(struct tty *tty, int sig, u8 c)
{
	if (!has(tty, NOFLSH)) {
		tty_flush_input(tty);
		tty_flush_output(tty);
	}
	if (tty->pgrp)
		signal_pgrp(tty->pgrp, sig);
	if (tty->termios.c_iflag & IXON)
		tty_start(tty);
	echo(tty, c);
}

/* The keys that stop and start output. True: it was one. */
static bool control_flow(struct tty *tty, u8 c)
{
	if (!(tty->termios.c_iflag & IXON) || tty->literal)
		return false;
	if (is_cc(tty, VSTART, c))
		tty_start(tty);
	else if (is_cc(tty, VSTOP, c))
		tty_stop(tty);
	else
		return false;
	return true;
}

bool tty_receive(struct tty *tty, u8 c)
{
	u32 iflag = tty->termios.c_iflag;
	int sig;

	if (iflag & ISTRIP)
		c &= 0x7f;
	if ((iflag & IUCLC) && has(tty, IEXTEN) && c - 'A' < 26u)
		c |= 0x20;
	if (control_flow(tty, c))
		return true;
	sig = signal_of(tty, c);
	if (sig) {
		send_signal(tty, sig, c);
		return true;
	}
	/* Unread lines fill the buffer: what comes after them can wait. */
	if (full(tty) && (tty->canon != tty->head || !has(tty, ICANON)))
		return false;
	if ((iflag & IXON) && (iflag & IXANY))
		tty_start(tty);
	if (c == '\r' && !tty->literal) {
		if (iflag & IGNCR)
			return true;
		if (iflag & ICRNL)
			c = '\n';
	} else if (c == '\n' && (iflag & INLCR) && !tty->literal) {
		c = '\r';
	}
	if (has(tty, ICANON)) {
		edit(tty, c);
	} else {
		store_byte(tty, c);
		echo(tty, c);
	}
	return true;
}

/* --- what a runner on the host says beside the bytes --- */

static void end_input(struct tty *tty)
{
	tty->canon = tty->tail;
	tty->eof = true;
	wake_up_all(&tty->read_wait);
	kill_fasync(&tty->async, FMODE_READ);
}

/* One of four bytes: rows and columns of the window, the high byte first. */
static void take_size(struct tty *tty, u8 c)
{
	struct winsize size;

	tty->size = tty->size << 8 | c;
	if (--tty->size_left)
		return;
	size = (struct winsize){ .ws_row = tty->size >> 16, .ws_col = tty->size & 0xffff };
	tty_set_winsize(tty, &size);
}

/* True: it is no byte of the input. */
static bool is_framing(struct tty *tty, u8 c)
{
	if (tty->size_left) {
		take_size(tty, c);
		return true;
	}
	if (!tty->escape)
		return tty->escape = c == FRAME_ESCAPE;
	if (c == 'e')
		end_input(tty);
	else if (c == 'w')
		tty->size_left = sizeof(tty->size);
	else
		return false;
	tty->escape = false;
	return true;
}

bool tty_receive_line(struct tty *tty, u8 c)
{
	if (tty->framed && is_framing(tty, c))
		return true;
	if (!tty->eof && !tty_receive(tty, c))
		return false;
	tty->escape = false;
	return true;
}
