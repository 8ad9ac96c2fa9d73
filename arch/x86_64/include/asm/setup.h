/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's hands to a machine that C can work on. Boot CPU, in the order given here.
 */
#ifndef ASM_SETUP_H
#define ASM_SETUP_H

#include "lib/types.h"

/*
 * Serial ports, exceptions, CPU features, boot information, clock. After it, printk and panic work fully
 * and a fault gives a report. Returns the kernel command line, valid for ever.
 */
const char *setup_arch_early(u32 magic, phys_addr_t boot_info);
/*
 * Free memory for early_alloc(), final page tables, symbols, interrupt controllers. After it, memory can be
 * taken with early_alloc() and devices mapped with map_device(), until early_mem_close().
 */
void setup_arch(void);
/* The memory of the boot loader's module number @n, ours to write, for ever. NULL: there is none. */
void *boot_module(unsigned int n, size_t *size);
/* What the loader left in free memory goes, before any of it is used. */
void overwrite_loader_memory(void);
/*
 * The periodic timer interrupt: from now on tick() is called HZ times a second, once interrupts are
 * on.
 */
void start_timer_interrupt(void);

#endif
