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
 * Debug builds put two words behind each object: a tag that says live or free, so that a second free
 * and a write past the end are seen at once, and the chain's pointer, so that the whole object can
 * carry the poison. With KASAN, who allocated and who freed it follow, and a freed object waits in a
 * queue before it is used again, so that whoever still uses it is seen. This file is not checked.
 */
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/stop.h"
#include "kernel/debug/kasan.h"
#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab_internal.h"

#define SLAB_MAX_ORDER 3U  /* 32 KiB */
#define SLAB_KEEP_EMPTY 2U /* empty slabs a cache holds back for the next burst */
#define KMALLOC_MAX 8192UL

struct kmem_cache *slab_caches;
static unsigned long slab_frames;

/* --- debug: tags and poison --- */
#if CONFIG_DEBUG
#define TAG_LIVE 0xcafe11fecafe11feUL
#define TAG_FREE 0xdeadf4eedeadf4eeUL
#define DEBUG_BYTES (16U + (CONFIG_KASAN ? 2 * sizeof(struct kasan_track) : 0))

static unsigned long *tag_of(const struct kmem_cache *cache, void *object)
{
	return (unsigned long *)((char *)object + cache->link - sizeof(unsigned long));
}

/* Of its allocation; that of its free is the next one. */
static struct kasan_track *tracks_of(const struct kmem_cache *cache, const void *object)
{
	return (struct kasan_track *)((char *)object + cache->link + sizeof(void *));
}

static void complain(const struct kmem_cache *cache, const void *object, const char *what)
{
	pr_err("slab %s: object %p %s\n", cache->name, object, what);
	WARN_ON(true);
}

static void debug_init_object(struct kmem_cache *cache, void *object)
{
	memset(object, SLAB_POISON_FREED, cache->size);
	*tag_of(cache, object) = TAG_FREE;
	kasan_poison(object, cache->size, KASAN_FREE_OBJECT);
}

static void debug_forget(struct kmem_cache *cache, void *object)
{
	kasan_forget(tracks_of(cache, object));
	kasan_forget(tracks_of(cache, object) + 1);
}

static void debug_alloc(struct kmem_cache *cache, void *object)
{
	kasan_unpoison(object, cache->size);
	if (*tag_of(cache, object) != TAG_FREE ||
	    memchr_inv(object, SLAB_POISON_FREED, cache->size))
		complain(cache, object, "was written while free");
	memset(object, SLAB_POISON_FRESH, cache->size);
	*tag_of(cache, object) = TAG_LIVE;
	kasan_record(tracks_of(cache, object));
}

/* False: the object must be kept out of circulation. */
static bool debug_free(struct kmem_cache *cache, void *object)
{
	const struct page *page = virt_to_page(object);
	unsigned long offset = (unsigned long)object & ~cache->mask;

	if (!PageSlab(page) || page->mapping != (void *)cache || offset % cache->stride ||
	    offset / cache->stride >= cache->per_slab)
		complain(cache, object, "is not of this cache");
	else if (*tag_of(cache, object) == TAG_FREE)
		complain(cache, object, "is freed twice");
	else if (*tag_of(cache, object) != TAG_LIVE)
		complain(cache, object, "was written past its end");
	else {
		kasan_unpoison(object, cache->size);
		debug_init_object(cache, object);
		kasan_record(tracks_of(cache, object) + 1);
		return true;
	}
	return false;
}
#else
#define DEBUG_BYTES 0U
static inline void debug_init_object(struct kmem_cache *cache, void *object)
{
	(void)cache;
	(void)object;
}
static inline void debug_forget(struct kmem_cache *cache, void *object)
{
	(void)cache;
	(void)object;
}
static inline void debug_alloc(struct kmem_cache *cache, void *object)
{
	(void)cache;
	(void)object;
}
static inline bool debug_free(struct kmem_cache *cache, void *object)
{
	(void)cache;
	(void)object;
	return true;
}
#endif

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

		kasan_unpoison(object, cache->size);
		debug_init_object(cache, object);
		debug_forget(cache, object);
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

static struct cpu_slab *this_cpu_slab(struct kmem_cache *cache)
{
	return &cache->cpu[smp_processor_id()];
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
	fresh = new_slab(cache,
			 gfp); /* may sleep: whose CPU this is, and what it has, may change */
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

/* An object of a slab that this CPU does not own goes back. */
static noinline void slab_free_slow(struct kmem_cache *cache, unsigned long base, void *object)
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
	debug_alloc(cache, object);
	if (unlikely(gfp & __GFP_ZERO))
		return memset(object, 0, cache->size);
	return object;
}

static __always_inline void give_back(struct kmem_cache *cache, void *object)
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

#if CONFIG_KASAN
#define QUARANTINE_OBJECTS 512U /* a power of two */
#define QUARANTINE_BYTES (256UL * 1024)

/* Freed objects that wait, oldest first. No lock, as the CPUs' chains. */
struct quarantine {
	struct kmem_cache *cache[QUARANTINE_OBJECTS];
	void *object[QUARANTINE_OBJECTS];
	unsigned int in, out;
	unsigned long bytes;
};
static DEFINE_PER_CPU(struct quarantine, quarantine);

/* Until @objects wait at most, of @bytes at most, the oldest ones go back. */
static void shrink_quarantine(struct quarantine *q, unsigned int objects, unsigned long bytes)
{
	while (q->in - q->out > objects || q->bytes > bytes) {
		unsigned int i = q->out++ % QUARANTINE_OBJECTS;

		q->bytes -= q->cache[i]->stride;
		give_back(q->cache[i], q->object[i]);
	}
}

static void free_object(struct kmem_cache *cache, void *object)
{
	struct quarantine *q = this_cpu_ptr(&quarantine);
	unsigned int i;

	shrink_quarantine(q, QUARANTINE_OBJECTS - 1, QUARANTINE_BYTES);
	i = q->in++ % QUARANTINE_OBJECTS;
	q->cache[i] = cache;
	q->object[i] = object;
	q->bytes += cache->stride;
}

void slab_describe(const void *addr, struct kasan_object *object)
{
	const struct kmem_cache *cache = (void *)virt_to_page(addr)->mapping;
	unsigned long base = (unsigned long)addr & cache->mask;
	unsigned int i = min(((unsigned long)addr - base) / cache->stride, cache->per_slab - 1UL);

	object->cache = cache->name;
	object->start = (void *)(base + (unsigned long)i * cache->stride);
	object->size = cache->size;
	object->allocated = tracks_of(cache, object->start);
	object->freed = object->allocated + 1;
}

void kasan_drain_quarantine(void)
{
	shrink_quarantine(this_cpu_ptr(&quarantine), 0, 0);
}

void kasan_drain_all_quarantines(void)
{
	unsigned int cpu;

	for_each_cpu(cpu)
		shrink_quarantine(per_cpu_ptr(&quarantine, cpu), 0, 0);
}
#else
#define free_object give_back
#endif

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	if (debug_free(cache, object))
		free_object(cache, object);
}

/* --- making caches --- */
/* The smallest slab that wastes at most an eighth and holds a few objects. */
static unsigned int slab_order(unsigned int stride)
{
	unsigned int order = 0;

	while (order < SLAB_MAX_ORDER) {
		unsigned long bytes = PAGE_SIZE << order;

		if (bytes / stride >= 2 && bytes % stride <= bytes / 8)
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
		ALIGN(max(ALIGN(size, sizeof(void *)), sizeof(void *)) + DEBUG_BYTES, align);
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
