/* SOURCES: tests/fuzz/mm_shadow.c */
/* LIBRARY: host */
/* SPDX-License-Identifier: MIT */
/*
 * The mmap family and the page fault on the software machine, in up to three processes that fork
 * from each other, against the shadow of tests/fuzz/mm_shadow.h, which knows of each page its
 * rights and what it must show. After each step all entries in the page tables are compared with
 * it; in the end every page is touched, mm_audit() is asked, and every frame must be back.
 *
 * Input: five bytes a step: kind, page, pages, argument, and which allocation fails.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/mm_shadow.h"

#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/audit.h"
#include "mm/backing/xa_nodes.h"
#include "mm/space/mman.h"
#include "mm/space/vma.h"

static struct shadow family[FAMILY], before, *me;
static unsigned int members;
static struct host_census at_rest;

struct step {
	uint8_t kind, arg, failing;
	unsigned long page, n, addr, len;
};

static void switch_to(unsigned int n)
{
	me = &family[n % members];
	host_switch(me->task);
}

/* A result must be what the model says; when memory was made to fail, -ENOMEM is right too. */
static void done(const struct step *s, long got, long want)
{
	bool failed = s->failing && host_alloc_calls >= s->failing;

	host_fail_alloc(0);
	if (got != want && !(failed && (got == -ENOMEM || got == -EAGAIN)))
		fail_msg("step of kind %u on pages %lu + %lu, argument %u: %ld instead of %ld",
			 s->kind % 16, s->page, s->n, s->arg, got, want);
	if (failed)
		shadow_follow(me, &before, got == want);
	for (unsigned long i = 0; i < PAGES; i++)
		if (me->page[i].locked)
			shadow_populated(me, i, 1);
}

/* --- steps: the model first, as calls change what it looks at --- */
static void do_map(const struct step *s)
{
	static const unsigned long types[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE,
					       MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED };
	enum kind kind = ANON + (s->arg >> 3 & 3);
	unsigned long flags = types[kind - ANON], offset = s->arg >> 6 << 1;
	bool anon = flags & MAP_ANONYMOUS, replace = s->kind < 128;
	long want = (long)s->addr;
	int fd = anon ? -1 : host_open(shadow_file, true);

	flags |= replace ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (s->kind & 64)
		flags |= s->kind & 32 ? MAP_POPULATE : MAP_LOCKED;
	if (!replace && !shadow_all(me, s->page, s->n, HOLE))
		want = -EEXIST;
	else
		shadow_map(me, s->page, s->n, kind, s->arg & 7, anon ? 0 : offset,
			   flags & MAP_LOCKED);
	host_fail_alloc(s->failing);
	done(s,
	     sys_mmap(s->addr, s->len, s->arg & 7, flags, (unsigned long)fd,
		      anon ? 0 : offset << 12),
	     want);
	shadow_populated(me, s->page, flags & MAP_POPULATE && want >= 0 ? s->n : 0);
	if (!anon)
		host_close(fd);
}

static void do_unmap(const struct step *s)
{
	for (unsigned long i = 0; i < s->n; i++)
		me->page[s->page + i] = (struct shadow_page){ .kind = HOLE };
	host_fail_alloc(s->failing);
	done(s, sys_munmap(s->addr, s->len), 0);
}

static void do_protect(const struct step *s)
{
	unsigned long i = 0;

	for (; i < s->n && me->page[s->page + i].kind != HOLE; i++)
		me->page[s->page + i].prot = s->arg & 7;
	host_fail_alloc(s->failing);
	done(s, sys_mprotect(s->addr, s->len, s->arg & 7), i < s->n ? -ENOMEM : 0);
}

static void do_advise(const struct step *s)
{
	static const uint8_t advices[] = { MADV_DONTNEED,   MADV_DONTNEED,   MADV_FREE,
					   MADV_PAGEOUT,    MADV_COLD,       MADV_WILLNEED,
					   MADV_DONTFORK,   MADV_DOFORK,     MADV_WIPEONFORK,
					   MADV_KEEPONFORK, MADV_SEQUENTIAL, MADV_NORMAL };
	int advice = advices[s->arg % ARRAY_SIZE(advices)];
	long want = shadow_advise(me, s->page, s->n, advice);

	host_fail_alloc(s->failing);
	done(s, sys_madvise(s->addr, s->len, advice), want);
}

/* Within one VMA, whose bounds only the kernel knows: [page, page + n) to @to, or in place. */
static void do_remap(const struct step *s)
{
	struct vm_area_struct *vma = vma_lookup(me->task->mm, s->addr);
	unsigned long to = s->arg % PAGES, n = s->n, more = s->kind >> 6 & 3, left, flags;

	if (!vma)
		return;
	left = (vma->vm_end - s->addr) >> PAGE_SHIFT;
	n = min(n, left);
	if (s->kind & 32) { /* longer or shorter where it is */
		unsigned long size = n == left && more ? min(n + more, PAGES - s->page) : n - n / 2;

		left = shadow_resize(me, s->page, n, size);
		host_fail_alloc(s->failing);
		done(s, sys_mremap(s->addr, n * PAGE_SIZE, size * PAGE_SIZE, 0, 0),
		     left ? (long)s->addr : -ENOMEM);
		return;
	}
	flags = MREMAP_FIXED | MREMAP_MAYMOVE | (more == 3 ? MREMAP_DONTUNMAP : 0);
	left = more == 3 ? n : min(n + more, PAGES - to); /* the new size */
	if (to + left > PAGES || (s->page < to + left && to < s->page + n))
		return;
	shadow_move(me, s->page, n, to, left, more == 3);
	host_fail_alloc(s->failing);
	done(s, sys_mremap(s->addr, n * PAGE_SIZE, left * PAGE_SIZE, flags, PAGE(to)),
	     (long)PAGE(to));
	for (n = 0; more == 3 && n < PAGES;
	     n++) { /* all of the old VMA, whose bounds are not known here */
		vma = vma_lookup(me->task->mm, PAGE(n));
		me->page[n].locked &= vma && vma->vm_flags & VM_LOCKED;
	}
}

static void do_lock(const struct step *s)
{
	long want = shadow_lock(me, s->page, s->n, s->arg % 3);

	host_fail_alloc(s->failing);
	done(s,
	     s->arg % 3 == 2 ? sys_munlock(s->addr, s->len) :
	     s->arg % 3      ? sys_mlock2(s->addr, s->len, MLOCK_ONFAULT) :
			       sys_mlock(s->addr, s->len),
	     want);
}

/* The answer goes to a page of the stack, which is user memory like any other. */
static void do_mincore(const struct step *s)
{
	unsigned long vec = HOST_STACK_TOP - PAGES;
	bool hole = !shadow_mapped(me, s->page, s->n);
	uint8_t resident[PAGES];

	CHECK(sys_mincore(s->addr, s->len, (unsigned char *)vec) == (hole ? -ENOMEM : 0));
	if (hole || host_read(vec, resident, s->n).signal)
		return;
	for (unsigned long i = 0; i < s->n; i++)
		CHECK(resident[i] == 1 || !host_page(me->task, PAGE(s->page + i)));
}

static void do_touch(const struct step *s)
{
	for (unsigned long i = s->page; i < s->page + s->n; i++) {
		host_fail_alloc(s->failing);
		if (s->arg & 1)
			shadow_write(me, i, 1 + s->arg * 1000u + i);
		else if (s->arg & 2)
			shadow_exec(me, i);
		else
			shadow_read(me, i);
		host_fail_alloc(0);
	}
}

static void do_file(const struct step *s)
{
	if (s->arg & 1)
		shadow_file_write(s->page % FILE_MAX, 1 + s->arg);
	else if (s->arg & 2)
		shadow_file_truncate(family, members, s->page % FILE_MAX);
	else if (s->arg & 4)
		host_file_drop(shadow_file);
	else
		host_file_sync(shadow_file);
}

static void do_brk(const struct step *s)
{
	unsigned long want = HOST_BRK + s->page % HEAP * PAGE_SIZE + s->arg;
	long got;

	host_fail_alloc(s->failing);
	got = sys_brk(want);
	if (got != (long)want && (!s->failing || host_alloc_calls < s->failing))
		fail_msg("brk: %#lx instead of %#lx", got, want);
	host_fail_alloc(0);
	shadow_brk(me, (unsigned long)got);
}

static void do_fork(const struct step *s)
{
	struct task_struct *task;

	if (members == FAMILY)
		return;
	host_fail_alloc(s->failing);
	task = host_fork(me->task);
	CHECK(task || (s->failing && host_alloc_calls >= s->failing));
	host_fail_alloc(0);
	if (!task)
		return;
	shadow_fork(me, &family[members]);
	family[members++].task = task;
}

static void do_exit(void)
{
	if (members == 1)
		return;
	host_exit(me->task);
	*me = family[--members];
	switch_to(0);
}

static void do_step(const struct step *s)
{
	if (s->failing)
		before = *me;
	switch (s->kind % 16) {
	case 0 ... 2:
		do_map(s);
		break;
	case 3:
		do_unmap(s);
		break;
	case 4 ... 5:
		do_protect(s);
		break;
	case 6:
		do_advise(s);
		break;
	case 7:
		do_remap(s);
		break;
	case 8:
		do_lock(s);
		break;
	case 9:
		do_mincore(s);
		break;
	case 10 ... 11:
		do_touch(s);
		break;
	case 12:
		do_file(s);
		break;
	case 13:
		do_brk(s);
		break;
	case 14:
		do_fork(s);
		break;
	default:
		if (s->arg & 8)
			host_reclaim(s->n * 4);
		else if (s->arg % 4)
			switch_to(s->page);
		else
			do_exit();
	}
}

static void audit(void)
{
	char what[256];

	if (mm_audit(what, sizeof(what)))
		fail_msg("audit: %s", what);
}

/* All that has begun ends; the page cache's reserve of tree nodes, which is no leak, is full. */
static void rest(struct host_census *census)
{
	host_settle();
	xa_preload();
	host_census(census);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	host_boot(4096);
	CHECK(host_swapon(512, -1) >= 0);
	shadow_init();
	rest(&at_rest);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct host_census after;
	struct step s;

	shadow_begin(&family[0]);
	members = 1;
	switch_to(0);
	for (unsigned int n = 0; fuzz_more(&in) && n < 300; n++) {
		s = (struct step){ .kind = fuzz_u8(&in), .page = fuzz_u8(&in) % PAGES };
		s.n = min(1UL + fuzz_u8(&in) % 16, PAGES - s.page);
		s.arg = fuzz_u8(&in);
		s.failing = (uint8_t)(fuzz_u8(&in) >= 224 ? in.at[-1] % 32 : 0);
		s.addr = PAGE(s.page);
		s.len = s.n * PAGE_SIZE;
		do_step(&s);
		for (unsigned int i = 0; i < members; i++)
			shadow_peek(&family[i]);
		host_tlb_check();
	}
	audit();
	while (members) {
		switch_to(members - 1);
		shadow_touch_all(me);
		host_switch(NULL);
		host_exit(family[--members].task);
	}
	host_file_truncate(shadow_file, 0);
	rest(&after);
	host_census_same(&at_rest, &after, "the input");
	return 0;
}

/* What is mapped, written, forked, written again; moved, paged out; with file and shared memory. */
const unsigned long fuzz_inputs = 1000;

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t steps[] = {
		0,  4,  15, 3,  0,  10, 4,  15, 1,  0,  14, 0,  0,  0,  0, 10, 6,  3, 5,
		0,  15, 1,  0,  1,  0,  10, 5,  9,  0,  0,  4,  6,  2,  1, 0,  6,  4, 9,
		3,  0,  10, 4,  15, 0,  0,  15, 0,  0,  0,  0,  0,  20, 7, 11, 0,  0, 28,
		7,  27, 0,  10, 20, 15, 1,  0,  12, 3,  0,  1,  0,  12, 2, 0,  2,  0, 10,
		20, 15, 0,  0,  7,  4,  3,  40, 0,  71, 20, 7,  30, 0,  8, 4,  6,  0, 0,
		9,  4,  9,  0,  0,  1,  40, 5,  19, 0,  10, 40, 4,  1,  0, 14, 0,  0, 0,
		0,  15, 1,  0,  1,  0,  10, 40, 4,  3,  0,  13, 9,  0,  0, 0,  15, 9, 20,
		8,  0,  6,  4,  3,  8,  0,  3,  5,  2,  0,  0,  39, 20, 7, 0,  0,
	};

	/* clang-format off */
	static const uint8_t regressions[] = { /* what went wrong once */
		/* part of a locked mapping moved with MREMAP_DONTUNMAP: locked_vm counted wrong */
		0, 9, 7, 0, 0,  8, 12, 6, 0, 0,  199, 14, 0, 0, 0,  0, 0, 47, 0, 0,
		/* MADV_WILLNEED of shared anonymous memory jumped to 0 */
		0, 2, 7, 19, 0,  6, 2, 7, 5, 0,
		/* mprotect of a range with a locked page copied the pages beside it too */
		0, 16, 7, 8, 0,  8, 17, 0, 0, 0,  5, 16, 7, 7, 0,  12, 5, 0, 1, 0,
	};
	/* clang-format on */

	if (n == 2) {
		memcpy(buf, regressions, sizeof(regressions));
		return sizeof(regressions);
	}
	if (n > 2 || size < sizeof(steps))
		return 0;
	memcpy(buf, steps, sizeof(steps));
	return n ? sizeof(steps) : 75;
}
