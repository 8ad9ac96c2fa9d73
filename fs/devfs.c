/* SPDX-License-Identifier: MIT */
/* /dev: memory devices, the terminal's names, the kernel log, and the disks that were found. */
#include "fs/abi.h"
#include "fs/bdev.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/kmsg.h"
#include "fs/mount.h"
#include "fs/pipe.h"
#include "fs/pseudo.h"
#include "fs/tty/tty.h"
#include "kernel/core/block.h"
#include "kernel/core/random.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/backing/shmem.h"
#include "mm/frame/slab.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

#define DEV(major, minor) ((major) << 8 | (minor)) /* Linux's numbers (devices.txt) */

static ssize_t null_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return (ssize_t)count;
}

/* Positions mean nothing here, but seeking is allowed. */
static loff_t null_llseek(struct file *file, loff_t offset, int whence)
{
	return whence > SEEK_END ? -EINVAL : (file->f_pos = 0);
}

static const struct file_operations null_fops = {
	.name = "/dev/null",
	.read = null_read,
	.write = null_write,
	.write_kernel = null_write,
	.llseek = null_llseek,
};

/*
 * Fill the reader's memory a page at a time, so that signals end a huge read. @fill returns how many
 * bytes it could not store.
 */
static ssize_t fill_user(char *buf, size_t count, size_t (*fill)(char *to, size_t n))
{
	size_t done = 0;

	while (done < count) {
		size_t n = min(PAGE_SIZE, count - done), left = fill(buf + done, n);

		done += n - left;
		if (left)
			return done ? (ssize_t)done : -EFAULT;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	return (ssize_t)done;
}

static size_t fill_zero(char *to, size_t n)
{
	return clear_user(to, n);
}

static ssize_t zero_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return fill_user(buf, count, fill_zero);
}

/* No vm_ops: a private mapping is anonymous memory. */
static int zero_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED ? shmem_zero_setup(vma) : 0;
}

static const struct file_operations zero_fops = {
	.name = "/dev/zero",
	.read = zero_read,
	.write = null_write,
	.llseek = null_llseek,
	.mmap = zero_mmap,
};

static ssize_t full_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return -ENOSPC;
}

static const struct file_operations full_fops = {
	.name = "/dev/full",
	.read = zero_read,
	.write = full_write,
	.llseek = null_llseek,
};

static size_t fill_random(char *to, size_t n)
{
	u8 chunk[256];

	while (n) {
		size_t some = min(n, sizeof(chunk)), left;

		get_random_bytes(chunk, some);
		left = copy_to_user(to, chunk, some);
		to += some - left;
		n -= some - left;
		if (left)
			break;
	}
	return n;
}

static ssize_t random_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return fill_user(buf, count, fill_random);
}

/* Linux asks to be written to only before it knows enough. */
static unsigned int random_poll(struct file *file, struct wait_queue_head **wait)
{
	return POLLIN | POLLRDNORM;
}

static const struct file_operations random_fops = {
	.name = "/dev/random",
	.read = random_read,
	.write = null_write,
	.llseek = null_llseek,
	.poll = random_poll,
};

static const struct file_operations urandom_fops = {
	.name = "/dev/urandom",
	.read = random_read,
	.write = null_write,
	.llseek = null_llseek,
};

/* A symbolic link to where @arg says. */
static int dev_readlink(void *arg, char *buf, int size)
{
	return snprintf(buf, (size_t)size, "%s", (const char *)arg);
}

#define LINK(file, target)                                                                       \
	{                                                                                        \
		.name = file, .mode = S_IFLNK | 0777, .arg = target, .size = sizeof(target) - 1, \
		.readlink = dev_readlink                                                         \
	}

static const struct pseudo_entry dev_entries[] = {
	{ .name = "null", .mode = S_IFCHR | 0666, .rdev = DEV(1, 3), .fops = &null_fops },
	{ .name = "zero", .mode = S_IFCHR | 0666, .rdev = DEV(1, 5), .fops = &zero_fops },
	{ .name = "full", .mode = S_IFCHR | 0666, .rdev = DEV(1, 7), .fops = &full_fops },
	{ .name = "random", .mode = S_IFCHR | 0666, .rdev = DEV(1, 8), .fops = &random_fops },
	{ .name = "urandom", .mode = S_IFCHR | 0666, .rdev = DEV(1, 9), .fops = &urandom_fops },
	{ .name = "kmsg", .mode = S_IFCHR | 0644, .rdev = DEV(1, 11), .fops = &kmsg_fops },
	{ .name = "tty", .mode = S_IFCHR | 0666, .rdev = DEV(5, 0), .fops = &tty_fops },
	{ .name = "console", .mode = S_IFCHR | 0600, .rdev = DEV(5, 1), .fops = &tty_fops },
	{ .name = "shm", .mode = S_IFDIR | 0755 }, /* for a tmpfs to be mounted on */
	{ .name = "ttyS0", .mode = S_IFCHR | 0660, .rdev = DEV(4, 64), .fops = &tty_fops },
	LINK("fd", "/proc/self/fd"),
	LINK("stdin", "fd/0"),
	LINK("stdout", "fd/1"),
	LINK("stderr", "fd/2"),
	{ 0 }
};

void init_special_inode(struct inode *inode)
{
	if (S_ISFIFO(inode->i_mode))
		inode->i_fop = &pipe_fops;
	else if (S_ISBLK(inode->i_mode))
		inode->i_fop = &blkdev_fops;
	for (const struct pseudo_entry *e = dev_entries; S_ISCHR(inode->i_mode) && e->name; e++)
		if (e->rdev == inode->i_rdev && S_ISCHR(e->mode))
			inode->i_fop = e->fops;
}

static int disk_lookup(void *arg, const char *name, struct pseudo_entry *child)
{
	struct block_device *bdev = find_block_device(name);

	if (!bdev)
		return -ENOENT;
	*child = (struct pseudo_entry){ .mode = S_IFBLK | 0660, .rdev = bdev->dev };
	return 0;
}

struct disk_listing {
	struct pseudo_dir *dir;
	loff_t from, n;
	bool full;
};

static void list_disk(struct block_device *bdev, void *arg)
{
	struct disk_listing *l = arg;

	if (l->n++ >= l->from && !l->full)
		l->full = !pseudo_emit(l->dir, bdev->name, S_IFBLK, bdev->dev, l->n - 1);
}

static int disk_iterate(void *arg, struct pseudo_dir *dir, loff_t from)
{
	struct disk_listing l = { .dir = dir, .from = from };

	for_each_block_device(list_disk, &l);
	return 0;
}

static const struct pseudo_entry dev_root = {
	.mode = S_IFDIR | 0755,
	.children = dev_entries,
	.lookup = disk_lookup,
	.iterate = disk_iterate,
};

void devfs_init(void)
{
	/* TMPFS_MAGIC, and a tmpfs's blocks, as Linux's devtmpfs has them. */
	register_pseudo_fs("devtmpfs", 0x01021994, PAGE_SIZE, &dev_root);
}
