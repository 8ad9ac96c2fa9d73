/* SPDX-License-Identifier: MIT */
/*
 * Names: the cache of what path components lead to. A dentry is a name in a directory; its inode,
 * or NULL (negative) for a name known not to exist. Each child holds a reference on its parent, so
 * a dentry's way up to the root is always in memory.
 *
 * Lock: dcache_lock, a spinlock, for everything here. Context: process; dput() may sleep.
 */
#ifndef FS_DENTRY_H
#define FS_DENTRY_H

#include "lib/list.h"
#include "lib/types.h"

struct inode;
struct super_block;

#define DNAME_INLINE 40

/* d_flags */
#define DENTRY_NOCACHE 1u /* freed with its last user, revalidated before each use */

struct dentry {
	int d_count;
	unsigned int d_flags;
	struct super_block *d_sb;      /* constant */
	struct inode *d_inode;         /* counted; set once, under the directory's i_rwsem */
	struct dentry *d_parent;       /* counted; itself for a root */
	struct super_block *d_mounted; /* what is mounted here */
	struct hlist_node d_hash;
	struct list_head d_child;      /* of d_parent->d_children */
	struct list_head d_children;
	struct list_head d_lru;        /* unused ones */
	u32 d_name_hash, d_len;
	char *d_name;                  /* NUL-terminated; or directory's i_rwsem to read */
	char d_iname[DNAME_INLINE];
};

void dcache_init(void);
struct dentry *dget(struct dentry *dentry);
/* Drop a reference. An unused name stays in the cache if it is hashed. NULL is fine. */
void dput(struct dentry *dentry);
/* The cached child @name[0..len), counted, or NULL. */
struct dentry *d_lookup(struct dentry *parent, const char *name, unsigned int len);
/* A new negative child, not hashed. Counted; NULL: out of memory. */
struct dentry *d_alloc(struct dentry *parent, const char *name, unsigned int len);
/*
 * Give it its inode (the caller's reference goes in; NULL: negative) and make it findable. False, and
 * nothing was done: the inode is a directory that has another name already, as only a damaged disk
 * can say; two names would be two orders to lock it in.
 */
bool d_add(struct dentry *dentry, struct inode *inode);
/* A hashed negative dentry gets its inode. */
void d_instantiate(struct dentry *dentry, struct inode *inode);
/* Nobody will find it any more (removed name). */
void d_drop(struct dentry *dentry);
bool d_unhashed(const struct dentry *dentry);
/* Rename: @dentry takes parent and name of @target, which is dropped. */
void d_move(struct dentry *dentry, struct dentry *target);
/* After an exchange: each takes the other's place and name. */
void d_exchange(struct dentry *a, struct dentry *b);
/* The root of a file system; takes the inode's reference, also on failure (NULL). */
struct dentry *d_make_root(struct super_block *sb, struct inode *inode);
/* Is @dentry below or at @ancestor, within one file system? */
bool is_subdir(const struct dentry *dentry, const struct dentry *ancestor);
/*
 * Hang @sb over @target, whose reference is taken. The caller holds the i_rwsem of its inode, so that
 * it is not just being removed. 0; -EBUSY: something is mounted there; -ENOENT: it was removed.
 */
int d_mount(struct super_block *sb, struct dentry *target);
/*
 * Take @sb out of the tree of names if nobody but @users references to its root is in it: the dentry
 * it was mounted on, whose reference is the caller's now. NULL: it is in use.
 */
struct dentry *d_unmount(struct super_block *sb, int users);
/* The root of what is mounted on @dentry; what the root @dentry is mounted on. Counted, or NULL. */
struct dentry *dget_mounted(const struct dentry *dentry);
struct dentry *dget_mountpoint(const struct dentry *dentry);
/* dentry's parent, counted. */
struct dentry *dget_parent(struct dentry *dentry);
/*
 * The path from the caller's root, end-aligned in buf; from the root of everything if it does not lead
 * there. @how: a removed name ends in " (deleted)"; a path that does not begin at the caller's root
 * begins with "(unreachable)". ERR_PTR(-ENAMETOOLONG).
 */
#define D_PATH_DELETED 1u
#define D_PATH_UNREACHABLE 2u
char *d_path(struct dentry *dentry, char *buf, int size, unsigned int how);
/* Free up to @nr unused dentries, oldest first. */
unsigned long prune_dcache(unsigned long nr);
/* Free all unused dentries of @sb (unmount). */
void shrink_dcache_sb(struct super_block *sb);
unsigned long nr_dentries(void);

#endif
