/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees threaded through the objects they hold. The caller searches and links (it alone
 * knows the order), the library balances:
 *
 *	struct rb_node **link = &root->rb_node, *parent = NULL;
 *
 *	while (*link) {
 *		parent = *link;
 *		link = key < thing_of(parent)->key ? &parent->rb_left : &parent->rb_right;
 *	}
 *	rb_link_node(&thing->rb, parent, link);
 *	rb_insert_color(&thing->rb, root);
 *
 * An augmented tree keeps in each node a value computed from its subtree (the largest gap, the last
 * end). Its insert walks down updating those values, links, and calls rb_insert_augmented.
 * Nothing here locks or allocates; the caller guards the tree.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include "lib/compiler.h"
#include "lib/types.h"

/* Nodes are 8-byte aligned, so the lowest bit of the parent's address is free for the colour. */
struct rb_node {
	unsigned long __rb_parent_color;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} __aligned(8);

struct rb_root {
	struct rb_node *rb_node;
};

/*
 * How an augmented tree keeps its values right.
 * @propagate: recompute from @node upwards until @stop (not included; NULL = past the root), or
 *	until a value does not change.
 * @copy: @new takes the place of @old: give it the value of @old.
 * @rotate: @new was the child of @old and is now its parent: @new takes the value of @old (same
 *	subtree), then the value of @old is recomputed.
 */
struct rb_augment_callbacks {
	void (*propagate)(struct rb_node *node, struct rb_node *stop);
	void (*copy)(struct rb_node *old, struct rb_node *new);
	void (*rotate)(struct rb_node *old, struct rb_node *new);
};

#define RB_ROOT (struct rb_root) { NULL }
#define RB_EMPTY_ROOT(root) (READ_ONCE((root)->rb_node) == NULL)
#define rb_entry(ptr, type, member) container_of(ptr, type, member)
#define rb_entry_safe(ptr, type, member) \
	({ struct rb_node *__rbn = (ptr); __rbn ? rb_entry(__rbn, type, member) : NULL; })
#define RB_RED 0UL
#define RB_BLACK 1UL
#define rb_parent(node) ((struct rb_node *)((node)->__rb_parent_color & ~RB_BLACK))
static __always_inline void rb_set_parent(struct rb_node *node, const struct rb_node *parent)
{
	node->__rb_parent_color = (unsigned long)parent | (node->__rb_parent_color & RB_BLACK);
}

/* A node that is its own parent is in no tree. rb_erase does not set this by itself. */
#define RB_EMPTY_NODE(node) ((node)->__rb_parent_color == (unsigned long)(node))
#define RB_CLEAR_NODE(node) ((node)->__rb_parent_color = (unsigned long)(node))

/* Hang @node, red and childless, at @link, which is the root or a child pointer of @parent. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (unsigned long)parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	__atomic_store_n(link, node, __ATOMIC_RELEASE); /* complete, for walks without a lock */
}

/* Rebalance after rb_link_node. O(log n), at most two rotations. */
void rb_insert_color(struct rb_node *node, struct rb_root *root);

/*
 * For trees built from below, of nodes in order: @node over two finished subtrees (NULL: empty). The
 * caller sees to the colours, the augmented value and, at the top, the root, which must be black.
 */
static inline void rb_join(struct rb_node *node, struct rb_node *left, struct rb_node *right,
			   bool black)
{
	node->__rb_parent_color = black ? RB_BLACK : RB_RED;
	node->rb_left = left;
	node->rb_right = right;
	if (left)
		rb_set_parent(left, node);
	if (right)
		rb_set_parent(right, node);
}

/* Take @node, which must be in @root, out. O(log n), at most three rotations. */
void rb_erase(struct rb_node *node, struct rb_root *root);

/*
 * The same for augmented trees. Before rb_insert_augmented the value of @node must be set and the
 * values on the way from it to the root must account for it; rb_erase_augmented does all by itself.
 */
void rb_insert_augmented(struct rb_node *node, struct rb_root *root,
			 const struct rb_augment_callbacks *augment);
void rb_erase_augmented(struct rb_node *node, struct rb_root *root,
			const struct rb_augment_callbacks *augment);

/* In-order walk; NULL at the end, and for an empty tree. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/*
 * Define the three callbacks of an augmented tree as `storage struct rb_augment_callbacks name`.
 * @compute(type *obj, bool exit) stores obj->@value computed from the object and its two children;
 * when @exit and the value did not change, it returns true.
 */
#define RB_DECLARE_CALLBACKS(storage, name, type, field, value, compute) \
static void name##_propagate(struct rb_node *rb, struct rb_node *stop) \
{ \
	while (rb != stop && !compute(rb_entry(rb, type, field), true)) \
		rb = rb_parent(rb); \
} \
static void name##_copy(struct rb_node *old, struct rb_node *new) \
{ \
	rb_entry(new, type, field)->value = rb_entry(old, type, field)->value; \
} \
static void name##_rotate(struct rb_node *old, struct rb_node *new) \
{ \
	name##_copy(old, new); \
	compute(rb_entry(old, type, field), false); \
} \
storage const struct rb_augment_callbacks name = { \
	.propagate = name##_propagate, \
	.copy = name##_copy, \
	.rotate = name##_rotate, \
}

#endif /* LIB_RBTREE_H */
