/* SPDX-License-Identifier: MIT */
/*
 * mm_audit(): look at all that mm knows, and say what does not agree. See docs/audit.md for what is
 * checked and how a reference that is held for a moment only is told from one that was lost.
 */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "kernel/core/panic.h"
#include "lib/types.h"

#define AUDIT_SENTENCE 256 /* bytes that hold any sentence */

/*
 * 0: all agrees. -EUCLEAN: @sentence (of @size bytes, AUDIT_SENTENCE or more) names the first thing that
 * does not: what, where, seen and expected. -ENOMEM: no memory for the tables of the audit itself,
 * 4 bytes for each frame and 2 for each swap slot; they are kept from the first audit on.
 *
 * Process context, no spinlock held. May sleep; then all other CPUs stand still until it ends, each between two
 * tasks: no lock is taken, since nobody else runs, and who is in the middle of something sleeps.
 */
int mm_audit(char *sentence, size_t size);
/* The same as a text: "ok" or the sentence. For gdb, which has stopped all CPUs. */
const char *mm_audit_text(void);

/*
 * Make room for the tables now, if this is a debug kernel: gdb may ask for an audit where nothing may
 * sleep. Boot, after swapon.
 */
void mm_audit_prepare(void);

/* Frames of the vmalloc area that these tables take. */
unsigned long mm_audit_frames(void);

/* mm_audit(), and a panic with the sentence when something is wrong. @when: "at power-off". */
void mm_audit_or_panic(const char *when);

/* Starts the thread of the knob audit=, if it is given. Boot, when threads can run. */
void mm_audit_init(void);

#if CONFIG_DEBUG
/* A page fault of user mode is done, nothing is held: for the knob audit_faults=. */
void mm_audit_fault(void);
/*
 * Break the @n-th thing of current's map, see whether the audit says so, put it back. @what gets the
 * name and what was said. 0: it was seen; -EUCLEAN: it was not; -ENODATA: the map has nothing of that
 * kind; -ENOENT: there are not so many.
 */
int mm_audit_spoil(unsigned int n, char *what, size_t size);
#endif

#endif
