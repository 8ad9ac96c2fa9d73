/* SOURCES: */
/* SPDX-License-Identifier: MIT */
/* What lib/ has in headers alone: bits and bitmaps, atomics, lists, small arithmetic. */
#include "tests/unit/test.h"

#include <pthread.h>

#include "lib/atomic.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/list.h"
#include "lib/util.h"

#define BITS 200

static void test_find_in_word(void **state __maybe_unused)
{
	uint64_t seed = 51;

	for (unsigned int bit = 0; bit < 64; bit++) {
		assert_int_equal(__ffs(~0UL << bit), bit);
		assert_int_equal(__fls(~0UL >> (63 - bit)), bit);
		assert_int_equal(fls64(1ULL << bit), bit + 1);
		assert_int_equal(ilog2(1UL << bit), bit);
		assert_int_equal(roundup_pow_of_two(BIT(bit)), BIT(bit));
		if (bit > 1 && bit < 63)
			assert_int_equal(roundup_pow_of_two(BIT(bit) + 1), BIT(bit + 1));
	}
	assert_int_equal(fls64(0), 0);
	for (int i = 0; i < 1000; i++) {
		u64 w = test_random(&seed);

		assert_int_equal(hweight64(w), __builtin_popcountll(w));
	}
}

/* All searches against a walk bit by bit; @size cuts a word, and the bits behind it are set. */
static void check_searches(const unsigned long *map, unsigned long size)
{
	unsigned long next_one = size, next_zero = size;

	CHECK(find_next_bit(map, size, size) == size);
	for (unsigned long i = size; i--;) {
		if (test_bit(i, map))
			next_one = i;
		else
			next_zero = i;
		CHECK(find_next_bit(map, size, i) == next_one);
		CHECK(find_next_zero_bit(map, size, i) == next_zero);
	}
	CHECK(find_first_bit(map, size) == next_one);
}

static void test_bitmaps(void **state __maybe_unused)
{
	DECLARE_BITMAP(map, BITS);
	uint64_t seed = 52;

	for (int round = 0; round < 300; round++) {
		unsigned long start = test_random(&seed) % BITS;
		unsigned long count = test_random(&seed) % (BITS - start + 1);

		memset(map, round % 2 ? 0xff : 0, sizeof(map));
		for (; count; count--)
			__assign_bit(start++, map, !(round % 2));
		if (round % 3 == 0)
			__assign_bit(test_random(&seed) % BITS, map, round % 2);
		for (unsigned long size = 0; size <= BITS; size += 1 + test_random(&seed) % 40)
			check_searches(map, size);
	}
}

static void test_set_and_test(void **state __maybe_unused)
{
	DECLARE_BITMAP(map, BITS) = { 0 };
	unsigned long bit, count = 0;

	assert_false(test_and_set_bit(130, map));
	assert_true(test_and_set_bit(130, map));
	assert_true(test_and_clear_bit(130, map));
	assert_false(test_and_clear_bit(130, map));
	assert_false(__test_and_set_bit(3, map));
	assert_true(__test_and_clear_bit(3, map));
	assert_false(test_and_set_bit_lock(199, map));
	assert_true(test_and_set_bit_lock(199, map));
	clear_bit_unlock(199, map);
	assert_int_equal(find_first_bit(map, BITS), BITS);
	set_bit(0, map);
	set_bit(63, map);
	set_bit(64, map);
	__assign_bit(199, map, true);
	__assign_bit(63, map, false);
	for_each_set_bit(bit, map, BITS)
		count += bit;
	assert_int_equal(count, 0 + 64 + 199);
	clear_bit(64, map);
	assert_int_equal(find_next_bit(map, BITS, 1), 199);
}

static void test_atomic_values(void **state __maybe_unused)
{
	atomic_t v = ATOMIC_INIT(1);
	atomic_long_t l = ATOMIC_LONG_INIT(0);
	unsigned long word = 5;

	assert_int_equal(atomic_add_return(4, &v), 5);
	atomic_set(&v, 2);
	assert_false(atomic_dec_and_test(&v));
	assert_true(atomic_dec_and_test(&v));
	assert_false(atomic_inc_not_zero(&v));
	assert_true(atomic_add_unless(&v, 8, 1));
	assert_false(atomic_add_unless(&v, 1, 8));
	assert_true(atomic_inc_not_zero(&v));
	assert_int_equal(atomic_sub_return(6, &v), 3);
	assert_int_equal(atomic_inc_return(&v), 4);
	atomic_long_sub(1L << 40, &l);
	assert_true(atomic_long_read(&l) == -(1L << 40));
	assert_int_equal(cmpxchg(&word, 5, 7), 5);
	assert_int_equal(cmpxchg(&word, 6, 8), 7);
	smp_store_release(&word, 1);
	assert_int_equal(smp_load_acquire(&word), 1);
}

#define ROUNDS 100000

static atomic_t shared_count;
static unsigned long shared_lock[1], guarded;

static void *hammer(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		atomic_inc(&shared_count);
		while (test_and_set_bit_lock(7, shared_lock))
			;
		guarded++;
		clear_bit_unlock(7, shared_lock);
	}
	return arg;
}

static void test_two_threads(void **state __maybe_unused)
{
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, hammer, NULL), 0);
	hammer(NULL);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(atomic_read(&shared_count), 2 * ROUNDS);
	assert_int_equal(guarded, 2 * ROUNDS);
}

struct thing {
	int n;
	struct list_head list;
	struct hlist_node hash;
};

/* The list as a decimal number; each entry must lead back to the one before. */
static unsigned int digits(struct list_head *head)
{
	struct list_head *before = head;
	unsigned int number = 0;
	struct thing *t;

	list_for_each_entry(t, head, list) {
		assert_ptr_equal(t->list.prev, before);
		before = &t->list;
		number = number * 10 + (unsigned int)t->n;
	}
	assert_ptr_equal(head->prev, before);
	return number;
}

static void test_list(void **state __maybe_unused)
{
	struct thing t[6] = { { 0 }, { .n = 1 }, { .n = 2 }, { .n = 3 }, { .n = 4 }, { .n = 5 } };
	struct thing *pos, *next;
	LIST_HEAD(a);
	LIST_HEAD(b);

	assert_true(list_empty(&a));
	assert_null(list_first_entry_or_null(&a, struct thing, list));
	list_add_tail(&t[1].list, &a);
	list_add_tail(&t[2].list, &a);
	list_add(&t[3].list, &a);
	assert_int_equal(digits(&a), 312);
	assert_ptr_equal(list_first_entry(&a, struct thing, list), &t[3]);
	assert_ptr_equal(list_last_entry(&a, struct thing, list), &t[2]);
	list_move_tail(&t[3].list, &b);
	list_add(&t[4].list, &b);
	assert_int_equal(digits(&b), 43);
	list_splice_init(&b, &a);
	assert_int_equal(digits(&a), 4312);
	assert_true(list_empty(&b));
	list_splice_init(&b, &a);
	list_replace_init(&t[2].list, &t[5].list);
	assert_true(list_empty(&t[2].list));
	assert_int_equal(digits(&a), 4315);
	list_for_each_entry_safe(pos, next, &a, list)
		if (pos->n % 2 == 0 || pos->n == 5)
			list_del(&pos->list);
	assert_int_equal(digits(&a), 31);
	assert_ptr_equal(t[4].list.next, LIST_POISON1);
	list_move(&t[1].list, &a);
	list_del_init(&t[3].list);
	assert_true(list_empty(&t[3].list));
	assert_int_equal(digits(&a), 1);
}

static void test_hlist(void **state __maybe_unused)
{
	struct thing t[4] = { { .n = 0 }, { .n = 1 }, { .n = 2 }, { .n = 3 } }, *pos;
	struct hlist_head head = { NULL };
	unsigned int sum = 0;

	for (int i = 0; i < 4; i++)
		hlist_add_head(&t[i].hash, &head);
	hlist_for_each_entry(pos, &head, hash)
		sum = sum * 10 + (unsigned int)pos->n;
	assert_int_equal(sum, 3210);
	hlist_del_init(&t[3].hash);
	hlist_del_init(&t[1].hash);
	assert_true(hlist_unhashed(&t[3].hash));
	hlist_del_init(&t[3].hash);
	assert_ptr_equal(head.first, &t[2].hash);
	hlist_del_init(&t[2].hash);
	hlist_del_init(&t[0].hash);
	assert_null(head.first);
}

static void test_arithmetic(void **state __maybe_unused)
{
	int once = 1, a = 1, b = 2;

	assert_int_equal(min(once++, 5), 1);
	assert_int_equal(once, 2);
	assert_int_equal(max(3, min(9, 7)), 7);
	assert_int_equal(clamp(12, 0, 10), 10);
	assert_int_equal(clamp(-1, 0, 10), 0);
	assert_int_equal(min_t(unsigned int, -1, 3), 3);
	swap(a, b);
	assert_int_equal(a * 10 + b, 21);
	assert_int_equal(ALIGN(4097UL, 4096), 8192);
	assert_int_equal(ALIGN_DOWN(8191UL, 4096), 4096);
	assert_true(IS_ALIGNED(0xffffffff80000000UL, MiB(2)));
	assert_int_equal(DIV_ROUND_UP(10, 3), 4);
	assert_true(IS_ERR(ERR_PTR(-ENOMEM)));
	assert_int_equal(PTR_ERR(ERR_PTR(-ENOMEM)), -ENOMEM);
	assert_true(IS_ERR(ERR_PTR(-MAX_ERRNO)));
	assert_false(IS_ERR(&once));
	assert_false(IS_ERR(NULL));
	assert_true(IS_ERR_OR_NULL(NULL));
	BUILD_BUG_ON(sizeof(u64) != 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_in_word), cmocka_unit_test(test_bitmaps),
		cmocka_unit_test(test_set_and_test), cmocka_unit_test(test_atomic_values),
		cmocka_unit_test(test_two_threads),  cmocka_unit_test(test_list),
		cmocka_unit_test(test_hlist),        cmocka_unit_test(test_arithmetic),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
