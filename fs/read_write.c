/* SPDX-License-Identifier: MIT */
/* The system calls that move data. */
#include "fs/abi.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/sched.h"
#include "kernel/core/uio.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

/* Has the file a position that calls share? Pipes and terminals have none. */
static bool has_position(const struct file *file)
{
	return file->f_op->llseek;
}

/* What every read and write is checked for. 0 or -errno. */
static __always_inline int check_access(const struct file *file, bool write,
					const void __user *buf, size_t count)
{
	if (!(file->f_mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (!access_ok(buf, count))
		return -EFAULT;
	if (likely(write ? !!file->f_op->write : !!file->f_op->read))
		return 0;
	return file->f_inode && S_ISDIR(file->f_inode->i_mode) ? -EISDIR : -EINVAL;
}

/* Bytes at and beyond 2^63-1: only memory has some. 0 or -errno. */
static int check_far(const struct file *file, size_t count, loff_t pos)
{
	if (!(file->f_mode & FMODE_UNSIGNED_OFFSET))
		return -EINVAL;
	return pos < 0 && count >= -(u64)pos ? -EOVERFLOW : 0;
}

static __always_inline ssize_t do_rw(struct file *file, char __user *buf, size_t count,
				     loff_t *pos, bool write)
{
	int err = check_access(file, write, buf, count);

	if (!err && unlikely((*pos | (loff_t)((u64)*pos + count)) < 0))
		err = check_far(file, count, *pos);
	if (err)
		return err;
	count = min(count, MAX_COUNT);
	return write ? file->f_op->write(file, buf, count, pos) :
		       file->f_op->read(file, buf, count, pos);
}

/* read(2) and write(2): at the file's own position. */
static ssize_t rw_at_position(unsigned int fd, char __user *buf, size_t count, bool write)
{
	struct file *file = fget(fd);
	loff_t pos = 0;
	bool has_pos;
	ssize_t n;

	if (!file)
		return -EBADF;
	has_pos = has_position(file);
	if (has_pos) {
		mutex_lock(&file->f_pos_lock);
		pos = file->f_pos;
	}
	n = do_rw(file, buf, count, &pos, write);
	if (has_pos) {
		file->f_pos = pos;
		mutex_unlock(&file->f_pos_lock);
	}
	fput(file);
	return n;
}

long sys_read(unsigned int fd, char __user *buf, size_t count)
{
	return rw_at_position(fd, buf, count, false);
}

long sys_write(unsigned int fd, const char __user *buf, size_t count)
{
	return rw_at_position(fd, (char __user *)buf, count, true);
}

static long prw(unsigned int fd, char __user *buf, size_t count, loff_t pos, bool write)
{
	struct file *file;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	n = !file->f_mode      ? -EBADF :
	    has_position(file) ? do_rw(file, buf, count, &pos, write) :
				 -ESPIPE;
	fput(file);
	return n;
}

long sys_pread64(unsigned int fd, char __user *buf, size_t count, loff_t pos)
{
	return prw(fd, buf, count, pos, false);
}

long sys_pwrite64(unsigned int fd, const char __user *buf, size_t count, loff_t pos)
{
	return prw(fd, (char __user *)buf, count, pos, true);
}

/* Bytes that @vec asks for; what overflows was refused by import_iovec(). */
static size_t vector_len(const struct iovec *vec, unsigned long n)
{
	size_t len = 0;

	for (unsigned long i = 0; i < n; i++)
		len += vec[i].len;
	return len;
}

/* flags of preadv2(2) and pwritev2(2) */
#define RWF_HIPRI 1 /* nothing to do better */
#define RWF_DSYNC 2
#define RWF_SYNC 4
#define RWF_NOWAIT 8
#define RWF_APPEND 16
#define RWF_ALL 31

/* What of the flags cannot be done with the file. 0 or -errno. */
static int check_flags(const struct file *file, int flags, bool write)
{
	bool may_wait = write || !file->f_mapping || file->f_mapping->shmem;
	int err = check_access(file, write, NULL, 0);

	if (!err && ((flags & ~RWF_ALL) || ((flags & RWF_NOWAIT) && may_wait)))
		err = -EOPNOTSUPP;
	return err;
}

/* How many of the @len bytes at @pos are read without asking the disk. -EAGAIN: none. */
static ssize_t cached_len(struct address_space *mapping, loff_t pos, size_t len)
{
	loff_t size = *mapping->i_size, at = pos;
	loff_t end = (loff_t)len < size - pos ? pos + (loff_t)len : size;

	while (at < end) {
		struct page *page = find_get_page(mapping, (pgoff_t)at >> PAGE_SHIFT);
		bool there = page && PageUptodate(page);

		if (page)
			put_page(page);
		if (!there)
			return at > pos ? (ssize_t)(at - pos) : -EAGAIN;
		at = (at | (loff_t)(PAGE_SIZE - 1)) + 1;
	}
	return (ssize_t)len;
}

/* To a regular file; @len is not 0. */
static ssize_t write_file_vector(struct file *file, const struct iovec *vec, size_t len,
				 loff_t *pos, bool append)
{
	int err = check_access(file, true, NULL, 0);

	if (err)
		return err;
	if ((u64)*pos + len > ~0ULL >> 1)
		return -EINVAL;
	return generic_file_writev(file, vec, len, pos, append);
}

static ssize_t rw_vector(struct file *file, const struct iovec *vec, unsigned long n, loff_t *pos,
			 bool write, int flags)
{
	size_t len = vector_len(vec, n);
	ssize_t done = 0, got;

	if (!len) { /* still it tells whether the descriptor can do it */
		got = check_access(file, write, NULL, 0);
		return got == -EISDIR ? 0 : got;
	}
	if (write && (n > 1 || (flags & RWF_APPEND)) && file->f_op->write == generic_file_write)
		return write_file_vector(file, vec, len, pos, flags & RWF_APPEND);
	if (flags & RWF_NOWAIT) {
		got = cached_len(file->f_mapping, *pos, len);
		if (got < 0)
			return got;
		len = (size_t)got;
	}
	for (; (size_t)done < len; vec++) {
		size_t part = min(vec->len, len - (size_t)done);

		if (!part)
			continue;
		got = do_rw(file, vec->base, part, pos, write);
		if (got < 0)
			return done ? done : got;
		done += got;
		if ((size_t)got < part)
			break;
	}
	return done;
}

/* The next bytes of the vector, up to @size, from byte *@at of vec[*@i] on. -EFAULT if one is bad. */
static ssize_t gather(const struct iovec *vec, unsigned long n, unsigned long *i, size_t *at,
		      char *data, size_t size)
{
	size_t have = 0;

	while (*i < n && have < size) {
		size_t part = min(vec[*i].len - *at, size - have);

		if (copy_from_user(data + have, vec[*i].base + *at, part))
			return -EFAULT;
		have += part;
		*at += part;
		if (*at == vec[*i].len) {
			++*i;
			*at = 0;
		}
	}
	return (ssize_t)have;
}

/*
 * writev(2) to a file that takes whole pieces: a page at a time, from however many parts of the
 * vector. A piece with a bad byte is not written at all.
 */
static ssize_t write_gathered(struct file *file, const struct iovec *vec, unsigned long n,
			      size_t len)
{
	ssize_t result = check_access(file, true, NULL, 0), done = 0;
	unsigned long i = 0;
	loff_t nowhere = 0;
	size_t at = 0, most = PAGE_SIZE;
	char *data;

	if (result < 0)
		return result;
	data = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	if (file->f_op == &pipe_fops)
		most = pipe_first_piece(file, len);
	for (; (size_t)done < len; most = PAGE_SIZE) {
		ssize_t piece = gather(vec, n, &i, &at, data, most);

		result = piece < 0 ? piece :
				     file->f_op->write_kernel(file, data, (size_t)piece, &nowhere);
		if (result > 0)
			done += result;
		if (result <= 0 || result < piece)
			break;
	}
	kfree(data);
	return done ? done : result;
}

/* A vector for a file without a position: pipe, terminal, device. */
static ssize_t rw_stream(struct file *file, const struct iovec *vec, unsigned long n, bool write)
{
	size_t len = vector_len(vec, n);
	loff_t pos = 0;
	int err;

	if (write && n > 1 && len && file->f_op->write_kernel)
		return write_gathered(file, vec, n, len);
	if (!write && n > 1 && len && file->f_op == &pipe_fops) {
		err = check_access(file, false, NULL, 0);
		return err ? err : pipe_readv(file, vec, len);
	}
	return rw_vector(file, vec, n, &pos, write, 0);
}

/* @pos NULL: the file's own position. @flags: RWF_*. */
static long do_vector(unsigned long fd, const struct iovec __user *user, unsigned long n,
		      loff_t *pos, bool write, int flags)
{
	struct iovec *vec = NULL;
	struct file *file;
	ssize_t result;

	if (pos && *pos < 0)
		return -EINVAL;
	file = fget((unsigned int)fd);
	if (!file)
		return -EBADF;
	result = pos && !has_position(file) ? -ESPIPE : import_iovec(user, n, &vec);
	if (result > 0 && flags) {
		int err = check_flags(file, flags, write);

		result = err ? err : result;
	}
	if (result >= 0) {
		if (pos) {
			result = rw_vector(file, vec, n, pos, write, flags);
		} else if (!has_position(file)) {
			result = rw_stream(file, vec, n, write);
		} else {
			mutex_lock(&file->f_pos_lock);
			result = rw_vector(file, vec, n, &file->f_pos, write, flags);
			mutex_unlock(&file->f_pos_lock);
		}
	}
	kfree(vec);
	fput(file);
	return result;
}

long sys_readv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen)
{
	return do_vector(fd, vec, vlen, NULL, false, 0);
}

long sys_writev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen)
{
	return do_vector(fd, vec, vlen, NULL, true, 0);
}

long sys_preadv(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		unsigned long pos_l, unsigned long pos_h)
{
	loff_t pos = (loff_t)pos_l;

	return do_vector(fd, vec, vlen, &pos, false, 0);
}

long sys_pwritev(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h)
{
	loff_t pos = (loff_t)pos_l;

	return do_vector(fd, vec, vlen, &pos, true, 0);
}

/* preadv2(2) and pwritev2(2): position -1 is the file's own. */
static long do_vector2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		       loff_t pos, int flags, bool write)
{
	long n = do_vector(fd, vec, vlen, pos == -1 ? NULL : &pos, write, flags);

	if (n > 0 && write && (flags & (RWF_DSYNC | RWF_SYNC))) {
		long err = flags & RWF_SYNC ? sys_fsync((unsigned int)fd) :
					      sys_fdatasync((unsigned int)fd);

		if (err && err != -EINVAL) /* what has nothing to sync is synced */
			return err;
	}
	return n;
}

long sys_preadv2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		 unsigned long pos_l, unsigned long pos_h, int flags)
{
	return do_vector2(fd, vec, vlen, (loff_t)pos_l, flags, false);
}

long sys_pwritev2(unsigned long fd, const struct iovec __user *vec, unsigned long vlen,
		  unsigned long pos_l, unsigned long pos_h, int flags)
{
	return do_vector2(fd, vec, vlen, (loff_t)pos_l, flags, true);
}

long sys_lseek(unsigned int fd, loff_t offset, unsigned int whence)
{
	struct file *file = fget(fd);
	loff_t result = -ESPIPE;

	if (!file)
		return -EBADF;
	if (!file->f_mode) {
		result = -EBADF;
	} else if (whence > SEEK_HOLE) {
		result = -EINVAL;
	} else if (has_position(file)) {
		mutex_lock(&file->f_pos_lock);
		result = file->f_op->llseek(file, offset, (int)whence);
		mutex_unlock(&file->f_pos_lock);
	}
	fput(file);
	return result;
}
