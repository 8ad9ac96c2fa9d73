/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own page tables, built once at boot. Afterwards only the vmalloc area changes. The
 * copies in user maps never miss a top-level entry but those of its lazy part (mm/frame/vmalloc.h).
 */
#ifndef ASM_PAGING_H
#define ASM_PAGING_H

#include "lib/types.h"

/* Device windows mapped at boot (map_device()) lie above the kernel image and its modules' room. */
#define DEVICE_MAP_START 0xffffffffff000000UL
#define DEVICE_MAP_END 0xffffffffff200000UL

/*
 * Leave the tables of boot/start.asm for the final ones: image text RX, read-only data R, data RW,
 * all but text NX; a direct map of all RAM (for_each_ram_range()) in 1 GiB or 2 MiB pages; guard pages
 * below the boot stacks; nothing in the lower half. Also fills the top-level entries of the vmemmap
 * and direct-map areas and the first of the vmalloc area. Frames come from early_alloc(). Boot CPU, once; interrupts off.
 */
void arch_paging_init(void);

/*
 * Back the struct pages of frames [0, max_pfn) with zeroed memory, or put off doing so for those that
 * are not needed soon. Boot, after zones_init(), before early_mem_close().
 */
void vmemmap_init(void);

/*
 * Map @size bytes of device memory uncached, NX. @phys need not be aligned. Boot, before
 * early_mem_close().
 */
void *map_device(phys_addr_t phys, size_t size);

#endif
