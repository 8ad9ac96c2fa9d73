/* SPDX-License-Identifier: MIT */
/*
 * race_maps: faults against munmap, mprotect, mremap, madvise and the growth of a stack, which
 * change the map under them. What was taken away faults on every CPU, with the right code; what is
 * beside it is never disturbed; no write is lost, and none reaches a frame that was given away.
 */
#include "race.h"

#define PAGES 16UL
/* Fixed addresses in the middle of nowhere. A page table ends in the middle of the first. */
#define AREA ((char *)0x3000001f8000UL)
#define OTHER ((char *)0x300010000000UL)

/* ---- munmap ---- */

static void touch_there_or_gone(int id)
{
	while (!stopped()) {
		now_and_then_yield();
		unsigned long before = phase_now(), value = 0;
		word_t *p = word_at(AREA, below(PAGES), 1 + id);
		int write = below(2), how = write ? try_write(p, before) : try_read(p, &value);
		int state = phase_since(before);

		if (state == THERE && how)
			complain("thread %d: %s of mapped memory gave %#x", id,
				 write ? "write" : "read", how);
		if (state == GONE && how != FAULT(SIGSEGV, SEGV_MAPERR))
			complain("thread %d: %s after munmap gave %#x, value %#lx", id,
				 write ? "write" : "read", how, value);
	}
}

/* Frames that were just given back come out again first: nobody else may write them. */
static void check_canaries(void)
{
	char *canaries = map_at(NULL, PAGES, RW, PRIVATE, -1);

	for (size_t i = 0; i < PAGES; i++)
		*word_at(canaries, i, 0) = i + 1;
	let_others(100);
	for (size_t i = 0; i < PAGES; i++)
		for (size_t word = 0; word < PAGE / 8; word++)
			if (*word_at(canaries, i, word) != (word ? 0 : i + 1))
				complain("a stranger wrote %#lx to word %zu of a new page",
					 *word_at(canaries, i, word), word);
	munmap(canaries, PAGES * PAGE);
}

static void direct_munmap(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	for (size_t i = 0; i < PAGES; i++)
		if (*word_at(AREA, i, 0))
			complain("page %zu is not new", i);
	set_phase(THERE);
	let_others(200);
	set_phase(CHANGING);
	munmap(AREA, PAGES * PAGE);
	set_phase(GONE);
	check_canaries();
	set_phase(CHANGING);
}

static void race_munmap(void)
{
	check(race(touch_there_or_gone, direct_munmap),
	      "munmap: until then memory, after it SIGSEGV on every CPU, and no frame is written late");
	munmap(AREA, PAGES * PAGE);
}

/* A new mapping in the place of another: nobody sees the old one after the call. */
static void touch_replaced(int id)
{
	while (!stopped()) {
		now_and_then_yield();
		unsigned long before = phase_now(), value;
		word_t *p = word_at(AREA, below(PAGES), 0);
		int how = try_read(p, &value);

		(void)id;
		if (how)
			complain("a replaced mapping has a gap: %#x", how);
		else if (phase_since(before) == THERE && value != before)
			complain("a read gave %#lx from an old mapping, now is %#lx", value,
				 before);
	}
}

static void direct_replace(void)
{
	unsigned long next = (phase_now() & ~3UL) + 8 + THERE;
	char *p = map_at(NULL, PAGES, RW, PRIVATE, -1);

	set_phase(CHANGING);
	for (size_t i = 0; i < PAGES; i++)
		*word_at(p, i, 0) = next;
	if (mremap(p, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AREA) != AREA)
		bail("mremap");
	set_phase(THERE);
	if (phase_now() != next)
		complain("the director cannot count");
	let_others(100);
}

static void direct_replace_by_file(void)
{
	unsigned long next = (phase_now() & ~3UL) + 8 + THERE;
	static int fds[2] = { -1, -1 }, turn;

	if (fds[0] < 0)
		for (int i = 0; i < 2; i++)
			fds[i] = make_file(PAGES);
	turn = !turn;
	set_phase(CHANGING);
	for (size_t i = 0; i < PAGES; i++)
		if (pwrite(fds[turn], &next, 8, (off_t)(i * PAGE)) != 8)
			bail("pwrite");
	map_at(AREA, PAGES, RW, MAP_SHARED, fds[turn]);
	set_phase(THERE);
	let_others(100);
}

static void race_replace(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	set_phase(CHANGING);
	check(race(touch_replaced, direct_replace),
	      "mremap onto a mapping: never a gap, and nothing old is seen after the call");
	check(race(touch_replaced, direct_replace_by_file),
	      "mmap(MAP_FIXED) of a file onto a mapping: the same");
	munmap(AREA, PAGES * PAGE);
}

/* ---- mprotect ---- */

static void touch_protected(int id)
{
	while (!stopped()) {
		now_and_then_yield();
		unsigned long before = phase_now(), value, page = below(PAGES);
		int got_read = try_read(word_at(AREA, page, 1 + id), &value);
		int got_write = try_write(word_at(AREA, page, 1 + id), id);
		int state = phase_since(before), denied = FAULT(SIGSEGV, SEGV_ACCERR);

		if (state != CHANGING && got_read != (state == GONE ? denied : 0))
			complain("a read in state %d gave %#x", state, got_read);
		if (state != CHANGING && got_write != (state == THERE ? 0 : denied))
			complain("a write in state %d gave %#x", state, got_write);
	}
}

/* All pages come to the same rights, by one call or by one for each page, in any order. */
static void direct_mprotect(void)
{
	static const int rights[] = { [THERE] = RW, [GONE] = PROT_NONE, [READ_ONLY] = PROT_READ };
	int state = THERE + (int)below(3);
	size_t first = below(PAGES);

	set_phase(CHANGING);
	if (below(2))
		mprotect(AREA, PAGES * PAGE, rights[state]);
	else
		for (size_t i = 0; i < PAGES; i++)
			mprotect(AREA + (first + i * 5) % PAGES * PAGE, PAGE, rights[state]);
	set_phase(state);
	let_others(50);
}

static void race_mprotect(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	set_phase(CHANGING);
	check(race(touch_protected, direct_mprotect),
	      "a storm of mprotect: rights are exact on every CPU when the call returns");
	munmap(AREA, PAGES * PAGE);
}

/* ---- neighbours ---- */

/* Touches, and gives away again, every other page, which nobody else has. */
static void touch_own(int id)
{
	uint64_t value, count = 0;

	while (!stopped()) {
		now_and_then_yield();
		size_t page = below(PAGES / 2 / race_threads) * race_threads * 2 + (size_t)id * 2;
		word_t *p = word_at(AREA, page, 0);
		int how = try_write(p, ++count);

		if (!how)
			how = try_read(p, &value);
		if (how || value != count)
			complain("page %zu, that nobody else touches: %#x, %#lx instead of %#lx",
				 page, how, value, count);
		if (below(4) == 0)
			madvise(AREA + page * PAGE, PAGE, MADV_DONTNEED);
	}
}

/* What happens to the pages between splits and merges the mappings of the others. */
static void direct_neighbours(void)
{
	char *at = AREA + (below(PAGES / 2) * 2 + 1) * PAGE;

	switch (below(6)) {
	case 0:
		mprotect(at, PAGE, PROT_READ);
		break;
	case 1:
		mprotect(at, PAGE, RW);
		break;
	case 2:
		munmap(at, PAGE);
		break;
	case 3:
		map_at(at, 1, RW, PRIVATE, -1);
		break;
	case 4:
		mlock(at, PAGE);
		break;
	case 5:
		munlock(at, PAGE);
		break;
	}
	if (below(16) == 0) /* everything is one mapping again */
		for (size_t i = 1; i < PAGES; i += 2)
			map_at(AREA + i * PAGE, 1, RW, PRIVATE, -1);
}

static void race_neighbours(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	check(race(touch_own, direct_neighbours),
	      "beside what is split, merged, unmapped and locked, no fault fails");
	munmap(AREA, PAGES * PAGE);
}

/* ---- mremap ---- */

static word_t *moving_words(unsigned long phase)
{
	return (word_t *)((phase >> 2 & 1) ? OTHER : AREA);
}

/* Each thread counts in words of its own, wherever they are just now. */
static void count_while_moved(int id)
{
	uint64_t counts[PAGES] = { 0 }, value;

	while (!stopped()) {
		now_and_then_yield();
		unsigned long before = phase_now();
		size_t page = below(PAGES);
		word_t *p = word_at(moving_words(before), page, 1 + id);
		int how = try_read(p, &value);

		if (!how && value != counts[page])
			complain("thread %d page %zu holds %lu after %lu writes", id, page, value,
				 counts[page]);
		if (!how)
			how = try_write(p, counts[page] + 1);
		if (!how)
			counts[page]++;
		if (how && phase_since(before) == THERE)
			complain("thread %d: a page that does not move gave %#x", id, how);
		if (how && how != FAULT(SIGSEGV, SEGV_MAPERR))
			complain("thread %d: a page that moves gave %#x", id, how);
	}
}

static void direct_mremap(void)
{
	bool there = phase_now() >> 2 & 1;
	char *from = there ? OTHER : AREA, *to = there ? AREA : OTHER;

	let_others(50);
	atomic_store(&race_phase, phase_now() & ~3UL); /* CHANGING, where it is */
	if (mremap(from, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		bail("mremap");
	set_phase(THERE);
}

static void race_mremap(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	atomic_store(&race_phase, 8 + THERE);
	check(race(count_while_moved, direct_mremap),
	      "mremap back and forth: no write is lost, none goes to the old place");
	munmap(AREA, PAGES * PAGE);
	munmap(OTHER, PAGES * PAGE);
}

/* ---- madvise(MADV_DONTNEED) ---- */

static void write_and_look(int id)
{
	uint64_t last[PAGES] = { 0 }, count = 0;

	while (!stopped()) {
		now_and_then_yield();
		size_t page = below(PAGES);
		word_t *p = word_at(AREA, page, 1 + id);
		uint64_t value = *p;

		if (value && value != last[page])
			complain("thread %d reads %#lx, neither zero nor its last write %#lx", id,
				 value, last[page]);
		if (below(2))
			*p = last[page] = (uint64_t)(id + 1) << 48 | ++count;
	}
}

static void direct_dontneed(void)
{
	size_t first = below(PAGES), n = 1 + below(PAGES - first);

	madvise(AREA + first * PAGE, n * PAGE, MADV_DONTNEED);
	if (race_rounds % 8 == 0)
		check_canaries();
}

static void race_dontneed(void)
{
	map_at(AREA, PAGES, RW, PRIVATE, -1);
	check(race(write_and_look, direct_dontneed),
	      "MADV_DONTNEED among writers: zero or the last write, and no frame is written late");
	munmap(AREA, PAGES * PAGE);
}

/* ---- page tables made and freed ---- */

#define STRIDE (1UL << 30) /* each page in a page table, and a table above it, of its own */
#define TABLES 6UL

static void first_touches(int id)
{
	while (meet()) {
		for (size_t i = 0; i < TABLES; i++)
			atomic_fetch_add((word_t *)(AREA + i * STRIDE), 1);
		*(word_t *)(AREA + (size_t)id * STRIDE + (1UL << 21)) = 1;
		if (!meet())
			return;
	}
}

static void direct_tables(void)
{
	map_at(AREA, TABLES * STRIDE / PAGE, RW, PRIVATE | MAP_NORESERVE, -1);
	if (!meet() || !meet())
		return;
	for (size_t i = 0; i < TABLES; i++)
		if (*(word_t *)(AREA + i * STRIDE) != race_threads)
			complain("page %zu counts %lu of %d threads", i,
				 *(word_t *)(AREA + i * STRIDE), race_threads);
	munmap(AREA, TABLES * STRIDE);
}

static void race_tables(void)
{
	check(race(first_touches, direct_tables),
	      "the first touches of a gigabyte by all at once make each table once");
	munmap(AREA, TABLES * STRIDE);
}

/* ---- a stack that grows ---- */

static void grow_down(int id)
{
	while (meet()) {
		for (size_t i = 1; i < PAGES; i++)
			*word_at(AREA, PAGES - 1 - i, id) = i;
		if (!meet())
			return;
	}
}

static void direct_growth(void)
{
	map_at(AREA + (PAGES - 1) * PAGE, 1, RW, PRIVATE | MAP_GROWSDOWN, -1);
	if (!meet() || !meet())
		return;
	for (size_t i = 1; i < PAGES; i++)
		for (size_t id = 0; id < race_threads; id++)
			if (*word_at(AREA, PAGES - 1 - i, id) != i)
				complain("page %zu of the stack lost the write of thread %zu", i,
					 id);
	munmap(AREA, PAGES * PAGE);
}

static void race_growth(void)
{
	check(race(grow_down, direct_growth), "a mapping that grows downward under all at once");
	munmap(AREA, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	static const struct race_test tests[] = {
		{ "munmap", race_munmap },     { "replace", race_replace },
		{ "mprotect", race_mprotect }, { "neighbours", race_neighbours },
		{ "mremap", race_mremap },     { "dontneed", race_dontneed },
		{ "tables", race_tables },     { "growth", race_growth },
	};

	(void)argc;
	return run_races(tests, COUNT(tests), argv);
}
