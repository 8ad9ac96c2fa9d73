/* SPDX-License-Identifier: MIT */
/*
 * Page tables: each hangs in one place and serves some VMA; each entry lies in a VMA, allows what that
 * allows, and maps the page that the VMA's object has at that place.
 */
#include "kernel/core/vfs.h"
#include "lib/string.h"
#include "mm/audit/internal.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap_internal.h"
#include "mm/fault/fault.h"
#include "mm/fault/special.h"
#include "mm/space/rmap.h"

#define RIGHTS (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_USER | _PAGE_NX)
#define KNOWN_BITS (RIGHTS | _PAGE_CHG_MASK | _PAGE_RW)

/* One walk over the user half of a map, by rising address. */
struct walk {
	struct audit *a;
	struct mm_struct *mm;
	struct vm_area_struct *vma; /* the first that ends above the walk; NULL: none */
	bool alive;                 /* has VMAs that can be trusted */
	bool strict;                /* and nobody is changing them */
	unsigned long tables;
	long rss[NR_MM_COUNTERS];
};

static bool fail_at(struct walk *w, unsigned long addr, pte_t pte, const char *what)
{
	return audit_fail(w->a, "%s: the entry %#llx at %#lx (VMA flags %#lx) %s",
			  audit_owner(w->mm), (unsigned long long)pte.pte, addr,
			  w->vma ? w->vma->vm_flags : 0UL, what);
}

/* A frame that hangs in a table of the level above. */
static bool take_table(struct audit *a, unsigned long pfn, bool user, const char *owner,
		       unsigned long addr)
{
	struct page *page = pfn_to_page(pfn);

	if (!audit_is_ram(pfn))
		return audit_fail(a, "%s: the page table for %#lx is frame %#lx, which is no RAM",
				  owner, addr, pfn);
	if (*mark_of(a, page) & (MARK_TABLE | MARK_FREE))
		return audit_fail(
			a, "%s: the page table for %#lx, frame %#lx, is %s", owner, addr, pfn,
			*mark_of(a, page) & MARK_FREE ? "free" : "one in another place, too");
	if (user && !PageTable(page))
		return audit_fail(a, "%s: the page table for %#lx, frame %#lx, has flags %#lx",
				  owner, addr, pfn, page->flags);
	*mark_of(a, page) |= MARK_TABLE;
	return true;
}

/* --- one entry --- */
/* Does writeback know of every store to the page? Not for memory-only files. */
static bool counts_dirty(const struct address_space *mapping)
{
	return mapping->a_ops->write_page && !mapping->shmem;
}

static bool check_file_page(struct walk *w, unsigned long addr, pte_t pte, const struct page *page)
{
	const struct vm_area_struct *vma = w->vma;
	const struct address_space *mapping = page_mapping(page);

	if (!mapping || mapping != vma_mapping(vma) || page->index != linear_page_index(vma, addr))
		return fail_at(w, addr, pte, "maps a page that is not the file's at that place");
	if (!(vma->vm_flags & VM_SHARED)) {
		if (pte_write(pte) || pte_dirty(pte))
			return fail_at(w, addr, pte,
				       "of a private mapping makes the file's own page writable");
		return true;
	}
	if ((pte_write(pte) || pte_dirty(pte)) && counts_dirty(mapping) && !PageDirty(page))
		return fail_at(w, addr, pte, "is writable or dirty, but its page is marked clean");
	return true;
}

static bool check_anon_page(struct walk *w, unsigned long addr, pte_t pte, const struct page *page)
{
	const struct vm_area_struct *vma = w->vma;
	unsigned long family = (unsigned long)page->mapping & ~PAGE_MAPPING_ANON;

	if (family != (unsigned long)vma->anon_vma || page->index != linear_page_index(vma, addr))
		return fail_at(w, addr, pte,
			       "maps an anonymous page of another family or another place");
	if (pte_owned(pte) && page_mapcount(page) != 1)
		return fail_at(w, addr, pte,
			       "is writable or owned, but its page is mapped more than once");
	return true;
}

static bool check_rights(struct walk *w, unsigned long addr, pte_t pte)
{
	const struct vm_area_struct *vma = w->vma;

	if (((pte.pte ^ vma->vm_page_prot.prot) & RIGHTS) || (pte.pte & ~KNOWN_BITS))
		return fail_at(w, addr, pte, "has other rights than its VMA");
	if (pte_write(pte) && !(vma->vm_flags & VM_WRITE))
		return fail_at(w, addr, pte, "is writable in a read-only VMA");
	return true;
}

/*
 * The zero page is, and what a mapping of the kernel's own frames has at that place. A map that
 * nobody runs any more has lost its VMAs, or may: which mapping it was cannot be told.
 */
static bool is_special(const struct walk *w, unsigned long addr, unsigned long pfn)
{
	const struct special_mapping *special = w->vma ? special_mapping_of(w->vma) : NULL;
	unsigned long index = special ? linear_page_index(w->vma, addr) : 0;

	if (!w->alive)
		return true;
	return special ? index < special->nr && pfn == special->pfn + index : is_zero_pfn(pfn);
}

static bool look_at_present(struct walk *w, unsigned long addr, pte_t pte)
{
	unsigned long pfn = pte_pfn(pte);
	struct page *page = pfn_to_page(pfn);

	if (w->strict && !check_rights(w, addr, pte))
		return false;
	if (pte_special(pte)) {
		if (!is_special(w, addr, pfn) || pte_write(pte))
			return fail_at(w, addr, pte,
				       "is special: only the zero page is, read-only");
		return true;
	}
	if (is_zero_pfn(pfn))
		return fail_at(w, addr, pte, "maps the zero page as if it were counted");
	if (!audit_is_ram(pfn))
		return fail_at(w, addr, pte, "maps a frame that is no RAM");
	++*mark_of(w->a, page);
	w->rss[PageAnon(page)       ? MM_ANONPAGES :
	       PageSwapBacked(page) ? MM_SHMEMPAGES :
				      MM_FILEPAGES]++;
	if (!w->strict)
		return true;
	return PageAnon(page) ? check_anon_page(w, addr, pte, page) :
				check_file_page(w, addr, pte, page);
}

static bool look_at_swap(struct walk *w, unsigned long addr, pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);
	unsigned long slot = swp_offset(entry);
	const struct swap_area *area = swap_area_of(entry);

	if (swp_entry(swp_type(entry), slot).val != entry.val || !slot || slot >= area->max)
		return fail_at(w, addr, pte, "names no swap slot that there is");
	w->rss[MM_SWAPENTS]++;
	w->a->slots[w->a->first_slot[swp_type(entry)] + slot]++;
	if (w->strict && (!w->vma->anon_vma || (w->vma->vm_flags & VM_SHARED)))
		return fail_at(w, addr, pte, "names a swap slot in a VMA without private pages");
	return true;
}

/* The first VMA that ends above @addr. */
static void catch_up(struct walk *w, unsigned long addr)
{
	while (w->vma && w->vma->vm_end <= addr)
		w->vma = vma_next(w->vma);
}

static bool walk_ptes(struct walk *w, const pte_t *pte, unsigned long addr)
{
	for (unsigned long i = 0; i < PTRS_PER_TABLE; i++, addr += PAGE_SIZE) {
		pte_t entry = pte[i];

		if (pte_none(entry))
			continue;
		catch_up(w, addr);
		if (w->alive && (!w->vma || addr < w->vma->vm_start))
			return fail_at(w, addr, entry, "lies in no VMA");
		if (!(pte_present(entry) ? look_at_present : look_at_swap)(w, addr, entry))
			return false;
	}
	return true;
}

/* --- the tables above --- */
/* The table under @entry, of @size bytes of addresses from @addr on. */
static bool enter_table(struct walk *w, u64 entry, unsigned long addr, unsigned long size)
{
	if ((entry & ~(PTE_PFN_MASK | _PAGE_DIRTY)) != _PAGE_TABLE)
		return audit_fail(w->a, "%s: the upper entry %#llx for %#lx has wrong bits",
				  audit_owner(w->mm), (unsigned long long)entry, addr);
	if (!take_table(w->a, (entry & PTE_PFN_MASK) >> PAGE_SHIFT, true, audit_owner(w->mm), addr))
		return false;
	w->tables++;
	catch_up(w, addr);
	if (w->strict && (!w->vma || w->vma->vm_start >= addr + size))
		return audit_fail(w->a, "%s: the page table for %#lx-%#lx serves no VMA",
				  audit_owner(w->mm), addr, addr + size);
	return true;
}

/* Nobody is in the middle of changing entries: all other CPUs stand where they may sleep. */
static bool check_unlocked(struct walk *w, const pmd_t *pmd, unsigned long addr)
{
	if (spin_is_locked(pte_lockptr(w->mm, pmd)))
		return audit_fail(w->a, "%s: the lock of the page table for %#lx is held",
				  audit_owner(w->mm), addr);
	return true;
}

static bool walk_pmds(struct walk *w, const pmd_t *pmd, unsigned long addr)
{
	for (unsigned long i = 0; i < PTRS_PER_TABLE; i++, addr += PMD_SIZE)
		if (!pmd_none(pmd[i]) && (!enter_table(w, pmd[i].pmd, addr, PMD_SIZE) ||
					  !check_unlocked(w, &pmd[i], addr) ||
					  !walk_ptes(w, pte_offset(&pmd[i], 0), addr)))
			return false;
	return true;
}

static bool walk_puds(struct walk *w, const pud_t *pud, unsigned long addr)
{
	for (unsigned long i = 0; i < PTRS_PER_TABLE; i++, addr += PUD_SIZE)
		if (!pud_none(pud[i]) && (!enter_table(w, pud[i].pud, addr, PUD_SIZE) ||
					  !walk_pmds(w, pmd_offset(&pud[i], 0), addr)))
			return false;
	return true;
}

static bool check_rss(struct walk *w)
{
	static const char *const names[NR_MM_COUNTERS] = { "file pages", "anonymous pages",
							   "swap entries", "shared memory pages" };
	const struct mm_struct *mm = w->mm;

	/* fork adds to a map that nobody knows yet when it has copied a whole VMA. */
	if (atomic_read(&mm->mm_users) && list_empty(&mm->mmlist))
		return true;
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		if (mm_counter_sum(mm, i) != w->rss[i])
			return audit_fail(w->a, "%s counts %ld %s, its entries are %ld",
					  audit_owner(mm), mm_counter_sum(mm, i), names[i],
					  w->rss[i]);
	return true;
}

/* The kernel's half is init_pgd's, but for entries of the vmalloc area that were not needed yet. */
static bool check_kernel_half(struct audit *a, const struct mm_struct *mm)
{
	for (unsigned long i = USER_PGD_PTRS; i < PTRS_PER_TABLE; i++) {
		bool lazy = i > pgd_index(VMALLOC_START) && i <= pgd_index(VMALLOC_END);

		if (mm->pgd[i].pgd != init_pgd[i].pgd && !(lazy && pgd_none(mm->pgd[i])))
			return audit_fail(
				a, "%s: entry %lu of its top-level table is not the kernel's",
				audit_owner(mm), i);
	}
	return true;
}

bool audit_tables(struct audit *a, struct mm_struct *mm)
{
	struct walk w = { .a = a, .mm = mm, .alive = atomic_read(&mm->mm_users) != 0 };
	unsigned long pfn = page_to_pfn(virt_to_page(mm->pgd)), addr = 0;

	w.strict = w.alive && !audit_is_changing(mm);
	w.vma = w.alive ? vma_first(mm) : NULL;
	if (!take_table(a, pfn, false, audit_owner(mm), 0))
		return false;
	if (!check_kernel_half(a, mm))
		return false;
	for (unsigned long i = 0; i < USER_PGD_PTRS; i++, addr += PGDIR_SIZE)
		if (!pgd_none(mm->pgd[i]) && (!enter_table(&w, mm->pgd[i].pgd, addr, PGDIR_SIZE) ||
					      !walk_puds(&w, pud_offset(&mm->pgd[i], 0), addr)))
			return false;
	a->tables += w.tables;
	if (mm->pgtables != w.tables)
		return audit_fail(a, "%s counts %lu page tables, the walk finds %lu",
				  audit_owner(mm), mm->pgtables, w.tables);
	return check_rss(&w);
}

/* --- the vmalloc area --- */
static bool take_vmalloc(struct audit *a, unsigned long pfn, unsigned long addr)
{
	struct page *page;

	if (!audit_is_ram(pfn)) /* device memory */
		return true;
	page = pfn_to_page(pfn);
	if (!page->zone_id)
		return true;
	if (!PageVmalloc(page) || (*mark_of(a, page) & (MARK_VMAP | MARK_FREE)))
		return audit_fail(
			a,
			"vmalloc: %#lx maps frame %#lx, which is free, mapped twice or has flags %#lx",
			addr, pfn, page->flags);
	*mark_of(a, page) |= MARK_VMAP;
	return true;
}

static bool vmalloc_ptes(struct audit *a, const pmd_t *pmd, unsigned long addr)
{
	const pte_t *pte = pte_offset(pmd, 0);

	if (!take_table(a, pmd_pfn(*pmd), false, "vmalloc", addr))
		return false;
	for (unsigned long i = 0; i < PTRS_PER_TABLE; i++, addr += PAGE_SIZE)
		if (!pte_none(pte[i]) && !take_vmalloc(a, pte_pfn(pte[i]), addr))
			return false;
	return true;
}

static bool vmalloc_puds(struct audit *a, const pgd_t *pgd, unsigned long addr)
{
	const pud_t *pud = pud_offset(pgd, 0);

	if (!take_table(a, pgd_pfn(*pgd), false, "vmalloc", addr))
		return false;
	for (unsigned long i = 0; i < PTRS_PER_TABLE; i++, addr += PUD_SIZE) {
		const pmd_t *pmd = pmd_offset(&pud[i], 0);

		if (pud_none(pud[i]))
			continue;
		if (!take_table(a, pud_pfn(pud[i]), false, "vmalloc", addr))
			return false;
		for (unsigned long j = 0; j < PTRS_PER_TABLE; j++)
			if (!pmd_none(pmd[j]) && !vmalloc_ptes(a, &pmd[j], addr + j * PMD_SIZE))
				return false;
	}
	return true;
}

bool audit_vmalloc(struct audit *a)
{
	for (unsigned long addr = VMALLOC_START; addr < VMALLOC_END; addr += PGDIR_SIZE) {
		const pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);

		if (!pgd_none(*pgd) && !vmalloc_puds(a, pgd, addr))
			return false;
	}
	return true;
}
