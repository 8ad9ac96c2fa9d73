/* SPDX-License-Identifier: MIT */
/* What clone(2) and its kin ask of fork.c. */
#ifndef KERNEL_PROC_CLONE_H
#define KERNEL_PROC_CLONE_H

#include "lib/types.h"

struct task_struct;

/* linux/sched.h of Linux's user headers. */
#define CSIGNAL 0xffUL
#define CLONE_VM 0x100UL
#define CLONE_FS 0x200UL
#define CLONE_FILES 0x400UL
#define CLONE_SIGHAND 0x800UL
#define CLONE_PIDFD 0x1000UL
#define CLONE_VFORK 0x4000UL
#define CLONE_PARENT 0x8000UL
#define CLONE_THREAD 0x10000UL
#define CLONE_SYSVSEM 0x40000UL
#define CLONE_SETTLS 0x80000UL
#define CLONE_PARENT_SETTID 0x100000UL
#define CLONE_CHILD_CLEARTID 0x200000UL
#define CLONE_CHILD_SETTID 0x1000000UL
#define CLONE_DETACHED 0x400000UL /* of old; means nothing any more */
#define CLONE_CLEAR_SIGHAND 0x100000000UL
/* Namespaces: there is one of each. */
#define CLONE_NEW_SET 0x7e020000UL

/* @stack: user's stack pointer, 0: the parent's. */
struct clone_request {
	u64 flags;
	int exit_signal;
	unsigned long stack;
	unsigned long tls;
	int *child_tid, *parent_tid, *pidfd;
	pid_t set_tid; /* wanted, 0: any */
};

/*
 * A task that is a copy of current as far as @req's flags, which are known to make sense, say. It is
 * linked into its family, but does not run yet. ERR_PTR. May sleep.
 */
struct task_struct *copy_process(const struct clone_request *req);

#endif
