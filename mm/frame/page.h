/* SPDX-License-Identifier: MIT */
/*
 * struct page: what the kernel knows about one 4 KiB frame. One stands at vmemmap[pfn] for each
 * frame of RAM, 64 bytes each, so a frame number, a page and a direct-map address convert to each
 * other by arithmetic alone.
 *
 * Who holds a reference (_refcount): the allocator's caller from alloc_pages() on; each page-table
 * entry that maps the frame; the page cache or the swap cache, one; and whoever looks at the page
 * for a while (get_page). put_page() of the last one frees the frame. The zero page is mapped with
 * pte_special() and is never counted.
 *
 * _mapcount is the number of page-table entries of user space that map the frame.
 */
#ifndef MM_FRAME_PAGE_H
#define MM_FRAME_PAGE_H

#include "kernel/core/lock_check.h"
#include "kernel/core/spinlock.h"
#include "lib/atomic.h"
#include "lib/bitops.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/types.h"
#include <asm/page.h>

struct address_space;

/* Bits of page->flags; X-macro so that gdb and the audit print the same names. */
#define PAGE_FLAGS(X)                                                                              \
	X(locked)     /* contents are being filled, written or freed from the cache: lock_page() */ \
	X(uptodate)   /* contents are valid (page cache, swap cache) */                             \
	X(dirty)      /* contents are newer than the file or the swap slot */                       \
	X(writeback)  /* being written to the device */                                             \
	X(referenced) /* touched since the list scan last looked */                                 \
	X(lru)        /* on a list of mm/reclaim/lru.h */                                           \
	X(active)     /* ... the active one */                                                      \
	X(unevictable)/* ... mlocked: on the unevictable list */                                    \
	X(swapcache)  /* in the swap cache; private is the swap entry */                            \
	X(swapbacked) /* anonymous or shmem: its place to go is swap; not after MADV_FREE */        \
	X(reserved)   /* not the allocator's: firmware, kernel image, zero page */                  \
	X(buddy)      /* head of a free block; private is its order */                              \
	X(slab)       /* belongs to a slab cache */                                                 \
	X(table)      /* a page table */                                                            \
	X(vmalloc)    /* backs the vmalloc area */                                                  \
	X(readahead)  /* touching it starts the next read-ahead window */                           \
	X(error)      /* the device failed to read or write it */                                   \
	X(reclaim)    /* to be freed as soon as its writeback ends */                               \
	X(mlocked)    /* some VM_LOCKED mapping has it */                                           \
	X(pcp)        /* free, on a per-CPU list */                                                 \
	X(poisoned)   /* debug: filled with the freed pattern */                                    \
	X(mappedtodisk) /* all of it has its place on the disk: the file system need not look */

enum pageflags {
#define X(name) PG_##name,
	PAGE_FLAGS(X)
#undef X
	__NR_PAGEFLAGS
};

struct page {
	unsigned long flags;      /* PG_*, atomic bit operations once the page is shared */
	atomic_t _refcount;       /* 0: free */
	atomic_t _mapcount;       /* 0: no user entry maps it */
	union {
		struct list_head lru; /* free list, LRU list (lock of its lruvec) or slab list */
		spinlock_t ptl;       /* PG_table: guards the entries of a last-level table */
	};
	/* page cache: owner; anonymous: anon_vma | PAGE_MAPPING_ANON */
	struct address_space *mapping;
	/* place in the mapping, in pages; for anon: address >> PAGE_SHIFT */
	pgoff_t index;
	/*
	 * PG_buddy: order; PG_swapcache: swp_entry_t.val; slab: free list; PG_table: the next one that
	 * waits for the flush (struct mmu_gather)
	 */
	unsigned long private;
	u32 zone_id;              /* 1 + index of its zone; 0: the allocator never had this frame */
	union {
		u32 slab_inuse;   /* PG_slab: objects handed out; kmalloc()'s block: LARGE_MAGIC */
		u32 lruvec;       /* PG_lru: which set of lists it is on (mm/reclaim/internal.h) */
	};
};

#define PAGE_MAPPING_ANON 1UL

#define vmemmap ((struct page *)VMEMMAP_START)

static inline struct page *pfn_to_page(unsigned long pfn) { return vmemmap + pfn; }
static inline unsigned long page_to_pfn(const struct page *page) { return (unsigned long)(page - vmemmap); }
static inline void *page_address(const struct page *page) { return __va(PFN_PHYS(page_to_pfn(page))); }
static inline phys_addr_t page_to_phys(const struct page *page) { return PFN_PHYS(page_to_pfn(page)); }
/* @addr lies in the direct map. */
static inline struct page *virt_to_page(const void *addr)
{
	/* pfn_to_page(PFN_DOWN(__pa(addr))), with one constant instead of two */
	return vmemmap + ((unsigned long)addr >> PAGE_SHIFT) - (PAGE_OFFSET >> PAGE_SHIFT);
}
/* One past the highest frame number that has a struct page. */
extern unsigned long max_pfn;
/*
 * Struct pages come in sections of 128 MiB of RAM, with a bit each in sections_awake (NULL: all of
 * them, on the host). Those of a large machine may sleep until the allocator needs them: nobody has
 * such a frame.
 */
#define SECTION_SHIFT 15
#define SECTION_PAGES (1UL << SECTION_SHIFT)
extern unsigned long *sections_awake;
/* May pfn_to_page(pfn) be looked at? False for frames that do not exist, large holes, and device memory. */
static inline bool pfn_valid(unsigned long pfn)
{
	return pfn < max_pfn && (!sections_awake || test_bit(pfn >> SECTION_SHIFT, sections_awake));
}
/* A frame below max_pfn that is free, but whose section sleeps. A snapshot. */
bool frame_sleeps(unsigned long pfn);

/* PageDirty(page), SetPageDirty(page), ClearPageDirty(page), TestSet..., TestClear...: atomic. */
#define PAGEFLAG(Name, name)                                                                       \
	static inline bool Page##Name(const struct page *page)                                     \
	{                                                                                          \
		return READ_ONCE(page->flags) & (1UL << PG_##name);                                \
	}                                                                                          \
	static inline void SetPage##Name(struct page *page) { set_bit(PG_##name, &page->flags); }  \
	static inline void ClearPage##Name(struct page *page) { clear_bit(PG_##name, &page->flags); } \
	/* Non-atomic: only while nobody else can see the page. */                                 \
	static inline void __SetPage##Name(struct page *page) { page->flags |= 1UL << PG_##name; } \
	static inline void __ClearPage##Name(struct page *page) { page->flags &= ~(1UL << PG_##name); } \
	static inline bool TestSetPage##Name(struct page *page)                                    \
	{                                                                                          \
		return test_and_set_bit(PG_##name, &page->flags);                                  \
	}                                                                                          \
	static inline bool TestClearPage##Name(struct page *page)                                  \
	{                                                                                          \
		return test_and_clear_bit(PG_##name, &page->flags);                                \
	}

PAGEFLAG(Locked, locked)
PAGEFLAG(Uptodate, uptodate)
PAGEFLAG(Dirty, dirty)
PAGEFLAG(Writeback, writeback)
PAGEFLAG(Referenced, referenced)
PAGEFLAG(LRU, lru)
PAGEFLAG(Active, active)
PAGEFLAG(Unevictable, unevictable)
PAGEFLAG(SwapCache, swapcache)
PAGEFLAG(SwapBacked, swapbacked)
PAGEFLAG(Reserved, reserved)
PAGEFLAG(Buddy, buddy)
PAGEFLAG(Slab, slab)
PAGEFLAG(Table, table)
PAGEFLAG(Vmalloc, vmalloc)
PAGEFLAG(Readahead, readahead)
PAGEFLAG(Error, error)
PAGEFLAG(Reclaim, reclaim)
PAGEFLAG(Mlocked, mlocked)
PAGEFLAG(Pcp, pcp)
PAGEFLAG(Poisoned, poisoned)
PAGEFLAG(MappedToDisk, mappedtodisk)

static inline bool PageAnon(const struct page *page)
{
	return (unsigned long)READ_ONCE(page->mapping) & PAGE_MAPPING_ANON;
}
/* Its owner allowed to drop it (MADV_FREE) until it is written again. Stays so while isolated. */
static inline bool page_is_lazyfree(const struct page *page)
{
	return PageAnon(page) && !PageSwapBacked(page);
}
/* The page cache this page is in, or NULL for anonymous and other pages. */
static inline struct address_space *page_mapping(const struct page *page)
{
	struct address_space *mapping = READ_ONCE(page->mapping);

	return (unsigned long)mapping & PAGE_MAPPING_ANON ? NULL : mapping;
}
static inline int page_count(const struct page *page) { return atomic_read(&page->_refcount); }
static inline int page_mapcount(const struct page *page) { return atomic_read(&page->_mapcount); }
static inline bool page_mapped(const struct page *page) { return page_mapcount(page) > 0; }

/* Frees the frame: takes it off the LRU, checks, gives it to the allocator. Refcount is 0. */
void __put_page(struct page *page);

static inline void get_page(struct page *page) { atomic_inc(&page->_refcount); }
/* A reference, unless the page is on its way to the free list. */
static inline bool get_page_unless_zero(struct page *page) { return atomic_inc_not_zero(&page->_refcount); }
static inline void put_page(struct page *page)
{
	if (atomic_dec_and_test(&page->_refcount))
		__put_page(page);
}

/*
 * The page lock (PG_locked): contents are stable, and the page stays in its page cache or swap
 * cache. Sleeps; order: after mmap_lock, before the page-table lock. lock_page() may not be
 * called by a holder. unlock_page() wakes the waiters.
 */
void __lock_page(struct page *page);
#if CONFIG_DEBUG
/* The class of its lock: whose page it is, since a file page's may be held when a device's is taken (filemap.c). */
const char *page_lock_name(const struct page *page);
#define page_lock_check(page)                                                                      \
	do {                                                                                       \
		s16 __class = 0;                                                                   \
		sleep_lock_check(page, &__class, page_lock_name(page));                            \
	} while (0)
#define page_lock_acquired(page)                                                                   \
	do {                                                                                       \
		s16 __class = 0;                                                                   \
		sleep_lock_acquired(page, &__class, page_lock_name(page));                         \
	} while (0)
#else
#define page_lock_check(page) ((void)0)
#define page_lock_acquired(page) ((void)0)
#endif
/* Wake who waits for a bit of @page; the bit was cleared by an atomic operation before. */
void wake_up_page(struct page *page);
void unlock_page(struct page *page);
static __lock_inline bool trylock_page(struct page *page)
{
	if (TestSetPageLocked(page))
		return false;
	page_lock_acquired(page);
	return true;
}
static __lock_inline void lock_page(struct page *page)
{
	page_lock_check(page);
	if (!trylock_page(page))
		__lock_page(page);
}
/* Sleep until the flag is clear. The caller holds a reference. */
void wait_on_page_locked(struct page *page);
/* The same, but a fatal signal ends the wait. */
void wait_on_page_locked_killable(struct page *page);
void wait_on_page_writeback(struct page *page);
/*
 * Clear PG_writeback and its tag, wake the waiters. Called by end_io in the block completion
 * thread.
 */
void end_page_writeback(struct page *page);

#endif
