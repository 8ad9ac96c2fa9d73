/* SPDX-License-Identifier: MIT */
/*
 * What debug builds do with each object of a slab cache; in others nothing is left of it.
 *
 * Two words stand behind each object: a tag that says live or free, so that a second free and a write
 * past the end are seen at once, and the chain's pointer, so that the whole object can carry the
 * poison. With KASAN, who allocated and who freed it follow, and a freed object waits in a queue before
 * it is used again, so that whoever still uses it is seen.
 */
#ifndef MM_FRAME_SLAB_DEBUG_H
#define MM_FRAME_SLAB_DEBUG_H

#include "kernel/debug/kasan.h"
#include "mm/frame/slab_internal.h"

#if CONFIG_DEBUG
/* Bytes that each object takes more. */
#define SLAB_DEBUG_BYTES (16U + (CONFIG_KASAN ? 2 * sizeof(struct kasan_track) : 0))

/* The object of a new slab has not been handed out yet. */
void slab_debug_new(struct kmem_cache *cache, void *object);
/* It is handed out: was it written to while it was free? */
void slab_debug_alloc(struct kmem_cache *cache, void *object);
/*
 * It is freed, and poisoned. False: it does not go back to its slab; because it is no live object of
 * this cache, which is reported, or, with KASAN, not yet.
 */
bool slab_debug_free(struct kmem_cache *cache, void *object);
#else
#define SLAB_DEBUG_BYTES 0U
static inline void slab_debug_new(struct kmem_cache *cache, void *object) { (void)cache; (void)object; }
static inline void slab_debug_alloc(struct kmem_cache *cache, void *object) { (void)cache; (void)object; }
static inline bool slab_debug_free(struct kmem_cache *cache, void *object) { (void)cache; (void)object; return true; }
#endif

#endif
