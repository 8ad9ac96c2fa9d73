/* SPDX-License-Identifier: MIT */
/*
 * splice(2), tee(2), vmsplice(2): bytes into and out of pipes without a buffer of the program's. Here
 * they are copied once, where Linux may share their frames; frames move only from pipe to pipe.
 */
#include "fs/fasync.h"
#include "fs/file.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/uio.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

/* Of splice(2): all are hints but one. */
#define SPLICE_F_MOVE 1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
#define SPLICE_F_ALL (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)

/* The pipe that it is an end of, or NULL. */
static struct pipe *pipe_of(const struct file *file)
{
	return file->f_op == &pipe_fops ? file->private_data : NULL;
}

/* Up to @count bytes of a slot into one of @out: how many, or -ENOMEM. */
static ssize_t copy_slot(struct pipe *out, const struct pipe_slot *slot, size_t count)
{
	return pipe_put(out, (char *)slot->page + slot->offset, min_t(size_t, slot->len, count),
			max(slot->kind, PIPE_APART), true);
}

/*
 * Bytes of @in into slots of @out as long as both have some, and out of @in unless it is to @keep them.
 * Both locks are held. How many, 0 if there was nothing to do, or -EPIPE (and SIGPIPE), -ENOMEM.
 */
static ssize_t copy_slots(struct pipe *in, struct pipe *out, size_t count, bool keep)
{
	unsigned int at = in->tail;
	size_t done = 0;
	ssize_t n = 0;

	if (!out->readers) {
		send_sig_self(SIGPIPE);
		return -EPIPE;
	}
	while (done < count && at != in->head && !pipe_full(out)) {
		const struct pipe_slot *slot = slot_of(in, at++);

		if (!keep && slot->len <= count - done) {
			done += slot->len;
			pipe_move_slot(in, out);
			continue;
		}
		n = copy_slot(out, slot, count - done);
		if (n < 0)
			break;
		done += (size_t)n;
		if (!keep)
			pipe_consume(in, (size_t)n);
	}
	return done ? (ssize_t)done : n;
}

/* Wait until @in has bytes, or no writers, and then until @out has room. 0 or -errno. */
static int wait_for_both(struct pipe *in, struct pipe *out, bool nonblock)
{
	int err;

	mutex_lock(&in->lock);
	err = pipe_wait_data(in, nonblock);
	mutex_unlock(&in->lock);
	if (err)
		return err;
	mutex_lock(&out->lock);
	err = pipe_wait_room(out, nonblock);
	mutex_unlock(&out->lock);
	return err;
}

/* From pipe to pipe, as copy_slots(). Of the two locks the one at the lower address is taken first. */
static ssize_t pipe_to_pipe(struct pipe *in, struct pipe *out, size_t count, bool nonblock,
			    bool keep)
{
	ssize_t n = 0;
	bool over = false;

	while (!n && !over) {
		n = wait_for_both(in, out, nonblock);
		if (n)
			break;
		mutex_lock(&min(in, out)->lock);
		mutex_lock(&max(in, out)->lock);
		n = copy_slots(in, out, count, keep);
		over = pipe_empty(in) && !in->writers;
		if (!n && !over && nonblock)
			n = -EAGAIN; /* others were faster */
		if (n > 0) {
			wake_up_all_sync(&in->wait);
			wake_up_all_sync(&out->wait);
			if (!keep)
				kill_fasync(&in->async, FMODE_WRITE);
			kill_fasync(&out->async, FMODE_READ);
		}
		mutex_unlock(&max(in, out)->lock);
		mutex_unlock(&min(in, out)->lock);
	}
	return n;
}

/* What the pipe has, from frames straight to the file at *@pos, which advances. As splice(2). */
static ssize_t pipe_to_file(struct pipe *in, struct file *out, loff_t *pos, size_t count,
			    bool nonblock)
{
	size_t done = 0;
	ssize_t n;

	mutex_lock(&in->lock);
	n = pipe_wait_data(in, nonblock);
	while (n >= 0 && done < count && !pipe_empty(in)) {
		struct pipe_slot *slot = slot_of(in, in->tail);
		size_t piece = min_t(size_t, slot->len, count - done);

		n = out->f_op->write_kernel(out, (char *)slot->page + slot->offset, piece, pos);
		if (n <= 0)
			break;
		pipe_consume(in, (size_t)n);
		done += (size_t)n;
		if ((size_t)n < piece)
			break;
	}
	if (done) {
		wake_up_all_sync(&in->wait);
		kill_fasync(&in->async, FMODE_WRITE);
	}
	mutex_unlock(&in->lock);
	return done ? (ssize_t)done : n;
}

/* One of the two is a pipe; the other's position is *@pos, which advances. */
static ssize_t splice_file(struct file *in, struct file *out, loff_t *pos, size_t count,
			   bool nonblock)
{
	struct pipe *pipe = pipe_of(in);
	loff_t nowhere = 0;
	ssize_t n;

	if (pipe && (*pos < 0 || (out->f_flags & O_APPEND) || !out->f_op->write_kernel))
		return -EINVAL;
	if (pipe)
		return pipe_to_file(pipe, out, pos, count, nonblock);
	n = pipe_send(out, NULL, 0, !nonblock); /* even if there is nothing to be read */
	if (!n && (*pos < 0 || !in->f_mapping))
		n = -EINVAL;
	return n ? n : move_bytes(in, pos, out, &nowhere, count, !nonblock);
}

static long do_splice(struct file *in, loff_t __user *in_offset, struct file *out,
		      loff_t __user *out_offset, size_t len, bool nonblock)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	loff_t __user *offset = from ? out_offset : in_offset;
	struct file *file = from ? out : in;
	loff_t pos;
	long n;

	if ((from && in_offset) || (to && out_offset))
		return -ESPIPE;
	pos = file->f_pos;
	if (offset && get_user(pos, offset))
		return -EFAULT;
	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE))
		return -EBADF;
	if (from && to)
		return from == to ? -EINVAL : pipe_to_pipe(from, to, len, nonblock, false);
	if ((!from && !to) || (offset && !file->f_op->llseek))
		return -EINVAL;
	n = splice_file(in, out, &pos, len, nonblock);
	if (n <= 0)
		return n;
	if (!offset && file->f_op->llseek)
		file->f_pos = pos;
	return offset && put_user(pos, offset) ? -EFAULT : n;
}

/* Must it not wait? Either end of a pipe may say so. */
static bool must_not_wait(const struct file *in, const struct file *out, unsigned int flags)
{
	return (flags & SPLICE_F_NONBLOCK) || (pipe_of(in) && (in->f_flags & O_NONBLOCK)) ||
	       (pipe_of(out) && (out->f_flags & O_NONBLOCK));
}

long sys_splice(int in_fd, loff_t __user *in_offset, int out_fd, loff_t __user *out_offset,
		size_t len, unsigned int flags)
{
	struct file *in, *out;
	long n = -EBADF;

	if (!len)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	in = fget((unsigned int)in_fd);
	out = fget((unsigned int)out_fd);
	if (in && out && in->f_mode && out->f_mode)
		n = do_splice(in, in_offset, out, out_offset, min(len, MAX_COUNT),
			      must_not_wait(in, out, flags));
	fput(in);
	fput(out);
	return n;
}

long sys_tee(int in_fd, int out_fd, size_t len, unsigned int flags)
{
	struct file *in, *out;
	long n = -EBADF;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fget((unsigned int)in_fd);
	out = fget((unsigned int)out_fd);
	if (in && out && (in->f_mode & FMODE_READ) && (out->f_mode & FMODE_WRITE)) {
		struct pipe *from = pipe_of(in), *to = pipe_of(out);

		n = from && to && from != to ?
			    pipe_to_pipe(from, to, len, must_not_wait(in, out, flags), true) :
			    -EINVAL;
	}
	fput(in);
	fput(out);
	return n;
}

/* vmsplice(2) to a pipe: waits for room once. The lock is held. */
static ssize_t put_vector(struct pipe *pipe, const struct iovec *vec, size_t count, bool nonblock)
{
	ssize_t n = pipe_wait_room(pipe, nonblock);
	size_t done = 0, at = 0;

	while (n >= 0 && done < count && !pipe_full(pipe)) {
		const char *from = (const char *)vec->base + at;
		size_t in_page = PAGE_SIZE - ((size_t)from & (PAGE_SIZE - 1));

		if (at == vec->len) {
			vec++;
			at = 0;
			continue;
		}
		n = pipe_put(pipe, from, min(in_page, min(vec->len - at, count - done)), PIPE_APART,
			     false);
		if (n > 0) {
			done += (size_t)n;
			at += (size_t)n;
		}
	}
	return done ? (ssize_t)done : n;
}

/* vmsplice(2) from a pipe: what it has, into the parts. The lock is held. */
static ssize_t take_vector(struct pipe *pipe, const struct iovec *vec, size_t count, bool nonblock)
{
	ssize_t n = pipe_wait_data(pipe, nonblock);
	size_t done = 0;

	for (; n >= 0 && done < count && !pipe_empty(pipe); vec++) {
		size_t part = min(vec->len, count - done);

		n = part ? pipe_take(pipe, vec->base, part) : 0;
		if (n > 0)
			done += (size_t)n;
		if (n < (ssize_t)part)
			break;
	}
	return done ? (ssize_t)done : n;
}

static long vmsplice_file(struct file *file, const struct iovec *vec, size_t count, bool nonblock)
{
	struct pipe *pipe = pipe_of(file);
	ssize_t n;

	if (!count)
		return 0;
	if (!pipe)
		return -EBADF;
	mutex_lock(&pipe->lock);
	n = file->f_mode & FMODE_WRITE ? put_vector(pipe, vec, count, nonblock) :
					 take_vector(pipe, vec, count, nonblock);
	if (n > 0) {
		wake_up_all_sync(&pipe->wait);
		kill_fasync(&pipe->async, file->f_mode & FMODE_WRITE ? FMODE_READ : FMODE_WRITE);
	}
	mutex_unlock(&pipe->lock);
	return n;
}

long sys_vmsplice(int fd, const struct iovec __user *user, unsigned long n, unsigned int flags)
{
	struct iovec *vec = NULL;
	struct file *file;
	long result;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	file = fget((unsigned int)fd);
	if (!file)
		return -EBADF;
	result = -EBADF;
	if (file->f_mode & (FMODE_READ | FMODE_WRITE))
		result = import_iovec(user, n, &vec);
	if (result >= 0)
		/* O_NONBLOCK says nothing here. */
		result = vmsplice_file(file, vec, (size_t)result, flags & SPLICE_F_NONBLOCK);
	kfree(vec);
	fput(file);
	return result;
}
