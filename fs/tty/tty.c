/* SPDX-License-Identifier: MIT */
/* The terminal as a file, and the thread that feeds it. See fs/tty/tty.h. */
#include "fs/tty/tty.h"

#include "drivers/serial/serial.h"
#include "fs/abi.h"
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/time.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define CHUNK \
	512 /* bytes that go through the kernel stack at once; a write of so many is not torn */
#define TTY_RDEV (5 << 8) /* /dev/tty: whatever terminal the process has */
#define CONSOLE_RDEV (5 << 8 | 1)
#define LINE_RDEV (4 << 8 | 64)

struct tty console_tty = {
	.termios =
		{
			.c_iflag = ICRNL | IXON | IUTF8,
			.c_oflag = OPOST | ONLCR,
			/* B115200, CS8, CREAD, HUPCL, CLOCAL */
			.c_cflag = 0010002 | 060 | 0200 | 02000 | 04000,
			.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
			.c_cc = {[VINTR] = 3,
				 [VQUIT] = 28,
				 [VERASE] = 127,
				 [VKILL] = 21,
				 [VEOF] = 4,
				 [VMIN] = 1,
				 [VSTART] = 17,
				 [VSTOP] = 19,
				 [VSUSP] = 26,
				 [VREPRINT] = 18,
				 [VDISCARD] = 15,
				 [VWERASE] = 23,
				 [VLNEXT] = 22},
		},
	.winsize = {.ws_row = 24, .ws_col = 80},
	.hangups = 1,
};

static DECLARE_WAIT_QUEUE_HEAD(room_wait); /* the thread, while the input buffer is full */
static bool waiting_for_room;              /* console_tty.lock */

static bool byte_exact; /* knob: no echo, no lines, no keys, until a program asks for them */

static int set_tty(const char *value)
{
	if (strcmp(value, "line") && strcmp(value, "keys") && strcmp(value, "framed"))
		return -EINVAL;
	byte_exact = !strcmp(value, "framed");
	console_tty.framed = strcmp(value, "line");
	return 0;
}
KNOB(tty, "line|keys|framed",
     "terminal with line editing and echo; the same, or byte-exact, for a runner that frames input",
     set_tty);

/* Give the bytes to the line discipline; sleeps while it takes no more. */
static void feed(struct tty *tty, const u8 *data, size_t len)
{
	mutex_lock(&tty->lock);
	for (size_t i = 0; i < len;) {
		if (tty_receive_line(tty, data[i])) {
			i++;
			continue;
		}
		waiting_for_room = true;
		mutex_unlock(&tty->lock);
		wait_event(room_wait, !READ_ONCE(waiting_for_room));
		mutex_lock(&tty->lock);
	}
	mutex_unlock(&tty->lock);
}

static int tty_thread(void *arg)
{
	u8 chunk[64];

	for (;;) {
		wait_event(serial_rx_wait, serial_rx_pending());
		feed(&console_tty, chunk, serial_read(chunk, sizeof(chunk)));
	}
	return 0;
}

/* Take what is there; lets the thread go on. */
static size_t take(struct tty *tty, u8 *to, size_t count, bool *ended)
{
	size_t n;

	mutex_lock(&tty->lock);
	n = tty_take(tty, to, count, ended);
	if (waiting_for_room) {
		waiting_for_room = false;
		wake_up(&room_wait);
	}
	mutex_unlock(&tty->lock);
	return n;
}

static bool is_device(const struct file *file, dev_t rdev)
{
	return file->f_inode && file->f_inode->i_rdev == rdev;
}

/* private_data is the number of the session's end before which the file was opened; 0: none. */
bool tty_hung_up(const struct file *file)
{
	return file->private_data &&
	       (unsigned long)file->private_data != READ_ONCE(console_tty.hangups);
}

/* As Linux: /dev/console is there for all, in front or not. */
static int check_background(struct file *file, int sig)
{
	return file->private_data ? tty_check_background(&console_tty, sig) : 0;
}

/* No more will come. Who opened the line itself is not told of what ended at the runner. */
static bool at_end(const struct file *file)
{
	return tty_hung_up(file) || (console_tty.eof && !is_device(file, LINE_RDEV));
}

/* Would read(2) of @min bytes return? */
static bool readable(const struct file *file, unsigned int min)
{
	const struct tty *tty = &console_tty;

	return tty->canon - tty->head >= min || at_end(file);
}

/*
 * Sleep until there is input. @tenths: of a second, 0: no limit. 0; -ERESTARTSYS; -ETIME when the
 * time is up.
 */
static int wait_for_input(struct file *file, unsigned int tenths)
{
	u64 left = tenths ? tenths * (NSEC_PER_SEC / 10) : ~0ULL;
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait(&console_tty.read_wait, &wait, TASK_INTERRUPTIBLE);
		if (readable(file, 1))
			break;
		if (signal_pending(current))
			err = -ERESTARTSYS;
		else if (!left)
			err = -ETIME;
		if (err)
			break;
		left = schedule_timeout(left);
	}
	finish_wait(&console_tty.read_wait, &wait);
	return err;
}

/*
 * What read(2) waits for: a line, or VMIN bytes, or VTIME to pass (termios(3), "Canonical and
 * noncanonical mode").
 */
struct read_rule {
	bool lines;
	unsigned int min, time;
};

static struct read_rule read_rule(const struct tty *tty)
{
	if (tty->termios.c_lflag & ICANON)
		return (struct read_rule){ .lines = true, .min = 1 };
	return (struct read_rule){ .min = tty->termios.c_cc[VMIN],
				   .time = tty->termios.c_cc[VTIME] };
}

/* Is a read that has @got of @count bytes complete? */
static bool enough(const struct read_rule *rule, size_t got, size_t count)
{
	return got >= count || (got && got >= min_t(size_t, rule->min, count)) ||
	       (!rule->min && !rule->time);
}

static ssize_t tty_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	struct tty *tty = &console_tty;
	struct read_rule rule = read_rule(tty);
	u8 chunk[CHUNK];
	size_t got = 0;
	bool ended = false;
	int err = tty_hung_up(file) ? 0 : check_background(file, SIGTTIN);

	if (err || !count || tty_hung_up(file))
		return err;
	for (;;) {
		size_t n = take(tty, chunk, min(count - got, sizeof(chunk)), &ended);

		if (copy_to_user(buf + got, chunk, n))
			return -EFAULT;
		got += n;
		if (rule.lines && ended)
			break;
		if (n == sizeof(chunk) && got < count)
			continue; /* there may be more of it */
		if (enough(&rule, got, count) || (!n && at_end(file)))
			break;
		if (file->f_flags & O_NONBLOCK)
			return got ? (ssize_t)got : -EAGAIN;
		err = wait_for_input(file, !rule.min || got ? rule.time : 0);
		if (err == -ETIME)
			break;
		if (err)
			return got ? (ssize_t)got : err;
	}
	return (ssize_t)got;
}

/* Output is stopped and as much as can be is held back. 0; -EAGAIN, -ERESTARTSYS. */
static int wait_for_room(struct file *file)
{
	struct tty *tty = &console_tty;
	int err = -EAGAIN;

	if (!(file->f_flags & O_NONBLOCK))
		err = wait_event_interruptible(tty->write_wait,
					       !tty_output_full(tty) || tty_hung_up(file));
	if (err)
		tty_tell_room(tty);
	return err;
}

static ssize_t write_tty(struct file *file, const char *buf, size_t count, bool from_kernel)
{
	struct tty *tty = &console_tty;
	u8 chunk[CHUNK];
	size_t done = 0;
	int err = tty->termios.c_lflag & TOSTOP ? check_background(file, SIGTTOU) : 0;

	while (!err && done < count) {
		size_t n = min(count - done, sizeof(chunk)), left = 0, sent;

		if (from_kernel)
			memcpy(chunk, buf + done, n);
		else
			left = copy_from_user(chunk, buf + done, n);
		if (tty_hung_up(file)) {
			err = -EIO;
			break;
		}
		sent = tty_output(tty, chunk, n - left);
		done += sent;
		if (sent < n - left)
			err = wait_for_room(file);
		else if (left)
			err = -EFAULT;
		if (done < count && signal_pending(current))
			break;
		cond_resched();
	}
	return done ? (ssize_t)done : err;
}

static ssize_t tty_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_tty(file, buf, count, false);
}

static ssize_t tty_write_kernel(struct file *file, const char *data, size_t count, loff_t *pos)
{
	return write_tty(file, data, count, true);
}

static unsigned int tty_poll(struct file *file, struct wait_queue_head **wait)
{
	struct tty *tty = &console_tty;
	struct read_rule rule = read_rule(tty);
	unsigned int min = rule.lines || rule.time || !rule.min ? 1 : rule.min;

	*wait = &tty->read_wait;
	if (tty_hung_up(file))
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP;
	return (tty_output_full(tty) ? 0 : POLLOUT | POLLWRNORM) |
	       (readable(file, min) ? POLLIN | POLLRDNORM : 0);
}

static int tty_open(struct inode *inode, struct file *file)
{
	if (inode->i_rdev == TTY_RDEV && !tty_is_mine(&console_tty))
		return -ENXIO;
	if (READ_ONCE(console_tty.exclusive) && !capable(CAP_SYS_ADMIN))
		return -EBUSY;
	if (inode->i_rdev == CONSOLE_RDEV)
		return 0;
	file->private_data = (void *)(unsigned long)READ_ONCE(console_tty.hangups);
	if (inode->i_rdev == LINE_RDEV && !(file->f_flags & O_NOCTTY))
		tty_acquire_on_open(&console_tty);
	return 0;
}

static int tty_fasync(unsigned int fd, struct file *file, bool on)
{
	struct tty *tty = &console_tty;
	int err = -ENOTTY;

	mutex_lock(&tty->lock);
	if (!tty_hung_up(file))
		err = fasync_helper(fd, file, on, &tty->async);
	if (!err && on)
		fasync_default_owner(file, tty->pgrp);
	mutex_unlock(&tty->lock);
	return err;
}

const struct file_operations tty_fops = {
	.name = "/dev/ttyS0",
	.open = tty_open,
	.read = tty_read,
	.write = tty_write,
	.write_kernel = tty_write_kernel,
	.ioctl = tty_ioctl,
	.poll = tty_poll,
	.fasync = tty_fasync,
};

void tty_init(void)
{
	struct tty *tty = &console_tty;

	mutex_init(&tty->lock, "tty");
	mutex_init(&tty->write_lock, "tty_write");
	init_waitqueue_head(&tty->read_wait);
	INIT_LIST_HEAD(&tty->async);
	init_waitqueue_head(&tty->write_wait);
	if (byte_exact) {
		tty->termios.c_iflag = 0;
		tty->termios.c_oflag = 0;
		tty->termios.c_lflag = 0;
	}
	serial_init();
	if (IS_ERR_OR_NULL(kthread_run(tty_thread, NULL, "tty")))
		panic("tty: no memory for its thread");
}

int open_console(void)
{
	struct file *file = filp_open("/dev/console", O_RDWR | O_NOCTTY, 0);

	if (IS_ERR(file)) /* the root disk has no /dev: the terminal is there all the same */
		file = alloc_file(&tty_fops, O_RDWR);
	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	for (int i = 0; i < 3; i++) {
		int fd = get_unused_fd(0, false);

		if (fd < 0)
			return fd;
		fd_install((unsigned int)fd, i ? get_file(file) : file);
	}
	return 0;
}
