/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files whose contents are memory and swap (mm/backing/shmem.h), in directories that are memory.
 * One such file system that is mounted nowhere holds the kernel's own files: those of memfd_create(2), of
 * System V segments and of shared anonymous memory.
 *
 * A directory is a tree of its names, ordered by a number made of the name's hash and a count: it finds a
 * name, and is the position of readdir, which therefore misses and repeats nothing when names come and go.
 * A name holds a reference on its inode, so inodes need not be found by number and stay as long as they
 * are linked.
 *
 * Locks: names under the directory's i_rwsem; the limits are atomic.
 */
#ifndef FS_TMPFS_TMPFS_H
#define FS_TMPFS_TMPFS_H

#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "lib/rbtree.h"
#include "mm/backing/shmem.h"

#define TMPFS_MAGIC 0x01021994u
#define TMPFS_NAME_SIZE 20 /* bytes that a name adds to a directory's size, as on Linux */

/* Options of mount(2). */
struct tmpfs_options {
	long max_blocks; /* pages; 0: no limit */
	long max_inodes; /* 0: no limit */
	umode_t mode;    /* of the root */
	uid_t uid;
	gid_t gid;
};

struct tmpfs_sb {
	struct shmem_limit blocks;
	atomic_long_t inodes, next_ino;
	struct tmpfs_options options; /* mount mutex; the numbers are read without */
};

struct tmpfs_name {
	struct rb_node rb;
	u64 key;             /* hash << 31 | count; the position of the name after "." and ".." */
	struct inode *inode; /* counted */
	unsigned int len;
	char name[];
};

struct tmpfs_inode {
	struct inode vfs;
	union {
		struct shmem shmem;    /* regular files */
		char *link;            /* links: their text */
		struct {
			struct rb_root names;
			u32 last_count;
		} dir;
	};
};

static inline struct tmpfs_sb *TMPFS_SB(const struct super_block *sb) { return sb->s_fs_info; }
static inline struct tmpfs_inode *TMPFS_I(struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, vfs);
}

extern const struct inode_operations tmpfs_dir_iops, tmpfs_file_iops, tmpfs_link_iops;
extern const struct file_operations tmpfs_dir_fops, tmpfs_file_fops;
long tmpfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

/*
 * A new inode, without a name, as a child of @dir (NULL: root's or the kernel's) would be. @reserved:
 * pages of a regular file promised now. ERR_PTR(-ENOSPC: no inodes left; -ENOMEM).
 */
struct inode *tmpfs_new_inode(struct super_block *sb, const struct inode *dir, umode_t mode,
			      unsigned long reserved);
/* One inode or, as each costs about as much, one more name of an inode. False: there may be no more. */
bool tmpfs_charge_inode(struct super_block *sb);
void tmpfs_uncharge_inode(struct super_block *sb);
/* The names of a directory that goes go with it, and all that is below it. */
void tmpfs_drop_names(struct inode *dir);

#endif
