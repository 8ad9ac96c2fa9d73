/* SPDX-License-Identifier: MIT */
/* The path walk. See fs/namei.h. */
#include "fs/namei.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/perm.h"
#include "kernel/core/printk.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define MAX_LINKS 40             /* Linux's MAXSYMLINKS */
#define LINK_TEXT (2 * PATH_MAX) /* room for a link's text and what follows it */

char *getname(const char __user *path)
{
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);
	long len;

	if (!text)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(text, path, PATH_MAX);
	if (len >= 0 && len < PATH_MAX)
		return text;
	kfree(text);
	return ERR_PTR(len < 0 ? len : -ENAMETOOLONG);
}

/*
 * Up from the root of a mounted file system to the place it is mounted on. Takes and gives a
 * reference.
 */
static struct dentry *follow_up(struct dentry *dentry)
{
	struct dentry *up;

	while ((up = dget_mountpoint(dentry))) {
		dput(dentry);
		dentry = up;
	}
	return dentry;
}

/* Down into what is mounted here. Takes and gives a reference. */
static struct dentry *follow_mount(struct dentry *dentry)
{
	struct dentry *down;

	while ((down = dget_mounted(dentry))) {
		dput(dentry);
		dentry = down;
	}
	return dentry;
}

/* The cache did not know: ask the file system. Directory locked. */
static struct dentry *lookup_slow(struct dentry *dir, const char *name, unsigned int len)
{
	struct inode *dir_inode = dir->d_inode, *inode;
	struct dentry *dentry = d_lookup(dir, name, len); /* somebody else asked before us */

	if (dentry)
		return dentry;
	if (!dir_inode->i_nlink)
		return ERR_PTR(-ENOENT); /* removed while we stand in it */
	dentry = d_alloc(dir, name, len);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	inode = dir_inode->i_op->lookup(dir_inode, dentry);
	if (IS_ERR(inode)) {
		dput(dentry);
		return ERR_CAST(inode);
	}
	if (dir_inode->i_op->revalidate)
		dentry->d_flags |= DENTRY_NOCACHE;
	if (d_add(dentry, inode))
		return dentry;
	pr_err("fs: directory %lu of %s has two names; repair the disk with e2fsck\n", inode->i_ino,
	       inode->i_sb->s_source);
	iput(inode);
	dput(dentry);
	return ERR_PTR(-EUCLEAN);
}

struct dentry *lookup_one(struct dentry *dir, const char *name, unsigned int len, bool locked)
{
	struct inode *inode = dir->d_inode;
	struct dentry *dentry;

	if (!S_ISDIR(inode->i_mode))
		return ERR_PTR(-ENOTDIR);
	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	dentry = d_lookup(dir, name, len);
	if (dentry && inode->i_op->revalidate && !inode->i_op->revalidate(inode, dentry)) {
		d_drop(dentry);
		dput(dentry);
		dentry = NULL;
	}
	if (!dentry) {
		if (!locked)
			inode_lock(inode);
		dentry = lookup_slow(dir, name, len);
		if (!locked)
			inode_unlock(inode);
	}
	return IS_ERR(dentry) ? dentry : follow_mount(dentry);
}

static void move_to(struct walk *w, struct dentry *dentry)
{
	dput(w->at);
	w->at = dentry;
}

int walk_start(struct walk *w, int dfd, char *text)
{
	struct file *file;
	int err;

	memset(w, 0, sizeof(*w));
	w->text = text;
	w->rest = text;
	w->size = PATH_MAX;
	if (*text == '/') {
		w->at = get_my_root();
	} else if (dfd == AT_FDCWD) {
		w->at = get_cwd();
	} else {
		file = fget((unsigned int)dfd);
		if (!file) {
			walk_end(w);
			return -EBADF;
		}
		if (file->f_dentry)
			w->at = dget(file->f_dentry);
		fput(file);
		if (!w->at || (*text && !S_ISDIR(w->at->d_inode->i_mode)))
			err = -ENOTDIR;
		else
			err = *text ? may_enter(w->at->d_inode) : 0;
		if (err) {
			walk_end(w);
			return err;
		}
	}
	return 0;
}

void walk_end(struct walk *w)
{
	dput(w->at);
	kfree(w->text);
	w->at = NULL;
	w->text = NULL;
}

/* ".." from where the walk stands; the parent of a root, or of the caller's, is itself. */
static void walk_up(struct walk *w)
{
	if (unlikely(w->at == my_root()))
		return;
	w->at = follow_up(w->at);
	move_to(w, follow_mount(dget_parent(w->at)));
}

/*
 * Replace the walked part of the text by the link's text: "target/rest". The link stands in w->at.
 * An object link moves the walk there and leaves only the rest.
 */
static int splice_link(struct walk *w, struct inode *inode)
{
	char *text;
	size_t rest_len;
	int len;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	touch_atime(inode);
	if (inode->i_op->get_link) {
		struct dentry *object = inode->i_op->get_link(inode);

		if (IS_ERR(object))
			return PTR_ERR(object);
		if (object) {
			move_to(w, object);
			return 0;
		}
	}
	text = kmalloc(LINK_TEXT, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	len = inode->i_op->readlink(inode, text, PATH_MAX);
	rest_len = strlen(w->rest);
	if (len <= 0 || len + 1 + rest_len + 1 > LINK_TEXT) {
		kfree(text);
		return len < 0 ? len : len == 0 ? -ENOENT : -ENAMETOOLONG;
	}
	text[len] = '/';
	memcpy(text + len + 1, w->rest, rest_len + 1);
	if (!rest_len) /* the link ends the path: no slash that was not there */
		text[len] = '\0';
	kfree(w->text);
	w->text = text;
	w->rest = text;
	w->size = LINK_TEXT;
	if (*text == '/')
		move_to(w, get_my_root());
	return 0;
}

/* One component that is not the last: its directory, or through its link. */
static int walk_step(struct walk *w, const char *name, unsigned int len)
{
	struct dentry *dentry = lookup_one(w->at, name, len, false);
	int err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (!dentry->d_inode) {
		dput(dentry);
		return -ENOENT;
	}
	if (S_ISLNK(dentry->d_inode->i_mode)) {
		err = splice_link(w, dentry->d_inode);
		dput(dentry);
		return err;
	}
	move_to(w, dentry);
	return S_ISDIR(dentry->d_inode->i_mode) ? 0 : -ENOTDIR;
}

/* Cut the next component off w->rest; false when there is none. */
static bool next_component(struct walk *w, const char **name, unsigned int *len, bool *is_last)
{
	const char *p = w->rest, *end;

	while (*p == '/')
		p++;
	if (!*p)
		return false;
	*name = p;
	while (*p && *p != '/')
		p++;
	*len = (unsigned int)(p - *name);
	end = p;
	while (*p == '/')
		p++;
	*is_last = !*p;
	w->trailing = *is_last && p != end;
	w->rest = p;
	return true;
}

int walk_parent(struct walk *w)
{
	const char *name;
	unsigned int len;
	bool is_last;
	int err;

	for (;;) {
		if (!next_component(w, &name, &len, &is_last)) {
			w->last_type = LAST_ROOT; /* "/", "//", or nothing after an object link */
			w->last = w->rest;
			w->last_len = 0;
			return 0;
		}
		err = w->real ? real_permission(w->at->d_inode, MAY_EXEC) :
				may_search(w->at->d_inode);
		if (err)
			return err;
		if (len == 1 && name[0] == '.')
			w->last_type = LAST_DOT;
		else if (len == 2 && name[0] == '.' && name[1] == '.')
			w->last_type = LAST_DOTDOT;
		else
			w->last_type = LAST_NORM;
		if (is_last) {
			if (!S_ISDIR(w->at->d_inode->i_mode))
				return -ENOTDIR;
			w->text[name - w->text + len] = '\0';
			w->last = name;
			w->last_len = len;
			return 0;
		}
		if (w->last_type == LAST_DOTDOT)
			walk_up(w);
		if (w->last_type != LAST_NORM)
			continue;
		err = walk_step(w, name, len);
		if (err)
			return err;
	}
}

int walk_to_parent(struct walk *w, int dfd, const char __user *path)
{
	char *text = getname(path);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!*text) {
		kfree(text);
		return -ENOENT;
	}
	err = walk_start(w, dfd, text);
	if (err)
		return err;
	err = walk_parent(w);
	if (err)
		walk_end(w);
	return err;
}

int protected_symlinks = 1; /* as of a Debian kernel */

/* In a directory that is everybody's, one follows nobody's links but one's own and its owner's. */
static bool may_follow(const struct inode *dir, const struct inode *link)
{
	return !READ_ONCE(protected_symlinks) || link->i_uid == current_fsuid() ||
	       (dir->i_mode & (S_ISVTX | 002)) != (S_ISVTX | 002) || link->i_uid == dir->i_uid;
}

int walk_follow(struct walk *w, struct dentry *link)
{
	bool trailing = w->trailing;
	int err;

	if (!may_follow(w->at->d_inode, link->d_inode)) {
		dput(link);
		return -EACCES;
	}
	w->rest = w->text + strlen(w->text); /* nothing is left but the link's own text */
	w->trailing = false;
	err = splice_link(w, link->d_inode);
	dput(link);
	if (!err)
		err = walk_parent(w);
	w->trailing |= trailing;
	return err;
}

int walk_last(struct walk *w, unsigned int flags)
{
	struct dentry *dentry;
	int err;

	for (;;) {
		if (w->last_type == LAST_DOTDOT)
			walk_up(w);
		if (w->last_type != LAST_NORM)
			break;
		dentry = lookup_one(w->at, w->last, w->last_len, false);
		if (IS_ERR(dentry))
			return PTR_ERR(dentry);
		if (!dentry->d_inode) {
			dput(dentry);
			return -ENOENT;
		}
		if (!S_ISLNK(dentry->d_inode->i_mode) ||
		    !((flags & LOOKUP_FOLLOW) || w->trailing)) {
			move_to(w, dentry);
			break;
		}
		err = walk_follow(w, dentry);
		if (err)
			return err;
	}
	if ((w->trailing || (flags & LOOKUP_DIRECTORY)) && !S_ISDIR(w->at->d_inode->i_mode))
		return -ENOTDIR;
	return 0;
}

/* @text is taken over. */
static struct dentry *path_lookup(int dfd, char *text, unsigned int flags)
{
	struct dentry *dentry;
	struct walk w;
	int err;

	if (!*text && !(flags & LOOKUP_EMPTY)) {
		kfree(text);
		return ERR_PTR(-ENOENT);
	}
	err = walk_start(&w, dfd, text);
	if (err)
		return ERR_PTR(err);
	w.real = flags & LOOKUP_REAL;
	err = walk_parent(&w);
	if (!err)
		err = walk_last(&w, flags);
	dentry = err ? ERR_PTR(err) : walk_take(&w);
	walk_end(&w);
	return dentry;
}

struct dentry *user_path_at(int dfd, const char __user *path, unsigned int flags)
{
	char *text = getname(path);

	return IS_ERR(text) ? ERR_CAST(text) : path_lookup(dfd, text, flags);
}

struct dentry *kern_path_at(int dfd, const char *path, unsigned int flags)
{
	char *text = kstrdup(path, GFP_KERNEL);

	return text ? path_lookup(dfd, text, flags) : ERR_PTR(-ENOMEM);
}
