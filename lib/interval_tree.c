/* SPDX-License-Identifier: MIT */
/*
 * Interval tree: a red-black tree by start, augmented with the largest end of each subtree. A
 * subtree whose largest end lies before the range asked for holds nothing of interest, and
 * neither does what starts after it; the rest of the tree is one path.
 */
#include "lib/interval_tree.h"

static __always_inline struct interval_node *to_node(struct rb_node *rb)
{
	return rb_entry(rb, struct interval_node, rb);
}

static __always_inline unsigned long last_below(struct rb_node *rb, unsigned long last)
{
	return rb && to_node(rb)->subtree_last > last ? to_node(rb)->subtree_last : last;
}

/* See RB_DECLARE_CALLBACKS: the largest end of @node and its children; may tell "no change". */
static inline bool compute_last(struct interval_node *node, bool exit)
{
	unsigned long last =
		last_below(node->rb.rb_right, last_below(node->rb.rb_left, node->last));

	if (exit && node->subtree_last == last)
		return true;
	node->subtree_last = last;
	return false;
}

RB_DECLARE_CALLBACKS(static, augment_last, struct interval_node, rb, subtree_last, compute_last);

void interval_tree_insert(struct interval_node *node, struct rb_root *root)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (to_node(parent)->subtree_last < node->last)
			to_node(parent)->subtree_last = node->last;
		link = node->start < to_node(parent)->start ? &parent->rb_left : &parent->rb_right;
	}
	node->subtree_last = node->last;
	rb_link_node(&node->rb, parent, link);
	rb_insert_augmented(&node->rb, root, &augment_last);
}

void interval_tree_set_last(struct interval_node *node, unsigned long last)
{
	node->last = last;
	augment_last_propagate(&node->rb, NULL);
}

void interval_tree_remove(struct interval_node *node, struct rb_root *root)
{
	rb_erase_augmented(&node->rb, root, &augment_last);
}

/*
 * The leftmost interval in the subtree at @rb that touches [start, last]. As far left as some end
 * reaches @start there is a candidate; only the first such node counts, since all to its right
 * start later still.
 */
static struct interval_node *first_in(struct rb_node *rb, unsigned long start, unsigned long last)
{
	while (rb) {
		struct interval_node *node = to_node(rb);

		if (node->subtree_last < start)
			return NULL;
		if (rb->rb_left && to_node(rb->rb_left)->subtree_last >= start) {
			rb = rb->rb_left;
			continue;
		}
		if (node->start > last)
			return NULL;
		if (node->last >= start)
			return node;
		rb = rb->rb_right;
	}
	return NULL;
}

struct interval_node *interval_tree_iter_first(struct rb_root *root, unsigned long start,
					       unsigned long last)
{
	return first_in(root->rb_node, start, last);
}

struct interval_node *interval_tree_iter_next(struct interval_node *node, unsigned long start,
					      unsigned long last)
{
	struct rb_node *rb = &node->rb, *parent;

	for (;;) {
		/* What follows in order: the right subtree, then each ancestor we are left of. */
		if (rb->rb_right && to_node(rb->rb_right)->subtree_last >= start)
			return first_in(rb->rb_right, start, last);
		do {
			parent = rb_parent(rb);
			if (!parent)
				return NULL;
			node = to_node(parent);
			if (rb == parent->rb_left)
				break;
			rb = parent;
		} while (true);
		rb = parent;
		if (node->start > last)
			return NULL;
		if (node->last >= start)
			return node;
	}
}
