/* SOURCES: mm/space/vma.c mm/space/vma_merge.c mm/space/anon_vma.c mm/space/account.c */
/* SOURCES: mm/space/mmap.c mm/space/munmap.c mm/space/mprotect.c mm/space/protect.c */
/* SOURCES: mm/space/mremap.c mm/space/move.c mm/space/brk.c mm/space/stack.c mm/space/mlock.c */
/* SOURCES: mm/space/madvise.c mm/space/pagetable.c mm/space/zap.c mm/space/copy.c */
/* SOURCES: mm/space/rmap.c mm/space/mm.c mm/space/vma_lock.c lib/rbtree.c */
/* SOURCES: lib/interval_tree.c tests/host/shim.c tests/host/alloc.c */
/* SPDX-License-Identifier: MIT */
/*
 * The VMA tree: insert, split, merge, remove, find and the gap search, in up to four processes that
 * fork from each other, against the array of pages of tests/unit/vma_shadow.h. Input: five bytes a
 * step: kind, first page, pages, rights or target, and which allocation fails.
 */
#include "tests/fuzz/fuzz.h"

#define assert_true(cond) CHECK(cond)
#define assert_int_equal(a, b) CHECK((a) == (b))
#include "tests/unit/vma_shadow.h"

#define FAMILY 4u

enum { MAP, UNMAP, PROTECT, DONTNEED, REMAP, FORK, EXIT, SWITCH, WRITE_PAGES, SWAP_OUT, FIND, GAP };

static const uint8_t kinds[] = { MAP,     MAP,         MAP,         UNMAP,       UNMAP,   PROTECT,
				 PROTECT, PROTECT,     REMAP,       REMAP,       FORK,    EXIT,
				 SWITCH,  WRITE_PAGES, SWAP_OUT,    DONTNEED,    FIND,    SWITCH,
				 GAP,     GAP,         WRITE_PAGES, WRITE_PAGES, PROTECT, MAP };

struct step {
	unsigned int kind;
	unsigned long page, n, to;
	enum rights rights;
	bool keep; /* MREMAP_DONTUNMAP */
	char text[96];
};

static struct process family[FAMILY];
static unsigned int members, at;

static void read_step(struct fuzz_input *in, struct step *s)
{
	uint8_t kind = fuzz_u8(in), target;

	s->kind = kinds[kind % ARRAY_SIZE(kinds)];
	s->page = fuzz_u8(in) % PAGES;
	s->n = min(1UL + fuzz_u8(in) % 24, PAGES - s->page);
	target = fuzz_u8(in);
	s->to = target % (PAGES - 24);
	s->rights = NONE + target % 3;
	s->keep = kind >= 240;
	snprintf(s->text, sizeof(s->text),
		 "kind %u on pages %lu..%lu of process %u, rights %c, target %lu", s->kind, s->page,
		 s->page + s->n - 1, at, ".nrw"[s->rights], s -> to);
}

/* --- what the four calls that change the tree do, and what they should --- */
static long call(const struct step *s)
{
	unsigned long addr = ADDR(s->page), len = s->n * PAGE_SIZE, prot = prots[s->rights];

	switch (s->kind) {
	case MAP:
		return sys_mmap(addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0);
	case UNMAP:
		return sys_munmap(addr, len);
	case PROTECT:
		return sys_mprotect(addr, len, prot);
	default:
		return sys_mremap(addr, len, len,
				  MREMAP_MAYMOVE | MREMAP_FIXED | (s->keep ? MREMAP_DONTUNMAP : 0),
				  ADDR(s->to));
	}
}

static long model(struct process *p, const struct step *s)
{
	struct shadow *page = p->page + s->page, *to = p->page + s->to;
	unsigned long i;

	switch (s->kind) {
	case MAP:
		for (i = 0; i < s->n; i++)
			page[i] = (struct shadow){ s->rights, 0 };
		return (long)ADDR(s->page);
	case UNMAP:
		for (i = 0; i < s->n; i++)
			page[i] = (struct shadow){ HOLE, 0 };
		return 0;
	case PROTECT:
		for (i = 0; i < s->n && page[i].rights != HOLE; i++)
			page[i].rights = s->rights;
		return i < s->n ? -ENOMEM : 0;
	default:
		for (i = 0; i < s->n; i++) {
			to[i] = page[i];
			page[i] = (struct shadow){ s->keep ? page[i].rights : HOLE, 0 };
		}
		p->dontunmap |= s->keep;
		return (long)ADDR(s->to);
	}
}

/* After a failure half way: each page has its old contents, or is gone. */
static void follow(struct process *p)
{
	for (unsigned long page = 0; page < PAGES; page++) {
		struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(page));

		p->page[page].rights = vma ? flags_rights(vma->vm_flags) : HOLE;
		if (!vma)
			p->page[page].value = 0;
	}
	p->dontunmap = true; /* neighbours may be left that could merge */
}

static void change(struct process *p, struct step *s, uint8_t failing)
{
	static struct process before;
	struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(s->page));
	long want, got;

	if (s->kind == REMAP) { /* of one VMA, to a place beside it */
		if (!vma)
			return;
		s->n = min(s->n, (vma->vm_end - ADDR(s->page)) >> PAGE_SHIFT);
		if (s->page < s->to + s->n && s->to < s->page + s->n)
			return;
	}
	before = *p;
	want = model(p, s);
	if (failing >= 224) {
		host_alloc_fail_at = failing % 8;
		frames_left = failing >> 3 & 1 ? FRAMES : failing >> 4 & 1;
	}
	got = call(s);
	host_alloc_fail_at = 0;
	frames_left = FRAMES - frames_used;
	if (got != want && (failing < 224 || got != -ENOMEM))
		fail_msg("%s: %ld instead of %ld", s->text, got, want);
	if (got == -ENOMEM && failing >= 224)
		*p = before;
	if (failing >= 224) /* a moved mapping may stay at its old place too, empty, as on Linux */
		follow(p);
}

/* --- questions to the tree --- */
static void check_find(const struct process *p, const struct step *s)
{
	unsigned long first = s->page, end = s->page + s->n, last = s->page, start = ADDR(s->page);
	struct vm_area_struct *vma = find_vma(p->mm, start), *prev, *next;

	while (first < PAGES && p->page[first].rights == HOLE)
		first++;
	CHECK(!vma == (first == PAGES));
	CHECK(!vma || max(vma->vm_start, start) == ADDR(first));
	CHECK(vma_lookup(p->mm, start) == (first == s->page ? vma : NULL));
	CHECK(find_vma_intersection(p->mm, start, ADDR(end)) == (first < end ? vma : NULL));
	next = find_vma_prev(p->mm, start, &prev);
	CHECK(next == vma);
	while (last && p->page[last - 1].rights == HOLE)
		last--;
	if (vma && vma->vm_start < start)
		CHECK(!prev || prev->vm_end <= vma->vm_start);
	else
		CHECK(last ? prev && prev->vm_end == ADDR(last) : !prev);
}

static unsigned long model_gap(const struct process *p, unsigned long n, unsigned long low,
			       unsigned long high, bool down)
{
	for (unsigned long i = 0; low + n <= high && i <= high - low - n; i++) {
		unsigned long page = down ? high - n - i : low + i, k = 0;

		while (k < n && p->page[page + k].rights == HOLE)
			k++;
		if (k == n)
			return ADDR(page);
	}
	return (unsigned long)-ENOMEM;
}

static void check_gap(const struct process *p, const struct step *s)
{
	unsigned long low = s->page, high = low + s->to % (PAGES - low + 1), n = s->n;

	CHECK(vm_unmapped_area(p->mm, n * PAGE_SIZE, ADDR(low), ADDR(high)) ==
	      model_gap(p, n, low, high, true));
	CHECK(vm_unmapped_area_bottomup(p->mm, n * PAGE_SIZE, ADDR(low), ADDR(high)) ==
	      model_gap(p, n, low, high, false));
}

/* --- the family --- */
static void fork_one(const struct process *p, uint8_t failing)
{
	struct mm_struct *mm;

	if (members == FAMILY)
		return;
	if (failing >= 192)
		host_alloc_fail_at = failing % 64;
	mm = dup_mm(p->mm);
	host_alloc_fail_at = 0;
	CHECK(!IS_ERR(mm) || failing >= 192);
	if (IS_ERR(mm))
		return;
	family[members] = *p;
	family[members++].mm = mm;
}

static void exit_one(void)
{
	if (members == 1)
		return;
	mmput(family[at].mm);
	family[at] = family[--members];
	at = 0;
}

static void do_step(struct step *s, uint8_t failing)
{
	struct process *p = &family[at];

	enter(p->mm);
	switch (s->kind) {
	case FORK:
		fork_one(p, failing);
		break;
	case EXIT:
		exit_one();
		break;
	case SWITCH:
		at = (unsigned int)s->page % members;
		break;
	case WRITE_PAGES:
		step_write(p, s->page, s->n, failing);
		break;
	case DONTNEED:
		step_dontneed(p, s->page, s->n);
		break;
	case SWAP_OUT:
		step_swap_out(p, s->page);
		break;
	case FIND:
		check_find(p, s);
		break;
	case GAP:
		check_gap(p, s);
		break;
	default:
		change(p, s, failing);
		break;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	host_ram_init(FRAMES);
	init_rwsem(&file_mapping.i_mmap_rwsem, "i_mmap_rwsem");
	atomic_set(&test_file.f_count, 1);
	mm_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct step s;

	members = 1;
	at = 0;
	setup(&family[0]);
	for (unsigned int i = 0; fuzz_more(&in); i++) {
		read_step(&in, &s);
		do_step(&s, fuzz_u8(&in));
		check_process(&family[at], s.text, i % 4 == 0);
	}
	while (members) {
		check_process(&family[members - 1], "all", true);
		mmput(family[--members].mm);
	}
	expect_no_leaks();
	return 0;
}

/* Maps, splits and merges of neighbours; then the same with a fork and moves in between. */
const unsigned long fuzz_inputs = 2000;

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t steps[] = {
		0,  10, 20, 2,   0, 0,  40, 10, 2,  0, 13, 8,  23, 0, 9, 5,  14, 4,  0, 0,
		18, 0,  5,  190, 0, 16, 12, 6,  0,  0, 5,  14, 4,  2, 0, 3,  20, 3,  0, 0,
		8,  10, 6,  90,  0, 14, 92, 0,  0,  0, 10, 0,  0,  0, 0, 13, 88, 20, 0, 7,
		12, 1,  0,  0,   0, 8,  90, 5,  10, 0, 5,  10, 9,  1, 0, 0,  30, 9,  2, 0,
		8,  40, 4,  30,  0, 15, 10, 9,  0,  0, 11, 0,  0,  0, 0, 5,  0,  23, 2, 231,
	};

	if (n > 1 || size < sizeof(steps))
		return 0;
	memcpy(buf, steps, sizeof(steps));
	return n ? sizeof(steps) : 50;
}
