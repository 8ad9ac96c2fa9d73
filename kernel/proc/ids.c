/* SPDX-License-Identifier: MIT */
/*
 * User and group ids. They are kept and answered as on Linux, per process; nothing but kill(2) and
 * the set*id calls themselves asks them: every file is open to everyone on this machine.
 */
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

#define KEEP ((u32)-1)

/* uid and gid have the same shape, and the same rules. */
struct ids {
	u32 *real, *effective, *saved;
};

static struct ids my_uids(void)
{
	struct signal_struct *s = current->signal;

	return (struct ids){ &s->uid.real, &s->uid.effective, &s->uid.saved };
}

static struct ids my_gids(void)
{
	struct signal_struct *s = current->signal;

	return (struct ids){ &s->gid.real, &s->gid.effective, &s->gid.saved };
}

static bool is_root(void)
{
	return current->signal->uid.effective == 0;
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

/* Who has become somebody else may have secrets of before: no more looks into its memory. */
static void set_effective(struct ids ids, u32 id)
{
	if (id != KEEP && id != *ids.effective)
		current->signal->dumpable = 0;
	set(ids.effective, id);
}

/* Root may lock any amount of memory; whoever stops being root gets the limit. Passes @err on. */
static long uid_changed(long err)
{
	if (!err)
		current->mm->rlim_memlock = memlock_limit();
	return err;
}

static long set_id(struct ids ids, u32 id)
{
	if (id == KEEP)
		return -EINVAL;
	if (is_root())
		*ids.real = *ids.saved = id;
	else if (id != *ids.real && id != *ids.saved)
		return -EPERM;
	set_effective(ids, id);
	return 0;
}

static long set_re_id(struct ids ids, u32 real, u32 effective)
{
	u32 old_real = *ids.real;

	if (!is_root() &&
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
	if (!is_root() && (!has(ids, real) || !has(ids, effective) || !has(ids, saved)))
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
long sys_setuid(uid_t uid) { return uid_changed(set_id(my_uids(), uid)); }
long sys_setgid(gid_t gid) { return set_id(my_gids(), gid); }
long sys_setreuid(uid_t r, uid_t e) { return uid_changed(set_re_id(my_uids(), r, e)); }
long sys_setregid(gid_t r, gid_t e) { return set_re_id(my_gids(), r, e); }
long sys_setresuid(uid_t r, uid_t e, uid_t s) { return uid_changed(set_res_id(my_uids(), r, e, s)); }
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

/* The file system's ids follow the effective ones; the answer is the old id, whatever happened. */
/* clang-format off */
long sys_setfsuid(uid_t uid) { (void)uid; return *my_uids().effective; }
long sys_setfsgid(gid_t gid) { (void)gid; return *my_gids().effective; }
/* clang-format on */

/* There are no supplementary groups. */
long sys_getgroups(int size, gid_t __user *list)
{
	(void)list;
	return size < 0 ? -EINVAL : 0;
}

long sys_setgroups(int size, const gid_t __user *list)
{
	(void)list;
	if (!is_root())
		return -EPERM;
	return (unsigned int)size > 65536 ? -EINVAL : 0;
}
