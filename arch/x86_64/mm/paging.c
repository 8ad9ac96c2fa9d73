/* SPDX-License-Identifier: MIT */
/* Builds the kernel half of the address space. */

#include <asm/paging.h>

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/mm/kernel_tables.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/early.h"
#include "mm/frame/page.h"
#include <asm/cpufeature.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <asm/segment.h>

pgd_t *init_pgd;

extern char _stext[], _etext[], __start_rodata[], __end_rodata[], _sdata[], _end[];

/* Entries of upper levels in the kernel half: rights are cut at the leaves. */
#define KERNEL_TABLE (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED)

/* A zeroed frame, by its direct-map address: valid in the first tables for memory below 4 GiB. */
static void *table_alloc(void)
{
	phys_addr_t phys = early_alloc(PAGE_SIZE, PAGE_SIZE);

	if (!phys)
		boot_fail(
			"out of memory while building page tables; give the machine more memory (MEM=)");
	memset(__va(phys), 0, PAGE_SIZE);
	return __va(phys);
}

static pud_t *pud_ensure(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(init_pgd, addr);

	if (pgd_none(*pgd))
		set_pgd(pgd, __pgd(__pa(table_alloc()) | KERNEL_TABLE));
	return pud_offset(pgd, addr);
}

pmd_t *pmd_ensure(unsigned long addr)
{
	pud_t *pud = pud_ensure(addr);

	if (pud_none(*pud))
		set_pud(pud, __pud(__pa(table_alloc()) | KERNEL_TABLE));
	return pmd_offset(pud, addr);
}

pte_t *pte_ensure(unsigned long addr)
{
	pmd_t *pmd = pmd_ensure(addr);

	if (pmd_none(*pmd))
		set_pmd(pmd, __pmd(__pa(table_alloc()) | KERNEL_TABLE));
	return pte_offset(pmd, addr);
}

/* [start, end) of the image, whole pages. */
static void map_image(const char *start, const char *end, pgprot_t prot)
{
	for (unsigned long addr = (unsigned long)start; addr < (unsigned long)end;
	     addr += PAGE_SIZE)
		set_pte(pte_ensure(addr), pfn_pte(PFN_DOWN(__pa_symbol(addr)), prot));
}

static void unmap_guard(const char *guard)
{
	pte_clear(pte_ensure((unsigned long)guard));
}

static void map_kernel_image(void)
{
	map_image(_stext, _etext, PAGE_KERNEL_EXEC);
	map_image(__start_rodata, __end_rodata, PAGE_KERNEL_RO);
	map_image(_sdata, _end, PAGE_KERNEL);
	unmap_guard(boot_stack_guard);
	for (unsigned int n = 0; n < NR_IST; n++)
		unmap_guard(ist_stacks + n * IST_STRIDE);
}

/*
 * One piece of RAM, rounded out to 2 MiB: what else lies in its edges is firmware's, and small pages
 * there would only cost TLB entries. Where pieces share an edge the second store changes nothing.
 */
static void map_direct(unsigned long start_pfn, unsigned long end_pfn)
{
	u64 phys = ALIGN_DOWN(PFN_PHYS(start_pfn), PMD_SIZE),
	    end = ALIGN(PFN_PHYS(end_pfn), PMD_SIZE);
	u64 prot = PAGE_KERNEL.prot | _PAGE_PSE;

	while (phys < end) {
		unsigned long addr = (unsigned long)__va(phys);

		if (cpu_features.gbpages && IS_ALIGNED(phys, PUD_SIZE) && end - phys >= PUD_SIZE) {
			set_pud(pud_ensure(addr), __pud(phys | prot));
			phys += PUD_SIZE;
			continue;
		}
		if (!pud_leaf(*pud_ensure(addr)))
			set_pmd(pmd_ensure(addr), __pmd(phys | prot));
		phys += PMD_SIZE;
	}
}

void arch_paging_init(void)
{
	init_pgd = table_alloc();
	map_kernel_image();
	for_each_ram_range(map_direct);
	pud_ensure(VMALLOC_START);
	pud_ensure(VMEMMAP_START); /* 512 GiB: more than it ever fills */
	pte_ensure(DEVICE_MAP_START);
	write_cr3(__pa(init_pgd));
	pr_info("paging: text %zu KiB RX, rodata %zu KiB R, data %zu KiB RW, direct map to %llu MiB",
		(size_t)(_etext - _stext) / 1024, (size_t)(__end_rodata - __start_rodata) / 1024,
		(size_t)(_end - _sdata) / 1024, (unsigned long long)(early_mem_end() >> 20));
}

void *map_device(phys_addr_t phys, size_t size)
{
	static unsigned long next = DEVICE_MAP_START;
	unsigned long first = next, pages = PFN_UP(phys % PAGE_SIZE + size);

	BUG_ON(first + pages * PAGE_SIZE > DEVICE_MAP_END);
	for (unsigned long i = 0; i < pages; i++)
		set_pte(pte_ensure(first + i * PAGE_SIZE),
			pfn_pte(PFN_DOWN(phys) + i, PAGE_KERNEL_IO));
	next += pages * PAGE_SIZE;
	return (void *)(first + phys % PAGE_SIZE);
}
