/* SPDX-License-Identifier: MIT */
/* User and group ids, per process. Files are judged by them in fs/perm.c. */
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "mm/frame/vmalloc.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

#define KEEP ((u32)-1)

/* uid and gid have the same shape, and the same rules. */
struct ids {
	u32 *real, *effective, *saved, *fs;
	int cap; /* who has it may set any */
};

static struct ids my_uids(void)
{
	struct signal_struct *s = current->signal;

	return (struct ids){ &s->uid.real, &s->uid.effective, &s->uid.saved, &s->uid.fs,
			     CAP_SETUID };
}

static struct ids my_gids(void)
{
	struct signal_struct *s = current->signal;

	return (struct ids){ &s->gid.real, &s->gid.effective, &s->gid.saved, &s->gid.fs,
			     CAP_SETGID };
}

static bool has(struct ids ids, u32 id)
{
	return id == KEEP || id == *ids.real || id == *ids.effective || id == *ids.saved;
}

static void set(u32 *where, u32 id)
{
	if (id != KEEP)
		*where = id;
}

int suid_dumpable;

/* No more looks into its memory, which may hold secrets of before; nor the signal it asked for. */
static void become_another(void)
{
	current->signal->dumpable = READ_ONCE(suid_dumpable);
	current->pdeath_signal = 0;
}

/* Files are judged by the effective id, until setfsuid(2) says otherwise. */
static void set_effective(struct ids ids, u32 id)
{
	u32 before = *ids.effective;

	set(ids.effective, id);
	if (*ids.effective != before || *ids.fs != before)
		become_another();
	*ids.fs = *ids.effective;
}

struct were_root {
	bool any, effective;
};

static struct were_root were_root(void)
{
	const struct signal_struct *s = current->signal;

	return (struct were_root){ !s->uid.real || !s->uid.effective || !s->uid.saved,
				   !s->uid.effective };
}

/*
 * After a change of user ids: capabilities follow, and root may lock any amount of memory; whoever
 * stops being root gets the limit. Passes @err on.
 */
static long uid_changed(struct were_root before, long err)
{
	if (!err) {
		caps_uid_changed(current->signal, before.any, before.effective);
		current->mm->rlim_memlock = memlock_limit();
	}
	return err;
}

static long set_id(struct ids ids, u32 id)
{
	if (id == KEEP)
		return -EINVAL;
	if (capable(ids.cap))
		*ids.real = *ids.saved = id;
	else if (id != *ids.real && id != *ids.saved)
		return -EPERM;
	set_effective(ids, id);
	return 0;
}

static long set_re_id(struct ids ids, u32 real, u32 effective)
{
	u32 old_real = *ids.real;

	if (!capable(ids.cap) &&
	    ((real != KEEP && real != *ids.real && real != *ids.effective) || !has(ids, effective)))
		return -EPERM;
	set(ids.real, real);
	set_effective(ids, effective);
	if (real != KEEP || (effective != KEEP && effective != old_real))
		*ids.saved = *ids.effective;
	return 0;
}

static long set_res_id(struct ids ids, u32 real, u32 effective, u32 saved)
{
	if (!capable(ids.cap) && (!has(ids, real) || !has(ids, effective) || !has(ids, saved)))
		return -EPERM;
	set(ids.real, real);
	set_effective(ids, effective);
	set(ids.saved, saved);
	return 0;
}

static long get_res_id(struct ids ids, u32 __user *real, u32 __user *effective, u32 __user *saved)
{
	return put_user(*ids.real, real) || put_user(*ids.effective, effective) ||
			       put_user(*ids.saved, saved) ?
		       -EFAULT :
		       0;
}

/* clang-format off */
long sys_getuid(void) { return *my_uids().real; }
long sys_geteuid(void) { return *my_uids().effective; }
long sys_getgid(void) { return *my_gids().real; }
long sys_getegid(void) { return *my_gids().effective; }
long sys_setgid(gid_t gid) { return set_id(my_gids(), gid); }
long sys_setregid(gid_t r, gid_t e) { return set_re_id(my_gids(), r, e); }
long sys_setresgid(gid_t r, gid_t e, gid_t s) { return set_res_id(my_gids(), r, e, s); }
long sys_getresuid(uid_t __user *r, uid_t __user *e, uid_t __user *s)
{
	return get_res_id(my_uids(), r, e, s);
}
long sys_getresgid(gid_t __user *r, gid_t __user *e, gid_t __user *s)
{
	return get_res_id(my_gids(), r, e, s);
}
/* clang-format on */

long sys_setuid(uid_t uid)
{
	const struct were_root before = were_root();

	return uid_changed(before, set_id(my_uids(), uid));
}

long sys_setreuid(uid_t r, uid_t e)
{
	const struct were_root before = were_root();

	return uid_changed(before, set_re_id(my_uids(), r, e));
}

long sys_setresuid(uid_t r, uid_t e, uid_t s)
{
	const struct were_root before = were_root();

	return uid_changed(before, set_res_id(my_uids(), r, e, s));
}

/* The answer is the old id, whatever happened. */
static long set_fs_id(struct ids ids, u32 id)
{
	u32 old = *ids.fs;

	if (id != KEEP && id != old && (has(ids, id) || capable(ids.cap))) {
		*ids.fs = id;
		become_another();
	}
	return old;
}

long sys_setfsuid(uid_t uid)
{
	long old = set_fs_id(my_uids(), uid);

	caps_fsuid_changed(current->signal, !old);
	return old;
}

long sys_setfsgid(gid_t gid)
{
	return set_fs_id(my_gids(), gid);
}

/* --- supplementary groups --- */

#define NGROUPS_MAX 65536

/* signal->groups may be replaced by a thread while others look: they count it under this lock. */
static DEFINE_SPINLOCK(groups_lock);

struct group_info *get_groups(struct signal_struct *signal)
{
	struct group_info *groups;

	if (likely(!READ_ONCE(signal->groups)))
		return NULL;
	spin_lock(&groups_lock);
	groups = signal->groups;
	if (groups)
		atomic_inc(&groups->count);
	spin_unlock(&groups_lock);
	return groups;
}

void put_groups(struct group_info *groups)
{
	if (groups && atomic_dec_and_test(&groups->count))
		kvfree(groups);
}

bool in_groups(gid_t gid)
{
	struct group_info *groups = get_groups(current->signal);
	bool found = false;

	for (int i = 0; groups && i < groups->n && !found; i++)
		found = groups->gid[i] == gid;
	put_groups(groups);
	return found;
}

long sys_getgroups(int size, gid_t __user *list)
{
	struct group_info *groups;
	long n;

	if (size < 0)
		return -EINVAL;
	groups = get_groups(current->signal);
	n = groups ? groups->n : 0;
	if (size && n > size)
		n = -EINVAL;
	else if (size && n && copy_to_user(list, groups->gid, (size_t)n * sizeof(gid_t)))
		n = -EFAULT;
	put_groups(groups);
	return n;
}

/* Linux keeps them in order, and shows them so. Shell's sort: there may be 65,536. */
static void sort_groups(gid_t *gid, int n)
{
	for (int gap = n / 2; gap; gap /= 2)
		for (int i = gap; i < n; i++) {
			gid_t moved = gid[i];
			int at = i;

			for (; at >= gap && gid[at - gap] > moved; at -= gap)
				gid[at] = gid[at - gap];
			gid[at] = moved;
		}
}

long sys_setgroups(int size, const gid_t __user *list)
{
	struct group_info *groups, *old;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((unsigned int)size > NGROUPS_MAX)
		return -EINVAL;
	groups = kvzalloc(sizeof(*groups) + (size_t)size * sizeof(gid_t));
	if (!groups)
		return -ENOMEM;
	if (copy_from_user(groups->gid, list, (size_t)size * sizeof(gid_t))) {
		kvfree(groups);
		return -EFAULT;
	}
	atomic_set(&groups->count, 1);
	groups->n = size;
	sort_groups(groups->gid, size);
	spin_lock(&groups_lock);
	old = current->signal->groups;
	WRITE_ONCE(current->signal->groups, groups);
	spin_unlock(&groups_lock);
	put_groups(old);
	return 0;
}
