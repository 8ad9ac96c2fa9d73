/* SPDX-License-Identifier: MIT */
/* Changing names and sizes from within the kernel. */
#ifndef FS_NAMES_H
#define FS_NAMES_H

#include "lib/types.h"

struct dentry;
struct inode;

/*
 * Make a file, directory or link (@target) of @mode, less the umask, for the negative @dentry. @dir's
 * i_rwsem is held. 0 or -errno.
 */
int vfs_make(struct inode *dir, struct dentry *dentry, umode_t mode, const char *target);
/*
 * A file without a name, as in directory @parent. @linkable: link(2) may give it one. Counted, or
 * ERR_PTR.
 */
struct dentry *vfs_tmpfile(struct dentry *parent, umode_t mode, bool linkable);
/* unlink(2) of a path in kernel memory. 0 or -errno. */
int vfs_unlink_path(const char *path);
/* Set the size of a regular file; takes i_rwsem. 0 or -errno. */
int vfs_truncate(struct inode *inode, loff_t size);
/* May it become as large, by RLIMIT_FSIZE and its file system? 0 or -EFBIG, with SIGXFSZ for the limit. */
int check_new_size(const struct inode *inode, loff_t size);

#endif
