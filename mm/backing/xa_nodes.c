/* SPDX-License-Identifier: MIT */
/* A slab cache of xarray nodes with a small per-CPU reserve. */
#include "mm/backing/xa_nodes.h"

#include "kernel/core/stop.h"
#include "lib/util.h"
#include "lib/xarray.h"
#include "mm/frame/slab.h"
#include "mm/reclaim/reclaim.h"
#include <asm/percpu.h>

/*
 * A store adds at most one path: 64-bit indexes at 6 bits a level, and the tree may grow as high.
 */
#define XA_RESERVE 11

struct xa_reserve_nodes {
	unsigned int nr;
	void *nodes[XA_RESERVE];
};

static DEFINE_PER_CPU(struct xa_reserve_nodes, xa_reserve_nodes);
static struct kmem_cache *node_cache;

/* Shrinker: give this CPU's reserve back. */
static unsigned long shrink_reserve(unsigned long nr)
{
	struct xa_reserve_nodes *reserve = this_cpu_ptr(&xa_reserve_nodes);
	unsigned long freed = 0;

	for (; reserve->nr && freed < nr; freed++)
		kmem_cache_free(node_cache, reserve->nodes[--reserve->nr]);
	return freed;
}

static void empty_reserve(void *unused)
{
	(void)unused;
	shrink_reserve(XA_RESERVE);
}

void xa_nodes_drop_reserves(void)
{
	schedule_on_each_cpu(empty_reserve, NULL);
}

void xa_nodes_init(void)
{
	node_cache = kmem_cache_create("xa_node", sizeof(struct xa_node), 0);
	register_shrinker(shrink_reserve);
}

/*
 * What is new stays in hand until the reserve is full with it: the reclaim that an allocation may
 * come to takes nodes out of the reserve, and would take those of the allocation before. Sleeping
 * may change the CPU, and what it has.
 */
static noinline void fill_reserve(void)
{
	struct xa_reserve_nodes *reserve;
	void *fresh[XA_RESERVE];
	unsigned int nr = 0;

	while (this_cpu_ptr(&xa_reserve_nodes)->nr + nr < XA_RESERVE) {
		void *node = kmem_cache_alloc(node_cache, GFP_KERNEL | __GFP_NOWARN);

		if (!node)
			break;
		fresh[nr++] = node;
	}
	reserve = this_cpu_ptr(&xa_reserve_nodes);
	while (nr && reserve->nr < XA_RESERVE)
		reserve->nodes[reserve->nr++] = fresh[--nr];
	while (nr)
		kmem_cache_free(node_cache, fresh[--nr]);
}

void xa_preload(void)
{
	if (unlikely(this_cpu_ptr(&xa_reserve_nodes)->nr < XA_RESERVE))
		fill_reserve();
}

void *xa_node_alloc(void)
{
	struct xa_reserve_nodes *reserve = this_cpu_ptr(&xa_reserve_nodes);

	if (likely(reserve->nr))
		return reserve->nodes[--reserve->nr];
	return kmem_cache_alloc(node_cache, GFP_ATOMIC | __GFP_NOWARN);
}

void xa_node_free(void *node)
{
	kmem_cache_free(node_cache, node);
}
