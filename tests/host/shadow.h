/* SPDX-License-Identifier: MIT */
/*
 * The shadow of what processes of the software machine must see: of each page in a window of their
 * address spaces (and the heap) what it is, its rights and its contents; of private pages also with
 * whom they are shared. It knows nothing of frames, page tables, swap or caches, and of VMAs only
 * what the kernel's own are compared with.
 *
 * The contents of a page are its first and its last word: enough to tell pages apart and to see
 * where a file was cut. They are kept in a cell; processes that share a private page since fork
 * share its cell, and a write takes the writer out. So one frame has one cell, and one cell at most
 * one frame.
 */
#ifndef TESTS_HOST_SHADOW_H
#define TESTS_HOST_SHADOW_H

#include "tests/host/machine.h"

#define FAMILY 4
#define ARENA 32UL /* pages; two last-level tables and two above those */
#define ARENA_BASE (0x40000000UL - ARENA / 2 * PAGE_SIZE)
#define HEAP 8UL /* pages that brk() reaches; they stand behind the arena's */
#define PAGES (ARENA + HEAP)
#define OBJECT_PAGES 24UL

struct cell {
	u64 word[2];
	unsigned int refs;  /* pages that show it; not for cells of objects */
	unsigned int epoch; /* of the look in which @frame was seen */
	struct page *frame;
};

/* A file, or anonymous shared memory. Lives as long as the seed or as somebody maps it. */
struct object {
	struct host_file *file; /* NULL: anonymous */
	size_t size;            /* bytes; accesses beyond the last page get SIGBUS */
	struct cell cell[OBJECT_PAGES];
};

enum kind { HOLE, ANON, PRIVATE, SHMEM, SHARED };

struct shadow_page {
	enum kind kind;
	u8 prot;
	bool locked, dontfork, wipeonfork;
	struct object *object;
	unsigned long index; /* page of the object */
	struct cell *own;    /* private contents; NULL: zeroes (ANON), or the file's (PRIVATE) */
};

struct shadow {
	struct task_struct *task;
	struct shadow_page page[PAGES];
};

extern struct shadow family[FAMILY];
extern unsigned int members;
/* What failures print: where in which run, and the operation in words. */
extern unsigned long shadow_seed, shadow_step;
extern char shadow_doing[200];

unsigned long shadow_addr(unsigned long n);
void shadow_forget(struct shadow_page *page); /* drop what is only the process's own */
void shadow_clear(struct shadow_page *page);  /* make it a hole */
bool shadow_beyond(const struct shadow_page *page);
/* @right: of PROT_*; what an access to page @n must end in. */
struct host_verdict shadow_verdict(const struct shadow *p, unsigned long n, unsigned long right);
/* Word @which (0 or 1) of page @n gets @value, the access being allowed. */
void shadow_store(struct shadow *p, unsigned long n, int which, u64 value);
u64 shadow_word(const struct shadow_page *page, int which);
void shadow_truncate(struct object *object, size_t size);
/* The child of @parent. */
void shadow_fork(const struct shadow *parent, struct shadow *child);
/*
 * Page @n was, or may have been, written to by the kernel in its owner's name (populated): take
 * note of what has become the process's own. Contents do not change by that.
 */
void shadow_populated(struct shadow *p, unsigned long n);

/*
 * Compare all pages of all processes with their entries in VMAs, page tables and frames; those of
 * @actor, which is current, also through the MMU where that changes nothing behind them.
 * @all: every page of every process through the MMU, with reads, fetches and forbidden writes.
 */
void shadow_check(struct shadow *actor, bool all);
/* Fail the test: print run, operation and a ruler of the layout of @p with a mark at @n. */
void shadow_fail(const struct shadow *p, unsigned long n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
