/* SPDX-License-Identifier: MIT */
/*
 * Signals that tell that a file can be read or written: O_ASYNC, and whom F_SETOWN says to tell. A
 * file that can do it has a list of its open files that want it, with f_op->fasync to get on and off.
 */
#ifndef FS_FASYNC_H
#define FS_FASYNC_H

#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"

struct file;

#define F_SETOWN 8
#define F_GETOWN 9
#define F_SETSIG 10
#define F_GETSIG 11
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16

/* Those of fcntl(2): what it returns. */
long fcntl_owner(struct file *file, unsigned int cmd, unsigned long arg);
/* f_op->fasync: @file, of descriptor @fd, gets on @list, or off it; O_ASYNC follows. 0 or -ENOMEM. */
int fasync_helper(unsigned int fd, struct file *file, bool on, struct list_head *list);
/*
 * Whom to tell of @file, which has been on a list, if nobody was named: the group @pgrp, or the current
 * process if that is 0.
 */
void fasync_default_owner(struct file *file, pid_t pgrp);
/* Those files of @list for which @which is true get off it, and have no O_ASYNC any more. */
void fasync_drop(struct list_head *list, bool (*which)(const struct file *file));
/* The last reference of a file with f_owner is gone. */
void fasync_release(struct file *file);
/*
 * What @list is of can be read (FMODE_READ) or written (FMODE_WRITE) now: tells those who have it open,
 * a pipe's only if open so. Not from interrupt handlers, and not with tasklist_lock held.
 */
void __kill_fasync(struct list_head *list, unsigned int f_mode);
static inline void kill_fasync(struct list_head *list, unsigned int f_mode)
{
	if (unlikely(!list_empty(list)))
		__kill_fasync(list, f_mode);
}

#endif
