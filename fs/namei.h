/* SPDX-License-Identifier: MIT */
/*
 * Paths: from a text to a dentry. Limits and errors are Linux's: 40 links (-ELOOP), 255 bytes a
 * name and 4095 a path (-ENAMETOOLONG). Whoever may not search a directory gets no further (-EACCES).
 */
#ifndef FS_NAMEI_H
#define FS_NAMEI_H

#include "fs/dentry.h"
#include "kernel/core/vfs.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct file;

#define AT_EACCESS 0x200
#define AT_REMOVEDIR 0x200
#define AT_SYMLINK_FOLLOW 0x400
#define AT_NO_AUTOMOUNT 0x800
#define AT_STATX_SYNC_TYPE 0x6000

#define LOOKUP_FOLLOW 1u    /* a link at the end is followed */
#define LOOKUP_EMPTY 2u     /* "" is the directory (or file) of the descriptor itself */
#define LOOKUP_DIRECTORY 4u /* the result must be a directory */
#define LOOKUP_REAL 8u      /* walk as who current really is: access(2) */

/* What the last component is. */
enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

/* A path on its way. Zero it, then walk_start(); end with walk_end(). */
struct walk {
	struct dentry *at;     /* counted: where the walk stands */
	char *text;            /* allocated; links are spliced into it */
	const char *rest;      /* of text: still to be walked */
	const char *last;      /* after walk_parent(): the last component, NUL-terminated */
	unsigned int last_len;
	enum last_type last_type;
	bool trailing;         /* slashes follow it */
	bool real;             /* LOOKUP_REAL */
	unsigned int links;    /* followed so far */
	unsigned int size;     /* of text, bytes */
};

/* A user string as a kernel one (free with kfree()): ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOMEM). */
char *getname(const char __user *path);

/*
 * Begin at the root, or at @dfd for a relative @text, which is taken over (freed on failure too).
 */
int walk_start(struct walk *w, int dfd, char *text);
/* Walk to the directory of the last component: it is w->at then. */
int walk_parent(struct walk *w);
/* Both, for a user's @path, which may not be empty. After a failure there is nothing to end. */
int walk_to_parent(struct walk *w, int dfd, const char __user *path);
/*
 * w->at is a link's directory, @link the last component: go on with the link's text, up to its
 * own last component. -ELOOP, or -EACCES: see protected_symlinks. Drops the reference on @link.
 */
int walk_follow(struct walk *w, struct dentry *link);
/* Resolve the last component: w->at becomes the object. LOOKUP_* as below. */
int walk_last(struct walk *w, unsigned int flags);
void walk_end(struct walk *w);
/* The dentry where it stands, whose reference is the caller's now: only walk_end() may follow. */
static inline struct dentry *walk_take(struct walk *w)
{
	struct dentry *dentry = w->at;

	w->at = NULL;
	return dentry;
}

/*
 * The child @name of directory @dir, mounts followed; negative if there is none. Counted, or
 * ERR_PTR. @locked: the caller holds dir's i_rwsem.
 */
struct dentry *lookup_one(struct dentry *dir, const char *name, unsigned int len, bool locked);

/* The object at @path (user or, _k, kernel memory). Counted, positive, or ERR_PTR. */
struct dentry *user_path_at(int dfd, const char __user *path, unsigned int flags);
struct dentry *kern_path_at(int dfd, const char *path, unsigned int flags);
static inline struct dentry *kern_path(const char *path, unsigned int flags)
{
	return kern_path_at(AT_FDCWD, path, flags);
}

/* /proc/sys/fs: are links in sticky directories, and other users' files, kept from being traps? */
extern int protected_symlinks, protected_hardlinks;

#endif
