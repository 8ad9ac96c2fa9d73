/* SPDX-License-Identifier: MIT */
/*
 * Ext2: which blocks a file has. Twelve stand in the inode; the next three numbers there are roots
 * of trees of one, two and three levels, whose nodes are blocks full of block numbers:
 *
 *	i_block[0..11]  data
 *	i_block[12]     -> numbers -> data
 *	i_block[13]     -> numbers -> numbers -> data
 *	i_block[14]     -> numbers -> numbers -> numbers -> data
 *
 * A number that is no data block of this file system ends the search with -EUCLEAN; the depth is
 * fixed, so a tree that bites its tail cannot loop, and freeing it stops at the first block that is
 * met twice.
 */
#include "fs/ext2/ext2.h"

#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"

#define MAX_DEPTH 4

static unsigned int addr_bits(const struct ext2_geometry *geo)
{
	return geo->block_bits - 2; /* log2 of numbers per block */
}

loff_t ext2_max_size(const struct ext2_geometry *geo)
{
	u64 per = 1ULL << addr_bits(geo);
	u64 blocks = EXT2_NDIR_BLOCKS + per + per * per + per * per * per;
	/*
	 * i_blocks counts units of 512 bytes in 32 bits, indirect blocks included: leave room for
	 * them.
	 */
	u64 countable = (0xffffffffULL >> (geo->block_bits - 9)) / (per + 2) * per;

	return (loff_t)(min(blocks, countable) << geo->block_bits);
}

/* Indexes on the way to @iblock, the first into the inode. Returns their number, 0: beyond all. */
static unsigned int block_path(const struct ext2_geometry *geo, u64 iblock, u32 path[MAX_DEPTH])
{
	unsigned int bits = addr_bits(geo), depth;
	u64 span = 1;

	if (iblock < EXT2_NDIR_BLOCKS) {
		path[0] = (u32)iblock;
		return 1;
	}
	iblock -= EXT2_NDIR_BLOCKS;
	for (depth = 1; depth < MAX_DEPTH; depth++) {
		span <<= bits;
		if (iblock >= span) {
			iblock -= span;
			continue;
		}
		path[0] = EXT2_NDIR_BLOCKS + depth - 1;
		for (unsigned int i = depth; i > 0; i--) {
			path[i] = (u32)(iblock & ((1u << bits) - 1));
			iblock >>= bits;
		}
		return depth + 1;
	}
	return 0;
}

static int bad_number(struct inode *inode, u32 number)
{
	return ext2_error(inode->i_sb, "inode %lu claims block %u, which is none of a file",
			  inode->i_ino, number);
}

/*
 * A block for the file, best right behind block @before (0: none): number or -errno. map_lock held
 * for writing.
 */
static s64 grow_file(struct inode *inode, bool is_node, u32 before)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	struct buf buf;
	s64 block;
	int err;

	if (!ei->goal)
		ei->goal = before ? before + 1 : ext2_group_first_block(&s->geo, ei->group);
	block = ext2_new_block(inode->i_sb, ei->goal);
	if (block <= 0)
		return block ? block : -ENOSPC;
	if (is_node) {
		err = bget_zeroed(s->bdev, (u64)block, s->geo.block_size, &buf);
		if (err) {
			ext2_free_block(inode->i_sb, (u32)block);
			return err;
		}
		brelse(&buf);
	}
	ei->goal = (u32)block + 1;
	inode->i_blocks += s->geo.block_size >> SECTOR_SHIFT;
	return block;
}

/*
 * Follow the path; with @create make what is missing. map_lock held, for writing if @create.
 * Result as ext2_get_block().
 */
static s64 walk_tree(struct inode *inode, const u32 *path, unsigned int depth, bool create,
		     bool *fresh)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	struct buf buf = { 0 };
	u32 *slot = &ei->block[path[0]];
	s64 block;
	int err;

	for (unsigned int level = 0;; level++) {
		bool is_leaf = level + 1 == depth;

		block = *slot;
		if (!block && create) {
			block = grow_file(inode, !is_leaf, path[level] ? slot[-1] : 0);
			if (block > 0) {
				*slot = (u32)block;
				if (buf.page)
					bdirty(&buf);
				mark_inode_dirty(inode); /* behind all that is to be written */
				if (is_leaf)
					*fresh = true;
			}
		} else if (block && !ext2_data_block_valid(s, (u64)block)) {
			block = bad_number(inode, (u32)block);
		}
		brelse(&buf);
		if (block <= 0 || is_leaf)
			return block;
		err = bread(s->bdev, (u64)block, s->geo.block_size, &buf);
		if (err)
			return err;
		slot = (u32 *)buf.data + path[level + 1];
	}
}

s64 ext2_get_block(struct inode *inode, u64 iblock, bool create, bool *fresh)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	u32 path[MAX_DEPTH];
	unsigned int depth = block_path(&EXT2_SB(inode->i_sb)->geo, iblock, path);
	bool is_fresh = false;
	s64 block;

	if (!depth)
		return -EFBIG;
	down_read(&ei->map_lock);
	block = walk_tree(inode, path, depth, false, &is_fresh);
	up_read(&ei->map_lock);
	if (!block && create) {
		down_write(&ei->map_lock);
		block = walk_tree(inode, path, depth, true, &is_fresh);
		up_write(&ei->map_lock);
	}
	if (fresh)
		*fresh = is_fresh;
	return block;
}

/* What goes of the file: its blocks [first, end). */
struct freeing {
	struct inode *inode;
	u64 first, end;
	bool forget; /* data is in the disk's cache (directories, links) */
};

static int free_one(struct freeing *f, u32 *slot, bool in_cache)
{
	struct inode *inode = f->inode;
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	u32 block = *slot;
	int err;

	if (in_cache && ext2_data_block_valid(s, block))
		bforget(s->bdev, block, s->geo.block_size);
	err = ext2_free_block(inode->i_sb, block);
	*slot = 0;
	if (!err)
		inode->i_blocks -= min_t(u64, inode->i_blocks, s->geo.block_size >> SECTOR_SHIFT);
	return err;
}

static bool all_zero(const u32 *numbers, u64 n)
{
	while (n && !numbers[n - 1])
		n--;
	return !n;
}

/*
 * Free the part of a subtree that goes, and nodes that hold nothing then. @slot holds its root's
 * number, @levels of nodes are above the data, @base is its first file block. At most three calls deep.
 */
static int free_tree(struct freeing *f, u32 *slot, unsigned int levels, u64 base)
{
	struct ext2_sb *s = EXT2_SB(f->inode->i_sb);
	unsigned int bits = addr_bits(&s->geo);
	u64 child_span = 1ULL << (bits * (levels ? levels - 1 : 0));
	u64 span = levels ? child_span << bits : 1, i, last;
	struct buf buf;
	bool empty;
	int err = 0;

	if (!*slot || base + span <= f->first || base >= f->end)
		return 0;
	if (!levels)
		return free_one(f, slot, f->forget);
	if (!ext2_data_block_valid(s, *slot))
		return bad_number(f->inode, *slot);
	err = bread(s->bdev, *slot, s->geo.block_size, &buf);
	if (err)
		return err;
	last = (min(f->end, base + span) - 1 - base) / child_span;
	for (i = (max(f->first, base) - base) / child_span; i <= last && !err; i++)
		err = free_tree(f, (u32 *)buf.data + i, levels - 1, base + i * child_span);
	empty = !err && all_zero(buf.data, 1ULL << bits);
	if (!empty)
		bdirty(&buf);
	brelse(&buf);
	cond_resched();
	return empty ? free_one(f, slot, true) : err;
}

int ext2_free_blocks(struct inode *inode, u64 first, u64 end)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct freeing f = { inode, first, end, !S_ISREG(inode->i_mode) };
	unsigned int bits = addr_bits(&EXT2_SB(inode->i_sb)->geo);
	u64 base = EXT2_NDIR_BLOCKS;
	int err = 0, result;

	down_write(&ei->map_lock);
	for (unsigned int i = 0; i < EXT2_NDIR_BLOCKS; i++) {
		result = free_tree(&f, &ei->block[i], 0, i);
		err = err ? err : result;
	}
	for (unsigned int levels = 1; levels < MAX_DEPTH; levels++) {
		result = free_tree(&f, &ei->block[EXT2_NDIR_BLOCKS + levels - 1], levels, base);
		err = err ? err : result;
		base += 1ULL << (bits * levels);
	}
	ei->goal = 0;
	up_write(&ei->map_lock);
	mark_inode_dirty(inode);
	return err;
}

/*
 * The first block from @from on that a subtree (as for free_tree()) has: 1 and *found, 0, or
 * -errno.
 */
static int next_in_tree(struct inode *inode, u32 number, unsigned int levels, u64 base, u64 from,
			u64 *found)
{
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	unsigned int bits = addr_bits(&s->geo);
	u64 child_span = 1ULL << (bits * (levels ? levels - 1 : 0));
	struct buf buf;
	int result;

	if (!number || base + (levels ? child_span << bits : 1) <= from)
		return 0;
	if (!levels) {
		*found = base;
		return 1;
	}
	if (!ext2_data_block_valid(s, number))
		return bad_number(inode, number);
	result = bread(s->bdev, number, s->geo.block_size, &buf);
	if (result)
		return result;
	for (u64 i = (max(from, base) - base) / child_span; i < 1ULL << bits && !result; i++)
		result = next_in_tree(inode, ((u32 *)buf.data)[i], levels - 1,
				      base + i * child_span, from, found);
	brelse(&buf);
	return result;
}

int ext2_next_block(struct inode *inode, u64 from, u64 *found)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	unsigned int bits = addr_bits(&EXT2_SB(inode->i_sb)->geo);
	u64 base = EXT2_NDIR_BLOCKS;
	int result = 0;

	down_read(&ei->map_lock);
	for (u64 i = from; i < EXT2_NDIR_BLOCKS && !result; i++)
		result = next_in_tree(inode, ei->block[i], 0, i, from, found);
	for (unsigned int levels = 1; levels < MAX_DEPTH && !result; levels++) {
		result = next_in_tree(inode, ei->block[EXT2_NDIR_BLOCKS + levels - 1], levels, base,
				      from, found);
		base += 1ULL << (bits * levels);
	}
	up_read(&ei->map_lock);
	return result;
}
