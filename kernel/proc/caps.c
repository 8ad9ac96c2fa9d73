/* SPDX-License-Identifier: MIT */
/*
 * Capabilities (capabilities(7)): what root may do in parts that can be given up. A process has five
 * sets; programs have none of their own here, so that exec goes by the user alone.
 */
#include "kernel/proc/caps.h"

#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mm.h"
#include <asm/uaccess.h>

#define CAP_FULL ((1ULL << (CAP_LAST + 1)) - 1)

static u64 bit(int cap)
{
	return 1ULL << cap;
}

void caps_init(struct signal_struct *signal)
{
	signal->caps =
		(struct caps){ .permitted = CAP_FULL, .effective = CAP_FULL, .bounding = CAP_FULL };
}

void caps_uid_changed(struct signal_struct *signal, bool was_root, bool was_effective_root)
{
	struct caps *caps = &signal->caps;
	bool root = !signal->uid.real || !signal->uid.effective || !signal->uid.saved;

	if (was_root && !root) {
		if (!caps->keep)
			caps->permitted = caps->effective = 0;
		caps->ambient = 0;
	}
	if (was_effective_root && signal->uid.effective)
		caps->effective = 0;
	if (!was_effective_root && !signal->uid.effective)
		caps->effective = caps->permitted;
}

/* What CAP_FS_MASK of Linux has in it. */
#define CAPS_OF_FILES                                                                      \
	(bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) | \
	 bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_MKNOD) | bit(CAP_MAC_OVERRIDE))

void caps_fsuid_changed(struct signal_struct *signal, bool was_root)
{
	struct caps *caps = &signal->caps;

	if (was_root && signal->uid.fs)
		caps->effective &= ~CAPS_OF_FILES;
	else if (!was_root && !signal->uid.fs)
		caps->effective |= caps->permitted & CAPS_OF_FILES;
}

void caps_exec(struct signal_struct *signal)
{
	struct caps *caps = &signal->caps;
	bool root = !signal->uid.real || !signal->uid.effective;

	if (signal->uid.effective != signal->uid.real || signal->gid.effective != signal->gid.real)
		caps->ambient = 0;
	caps->permitted = caps->ambient | (root ? caps->inheritable | caps->bounding : 0);
	caps->effective = signal->uid.effective ? caps->ambient : caps->permitted;
	caps->keep = false;
}

/* --- capget, capset --- */

/* linux/capability.h. Of version 1 the sets have one word, and two later. */
#define VERSION_1 0x19980330u
#define VERSION_2 0x20071026u
#define VERSION_3 0x20080522u

struct cap_header {
	u32 version;
	s32 pid;
};
struct cap_data {
	u32 effective, permitted, inheritable;
};

/* Words of a set, or -errno; an unknown version is answered by ours. */
static int get_header(struct cap_header *head, struct cap_header __user *uhead)
{
	if (copy_from_user(head, uhead, sizeof(*head)))
		return -EFAULT;
	if (head->version == VERSION_1)
		return 1;
	if (head->version == VERSION_2 || head->version == VERSION_3)
		return 2;
	return put_user(VERSION_3, &uhead->version) ? -EFAULT : -EINVAL;
}

static long caps_of(pid_t pid, struct caps *caps)
{
	struct task_struct *task;
	long ret = -ESRCH;

	spin_lock_irq(&tasklist_lock);
	task = pid ? find_task_by_pid(pid) : current;
	if (task && task->signal) {
		*caps = task->signal->caps;
		ret = 0;
	}
	spin_unlock_irq(&tasklist_lock);
	return ret;
}

long sys_capget(struct cap_header __user *uhead, struct cap_data __user *udata)
{
	struct cap_data data[2];
	struct cap_header head;
	struct caps caps;
	int words = get_header(&head, uhead);
	long ret;

	if (words < 0)
		return words == -EINVAL && !udata ? 0 : words;
	if (!udata)
		return 0;
	if (head.pid < 0)
		return -EINVAL;
	ret = caps_of(head.pid, &caps);
	if (ret)
		return ret;
	for (int i = 0; i < words; i++)
		data[i] = (struct cap_data){ (u32)(caps.effective >> 32 * i),
					     (u32)(caps.permitted >> 32 * i),
					     (u32)(caps.inheritable >> 32 * i) };
	return copy_to_user(udata, data, sizeof(data[0]) * (unsigned int)words) ? -EFAULT : 0;
}

long sys_capset(struct cap_header __user *uhead, const struct cap_data __user *udata)
{
	struct caps *caps = &current->signal->caps, new = *caps;
	struct cap_data data[2] = { { 0 } };
	struct cap_header head;
	int words = get_header(&head, uhead);

	if (words < 0)
		return words;
	if (head.pid && head.pid != current->pid)
		return -EPERM;
	if (copy_from_user(data, udata, sizeof(data[0]) * (unsigned int)words))
		return -EFAULT;
	new.effective = (data[0].effective | (u64)data[1].effective << 32) & CAP_FULL;
	new.permitted = (data[0].permitted | (u64)data[1].permitted << 32) & CAP_FULL;
	new.inheritable = (data[0].inheritable | (u64)data[1].inheritable << 32) & CAP_FULL;
	if ((!capable(CAP_SETPCAP) && new.inheritable & ~(caps->inheritable | caps->permitted)) ||
	    new.inheritable & ~(caps->inheritable | caps->bounding) ||
	    new.permitted & ~caps->permitted || new.effective & ~new.permitted)
		return -EPERM;
	new.ambient &= new.permitted &new.inheritable;
	*caps = new;
	current->mm->rlim_memlock = memlock_limit();
	return 0;
}

/* --- prctl --- */

#define PR_CAP_AMBIENT_IS_SET 1
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_LOWER 3
#define PR_CAP_AMBIENT_CLEAR_ALL 4

long caps_bounding(unsigned long cap, bool drop)
{
	struct caps *caps = &current->signal->caps;

	if (drop && !capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST)
		return -EINVAL;
	if (!drop)
		return !!(caps->bounding & bit((int)cap));
	caps->bounding &= ~bit((int)cap);
	return 0;
}

long caps_ambient(unsigned long what, unsigned long cap)
{
	struct caps *caps = &current->signal->caps;

	if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
		if (cap)
			return -EINVAL;
		caps->ambient = 0;
		return 0;
	}
	if (what < PR_CAP_AMBIENT_IS_SET || what > PR_CAP_AMBIENT_LOWER || cap > CAP_LAST)
		return -EINVAL;
	if (what == PR_CAP_AMBIENT_IS_SET)
		return !!(caps->ambient & bit((int)cap));
	if (what == PR_CAP_AMBIENT_LOWER)
		caps->ambient &= ~bit((int)cap);
	else if (!(caps->permitted & caps->inheritable & bit((int)cap)))
		return -EPERM;
	else
		caps->ambient |= bit((int)cap);
	return 0;
}
