/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator's interface over malloc, for host tests of everything above it: the sanitizer
 * sees each object, and allocations fail where a test wants them to.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/xarray.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "tests/host/host.h"

unsigned long host_alloc_fail_at;
unsigned int host_alloc_fail_permille;
long host_alloc_live;

struct kmem_cache {
	size_t size;
	struct kmem_cache *next;
};
static struct kmem_cache *caches; /* keeps them reachable for the leak checker */

static bool fails(void)
{
	static unsigned int seed = 1;

	if (host_alloc_fail_at && !--host_alloc_fail_at)
		return true;
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % 1000 < host_alloc_fail_permille;
}

static void *get(size_t size, gfp_t gfp)
{
	void *object = fails() ? NULL : malloc(size);

	if (!object)
		return NULL;
	memset(object, gfp & __GFP_ZERO ? 0 : SLAB_POISON_FRESH, size);
	host_alloc_live++;
	return object;
}

static void put(void *object)
{
	if (object)
		host_alloc_live--;
	free(object);
}

__weak struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	(void)name;
	(void)align;
	*cache = (struct kmem_cache){ size, caches };
	caches = cache;
	return cache;
}
__weak void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return get(cache->size, gfp);
}
__weak void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	(void)cache;
	put(object);
}
__weak void *kmalloc(size_t size, gfp_t gfp)
{
	return get(size, gfp);
}
__weak void kfree(const void *object)
{
	put((void *)object);
}
__weak void *vmalloc(size_t size)
{
	return get(size, 0);
}
__weak void *vzalloc(size_t size)
{
	return get(size, __GFP_ZERO);
}
__weak void vfree(void *addr)
{
	put(addr);
}
__weak void *kvzalloc(size_t size)
{
	return get(size, __GFP_ZERO);
}
__weak void kvfree(void *addr)
{
	put(addr);
}
__weak void *xa_node_alloc(void)
{
	return get(sizeof(struct xa_node), 0);
}
__weak void xa_node_free(void *node)
{
	put(node);
}
