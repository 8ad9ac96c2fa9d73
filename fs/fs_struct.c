/* SPDX-License-Identifier: MIT */
/* Where a process stands in the tree of names, and its umask. */
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

struct dentry *get_cwd(void)
{
	struct fs_struct *fs = current->fs;
	struct dentry *cwd;

	if (!fs) /* a kernel thread */
		return get_root();
	spin_lock(&fs->lock);
	cwd = fs->cwd ? dget(fs->cwd) : NULL;
	spin_unlock(&fs->lock);
	return cwd ? cwd : get_root();
}

struct dentry *get_my_root(void)
{
	struct fs_struct *fs = current->fs;
	struct dentry *root;

	if (!fs || likely(!READ_ONCE(fs->root)))
		return get_root();
	spin_lock(&fs->lock);
	root = dget(fs->root); /* once set, it is only exchanged */
	spin_unlock(&fs->lock);
	return root;
}

const struct dentry *my_root(void)
{
	return current->fs ? READ_ONCE(current->fs->root) : NULL;
}

umode_t current_umask(void)
{
	return current->fs ? READ_ONCE(current->fs->umask) : 022;
}

struct fs_struct *dup_fs(struct fs_struct *fs)
{
	struct fs_struct *copy = kzalloc(sizeof(*copy), GFP_KERNEL);

	if (!copy)
		return NULL;
	atomic_set(&copy->count, 1);
	spin_lock_init(&copy->lock, "fs");
	copy->umask = 022;
	if (!fs) { /* the first process: at the root */
		copy->cwd = get_root();
		return copy;
	}
	spin_lock(&fs->lock);
	copy->umask = fs->umask;
	copy->cwd = fs->cwd ? dget(fs->cwd) : NULL;
	copy->root = fs->root ? dget(fs->root) : NULL;
	spin_unlock(&fs->lock);
	return copy;
}

struct fs_struct *get_fs_struct(struct fs_struct *fs)
{
	if (fs)
		atomic_inc(&fs->count);
	return fs;
}

void put_fs(struct fs_struct *fs)
{
	if (!fs || !atomic_dec_and_test(&fs->count))
		return;
	dput(fs->cwd);
	dput(fs->root);
	kfree(fs);
}

/* @dir, whose reference is taken, becomes *@place, the cwd or the root. */
static long set_place(struct dentry **place, struct dentry *dir)
{
	struct fs_struct *fs = current->fs;
	struct dentry *old;

	spin_lock(&fs->lock);
	old = *place;
	*place = dir;
	spin_unlock(&fs->lock);
	dput(old);
	return 0;
}

static long set_cwd(struct dentry *dir)
{
	int err = may_search(dir->d_inode);

	if (!err)
		return set_place(&current->fs->cwd, dir);
	dput(dir);
	return err;
}

long sys_chdir(const char __user *path)
{
	struct dentry *dir = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);

	return IS_ERR(dir) ? PTR_ERR(dir) : set_cwd(dir);
}

long sys_chroot(const char __user *path)
{
	struct dentry *dir = user_path_at(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
	int err;

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	err = may_search(dir->d_inode);
	if (!err && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		return set_place(&current->fs->root, dir);
	dput(dir);
	return err;
}

long sys_fchdir(unsigned int fd)
{
	struct file *file = fget(fd);
	long err = -ENOTDIR;

	if (!file)
		return -EBADF;
	if (file->f_dentry && S_ISDIR(file->f_inode->i_mode))
		err = may_enter(file->f_inode);
	if (!err)
		err = set_cwd(dget(file->f_dentry));
	fput(file);
	return err;
}

long sys_getcwd(char __user *user, unsigned long size)
{
	struct dentry *cwd = get_cwd();
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *path;
	long result = -ENOENT;
	size_t len;

	if (!buf) {
		dput(cwd);
		return -ENOMEM;
	}
	/* A removed directory has no path. */
	if (cwd->d_inode->i_nlink && !(d_unhashed(cwd) && cwd->d_parent != cwd)) {
		path = d_path(cwd, buf, PATH_MAX, D_PATH_UNREACHABLE);
		if (IS_ERR(path)) {
			result = PTR_ERR(path);
		} else {
			len = strlen(path) + 1;
			result = len > size                    ? -ERANGE :
				 copy_to_user(user, path, len) ? -EFAULT :
								 (long)len;
		}
	}
	kfree(buf);
	dput(cwd);
	return result;
}

long sys_umask(int mask)
{
	struct fs_struct *fs = current->fs;
	umode_t old;

	spin_lock(&fs->lock);
	old = fs->umask;
	fs->umask = mask & 0777;
	spin_unlock(&fs->lock);
	return old;
}
