/* SPDX-License-Identifier: MIT */
/* Capabilities: numbers of linux/capability.h. A process's sets are its own to change, without a lock. */
#ifndef KERNEL_PROC_CAPS_H
#define KERNEL_PROC_CAPS_H

#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"

#define CAP_CHOWN 0
#define CAP_DAC_OVERRIDE 1
#define CAP_DAC_READ_SEARCH 2
#define CAP_FOWNER 3
#define CAP_FSETID 4
#define CAP_KILL 5
#define CAP_SETGID 6
#define CAP_SETUID 7
#define CAP_SETPCAP 8
#define CAP_LINUX_IMMUTABLE 9
#define CAP_IPC_LOCK 14
#define CAP_IPC_OWNER 15
#define CAP_SYS_CHROOT 18
#define CAP_SYS_PTRACE 19
#define CAP_SYS_ADMIN 21
#define CAP_SYS_BOOT 22
#define CAP_SYS_NICE 23
#define CAP_SYS_RESOURCE 24
#define CAP_SYS_TIME 25
#define CAP_MKNOD 27
#define CAP_MAC_OVERRIDE 32
#define CAP_SYSLOG 34
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_LAST 40

/* May @signal's process do that? */
static inline bool has_capability(const struct signal_struct *signal, int cap)
{
	return signal->caps.effective >> cap & 1;
}

/* May current? Kernel threads may do all. */
static inline bool capable(int cap)
{
	return !current->signal || has_capability(current->signal, cap);
}
/* All of them: the first process. */
void caps_init(struct signal_struct *signal);
/* @signal's user ids have changed: whether one of them was root's, and the effective one. */
void caps_uid_changed(struct signal_struct *signal, bool was_root, bool was_effective_root);
/* So has its id for files: capabilities about files go and come with root's. */
void caps_fsuid_changed(struct signal_struct *signal, bool was_root);
/* It has a new program. */
void caps_exec(struct signal_struct *signal);
/* prctl(2)'s PR_CAPBSET_READ or _DROP, and PR_CAP_AMBIENT. */
long caps_bounding(unsigned long cap, bool drop);
long caps_ambient(unsigned long what, unsigned long cap);

#endif
