/* SPDX-License-Identifier: MIT */
/* What a file is: stat and kin, access, readlink. */
#include "fs/abi.h"
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

/* Of an inode, or of a file that has none. */
static void fill_stat(struct stat *st, const struct inode *inode, struct file *file)
{
	memset(st, 0, sizeof(*st));
	st->st_blksize = PAGE_SIZE;
	if (!inode) {
		struct file_stat fs;

		file_getattr(file, &fs);
		st->st_dev = fs.dev;
		st->st_ino = fs.ino;
		st->st_mode = fs.mode;
		st->st_size = fs.size;
		st->st_nlink = 1;
		return;
	}
	st->st_dev = inode->i_sb->s_dev;
	st->st_ino = inode->i_ino;
	st->st_nlink = inode->i_nlink;
	st->st_mode = inode->i_mode;
	st->st_uid = inode->i_uid;
	st->st_gid = inode->i_gid;
	st->st_rdev = inode->i_rdev;
	st->st_size = inode->i_size;
	st->st_blocks = (s64)inode->i_blocks;
	if (inode->i_data.shmem)
		st->st_blocks = (s64)shmem_blocks(&inode->i_data);
	if (inode->i_sb->s_blocksize)
		st->st_blksize = inode->i_sb->s_blocksize;
	st->st_atime = (u64)inode->i_atime.tv_sec;
	st->st_mtime = (u64)inode->i_mtime.tv_sec;
	st->st_ctime = (u64)inode->i_ctime.tv_sec;
	if (inode->i_sb->s_time_32)
		return;
	st->st_atime_nsec = (u64)inode->i_atime.tv_nsec;
	st->st_mtime_nsec = (u64)inode->i_mtime.tv_nsec;
	st->st_ctime_nsec = (u64)inode->i_ctime.tv_nsec;
}

/* What statx(2) says beyond that: the mount it is on (0: none), and whether it is where that begins. */
struct place {
	unsigned int mnt_id;
	bool is_root;
};

static void fill_place(struct place *place, const struct dentry *dentry)
{
	if (place && dentry)
		*place = (struct place){ dentry->d_sb->s_mnt_id, dentry == dentry->d_sb->s_root };
}

static long fd_stat(unsigned int fd, struct stat *st, struct place *place)
{
	struct file *file = fget(fd);

	if (!file)
		return -EBADF;
	fill_stat(st, file->f_inode, file);
	fill_place(place, file->f_dentry);
	fput(file);
	return 0;
}

/* By path, or with AT_EMPTY_PATH and "" the descriptor itself, which may be a pipe. */
static long path_stat(int dfd, const char __user *path, int flags, struct stat *st,
		      struct place *place)
{
	struct dentry *dentry;
	char first;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH && dfd != AT_FDCWD) {
		if (get_user(first, path))
			return -EFAULT;
		if (!first)
			return fd_stat((unsigned int)dfd, st, place);
	}
	dentry = user_path_at(dfd, path,
			      (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				      (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	fill_stat(st, dentry->d_inode, NULL);
	fill_place(place, dentry);
	dput(dentry);
	return 0;
}

long sys_newfstatat(int dfd, const char __user *path, struct stat __user *user, int flags)
{
	struct stat st;
	long err = path_stat(dfd, path, flags, &st, NULL);

	if (!err && copy_to_user(user, &st, sizeof(st)))
		err = -EFAULT;
	return err;
}

long sys_stat(const char __user *path, struct stat __user *st)
{
	return sys_newfstatat(AT_FDCWD, path, st, 0);
}

long sys_lstat(const char __user *path, struct stat __user *st)
{
	return sys_newfstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(unsigned int fd, struct stat __user *user)
{
	struct stat st;
	long err = fd_stat(fd, &st, NULL);

	if (!err && copy_to_user(user, &st, sizeof(st)))
		err = -EFAULT;
	return err;
}

/* The major and minor number in a dev_t, as user space packs them. */
static u32 dev_major(u64 dev)
{
	return (u32)(dev >> 8 & 0xfff);
}
static u32 dev_minor(u64 dev)
{
	return (u32)((dev & 0xff) | (dev >> 12 & 0xfff00));
}

long sys_statx(int dfd, const char __user *path, unsigned int flags, unsigned int mask,
	       struct statx __user *user)
{
	struct place place = { 0 };
	struct statx stx;
	struct stat st;
	long err;

	if (mask & 0x80000000u || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = path_stat(dfd, path, (int)flags, &st, &place);
	if (err)
		return err;
	memset(&stx, 0, sizeof(stx));
	stx.stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	stx.stx_mnt_id = place.mnt_id;
	stx.stx_attributes = place.is_root ? STATX_ATTR_MOUNT_ROOT : 0;
	stx.stx_attributes_mask = STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	stx.stx_blksize = (u32)st.st_blksize;
	stx.stx_nlink = (u32)st.st_nlink;
	stx.stx_uid = st.st_uid;
	stx.stx_gid = st.st_gid;
	stx.stx_mode = (u16)st.st_mode;
	stx.stx_ino = st.st_ino;
	stx.stx_size = (u64)st.st_size;
	stx.stx_blocks = (u64)st.st_blocks;
	stx.stx_atime = (struct statx_timestamp){ (s64)st.st_atime, (u32)st.st_atime_nsec, 0 };
	stx.stx_mtime = (struct statx_timestamp){ (s64)st.st_mtime, (u32)st.st_mtime_nsec, 0 };
	stx.stx_ctime = (struct statx_timestamp){ (s64)st.st_ctime, (u32)st.st_ctime_nsec, 0 };
	stx.stx_rdev_major = dev_major(st.st_rdev);
	stx.stx_rdev_minor = dev_minor(st.st_rdev);
	stx.stx_dev_major = dev_major(st.st_dev);
	stx.stx_dev_minor = dev_minor(st.st_dev);
	return copy_to_user(user, &stx, sizeof(stx)) ? -EFAULT : 0;
}

#define ST_VALID 0x20
#define ST_RELATIME 0x1000
#define ANON_INODE_MAGIC 0x09041934

static long do_statfs(struct super_block *sb, struct statfs __user *user)
{
	struct kstatfs ks = { .bsize = PAGE_SIZE, .namelen = NAME_MAX };
	struct statfs st;
	int err = 0;

	if (sb->s_op->statfs)
		err = sb->s_op->statfs(sb, &ks);
	if (err)
		return err;
	memset(&st, 0, sizeof(st));
	st.f_type = sb->s_magic;
	st.f_bsize = st.f_frsize = ks.bsize;
	st.f_blocks = ks.blocks;
	st.f_bfree = ks.bfree;
	st.f_bavail = ks.bavail;
	st.f_files = ks.files;
	st.f_ffree = ks.ffree;
	st.f_fsid[0] = (s32)sb->s_dev;
	st.f_namelen = ks.namelen;
	st.f_flags = ST_VALID | (s64)(sb->s_flags & ~SB_STRICTATIME);
	if (!(sb->s_flags & (SB_NOATIME | SB_STRICTATIME)))
		st.f_flags |= ST_RELATIME;
	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

/* Of a file that is in no file system of ours, as if it were in Linux's hidden ones. */
static long nameless_statfs(struct statfs __user *user)
{
	struct statfs st = { .f_type = ANON_INODE_MAGIC,
			     .f_bsize = PAGE_SIZE,
			     .f_frsize = PAGE_SIZE,
			     .f_namelen = NAME_MAX,
			     .f_flags = ST_VALID };

	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_statfs(const char __user *path, struct statfs __user *st)
{
	struct dentry *dentry = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW);
	long err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = do_statfs(dentry->d_sb, st);
	dput(dentry);
	return err;
}

long sys_fstatfs(unsigned int fd, struct statfs __user *st)
{
	struct file *file = fget(fd);
	long err;

	if (!file)
		return -EBADF;
	err = file->f_inode ? do_statfs(file->f_inode->i_sb, st) : nameless_statfs(st);
	fput(file);
	return err;
}

#define R_OK 4
#define W_OK 2
#define X_OK 1

long sys_faccessat2(int dfd, const char __user *path, int mode, int flags)
{
	struct dentry *dentry;
	long err;

	if ((mode & ~(R_OK | W_OK | X_OK)) ||
	    (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	dentry = user_path_at(dfd, path,
			      (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				      (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) |
				      (flags & AT_EACCESS ? 0 : LOOKUP_REAL));
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	/* The bits are those of MAY_*. */
	if ((mode & X_OK) && S_ISREG(dentry->d_inode->i_mode) && dentry->d_sb->s_flags & SB_NOEXEC)
		err = -EACCES;
	else if (flags & AT_EACCESS)
		err = inode_permission(dentry->d_inode, (unsigned int)mode);
	else
		err = real_permission(dentry->d_inode, (unsigned int)mode);
	dput(dentry);
	return err;
}

long sys_faccessat(int dfd, const char __user *path, int mode)
{
	return sys_faccessat2(dfd, path, mode, 0);
}

long sys_access(const char __user *path, int mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* The text of a link; that of an object link is the object's path. */
static int read_link_text(struct inode *inode, char *buf)
{
	struct dentry *object = NULL;
	char *path;
	int len;

	if (!S_ISLNK(inode->i_mode))
		return -EINVAL;
	if (inode->i_op->readlink)
		return inode->i_op->readlink(inode, buf, PATH_MAX);
	object = inode->i_op->get_link(inode);
	if (IS_ERR_OR_NULL(object))
		return object ? (int)PTR_ERR(object) : -EINVAL;
	path = d_path(object, buf, PATH_MAX, D_PATH_DELETED);
	dput(object);
	if (IS_ERR(path))
		return (int)PTR_ERR(path);
	len = (int)strlen(path);
	memmove(buf, path, (size_t)len + 1);
	return len;
}

long sys_readlinkat(int dfd, const char __user *path, char __user *user, int size)
{
	struct dentry *dentry;
	char *buf, first;
	int len;

	if (size <= 0)
		return -EINVAL;
	dentry = user_path_at(dfd, path, LOOKUP_EMPTY);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	len = buf ? read_link_text(dentry->d_inode, buf) : -ENOMEM;
	if (len >= 0) {
		touch_atime(dentry->d_inode);
		len = min(len, size); /* cut off without a word, as Linux does */
		if (copy_to_user(user, buf, (size_t)len))
			len = -EFAULT;
	}
	if (len == -EINVAL && !get_user(first, path) && !first)
		len = -ENOENT; /* no link was named */
	kfree(buf);
	dput(dentry);
	return len;
}

long sys_readlink(const char __user *path, char __user *buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}
