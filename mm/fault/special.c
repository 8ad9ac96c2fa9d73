/* SPDX-License-Identifier: MIT */
/* Mappings of the kernel's own frames: see special.h. */
#include "mm/fault/special.h"

#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/install.h"
#include "mm/space/vma.h"
#include "mm/stats.h"

int install_special_mapping(struct mm_struct *mm, unsigned long addr, unsigned long len,
			    unsigned long vm_flags, const struct special_mapping *special)
{
	struct vm_area_struct *vma = vm_area_alloc(mm), *prev;

	if (!vma)
		return -ENOMEM;
	vma->vm_start = addr;
	vma->vm_end = addr + len;
	vma->vm_flags = vm_flags | VM_DONTEXPAND | mm->def_flags;
	vma->vm_ops = &special->ops;
	vma->vm_page_prot = vma_page_prot(vma);
	if (!may_expand_vm(mm, vm_flags, len >> PAGE_SHIFT)) {
		vm_area_free(vma);
		return -ENOMEM;
	}
	find_vma_prev(mm, addr, &prev);
	vma_link(mm, vma, prev);
	vm_stat_account(mm, vma->vm_flags, (long)(len >> PAGE_SHIFT));
	return 0;
}

vm_fault_t special_mapping_fault(struct vm_fault *vmf)
{
	const struct special_mapping *special = special_mapping_of(vmf->vma);
	unsigned long index = vmf_pgoff(vmf);

	if (index >= special->nr)
		return VM_FAULT_SIGBUS;
	count_vm_event(VM_fault_read);
	install_pte(
		vmf, NULL,
		pte_mkspecial(pte_mkyoung(pfn_pte(special->pfn + index, vmf->vma->vm_page_prot))),
		MAP_SPECIAL);
	return VM_FAULT_NOPAGE;
}
