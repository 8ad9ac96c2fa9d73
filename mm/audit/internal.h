/* SPDX-License-Identifier: MIT */
/*
 * Shared by the files of the audit. A check answers true when all is well; the first that does not
 * calls audit_fail(), and all callers return at once.
 */
#ifndef MM_AUDIT_INTERNAL_H
#define MM_AUDIT_INTERNAL_H

#include "lib/compiler.h"
#include "lib/rbtree.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/frame/page.h"
#include "mm/space/mm.h"

struct kmem_cache;

/*
 * What the audit found out about a frame: how many user entries map it, and who else has it. One word
 * per frame, indexed by frame number.
 */
#define MARK_MAPS 0x00ffffffu  /* user entries that map it */
#define MARK_FREE 0x01000000u  /* in a free block or on a per-CPU list */
#define MARK_LRU 0x02000000u   /* on an LRU list */
#define MARK_CACHE 0x04000000u /* in a page cache or the swap cache */
#define MARK_TABLE 0x08000000u /* hangs in a page table, or is a top level */
#define MARK_VMAP 0x10000000u  /* backs the vmalloc area */
#define MARK_NAMED 0x20000000u /* some pointer in the kernel leads to it */

struct audit {
	char *what; /* the sentence */
	size_t size;
	u32 *marks;                   /* max_pfn of them */
	u16 *slots;                   /* entries seen for each slot, areas one after the other */
	unsigned long first_slot[MAX_SWAPFILES]; /* of an area, in slots[] */
	/*
	 * Some map is being built, changed or taken down by a task that sleeps in the middle of it: sums
	 * over all maps say nothing.
	 */
	bool changing;
	unsigned long committed; /* pages of VM_ACCOUNT VMAs */
	unsigned long tables;    /* frames of user page tables, top levels not counted */
	/* found in page caches, swap caches and entries; compared with the gauges of mm/stats.h */
	unsigned long cache_pages, dirty, shmem, swapcache;
	unsigned long writeback, anon, mapped, slab, vmalloc, used, free;
};

/* Writes the sentence. Always false. */
bool audit_fail(struct audit *a, const char *fmt, ...) __printf(2, 3) __cold;

/* Has frame @pfn a struct page? Holes of the memory map may have none. */
bool audit_is_ram(unsigned long pfn);
/* Each frame that has a struct page, by rising number, until @fn says false. */
bool audit_for_each_frame(struct audit *a, bool (*fn)(struct audit *a, struct page *page));
/* Does @page point into the array of struct pages, at one that there is? */
bool audit_is_page(const struct page *page);
/* Does @p point into a slab? Asked before a pointer that may be wrong is followed. */
bool audit_is_object(const void *p);
/* The page whose .lru is @entry, which may be anything: in integers, for no object need be there. */
static inline struct page *audit_page_of(const struct list_head *entry)
{
	return (struct page *)((unsigned long)entry - offsetof(struct page, lru));
}
static inline u32 *mark_of(struct audit *a, const struct page *page)
{
	return &a->marks[page_to_pfn(page)];
}

/* --- audit.c --- */
/*
 * fn(arg) while no other CPU runs anything, with room for an audit: its value, or -ENOMEM. May sleep before. One
 * caller at a time.
 */
int audit_alone(int (*fn)(void *arg), void *arg);
/* The audit itself; nobody else runs. As mm_audit(). */
int audit_now(char *sentence, size_t size);

/* --- lists.c: the buddy's free lists, the per-CPU lists, the LRU lists --- */
bool audit_free_lists(struct audit *a);
bool audit_lru_lists(struct audit *a);

/* --- slabs.c: the caches, and the search for names --- */
bool audit_slabs(struct audit *a);
/* Each object in use of @cache, until @fn says false. */
bool audit_for_each_object(struct audit *a, const struct kmem_cache *cache,
			   bool (*fn)(struct audit *a, void *object));
const struct kmem_cache *audit_find_cache(const char *name);

/* --- names.c: which frames some pointer of the kernel leads to; see there --- */
bool audit_find_names(struct audit *a);

/* --- trees.c --- */
/*
 * The rules of a red-black tree, whose nodes lie in slabs; @visit gets each node in order. @what names
 * the tree in the sentence.
 */
bool audit_tree(struct audit *a, const struct rb_root *root, const char *what,
		bool (*visit)(struct audit *a, struct rb_node *node, void *arg), void *arg);
/* Does the way up from @node end at @root's node? */
bool audit_in_tree(const struct rb_node *node, const struct rb_root *root);

/* --- space.c: maps and VMAs --- */
bool audit_spaces(struct audit *a);
/* "pid 12 (cow)"; good until the next call. */
const char *audit_owner(const struct mm_struct *mm);
/*
 * A task that sleeps is in the middle of a change of @mm: what its VMAs say need not agree with
 * each other.
 */
bool audit_is_changing(const struct mm_struct *mm);

/* --- rmap.c: the trees of the reverse map --- */
bool audit_vma_rmap(struct audit *a, struct vm_area_struct *vma);

/* --- tables.c: page tables and entries --- */
bool audit_tables(struct audit *a, struct mm_struct *mm);
/* The tables of the vmalloc area. */
bool audit_vmalloc(struct audit *a);

/* --- cache.c: page caches, swap caches, slots --- */
bool audit_page_caches(struct audit *a);
bool audit_swap(struct audit *a);

/* --- frames.c: each frame once, and the gauges --- */
bool audit_frames(struct audit *a);

#endif
