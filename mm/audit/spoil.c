/* SPDX-License-Identifier: MIT */
/*
 * Does the audit see it? Debug builds can break one thing of the calling process's map at a time, run
 * the audit over it, and put it back: all without letting go of the CPU, so that nobody else sees it.
 *
 * The audit forgives a reference to whose page some pointer leads, so none is kept here: frames are
 * remembered by number, and what touches them is not inlined.
 */
#include "mm/audit.h"

#if CONFIG_DEBUG
#include "kernel/core/sched.h"
#include "lib/string.h"
#include "lib/vsprintf.h"
#include "mm/audit/internal.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap_internal.h"
#include "mm/frame/buddy.h"
#include "mm/space/pagetable.h"
#include "mm/space/rmap.h"

/* An entry of the process, with the VMA it is in; pfn 0: none of that kind. */
struct target {
	struct vm_area_struct *vma;
	unsigned long addr, pfn;
};

/* What there is to break. */
static struct scene {
	struct mm_struct *mm;
	struct target anon;          /* an anonymous page that this map alone has */
	struct target file;          /* a page of a file in a read-only mapping */
	struct target shared;        /* a page of a file, written through a shared mapping */
	struct target zero;          /* the zero page */
	struct target swap;          /* pfn: the swap entry */
	struct vm_area_struct *bare; /* anonymous, never touched, with a VMA above it */
	unsigned long extra;         /* a frame that a spoil made, or what it overwrote */
} scene;

static pte_t *target_pte(const struct target *t)
{
	return pte_offset(mm_find_pmd(scene.mm, t->addr), t->addr);
}

static void remember(struct target *t, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long pfn)
{
	if (!t->pfn)
		*t = (struct target){ vma, addr, pfn };
}

static void note_entry(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	const struct page *page;

	if (pte_none(pte))
		return;
	if (!pte_present(pte)) {
		remember(&scene.swap, vma, addr, pte.pte);
		return;
	}
	if (pte_special(pte)) {
		remember(&scene.zero, vma, addr, pte_pfn(pte));
		return;
	}
	page = pfn_to_page(pte_pfn(pte));
	if (PageAnon(page) && page_count(page) == 1 && PageLRU(page) && !PageUnevictable(page))
		remember(&scene.anon, vma, addr, pte_pfn(pte));
	else if (!PageAnon(page) && !(vma->vm_flags & (VM_WRITE | VM_SHARED)))
		remember(&scene.file, vma, addr, pte_pfn(pte));
	else if (!PageAnon(page) && pte_write(pte) && !PageSwapBacked(page))
		remember(&scene.shared, vma, addr, pte_pfn(pte));
}

static noinline void look_around(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	memset(&scene, 0, sizeof(scene));
	scene.mm = mm;
	for_each_vma(mm, vma) {
		unsigned long addr = vma->vm_start;
		pmd_t *pmd;

		if (vma_is_anonymous(vma) && !vma->anon_vma && vma_next(vma))
			scene.bare = vma;
		while ((pmd = next_pte_table(mm, &addr, vma->vm_end))) {
			unsigned long stop = pmd_addr_end(addr, vma->vm_end);

			for (; addr < stop; addr += PAGE_SIZE)
				note_entry(vma, addr, *pte_offset(pmd, addr));
		}
	}
}

/* --- the spoils: @sign 1 breaks, -1 puts back. False: there is nothing of that kind here. --- */
#define SPOIL(name, need, ...)              \
	static noinline bool name(int sign) \
	{                                   \
		(void)sign;                 \
		if (!(need))                \
			return false;       \
		__VA_ARGS__;                \
		return true;                \
	}
#define ANON pfn_to_page(scene.anon.pfn)
#define SHARED pfn_to_page(scene.shared.pfn)

SPOIL(extra_reference, scene.anon.pfn, atomic_add(sign, &ANON->_refcount))
SPOIL(missing_reference, scene.anon.pfn, atomic_add(-sign, &ANON->_refcount))
SPOIL(extra_mapcount, scene.file.pfn, atomic_add(sign, &pfn_to_page(scene.file.pfn)->_mapcount))
SPOIL(wrong_lru_list, scene.anon.pfn, ANON->flags ^= 1UL << PG_active)
SPOIL(off_the_list, scene.anon.pfn, ANON->flags ^= 1UL << PG_lru)
SPOIL(wrong_lruvec, scene.anon.pfn, ANON->lruvec += (u32)sign)
SPOIL(untagged_write, scene.shared.pfn, SHARED->flags ^= 1UL << PG_writeback)
SPOIL(executable, scene.anon.pfn, target_pte(&scene.anon)->pte ^= _PAGE_NX)
SPOIL(writable_file, scene.file.pfn, target_pte(&scene.file)->pte ^= _PAGE_RW)
SPOIL(writable_zero, scene.zero.pfn, target_pte(&scene.zero)->pte ^= _PAGE_RW)
SPOIL(counted_zero, scene.zero.pfn, target_pte(&scene.zero)->pte ^= _PAGE_SPECIAL)
SPOIL(clean_page, scene.shared.pfn, SHARED->flags ^= 1UL << PG_dirty)
SPOIL(wrong_index, scene.shared.pfn, SHARED->index += (unsigned long)sign)
SPOIL(nrpages, scene.shared.pfn, page_mapping(SHARED)->nrpages += (unsigned long)sign)
SPOIL(rss, true, add_mm_counter(scene.mm, MM_ANONPAGES, sign))
SPOIL(table_lock, scene.anon.pfn, virt_to_page(target_pte(&scene.anon))->ptl.locked ^= 1)
SPOIL(pgtables, true, scene.mm->pgtables += (unsigned long)sign)
SPOIL(total_vm, true, scene.mm->total_vm += (unsigned long)sign)
SPOIL(map_count, true, scene.mm->map_count += sign)
SPOIL(committed, true, add_committed(sign))
SPOIL(gap, scene.bare, scene.bare->vm_gap += (unsigned long)sign * PAGE_SIZE)
SPOIL(family_count, scene.anon.pfn, atomic_add(sign, &scene.anon.vma->anon_vma->refcount))
SPOIL(mmap_writable, scene.shared.pfn, page_mapping(SHARED)->i_mmap_writable += sign)
SPOIL(free_slots, true, __atomic_fetch_add(&free_swap, sign, __ATOMIC_RELAXED))
SPOIL(zone_free, true, zones[ZONE_DMA].nr_free += (unsigned long)sign)

static noinline bool overlap(int sign)
{
	if (!scene.bare)
		return false;
	if (sign > 0)
		scene.extra = scene.bare->vm_end;
	scene.bare->vm_end = sign > 0 ? vma_next(scene.bare)->vm_start + PAGE_SIZE : scene.extra;
	return true;
}

static noinline bool slot_count(int sign)
{
	swp_entry_t entry = { scene.swap.pfn };

	if (!entry.val)
		return false;
	swap_area_of(entry)->map[swp_offset(entry)] += sign;
	return true;
}

static noinline bool dirty_tag(int sign)
{
	if (!scene.shared.pfn)
		return false;
	(sign > 0 ? xa_clear_mark : xa_set_mark)(&page_mapping(SHARED)->i_pages, SHARED->index,
						 PAGECACHE_TAG_DIRTY);
	return true;
}

static noinline bool family_tree(int sign)
{
	struct vm_area_struct *vma = scene.anon.vma;

	if (!scene.anon.pfn)
		return false;
	(sign > 0 ? interval_tree_remove : interval_tree_insert)(&vma->anon_node,
								 &vma->anon_vma->tree);
	return true;
}

/* A frame that was allocated and forgotten; @flag set in its flags. */
static bool lose_frame(int sign, unsigned long flag)
{
	struct page *page;

	if (sign < 0) {
		page = pfn_to_page(scene.extra);
		page->flags &= ~flag;
		put_page(page);
		return true;
	}
	page = alloc_page(GFP_ATOMIC);
	if (!page)
		return false;
	page->flags |= flag;
	scene.extra = page_to_pfn(page);
	return true;
}

static noinline bool lost_frame(int sign)
{
	return lose_frame(sign, 0);
}

static noinline bool lost_table(int sign)
{
	return lose_frame(sign, 1UL << PG_table);
}

/* A table that hangs where no VMA is. */
static noinline bool stray_table(int sign)
{
	pgd_t *pgd = &scene.mm->pgd[USER_PGD_PTRS / 2];

	if (!pgd_none(*pgd) != (sign < 0) || !lose_frame(sign, 1UL << PG_table))
		return false;
	if (sign > 0)
		memset(page_address(pfn_to_page(scene.extra)), 0, PAGE_SIZE);
	pgd->pgd = sign > 0 ? PFN_PHYS(scene.extra) | _PAGE_TABLE : 0;
	return true;
}

/* What each should make the audit say. */
static const struct spoil {
	const char *name, *says;
	bool (*apply)(int sign);
} spoils[] = {
	{ "a reference too many", "no pointer in the kernel leads to it", extra_reference },
	{ "a reference too few", "has refcount 0, entries", missing_reference },
	{ "a mapcount too high", "entries map it", extra_mapcount },
	{ "a page on the wrong LRU list", "anon list, its flags", wrong_lru_list },
	{ "a page in the wrong set of LRU lists", "of set", wrong_lruvec },
	{ "a page on an LRU list unmarked", "without PG_lru", off_the_list },
	{ "writeback without a tag", "has PG_writeback", untagged_write },
	{ "an executable entry", "other rights than its VMA", executable },
	{ "a writable entry in a read-only VMA", "writable in a read-only VMA", writable_file },
	{ "a writable zero page", "only the zero page is, read-only", writable_zero },
	{ "a counted zero page", "maps the zero page as if it were counted", counted_zero },
	{ "a clean page behind a writable entry", "its page is marked clean", clean_page },
	{ "a page at a wrong index", "not the file's at that place", wrong_index },
	{ "a wrong nrpages", "nrpages is", nrpages },
	{ "a wrong RSS", "anonymous pages, its entries are", rss },
	{ "a page-table lock left behind", "lock of the page table for", table_lock },
	{ "a wrong count of page tables", "page tables, the walk finds", pgtables },
	{ "a wrong total_vm", "total_vm is", total_vm },
	{ "a wrong map_count", "map_count is", map_count },
	{ "a wrong Committed_AS", "Committed_AS is", committed },
	{ "a wrong gap", "free bytes below it", gap },
	{ "a wrong count of a family", "VMAs are its members", family_count },
	{ "a wrong i_mmap_writable", "i_mmap_writable is", mmap_writable },
	{ "a wrong count of free slots", "free slots, its areas have", free_slots },
	{ "a wrong count of free frames", "free frames, its lists have", zone_free },
	{ "VMAs that overlap", "overlap or are out of order", overlap },
	{ "a swap slot counted twice", "entries name it", slot_count },
	{ "a dirty page without a tag", "is dirty but tagged clean", dirty_tag },
	{ "a VMA that its family does not have", "is missing in its anon_vma", family_tree },
	{ "a lost frame", "has refcount 1, entries and caches hold it 0 times", lost_frame },
	{ "a lost page table", "hangs in no map", lost_table },
	{ "a page table left behind", "serves no VMA", stray_table },
};

/*
 * What earlier calls left on the dead part of the stack, such as a pointer to the frame that a spoil
 * gets next, would show in the holes of the frames that come there now. Without the sanitizer, which
 * would put holes of its own around the array.
 */
static noinline __no_sanitize_address void scrub_stack(void)
{
	char words[2048];

	memset(words, 0, sizeof(words));
	__asm__ volatile("" : : "r"(words) : "memory");
}

struct order {
	unsigned int n;
	char *what;
	size_t size;
};

/* Nobody else runs. */
static noinline int spoil_and_look(void *arg)
{
	const struct order *order = arg;
	const struct spoil *spoil = &spoils[order->n];
	char said[AUDIT_SENTENCE] = "";
	const char *verdict = "";
	int err = 0;

	look_around(current->mm);
	if (!spoil->apply(1)) {
		err = -ENODATA;
		verdict = " # SKIP there is none in this map";
	} else {
		scrub_stack();
		audit_now(said, sizeof(said));
		spoil->apply(-1);
		err = strstr(said, spoil->says) ? 0 : -EUCLEAN;
	}
	scnprintf(order->what, order->size, "%s%s%s%s", spoil->name, *said ? ": " : "", said,
		  verdict);
	return err;
}

int mm_audit_spoil(unsigned int n, char *what, size_t size)
{
	if (n >= ARRAY_SIZE(spoils))
		return -ENOENT;
	scrub_stack();
	return audit_alone(spoil_and_look, &(struct order){ n, what, size });
}
#endif
