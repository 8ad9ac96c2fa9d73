/* SPDX-License-Identifier: MIT */
/*
 * The line discipline: editing, echo, signals, and what the program sees of it. termios(3) is the
 * specification.
 */
#include "fs/tty/tty.h"

#include "drivers/serial/serial.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/string.h"
#include "lib/util.h"

#define MASK (TTY_BUF_SIZE - 1)
#define FRAME_ESCAPE 0x10 /* tty=framed: 0x10 0x10 is a byte 0x10, 0x10 'e' the end of input */

static bool has(const struct tty *tty, u32 lflag)
{
	return tty->termios.c_lflag & lflag;
}

static bool is_cc(const struct tty *tty, int which, u8 c)
{
	return c && tty->termios.c_cc[which] == c; /* 0 means that there is no such key */
}

/* --- output --- */

static void track_column(struct tty *tty, u8 c)
{
	if (c == '\n' || c == '\r')
		tty->column = 0;
	else if (c == '\b')
		tty->column -= tty->column > 0;
	else if (c == '\t')
		tty->column = (tty->column | 7) + 1;
	else if (c >= ' ' && c != 0x7f &&
		 (c & 0xc0) != 0x80) /* not the rest of a UTF-8 character */
		tty->column++;
}

void tty_output(struct tty *tty, const u8 *data, size_t len)
{
	bool process = !tty->framed && (tty->termios.c_oflag & OPOST);
	u8 out[128];
	size_t n = 0;

	mutex_lock(&tty->write_lock);
	for (size_t i = 0; i < len && process; i++) {
		u8 c = data[i];

		if (c == '\n' && (tty->termios.c_oflag & ONLCR))
			out[n++] = '\r';
		out[n++] = c == '\r' && (tty->termios.c_oflag & OCRNL) ? '\n' : c;
		track_column(tty, c);
		if (n >= sizeof(out) - 2) {
			serial_write(out, n);
			n = 0;
		}
	}
	if (process)
		serial_write(out, n);
	else
		serial_write(data, len);
	mutex_unlock(&tty->write_lock);
}

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
	}
}

static bool ends_line_at(const struct tty *tty, unsigned long pos)
{
	return tty->line_end[(pos & MASK) / 8] >> (pos & 7) & 1;
}

bool tty_readable(const struct tty *tty)
{
	return tty->canon != tty->head || tty->eof;
}

/*
 * In canonical mode a stored NUL that ends a line is the end-of-file key: it is taken, not given.
 */
size_t tty_take(struct tty *tty, u8 *to, size_t count, bool *ended)
{
	size_t n = 0;

	*ended = tty->eof && tty->head == tty->canon;
	while (n < count && tty->head != tty->canon && !*ended) {
		u8 c = tty->buf[tty->head & MASK];

		*ended = ends_line_at(tty, tty->head);
		tty->head++;
		if (c || !*ended)
			to[n++] = c;
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
		else if (c >= ' ' && (c & 0xc0) != 0x80)
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
	} while (tty->tail != tty->canon && (c & 0xc0) == 0x80 && (tty->termios.c_iflag & IUTF8));
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
	if (has(tty, ECHO) && has(tty, ECHOK) && !has(tty, ECHOKE)) {
		echo(tty, tty->termios.c_cc[VKILL]);
		put(tty, "\n");
		tty->tail = tty->canon;
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

/* A byte that belongs to the line. */
static void type_byte(struct tty *tty, u8 c)
{
	if (full(tty)) {
		put(tty, "\a");
		return;
	}
	if (tty->tail == tty->canon)
		tty->line_start = tty->column;
	store(tty, c, false);
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

static bool receive_framed(struct tty *tty, u8 c)
{
	if (!tty->escape && c == FRAME_ESCAPE) {
		tty->escape = true;
		return true;
	}
	if (tty->escape && c == 'e') {
		tty->eof = true;
		wake_up_all(&tty->read_wait);
	} else if (!tty->eof) {
		if (full(tty))
			return false;
		store(tty, c, false);
	}
	tty->escape = false;
	return true;
}

bool tty_receive(struct tty *tty, u8 c)
{
	u32 iflag = tty->termios.c_iflag;
	int sig;

	if (tty->framed)
		return receive_framed(tty, c);
	if (iflag & ISTRIP)
		c &= 0x7f;
	sig = signal_of(tty, c);
	if (sig) {
		if (!has(tty, NOFLSH))
			tty_flush_input(tty);
		if (tty->pgrp)
			signal_pgrp(tty->pgrp, sig);
		echo(tty, c);
		return true;
	}
	/* Unread lines fill the buffer: what comes after them can wait. */
	if (full(tty) && (tty->canon != tty->head || !has(tty, ICANON)))
		return false;
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
		store(tty, c, false);
		echo(tty, c);
	}
	return true;
}
