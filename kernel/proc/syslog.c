/* SPDX-License-Identifier: MIT */
/*
 * syslog(2): the kernel log as klogctl(3) and dmesg(1) know it. Nobody can be woken from printk(), which
 * is called with any lock held: who waits for text looks ten times a second.
 */
#include "kernel/core/mutex.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

enum {
	SYSLOG_ACTION_CLOSE,
	SYSLOG_ACTION_OPEN,
	SYSLOG_ACTION_READ,
	SYSLOG_ACTION_READ_ALL,
	SYSLOG_ACTION_READ_CLEAR,
	SYSLOG_ACTION_CLEAR,
	SYSLOG_ACTION_CONSOLE_OFF,
	SYSLOG_ACTION_CONSOLE_ON,
	SYSLOG_ACTION_CONSOLE_LEVEL,
	SYSLOG_ACTION_SIZE_UNREAD,
	SYSLOG_ACTION_SIZE_BUFFER,
};

static DEFINE_MUTEX(syslog_mutex);
static u64 log_read_to;         /* syslog_mutex: what SYSLOG_ACTION_READ has taken */
static int saved_console_level; /* syslog_mutex: before CONSOLE_OFF; 0: it is on */

/* From *pos on, at most @len bytes, through a buffer of the kernel's. Bytes or -errno. */
static long copy_log(char __user *ubuf, size_t len, u64 *pos)
{
	char *buf = kmalloc(LOG_BUF_SIZE, GFP_KERNEL);
	size_t n, left;

	if (!buf)
		return -ENOMEM;
	n = log_read(pos, buf, min(len, (size_t)LOG_BUF_SIZE));
	left = copy_to_user(ubuf, buf, n);
	kfree(buf);
	return left ? -EFAULT : (long)n;
}

/* The newest text that fits, of what was not cleared. */
static long read_all(char __user *ubuf, size_t len, bool clear)
{
	u64 pos = log_cleared(), end = log_end_position();
	long n;

	log_read(&pos, NULL, 0); /* finds the oldest text */
	if (end > pos && end - pos > len)
		pos = log_line_after(end - len);
	n = copy_log(ubuf, len, &pos);
	if (n >= 0 && clear)
		log_clear(pos);
	return n;
}

static long unread(void)
{
	u64 pos = log_read_to;

	log_read(&pos, NULL, 0);
	return (long)(log_end_position() - pos);
}

static long read_new(char __user *ubuf, size_t len)
{
	long n;

	for (;;) {
		mutex_lock(&syslog_mutex);
		n = unread() ? copy_log(ubuf, len, &log_read_to) : 0;
		mutex_unlock(&syslog_mutex);
		if (n || !len)
			return n;
		current->state = TASK_INTERRUPTIBLE;
		schedule_timeout(NSEC_PER_SEC / 10);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
}

static void set_console(bool on)
{
	mutex_lock(&syslog_mutex);
	if (on && saved_console_level) {
		console_loglevel = saved_console_level;
		saved_console_level = 0;
	} else if (!on) {
		if (!saved_console_level)
			saved_console_level = console_loglevel;
		console_loglevel = minimum_console_loglevel;
	}
	mutex_unlock(&syslog_mutex);
}

static long set_console_level(int level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	mutex_lock(&syslog_mutex);
	console_loglevel = max(level, minimum_console_loglevel);
	saved_console_level = 0;
	mutex_unlock(&syslog_mutex);
	return 0;
}

/* As a Debian kernel, which has dmesg_restrict on; CAP_SYS_ADMIN did before there was the other. */
bool may_read_log(void)
{
	return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN);
}

long sys_syslog(int type, char __user *buf, int len)
{
	long ret = 0;

	if (!may_read_log())
		return -EPERM;
	switch (type) {
	case SYSLOG_ACTION_CLOSE:
	case SYSLOG_ACTION_OPEN:
		return 0;
	case SYSLOG_ACTION_READ:
	case SYSLOG_ACTION_READ_ALL:
	case SYSLOG_ACTION_READ_CLEAR:
		if (len < 0 || !buf)
			return -EINVAL;
		if (!len)
			return 0;
		return type == SYSLOG_ACTION_READ ?
			       read_new(buf, (size_t)len) :
			       read_all(buf, (size_t)len, type == SYSLOG_ACTION_READ_CLEAR);
	case SYSLOG_ACTION_CLEAR:
		log_clear(log_end_position());
		return 0;
	case SYSLOG_ACTION_CONSOLE_OFF:
	case SYSLOG_ACTION_CONSOLE_ON:
		set_console(type == SYSLOG_ACTION_CONSOLE_ON);
		return 0;
	case SYSLOG_ACTION_CONSOLE_LEVEL:
		return set_console_level(len);
	case SYSLOG_ACTION_SIZE_UNREAD:
		mutex_lock(&syslog_mutex);
		ret = unread();
		mutex_unlock(&syslog_mutex);
		return ret;
	case SYSLOG_ACTION_SIZE_BUFFER:
		return LOG_BUF_SIZE;
	default:
		return -EINVAL;
	}
}
