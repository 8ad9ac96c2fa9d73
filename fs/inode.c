/* SPDX-License-Identifier: MIT */
/* The inode cache: finding, counting, dirtying and dropping inodes. See fs/inode.h. */
#include "fs/inode.h"

#include "fs/dentry.h"
#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/wait.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/writeback.h"
#include "mm/reclaim/reclaim.h"

#define HASH_BITS 9

static struct hlist_head inode_hash[1 << HASH_BITS]; /* inode_lock */
static DEFINE_SPINLOCK(inode_lock_);
static LIST_HEAD(unused_inodes);       /* inode_lock; oldest first */
static unsigned long inodes_in_memory; /* inode_lock */
/* Waiters for I_NEW, I_FREEING or I_SYNC of any inode to go: rare, so one queue serves all. */
static DECLARE_WAIT_QUEUE_HEAD(inode_wait);
static DEFINE_MUTEX(sync_mutex); /* sync_inodes_sb() */

static struct hlist_head *hash_bucket(const struct super_block *sb, unsigned long ino)
{
	unsigned long key = ((unsigned long)sb >> 6) ^ (ino * 0x9e3779b97f4a7c15UL);

	return &inode_hash[key >> (64 - HASH_BITS)];
}

/* Initialise the memory of alloc_inode(). */
static void inode_init_once(struct inode *inode)
{
	memset(inode, 0, sizeof(*inode));
	address_space_init(&inode->i_data, inode, NULL, &inode->i_size);
	inode->i_mapping = &inode->i_data;
	init_rwsem(&inode->i_rwsem, "i_rwsem");
	inode->i_count = 1;
	inode->i_nlink = 1;
	INIT_HLIST_NODE(&inode->i_hash);
	INIT_LIST_HEAD(&inode->i_locks);
	INIT_LIST_HEAD(&inode->i_lru);
	INIT_LIST_HEAD(&inode->i_dirty);
	INIT_LIST_HEAD(&inode->i_sb_list);
}

static struct inode *alloc_inode(struct super_block *sb)
{
	struct inode *inode = sb->s_op->alloc_inode(sb);

	if (inode) {
		inode_init_once(inode);
		inode->i_sb = sb;
	}
	return inode;
}

struct inode *new_inode(struct super_block *sb)
{
	struct inode *inode = alloc_inode(sb);

	if (!inode)
		return NULL;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time();
	spin_lock(&inode_lock_);
	list_add(&inode->i_sb_list, &sb->s_inodes);
	inodes_in_memory++;
	spin_unlock(&inode_lock_);
	return inode;
}

static struct inode *find_inode(struct super_block *sb, unsigned long ino)
{
	struct inode *inode;

	hlist_for_each_entry(inode, hash_bucket(sb, ino), i_hash)
		if (inode->i_ino == ino && inode->i_sb == sb)
			return inode;
	return NULL;
}

static void get_locked(struct inode *inode)
{
	if (inode->i_count++ == 0)
		list_del_init(&inode->i_lru);
}

/*
 * Take @fresh into the cache, or a reference on the inode that is there already; NULL when there is
 * none and no @fresh was given. Inodes on their way out are waited for.
 */
static struct inode *find_or_insert(struct super_block *sb, unsigned long ino, struct inode *fresh)
{
	struct inode *inode;
	bool freeing;

	for (;;) {
		DEFINE_WAIT(wait);

		spin_lock(&inode_lock_);
		inode = find_inode(sb, ino);
		freeing = inode && (inode->i_state & I_FREEING);
		if (inode && !freeing) {
			get_locked(inode);
		} else if (!inode && fresh) {
			hlist_add_head(&fresh->i_hash, hash_bucket(sb, ino));
			list_add(&fresh->i_sb_list, &sb->s_inodes);
			inodes_in_memory++;
			inode = fresh;
		}
		if (freeing)
			prepare_to_wait(&inode_wait, &wait, TASK_UNINTERRUPTIBLE);
		spin_unlock(&inode_lock_);
		if (!freeing)
			return inode;
		schedule();
		finish_wait(&inode_wait, &wait);
	}
}

struct inode *iget_locked(struct super_block *sb, unsigned long ino)
{
	struct inode *inode = find_or_insert(sb, ino, NULL), *fresh;

	if (!inode) {
		fresh = alloc_inode(sb);
		if (!fresh)
			return NULL;
		fresh->i_ino = ino;
		fresh->i_state = I_NEW;
		inode = find_or_insert(sb, ino, fresh);
		if (inode == fresh)
			return inode;
		sb->s_op->free_inode(fresh);
	}
	wait_event(inode_wait, !(READ_ONCE(inode->i_state) & I_NEW));
	if (hlist_unhashed(&inode->i_hash)) { /* the one who read it in failed */
		iput(inode);
		return NULL;
	}
	return inode;
}

void unlock_new_inode(struct inode *inode)
{
	spin_lock(&inode_lock_);
	inode->i_state &= ~I_NEW;
	spin_unlock(&inode_lock_);
	wake_up_all(&inode_wait);
}

void iget_failed(struct inode *inode)
{
	spin_lock(&inode_lock_);
	hlist_del_init(&inode->i_hash);
	inode->i_nlink = 1; /* nothing of it is to be freed on the disk */
	spin_unlock(&inode_lock_);
	unlock_new_inode(inode);
	iput(inode);
}

int insert_inode_hash(struct inode *inode)
{
	struct inode *old;
	bool alive;

	/* new_inode() put it on the list of its super block already: only the hash is new. */
	for (;;) {
		DEFINE_WAIT(wait);

		spin_lock(&inode_lock_);
		old = find_inode(inode->i_sb, inode->i_ino);
		alive = old && !(old->i_state & I_FREEING);
		if (old && !alive)
			prepare_to_wait(&inode_wait, &wait, TASK_UNINTERRUPTIBLE);
		else if (!old)
			hlist_add_head(&inode->i_hash, hash_bucket(inode->i_sb, inode->i_ino));
		spin_unlock(&inode_lock_);
		if (!old || alive)
			return alive ? -EEXIST : 0;
		schedule();
		finish_wait(&inode_wait, &wait);
	}
}

struct inode *ihold(struct inode *inode)
{
	spin_lock(&inode_lock_);
	inode->i_count++;
	spin_unlock(&inode_lock_);
	return inode;
}

/* State is I_FREEING: nobody else can get at it. */
static void evict(struct inode *inode)
{
	const struct super_operations *ops = inode->i_sb->s_op;

	writeback_forget(&inode->i_data);
	truncate_inode_pages(&inode->i_data);
	if (ops->evict_inode)
		ops->evict_inode(inode);
	spin_lock(&inode_lock_);
	list_del_init(&inode->i_dirty);
	list_del_init(&inode->i_sb_list);
	hlist_del_init(&inode->i_hash);
	inodes_in_memory--;
	spin_unlock(&inode_lock_);
	wake_up_all(&inode_wait);
	ops->free_inode(inode);
}

void iput(struct inode *inode)
{
	if (!inode)
		return;
	might_sleep();
	spin_lock(&inode_lock_);
	ASSERT(inode->i_count > 0);
	if (--inode->i_count) {
		spin_unlock(&inode_lock_);
		return;
	}
	if (inode->i_nlink && !hlist_unhashed(&inode->i_hash)) {
		list_add_tail(&inode->i_lru, &unused_inodes);
		spin_unlock(&inode_lock_);
		return;
	}
	inode->i_state |= I_FREEING;
	list_del_init(&inode->i_dirty);
	spin_unlock(&inode_lock_);
	evict(inode);
}

void mark_inode_dirty(struct inode *inode)
{
	/* What was changed must be seen by a writer of the inode whose I_DIRTY this still finds. */
	smp_mb();
	if ((READ_ONCE(inode->i_state) & I_DIRTY) || !inode->i_sb->s_op->write_inode)
		return;
	spin_lock(&inode_lock_);
	if (!(inode->i_state & (I_DIRTY | I_FREEING))) {
		inode->i_state |= I_DIRTY;
		list_add_tail(&inode->i_dirty, &inode->i_sb->s_dirty);
	}
	spin_unlock(&inode_lock_);
}

/* inode_lock held; let go of while others are writing the inode. */
static void wait_for_sync(struct inode *inode)
{
	while (inode->i_state & I_SYNC) {
		DEFINE_WAIT(wait);

		prepare_to_wait(&inode_wait, &wait, TASK_UNINTERRUPTIBLE);
		spin_unlock(&inode_lock_);
		schedule();
		finish_wait(&inode_wait, &wait);
		spin_lock(&inode_lock_);
	}
}

int write_inode_now(struct inode *inode)
{
	bool dirty;
	int err;

	spin_lock(&inode_lock_);
	wait_for_sync(inode); /* clean, yet maybe not written: who syncs waits for that, too */
	dirty = inode->i_state & I_DIRTY;
	if (dirty)
		inode->i_state ^= I_DIRTY | I_SYNC;
	list_del_init(&inode->i_dirty);
	spin_unlock(&inode_lock_);
	if (!dirty)
		return 0;
	smp_mb(); /* clean before the fields are read: pairs with mark_inode_dirty() */
	err = inode->i_sb->s_op->write_inode(inode);
	spin_lock(&inode_lock_);
	inode->i_state &= ~I_SYNC;
	spin_unlock(&inode_lock_);
	wake_up_all(&inode_wait);
	return err;
}

int sync_inodes_sb(struct super_block *sb)
{
	LIST_HEAD(todo);
	struct inode *inode;
	int err = 0, result;

	/* One at a time: on the list of another are inodes that the caller wants written, too. */
	mutex_lock(&sync_mutex);
	/* A list of our own: what is dirtied meanwhile is for the next time. */
	spin_lock(&inode_lock_);
	list_splice_init(&sb->s_dirty, &todo);
	while (!list_empty(&todo)) {
		inode = list_first_entry(&todo, struct inode, i_dirty);
		if (inode->i_state & (I_FREEING | I_NEW)) {
			list_del_init(&inode->i_dirty);
			inode->i_state &= ~I_DIRTY;
			continue;
		}
		get_locked(inode);
		spin_unlock(&inode_lock_);
		result = write_inode_now(inode);
		if (!err)
			err = result;
		iput(inode);
		spin_lock(&inode_lock_);
	}
	spin_unlock(&inode_lock_);
	mutex_unlock(&sync_mutex);
	return err;
}

/* inode_lock held: may it go without any I/O? */
static bool freeable(const struct inode *inode)
{
	return !inode->i_count && !(inode->i_state & (I_DIRTY | I_NEW | I_FREEING)) &&
	       !inode->i_data.nrpages && list_empty(&inode->i_data.dirty_list);
}

/* Free up to @nr unused clean inodes without pages; returns how many. */
static unsigned long prune_icache(unsigned long nr)
{
	struct inode *inode, *next;
	unsigned long freed = 0;
	LIST_HEAD(doomed);

	spin_lock(&inode_lock_);
	list_for_each_entry_safe(inode, next, &unused_inodes, i_lru) {
		if (freed == nr)
			break;
		if (!freeable(inode))
			continue;
		inode->i_state |= I_FREEING;
		list_move(&inode->i_lru, &doomed);
		freed++;
	}
	spin_unlock(&inode_lock_);
	list_for_each_entry_safe(inode, next, &doomed, i_lru)
		evict(inode);
	return freed;
}

bool evict_inodes(struct super_block *sb)
{
	struct inode *inode, *next;
	LIST_HEAD(doomed);
	bool empty;

	spin_lock(&inode_lock_);
	list_for_each_entry_safe(inode, next, &sb->s_inodes, i_sb_list) {
		if (inode->i_count || (inode->i_state & (I_NEW | I_FREEING)))
			continue;
		inode->i_state |= I_FREEING;
		list_move(&inode->i_lru, &doomed);
	}
	spin_unlock(&inode_lock_);
	list_for_each_entry_safe(inode, next, &doomed, i_lru)
		evict(inode);
	spin_lock(&inode_lock_);
	empty = list_empty(&sb->s_inodes);
	spin_unlock(&inode_lock_);
	return empty;
}

void evict_orphans(struct super_block *sb)
{
	struct inode *inode, *found;

	do {
		found = NULL;
		spin_lock(&inode_lock_);
		list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
			if (!inode->i_nlink && !(inode->i_state & (I_FREEING | I_NEW))) {
				found = inode;
				inode->i_state |= I_FREEING; /* stays in memory, for who holds it */
				list_del_init(&inode->i_dirty);
				break;
			}
		}
		spin_unlock(&inode_lock_);
		if (found && sb->s_op->evict_inode)
			sb->s_op->evict_inode(found);
	} while (found);
}

bool sb_has_writers(struct super_block *sb)
{
	struct inode *inode;
	bool found = false;

	spin_lock(&inode_lock_);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list)
		if (atomic_read(&inode->i_writecount) > 0 || (inode->i_count && !inode->i_nlink))
			found = true;
	spin_unlock(&inode_lock_);
	return found;
}

unsigned long nr_inodes(void)
{
	return inodes_in_memory;
}

struct timespec current_time(void)
{
	u64 now = ktime_get_real_ns();

	return (struct timespec){ (s64)(now / NSEC_PER_SEC), (s64)(now % NSEC_PER_SEC) };
}

static bool not_after(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec);
}

void touch_atime(struct inode *inode)
{
	unsigned long flags = inode->i_sb->s_flags;
	struct timespec now;

	if (flags & (SB_RDONLY | SB_NOATIME) || (flags & SB_NODIRATIME && S_ISDIR(inode->i_mode)))
		return;
	now = current_time();
	if (!(flags & SB_STRICTATIME) && !not_after(inode->i_atime, inode->i_mtime) &&
	    !not_after(inode->i_atime, inode->i_ctime) &&
	    now.tv_sec - inode->i_atime.tv_sec < 24 * 60 * 60)
		return;
	inode->i_atime = now;
	mark_inode_dirty(inode);
}

void __file_update_time(struct inode *inode)
{
	inode->i_written_tick = READ_ONCE(ktime_coarse_ns);
	inode->i_mtime = inode->i_ctime = current_time();
	mark_inode_dirty(inode);
}

/* Unused names first: they hold inodes. */
static unsigned long shrink_caches(unsigned long nr)
{
	return prune_dcache(nr) + prune_icache(nr);
}

void inode_cache_init(void)
{
	register_shrinker(shrink_caches);
}
