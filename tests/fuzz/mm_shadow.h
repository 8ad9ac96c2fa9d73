/* SPDX-License-Identifier: MIT */
/*
 * The shadow of what processes of the software machine must see in a window of their address space:
 * for each page what it is, its rights, and the word at its start. It knows nothing of VMAs, frames
 * or page tables. One file, at most FILE_MAX pages, can be mapped; so can anonymous shared memory.
 */
#ifndef TESTS_FUZZ_MM_SHADOW_H
#define TESTS_FUZZ_MM_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/host/machine.h"

#define FAMILY 3u
#define PAGES 48UL
#define BASE (0x40000000UL - PAGES / 2 * PAGE_SIZE) /* two page tables, two directories */
#define PAGE(n) (BASE + (n) * PAGE_SIZE)
#define FILE_MAX 24UL
#define HEAP 16UL /* pages that brk() reaches */

enum kind { HOLE, ANON, FILE_PRIVATE, SHM, FILE_SHARED };

struct shadow_page {
	enum kind kind;
	uint8_t prot;    /* PROT_* */
	uint16_t object; /* SHM: which */
	uint16_t index;  /* page of the file or of the object */
	bool own;        /* FILE_PRIVATE: has its own copy */
	bool locked, dontfork, wipeonfork;
	bool lazy;       /* MADV_FREE: value, or zero as soon as that was seen once */
	uint64_t value;  /* ANON, and FILE_PRIVATE with its own copy */
};

struct shadow {
	struct task_struct *task;
	struct shadow_page page[PAGES];
	unsigned long brk;
	uint64_t heap[HEAP + 1]; /* the word at the start of each page below brk */
};

extern struct host_file *shadow_file;

/* Once, after host_boot(). */
void shadow_init(void);
/* A new process with nothing in the window; the file and all objects fresh. */
void shadow_begin(struct shadow *p);

/* What calls do to the window; those that can fail return what the call must. */
void shadow_map(struct shadow *p, unsigned long page, unsigned long n, enum kind kind, uint8_t prot,
		unsigned long index, bool locked);
long shadow_advise(struct shadow *p, unsigned long page, unsigned long n, int advice);
long shadow_lock(struct shadow *p, unsigned long page, unsigned long n, int how);
/* mremap() in place, of pages that are one VMA's; false: there is no room. */
bool shadow_resize(struct shadow *p, unsigned long page, unsigned long n, unsigned long size);
void shadow_move(struct shadow *p, unsigned long page, unsigned long n, unsigned long to,
		 unsigned long size, bool keep);
void shadow_fork(const struct shadow *parent, struct shadow *child);
/* brk() left the heap's end there; its pages are looked at and written. */
void shadow_brk(struct shadow *p, unsigned long brk);
/*
 * A call ran out of memory half way, from the state @before: rights and flags are what the kernel
 * says, pages may be gone, but contents are not changed. @succeeded: it said it did all.
 */
void shadow_follow(struct shadow *p, const struct shadow *before, bool succeeded);

/*
 * Pages [page, page + n) were populated: what may be written of a private file mapping may have its
 * own copies now.
 */
void shadow_populated(struct shadow *p, unsigned long page, unsigned long n);

void shadow_file_write(unsigned long index, uint64_t value);
void shadow_file_truncate(struct shadow *family, unsigned int members, unsigned long pages);

/* Accesses by current, which is @p's: the verdict and the word must be right. */
void shadow_read(struct shadow *p, unsigned long page);
void shadow_write(struct shadow *p, unsigned long page, uint64_t value);
void shadow_exec(struct shadow *p, unsigned long page);
void shadow_touch_all(struct shadow *p);
/* Look at all entries without touching: none may allow or show what it should not. */
void shadow_peek(struct shadow *p);

/* All n pages are @kind; all are something. */
bool shadow_all(const struct shadow *p, unsigned long page, unsigned long n, enum kind kind);
bool shadow_mapped(const struct shadow *p, unsigned long page, unsigned long n);

#endif
