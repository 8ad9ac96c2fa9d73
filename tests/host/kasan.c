/* SPDX-License-Identifier: MIT */
/*
 * The allocators' side of KASAN (kernel/debug/kasan.h) spoken to AddressSanitizer: free frames,
 * free objects and the red zones between them cannot be touched on the host either.
 */
#include "kernel/debug/kasan.h"

#if CONFIG_KASAN
#include <sanitizer/asan_interface.h>

#include "mm/frame/page.h"

void kasan_poison(const void *addr, size_t size, u8 why)
{
	(void)why;
	__asan_poison_memory_region(addr, (size + 7) & ~7UL);
}

void kasan_unpoison(const void *addr, size_t size)
{
	__asan_unpoison_memory_region(addr, size);
}

void kasan_limit(const void *addr, size_t size, size_t room)
{
	__asan_poison_memory_region(addr, room);
	__asan_unpoison_memory_region(addr, size);
}

void kasan_alloc_pages(struct page *page, unsigned int order)
{
	__asan_unpoison_memory_region(page_address(page), PAGE_SIZE << order);
}

void kasan_free_pages(struct page *page, unsigned int order)
{
	__asan_poison_memory_region(page_address(page), PAGE_SIZE << order);
}

/* What an instruction that no sanitizer sees is about to touch: the first bad byte, seen. */
static void check(const void *addr, size_t size)
{
	const volatile char *bad = __asan_region_is_poisoned((void *)addr, size);

	if (bad)
		(void)*bad;
}

void kasan_check_read(const void *addr, size_t size)
{
	check(addr, size);
}

void kasan_check_write(const void *addr, size_t size)
{
	check(addr, size);
}

/* AddressSanitizer says where it was touched; who freed it is not kept. */
void kasan_forget(struct kasan_track *track)
{
	(void)track;
}

void kasan_record(struct kasan_track *track)
{
	(void)track;
}
#endif
