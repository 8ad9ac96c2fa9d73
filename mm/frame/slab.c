/* SPDX-License-Identifier: MIT */
/*
 * Slab caches. A slab is 2^order frames cut into objects of one size; free objects are chained
 * through themselves. Each CPU owns one slab per cache and serves nearly every call from its chain
 * without a lock. Slabs nobody owns are either full (on no list) or on the cache's partial list.
 *
 *   head struct page of a slab    mapping: the cache            index: frame number of the head
 *                                 private: chain of free objects, cache->lock
 *                                 slab_inuse: objects handed out; SLAB_OWNED | all of them
 *                                 while a CPU owns it, whose own chain is not counted
 *   other frames of the slab      mapping and PG_slab as well, so that kfree() finds the cache
 *
 * A slab is aligned to its size, so an object's address gives its head by one mask.
 *
 * Debug builds look at each object that comes and goes (slab_debug.h).
 */
#include "kernel/core/panic.h"
#include "kernel/core/stop.h"
#include "kernel/debug/kasan.h"
#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab_debug.h"

#define SLAB_MAX_ORDER 3U  /* 32 KiB */
#define SLAB_KEEP_EMPTY 2U /* empty slabs a cache holds back for the next burst */
#define KMALLOC_MAX 8192UL

struct kmem_cache *slab_caches;
static unsigned long slab_frames;

/* --- slabs --- */
/* A new slab with all its objects chained, first address first; owned by nobody, on no list. */
static struct page *new_slab(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *head = alloc_pages(gfp & ~__GFP_ZERO, cache->order);
	char *base;

	if (!head)
		return NULL;
	base = page_address(head);
	for (unsigned int i = 0; i < 1U << cache->order; i++) {
		__SetPageSlab(head + i);
		head[i].mapping = (void *)cache;
		head[i].index = page_to_pfn(head);
	}
	head->private = 0;
	head->slab_inuse = 0;
	kasan_poison(base, PAGE_SIZE << cache->order, KASAN_REDZONE);
	for (unsigned int i = cache->per_slab; i--;) {
		void *object = base + i * cache->stride;

		slab_debug_new(cache, object);
		*link_of(cache, object) = (void *)head->private;
		head->private = (unsigned long)object;
	}
	__atomic_fetch_add(&slab_frames, 1UL << cache->order, __ATOMIC_RELAXED);
	trace_kind(TRACE_KIND_SLAB, (u8)cache->order, page_to_pfn(head));
	return head;
}

static void destroy_slab(struct kmem_cache *cache, struct page *head)
{
	for (unsigned int i = 0; i < 1U << cache->order; i++) {
		__ClearPageSlab(head + i);
		head[i].mapping = NULL;
	}
	__atomic_fetch_sub(&slab_frames, 1UL << cache->order, __ATOMIC_RELAXED);
	trace_kind(TRACE_KIND_NONE, (u8)cache->order, page_to_pfn(head));
	__free_pages(head, cache->order);
}

/* cache->lock held; the slab is on no list and owned by nobody. */
static void add_partial(struct kmem_cache *cache, struct page *slab)
{
	list_add(&slab->lru, &cache->partial);
	cache->nr_partial++;
	cache->nr_empty += !slab->slab_inuse;
}

static void del_partial(struct kmem_cache *cache, struct page *slab)
{
	list_del(&slab->lru);
	cache->nr_partial--;
	cache->nr_empty -= !slab->slab_inuse;
}

static struct page *owned_slab(const struct cpu_slab *c)
{
	return c->base ? virt_to_page((const void *)c->base) : NULL;
}

/*
 * cache->lock held; this CPU has no free object. Its slab is full now unless others freed into it.
 */
static bool refill_cpu(struct kmem_cache *cache, struct cpu_slab *c)
{
	struct page *slab = owned_slab(c);

	if (slab && !slab->private) {
		slab->slab_inuse &= ~SLAB_OWNED;
		slab = NULL;
		c->base = 0;
	}
	if (!slab) {
		if (list_empty(&cache->partial))
			return false;
		slab = list_first_entry(&cache->partial, struct page, lru);
		del_partial(cache, slab);
		c->base = (unsigned long)page_address(slab);
	}
	c->free = (void *)slab->private;
	slab->private = 0;
	slab->slab_inuse = SLAB_OWNED | cache->per_slab;
	return true;
}

/* The CPU's chain is empty: take a partial slab or a new one. False: out of memory. */
static bool slab_refill(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *fresh;
	bool ok;

	spin_lock(&cache->lock);
	ok = refill_cpu(cache, this_cpu_slab(cache));
	spin_unlock(&cache->lock);
	if (ok)
		return true;
	/* May sleep: whose CPU this is, and what it has, may change. */
	fresh = new_slab(cache, gfp);
	if (!fresh)
		return false;
	spin_lock(&cache->lock);
	cache->nr_slabs++;
	add_partial(cache, fresh);
	if (!this_cpu_slab(cache)->free)
		refill_cpu(cache, this_cpu_slab(cache));
	spin_unlock(&cache->lock);
	return true;
}

noinline void slab_free_slow(struct kmem_cache *cache, unsigned long base, void *object)
{
	struct page *slab = virt_to_page((const void *)base);
	bool empty = false;

	spin_lock(&cache->lock);
	if (!slab->private && !(slab->slab_inuse & SLAB_OWNED)) /* it was full */
		add_partial(cache, slab);
	*link_of(cache, object) = (void *)slab->private;
	slab->private = (unsigned long)object;
	if (!--slab->slab_inuse) {
		if (cache->nr_empty++ >= SLAB_KEEP_EMPTY) {
			del_partial(cache, slab);
			cache->nr_slabs--;
			empty = true;
		}
	}
	spin_unlock(&cache->lock);
	if (empty)
		destroy_slab(cache, slab);
}

/* --- the two doors --- */
static noinline void *alloc_after_refill(struct kmem_cache *cache, gfp_t gfp)
{
	return slab_refill(cache, gfp) ? kmem_cache_alloc(cache, gfp) : NULL;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	struct cpu_slab *c;
	void *object;

	if (gfp & __GFP_RECLAIM)
		might_sleep();
	c = this_cpu_slab(cache);
	object = c->free;
	if (unlikely(!object))
		return alloc_after_refill(cache, gfp);
	c->free = *link_of(cache, object);
	slab_debug_alloc(cache, object);
	if (unlikely(gfp & __GFP_ZERO))
		return memset(object, 0, cache->size);
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	if (slab_debug_free(cache, object))
		slab_give_back(cache, object);
}

/* --- making caches --- */
/* The smallest slab that wastes at most an eighth and holds a few objects, or nothing but one. */
static unsigned int slab_order(unsigned int stride)
{
	unsigned int order = 0;

	while (order < SLAB_MAX_ORDER) {
		unsigned long bytes = PAGE_SIZE << order;

		if (bytes == stride || (bytes / stride >= 2 && bytes % stride <= bytes / 8))
			break;
		order++;
	}
	return order;
}

static void cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align)
{
	align = max(align, sizeof(void *));
	cache->name = name;
	cache->size = size;
	cache->link = CONFIG_DEBUG ? ALIGN(size, sizeof(void *)) + sizeof(unsigned long) : 0;
	cache->stride =
		ALIGN(max(ALIGN(size, sizeof(void *)), sizeof(void *)) + SLAB_DEBUG_BYTES, align);
	cache->order = slab_order(cache->stride);
	cache->per_slab = (PAGE_SIZE << cache->order) / cache->stride;
	cache->mask = ~((PAGE_SIZE << cache->order) - 1);
	spin_lock_init(&cache->lock, "slab->lock");
	INIT_LIST_HEAD(&cache->partial);
	cache->next = slab_caches;
	slab_caches = cache;
	BUG_ON(!cache->per_slab);
}

static struct kmem_cache cache_of_caches;

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *cache = kmem_cache_alloc(&cache_of_caches, __GFP_ZERO);

	if (!cache)
		boot_fail("no memory for the slab cache %s: give the machine more RAM (MEM=)",
			  name);
	cache_setup(cache, name, size, align);
	return cache;
}

/* --- kmalloc --- */
static const struct {
	const char *name;
	unsigned int size;
} kmalloc_sizes[] = {
	{ "kmalloc-8", 8 },       { "kmalloc-16", 16 },     { "kmalloc-32", 32 },
	{ "kmalloc-64", 64 },     { "kmalloc-96", 96 },     { "kmalloc-128", 128 },
	{ "kmalloc-192", 192 },   { "kmalloc-256", 256 },   { "kmalloc-512", 512 },
	{ "kmalloc-1024", 1024 }, { "kmalloc-2048", 2048 }, { "kmalloc-4096", 4096 },
	{ "kmalloc-8192", 8192 },
};
static struct kmem_cache kmalloc_caches[ARRAY_SIZE(kmalloc_sizes)];
/* Index into kmalloc_caches for sizes up to 256, by (size - 1) / 8; the first ones after that. */
static u8 kmalloc_small[256 / 8];
#define KMALLOC_512 8

static struct kmem_cache *kmalloc_cache(size_t size)
{
	if (size <= 256)
		return &kmalloc_caches[kmalloc_small[(size - 1) / 8]];
	return &kmalloc_caches[KMALLOC_512 - 9 + fls64(size - 1)];
}

static noinline void *kmalloc_large(size_t size, gfp_t gfp)
{
	unsigned long pages = DIV_ROUND_UP(size, PAGE_SIZE);
	struct page *page = NULL;

	if (size <= PAGE_SIZE << MAX_ORDER)
		page = alloc_pages(gfp, fls64(pages - 1));
	if (!page)
		return NULL;
	page->private = fls64(pages - 1);
	page->slab_inuse = LARGE_MAGIC;
	kasan_limit(page_address(page), size, PAGE_SIZE << fls64(pages - 1));
	return page_address(page);
}

static __always_inline void *kmalloc_from(struct kmem_cache *cache, size_t size, gfp_t gfp)
{
	void *object = kmem_cache_alloc(cache, gfp);

	kasan_limit(object, size, cache->size);
	return object;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	if (unlikely(size - 1 >= KMALLOC_MAX)) /* 0 as well: it gets the smallest object */
		return size ? kmalloc_large(size, gfp) : kmem_cache_alloc(&kmalloc_caches[0], gfp);
	return kmalloc_from(kmalloc_cache(size), size, gfp);
}

void kfree(const void *object)
{
	struct page *page;

	if (!object)
		return;
	page = virt_to_page(object);
	if (likely(PageSlab(page))) {
		kmem_cache_free((struct kmem_cache *)page->mapping, (void *)object);
		return;
	}
	if (WARN_ON(page->slab_inuse != LARGE_MAGIC || page_count(page) != 1))
		return;
	page->slab_inuse = 0;
	__free_pages(page, page->private);
}

char *kstrdup(const char *s, gfp_t gfp)
{
	size_t size = strlen(s) + 1;
	char *copy = kmalloc(size, gfp);

	return copy ? memcpy(copy, s, size) : NULL;
}

void slab_init(void)
{
	unsigned int index = 0;

	cache_setup(&cache_of_caches, "kmem_cache", sizeof(struct kmem_cache), 64);
	for (unsigned int i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		cache_setup(&kmalloc_caches[i], kmalloc_sizes[i].name, kmalloc_sizes[i].size,
			    min(kmalloc_sizes[i].size & -kmalloc_sizes[i].size, 16U));
	for (unsigned int i = 0; i < ARRAY_SIZE(kmalloc_small); i++) {
		index += kmalloc_sizes[index].size < (i + 1) * 8;
		kmalloc_small[i] = index;
	}
}

/* --- giving back and counting --- */
static unsigned int chain_length(const struct kmem_cache *cache, void *object)
{
	unsigned int n = 0;

	for (; object; object = *link_of(cache, object))
		n++;
	return n;
}

/* Take this CPU's slab away from it. cache->lock held. */
static void disown_cpu_slab(struct kmem_cache *cache, struct cpu_slab *c)
{
	struct page *slab = owned_slab(c);

	if (!slab)
		return;
	slab->slab_inuse = (slab->slab_inuse & ~SLAB_OWNED) - chain_length(cache, c->free);
	while (c->free) {
		void *object = c->free;

		c->free = *link_of(cache, object);
		*link_of(cache, object) = (void *)slab->private;
		slab->private = (unsigned long)object;
	}
	c->base = 0;
	if (slab->private)
		add_partial(cache, slab);
}

unsigned long kmem_cache_shrink_local(void)
{
	struct kmem_cache *cache;
	unsigned long freed = 0;

	kasan_drain_quarantine();
	for_each_cache(cache) {
		struct page *slab, *next;
		LIST_HEAD(empty);

		spin_lock(&cache->lock);
		disown_cpu_slab(cache, this_cpu_slab(cache));
		list_for_each_entry_safe(slab, next, &cache->partial, lru) {
			if (slab->slab_inuse)
				continue;
			del_partial(cache, slab);
			cache->nr_slabs--;
			list_add(&slab->lru, &empty);
		}
		spin_unlock(&cache->lock);
		list_for_each_entry_safe(slab, next, &empty, lru) {
			freed += 1UL << cache->order;
			destroy_slab(cache, slab);
		}
	}
	return freed;
}

static void shrink_this_cpu(void *freed)
{
	__atomic_fetch_add((unsigned long *)freed, kmem_cache_shrink_local(), __ATOMIC_RELAXED);
}

unsigned long kmem_cache_shrink_all(void)
{
	unsigned long freed = 0;

	schedule_on_each_cpu(shrink_this_cpu, &freed);
	return freed;
}

unsigned long nr_slab_pages(void)
{
	return __atomic_load_n(&slab_frames, __ATOMIC_RELAXED);
}

/* A CPU's chain changes without a lock: only the CPU itself can walk it. */
static void count_chains(void *unused)
{
	struct kmem_cache *cache;

	(void)unused;
	for_each_cache(cache)
		this_cpu_slab(cache)->counted = chain_length(cache, this_cpu_slab(cache)->free);
}

void slab_for_each(void (*fn)(const struct slab_stat *stat, void *arg), void *arg)
{
	struct kmem_cache *cache;

	schedule_on_each_cpu(count_chains, NULL);
	for_each_cache(cache) {
		struct slab_stat stat = {
			.name = cache->name,
			.object_size = cache->size,
			.objects_per_slab = cache->per_slab,
			.pages_per_slab = 1U << cache->order,
		};
		unsigned long free = 0;
		struct page *slab;
		unsigned int cpu;

		spin_lock(&cache->lock);
		list_for_each_entry(slab, &cache->partial, lru)
			free += cache->per_slab - slab->slab_inuse;
		for_each_cpu(cpu) {
			struct cpu_slab *c = &cache->cpu[cpu];

			/* what its owner did since then makes the sum a little wrong */
			if (c->base)
				free += c->counted +
					chain_length(cache, (void *)owned_slab(c)->private);
		}
		stat.slabs = cache->nr_slabs;
		stat.objects = cache->nr_slabs * cache->per_slab;
		stat.in_use = stat.objects - min(free, stat.objects);
		spin_unlock(&cache->lock);
		fn(&stat, arg);
	}
}
