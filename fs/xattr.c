/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: the answers of a file system that keeps none. What there may be on an ext2 disk
 * is left alone (fs/ext2/inode.c).
 */
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/uaccess.h>

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536
#define XATTR_CREATE 1
#define XATTR_REPLACE 2

/* Is it a name at all? 0, -EFAULT, -ERANGE. */
static int check_name(const char __user *name)
{
	char text[XATTR_NAME_MAX + 1];
	long len = strncpy_from_user(text, name, sizeof(text));

	return len < 0 ? (int)len : !len || len == sizeof(text) ? -ERANGE : 0;
}

/* 0, or why there is no such file. */
static int check_path(const char __user *path, unsigned int lookup)
{
	struct dentry *dentry = user_path_at(AT_FDCWD, path, lookup);

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	dput(dentry);
	return 0;
}

static int check_fd(unsigned int fd)
{
	struct file *file = fget(fd);
	int err = !file || !file->f_mode ? -EBADF : 0;

	fput(file);
	return err;
}

/* The object is looked up first, then the arguments; then there is nothing. Passes errors on. */
static long set_attribute(int err, const char __user *name, const void __user *value, size_t size,
			  int flags)
{
	if (!err && (flags & ~(XATTR_CREATE | XATTR_REPLACE)))
		err = -EINVAL;
	if (!err)
		err = check_name(name);
	if (!err && size > XATTR_SIZE_MAX)
		err = -E2BIG;
	return err ? err : -EOPNOTSUPP;
}

static long name_attribute(int err, const char __user *name)
{
	if (!err)
		err = check_name(name);
	return err ? err : -EOPNOTSUPP;
}

long sys_setxattr(const char __user *path, const char __user *name, const void __user *value,
		  size_t size, int flags)
{
	return set_attribute(check_path(path, LOOKUP_FOLLOW), name, value, size, flags);
}

long sys_lsetxattr(const char __user *path, const char __user *name, const void __user *value,
		   size_t size, int flags)
{
	return set_attribute(check_path(path, 0), name, value, size, flags);
}

long sys_fsetxattr(unsigned int fd, const char __user *name, const void __user *value, size_t size,
		   int flags)
{
	return set_attribute(check_fd(fd), name, value, size, flags);
}

long sys_getxattr(const char __user *path, const char __user *name, void __user *value, size_t size)
{
	return name_attribute(check_path(path, LOOKUP_FOLLOW), name);
}

long sys_lgetxattr(const char __user *path, const char __user *name, void __user *value,
		   size_t size)
{
	return name_attribute(check_path(path, 0), name);
}

long sys_fgetxattr(unsigned int fd, const char __user *name, void __user *value, size_t size)
{
	return name_attribute(check_fd(fd), name);
}

long sys_listxattr(const char __user *path, char __user *list, size_t size)
{
	return check_path(path, LOOKUP_FOLLOW);
}

long sys_llistxattr(const char __user *path, char __user *list, size_t size)
{
	return check_path(path, 0);
}

long sys_flistxattr(unsigned int fd, char __user *list, size_t size)
{
	return check_fd(fd);
}

long sys_removexattr(const char __user *path, const char __user *name)
{
	return name_attribute(check_path(path, LOOKUP_FOLLOW), name);
}

long sys_lremovexattr(const char __user *path, const char __user *name)
{
	return name_attribute(check_path(path, 0), name);
}

long sys_fremovexattr(unsigned int fd, const char __user *name)
{
	return name_attribute(check_fd(fd), name);
}
