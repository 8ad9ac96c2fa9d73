/* SPDX-License-Identifier: MIT */
/*
 * KASAN: debug kernels look at every load and store of the direct map before it happens. A byte of shadow
 * tells of each 8 bytes of RAM: 0: all may be touched, 1 to 7: only so many from the first one, KASAN_*: none.
 * The compiler calls the check (kernel/debug/kasan.c); the allocators keep the shadow by what is declared here.
 * Without KASAN all of this is nothing.
 */
#ifndef KERNEL_DEBUG_KASAN_H
#define KERNEL_DEBUG_KASAN_H

#include "lib/types.h"

#ifndef CONFIG_KASAN
#define CONFIG_KASAN 0
#endif

#define KASAN_REDZONE 0xfa    /* between the objects of a slab, or behind the size asked for */
#define KASAN_FREE_OBJECT 0xfb
#define KASAN_FREE_FRAME 0xff

struct page;

/* Return addresses of who did something to a piece of memory, innermost first, 0 behind the last: low halves. */
struct kasan_track {
	u32 ip[8];
};

/* What the slab knows about an address in one of its frames. */
struct kasan_object {
	const char *cache;
	const void *start;
	unsigned int size;
	const struct kasan_track *allocated, *freed;
};

#if CONFIG_KASAN
/* Boot, before frames go to the buddy: take the shadow from early memory; free frames are poisoned. */
void kasan_init(void);
/* [addr, addr + size) of the direct map; @addr is a multiple of 8. Poisoned bytes up to the next multiple as well. */
void kasan_poison(const void *addr, size_t size, u8 why);
void kasan_unpoison(const void *addr, size_t size);
/* Only the first @size of @room bytes may be touched. */
void kasan_limit(const void *addr, size_t size, size_t room);
/* 2^order frames leave the allocator, or come back. */
void kasan_alloc_pages(struct page *page, unsigned int order);
void kasan_free_pages(struct page *page, unsigned int order);
/* Nobody is on record. */
void kasan_forget(struct kasan_track *track);
/* Whoever called the caller is on record now. */
void kasan_record(struct kasan_track *track);
/* What assembly is about to touch. */
void kasan_check_read(const void *addr, size_t size);
void kasan_check_write(const void *addr, size_t size);
/* From mm/frame/slab_debug.c. @addr lies in a frame of a slab. */
void slab_describe(const void *addr, struct kasan_object *object);
/* This CPU's freed objects that wait are free now. */
void kasan_drain_quarantine(void);
/* All CPUs', while no other CPU runs anything. */
void kasan_drain_all_quarantines(void);
#else
static inline void kasan_init(void) { }
static inline void kasan_poison(const void *addr, size_t size, u8 why) { (void)addr; (void)size; (void)why; }
static inline void kasan_unpoison(const void *addr, size_t size) { (void)addr; (void)size; }
static inline void kasan_limit(const void *addr, size_t size, size_t room) { (void)addr; (void)size; (void)room; }
static inline void kasan_alloc_pages(struct page *page, unsigned int order) { (void)page; (void)order; }
static inline void kasan_free_pages(struct page *page, unsigned int order) { (void)page; (void)order; }
static inline void kasan_drain_quarantine(void) { }
static inline void kasan_drain_all_quarantines(void) { }
static inline void kasan_forget(struct kasan_track *track) { (void)track; }
static inline void kasan_record(struct kasan_track *track) { (void)track; }
static inline void kasan_check_read(const void *addr, size_t size) { (void)addr; (void)size; }
static inline void kasan_check_write(const void *addr, size_t size) { (void)addr; (void)size; }
#endif

#endif
