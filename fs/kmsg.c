/* SPDX-License-Identifier: MIT */
/*
 * /dev/kmsg: the log by records, each read(2) giving one: "level,number,microseconds,-;text". What is
 * written becomes a record of its own, with the level that "<N>" in front of it says.
 */
#include "fs/kmsg.h"

#include "fs/abi.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "kernel/core/mutex.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/time.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define RECORD_MAX (LOG_LINE_MAX * 4 + 64) /* each byte may become "\x00" */
#define LOG_USER 1                         /* the facility of what programs write (syslog(3)) */

struct kmsg_reader {
	struct mutex lock;
	struct log_place place;      /* lock: the next record */
	char line[LOG_LINE_MAX + 1]; /* lock */
	char record[RECORD_MAX];     /* lock */
};

static int kmsg_open(struct inode *inode, struct file *file)
{
	struct kmsg_reader *reader;

	(void)inode;
	if (!(file->f_mode & FMODE_READ))
		return 0;
	if (!may_read_log())
		return -EPERM;
	reader = kmalloc(sizeof(*reader), GFP_KERNEL);
	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->lock, "kmsg");
	log_first(&reader->place, 0);
	file->private_data = reader;
	return 0;
}

static void kmsg_release(struct file *file)
{
	kfree(file->private_data);
}

/* A number of the line, behind what is no digit. */
static unsigned long next_number(const char **p)
{
	unsigned long n = 0;

	while (**p && (**p < '0' || **p > '9'))
		++*p;
	while (**p >= '0' && **p <= '9')
		n = n * 10 + (unsigned long)(*(*p)++ - '0');
	return n;
}

/* "<6>[   12.345678] text" in @r->line as /dev/kmsg gives it. Length. */
static size_t make_record(struct kmsg_reader *r, u64 number)
{
	const char *p = r->line;
	unsigned long level = next_number(&p), sec = next_number(&p), usec = next_number(&p);
	size_t n = (size_t)scnprintf(r->record, RECORD_MAX, "%lu,%llu,%llu,-;", level,
				     (unsigned long long)number,
				     (unsigned long long)sec * 1000000 + usec);

	if (*p)
		p += strlen("] ");
	for (; *p && !(p[0] == '\n' && !p[1]) && n < RECORD_MAX - 8; p++) {
		if (*p < ' ' || *p == '\\' || *p == 0x7f)
			n += (size_t)scnprintf(r->record + n, RECORD_MAX - n, "\\x%02x", (u8)*p);
		else
			r->record[n++] = *p;
	}
	r->record[n++] = '\n';
	return n;
}

/* The next record into @r->line, waited for; *at is where it stood. Bytes or -errno. */
static ssize_t next_record(struct kmsg_reader *r, bool wait, struct log_place *at)
{
	for (;;) {
		ssize_t n;

		*at = r->place;
		n = log_next(&r->place, r->line, LOG_LINE_MAX);
		if (n)
			return n;
		if (!wait)
			return -EAGAIN;
		current->state = TASK_INTERRUPTIBLE;
		schedule_timeout(NSEC_PER_SEC / 10);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
}

static ssize_t kmsg_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	struct kmsg_reader *r = file->private_data;
	struct log_place at;
	ssize_t n;
	size_t len;

	(void)pos;
	mutex_lock(&r->lock);
	n = next_record(r, !(file->f_flags & O_NONBLOCK), &at);
	if (n > 0) {
		r->line[n] = '\0';
		len = make_record(r, at.seq); /* it is behind us now, also if it does not fit */
		n = (ssize_t)len;
		if (len > count)
			n = -EINVAL;
		else if (copy_to_user(buf, r->record, len))
			n = -EFAULT;
	}
	mutex_unlock(&r->lock);
	return n;
}

static ssize_t kmsg_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	unsigned int level = (unsigned int)default_message_loglevel;
	size_t n = min(count, (size_t)LOG_LINE_MAX - 40);
	char text[LOG_LINE_MAX - 39], *start = text;
	const char *end;

	(void)file, (void)pos;
	if (copy_from_user(text, buf, n))
		return -EFAULT;
	/* One record is one line of text: nobody may write the kernel's own lines, or break the log. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = i + 1 == n && text[i] == '\n' ? '\n' : ' ';
	text[n] = '\0';
	if (text[0] == '<' && text[1] >= '0' && text[1] <= '9') {
		end = text + 1;
		level = (unsigned int)next_number(&end) & 0xff;
		if (*end == '>')
			start = text + (end - text) + 1;
		else
			level = (unsigned int)default_message_loglevel;
	}
	if (!(level >> 3)) /* only the kernel is facility 0 */
		level |= LOG_USER << 3;
	printk_level((int)level, "%s", start);
	return (ssize_t)count;
}

/* To the oldest record, the one behind the last clearing of the log, or the end. */
static loff_t kmsg_llseek(struct file *file, loff_t offset, int whence)
{
	struct kmsg_reader *r = file->private_data;
	loff_t err = 0;

	if (!r)
		return -EBADF;
	if (offset)
		return -ESPIPE;
	mutex_lock(&r->lock);
	if (whence == SEEK_SET)
		log_first(&r->place, 0);
	else if (whence == SEEK_DATA)
		log_first(&r->place, log_cleared());
	else if (whence == SEEK_END)
		log_first(&r->place, log_end_position());
	else
		err = -EINVAL;
	mutex_unlock(&r->lock);
	return err;
}

static unsigned int kmsg_poll(struct file *file, struct wait_queue_head **wait)
{
	const struct kmsg_reader *r = file->private_data;

	(void)wait;
	return r && READ_ONCE(r->place.pos) != log_end_position() ? POLLIN | POLLRDNORM : 0;
}

const struct file_operations kmsg_fops = {
	.name = "/dev/kmsg",
	.open = kmsg_open,
	.release = kmsg_release,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
};
