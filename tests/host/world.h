/* SPDX-License-Identifier: MIT */
/*
 * A world for calls to be tried in: a process with pages of all kinds and a forked child, both
 * with their shadow (shadow.h) as family[0] and family[1]; and what calls do to the shadow of the
 * first one.
 *
 *	0-7 anonymous, written; 8-11 the same, untouched but for the zero page at 8; 12-15 private
 *	file, two written; 16-19 shared file, one written; 20-23 shared memory, two written; 24-27
 *	anonymous, in swap; 28-31 nothing; a heap of two pages.
 */
#ifndef TESTS_HOST_WORLD_H
#define TESTS_HOST_WORLD_H

#include "tests/host/shadow.h"

#define FIXED(flags) ((flags) | MAP_FIXED)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define SPAN(n) ((n) * PAGE_SIZE)

struct world {
	struct object file, shmem;
	int fd, area; /* the file, open for writing; the swap disk */
	bool starved; /* an allocation has failed in the call that succeeded */
};
extern struct world world;

/* The address of page @page. */
unsigned long at(unsigned long page);
/* Build it in @task, which is current and fresh, or take it all down again. */
void begin_world(struct task_struct *task);
void end_world(void);

/* --- what calls do to pages [first, first + n) of the shadow --- */
void holes(unsigned long first, unsigned long n);
void fresh(unsigned long first, unsigned long n); /* new anonymous memory */
void rights(unsigned long first, unsigned long n, u8 prot);
void forget(unsigned long first, unsigned long n); /* private contents are dropped */
void populated(unsigned long first, unsigned long n);
void lock(unsigned long first, unsigned long n, bool locked);
void lock_all(bool locked);
/*
 * mremap() has taken the pages away. @keep: they stay mapped, empty; as on Linux it succeeds, too,
 * when there is no memory to split the old mapping.
 */
void left(unsigned long first, unsigned long n, bool keep);
void moved(unsigned long from, unsigned long to, unsigned long n, bool keep);
void duplicated(unsigned long from, unsigned long to, unsigned long n);
/* They are a shared mapping of the file from @index on now. */
void shared_at(unsigned long first, unsigned long n, unsigned long index);
/* An error left them half done: contents stay, the rest is as the kernel has it. */
void follow(unsigned long first, unsigned long n);

#endif
