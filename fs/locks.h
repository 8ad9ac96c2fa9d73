/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks on files, fcntl(2)'s and flock(2)'s. An inode has a list of those that are held; a lock
 * belongs to a table of descriptors (POSIX: whoever closes any descriptor of the file loses its locks)
 * or to an open file (OFD locks and flock: gone with its last reference). Lock: one spinlock for
 * everything here, on the side.
 */
#ifndef FS_LOCKS_H
#define FS_LOCKS_H

#include "fs/inode.h"
#include "lib/compiler.h"

struct file;
struct files_struct;
struct flock;

#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38

/* fcntl(2) with one of these commands on descriptor @fd, which is @file. */
long fcntl_getlk(struct file *file, unsigned int cmd, struct flock __user *user);
long fcntl_setlk(unsigned int fd, struct file *file, unsigned int cmd, struct flock __user *user);

void __remove_locks(struct inode *inode, const void *owner);

/* @owner, a table that closed the file or an open file on its way out, loses its locks. NULL inode is fine. */
static inline void remove_locks(struct inode *inode, const void *owner)
{
	if (inode && unlikely(!list_empty(&inode->i_locks)))
		__remove_locks(inode, owner);
}

#endif
