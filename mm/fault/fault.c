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
 * Locks, outermost first: the VMA's or mmap_lock (held for reading by the caller), page lock, the
 * lock of the last-level table ("ptl"). Doors run without ptl, since they allocate and wait for
 * disks; only install_pte() and do_wp_page() hold it, around "is the entry still what we saw?" and
 * the store. That question is what makes two threads faulting on one page come out with one frame.
 */
#include "mm/fault/fault.h"

#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/fault/install.h"
#include "mm/fault/note_write.h"
#include "mm/frame/buddy.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"
#include <asm/tlbflush.h>

struct page *zero_page;
unsigned long zero_pfn;

void fault_init(void)
{
	zero_page = alloc_page(__GFP_ZERO);
	if (!zero_page)
		boot_fail("no memory for the shared zero page: give the machine more RAM (MEM=)");
	SetPageReserved(zero_page);
	zero_pfn = page_to_pfn(zero_page);
}

void release_fault_lock(const struct vm_fault *vmf)
{
	fault_door(TRACE_DOOR_WAIT);
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		vma_end_read(vmf->vma);
	else
		mmap_read_unlock(vmf->vma->vm_mm);
}

bool __fault_lock_page(struct vm_fault *vmf, struct page *page)
{
	if (!fault_may_wait_unlocked(vmf)) {
		lock_page(page);
		return true;
	}
	release_fault_lock(vmf);
	wait_on_page_locked_killable(page);
	put_page(page);
	return false;
}

vm_fault_t __vmf_anon_prepare(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	bool extra = vmf->flags & FAULT_FLAG_VMA_LOCK;
	int err;

	fault_door(TRACE_DOOR_ANON_PREPARE);
	/* A writer that waits for this VMA has mmap_lock: do not wait for it here. */
	if (extra && !mmap_read_trylock(mm)) {
		release_fault_lock(vmf);
		return VM_FAULT_RETRY;
	}
	err = __anon_vma_prepare(vma);
	if (extra)
		mmap_read_unlock(mm);
	return err ? VM_FAULT_OOM : 0;
}

/*
 * The entry is present. A write to a read-only one is do_wp_page()'s; anything else means that the
 * entry came to allow the access after the CPU looked: mark it used, drop the stale translation.
 */
static vm_fault_t handle_present_pte(struct vm_fault *vmf)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;

	fault_sent_to(vmf, TRACE_DOOR_PRESENT_PTE);
	if (unlikely(!lock_same_pte(vmf)))
		return 0;
	if (write && likely(!pte_write(vmf->orig_pte)))
		return do_wp_page(vmf);
	count_vm_event(VM_fault_spurious);
	ptep_set_access_flags(vmf->pte, write);
	fault_stored(ptep_get(vmf->pte));
	flush_tlb_fix_spurious_fault(vmf->address);
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return 0;
}

/* Which door: the cases in the order of a page's life. */
static vm_fault_t handle_pte_fault(struct vm_fault *vmf)
{
	if (pte_none(vmf->orig_pte))
		return vma_is_anonymous(vmf->vma) ? do_anonymous_page(vmf) : do_fault(vmf);
	if (!pte_present(vmf->orig_pte))
		return do_swap_page(vmf);
	return handle_present_pte(vmf);
}

/* For the recorder: which tables were missing, and what leads to them now. */
static noinline pmd_t *make_noted_tables(struct mm_struct *mm, unsigned long address)
{
	struct fault_note *note = current->fault_note;
	struct trace_fault *record = &note->record;
	pgd_t *pgd = pgd_offset(mm, address);
	bool no_pud = pgd_none(*pgd), no_pmd = no_pud || pud_none(*pud_offset(pgd, address));
	pmd_t *pmd;

	__fault_door(note, TRACE_DOOR_HANDLE_MM_FAULT);
	__fault_door(note, TRACE_DOOR_ALLOC_TABLES);
	record->nr_doors = true;
	pmd = alloc_tables(mm, address);
	if (!pmd)
		return NULL;
	record->after[2] = pmd->pmd;
	if (no_pmd)
		record->after[1] = pud_offset(pgd, address)->pud;
	if (no_pud)
		record->after[0] = pgd->pgd;
	return pmd;
}

static noinline pmd_t *make_tables(struct mm_struct *mm, unsigned long address)
{
	return tracing() ? make_noted_tables(mm, address) : alloc_tables(mm, address);
}

/*
 * The entry above the last-level table for @address, with the tables that are missing made on the
 * way. NULL: out of memory. The fault lock keeps tables where they are: munmap frees a table only
 * when no VMA reaches into its range, and the VMAs that did it has locked for writing before.
 */
static __always_inline pmd_t *walk_to_pmd(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	pud_t *pud;
	pmd_t *pmd;

	if (unlikely(pgd_none(*pgd)))
		return make_tables(mm, address);
	pud = pud_offset(pgd, address);
	if (unlikely(pud_none(*pud)))
		return make_tables(mm, address);
	pmd = pmd_offset(pud, address);
	return likely(!pmd_none(*pmd)) ? pmd : make_tables(mm, address);
}

/*
 * All that is not a minor fault done at the first try. Counted once per fault, whatever the number
 * of tries: the last one says minor or major.
 */
static noinline vm_fault_t finish_fault(const struct vm_fault *vmf, vm_fault_t verdict)
{
	bool major = (verdict & VM_FAULT_MAJOR) || (vmf->flags & FAULT_FLAG_TRIED);

	fault_tried(vmf, verdict | (major ? VM_FAULT_MAJOR : 0));
	if (verdict & VM_FAULT_RETRY)
		return verdict;
	count_vm_event(VM_pgfault);
	if (verdict & VM_FAULT_ERROR)
		return verdict;
	if (major) {
		count_vm_event(VM_pgmajfault);
		current->maj_flt++;
	} else {
		current->min_flt++;
	}
	return verdict;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address, unsigned int flags)
{
	vma_assert_locked(vma);
	pmd_t *pmd = walk_to_pmd(vma->vm_mm, address);
	pte_t *pte = likely(pmd) ? pte_offset(pmd, address) : NULL;
	struct vm_fault vmf = {
		.vma = vma,
		.address = address & PAGE_MASK,
		.flags = flags,
		.pmd = pmd,
		.pte = pte,
		.orig_pte = likely(pmd) ? ptep_get(pte) : __pte(0),
		.ptl = NULL,
		.page = NULL,
	};
	vm_fault_t verdict = likely(pmd) ? handle_pte_fault(&vmf) : VM_FAULT_OOM;

	if (unlikely((verdict & ~VM_FAULT_DIRTIED) | (flags & FAULT_FLAG_TRIED)))
		return finish_fault(&vmf, verdict);
	fault_tried(&vmf, verdict);
	count_vm_event(VM_pgfault);
	current->min_flt++;
	return verdict;
}
