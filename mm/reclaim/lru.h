/* SPDX-License-Identifier: MIT */
/*
 * The lists that order pages by how likely they are to be missed: active and inactive, for anon
 * (swap-backed) and file pages, and one for the unevictable; a set of them for each CPU, and one that
 * reclaim takes from. Their locks guard PG_lru, PG_active and PG_unevictable too; innermost.
 */
#ifndef MM_RECLAIM_LRU_H
#define MM_RECLAIM_LRU_H

#include "mm/frame/page.h"

enum lru_list { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, LRU_UNEVICTABLE, NR_LRU_LISTS };

/*
 * A new page, not on any list yet, goes on its inactive list (or active when PG_active is set; or
 * unevictable when PG_mlocked or its mapping says so).
 */
void lru_cache_add(struct page *page);
/*
 * The same for a fresh anonymous page that nobody else has seen: swapbacked, neither mlocked nor
 * active. The fault path's, which has told the recorder before (TRACE_FAULT_LISTED).
 */
void lru_cache_add_anon(struct page *page);
/* put_page() for each of @pages, with the lists' locks taken once for many. */
void release_pages(struct page *const *pages, unsigned int nr);
/* It was used through read(2) or a fault: inactive+unreferenced -> referenced -> active. Cheap. */
void mark_page_accessed(struct page *page);
/* To the tail of the inactive list, so that reclaim finds it next. */
void deactivate_page(struct page *page);
/*
 * MADV_FREE of a page that is neither dirty nor in the swap cache: to the file pages, where it is
 * dropped like a clean one of them. ptl held.
 */
void mark_page_lazyfree(struct page *page);
/* mlock/munlock of a mapped page: moves it to or from the unevictable list. */
void mlock_page(struct page *page);
void munlock_page(struct page *page);
void lru_init(void);

#endif
