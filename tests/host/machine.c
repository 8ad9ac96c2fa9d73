/* SPDX-License-Identifier: MIT */
/* Booting the software machine, and looking at it as a whole. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/panic.h"
#include "kernel/debug/kasan.h"
#include "lib/util.h"
#include "mm/audit.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/backing/writeback.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/frame/early.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/reclaim/lru.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mman.h"
#include "tests/host/internal.h"

bool host_complaints_expected;
unsigned int host_complaints;
char host_complaint[512];
pgd_t *init_pgd;

void host_complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(host_complaint, sizeof(host_complaint), fmt, args);
	va_end(args);
	host_complaints++;
	if (host_complaints_expected)
		return;
	fprintf(stderr, "machine: %s\n", host_complaint);
	abort();
}

void warn_at(const char *cond, const char *file, int line)
{
	host_complain("the kernel warns at %s:%d: %s", file, line, cond);
}

static void *early_table(void)
{
	return __va(early_alloc(PAGE_SIZE, PAGE_SIZE)); /* zeroes, as all memory is here */
}

static void frames_init(unsigned long pages)
{
	host_ram_init(pages);
	max_pfn = pages;
	early_mem_reset();
	early_mem_add(0, pages << PAGE_SHIFT);
	early_mem_reserve(0, PAGE_SIZE); /* frame 0 is nobody's, as on a PC */
	host_ram_forbid(0);              /* an entry that is none leads there */
	init_pgd = early_table();
	set_pgd(pgd_offset_pgd(init_pgd, VMALLOC_START), __pgd(__pa(early_table()) | _PAGE_TABLE));
	zones_init(max_pfn);
	for_each_free_range(free_range_to_buddy);
	zones_finish();
	host_mmu_init(pages);
	slab_init();
	vmalloc_init();
	/* Their page tables stay: they are not to look like a leak later. */
	vfree(vmalloc(1));
	free_kernel_stack(alloc_kernel_stack());
	drop_stack_cache();
}

void host_boot(unsigned long pages)
{
	static bool booted;

	if (booted || pages < 1024) {
		fprintf(stderr, "host_boot: once in a process, with at least 1024 frames\n");
		abort();
	}
	booted = true;
	host_threads_init();
	frames_init(pages);
	mm_init();
	fault_init();
	lru_init();
	pagecache_init();
	swap_init();
	host_disks_init();
	host_files_init();
	host_process_init();
	reclaim_init();
	writeback_init();
	host_settle();
	host_audit(); /* what it allocates, it keeps */
}

void host_audit(void)
{
	char what[AUDIT_SENTENCE];

	if (mm_audit(what, sizeof(what)))
		host_complain("mm_audit: %s", what);
}

void host_settle(void)
{
	do
		host_sleep(0); /* each time round, every thread that can run does */
	while (host_disks_interrupt());
	host_sleep(0);
	host_drop_lazy_map();
	drain_all_pages();
}

/* --- who holds the frames --- */
static void count_frame(struct host_census *census, const struct page *page)
{
	if (PageTable(page))
		census->tables++;
	else if (PageSlab(page))
		census->slab++;
	else if (PageVmalloc(page))
		census->vmalloc++;
	else if (PageAnon(page) || PageSwapCache(page))
		census->anon++;
	else if (page->mapping)
		census->cache++;
	else if (!PageReserved(page))
		census->other++;
}

static void count_objects(const struct slab_stat *stat, void *arg)
{
	*(long *)arg += (long)stat->in_use;
}

void host_census(struct host_census *census)
{
	*census = (struct host_census){ .free = nr_free_pages() };
	for (unsigned long pfn = 1; pfn < max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		if (PageBuddy(page))
			pfn += (1UL << page->private) - 1;
		else if (page->zone_id && !(page->flags & 1UL << PG_pcp))
			count_frame(census, page);
	}
	census->vmalloc -= mm_audit_frames(); /* kept from its first use on */
	kasan_drain_quarantine();             /* freed, but counted as out */
	slab_for_each(count_objects, &census->objects);
	census->swap_used = (long)(total_swap_pages() - nr_swap_pages());
}

void host_census_same(const struct host_census *a, const struct host_census *b, const char *what)
{
#define SAME(field)               \
	if (a->field != b->field) \
	host_complain("%s: %s was %ld, is %ld", what, #field, (long)a->field, (long)b->field)
	SAME(tables);
	SAME(anon);
	SAME(vmalloc);
	SAME(other);
	SAME(objects);
	SAME(swap_used);
#undef SAME
}

/* --- reclaim --- */
unsigned long host_reclaim(unsigned long pages)
{
	unsigned long freed = shrink_all(pages);

	host_settle();
	return freed;
}

/* What is in the swap cache still, clean by now, goes as well. */
static void drop_from_swap_cache(unsigned long addr, unsigned long end)
{
	LIST_HEAD(pages);

	for (; addr < end; addr += PAGE_SIZE) {
		pte_t pte = host_pte(current, addr);
		struct page *page =
			is_swap_pte(pte) ? lookup_swap_cache(pte_to_swp_entry(pte)) : NULL;

		if (page && isolate_lru_page(page))
			list_add(&page->lru, &pages);
		if (page)
			put_page(page);
	}
	reclaim_pages(&pages);
}

void host_pageout(unsigned long addr, size_t len)
{
	/* The first call starts the writes, the second one drops what is clean by then. */
	for (int i = 0; i < 2; i++) {
		long err = sys_madvise(addr, len, MADV_PAGEOUT);

		if (err)
			host_complain("madvise(PAGEOUT) of %#lx: %ld", addr, err);
		host_settle();
	}
	drop_from_swap_cache(addr, addr + len);
}
