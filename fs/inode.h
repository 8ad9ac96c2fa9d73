/* SPDX-License-Identifier: MIT */
/*
 * Inodes and mounted file systems: what all of fs/ shares.
 *
 * An inode is one file, however many names and opens it has. Those of a disk are found by (sb, ino)
 * and stay in memory without users until the shrinker takes them; i_nlink == 0 and the last
 * reference gone means that the file is deleted then and there.
 *
 * Locks: i_rwsem orders everything that changes a file or directory (a directory before its
 * children; two directories only under rename's mutex, ancestor first). inode_lock, a spinlock,
 * guards counts, state and all lists of inodes.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include "fs/mode.h"
#include "kernel/core/rwsem.h"
#include "kernel/core/time.h"
#include "kernel/core/vfs.h"
#include "lib/list.h"
#include "lib/types.h"
#include "mm/backing/filemap.h"

struct block_device;
struct dentry;
struct inode;
struct iovec;
struct pipe;
struct super_block;

#define NAME_MAX 255
#define PATH_MAX 4096 /* with the NUL */

/* i_state; inode_lock. */
#define I_DIRTY 1u   /* the fields here are newer than those on the disk */
#define I_NEW 2u     /* being read in: others wait */
#define I_FREEING 4u /* being deleted or dropped: others wait and look again */
#define I_SYNC 8u    /* its fields are on their way to the metadata cache: other writers wait */

/* A directory's operations on names. The caller holds dir->i_rwsem for writing. */
struct inode_operations {
	const char *name;
	/* The inode of @name (counted), NULL when there is no such name, or ERR_PTR. */
	struct inode *(*lookup)(struct inode *dir, const struct dentry *dentry);
	/*
	 * A new file, directory or link (mode says which; @target for links) for the negative
	 * @dentry: ends in d_instantiate().
	 */
	int (*make)(struct inode *dir, struct dentry *dentry, umode_t mode, const char *target);
	/* A new file without a name, i_nlink 0: counted, or ERR_PTR. NULL: there are none. */
	struct inode *(*tmpfile)(struct inode *dir, umode_t mode);
	int (*link)(struct inode *inode, struct inode *dir, struct dentry *dentry);
	/* May current use it, whatever its mode says? NULL: no. */
	bool (*is_own)(const struct inode *inode);
	/* May current, who has it open, stand in it or walk from it? 0 or -errno. NULL: yes. */
	int (*may_enter)(const struct inode *dir);
	/* Is its mode nobody's to change? NULL: no. Of all kinds of inodes. */
	bool (*has_fixed_mode)(const struct inode *inode);
	/* unlink and rmdir: the name goes, i_nlink goes down. */
	int (*remove)(struct inode *dir, struct dentry *dentry);
	/*
	 * @to may be positive: it is replaced (kinds were compared by the caller). Both directories
	 * are locked.
	 */
	int (*rename)(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
		      struct dentry *to);
	/* Both are positive, and get each other's place. NULL: it cannot be. */
	int (*exchange)(struct inode *old_dir, struct dentry *from, struct inode *new_dir,
			struct dentry *to);
	/* Is the cached dentry still what lookup would give? NULL: always. */
	bool (*revalidate)(struct inode *dir, const struct dentry *dentry);
	/* Of a link: its text, NUL-terminated, into buf; length or -errno. */
	int (*readlink)(struct inode *inode, char *buf, int size);
	/*
	 * Of a link that leads to an object instead of a path: counted dentry, ERR_PTR, or NULL:
	 * follow the path.
	 */
	struct dentry *(*get_link)(struct inode *inode);
	/* Of a file: i_size becomes @size, its blocks beyond are freed. i_rwsem held. */
	int (*truncate)(struct inode *inode, loff_t size);
	/* Of a file: device sector of page @index if it stands on the disk in one piece; else 0. */
	sector_t (*bmap)(struct inode *inode, pgoff_t index);
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
	umode_t i_mode;
	uid_t i_uid;
	gid_t i_gid;
	unsigned int i_nlink;           /* i_rwsem */
	bool i_linkable;                /* never had a name, but may get one (O_TMPFILE); i_rwsem */
	dev_t i_rdev;
	loff_t i_size;                  /* bytes; i_rwsem to change */
	u64 i_blocks;                   /* of 512 bytes */
	struct timespec i_atime, i_mtime, i_ctime;
	u64 i_written_tick; /* ktime_coarse_ns of the last file_update_time(); 0: times were set */
	const struct inode_operations *i_op;
	const struct file_operations *i_fop;
	struct address_space *i_mapping;/* = &i_data, or a block device's */
	struct address_space i_data;
	struct rw_semaphore i_rwsem;
	atomic_t i_writecount;          /* > 0: opens for writing; < 0: programs running from it */
	void *i_private;                /* the file system's */
	int i_count;                    /* inode_lock */
	unsigned int i_state;           /* inode_lock */
	struct pipe *i_pipe;            /* of a fifo that is open: fs/pipe.c */
	struct list_head i_locks;       /* struct file_lock: fs/locks.c */
	unsigned int i_names;           /* dentries that stand for it; dcache_lock */
	struct hlist_node i_hash;       /* inode_lock */
	struct list_head i_lru;         /* unused ones; inode_lock */
	struct list_head i_dirty;       /* sb->s_dirty; inode_lock */
	struct list_head i_sb_list;     /* sb->s_inodes; inode_lock */
};

struct kstatfs {
	u64 blocks, bfree, bavail, files, ffree;
	u32 bsize, namelen;
};

struct super_operations {
	const char *name;
	/*
	 * Memory for an inode (with the file system's own part around it); struct inode is
	 * initialised by the caller.
	 */
	struct inode *(*alloc_inode)(struct super_block *sb);
	void (*free_inode)(struct inode *inode);
	/* Copy the fields to the metadata cache (not to the disk). 0 or -errno. */
	int (*write_inode)(struct inode *inode);
	/*
	 * The inode goes from memory; with i_nlink == 0 from the disk too. Its pages are gone
	 * already.
	 */
	void (*evict_inode)(struct inode *inode);
	/* Write all metadata and make it durable. */
	int (*sync_fs)(struct super_block *sb);
	/*
	 * Nothing will change any more (unmount, power-off): note on the disk that it is clean,
	 * durable.
	 */
	int (*mark_clean)(struct super_block *sb);
	/* A disk that was mounted read-only is to be written: 0, or -EROFS if it cannot be. */
	int (*begin_writing)(struct super_block *sb);
	/* Unmount: free s_fs_info. All inodes are gone. */
	void (*put_super)(struct super_block *sb);
	int (*statfs)(struct super_block *sb, struct kstatfs *st);
	/* mount(2) with MS_REMOUNT: @data is its text, or NULL. 0 or -errno, nothing changed. */
	int (*remount)(struct super_block *sb, const char *data);
	/* For /proc/mounts: ",key=value..." or nothing, NUL-terminated. */
	void (*show_options)(struct super_block *sb, char *text, size_t size);
};

/* s_flags; as MS_* of mount(2), and ST_* of statfs(2). Neither of the last three: relatime. */
#define SB_RDONLY 1UL
#define SB_NOSUID 2UL /* exec heeds no set-id bits */
#define SB_NODEV 4UL  /* devices cannot be opened */
#define SB_NOEXEC 8UL /* files can be neither executed nor mapped so */
#define SB_NOATIME (1UL << 10)
#define SB_NODIRATIME (1UL << 11) /* besides: not of directories */
#define SB_STRICTATIME (1UL << 24)

struct super_block {
	const struct super_operations *s_op;
	const struct file_system_type *s_type;
	struct block_device *s_bdev;    /* NULL: not on a disk */
	dev_t s_dev;
	unsigned long s_flags;          /* SB_* */
	u32 s_magic;
	unsigned int s_blocksize;       /* bytes */
	loff_t s_maxbytes;              /* largest file */
	bool s_time_32;                 /* keeps times as seconds, in 32 bits */
	struct dentry *s_root;          /* counted */
	struct dentry *s_mountpoint;    /* counted; NULL: the root of everything */
	void *s_fs_info;
	unsigned int s_mnt_id;          /* for /proc/PID/mountinfo; constant */
	char s_source[32];              /* as given to mount(2), for /proc/mounts */
	const char *s_data;             /* text of mount(2), or NULL; during fill_super() only */
	char s_why[160]; /* why fill_super() refused: one sentence without a full stop */
	struct list_head s_list;        /* mount mutex */
	struct list_head s_dirty;       /* inode_lock */
	struct list_head s_inodes;      /* inode_lock */
};

/* ",nosuid,relatime" and the like, for /proc/mounts; @size 64 is enough. */
void mount_options(const struct super_block *sb, char *text, size_t size);
static inline bool sb_rdonly(const struct super_block *sb) { return sb->s_flags & SB_RDONLY; }

/* --- inode cache (fs/inode.c) --- */
void inode_cache_init(void);
/* A fresh inode that is in no cache (pseudo files). Counted; NULL: out of memory. */
struct inode *new_inode(struct super_block *sb);
/*
 * The inode (sb, ino), counted. If it was not in memory it comes with I_NEW set: fill it in and
 * call unlock_new_inode(), or iget_failed(). NULL: out of memory.
 */
struct inode *iget_locked(struct super_block *sb, unsigned long ino);
void unlock_new_inode(struct inode *inode);
/* The inode could not be read: nobody will find it. Drops the reference. */
void iget_failed(struct inode *inode);
/*
 * Put an inode just made (its number freshly allocated) into the cache; waits for a deleted namesake
 * to go. 0, or -EEXIST when there is a living one: the disk's bitmap lies.
 */
int insert_inode_hash(struct inode *inode);
/* One more reference for a holder of one. */
struct inode *ihold(struct inode *inode);
/* Drop a reference: the last of a deleted file frees it on the disk. May sleep. NULL is fine. */
void iput(struct inode *inode);
void mark_inode_dirty(struct inode *inode);
/* write_inode() of one inode or all dirty ones of @sb. First error. */
int write_inode_now(struct inode *inode);
int sync_inodes_sb(struct super_block *sb);
/* Drop all unused inodes of @sb (unmount). True when none is left. */
bool evict_inodes(struct super_block *sb);
/*
 * Power-off: free deleted files of @sb on the disk although somebody has them open. No task may run
 * user code on them any more: @sb is read-only.
 */
void evict_orphans(struct super_block *sb);
/* Is a file of @sb open for writing, or deleted and yet open? */
bool sb_has_writers(struct super_block *sb);
/* In memory, for audits. */
unsigned long nr_inodes(void);

static inline void inode_lock(struct inode *inode) { down_write(&inode->i_rwsem); }
static inline void inode_unlock(struct inode *inode) { up_write(&inode->i_rwsem); }

/* Wall-clock time for the fields above. */
struct timespec current_time(void);
/* Reading updates atime when it is not newer than mtime, or a day old (Linux's relatime). */
void touch_atime(struct inode *inode);
/* i_mtime and i_ctime become now, to within a tick; marks dirty. */
void __file_update_time(struct inode *inode);
static inline void file_update_time(struct inode *inode)
{
	/* Once per tick will do: as on Linux, whose file times move in steps of a tick too. */
	if (inode->i_written_tick != READ_ONCE(ktime_coarse_ns))
		__file_update_time(inode);
}

/*
 * The operations of an inode of @inode->i_mode and i_rdev that is a device, a fifo or a socket, whatever
 * file system it is on (fs/devfs.c).
 */
void init_special_inode(struct inode *inode);

/* --- regular files through the page cache (fs/generic.c): slots of file_operations --- */
ssize_t generic_file_read(struct file *file, char *buf, size_t count, loff_t *pos);
ssize_t generic_file_write(struct file *file, const char *buf, size_t count, loff_t *pos);
/*
 * writev(2) in one piece: of the file's size and limits it asks once, and nobody writes in between.
 * The parts at @vec, of import_iovec(), have @count bytes together, which is not 0. @append: to the
 * end, as with O_APPEND.
 */
ssize_t generic_file_writev(struct file *file, const struct iovec *vec, size_t count, loff_t *pos,
			    bool append);
ssize_t generic_file_write_kernel(struct file *file, const char *data, size_t count, loff_t *pos);
loff_t generic_file_llseek(struct file *file, loff_t offset, int whence);
/* lseek(2)'s whence */
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define SEEK_DATA 3
#define SEEK_HOLE 4
/* Seek in a file of @size bytes; also for directories and devices. New offset or -EINVAL. */
loff_t generic_llseek_size(struct file *file, loff_t offset, int whence, loff_t size);

/* --- file system types and mounts (fs/mount.c) --- */
struct file_system_type {
	const char *name;
	bool needs_device;
	bool single; /* there is one, however often it is mounted: twice at one place is -EBUSY */
	/*
	 * Fill in s_op, s_root, ... of the zeroed @sb (s_bdev, s_flags, s_dev, s_type are set). 0
	 * or -errno, nothing held.
	 */
	int (*fill_super)(struct super_block *sb, const struct file_system_type *type);
	const void *data;         /* the type's own */
	struct list_head list;    /* mount mutex */
};

int register_filesystem(struct file_system_type *type);
/* A file system of @type in memory, to be filled in, that is mounted nowhere. NULL: out of memory. */
struct super_block *alloc_super(const struct file_system_type *type);
/* For /proc/mounts and /proc/filesystems, in order. @fn must not mount. */
void for_each_super(void (*fn)(struct super_block *sb, void *arg), void *arg);
void for_each_filesystem(void (*fn)(const struct file_system_type *type, void *arg), void *arg);
/* Path of the place where @sb is mounted, into buf (result is end-aligned in it). */
char *mount_path(struct super_block *sb, char *buf, int size);
int sync_filesystem(struct super_block *sb);
/* From now on nothing of @sb is written; on the disk it is clean. 0, -EBUSY (files are open), -EIO. */
int make_read_only(struct super_block *sb);
/* The root of everything, counted; NULL before it is mounted. */
struct dentry *get_root(void);

#endif
