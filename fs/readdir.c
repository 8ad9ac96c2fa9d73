/* SPDX-License-Identifier: MIT */
/* Reading directories. */
#include "fs/abi.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

/* Entries gather in a kernel buffer, so that no user page is touched under locks. */
struct getdents {
	struct dir_context ctx;
	bool old; /* getdents(2)'s form: the type behind the name, in the last byte */
	char *buf;
	size_t size, used;
	bool full; /* the next entry did not fit */
};

static bool emit_dirent(struct dir_context *ctx, const char *name, unsigned int len,
			unsigned long ino, unsigned int type, loff_t next_pos)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t header =
		g->old ? offsetof(struct dirent, d_name) : offsetof(struct dirent64, d_name);
	size_t reclen = ALIGN(header + len + (g->old ? 2 : 1), 8);
	char *to = g->buf + g->used;

	if (reclen > g->size - g->used) {
		g->full = true;
		return false;
	}
	memset(to, 0, reclen);
	if (g->old) {
		*(struct dirent *)to = (struct dirent){ ino, next_pos, (u16)reclen };
		to[reclen - 1] = (char)type;
		memcpy(((struct dirent *)to)->d_name, name, len);
	} else {
		struct dirent64 *d = (struct dirent64 *)to;

		*d = (struct dirent64){ ino, next_pos, (u16)reclen, (u8)type };
		memcpy(d->d_name, name, len);
	}
	g->used += reclen;
	return true;
}

static long read_dir(struct file *file, struct getdents *g, void __user *user)
{
	struct inode *inode = file->f_inode;
	int err = -ENOENT;

	mutex_lock(&file->f_pos_lock);
	g->ctx.pos = file->f_pos;
	inode_lock(inode);
	if (inode->i_nlink) {
		err = file->f_op->iterate(file, &g->ctx);
		touch_atime(inode);
	}
	inode_unlock(inode);
	if (!g->used) {
		mutex_unlock(&file->f_pos_lock);
		return err ? err : g->full ? -EINVAL : 0;
	}
	if (copy_to_user(user, g->buf, g->used)) {
		mutex_unlock(&file->f_pos_lock);
		return -EFAULT;
	}
	file->f_pos = g->ctx.pos;
	mutex_unlock(&file->f_pos_lock);
	return (long)g->used;
}

static long do_getdents(unsigned int fd, void __user *user, unsigned int count, bool old)
{
	struct getdents g = { .ctx.emit = emit_dirent,
			      .old = old,
			      .size = min_t(size_t, count, 8 * PAGE_SIZE) };
	struct file *file = fget(fd);
	long result = -ENOTDIR;

	if (!file)
		return -EBADF;
	if (!file->f_mode) {
		result = -EBADF;
	} else if (file->f_inode && S_ISDIR(file->f_inode->i_mode) && file->f_op->iterate) {
		g.buf = kmalloc(g.size + 8, GFP_KERNEL);
		result = g.buf ? read_dir(file, &g, user) : -ENOMEM;
		kfree(g.buf);
	}
	fput(file);
	return result;
}

long sys_getdents64(unsigned int fd, void __user *user, unsigned int count)
{
	return do_getdents(fd, user, count, false);
}

long sys_getdents(unsigned int fd, void __user *user, unsigned int count)
{
	return do_getdents(fd, user, count, true);
}
