/* SPDX-License-Identifier: MIT */
/* Changing what a file is: mode, owner, times, size. */
#include "fs/abi.h"
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

/* What is to change; fields are looked at as @what says. */
struct attr {
	enum {
		ATTR_MODE = 1,
		ATTR_UID = 2,
		ATTR_GID = 4,
		ATTR_ATIME = 8,
		ATTR_MTIME = 16,
		ATTR_TIMES_SET = 32, /* not both to now */
		ATTR_BAD_TIME = 128, /* refused once the file is found */
		ATTR_OWNER = 64, /* by a call of chown(2), which may have left both as they are */
	} what;
	umode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime;
};

/* May current? Times that are to be now are also for who may write. i_rwsem held. 0 or -errno. */
static int may_set_attr(const struct inode *inode, const struct attr *attr)
{
	bool owner = current_fsuid() == inode->i_uid;

	if ((attr->what & ATTR_UID) && !(owner && attr->uid == inode->i_uid) && !capable(CAP_CHOWN))
		return -EPERM;
	if ((attr->what & ATTR_GID) &&
	    !(owner && (attr->gid == inode->i_gid || in_group(attr->gid))) && !capable(CAP_CHOWN))
		return -EPERM;
	if (owner || capable(CAP_FOWNER))
		return 0;
	if (attr->what & (ATTR_MODE | ATTR_TIMES_SET))
		return -EPERM;
	return attr->what & (ATTR_ATIME | ATTR_MTIME) ? inode_permission(inode, MAY_WRITE) : 0;
}

/* The nearest that the file system can keep. */
static struct timespec possible_time(const struct inode *inode, struct timespec time)
{
	if (inode->i_sb->s_time_32)
		time.tv_sec = clamp(time.tv_sec, (s64)INT32_MIN, (s64)INT32_MAX);
	return time;
}

static void change_attr(struct inode *inode, const struct attr *attr)
{
	/* A new owner must not inherit the right to act as the old one. */
	if ((attr->what & ATTR_OWNER) && !S_ISDIR(inode->i_mode))
		inode->i_mode = without_suid(inode);
	if (attr->what & ATTR_UID)
		inode->i_uid = attr->uid;
	if (attr->what & ATTR_GID)
		inode->i_gid = attr->gid;
	if (attr->what & ATTR_MODE) {
		inode->i_mode = (inode->i_mode & S_IFMT) | (attr->mode & 07777);
		if (!in_group(inode->i_gid) && !capable(CAP_FSETID))
			inode->i_mode &= ~S_ISGID;
	}
	if (attr->what & ATTR_ATIME)
		inode->i_atime = possible_time(inode, attr->atime);
	if (attr->what & ATTR_MTIME)
		inode->i_mtime = possible_time(inode, attr->mtime);
	inode->i_ctime = current_time();
	inode->i_written_tick = 0; /* the next write moves what was set here */
	mark_inode_dirty(inode);
}

static bool has_fixed_mode(const struct inode *inode)
{
	return inode->i_op && inode->i_op->has_fixed_mode && inode->i_op->has_fixed_mode(inode);
}

static int set_attr(struct inode *inode, const struct attr *attr)
{
	int err;

	if (attr->what & ATTR_BAD_TIME)
		return -EINVAL;
	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	inode_lock(inode);
	err = may_set_attr(inode, attr);
	if (!err && (attr->what & ATTR_MODE) && has_fixed_mode(inode))
		err = -EPERM;
	if (!err && (attr->what & ATTR_MODE) && S_ISLNK(inode->i_mode))
		err = -EOPNOTSUPP;
	if (!err)
		change_attr(inode, attr);
	inode_unlock(inode);
	return err;
}

static long set_attr_at(int dfd, const char __user *path, unsigned int lookup,
			const struct attr *attr)
{
	struct dentry *dentry = user_path_at(dfd, path, lookup);
	long err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = set_attr(dentry->d_inode, attr);
	dput(dentry);
	return err;
}

static long set_attr_fd(unsigned int fd, const struct attr *attr)
{
	struct file *file = fget(fd);
	long err = 0;

	if (!file)
		return -EBADF;
	if (!file->f_mode)
		err = -EBADF;
	else if (file->f_inode)
		err = set_attr(file->f_inode, attr);
	fput(file);
	return err;
}

long sys_fchmodat(int dfd, const char __user *path, umode_t mode)
{
	struct attr attr = { .what = ATTR_MODE, .mode = mode };

	return set_attr_at(dfd, path, LOOKUP_FOLLOW, &attr);
}

long sys_chmod(const char __user *path, umode_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(unsigned int fd, umode_t mode)
{
	return set_attr_fd(fd, &(struct attr){ .what = ATTR_MODE, .mode = mode });
}

/* -1 leaves a side as it is. */
static struct attr owner_attr(uid_t uid, gid_t gid)
{
	struct attr attr = { .uid = uid, .gid = gid };

	attr.what =
		ATTR_OWNER | (uid != (uid_t)-1 ? ATTR_UID : 0) | (gid != (gid_t)-1 ? ATTR_GID : 0);
	return attr;
}

long sys_fchownat(int dfd, const char __user *path, uid_t uid, gid_t gid, int flags)
{
	struct attr attr = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return set_attr_at(dfd, path,
			   (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			   &attr);
}

long sys_chown(const char __user *path, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(const char __user *path, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(unsigned int fd, uid_t uid, gid_t gid)
{
	struct attr attr = owner_attr(uid, gid);

	return set_attr_fd(fd, &attr);
}

#define UTIME_NOW ((1L << 30) - 1)
#define UTIME_OMIT ((1L << 30) - 2)

/* One of the two times as the caller gave it. 0 or -EINVAL. */
static int take_time(struct attr *attr, const struct timespec *given, int bit, struct timespec *to)
{
	if (given->tv_nsec == UTIME_OMIT)
		return 0;
	if (given->tv_nsec != UTIME_NOW &&
	    (given->tv_nsec < 0 || given->tv_nsec >= (s64)NSEC_PER_SEC))
		return -EINVAL;
	*to = given->tv_nsec == UTIME_NOW ? current_time() : *given;
	attr->what |= bit;
	return 0;
}

/* @times: of access and change, UTIME_* among them. @path NULL: the descriptor's own file. */
static long set_times(int dfd, const char __user *path, const struct timespec times[2], int flags)
{
	struct attr attr = { 0 };

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (take_time(&attr, &times[0], ATTR_ATIME, &attr.atime) ||
	    take_time(&attr, &times[1], ATTR_MTIME, &attr.mtime))
		attr.what |= ATTR_BAD_TIME;
	if (times[0].tv_nsec != UTIME_NOW || times[1].tv_nsec != UTIME_NOW)
		attr.what |= ATTR_TIMES_SET;
	if (!path && dfd != AT_FDCWD) /* futimens */
		return flags ? -EINVAL : set_attr_fd((unsigned int)dfd, &attr);
	return set_attr_at(dfd, path,
			   (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			   &attr);
}

static const struct timespec now_both[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

long sys_utimensat(int dfd, const char __user *path, const struct timespec __user *user, int flags)
{
	struct timespec times[2];

	if (!user)
		return set_times(dfd, path, now_both, flags);
	if (copy_from_user(times, user, sizeof(times)))
		return -EFAULT;
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return 0; /* not even the path is looked at */
	return set_times(dfd, path, times, flags);
}

long sys_futimesat(int dfd, const char __user *path, const struct timeval __user *user)
{
	struct timespec times[2];
	struct timeval tv[2];

	if (!user)
		return set_times(dfd, path, now_both, 0);
	if (copy_from_user(tv, user, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		times[i] = (struct timespec){ tv[i].tv_sec, tv[i].tv_usec * 1000 };
	}
	return set_times(dfd, path, times, 0);
}

long sys_utimes(const char __user *path, const struct timeval __user *times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long sys_utime(const char __user *path, const s64 __user *user)
{
	struct timespec times[2] = { 0 };

	if (!user)
		return set_times(AT_FDCWD, path, now_both, 0);
	if (get_user(times[0].tv_sec, &user[0]) || get_user(times[1].tv_sec, &user[1]))
		return -EFAULT;
	return set_times(AT_FDCWD, path, times, 0);
}

long sys_truncate(const char __user *path, loff_t length)
{
	struct dentry *dentry;
	long err;

	if (length < 0)
		return -EINVAL;
	dentry = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = S_ISREG(dentry->d_inode->i_mode) ? inode_permission(dentry->d_inode, MAY_WRITE) : 0;
	if (!err)
		err = vfs_truncate(dentry->d_inode, length);
	dput(dentry);
	return err;
}

long sys_ftruncate(unsigned int fd, loff_t length)
{
	struct file *file;
	long err = -EINVAL;

	if (length < 0)
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!file->f_mode)
		err = -EBADF;
	else if ((file->f_mode & FMODE_WRITE) && file->f_inode && S_ISREG(file->f_inode->i_mode))
		err = vfs_truncate(file->f_inode, length);
	fput(file);
	return err;
}

/* What may not be asked for together. 0 or -errno. */
static int check_fallocate_mode(int mode)
{
	const int punch = FALLOC_FL_PUNCH_HOLE, zero = FALLOC_FL_ZERO_RANGE,
		  keep = FALLOC_FL_KEEP_SIZE, unshare = FALLOC_FL_UNSHARE_RANGE;

	if (mode &
	    ~(keep | punch | FALLOC_FL_COLLAPSE_RANGE | zero | FALLOC_FL_INSERT_RANGE | unshare))
		return -EOPNOTSUPP;
	if ((mode & punch) && ((mode & zero) || !(mode & keep)))
		return -EOPNOTSUPP;
	if (((mode & FALLOC_FL_COLLAPSE_RANGE) && mode != FALLOC_FL_COLLAPSE_RANGE) ||
	    ((mode & FALLOC_FL_INSERT_RANGE) && mode != FALLOC_FL_INSERT_RANGE) ||
	    ((mode & unshare) && (mode & ~(unshare | keep))))
		return -EINVAL;
	return 0;
}

/* fallocate(2) on an open file. 0 or -errno. */
static long vfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file->f_inode;
	int err;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	err = check_fallocate_mode(mode);
	if (err)
		return err;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!inode || S_ISFIFO(inode->i_mode))
		return -ESPIPE;
	if (!S_ISREG(inode->i_mode) && !S_ISBLK(inode->i_mode))
		return -ENODEV;
	if (offset > inode->i_sb->s_maxbytes - len)
		return -EFBIG;
	return file->f_op->fallocate ? file->f_op->fallocate(file, mode, offset, len) : -EOPNOTSUPP;
}

long sys_fallocate(int fd, int mode, loff_t offset, loff_t len)
{
	struct file *file = fget((unsigned int)fd);
	long err;

	if (!file)
		return -EBADF;
	err = vfs_fallocate(file, mode, offset, len);
	fput(file);
	return err;
}
