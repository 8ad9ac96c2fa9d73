/* SPDX-License-Identifier: MIT */
/* File systems described by tables: see fs/pseudo.h. */
#include "fs/pseudo.h"

#include "fs/bdev.h"
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "kernel/core/mutex.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include <asm/uaccess.h>

struct pseudo_inode {
	struct pseudo_entry entry; /* a copy, with the arg that counts; constant */
	struct inode vfs;
};

static struct kmem_cache *pseudo_cache;
static const struct file_operations pseudo_text_fops, pseudo_raw_fops, pseudo_dir_fops;
static const struct inode_operations pseudo_static_iops, pseudo_dynamic_iops, pseudo_object_iops;

static const struct pseudo_entry *entry_of(const struct inode *inode)
{
	return &container_of(inode, struct pseudo_inode, vfs)->entry;
}

void *pseudo_arg(const struct file *file)
{
	return entry_of(file->f_inode)->arg;
}

/* --- inodes --- */

static struct inode *pseudo_alloc_inode(struct super_block *sb)
{
	struct pseudo_inode *node = kmem_cache_alloc(pseudo_cache, GFP_KERNEL | __GFP_ZERO);

	return node ? &node->vfs : NULL;
}

static void pseudo_free_inode(struct inode *inode)
{
	kmem_cache_free(pseudo_cache, container_of(inode, struct pseudo_inode, vfs));
}

static const struct super_operations pseudo_sops = {
	.name = "pseudo",
	.alloc_inode = pseudo_alloc_inode,
	.free_inode = pseudo_free_inode,
};

/* A number that is the same at every look. */
static unsigned long pseudo_ino(const char *name, const void *arg)
{
	u64 key = (unsigned long)arg * 0x9e3779b97f4a7c15ULL;
	u32 hash = 2166136261u ^ (u32)(key >> 32);

	while (*name)
		hash = (hash ^ (u8)*name++) * 16777619u;
	return hash | 1;
}

static void set_operations(struct inode *inode, const struct pseudo_entry *entry)
{
	inode->i_op = &pseudo_static_iops;
	switch (entry->mode & S_IFMT) {
	case S_IFDIR:
		inode->i_fop = &pseudo_dir_fops;
		if (entry->lookup || entry->owner)
			inode->i_op = &pseudo_dynamic_iops;
		inode->i_nlink = 2;
		for (const struct pseudo_entry *e = entry->children; e && e->name; e++)
			inode->i_nlink += S_ISDIR(e->mode);
		break;
	case S_IFLNK:
		if (entry->get_link)
			inode->i_op = &pseudo_object_iops;
		break;
	case S_IFBLK:
		inode->i_fop = &blkdev_fops;
		break;
	case S_IFREG:
		inode->i_fop = entry->read ? &pseudo_raw_fops : &pseudo_text_fops;
		break;
	}
	if (entry->fops)
		inode->i_fop = entry->fops;
}

/* False: its subject is gone. */
static bool update_owner(struct inode *inode)
{
	const struct pseudo_entry *entry = entry_of(inode);

	return !entry->owner ||
	       !entry->owner(entry->arg, entry->mode, &inode->i_uid, &inode->i_gid);
}

const struct pseudo_entry *pseudo_dir_entry(const struct file *file)
{
	return file->f_op == &pseudo_dir_fops ? entry_of(file->f_inode) : NULL;
}

/* The node for @entry in the directory described by @dir (NULL: it is the root). */
static struct inode *make_inode(struct super_block *sb, const struct pseudo_entry *entry,
				const char *name, const struct pseudo_entry *dir)
{
	struct inode *inode = new_inode(sb);
	struct pseudo_inode *node;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	node = container_of(inode, struct pseudo_inode, vfs);
	node->entry = *entry;
	if (!entry->arg && dir)
		node->entry.arg = dir->arg;
	if (!entry->owner && dir)
		node->entry.owner = dir->owner;
	inode->i_ino = pseudo_ino(name, node->entry.arg);
	inode->i_mode = entry->mode;
	inode->i_rdev = entry->rdev;
	inode->i_size = entry->size;
	set_operations(inode, &node->entry);
	if (update_owner(inode))
		return inode;
	iput(inode);
	return ERR_PTR(-ENOENT);
}

static const struct pseudo_entry *find_static(const struct pseudo_entry *dir, const char *name)
{
	const struct pseudo_entry *e;

	for (e = dir->children; e && e->name; e++)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static struct inode *pseudo_lookup(struct inode *dir, const struct dentry *dentry)
{
	const struct pseudo_entry *entry = entry_of(dir),
				  *child = find_static(entry, dentry->d_name);
	struct pseudo_entry dynamic = { 0 };
	int err = -ENOENT;

	if (!update_owner(dir))
		return ERR_PTR(-ESRCH);
	if (child)
		return make_inode(dir->i_sb, child, dentry->d_name, entry);
	if (entry->lookup)
		err = entry->lookup(entry->arg, dentry->d_name, &dynamic);
	if (err) /* no negative dentry: nothing can be made here, it is ENOENT for mkdir too */
		return ERR_PTR(err);
	return make_inode(dir->i_sb, &dynamic, dentry->d_name, entry);
}

static bool pseudo_revalidate(struct inode *dir, const struct dentry *dentry)
{
	const struct pseudo_entry *entry = entry_of(dir);
	struct pseudo_entry again = { 0 };

	if (!dentry->d_inode || !update_owner(dentry->d_inode))
		return false;
	if (find_static(entry, dentry->d_name))
		return true;
	return entry->lookup && !entry->lookup(entry->arg, dentry->d_name, &again) &&
	       (!again.arg || again.arg == entry_of(dentry->d_inode)->arg);
}

static int pseudo_readlink(struct inode *inode, char *buf, int size)
{
	const struct pseudo_entry *entry = entry_of(inode);

	return entry->readlink ? entry->readlink(entry->arg, buf, size) : -EINVAL;
}

static struct dentry *pseudo_get_link(struct inode *inode)
{
	const struct pseudo_entry *entry = entry_of(inode);

	return entry->get_link(entry->arg);
}

/* Shells open what they write to with O_TRUNC: that changes nothing here. */
static int pseudo_truncate(struct inode *inode, loff_t size)
{
	return 0;
}

/* Of a process's files, as the modes of all of them are made anew at each look. */
static bool pseudo_has_fixed_mode(const struct inode *inode)
{
	return entry_of(inode)->owner;
}

static const struct inode_operations pseudo_static_iops = {
	.name = "pseudo",
	.has_fixed_mode = pseudo_has_fixed_mode,
	.lookup = pseudo_lookup,
	.readlink = pseudo_readlink,
	.truncate = pseudo_truncate,
};

static bool pseudo_is_own(const struct inode *inode)
{
	const struct pseudo_entry *entry = entry_of(inode);

	return entry->is_own && entry->is_own(entry->arg);
}

static int pseudo_may_enter(const struct inode *dir)
{
	const struct pseudo_entry *entry = entry_of(dir);

	return entry->may_open ? entry->may_open(entry->arg, FMODE_READ) : 0;
}

static const struct inode_operations pseudo_dynamic_iops = {
	.name = "pseudo, dynamic",
	.has_fixed_mode = pseudo_has_fixed_mode,
	.is_own = pseudo_is_own,
	.may_enter = pseudo_may_enter,
	.lookup = pseudo_lookup,
	.revalidate = pseudo_revalidate,
};

static const struct inode_operations pseudo_object_iops = {
	.name = "pseudo, object link",
	.has_fixed_mode = pseudo_has_fixed_mode,
	.readlink = pseudo_readlink,
	.get_link = pseudo_get_link,
};

/* --- text files --- */

struct pseudo_open {
	struct mutex lock;
	struct seq_buf text; /* lock */
	bool made;
};

static int may_open(struct inode *inode, const struct file *file)
{
	const struct pseudo_entry *entry = entry_of(inode);

	return entry->may_open ? entry->may_open(entry->arg, file->f_mode) : 0;
}

static int text_open(struct inode *inode, struct file *file)
{
	int err = may_open(inode, file);
	struct pseudo_open *open;

	if (err)
		return err;
	open = kzalloc(sizeof(*open), GFP_KERNEL);
	if (!open)
		return -ENOMEM;
	mutex_init(&open->lock, "pseudo_open");
	file->private_data = open;
	return 0;
}

static void text_release(struct file *file)
{
	struct pseudo_open *open = file->private_data;

	kvfree(open->text.buf);
	kfree(open);
}

static ssize_t text_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	const struct pseudo_entry *entry = entry_of(file->f_inode);
	struct pseudo_open *open = file->private_data;
	ssize_t n = 0;

	if (!entry->show)
		return -EINVAL;
	mutex_lock(&open->lock);
	if (!*pos || !open->made) {
		open->text.len = 0;
		open->text.failed = false;
		n = entry->show(&open->text, entry->arg);
		if (!n && open->text.failed)
			n = -ENOMEM;
		open->made = !n;
	}
	if (!n)
		n = simple_read(buf, count, pos, open->text.buf, open->text.len);
	mutex_unlock(&open->lock);
	return n;
}

static ssize_t pseudo_write(struct file *file, const char *user, size_t count, loff_t *pos)
{
	const struct pseudo_entry *entry = entry_of(file->f_inode);
	ssize_t n = -EFAULT;
	char *buf;

	if (!entry->write) /* the two ways that Linux's /proc files refuse */
		return entry->owner ? -EINVAL : -EIO;
	if (count >= PAGE_SIZE)
		return -EINVAL;
	buf = get_zeroed_page(GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (!copy_from_user(buf, user, count))
		n = entry->write(entry->arg, buf, count);
	if (n > 0)
		*pos += n;
	free_page(buf);
	return n;
}

static loff_t pseudo_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_llseek_size(file, offset, whence, file->f_inode->i_size);
}

/* Nobody knows where a text that is made anew at each look will end. */
static loff_t text_llseek(struct file *file, loff_t offset, int whence)
{
	return whence == SEEK_SET || whence == SEEK_CUR || entry_of(file->f_inode)->ends_at_size ?
		       generic_llseek_size(file, offset, whence, file->f_inode->i_size) :
		       -EINVAL;
}

static const struct file_operations pseudo_text_fops = {
	.name = "pseudo text",
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = pseudo_write,
	.llseek = text_llseek,
};

static ssize_t raw_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return *pos < 0 ? -EINVAL : entry_of(file->f_inode)->read(file, buf, count, pos);
}

static int raw_open(struct inode *inode, struct file *file)
{
	return may_open(inode, file);
}

static const struct file_operations pseudo_raw_fops = {
	.name = "pseudo",
	.open = raw_open,
	.read = raw_read,
	.write = pseudo_write,
	.llseek = pseudo_llseek,
};

/* --- directories: positions are 0 ".", 1 "..", then the table, then the cookies of the hook --- */

struct pseudo_dir {
	struct dir_context *ctx;
	loff_t base; /* position of cookie 0 */
};

bool pseudo_emit(struct pseudo_dir *dir, const char *name, umode_t mode, unsigned long ino,
		 loff_t cookie)
{
	loff_t next = dir->base + cookie + 1;

	if (!dir->ctx->emit(dir->ctx, name, (unsigned int)strlen(name), ino, mode_to_dtype(mode),
			    next))
		return false;
	dir->ctx->pos = next;
	return true;
}

static int pseudo_iterate(struct file *file, struct dir_context *ctx)
{
	const struct pseudo_entry *entry = entry_of(file->f_inode), *e;
	struct pseudo_dir dir = { ctx, 0 };
	struct dentry *parent;
	bool room = true;
	loff_t n = 2;

	if (!update_owner(file->f_inode))
		return -ENOENT;
	if (ctx->pos == 0)
		room = pseudo_emit(&dir, ".", S_IFDIR, file->f_inode->i_ino, 0);
	if (room && ctx->pos == 1) {
		parent = dget_parent(file->f_dentry);
		room = pseudo_emit(&dir, "..", S_IFDIR, parent->d_inode->i_ino, 1);
		dput(parent);
	}
	for (e = entry->children; e && e->name; e++, n++)
		if (room && ctx->pos <= n)
			room = pseudo_emit(&dir, e->name, e->mode,
					   pseudo_ino(e->name, e->arg ? e->arg : entry->arg), n);
	dir.base = n;
	return room && entry->iterate ?
		       entry->iterate(entry->arg, &dir, max(ctx->pos - n, (loff_t)0)) :
		       0;
}

static const struct file_operations pseudo_dir_fops = {
	.name = "pseudo directory",
	.llseek = pseudo_llseek,
	.iterate = pseudo_iterate,
};

/* --- mounting --- */

struct pseudo_type {
	struct file_system_type type;
	const struct pseudo_entry *root;
	u32 magic;
	unsigned int blocksize;
};

static int pseudo_fill_super(struct super_block *sb, const struct file_system_type *type)
{
	const struct pseudo_type *p = container_of(type, struct pseudo_type, type);
	struct inode *inode;

	sb->s_op = &pseudo_sops;
	sb->s_magic = p->magic;
	sb->s_blocksize = p->blocksize;
	inode = make_inode(sb, p->root, "/", NULL);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->i_ino = 1;
	sb->s_root = d_make_root(sb, inode);
	return sb->s_root ? 0 : -ENOMEM;
}

int register_pseudo_fs(const char *name, u32 magic, unsigned int blocksize,
		       const struct pseudo_entry *root)
{
	struct pseudo_type *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err;

	if (!p)
		return -ENOMEM;
	p->root = root;
	p->magic = magic;
	p->blocksize = blocksize;
	p->type.name = name;
	p->type.single = true;
	p->type.fill_super = pseudo_fill_super;
	err = register_filesystem(&p->type);
	if (err)
		kfree(p);
	return err;
}

void pseudo_init(void)
{
	pseudo_cache = kmem_cache_create("pseudo_inode", sizeof(struct pseudo_inode), 0);
}
