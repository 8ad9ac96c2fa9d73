/* SPDX-License-Identifier: MIT */
/* Ext2: which inode numbers are free. */
#include "fs/ext2/ext2.h"

#include "fs/perm.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

static int read_bitmap(struct ext2_sb *s, u32 group, struct buf *bitmap)
{
	struct buf *gd_buf;
	u32 block = ext2_group_desc(s, group, &gd_buf)->bg_inode_bitmap;
	int err = bread(s->bdev, block, s->geo.block_size, bitmap);

	if (err)
		ext2_error(s->sb, "the inode bitmap of group %u cannot be read", group);
	return err;
}

/* s->lock held. */
static void count_inode(struct ext2_sb *s, u32 group, int delta, bool is_dir)
{
	struct buf *gd_buf;
	struct ext2_group_desc *gd = ext2_group_desc(s, group, &gd_buf);

	gd->bg_free_inodes_count = (u16)(gd->bg_free_inodes_count + delta);
	if (is_dir)
		gd->bg_used_dirs_count = (u16)(gd->bg_used_dirs_count - delta);
	s->es->s_free_inodes_count += (u32)delta;
	bdirty(gd_buf);
	bdirty(&s->super_buf);
}

/*
 * Where to look first: files beside their directory, directories where there is most room, so that
 * their files will find some too. s->lock held.
 */
static u32 preferred_group(struct ext2_sb *s, u32 parent, bool is_dir)
{
	u32 best = parent, most = 0;
	struct buf *buf;

	for (u32 group = 0; is_dir && group < s->geo.groups; group++) {
		struct ext2_group_desc *gd = ext2_group_desc(s, group, &buf);

		if (gd->bg_free_inodes_count && gd->bg_free_blocks_count > most) {
			most = gd->bg_free_blocks_count;
			best = group;
		}
	}
	return best;
}

/* Take a free inode number of one group: > 0, 0: none, or -errno. s->lock held. */
static s64 alloc_in_group(struct ext2_sb *s, u32 group, bool is_dir)
{
	unsigned long bit, first = 0;
	struct buf bitmap, *gd_buf;
	int err;

	if (!ext2_group_desc(s, group, &gd_buf)->bg_free_inodes_count)
		return 0;
	err = read_bitmap(s, group, &bitmap);
	if (err)
		return err;
	if (group * s->geo.inodes_per_group < s->geo.first_ino - 1)
		first = s->geo.first_ino - 1 -
			group * s->geo.inodes_per_group; /* the rest is reserved */
	bit = find_next_zero_bit(bitmap.data, s->geo.inodes_per_group, first);
	if (bit < s->geo.inodes_per_group) {
		__set_bit(bit, bitmap.data);
		bdirty(&bitmap);
		count_inode(s, group, -1, is_dir);
	} else {
		ext2_error(s->sb, "group %u counts free inodes but has none", group);
	}
	brelse(&bitmap);
	return bit < s->geo.inodes_per_group ? (s64)group * s->geo.inodes_per_group + (s64)bit + 1 :
					       0;
}

static s64 alloc_number(struct ext2_sb *s, u32 parent_group, bool is_dir)
{
	s64 ino = 0;
	u32 group;

	mutex_lock(&s->lock);
	group = preferred_group(s, parent_group, is_dir);
	for (u32 i = 0; i < s->geo.groups && !ino; i++) {
		ino = alloc_in_group(s, group, is_dir);
		group = (group + 1) % s->geo.groups;
	}
	mutex_unlock(&s->lock);
	return ino ? ino : -ENOSPC;
}

static void free_number(struct ext2_sb *s, unsigned long ino, bool is_dir)
{
	u32 group = (u32)((ino - 1) / s->geo.inodes_per_group);
	u32 bit = (u32)((ino - 1) % s->geo.inodes_per_group);
	struct buf bitmap;

	mutex_lock(&s->lock);
	if (!read_bitmap(s, group, &bitmap)) {
		if (__test_and_clear_bit(bit, bitmap.data)) {
			bdirty(&bitmap);
			count_inode(s, group, 1, is_dir);
		} else {
			ext2_error(s->sb, "inode %lu is freed but was free", ino);
		}
		brelse(&bitmap);
	}
	mutex_unlock(&s->lock);
}

void ext2_free_inode_number(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->i_sb);

	if (inode->i_ino < s->geo.first_ino || inode->i_ino > s->geo.inodes_count)
		ext2_error(inode->i_sb, "the reserved inode %lu was to be freed", inode->i_ino);
	else
		free_number(s, inode->i_ino, S_ISDIR(inode->i_mode));
}

struct inode *ext2_new_inode(struct inode *dir, umode_t mode)
{
	struct ext2_sb *s = EXT2_SB(dir->i_sb);
	struct inode *inode = new_inode(dir->i_sb);
	struct ext2_inode_info *ei;
	s64 ino;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	ino = alloc_number(s, EXT2_I(dir)->group, S_ISDIR(mode));
	if (ino < 0) {
		iput(inode); /* never hashed: forgotten at once */
		return ERR_PTR(ino);
	}
	ei = EXT2_I(inode);
	inode->i_ino = (unsigned long)ino;
	inode->i_mode = mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	if (dir->i_mode & S_ISGID) { /* BSD groups: inherited, and directories pass it on */
		inode->i_gid = dir->i_gid;
		if (S_ISDIR(mode))
			inode->i_mode |= S_ISGID;
	}
	ei->group = (u32)((ino - 1) / s->geo.inodes_per_group);
	ei->generation = (u32)current_time().tv_nsec;
	ei->fresh = true;
	if (insert_inode_hash(
		    inode)) { /* the number stays marked as used, as it should have been */
		iput(inode);
		return ERR_PTR(ext2_error(dir->i_sb, "inode %llu is in use but was free", ino));
	}
	return inode;
}
