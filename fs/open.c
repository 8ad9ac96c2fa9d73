/* SPDX-License-Identifier: MIT */
/* Opening: by user programs, by exec, and by the kernel itself. */
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/pipe.h"
#include "fs/syscalls.h"
#include "kernel/core/block.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/backing/record.h"
#include "mm/frame/slab.h"

/* open(2) ignores other bits. */
#define ALL_FLAGS                                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |     \
	 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |    \
	 O_TMPFILE_BIT)

static const struct file_operations path_only_fops = { .name = "O_PATH" };

/* The file's own parts of opening @inode. What was taken is given back by fput(). */
static int open_inode(struct file *file, struct inode *inode)
{
	int err;

	file->f_inode = inode;
	if (file->f_flags & O_PATH) {
		file->f_op = &path_only_fops;
		return 0;
	}
	if (S_ISREG(inode->i_mode) && (file->f_mode & FMODE_WRITE)) {
		err = get_write_access(inode);
		if (err) {
			file->f_mode &= ~FMODE_WRITE; /* there is nothing for fput() to put */
			return err;
		}
	}
	if (!inode->i_fop)
		return -ENXIO; /* a device or pipe that nobody drives */
	file->f_op = inode->i_fop;
	if (inode->i_mapping->a_ops)
		file->f_mapping = inode->i_mapping;
	return file->f_op->open ? file->f_op->open(inode, file) : 0;
}

struct file *dentry_open(struct dentry *dentry, int flags)
{
	struct file *file =
		alloc_file(NULL, (unsigned int)flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
	int err;

	if (IS_ERR(file))
		return file;
	file->f_dentry = dget(dentry);
	if (file->f_mode && dentry->d_sb->s_flags & SB_NOEXEC)
		file->f_mode |= FMODE_NOEXEC;
	err = open_inode(file, dentry->d_inode);
	if (!err && (flags & O_DIRECT) && !can_be_direct(file)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	if (err) {
		file->f_op = NULL; /* not opened: not released */
		fput(file);
		return ERR_PTR(err);
	}
	file->f_flags &= ~O_NOCTTY;
	if (file->f_mapping)
		record_file(file);
	return file;
}

bool can_be_direct(const struct file *file)
{
	return file->f_mapping && !file->f_mapping->shmem;
}

/* The object to open for O_CREAT: found, or made (*is_new). Counted or ERR_PTR. */
static struct dentry *lookup_create(struct walk *w, int flags, umode_t mode, bool *is_new)
{
	for (;;) {
		struct inode *dir = w->at->d_inode;
		struct dentry *dentry;
		int err = 0;

		if (w->last_type == LAST_ROOT) /* "/", or the object of an object link */
			return flags & O_EXCL ? ERR_PTR(-EEXIST) : dget(w->at);
		if (w->last_type != LAST_NORM)
			return flags & O_EXCL ? ERR_PTR(-EEXIST) : ERR_PTR(-EISDIR);
		if (w->trailing)
			return ERR_PTR(-EISDIR);
		inode_lock(dir);
		dentry = lookup_one(w->at, w->last, w->last_len, true);
		if (!IS_ERR(dentry) && !dentry->d_inode) {
			err = vfs_make(dir, dentry, S_IFREG | (mode & 07777), NULL);
			inode_unlock(dir);
			*is_new = !err;
			if (!err)
				return dentry;
			dput(dentry);
			return ERR_PTR(err);
		}
		inode_unlock(dir);
		if (IS_ERR(dentry))
			return dentry;
		if (flags & O_EXCL)
			err = -EEXIST;
		else if (!S_ISLNK(dentry->d_inode->i_mode))
			return dentry;
		else if (flags & O_NOFOLLOW)
			err = -ELOOP;
		if (err) {
			dput(dentry);
			return ERR_PTR(err);
		}
		err = walk_follow(w, dentry);
		if (err)
			return ERR_PTR(err);
	}
}

static struct dentry *lookup_open(struct walk *w, int flags, umode_t mode, bool *is_new)
{
	int err = walk_parent(w);

	if (err)
		return ERR_PTR(err);
	if (flags & O_CREAT)
		return lookup_create(w, flags, mode, is_new);
	err = walk_last(w, (flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				   (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0));
	if (err)
		return ERR_PTR(err);
	if (!(flags & O_TMPFILE_BIT))
		return walk_take(w);
	*is_new = true;
	return vfs_tmpfile(w->at, S_IFREG | (mode & 07777), !(flags & O_EXCL));
}

/* Is it of a kind that can be opened so? 0 or -errno. */
static int check_kind(const struct inode *inode, int flags, bool writes)
{
	if (S_ISLNK(inode->i_mode))
		return -ELOOP;
	if (S_ISDIR(inode->i_mode))
		return writes || (flags & O_CREAT) ? -EISDIR : 0;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode)) && inode->i_sb->s_flags & SB_NODEV)
		return -EACCES;
	return 0;
}

/* May this object be opened so? Who made it may, whatever its mode says. 0 or -errno. */
static int may_open(const struct inode *inode, int flags, bool is_new)
{
	static const unsigned int masks[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					      MAY_READ | MAY_WRITE };
	unsigned int mask = masks[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
	int err;

	if (flags & O_PATH)
		return 0;
	if (!S_ISREG(inode->i_mode) || ((flags & O_DIRECTORY) && !is_new)) {
		err = check_kind(inode, flags, mask & MAY_WRITE);
		if (err)
			return err;
	}
	err = is_new ? 0 : inode_permission(inode, mask);
	return !err && (flags & O_NOATIME) && !owner_or_capable(inode) ? -EPERM : err;
}

/* @text is taken over. */
static struct file *do_open(int dfd, char *text, int flags, umode_t mode)
{
	struct dentry *dentry;
	struct file *file;
	bool is_new = false;
	struct walk w;
	int err;

	if (!*text) {
		kfree(text);
		return ERR_PTR(-ENOENT);
	}
	err = walk_start(&w, dfd, text);
	if (err)
		return ERR_PTR(err);
	dentry = lookup_open(&w, flags, mode, &is_new);
	walk_end(&w);
	if (IS_ERR(dentry))
		return ERR_CAST(dentry);
	err = may_open(dentry->d_inode, flags, is_new);
	file = err ? ERR_PTR(err) : dentry_open(dentry, flags);
	if (!IS_ERR(file) && (flags & O_TRUNC) && !is_new && S_ISREG(dentry->d_inode->i_mode)) {
		err = vfs_truncate(dentry->d_inode, 0);
		if (err) {
			fput(file);
			file = ERR_PTR(err);
		}
	}
	dput(dentry);
	return file;
}

/* What the call's flags mean together, or -EINVAL. O_PATH leaves little of them. */
static int check_flags(int flags)
{
	if (flags & O_PATH)
		return flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	flags &= ALL_FLAGS;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	if ((flags & O_TMPFILE_BIT) && (!(flags & O_DIRECTORY) || !(flags & O_ACCMODE)))
		return -EINVAL;
	return flags | O_LARGEFILE;
}

long sys_openat(int dfd, const char __user *path, int how, umode_t mode)
{
	int fd, flags = check_flags(how);
	struct file *file;
	char *text;

	if (flags < 0)
		return flags;
	text = getname(path);
	if (IS_ERR(text))
		return PTR_ERR(text);
	fd = get_unused_fd(0, flags & O_CLOEXEC);
	if (fd < 0) {
		kfree(text);
		return fd;
	}
	file = do_open(dfd, text, flags, mode);
	if (IS_ERR(file)) {
		put_unused_fd((unsigned int)fd);
		return PTR_ERR(file);
	}
	fd_install((unsigned int)fd, file);
	return fd;
}

long sys_open(const char __user *path, int flags, umode_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(const char __user *path, umode_t mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

bool may_swap(void)
{
	return capable(CAP_SYS_ADMIN);
}

struct file *filp_open(const char *path, int flags, umode_t mode)
{
	char *text = kstrdup(path, GFP_KERNEL);

	return text ? do_open(AT_FDCWD, text, flags, mode) : ERR_PTR(-ENOMEM);
}

struct file *open_exec(int dfd, const char *path, int flags)
{
	struct dentry *dentry = kern_path_at(
		dfd, path, LOOKUP_EMPTY | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW));
	struct inode *inode;
	struct file *file;

	if (IS_ERR(dentry))
		return !*path && PTR_ERR(dentry) == -ENOTDIR ? ERR_PTR(-EACCES) : ERR_CAST(dentry);
	inode = dentry->d_inode;
	if (S_ISLNK(inode->i_mode))
		file = ERR_PTR(-ELOOP);
	else if (!S_ISREG(inode->i_mode) || inode->i_sb->s_flags & SB_NOEXEC ||
		 inode_permission(inode, MAY_EXEC))
		file = ERR_PTR(-EACCES);
	else
		file = dentry_open(dentry, O_RDONLY | O_LARGEFILE);
	if (!IS_ERR(file))
		touch_atime(inode);
	dput(dentry);
	return file;
}

ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t pos)
{
	return file->f_mapping ? filemap_read_kernel(file, buf, count, &pos) : -EINVAL;
}

char *file_path(struct file *file, char *buf, int size)
{
	size_t len = strlen(file->f_op->name) + 1;

	if (file->f_dentry)
		return d_path(file->f_dentry, buf, size, D_PATH_DELETED);
	if (len > (size_t)size)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buf + size - len, file->f_op->name, len);
}

struct file_id inode_id(const struct inode *inode)
{
	return inode ? (struct file_id){ inode->i_sb->s_dev, (u32)inode->i_ino } :
		       (struct file_id){ 0, 0 };
}

void file_getattr(struct file *file, struct file_stat *st)
{
	struct inode *inode = file->f_inode;

	memset(st, 0, sizeof(*st));
	if (!inode) {
		st->size = file->f_mapping ? *file->f_mapping->i_size : 0;
		/* The only number it has: its place in memory, cut down so as not to tell where. */
		st->ino = (unsigned long)file >> 6 & 0xffffff;
		st->mode = file->f_mapping ? S_IFREG | 0777 : 0600;
		st->dev = 1;
		return;
	}
	st->dev = inode->i_sb->s_dev;
	st->rdev = inode->i_rdev;
	st->ino = inode->i_ino;
	st->size = inode->i_size;
	st->mode = inode->i_mode;
	if (inode->i_sb->s_flags & SB_NOSUID)
		st->mode &= ~(S_ISUID | S_ISGID);
	st->uid = inode->i_uid;
	st->gid = inode->i_gid;
}

struct block_device *file_bdev(struct file *file)
{
	return file->f_inode && S_ISBLK(file->f_inode->i_mode) ?
		       block_device_by_dev(file->f_inode->i_rdev) :
		       NULL;
}

sector_t file_bmap(struct file *file, pgoff_t index, struct block_device **bdev)
{
	struct inode *inode = file->f_inode;

	if (!inode || !inode->i_op || !inode->i_op->bmap)
		return 0;
	*bdev = inode->i_sb->s_bdev;
	return inode->i_op->bmap(inode, index);
}
