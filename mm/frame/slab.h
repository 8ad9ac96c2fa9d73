/* SPDX-License-Identifier: MIT */
/*
 * Slab caches: objects of one size cut from frames, and kmalloc over a row of such caches.
 * Context: as mm/frame/buddy.h (never from interrupts). In debug builds freed objects are filled
 * with SLAB_POISON_FREED and checked when handed out again; a double free is reported and kept out.
 */
#ifndef MM_FRAME_SLAB_H
#define MM_FRAME_SLAB_H

#include "lib/types.h"
#include "mm/frame/gfp.h"

#define SLAB_POISON_FRESH 0x5a /* never written by its owner */
#define SLAB_POISON_FREED 0x6b

struct kmem_cache;

/*
 * A cache of @size-byte objects aligned to @align (power of two, 0: 8). @name is kept, not copied.
 * Panics at boot when out of memory.
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align);
/* NULL when out of memory. With __GFP_ZERO zeroed. */
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *object);
/* Give wholly free slabs of all caches back, but what other CPUs own; returns frames freed. */
unsigned long kmem_cache_shrink_local(void);
/* The same of all CPUs. May sleep, also in reclaim, as drain_all_pages(). */
unsigned long kmem_cache_shrink_all(void);

/* Any size up to 4 MiB; sizes above a page come from the buddy. kfree(NULL) is fine. */
void *kmalloc(size_t size, gfp_t gfp);
static inline void *kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }
void kfree(const void *object);
char *kstrdup(const char *s, gfp_t gfp);

void slab_init(void);
/* Frames held by slabs; for /proc/meminfo. */
unsigned long nr_slab_pages(void);

/* Walk the caches for /proc/slabinfo: calls @fn for each with its counts. */
struct slab_stat { const char *name; size_t object_size; unsigned long objects, in_use, slabs; unsigned objects_per_slab, pages_per_slab; };
void slab_for_each(void (*fn)(const struct slab_stat *stat, void *arg), void *arg);

#endif
