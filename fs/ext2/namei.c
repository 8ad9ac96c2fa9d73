/* SPDX-License-Identifier: MIT */
/* Ext2: names made, linked, removed and moved. The caller holds i_rwsem of the directories. */
#include "fs/ext2/ext2.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

static struct inode *ext2_lookup(struct inode *dir, const struct dentry *dentry)
{
	struct ext2_dirpos pos;
	unsigned long ino;
	int err = ext2_find_entry(dir, dentry->d_name, dentry->d_len, &pos);

	if (err)
		return err == -ENOENT ? NULL : ERR_PTR(err);
	ino = pos.de->inode;
	brelse(&pos.buf);
	if (ino == dir->i_ino) {
		ext2_error(dir->i_sb, "directory %lu contains itself", ino);
		return ERR_PTR(-EUCLEAN);
	}
	return ext2_iget(dir->i_sb, ino);
}

/* The text of a new link, into the inode or a block. */
static int write_link(struct inode *inode, const char *target)
{
	struct ext2_sb *s = EXT2_SB(inode->i_sb);
	size_t len = strlen(target);
	struct buf buf;
	s64 block;
	int err;

	if (len >= s->geo.block_size)
		return -ENAMETOOLONG;
	if (len < EXT2_FAST_LINK_MAX) {
		memcpy(EXT2_I(inode)->block, target, len);
	} else {
		block = ext2_get_block(inode, 0, true, NULL);
		if (block < 0)
			return (int)block;
		err = bget_zeroed(s->bdev, (u64)block, s->geo.block_size, &buf);
		if (err)
			return err;
		memcpy(buf.data, target, len);
		bdirty(&buf);
		brelse(&buf);
	}
	inode->i_size = (loff_t)len;
	return 0;
}

/* Set up the new inode for its kind. */
static int begin_inode(struct inode *inode, struct inode *dir, const char *target)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_op = &ext2_dir_iops;
		inode->i_fop = &ext2_dir_fops;
		inode->i_nlink = 2;
		return ext2_make_empty(inode, dir);
	}
	if (S_ISLNK(inode->i_mode)) {
		inode->i_op = &ext2_link_iops;
		return write_link(inode, target);
	}
	if (!S_ISREG(inode->i_mode)) {
		init_special_inode(inode);
		return 0;
	}
	inode->i_op = &ext2_file_iops;
	inode->i_fop = &ext2_file_fops;
	inode->i_data.a_ops = &ext2_aops;
	return 0;
}

static int ext2_make(struct inode *dir, struct dentry *dentry, umode_t mode, const char *target)
{
	struct inode *inode;
	int err;

	if (S_ISDIR(mode) && dir->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	inode = ext2_new_inode(dir, mode);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = begin_inode(inode, dir, target);
	if (!err)
		err = ext2_add_entry(dir, dentry->d_name, dentry->d_len, inode);
	if (err) {
		inode->i_nlink = 0; /* iput() takes back all that was allocated */
		iput(inode);
		return err;
	}
	if (S_ISDIR(mode))
		dir->i_nlink++;
	mark_inode_dirty(dir);
	mark_inode_dirty(inode);
	d_instantiate(dentry, inode);
	return 0;
}

static struct inode *ext2_tmpfile(struct inode *dir, umode_t mode)
{
	struct inode *inode = ext2_new_inode(dir, mode);

	if (IS_ERR(inode))
		return inode;
	begin_inode(inode, dir, NULL); /* cannot fail for a file */
	inode->i_nlink = 0;
	mark_inode_dirty(inode);
	return inode;
}

static int ext2_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	int err;

	if (inode->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_add_entry(dir, dentry->d_name, dentry->d_len, inode);
	if (err)
		return err;
	inode->i_nlink++;
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	d_instantiate(dentry, ihold(inode));
	return 0;
}

/* @inode lost a name; a directory is gone with it. */
static void drop_links(struct inode *dir, struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_nlink = 0;
		dir->i_nlink--;
	} else if (inode->i_nlink) {
		inode->i_nlink--;
	}
	inode->i_ctime = dir->i_ctime;
	mark_inode_dirty(inode);
	mark_inode_dirty(dir);
}

static int check_empty(struct inode *inode)
{
	int empty = S_ISDIR(inode->i_mode) ? ext2_is_empty(inode) : 1;

	return empty > 0 ? 0 : empty ? empty : -ENOTEMPTY;
}

static int ext2_remove(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;
	struct ext2_dirpos pos;
	int err = check_empty(inode);

	if (err)
		return err;
	err = ext2_find_entry(dir, dentry->d_name, dentry->d_len, &pos);
	if (err)
		return err;
	ext2_delete_entry(dir, &pos);
	brelse(&pos.buf);
	drop_links(dir, inode);
	return 0;
}

/* Let the entry of @to name what @from names. What it named loses a link. */
static int replace_entry(struct inode *dir, struct dentry *from, struct dentry *to)
{
	struct ext2_dirpos pos;
	int err = check_empty(to->d_inode);

	if (err)
		return err;
	err = ext2_find_entry(dir, to->d_name, to->d_len, &pos);
	if (err)
		return err;
	ext2_set_entry(dir, &pos, from->d_inode);
	brelse(&pos.buf);
	drop_links(dir, to->d_inode);
	return 0;
}

/* A directory moved to another parent: its ".." and the parents' link counts follow. */
static int change_parent(struct inode *inode, struct inode *old_dir, struct inode *new_dir)
{
	struct ext2_dirpos pos;
	int err = ext2_find_entry(inode, "..", 2, &pos);

	if (err)
		return err == -ENOENT ? ext2_error(inode->i_sb, "directory %lu has no \"..\"",
						   inode->i_ino) :
					err;
	ext2_set_entry(inode, &pos, new_dir);
	brelse(&pos.buf);
	old_dir->i_nlink--;
	new_dir->i_nlink++;
	mark_inode_dirty(old_dir);
	mark_inode_dirty(new_dir);
	return 0;
}

static int ext2_rename(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
		       struct dentry *to)
{
	struct inode *inode = from->d_inode;
	bool changes_parent = S_ISDIR(inode->i_mode) && old_dir != new_dir;
	struct ext2_dirpos pos;
	int err;

	if (changes_parent && !to->d_inode && new_dir->i_nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = to->d_inode ? replace_entry(new_dir, from, to) :
			    ext2_add_entry(new_dir, to->d_name, to->d_len, inode);
	if (err)
		return err;
	/* Looked up only now: adding the new name may have split the entry before the old one. */
	err = ext2_find_entry(old_dir, from->d_name, from->d_len, &pos);
	if (err)
		return err == -ENOENT ?
			       ext2_error(old_dir->i_sb, "a name vanished from directory %lu",
					  old_dir->i_ino) :
			       err;
	ext2_delete_entry(old_dir, &pos);
	brelse(&pos.buf);
	if (changes_parent)
		err = change_parent(inode, old_dir, new_dir);
	inode->i_ctime = current_time();
	mark_inode_dirty(inode);
	return err;
}

static int ext2_exchange(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
			 struct dentry *to)
{
	struct inode *a = from->d_inode, *b = to->d_inode;
	int moved = S_ISDIR(a->i_mode) - S_ISDIR(b->i_mode), err; /* directories, to @new_dir */
	struct ext2_dirpos a_pos, b_pos;

	if (old_dir != new_dir && ((moved > 0 && new_dir->i_nlink >= EXT2_LINK_MAX) ||
				   (moved < 0 && old_dir->i_nlink >= EXT2_LINK_MAX)))
		return -EMLINK;
	err = ext2_find_entry(old_dir, from->d_name, from->d_len, &a_pos);
	if (err)
		return err;
	err = ext2_find_entry(new_dir, to->d_name, to->d_len, &b_pos);
	if (!err) {
		ext2_set_entry(old_dir, &a_pos, b);
		ext2_set_entry(new_dir, &b_pos, a);
		brelse(&b_pos.buf);
	}
	brelse(&a_pos.buf);
	if (!err && old_dir != new_dir && S_ISDIR(a->i_mode))
		err = change_parent(a, old_dir, new_dir);
	if (!err && old_dir != new_dir && S_ISDIR(b->i_mode))
		err = change_parent(b, new_dir, old_dir);
	a->i_ctime = b->i_ctime = current_time();
	mark_inode_dirty(a);
	mark_inode_dirty(b);
	return err;
}

const struct inode_operations ext2_dir_iops = {
	.name = "ext2 directory",
	.lookup = ext2_lookup,
	.make = ext2_make,
	.tmpfile = ext2_tmpfile,
	.link = ext2_link,
	.remove = ext2_remove,
	.rename = ext2_rename,
	.exchange = ext2_exchange,
};
