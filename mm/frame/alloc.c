/* SPDX-License-Identifier: MIT */
/*
 * Allocation beyond the fast path: blocks, low memory, and the checks that keep a bad frame from
 * being used. Who cannot be served asks, in this order: kswapd (runs beside us), direct reclaim (we
 * do the work), the OOM killer. Each is a hook that mm/reclaim fills in; until then memory is what
 * the buddy has.
 */
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/debug/kasan.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/internal.h"
#include "mm/stats.h"

#define RECLAIM_RETRIES 8 /* rounds without a single freed frame before the OOM killer */
#define COSTLY_ORDER 3    /* larger blocks fail rather than kill somebody */
#define NOFAIL_PAUSE_NS 10000000ULL

static const struct reclaim_ops *reclaim_ops;

void register_reclaim(const struct reclaim_ops *ops)
{
	reclaim_ops = ops;
}

static bool (*wake_section)(void);

void register_wake_section(bool (*wake)(void))
{
	wake_section = wake;
}

static struct page *try_alloc(gfp_t gfp, unsigned int order, enum alloc_level level)
{
	struct page *page;

	if (order || (gfp & __GFP_DMA32)) {
		page = buddy_take(gfp, order, level);
		if (!page)
			return NULL;
		count_vm_events(VM_pgalloc, 1UL << order);
		return prep_new_page(page, order);
	}
	/* Not empty any more: this comes back with a frame and without reclaim. */
	return pcp_refill(level) ? alloc_page(0) : NULL;
}

static enum alloc_level reserve_level(gfp_t gfp)
{
	unsigned int flags = current ? current->flags : 0;

	if ((gfp & __GFP_MEMALLOC) || (flags & PF_MEMALLOC))
		return LEVEL_ALL;
	if (current && READ_ONCE(current->oom_victim))
		return LEVEL_VICTIM;
	return gfp & __GFP_HIGH ? LEVEL_HIGH : LEVEL_MIN;
}

/* Frames freed. The reclaimer itself allocates from the reserve and never comes here again. */
static unsigned long direct_reclaim(gfp_t gfp, unsigned int order)
{
	unsigned long freed;

	count_vm_event(VM_allocstall);
	current->flags |= PF_MEMALLOC;
	freed = reclaim_ops->try_to_free_pages(gfp, order);
	current->flags &= ~PF_MEMALLOC;
	cond_resched();
	return freed;
}

/*
 * Nothing could be freed. True: memory came or will come free, try again. Where frames abound, and none lie side
 * by side, nobody is killed: that would hardly leave neighbours.
 */
static bool last_resort(gfp_t gfp, unsigned int order)
{
	bool may_kill = gfp & __GFP_FS && order <= COSTLY_ORDER &&
			(!order || !zone_watermark_ok(0, WMARK_LOW));

	if (may_kill && reclaim_ops->out_of_memory(gfp, order))
		return true;
	if (!(gfp & __GFP_NOFAIL))
		return false;
	current->state = TASK_UNINTERRUPTIBLE;
	schedule_timeout(NOFAIL_PAUSE_NS);
	return true;
}

/* Frames below the min mark are not to be had without work: do it. NULL: in vain. */
static struct page *alloc_by_reclaim(gfp_t gfp, unsigned int order)
{
	unsigned int idle = 0, rounds = 0;
	struct page *page;

	for (;;) {
		bool progress = direct_reclaim(gfp, order) != 0;

		page = try_alloc(gfp, order, reserve_level(gfp));
		if (page)
			return page;
		if (READ_ONCE(current->oom_victim) && !(gfp & __GFP_NOFAIL))
			return NULL; /* it is to exit, not to wait */
		/* Freed frames need not make a block: give up on those in time. */
		if (order && ++rounds >= 2 * RECLAIM_RETRIES && !(gfp & __GFP_NOFAIL))
			return NULL;
		idle = progress ? 0 : idle + 1;
		if (idle < RECLAIM_RETRIES)
			continue;
		drain_all_pages();
		if (!last_resort(gfp, order))
			return NULL;
		/* Whoever must not fail holds locks that those who could free memory wait for. */
		if (gfp & __GFP_NOFAIL && (page = try_alloc(gfp, order, LEVEL_ALL)))
			return page;
		idle = 0;
	}
}

static void warn_alloc(gfp_t gfp, unsigned int order)
{
	static unsigned int printed;

	if ((gfp & __GFP_NOWARN) || printed >= 16)
		return;
	printed++;
	pr_warn("%s: no memory for a block of order %u (gfp %#x): %lu frames free\n",
		current ? current->comm : "boot", order, gfp, nr_free_pages());
}

static bool may_reclaim(gfp_t gfp)
{
	return (gfp & __GFP_RECLAIM) && reclaim_ops && current && !(current->flags & PF_MEMALLOC);
}

struct page *alloc_pages_slow(gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (unlikely(order > MAX_ORDER))
		return NULL;
	page = try_alloc(gfp, order, LEVEL_LOW);
	while (unlikely(!page) && wake_section && wake_section())
		page = try_alloc(gfp, order, LEVEL_LOW);
	if (unlikely(!page)) {
		if (reclaim_ops)
			reclaim_ops->wake_kswapd();
		page = try_alloc(gfp, order, reserve_level(gfp));
		if (!page && may_reclaim(gfp))
			page = alloc_by_reclaim(gfp, order);
	}
	if (unlikely(!page))
		warn_alloc(gfp, order);
	else if (gfp & __GFP_ZERO)
		for (unsigned long i = 0; i < 1UL << order; i++)
			clear_page(page_address(page + i));
	return page;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	if (!order)
		return alloc_page(gfp);
	if (gfp & __GFP_RECLAIM)
		might_sleep();
	return alloc_pages_slow(gfp, order);
}

void split_page(struct page *page, unsigned int order)
{
	for (unsigned long i = 1; i < 1UL << order; i++) {
		page[i].zone_id = page->zone_id;
		atomic_set(&page[i]._refcount, 1);
	}
}

void __free_pages(struct page *page, unsigned int order)
{
	if (page_count(page) == 1)
		atomic_set(&page->_refcount, 0);
	if (!order) {
		free_unref_page(page);
		return;
	}
	for (unsigned long i = 0; i < (CONFIG_DEBUG ? 1UL << order : 1); i++) {
		if (unlikely(page_is_bad(page + i))) {
			bad_free(page + i);
			return;
		}
	}
	poison_free(page, order);
	count_vm_events(VM_pgfree, 1UL << order);
	buddy_give(page, order);
}

void *get_zeroed_page(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	return page ? page_address(page) : NULL;
}

void free_page(void *addr)
{
	if (addr)
		__free_pages(virt_to_page(addr), 0);
}

/* --- checks --- */
void bad_page(struct page *page, const char *why)
{
	static const char *const names[] = {
#define X(name) #name,
		PAGE_FLAGS(X)
#undef X
	};
	char text[160] = "";
	size_t len = 0;

	for (unsigned int bit = 0; bit < __NR_PAGEFLAGS; bit++)
		if (page->flags & (1UL << bit))
			len += scnprintf(text + len, sizeof(text) - len, " %s", names[bit]);
	pr_err("bad page: frame %#lx %s: refcount %d mapcount %d mapping %p index %#lx flags%s\n",
	       page_to_pfn(page), why, page_count(page), page_mapcount(page), (void *)page->mapping,
	       page->index, text);
	WARN_ON(true);
	/* A free frame stays where it is; any other is never handed out again. */
	if (!(page->flags & (1UL << PG_buddy | 1UL << PG_pcp | 1UL << PG_poisoned)))
		SetPageReserved(page);
}

void bad_free(struct page *page)
{
	const char *why = page->mapping ? "belongs to a mapping" : "is in use";

	if (page->flags & (1UL << PG_buddy | 1UL << PG_pcp | 1UL << PG_poisoned))
		why = "is free already";
	else if (page_mapcount(page))
		why = "is mapped";
	else if (page_count(page))
		why = "is referenced";
	bad_page(page, why);
}

#if CONFIG_DEBUG
#define FRAME_POISON_FRESH 0x5a5a5a5a5a5a5a5aUL /* handed out, never written */
#define FRAME_POISON_FREED 0x6b6b6b6b6b6b6b6bUL

static void fill_frame(struct page *page, unsigned long pattern)
{
	memset(page_address(page), (u8)pattern, PAGE_SIZE);
}

void poison_free(struct page *page, unsigned int order)
{
	/* A large kmalloc() and a slab leave redzones. */
	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		fill_frame(page + i, FRAME_POISON_FREED);
		__SetPagePoisoned(page + i);
	}
	kasan_free_pages(page, order);
}

void poison_alloc(struct page *page, unsigned int order)
{
	kasan_alloc_pages(page, order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		const unsigned long *word = page_address(page + i);

		for (unsigned int w = 0; PagePoisoned(page + i) && w < PAGE_SIZE / sizeof(*word);
		     w++) {
			if (likely(word[w] == FRAME_POISON_FREED))
				continue;
			pr_err("bad page: frame %#lx was written at offset %#lx while free: %#lx\n",
			       page_to_pfn(page + i), w * sizeof(*word), word[w]);
			WARN_ON(true);
			break;
		}
		fill_frame(page + i, FRAME_POISON_FRESH);
		__ClearPagePoisoned(page + i);
	}
}
#endif
