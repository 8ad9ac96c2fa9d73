/* SPDX-License-Identifier: MIT */
/* Open files, the table of descriptors, and where a process stands. */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "kernel/core/spinlock.h"
#include "kernel/core/vfs.h"
#include "lib/atomic.h"
#include "lib/types.h"

#define O_ACCMODE 03
#define O_RDONLY 00
#define O_WRONLY 01
#define O_RDWR 02
#define O_CREAT 0100
#define O_EXCL 0200
#define O_NOCTTY 0400
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_NONBLOCK 04000
#define O_DSYNC 010000
#define O_ASYNC 020000
#define O_DIRECT 040000
#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW 0400000
#define O_NOATIME 01000000
#define O_CLOEXEC 02000000
#define O_SYNC 04010000
#define O_PATH 010000000
#define O_TMPFILE_BIT 020000000

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define SEEK_DATA 3
#define SEEK_HOLE 4

/* fallocate(2); the two that we have are in vfs.h */
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE 0x10
#define FALLOC_FL_INSERT_RANGE 0x20
#define FALLOC_FL_UNSHARE_RANGE 0x40

#define NR_OPEN_SMALL 64 /* what a table holds before it grows; as on Linux */

/* It never gets smaller. Whoever has not its lock may look at size alone. */
struct files_struct {
	atomic_t count;         /* tasks that share it */
	spinlock_t lock;        /* all below */
	unsigned int size;      /* numbers that it has room for: whole words of bits */
	unsigned int next;      /* all lower ones are taken */
	struct file **fd;       /* small, or allocated together with the bits */
	unsigned long *open;    /* taken numbers; fd[] is NULL while reserved only */
	unsigned long *cloexec;
	unsigned long small_open, small_cloexec;
	struct file *small[NR_OPEN_SMALL];
};

struct fs_struct {
	atomic_t count;
	spinlock_t lock;
	struct dentry *cwd; /* counted; lock */
	struct dentry *root; /* where "/" is, by chroot(2); counted, NULL: the root of everything; lock */
	umode_t umask;      /* lock */
};

/* --- descriptors of current (fs/fdtable.c) --- */
void files_init(void);
/* Reserve the lowest free number >= @first. -EMFILE, -ENOMEM. */
int get_unused_fd(unsigned int first, bool cloexec);
void put_unused_fd(unsigned int fd);
/* The reserved number now stands for @file; takes the caller's reference. */
void fd_install(unsigned int fd, struct file *file);
/* For /proc/PID/fd: the open file, counted, or NULL; the next open number >= @fd, or -1. */
struct file *files_get(struct files_struct *files, unsigned int fd);
int files_next(struct files_struct *files, unsigned int fd);
/* Does descriptor @fd, if it is open, close at exec? */
bool files_cloexec(struct files_struct *files, unsigned int fd);

/* --- open files (fs/file.c) --- */
void file_table_init(void);
/*
 * A file without name or inode (pipes), f_mode from @flags. Counted. ERR_PTR: -ENOMEM, or -ENFILE,
 * which those with CAP_SYS_ADMIN never get. free_file() takes one back that nobody opened.
 */
struct file *alloc_file(const struct file_operations *fops, unsigned int flags);
void free_file(struct file *file);
/* All there are, and how many there may be (/proc/sys/fs/file-max). */
int nr_open_files(void);
extern int max_files;
/* The bounds of nr_open: what Linux has. */
#define NR_OPEN_MOST 0x7fffffc0
/* Can O_DIRECT be asked of it? Here all goes through the page cache, but the answer is Linux's. */
bool can_be_direct(const struct file *file);
/* Clear some of f_flags and set others, whoever else does so at the same time. */
static inline void change_flags(struct file *file, unsigned int clear, unsigned int set)
{
	unsigned int old = READ_ONCE(file->f_flags);

	while (!__atomic_compare_exchange_n(&file->f_flags, &old, (old & ~clear) | set, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
/* Open the object at @dentry (the reference stays the caller's). ERR_PTR. */
struct file *dentry_open(struct dentry *dentry, int flags);

/*
 * Give up to @count bytes at @pos of kernel memory holding @size to a reader and advance. Bytes or
 * -EFAULT.
 */
ssize_t simple_read(char __user *to, size_t count, loff_t *pos, const void *from, size_t size);

/*
 * Move bytes of the page cache behind @in to @out, a page at a time; both positions advance. A pipe
 * that is full is waited for once, and only if @wait. Bytes moved, or -errno if none. What was read and
 * could not be written is read again next time (fs/copy.c).
 */
ssize_t move_bytes(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos,
		   size_t count, bool wait);

/* F_ADD_SEALS, F_GET_SEALS (fs/tmpfs/memfd.c). */
long memfd_fcntl(struct file *file, bool add, unsigned long arg);

/* --- where current stands (fs/fs_struct.c) --- */
struct dentry *get_cwd(void); /* counted */
struct dentry *get_my_root(void); /* what "/" means to current; counted */
/* The dentry from which current cannot go up. No reference: only to compare with. */
const struct dentry *my_root(void);
umode_t current_umask(void);

/* --- directories: what iterate() fills in --- */
struct dir_context {
	/* False: no room, stop before this entry. @pos: cookie of the NEXT entry. */
	bool (*emit)(struct dir_context *ctx, const char *name, unsigned int len, unsigned long ino,
		     unsigned int type, loff_t next_pos);
	loff_t pos; /* where to go on; iterate() moves it */
};
/* d_type of a mode. */
static inline unsigned int mode_to_dtype(umode_t mode) { return (mode >> 12) & 15; }

#endif
