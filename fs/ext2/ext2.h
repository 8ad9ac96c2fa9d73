/* SPDX-License-Identifier: MIT */
/*
 * Ext2 in memory. Metadata (super block, descriptors, bitmaps, inode tables, indirect blocks,
 * directories, long links) is kept in the page cache of the disk, in buffers of fs/bdev.h; file
 * data in the page caches of the files.
 *
 * Locks, outer to inner: i_rwsem, page lock of a file's page, ext2_inode.map_lock, ext2_sb.lock,
 * page lock of the disk's cache. Memory is asked for with GFP_NOFS inside the file's page lock.
 */
#ifndef FS_EXT2_EXT2_H
#define FS_EXT2_EXT2_H

#include "fs/bdev.h"
#include "fs/dentry.h"
#include "fs/ext2/format.h"
#include "fs/inode.h"
#include "kernel/core/block.h"
#include "kernel/core/mutex.h"
#include "kernel/core/rcu.h"
#include "lib/compiler.h"

struct ext2_sb {
	struct super_block *sb;
	struct block_device *bdev;
	struct ext2_geometry geo;
	struct mutex lock;              /* bitmaps, descriptors, counters */
	struct buf super_buf;           /* keeps the super block's page */
	struct ext2_super_block *es;    /* in it; lock */
	struct buf *gdt;                /* geo.gdt_blocks of them */
	u16 was_valid;                  /* s_state as found */
	unsigned int errors_told;       /* messages about damage so far */
};

struct ext2_inode_info {
	u32 block[EXT2_N_BLOCKS];       /* map_lock; or the text of a short link */
	struct rw_semaphore map_lock;   /* which blocks the file has */
	u32 flags, file_acl, generation;
	u32 group;                      /* where its blocks are wanted */
	u32 goal; /* one behind the block allocated last, 0: not known; map_lock */
	bool fresh;                     /* made just now: nothing of it is on the disk yet */
	bool gone;                      /* deleted on the disk */
	struct rcu_head rcu;            /* when it is freed */
	struct inode vfs;
};

static inline struct ext2_sb *EXT2_SB(const struct super_block *sb) { return sb->s_fs_info; }
static inline struct ext2_inode_info *EXT2_I(struct inode *inode)
{
	return container_of(inode, struct ext2_inode_info, vfs);
}

/* --- super.c --- */
/*
 * The disk contradicts itself: says so (a few times), and notes it in the super block for e2fsck.
 * Returns -EUCLEAN.
 */
int ext2_error(struct super_block *sb, const char *fmt, ...) __printf(2, 3);
/* The descriptor of @group < geo.groups, and the buffer it is in. */
struct ext2_group_desc *ext2_group_desc(struct ext2_sb *es, u32 group, struct buf **buf);

/* --- balloc.c --- */
/*
 * A free block, near @goal, counted to no inode yet. Number, 0 when the disk is full, or a negative
 * errno. May sleep.
 */
s64 ext2_new_block(struct super_block *sb, u32 goal);
/* Give one block back. -EUCLEAN if it was not in use or is not a data block. */
int ext2_free_block(struct super_block *sb, u32 block);
/* Can @block hold file data: inside, and none of the file system's own? */
bool ext2_data_block_valid(const struct ext2_sb *s, u64 block);
/* For statfs: blocks that are not for files. */
u64 ext2_overhead(struct ext2_sb *s);

/* --- ialloc.c --- */
/*
 * A new inode of @mode for a child of @dir: counted, in the cache, i_nlink 1, to be made dirty.
 * ERR_PTR(-ENOSPC...).
 */
struct inode *ext2_new_inode(struct inode *dir, umode_t mode);
/* Its number is free again (the inode itself was written with i_dtime). */
void ext2_free_inode_number(struct inode *inode);

/* --- inode.c --- */
struct inode *ext2_iget(struct super_block *sb, unsigned long ino);
int ext2_write_inode(struct inode *inode);
void ext2_evict_inode(struct inode *inode);

/* --- map.c --- */
/*
 * Disk block of the file's block @iblock: > 0; 0: a hole; or a negative errno. With @create a
 * hole is filled: *fresh says that the block is new and holds garbage. Takes map_lock.
 */
s64 ext2_get_block(struct inode *inode, u64 iblock, bool create, bool *fresh);
/* Free the file's blocks [first, end). 0 or the first error (some may be lost to e2fsck then). */
int ext2_free_blocks(struct inode *inode, u64 first, u64 end);
/* Is there a block from @from on, no hole? 1, and which; 0: none; or -errno. */
int ext2_next_block(struct inode *inode, u64 from, u64 *found);
/* The largest file that the block tree can hold, in bytes. */
loff_t ext2_max_size(const struct ext2_geometry *geo);

/* --- holes.c: slots of file_operations --- */
loff_t ext2_llseek(struct file *file, loff_t offset, int whence);
long ext2_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

/* --- aops.c, file.c --- */
extern const struct address_space_operations ext2_aops;
extern const struct file_operations ext2_file_fops;
extern const struct inode_operations ext2_file_iops;
extern const struct inode_operations ext2_link_iops;
/* fsync of anything on @inode's file system: its data, its metadata, the disk's cache. */
int ext2_fsync(struct file *file, bool datasync);

/* --- dir.c --- */
extern const struct file_operations ext2_dir_fops;
/* Where an entry is: its buffer (to brelse), the entry and the one before it in the same block. */
struct ext2_dirpos {
	struct buf buf;
	struct ext2_dir_entry *de, *prev;
};
/*
 * Find @name. 0, -ENOENT, or -errno; on 0 pos->buf is held. i_rwsem of @dir held, as for all below.
 */
int ext2_find_entry(struct inode *dir, const char *name, unsigned int len, struct ext2_dirpos *pos);
int ext2_add_entry(struct inode *dir, const char *name, unsigned int len, struct inode *inode);
/* pos comes from ext2_find_entry; not released. */
void ext2_delete_entry(struct inode *dir, struct ext2_dirpos *pos);
void ext2_set_entry(struct inode *dir, struct ext2_dirpos *pos, struct inode *inode);
/* The first block of a new directory: "." and "..". */
int ext2_make_empty(struct inode *inode, struct inode *parent);
/* 1: nothing but "." and ".."; 0: there is more; or -errno. */
int ext2_is_empty(struct inode *dir);

/* --- namei.c --- */
extern const struct inode_operations ext2_dir_iops;

#endif
