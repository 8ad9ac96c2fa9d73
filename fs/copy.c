/* SPDX-License-Identifier: MIT */
/* Copying from file to file without a buffer of the program's: sendfile(2), copy_file_range(2). */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/sched.h"
#include "kernel/core/uio.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include <asm/uaccess.h>

#define LARGEST_POSITION ((loff_t)(~0ULL >> 1))

/* A pipe takes what fits now: at most the first piece is to @wait for room. */
static ssize_t put_piece(struct file *out, const char *piece, size_t n, loff_t *out_pos, bool wait)
{
	return out->f_op == &pipe_fops ? pipe_send(out, piece, n, wait) :
					 out->f_op->write_kernel(out, piece, n, out_pos);
}

ssize_t move_bytes(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos,
		   size_t count, bool wait)
{
	char *page = get_zeroed_page(GFP_KERNEL);
	size_t done = 0;
	ssize_t n = 0, written = 0;

	if (!page)
		return -ENOMEM;
	while (done < count) {
		size_t in_page = PAGE_SIZE - ((size_t)*in_pos & (PAGE_SIZE - 1));
		loff_t pos = *in_pos;

		n = filemap_read_kernel(in, page, min(in_page, count - done), &pos);
		if (n <= 0)
			break;
		written = put_piece(out, page, (size_t)n, out_pos, wait && !done);
		if (written > 0) {
			done += (size_t)written;
			*in_pos += written;
		}
		if (written < n)
			break;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	free_page(page);
	if (done && in->f_inode)
		touch_atime(in->f_inode);
	return done ? (ssize_t)done : n < 0 ? n : written;
}

/* Both files can do it? @out may be NULL, but what is wrong with @in is told first. 0 or -errno. */
static int check_sendfile(const struct file *in, loff_t in_pos, const struct file *out,
			  size_t count)
{
	if (!(in->f_mode & FMODE_READ))
		return -EBADF;
	if (in_pos < 0 || (ssize_t)count < 0 || in_pos > LARGEST_POSITION - (loff_t)count)
		return -EINVAL;
	if (!out || !(out->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!in->f_mapping || !out->f_op->write_kernel || (out->f_flags & O_APPEND))
		return -EINVAL;
	return 0;
}

/* Where a file of that kind has to end. */
static loff_t largest(const struct file *file)
{
	const struct inode *inode = file->f_inode;

	return inode && S_ISREG(inode->i_mode) ? inode->i_sb->s_maxbytes : LARGEST_POSITION;
}

static ssize_t send_file(struct file *in, loff_t *in_pos, struct file *out, size_t count)
{
	ssize_t n = check_sendfile(in, *in_pos, out, count);
	loff_t out_pos, zero = 0, most;

	if (n)
		return n;
	most = min(largest(in), largest(out));
	if (*in_pos >= most && *in_pos + (loff_t)count > most)
		return -EOVERFLOW;
	count = min(count, MAX_COUNT);
	if (out->f_op == &pipe_fops)
		n = pipe_send(out, NULL, 0, true); /* even if there is nothing to be read */
	if (n)
		return n;
	if (!out->f_op->llseek)
		return move_bytes(in, in_pos, out, &zero, count, true);
	/* As on Linux, two calls at once may write over each other. */
	out_pos = out->f_pos;
	n = move_bytes(in, in_pos, out, &out_pos, count, true);
	out->f_pos = out_pos;
	return n;
}

long sys_sendfile(int out_fd, int in_fd, loff_t __user *offset, size_t count)
{
	struct file *in, *out;
	loff_t pos = 0;
	long n = -EBADF;

	if (offset && get_user(pos, offset))
		return -EFAULT;
	in = fget((unsigned int)in_fd);
	out = fget((unsigned int)out_fd);
	if (in) {
		n = 0;
		if (!offset)
			pos = in->f_pos;
		else if ((in->f_mode & FMODE_READ) && !in->f_op->llseek)
			n = -ESPIPE;
		if (!n)
			n = send_file(in, &pos, out, count);
		if (!offset && n > 0)
			in->f_pos = pos;
		else if (offset && n > 0 && put_user(pos, offset))
			n = -EFAULT;
	}
	fput(in);
	fput(out);
	return n;
}

/* Linux's checks, in its order. 0 or -errno. */
static int check_copy(const struct file *in, loff_t in_pos, const struct file *out, loff_t out_pos,
		      size_t len)
{
	const struct inode *from = in->f_inode, *to = out->f_inode;
	u64 in_end = (u64)in_pos + len, out_end = (u64)out_pos + len;

	if ((from && S_ISDIR(from->i_mode)) || (to && S_ISDIR(to->i_mode)))
		return -EISDIR;
	if (!from || !to || !S_ISREG(from->i_mode) || !S_ISREG(to->i_mode))
		return -EINVAL;
	if (!(in->f_mode & FMODE_READ) || !(out->f_mode & FMODE_WRITE) || (out->f_flags & O_APPEND))
		return -EBADF;
	if (from->i_sb != to->i_sb)
		return -EXDEV;
	if (in_end < len || out_end < len)
		return -EOVERFLOW;
	if (in_pos < 0 || out_pos < 0 || !in->f_mapping || !out->f_op->write_kernel)
		return -EINVAL;
	if (from == to && (u64)in_pos < out_end && (u64)out_pos < in_end)
		return -EINVAL; /* over itself */
	return 0;
}

long sys_copy_file_range(int in_fd, loff_t __user *in_offset, int out_fd, loff_t __user *out_offset,
			 size_t len, unsigned int flags)
{
	struct file *in = fget((unsigned int)in_fd), *out = fget((unsigned int)out_fd);
	loff_t in_pos = 0, out_pos = 0;
	long n = -EBADF;

	if (!in || !out || !in->f_mode || !out->f_mode)
		goto out;
	n = -EFAULT;
	in_pos = in->f_pos;
	out_pos = out->f_pos;
	if ((in_offset && get_user(in_pos, in_offset)) ||
	    (out_offset && get_user(out_pos, out_offset)))
		goto out;
	n = flags ? -EINVAL : check_copy(in, in_pos, out, out_pos, len);
	if (n || !len)
		goto out;
	n = move_bytes(in, &in_pos, out, &out_pos, min(len, MAX_COUNT), true);
	if (n > 0) {
		if (!in_offset)
			in->f_pos = in_pos;
		else if (put_user(in_pos, in_offset))
			n = -EFAULT;
		if (!out_offset)
			out->f_pos = out_pos;
		else if (put_user(out_pos, out_offset))
			n = -EFAULT;
	}
out:
	fput(in);
	fput(out);
	return n;
}
