/* SPDX-License-Identifier: MIT */
/*
 * Pipes and fifos: a ring of frames between those who write and those who read. See pipe(7) and fifo(7)
 * for what is promised. How much fits, and what one read gets, is as on Linux: a write goes on in the
 * frame of the last one only if its odd bytes fit there all; otherwise it begins a frame.
 */
#include "fs/pipe.h"

#include "fs/abi.h"
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/syscalls.h"
#include "kernel/core/mutex.h"
#include "kernel/core/uio.h"
#include "kernel/core/wait.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/uaccess.h>

#define PIPE_MAX_SLOTS 65536 /* for root there is Linux's limit of one allocation */

/* The frame of the oldest slot is read: keep it for the next write. */
static void drop_slot(struct pipe *pipe)
{
	struct pipe_slot *slot = slot_of(pipe, pipe->tail);

	if (pipe->spare)
		free_page(slot->page);
	else
		pipe->spare = slot->page;
	WRITE_ONCE(pipe->tail, pipe->tail + 1);
}

/* As pipe_consume(). */
static __always_inline void consume(struct pipe *pipe, size_t n)
{
	struct pipe_slot *slot = slot_of(pipe, pipe->tail);

	slot->offset += (u16)n;
	slot->len -= (u16)n;
	if (!slot->len)
		drop_slot(pipe);
}

void pipe_consume(struct pipe *pipe, size_t n)
{
	consume(pipe, n);
}

/* As pipe_take(); of @packets it takes one, and what it leaves of that is lost. */
static __always_inline ssize_t take_bytes(struct pipe *pipe, char *to, size_t count, bool packets)
{
	size_t done = 0;

	while (done < count && !pipe_empty(pipe)) {
		struct pipe_slot *slot = slot_of(pipe, pipe->tail);
		size_t n = min_t(size_t, slot->len, count - done);
		bool packet = packets && slot->kind == PIPE_PACKET;

		if (copy_to_user(to + done, (char *)slot->page + slot->offset, n))
			return done ? (ssize_t)done : -EFAULT;
		done += n;
		consume(pipe, packet ? slot->len : n);
		if (packet)
			break;
	}
	return (ssize_t)done;
}

ssize_t pipe_take(struct pipe *pipe, char *to, size_t count)
{
	return take_bytes(pipe, to, count, false);
}

/* From the writer's memory or, for write_kernel(), the kernel's. Bytes not copied. */
static size_t copy_in(char *to, const char *from, size_t n, bool from_kernel)
{
	if (!from_kernel)
		return copy_from_user(to, from, n);
	memcpy(to, from, n);
	return 0;
}

/* How many bytes of a write of @count go behind those of the last one: its odd ones, or none. */
static size_t odd_bytes(const struct pipe *pipe, size_t count)
{
	const struct pipe_slot *slot = slot_of(pipe, pipe->head - 1);
	size_t odd = count % PAGE_SIZE;

	if (pipe_empty(pipe) || slot->kind != PIPE_STREAM ||
	    (size_t)slot->offset + slot->len + odd > PAGE_SIZE)
		return 0;
	return odd;
}

/* They get there: how many, or -EFAULT. */
static ssize_t merge_bytes(struct pipe *pipe, const char *from, size_t count, bool from_kernel)
{
	struct pipe_slot *slot = slot_of(pipe, pipe->head - 1);
	size_t odd = odd_bytes(pipe, count);

	if (odd && copy_in((char *)slot->page + slot->offset + slot->len, from, odd, from_kernel))
		return -EFAULT;
	if (odd)
		slot->len += (u16)odd;
	return (ssize_t)odd;
}

size_t pipe_first_piece(struct file *file, size_t count)
{
	struct pipe *pipe = file->private_data;
	size_t odd;

	mutex_lock(&pipe->lock);
	odd = odd_bytes(pipe, count);
	mutex_unlock(&pipe->lock);
	return odd ? odd : PAGE_SIZE;
}

/* Up to a frame of bytes into a new slot, which there is: how many, -EFAULT, -ENOMEM. */
static __always_inline ssize_t put_slot(struct pipe *pipe, const char *from, size_t count,
					enum pipe_kind kind, bool from_kernel)
{
	struct pipe_slot *slot = slot_of(pipe, pipe->head);
	struct page *page;

	count = min(count, PAGE_SIZE);
	if (!pipe->spare) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return -ENOMEM;
		pipe->spare = page_address(page);
	}
	if (copy_in(pipe->spare, from, count, from_kernel))
		return -EFAULT;
	*slot = (struct pipe_slot){ pipe->spare, 0, (u16)count, kind };
	pipe->spare = NULL;
	WRITE_ONCE(pipe->head, pipe->head + 1);
	return (ssize_t)count;
}

/* As pipe_wait_data(). */
static __always_inline int wait_for_bytes(struct pipe *pipe, bool nonblock)
{
	int err = 0;

	while (!err && pipe_empty(pipe) && pipe->writers) {
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&pipe->lock);
		err = wait_event_interruptible(pipe->wait,
					       !pipe_empty(pipe) || !READ_ONCE(pipe->writers));
		mutex_lock(&pipe->lock);
	}
	return err;
}

int pipe_wait_data(struct pipe *pipe, bool nonblock)
{
	return wait_for_bytes(pipe, nonblock);
}

static ssize_t pipe_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	struct pipe *pipe = file->private_data;
	ssize_t n;

	if (!count)
		return 0;
	mutex_lock(&pipe->lock);
	n = wait_for_bytes(pipe, file->f_flags & O_NONBLOCK);
	if (!n && !pipe_empty(pipe)) {
		n = take_bytes(pipe, buf, count, true);
		wake_up_all_sync(&pipe->wait);
	}
	kill_fasync(&pipe->async, FMODE_WRITE);
	mutex_unlock(&pipe->lock);
	return n;
}

/* @n bytes of the slot to the parts from *@at of *@vec on, which move along. False: they cannot be written. */
static bool slot_to_parts(const struct pipe_slot *slot, size_t n, const struct iovec **vec,
			  size_t *at)
{
	const char *from = (const char *)slot->page + slot->offset;

	while (n) {
		size_t part = min(n, (*vec)->len - *at);

		if (copy_to_user((char *)(*vec)->base + *at, from, part))
			return false;
		from += part;
		n -= part;
		*at += part;
		if (*at == (*vec)->len) {
			(*vec)++;
			*at = 0;
		}
	}
	return true;
}

/* A slot whose bytes do not all arrive keeps them all. A packet ends what is read, whole or not. */
static ssize_t take_parts(struct pipe *pipe, const struct iovec *vec, size_t count)
{
	size_t done = 0, at = 0;
	bool over = false;

	while (done < count && !pipe_empty(pipe) && !over) {
		struct pipe_slot *slot = slot_of(pipe, pipe->tail);
		size_t n = min_t(size_t, slot->len, count - done);

		if (!slot_to_parts(slot, n, &vec, &at))
			return done ? (ssize_t)done : -EFAULT;
		done += n;
		over = slot->kind == PIPE_PACKET;
		consume(pipe, over ? slot->len : n);
	}
	return (ssize_t)done;
}

ssize_t pipe_readv(struct file *file, const struct iovec *vec, size_t count)
{
	struct pipe *pipe = file->private_data;
	ssize_t n;

	mutex_lock(&pipe->lock);
	n = wait_for_bytes(pipe, file->f_flags & O_NONBLOCK);
	if (!n && !pipe_empty(pipe)) {
		n = take_parts(pipe, vec, count);
		wake_up_all_sync(&pipe->wait);
	}
	kill_fasync(&pipe->async, FMODE_WRITE);
	mutex_unlock(&pipe->lock);
	return n;
}

/* As pipe_wait_room(). */
static __always_inline int wait_for_slot(struct pipe *pipe, bool nonblock)
{
	int err = 0;

	while (!err) {
		if (!pipe->readers)
			return -EPIPE;
		if (!pipe_full(pipe))
			return 0;
		if (nonblock)
			return -EAGAIN;
		kill_fasync(&pipe->async, FMODE_READ);
		mutex_unlock(&pipe->lock);
		err = wait_event_interruptible(pipe->wait,
					       !pipe_full(pipe) || !READ_ONCE(pipe->readers));
		mutex_lock(&pipe->lock);
	}
	return err;
}

int pipe_wait_room(struct pipe *pipe, bool nonblock)
{
	int err = wait_for_slot(pipe, nonblock);

	if (err == -EPIPE)
		send_sig_self(SIGPIPE);
	return err;
}

ssize_t pipe_put(struct pipe *pipe, const char *from, size_t count, enum pipe_kind kind,
		 bool from_kernel)
{
	return put_slot(pipe, from, count, kind, from_kernel);
}

void pipe_move_slot(struct pipe *in, struct pipe *out)
{
	*slot_of(out, out->head) = *slot_of(in, in->tail);
	WRITE_ONCE(out->head, out->head + 1);
	WRITE_ONCE(in->tail, in->tail + 1);
}

static ssize_t write_pipe(struct file *file, const char *buf, size_t count, bool from_kernel)
{
	struct pipe *pipe = file->private_data;
	enum pipe_kind kind = file->f_flags & O_DIRECT ? PIPE_PACKET : PIPE_STREAM;
	size_t done = 0;
	ssize_t n;

	if (!count)
		return 0;
	mutex_lock(&pipe->lock);
	n = pipe->readers ? merge_bytes(pipe, buf, count, from_kernel) : -EPIPE;
	while (n >= 0) {
		done += (size_t)n;
		if (n)
			wake_up_all_sync(&pipe->wait);
		if (done == count)
			break;
		n = wait_for_slot(pipe, file->f_flags & O_NONBLOCK);
		if (!n)
			n = put_slot(pipe, buf + done, count - done, kind, from_kernel);
	}
	kill_fasync(&pipe->async, FMODE_READ);
	mutex_unlock(&pipe->lock);
	if (n == -EPIPE)
		send_sig_self(SIGPIPE);
	return done ? (ssize_t)done : n;
}

static ssize_t pipe_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_pipe(file, buf, count, false);
}

static ssize_t pipe_write_kernel(struct file *file, const char *data, size_t count, loff_t *pos)
{
	return write_pipe(file, data, count, true);
}

ssize_t pipe_send(struct file *file, const char *data, size_t count, bool wait)
{
	struct pipe *pipe = file->private_data;
	ssize_t n;

	mutex_lock(&pipe->lock);
	n = pipe_wait_room(pipe, !wait || (file->f_flags & O_NONBLOCK));
	if (!n && count)
		n = pipe_put(pipe, data, count, PIPE_APART, true);
	if (n > 0) {
		wake_up_all_sync(&pipe->wait);
		kill_fasync(&pipe->async, FMODE_READ);
	}
	mutex_unlock(&pipe->lock);
	return n;
}

static unsigned int pipe_poll(struct file *file, struct wait_queue_head **wait)
{
	struct pipe *pipe = file->private_data;
	unsigned int mask = 0;

	*wait = &pipe->wait;
	if (file->f_mode & FMODE_READ) {
		if (!pipe_empty(pipe))
			mask |= POLLIN | POLLRDNORM;
		if (!READ_ONCE(pipe->writers) && file->f_writer_no != READ_ONCE(pipe->writer_no))
			mask |= POLLHUP;
	}
	if (file->f_mode & FMODE_WRITE) {
		if (!pipe_full(pipe))
			mask |= POLLOUT | POLLWRNORM;
		if (!READ_ONCE(pipe->readers))
			mask |= POLLERR;
	}
	return mask;
}

#define FIONREAD 0x541b

static long pipe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pipe *pipe = file->private_data;
	int len = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock);
	for (unsigned int n = pipe->tail; n != pipe->head; n++)
		len += slot_of(pipe, n)->len;
	mutex_unlock(&pipe->lock);
	return put_user(len, (int __user *)arg);
}

unsigned int pipe_slots_for(unsigned long size)
{
	if (size > PIPE_MAX_BYTES)
		return 0;
	return (unsigned int)roundup_pow_of_two(DIV_ROUND_UP(size, PAGE_SIZE));
}

static long resize_pipe(struct pipe *pipe, unsigned int nr_slots)
{
	struct pipe_slot *slots = kvzalloc(nr_slots * sizeof(*slots)), *old = slots;
	long result = -EBUSY;

	if (!slots)
		return -ENOMEM;
	mutex_lock(&pipe->lock);
	if (nr_slots >= pipe->head - pipe->tail) {
		/* They keep their numbers: poll(2) looks at head and tail meanwhile. */
		for (unsigned int n = pipe->tail; n != pipe->head; n++)
			slots[n & (nr_slots - 1)] = *slot_of(pipe, n);
		old = pipe->slots;
		pipe->slots = slots;
		WRITE_ONCE(pipe->nr_slots, nr_slots);
		result = (long)(nr_slots * PAGE_SIZE);
		wake_up_all(&pipe->wait); /* there may be room now */
	}
	mutex_unlock(&pipe->lock);
	kvfree(old);
	return result;
}

long pipe_get_size(struct file *file)
{
	struct pipe *pipe = file->private_data;

	return file->f_op == &pipe_fops ? (long)(READ_ONCE(pipe->nr_slots) * PAGE_SIZE) : -EBADF;
}

long pipe_set_size(struct file *file, unsigned long size)
{
	unsigned int slots = pipe_slots_for(size);
	struct pipe *pipe = file->private_data;

	if (file->f_op != &pipe_fops)
		return -EBADF;
	if (!slots)
		return -EINVAL;
	if (slots > READ_ONCE(pipe->nr_slots)) {
		if (slots > READ_ONCE(pipe_max_size) / PAGE_SIZE && !capable(CAP_SYS_RESOURCE))
			return -EPERM;
		if (pipe_may_have(pipe, pipe->uid, slots))
			return -EPERM;
	}
	if (slots > PIPE_MAX_SLOTS)
		return -ENOMEM;
	return resize_pipe(pipe, slots);
}

static int pipe_fasync(unsigned int fd, struct file *file, bool on)
{
	struct pipe *pipe = file->private_data;

	return fasync_helper(fd, file, on, &pipe->async);
}

const struct file_operations pipe_fops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.write_kernel = pipe_write_kernel,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.open = fifo_open,
	.release = pipe_release,
	.fasync = pipe_fasync,
};
