/* SPDX-License-Identifier: MIT */
/*
 * Each frame once: what the walks saw of it against what its struct page says. And the gauges, which
 * are sums over all frames.
 */
#include "mm/audit/internal.h"
#include "mm/backing/shmem.h"
#include "mm/frame/internal.h"
#include "mm/frame/slab_internal.h"
#include "mm/frame/vmalloc.h"
#include "mm/reclaim/internal.h"
#include "mm/stats.h"

static bool fail_frame(struct audit *a, const struct page *page, const char *what)
{
	return audit_fail(a, "frame %#lx (refcount %d, mapcount %d, flags %#lx) %s",
			  page_to_pfn(page), page_count(page), page_mapcount(page), page->flags,
			  what);
}

/* A frame that has one owner by its kind: it is nobody else's. */
static bool check_owned(struct audit *a, const struct page *page, u32 mark)
{
	bool table = PageTable(page);

	if (PageSlab(page) && (mark & (MARK_MAPS | MARK_TABLE | MARK_VMAP | MARK_CACHE | MARK_LRU)))
		return fail_frame(a, page, "belongs to a slab and to somebody else");
	if (table && !(mark & MARK_TABLE))
		return fail_frame(a, page, "is a page table that hangs in no map: it was leaked");
	if (PageVmalloc(page) && !(mark & MARK_VMAP))
		return fail_frame(a, page,
				  "backs the vmalloc area, which does not map it: it was leaked");
	if ((mark & (MARK_TABLE | MARK_VMAP)) &&
	    (page_count(page) != 1 || (mark & (MARK_MAPS | MARK_CACHE | MARK_LRU))))
		return fail_frame(a, page, "is a page table or vmalloc's, and somebody else's");
	return true;
}

/* What the lists say about a page that user space or a cache has. */
static bool check_lists(struct audit *a, const struct page *page, u32 mark, bool isolated)
{
	bool owned = mark & (MARK_MAPS | MARK_CACHE);

	if (PageLRU(page) && !(mark & MARK_LRU))
		return fail_frame(a, page, "has PG_lru, but is on no LRU list");
	if (owned && !PageLRU(page) && !isolated)
		return fail_frame(a, page, "is in use, but on no LRU list");
	if (PageSwapCache(page) && !(mark & MARK_CACHE))
		return fail_frame(a, page, "has PG_swapcache, but no swap cache has it");
	if (!owned)
		return true;
	if (PageSwapCache(page) && !PageSwapBacked(page))
		return fail_frame(a, page, "is in the swap cache, but without PG_swapbacked");
	if (PageSwapBacked(page) && page_mapping(page) &&
	    !page_mapping(page)->shmem)
		return fail_frame(a, page, "is a file's page, but with PG_swapbacked");
	if (PageLRU(page) && page_is_unevictable(page) != PageUnevictable(page))
		return fail_frame(a, page,
				  PageUnevictable(page) ?
					  "is on the unevictable list, but could be reclaimed" :
					  "must not be reclaimed, but is on a list for that");
	return true;
}

/* The counts of a frame in use. */
static bool check_counts(struct audit *a, const struct page *page, u32 mark)
{
	long maps = mark & MARK_MAPS, known = maps + !!(mark & MARK_CACHE);
	long count = page_count(page);

	if (page_mapcount(page) != maps)
		return audit_fail(a, "frame %#lx has mapcount %d, %ld entries map it",
				  page_to_pfn(page), page_mapcount(page), maps);
	if (maps && !PageAnon(page) && !(mark & MARK_CACHE))
		return fail_frame(a, page, "is mapped, but neither anonymous nor in a page cache");
	if (count < known)
		return audit_fail(
			a, "frame %#lx has refcount %ld, entries and caches hold it %ld times",
			page_to_pfn(page), count, known);
	if (count > known && !(mark & MARK_NAMED))
		return audit_fail(
			a,
			"frame %#lx (flags %#lx) has refcount %ld, entries and caches hold it %ld times, and no pointer in the kernel leads to it: it was leaked",
			page_to_pfn(page), page->flags, count, known);
	return check_lists(a, page, mark, count > known);
}

static void count_gauges(struct audit *a, const struct page *page)
{
	a->writeback += PageWriteback(page);
	if (page_mapped(page) && PageAnon(page))
		a->anon++;
	else if (page_mapped(page))
		a->mapped++;
	a->vmalloc += PageVmalloc(page);
}

/* A block that kmalloc() took from the buddy: only its head is counted. */
static unsigned long check_large(struct audit *a, const struct page *page, u32 mark)
{
	unsigned long frames = 1UL << page->private;

	if (page_count(page) != 1 || page_mapcount(page) || (mark & ~MARK_NAMED))
		return fail_frame(a, page, "is kmalloc()'s and somebody else's");
	a->used += frames - 1;
	return frames;
}

/* One frame that is not free. How many frames it stands for; 0: failed. */
static unsigned long check_frame(struct audit *a, const struct page *page, u32 mark)
{
	if (!page->zone_id && !PageSlab(page)) {
		/* The kernel's first tables were made before there was an allocator. */
		if (mark & ~(MARK_NAMED | MARK_TABLE) || page_count(page) || page_mapcount(page))
			return fail_frame(a, page, "is in use, but was never the allocator's");
		return 1;
	}
	a->used++;
	if (PageReserved(page) && !(mark & ~MARK_NAMED))
		return 1;
	if (!check_owned(a, page, mark))
		return 0;
	count_gauges(a, page);
	if (PageSlab(page) || (mark & (MARK_TABLE | MARK_VMAP)))
		return 1;
	if (page->slab_inuse == LARGE_MAGIC)
		return check_large(a, page, mark);
	if (!page_count(page) && !(mark & (MARK_MAPS | MARK_CACHE)))
		return fail_frame(a, page, "is neither free nor in use: it was lost");
	return check_counts(a, page, mark);
}

/* --- gauges --- */
static bool check_gauge(struct audit *a, enum node_stat stat, unsigned long is)
{
	if (node_stat_sum(stat) == (long)is)
		return true;
	return audit_fail(a, "%s is %ld, there are %lu", node_stat_names[stat], node_stat_sum(stat),
			  is);
}

static bool check_gauges(struct audit *a)
{
	if (!check_gauge(a, N_nr_anon_pages, a->anon) || !check_gauge(a, N_nr_mapped, a->mapped) ||
	    !check_gauge(a, N_nr_file_pages, a->cache_pages) ||
	    !check_gauge(a, N_nr_dirty, a->dirty) ||
	    !check_gauge(a, N_nr_writeback, a->writeback) ||
	    !check_gauge(a, N_nr_shmem, a->shmem) ||
	    !check_gauge(a, N_nr_swapcache, a->swapcache) ||
	    !check_gauge(a, N_nr_page_table_pages, a->tables))
		return false;
	if (nr_vmalloc_pages() != a->vmalloc)
		return audit_fail(a, "vmalloc counts %lu frames, it has %lu", nr_vmalloc_pages(),
				  a->vmalloc);
	if (a->free + nr_sleeping_pages + a->used != totalram_pages())
		return audit_fail(
			a,
			"the allocator got %lu frames; %lu are free and %lu in use: the others were lost",
			totalram_pages(), a->free, a->used);
	a->committed += (unsigned long)atomic_long_read(&shmem_committed);
	if (!a->changing && committed_pages() != (long)a->committed)
		return audit_fail(
			a, "Committed_AS is %ld pages, VMAs and memory-only files come to %lu",
			committed_pages(), a->committed);
	return true;
}

bool audit_frames(struct audit *a)
{
	unsigned long pfn = 0, frames;

	for (; pfn < max_pfn; pfn += frames) {
		frames = 1;
		if (!audit_is_ram(pfn) || (a->marks[pfn] & MARK_FREE))
			continue;
		frames = check_frame(a, pfn_to_page(pfn), a->marks[pfn]);
		if (!frames)
			return false;
	}
	return check_gauges(a);
}
