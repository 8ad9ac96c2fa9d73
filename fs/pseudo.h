/* SPDX-License-Identifier: MIT */
/*
 * File systems without a disk, described by tables: /dev and /proc. A directory is an array of
 * entries, a file is the function that shows its text. What cannot stand in a table (/proc/PID)
 * comes from a directory's lookup and iterate hooks.
 *
 * Every node carries an @arg. Static entries take theirs from the entry, or from their directory
 * when the entry has none; a hook gives it freely. It is a plain value that is never counted: for a
 * process put its pid in, not a pointer, and find the task anew in each call (-ESRCH if it is
 * gone).
 *
 *	static int show_uptime(struct seq_buf *m, void *arg) { seq_printf(m, ...); return 0; }
 *	static const struct pseudo_entry proc_root_entries[] = {
 *		{ .name = "uptime", .mode = S_IFREG | 0444, .show = show_uptime },
 *		{ 0 }
 *	};
 *	static const struct pseudo_entry proc_root = {
 *		.mode = S_IFDIR | 0555, .children = proc_root_entries,
 *		.lookup = proc_pid_lookup, .iterate = proc_pid_iterate,
 *	};
 *	register_pseudo_fs("proc", 0x9fa0, 1024, &proc_root);    mountable by mount(2) from now on
 */
#ifndef FS_PSEUDO_H
#define FS_PSEUDO_H

#include "fs/mode.h"
#include "fs/seq_buf.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct file;
struct file_operations;
struct dentry;
struct pseudo_dir;

struct pseudo_entry {
	const char *name; /* NULL ends a table; ignored for roots and what lookup hooks give */
	umode_t mode;           /* S_IF* | permissions */
	void *arg;              /* NULL: the directory's */
	/*
	 * Whose file it is, for stat and permissions; asked anew at each look, and -ENOENT ends the life
	 * of a node whose subject is gone. NULL: the directory's, and root's if that has none either.
	 * What has an owner keeps the mode that it has here.
	 */
	int (*owner)(void *arg, umode_t mode, uid_t *uid, gid_t *gid);
	/* Directories with @lookup: may current use it, whatever the mode says? NULL: no. */
	bool (*is_own)(void *arg);
	/*
	 * May current open it, FMODE_*? Of directories with @lookup: walk from it, once open? 0 or
	 * -errno. NULL: as the mode says.
	 */
	int (*may_open)(void *arg, unsigned int f_mode);

	/*
	 * Regular files. @show: the whole text, made at the first read of each open (and again
	 * after a seek to 0). 0 or -errno.
	 */
	int (*show)(struct seq_buf *m, void *arg);
	/*
	 * Text written by one write(2): kernel memory, NUL-terminated, len < PAGE_SIZE. Returns
	 * bytes taken or -errno.
	 */
	ssize_t (*write)(void *arg, const char *buf, size_t len);
	/*
	 * Instead of @show: read(2) itself. @buf is a user address; *pos is to be advanced. Sees
	 * pseudo_arg(file).
	 */
	ssize_t (*read)(struct file *file, char __user *buf, size_t count, loff_t *pos);

	loff_t size; /* as stat tells it */
	bool ends_at_size; /* for lseek(2), too, which else knows no end of a text */

	/* Symbolic links: the target's path, NUL-terminated, into buf. Length or -errno. */
	int (*readlink)(void *arg, char *buf, int size);
	/*
	 * Optional: jump to an object instead of following that path (/proc/PID/exe, fd/N). Counted
	 * dentry or ERR_PTR.
	 */
	struct dentry *(*get_link)(void *arg);

	/* Directories. Table, hooks, or both (table first). */
	const struct pseudo_entry *children;
	/*
	 * Dynamic child: fill *@child in (entry and arg). 0, or -ENOENT. Also asked again before a
	 * cached answer is used.
	 */
	int (*lookup)(void *arg, const char *name, struct pseudo_entry *child);
	/*
	 * Name the dynamic children: call pseudo_emit() for each from cookie @from on, with rising
	 * cookies >= 1; stop when it returns false. 0 or -errno.
	 */
	int (*iterate)(void *arg, struct pseudo_dir *dir, loff_t from);

	/* Device files (S_IFCHR, S_IFBLK), or regular files with operations of their own. */
	const struct file_operations *fops;
	dev_t rdev;
};

/*
 * One dynamic child for iterate(); only the kind bits of @mode count. False: the reader's buffer is
 * full, stop.
 */
bool pseudo_emit(struct pseudo_dir *dir, const char *name, umode_t mode, unsigned long ino,
		 loff_t cookie);
/* The @arg of an open pseudo file. */
void *pseudo_arg(const struct file *file);
/* The entry of an open pseudo directory; NULL: @file is none. */
const struct pseudo_entry *pseudo_dir_entry(const struct file *file);

/*
 * Make @root mountable as type @name. Of its files stat tells blocks of @blocksize bytes. @root is
 * kept. 0 or -EEXIST.
 */
int register_pseudo_fs(const char *name, u32 magic, unsigned int blocksize,
		       const struct pseudo_entry *root);

#endif
