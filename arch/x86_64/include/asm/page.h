/* SPDX-License-Identifier: MIT */
/*
 * Page size and the kernel's half of the address space (Linux's documented layout for 4-level
 * paging; SDM vol. 3A 4.5). Everything here is arithmetic: no memory is touched.
 */
#ifndef ASM_PAGE_H
#define ASM_PAGE_H

#include "kernel/debug/kasan.h"
#include "lib/types.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)

/* User addresses lie below TASK_SIZE: the last page of the lower half is never mapped. */
#define TASK_SIZE 0x00007ffffffff000UL
/* mmap never goes below this (vm.mmap_min_addr of Debian's kernel). */
#define MMAP_MIN_ADDR 65536UL

#define PAGE_OFFSET 0xffff888000000000UL   /* direct map of all RAM */
#define VMALLOC_START 0xffffc90000000000UL /* vmalloc and kernel stacks */
#define VMALLOC_END 0xffffe8ffffffffffUL
#define VMEMMAP_START 0xffffea0000000000UL /* array of struct page */
#define KERNEL_MAP 0xffffffff80000000UL    /* kernel image */

#define __va(phys) ((void *)((unsigned long)(phys) + PAGE_OFFSET))
/* __pa() takes an address of the direct map only; see __pa_symbol() for the image. */
#define __pa(virt) ((phys_addr_t)((unsigned long)(virt) - PAGE_OFFSET))
#define __pa_symbol(sym) ((phys_addr_t)((unsigned long)(sym) - KERNEL_MAP))

#define PFN_UP(x) (((unsigned long)(x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x) ((unsigned long)(x) >> PAGE_SHIFT)
#define PFN_PHYS(pfn) ((phys_addr_t)(pfn) << PAGE_SHIFT)

/* Zero or copy one page-aligned page: 512 eight-byte stores, one rep instruction. */
static inline void clear_page(void *page)
{
	unsigned long count = PAGE_SIZE / 8;

	kasan_check_write(page, PAGE_SIZE);
	__asm__ volatile("rep stosq" : "+D"(page), "+c"(count) : "a"(0UL) : "memory");
}

static inline void copy_page(void *to, const void *from)
{
	unsigned long count = PAGE_SIZE / 8;

	kasan_check_read(from, PAGE_SIZE);
	kasan_check_write(to, PAGE_SIZE);
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/* The same for @count times eight bytes of whatever else. */
static inline void copy_words(void *to, const void *from, unsigned long count)
{
	kasan_check_read(from, count * 8);
	kasan_check_write(to, count * 8);
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

#endif
