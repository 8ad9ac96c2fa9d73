/* SPDX-License-Identifier: MIT */
/* Inside of the signal code: entries of pending sets (sigqueue.c). All with sighand->lock held. */
#ifndef KERNEL_PROC_SIGQUEUE_H
#define KERNEL_PROC_SIGQUEUE_H

#include "kernel/proc/signal.h"

/* Boot. */
void sigqueue_init(void);
/*
 * Charged to the receiver's user: nobody can fill the memory of the kernel with them. @always: the
 * limit does not matter, for there can be few. NULL: too many, or no memory. On no list yet.
 */
struct sigqueue *alloc_sigqueue(struct signal_struct *signal, bool always);
/* The signals of @set from all sets of the process. */
void remove_from_all(u64 set, struct signal_struct *signal);
/* The oldest entry of @sig, which is pending in @mask, off the list and into @info. */
void take_signal(int sig, u64 *mask, struct list_head *list, struct siginfo *info);

#endif
