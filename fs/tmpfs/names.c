/* SPDX-License-Identifier: MIT */
/* Tmpfs: directories. The caller holds i_rwsem of those that it changes. */
#include "fs/tmpfs/tmpfs.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"

#define FIRST_NAME 2 /* the position of key 0, behind "." and ".." */
#define COUNT_BITS 31

static struct tmpfs_name *to_name(struct rb_node *rb)
{
	return rb_entry(rb, struct tmpfs_name, rb);
}

/* The least key that a name with this hash may have. */
static u64 hash_key(const char *name, unsigned int len)
{
	u32 hash = 2166136261u; /* FNV-1a */

	for (unsigned int i = 0; i < len; i++)
		hash = (hash ^ (u8)name[i]) * 16777619u;
	return (u64)(hash >> 1) << COUNT_BITS;
}

/* The name with the least key that is not below @key, or NULL. */
static struct tmpfs_name *first_from(struct inode *dir, u64 key)
{
	struct rb_node *rb = TMPFS_I(dir)->dir.names.rb_node;
	struct tmpfs_name *found = NULL;

	while (rb) {
		if (to_name(rb)->key >= key) {
			found = to_name(rb);
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found;
}

static struct tmpfs_name *find_name(struct inode *dir, const struct dentry *dentry)
{
	u64 key = hash_key(dentry->d_name, dentry->d_len);
	struct tmpfs_name *name = first_from(dir, key);

	while (name && name->key >> COUNT_BITS == key >> COUNT_BITS) {
		struct rb_node *next = rb_next(&name->rb);

		if (name->len == dentry->d_len && !memcmp(name->name, dentry->d_name, name->len))
			return name;
		name = next ? to_name(next) : NULL;
	}
	return NULL;
}

static struct tmpfs_name *alloc_name(const struct dentry *dentry)
{
	struct tmpfs_name *name = kmalloc(sizeof(*name) + dentry->d_len, GFP_KERNEL);

	if (name) {
		name->len = dentry->d_len;
		memcpy(name->name, dentry->d_name, name->len);
	}
	return name;
}

/* @dir changed. */
static void touch_dir(struct inode *dir)
{
	dir->i_mtime = dir->i_ctime = current_time();
}

/* By its key. */
static void link_name(struct rb_root *names, struct tmpfs_name *name)
{
	struct rb_node **link = &names->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = name->key < to_name(parent)->key ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&name->rb, parent, link);
	rb_insert_color(&name->rb, names);
}

/* Takes the reference on @inode. */
static void insert_name(struct inode *dir, struct tmpfs_name *name, struct inode *inode)
{
	struct tmpfs_inode *ti = TMPFS_I(dir);

	ti->dir.last_count = (ti->dir.last_count + 1) & ((1u << COUNT_BITS) - 1);
	name->key = hash_key(name->name, name->len) | ti->dir.last_count;
	name->inode = inode;
	link_name(&ti->dir.names, name);
	dir->i_size += TMPFS_NAME_SIZE;
	touch_dir(dir);
}

/* The reference on its inode is the caller's now. */
static struct inode *remove_name(struct inode *dir, struct tmpfs_name *name)
{
	struct inode *inode = name->inode;

	rb_erase(&name->rb, &TMPFS_I(dir)->dir.names);
	kfree(name);
	dir->i_size -= TMPFS_NAME_SIZE;
	touch_dir(dir);
	return inode;
}

static struct inode *tmpfs_lookup(struct inode *dir, const struct dentry *dentry)
{
	struct tmpfs_name *name = find_name(dir, dentry);

	return name ? ihold(name->inode) : NULL;
}

static int tmpfs_make(struct inode *dir, struct dentry *dentry, umode_t mode, const char *target)
{
	struct tmpfs_name *name = alloc_name(dentry);
	struct inode *inode;

	if (!name)
		return -ENOMEM;
	inode = tmpfs_new_inode(dir->i_sb, dir, mode, 0);
	if (!IS_ERR(inode) && S_ISLNK(mode)) {
		inode->i_size = (loff_t)strlen(target);
		TMPFS_I(inode)->link = kstrdup(target, GFP_KERNEL);
		if (!TMPFS_I(inode)->link) {
			inode->i_nlink = 0;
			iput(inode);
			inode = ERR_PTR(-ENOMEM);
		}
	}
	if (IS_ERR(inode)) {
		kfree(name);
		return (int)PTR_ERR(inode);
	}
	insert_name(dir, name, ihold(inode));
	if (S_ISDIR(mode))
		dir->i_nlink++;
	d_instantiate(dentry, inode);
	return 0;
}

static struct inode *tmpfs_tmpfile(struct inode *dir, umode_t mode)
{
	struct inode *inode = tmpfs_new_inode(dir->i_sb, dir, mode, 0);

	if (!IS_ERR(inode))
		inode->i_nlink = 0;
	return inode;
}

/* Each name beyond the first counts as an inode. */
static int tmpfs_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	struct tmpfs_name *name;

	if (inode->i_nlink && !tmpfs_charge_inode(dir->i_sb))
		return -ENOSPC;
	name = alloc_name(dentry);
	if (!name) {
		if (inode->i_nlink)
			tmpfs_uncharge_inode(dir->i_sb);
		return -ENOMEM;
	}
	insert_name(dir, name, ihold(inode));
	inode->i_nlink++;
	inode->i_ctime = dir->i_ctime;
	d_instantiate(dentry, ihold(inode));
	return 0;
}

static bool is_empty(struct inode *inode)
{
	return !S_ISDIR(inode->i_mode) || RB_EMPTY_ROOT(&TMPFS_I(inode)->dir.names);
}

/* @inode lost a name in @dir, whose reference goes; a directory is gone with it. */
static void drop_link(struct inode *dir, struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_nlink = 0;
		dir->i_nlink--;
	} else if (--inode->i_nlink) {
		tmpfs_uncharge_inode(inode->i_sb);
	}
	inode->i_ctime = dir->i_ctime;
	iput(inode); /* not the last: the caller's dentry has one */
}

static int tmpfs_remove(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	if (!is_empty(inode))
		return -ENOTEMPTY;
	remove_name(dir, find_name(dir, dentry));
	drop_link(dir, inode);
	return 0;
}

static int tmpfs_rename(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
			struct dentry *to)
{
	struct inode *inode = from->d_inode, *victim = to->d_inode;
	struct tmpfs_name *name;

	if (victim && !is_empty(victim))
		return -ENOTEMPTY;
	name = alloc_name(to);
	if (!name)
		return -ENOMEM;
	remove_name(old_dir, find_name(old_dir, from)); /* its reference moves to the new name */
	if (victim) {
		remove_name(new_dir, find_name(new_dir, to));
		drop_link(new_dir, victim);
	}
	insert_name(new_dir, name, inode);
	if (S_ISDIR(inode->i_mode) && old_dir != new_dir) {
		old_dir->i_nlink--;
		new_dir->i_nlink++;
	}
	inode->i_ctime = new_dir->i_ctime;
	return 0;
}

static int tmpfs_exchange(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
			  struct dentry *to)
{
	struct inode *a = from->d_inode, *b = to->d_inode;
	int moved = S_ISDIR(a->i_mode) - S_ISDIR(b->i_mode); /* directories, to @new_dir */

	find_name(old_dir, from)->inode = b;
	find_name(new_dir, to)->inode = a;
	old_dir->i_nlink -= (unsigned int)moved;
	new_dir->i_nlink += (unsigned int)moved;
	touch_dir(old_dir);
	touch_dir(new_dir);
	a->i_ctime = b->i_ctime = new_dir->i_ctime;
	return 0;
}

/*
 * Only at unmount has a directory that goes any names; then nobody else has a reference on what is below it.
 * The names of its directories are moved up before they go, so that the stack does not grow with depth.
 */
void tmpfs_drop_names(struct inode *dir)
{
	struct rb_root *names = &TMPFS_I(dir)->dir.names;

	while (names->rb_node) {
		struct tmpfs_name *name = to_name(names->rb_node);
		struct rb_root *below = &TMPFS_I(name->inode)->dir.names;

		if (S_ISDIR(name->inode->i_mode) && below->rb_node) {
			name = to_name(below->rb_node);
			rb_erase(&name->rb, below);
			link_name(names, name);
			continue;
		}
		rb_erase(&name->rb, names);
		if (!S_ISDIR(name->inode->i_mode) && --name->inode->i_nlink)
			tmpfs_uncharge_inode(name->inode->i_sb);
		iput(name->inode);
		kfree(name);
	}
}

static int tmpfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file->f_inode, *up;
	struct tmpfs_name *name;
	struct dentry *parent;

	if (ctx->pos < 0)
		return -EINVAL;
	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, dir->i_ino, mode_to_dtype(S_IFDIR), 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		parent = dget_parent(file->f_dentry);
		up = parent->d_inode;
		if (!ctx->emit(ctx, "..", 2, up->i_ino, mode_to_dtype(S_IFDIR), FIRST_NAME)) {
			dput(parent);
			return 0;
		}
		dput(parent);
		ctx->pos = FIRST_NAME;
	}
	for (name = first_from(dir, (u64)ctx->pos - FIRST_NAME); name;) {
		struct rb_node *next = rb_next(&name->rb);
		loff_t after = (loff_t)name->key + FIRST_NAME + 1;

		if (!ctx->emit(ctx, name->name, name->len, name->inode->i_ino,
			       mode_to_dtype(name->inode->i_mode), after))
			return 0;
		ctx->pos = after;
		name = next ? to_name(next) : NULL;
	}
	return 0;
}

/* Positions are keys: only the beginning and what was told before make sense, as on Linux. */
static loff_t tmpfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	return whence > SEEK_CUR ? -EINVAL : generic_llseek_size(file, offset, whence, 0);
}

static int tmpfs_readlink(struct inode *inode, char *buf, int size)
{
	return (int)strlcpy(buf, TMPFS_I(inode)->link, (size_t)size);
}

static int tmpfs_fsync(struct file *file, bool datasync)
{
	return 0;
}

const struct inode_operations tmpfs_dir_iops = {
	.name = "tmpfs directory",
	.lookup = tmpfs_lookup,
	.make = tmpfs_make,
	.tmpfile = tmpfs_tmpfile,
	.link = tmpfs_link,
	.remove = tmpfs_remove,
	.rename = tmpfs_rename,
	.exchange = tmpfs_exchange,
};

const struct inode_operations tmpfs_link_iops = {
	.name = "tmpfs link",
	.readlink = tmpfs_readlink,
};

const struct file_operations tmpfs_dir_fops = {
	.name = "tmpfs directory",
	.llseek = tmpfs_dir_llseek,
	.iterate = tmpfs_iterate,
	.fsync = tmpfs_fsync,
};
