/* SPDX-License-Identifier: MIT */
/*
 * What the kernel below the file systems needs of files: the open file, its operations, and the few
 * calls by path that exec, swapon and boot make. fs/ fills all of it in.
 */
#ifndef KERNEL_CORE_VFS_H
#define KERNEL_CORE_VFS_H

#include "kernel/core/mutex.h"
#include "lib/atomic.h"
#include "lib/types.h"
#include "mm/backing/filemap.h"

struct file;
struct inode;
struct dentry;
struct vm_area_struct;
struct wait_queue_head;
struct signal_struct;
struct task_struct;

/* Where paths begin, and how they end (linux/fcntl.h of Linux's user headers). */
#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EMPTY_PATH 0x1000

/* struct file.f_mode */
#define FMODE_READ 1u
#define FMODE_WRITE 2u
#define FMODE_NEITHER 4u /* opened with access mode 3, for ioctl(2) alone; O_PATH has none of them */
#define FMODE_NOEXEC 8u  /* may not be mapped to be executed */
#define FMODE_UNSIGNED_OFFSET 16u /* positions are addresses: the upper half is no mistake */

extern int nr_open; /* descriptors of a process: the most, whatever RLIMIT_NOFILE says */

/* modes of fallocate(2) */
#define FALLOC_FL_KEEP_SIZE 0x01
#define FALLOC_FL_PUNCH_HOLE 0x02

struct dir_context; /* fs/ */

struct file_operations {
	const char *name;
	/* buf: user address, or kernel one inside kernel_read() */
	ssize_t (*read)(struct file *file, char *buf, size_t count, loff_t *pos);
	ssize_t (*write)(struct file *file, const char *buf, size_t count, loff_t *pos);
	/*
	 * Write up to a page of kernel memory: what sendfile(2) moves; and what writev(2) gathered for
	 * a file without a position, where it is never torn. NULL: neither.
	 */
	ssize_t (*write_kernel)(struct file *file, const char *data, size_t count, loff_t *pos);
	loff_t (*llseek)(struct file *file, loff_t offset, int whence); /* NULL: -ESPIPE */
	/* sets vma->vm_ops; NULL: -ENODEV */
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	long (*ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	int (*iterate)(struct file *file, struct dir_context *ctx);
	int (*fsync)(struct file *file, bool datasync);
	/*
	 * fallocate(2): mode and range were checked as far as they can be without the file. NULL:
	 * -EOPNOTSUPP.
	 */
	long (*fallocate)(struct file *file, int mode, loff_t offset, loff_t len);
	unsigned int (*poll)(struct file *file, struct wait_queue_head **wait); /* POLL* bits */
	int (*open)(struct inode *inode, struct file *file);
	void (*release)(struct file *file);                             /* last reference is gone */
	/* O_ASYNC is set or taken away: fasync_helper() with a list. NULL: nothing comes of it. */
	int (*fasync)(unsigned int fd, struct file *file, bool on);
};

/* Which file it is, as stat(2) has it: device and inode number; 0, 0 if it has none. */
struct file_id {
	u32 dev, ino;
};

struct file {
	atomic_t f_count;
	unsigned int f_mode, f_flags;       /* FMODE_*; O_*, which change_flags() changes */
	const struct file_operations *f_op;
	struct inode *f_inode;              /* counted through f_dentry */
	struct dentry *f_dentry;            /* counted; NULL for pipes and such */
	struct address_space *f_mapping;    /* page cache, or NULL */
	loff_t f_pos;                       /* f_pos_lock, for files that have a position */
	struct mutex f_pos_lock;
	struct file_ra_state f_ra;
	void *private_data;
	struct file_owner *f_owner;         /* whom to signal, or NULL; fs/fasync.c */
	struct file_id f_id;                /* the recorder's: while nobody records, 0, 0 */
	unsigned int f_told;                /* the same: names_changed when its name was told */
	unsigned int f_writer_no;           /* pipes': writers there had been before it; fs/fifo.c */
};

static inline struct file *get_file(struct file *file)
{
	atomic_inc(&file->f_count);
	return file;
}
/*
 * Drop a reference; the last calls release, then kfree()s the file (or what it is the first field
 * of). May sleep. NULL is fine.
 */
void fput(struct file *file);
/* The open file of a descriptor of current, counted, or NULL. */
struct file *fget(unsigned int fd);
/* May current turn swap areas on and off? */
bool may_swap(void);
/* Open by absolute path from the kernel. ERR_PTR. Flags are O_*. */
struct file *filp_open(const char *path, int flags, umode_t mode);
/*
 * exec's: a regular executable file; -EACCES otherwise. Path already in kernel memory, relative to
 * @dfd (AT_FDCWD: current's cwd); "" is @dfd itself. Flags: AT_SYMLINK_NOFOLLOW, -ELOOP for a link.
 */
struct file *open_exec(int dfd, const char *path, int flags);
/* Does descriptor @fd of current close at exec? */
bool fd_closes_on_exec(unsigned int fd);
/* Read into kernel memory at @pos; short only at end of file. */
ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t pos);
/* Counts up whenever a file gets another name, or loses one: a path from before may be wrong. */
extern unsigned int names_changed;
/* Path of an open file into buf (end-aligned result returned), ERR_PTR(-ENAMETOOLONG). */
char *file_path(struct file *file, char *buf, int size);
struct file_id inode_id(const struct inode *inode);
/* Its last component, cut to fit, of a file that has one. */
void file_name(struct file *file, char *buf, size_t size);
/* For /proc maps and stat: device number, inode number, size in bytes, and kind. */
struct file_stat {
	dev_t dev, rdev;
	unsigned long ino;
	loff_t size;
	umode_t mode;
	uid_t uid;
	gid_t gid;
};
void file_getattr(struct file *file, struct file_stat *st);
/* May current write to the file, or is it its own? Then it may also know what of it is in memory. */
bool file_is_ours(const struct file *file);
/* May current read it, whatever it was opened for? */
bool file_is_readable(const struct file *file);
/* Deny or allow writers while a program's text is mapped: -ETXTBSY. */
int deny_write_access(struct file *file);
void allow_write_access(struct file *file);
/* Block device under a device file, or NULL. */
struct block_device *file_bdev(struct file *file);
/*
 * For swap on a regular file: device sector (512 B units) of page @index, 0 for a hole; and the
 * device.
 */
sector_t file_bmap(struct file *file, pgoff_t index, struct block_device **bdev);
/* A memory-only file for MAP_SHARED|MAP_ANONYMOUS is mm/backing/shmem.h, not here. */

/* per-process tables, by fork, exec, exit */
/* A copy; of NULL, an empty one. ERR_PTR: -ENOMEM, or -EMFILE, with more open than nr_open now is. */
struct files_struct *dup_files(struct files_struct *files);
struct files_struct *get_files(struct files_struct *files); /* share */
void put_files(struct files_struct *files);
/* current, about to exec, no longer shares its table with other processes. 0, -ENOMEM or -EMFILE. */
int unshare_files(void);
void close_on_exec(struct files_struct *files);
struct fs_struct *dup_fs(struct fs_struct *fs);
struct fs_struct *get_fs_struct(struct fs_struct *fs);
void put_fs(struct fs_struct *fs);

/*
 * current, the leader of a session, exits: SIGHUP to the group in front on its terminal, which is
 * then nobody's; what that session opened of it is at its end.
 */
void tty_session_end(void);

/*
 * Descriptors of processes (fs/pidfd.c). prepare: a reserved number, and in @file what is to be
 * installed there; or -errno. pidfd_signal: whose a descriptor is, counted (signal_put), and if it
 * has O_NONBLOCK; ERR_PTR(-EBADF). pidfd_get_task: that process's leader, counted; ERR_PTR(-ESRCH)
 * once it was waited for.
 */
int pidfd_prepare(struct signal_struct *signal, unsigned int flags, struct file **file);
struct signal_struct *pidfd_signal(unsigned int fd, bool *nonblock);
struct task_struct *pidfd_get_task(unsigned int fd);
/* The same as in fs/file.h. */
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *file);

/*
 * current, on its way to user mode, is to die of the signal of @info: leave its process's memory and
 * registers behind in a file, if it may and wants (fs/coredump.c). Then the other threads die first.
 */
struct siginfo;
void do_coredump(const struct siginfo *info);

/*
 * Boot: mount the root file system from @dev ("/dev/vda"), devfs on /dev. boot_fail()s with a
 * sentence.
 */
void vfs_init(void);
void mount_root(const char *dev);
/* Open fds 0,1,2 of current on the console. */
int open_console(void);
/* Write everything and mark file systems clean: power-off. */
void vfs_shutdown(void);

#endif
