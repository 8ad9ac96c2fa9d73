/* SPDX-License-Identifier: MIT */
/* Permissions: see fs/perm.h. */
#include "fs/perm.h"

#include "kernel/core/vfs.h"
#include "lib/errno.h"

/* The mode forbids it: do capabilities allow it? */
static bool overrides(umode_t mode, unsigned int mask, u64 caps)
{
	bool looks = S_ISDIR(mode) ? !(mask & MAY_WRITE) : mask == MAY_READ;

	if (looks && caps & 1ULL << CAP_DAC_READ_SEARCH)
		return true;
	return caps & 1ULL << CAP_DAC_OVERRIDE &&
	       (!(mask & MAY_EXEC) || S_ISDIR(mode) || mode & 0111);
}

static int check_mode(const struct inode *inode, unsigned int mask, u64 caps, uid_t uid, gid_t gid)
{
	umode_t mode = inode->i_mode;

	if ((mask & MAY_WRITE) && sb_rdonly(inode->i_sb) &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	if (uid == inode->i_uid)
		mode >>= 6;
	else if (gid == inode->i_gid || in_groups(inode->i_gid))
		mode >>= 3;
	if (!(mask & ~mode & 7) || overrides(inode->i_mode, mask, caps))
		return 0;
	return inode->i_op && inode->i_op->is_own && inode->i_op->is_own(inode) ? 0 : -EACCES;
}

int inode_permission(const struct inode *inode, unsigned int mask)
{
	const struct signal_struct *s = current->signal;

	return check_mode(inode, mask, s ? s->caps.effective : ~0ULL, current_fsuid(),
			  current_fsgid());
}

int real_permission(const struct inode *inode, unsigned int mask)
{
	const struct signal_struct *s = current->signal;

	return check_mode(inode, mask, s->uid.real ? 0 : s->caps.permitted, s->uid.real,
			  s->gid.real);
}

bool owner_or_capable(const struct inode *inode)
{
	return current_fsuid() == inode->i_uid || capable(CAP_FOWNER);
}

bool in_group(gid_t gid)
{
	return current_fsgid() == gid || in_groups(gid);
}

int may_create(const struct inode *dir)
{
	if (!dir->i_nlink)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int may_delete(const struct inode *dir, const struct inode *victim)
{
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (!err && (dir->i_mode & S_ISVTX) && !owner_or_capable(victim) &&
	    current_fsuid() != dir->i_uid)
		err = -EPERM;
	return err;
}

bool file_is_ours(const struct file *file)
{
	const struct inode *inode = file->f_inode;

	return owner_or_capable(inode) || !inode_permission(inode, MAY_WRITE);
}

bool file_is_readable(const struct file *file)
{
	return !inode_permission(file->f_inode, MAY_READ);
}

/* --- writers and executers --- */

int get_write_access(struct inode *inode)
{
	int old = atomic_read(&inode->i_writecount);

	do {
		if (old < 0)
			return -ETXTBSY;
	} while (!atomic_try_cmpxchg(&inode->i_writecount, &old, old + 1));
	return 0;
}

void put_write_access(struct inode *inode)
{
	atomic_dec(&inode->i_writecount);
}

int deny_write_access(struct file *file)
{
	struct inode *inode = file->f_inode;
	int old;

	if (!inode)
		return 0;
	old = atomic_read(&inode->i_writecount);
	do {
		if (old > 0)
			return -ETXTBSY;
	} while (!atomic_try_cmpxchg(&inode->i_writecount, &old, old - 1));
	return 0;
}

void allow_write_access(struct file *file)
{
	if (file->f_inode)
		atomic_inc(&file->f_inode->i_writecount);
}
