/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to a file, by owner, group and mode. A task acts with the effective ids of its
 * process, or what setfsuid(2) made of them. CAP_DAC_OVERRIDE allows all but to execute what nobody may,
 * and to write where nothing can be written; CAP_DAC_READ_SEARCH allows to look.
 */
#ifndef FS_PERM_H
#define FS_PERM_H

#include "fs/inode.h"
#include "kernel/core/sched.h"
#include "kernel/proc/caps.h"

#define MAY_EXEC 1u /* of a directory: search */
#define MAY_WRITE 2u
#define MAY_READ 4u

/* Kernel threads act as root. */
static inline uid_t current_fsuid(void)
{
	return current->signal ? current->signal->uid.fs : 0;
}

static inline gid_t current_fsgid(void)
{
	return current->signal ? current->signal->gid.fs : 0;
}

/* May current do all of MAY_* @mask? 0, -EACCES, or -EROFS. */
int inode_permission(const struct inode *inode, unsigned int mask);
/* The same for access(2): with the real ids, and if that is root with all that root may. */
int real_permission(const struct inode *inode, unsigned int mask);

/* Is current the owner, or has CAP_FOWNER? */
bool owner_or_capable(const struct inode *inode);
/* Is @gid one of current's groups? */
bool in_group(gid_t gid);

/* May a name be made in the directory? Locked. 0, -EACCES, -EROFS, -ENOENT (it was removed). */
int may_create(const struct inode *dir);
/* May the name of @victim be taken out of @dir? 0, -EACCES, -EROFS, or -EPERM: the directory is sticky. */
int may_delete(const struct inode *dir, const struct inode *victim);

/* May current walk through @dir? The answer of nearly every walk is given at once. */
static inline int may_search(const struct inode *dir)
{
	return likely(capable(CAP_DAC_OVERRIDE)) ? 0 : inode_permission(dir, MAY_EXEC);
}

/* May current, who has @dir open, stand in it or walk from it? 0; -ESRCH: its process is gone. */
static inline int may_enter(const struct inode *dir)
{
	return dir->i_op && dir->i_op->may_enter ? dir->i_op->may_enter(dir) : 0;
}

/* Open-for-writing count: -ETXTBSY while the file is being executed. */
int get_write_access(struct inode *inode);
void put_write_access(struct inode *inode);

/*
 * Its mode when somebody else may have changed it: without the right to act as its owner or group. A
 * set-gid bit that nobody can execute is no such right, but only the group's to keep.
 */
static inline umode_t without_suid(const struct inode *inode)
{
	bool group = inode->i_mode & 010 || !(in_group(inode->i_gid) || capable(CAP_FSETID));

	return inode->i_mode & ~(S_ISUID | (group ? S_ISGID : 0));
}

#endif
