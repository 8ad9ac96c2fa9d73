/* SPDX-License-Identifier: MIT */
/*
 * What goes out: processed as c_oflag says, then sent, or held back while somebody said stop (^S,
 * TCOOFF). All of it under write_lock.
 */
#include "fs/tty/tty.h"

#include "drivers/serial/serial.h"
#include "fs/fasync.h"
#include "kernel/core/vfs.h"
#include "lib/string.h"
#include "lib/util.h"

#define LONGEST 8 /* bytes that one can become: a tab */

static void emit(struct tty *tty, const u8 *data, size_t len)
{
	if (!tty->stopped) {
		serial_write(data, len);
		return;
	}
	memcpy(tty->held + tty->held_len, data, len);
	tty->held_len += len;
}

static size_t room(const struct tty *tty)
{
	return tty->stopped ? sizeof(tty->held) - tty->held_len : ~(size_t)0;
}

static size_t process_newline(struct tty *tty, u32 oflag, u8 *out)
{
	if (oflag & ONLCR) {
		tty->column = 0;
		out[0] = '\r';
		out[1] = '\n';
		return 2;
	}
	if (oflag & ONLRET)
		tty->column = 0;
	out[0] = '\n';
	return 1;
}

static size_t process_return(struct tty *tty, u32 oflag, u8 *out)
{
	if ((oflag & ONOCR) && !tty->column)
		return 0;
	out[0] = oflag & OCRNL ? '\n' : '\r';
	if (!(oflag & OCRNL) || (oflag & ONLRET))
		tty->column = 0;
	return 1;
}

static size_t process_tab(struct tty *tty, u32 oflag, u8 *out)
{
	unsigned int spaces = 8 - (tty->column & 7);

	tty->column += spaces;
	if ((oflag & XTABS) != XTABS) {
		out[0] = '\t';
		return 1;
	}
	memset(out, ' ', spaces);
	return spaces;
}

/* What @c becomes, in out[LONGEST]; how many bytes. Follows the cursor's column. */
static size_t process(struct tty *tty, u8 c, u8 *out)
{
	u32 oflag = tty->termios.c_oflag;

	if (c == '\n')
		return process_newline(tty, oflag, out);
	if (c == '\r')
		return process_return(tty, oflag, out);
	if (c == '\t')
		return process_tab(tty, oflag, out);
	if (c == '\b')
		tty->column -= tty->column > 0;
	else if (c >= ' ' && c != 0x7f && !tty_continues(tty, c))
		tty->column++;
	out[0] = (oflag & OLCUC) && c - 'a' < 26u ? c - 'a' + 'A' : c;
	return 1;
}

static size_t output_processed(struct tty *tty, const u8 *data, size_t len)
{
	size_t n = 0, done = 0, space = room(tty);
	u8 out[128];

	for (; done < len && space >= n + LONGEST; done++) {
		n += process(tty, data[done], out + n);
		if (n > sizeof(out) - LONGEST) {
			emit(tty, out, n);
			space = room(tty);
			n = 0;
		}
	}
	emit(tty, out, n);
	return done;
}

size_t tty_output(struct tty *tty, const u8 *data, size_t len)
{
	mutex_lock(&tty->write_lock);
	if (tty->termios.c_oflag & OPOST)
		len = output_processed(tty, data, len);
	else
		emit(tty, data, len = min(len, room(tty)));
	mutex_unlock(&tty->write_lock);
	return len;
}

bool tty_output_full(const struct tty *tty)
{
	return room(tty) < LONGEST;
}

void tty_send_raw(struct tty *tty, u8 c)
{
	mutex_lock(&tty->write_lock);
	serial_write(&c, 1);
	mutex_unlock(&tty->write_lock);
}

void tty_stop(struct tty *tty)
{
	mutex_lock(&tty->write_lock);
	tty->stopped = true;
	mutex_unlock(&tty->write_lock);
}

void tty_tell_room(struct tty *tty)
{
	mutex_lock(&tty->write_lock);
	if (tty_output_full(tty))
		tty->tell_room = !list_empty(&tty->async);
	else
		kill_fasync(&tty->async, FMODE_WRITE); /* it came meanwhile */
	mutex_unlock(&tty->write_lock);
}

/* What was held back is gone; write_lock is held and let go. */
static void has_room(struct tty *tty)
{
	tty->held_len = 0;
	if (tty->tell_room)
		kill_fasync(&tty->async, FMODE_WRITE);
	tty->tell_room = false;
	mutex_unlock(&tty->write_lock);
	wake_up_all(&tty->write_wait);
	wake_up_all(&tty->read_wait); /* poll */
}

void tty_start(struct tty *tty)
{
	if (!tty->stopped || tty->stopped_by_ioctl)
		return;
	mutex_lock(&tty->write_lock);
	serial_write(tty->held, tty->held_len);
	tty->stopped = false;
	has_room(tty);
}

void tty_flush_output(struct tty *tty)
{
	mutex_lock(&tty->write_lock);
	has_room(tty);
}
