/* SPDX-License-Identifier: MIT */
/*
 * Who may do what to a file, by owner, group and mode. A task acts with the effective ids of its
 * process. Root, which here is who has all capabilities about files (CAP_CHOWN to CAP_FSETID), may do
 * all but execute what nobody may, and write where nothing can be written.
 */
#ifndef FS_PERM_H
#define FS_PERM_H

#include "fs/inode.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"

#define MAY_EXEC 1u /* of a directory: search */
#define MAY_WRITE 2u
#define MAY_READ 4u

#define FILE_CAPS 0x1fULL

static inline bool is_root(void)
{
	/* Kernel threads are, too. */
	return !current->signal || (current->signal->caps.effective & FILE_CAPS) == FILE_CAPS;
}

/* May current do all of MAY_* @mask? 0, -EACCES, or -EROFS. */
int inode_permission(const struct inode *inode, unsigned int mask);
/* The same with the real ids, for access(2). */
int real_permission(const struct inode *inode, unsigned int mask);

/* Is current the owner, or root? */
bool owner_or_root(const struct inode *inode);
/* Is @gid one of current's groups, or current root? */
bool in_group_or_root(gid_t gid);

/* May a name be made in the directory? Locked. 0, -EACCES, -EROFS, -ENOENT (it was removed). */
int may_create(const struct inode *dir);
/* May the name of @victim be taken out of @dir? 0, -EACCES, -EROFS, or -EPERM: the directory is sticky. */
int may_delete(const struct inode *dir, const struct inode *victim);

/* May current walk through @dir? The answer of nearly every walk is given at once. */
static inline int may_search(const struct inode *dir)
{
	return likely(is_root()) ? 0 : inode_permission(dir, MAY_EXEC);
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
	bool group = inode->i_mode & 010 || !in_group_or_root(inode->i_gid);

	return inode->i_mode & ~(S_ISUID | (group ? S_ISGID : 0));
}

#endif
