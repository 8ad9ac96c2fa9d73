/* SOURCES: lib/xarray.c lib/string.c */
/* SPDX-License-Identifier: MIT */
/*
 * Sparse array against a plain table of index, entry and marks. Nodes come from malloc, are
 * counted, and fail to come on demand; after each step of a random run the shape of the tree is
 * checked too.
 */
#include "tests/unit/test.h"

#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "lib/xarray.h"

#define SLOTS 200
#define STEPS 20000

static unsigned long live_nodes;
static long nodes_left = -1; /* allocations until failure; -1: never fails */

void *xa_node_alloc(void)
{
	void *node;

	if (!nodes_left)
		return NULL;
	if (nodes_left > 0)
		nodes_left--;
	node = malloc(sizeof(struct xa_node));
	assert_non_null(node);
	memset(node, 0xa5, sizeof(struct xa_node));
	live_nodes++;
	return node;
}

void xa_node_free(void *node)
{
	live_nodes--;
	free(node);
}

static void *entry_of(unsigned long n)
{
	return n % 3 ? xa_mk_value(n) : (void *)((n + 1) << 4);
}

/* What the array should hold. The indexes are distinct and rising. */
struct shadow {
	unsigned long index;
	void *entry;
	unsigned int marks;
};

static struct shadow shadow[SLOTS];

static unsigned long check_node(const struct xa_node *node, const struct xa_node *parent)
{
	unsigned long nodes = 1;

	CHECK(node->parent == parent);
	CHECK(node->map[XA_PRESENT]);
	for (unsigned int slot = 0; slot < XA_CHUNK_SIZE; slot++) {
		const struct xa_node *child = node->slots[slot];

		CHECK(!!child == !!(node->map[XA_PRESENT] & BIT_MASK(slot)));
		for (xa_mark_t mark = 0; mark < XA_MARKS; mark++) {
			bool set = node->map[mark] & BIT_MASK(slot);

			CHECK(!set || child);
			if (child && node->shift)
				CHECK(set == !!child->map[mark]);
		}
		if (!child || !node->shift)
			continue;
		CHECK(child->shift == node->shift - XA_CHUNK_SHIFT && child->offset == slot);
		nodes += check_node(child, node);
	}
	return nodes;
}

/* No empty node, no needless level, right parents and maps, and no node lost. */
static void check_shape(const struct xarray *xa)
{
	const struct xa_node *top = xa->root;

	if (!xa->bits) {
		CHECK(live_nodes == 0);
		CHECK(xa->max == 0);
		return;
	}
	CHECK(top->shift + XA_CHUNK_SHIFT == xa->bits);
	CHECK(top->map[XA_PRESENT] != 1);
	CHECK(xa->marks == 0);
	CHECK(check_node(top, NULL) == live_nodes);
}

static struct shadow *next_shadow(unsigned long from, unsigned long max, int mark)
{
	for (int i = 0; i < SLOTS; i++) {
		struct shadow *s = &shadow[i];

		if (s->entry && s->index >= from && s->index <= max &&
		    (mark < 0 || (s->marks >> mark & 1)))
			return s;
	}
	return NULL;
}

static void check_find(const struct xarray *xa, unsigned long from, unsigned long max)
{
	for (int mark = -1; mark < XA_MARKS; mark++) {
		struct shadow *want = next_shadow(from, max, mark);
		unsigned long index = from;
		void *entry = mark < 0 ? xa_find(xa, &index, max) :
					 xa_find_marked(xa, &index, max, (xa_mark_t)mark);

		CHECK(entry == (want ? want->entry : NULL));
		CHECK(index == (want ? want->index : from));
	}
}

static void check_content(const struct xarray *xa)
{
	unsigned long index, count = 0, found = 0, marks = 0;
	void *entry;

	for (int i = 0; i < SLOTS; i++) {
		void *const *leaf = xa_leaf(xa, shadow[i].index);

		CHECK(xa_load(xa, shadow[i].index) == shadow[i].entry);
		CHECK(leaf ? leaf[shadow[i].index & XA_CHUNK_MASK] == shadow[i].entry :
			     !shadow[i].entry || !xa->bits);
		for (xa_mark_t mark = 0; mark < XA_MARKS; mark++)
			CHECK(xa_get_mark(xa, shadow[i].index, mark) ==
			      (shadow[i].marks >> mark & 1));
		count += !!shadow[i].entry;
		marks += shadow[i].marks >> 1 & 1;
	}
	xa_for_each(xa, index, entry)
		found++;
	CHECK(found == count);
	CHECK(xa_marked(xa, XA_MARK_1) == !!marks);
}

static int by_index(const void *a, const void *b)
{
	const struct shadow *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* Distinct indexes of up to @bits bits, many of them neighbours, 0 and the largest among them. */
static void make_indexes(unsigned int bits, uint64_t *seed)
{
	unsigned long mask = ~0UL >> (64 - bits);

	memset(shadow, 0, sizeof(shadow));
	for (int i = 0; i < SLOTS; i++) {
		bool again;

		do {
			unsigned long index = test_random(seed) >> (test_random(seed) % 64);

			if (i && test_random(seed) % 2)
				index = shadow[test_random(seed) % i].index + 1;
			shadow[i].index = i == 0 ? 0 : i == 1 ? mask : index & mask;
			again = false;
			for (int j = 0; j < i; j++)
				again |= shadow[j].index == shadow[i].index;
		} while (again);
	}
	qsort(shadow, SLOTS, sizeof(shadow[0]), by_index);
}

static void step_store(struct xarray *xa, struct shadow *s, bool may_fail, uint64_t *seed)
{
	void *entry = entry_of(test_random(seed) % 100000);
	unsigned long before = live_nodes;
	int err;

	nodes_left = may_fail ? (long)(test_random(seed) % 4) : -1;
	err = xa_store(xa, s->index, entry);
	nodes_left = -1;
	if (err) {
		CHECK(err == -ENOMEM && may_fail);
		CHECK(!s->entry && live_nodes == before);
		return;
	}
	s->entry = entry;
}

static void step(struct xarray *xa, bool may_fail, bool fill, uint64_t *seed)
{
	struct shadow *s = &shadow[test_random(seed) % SLOTS];
	xa_mark_t mark = test_random(seed) % XA_MARKS;

	switch (test_random(seed) % 7) {
	case 0:
	case 1:
	case 2:
		if (fill) {
			step_store(xa, s, may_fail, seed);
			break;
		}
		fallthrough;
	case 3:
		CHECK(xa_erase(xa, s->index) == s->entry);
		s->entry = NULL;
		s->marks = 0;
		break;
	case 4:
	case 5:
		xa_set_mark(xa, s->index, mark);
		if (s->entry)
			s->marks |= 1U << mark;
		break;
	case 6:
		xa_clear_mark(xa, s->index, mark);
		s->marks &= ~(1U << mark);
		break;
	}
}

static void random_steps(unsigned int bits, bool may_fail, uint64_t seed)
{
	struct xarray xa = XARRAY_INIT;

	make_indexes(bits, &seed);
	for (int i = 0; i < STEPS; i++) {
		unsigned long from = shadow[test_random(&seed) % SLOTS].index;
		unsigned long max = shadow[test_random(&seed) % SLOTS].index;

		step(&xa, may_fail, i / 2000 % 2 == 0, &seed);
		check_find(&xa, from + test_random(&seed) % 3 - 1, max);
		if (i % 16 == 0) {
			check_shape(&xa);
			check_content(&xa);
		}
	}
	for (int i = 0; i < SLOTS; i++) {
		CHECK(xa_erase(&xa, shadow[i].index) == shadow[i].entry);
		shadow[i].entry = NULL;
		shadow[i].marks = 0;
		check_shape(&xa);
	}
	assert_true(xa_empty(&xa));
	assert_int_equal(live_nodes, 0);
}

static void test_random_small(void **state __maybe_unused)
{
	random_steps(8, false, 21);
}

static void test_random_file(void **state __maybe_unused)
{
	random_steps(20, false, 22);
}

static void test_random_huge(void **state __maybe_unused)
{
	random_steps(64, false, 23);
}

static void test_random_no_memory(void **state __maybe_unused)
{
	random_steps(8, true, 24);
	random_steps(30, true, 25);
	random_steps(64, true, 26);
}

/* One page: no node. */
static void test_single_entry(void **state __maybe_unused)
{
	struct xarray xa;
	unsigned long index = 0;

	xa_init(&xa);
	assert_true(xa_empty(&xa));
	assert_null(xa_load(&xa, 0));
	assert_null(xa_load(&xa, ~0UL));
	xa_set_mark(&xa, 0, XA_MARK_0);
	assert_false(xa_marked(&xa, XA_MARK_0));
	nodes_left = 0;
	assert_int_equal(xa_store(&xa, 0, entry_of(7)), 0);
	assert_int_equal(xa_store(&xa, 1, entry_of(8)), -ENOMEM);
	nodes_left = -1;
	assert_int_equal(live_nodes, 0);
	xa_set_mark(&xa, 0, XA_MARK_2);
	assert_ptr_equal(xa_find_marked(&xa, &index, ~0UL, XA_MARK_2), entry_of(7));
	assert_null(xa_find_marked(&xa, &index, ~0UL, XA_MARK_1));
	assert_int_equal(xa_store(&xa, 1, entry_of(8)), 0);
	assert_true(xa_get_mark(&xa, 0, XA_MARK_2));
	assert_false(xa_get_mark(&xa, 1, XA_MARK_2));
	assert_ptr_equal(xa_erase(&xa, 1), entry_of(8));
	assert_int_equal(live_nodes, 0);
	assert_true(xa_get_mark(&xa, 0, XA_MARK_2));
	assert_int_equal(xa_store(&xa, 0, NULL), 0);
	assert_true(xa_empty(&xa));
	assert_false(xa_marked(&xa, XA_MARK_2));
}

/* One index of each height, with each number of nodes that may be had before memory ends. */
static void test_heights(void **state __maybe_unused)
{
	for (unsigned int bits = 0; bits <= 64; bits++) {
		unsigned long index = bits ? ~0UL >> (64 - bits) : 0;

		for (long limit = 0;; limit++) {
			struct xarray xa = XARRAY_INIT;
			int err;

			assert_int_equal(xa_store(&xa, 0, entry_of(1)), 0);
			nodes_left = limit;
			err = xa_store(&xa, index, entry_of(2));
			nodes_left = -1;
			check_shape(&xa);
			if (index)
				CHECK(xa_load(&xa, 0) == entry_of(1));
			CHECK(xa_load(&xa, index) == (err ? NULL : entry_of(2)) || !index);
			xa_destroy(&xa);
			CHECK(live_nodes == 0);
			if (!err)
				break;
			CHECK(limit < 30);
		}
	}
}

static void test_values(void **state __maybe_unused)
{
	void *entry = xa_mk_value(~0UL >> 1);

	assert_true(xa_is_value(entry));
	assert_int_equal(xa_to_value(entry), ~0UL >> 1);
	assert_true(xa_is_value(xa_mk_value(0)));
	assert_false(xa_is_value(&entry));
	assert_false(xa_is_value(NULL));
}

/* A walk during which everything is erased, as truncate does. */
static void test_erase_while_walking(void **state __maybe_unused)
{
	struct xarray xa = XARRAY_INIT;
	unsigned long index, count = 0;
	void *entry;

	for (unsigned long i = 0; i < 500; i++)
		assert_int_equal(xa_store(&xa, i * i * 7, entry_of(i)), 0);
	xa_for_each_range(&xa, index, entry, 7, 7 * 498 * 498) {
		CHECK(xa_erase(&xa, index) == entry);
		count++;
	}
	assert_int_equal(count, 498);
	assert_ptr_equal(xa_load(&xa, 0), entry_of(0));
	assert_ptr_equal(xa_load(&xa, 7 * 499 * 499), entry_of(499));
	xa_destroy(&xa);
	assert_true(xa_empty(&xa));
	assert_int_equal(live_nodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_single_entry),
		cmocka_unit_test(test_heights),
		cmocka_unit_test(test_erase_while_walking),
		cmocka_unit_test(test_random_small),
		cmocka_unit_test(test_random_file),
		cmocka_unit_test(test_random_huge),
		cmocka_unit_test(test_random_no_memory),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
