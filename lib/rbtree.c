/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees: insertion and deletion after Cormen, Leiserson, Rivest, Stein, "Introduction to
 * Algorithms", chapter 13, with NULL as the black leaf. The rules that every function keeps:
 *
 *	1. the root is black;
 *	2. a red node has a black parent;
 *	3. every way from a node down to a NULL passes the same number of black nodes.
 *
 * Left and right cases are one piece of code with a constant `left`, which the compiler unfolds.
 * The plain tree is the augmented one with callbacks that do nothing, which it folds away.
 *
 * Somebody may walk down without a lock while all this goes on (mm/space/vma_lock.c). Such a walk may
 * miss what is there, but it meets only nodes that are or were in the tree, and it ends: child
 * pointers are stored whole (WRITE_ONCE) and in an order in which they form no circle at any moment.
 * A node that moves up is first cut off below its old place and hung in at the new one last; one
 * that leaves keeps its children, so who stands on it finds the way on.
 */
#include "lib/rbtree.h"

static __always_inline bool is_red(const struct rb_node *node)
{
	return node && !(node->__rb_parent_color & RB_BLACK);
}

static __always_inline void set_red(struct rb_node *node)
{
	node->__rb_parent_color &= ~RB_BLACK;
}

static __always_inline void set_black(struct rb_node *node)
{
	node->__rb_parent_color |= RB_BLACK;
}

static __always_inline struct rb_node **child(struct rb_node *node, bool left)
{
	return left ? &node->rb_left : &node->rb_right;
}

/* Make what points down to @old, from @parent or from the root, point to @new. */
static __always_inline void change_child(struct rb_node *old, struct rb_node *new,
					 struct rb_node *parent, struct rb_root *root)
{
	if (!parent)
		WRITE_ONCE(root->rb_node, new);
	else if (parent->rb_left == old)
		WRITE_ONCE(parent->rb_left, new);
	else
		WRITE_ONCE(parent->rb_right, new);
}

/* Turn @node down to its left (or right) side; the child on the other side takes its place. */
static __always_inline void rotate(struct rb_node *node, bool left, struct rb_root *root,
				   const struct rb_augment_callbacks *augment)
{
	struct rb_node *up = *child(node, !left);
	struct rb_node *between = *child(up, left);
	struct rb_node *parent = rb_parent(node);

	WRITE_ONCE(*child(node, !left), between);
	if (between)
		rb_set_parent(between, node);
	WRITE_ONCE(*child(up, left), node);
	rb_set_parent(up, parent);
	change_child(node, up, parent, root);
	rb_set_parent(node, up);
	augment->rotate(node, up);
}

/*
 * @node and its @parent, which is the left (or right) child of @grand, are red, the uncle is black:
 * after two or fewer rotations a black node stands on top of two red ones and all rules hold.
 */
static __always_inline void insert_rotate(struct rb_node *node, struct rb_node *parent,
					  struct rb_node *grand, bool left, struct rb_root *root,
					  const struct rb_augment_callbacks *augment)
{
	if (node == *child(parent, !left)) {
		rotate(parent, left, root, augment);
		parent = node;
	}
	set_black(parent);
	set_red(grand);
	rotate(grand, !left, root, augment);
}

static __always_inline void insert_fix(struct rb_node *node, struct rb_root *root,
				       const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent, *grand, *uncle;

	/* Only rule 2 may be broken, and only between node and parent. */
	while (is_red(parent = rb_parent(node))) {
		grand = rb_parent(parent);
		uncle = parent == grand->rb_left ? grand->rb_right : grand->rb_left;
		if (!is_red(uncle)) {
			if (parent == grand->rb_left)
				insert_rotate(node, parent, grand, true, root, augment);
			else
				insert_rotate(node, parent, grand, false, root, augment);
			return;
		}
		set_black(parent);
		set_black(uncle);
		set_red(grand);
		node = grand;
	}
	if (!parent)
		set_black(node);
}

/*
 * One step of repairing rule 3: the left (or right) subtree of @parent lacks one black node.
 * Returns true when the tree is right again, false when now the whole subtree of @parent lacks
 * one.
 */
static __always_inline bool erase_step(struct rb_node *parent, bool left, struct rb_root *root,
				       const struct rb_augment_callbacks *augment)
{
	struct rb_node *sibling = *child(parent, !left);
	struct rb_node *near, *far;

	if (is_red(sibling)) {
		set_black(sibling);
		set_red(parent);
		rotate(parent, left, root, augment);
		sibling = *child(parent, !left);
	}
	near = *child(sibling, left);
	far = *child(sibling, !left);
	if (!is_red(far)) {
		if (!is_red(near)) {
			set_red(sibling);
			if (!is_red(parent))
				return false;
			set_black(parent);
			return true;
		}
		set_black(near);
		set_red(sibling);
		rotate(sibling, !left, root, augment);
		far = sibling;
		sibling = near;
	}
	if (is_red(parent))
		set_red(sibling);
	set_black(parent);
	set_black(far);
	rotate(parent, left, root, augment);
	return true;
}

/* The empty subtree (NULL) on one side of @parent lacks one black node; @parent NULL: none does. */
static __always_inline void erase_fix(struct rb_node *parent, struct rb_root *root,
				      const struct rb_augment_callbacks *augment)
{
	struct rb_node *node = NULL;
	bool done = false;

	while (parent && !done) {
		/* The sibling is not NULL: its side has a black node more. */
		if (node == parent->rb_left)
			done = erase_step(parent, true, root, augment);
		else
			done = erase_step(parent, false, root, augment);
		node = parent;
		parent = rb_parent(node);
	}
}

/*
 * Put the successor of @node, which has two children, in its place. Returns the lowest node whose
 * subtree shrank; *@moved is the child that took the old place of the successor (or NULL), and
 * *@black tells whether that place was black.
 */
static __always_inline struct rb_node *unlink_inner(struct rb_node *node, struct rb_root *root,
						    const struct rb_augment_callbacks *augment,
						    struct rb_node **moved, bool *black)
{
	struct rb_node *next = node->rb_right, *parent = next;

	if (next->rb_left) {
		do {
			next = next->rb_left;
		} while (next->rb_left);
		parent = rb_parent(next);
	}
	*moved = next->rb_right;
	*black = !is_red(next);
	if (parent != next) {
		WRITE_ONCE(parent->rb_left, *moved);
		if (*moved)
			rb_set_parent(*moved, parent);
		WRITE_ONCE(next->rb_right, node->rb_right);
		rb_set_parent(next->rb_right, next);
	}
	WRITE_ONCE(next->rb_left, node->rb_left);
	rb_set_parent(next->rb_left, next);
	change_child(node, next, rb_parent(node), root);
	next->__rb_parent_color = node->__rb_parent_color;
	/* With the old value of this place, propagating may stop where nothing changes. */
	augment->copy(node, next);
	if (parent != next)
		augment->propagate(parent, next);
	augment->propagate(next, NULL);
	return parent;
}

/* Take @node out without balancing; returns what erase_fix() is to be told. */
static __always_inline struct rb_node *take_out(struct rb_node *node, struct rb_root *root,
						const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent, *moved, *lacking;
	bool black;

	if (node->rb_left && node->rb_right) {
		parent = unlink_inner(node, root, augment, &moved, &black);
		if (!black || !moved)
			return black ? parent : NULL;
		set_black(moved); /* an only child is red */
		return NULL;
	}
	parent = rb_parent(node);
	moved = node->rb_left ? node->rb_left : node->rb_right;
	change_child(node, moved, parent, root);
	if (moved) /* the same: it takes the colour over with the place */
		moved->__rb_parent_color = node->__rb_parent_color;
	lacking = moved || is_red(node) ? NULL : parent;
	augment->propagate(parent, NULL);
	return lacking;
}

static void no_propagate(struct rb_node *node __maybe_unused, struct rb_node *stop __maybe_unused)
{
}

static void no_copy(struct rb_node *old __maybe_unused, struct rb_node *new __maybe_unused)
{
}

static const struct rb_augment_callbacks no_augment = {
	.propagate = no_propagate,
	.copy = no_copy,
	.rotate = no_copy,
};

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	insert_fix(node, root, &no_augment);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	erase_fix(take_out(node, root, &no_augment), root, &no_augment);
}

/* Balancing stands apart from the rest, which is often all: there it would cost registers. */
static noinline void insert_fix_augmented(struct rb_node *node, struct rb_root *root,
					  const struct rb_augment_callbacks *augment)
{
	insert_fix(node, root, augment);
}

static noinline void erase_fix_augmented(struct rb_node *parent, struct rb_root *root,
					 const struct rb_augment_callbacks *augment)
{
	erase_fix(parent, root, augment);
}

void rb_insert_augmented(struct rb_node *node, struct rb_root *root,
			 const struct rb_augment_callbacks *augment)
{
	const struct rb_node *parent = rb_parent(node);

	if (!parent || is_red(parent))
		insert_fix_augmented(node, root, augment);
}

void rb_erase_augmented(struct rb_node *node, struct rb_root *root,
			const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent = take_out(node, root, augment);

	if (parent)
		erase_fix_augmented(parent, root, augment);
}

/* The end of the tree that lies to one side. */
static __always_inline struct rb_node *end_of(struct rb_node *node, bool left)
{
	while (node && *child(node, left))
		node = *child(node, left);
	return node;
}

/* The neighbour of @node to one side: the near end of that subtree, or the first ancestor there. */
static __always_inline struct rb_node *neighbour(const struct rb_node *from, bool left)
{
	struct rb_node *node = (struct rb_node *)from, *parent;

	if (*child(node, left))
		return end_of(*child(node, left), !left);
	while ((parent = rb_parent(node)) && node == *child(parent, left))
		node = parent;
	return parent;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return end_of(root->rb_node, true);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, false);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, true);
}
