/* SPDX-License-Identifier: MIT */
/* Regular files through the page cache: what any disk file system puts in its file_operations. */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/perm.h"
#include "kernel/core/uio.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/writeback.h"

/* O_DIRECT asks for whole sectors. That all goes through the page cache is nobody else's matter. */
static bool is_misplaced(const struct file *file, const char *buf, size_t count, loff_t pos)
{
	return unlikely(file->f_flags & O_DIRECT) && count &&
	       ((unsigned long)buf | count | (unsigned long)pos) & 511;
}

ssize_t generic_file_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	ssize_t n;

	if (*pos < 0 || is_misplaced(file, buf, count, *pos))
		return -EINVAL;
	n = filemap_read(file, buf, count, pos);
	if (n >= 0 && count && file->f_inode && !(file->f_flags & O_NOATIME))
		touch_atime(file->f_inode);
	return n;
}

/* Cut @count so that the file stays within RLIMIT_FSIZE and what the file system can hold. */
static ssize_t limit_write(const struct inode *inode, loff_t pos, size_t count)
{
	u64 limit = rlimit(RLIMIT_FSIZE);

	if (limit != RLIM_INFINITY && (u64)pos >= limit) {
		send_sig_self(SIGXFSZ);
		return -EFBIG;
	}
	limit = min_t(u64, limit, (u64)inode->i_sb->s_maxbytes);
	if ((u64)pos >= limit)
		return -EFBIG;
	return (ssize_t)min_t(u64, count, limit - (u64)pos);
}

/*
 * The file grows from inside its last page: what a mapping may have left in the cache behind the
 * old end must read as zeroes. (On the disk it is zero already.)
 */
static void zero_stale_tail(struct inode *inode, loff_t new_end)
{
	unsigned int offset = (unsigned int)inode->i_size & (PAGE_SIZE - 1);
	struct page *page;

	if (!offset || new_end <= inode->i_size)
		return;
	if (inode->i_data.shmem) { /* it may be in swap */
		shmem_zero_part(&inode->i_data, (pgoff_t)inode->i_size >> PAGE_SHIFT, offset,
				PAGE_SIZE);
		return;
	}
	page = find_lock_page(&inode->i_data, (pgoff_t)inode->i_size >> PAGE_SHIFT);
	if (!page)
		return;
	if (PageUptodate(page))
		memset((char *)page_address(page) + offset, 0, PAGE_SIZE - offset);
	unlock_page(page);
	put_page(page);
}

/* How every write begins: how many of @count bytes may go to *pos, or -errno. i_rwsem held. */
static __always_inline ssize_t begin_write(struct file *file, size_t count, loff_t *pos,
					   bool append)
{
	struct inode *inode = file->f_inode;
	ssize_t n;

	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	if (append || file->f_flags & O_APPEND)
		*pos = inode->i_size;
	n = limit_write(inode, *pos, count);
	if (n < 0)
		return n;
	zero_stale_tail(inode, *pos);
	if (unlikely(inode->i_mode & (S_ISUID | S_ISGID)) && !capable(CAP_FSETID))
		inode->i_mode = without_suid(inode);
	file_update_time(inode);
	return n;
}

/* And ends, when @n of the @wanted bytes came, or an error. i_rwsem held. */
static __always_inline void end_write(struct inode *inode, ssize_t n, ssize_t wanted, loff_t pos)
{
	/* Blocks reserved behind the end for what then did not come are given back. */
	if (n < wanted && pos >= inode->i_size && inode->i_op->truncate)
		inode->i_op->truncate(inode, inode->i_size);
	mark_inode_dirty(inode); /* its size */
}

/* O_SYNC and O_DSYNC, of a write that gave @n. That, or -errno. */
static ssize_t sync_written(struct file *file, ssize_t n)
{
	int err = 0;

	if (n > 0 && (file->f_flags & O_DSYNC) && file->f_op->fsync)
		err = file->f_op->fsync(file, (file->f_flags & O_SYNC) != O_SYNC);
	return err ? err : n;
}

static ssize_t write_from(struct file *file, const char *buf, size_t count, loff_t *pos,
			  bool from_kernel)
{
	struct inode *inode = file->f_inode;
	ssize_t n, wanted;

	if (*pos < 0 || (!from_kernel && is_misplaced(file, buf, count, *pos)))
		return -EINVAL;
	if (!count)
		return 0;
	inode_lock(inode);
	n = wanted = begin_write(file, count, pos, false);
	if (wanted >= 0) {
		n = from_kernel ? filemap_write_kernel(file, buf, (size_t)wanted, pos) :
				  filemap_write(file, buf, (size_t)wanted, pos);
		end_write(inode, n, wanted, *pos);
	}
	inode_unlock(inode);
	return sync_written(file, n);
}

/* Up to @count bytes, part by part. How many, or -errno if none. */
static ssize_t write_parts(struct file *file, const struct iovec *vec, size_t count, loff_t *pos)
{
	size_t done = 0;

	for (; done < count; vec++) {
		size_t part = min(vec->len, count - done);
		ssize_t n = filemap_write(file, vec->base, part, pos);

		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
		if ((size_t)n < part)
			break;
	}
	return (ssize_t)done;
}

ssize_t generic_file_writev(struct file *file, const struct iovec *vec, size_t count, loff_t *pos,
			    bool append)
{
	struct inode *inode = file->f_inode;
	ssize_t n, wanted;
	loff_t at = *pos, end = at + (loff_t)count;

	for (const struct iovec *v = vec; at < end; at += (loff_t)v->len, v++)
		if (is_misplaced(file, v->base, v->len, at))
			return -EINVAL;
	inode_lock(inode);
	n = wanted = begin_write(file, count, pos, append);
	if (wanted >= 0) {
		n = write_parts(file, vec, (size_t)wanted, pos);
		end_write(inode, n, wanted, *pos);
	}
	inode_unlock(inode);
	return sync_written(file, n);
}

ssize_t generic_file_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return write_from(file, buf, count, pos, false);
}

ssize_t generic_file_write_kernel(struct file *file, const char *data, size_t count, loff_t *pos)
{
	return write_from(file, data, count, pos, true);
}

loff_t generic_llseek_size(struct file *file, loff_t offset, int whence, loff_t size)
{
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (__builtin_add_overflow(offset, file->f_pos, &offset))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(offset, size, &offset))
			return -EINVAL;
		break;
	case SEEK_DATA: /* all of it counts as data, with one hole at the end */
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			offset = size;
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0 || (file->f_inode && offset > file->f_inode->i_sb->s_maxbytes))
		return -EINVAL;
	file->f_pos = offset;
	return offset;
}

loff_t generic_file_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_llseek_size(file, offset, whence, file->f_inode->i_size);
}

int check_new_size(const struct inode *inode, loff_t size)
{
	if (size > inode->i_size && rlimit(RLIMIT_FSIZE) != RLIM_INFINITY &&
	    (u64)size > rlimit(RLIMIT_FSIZE)) {
		send_sig_self(SIGXFSZ);
		return -EFBIG;
	}
	return size > inode->i_sb->s_maxbytes ? -EFBIG : 0;
}

int vfs_truncate(struct inode *inode, loff_t size)
{
	int err;

	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode) || size < 0)
		return -EINVAL;
	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	if (!inode->i_op || !inode->i_op->truncate)
		return -EINVAL;
	err = check_new_size(inode, size);
	if (!err)
		err = get_write_access(inode);
	if (err)
		return err;
	inode_lock(inode);
	zero_stale_tail(inode, size);
	err = inode->i_op->truncate(inode, size);
	if (!err && !capable(CAP_FSETID))
		inode->i_mode = without_suid(inode);
	if (!err)
		file_update_time(inode);
	inode_unlock(inode);
	put_write_access(inode);
	return err;
}
