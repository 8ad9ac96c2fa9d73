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
#define PAGE_OFFSET host_page_offset
#define VMEMMAP_START host_vmemmap

extern unsigned long host_page_offset, host_vmemmap;

#endif
