/* SPDX-License-Identifier: MIT */
/* All frames for the recorder, once: see record.h. */
#include "mm/frame/record.h"

#include "kernel/trace/trace.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab_internal.h"
#include "mm/frame/vmalloc.h"

static void record_free_blocks(void)
{
	for (int z = 0; z < MAX_NR_ZONES; z++) {
		struct zone *zone = &zones[z];
		const struct page *page;

		spin_lock(&zone->lock);
		for (unsigned int order = 0; order <= MAX_ORDER; order++)
			list_for_each_entry(page, &zone->free_area[order].free_list, lru)
				trace_frame(TRACE_FRAME_FREE, (u8)order, (u8)z, page_to_pfn(page));
		spin_unlock(&zone->lock);
	}
}

/* What the frame is used as, which need not be the allocator's. *@n: so many frames are alike. */
static enum trace_kind_of kind_of(unsigned long pfn, unsigned long *n)
{
	const struct page *page = pfn_to_page(pfn);

	*n = 1;
	if (!pfn_valid(pfn))
		return TRACE_KIND_NONE;
	if (PageBuddy(page)) {
		*n = 1UL << page->private;
		return TRACE_KIND_NONE;
	}
	if (PageSlab(page))
		return TRACE_KIND_SLAB;
	if (PageVmalloc(page))
		return TRACE_KIND_VMALLOC;
	if (!page->zone_id)
		return TRACE_KIND_RESERVED;
	if (page->slab_inuse == LARGE_MAGIC)
		*n = 1UL << page->private;
	return TRACE_KIND_KERNEL;
}

/* In as few blocks as alignment allows. */
static void record_run(enum trace_kind_of kind, unsigned long pfn, unsigned long end)
{
	while (kind != TRACE_KIND_NONE && pfn < end) {
		unsigned int order = min_t(unsigned int, __fls(end - pfn), MAX_ORDER);

		if (pfn)
			order = min_t(unsigned int, order, __ffs(pfn));
		trace_kind(kind, (u8)order, pfn);
		pfn += 1UL << order;
	}
}

void record_frames(void)
{
	enum trace_kind_of kind = TRACE_KIND_NONE;
	unsigned long first = 0, n;

	record_free_blocks();
	for (unsigned long pfn = 0; pfn < max_pfn; pfn += n) {
		enum trace_kind_of other = kind_of(pfn, &n);

		if (other == kind)
			continue;
		record_run(kind, first, pfn);
		kind = other;
		first = pfn;
	}
	record_run(kind, first, max_pfn);
	vmalloc_record();
}
