/* SPDX-License-Identifier: MIT */
/*
 * The vmalloc area, which the kernel's code touches directly. An access to a page that the host does
 * not know yet raises SIGSEGV; the handler asks the kernel's page tables, and maps the frame there:
 * that is a TLB fill, and a flush takes the mapping away again. So a page used after vfree() and its
 * flush crashes here as it would there.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/host/internal.h"
#include <asm/pgtable.h>

static struct sigaction before;
static unsigned long filled_end = VMALLOC_START; /* no page from here on was ever filled in */

static bool in_area(unsigned long addr)
{
	return addr >= VMALLOC_START && addr <= VMALLOC_END;
}

static pte_t kernel_pte(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);
	pud_t *pud = pgd_none(*pgd) ? NULL : pud_offset(pgd, addr);
	pmd_t *pmd = !pud || pud_none(*pud) ? NULL : pmd_offset(pud, addr);

	return !pmd || pmd_none(*pmd) ? __pte(0) : *pte_offset(pmd, addr);
}

static void fill(int sig, siginfo_t *info, void *context)
{
	unsigned long page = (unsigned long)info->si_addr & PAGE_MASK;
	pte_t pte = in_area(page) ? kernel_pte(page) : __pte(0);

	(void)context;
	if (pte_present(pte) &&
	    mmap((void *)page, PAGE_SIZE, PROT_READ | (pte_write(pte) ? PROT_WRITE : 0),
		 MAP_SHARED | MAP_FIXED, host_ram_fd, (off_t)PFN_PHYS(pte_pfn(pte))) != MAP_FAILED) {
		if (filled_end < page + PAGE_SIZE)
			filled_end = page + PAGE_SIZE;
		return;
	}
	/* Not ours: the access faults again, and whoever was there before us reports it. */
	sigaction(sig, &before, NULL);
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
	if (filled_end > VMALLOC_START)
		munmap((void *)VMALLOC_START, filled_end - VMALLOC_START);
}

void host_vmap_init(void)
{
	struct sigaction action = { .sa_sigaction = fill, .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(SIGSEGV, &action, &before)) {
		perror("sigaction");
		abort();
	}
}
