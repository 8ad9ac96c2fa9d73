/* SPDX-License-Identifier: MIT */
/*
 * Doors in front of the allocators. tests/host/rules.mk compiles the files that define them with
 * other names (real_alloc_page and so on), so that every other file of the kernel comes by here:
 * allocations can be made to fail, and a frame that is freed is shown to the MMU first. The build
 * for callgrind does without.
 */
#include "kernel/core/sched.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/reclaim/reclaim.h"
#include "tests/host/internal.h"

static unsigned long fail_at;
static bool failed;
unsigned long host_alloc_calls;
bool host_fail_reclaim;

void host_fail_alloc(unsigned long n)
{
	fail_at = n;
	host_alloc_calls = 0;
	failed = false;
}

bool host_alloc_failed(void)
{
	return failed;
}

#ifndef HOST_FAST

struct page *real_alloc_page(gfp_t gfp);
struct page *real_alloc_pages(gfp_t gfp, unsigned int order);
void real_free_unref_page(struct page *page);
void *real_kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void *real_kmalloc(size_t size, gfp_t gfp);
bool real_out_of_memory(gfp_t gfp, unsigned int order);

/* Does this allocation fail? Kernel threads and reclaim do not take part. */
static bool fails(gfp_t gfp)
{
	/* alloc_page(0): the allocator's own second half. */
	if (!gfp || (gfp & __GFP_NOFAIL) || (current->flags & PF_KTHREAD))
		return false;
	if (!host_fail_reclaim && (gfp & __GFP_MEMALLOC || current->flags & PF_MEMALLOC))
		return false;
	if (++host_alloc_calls != fail_at)
		return false;
	failed = true;
	return true;
}

struct page *alloc_page(gfp_t gfp)
{
	return fails(gfp) ? NULL : real_alloc_page(gfp);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	if (!order)
		return alloc_page(gfp);
	return fails(gfp) ? NULL : real_alloc_pages(gfp, order);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return fails(gfp) ? NULL : real_kmem_cache_alloc(cache, gfp);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	return fails(gfp) ? NULL : real_kmalloc(size, gfp);
}

void free_unref_page(struct page *page)
{
	host_mmu_frame_freed(page_to_pfn(page));
	real_free_unref_page(page);
}

/* A failure that was forced is nobody's fault: nobody is killed, the access is tried again. */
bool out_of_memory(gfp_t gfp, unsigned int order)
{
	return failed || real_out_of_memory(gfp, order);
}

#endif
