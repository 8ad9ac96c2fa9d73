/* SPDX-License-Identifier: MIT */
/* Renaming: the one change that takes two directories at once. */
#include "fs/dentry.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/syscalls.h"
#include "kernel/core/mutex.h"
#include "lib/errno.h"
#include "lib/util.h"

#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u

/* At most one task holds two directories; with it the order among them cannot matter to others. */
static DEFINE_MUTEX(rename_mutex);

/*
 * Two directories at once: an ancestor before what is below it (unlink takes parent, then child).
 */
static void lock_two(struct dentry *a, struct dentry *b)
{
	if (a != b && is_subdir(a, b))
		swap(a, b);
	inode_lock(a->d_inode);
	if (a != b)
		inode_lock(b->d_inode);
}

static void unlock_two(struct dentry *a, struct dentry *b)
{
	inode_unlock(a->d_inode);
	if (a != b)
		inode_unlock(b->d_inode);
}

/*
 * May @from take the place of @to? Directories locked. 0, 1: they are the same file, nothing is to
 * do; or -errno.
 */
static int may_rename(struct walk *old, struct walk *new, struct dentry *from, struct dentry *to,
		      unsigned int flags)
{
	bool is_dir;

	if (!from->d_inode)
		return -ENOENT;
	if (to->d_inode && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!to->d_inode && (flags & RENAME_EXCHANGE))
		return -ENOENT;
	is_dir = S_ISDIR(from->d_inode->i_mode);
	if (from->d_sb != old->at->d_sb || to->d_sb != new->at->d_sb)
		return -EBUSY; /* mount points */
	if (!is_dir && (old->trailing || (new->trailing && !(flags & RENAME_EXCHANGE))))
		return -ENOTDIR;
	if ((flags & RENAME_EXCHANGE) && new->trailing && !S_ISDIR(to->d_inode->i_mode))
		return -ENOTDIR;
	if (is_dir && is_subdir(new->at, from))
		return -EINVAL; /* into itself */
	if (!to->d_inode)
		return 0;
	if (to->d_inode == from->d_inode)
		return 1;
	if (!is_subdir(old->at, to))
		return 0;
	return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
}

/* The permissions for it, and that it is of the kind of what it replaces: both names, and the directory's own ".." if that changes. 0 or -errno. */
static int may_move(const struct inode *old_dir, const struct inode *new_dir,
		    const struct inode *moved, const struct inode *victim, bool exchange)
{
	int err = may_delete(old_dir, moved);

	if (!err)
		err = victim ? may_delete(new_dir, victim) : may_create(new_dir);
	if (!err && victim && !exchange && S_ISDIR(moved->i_mode) != S_ISDIR(victim->i_mode))
		err = S_ISDIR(moved->i_mode) ? -ENOTDIR : -EISDIR;
	if (!err && S_ISDIR(moved->i_mode) && old_dir != new_dir)
		err = inode_permission(moved, MAY_WRITE);
	if (!err && exchange && S_ISDIR(victim->i_mode) && old_dir != new_dir)
		err = inode_permission(victim, MAY_WRITE);
	return err;
}

/* Directories locked, all allowed. 0 or -errno. */
static int move_name(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
		     struct dentry *to, bool exchange)
{
	struct inode *victim = to->d_inode, *moved = NULL;
	int err;

	if (exchange || (S_ISDIR(from->d_inode->i_mode) && old_dir != new_dir))
		moved = from->d_inode; /* its ".." changes, or its time */
	/* Neither is above the other: may_rename() saw to that. */
	if (victim)
		inode_lock(victim);
	if (moved)
		inode_lock(moved);
	if (to->d_mounted)
		err = -EBUSY;
	else if (!exchange)
		err = old_dir->i_op->rename(old_dir, from, new_dir, to);
	else
		err = old_dir->i_op->exchange ?
			      old_dir->i_op->exchange(old_dir, from, new_dir, to) :
			      -EINVAL;
	if (!err && exchange)
		d_exchange(from, to);
	else if (!err)
		d_move(from, to);
	if (moved)
		inode_unlock(moved);
	if (victim)
		inode_unlock(victim);
	return err;
}

/* Both walks stand at their directories, which are of one file system. */
static int rename_locked(struct walk *old, struct walk *new, unsigned int flags)
{
	struct inode *old_dir = old->at->d_inode, *new_dir = new->at->d_inode;
	struct dentry *from, *to = NULL;
	int err;

	from = lookup_one(old->at, old->last, old->last_len, true);
	if (IS_ERR(from))
		return PTR_ERR(from);
	to = lookup_one(new->at, new->last, new->last_len, true);
	if (IS_ERR(to)) {
		dput(from);
		return PTR_ERR(to);
	}
	err = may_rename(old, new, from, to, flags);
	if (!err)
		err = may_move(old_dir, new_dir, from->d_inode, to->d_inode,
			       flags & RENAME_EXCHANGE);
	if (!err && !old_dir->i_op->rename)
		err = -EPERM;
	if (!err && (!old_dir->i_nlink || !new_dir->i_nlink))
		err = -ENOENT;
	if (!err)
		err = move_name(old_dir, from, new_dir, to, flags & RENAME_EXCHANGE);
	dput(from);
	dput(to);
	return err < 0 ? err : 0;
}

long sys_renameat2(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath,
		   unsigned int flags)
{
	struct walk old, new;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = walk_to_parent(&old, olddfd, oldpath);
	if (err)
		return err;
	err = walk_to_parent(&new, newdfd, newpath);
	if (err) {
		walk_end(&old);
		return err;
	}
	if (old.at->d_sb != new.at->d_sb) {
		err = -EXDEV;
	} else if (old.last_type != LAST_NORM || new.last_type != LAST_NORM) {
		err = old.last_type == LAST_NORM && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	} else if (sb_rdonly(old.at->d_sb)) {
		err = -EROFS;
	} else {
		mutex_lock(&rename_mutex);
		lock_two(old.at, new.at);
		err = rename_locked(&old, &new, flags);
		unlock_two(old.at, new.at);
		mutex_unlock(&rename_mutex);
	}
	walk_end(&old);
	walk_end(&new);
	return err;
}

long sys_renameat(int olddfd, const char __user *oldpath, int newdfd, const char __user *newpath)
{
	return sys_renameat2(olddfd, oldpath, newdfd, newpath, 0);
}

long sys_rename(const char __user *oldpath, const char __user *newpath)
{
	return sys_renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}
