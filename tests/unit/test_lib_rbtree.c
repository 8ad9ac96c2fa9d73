/* SOURCES: lib/rbtree.c */
/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: after every step of random inserts, erases and replacements the rules of the
 * colours, the order, the parent pointers and the augmented values are checked over the whole
 * tree.
 */
#include "tests/unit/test.h"

#include "lib/rbtree.h"
#include "lib/util.h"

#define NODES 300
#define STEPS 6000

struct item {
	struct rb_node rb;
	unsigned int key;
	unsigned long weight;
	unsigned long sum;     /* augmented: weights of the subtree */
	unsigned long largest; /* augmented: the largest weight of the subtree */
	bool in;
};

static struct item items[NODES + 1];

static struct item *to_item(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct item, rb);
}

static bool compute_largest(struct item *item, bool exit)
{
	struct item *left = to_item(item->rb.rb_left), *right = to_item(item->rb.rb_right);
	unsigned long largest = item->weight;

	if (left)
		largest = max(largest, left->largest);
	if (right)
		largest = max(largest, right->largest);
	if (exit && item->largest == largest)
		return true;
	item->largest = largest;
	return false;
}

static bool compute_sum(struct item *item, bool exit)
{
	struct item *left = to_item(item->rb.rb_left), *right = to_item(item->rb.rb_right);
	unsigned long sum = item->weight + (left ? left->sum : 0) + (right ? right->sum : 0);

	if (exit && item->sum == sum)
		return true;
	item->sum = sum;
	return false;
}

RB_DECLARE_CALLBACKS(static, by_sum, struct item, rb, sum, compute_sum);
RB_DECLARE_CALLBACKS(static, by_largest, struct item, rb, largest, compute_largest);

enum kind { PLAIN, SUM, LARGEST };

/* Checks the subtree; returns its number of black nodes on every way down, adds to *count. */
static int check_subtree(struct rb_node *rb, struct rb_node *parent, enum kind kind,
			 unsigned int lo, unsigned int hi, unsigned int *count)
{
	struct item *item = to_item(rb), *l, *r;
	int left, right;
	bool black;

	if (!rb)
		return 1;
	l = to_item(rb->rb_left);
	r = to_item(rb->rb_right);
	black = rb->__rb_parent_color & 1;
	CHECK(rb_parent(rb) == parent);
	CHECK(black || (parent && (parent->__rb_parent_color & 1)));
	CHECK(item->in && item->key >= lo && item->key <= hi);
	if (kind == SUM)
		CHECK(item->sum == item->weight + (l ? l->sum : 0) + (r ? r->sum : 0));
	if (kind == LARGEST)
		CHECK(item->largest ==
		      max(item->weight, max(l ? l->largest : 0, r ? r->largest : 0)));
	++*count;
	left = check_subtree(rb->rb_left, rb, kind, lo, item->key, count);
	right = check_subtree(rb->rb_right, rb, kind, item->key, hi, count);
	CHECK(left == right);
	return left + black;
}

static void check_tree(struct rb_root *root, enum kind kind, unsigned int count)
{
	unsigned int found = 0;
	struct rb_node *rb, *prev = NULL;

	check_subtree(root->rb_node, NULL, kind, 0, ~0U, &found);
	CHECK(found == count);
	for (rb = rb_first(root), found = 0; rb; prev = rb, rb = rb_next(rb), found++) {
		CHECK(rb_prev(rb) == prev);
		CHECK(!prev || to_item(prev)->key <= to_item(rb)->key);
	}
	CHECK(found == count);
}

static void insert(struct item *item, struct rb_root *root, enum kind kind)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		to_item(parent)->sum += item->weight;
		to_item(parent)->largest = max(to_item(parent)->largest, item->weight);
		link = item->key < to_item(parent)->key ? &parent->rb_left : &parent->rb_right;
	}
	item->sum = item->largest = item->weight;
	item->in = true;
	rb_link_node(&item->rb, parent, link);
	if (kind == PLAIN)
		rb_insert_color(&item->rb, root);
	else
		rb_insert_augmented(&item->rb, root, kind == SUM ? &by_sum : &by_largest);
}

static void erase(struct item *item, struct rb_root *root, enum kind kind)
{
	if (kind == PLAIN)
		rb_erase(&item->rb, root);
	else
		rb_erase_augmented(&item->rb, root, kind == SUM ? &by_sum : &by_largest);
	item->in = false;
	memset(&item->rb, 0xa5, sizeof(item->rb));
}

/* Fills and empties the tree in waves, with many equal keys if @keys is small. */
static void random_steps(enum kind kind, unsigned int keys, uint64_t seed)
{
	struct rb_root root = RB_ROOT;
	unsigned int count = 0;

	memset(items, 0, sizeof(items));
	for (int step = 0; step < STEPS; step++) {
		struct item *item = &items[test_random(&seed) % NODES];
		bool fill = (step / 1000) % 2 == 0;

		if (item->in && (!fill || test_random(&seed) % 4 == 0)) {
			erase(item, &root, kind);
			count--;
		} else if (!item->in && (fill || test_random(&seed) % 4 == 0)) {
			item->key = test_random(&seed) % keys;
			item->weight = test_random(&seed) % 1000;
			insert(item, &root, kind);
			count++;
		}
		if (step % 8 == 0)
			check_tree(&root, kind, count);
	}
	for (int i = 0; i < NODES; i++) {
		if (!items[i].in)
			continue;
		erase(&items[i], &root, kind);
		check_tree(&root, kind, --count);
	}
	assert_true(RB_EMPTY_ROOT(&root));
}

static void test_plain(void **state __maybe_unused)
{
	random_steps(PLAIN, 100000, 1);
	random_steps(PLAIN, 5, 2);
}

static void test_augmented_sum(void **state __maybe_unused)
{
	random_steps(SUM, 100000, 3);
	random_steps(SUM, 5, 4);
}

static void test_augmented_largest(void **state __maybe_unused)
{
	random_steps(LARGEST, 100000, 5);
	random_steps(LARGEST, 5, 6);
}

/* Every way to erase one node of a small tree, for each insertion order that a stride gives. */
static void test_small_trees(void **state __maybe_unused)
{
	static const unsigned int strides[] = { 1, 2, 3, 5, 7, 11, 13 };

	for (unsigned int n = 1; n <= 16; n++)
		for (unsigned int s = 0; s < ARRAY_SIZE(strides); s++)
			for (unsigned int victim = 0; victim < n; victim++) {
				struct rb_root root = RB_ROOT;

				memset(items, 0, sizeof(items));
				for (unsigned int i = 0; i < n; i++) {
					items[i].key = i * strides[s] % 17;
					items[i].weight = i + 1;
					insert(&items[i], &root, SUM);
					check_tree(&root, SUM, i + 1);
				}
				erase(&items[victim], &root, SUM);
				check_tree(&root, SUM, n - 1);
			}
}

/* Sorted input must give a tree of height <= 2 log2(n + 1). */
static void test_height(void **state __maybe_unused)
{
	struct rb_root root = RB_ROOT;
	unsigned int deepest = 0;

	memset(items, 0, sizeof(items));
	for (unsigned int i = 0; i < 255; i++) {
		items[i].key = i;
		insert(&items[i], &root, PLAIN);
	}
	for (struct rb_node *rb = rb_first(&root); rb; rb = rb_next(rb)) {
		unsigned int depth = 0;

		for (struct rb_node *up = rb; up; up = rb_parent(up))
			depth++;
		deepest = max(deepest, depth);
	}
	assert_true(deepest <= 16);
}

static void test_empty(void **state __maybe_unused)
{
	struct rb_root root = RB_ROOT;
	struct rb_node node;

	assert_null(rb_first(&root));
	RB_CLEAR_NODE(&node);
	assert_true(RB_EMPTY_NODE(&node));
	rb_link_node(&node, NULL, &root.rb_node);
	rb_insert_color(&node, &root);
	assert_false(RB_EMPTY_NODE(&node));
	assert_ptr_equal(rb_first(&root), &node);
	assert_null(rb_next(&node));
	assert_null(rb_prev(&node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_small_trees),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_augmented_sum),
		cmocka_unit_test(test_augmented_largest),
		cmocka_unit_test(test_height),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
