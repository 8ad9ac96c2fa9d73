/* SPDX-License-Identifier: MIT */
/* Ext2: holes of regular files, found by lseek(2) and made by fallocate(2). */
#include "fs/ext2/ext2.h"

#include "fs/file.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/writeback.h"

/* First byte from @offset on that is data, or in a hole. i_rwsem held. -ENXIO: there is none. */
static loff_t find_place(struct inode *inode, loff_t offset, bool data)
{
	unsigned int bits = EXT2_SB(inode->i_sb)->geo.block_bits;
	u64 block = (u64)offset >> bits, found;
	loff_t size = inode->i_size;

	for (;; block = found + 1) {
		int result = ext2_next_block(inode, block, &found);

		if (result < 0)
			return result;
		if (!result || (loff_t)(found << bits) >= size)
			return data ? -ENXIO : min(max(offset, (loff_t)(block << bits)), size);
		if (data)
			return max(offset, (loff_t)(found << bits));
		if (found != block)
			return max(offset, (loff_t)(block << bits));
		cond_resched();
	}
}

loff_t ext2_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->f_inode;
	loff_t place;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(file, offset, whence);
	if (offset < 0)
		return -ENXIO;
	down_read(&inode->i_rwsem);
	place = offset < inode->i_size ? find_place(inode, offset, whence == SEEK_DATA) : -ENXIO;
	up_read(&inode->i_rwsem);
	if (place >= 0)
		file->f_pos = place;
	return place;
}

/*
 * Whole pages [first, end): the locks of a page keep it from being read in, or getting new blocks,
 * between our freeing its blocks and forgetting what was in them. i_rwsem held.
 */
static int punch_pages(struct inode *inode, pgoff_t first, pgoff_t end)
{
	unsigned int shift = PAGE_SHIFT - EXT2_SB(inode->i_sb)->geo.block_bits;
	struct address_space *mapping = &inode->i_data;
	struct page *page;
	u64 found;
	int err;

	for (; first < end; first++) {
		err = ext2_next_block(inode, (u64)first << shift, &found);
		if (err <= 0 || found >> shift >= end)
			return min(err, 0);
		first = found >> shift;
		page = find_or_create_page(mapping, first);
		if (!page)
			return -ENOMEM;
		wait_on_page_writeback(page);
		err = ext2_free_blocks(inode, (u64)first << shift, (u64)(first + 1) << shift);
		drop_locked_page(mapping, page, false);
		unlock_page(page);
		put_page(page);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* Bytes [from, to) of one page. */
static int zero_part(struct inode *inode, loff_t from, loff_t to)
{
	unsigned int shift = PAGE_SHIFT - EXT2_SB(inode->i_sb)->geo.block_bits;
	pgoff_t index = (pgoff_t)from >> PAGE_SHIFT;
	u64 found;
	int err;

	if (from >= to)
		return 0;
	err = ext2_next_block(inode, (u64)index << shift, &found);
	if (err <= 0 || found >> shift != index)
		return min(err, 0); /* in a hole it is zero */
	return zero_page_part(&inode->i_data, index, (unsigned int)from & (PAGE_SIZE - 1),
			      (unsigned int)(to - 1) % PAGE_SIZE + 1);
}

static int punch_hole(struct inode *inode, loff_t from, loff_t to)
{
	loff_t first = ALIGN(from, (loff_t)PAGE_SIZE), end = ALIGN_DOWN(to, (loff_t)PAGE_SIZE);
	int err;

	if (to >= inode->i_size) { /* behind its end is nothing */
		to = inode->i_size;
		end = ALIGN(to, (loff_t)PAGE_SIZE);
	}
	if (from >= to)
		return 0;
	err = zero_part(inode, from, min(first, to));
	if (!err && end >= first)
		err = zero_part(inode, end, to);
	if (!err && end > first) {
		unmap_mapping_range(&inode->i_data, (pgoff_t)first >> PAGE_SHIFT,
				    ((pgoff_t)end >> PAGE_SHIFT) - 1, false);
		err = punch_pages(inode, (pgoff_t)first >> PAGE_SHIFT, (pgoff_t)end >> PAGE_SHIFT);
	}
	if (!err)
		file_update_time(inode);
	return err;
}

/* A file of ext2 has no blocks that are allocated and yet read as zeroes: only holes can be made. */
long ext2_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file->f_inode;
	long err;

	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (sb_rdonly(inode->i_sb))
		return -EROFS;
	inode_lock(inode);
	err = punch_hole(inode, offset, offset + len);
	inode_unlock(inode);
	return err;
}
