/* SOURCES: arch/x86_64/mm/asid.c */
/* SPDX-License-Identifier: MIT */
/* Which address-space identifier a map gets, and when what the CPU holds under it must go. */
#include "tests/unit/test.h"

#include "lib/compiler.h"
#include "lib/types.h"

#include "arch/x86_64/mm/asid.h"

static void test_same_map_keeps_its_number(void **state __maybe_unused)
{
	struct asids asids = { 0 };
	bool flush;
	unsigned int a = choose_asid(&asids, 7, 1, &flush);

	assert_true(flush);
	assert_int_not_equal(choose_asid(&asids, 8, 1, &flush), a);
	assert_true(flush);
	assert_int_equal(choose_asid(&asids, 7, 1, &flush), a);
	assert_false(flush); /* nothing was taken away meanwhile */
	assert_int_equal(choose_asid(&asids, 7, 2, &flush), a);
	assert_true(flush);
	assert_int_equal(choose_asid(&asids, 7, 2, &flush), a);
	assert_false(flush); /* it has caught up */
}

static void test_slots_are_reused_in_turn(void **state __maybe_unused)
{
	struct asids asids = { 0 };
	unsigned int first = 0;
	bool flush;

	for (u64 id = 1; id <= NR_ASIDS; id++) {
		unsigned int asid = choose_asid(&asids, id, 1, &flush);

		assert_true(flush && asid < NR_ASIDS);
		if (id == 1)
			first = asid;
	}
	for (u64 id = 1; id <= NR_ASIDS; id++) {
		choose_asid(&asids, id, 1, &flush);
		assert_false(flush);
	}
	/* One more: the first has lost its place, even though its generation is the same. */
	assert_int_equal(choose_asid(&asids, 100, 1, &flush), first);
	assert_true(flush);
	choose_asid(&asids, 1, 1, &flush);
	assert_true(flush);
	choose_asid(&asids, 100, 1, &flush);
	assert_false(flush);
}

/* Against a CPU that keeps all it saw: nothing older than the map's generation may be left. */
static void test_random_maps(void **state __maybe_unused)
{
	struct {
		u64 id;
		unsigned long gen;
	} held[NR_ASIDS] = { 0 };
	unsigned long gens[11] = { 0 };
	struct asids asids = { 0 };
	uint64_t seed = 3;

	for (int i = 0; i < 100000; i++) {
		u64 id = test_random(&seed) % 10 + 1;
		unsigned int asid;
		bool flush;

		gens[id] += test_random(&seed) % 2;
		asid = choose_asid(&asids, id, gens[id], &flush);
		if (!flush)
			assert_true(held[asid].id == id && held[asid].gen == gens[id]);
		held[asid].id = id;
		held[asid].gen = gens[id];
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_map_keeps_its_number),
		cmocka_unit_test(test_slots_are_reused_in_turn),
		cmocka_unit_test(test_random_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
