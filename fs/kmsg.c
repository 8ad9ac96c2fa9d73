/* SPDX-License-Identifier: MIT */
/*
 * /dev/kmsg: each read(2) gives one record as Linux formats it, "6,NUMBER,MICROSECONDS,-;TEXT", for
 * dmesg(1). The log keeps neither numbers nor levels: a record's number is its place in the log, which
 * rises as well, and all are informational.
 */
#include "fs/kmsg.h"

#include "fs/abi.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include <asm/uaccess.h>

#define LOOK_AGAIN_NS (NSEC_PER_SEC / 20)

/*
 * The log's line "[    1.234567] text" as a record. @line is NUL-terminated; the record has a newline.
 * Its length.
 */
static size_t format_record(char *record, size_t size, const char *line, u64 number)
{
	u64 microseconds = 0;

	if (*line == '[') {
		for (line++; *line && *line != ']'; line++)
			if (*line >= '0' && *line <= '9')
				microseconds = microseconds * 10 + (u64)(*line - '0');
		line += *line == ']';
		line += *line == ' ';
	}
	return (size_t)scnprintf(record, size, "%u,%llu,%llu,-;%s\n", LOGLEVEL_INFO,
				 (unsigned long long)number, (unsigned long long)microseconds,
				 line);
}

/* The line at *pos, NUL instead of its newline; *pos moves behind it. False: there is none yet. */
static bool read_line(u64 *pos, char line[LOG_LINE_MAX])
{
	u64 from = *pos;
	size_t n = log_read(&from, line, LOG_LINE_MAX - 1), len = 0;

	while (len < n && line[len] != '\n')
		len++;
	if (!n)
		return false;
	*pos = from - n + len + (len < n);
	line[len] = '\0';
	return true;
}

/*
 * printk() is called where nobody can be woken, so who waits looks again from time to time. 0 or
 * -errno.
 */
static int wait_for_line(const struct file *file, u64 pos)
{
	while (log_end_position() == pos) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		current->state = TASK_INTERRUPTIBLE;
		schedule_timeout(LOOK_AGAIN_NS);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return 0;
}

static ssize_t kmsg_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	char line[LOG_LINE_MAX], record[LOG_LINE_MAX + 64];
	u64 at = (u64)*pos, oldest = 0, number;
	size_t n;
	int err;

	log_read(&oldest, line, 0);
	if (at < oldest) {
		bool lost = at;

		at = oldest;
		read_line(&at, line); /* half of it is overwritten */
		*pos = (loff_t)at;
		if (lost)
			return -EPIPE;
	}
	err = wait_for_line(file, at);
	if (err)
		return err;
	number = at;
	if (!read_line(&at, line))
		return 0;
	n = format_record(record, sizeof(record), line, number);
	*pos = (loff_t)at; /* as on Linux, also if the reader then does not get it */
	if (n > count)
		return -EINVAL;
	return copy_to_user(buf, record, n) ? -EFAULT : (ssize_t)n;
}

static ssize_t kmsg_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	char text[LOG_LINE_MAX / 2], *from = text;
	size_t n = min(count, sizeof(text) - 1);

	if (copy_from_user(text, buf, n))
		return -EFAULT;
	/* One record is one line of text: nobody may write the kernel's own lines, or break the log. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = i + 1 == n && text[i] == '\n' ? '\n' : ' ';
	text[n] = '\0';
	if (*from == '<') { /* a level, as klogd and the shell's echo write it */
		while (*++from >= '0' && *from <= '9')
			;
		from = *from == '>' ? from + 1 : text;
	}
	printk("%s", from);
	return (ssize_t)count;
}

/* Only to the first record, or behind the last. */
static loff_t kmsg_llseek(struct file *file, loff_t offset, int whence)
{
	if (offset)
		return -ESPIPE;
	if (whence != SEEK_SET && whence != SEEK_END && whence != SEEK_DATA)
		return -EINVAL;
	file->f_pos = whence == SEEK_END ? (loff_t)log_end_position() : 0;
	return 0;
}

static unsigned int kmsg_poll(struct file *file, struct wait_queue_head **wait)
{
	return POLLOUT | POLLWRNORM |
	       (log_end_position() != (u64)file->f_pos ? POLLIN | POLLRDNORM : 0);
}

const struct file_operations kmsg_fops = {
	.name = "/dev/kmsg",
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
};
