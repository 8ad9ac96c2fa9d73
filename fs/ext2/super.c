/* SPDX-License-Identifier: MIT */
/* Ext2: mounting, the super block, and keeping it true. */
#include "fs/ext2/ext2.h"

#include "fs/mount.h"
#include "kernel/core/printk.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/backing/writeback.h"
#include "mm/frame/slab.h"

#define MAX_ERRORS_TOLD 20

static struct kmem_cache *ext2_inode_cache;

int ext2_error(struct super_block *sb, const char *fmt, ...)
{
	struct ext2_sb *s = EXT2_SB(sb);
	char text[160];
	va_list args;

	if (s->errors_told < MAX_ERRORS_TOLD) {
		s->errors_told++;
		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
		pr_err("ext2: %s: %s; repair it with e2fsck%s\n", sb->s_source, text,
		       s->errors_told == MAX_ERRORS_TOLD ? " (no more is said of this disk)" : "");
	}
	if (!sb_rdonly(sb) && !(s->es->s_state & EXT2_ERROR_FS)) {
		s->es->s_state |= EXT2_ERROR_FS;
		s->was_valid &= ~EXT2_VALID_FS;
		bdirty(&s->super_buf);
	}
	return -EUCLEAN;
}

struct ext2_group_desc *ext2_group_desc(struct ext2_sb *s, u32 group, struct buf **buf)
{
	u32 per_block = s->geo.block_size / sizeof(struct ext2_group_desc);

	*buf = &s->gdt[group / per_block];
	return (struct ext2_group_desc *)(*buf)->data + group % per_block;
}

static struct inode *ext2_alloc_inode(struct super_block *sb)
{
	struct ext2_inode_info *ei = kmem_cache_alloc(ext2_inode_cache, GFP_KERNEL | __GFP_ZERO);

	if (!ei)
		return NULL;
	init_rwsem(&ei->map_lock, "ext2_map_lock");
	return &ei->vfs;
}

static void free_inode_rcu(struct rcu_head *head)
{
	kmem_cache_free(ext2_inode_cache, container_of(head, struct ext2_inode_info, rcu));
}

/* Who has a page of the file, but not its lock, may look at page->mapping yet. */
static void ext2_free_inode(struct inode *inode)
{
	call_rcu(&EXT2_I(inode)->rcu, free_inode_rcu);
}

static int ext2_sync_fs(struct super_block *sb)
{
	struct ext2_sb *s = EXT2_SB(sb);
	int err, flush_err;

	mutex_lock(&s->lock);
	s->es->s_wtime = (u32)current_time().tv_sec;
	mutex_unlock(&s->lock);
	bdirty(&s->super_buf);
	err = filemap_write_range(&s->bdev->mapping, 0, ~0UL, true);
	flush_err = blkdev_flush(s->bdev);
	return err ? err : flush_err;
}

static int ext2_mark_clean(struct super_block *sb)
{
	struct ext2_sb *s = EXT2_SB(sb);

	s->es->s_state = (s->es->s_state & ~EXT2_VALID_FS) | (s->was_valid & EXT2_VALID_FS);
	return ext2_sync_fs(sb);
}

static void release_sb(struct ext2_sb *s)
{
	for (u32 i = 0; s->gdt && i < s->geo.gdt_blocks; i++)
		brelse(&s->gdt[i]);
	brelse(&s->super_buf);
	kfree(s->gdt);
	kfree(s);
}

static void ext2_put_super(struct super_block *sb)
{
	release_sb(EXT2_SB(sb));
}

static int ext2_statfs(struct super_block *sb, struct kstatfs *st)
{
	struct ext2_sb *s = EXT2_SB(sb);
	u32 reserved = s->es->s_r_blocks_count;

	st->bsize = s->geo.block_size;
	st->blocks = s->geo.blocks_count - ext2_overhead(s);
	st->bfree = s->es->s_free_blocks_count;
	st->bavail = st->bfree > reserved ? st->bfree - reserved : 0;
	st->files = s->geo.inodes_count;
	st->ffree = s->es->s_free_inodes_count;
	st->namelen = NAME_MAX;
	return 0;
}

/* From now on the disk is not clean until we say so. */
static void begin_writing(struct ext2_sb *s)
{
	s->was_valid = s->es->s_state;
	if (!(s->was_valid & EXT2_VALID_FS) || (s->was_valid & EXT2_ERROR_FS))
		pr_warn("ext2: %s was not unmounted cleanly; e2fsck should look at it\n",
			s->sb->s_source);
	if (sb_rdonly(s->sb))
		return;
	s->es->s_state &= ~EXT2_VALID_FS;
	s->es->s_mnt_count++;
	s->es->s_mtime = s->es->s_wtime = (u32)current_time().tv_sec;
	bdirty(&s->super_buf);
}

static int ext2_begin_writing(struct super_block *sb)
{
	struct ext2_sb *s = EXT2_SB(sb);

	if (s->bdev->read_only || s->geo.read_only)
		return -EROFS;
	sb->s_flags &= ~SB_RDONLY;
	begin_writing(s);
	return 0;
}

static const struct super_operations ext2_sops = {
	.name = "ext2",
	.alloc_inode = ext2_alloc_inode,
	.free_inode = ext2_free_inode,
	.write_inode = ext2_write_inode,
	.evict_inode = ext2_evict_inode,
	.sync_fs = ext2_sync_fs,
	.mark_clean = ext2_mark_clean,
	.begin_writing = ext2_begin_writing,
	.put_super = ext2_put_super,
	.statfs = ext2_statfs,
};

/* Read the super block wherever it lies in its block, and judge it. */
static int read_super(struct ext2_sb *s)
{
	struct super_block *sb = s->sb;
	int err;

	/*
	 * As a 1 KiB block it is number 1; whatever the block size, the bytes and the page are the
	 * same.
	 */
	if (s->bdev->size < EXT2_SUPER_OFFSET + 1024) {
		snprintf(sb->s_why, sizeof(sb->s_why), "the disk has only %llu bytes",
			 (u64)s->bdev->size);
		return -EINVAL;
	}
	err = bread(s->bdev, 1, 1024, &s->super_buf);
	if (err) {
		snprintf(sb->s_why, sizeof(sb->s_why), "its super block cannot be read");
		return err;
	}
	s->es = s->super_buf.data;
	err = ext2_check_super(s->es, (u64)s->bdev->size, &s->geo, sb->s_why, sizeof(sb->s_why));
	if (err)
		return err;
	if (s->geo.read_only && !sb_rdonly(sb)) {
		pr_warn("ext2: %s: unknown features (ro_compat 0x%x): mounted read-only\n",
			sb->s_source, s->es->s_feature_ro_compat & ~EXT2_FEATURE_RO_COMPAT_KNOWN);
		sb->s_flags |= SB_RDONLY;
	}
	return 0;
}

/* The descriptors, all kept in memory. They follow the super block's block. */
static int read_groups(struct ext2_sb *s)
{
	struct super_block *sb = s->sb;
	struct buf *buf;
	int err;

	s->gdt = kzalloc(s->geo.gdt_blocks * sizeof(*s->gdt), GFP_KERNEL);
	if (!s->gdt)
		return -ENOMEM;
	for (u32 i = 0; i < s->geo.gdt_blocks; i++) {
		err = bread(s->bdev, s->geo.first_data_block + 1 + i, s->geo.block_size,
			    &s->gdt[i]);
		if (err) {
			snprintf(sb->s_why, sizeof(sb->s_why),
				 "its group descriptors cannot be read");
			return err;
		}
	}
	for (u32 group = 0; group < s->geo.groups; group++) {
		err = ext2_check_group(&s->geo, group, ext2_group_desc(s, group, &buf), sb->s_why,
				       sizeof(sb->s_why));
		if (err)
			return err;
	}
	return 0;
}

static int read_root(struct super_block *sb)
{
	struct inode *inode = ext2_iget(sb, EXT2_ROOT_INO);

	if (IS_ERR(inode)) {
		snprintf(sb->s_why, sizeof(sb->s_why),
			 "its root directory cannot be read; repair it with e2fsck");
		return (int)PTR_ERR(inode);
	}
	if (!S_ISDIR(inode->i_mode) || !inode->i_size) {
		snprintf(sb->s_why, sizeof(sb->s_why),
			 "its root is no directory; repair it with e2fsck");
		iput(inode);
		return -EUCLEAN;
	}
	sb->s_root = d_make_root(sb, inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static int ext2_fill_super(struct super_block *sb, const struct file_system_type *type)
{
	struct ext2_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s)
		return -ENOMEM;
	if (sb->s_bdev->read_only)
		sb->s_flags |= SB_RDONLY;
	s->sb = sb;
	s->bdev = sb->s_bdev;
	mutex_init(&s->lock, "ext2_sb");
	sb->s_fs_info = s;
	sb->s_op = &ext2_sops;
	sb->s_magic = EXT2_SUPER_MAGIC;
	err = read_super(s);
	if (!err)
		err = read_groups(s);
	if (!err) {
		sb->s_blocksize = s->geo.block_size;
		sb->s_time_32 = true;
		sb->s_maxbytes = s->geo.rev0 ? 0x7fffffff : ext2_max_size(&s->geo);
		err = read_root(sb);
	}
	if (err) {
		evict_inodes(sb);
		release_sb(s);
		return err;
	}
	begin_writing(s);
	pr_info("ext2: %s: %u blocks of %u bytes, %u free%s\n", sb->s_source, s->geo.blocks_count,
		s->geo.block_size, s->es->s_free_blocks_count, sb_rdonly(sb) ? ", read-only" : "");
	return 0;
}

static struct file_system_type ext2_type = {
	.name = "ext2",
	.needs_device = true,
	.fill_super = ext2_fill_super,
};

void ext2_init(void)
{
	ext2_inode_cache = kmem_cache_create("ext2_inode", sizeof(struct ext2_inode_info), 0);
	register_filesystem(&ext2_type);
}
