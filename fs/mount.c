/* SPDX-License-Identifier: MIT */
/* File system types, the list of mounted ones, mount(2), and the root. */
#include "fs/mount.h"

#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/namei.h"
#include "fs/perm.h"
#include "fs/proc/proc.h"
#include "fs/syscalls.h"
#include "kernel/core/block.h"
#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/proc/caps.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define MS_RDONLY 1UL
#define MS_REMOUNT 32UL
#define MS_RELATIME (1UL << 21)
#define MS_MGC_VAL 0xc0ed0000UL /* what programs gave in the upper half before it meant anything */
#define MS_MGC_MSK 0xffff0000UL
#define SB_ATIME (SB_NOATIME | SB_NODIRATIME | SB_STRICTATIME)
#define MS_BIND 4096UL
#define MS_MOVE 8192UL

static DEFINE_MUTEX(mount_mutex); /* all of this file's state */
static LIST_HEAD(types);
static LIST_HEAD(supers);
static struct dentry *root; /* set once */
static unsigned int next_anon_dev = 1;
static unsigned int next_mnt_id = 2; /* 1 is what Linux mounts first and hides */

struct dentry *get_root(void)
{
	return root ? dget(root) : NULL;
}

/* A device number for a file system without a device. */
static dev_t anon_dev(void)
{
	return next_anon_dev++; /* major 0, as on Linux */
}

static const struct file_system_type *find_type(const char *name)
{
	struct file_system_type *type;

	list_for_each_entry(type, &types, list)
		if (!strcmp(type->name, name))
			return type;
	return NULL;
}

int register_filesystem(struct file_system_type *type)
{
	int err = 0;

	mutex_lock(&mount_mutex);
	if (find_type(type->name))
		err = -EEXIST;
	else
		list_add_tail(&type->list, &types);
	mutex_unlock(&mount_mutex);
	return err;
}

void for_each_super(void (*fn)(struct super_block *sb, void *arg), void *arg)
{
	struct super_block *sb;

	mutex_lock(&mount_mutex);
	list_for_each_entry(sb, &supers, s_list)
		fn(sb, arg);
	mutex_unlock(&mount_mutex);
}

void for_each_filesystem(void (*fn)(const struct file_system_type *type, void *arg), void *arg)
{
	struct file_system_type *type;

	mutex_lock(&mount_mutex);
	list_for_each_entry(type, &types, list)
		fn(type, arg);
	mutex_unlock(&mount_mutex);
}

/* SB_* of mount(2)'s flags. A remount that says nothing of access times keeps what was (@old). */
static unsigned long super_flags(unsigned long flags, unsigned long old)
{
	unsigned long sb = flags & (SB_RDONLY | SB_NOSUID | SB_NODEV | SB_NOEXEC | SB_ATIME);

	if (sb & SB_STRICTATIME)
		sb &= ~SB_NOATIME;
	return flags & (SB_ATIME | MS_RELATIME) ? sb : sb | (old & SB_ATIME);
}

void mount_options(const struct super_block *sb, char *text, size_t size)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} options[] = { { SB_NOSUID, ",nosuid" },
			{ SB_NODEV, ",nodev" },
			{ SB_NOEXEC, ",noexec" },
			{ SB_NOATIME, ",noatime" },
			{ SB_NODIRATIME, ",nodiratime" } };

	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (sb->s_flags & options[i].flag)
			len += (size_t)scnprintf(text + len, size - len, "%s", options[i].name);
	if (!(sb->s_flags & (SB_NOATIME | SB_STRICTATIME)))
		scnprintf(text + len, size - len, ",relatime");
}

char *mount_path(struct super_block *sb, char *buf, int size)
{
	return d_path(sb->s_root, buf, size, 0);
}

struct super_block *alloc_super(const struct file_system_type *type)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	sb->s_type = type;
	sb->s_maxbytes = (loff_t)(~0ULL >> 1);
	sb->s_dev = anon_dev();
	INIT_LIST_HEAD(&sb->s_dirty);
	INIT_LIST_HEAD(&sb->s_inodes);
	return sb;
}

/*
 * A file system in memory, not yet anywhere in the tree. ERR_PTR; *why (if not NULL) says more, in
 * a buffer of 160 bytes.
 */
static struct super_block *make_super(const struct file_system_type *type,
				      struct block_device *bdev, unsigned long flags,
				      const char *source, const char *data, char *why)
{
	struct super_block *sb = alloc_super(type);
	int err;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->s_bdev = bdev;
	if (bdev)
		sb->s_dev = bdev->dev;
	sb->s_flags = super_flags(flags, 0);
	sb->s_mnt_id = next_mnt_id++;
	strlcpy(sb->s_source, source, sizeof(sb->s_source));
	sb->s_data = data;
	if (bdev && !bdev_claim(bdev)) {
		kfree(sb);
		return ERR_PTR(-EBUSY);
	}
	err = type->fill_super(sb, type);
	sb->s_data = NULL;
	if (!err) {
		list_add_tail(&sb->s_list, &supers);
		return sb;
	}
	if (bdev)
		bdev_release(bdev);
	if (sb->s_why[0] && why)
		strlcpy(why, sb->s_why, sizeof(sb->s_why));
	else if (sb->s_why[0])
		pr_err("%s: %s: %s\n", type->name, source, sb->s_why);
	kfree(sb);
	return ERR_PTR(err);
}

/* Hang @sb over @target, whose reference is taken. */
static int attach(struct super_block *sb, struct dentry *target)
{
	int err;

	if (target == root)
		return -EBUSY;
	inode_lock(target->d_inode);
	err = d_mount(sb, target);
	inode_unlock(target->d_inode);
	return err;
}

static void destroy_super(struct super_block *sb)
{
	struct block_device *bdev = sb->s_bdev;

	if (bdev && !sb_rdonly(sb) && sb->s_op->mark_clean)
		sb->s_op->mark_clean(sb);
	list_del(&sb->s_list);
	dput(sb->s_root);
	shrink_dcache_sb(sb);
	WARN_ON(!evict_inodes(sb));
	if (sb->s_op->put_super)
		sb->s_op->put_super(sb);
	if (bdev)
		bdev_release(bdev);
	kfree(sb);
}

/* The block device at @source, a path or a bare name ("vda"). ERR_PTR. */
static struct block_device *source_device(const char *source)
{
	struct block_device *bdev = find_block_device(source);
	struct dentry *dentry = bdev ? NULL : kern_path(source, LOOKUP_FOLLOW);
	int err = -ENOTBLK;

	if (IS_ERR(dentry))
		return ERR_CAST(dentry);
	if (dentry && S_ISBLK(dentry->d_inode->i_mode)) {
		bdev = block_device_by_dev(dentry->d_inode->i_rdev);
		err = -ENXIO;
	}
	dput(dentry);
	return bdev ? bdev : ERR_PTR(err);
}

/* Takes the reference on @target. */
static int do_mount(const char *type_name, const char *source, struct dentry *target,
		    unsigned long flags, const char *data)
{
	const struct file_system_type *type;
	struct block_device *bdev = NULL;
	struct super_block *sb;
	int err = 0;

	mutex_lock(&mount_mutex);
	type = find_type(type_name);
	if (!type)
		err = -ENODEV;
	else if (!S_ISDIR(target->d_inode->i_mode))
		err = -ENOTDIR;
	else if (type->single && target == target->d_sb->s_root && target->d_sb->s_type == type)
		err = -EBUSY;
	else if (type->needs_device && IS_ERR(bdev = source_device(source)))
		err = (int)PTR_ERR(bdev);
	if (!err) {
		sb = make_super(type, bdev, flags, source, data, NULL);
		err = IS_ERR(sb) ? (int)PTR_ERR(sb) : attach(sb, target);
		if (err && !IS_ERR(sb))
			destroy_super(sb);
	}
	mutex_unlock(&mount_mutex);
	if (err)
		dput(target);
	return err;
}

/* Mount a type without a device on an absolute path (boot). 0 or -errno. */
static int kern_mount(const char *type, const char *path)
{
	struct dentry *target = kern_path(path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);

	return IS_ERR(target) ? (int)PTR_ERR(target) : do_mount(type, type, target, 0, NULL);
}

/* New options for what is mounted at @top, whose reference is taken. */
static int do_remount(struct dentry *top, unsigned long flags, const char *data)
{
	struct super_block *sb = top->d_sb;
	bool read_only = flags & MS_RDONLY;
	int err = top == sb->s_root ? 0 : -EINVAL;

	mutex_lock(&mount_mutex);
	if (!err && sb->s_op->remount)
		err = sb->s_op->remount(sb, data);
	if (!err && read_only && !sb_rdonly(sb))
		err = make_read_only(sb);
	else if (!err && !read_only && sb_rdonly(sb) && sb->s_op->begin_writing)
		err = sb->s_op->begin_writing(sb);
	if (!err)
		sb->s_flags = super_flags(flags, sb->s_flags);
	mutex_unlock(&mount_mutex);
	dput(top);
	return err;
}

/* The text of options, up to a page, or NULL for none; kfree() it. ERR_PTR. */
static char *get_options(const void __user *data)
{
	char *text;
	long len;

	if (!data)
		return NULL;
	text = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!text)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(text, data, PAGE_SIZE);
	if (len >= 0 && len < (long)PAGE_SIZE)
		return text;
	kfree(text);
	return ERR_PTR(len < 0 ? len : -EINVAL);
}

static long mount_new(const char __user *source, const char __user *target,
		      const char __user *type, unsigned long flags, const char *data)
{
	char *src = NULL, *kind = NULL;
	struct dentry *dentry;
	long err;

	if (!type)
		return -EINVAL;
	kind = getname(type);
	if (IS_ERR(kind))
		return PTR_ERR(kind);
	src = source ? getname(source) : kstrdup("none", GFP_KERNEL);
	if (IS_ERR_OR_NULL(src)) {
		kfree(kind);
		return src ? PTR_ERR(src) : -ENOMEM;
	}
	dentry = user_path_at(AT_FDCWD, target, LOOKUP_FOLLOW);
	err = IS_ERR(dentry) ? PTR_ERR(dentry) : do_mount(kind, src, dentry, flags, data);
	kfree(src);
	kfree(kind);
	return err;
}

long sys_mount(const char __user *source, const char __user *target, const char __user *type,
	       unsigned long flags, const void __user *data)
{
	struct dentry *top;
	char *text;
	long err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & (MS_BIND | MS_MOVE))
		return -EINVAL;
	text = get_options(data);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (flags & MS_REMOUNT) {
		top = user_path_at(AT_FDCWD, target, LOOKUP_FOLLOW);
		err = IS_ERR(top) ? PTR_ERR(top) : do_remount(top, flags, text);
	} else {
		err = mount_new(source, target, type, flags, text);
	}
	kfree(text);
	return err;
}

/* Takes the reference on @top, the root of what is to go. */
static int do_umount(struct dentry *top)
{
	struct super_block *sb = top->d_sb;
	struct dentry *mountpoint;

	if (top != sb->s_root || !sb->s_mountpoint) {
		dput(top);
		return top == root ? -EBUSY : -EINVAL;
	}
	mutex_lock(&mount_mutex);
	shrink_dcache_sb(sb);
	mountpoint = d_unmount(sb, 1);
	dput(top);
	if (mountpoint) { /* nobody can get in any more, so nothing becomes dirty behind this */
		sync_filesystem(sb);
		destroy_super(sb);
		dput(mountpoint);
	}
	mutex_unlock(&mount_mutex);
	return mountpoint ? 0 : -EBUSY;
}

long sys_umount2(const char __user *target, int flags)
{
	struct dentry *top;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & ~8) /* UMOUNT_NOFOLLOW */
		return -EINVAL;
	top = user_path_at(AT_FDCWD, target, flags ? 0 : LOOKUP_FOLLOW);
	return IS_ERR(top) ? PTR_ERR(top) : do_umount(top);
}

void vfs_init(void)
{
	dcache_init();
	inode_cache_init();
	file_table_init();
	pseudo_init();
	devfs_init();
	proc_init();
	tty_init();
	ext2_init();
	tmpfs_init();
}

/* Mount a pseudo file system where the image has a directory for it. */
static void mount_if_there(const char *type, const char *path)
{
	int err = find_type(type) ? kern_mount(type, path) : 0;

	if (err)
		pr_warn("fs: cannot mount %s on %s (error %d)%s\n", type, path, -err,
			err == -ENOENT ? ": the root disk has no such directory" : "");
}

void mount_root(const char *dev)
{
	const char *name = strstarts(dev, "/dev/") ? dev + 5 : dev;
	struct block_device *bdev = find_block_device(name);
	char why[sizeof(((struct super_block *)0)->s_why)] = "";
	struct super_block *sb;

	bdev_init();
	if (!bdev)
		boot_fail(
			"there is no disk %s to be the root; give QEMU a virtio-blk disk (disable-legacy=on), "
			"the boot loader a module for /dev/ram0, "
			"or name another with root=",
			dev);
	mutex_lock(&mount_mutex);
	sb = make_super(find_type("ext2"), bdev, bdev->read_only ? MS_RDONLY : 0, dev, NULL,
			why);
	if (IS_ERR(sb))
		boot_fail("the root disk %s cannot be mounted as ext2: %s (error %ld)", dev,
			  why[0] ? why : "see the kernel log", -PTR_ERR(sb));
	root = sb->s_root;
	mutex_unlock(&mount_mutex);
	mount_if_there("devtmpfs", "/dev");
	mount_if_there("proc", "/proc");
	sync_init();
}
