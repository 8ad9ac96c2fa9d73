/* SPDX-License-Identifier: MIT */
/* /proc/PID/mounts and mountinfo, /proc/filesystems: what is mounted where, and what could be. */
#include "fs/dentry.h"
#include "fs/inode.h"
#include "fs/proc/proc.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"

/* A name in a line of fields: blanks and backslashes as octal numbers. */
static void put_field(struct seq_buf *m, const char *text)
{
	for (; *text; text++) {
		if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\\' || *text == '#')
			seq_printf(m, "\\%03o", *text);
		else
			seq_putc(m, *text);
	}
}

struct mounts {
	struct seq_buf *m;
	char *path; /* PATH_MAX */
};

static void put_place(struct mounts *mounts, struct super_block *sb)
{
	const char *path = mount_path(sb, mounts->path, PATH_MAX);

	put_field(mounts->m, IS_ERR(path) ? "/" : path);
}

/* What the file system itself was mounted with. */
static void put_options(struct seq_buf *m, struct super_block *sb)
{
	char text[128] = "";

	if (sb->s_op->show_options)
		sb->s_op->show_options(sb, text, sizeof(text));
	seq_puts(m, text);
}

static const char *access_of(const struct super_block *sb)
{
	return sb_rdonly(sb) ? "ro" : "rw";
}

/* What it was mounted with, whatever its type. */
static void put_flags(struct seq_buf *m, const struct super_block *sb)
{
	char text[64];

	mount_options(sb, text, sizeof(text));
	seq_printf(m, "%s%s", access_of(sb), text);
}

static void show_mount(struct super_block *sb, void *arg)
{
	struct mounts *mounts = arg;
	struct seq_buf *m = mounts->m;

	put_field(m, sb->s_source);
	seq_putc(m, ' ');
	put_place(mounts, sb);
	seq_printf(m, " %s ", sb->s_type->name);
	put_flags(m, sb);
	put_options(m, sb);
	seq_puts(m, " 0 0\n");
}

static void show_mountinfo(struct super_block *sb, void *arg)
{
	struct dentry *point = dget_mountpoint(sb->s_root);
	struct mounts *mounts = arg;
	struct seq_buf *m = mounts->m;

	seq_printf(m, "%u %u %u:%u / ", sb->s_mnt_id, point ? point->d_sb->s_mnt_id : 1,
		   (unsigned int)(sb->s_dev >> 8) & 0xfff, (unsigned int)sb->s_dev & 0xff);
	dput(point);
	put_place(mounts, sb);
	seq_putc(m, ' ');
	put_flags(m, sb);
	seq_printf(m, " - %s ", sb->s_type->name);
	put_field(m, sb->s_source);
	seq_printf(m, " %s", access_of(sb));
	put_options(m, sb);
	seq_putc(m, '\n');
}

static int show_all(struct seq_buf *m, void (*show)(struct super_block *sb, void *arg))
{
	struct mounts mounts = { m, kmalloc(PATH_MAX, GFP_KERNEL) };

	if (!mounts.path)
		return -ENOMEM;
	for_each_super(show, &mounts);
	kfree(mounts.path);
	return 0;
}

int proc_show_mounts(struct seq_buf *m, void *arg)
{
	(void)arg;
	return show_all(m, show_mount);
}

int proc_show_mountinfo(struct seq_buf *m, void *arg)
{
	(void)arg;
	return show_all(m, show_mountinfo);
}

static void show_filesystem(const struct file_system_type *type, void *arg)
{
	seq_printf(arg, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
}

int proc_show_filesystems(struct seq_buf *m, void *arg)
{
	(void)arg;
	for_each_filesystem(show_filesystem, m);
	return 0;
}
