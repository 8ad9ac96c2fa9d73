/* SPDX-License-Identifier: MIT */
/*
 * Who holds a reference for a moment - a fault that waits for the disk, reclaim with its batch, a gather
 * before its flush - has the page's address somewhere: on its kernel stack, in an object it allocated.
 * So has who holds a frame for good, such as a pipe. This file marks each frame that such a pointer
 * leads to, as a conservative garbage collector does: any word that could be the address of a
 * struct page, or of a byte of the frame in the direct map, counts. A reference that neither a table nor
 * a cache accounts for, to a frame without a name, was lost.
 *
 * Not looked at, since what stands there is no reference or is accounted for elsewhere: free objects,
 * the nodes of page caches and swap caches, dead parts of stacks, per-CPU lists, struct pages
 * themselves, and kmalloc()'s large blocks: one is the pool of disk requests, which borrow what the
 * caches hold and are full of old pointers. But pages that are chained through their struct pages (a batch of reclaim's) are
 * followed from the one that a pointer leads to.
 */
#include "mm/audit/internal.h"
#include "mm/audit/slabs.h"
#include "mm/frame/slab_internal.h"
#include <asm/roots.h>

static struct audit *looking; /* the audit that runs, for the callback of for_each_root() */

/* The pages behind @page on a list that is no list of the kernel's for good. */
static void name_batch(struct audit *a, const struct page *page)
{
	while (!PageLRU(page)) {
		const struct page *next = audit_page_of(page->lru.next);

		if (!audit_is_page(next) || next->lru.prev != &page->lru || PageLRU(next) ||
		    (*mark_of(a, next) & (MARK_NAMED | MARK_FREE)))
			return;
		*mark_of(a, next) |= MARK_NAMED;
		page = next;
	}
}

static void name(struct audit *a, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (!audit_is_ram(pfn) || (a->marks[pfn] & (MARK_NAMED | MARK_FREE)))
		return;
	a->marks[pfn] |= MARK_NAMED;
	if (!PageSlab(page))
		name_batch(a, page);
}

static __no_sanitize_address void look_through(const unsigned long *from, const unsigned long *to)
{
	const unsigned long pages = (unsigned long)vmemmap, direct = (unsigned long)__va(0);
	const unsigned long pages_size = max_pfn * sizeof(struct page);
	const unsigned long direct_size = max_pfn << PAGE_SHIFT;
	struct audit *a = looking;

	for (; from < to; from++) {
		if (*from - pages < pages_size)
			name(a, (*from - pages) / sizeof(struct page));
		else if (*from - direct < direct_size)
			name(a, (*from - direct) >> PAGE_SHIFT);
	}
}

static void look_through_bytes(unsigned long start, unsigned long size)
{
	look_through((const unsigned long *)start,
		     (const unsigned long *)(start + (size & ~(sizeof(long) - 1))));
}

static bool look_at_frame(struct audit *a, struct page *page)
{
	static const struct kmem_cache *nodes;
	struct slab_look slab;

	if (!nodes)
		nodes = audit_find_cache("xa_node");
	if (!audit_slab_at(a, page, &slab))
		return false;
	for (unsigned int i = 0; slab.cache && slab.cache != nodes && i < slab.cache->per_slab; i++)
		if (!test_bit(i, slab.free))
			look_through_bytes(slab.base + (unsigned long)i * slab.cache->stride,
					   slab.cache->size);
	return true;
}

bool audit_find_names(struct audit *a)
{
	looking = a;
	for_each_root(look_through);
	return audit_for_each_frame(a, look_at_frame);
}
