/* SPDX-License-Identifier: MIT */
/*
 * First touch of anonymous memory. A read is answered by one shared frame of zeroes, mapped
 * read-only and counted by nobody; a write by a zeroed frame of its own. A write after a read comes
 * back through do_wp_page(), which replaces the zero page.
 */
#include "mm/fault/install.h"
#include "mm/frame/buddy.h"
#include "mm/space/rmap.h"
#include "mm/stats.h"

vm_fault_t do_anonymous_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	vm_fault_t refused;
	struct page *page;
	pte_t entry;

	fault_sent_to(vmf, TRACE_DOOR_DO_ANONYMOUS_PAGE);
	if (!(vmf->flags & FAULT_FLAG_WRITE)) {
		count_vm_event(VM_fault_anon_zero);
		entry = pte_mkspecial(pte_mkyoung(pfn_pte(zero_pfn, vma->vm_page_prot)));
		install_pte(vmf, NULL, entry, MAP_SPECIAL);
		return 0;
	}

	refused = vmf_anon_prepare(vmf);
	if (unlikely(refused))
		return refused;
	page = alloc_page(GFP_USER);
	if (unlikely(!page))
		return VM_FAULT_OOM;
	clear_page(page_address(page));
	page->flags |= (1UL << PG_uptodate) | (1UL << PG_swapbacked);

	count_vm_event(VM_fault_anon_write);
	entry = pte_mkdirty(pte_mkyoung(pfn_pte(page_to_pfn(page), vma->vm_page_prot)));
	if (unlikely(!install_pte(vmf, page, maybe_mkwrite(entry, vma), MAP_ANON_NEW)))
		put_page(page);
	return 0;
}
