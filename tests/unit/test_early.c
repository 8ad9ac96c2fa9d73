/* SOURCES: mm/frame/early.c */
/* SPDX-License-Identifier: MIT */
/* The boot allocator's range arithmetic, against a map with one flag per byte. */
#include "tests/unit/test.h"

#include "kernel/core/panic.h"
#include "lib/errno.h"
#include "mm/frame/early.h"

static bool failed_politely;
static jmp_buf out;

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

void boot_fail(const char *fmt, ...)
{
	(void)fmt;
	failed_politely = true;
	longjmp(out, 1);
}

#define UNIVERSE 400

static void expect_same(const struct mem_ranges *set, const bool *model)
{
	bool seen[UNIVERSE] = { false };

	for (unsigned int i = 0; i < set->nr; i++) {
		CHECK(set->r[i].start < set->r[i].end && set->r[i].end <= UNIVERSE);
		CHECK(i == 0 || set->r[i - 1].end < set->r[i].start);
		for (uint64_t b = set->r[i].start; b < set->r[i].end; b++)
			seen[b] = true;
	}
	CHECK(!memcmp(seen, model, sizeof(seen)));
}

static void random_ranges(void **state)
{
	uint64_t seed = 0xea51;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct mem_ranges set = { .nr = 0 };
		bool model[UNIVERSE] = { false };

		for (int step = 0; step < 200; step++) {
			uint64_t start = test_random(&seed) % UNIVERSE;
			uint64_t end = start + test_random(&seed) % 40;
			bool add = test_random(&seed) % 2;

			if (end > UNIVERSE)
				end = UNIVERSE;
			if ((add ? mem_ranges_add : mem_ranges_remove)(&set, start, end))
				continue;
			for (uint64_t b = start; b < end; b++)
				model[b] = add;
			expect_same(&set, model);
		}
	}
}

static void full_set(void **state)
{
	struct mem_ranges set = { .nr = 0 };

	(void)state;
	for (uint64_t i = 0; i < EARLY_RANGES_MAX; i++)
		assert_int_equal(mem_ranges_add(&set, i * 100, i * 100 + 50), 0);
	assert_int_equal(mem_ranges_add(&set, 100000, 100001), -ENOSPC);
	assert_int_equal(mem_ranges_remove(&set, 10, 20), -ENOSPC);
	assert_int_equal(set.nr, EARLY_RANGES_MAX);
	assert_int_equal(set.r[0].end, 50);
	assert_int_equal(mem_ranges_add(&set, 0, 100000), 0); /* swallows all */
	assert_int_equal(set.nr, 1);
}

static void allocation(void **state)
{
	(void)state;
	early_mem_reset();
	early_mem_add(0, 0x9f000);
	early_mem_add(0x100000, 0x800000);
	early_mem_reserve(0, 0x100000);
	early_mem_reserve(0x100000, 0x123456);
	assert_int_equal(early_alloc(0x1000, 0x1000), 0x124000);
	assert_int_equal(early_alloc(0x200000, 0x200000), 0x200000);
	assert_int_equal(early_alloc(0x1000, 0x1000), 0x125000); /* below it is still room */
	assert_int_equal(early_alloc(16, 1), 0x123456);
	assert_int_equal(early_alloc(0x10000000, 1), 0);
	assert_int_equal(early_alloc(0x1000, 1ULL << 40), 0);
	assert_int_equal(early_mem_total(), 0x9f000 + 0x700000);
	assert_int_equal(early_mem_end(), 0x800000);
}

static unsigned long pieces[16][2];
static unsigned int nr_pieces;

static void note_piece(unsigned long start, unsigned long end)
{
	pieces[nr_pieces][0] = start;
	pieces[nr_pieces++][1] = end;
}

static void whole_frames_only(void **state)
{
	(void)state;
	early_mem_reset();
	early_mem_add(0x1800, 0x5800);
	early_mem_add(0x6001, 0x6fff); /* no whole frame */
	early_mem_reserve(0x3000, 0x3001);
	nr_pieces = 0;
	for_each_ram_range(note_piece);
	assert_int_equal(nr_pieces, 1);
	assert_int_equal(pieces[0][0], 2);
	assert_int_equal(pieces[0][1], 5);
	nr_pieces = 0;
	for_each_free_range(note_piece);
	assert_int_equal(nr_pieces, 2);
	assert_int_equal(pieces[0][0], 2);
	assert_int_equal(pieces[0][1], 3);
	assert_int_equal(pieces[1][0], 4);
	assert_int_equal(pieces[1][1], 5);
}

static void too_many_pieces_fail_politely(void **state)
{
	(void)state;
	early_mem_reset();
	failed_politely = false;
	if (!setjmp(out))
		for (uint64_t i = 0; i < EARLY_RANGES_MAX + 1; i++)
			early_mem_add(i * 0x10000, i * 0x10000 + 0x1000);
	assert_true(failed_politely);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_ranges),
		cmocka_unit_test(full_set),
		cmocka_unit_test(allocation),
		cmocka_unit_test(whole_frames_only),
		cmocka_unit_test(too_many_pieces_fail_politely),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
