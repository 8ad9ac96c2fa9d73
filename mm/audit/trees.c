/* SPDX-License-Identifier: MIT */
/* The rules of red-black trees, checked without trusting a single pointer. */
#include "mm/audit/internal.h"

#define MAX_HEIGHT 128U /* 2 log2(n + 1) for any number of nodes that fit in memory */

static bool is_red(const struct rb_node *node)
{
	return node && !(node->__rb_parent_color & 1);
}

/* May the walk go down from @node to @child? */
static bool child_is_sane(struct audit *a, const struct rb_node *node, const struct rb_node *child,
			  const char *what)
{
	if (!audit_is_object(child))
		return audit_fail(a, "%s: the child %p of node %p is no object", what, child, node);
	if (rb_parent(child) != node)
		return audit_fail(a, "%s: the child %p of node %p has the parent %p", what, child,
				  node, rb_parent(child));
	if (is_red(node) && is_red(child))
		return audit_fail(a, "%s: node %p and its child %p are both red", what, node,
				  child);
	return true;
}

/* The leftmost node of the subtree; *depth counts the black nodes on the way down. NULL: failed. */
static struct rb_node *leftmost(struct audit *a, struct rb_node *node, unsigned int *depth,
				const char *what)
{
	while (node->rb_left) {
		if (!child_is_sane(a, node, node->rb_left, what))
			return NULL;
		node = node->rb_left;
		*depth += !is_red(node);
	}
	return node;
}

/* Every way down passes the same number of black nodes. @node lacks a child. */
static bool same_depth(struct audit *a, const struct rb_node *node, unsigned int depth,
		       unsigned int *want, const char *what)
{
	if (!*want)
		*want = depth;
	if (depth == *want)
		return true;
	return audit_fail(a, "%s: %u black nodes on the way to node %p, %u elsewhere", what, depth,
			  node, *want);
}

bool audit_tree(struct audit *a, const struct rb_root *root, const char *what,
		bool (*visit)(struct audit *a, struct rb_node *node, void *arg), void *arg)
{
	struct rb_node *node = root->rb_node, *up;
	unsigned int depth = 1, want = 0;

	if (!node)
		return true;
	if (!audit_is_object(node) || rb_parent(node) || is_red(node))
		return audit_fail(a, "%s: the root %p is no object, red, or has a parent", what,
				  node);
	node = leftmost(a, node, &depth, what);
	while (node) {
		if ((!node->rb_left || !node->rb_right) && !same_depth(a, node, depth, &want, what))
			return false;
		if (!visit(a, node, arg))
			return false;
		if (node->rb_right) {
			if (!child_is_sane(a, node, node->rb_right, what))
				return false;
			node = node->rb_right;
			depth += !is_red(node);
			node = leftmost(a, node, &depth, what);
			if (!node)
				return false;
			continue;
		}
		for (up = rb_parent(node); up && node == up->rb_right; up = rb_parent(node)) {
			depth -= !is_red(node);
			node = up;
		}
		depth -= !is_red(node);
		node = up;
		if (!node)
			return true;
	}
	return false;
}

bool audit_in_tree(const struct rb_node *node, const struct rb_root *root)
{
	for (unsigned int i = 0; i < MAX_HEIGHT && audit_is_object(node); i++) {
		const struct rb_node *up = rb_parent(node);

		if (!up)
			return root->rb_node == node;
		if (!audit_is_object(up) || (up->rb_left != node && up->rb_right != node))
			return false;
		node = up;
	}
	return false;
}
