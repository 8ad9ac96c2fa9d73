/* SPDX-License-Identifier: MIT */
/* The name cache: see fs/dentry.h. */
#include "fs/dentry.h"

#include "fs/file.h"
#include "fs/inode.h"
#include "fs/name_hash.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/slab.h"

#define HASH_BITS 9

static DEFINE_SPINLOCK(dcache_lock);
unsigned int names_changed; /* dcache_lock to change */
static struct hlist_head dentry_hash[1 << HASH_BITS]; /* dcache_lock */
static LIST_HEAD(unused_dentries);                    /* dcache_lock; oldest first */
static unsigned long dentries_in_memory;              /* dcache_lock */
static struct kmem_cache *dentry_cache;

void dcache_init(void)
{
	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 0);
}

static struct hlist_head *hash_bucket(const struct dentry *parent, u32 hash)
{
	u64 key = ((u64)parent >> 6) + hash;

	return &dentry_hash[(key * 0x9e3779b97f4a7c15ULL) >> (64 - HASH_BITS)];
}

struct dentry *dget(struct dentry *dentry)
{
	spin_lock(&dcache_lock);
	if (dentry->d_count++ == 0)
		list_del_init(&dentry->d_lru);
	spin_unlock(&dcache_lock);
	return dentry;
}

/*
 * Free an unused dentry. dcache_lock is held, and released. Returns the parent, whose reference is
 * the caller's now; NULL for a root.
 */
static struct dentry *dentry_kill(struct dentry *dentry)
{
	struct dentry *parent = dentry->d_parent == dentry ? NULL : dentry->d_parent;

	hlist_del_init(&dentry->d_hash);
	list_del_init(&dentry->d_lru);
	list_del_init(&dentry->d_child);
	if (dentry->d_inode)
		dentry->d_inode->i_names--;
	dentries_in_memory--;
	spin_unlock(&dcache_lock);
	iput(dentry->d_inode);
	if (dentry->d_name != dentry->d_iname)
		kfree(dentry->d_name);
	kmem_cache_free(dentry_cache, dentry);
	return parent;
}

void dput(struct dentry *dentry)
{
	while (dentry) {
		spin_lock(&dcache_lock);
		ASSERT(dentry->d_count > 0);
		if (--dentry->d_count) {
			spin_unlock(&dcache_lock);
			return;
		}
		if (!hlist_unhashed(&dentry->d_hash) && !(dentry->d_flags & DENTRY_NOCACHE)) {
			list_add_tail(&dentry->d_lru, &unused_dentries);
			spin_unlock(&dcache_lock);
			return;
		}
		dentry = dentry_kill(dentry);
	}
}

struct dentry *d_lookup(struct dentry *parent, const char *name, unsigned int len)
{
	u32 hash = name_hash(name, len);
	struct dentry *dentry;

	spin_lock(&dcache_lock);
	hlist_for_each_entry(dentry, hash_bucket(parent, hash), d_hash) {
		if (dentry->d_name_hash != hash || dentry->d_parent != parent ||
		    dentry->d_len != len || !same_name(dentry->d_name, name, len))
			continue;
		if (dentry->d_count++ == 0)
			list_del_init(&dentry->d_lru);
		break;
	}
	spin_unlock(&dcache_lock);
	return dentry;
}

static bool set_name(struct dentry *dentry, const char *name, unsigned int len)
{
	dentry->d_name = dentry->d_iname;
	if (len >= DNAME_INLINE)
		dentry->d_name = kmalloc(len + 1, GFP_KERNEL);
	if (!dentry->d_name)
		return false;
	memcpy(dentry->d_name, name, len);
	dentry->d_name[len] = '\0';
	dentry->d_len = len;
	dentry->d_name_hash = name_hash(name, len);
	return true;
}

static struct dentry *alloc_dentry(struct super_block *sb, const char *name, unsigned int len)
{
	struct dentry *dentry = kmem_cache_alloc(dentry_cache, GFP_KERNEL | __GFP_ZERO);

	if (!dentry)
		return NULL;
	if (!set_name(dentry, name, len)) {
		kmem_cache_free(dentry_cache, dentry);
		return NULL;
	}
	dentry->d_count = 1;
	dentry->d_sb = sb;
	INIT_HLIST_NODE(&dentry->d_hash);
	INIT_LIST_HEAD(&dentry->d_child);
	INIT_LIST_HEAD(&dentry->d_children);
	INIT_LIST_HEAD(&dentry->d_lru);
	return dentry;
}

struct dentry *d_alloc(struct dentry *parent, const char *name, unsigned int len)
{
	struct dentry *dentry = alloc_dentry(parent->d_sb, name, len);

	if (!dentry)
		return NULL;
	spin_lock(&dcache_lock);
	dentry->d_parent = parent;
	parent->d_count++; /* the caller holds one: it is not on the unused list */
	list_add(&dentry->d_child, &parent->d_children);
	dentries_in_memory++;
	spin_unlock(&dcache_lock);
	return dentry;
}

struct dentry *d_make_root(struct super_block *sb, struct inode *inode)
{
	struct dentry *dentry = alloc_dentry(sb, "/", 1);

	if (!dentry) {
		iput(inode);
		return NULL;
	}
	dentry->d_parent = dentry;
	spin_lock(&dcache_lock);
	dentry->d_inode = inode;
	inode->i_names++;
	dentries_in_memory++;
	spin_unlock(&dcache_lock);
	return dentry;
}

/* dcache_lock held. */
static void set_inode(struct dentry *dentry, struct inode *inode)
{
	dentry->d_inode = inode;
	if (inode)
		inode->i_names++;
}

bool d_add(struct dentry *dentry, struct inode *inode)
{
	bool alone;

	spin_lock(&dcache_lock);
	alone = !inode || !S_ISDIR(inode->i_mode) || !inode->i_names;
	if (alone) {
		set_inode(dentry, inode);
		hlist_add_head(&dentry->d_hash, hash_bucket(dentry->d_parent, dentry->d_name_hash));
	}
	spin_unlock(&dcache_lock);
	return alone;
}

void d_instantiate(struct dentry *dentry, struct inode *inode)
{
	spin_lock(&dcache_lock);
	ASSERT(!dentry->d_inode);
	set_inode(dentry, inode);
	spin_unlock(&dcache_lock);
}

void d_drop(struct dentry *dentry)
{
	spin_lock(&dcache_lock);
	names_changed++;
	hlist_del_init(&dentry->d_hash);
	spin_unlock(&dcache_lock);
}

bool d_unhashed(const struct dentry *dentry)
{
	return hlist_unhashed(&dentry->d_hash);
}

/*
 * The two exchange names, so that neither needs memory, and keep their places as children of the
 * right parents. Both leave the hash. dcache_lock held.
 */
static void exchange_names(struct dentry *a, struct dentry *b)
{
	bool a_inline = a->d_name == a->d_iname, b_inline = b->d_name == b->d_iname;
	char inline_name[DNAME_INLINE];

	names_changed++;
	hlist_del_init(&a->d_hash);
	hlist_del_init(&b->d_hash);
	memcpy(inline_name, a->d_iname, DNAME_INLINE);
	memcpy(a->d_iname, b->d_iname, DNAME_INLINE);
	memcpy(b->d_iname, inline_name, DNAME_INLINE);
	swap(a->d_name, b->d_name);
	if (b_inline)
		a->d_name = a->d_iname;
	if (a_inline)
		b->d_name = b->d_iname;
	swap(a->d_len, b->d_len);
	swap(a->d_name_hash, b->d_name_hash);
	swap(a->d_parent, b->d_parent);
	list_move(&a->d_child, &a->d_parent->d_children);
	list_move(&b->d_child, &b->d_parent->d_children);
}

static void rehash(struct dentry *dentry)
{
	hlist_add_head(&dentry->d_hash, hash_bucket(dentry->d_parent, dentry->d_name_hash));
}

void d_move(struct dentry *dentry, struct dentry *target)
{
	spin_lock(&dcache_lock);
	exchange_names(dentry, target);
	rehash(dentry);
	spin_unlock(&dcache_lock);
}

void d_exchange(struct dentry *a, struct dentry *b)
{
	spin_lock(&dcache_lock);
	exchange_names(a, b);
	rehash(a);
	rehash(b);
	spin_unlock(&dcache_lock);
}

bool is_subdir(const struct dentry *dentry, const struct dentry *ancestor)
{
	bool below;

	spin_lock(&dcache_lock);
	while (dentry != ancestor && dentry->d_parent != dentry)
		dentry = dentry->d_parent;
	below = dentry == ancestor;
	spin_unlock(&dcache_lock);
	return below;
}

int d_mount(struct super_block *sb, struct dentry *target)
{
	int err = 0;

	spin_lock(&dcache_lock);
	if (target->d_mounted)
		err = -EBUSY;
	else if (hlist_unhashed(&target->d_hash) && target->d_parent != target)
		err = -ENOENT;
	if (!err) {
		sb->s_mountpoint = target;
		target->d_mounted = sb;
	}
	spin_unlock(&dcache_lock);
	return err;
}

struct dentry *d_unmount(struct super_block *sb, int users)
{
	struct dentry *top = sb->s_root, *target = NULL;

	spin_lock(&dcache_lock);
	if (top->d_count == users + 1 && list_empty(&top->d_children) && !top->d_mounted) {
		target = sb->s_mountpoint;
		target->d_mounted = NULL;
		sb->s_mountpoint = NULL;
	}
	spin_unlock(&dcache_lock);
	return target;
}

struct dentry *dget_mounted(const struct dentry *dentry)
{
	struct dentry *top = NULL;

	if (likely(!READ_ONCE(dentry->d_mounted)))
		return NULL;
	spin_lock(&dcache_lock);
	if (dentry->d_mounted) {
		top = dentry->d_mounted->s_root;
		top->d_count++; /* being mounted holds one */
	}
	spin_unlock(&dcache_lock);
	return top;
}

struct dentry *dget_mountpoint(const struct dentry *dentry)
{
	struct dentry *target;

	if (likely(dentry != dentry->d_sb->s_root))
		return NULL;
	spin_lock(&dcache_lock);
	target = dentry->d_sb->s_mountpoint;
	if (target)
		target->d_count++; /* the mount holds one */
	spin_unlock(&dcache_lock);
	return target;
}

struct dentry *dget_parent(struct dentry *dentry)
{
	struct dentry *parent;

	spin_lock(&dcache_lock);
	parent = dentry->d_parent;
	parent->d_count++; /* its child holds one */
	spin_unlock(&dcache_lock);
	return parent;
}

/* Put @text[0..len) in front of what stands at *at; false when it does not fit. */
static bool prepend(char *buf, char **at, const char *text, unsigned int len)
{
	if ((size_t)(*at - buf) < len)
		return false;
	*at -= len;
	memcpy(*at, text, len);
	return true;
}

char *d_path(struct dentry *dentry, char *buf, int size, unsigned int how)
{
	const struct dentry *top = my_root();
	char *at = buf + size;
	bool fits = prepend(buf, &at, "", 1), any = false;

	spin_lock(&dcache_lock);
	if ((how & D_PATH_DELETED) && hlist_unhashed(&dentry->d_hash) && dentry->d_parent != dentry)
		fits = fits && prepend(buf, &at, " (deleted)", 10);
	while (fits && dentry != top) {
		if (dentry == dentry->d_sb->s_root) { /* go on from where it is mounted */
			if (!dentry->d_sb->s_mountpoint)
				break;
			dentry = dentry->d_sb->s_mountpoint;
			continue;
		}
		fits = prepend(buf, &at, dentry->d_name, dentry->d_len) &&
		       prepend(buf, &at, "/", 1);
		any = true;
		dentry = dentry->d_parent;
	}
	spin_unlock(&dcache_lock);
	if (fits && !any)
		fits = prepend(buf, &at, "/", 1);
	if (fits && top && dentry != top && (how & D_PATH_UNREACHABLE))
		fits = prepend(buf, &at, "(unreachable)", 13);
	return fits ? at : ERR_PTR(-ENAMETOOLONG);
}

void file_name(struct file *file, char *buf, size_t size)
{
	spin_lock(&dcache_lock);
	strlcpy(buf, file->f_dentry->d_name, size);
	spin_unlock(&dcache_lock);
}

unsigned long prune_dcache(unsigned long nr)
{
	unsigned long freed = 0;

	while (freed < nr) {
		struct dentry *dentry;

		spin_lock(&dcache_lock);
		dentry = list_first_entry_or_null(&unused_dentries, struct dentry, d_lru);
		if (!dentry) {
			spin_unlock(&dcache_lock);
			break;
		}
		dput(dentry_kill(dentry));
		freed++;
	}
	return freed;
}

void shrink_dcache_sb(struct super_block *sb)
{
	for (;;) {
		struct dentry *dentry, *found = NULL;

		spin_lock(&dcache_lock);
		list_for_each_entry(dentry, &unused_dentries, d_lru) {
			if (dentry->d_sb == sb) {
				found = dentry;
				break;
			}
		}
		if (!found) {
			spin_unlock(&dcache_lock);
			return;
		}
		dput(dentry_kill(found));
	}
}

unsigned long nr_dentries(void)
{
	return dentries_in_memory;
}
