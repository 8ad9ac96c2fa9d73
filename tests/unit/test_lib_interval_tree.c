/* SOURCES: lib/interval_tree.c lib/rbtree.c */
/* SPDX-License-Identifier: MIT */
/* Interval tree against a search through all intervals: same set, in order of start. */
#include "tests/unit/test.h"

#include "lib/interval_tree.h"
#include "lib/util.h"

#define NODES 120
#define STEPS 8000

static struct interval_node nodes[NODES];
static bool in[NODES];

static unsigned long check_values(struct rb_node *rb)
{
	struct interval_node *node = rb_entry_safe(rb, struct interval_node, rb);
	unsigned long last;

	if (!node)
		return 0;
	last = max(node->last, max(check_values(rb->rb_left), check_values(rb->rb_right)));
	CHECK(node->subtree_last == last);
	return last;
}

static void check_query(struct rb_root *root, unsigned long start, unsigned long last)
{
	struct interval_node *node, *prev = NULL;
	unsigned int expected = 0, found = 0;

	for (int i = 0; i < NODES; i++)
		expected += in[i] && nodes[i].start <= last && nodes[i].last >= start;
	interval_tree_for_each(node, root, start, last) {
		CHECK(in[node - nodes]);
		CHECK(node->start <= last && node->last >= start);
		CHECK(!prev || prev->start <= node->start);
		CHECK(node != prev);
		CHECK(found < expected);
		prev = node;
		found++;
	}
	CHECK(found == expected);
}

/* @space: ends of intervals lie below it; @length: the longest interval. */
static void random_steps(unsigned long space, unsigned long length, uint64_t seed)
{
	struct rb_root root = RB_ROOT;

	memset(in, 0, sizeof(in));
	for (int step = 0; step < STEPS; step++) {
		unsigned int i = test_random(&seed) % NODES;
		unsigned long start = test_random(&seed) % space;
		unsigned long last = start + test_random(&seed) % length;

		if (in[i] && step % 3 == 0) {
			interval_tree_set_last(&nodes[i], nodes[i].start + last - start);
			in[i] = false; /* until the end of this step */
		} else if (in[i]) {
			interval_tree_remove(&nodes[i], &root);
			memset(&nodes[i], 0x5a, sizeof(nodes[i]));
		} else {
			nodes[i].start = start;
			nodes[i].last = last < start ? ~0UL : last;
			interval_tree_insert(&nodes[i], &root);
		}
		in[i] = !in[i];
		check_values(root.rb_node);
		start = test_random(&seed) % space;
		last = start + test_random(&seed) % length;
		check_query(&root, start, last < start ? ~0UL : last);
		check_query(&root, start, start);
		if (step % 50 == 0)
			check_query(&root, 0, ~0UL);
	}
	for (int i = 0; i < NODES; i++) {
		if (in[i])
			interval_tree_remove(&nodes[i], &root);
		in[i] = false;
		check_values(root.rb_node);
	}
	assert_true(RB_EMPTY_ROOT(&root));
}

static void test_sparse(void **state __maybe_unused)
{
	random_steps(100000, 500, 11);
}

static void test_dense(void **state __maybe_unused)
{
	random_steps(50, 20, 12);
}

static void test_same_start(void **state __maybe_unused)
{
	random_steps(2, 1000, 13);
}

static void test_whole_range(void **state __maybe_unused)
{
	random_steps(~0UL, ~0UL, 14);
}

static void test_edges(void **state __maybe_unused)
{
	struct rb_root root = RB_ROOT;
	struct interval_node a = { .start = 10, .last = 19 };
	struct interval_node b = { .start = ~0UL, .last = ~0UL };

	assert_null(interval_tree_iter_first(&root, 0, ~0UL));
	interval_tree_insert(&a, &root);
	interval_tree_insert(&b, &root);
	assert_null(interval_tree_iter_first(&root, 0, 9));
	assert_null(interval_tree_iter_first(&root, 20, 30));
	assert_ptr_equal(interval_tree_iter_first(&root, 0, 10), &a);
	assert_ptr_equal(interval_tree_iter_first(&root, 19, 100), &a);
	assert_null(interval_tree_iter_next(&a, 19, 100));
	assert_ptr_equal(interval_tree_iter_next(&a, 0, ~0UL), &b);
	assert_ptr_equal(interval_tree_iter_first(&root, ~0UL, ~0UL), &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),       cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_dense),       cmocka_unit_test(test_same_start),
		cmocka_unit_test(test_whole_range),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
