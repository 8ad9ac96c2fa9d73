/* SPDX-License-Identifier: MIT */
/*
 * The page lists: on which one a page stands is told by its flags alone, so that whoever changes the
 * flags under the lists' lock moves the page with them.
 *
 *   swapbacked  active  unevictable   list
 *   yes         no/yes  no            LRU_INACTIVE_ANON / LRU_ACTIVE_ANON
 *   no          no/yes  no            LRU_INACTIVE_FILE / LRU_ACTIVE_FILE
 *   any         no      yes           LRU_UNEVICTABLE
 *
 * Anonymous pages that need not be kept (MADV_FREE) are not swapbacked: they go with the file pages.
 *
 * Pages enter at the head; reclaim takes from the tail.
 *
 * Each CPU has a set of these lists with a lock of its own, which the pages that it adds enter; there
 * most of them live and die, and CPUs that make and free pages side by side do not meet. Reclaim takes
 * from one more set, the shared one, older than all others: when one of its lists runs empty, the oldest
 * pages of each CPU's follow (lru_gather), so that with one CPU the order is that of a single list; with
 * many, no page is looked at twice before all others were once.
 * page->lruvec says in which set a page stands.
 */
#include "mm/reclaim/lru.h"

#include "kernel/core/panic.h"
#include "kernel/trace/trace.h"
#include "mm/backing/filemap.h"
#include "mm/backing/record.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/internal.h"
#include "mm/stats.h"

struct lruvec lruvecs[NR_LRUVECS];

void lru_init(void)
{
	for (int i = 0; i < NR_LRUVECS; i++) {
		spin_lock_init(&lruvecs[i].lock, i == LRUVEC_SHARED ? "lru_lock" : "lru_cpu_lock");
		for (int list = 0; list < NR_LRU_LISTS; list++) {
			INIT_LIST_HEAD(&lruvecs[i].lists[list]);
			INIT_LIST_HEAD(&lruvecs[i].older[list]);
		}
	}
}

static __always_inline enum lru_list lru_of(unsigned long flags)
{
	if (unlikely(flags & (1UL << PG_unevictable)))
		return LRU_UNEVICTABLE;
	return (flags & (1UL << PG_swapbacked) ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE) +
	       ((flags >> PG_active) & 1);
}

enum lru_list page_lru(const struct page *page)
{
	return lru_of(page->flags);
}

/* The gauges of the lists come first in enum node_stat, in the same order. */
static void count_lru(enum lru_list list, long delta)
{
	BUILD_BUG_ON((int)N_nr_inactive_anon != (int)LRU_INACTIVE_ANON ||
		     (int)N_nr_unevictable != (int)LRU_UNEVICTABLE);
	mod_node_stat((enum node_stat)list, delta);
}

bool page_is_unevictable(const struct page *page)
{
	return PageMlocked(page);
}

/* The pages that reclaim may not have go to a list of their own; no others stay on it. */
static noinline void fix_unevictable(struct page *page)
{
	if (page_is_unevictable(page)) {
		ClearPageActive(page);
		SetPageUnevictable(page);
	} else {
		ClearPageUnevictable(page);
	}
}

/* At the head of the list that the flags name. Its lock held, PG_lru set. */
static void link_page(struct lruvec *vec, struct page *page)
{
	enum lru_list list;

	if (unlikely(page->flags & (1UL << PG_mlocked | 1UL << PG_unevictable)))
		fix_unevictable(page);
	list = page_lru(page);
	list_add(&page->lru, &vec->lists[list]);
	count_lru(list, 1);
	trace_lru((u8)list, vec != lru_shared, page_to_pfn(page));
}

static __always_inline void unlink_page(struct page *page)
{
	count_lru(lru_of(page->flags), -1);
	__list_del_entry(&page->lru);
}

static __always_inline void del_page(struct page *page)
{
	unlink_page(page);
	ClearPageLRU(page);
}

static __always_inline void del_recorded(struct page *page)
{
	del_page(page);
	trace_lru(TRACE_LRU_OFF, 0, page_to_pfn(page));
}

void lru_del_locked(struct page *page)
{
	del_recorded(page);
}

/*
 * PG_lru is set before the look at the other flags, and mlock_page() sets its flag before it looks at
 * PG_lru: one of them sees the other.
 */
void lru_cache_add(struct page *page)
{
	u32 cpu = smp_processor_id();
	struct lruvec *vec = &lruvecs[cpu];

	spin_lock(&vec->lock);
	ASSERT(!PageLRU(page));
	page->lruvec = cpu;
	SetPageLRU(page);
	link_page(vec, page);
	spin_unlock(&vec->lock);
}

static __always_inline void add_anon_unlock(struct page *page, u32 cpu)
{
	struct lruvec *vec = &lruvecs[cpu];

	page->lruvec = cpu;
	__SetPageLRU(page);
	list_add(&page->lru, &vec->lists[LRU_INACTIVE_ANON]);
	count_lru(LRU_INACTIVE_ANON, 1);
	spin_unlock(&vec->lock);
}

/* Reclaim is at this CPU's lists: apart, for the fast path has nothing to save on the stack. */
static noinline void add_anon_waiting(struct page *page)
{
	u32 cpu = smp_processor_id();

	spin_lock(&lruvecs[cpu].lock);
	add_anon_unlock(page, cpu);
}

void lru_cache_add_anon(struct page *page)
{
	u32 cpu = smp_processor_id();

	ASSERT(PageAnon(page) && PageSwapBacked(page));
	if (CONFIG_DEBUG || unlikely(!spin_trylock(&lruvecs[cpu].lock)))
		add_anon_waiting(page);
	else
		add_anon_unlock(page, cpu);
}

/*
 * A page's set changes only under its lock, and is stored before PG_lru is set: who sees both as before
 * once the lock is held has the right one.
 */
struct lruvec *lock_page_lruvec(struct page *page)
{
	while (PageLRU(page)) {
		u32 i = READ_ONCE(page->lruvec);

		spin_lock(&lruvecs[i].lock);
		if (likely(PageLRU(page) && READ_ONCE(page->lruvec) == i))
			return &lruvecs[i];
		spin_unlock(&lruvecs[i].lock);
	}
	return NULL;
}

/* From its CPU's set to the shared one. Both locks held. */
static void to_shared(struct page *page, enum lru_list list)
{
	list_move(&page->lru, &lru_shared->lists[list]);
	WRITE_ONCE(page->lruvec, LRUVEC_SHARED);
	trace_lru((u8)list, 0, page_to_pfn(page));
}

/* The oldest of what is left of this round. False: nothing is. */
static bool gather_older(enum lru_list list)
{
	unsigned int cpu;
	bool any = false;

	for_each_cpu(cpu) {
		struct lruvec *vec = &lruvecs[cpu];
		struct list_head *from = &vec->older[list];

		if (list_empty(from))
			continue;
		spin_lock(&vec->lock);
		for (int i = 0; i < GATHER && !list_empty(from); i++) {
			to_shared(list_last_entry(from, struct page, lru), list);
			any = true;
		}
		spin_unlock(&vec->lock);
	}
	return any;
}

static void begin_round(enum lru_list list)
{
	unsigned int cpu;

	for_each_cpu(cpu) {
		struct lruvec *vec = &lruvecs[cpu];

		if (list_empty(&vec->lists[list]))
			continue;
		spin_lock(&vec->lock);
		list_splice_init(&vec->lists[list], &vec->older[list]);
		spin_unlock(&vec->lock);
	}
}

void lru_gather(enum lru_list list)
{
	if (gather_older(list))
		return;
	begin_round(list);
	gather_older(list);
}

/* Have a page that is on a list stand in the shared set, whose lock is held. False: on none. */
static bool pull_page(struct page *page)
{
	while (PageLRU(page)) {
		u32 i = READ_ONCE(page->lruvec);
		bool found;

		if (i == LRUVEC_SHARED)
			return true;
		spin_lock(&lruvecs[i].lock);
		found = PageLRU(page) && READ_ONCE(page->lruvec) == i;
		if (found)
			to_shared(page, page_lru(page));
		spin_unlock(&lruvecs[i].lock);
		if (found)
			return true;
	}
	return false;
}

/* The page is being freed: off its list. Any holder of the last reference. */
static void lru_del(struct page *page)
{
	struct lruvec *vec = lock_page_lruvec(page);

	if (unlikely(!vec))
		return;
	del_recorded(page);
	spin_unlock(&vec->lock);
}

static noinline void activate_page(struct page *page)
{
	struct lruvec *vec = lock_page_lruvec(page);

	if (!vec)
		return;
	if (!PageActive(page) && !PageUnevictable(page)) {
		unlink_page(page);
		SetPageActive(page);
		link_page(vec, page);
		count_vm_event(VM_pgactivate);
	}
	spin_unlock(&vec->lock);
}

void mark_page_accessed(struct page *page)
{
	if (!PageReferenced(page)) {
		SetPageReferenced(page);
	} else if (!PageActive(page) && !PageUnevictable(page) && PageLRU(page)) {
		activate_page(page);
		ClearPageReferenced(page);
	}
}

void deactivate_page(struct page *page)
{
	spin_lock(&lru_shared->lock);
	if (pull_page(page) && !PageUnevictable(page)) {
		if (PageActive(page))
			count_vm_event(VM_pgdeactivate);
		ClearPageReferenced(page);
		unlink_page(page);
		ClearPageActive(page);
		link_page(lru_shared, page);
		list_move_tail(&page->lru, &lru_shared->lists[page_lru(page)]);
	}
	spin_unlock(&lru_shared->lock);
}

void mark_page_lazyfree(struct page *page)
{
	struct lruvec *vec = lock_page_lruvec(page);

	if (!vec)
		return; /* reclaim is looking at it */
	if (PageSwapBacked(page) && !PageSwapCache(page) && !PageUnevictable(page)) {
		unlink_page(page);
		ClearPageActive(page);
		ClearPageReferenced(page);
		ClearPageSwapBacked(page);
		link_page(vec, page);
		count_vm_event(VM_pglazyfree);
	}
	spin_unlock(&vec->lock);
}

/* PG_mlocked has changed. An isolated page finds the right list when it is put back. */
static void relink_page(struct page *page)
{
	struct lruvec *vec = lock_page_lruvec(page);

	if (!vec)
		return;
	unlink_page(page);
	link_page(vec, page);
	spin_unlock(&vec->lock);
}

void mlock_page(struct page *page)
{
	if (TestSetPageMlocked(page))
		return;
	count_vm_event(VM_unevictable_pgs_mlocked);
	relink_page(page);
}

/* If another VM_LOCKED mapping has the page, reclaim finds out and locks it again. */
void munlock_page(struct page *page)
{
	if (!TestClearPageMlocked(page))
		return;
	count_vm_event(VM_unevictable_pgs_munlocked);
	relink_page(page);
}

/* Its write is done and reclaim waits for it: the next scan finds it first. */
static void rotate_reclaimable_page(struct page *page)
{
	spin_lock(&lru_shared->lock);
	if (pull_page(page) && !PageActive(page) && !PageUnevictable(page)) {
		list_move_tail(&page->lru, &lru_shared->lists[page_lru(page)]);
		count_vm_event(VM_pgrotated);
	}
	spin_unlock(&lru_shared->lock);
}

/* --- the ends of a page that mm/frame/page.h declares --- */
void end_page_writeback(struct page *page)
{
	struct address_space *mapping = page_mapping(page);

	get_page(page); /* once the flag is clear nothing else keeps it from being freed */
	if (mapping) {
		spin_lock(&mapping->tree_lock);
		xa_clear_mark(&mapping->i_pages, page->index, PAGECACHE_TAG_WRITEBACK);
		record_writeback(0, page);
		ClearPageWriteback(page);
		spin_unlock(&mapping->tree_lock);
	} else {
		ClearPageWriteback(page);
	}
	mod_node_stat(N_nr_writeback, -1);
	if (TestClearPageReclaim(page))
		rotate_reclaimable_page(page);
	wake_up_page(page);
	reclaim_writeback_done();
	put_page(page);
}

/* The last reference to @page is gone, and it is on no list. */
static __always_inline void free_unlisted(struct page *page)
{
	ASSERT(!PageSwapCache(page));
	if (unlikely(PageMlocked(page)) && TestClearPageMlocked(page))
		count_vm_event(VM_unevictable_pgs_munlocked);
	if (likely(PageAnon(page)))
		page->mapping = NULL;
	page->flags &= ~(1UL << PG_active | 1UL << PG_unevictable);
	free_unref_page(page);
}

void __put_page(struct page *page)
{
	if (likely(PageLRU(page)))
		lru_del(page);
	free_unlisted(page);
}

/* The lock is let go of now and then: somebody may wait for it. */
#define RELEASE_BATCH 64U

/*
 * Pages that follow each other were mostly added by one CPU: its lock is kept from one to the next.
 * @record: tells the recorder.
 */
static __always_inline void __release_batch(struct page *const *pages, unsigned int nr, bool record)
{
	u32 held = NR_LRUVECS;

	for (unsigned int i = 0; i < nr; i++) {
		struct page *page = pages[i];

		if (!atomic_dec_and_test(&page->_refcount))
			continue;
		if (likely(PageLRU(page))) {
			if (unlikely(READ_ONCE(page->lruvec) != held)) {
				if (held != NR_LRUVECS)
					spin_unlock(&lruvecs[held].lock);
				held = (u32)(lock_page_lruvec(page) - lruvecs);
			}
			if (record)
				del_recorded(page);
			else
				del_page(page);
		}
		free_unlisted(page);
	}
	if (held != NR_LRUVECS)
		spin_unlock(&lruvecs[held].lock);
}

static noinline void release_recorded(struct page *const *pages, unsigned int nr)
{
	__release_batch(pages, nr, true);
}

static void release_batch(struct page *const *pages, unsigned int nr)
{
	if (tracing())
		release_recorded(pages, nr);
	else
		__release_batch(pages, nr, false);
}

void release_pages(struct page *const *pages, unsigned int nr)
{
	for (; nr > RELEASE_BATCH; pages += RELEASE_BATCH, nr -= RELEASE_BATCH)
		release_batch(pages, RELEASE_BATCH);
	release_batch(pages, nr);
}
