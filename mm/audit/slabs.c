/* SPDX-License-Identifier: MIT */
/* Slabs: every object is in use or on exactly one chain of free ones, and the counts say so. */
#include "lib/string.h"
#include "mm/audit/internal.h"
#include "mm/audit/slabs.h"
#include "mm/frame/slab_internal.h"

/* The CPU that owns the slab at @base, or NULL. */
static const struct cpu_slab *owner_of(const struct kmem_cache *cache, unsigned long base)
{
	unsigned int cpu;

	for_each_cpu(cpu)
		if (cache->cpu[cpu].base == base)
			return &cache->cpu[cpu];
	return NULL;
}

/* Enter a chain's objects into @map; how many, or -1: failed. */
static long map_chain(struct audit *a, const struct slab_look *slab, void *object,
		      unsigned long *map)
{
	const struct kmem_cache *cache = slab->cache;
	long n = 0;

	for (; object; object = *link_of(cache, object), n++) {
		unsigned long offset = (unsigned long)object - slab->base;
		unsigned long index = offset / cache->stride;

		if (index >= cache->per_slab || offset % cache->stride ||
		    test_bit((unsigned int)index, &map[0])) {
			audit_fail(
				a,
				"slab %s: the chain of frame %#lx leads to %p, which is no object of it or was passed already",
				cache->name, page_to_pfn(slab->head), object);
			return -1;
		}
		__set_bit((unsigned int)index, map);
	}
	return n;
}

/* Fill in slab->free from the chains, which are checked. */
static bool audit_map_slab(struct audit *a, struct slab_look *slab)
{
	const struct kmem_cache *cache = slab->cache;
	const struct cpu_slab *owner = owner_of(cache, slab->base);
	u32 inuse = slab->head->slab_inuse;
	long chained, own = 0;

	memset(slab->free, 0, sizeof(slab->free));
	chained = map_chain(a, slab, (void *)slab->head->private, slab->free);
	if (owner && chained >= 0)
		own = map_chain(a, slab, owner->free, slab->free);
	if (chained < 0 || own < 0)
		return false;
	if (!owner != !(inuse & SLAB_OWNED) ||
	    (inuse & ~SLAB_OWNED) + (unsigned long)chained != cache->per_slab)
		return audit_fail(
			a,
			"slab %s: frame %#lx says %#x of %u objects are in use, %ld are chained and %s CPU owns it",
			cache->name, page_to_pfn(slab->head), inuse, cache->per_slab, chained,
			owner ? "a" : "no");
	return true;
}

bool audit_slab_at(struct audit *a, struct page *page, struct slab_look *slab)
{
	slab->cache = NULL;
	if (!PageSlab(page) || page->index != page_to_pfn(page))
		return true;
	slab->cache = (struct kmem_cache *)page->mapping;
	slab->head = page;
	slab->base = (unsigned long)page_address(page);
	if (slab->cache->per_slab > SLAB_LOOK_MAX)
		return audit_fail(a,
				  "slab %s: %u objects in a slab are more than the audit can hold",
				  slab->cache->name, slab->cache->per_slab);
	return audit_map_slab(a, slab);
}

/* --- each cache --- */
static bool is_cache(const void *p)
{
	const struct kmem_cache *cache;

	for_each_cache(cache)
		if (cache == p)
			return true;
	return false;
}

static bool look_at_frame(struct audit *a, struct page *page)
{
	const struct page *head = pfn_to_page(page->index);
	struct slab_look slab;

	if (!PageSlab(page))
		return true;
	a->slab++;
	if (!is_cache(page->mapping))
		return audit_fail(a, "frame %#lx has PG_slab, but %p is no slab cache",
				  page_to_pfn(page), (void *)page->mapping);
	if (!audit_is_page(head) || !PageSlab(head) || head->mapping != page->mapping)
		return audit_fail(a, "slab frame %#lx says its head is %#lx, which is not",
				  page_to_pfn(page), page->index);
	return audit_slab_at(a, page, &slab);
}

static bool check_partial(struct audit *a, const struct kmem_cache *cache)
{
	const struct list_head *entry;
	unsigned int slabs = 0, empty = 0;

	for (entry = &cache->partial; entry->next != &cache->partial; entry = entry->next) {
		const struct page *page = audit_page_of(entry->next);

		if (!audit_is_page(page) || page->lru.prev != entry || !PageSlab(page) ||
		    page->mapping != (const void *)cache || (page->slab_inuse & SLAB_OWNED))
			return audit_fail(a, "slab %s: its partial list leads to %p, no slab of it",
					  cache->name, (const void *)page);
		slabs++;
		empty += !page->slab_inuse;
	}
	if (slabs == cache->nr_partial && empty == cache->nr_empty)
		return true;
	return audit_fail(
		a, "slab %s counts %u partial slabs, %u of them empty; its list has %u and %u",
		cache->name, cache->nr_partial, cache->nr_empty, slabs, empty);
}

bool audit_slabs(struct audit *a)
{
	const struct kmem_cache *cache;

	for_each_cache(cache)
		if (!check_partial(a, cache))
			return false;
	if (!audit_for_each_frame(a, look_at_frame))
		return false;
	if (a->slab != nr_slab_pages())
		return audit_fail(a, "slabs count %lu frames, %lu have PG_slab", nr_slab_pages(),
				  a->slab);
	return true;
}

const struct kmem_cache *audit_find_cache(const char *name)
{
	const struct kmem_cache *cache;

	for_each_cache(cache)
		if (!strcmp(cache->name, name))
			return cache;
	return NULL;
}

bool audit_for_each_object(struct audit *a, const struct kmem_cache *cache,
			   bool (*fn)(struct audit *a, void *object))
{
	struct slab_look slab;

	for (unsigned long pfn = 0; pfn < max_pfn; pfn++) {
		if (!audit_is_ram(pfn) || pfn_to_page(pfn)->mapping != (const void *)cache)
			continue;
		if (!audit_slab_at(a, pfn_to_page(pfn), &slab))
			return false;
		for (unsigned int i = 0; slab.cache && i < cache->per_slab; i++)
			if (!test_bit(i, slab.free) &&
			    !fn(a, (void *)(slab.base + (unsigned long)i * cache->stride)))
				return false;
	}
	return true;
}
