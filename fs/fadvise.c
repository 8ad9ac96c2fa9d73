/* SPDX-License-Identifier: MIT */
/* How a file will be read, in its reader's own words: posix_fadvise(2), readahead(2). */
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"

#define POSIX_FADV_NORMAL 0
#define POSIX_FADV_RANDOM 1
#define POSIX_FADV_SEQUENTIAL 2
#define POSIX_FADV_WILLNEED 3
#define POSIX_FADV_DONTNEED 4
#define POSIX_FADV_NOREUSE 5

static long advise(struct file *file, loff_t offset, loff_t len, int advice)
{
	struct address_space *mapping = file->f_mapping;
	pgoff_t first = (pgoff_t)offset >> PAGE_SHIFT;

	if (!file->f_mode)
		return -EBADF;
	if (file->f_op == &pipe_fops)
		return -ESPIPE;
	if (len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		return -EINVAL;
	if (!mapping || offset < 0)
		return 0;
	switch (advice) {
	case POSIX_FADV_NORMAL:
	case POSIX_FADV_SEQUENTIAL:
		file->f_ra.ra_pages = RA_MAX_PAGES;
		break;
	case POSIX_FADV_RANDOM:
		file->f_ra.ra_pages = 1;
		break;
	case POSIX_FADV_WILLNEED:
		len = len ? min(len, *mapping->i_size - offset) : *mapping->i_size - offset;
		if (len > 0)
			force_page_cache_readahead(mapping, first,
						   PFN_UP((u64)offset + (u64)len) - first);
		break;
	case POSIX_FADV_DONTNEED: /* of the whole file or nothing: it is only advice */
		if (!offset && (!len || len >= *mapping->i_size))
			invalidate_mapping_pages(mapping);
		break;
	}
	return 0;
}

long sys_fadvise64(int fd, loff_t offset, loff_t len, int advice)
{
	struct file *file = fget((unsigned int)fd);
	long err;

	if (!file)
		return -EBADF;
	err = advise(file, offset, len, advice);
	fput(file);
	return err;
}

long sys_readahead(int fd, loff_t offset, size_t count)
{
	struct file *file = fget((unsigned int)fd);
	long err = -EINVAL;

	if (!file)
		return -EBADF;
	if (!(file->f_mode & FMODE_READ))
		err = -EBADF;
	else if (file->f_mapping && (loff_t)count >= 0)
		err = advise(file, offset, (loff_t)count, POSIX_FADV_WILLNEED);
	fput(file);
	return err;
}
