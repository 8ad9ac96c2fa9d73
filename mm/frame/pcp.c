/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists of single frames: what nearly every allocation and free touches. A list is a stack
 * in an array, so the frame freed last, still warm in the cache, is handed out first, and neither
 * way writes to a neighbour's struct page. The buddy is asked for 32 frames at a time and gets the
 * 32 coldest back when the stack is full.
 *
 * Frames that are known to hold only zeroes, most of all page tables whose last entry is gone, stand
 * on a second, short stack: the next table or zeroed page needs no clearing.
 *
 * No lock: only the CPU itself touches its list, from process context, without sleeping in between.
 */
#include "kernel/core/stop.h"
#include "lib/string.h"
#include "mm/frame/internal.h"
#include "mm/stats.h"

#define PCP_BATCH 32U
#define PCP_HIGH 128U
#define PCP_ZEROED 32U

struct pcp {
	unsigned int count;
	struct page *pages[PCP_HIGH];
	unsigned int nr_zeroed;
	struct page *zeroed[PCP_ZEROED];
};

static DEFINE_PER_CPU(struct pcp, frame_pcp);

bool pcp_refill(enum alloc_level level)
{
	struct pcp *pcp = this_cpu_ptr(&frame_pcp);

	if (!pcp->count)
		pcp->count = buddy_take_bulk(level, pcp->pages, PCP_BATCH);
	return pcp->count;
}

static noinline void pcp_drain(struct pcp *pcp, unsigned int nr)
{
	buddy_give_bulk(pcp->pages, nr);
	pcp->count -= nr;
	memmove(pcp->pages, pcp->pages + nr, pcp->count * sizeof(pcp->pages[0]));
}

static void drain_local_pages(void *unused)
{
	struct pcp *pcp = this_cpu_ptr(&frame_pcp);

	(void)unused;
	pcp_drain(pcp, pcp->count);
	buddy_give_bulk(pcp->zeroed, pcp->nr_zeroed);
	pcp->nr_zeroed = 0;
}

void drain_all_pages(void)
{
	schedule_on_each_cpu(drain_local_pages, NULL);
}

unsigned long pcp_frames(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_cpu(cpu)
		sum += READ_ONCE(per_cpu(frame_pcp, cpu).count) +
		       READ_ONCE(per_cpu(frame_pcp, cpu).nr_zeroed);
	return sum;
}

void pcp_for_each(bool (*fn)(struct page *page, void *arg), void *arg)
{
	unsigned int cpu;

	for_each_cpu(cpu) {
		const struct pcp *pcp = per_cpu_ptr(&frame_pcp, cpu);

		for (unsigned int i = 0; i < pcp->count + pcp->nr_zeroed; i++)
			if (!fn(i < pcp->count ? pcp->pages[i] : pcp->zeroed[i - pcp->count], arg))
				return;
	}
}

struct page *alloc_page(gfp_t gfp)
{
	struct pcp *pcp;

	if (gfp & __GFP_RECLAIM)
		might_sleep();
	pcp = this_cpu_ptr(&frame_pcp);
	if (unlikely(gfp & (__GFP_ZERO | __GFP_DMA32))) {
		if (!pcp->nr_zeroed || (gfp & __GFP_DMA32))
			return alloc_pages_slow(gfp, 0);
		count_vm_event(VM_pgalloc);
		return prep_new_page(pcp->zeroed[--pcp->nr_zeroed], 0);
	}
	if (unlikely(!pcp->count))
		return alloc_pages_slow(gfp, 0);
	count_vm_event(VM_pgalloc);
	return prep_new_page(pcp->pages[--pcp->count], 0);
}

void free_unref_page(struct page *page)
{
	struct pcp *pcp = this_cpu_ptr(&frame_pcp);

	if (unlikely(page_is_bad(page))) {
		bad_free(page);
		return;
	}
	poison_free(page, 0);
	page->flags = (page->flags & PAGE_FLAGS_KEPT_FREE) | 1UL << PG_pcp;
	count_vm_event(VM_pgfree);
	pcp->pages[pcp->count++] = page;
	if (unlikely(pcp->count == PCP_HIGH))
		pcp_drain(pcp, PCP_BATCH);
}

void free_zeroed_page(struct page *page)
{
	struct pcp *pcp = this_cpu_ptr(&frame_pcp);

	atomic_set(&page->_refcount, 0);
#if CONFIG_DEBUG
	/* The claim is checked, and the frame poisoned like any other. */
	if (memchr_inv(page_address(page), 0, PAGE_SIZE)) {
		bad_page(page, "was freed as zeroed, but is not");
		return;
	}
#endif
	if (CONFIG_DEBUG || pcp->nr_zeroed == PCP_ZEROED || unlikely(page_is_bad(page))) {
		free_unref_page(page);
		return;
	}
	page->flags = 1UL << PG_pcp;
	count_vm_event(VM_pgfree);
	pcp->zeroed[pcp->nr_zeroed++] = page;
}
