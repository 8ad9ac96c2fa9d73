/* SPDX-License-Identifier: MIT */
/*
 * A part of stress.c: memory that one thread owns. Pages of the arena belong to the threads of a
 * process in turns, CHUNK at a time, so that each change of a thread splits and merges mappings
 * beside those of the others. What a page must hold is computed from the number of the write to it,
 * and that number is kept elsewhere (the shadow).
 */
#ifndef TESTS_PROGRAMS_STRESS_OWN_H
#define TESTS_PROGRAMS_STRESS_OWN_H

#include "stress.h"

#define ARENA 0x2000001f0000UL /* a page table ends within its first pages */
#define CHUNK 8UL
#define FILE_PAGES 24UL

enum kind { NOTHING, ANON, SHARED_FILE, PRIVATE_FILE };

/* What a page is, and must hold. */
struct page {
	uint8_t kind, prot, file_page;
	bool own;   /* PRIVATE_FILE: copied, tag counts */
	bool freed; /* MADV_FREE: may be zeroes instead */
	uint32_t tag;
};

/* A thread, and all that it knows. */
struct owner {
	int id, file, pipe[2];
	uint64_t seed;
	uint32_t writes;
	size_t file_size; /* in pages */
	uint32_t file_tags[FILE_PAGES];
	struct page *pages; /* its own, by number */
	size_t count;
	size_t locked, locked_count;
	pid_t child;
	int child_must; /* its wait status */
	pthread_t thread;
};

static _Thread_local struct owner *me;

static char *address(size_t page)
{
	return (char *)ARENA + ((page / CHUNK * THREADS + me->id) * CHUNK + page % CHUNK) * PAGE;
}

/* The three words of a page that are written and looked at. */
static const size_t word_offset[] = { 0, 8 * 257, PAGE - 8 };

static uint64_t *word_of(size_t page, int i)
{
	return (uint64_t *)(address(page) + word_offset[i]);
}

static uint64_t value_of(uint32_t tag)
{
	return tag ? mix(me->seed + tag) | 1 : 0;
}

static uint32_t *tag_of(struct page *p)
{
	bool of_file = p->kind == SHARED_FILE || (p->kind == PRIVATE_FILE && !p->own);

	return of_file ? &me->file_tags[p->file_page] : &p->tag;
}

/* What an access must come to. */
static int must_be(const struct page *p, int prot)
{
	if (p->kind == NOTHING)
		return FAULT(SIGSEGV, SEGV_MAPERR);
	if (!(p->prot & prot))
		return FAULT(SIGSEGV, SEGV_ACCERR);
	if (p->kind != ANON && p->file_page >= me->file_size)
		return FAULT(SIGBUS, BUS_ADRERR);
	return 0;
}

static void check_access(size_t page, int got, int want, const char *what)
{
	struct page *p = &me->pages[page];

	if (got != want)
		complain(&board->wrong_faults,
			 "%s at %p (kind %d prot %d file page %d of %zu) gave %#x instead of %#x", what,
			 (void *)address(page), p->kind, p->prot, p->file_page, me->file_size, got, want);
	else if (want)
		atomic_fetch_add(&board->refused, 1);
}

/* Reads and writes by system calls, into and out of a pipe: 0 or the fault that EFAULT stands for. */
static int by_call(uint64_t *p, uint64_t *value, bool write_it, int want)
{
	ssize_t n;

	if (write_it) {
		if (write(me->pipe[1], value, 8) != 8)
			bail("write to a pipe");
		n = read(me->pipe[0], p, 8);
	} else {
		n = write(me->pipe[1], p, 8);
	}
	if (n == 8 && !write_it && read(me->pipe[0], value, 8) != 8)
		bail("read from a pipe");
	if (n == 8)
		return 0;
	if (n >= 0 || errno != EFAULT)
		return FAULT(255, n >= 0 ? (int)n : errno);
	while (read(me->pipe[0], value, 8) > 0) /* what is left of it */
		;
	return want ? want : FAULT(SIGSEGV, 0);
}

static void read_page(size_t page)
{
	struct page *p = &me->pages[page];
	int want = must_be(p, RW);
	uint64_t right = value_of(*tag_of(p)), value = 0;
	bool call = one_in(8);

	for (int i = 0; i < 3; i++) {
		int got = call ? by_call(word_of(page, i), &value, false, want) :
				 try_read(word_of(page, i), &value);

		check_access(page, got, want, call ? "read by a call" : "read");
		if (got || want)
			return;
		if (value != right && !(p->freed && !value))
			complain(&board->wrong_contents,
				 "%p word %d (kind %d prot %d own %d file page %d write %u) holds %#lx, not %#lx",
				 (void *)address(page), i, p->kind, p->prot, p->own, p->file_page,
				 *tag_of(p), value, right);
	}
}

static void write_page(size_t page)
{
	struct page *p = &me->pages[page];
	int want = must_be(p, PROT_WRITE);
	uint64_t value = value_of(++me->writes);
	bool call = one_in(8);

	for (int i = 0; i < 3; i++) {
		uint64_t copy = value;
		int got = call ? by_call(word_of(page, i), &copy, true, want) :
				 try_write(word_of(page, i), value);

		check_access(page, got, want, call ? "write by a call" : "write");
		if (got || want)
			return;
	}
	p->own = p->kind == PRIVATE_FILE;
	p->freed = false;
	*tag_of(p) = me->writes;
}

/* ---- What a thread does with n of its pages from at on, all in one chunk ---- */

static int some_prot(void)
{
	static const int prots[] = { RW, RW, RW, PROT_READ, PROT_NONE };

	return prots[below(COUNT(prots))];
}

static void do_touch(size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		one_in(3) ? read_page(i) : write_page(i);
}

static void do_map(size_t at, size_t n)
{
	enum kind kind = one_in(2) ? ANON : ANON + below(3);
	int prot = some_prot(), flags = MAP_FIXED | (kind == SHARED_FILE ? MAP_SHARED : MAP_PRIVATE);
	size_t from = below(FILE_PAGES - n + 1);

	if (kind == ANON)
		flags |= MAP_ANONYMOUS | (one_in(8) ? MAP_POPULATE : 0);
	if (mmap(address(at), n * PAGE, prot, flags, kind == ANON ? -1 : me->file,
		 kind == ANON ? 0 : (off_t)(from * PAGE)) == MAP_FAILED) {
		munmap(address(at), n * PAGE);
		kind = NOTHING;
	}
	for (size_t i = 0; i < n; i++)
		me->pages[at + i] = (struct page){ .kind = kind, .prot = prot, .file_page = from + i };
}

static void do_unmap(size_t at, size_t n)
{
	if (munmap(address(at), n * PAGE))
		bail("munmap");
	for (size_t i = 0; i < n; i++)
		me->pages[at + i].kind = NOTHING;
}

/* A gap ends mprotect with ENOMEM, what is before it is done: go page by page. */
static void do_protect(size_t at, size_t n)
{
	int prot = some_prot();
	bool whole = true;

	for (size_t i = 0; i < n; i++)
		whole = whole && me->pages[at + i].kind;
	if (whole && mprotect(address(at), n * PAGE, prot) == 0)
		for (size_t i = 0; i < n; i++)
			me->pages[at + i].prot = prot;
	else
		for (size_t i = at; i < at + n; i++)
			if (me->pages[i].kind && !mprotect(address(i), PAGE, prot))
				me->pages[i].prot = prot;
}

/* Within the chunk or to another, in one piece if the kernel takes it. */
static void do_move(size_t at, size_t n)
{
	size_t to = below(me->count / CHUNK) * CHUNK + below(CHUNK - n + 1);
	bool keep = one_in(4), anon = true;
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (to < at + n && at < to + n)
		return;
	for (size_t i = 0; i < n; i++) {
		if (me->pages[at + i].kind == NOTHING)
			return;
		anon = anon && me->pages[at + i].kind == ANON;
	}
	keep = keep && anon;
	if (mremap(address(at), n * PAGE, n * PAGE, flags | (keep ? MREMAP_DONTUNMAP : 0), address(to)) ==
	    MAP_FAILED) {
		do_unmap(to, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		me->pages[to + i] = me->pages[at + i];
		if (keep)
			me->pages[at + i].tag = 0, me->pages[at + i].freed = false;
		else
			me->pages[at + i].kind = NOTHING;
	}
}

static void do_dontneed(size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		if (!madvise(address(i), PAGE, MADV_DONTNEED) && me->pages[i].kind) {
			me->pages[i].own = me->pages[i].freed = false;
			me->pages[i].tag = 0;
		}
}

static void do_free(size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		if (me->pages[i].kind == ANON && !madvise(address(i), PAGE, MADV_FREE))
			me->pages[i].freed = true;
}

static void do_pageout(size_t at, size_t n)
{
	madvise(address(at), n * PAGE, MADV_PAGEOUT);
}

static void do_hint(size_t at, size_t n)
{
	static const int advice[] = { MADV_NORMAL, MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL, MADV_COLD };
	unsigned char vec[CHUNK];

	if (one_in(4))
		mincore(address(at), n * PAGE, vec);
	else
		madvise(address(at), n * PAGE, advice[below(COUNT(advice))]);
}

/*
 * One range at a time, or memory would run out. Locking copies private pages of files: what they
 * hold then is not in the shadow.
 */
static void do_lock(size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		if (me->pages[i].kind == PRIVATE_FILE)
			return;
	if (me->locked_count)
		for (size_t i = 0; i < me->locked_count; i++)
			munlock(address(me->locked + i), PAGE);
	mlock(address(at), n * PAGE);
	me->locked = at;
	me->locked_count = n;
}

static void do_sync(size_t at, size_t n)
{
	if (one_in(8))
		fsync(me->file);
	else
		msync(address(at), n * PAGE, one_in(2) ? MS_SYNC : MS_ASYNC);
}

static void do_truncate(size_t at, size_t n)
{
	size_t size = one_in(2) ? FILE_PAGES : below(FILE_PAGES + 1);

	(void)at, (void)n;
	if (ftruncate(me->file, (off_t)(size * PAGE)))
		bail("ftruncate");
	me->file_size = size;
	for (size_t i = size; i < FILE_PAGES; i++)
		me->file_tags[i] = 0;
	for (size_t i = 0; i < me->count; i++)
		if (me->pages[i].file_page >= size)
			me->pages[i].own = false;
}

/* The file by read and write, as the mappings show it. */
static void do_file(size_t at, size_t n)
{
	size_t page = below(FILE_PAGES);
	bool write_it = one_in(2);

	(void)at, (void)n;
	if (page >= me->file_size)
		return;
	me->file_tags[page] = write_it ? ++me->writes : me->file_tags[page];
	for (int i = 0; i < 3; i++) {
		uint64_t right = value_of(me->file_tags[page]), value = right;
		off_t pos = (off_t)(page * PAGE + word_offset[i]);

		if (write_it && pwrite(me->file, &value, 8, pos) != 8)
			bail("pwrite");
		if (!write_it && (pread(me->file, &value, 8, pos) != 8 || value != right))
			complain(&board->wrong_contents, "pread of file page %zu gives %#lx, not %#lx", page,
				 value, right);
	}
}

static void do_check(size_t at, size_t n)
{
	(void)at, (void)n;
	for (size_t i = 0; i < me->count; i++)
		read_page(i);
}

#endif
