/* SPDX-License-Identifier: MIT */
/*
 * What debug builds check about locks that sleep: semaphores, mutexes and page locks. Each is entered in its task's
 * list of held locks. Taking one stops the machine if that may sleep where nothing may (spinlock held, interrupts
 * off), if the task holds that very lock, or if locks of these two classes were ever taken the other way round;
 * so does returning to user mode with one. A class is all locks of one name; two of one class may be nested.
 * Spinlocks have the same (kernel/core/spinlock.h), per CPU. In release builds all of this is nothing.
 */
#ifndef KERNEL_CORE_LOCK_CHECK_H
#define KERNEL_CORE_LOCK_CHECK_H

#include "kernel/core/panic.h"
#include "lib/compiler.h"
#include "lib/types.h"

#define HELD_LOCKS_MAX 48 /* reclaim has up to 32 pages locked; a task that holds more is not looked at any longer */

struct held_lock {
	const void *lock;
	s16 class_id;
	unsigned long place; /* return address into who took it */
};

/* For what takes and lets go of locks: a report is to name the caller. */
#if CONFIG_DEBUG
#define __lock_inline __always_inline
#else
#define __lock_inline inline
#endif

#if CONFIG_DEBUG
/* Before waiting for a lock; not before a trylock, which cannot deadlock. *class_id is 0 until known. */
void sleep_lock_check(const void *lock, s16 *class_id, const char *name);
/* It is current's now. */
void sleep_lock_acquired(const void *lock, s16 *class_id, const char *name);
/* Current lets go of it, or hands it to who will unlock it. False: current did not hold it. */
bool sleep_lock_released(const void *lock);
/* The same, for locks that only their owner may release. */
void sleep_lock_must_release(const void *lock, const char *name);
/* @where is left for user mode: current and this CPU hold no lock. */
void lock_check_return(const char *where);
#else
static inline bool sleep_lock_released(const void *lock) { (void)lock; return true; }
static inline void lock_check_return(const char *where) { (void)where; }
#endif

#endif
