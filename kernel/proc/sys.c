/* SPDX-License-Identifier: MIT */
/* Small system calls: who am I, what is this machine, switches of a process. */
#include "kernel/core/random.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/space/mm.h"
#include <asm/page.h>
#include <asm/switch.h>
#include <asm/uaccess.h>

/* --- identity --- */

long sys_getpid(void)
{
	return current->tgid;
}

long sys_gettid(void)
{
	return current->pid;
}

long sys_getppid(void)
{
	const struct task_struct *parent;
	pid_t pid;

	spin_lock_irq(&tasklist_lock);
	parent = current->group_leader->real_parent;
	pid = parent ? parent->tgid : 0;
	spin_unlock_irq(&tasklist_lock);
	return pid;
}

/* --- switches --- */

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

long sys_arch_prctl(int code, unsigned long addr)
{
	struct task_struct *task = current;

	switch (code) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr >= TASK_SIZE)
			return -EPERM;
		if (code == ARCH_SET_FS)
			load_user_fs_base(addr);
		else
			load_user_gs_base(addr);
		return 0;
	case ARCH_GET_FS:
		return put_user(task->fs_base, (unsigned long *)addr) ? -EFAULT : 0;
	case ARCH_GET_GS:
		return put_user(task->gs_base, (unsigned long *)addr) ? -EFAULT : 0;
	default:
		return -EINVAL;
	}
}

/* Any value is taken; kernel/core/task.h names the bits that mean something here. */
long sys_personality(unsigned int persona)
{
	unsigned int old = current->personality;

	if (persona != 0xffffffff)
		current->personality = persona;
	return old;
}

/* Every thread of glibc asks once and does as well without: refused, but not worth a line in the log. */
long sys_rseq(void)
{
	return -ENOSYS;
}

/* --- random bytes --- */

#define GRND_NONBLOCK 1u
#define GRND_RANDOM 2u
#define GRND_INSECURE 4u

long sys_getrandom(u8 __user *buf, size_t len, unsigned int flags)
{
	size_t done = 0;
	u8 chunk[256];

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	len = min(len, (size_t)INT32_MAX);
	while (done < len) {
		size_t n = min(len - done, sizeof(chunk)), left;

		get_random_bytes(chunk, n);
		left = copy_to_user(buf + done, chunk, n);
		done += n - left;
		if (left)
			return done ? (long)done : -EFAULT;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	return (long)done;
}

/* --- the end --- */

#define REBOOT_MAGIC1 0xfee1deadu
#define REBOOT_CMD_RESTART 0x01234567u
#define REBOOT_CMD_HALT 0xcdef0123u
#define REBOOT_CMD_POWER_OFF 0x4321fedcu
#define REBOOT_CMD_CAD_ON 0x89abcdefu

/* All ways to stop are one: QEMU ends, and whoever started it may start it again. */
long sys_reboot(unsigned int magic1, unsigned int magic2, unsigned int cmd, void __user *arg)
{
	(void)arg;
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	/* The birthdays of reboot(2). */
	if (magic1 != REBOOT_MAGIC1 || (magic2 != 672274793 && magic2 != 85072278 &&
					magic2 != 369367448 && magic2 != 537993216))
		return -EINVAL;
	switch (cmd) {
	case REBOOT_CMD_RESTART:
	case REBOOT_CMD_HALT:
	case REBOOT_CMD_POWER_OFF:
		power_off(0);
	case REBOOT_CMD_CAD_ON:
	case 0: /* CAD_OFF */
		return 0;
	default:
		return -EINVAL;
	}
}
