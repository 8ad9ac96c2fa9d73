/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mem: the process's memory as a file, by address. It is that of the program which ran at
 * open(2), whatever it executes later, and empty once that has ended.
 */
#include "fs/inode.h"
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/core/task.h"
#include "kernel/core/vfs.h"
#include "kernel/proc/pid.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include <asm/uaccess.h>

static int mem_open(struct inode *inode, struct file *file)
{
	struct task_struct *task = proc_task(pseudo_arg(file));
	struct mm_struct *mm;

	(void)inode;
	if (!task)
		return -ESRCH;
	mm = mm_access(task, false);
	put_task_struct(task);
	if (IS_ERR(mm))
		return (int)PTR_ERR(mm);
	file->private_data = mm;
	file->f_mode |= FMODE_UNSIGNED_OFFSET;
	if (mm) {
		mmgrab(mm); /* the struct only: an open file keeps no memory */
		mmput(mm);
	}
	return 0;
}

static void mem_release(struct file *file)
{
	struct mm_struct *mm = file->private_data;

	if (mm)
		mmdrop(mm);
}

/* At most a page, through one of the kernel's. Bytes or -errno. */
static ssize_t mem_copy(struct mm_struct *mm, unsigned long address, char __user *buf, size_t n,
			char *bounce, unsigned int gup_flags)
{
	bool write = gup_flags & FOLL_WRITE;

	if (write && copy_from_user(bounce, buf, n))
		return -EFAULT;
	n = access_remote_vm(mm, address, bounce, n, gup_flags);
	if (!n)
		return -EIO;
	return !write && copy_to_user(buf, bounce, n) ? -EFAULT : (ssize_t)n;
}

static ssize_t mem_rw(struct mm_struct *mm, char __user *buf, size_t count, loff_t *pos,
		      unsigned int gup_flags)
{
	ssize_t done = 0, n;
	char *bounce;

	if (!mm)
		return 0;
	bounce = get_zeroed_page(GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	if (mmget_not_zero(mm)) {
		for (; count; count -= (size_t)n) {
			n = mem_copy(mm, (unsigned long)*pos, buf, min(count, PAGE_SIZE), bounce,
				     gup_flags | FOLL_FORCE);
			if (n < 0) {
				done = n == -EIO && done ? done : n;
				break;
			}
			buf += n;
			*pos += n;
			done += n;
			cond_resched();
		}
		mmput(mm);
	}
	free_page(bounce);
	return done;
}

static ssize_t mem_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	return mem_rw(file->private_data, buf, count, pos, 0);
}

static ssize_t mem_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	return mem_rw(file->private_data, (char *)buf, count, pos, FOLL_WRITE);
}

/* Positions are addresses, the kernel's half of them included: they wrap. */
static loff_t mem_llseek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset = (loff_t)((u64)offset + (u64)file->f_pos);
	else if (whence != SEEK_SET)
		return -EINVAL;
	return file->f_pos = offset;
}

const struct file_operations proc_mem_fops = {
	.name = "mem",
	.open = mem_open,
	.release = mem_release,
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
};
