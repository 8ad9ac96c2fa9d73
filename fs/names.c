/* SPDX-License-Identifier: MIT */
/* Making, removing and linking. */
#include "fs/names.h"

#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"

/* What a new object of the directory has of the @mode that was asked for. */
static umode_t new_mode(const struct inode *dir, umode_t mode)
{
	if (S_ISLNK(mode))
		return mode;
	/* Its group is the directory's: who is not in it gives nobody the right to act as it. */
	if (!S_ISDIR(mode) && (mode & (S_ISGID | 010)) == (S_ISGID | 010) &&
	    dir->i_mode & S_ISGID && !in_group(dir->i_gid) && !capable(CAP_FSETID))
		mode &= ~S_ISGID;
	return mode & ~current_umask();
}

int vfs_make(struct inode *dir, struct dentry *dentry, umode_t mode, const char *target)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (!dir->i_op->make)
		return -EPERM;
	return dir->i_op->make(dir, dentry, new_mode(dir, mode), target);
}

struct dentry *vfs_tmpfile(struct dentry *parent, umode_t mode, bool linkable)
{
	struct inode *dir = parent->d_inode, *inode;
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	struct dentry *dentry;
	char name[24];

	if (err)
		return ERR_PTR(err);
	if (!dir->i_op->tmpfile)
		return ERR_PTR(-EOPNOTSUPP);
	inode = dir->i_op->tmpfile(dir, new_mode(dir, mode));
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	inode->i_linkable = linkable;
	dentry = d_alloc(parent, name,
			 (unsigned int)snprintf(name, sizeof(name), "#%lu", inode->i_ino));
	if (!dentry) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	d_instantiate(dentry, inode);
	return dentry;
}

/*
 * Walk to where a name is to be made and lock its directory: *dentry is the negative name.
 * On success the caller unlocks with end_make().
 */
static int begin_make(struct walk *w, int dfd, const char __user *path, bool is_dir,
		      struct dentry **dentry)
{
	struct dentry *d;
	int err = walk_to_parent(w, dfd, path);

	if (err)
		return err;
	if (w->last_type != LAST_NORM) {
		walk_end(w);
		return -EEXIST;
	}
	inode_lock(w->at->d_inode);
	d = lookup_one(w->at, w->last, w->last_len, true);
	if (IS_ERR(d))
		err = PTR_ERR(d);
	else if (d->d_inode)
		err = -EEXIST;
	else if (w->trailing && !is_dir)
		err = -ENOENT; /* "new/" can only become a directory */
	if (!err) {
		*dentry = d;
		return 0;
	}
	inode_unlock(w->at->d_inode);
	if (!IS_ERR(d))
		dput(d);
	walk_end(w);
	return err;
}

static long end_make(struct walk *w, struct dentry *dentry, long err)
{
	inode_unlock(w->at->d_inode);
	dput(dentry);
	walk_end(w);
	return err;
}

long sys_mkdirat(int dfd, const char __user *path, umode_t mode)
{
	struct dentry *dentry;
	struct walk w;
	int err = begin_make(&w, dfd, path, true, &dentry);

	if (err)
		return err;
	mode = S_IFDIR | (mode & 01777);
	return end_make(&w, dentry, vfs_make(w.at->d_inode, dentry, mode, NULL));
}

long sys_mkdir(const char __user *path, umode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

/* Can a file of this kind be made by mknod(2)? */
static int may_mknod(umode_t mode)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return 0;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

long sys_mknodat(int dfd, const char __user *path, umode_t mode, unsigned int dev)
{
	struct dentry *dentry;
	struct inode *inode;
	struct walk w;
	int err = may_mknod(mode);

	if (!err)
		err = begin_make(&w, dfd, path, false, &dentry);
	if (err)
		return err;
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	mode &= S_IFMT | 07777;
	err = may_create(w.at->d_inode);
	/* A character device 0:0 is none. */
	if (!err && (S_ISBLK(mode) || (S_ISCHR(mode) && dev)) && !capable(CAP_MKNOD))
		err = -EPERM;
	if (!err)
		err = vfs_make(w.at->d_inode, dentry, mode, NULL);
	inode = dentry->d_inode;
	if (!err && (S_ISCHR(mode) || S_ISBLK(mode))) {
		inode->i_rdev = dev;
		init_special_inode(inode);
		mark_inode_dirty(inode);
	}
	return end_make(&w, dentry, err);
}

long sys_mknod(const char __user *path, umode_t mode, unsigned int dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(const char __user *user_target, int dfd, const char __user *path)
{
	char *target = getname(user_target);
	struct dentry *dentry;
	struct walk w;
	int err;

	if (IS_ERR(target))
		return PTR_ERR(target);
	err = *target ? begin_make(&w, dfd, path, false, &dentry) : -ENOENT;
	if (!err)
		err = (int)end_make(&w, dentry,
				    vfs_make(w.at->d_inode, dentry, S_IFLNK | 0777, target));
	kfree(target);
	return err;
}

long sys_symlink(const char __user *target, const char __user *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

int protected_hardlinks = 1; /* as of a Debian kernel */

/* Another's file gets a new name only from who could have copied it. 0 or -EPERM. */
static int may_link(const struct inode *inode)
{
	umode_t mode = inode->i_mode;

	if (!READ_ONCE(protected_hardlinks) || owner_or_capable(inode))
		return 0;
	return S_ISREG(mode) && !(mode & S_ISUID) &&
			       (mode & (S_ISGID | 010)) != (S_ISGID | 010) &&
			       !inode_permission(inode, MAY_READ | MAY_WRITE) ?
		       0 :
		       -EPERM;
}

static int do_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	int err;

	if (inode->i_sb != dir->i_sb)
		return -EXDEV;
	err = may_link(inode);
	if (!err)
		err = may_create(dir);
	if (err)
		return err;
	if (S_ISDIR(inode->i_mode) || !dir->i_op->link)
		return -EPERM;
	inode_lock(inode);
	if (!dir->i_nlink || (!inode->i_nlink && !inode->i_linkable))
		err = -ENOENT;
	else
		err = dir->i_op->link(inode, dir, dentry);
	if (!err)
		inode->i_linkable = false;
	inode_unlock(inode);
	return err;
}

long sys_linkat(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath,
		int flags)
{
	struct dentry *old, *dentry;
	struct walk w;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	/* Else a file that came from who can see it would be had for good. */
	if ((flags & AT_EMPTY_PATH) && !capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	old = user_path_at(olddfd, oldpath,
			   (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
				   (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
	if (IS_ERR(old))
		return PTR_ERR(old);
	err = begin_make(&w, newdfd, newpath, false, &dentry);
	if (!err)
		err = (int)end_make(&w, dentry, do_link(old->d_inode, w.at->d_inode, dentry));
	dput(old);
	return err;
}

long sys_link(const char __user *oldpath, const char __user *newpath)
{
	return sys_linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/* May @victim of directory @dir go, as a directory or as a file? Both are locked. */
static int may_remove(const struct inode *dir, const struct dentry *victim, bool is_dir)
{
	int err = may_delete(dir, victim->d_inode);

	if (err)
		return err;
	if (is_dir && !S_ISDIR(victim->d_inode->i_mode))
		return -ENOTDIR;
	if (!is_dir && S_ISDIR(victim->d_inode->i_mode))
		return -EISDIR;
	if (victim->d_mounted || victim == victim->d_sb->s_root)
		return -EBUSY;
	return dir->i_op->remove ? 0 : -EPERM;
}

/* @dir is locked; @dentry is positive. */
static int remove_name(struct inode *dir, struct dentry *dentry, bool is_dir)
{
	struct inode *inode = dentry->d_inode;
	int err;

	/* A mount point's own dentry was passed by: what stands there belongs to somebody else. */
	if (inode->i_sb != dir->i_sb)
		return is_dir ? -EBUSY : -EISDIR;
	inode_lock(inode);
	err = may_remove(dir, dentry, is_dir);
	if (!err)
		err = dir->i_op->remove(dir, dentry);
	if (!err)
		d_drop(dentry);
	inode_unlock(inode);
	return err;
}

/* The last component of @w, which is ended. 0 or -errno. */
static int unlink_last(struct walk *w, bool is_dir)
{
	struct inode *dir = w->at->d_inode;
	struct dentry *dentry;
	int err;

	if (w->last_type != LAST_NORM) {
		err = !is_dir                     ? -EISDIR :
		      w->last_type == LAST_DOT    ? -EINVAL :
		      w->last_type == LAST_DOTDOT ? -ENOTEMPTY :
						    -EBUSY;
		walk_end(w);
		return err;
	}
	if (sb_rdonly(dir->i_sb)) { /* whether the name is there or not */
		walk_end(w);
		return -EROFS;
	}
	inode_lock(dir);
	dentry = lookup_one(w->at, w->last, w->last_len, true);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		dentry = NULL;
	} else if (!dentry->d_inode) {
		err = -ENOENT;
	} else if (w->trailing && !is_dir) {
		err = S_ISDIR(dentry->d_inode->i_mode) ? -EISDIR : -ENOTDIR;
	} else {
		err = remove_name(dir, dentry, is_dir);
	}
	inode_unlock(dir);
	dput(dentry); /* the last user frees the file: not under the directory's lock */
	walk_end(w);
	return err;
}

static long do_unlink(int dfd, const char __user *path, bool is_dir)
{
	struct walk w;
	int err = walk_to_parent(&w, dfd, path);

	return err ? err : unlink_last(&w, is_dir);
}

int vfs_unlink_path(const char *path)
{
	char *text = kstrdup(path, GFP_KERNEL);
	struct walk w;
	int err = text ? walk_start(&w, AT_FDCWD, text) : -ENOMEM;

	if (err)
		return err;
	err = walk_parent(&w);
	if (!err)
		return unlink_last(&w, false);
	walk_end(&w);
	return err;
}

long sys_unlinkat(int dfd, const char __user *path, int flags)
{
	return flags & ~AT_REMOVEDIR ? -EINVAL : do_unlink(dfd, path, flags & AT_REMOVEDIR);
}

long sys_unlink(const char __user *path)
{
	return do_unlink(AT_FDCWD, path, false);
}

long sys_rmdir(const char __user *path)
{
	return do_unlink(AT_FDCWD, path, true);
}
