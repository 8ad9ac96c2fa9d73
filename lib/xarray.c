/* SPDX-License-Identifier: MIT */
/*
 * Sparse array: a radix tree over the index, six bits a level. Every node has something in
 * it, and the top node has something outside slot 0, so the height is always the least possible:
 * storing adds levels on top, erasing takes them away.
 */
#include "lib/xarray.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/string.h"

static __always_inline unsigned int slot_of(const struct xa_node *node, unsigned long index)
{
	return (index >> node->shift) & XA_CHUNK_MASK;
}

/* The largest index that @bits bits can hold: the top level has only 4 of its 6 bits in use. */
static __always_inline unsigned long max_index(unsigned int bits)
{
	return bits >= BITS_PER_LONG ? ~0UL : (1UL << bits) - 1;
}

/* The leaf that has a slot for @index, or NULL. Also NULL if there are no nodes. */
static __always_inline struct xa_node *find_leaf(const struct xarray *xa, unsigned long index)
{
	struct xa_node *node = xa->root;

	if (!xa->bits || index > xa->max)
		return NULL;
	while (node && node->shift)
		node = node->slots[slot_of(node, index)];
	return node;
}

/* Set a bit of a map here and in the ancestors that do not have it yet. */
static void set_map(struct xa_node *node, unsigned int slot, unsigned int map)
{
	for (; node && !(node->map[map] & BIT_MASK(slot)); node = node->parent) {
		node->map[map] |= BIT_MASK(slot);
		slot = node->offset;
	}
}

/* Clear a bit of a map here and, as long as nothing is left beside it, in the ancestors. */
static void clear_map(struct xa_node *node, unsigned int slot, unsigned int map)
{
	while (node && (node->map[map] & BIT_MASK(slot))) {
		node->map[map] &= ~BIT_MASK(slot);
		if (node->map[map])
			return;
		slot = node->offset;
		node = node->parent;
	}
}

static struct xa_node *new_node(struct xa_node *parent, unsigned int shift, unsigned int offset)
{
	struct xa_node *node = xa_node_alloc();

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->shift = (u8)shift;
	node->offset = (u8)offset;
	return node;
}

static void set_height(struct xarray *xa, unsigned int bits)
{
	xa->bits = (u8)bits;
	xa->max = max_index(bits);
}

/* Free @node if nothing is in it, and then its ancestors likewise. */
static void trim(struct xarray *xa, struct xa_node *node)
{
	while (node && !node->map[XA_PRESENT]) {
		struct xa_node *parent = node->parent;

		if (parent) {
			parent->slots[node->offset] = NULL;
			parent->map[XA_PRESENT] &= ~BIT_MASK(node->offset);
		} else {
			xa_init(xa);
		}
		xa_node_free(node);
		node = parent;
	}
}

/* Take away top nodes that use only slot 0, down to the entry at index 0 itself. */
static void shrink(struct xarray *xa)
{
	while (xa->bits) {
		struct xa_node *node = xa->root;

		if (!node || node->map[XA_PRESENT] != 1)
			return;
		xa->root = node->slots[0];
		set_height(xa, node->shift);
		if (node->shift)
			((struct xa_node *)xa->root)->parent = NULL;
		else
			for (xa_mark_t mark = 0; mark < XA_MARKS; mark++)
				xa->marks |= (u8)(node->map[mark] << mark);
		xa_node_free(node);
	}
}

/* Add a level: what was the root goes into slot 0 of a new top node. */
static int grow(struct xarray *xa)
{
	struct xa_node *old = xa->root;
	struct xa_node *node = new_node(NULL, xa->bits, 0);

	if (!node)
		return -ENOMEM;
	node->slots[0] = old;
	node->map[XA_PRESENT] = 1;
	for (xa_mark_t mark = 0; mark < XA_MARKS; mark++)
		node->map[mark] = xa_marked(xa, mark);
	if (xa->bits)
		old->parent = node;
	xa->root = node;
	xa->marks = 0;
	set_height(xa, xa->bits + XA_CHUNK_SHIFT);
	return 0;
}

/* Make the height enough for @index, and at least one level. */
static int reach(struct xarray *xa, unsigned long index)
{
	int err = 0;

	while (!err && (index > xa->max || !xa->bits)) {
		if (xa->root)
			err = grow(xa);
		else /* an empty tree gets its height for nothing */
			set_height(xa, xa->bits + XA_CHUNK_SHIFT);
	}
	return err;
}

/* The leaf for @index and all nodes above it, made where missing. No memory: NULL, no change. */
static struct xa_node *make_leaf(struct xarray *xa, unsigned long index)
{
	struct xa_node *parent = NULL, *node;
	unsigned int shift, slot = 0;

	if (reach(xa, index))
		goto undo;
	node = xa->root;
	for (shift = xa->bits; shift;) {
		shift -= XA_CHUNK_SHIFT;
		if (!node) {
			node = new_node(parent, shift, slot);
			if (!node)
				goto undo;
			if (parent) {
				parent->slots[slot] = node;
				parent->map[XA_PRESENT] |= BIT_MASK(slot);
			} else {
				xa->root = node;
			}
		}
		parent = node;
		slot = (index >> shift) & XA_CHUNK_MASK;
		node = parent->slots[slot];
	}
	return parent;
undo:
	trim(xa, parent);
	if (!xa->root)
		xa_init(xa);
	shrink(xa);
	return NULL;
}

int xa_store(struct xarray *xa, unsigned long index, void *entry)
{
	struct xa_node *leaf;

	if (!entry) {
		xa_erase(xa, index);
		return 0;
	}
	if (!index && !xa->bits) {
		xa->root = entry;
		return 0;
	}
	leaf = find_leaf(xa, index);
	if (!leaf)
		leaf = make_leaf(xa, index);
	if (!leaf)
		return -ENOMEM;
	leaf->slots[index & XA_CHUNK_MASK] = entry;
	leaf->map[XA_PRESENT] |= BIT_MASK(index & XA_CHUNK_MASK);
	return 0;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	struct xa_node *leaf = find_leaf(xa, index);
	unsigned int slot = index & XA_CHUNK_MASK;
	void *old;

	if (!leaf) {
		if (xa->bits || index)
			return NULL;
		old = xa->root;
		xa_init(xa);
		return old;
	}
	old = leaf->slots[slot];
	if (!old)
		return NULL;
	for (xa_mark_t mark = 0; mark < XA_MARKS; mark++)
		clear_map(leaf, slot, mark);
	leaf->slots[slot] = NULL;
	leaf->map[XA_PRESENT] &= ~BIT_MASK(slot);
	trim(xa, leaf);
	shrink(xa);
	return old;
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf = find_leaf(xa, index);

	if (leaf) {
		if (leaf->slots[index & XA_CHUNK_MASK])
			set_map(leaf, index & XA_CHUNK_MASK, mark);
	} else if (!xa->bits && !index && xa->root) {
		xa->marks |= (u8)(1U << mark);
	}
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf = find_leaf(xa, index);

	if (leaf)
		clear_map(leaf, index & XA_CHUNK_MASK, mark);
	else if (!xa->bits && !index)
		xa->marks &= (u8) ~(1U << mark);
}

bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	const struct xa_node *leaf = find_leaf(xa, index);

	if (leaf)
		return leaf->map[mark] & BIT_MASK(index & XA_CHUNK_MASK);
	return !xa->bits && !index && (xa->marks >> mark & 1);
}

bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	if (!xa->bits)
		return xa->marks >> mark & 1;
	return ((const struct xa_node *)xa->root)->map[mark];
}

/* @index with the bits that choose the slot of @node replaced by @slot, and all below them zero. */
static __always_inline unsigned long at_slot(unsigned long index, const struct xa_node *node,
					     unsigned long slot)
{
	return (index & ~max_index(node->shift + XA_CHUNK_SHIFT)) | (slot << node->shift);
}

/* The first entry in [*indexp, max] whose bit in @map is set. */
static void *find(const struct xarray *xa, unsigned long *indexp, unsigned long max,
		  unsigned int map)
{
	const struct xa_node *node = xa->root;
	unsigned long index = *indexp;
	unsigned int slot;
	u64 rest;

	if (!node || index > max || index > xa->max)
		return NULL;
	if (!xa->bits)
		return map == XA_PRESENT || (xa->marks >> map & 1) ? xa->root : NULL;
	slot = slot_of(node, index);
	for (;;) {
		rest = slot < XA_CHUNK_SIZE ? node->map[map] & (~0ULL << slot) : 0;
		if (!rest) { /* nothing more in here: on after this node, one level up */
			slot = node->offset + 1U;
			node = node->parent;
			if (!node)
				return NULL;
			continue;
		}
		slot = __ffs(rest);
		if (slot != slot_of(node, index))
			index = at_slot(index, node, slot);
		if (index > max)
			return NULL;
		if (!node->shift) {
			*indexp = index;
			return node->slots[slot];
		}
		node = node->slots[slot];
		slot = slot_of(node, index);
	}
}

void *xa_find(const struct xarray *xa, unsigned long *index, unsigned long max)
{
	return find(xa, index, max, XA_PRESENT);
}

void *xa_find_marked(const struct xarray *xa, unsigned long *index, unsigned long max,
		     xa_mark_t mark)
{
	return find(xa, index, max, mark);
}

void *xa_find_after(const struct xarray *xa, unsigned long *index, unsigned long max)
{
	unsigned long from = *index + 1;
	void *entry;

	if (!from) /* *index was the last there is */
		return NULL;
	entry = find(xa, &from, max, XA_PRESENT);
	if (entry)
		*index = from;
	return entry;
}

void xa_destroy(struct xarray *xa)
{
	struct xa_node *node = xa->bits ? xa->root : NULL;

	while (node) {
		struct xa_node *done = node;

		if (node->shift && node->map[XA_PRESENT]) {
			unsigned int slot = __ffs(node->map[XA_PRESENT]);

			node->map[XA_PRESENT] &= ~BIT_MASK(slot);
			node = node->slots[slot];
			continue;
		}
		node = node->parent;
		xa_node_free(done);
	}
	xa_init(xa);
}
