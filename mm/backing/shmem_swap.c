/* SPDX-License-Identifier: MIT */
/*
 * Memory-only files and swap: out of the page cache, back into it, and swapoff, which finds the slots
 * through a list of the files that may have any.
 *
 * Who may change a place: from page to value reclaim, with the page locked; from value to page a fault,
 * read or write, with the page of the swap cache locked; from either to nothing truncation, a page with
 * it locked, a value under tree_lock alone. All compare under tree_lock what they found before with what is
 * there, so of two one finds that the other was faster, and looks again.
 */
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/core/wait.h"
#include "kernel/debug/race.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/record.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap_internal.h"
#include "mm/frame/buddy.h"
#include "mm/stats.h"

LIST_HEAD(shmem_swaplist); /* swaplist_lock */
static DEFINE_SPINLOCK(swaplist_lock);
static DECLARE_WAIT_QUEUE_HEAD(unuse_wait); /* for shmem->unusing to become 0 */

/* swapoff must find it before it has its first slot. */
static void join_swaplist(struct shmem *shmem)
{
	if (!list_empty(&shmem->swaplist))
		return;
	spin_lock(&swaplist_lock);
	if (list_empty(&shmem->swaplist))
		list_add_tail(&shmem->swaplist, &shmem_swaplist);
	spin_unlock(&swaplist_lock);
}

bool shmem_swap_out(struct page *page)
{
	struct address_space *mapping = page->mapping;
	struct shmem *shmem = mapping->shmem;
	swp_entry_t slot;
	bool done = false;

	ASSERT(PageLocked(page) && PageDirty(page));
	if (mapping->flags & AS_UNEVICTABLE)
		return false;
	slot = get_swap_slot();
	if (!slot.val)
		return false;
	join_swaplist(shmem);
	spin_lock(&mapping->tree_lock);
	/*
	 * The cache's reference and the caller's: more come from the tree only, under its lock. Who has
	 * one may be mapping it, or asking which file's it is.
	 */
	if (page_count(page) != 2)
		put_swap_slot(slot);
	else
		done = add_to_swap_slot(page, slot, 1);
	if (done) { /* to replace the page in the tree takes no memory */
		WARN_ON(xa_store(&mapping->i_pages, page->index, swp_to_value(slot)));
		record_cache(0, page);
		page->mapping = NULL;
		mapping->nrpages--;
		shmem->swapped++;
	}
	spin_unlock(&mapping->tree_lock);
	if (!done)
		return false;
	mod_node_stat(N_nr_file_pages, -1);
	mod_node_stat(N_nr_shmem, -1);
	put_page(page); /* the page cache's: the swap cache has its own */
	race_point_may_sleep("shmem: page in the swap cache, not written");
	return true;
}

int shmem_swap_in(struct address_space *mapping, pgoff_t index, void *entry, struct page *page)
{
	swp_entry_t slot = value_to_swp(entry);
	bool same;

	ASSERT(PageLocked(page));
	if (!PageSwapCache(page) || page->private != slot.val)
		return -EAGAIN;
	race_point_may_sleep("shmem: page of the swap cache locked, not back in its file");
	spin_lock(&mapping->tree_lock);
	same = xa_load(&mapping->i_pages, index) == entry;
	if (same && PageUptodate(page)) {
		WARN_ON(xa_store(&mapping->i_pages, index, page));
		get_page(page);
		page->mapping = mapping;
		page->index = index;
		mapping->nrpages++;
		mapping->shmem->swapped--;
		record_cache(1, page);
	}
	spin_unlock(&mapping->tree_lock);
	if (!same)
		return -EAGAIN;
	if (!PageUptodate(page))
		return -EIO;
	mod_node_stat(N_nr_file_pages, 1);
	mod_node_stat(N_nr_shmem, 1);
	SetPageDirty(page); /* it is nowhere else now */
	delete_from_swap_cache(page);
	swap_free(slot);
	return 0;
}

bool shmem_drop_slot(struct address_space *mapping, pgoff_t index, void *entry)
{
	bool same;

	spin_lock(&mapping->tree_lock);
	same = xa_load(&mapping->i_pages, index) == entry;
	if (same) {
		xa_erase(&mapping->i_pages, index);
		mapping->shmem->swapped--;
		shmem_uncharge(mapping->shmem, 1);
	}
	spin_unlock(&mapping->tree_lock);
	if (same)
		free_swap_and_cache(value_to_swp(entry));
	return same;
}

/* --- swapoff --- */
static bool is_of_area(const void *entry, unsigned int type)
{
	return xa_is_value(entry) && swp_type(value_to_swp(entry)) == type;
}

static int unuse_mapping(struct address_space *mapping, unsigned int type)
{
	pgoff_t index = 0;

	for (;; index++) {
		struct page *page;
		void *entry;
		int err;

		spin_lock(&mapping->tree_lock);
		entry = xa_find(&mapping->i_pages, &index, ~0UL);
		spin_unlock(&mapping->tree_lock);
		if (!entry)
			return 0;
		if (is_of_area(entry, type)) {
			err = shmem_get_page(mapping, index, SHMEM_READ, &page);
			if (err)
				return err;
			if (page) {
				unlock_page(page);
				put_page(page);
			}
		}
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

int shmem_unuse(unsigned int type)
{
	struct shmem *shmem;
	int err = 0;

	spin_lock(&swaplist_lock);
	list_for_each_entry(shmem, &shmem_swaplist, swaplist) {
		if (!READ_ONCE(shmem->swapped))
			continue;
		shmem->unusing++; /* it stays, and its place in the list */
		spin_unlock(&swaplist_lock);
		err = unuse_mapping(shmem->mapping, type);
		spin_lock(&swaplist_lock);
		if (!--shmem->unusing)
			wake_up_all(&unuse_wait);
		if (err)
			break;
	}
	spin_unlock(&swaplist_lock);
	return err;
}

void shmem_leave_swaplist(struct shmem *shmem)
{
	spin_lock(&swaplist_lock);
	while (shmem->unusing) {
		DEFINE_WAIT(wait);

		prepare_to_wait(&unuse_wait, &wait, TASK_UNINTERRUPTIBLE);
		spin_unlock(&swaplist_lock);
		schedule();
		finish_wait(&unuse_wait, &wait);
		spin_lock(&swaplist_lock);
	}
	list_del_init(&shmem->swaplist);
	spin_unlock(&swaplist_lock);
}
