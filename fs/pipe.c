/* SPDX-License-Identifier: MIT */
/* Pipes: a ring of frames between two files. See pipe(7) for what is promised. */
#include "fs/abi.h"
#include "fs/file.h"
#include "fs/syscalls.h"
#include "kernel/core/mutex.h"
#include "kernel/core/wait.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define PIPE_BUF 4096 /* a write of up to so many bytes is never torn */
#define PIPE_PAGES (PIPE_SIZE / PAGE_SIZE)

/*
 * Bytes are numbered without end: [head, tail) is in the pipe, byte n in frame n / PAGE_SIZE %
 * PIPE_PAGES.
 */
struct pipe {
	struct mutex lock; /* all but wait */
	unsigned long head, tail;
	unsigned int readers, writers; /* open files of each end */
	atomic_t files;                /* of both ends, no lock: the last one frees the pipe */
	void *page[PIPE_PAGES];        /* allocated when first needed */
	struct wait_queue_head wait;   /* both ends */
};

static size_t pipe_len(const struct pipe *pipe)
{
	return READ_ONCE(pipe->tail) - READ_ONCE(pipe->head);
}

static size_t pipe_room(const struct pipe *pipe)
{
	return PIPE_SIZE - pipe_len(pipe);
}

static void free_pages_of(struct pipe *pipe)
{
	for (unsigned int i = 0; i < PIPE_PAGES; i++) {
		if (pipe->page[i])
			free_page(pipe->page[i]);
		pipe->page[i] = NULL;
	}
}

/*
 * Out of the pipe, frame by frame; bytes taken, fewer than there are only if the reader's memory is
 * bad. What cannot be copied whole from a frame stays in the pipe, as on Linux: no byte is lost.
 */
static size_t take_bytes(struct pipe *pipe, char *to, size_t count)
{
	size_t done = 0;

	count = min(count, pipe_len(pipe));
	while (done < count) {
		size_t offset = pipe->head % PAGE_SIZE, n = min(PAGE_SIZE - offset, count - done);
		char *from = (char *)pipe->page[pipe->head / PAGE_SIZE % PIPE_PAGES] + offset;

		if (copy_to_user(to + done, from, n))
			break;
		pipe->head += n;
		done += n;
	}
	if (pipe->head == pipe->tail) {
		free_pages_of(pipe);
		pipe->head = pipe->tail = 0;
	}
	return done;
}

/* From the writer's memory or, for write_whole(), the kernel's. Bytes not copied. */
static size_t copy_in(char *to, const char *from, size_t n, bool from_kernel)
{
	if (!from_kernel)
		return copy_from_user(to, from, n);
	memcpy(to, from, n);
	return 0;
}

/*
 * Into the pipe, a page of the source at a time; there is room. Bytes queued; -EFAULT or -ENOMEM if
 * none. A piece that cannot be copied whole is not queued at all, as on Linux.
 */
static ssize_t put_bytes(struct pipe *pipe, const char *from, size_t count, bool from_kernel)
{
	unsigned long start = pipe->tail, piece = start;
	size_t done = 0;

	while (done < count) {
		size_t offset = pipe->tail % PAGE_SIZE;
		size_t n = min(min(PAGE_SIZE - offset, PAGE_SIZE - done % PAGE_SIZE), count - done);
		void **page = &pipe->page[pipe->tail / PAGE_SIZE % PIPE_PAGES];

		if (!*page)
			*page = get_zeroed_page(GFP_KERNEL);
		if (!*page || copy_in((char *)*page + offset, from + done, n, from_kernel)) {
			pipe->tail = piece;
			return piece > start ? (ssize_t)(piece - start) : *page ? -EFAULT : -ENOMEM;
		}
		pipe->tail += n;
		done += n;
		piece = start + ALIGN_DOWN(done, PAGE_SIZE);
	}
	return (ssize_t)done;
}

static ssize_t pipe_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	struct pipe *pipe = file->private_data;
	ssize_t n = 0;

	if (!count)
		return 0;
	mutex_lock(&pipe->lock);
	while (!pipe_len(pipe)) {
		if (!pipe->writers)
			goto out;
		n = file->f_flags & O_NONBLOCK ? -EAGAIN : 0;
		if (n)
			goto out;
		mutex_unlock(&pipe->lock);
		n = wait_event_interruptible(pipe->wait,
					     pipe_len(pipe) || !READ_ONCE(pipe->writers));
		if (n)
			return n;
		mutex_lock(&pipe->lock);
	}
	n = (ssize_t)take_bytes(pipe, buf, count);
	if (!n)
		n = -EFAULT;
	wake_up_all(&pipe->wait);
out:
	mutex_unlock(&pipe->lock);
	return n;
}

/* Bytes that must fit at once for a write of @count to go on. */
static size_t needed(size_t count)
{
	return count <= PIPE_BUF ? count : 1;
}

static ssize_t write_pipe(struct file *file, const char *buf, size_t count, bool from_kernel)
{
	struct pipe *pipe = file->private_data;
	size_t whole = needed(count), done = 0;
	ssize_t n = 0;

	mutex_lock(&pipe->lock);
	while (done < count) {
		if (!pipe->readers) {
			n = -EPIPE;
			break;
		}
		if (pipe_room(pipe) >= whole) {
			n = put_bytes(pipe, buf + done, min(count - done, pipe_room(pipe)),
				      from_kernel);
			if (n < 0)
				break;
			done += (size_t)n;
			n = 0;
			wake_up_all(&pipe->wait);
			continue;
		}
		if (file->f_flags & O_NONBLOCK) {
			n = -EAGAIN;
			break;
		}
		mutex_unlock(&pipe->lock);
		n = wait_event_interruptible(pipe->wait,
					     pipe_room(pipe) >= whole || !READ_ONCE(pipe->readers));
		mutex_lock(&pipe->lock);
		if (n)
			break;
	}
	mutex_unlock(&pipe->lock);
	if (n == -EPIPE)
		send_sig(SIGPIPE, current);
	return done ? (ssize_t)done : n;
}

static ssize_t pipe_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_pipe(file, buf, count, false);
}

static ssize_t pipe_write_whole(struct file *file, const char *data, size_t count)
{
	return write_pipe(file, data, count, true);
}

static unsigned int pipe_poll(struct file *file, struct wait_queue_head **wait)
{
	struct pipe *pipe = file->private_data;
	unsigned int mask = 0;

	*wait = &pipe->wait;
	if (file->f_mode & FMODE_READ) {
		if (pipe_len(pipe))
			mask |= POLLIN | POLLRDNORM;
		if (!READ_ONCE(pipe->writers))
			mask |= POLLHUP;
	}
	if (file->f_mode & FMODE_WRITE) {
		if (pipe_room(pipe) >= PIPE_BUF)
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
	int len;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock); /* head and tail of the same moment */
	len = (int)pipe_len(pipe);
	mutex_unlock(&pipe->lock);
	return put_user(len, (int __user *)arg);
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = file->private_data;

	mutex_lock(&pipe->lock);
	if (file->f_mode & FMODE_READ)
		pipe->readers--;
	else
		pipe->writers--;
	wake_up_all(&pipe->wait);
	mutex_unlock(&pipe->lock);
	/* Not under the lock: who lets go of a mutex still looks at it when others may have it. */
	if (!atomic_dec_and_test(&pipe->files))
		return;
	free_pages_of(pipe);
	kfree(pipe);
}

const struct file_operations pipe_fops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.write_whole = pipe_write_whole,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* Both ends as files. 0 or -errno, nothing held. */
static int make_pipe(struct file *ends[2], int flags)
{
	struct pipe *pipe = kzalloc(sizeof(*pipe), GFP_KERNEL);

	if (!pipe)
		return -ENOMEM;
	mutex_init(&pipe->lock, "pipe");
	init_waitqueue_head(&pipe->wait);
	pipe->readers = pipe->writers = 1;
	atomic_set(&pipe->files, 2);
	ends[0] = alloc_file(&pipe_fops, O_RDONLY | (flags & O_NONBLOCK));
	ends[1] = alloc_file(&pipe_fops, O_WRONLY | (flags & O_NONBLOCK));
	if (!ends[0] || !ends[1]) {
		kfree(ends[0]);
		kfree(ends[1]);
		kfree(pipe);
		return -ENFILE;
	}
	ends[0]->private_data = ends[1]->private_data = pipe;
	return 0;
}

long sys_pipe2(int __user *user, int flags)
{
	struct file *ends[2];
	int fds[2] = { -1, -1 }, err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	err = make_pipe(ends, flags);
	if (err)
		return err;
	for (int i = 0; i < 2 && !err; i++) {
		fds[i] = get_unused_fd(0, flags & O_CLOEXEC);
		err = min(fds[i], 0);
	}
	if (!err && copy_to_user(user, fds, sizeof(fds)))
		err = -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (!err) {
			fd_install((unsigned int)fds[i], ends[i]);
			continue;
		}
		if (fds[i] >= 0)
			put_unused_fd((unsigned int)fds[i]);
		fput(ends[i]);
	}
	return err;
}

long sys_pipe(int __user *fds)
{
	return sys_pipe2(fds, 0);
}
