/* SPDX-License-Identifier: MIT */
/* Advisory locks: see fs/locks.h. */
#include "fs/locks.h"

#include "fs/abi.h"
#include "fs/file.h"
#include "fs/syscalls.h"
#include "kernel/core/wait.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define LAST_BYTE ((loff_t)(~0ULL >> 1))

struct file_lock {
	struct list_head entry; /* inode->i_locks; locks of one owner by their start */
	const void *owner;
	pid_t pid;     /* for F_GETLK; -1: of an open file */
	bool is_flock; /* of flock(2): these and fcntl's know nothing of each other */
	int type;
	loff_t start, end; /* bytes, inclusive */
};

/* An owner of POSIX locks that sleeps until another has let go. */
struct lock_waiter {
	struct list_head entry;
	const void *owner, *waits_for; /* NULL: that one changed its locks, so try again */
};

static DEFINE_SPINLOCK(file_lock_lock);
static LIST_HEAD(lock_waiters); /* file_lock_lock */
/* Whoever waits for any lock: rare, so one queue serves all. */
static DECLARE_WAIT_QUEUE_HEAD(lock_wait);

static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* A lock that forbids @want, or NULL. file_lock_lock held. */
static struct file_lock *find_conflict(struct inode *inode, const struct file_lock *want)
{
	struct file_lock *lock;

	list_for_each_entry(lock, &inode->i_locks, entry)
		if (lock->owner != want->owner && lock->is_flock == want->is_flock &&
		    (lock->type == F_WRLCK || want->type == F_WRLCK) && overlap(lock, want))
			return lock;
	return NULL;
}

static void free_lock(struct file_lock *lock)
{
	list_del(&lock->entry);
	kfree(lock);
}

/* @owner has fewer locks now: nobody can be said to wait for it before having tried. Lock held. */
static void forget_waits_for(const void *owner)
{
	struct lock_waiter *waiter;

	list_for_each_entry(waiter, &lock_waiters, entry)
		if (waiter->waits_for == owner)
			waiter->waits_for = NULL;
}

void __remove_locks(struct inode *inode, const void *owner)
{
	struct file_lock *lock, *next;
	bool any = false;

	spin_lock(&file_lock_lock);
	list_for_each_entry_safe(lock, next, &inode->i_locks, entry) {
		if (lock->owner == owner) {
			free_lock(lock);
			any = true;
		}
	}
	forget_waits_for(owner);
	spin_unlock(&file_lock_lock);
	if (any)
		wake_up_all(&lock_wait);
}

/* --- fcntl: locks of ranges --- */

/* Do two locks of one owner and type make one? */
static bool touch(const struct file_lock *a, const struct file_lock *b)
{
	return (a->end == LAST_BYTE || b->start <= a->end + 1) &&
	       (b->end == LAST_BYTE || a->start <= b->end + 1);
}

/* Keep the order of locks: behind those of the same owner that begin before it. */
static void insert_lock(struct inode *inode, struct file_lock *new)
{
	struct file_lock *lock;
	bool met = false;

	list_for_each_entry(lock, &inode->i_locks, entry) {
		if (lock->owner == new->owner && lock->start < new->start)
			met = true;
		else if (lock->owner == new->owner || met)
			break;
	}
	list_add_tail(&new->entry, &lock->entry);
}

/*
 * @want replaces what its owner had of the range. @want and @spare are allocated: what is not needed
 * of them, or any more, is freed. file_lock_lock held.
 */
static void replace_range(struct inode *inode, struct file_lock *want, struct file_lock *spare)
{
	struct file_lock *lock, *next;

	list_for_each_entry_safe(lock, next, &inode->i_locks, entry) {
		if (lock->owner != want->owner || lock->is_flock)
			continue;
		if (lock->type == want->type && touch(lock, want)) {
			want->start = min(want->start, lock->start);
			want->end = max(want->end, lock->end);
			free_lock(lock);
		} else if (!overlap(lock, want)) {
			continue;
		} else if (lock->start < want->start && lock->end > want->end) {
			*spare = *lock;
			spare->start = want->end + 1;
			lock->end = want->start - 1;
			list_add(&spare->entry, &lock->entry);
			spare = NULL;
			break;
		} else if (lock->start < want->start) {
			lock->end = want->start - 1;
		} else if (lock->end > want->end) {
			lock->start = want->end + 1;
		} else {
			free_lock(lock);
		}
	}
	kfree(spare);
	forget_waits_for(want->owner);
	if (want->type == F_UNLCK)
		kfree(want);
	else
		insert_lock(inode, want);
}

/* Would @owner wait for itself, if it waited for @holder? file_lock_lock held. */
static bool is_deadlock(const void *owner, const void *holder)
{
	struct lock_waiter *waiter;

	for (int steps = 0; steps < 10; steps++) { /* Linux follows so many, too */
		const void *next = NULL;

		if (holder == owner)
			return true;
		list_for_each_entry(waiter, &lock_waiters, entry)
			if (waiter->owner == holder)
				next = waiter->waits_for;
		if (!next)
			return false;
		holder = next;
	}
	return false;
}

/*
 * Try once; @want and @spare are taken over on 0. -EAGAIN: somebody is in the way, and @waiter (if not
 * NULL) is noted to wait for that one. -EDEADLK: who waits for @waiter.
 */
static int try_range(struct inode *inode, struct file_lock *want, struct file_lock *spare,
		     struct lock_waiter *waiter)
{
	struct file_lock *conflict = NULL;
	int err = 0;

	spin_lock(&file_lock_lock);
	if (want->type != F_UNLCK)
		conflict = find_conflict(inode, want);
	if (!conflict) {
		replace_range(inode, want, spare);
	} else if (waiter && is_deadlock(waiter->owner, conflict->owner)) {
		err = -EDEADLK;
	} else {
		err = -EAGAIN;
		if (waiter)
			waiter->waits_for = conflict->owner;
	}
	spin_unlock(&file_lock_lock);
	return err;
}

static int wait_for_range(struct inode *inode, struct file_lock *want, struct file_lock *spare)
{
	/* Open files are shared: of them nobody can say who waits for whom. */
	struct lock_waiter waiter = { .owner = want->owner },
			   *noted = want->pid < 0 ? NULL : &waiter;
	DEFINE_WAIT(wait);
	int err;

	spin_lock(&file_lock_lock);
	list_add(&waiter.entry, &lock_waiters);
	spin_unlock(&file_lock_lock);
	for (;;) {
		prepare_to_wait(&lock_wait, &wait, TASK_INTERRUPTIBLE);
		err = try_range(inode, want, spare, noted);
		if (err == -EAGAIN && signal_pending(current))
			err = -ERESTARTSYS;
		if (err != -EAGAIN)
			break;
		schedule();
	}
	finish_wait(&lock_wait, &wait);
	spin_lock(&file_lock_lock);
	list_del(&waiter.entry);
	spin_unlock(&file_lock_lock);
	return err;
}

/* Linux's F_SETLK on a range made by set_range(). */
static int lock_range(struct inode *inode, const struct file_lock *wanted, bool may_wait)
{
	struct file_lock *want = kmalloc(sizeof(*want), GFP_KERNEL);
	struct file_lock *spare = kmalloc(sizeof(*spare), GFP_KERNEL);
	int err = -ENOLCK;

	if (want && spare) {
		*want = *wanted;
		err = may_wait ? wait_for_range(inode, want, spare) :
				 try_range(inode, want, spare, NULL);
	}
	if (err) {
		kfree(want);
		kfree(spare);
	} else {
		wake_up_all(&lock_wait); /* a write lock may have become a read lock */
	}
	return err;
}

/* The bytes that @flock means. 0, -EINVAL, -EOVERFLOW. */
static int set_range(struct file_lock *lock, const struct file *file, const struct flock *flock)
{
	loff_t start = flock->l_whence == SEEK_CUR ? file->f_pos :
		       flock->l_whence == SEEK_END ? file->f_inode->i_size :
						     0;

	if (flock->l_whence < SEEK_SET || flock->l_whence > SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(start, flock->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	lock->start = start;
	lock->end = LAST_BYTE;
	if (flock->l_len > 0) {
		if (__builtin_add_overflow(start, flock->l_len - 1, &lock->end))
			return -EOVERFLOW;
	} else if (flock->l_len < 0) {
		if (start + flock->l_len < 0)
			return -EINVAL;
		lock->start = start + flock->l_len;
		lock->end = start - 1;
	}
	return 0;
}

/* What the caller asks for, as a lock. 0 or -errno. */
static int import_lock(struct file_lock *lock, struct file *file, unsigned int cmd,
		       const struct flock *flock)
{
	bool of_file = cmd >= F_OFD_GETLK;
	int err = file->f_inode ? set_range(lock, file, flock) : -EINVAL;

	if (err)
		return err;
	if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK && flock->l_type != F_UNLCK)
		return -EINVAL;
	if (of_file && flock->l_pid)
		return -EINVAL;
	lock->is_flock = false;
	lock->type = flock->l_type;
	lock->owner = of_file ? (const void *)file : current->files;
	lock->pid = of_file ? -1 : current->tgid;
	return 0;
}

long fcntl_getlk(struct file *file, unsigned int cmd, struct flock __user *user)
{
	struct file_lock want, *lock;
	struct flock flock;
	int err;

	if (copy_from_user(&flock, user, sizeof(flock)))
		return -EFAULT;
	if (flock.l_type != F_RDLCK && flock.l_type != F_WRLCK)
		return -EINVAL;
	err = import_lock(&want, file, cmd, &flock);
	if (err)
		return err;
	spin_lock(&file_lock_lock);
	lock = find_conflict(file->f_inode, &want);
	flock.l_type = F_UNLCK;
	if (lock) {
		flock.l_type = (s16)lock->type;
		flock.l_whence = SEEK_SET;
		flock.l_start = lock->start;
		flock.l_len = lock->end == LAST_BYTE ? 0 : lock->end - lock->start + 1;
		flock.l_pid = lock->pid;
	}
	spin_unlock(&file_lock_lock);
	return copy_to_user(user, &flock, sizeof(flock)) ? -EFAULT : 0;
}

long fcntl_setlk(unsigned int fd, struct file *file, unsigned int cmd, struct flock __user *user)
{
	struct file_lock want;
	struct flock flock;
	struct file *now;
	int err;

	if (copy_from_user(&flock, user, sizeof(flock)))
		return -EFAULT;
	err = import_lock(&want, file, cmd, &flock);
	if (err)
		return err;
	if ((want.type == F_RDLCK && !(file->f_mode & FMODE_READ)) ||
	    (want.type == F_WRLCK && !(file->f_mode & FMODE_WRITE)))
		return -EBADF;
	err = lock_range(file->f_inode, &want, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
	if (err || want.type == F_UNLCK || want.pid < 0)
		return err;
	/* Another thread may have closed it meanwhile, before there was a lock to be removed. */
	now = fget(fd);
	if (now != file) {
		remove_locks(file->f_inode, want.owner);
		err = -EBADF;
	}
	fput(now);
	return err;
}

/* --- flock: the whole file, for an open file --- */

#define LOCK_SH 1u
#define LOCK_EX 2u
#define LOCK_NB 4u
#define LOCK_UN 8u
#define LOCK_MAND 32u

/*
 * Try once. What @want->owner held goes first, also if the new lock cannot be had: flock(2) does not
 * convert in one step. @new is taken over on 0. *@dropped: somebody may go on.
 */
static int try_flock(struct inode *inode, const struct file_lock *want, struct file_lock *new,
		     bool *dropped)
{
	struct file_lock *lock, *next;
	int err = 0;

	spin_lock(&file_lock_lock);
	list_for_each_entry_safe(lock, next, &inode->i_locks, entry) {
		if (!lock->is_flock || lock->owner != want->owner)
			continue;
		if (lock->type == want->type) {
			spin_unlock(&file_lock_lock);
			kfree(new);
			return 0;
		}
		free_lock(lock);
		*dropped = true;
	}
	if (want->type == F_UNLCK) {
		kfree(new);
	} else if (find_conflict(inode, want)) {
		err = -EAGAIN;
	} else {
		*new = *want;
		list_add_tail(&new->entry, &inode->i_locks);
	}
	spin_unlock(&file_lock_lock);
	return err;
}

static int do_flock(struct inode *inode, const struct file_lock *want, bool may_wait)
{
	struct file_lock *new = kmalloc(sizeof(*new), GFP_KERNEL);
	bool dropped = false;
	DEFINE_WAIT(wait);
	int err;

	if (!new)
		return -ENOLCK;
	for (;;) {
		prepare_to_wait(&lock_wait, &wait, TASK_INTERRUPTIBLE);
		err = try_flock(inode, want, new, &dropped);
		if (dropped)
			wake_up_all(&lock_wait);
		dropped = false;
		if (err && may_wait && signal_pending(current))
			err = -ERESTARTSYS;
		if (err != -EAGAIN || !may_wait)
			break;
		schedule();
	}
	finish_wait(&lock_wait, &wait);
	if (err)
		kfree(new);
	return err;
}

long sys_flock(unsigned int fd, unsigned int cmd)
{
	struct file_lock want = { .is_flock = true, .end = LAST_BYTE };
	struct file *file;
	long err = -EBADF;

	if (cmd & LOCK_MAND) /* Linux took them away, and ignores who asks */
		return 0;
	switch (cmd & ~LOCK_NB) {
	case LOCK_SH:
		want.type = F_RDLCK;
		break;
	case LOCK_EX:
		want.type = F_WRLCK;
		break;
	case LOCK_UN:
		want.type = F_UNLCK;
		break;
	default:
		return -EINVAL;
	}
	file = fget(fd);
	if (!file)
		return -EBADF;
	want.owner = file;
	if (file->f_mode & (FMODE_READ | FMODE_WRITE) || (file->f_mode && want.type == F_UNLCK))
		err = file->f_inode ? do_flock(file->f_inode, &want, !(cmd & LOCK_NB)) : -EINVAL;
	fput(file);
	return err;
}
