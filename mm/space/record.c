/* SPDX-License-Identifier: MIT */
/* Address spaces for the recorder: see record.h. */
#include "mm/space/record.h"

#include "kernel/core/vfs.h"

void __record_vma(const struct vm_area_struct *vma, unsigned long was)
{
	struct file_id id = vma->vm_file ? vma->vm_file->f_id : (struct file_id){ 0, 0 };

	trace_vma_set(vma->vm_mm->number, was, vma->vm_start, vma->vm_end, vma->vm_flags,
		      vma->vm_pgoff, id.dev, id.ino);
}

/* What is none at either end was so before, unless pages were taken away. */
static bool may_trim(enum trace_why why)
{
	return why != TRACE_WHY_TRUNCATE;
}

void __record_ptes(const struct mm_struct *mm, enum trace_why why, unsigned long start,
		   unsigned long end, const pte_t *pte)
{
	const u64 *entries = (const u64 *)pte;
	u32 n = (u32)((end - start) >> PAGE_SHIFT);

	BUILD_BUG_ON(sizeof(pte_t) != sizeof(u64));
	while (may_trim(why) && n && !entries[n - 1])
		n--;
	for (; may_trim(why) && n && !*entries; n--, entries++)
		start += PAGE_SIZE;
	if (n)
		__trace_ptes_set(mm->number, start, why, entries, n);
}
