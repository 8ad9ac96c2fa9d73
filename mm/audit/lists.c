/* SPDX-License-Identifier: MIT */
/* The lists that frames stand on: free blocks, per-CPU lists, LRU lists. */
#include "mm/audit/internal.h"
#include "mm/frame/internal.h"
#include "mm/reclaim/internal.h"

static const char *const lru_names[NR_LRU_LISTS] = { "inactive anon", "active anon",
						     "inactive file", "active file",
						     "unevictable" };

/* The page of the entry that follows @prev on a list, if it also says so; NULL: failed. */
static struct page *list_page(struct audit *a, const struct list_head *prev, const char *list)
{
	const struct list_head *entry = prev->next;
	struct page *page = audit_page_of(entry);

	if (!audit_is_page(page)) {
		audit_fail(a, "the %s list leads to %p, which is no struct page", list, page);
		return NULL;
	}
	if (entry->prev != prev) {
		audit_fail(a, "frame %#lx on the %s list points back to %p, it follows %p",
			   page_to_pfn(page), list, (void *)entry->prev, (void *)prev);
		return NULL;
	}
	return page;
}

/* --- free frames --- */
static bool mark_free(struct audit *a, struct page *page, const char *where)
{
	u32 *mark = mark_of(a, page);

	if (*mark & MARK_FREE)
		return audit_fail(a, "frame %#lx is free twice: once %s", page_to_pfn(page), where);
	*mark |= MARK_FREE;
	a->free++;
	return true;
}

/* One free block, by its head. */
static bool free_block(struct audit *a, const struct zone *zone, struct page *page,
		       unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), buddy = pfn ^ (1UL << order);

	if (!PageBuddy(page) || page->private != order)
		return audit_fail(
			a, "frame %#lx on the free list of order %u says: buddy %d, order %lu", pfn,
			order, PageBuddy(page), page->private);
	if (pfn < zone->start_pfn || pfn + (1UL << order) > zone->end_pfn ||
	    !IS_ALIGNED(pfn, 1UL << order))
		return audit_fail(a, "the free block %#lx of order %u does not fit in zone %s", pfn,
				  order, zone->name);
	if (order < MAX_ORDER && buddy + (1UL << order) <= zone->end_pfn && audit_is_ram(buddy) &&
	    PageBuddy(pfn_to_page(buddy)) && pfn_to_page(buddy)->private == order)
		return audit_fail(a, "the free blocks %#lx and %#lx of order %u were not joined",
				  pfn, buddy, order);
	for (unsigned long i = 0; i < 1UL << order; i++)
		if (!mark_free(a, page + i, "in the buddy"))
			return false;
	return true;
}

static bool free_area(struct audit *a, struct zone *zone, unsigned int order)
{
	const struct free_area *area = &zone->free_area[order];
	const struct list_head *entry;
	unsigned long blocks = 0;

	for (entry = &area->free_list; entry->next != &area->free_list; entry = entry->next) {
		struct page *page = list_page(a, entry, "free");

		if (!page || !free_block(a, zone, page, order))
			return false;
		blocks++;
	}
	if (blocks != area->nr_free)
		return audit_fail(a, "zone %s counts %lu free blocks of order %u, its list has %lu",
				  zone->name, area->nr_free, order, blocks);
	return true;
}

struct pcp_look {
	struct audit *a;
	bool ok;
};

static bool look_at_pcp(struct page *page, void *arg)
{
	struct pcp_look *look = arg;
	struct audit *a = look->a;

	look->ok = false;
	if (!audit_is_page(page))
		audit_fail(a, "a per-CPU list leads to %p, which is no struct page", page);
	else if (!PagePcp(page))
		audit_fail(a, "frame %#lx is on a per-CPU list without PG_pcp: flags %#lx",
			   page_to_pfn(page), page->flags);
	else
		look->ok = mark_free(a, page, "on a per-CPU list");
	return look->ok;
}

bool audit_free_lists(struct audit *a)
{
	struct pcp_look look = { a, true };

	for (int z = 0; z < MAX_NR_ZONES; z++) {
		struct zone *zone = &zones[z];
		unsigned long before = a->free;

		for (unsigned int order = 0; order <= MAX_ORDER; order++)
			if (!free_area(a, zone, order))
				return false;
		if (a->free - before != zone->nr_free)
			return audit_fail(a, "zone %s counts %lu free frames, its lists have %lu",
					  zone->name, zone->nr_free, a->free - before);
	}
	pcp_for_each(look_at_pcp, &look);
	return look.ok;
}

/* --- LRU lists --- */
static bool lru_page(struct audit *a, struct page *page, u32 vec, enum lru_list list)
{
	u32 *mark = mark_of(a, page);

	if (*mark & MARK_LRU)
		return audit_fail(a, "frame %#lx is on two LRU lists: the second is %s",
				  page_to_pfn(page), lru_names[list]);
	*mark |= MARK_LRU;
	if (!PageLRU(page))
		return audit_fail(a, "frame %#lx is on the %s list without PG_lru",
				  page_to_pfn(page), lru_names[list]);
	if (page_lru(page) != list)
		return audit_fail(a, "frame %#lx is on the %s list, its flags %#lx say %s",
				  page_to_pfn(page), lru_names[list], page->flags,
				  lru_names[page_lru(page)]);
	if (page->lruvec != vec)
		return audit_fail(a, "frame %#lx is on list %s of set %u, it says %u",
				  page_to_pfn(page), lru_names[list], vec, page->lruvec);
	return true;
}

static bool lru_list(struct audit *a, const struct list_head *head, u32 vec, enum lru_list list,
		     unsigned long *pages)
{
	const struct list_head *entry;

	for (entry = head; entry->next != head; entry = entry->next) {
		struct page *page = list_page(a, entry, lru_names[list]);

		if (!page || !lru_page(a, page, vec, list))
			return false;
		++*pages;
	}
	return true;
}

bool audit_lru_lists(struct audit *a)
{
	for (int list = 0; list < NR_LRU_LISTS; list++) {
		unsigned long pages = 0;

		for (u32 vec = 0; vec < NR_LRUVECS; vec++)
			if (!lru_list(a, &lruvecs[vec].lists[list], vec, list, &pages) ||
			    !lru_list(a, &lruvecs[vec].older[list], vec, list, &pages))
				return false;
		if ((long)pages != node_stat_sum((enum node_stat)list))
			return audit_fail(
				a, "%s is %ld, the %s list has %lu pages", node_stat_names[list],
				node_stat_sum((enum node_stat)list), lru_names[list], pages);
	}
	return true;
}
