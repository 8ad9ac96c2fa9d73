/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page arithmetic over a host arena: RAM and struct pages lie where host_ram_init()
 * put them.
 */
#ifndef HOST_ASM_PAGE_H
#define HOST_ASM_PAGE_H

#include "arch/x86_64/include/asm/page.h"

#undef PAGE_OFFSET
#undef VMEMMAP_START
#undef VMALLOC_START
#undef VMALLOC_END
#define PAGE_OFFSET host_page_offset
#define VMEMMAP_START host_vmemmap
/*
 * Two top-level entries' worth of host addresses that nothing else uses: where AddressSanitizer has
 * its shadow differs from where valgrind ends.
 */
#if defined(__SANITIZE_ADDRESS__)
#define VMALLOC_START 0x200000000000UL
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VMALLOC_START 0x200000000000UL
#endif
#endif
#ifndef VMALLOC_START
#define VMALLOC_START 0x080000000000UL
#endif
#define VMALLOC_END (VMALLOC_START + (2UL << 39) - 1)

extern unsigned long host_page_offset, host_vmemmap;

#endif
