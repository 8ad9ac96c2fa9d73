/* SPDX-License-Identifier: MIT */
/*
 * A sparse array of pointers indexed by unsigned long: a radix tree with 64 slots a node, as high
 * as the largest index needs. An array with an entry at index 0 alone has no node at all. Each
 * entry has three marks; a node remembers which of its slots have a mark somewhere below, so that
 * looking for marked entries skips the rest. The page cache keeps its pages here (index = page of
 * the file).
 *
 * An entry is a pointer, or a "value" of 63 bits told apart by its lowest bit; NULL is no entry.
 * The caller locks: writers alone, readers against writers.
 */
#ifndef LIB_XARRAY_H
#define LIB_XARRAY_H

#include "lib/compiler.h"
#include "lib/types.h"

#define XA_CHUNK_SHIFT 6
#define XA_CHUNK_SIZE (1U << XA_CHUNK_SHIFT)
#define XA_CHUNK_MASK (XA_CHUNK_SIZE - 1)

typedef unsigned int xa_mark_t;
#define XA_MARK_0 0U
#define XA_MARK_1 1U
#define XA_MARK_2 2U
#define XA_MARKS 3

#define XA_PRESENT XA_MARKS	/* the library's own: index of the map of used slots */

struct xa_node {
	struct xa_node *parent;		/* NULL at the top */
	u8 shift;			/* a slot covers 1 << shift indexes; 0 in a leaf */
	u8 offset;			/* slot of the parent that holds this node */
	u64 map[XA_MARKS + 1];		/* bit n: the mark is on slot n or somewhere below it */
	void *slots[XA_CHUNK_SIZE];
};

struct xarray {
	void *root;			/* the top node; if bits == 0, the entry at index 0 */
	unsigned long max;		/* largest index that the height reaches */
	u8 bits;			/* 6 * height */
	u8 marks;			/* if bits == 0: marks of the entry at index 0 */
};

#define XARRAY_INIT { .root = NULL }

/*
 * Where nodes (sizeof(struct xa_node) bytes) come from; defined by the user of the library: a slab
 * cache in the kernel, malloc in tests. May return NULL. Called with the caller's lock held.
 */
void *xa_node_alloc(void);
void xa_node_free(void *node);

static inline void xa_init(struct xarray *xa)
{
	*xa = (struct xarray)XARRAY_INIT;
}

/* True if there is neither an entry nor a reservation. */
static inline bool xa_empty(const struct xarray *xa)
{
	return !xa->root;
}

/* A value entry carries 63 bits instead of a pointer. */
static inline void *xa_mk_value(unsigned long value)
{
	return (void *)((value << 1) | 1);
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

static inline bool xa_is_value(const void *entry)
{
	return (unsigned long)entry & 1;
}

/* The entry at @index, or NULL. Inline: every fault on a file page does this. */
static inline void *xa_load(const struct xarray *xa, unsigned long index)
{
	void *entry = xa->root;
	unsigned int shift = xa->bits;

	if (unlikely(index > xa->max))
		return NULL;
	while (shift && entry) {
		shift -= XA_CHUNK_SHIFT;
		entry = ((struct xa_node *)entry)->slots[(index >> shift) & XA_CHUNK_MASK];
	}
	return entry;
}

/*
 * The slots of the leaf for @index, or NULL if there is none (an entry at index 0 alone has none): who
 * looks at neighbours finds that of @index at [@index & XA_CHUNK_MASK]. Good until the lock goes.
 */
static inline void *const *xa_leaf(const struct xarray *xa, unsigned long index)
{
	const struct xa_node *node = xa->root;

	if (!xa->bits || index > xa->max)
		return NULL;
	while (node && node->shift)
		node = node->slots[(index >> node->shift) & XA_CHUNK_MASK];
	return node ? node->slots : NULL;
}

/*
 * Set the entry at @index; an old entry is replaced and its marks stay. Storing NULL erases.
 * Returns 0, or -ENOMEM with the array unchanged. Replacing and erasing never fail.
 */
int __must_check xa_store(struct xarray *xa, unsigned long index, void *entry);

/* Remove the entry at @index with its marks, free nodes that become empty, return the entry. */
void *xa_erase(struct xarray *xa, unsigned long index);

/* Marks of the entry at @index. Setting one where there is no entry does nothing. */
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark);

/* True if any entry has @mark. O(1). */
bool xa_marked(const struct xarray *xa, xa_mark_t mark);

/*
 * The first entry (with @mark) whose index is in [*index, max]; *index becomes its index. NULL, and
 * *index unchanged, if there is none. O(height).
 */
void *xa_find(const struct xarray *xa, unsigned long *index, unsigned long max);
void *xa_find_marked(const struct xarray *xa, unsigned long *index, unsigned long max,
		     xa_mark_t mark);

/* As xa_find, but past *index: the step of the loops below. */
void *xa_find_after(const struct xarray *xa, unsigned long *index, unsigned long max);

/* Walk by rising index; the body may store and erase. @index is an unsigned long variable. */
#define xa_for_each_range(xa, index, entry, start, last) \
	for ((index) = (start), (entry) = xa_find(xa, &(index), last); (entry); \
	     (entry) = xa_find_after(xa, &(index), last))
#define xa_for_each(xa, index, entry) xa_for_each_range(xa, index, entry, 0, ~0UL)

/* Free all nodes and leave the array empty. Entries are the caller's. */
void xa_destroy(struct xarray *xa);

#endif /* LIB_XARRAY_H */
