/* SPDX-License-Identifier: MIT */
/* The vDSO in a new program: [vvar], and right behind it [vdso]. */
#include "kernel/core/sched.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "lib/util.h"
#include "mm/fault/special.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/vma.h"
#include <asm/vdso.h>

#define VVAR_SIZE (VVAR_PAGES * PAGE_SIZE)
#define VDSO_SIZE (VDSO_PAGES * PAGE_SIZE)

static struct special_mapping vvar = {
	.ops = { .name = "[vvar]", .whole = true, .fault = special_mapping_fault },
	.nr = 1,
};
static struct special_mapping vdso = {
	.ops = { .name = "[vdso]", .whole = true, .fault = special_mapping_fault },
	.nr = VDSO_PAGES,
};

void vdso_init(void)
{
	vvar.pfn = PFN_DOWN(__pa_symbol(&vdso_page));
	vdso.pfn = PFN_DOWN(__pa_symbol(vdso_image));
}

int exec_map_vdso(struct exec *exec)
{
	struct mm_struct *mm = current->mm;
	unsigned long addr;
	int ret;

	if (!arch_clock_in_user())
		return 0;
	mmap_write_lock(mm);
	addr = layout_vdso(&exec->shift, exec->p, VVAR_SIZE + VDSO_SIZE);
	addr = get_unmapped_area(mm, addr, VVAR_SIZE + VDSO_SIZE, 0);
	ret = IS_ERR_VALUE(addr) ? (int)addr : 0;
	if (!ret)
		ret = install_special_mapping(
			mm, addr, VVAR_SIZE,
			VM_READ | VM_MAYREAD | VM_IO | VM_DONTDUMP | VM_PFNMAP, &vvar);
	if (!ret)
		ret = install_special_mapping(
			mm, addr + VVAR_SIZE, VDSO_SIZE,
			VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, &vdso);
	mmap_write_unlock(mm);
	exec->vdso = addr + VVAR_SIZE;
	return ret;
}
