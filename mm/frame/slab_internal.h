/* SPDX-License-Identifier: MIT */
/* How a slab cache looks from inside: for slab.c, slab_debug.c and the audit. */
#ifndef MM_FRAME_SLAB_INTERNAL_H
#define MM_FRAME_SLAB_INTERNAL_H

#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "lib/list.h"
#include "mm/frame/slab.h"
#include <asm/percpu.h>

#define SLAB_OWNED 0x80000000u
#define LARGE_MAGIC 0x6b6d616cu /* slab_inuse of a block from the buddy: "kmal" */

struct cpu_slab {
	void *free;         /* chain of this CPU's slab */
	unsigned long base; /* address of the slab, or 0 */
	unsigned int counted; /* length of the chain when slab_for_each() asked last */
} __aligned(64);

struct kmem_cache {
	const char *name;
	unsigned int size;   /* bytes a user may touch */
	unsigned int stride; /* bytes from object to object */
	unsigned int link;   /* debug: where behind an object the chain's pointer is */
	unsigned int order, per_slab;
	unsigned long mask; /* object address & mask: address of its slab */
	struct kmem_cache *next;
	spinlock_t lock; /* guards all below, and the slabs' chains and counts */
	struct list_head partial;
	unsigned int nr_partial, nr_empty;
	unsigned long nr_slabs;
	struct cpu_slab cpu[NR_CPUS]; /* each CPU its own */
};

extern struct kmem_cache *slab_caches; /* grows at boot only */
#define for_each_cache(cache) for ((cache) = slab_caches; (cache); (cache) = (cache)->next)

static inline void **link_of(const struct kmem_cache *cache, void *object)
{
	return (void **)((char *)object + (CONFIG_DEBUG ? cache->link : 0));
}

/* The running CPU's share of the cache. */
static inline struct cpu_slab *this_cpu_slab(struct kmem_cache *cache)
{
	return &cache->cpu[smp_processor_id()];
}

/* A free object of the slab at @base, which this CPU does not own, goes back. Takes cache->lock. */
void slab_free_slow(struct kmem_cache *cache, unsigned long base, void *object);

/* A free object goes back to its slab. */
static __always_inline void slab_give_back(struct kmem_cache *cache, void *object)
{
	struct cpu_slab *c = this_cpu_slab(cache);
	unsigned long base = (unsigned long)object & cache->mask;

	if (unlikely(base != c->base)) {
		slab_free_slow(cache, base, object);
		return;
	}
	*link_of(cache, object) = c->free;
	c->free = object;
}

#endif
