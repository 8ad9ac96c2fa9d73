/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: segments that are found by a key or an id, each a nameless file of tmpfs. One that
 * was removed goes with its last attach (shmat.c).
 *
 * Lock: shm_mutex for the table and all of its segments, after mmap_lock.
 */
#include "fs/tmpfs/sysv.h"

#include "fs/syscalls.h"
#include "kernel/core/mutex.h"
#include "kernel/core/sched.h"
#include "kernel/proc/caps.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/slab.h"
#include <asm/uaccess.h>

#define IPC_PRIVATE 0
#define IPC_CREAT 01000
#define IPC_EXCL 02000
#define SHM_HUGETLB 04000
#define SHM_NORESERVE 010000

#define INDEX_BITS 15 /* of an id; above it counts how often the indexes have been gone through */
#define MIN_CYCLE 64  /* indexes that are gone through before one is used again */

unsigned long sysctl_shmmax = ~0UL - (1UL << 24), sysctl_shmall = ~0UL - (1UL << 24);
int sysctl_shmmni = 4096;

static DEFINE_MUTEX(shm_mutex);
static struct xarray segments; /* by index */
static unsigned int nr_segments, last_index = ~0u, sequence;
static unsigned long total_pages;

static struct address_space *mapping_of(const struct segment *seg)
{
	return seg->file->f_mapping;
}

static unsigned long pages_of(const struct segment *seg)
{
	return PFN_UP(seg->size);
}

static s64 now(void)
{
	return current_time().tv_sec;
}

/* --- the table; shm_mutex held --- */
/* -EINVAL: there is none, or it is another one by now. */
static struct segment *find_id(int id)
{
	struct segment *seg = xa_load(&segments, (unsigned int)id & ((1u << INDEX_BITS) - 1));

	return seg && seg->id == id ? seg : ERR_PTR(-EINVAL);
}

static struct segment *find_key(int key)
{
	unsigned long index;
	struct segment *seg;

	xa_for_each(&segments, index, seg)
		if (seg->key == key)
			return seg;
	return NULL;
}

/* Indexes are given out in turn, so that an id does not soon mean something else. 0 or -errno. */
static int insert(struct segment *seg)
{
	unsigned int limit = clamp(nr_segments * 3 / 2, (unsigned int)MIN_CYCLE,
				   (unsigned int)SHMMNI_MAX);
	unsigned int index = last_index + 1;
	int err;

	if (nr_segments >= (unsigned int)READ_ONCE(sysctl_shmmni))
		return -ENOSPC;
	do {
		index = index < limit ? index : 0;
	} while (xa_load(&segments, index) && ++index);
	err = xa_store(&segments, index, seg);
	if (err)
		return err;
	if (last_index != ~0u && index <= last_index)
		sequence = (sequence + 1) & 0xffff;
	last_index = index;
	seg->id = (int)(sequence << INDEX_BITS | index);
	nr_segments++;
	total_pages += pages_of(seg);
	return 0;
}

/* If nobody can reach it any more it leaves the table: free_segment() it once shm_mutex is free. */
static struct segment *remove_if_dead(struct segment *seg)
{
	if (!seg->doomed || seg->nattch)
		return NULL;
	xa_erase(&segments, (unsigned int)seg->id & ((1u << INDEX_BITS) - 1));
	nr_segments--;
	total_pages -= pages_of(seg);
	return seg;
}

static void free_segment(struct segment *seg)
{
	if (!seg)
		return;
	fput(seg->file);
	kfree(seg);
}

/* --- who may --- */
static bool owns(const struct segment *seg)
{
	uid_t uid = current->signal->uid.effective;

	return uid == seg->uid || uid == seg->cuid || capable(CAP_SYS_ADMIN);
}

/* @want: permission bits of any class. */
static bool permitted(const struct segment *seg, unsigned int want)
{
	const struct signal_struct *s = current->signal;
	unsigned int granted = seg->mode;

	want = (want >> 6 | want >> 3 | want) & 7;
	if (s->uid.effective == seg->uid || s->uid.effective == seg->cuid)
		granted >>= 6;
	else if (s->gid.effective == seg->gid || s->gid.effective == seg->cgid ||
		 in_groups(seg->gid) || in_groups(seg->cgid))
		granted >>= 3;
	return !(want & ~granted & 7) || capable(CAP_IPC_OWNER);
}

/* --- shmget --- */
static struct segment *alloc_segment(int key, size_t size, int flags)
{
	struct segment *seg = kzalloc(sizeof(*seg), GFP_KERNEL);
	char name[16];

	if (!seg)
		return ERR_PTR(-ENOMEM);
	scnprintf(name, sizeof(name), "SYSV%08x", (unsigned int)key);
	seg->file = shmem_file_setup(name, (loff_t)size, flags & SHM_NORESERVE ? VM_NORESERVE : 0);
	if (IS_ERR(seg->file)) {
		kfree(seg);
		return ERR_PTR(-ENOMEM);
	}
	seg->key = key;
	seg->size = size;
	seg->mode = (unsigned int)flags & 0777;
	seg->uid = seg->cuid = current->signal->uid.effective;
	seg->gid = seg->cgid = current->signal->gid.effective;
	seg->ctime = now();
	seg->cpid = current->tgid;
	return seg;
}

/* shm_mutex held. The id, or -errno. */
static long new_segment(int key, size_t size, int flags)
{
	unsigned long pages = PFN_UP(size);
	struct segment *seg;
	int err;

	if (!size || size > READ_ONCE(sysctl_shmmax))
		return -EINVAL;
	if (!pages || total_pages + pages < total_pages ||
	    total_pages + pages > READ_ONCE(sysctl_shmall))
		return -ENOSPC;
	if (flags & SHM_HUGETLB && !huge_size_exists((unsigned int)flags))
		return -EINVAL;
	if (flags & SHM_HUGETLB)
		return capable(CAP_IPC_LOCK) ? -ENOMEM : -EPERM; /* there are no huge pages to have */
	seg = alloc_segment(key, size, flags);
	if (IS_ERR(seg))
		return PTR_ERR(seg);
	err = insert(seg);
	if (err) {
		free_segment(seg);
		return err;
	}
	seg->file->f_inode->i_ino = (unsigned long)seg->id; /* for /proc/PID/maps */
	return seg->id;
}

long sys_shmget(int key, size_t size, int flags)
{
	struct segment *seg;
	long id;

	mutex_lock(&shm_mutex);
	seg = key == IPC_PRIVATE ? NULL : find_key(key);
	if (seg) {
		if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
			id = -EEXIST;
		else if (size > seg->size)
			id = -EINVAL;
		else
			id = permitted(seg, (unsigned int)flags & 0777) ? seg->id : -EACCES;
	} else {
		id = key == IPC_PRIVATE || flags & IPC_CREAT ? new_segment(key, size, flags) :
							       -ENOENT;
	}
	mutex_unlock(&shm_mutex);
	return id;
}

/* --- attaches, for shmat.c --- */
void shm_attached(struct segment *seg)
{
	mutex_lock(&shm_mutex);
	seg->nattch++;
	seg->atime = now();
	seg->lpid = current->tgid;
	mutex_unlock(&shm_mutex);
}

/* One attach less, or whoever held the segment as if he had it attached. */
static void drop_attach(struct segment *seg, bool told)
{
	struct segment *dead;

	mutex_lock(&shm_mutex);
	seg->nattch--;
	if (told) {
		seg->dtime = now();
		seg->lpid = current->tgid;
	}
	dead = remove_if_dead(seg);
	mutex_unlock(&shm_mutex);
	free_segment(dead);
}

void shm_detached(struct segment *seg)
{
	drop_attach(seg, true);
}

struct segment *shm_hold(int id, unsigned int want)
{
	struct segment *seg;

	mutex_lock(&shm_mutex);
	seg = find_id(id);
	if (!IS_ERR(seg)) {
		if (permitted(seg, want))
			seg->nattch++;
		else
			seg = ERR_PTR(-EACCES);
	}
	mutex_unlock(&shm_mutex);
	return seg;
}

void shm_release(struct segment *seg)
{
	drop_attach(seg, false);
}

/* --- shmctl --- */
unsigned int shm_mode(const struct segment *seg)
{
	return seg->mode | (seg->doomed ? SHM_DEST : 0) |
	       (mapping_of(seg)->flags & AS_UNEVICTABLE ? SHM_LOCKED : 0);
}

/* Fit to be told to a user. shm_mutex held. */
static void fill_ds(struct shmid64_ds *ds, const struct segment *seg)
{
	*ds = (struct shmid64_ds){
		.perm = { .key = seg->key,
			  .uid = seg->uid,
			  .gid = seg->gid,
			  .cuid = seg->cuid,
			  .cgid = seg->cgid,
			  .mode = shm_mode(seg),
			  .seq = (u16)((unsigned int)seg->id >> INDEX_BITS) },
		.segsz = seg->size,
		.atime = seg->atime,
		.dtime = seg->dtime,
		.ctime = seg->ctime,
		.cpid = seg->cpid,
		.lpid = seg->lpid,
		.nattch = seg->nattch,
	};
}

/* The highest index in use, 0 if there is none. shm_mutex held. */
static long highest_index(void)
{
	unsigned long index, highest = 0;
	struct segment *seg;

	xa_for_each(&segments, index, seg)
		highest = index;
	return (long)highest;
}

static long tell_limits(void __user *to)
{
	struct shminfo64 info = {
		.shmmax = READ_ONCE(sysctl_shmmax),
		.shmmin = 1,
		.shmmni = (unsigned long)READ_ONCE(sysctl_shmmni),
		.shmseg = (unsigned long)READ_ONCE(sysctl_shmmni),
		.shmall = READ_ONCE(sysctl_shmall),
	};
	long highest;

	mutex_lock(&shm_mutex);
	highest = highest_index();
	mutex_unlock(&shm_mutex);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long tell_usage(void __user *to)
{
	struct shm_info info = { 0 };
	unsigned long index;
	struct segment *seg;
	long highest;

	mutex_lock(&shm_mutex);
	info.used_ids = (int)nr_segments;
	info.shm_tot = total_pages;
	xa_for_each(&segments, index, seg) {
		info.shm_rss += mapping_of(seg)->nrpages;
		info.shm_swp += mapping_of(seg)->shmem->swapped;
	}
	highest = highest_index();
	mutex_unlock(&shm_mutex);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

/* @by_index: id is an index, and the answer the id. */
static long tell_segment(int id, bool by_index, bool any, void __user *to)
{
	struct shmid64_ds ds;
	struct segment *seg;
	long result = 0;

	mutex_lock(&shm_mutex);
	if (by_index)
		seg = xa_load(&segments, (unsigned int)id);
	else
		seg = find_id(id);
	if (IS_ERR_OR_NULL(seg)) {
		result = seg ? PTR_ERR(seg) : -EINVAL;
	} else if (!any && !permitted(seg, 0444)) {
		result = -EACCES;
	} else {
		fill_ds(&ds, seg);
		result = by_index ? seg->id : 0;
	}
	mutex_unlock(&shm_mutex);
	return result >= 0 && copy_to_user(to, &ds, sizeof(ds)) ? -EFAULT : result;
}

/* What only the owner may. shm_mutex held. */
static long change_segment(struct segment *seg, int cmd, const struct shmid64_ds *ds)
{
	if (!owns(seg) || (cmd == SHM_LOCK && !rlimit(RLIMIT_MEMLOCK) && !capable(CAP_IPC_LOCK)))
		return -EPERM;
	switch (cmd) {
	case IPC_RMID:
		seg->doomed = true;
		seg->key = IPC_PRIVATE;
		break;
	case IPC_SET:
		if (ds->perm.uid == (u32)-1 || ds->perm.gid == (u32)-1)
			return -EINVAL;
		seg->uid = ds->perm.uid;
		seg->gid = ds->perm.gid;
		seg->mode = ds->perm.mode & 0777;
		seg->ctime = now();
		break;
	case SHM_LOCK:
		mapping_of(seg)->flags |= AS_UNEVICTABLE;
		break;
	case SHM_UNLOCK:
		mapping_of(seg)->flags &= ~AS_UNEVICTABLE;
		break;
	}
	return 0;
}

static long change(int id, int cmd, const void __user *from)
{
	struct segment *seg, *dead = NULL;
	struct shmid64_ds ds;
	long result;

	if (cmd == IPC_SET && copy_from_user(&ds, from, sizeof(ds)))
		return -EFAULT;
	mutex_lock(&shm_mutex);
	seg = find_id(id);
	result = IS_ERR(seg) ? PTR_ERR(seg) : change_segment(seg, cmd, &ds);
	if (!result)
		dead = remove_if_dead(seg);
	mutex_unlock(&shm_mutex);
	free_segment(dead);
	return result;
}

long sys_shmctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return tell_limits(buf);
	case SHM_INFO:
		return tell_usage(buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return tell_segment(id, cmd != IPC_STAT, cmd == SHM_STAT_ANY, buf);
	case IPC_SET:
	case IPC_RMID:
	case SHM_LOCK:
	case SHM_UNLOCK:
		return change(id, cmd, buf);
	default:
		return -EINVAL;
	}
}

void shm_for_each(void (*fn)(const struct segment *seg, void *arg), void *arg)
{
	unsigned long index;
	struct segment *seg;

	mutex_lock(&shm_mutex);
	xa_for_each(&segments, index, seg)
		fn(seg, arg);
	mutex_unlock(&shm_mutex);
}
