/* SPDX-License-Identifier: MIT */
/*
 * Memory of another process: who may have it, advice for it (process_madvise), and process_vm_readv and
 * process_vm_writev, which copy between two maps. A page at a time goes through a page of the kernel's, so that no two maps are
 * locked, nor a fault in one taken while the other is.
 */
#include "kernel/core/uio.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/pid.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/space/mman.h"
#include <asm/uaccess.h>

bool ptrace_may_access(const struct task_struct *task, bool real)
{
	const struct signal_struct *me = current->signal, *to;
	uid_t uid = real ? me->uid.real : me->uid.fs;
	gid_t gid = real ? me->gid.real : me->gid.fs;
	u64 caps = real ? me->caps.permitted : me->caps.effective;
	bool may = false;

	if (capable(CAP_SYS_PTRACE))
		return true;
	spin_lock_irq(&tasklist_lock);
	to = task->signal;
	if (to == me)
		may = true;
	else if (to && to->dumpable == 1)
		may = to->uid.real == uid && to->uid.effective == uid && to->uid.saved == uid &&
		      to->gid.real == gid && to->gid.effective == gid && to->gid.saved == gid &&
		      !(to->caps.permitted & ~caps);
	spin_unlock_irq(&tasklist_lock);
	return may;
}

struct mm_struct *mm_access(struct task_struct *task, bool real)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm || mm == current->mm || ptrace_may_access(task, real))
		return mm;
	mmput(mm);
	return ERR_PTR(-EACCES);
}

/* At most a page, through @bounce. Bytes copied. */
static size_t copy_piece(struct mm_struct *mm, unsigned long address, char __user *buf, size_t len,
			 unsigned int gup_flags, char *bounce)
{
	size_t left = 0;

	if (gup_flags & FOLL_WRITE) {
		len -= copy_from_user(bounce, buf, len);
		return access_remote_vm(mm, address, bounce, len, gup_flags);
	}
	len = access_remote_vm(mm, address, bounce, len, gup_flags);
	if (len)
		left = copy_to_user(buf, bounce, len);
	return len - left;
}

/* Where in a vector one is. */
struct iov_iter {
	const struct iovec *vec;
	unsigned long left; /* of the vector, vec[0] included */
	size_t at;          /* bytes of vec[0] that are done */
};

/* Skip what is done or empty. What is left of the buffer, 0: of all. */
static size_t iov_left(struct iov_iter *i)
{
	while (i->left && i->at == i->vec->len) {
		i->vec++;
		i->left--;
		i->at = 0;
	}
	return i->left ? i->vec->len - i->at : 0;
}

/* Bytes copied, or -errno when there were none. */
static ssize_t process_vm_copy(struct mm_struct *mm, struct iov_iter *here, struct iov_iter *there,
			       unsigned int gup_flags)
{
	char *bounce = get_zeroed_page(GFP_KERNEL);
	ssize_t done = 0, err = bounce ? 0 : -ENOMEM;
	size_t room, wanted;

	while (!err && (room = iov_left(here)) && (wanted = iov_left(there))) {
		unsigned long address = (unsigned long)there->vec->base + there->at;
		size_t n = min(min(room, wanted), PAGE_SIZE - (address & ~PAGE_MASK));
		size_t copied = copy_piece(mm, address, (char *)here->vec->base + here->at, n,
					   gup_flags, bounce);

		here->at += copied;
		there->at += copied;
		done += (ssize_t)copied;
		if (copied < n)
			err = -EFAULT;
		cond_resched();
	}
	if (bounce)
		free_page(bounce);
	return done ? done : err;
}

static ssize_t process_vm_rw_core(pid_t pid, struct iov_iter *here, struct iov_iter *there,
				  unsigned int gup_flags)
{
	struct task_struct *task;
	struct mm_struct *mm;
	ssize_t done;

	if (!iov_left(there))
		return 0;
	task = find_get_task(pid);
	if (!task)
		return -ESRCH;
	mm = mm_access(task, true);
	if (IS_ERR(mm)) {
		done = -EPERM;
	} else if (!mm) {
		done = -ESRCH;
	} else {
		done = process_vm_copy(mm, here, there, gup_flags);
		mmput(mm);
	}
	put_task_struct(task);
	return done;
}

static long process_vm_rw(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			  const struct iovec __user *rvec, unsigned long riovcnt,
			  unsigned long flags, unsigned int gup_flags)
{
	struct iovec *local, *remote = NULL;
	ssize_t done;

	if (flags)
		return -EINVAL;
	done = import_iovec(lvec, liovcnt, &local);
	if (done > 0)
		done = copy_iovec(rvec, riovcnt, &remote);
	else
		riovcnt = 0;
	if (!done && riovcnt) {
		struct iov_iter here = { local, liovcnt, 0 }, there = { remote, riovcnt, 0 };

		done = process_vm_rw_core(pid, &here, &there, gup_flags);
	}
	kfree(remote);
	kfree(local);
	return done;
}

long sys_process_vm_readv(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			  const struct iovec __user *rvec, unsigned long riovcnt,
			  unsigned long flags)
{
	return process_vm_rw(pid, lvec, liovcnt, rvec, riovcnt, flags, 0);
}

long sys_process_vm_writev(pid_t pid, const struct iovec __user *lvec, unsigned long liovcnt,
			   const struct iovec __user *rvec, unsigned long riovcnt,
			   unsigned long flags)
{
	return process_vm_rw(pid, lvec, liovcnt, rvec, riovcnt, flags, FOLL_WRITE);
}

/* Bytes advised, or -errno when there were none. */
static ssize_t advise_vector(struct task_struct *task, const struct iovec *vec, unsigned long vlen,
			     int behavior)
{
	struct mm_struct *mm = mm_access(task, false);
	ssize_t done = 0;
	int err = 0;

	if (IS_ERR_OR_NULL(mm))
		return mm ? PTR_ERR(mm) : -ESRCH;
	if (!capable(CAP_SYS_NICE))
		err = -EPERM; /* it slows the process down */
	for (unsigned long i = 0; !err && i < vlen; i++) {
		err = do_madvise(mm, (unsigned long)vec[i].base, vec[i].len, behavior);
		if (!err)
			done += (ssize_t)vec[i].len;
	}
	mmput(mm);
	return done ? done : err;
}

/* Advice that takes nothing from the process may come from another. */
static bool advice_for_others(int behavior)
{
	return behavior == MADV_COLD || behavior == MADV_PAGEOUT || behavior == MADV_WILLNEED ||
	       behavior == MADV_COLLAPSE;
}

long sys_process_madvise(unsigned int pidfd, const struct iovec __user *uvec, unsigned long vlen,
			 int behavior, unsigned int flags)
{
	struct task_struct *task;
	struct iovec *vec;
	ssize_t done;

	if (flags)
		return -EINVAL;
	done = import_iovec(uvec, vlen, &vec);
	if (done >= 0) {
		task = pidfd_get_task(pidfd);
		if (IS_ERR(task)) {
			done = PTR_ERR(task);
		} else {
			done = advice_for_others(behavior) ?
				       advise_vector(task, vec, vlen, behavior) :
				       -EINVAL;
			put_task_struct(task);
		}
	}
	kfree(vec);
	return done;
}
