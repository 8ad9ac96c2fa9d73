/* SPDX-License-Identifier: MIT */
/*
 * The fault path, from "this VMA allows this access" to "the entry is stored".
 *
 *   entry seen                 VMA          access        door
 *   -------------------------  -----------  ------------  ---------------------------------------
 *   none                       anonymous    read          do_anonymous_page: the zero page
 *   none                       anonymous    write         do_anonymous_page: a fresh zeroed frame
 *   none                       file         read          do_fault -> do_read_fault, with neighbours
 *   none                       private file write         do_fault -> do_cow_fault: copy at once
 *   none                       shared file  write         do_fault -> do_shared_fault: page_mkwrite
 *   swap entry                 private      any           do_swap_page
 *   present, read-only         private      write         do_wp_page: reuse if sole owner, else copy
 *   present, read-only         shared file  write         do_wp_page: page_mkwrite
 *   present, allows the access any          any           nothing: spurious (another CPU was first)
 *
 * Locks, outermost first: mmap_lock (held for reading by the caller), page lock, page_table_lock.
 * Doors run without page_table_lock, since they allocate and wait for disks; only install_pte()
 * and do_wp_page() hold it, around "is the entry still what we saw?" and the store. That question
 * is what makes two threads faulting on one page come out with one frame.
 */
#include "mm/fault/fault.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/note.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

struct page *zero_page;
unsigned long zero_pfn;

const char *const fault_door_names[NR_FAULT_DOORS] = {
#define X(id, text) [DOOR_##id] = text,
	FAULT_DOORS(X)
#undef X
};

void fault_init(void)
{
	zero_page = alloc_page(__GFP_ZERO);
	if (!zero_page)
		boot_fail("no memory for the shared zero page: give the machine more RAM (MEM=)");
	SetPageReserved(zero_page);
	zero_pfn = page_to_pfn(zero_page);
}

bool install_pte(struct vm_fault *vmf, struct page *page, pte_t entry, enum fault_kind kind)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;

	vmf->pte = pte_offset_map_lock(mm, vmf->pmd, vmf->address, &vmf->ptl);
	if (unlikely(!pte_same(ptep_get(vmf->pte), vmf->orig_pte))) {
		pte_unmap_unlock(vmf->pte, vmf->ptl);
		vmf->door = DOOR_RACE;
		return false;
	}
	if (kind == MAP_ANON_NEW) {
		mm->rss[MM_ANONPAGES]++;
		page_add_new_anon_rmap(page, vma, vmf->address);
		lru_cache_add(page);
	} else if (kind == MAP_FILE) {
		mm->rss[PageSwapBacked(page) ? MM_SHMEMPAGES : MM_FILEPAGES]++;
		page_add_file_rmap(page);
	}
	set_pte(vmf->pte, entry);
	if (unlikely(vma->vm_flags & VM_LOCKED) && page)
		mlock_page(page);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return true;
}

bool fault_lock_page(struct vm_fault *vmf, struct page *page)
{
	if (likely(trylock_page(page)))
		return true;
	if ((vmf->flags & (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)) != FAULT_FLAG_ALLOW_RETRY) {
		lock_page(page);
		return true;
	}
	up_read(&vmf->vma->vm_mm->mmap_lock);
	wait_on_page_locked(page);
	put_page(page);
	return false;
}

/*
 * The entry is present. A write to a read-only one is do_wp_page()'s; anything else means that the
 * entry came to allow the access after the CPU looked: mark it used, drop the stale translation.
 */
static vm_fault_t handle_present_pte(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	pte_t entry = vmf->orig_pte;

	vmf->pte = pte_offset_map_lock(mm, vmf->pmd, vmf->address, &vmf->ptl);
	if (unlikely(!pte_same(ptep_get(vmf->pte), entry))) {
		vmf->door = DOOR_RACE;
		goto unlock;
	}
	if (vmf->flags & FAULT_FLAG_WRITE) {
		if (likely(!pte_write(entry)))
			return do_wp_page(vmf);
		entry = pte_mkdirty(entry);
	}
	vmf->door = DOOR_SPURIOUS;
	count_vm_event(VM_fault_spurious);
	set_pte(vmf->pte, pte_mkyoung(entry));
	flush_tlb_page(mm, vmf->address);
unlock:
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return 0;
}

/* Which door: the cases in the order of a page's life. */
static vm_fault_t handle_pte_fault(struct vm_fault *vmf)
{
	if (unlikely(pmd_none(*vmf->pmd))) {
		if (pte_alloc(vmf->vma->vm_mm, vmf->pmd))
			return VM_FAULT_OOM;
	}
	vmf->orig_pte = ptep_get(pte_offset(vmf->pmd, vmf->address));

	if (pte_none(vmf->orig_pte))
		return vma_is_anonymous(vmf->vma) ? do_anonymous_page(vmf) : do_fault(vmf);
	if (!pte_present(vmf->orig_pte))
		return do_swap_page(vmf);
	return handle_present_pte(vmf);
}

/* Once per fault, whatever the number of tries: the last try says minor or major. */
static void account_fault(const struct vm_fault *vmf, vm_fault_t verdict)
{
	count_vm_event(VM_pgfault);
	if (unlikely(verdict & VM_FAULT_ERROR))
		return;
	if (unlikely((verdict & VM_FAULT_MAJOR) || (vmf->flags & FAULT_FLAG_TRIED))) {
		count_vm_event(VM_pgmajfault);
		current->maj_flt++;
	} else {
		current->min_flt++;
	}
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address, unsigned int flags)
{
	struct mm_struct *mm = vma->vm_mm;
	struct vm_fault vmf = {
		.vma = vma,
		.address = address & PAGE_MASK,
		.real_address = address,
		.pgoff = linear_page_index(vma, address),
		.flags = flags,
	};
	vm_fault_t verdict = VM_FAULT_OOM;
	pgd_t *pgd = pgd_offset(mm, address);
	pud_t *pud;

	if (likely(!pgd_none(*pgd)))
		pud = pud_offset(pgd, address);
	else
		pud = pud_alloc(mm, pgd, address);
	if (likely(pud && !pud_none(*pud)))
		vmf.pmd = pmd_offset(pud, address);
	else if (pud)
		vmf.pmd = pmd_alloc(mm, pud, address);
	if (likely(vmf.pmd))
		verdict = handle_pte_fault(&vmf);
	if (unlikely(current->fault_note))
		fault_note_fill(current->fault_note, &vmf, verdict);
	if (likely(!(verdict & VM_FAULT_RETRY)))
		account_fault(&vmf, verdict);
	return verdict;
}

/* The page behind a present entry that allows the access; NULL when it must be faulted in first. */
static struct page *follow_page(struct vm_area_struct *vma, unsigned long address, bool write)
{
	struct page *page = NULL;
	spinlock_t *ptl;
	pte_t *pte = get_locked_pte(vma->vm_mm, address, &ptl);

	if (!pte)
		return NULL;
	if (pte_present(*pte) && !pte_protnone(*pte) && (!write || pte_write(*pte))) {
		page = pfn_to_page(pte_pfn(*pte));
		get_page(page);
	}
	pte_unmap_unlock(pte, ptl);
	return page;
}

struct page *get_user_page(struct mm_struct *mm, unsigned long address, bool write)
{
	unsigned int flags = FAULT_FLAG_REMOTE | (write ? FAULT_FLAG_WRITE : 0);
	unsigned long right = write ? VM_WRITE : VM_READ;
	struct page *page = ERR_PTR(-EFAULT);

	down_read(&mm->mmap_lock);
	for (;;) {
		struct vm_area_struct *vma = vma_lookup(mm, address);
		vm_fault_t verdict;

		if (!vma || !(vma->vm_flags & right))
			break;
		page = follow_page(vma, address, write);
		if (page)
			break;
		verdict = handle_mm_fault(vma, address, flags);
		if (verdict & VM_FAULT_ERROR) {
			page = ERR_PTR(verdict & VM_FAULT_OOM ? -ENOMEM : -EFAULT);
			break;
		}
	}
	up_read(&mm->mmap_lock);
	return page;
}
