/* SPDX-License-Identifier: MIT */
/* Ext2: which blocks are free. One bitmap a group, a bit a block. */
#include "fs/ext2/ext2.h"

#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/util.h"

static bool in_range(u64 block, u64 first, u64 count)
{
	return block >= first && block - first < count;
}

/*
 * First block behind the group's copy of super block and descriptors (and blocks kept for more of
 * them).
 */
static u32 group_header_blocks(const struct ext2_sb *s, u32 group)
{
	return ext2_group_has_super(&s->geo, group) ? 1 + s->geo.gdt_blocks : 0;
}

bool ext2_data_block_valid(const struct ext2_sb *s, u64 block)
{
	const struct ext2_geometry *geo = &s->geo;
	struct ext2_group_desc *gd;
	struct buf *buf;
	u32 group;

	if (block <= geo->first_data_block || block >= geo->blocks_count)
		return false;
	group = (u32)((block - geo->first_data_block) / geo->blocks_per_group);
	gd = ext2_group_desc((struct ext2_sb *)s, group, &buf);
	return !in_range(block, ext2_group_first_block(geo, group),
			 group_header_blocks(s, group)) &&
	       block != gd->bg_block_bitmap && block != gd->bg_inode_bitmap &&
	       !in_range(block, gd->bg_inode_table, geo->itable_blocks);
}

u64 ext2_overhead(struct ext2_sb *s)
{
	u64 blocks = s->geo.first_data_block;

	for (u32 group = 0; group < s->geo.groups; group++)
		blocks += group_header_blocks(s, group) + 2 + s->geo.itable_blocks;
	return blocks;
}

static int read_bitmap(struct ext2_sb *s, u32 group, struct buf *bitmap)
{
	struct buf *gd_buf;
	u32 block = ext2_group_desc(s, group, &gd_buf)->bg_block_bitmap;
	int err = bread(s->bdev, block, s->geo.block_size, bitmap);

	if (err)
		ext2_error(s->sb, "the block bitmap of group %u cannot be read", group);
	return err;
}

/* @delta blocks of @group became free (or, negative, used). s->lock held. */
static void count_free(struct ext2_sb *s, u32 group, int delta)
{
	struct buf *gd_buf;
	struct ext2_group_desc *gd = ext2_group_desc(s, group, &gd_buf);

	gd->bg_free_blocks_count = (u16)(gd->bg_free_blocks_count + delta);
	s->es->s_free_blocks_count += (u32)delta;
	bdirty(gd_buf);
	bdirty(&s->super_buf);
}

/* A free bit of [from, blocks of the group), taken; -1 when there is none. s->lock held. */
static long take_bit(struct ext2_sb *s, u32 group, u32 from, struct buf *bitmap)
{
	u32 blocks = ext2_group_blocks(&s->geo, group);
	u32 first = ext2_group_first_block(&s->geo, group);
	unsigned long bit = from;

	while ((bit = find_next_zero_bit(bitmap->data, blocks, bit)) < blocks) {
		__set_bit(bit, bitmap->data);
		bdirty(bitmap);
		if (ext2_data_block_valid(s, first + bit))
			return (long)bit;
		/* It stays marked as used: that is what it should have been. */
		ext2_error(s->sb, "block %lu belongs to the file system but is marked free",
			   first + bit);
	}
	return -1;
}

/* In one group, from bit @from on and then from the start. Block number, 0: none, or -errno. */
static s64 alloc_in_group(struct ext2_sb *s, u32 group, u32 from)
{
	struct buf bitmap, *gd_buf;
	long bit;
	int err;

	if (!ext2_group_desc(s, group, &gd_buf)->bg_free_blocks_count)
		return 0;
	err = read_bitmap(s, group, &bitmap);
	if (err)
		return err;
	bit = take_bit(s, group, from, &bitmap);
	if (bit < 0 && from)
		bit = take_bit(s, group, 0, &bitmap);
	brelse(&bitmap);
	if (bit < 0) {
		ext2_error(s->sb, "group %u counts free blocks but has none", group);
		return 0;
	}
	count_free(s, group, -1);
	return (s64)ext2_group_first_block(&s->geo, group) + bit;
}

s64 ext2_new_block(struct super_block *sb, u32 goal)
{
	struct ext2_sb *s = EXT2_SB(sb);
	const struct ext2_geometry *geo = &s->geo;
	u32 group, from;
	s64 block = 0;

	if (goal <= geo->first_data_block || goal >= geo->blocks_count)
		goal = geo->first_data_block + 1;
	group = (goal - geo->first_data_block) / geo->blocks_per_group;
	from = (goal - geo->first_data_block) % geo->blocks_per_group;
	mutex_lock(&s->lock);
	for (u32 i = 0; i < geo->groups && !block; i++) {
		block = alloc_in_group(s, group, from);
		group = (group + 1) % geo->groups;
		from = 0;
	}
	mutex_unlock(&s->lock);
	return block;
}

int ext2_free_block(struct super_block *sb, u32 block)
{
	struct ext2_sb *s = EXT2_SB(sb);
	const struct ext2_geometry *geo = &s->geo;
	struct buf bitmap;
	u32 group, bit;
	int err;

	if (!ext2_data_block_valid(s, block))
		return ext2_error(sb, "a file claims block %u, which is none of a file", block);
	group = (block - geo->first_data_block) / geo->blocks_per_group;
	bit = (block - geo->first_data_block) % geo->blocks_per_group;
	mutex_lock(&s->lock);
	err = read_bitmap(s, group, &bitmap);
	if (!err) {
		if (__test_and_clear_bit(bit, bitmap.data)) {
			bdirty(&bitmap);
			count_free(s, group, 1);
		} else {
			err = ext2_error(sb, "block %u is freed but was free", block);
		}
		brelse(&bitmap);
	}
	mutex_unlock(&s->lock);
	return err;
}
