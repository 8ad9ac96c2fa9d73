/* SPDX-License-Identifier: MIT */
/*
 * A set of closed intervals [start, last] that may overlap: which of them touch a given range? A
 * red-black tree ordered by start, where each node knows the largest end below it (CLRS 14.3). The
 * reverse map asks it "which VMAs map page n of this file?". The caller locks; nothing allocates.
 */
#ifndef LIB_INTERVAL_TREE_H
#define LIB_INTERVAL_TREE_H

#include "lib/rbtree.h"

struct interval_node {
	struct rb_node rb;
	unsigned long start, last;	/* both included; fixed while the node is in a tree */
	unsigned long subtree_last;	/* the library's: largest last in this subtree */
};

/* Insert @node, with start <= last set by the caller. Equal intervals may be there many times. */
void interval_tree_insert(struct interval_node *node, struct rb_root *root);

/* Let @node, which is in a tree, end at @last from now on. */
void interval_tree_set_last(struct interval_node *node, unsigned long last);

/* Remove @node, which must be in @root. */
void interval_tree_remove(struct interval_node *node, struct rb_root *root);

/* The first interval, by start, that shares a point with [start, last]; NULL if none. O(log n). */
struct interval_node *interval_tree_iter_first(struct rb_root *root, unsigned long start,
					       unsigned long last);

/* The next one after @node that does; @start and @last as in the first call. */
struct interval_node *interval_tree_iter_next(struct interval_node *node, unsigned long start,
					      unsigned long last);

#define interval_tree_for_each(node, root, start, last) \
	for ((node) = interval_tree_iter_first(root, start, last); (node); \
	     (node) = interval_tree_iter_next(node, start, last))

#endif /* LIB_INTERVAL_TREE_H */
