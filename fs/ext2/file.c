/* SPDX-License-Identifier: MIT */
/* Ext2: regular files and symbolic links. */
#include "fs/ext2/ext2.h"

#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/writeback.h"

int ext2_fsync(struct file *file, bool datasync)
{
	struct inode *inode = file->f_inode;
	int data_err = 0, inode_err, err;

	if (sb_rdonly(inode->i_sb))
		return 0;
	if (S_ISREG(inode->i_mode))
		data_err = filemap_write_range(&inode->i_data, 0, ~0UL, true);
	/* The inode has the size and the map of blocks: data is not reachable without it. */
	inode_err = write_inode_now(inode);
	err = inode->i_sb->s_op->sync_fs(inode->i_sb);
	return data_err ? data_err : inode_err ? inode_err : err;
}

static int ext2_mmap(struct file *file, struct vm_area_struct *vma)
{
	touch_atime(file->f_inode);
	return generic_file_mmap(file, vma);
}

const struct file_operations ext2_file_fops = {
	.name = "ext2 file",
	.read = generic_file_read,
	.write = generic_file_write,
	.write_kernel = generic_file_write_kernel,
	.llseek = ext2_llseek,
	.mmap = ext2_mmap,
	.fsync = ext2_fsync,
	.fallocate = ext2_fallocate,
};

/*
 * The page that the new end is in stays, but some of its blocks go: wait for who is writing them, or
 * making them for a store through a mapping. Whoever locks it next knows the new i_size.
 */
static void settle_last_page(struct inode *inode, loff_t size)
{
	struct page *page = find_lock_page(&inode->i_data, (pgoff_t)size >> PAGE_SHIFT);

	if (!page)
		return;
	wait_on_page_writeback(page);
	unlock_page(page);
	put_page(page);
}

/* i_rwsem held. */
static int ext2_truncate(struct inode *inode, loff_t size)
{
	unsigned int block_size = EXT2_SB(inode->i_sb)->geo.block_size;
	bool shrinks = size <= inode->i_size;
	int err = shrinks ? truncate_page_tail(&inode->i_data, size) : 0;

	if (err)
		return err;
	inode->i_size = size;
	if (shrinks) {
		truncate_pagecache(&inode->i_data, size);
		if (size & (PAGE_SIZE - 1) && block_size < PAGE_SIZE)
			settle_last_page(inode, size);
		err = ext2_free_blocks(inode, DIV_ROUND_UP((u64)size, block_size), ~0ULL);
	}
	mark_inode_dirty(inode);
	return err;
}

/* Only if the whole page lies in one piece. */
static sector_t ext2_bmap(struct inode *inode, pgoff_t index)
{
	unsigned int bits = EXT2_SB(inode->i_sb)->geo.block_bits;
	u64 first = (u64)index << (PAGE_SHIFT - bits);
	s64 start = ext2_get_block(inode, first, false, NULL);

	if (start <= 0)
		return 0;
	for (unsigned int i = 1; i < 1u << (PAGE_SHIFT - bits); i++)
		if (ext2_get_block(inode, first + i, false, NULL) != start + i)
			return 0;
	return (sector_t)start << (bits - SECTOR_SHIFT);
}

const struct inode_operations ext2_file_iops = {
	.name = "ext2 file",
	.truncate = ext2_truncate,
	.bmap = ext2_bmap,
};

/* A short link's text is in the inode where others have block numbers; a long one's in a block. */
static int ext2_readlink(struct inode *inode, char *text, int size)
{
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	struct ext2_inode_info *ei = EXT2_I(inode);
	size_t len = (size_t)inode->i_size;
	struct buf buf;
	s64 block;
	int err;

	if (!len || len >= (size_t)size)
		return ext2_error(inode->i_sb, "link %lu has %zu bytes", inode->i_ino, len);
	if (inode->i_blocks == (ei->file_acl ? s->geo.block_size >> SECTOR_SHIFT : 0)) {
		memcpy(text, ei->block, len);
	} else {
		block = len < s->geo.block_size ? ext2_get_block(inode, 0, false, NULL) : 0;
		if (block <= 0)
			return block ? (int)block :
				       ext2_error(inode->i_sb, "link %lu has no text",
						  inode->i_ino);
		err = bread(s->bdev, (u64)block, s->geo.block_size, &buf);
		if (err)
			return err;
		memcpy(text, buf.data, len);
		brelse(&buf);
	}
	text[len] = '\0';
	return strlen(text) == len ?
		       (int)len :
		       ext2_error(inode->i_sb, "link %lu has a NUL in its text", inode->i_ino);
}

const struct inode_operations ext2_link_iops = {
	.name = "ext2 link",
	.readlink = ext2_readlink,
};
