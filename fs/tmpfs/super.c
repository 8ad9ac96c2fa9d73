/* SPDX-License-Identifier: MIT */
/* Tmpfs: mounting, options, inodes, and files that have no name. */
#include "fs/tmpfs/tmpfs.h"

#include "fs/mount.h"
#include "fs/perm.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"

static struct kmem_cache *inode_cache;
static struct super_block *kernel_sb; /* mounted nowhere; constant after boot */

/* --- inodes --- */
static struct inode *tmpfs_alloc_inode(struct super_block *sb)
{
	struct tmpfs_inode *inode = kmem_cache_alloc(inode_cache, GFP_KERNEL | __GFP_ZERO);

	return inode ? &inode->vfs : NULL;
}

static void tmpfs_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, TMPFS_I(inode));
}

static void tmpfs_evict_inode(struct inode *inode)
{
	if (S_ISREG(inode->i_mode))
		shmem_destroy(&TMPFS_I(inode)->shmem);
	else if (S_ISLNK(inode->i_mode))
		kfree(TMPFS_I(inode)->link);
	else if (S_ISDIR(inode->i_mode))
		tmpfs_drop_names(inode);
	tmpfs_uncharge_inode(inode->i_sb);
}

bool tmpfs_charge_inode(struct super_block *sb)
{
	struct tmpfs_sb *s = TMPFS_SB(sb);
	long max = READ_ONCE(s->options.max_inodes);

	if (atomic_long_inc_return(&s->inodes) <= max || !max)
		return true;
	atomic_long_dec(&s->inodes);
	return false;
}

void tmpfs_uncharge_inode(struct super_block *sb)
{
	atomic_long_dec(&TMPFS_SB(sb)->inodes);
}

static int begin_inode(struct inode *inode, unsigned long reserved)
{
	struct tmpfs_inode *ti = TMPFS_I(inode);

	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &tmpfs_file_iops;
		inode->i_fop = &tmpfs_file_fops;
		return shmem_init_mapping(&ti->shmem, &inode->i_data,
					  &TMPFS_SB(inode->i_sb)->blocks, reserved);
	case S_IFDIR:
		inode->i_op = &tmpfs_dir_iops;
		inode->i_fop = &tmpfs_dir_fops;
		inode->i_nlink = 2;
		inode->i_size = 2 * TMPFS_NAME_SIZE;
		return 0;
	case S_IFLNK:
		inode->i_op = &tmpfs_link_iops;
		return 0;
	default:
		init_special_inode(inode);
		return 0;
	}
}

struct inode *tmpfs_new_inode(struct super_block *sb, const struct inode *dir, umode_t mode,
			      unsigned long reserved)
{
	struct inode *inode;
	int err;

	if (!tmpfs_charge_inode(sb))
		return ERR_PTR(-ENOSPC);
	inode = new_inode(sb);
	if (!inode) {
		tmpfs_uncharge_inode(sb);
		return ERR_PTR(-ENOMEM);
	}
	inode->i_ino = (unsigned long)atomic_long_inc_return(&TMPFS_SB(sb)->next_ino);
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	if (dir && dir->i_mode & S_ISGID) {
		inode->i_gid = dir->i_gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	inode->i_mode = mode;
	err = begin_inode(inode, reserved);
	if (!err)
		return inode;
	inode->i_mode = 0; /* there is nothing to give back */
	inode->i_nlink = 0;
	iput(inode);
	return ERR_PTR(err);
}

/* --- options --- */
/* "12", "12k", "12m", "12g"; of @whole, if that is not 0, also "12%". 0 or -EINVAL. */
static int parse_size(const char *text, u64 whole, u64 *size)
{
	u64 n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (u64)(*text - '0');
	switch (*text) {
	case '%':
		if (!whole)
			return -EINVAL;
		n = whole / 100 * n;
		text++;
		break;
	case 'g':
	case 'G':
		n <<= 10;
		fallthrough;
	case 'm':
	case 'M':
		n <<= 10;
		fallthrough;
	case 'k':
	case 'K':
		n <<= 10;
		text++;
	}
	*size = n;
	return *text ? -EINVAL : 0;
}

static int parse_number(const char *text, unsigned int base, unsigned long *n)
{
	return kstrtoul(text, (int)base, n) ? -EINVAL : 0;
}

/* One "key=value". 0 or -EINVAL. */
static int parse_option(struct tmpfs_options *to, const char *key, const char *value)
{
	unsigned long n = 0;
	u64 size = 0;
	int err;

	if (!strcmp(key, "size") || !strcmp(key, "nr_blocks")) {
		bool bytes = key[0] == 's';

		err = parse_size(value, bytes ? (u64)totalram_pages() << PAGE_SHIFT : 0, &size);
		to->max_blocks = (long)(bytes ? PFN_UP(size) : size);
	} else if (!strcmp(key, "nr_inodes")) {
		err = parse_size(value, 0, &size);
		to->max_inodes = (long)size;
	} else if (!strcmp(key, "mode")) {
		err = parse_number(value, 8, &n);
		to->mode = (umode_t)(n & 07777);
	} else if (!strcmp(key, "uid")) {
		err = parse_number(value, 10, &n);
		to->uid = (uid_t)n;
	} else if (!strcmp(key, "gid")) {
		err = parse_number(value, 10, &n);
		to->gid = (gid_t)n;
	} else {
		/* Names without a value, and how large pages are used: accepted where it changes nothing. */
		err = !strcmp(key, "inode64") ? 0 : -EINVAL;
	}
	return err;
}

/* @text, which may be NULL, is taken apart. */
static int parse_options(struct tmpfs_options *to, const char *text)
{
	char word[64];
	int err = 0;

	while (text && !err) {
		const char *comma = strchr(text, ',');
		size_t len = comma ? (size_t)(comma - text) : strlen(text);
		char *value;

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		text = comma ? comma + 1 : NULL;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (*word)
			err = parse_option(to, word, value ? value : "");
	}
	return err;
}

/* --- the file system --- */
static int tmpfs_statfs(struct super_block *sb, struct kstatfs *st)
{
	struct tmpfs_sb *s = TMPFS_SB(sb);

	if (s->options.max_blocks) {
		st->blocks = (u64)s->options.max_blocks;
		st->bfree = st->bavail = st->blocks - (u64)atomic_long_read(&s->blocks.used);
	}
	if (s->options.max_inodes) {
		st->files = (u64)s->options.max_inodes;
		st->ffree = st->files - (u64)atomic_long_read(&s->inodes);
	}
	return 0;
}

static int tmpfs_remount(struct super_block *sb, const char *data)
{
	struct tmpfs_sb *s = TMPFS_SB(sb);
	struct tmpfs_options options = s->options;
	int err = parse_options(&options, data);

	if (err)
		return err;
	/* Not below what is there, and not from without a limit to one. */
	if (options.max_blocks &&
	    (!s->options.max_blocks || options.max_blocks < atomic_long_read(&s->blocks.used)))
		return -EINVAL;
	if (options.max_inodes &&
	    (!s->options.max_inodes || options.max_inodes < atomic_long_read(&s->inodes)))
		return -EINVAL;
	WRITE_ONCE(s->blocks.max, options.max_blocks);
	WRITE_ONCE(s->options.max_blocks, options.max_blocks);
	WRITE_ONCE(s->options.max_inodes, options.max_inodes);
	return 0;
}

static void tmpfs_show_options(struct super_block *sb, char *text, size_t size)
{
	const struct tmpfs_options *o = &TMPFS_SB(sb)->options;
	size_t len = 0;

	if (o->max_blocks != (long)totalram_pages() / 2)
		len += (size_t)scnprintf(text + len, size - len, ",size=%ldk",
					 o->max_blocks << (PAGE_SHIFT - 10));
	if (o->max_inodes != (long)totalram_pages() / 2)
		len += (size_t)scnprintf(text + len, size - len, ",nr_inodes=%ld", o->max_inodes);
	if (o->mode != 01777)
		len += (size_t)scnprintf(text + len, size - len, ",mode=%03o", o->mode);
	if (o->uid)
		len += (size_t)scnprintf(text + len, size - len, ",uid=%u", o->uid);
	if (o->gid)
		len += (size_t)scnprintf(text + len, size - len, ",gid=%u", o->gid);
	scnprintf(text + len, size - len, ",inode64");
}

static void tmpfs_put_super(struct super_block *sb)
{
	struct tmpfs_sb *s = TMPFS_SB(sb);

	WARN_ON(atomic_long_read(&s->blocks.used) || atomic_long_read(&s->inodes));
	kfree(s);
}

static const struct super_operations tmpfs_sops = {
	.name = "tmpfs",
	.alloc_inode = tmpfs_alloc_inode,
	.free_inode = tmpfs_free_inode,
	.evict_inode = tmpfs_evict_inode,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.put_super = tmpfs_put_super,
};

/* Set up @sb with @options. 0 or -ENOMEM. */
static int fill_super(struct super_block *sb, const struct tmpfs_options *options)
{
	struct tmpfs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);
	struct inode *inode;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->blocks.max = options->max_blocks;
	sb->s_fs_info = s;
	sb->s_op = &tmpfs_sops;
	sb->s_magic = TMPFS_MAGIC;
	sb->s_blocksize = PAGE_SIZE;
	inode = tmpfs_new_inode(sb, NULL, S_IFDIR | options->mode, 0);
	if (!IS_ERR(inode)) {
		inode->i_uid = options->uid;
		inode->i_gid = options->gid;
		sb->s_root = d_make_root(sb, inode);
	}
	if (sb->s_root)
		return 0;
	kfree(s);
	return -ENOMEM;
}

static int tmpfs_fill_super(struct super_block *sb, const struct file_system_type *type)
{
	long half = (long)totalram_pages() / 2;
	struct tmpfs_options options = { .max_blocks = half, .max_inodes = half, .mode = 01777 };
	int err;

	options.uid = current_fsuid();
	options.gid = current_fsgid();
	err = parse_options(&options, sb->s_data);
	return err ? err : fill_super(sb, &options);
}

static struct file_system_type tmpfs_type = { .name = "tmpfs", .fill_super = tmpfs_fill_super };

/* --- files without a name --- */
/* A name that nobody finds, for /proc to show, in the kernel's own file system. */
static struct dentry *nameless_dentry(const char *name, umode_t mode, unsigned long reserved)
{
	struct dentry *dentry = d_alloc(kernel_sb->s_root, name, (unsigned int)strlen(name));
	struct inode *inode;

	if (!dentry)
		return ERR_PTR(-ENOMEM);
	inode = tmpfs_new_inode(kernel_sb, NULL, S_IFREG | mode, reserved);
	if (IS_ERR(inode)) {
		dput(dentry);
		return ERR_CAST(inode);
	}
	inode->i_nlink = 0;
	d_instantiate(dentry, inode);
	return dentry;
}

struct file *shmem_file_setup(const char *name, loff_t size, unsigned long vm_flags)
{
	unsigned long reserved = vm_flags & VM_NORESERVE ? 0 : PFN_UP((u64)size);
	struct dentry *dentry = nameless_dentry(name, 0777, reserved);
	struct file *file;

	if (IS_ERR(dentry))
		return ERR_CAST(dentry);
	dentry->d_inode->i_size = size;
	file = dentry_open(dentry, O_RDWR | O_LARGEFILE);
	dput(dentry);
	return file;
}

void tmpfs_init(void)
{
	static const struct tmpfs_options no_limits = { .mode = 0755 };

	inode_cache = kmem_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), 0);
	register_filesystem(&tmpfs_type);
	kernel_sb = alloc_super(&tmpfs_type);
	if (!kernel_sb || fill_super(kernel_sb, &no_limits))
		boot_fail("no memory for the kernel's own files: give the machine more RAM (MEM=)");
}
