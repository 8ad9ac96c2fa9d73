/* SPDX-License-Identifier: MIT */
/* Ext2: inodes from the disk, to the disk, and off it. */
#include "fs/ext2/ext2.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/filemap.h"

/* The inode's place in its group's table. Holds *buf on 0. */
static int read_raw(struct super_block *sb, unsigned long ino, struct buf *buf,
		    struct ext2_inode **raw)
{
	struct ext2_sb *s = EXT2_SB(sb);
	const struct ext2_geometry *geo = &s->geo;
	u64 offset;
	u32 group;
	struct buf *gd_buf;
	int err;

	if ((ino != EXT2_ROOT_INO && ino < geo->first_ino) || ino > geo->inodes_count)
		return ext2_error(sb, "a directory names inode %lu, which is none of a file", ino);
	group = (u32)((ino - 1) / geo->inodes_per_group);
	offset = (u64)((ino - 1) % geo->inodes_per_group) * geo->inode_size;
	err = bread(s->bdev,
		    ext2_group_desc(s, group, &gd_buf)->bg_inode_table +
			    (offset >> geo->block_bits),
		    geo->block_size, buf);
	if (err)
		return err;
	*raw = (struct ext2_inode *)((char *)buf->data + (offset & (geo->block_size - 1)));
	return 0;
}

static bool is_fast_link(struct inode *inode)
{
	unsigned int acl_sectors =
		EXT2_I(inode)->file_acl ? EXT2_SB(inode->i_sb)->geo.block_size >> 9 : 0;

	return S_ISLNK(inode->i_mode) && inode->i_blocks == acl_sectors;
}

/* What the kind of file can do. */
static void set_operations(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &ext2_file_iops;
		inode->i_fop = &ext2_file_fops;
		inode->i_data.a_ops = &ext2_aops;
		break;
	case S_IFDIR:
		inode->i_op = &ext2_dir_iops;
		inode->i_fop = &ext2_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &ext2_link_iops;
		break;
	default:
		init_special_inode(inode);
	}
}

/*
 * Devices keep their number where files keep blocks: the old 16-bit form, or the new one behind it.
 */
static dev_t read_rdev(const struct ext2_inode *raw)
{
	return raw->i_block[0] ? raw->i_block[0] & 0xffff : raw->i_block[1];
}

static void write_rdev(struct ext2_inode *raw, dev_t rdev)
{
	bool old = (rdev & 0xffff) == rdev;

	raw->i_block[0] = old ? (u32)rdev : 0;
	raw->i_block[1] = old ? 0 : (u32)rdev;
}

/* Signed: the format begins in 1901 and ends in 2038. */
static struct timespec seconds(u32 t)
{
	return (struct timespec){ (s32)t, 0 };
}

/* 0, or -EUCLEAN for contents that no file can have. */
static int fill_inode(struct inode *inode, const struct ext2_inode *raw)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	u64 size = raw->i_size;

	if (!raw->i_links_count)
		return ext2_error(inode->i_sb, "a directory names inode %lu, which is deleted",
				  inode->i_ino);
	inode->i_mode = raw->i_mode;
	inode->i_nlink = raw->i_links_count;
	inode->i_uid = raw->i_uid | (u32)raw->l_i_uid_high << 16;
	inode->i_gid = raw->i_gid | (u32)raw->l_i_gid_high << 16;
	inode->i_atime = seconds(raw->i_atime);
	inode->i_mtime = seconds(raw->i_mtime);
	inode->i_ctime = seconds(raw->i_ctime);
	inode->i_blocks = raw->i_blocks;
	if (S_ISREG(raw->i_mode))
		size |= (u64)raw->i_size_high << 32;
	if (size > (u64)inode->i_sb->s_maxbytes)
		return ext2_error(inode->i_sb, "inode %lu has the impossible size %llu",
				  inode->i_ino, size);
	inode->i_size = (loff_t)size;
	ei->flags = raw->i_flags;
	ei->file_acl = raw->i_file_acl;
	ei->generation = raw->i_generation;
	ei->group = (u32)((inode->i_ino - 1) / s->geo.inodes_per_group);
	memcpy(ei->block, raw->i_block, sizeof(ei->block));
	if (S_ISDIR(inode->i_mode) && (size & (s->geo.block_size - 1)))
		return ext2_error(inode->i_sb, "directory %lu has %llu bytes, not whole blocks",
				  inode->i_ino, size);
	if (is_fast_link(inode) && size >= EXT2_FAST_LINK_MAX)
		return ext2_error(inode->i_sb, "link %lu is longer than its inode", inode->i_ino);
	if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode))
		inode->i_rdev = read_rdev(raw);
	set_operations(inode);
	return 0;
}

struct inode *ext2_iget(struct super_block *sb, unsigned long ino)
{
	struct inode *inode = iget_locked(sb, ino);
	struct ext2_inode *raw;
	struct buf buf;
	int err;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW))
		return inode;
	err = read_raw(sb, ino, &buf, &raw);
	if (!err) {
		err = fill_inode(inode, raw);
		brelse(&buf);
	}
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	unlock_new_inode(inode);
	return inode;
}

/* Files beyond 2 GiB need a mark in the super block, so that old systems leave them alone. */
static void note_large_file(struct super_block *sb)
{
	struct ext2_sb *s = EXT2_SB(sb);

	if (s->es->s_feature_ro_compat & EXT2_FEATURE_RO_COMPAT_LARGE_FILE)
		return;
	mutex_lock(&s->lock);
	s->es->s_feature_ro_compat |= EXT2_FEATURE_RO_COMPAT_LARGE_FILE;
	mutex_unlock(&s->lock);
	bdirty(&s->super_buf);
}

static void fill_raw(struct inode *inode, struct ext2_inode *raw)
{
	struct ext2_inode_info *ei = EXT2_I(inode);

	raw->i_mode = inode->i_mode;
	raw->i_links_count = (u16)inode->i_nlink;
	raw->i_uid = (u16)inode->i_uid;
	raw->l_i_uid_high = (u16)(inode->i_uid >> 16);
	raw->i_gid = (u16)inode->i_gid;
	raw->l_i_gid_high = (u16)(inode->i_gid >> 16);
	raw->i_size = (u32)inode->i_size;
	raw->i_atime = (u32)inode->i_atime.tv_sec;
	raw->i_mtime = (u32)inode->i_mtime.tv_sec;
	raw->i_ctime = (u32)inode->i_ctime.tv_sec;
	raw->i_blocks = (u32)inode->i_blocks;
	raw->i_flags = ei->flags;
	raw->i_generation = ei->generation;
	raw->i_file_acl = ei->file_acl;
	raw->i_dtime = ei->gone ? (u32)current_time().tv_sec : 0;
	if (S_ISREG(inode->i_mode))
		raw->i_size_high = (u32)((u64)inode->i_size >> 32);
	memcpy(raw->i_block, ei->block, sizeof(raw->i_block));
	if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode))
		write_rdev(raw, inode->i_rdev);
}

int ext2_write_inode(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	struct ext2_inode *raw;
	struct buf buf;
	int err = read_raw(inode->i_sb, inode->i_ino, &buf, &raw);

	if (err)
		return err;
	if (EXT2_I(inode)->fresh) { /* whoever had the number before left more than we fill in */
		memset(raw, 0, s->geo.inode_size);
		EXT2_I(inode)->fresh = false;
	}
	if (S_ISREG(inode->i_mode) && inode->i_size > 0x7fffffff)
		note_large_file(inode->i_sb);
	fill_raw(inode, raw);
	bdirty(&buf);
	brelse(&buf);
	return 0;
}

/* Extended attributes may be shared between files: the last one frees their block. */
static void release_xattrs(struct inode *inode)
{
	struct ext2_inode_info *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	struct ext2_xattr_header *header;
	struct buf buf;
	bool last = true;

	if (!ei->file_acl)
		return;
	if (!ext2_data_block_valid(s, ei->file_acl)) {
		ext2_error(inode->i_sb, "inode %lu has attributes in block %u", inode->i_ino,
			   ei->file_acl);
	} else if (!bread(s->bdev, ei->file_acl, s->geo.block_size, &buf)) {
		header = buf.data;
		mutex_lock(&s->lock); /* h_refcount: its files share nothing else */
		if (header->h_magic != EXT2_XATTR_MAGIC) {
			ext2_error(inode->i_sb, "inode %lu has damaged attributes", inode->i_ino);
			last = false;
		} else if (header->h_refcount > 1) {
			header->h_refcount--;
			bdirty(&buf);
			last = false;
		}
		mutex_unlock(&s->lock);
		brelse(&buf);
		if (last) {
			bforget(s->bdev, ei->file_acl, s->geo.block_size);
			ext2_free_block(inode->i_sb, ei->file_acl);
		}
	}
	ei->file_acl = 0;
}

static bool has_blocks(struct inode *inode)
{
	return S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) ||
	       (S_ISLNK(inode->i_mode) && !is_fast_link(inode));
}

void ext2_evict_inode(struct inode *inode)
{
	struct ext2_inode_info *ei = EXT2_I(inode);

	if (inode->i_nlink || !inode->i_ino || ei->gone)
		return;
	ei->gone = true;
	inode->i_size = 0;
	if (has_blocks(inode))
		ext2_free_blocks(inode, 0, ~0ULL);
	release_xattrs(inode);
	inode->i_blocks = 0;
	/* First the inode says that it is deleted, then its number may be given away. */
	ext2_write_inode(inode);
	ext2_free_inode_number(inode);
}
