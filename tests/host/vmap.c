/* SPDX-License-Identifier: MIT */
/*
 * The vmalloc area, which the kernel's code touches directly. tests/host/rules.mk gives the
 * functions of mm/frame/vmalloc.c other names (real_vmalloc and so on), so that callers come by
 * here: what the kernel's page tables say about the new area is done to the host's address space,
 * frame by frame. A flush takes it away again, so a page used after vfree() crashes here as it
 * would there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/util.h"
#include "mm/frame/vmalloc.h"
#include "tests/host/internal.h"
#include <asm/pgtable.h>

/* Below each top-level entry of the area: no page from here on was ever filled in. */
static unsigned long filled_end[] = { VMALLOC_START, VMALLOC_START + PGDIR_SIZE };

static bool in_area(unsigned long addr)
{
	return addr >= VMALLOC_START && addr <= VMALLOC_END;
}

static unsigned long entry_of(unsigned long addr)
{
	return (addr - VMALLOC_START) >> PGDIR_SHIFT;
}

static pte_t kernel_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);
	pud_t *pud = pgd_none(*pgd) ? NULL : pud_offset(pgd, addr);
	pmd_t *pmd = !pud || pud_none(*pud) ? NULL : pmd_offset(pud, addr);

	return !pmd || pmd_none(*pmd) ? __pte(0) : *pte_offset(pmd, addr);
}

/* The area that begins at @start ends where its guard page is. */
static void *fill(void *start)
{
	unsigned long page = (unsigned long)start & PAGE_MASK;

	if (!in_area(page))
		return start;
	for (pte_t pte; pte_present(pte = kernel_pte(page)); page += PAGE_SIZE) {
		int prot = PROT_READ | (pte_write(pte) ? PROT_WRITE : 0);

		if (pte_pfn(pte) >= max_pfn)
			continue; /* a device's */
		if (mmap((void *)page, PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, host_ram_fd,
			 (off_t)PFN_PHYS(pte_pfn(pte))) == MAP_FAILED) {
			perror("mmap");
			abort();
		}
	}
	if (filled_end[entry_of((unsigned long)start)] < page)
		filled_end[entry_of((unsigned long)start)] = page;
	return start;
}

bool host_vmap_forget(unsigned long addr)
{
	if (!in_area(addr))
		return false;
	munmap((void *)(addr & PAGE_MASK), PAGE_SIZE);
	return true;
}

void host_vmap_forget_all(void)
{
	for (unsigned long i = 0; i < ARRAY_SIZE(filled_end); i++) {
		unsigned long page = VMALLOC_START + i * PGDIR_SIZE;

		munmap((void *)page, filled_end[i] - page);
		/* What is still mapped comes back at the next touch, for the CPU; here at once. */
		for (; page < filled_end[i]; page += PAGE_SIZE)
			if (pte_present(kernel_pte(page)))
				fill((void *)page);
	}
}

#define FILLED(name)                            \
	void *real_##name(size_t size);         \
	void *name(size_t size)                 \
	{                                       \
		return fill(real_##name(size)); \
	}
FILLED(vmalloc)
FILLED(vzalloc)
FILLED(kvzalloc)

void *real_alloc_kernel_stack(void);
void *alloc_kernel_stack(void)
{
	return fill(real_alloc_kernel_stack());
}
