/* SPDX-License-Identifier: MIT */
/*
 * Mappings of frames that are the kernel's own: no file, no page cache, never reclaimed. Their entries
 * are special (mm/frame/page.h), as the zero page's are: counted by nobody.
 */
#ifndef MM_FAULT_SPECIAL_H
#define MM_FAULT_SPECIAL_H

#include "mm/space/mm.h"

struct special_mapping {
	struct vm_operations_struct ops; /* fault: special_mapping_fault; name: for /proc/PID/maps */
	unsigned long pfn, nr; /* frames from the mapping's first page on; behind them is nothing */
};

/*
 * Map @special at the free, page aligned range [addr, addr + len) of @mm, with VM_READ and its like
 * in @vm_flags. mmap_lock held for writing. 0 or -ENOMEM.
 */
int install_special_mapping(struct mm_struct *mm, unsigned long addr, unsigned long len,
			    unsigned long vm_flags, const struct special_mapping *special);

/* SIGBUS behind the frames. Private: a write that the VMA allows makes a copy, as of the zero page. */
vm_fault_t special_mapping_fault(struct vm_fault *vmf);

/* What @vma maps, or NULL: it is none. */
static inline const struct special_mapping *special_mapping_of(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->fault == special_mapping_fault ?
		       container_of(vma->vm_ops, const struct special_mapping, ops) :
		       NULL;
}

#endif
