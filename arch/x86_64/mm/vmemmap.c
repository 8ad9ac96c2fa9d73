/* SPDX-License-Identifier: MIT */
/*
 * The array of struct page. 2 MiB of it describe a section of 128 MiB of RAM, and clearing it is the
 * one thing at boot that takes longer the more RAM there is. So most sections of a large machine
 * sleep: they count as free memory, but have no struct pages until the allocator runs low and wakes
 * the lowest one. A section that sleeps was wholly free at boot; the struct pages of its frames stand
 * in its own first 2 MiB.
 *
 * Under KASAN all are awake from the start: its shadow wants the memory anyway.
 */
#include <asm/paging.h>

#include "arch/x86_64/mm/kernel_tables.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/spinlock.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/early.h"
#include "mm/frame/page.h"

#define TABLE_PAGES (PMD_SIZE >> PAGE_SHIFT) /* frames that one section's struct pages take */
#define AWAKE_AT_BOOT \
	((u64)256 << 20) /* bytes of free memory that a small program is content with */

BUILD_BUG_ON(SECTION_PAGES * sizeof(struct page) != PMD_SIZE);

static DEFINE_SPINLOCK(section_lock);
static unsigned long *sleeping; /* one bit a section; section_lock */
static unsigned long nr_sections;

static u64 section_start(unsigned long section)
{
	return PFN_PHYS(section * SECTION_PAGES);
}

static phys_addr_t take_early(size_t size)
{
	phys_addr_t phys = early_alloc(size, min_t(size_t, size, PMD_SIZE));

	if (!phys)
		boot_fail(
			"no room for the frame table: %zu KiB in one piece; give the machine more memory (MEM=)",
			size / 1024);
	return phys;
}

/* Struct pages for the frames of one section up to @end_pfn, in frames of the early allocator. */
static void populate(unsigned long section, unsigned long end_pfn)
{
	unsigned long pfn = section * SECTION_PAGES;
	unsigned long addr = (unsigned long)pfn_to_page(pfn);
	unsigned long end = ALIGN((unsigned long)pfn_to_page(end_pfn), PAGE_SIZE);

	if (end - addr == PMD_SIZE) {
		set_pmd(pmd_ensure(addr),
			__pmd(take_early(PMD_SIZE) | PAGE_KERNEL.prot | _PAGE_PSE));
		memset((void *)addr, 0, PMD_SIZE);
		return;
	}
	for (; addr < end; addr += PAGE_SIZE) {
		set_pte(pte_ensure(addr), pfn_pte(PFN_DOWN(take_early(PAGE_SIZE)), PAGE_KERNEL));
		memset((void *)addr, 0, PAGE_SIZE);
	}
}

static unsigned long *section_map(void)
{
	size_t size = ALIGN(DIV_ROUND_UP(nr_sections, 8UL), PAGE_SIZE);
	unsigned long *map = __va(take_early(size));

	memset(map, 0, size);
	return map;
}

/* Sections that are free as a whole go to sleep, the highest ones, until enough is left awake. */
static void put_to_sleep(void)
{
	u64 awake = early_mem_free();

	for (unsigned long s = nr_sections; s-- && !CONFIG_KASAN;) {
		u64 start = section_start(s), end = section_start(s + 1);

		if (awake < AWAKE_AT_BOOT + (end - start) || !early_mem_is_free(start, end))
			continue;
		early_mem_reserve(start, end);
		awake -= end - start;
		__set_bit(s, sleeping);
		count_managed(PFN_DOWN(start) + TABLE_PAGES, PFN_DOWN(end));
		nr_sleeping_pages += SECTION_PAGES - TABLE_PAGES;
	}
}

bool frame_sleeps(unsigned long pfn)
{
	return test_bit(pfn >> SECTION_SHIFT, sleeping) && pfn % SECTION_PAGES >= TABLE_PAGES;
}

static bool wake_section(void)
{
	unsigned long section, first;

	spin_lock(&section_lock);
	section = find_next_bit(sleeping, nr_sections, 0);
	if (section == nr_sections) {
		spin_unlock(&section_lock);
		return false;
	}
	first = section * SECTION_PAGES;
	WRITE_ONCE(pmd_ensure((unsigned long)pfn_to_page(first))->pmd,
		   PFN_PHYS(first) | PAGE_KERNEL.prot | _PAGE_PSE);
	memset(pfn_to_page(first), 0, PMD_SIZE);
	__clear_bit(section, sleeping);
	set_bit(section, sections_awake);
	nr_sleeping_pages -= SECTION_PAGES - TABLE_PAGES;
	free_frame_range(first + TABLE_PAGES, first + SECTION_PAGES);
	spin_unlock(&section_lock);
	return true;
}

void vmemmap_init(void)
{
	nr_sections = DIV_ROUND_UP(max_pfn, SECTION_PAGES);
	sleeping = section_map();
	sections_awake = section_map();
	put_to_sleep();
	for (unsigned long s = 0; s < nr_sections; s++) {
		unsigned long end = min((s + 1) * SECTION_PAGES, max_pfn);

		if (test_bit(s, sleeping)) {
			pmd_ensure((unsigned long)pfn_to_page(
				s * SECTION_PAGES)); /* no table to be made later */
		} else if (early_mem_has_ram(section_start(s), PFN_PHYS(end))) {
			populate(s, end);
			__set_bit(s, sections_awake);
		}
	}
	register_wake_section(wake_section);
	if (nr_sleeping_pages)
		pr_info("vmemmap: %lu MiB of RAM sleep until they are needed\n",
			nr_sleeping_pages >> (20 - PAGE_SHIFT));
}
