/* SPDX-License-Identifier: MIT */
/* The boot sequence of the machine-dependent part. */

#include <asm/setup.h>

#include "arch/x86_64/boot/multiboot2.h"
#include "arch/x86_64/cpu/apic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/uart.h"
#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/time.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/page.h>
#include <asm/paging.h>

/* More than any boot information is long; a total_size beyond it is damage. */
#define BOOT_INFO_MAX MiB(1)
#define LOW_MEMORY MiB(1)
/* What boot/start.asm has mapped: the loader puts nothing that we need above it. */
#define FIRST_TABLES_END GiB(4)

extern char _image_start[], _image_end[];

static struct boot_info boot_info;

static void read_boot_info(u32 magic, phys_addr_t phys)
{
	const char *error;

	if (magic != MB2_BOOT_MAGIC)
		boot_fail(
			"not loaded by a multiboot2 loader; boot through GRUB's multiboot2 command");
	if (multiboot2_parse(__va(phys), min(BOOT_INFO_MAX, FIRST_TABLES_END - phys), &boot_info,
			     &error))
		boot_fail(
			"the boot loader's information at %llx is damaged: %s; boot through GRUB 2.06 or newer",
			(unsigned long long)phys, error);
	if (boot_info.ram_truncated)
		boot_fail(
			"the memory map has more than %d pieces of RAM; start the machine with a simpler memory layout",
			BOOT_MEM_MAX);
	if (boot_info.cmdline_truncated)
		boot_fail("the kernel command line is longer than %d bytes; shorten it",
			  BOOT_CMDLINE_MAX - 1);
	boot_info.info = (struct boot_range){ phys, *(const u32 *)__va(phys) };
}

/* The symbols may be anywhere below 4 GiB, in RAM: the direct map has them. */
static void symbols_init(void)
{
	const struct boot_range *sym = &boot_info.symtab, *str = &boot_info.strtab;

	if (!sym->size || sym->start + sym->size > FIRST_TABLES_END ||
	    str->start + str->size > FIRST_TABLES_END) {
		pr_warn("no symbols from the boot loader: backtraces are bare numbers");
		return;
	}
	kallsyms_init(__va(sym->start), sym->size, __va(str->start), str->size);
}

const char *setup_arch_early(u32 magic, phys_addr_t info)
{
	uart_init();
	gdt_init(NULL);
	set_kernel_stack((unsigned long)boot_stack_top);
	idt_init();
	cpu_detect();
	cpu_apply_features();
	cpu_init_control();
	syscall_init();
	read_boot_info(magic, info);
	symbols_init();
	clock_init();
	return boot_info.cmdline;
}

static void reserve(const struct boot_range *range)
{
	if (range->size)
		early_mem_reserve(ALIGN_DOWN(range->start, PAGE_SIZE),
				  ALIGN(range->start + range->size, PAGE_SIZE));
}

static void early_memory_init(void)
{
	for (unsigned int i = 0; i < boot_info.nr_ram; i++)
		early_mem_add(boot_info.ram[i].start, boot_info.ram[i].end);
	early_mem_reserve(0, LOW_MEMORY);
	early_mem_reserve((u64)_image_start, ALIGN((u64)_image_end, PAGE_SIZE));
	reserve(&boot_info.info);
	reserve(&boot_info.symtab);
	reserve(&boot_info.strtab);
	for (unsigned int i = 0; i < boot_info.nr_modules; i++)
		early_mem_reserve(ALIGN_DOWN((u64)boot_info.modules[i].start, PAGE_SIZE),
				  ALIGN((u64)boot_info.modules[i].end, PAGE_SIZE));
	pr_info("memory: %llu KiB of RAM up to %llu MiB, %llu KiB free",
		(unsigned long long)(early_mem_total() >> 10),
		(unsigned long long)(early_mem_end() >> 20),
		(unsigned long long)(early_mem_free() >> 10));
}

static bool overlaps(u64 page, u64 start, u64 size)
{
	return start < page + PAGE_SIZE && page < start + size;
}

/* GRUB may have put what we still read into low memory. */
static bool page_is_used(u64 page)
{
	if (overlaps(page, boot_info.symtab.start, boot_info.symtab.size) ||
	    overlaps(page, boot_info.strtab.start, boot_info.strtab.size))
		return true;
	for (unsigned int i = 0; i < boot_info.nr_modules; i++)
		if (overlaps(page, boot_info.modules[i].start,
			     boot_info.modules[i].end - boot_info.modules[i].start))
			return true;
	return false;
}

/* The lowest MiB is not the allocator's. Its first pages are the firmware's whatever the map says. */
u64 trampoline_page(void)
{
	for (unsigned int i = 0; i < boot_info.nr_ram; i++) {
		u64 page = max(ALIGN(boot_info.ram[i].start, PAGE_SIZE), (u64)KiB(32));

		for (; page + PAGE_SIZE <= min(boot_info.ram[i].end, (u64)LOW_MEMORY);
		     page += PAGE_SIZE)
			if (!page_is_used(page))
				return page;
	}
	return 0;
}

/*
 * The loader and the firmware ran at the top of the memory below 4 GiB, and we take it over as it is. An emulator
 * keeps what it translated of their code, and makes each write to such a page the slow way until all of the page
 * was written once: with a kernel stack or a slab there the whole machine is half as fast. So write it once.
 */
#define LOADER_PAGES PFN_DOWN(MiB(16))

static unsigned long loader_end; /* pfn */

static void find_loader_end(unsigned long start_pfn, unsigned long end_pfn)
{
	if (start_pfn < PFN_DOWN(FIRST_TABLES_END))
		loader_end = max(loader_end, min(end_pfn, PFN_DOWN(FIRST_TABLES_END)));
}

static void overwrite_loader(unsigned long start_pfn, unsigned long end_pfn)
{
	unsigned long from = loader_end > LOADER_PAGES ? loader_end - LOADER_PAGES : 0;

	from = max(from, start_pfn);
	end_pfn = min(end_pfn, loader_end);
	if (from < end_pfn)
		memset(__va(PFN_PHYS(from)), 0, PFN_PHYS(end_pfn - from));
}

void overwrite_loader_memory(void)
{
	for_each_free_range(find_loader_end);
	for_each_free_range(overwrite_loader);
}

void setup_arch(void)
{
	early_memory_init();
	acpi_init(&boot_info);
	arch_paging_init();
	interrupts_init();
}

void *boot_module(unsigned int n, size_t *size)
{
	const struct boot_module *module = &boot_info.modules[n];

	if (n >= boot_info.nr_modules || module->end > early_mem_end())
		return NULL;
	*size = module->end - module->start;
	return __va(module->start);
}

void start_timer_interrupt(void)
{
	lapic_timer_start(HZ);
	clock_start_interrupts();
}
