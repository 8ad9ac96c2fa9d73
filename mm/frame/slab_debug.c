/* SPDX-License-Identifier: MIT */
/* Tags, poison and the queue of freed objects: see slab_debug.h. This file is not checked by KASAN. */
#include "mm/frame/slab_debug.h"

#include "kernel/core/printk.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/page.h"

#if CONFIG_DEBUG
#define TAG_LIVE 0xcafe11fecafe11feUL
#define TAG_FREE 0xdeadf4eedeadf4eeUL

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

static void poison(struct kmem_cache *cache, void *object)
{
	kasan_unpoison(object, cache->size);
	memset(object, SLAB_POISON_FREED, cache->size);
	*tag_of(cache, object) = TAG_FREE;
	kasan_poison(object, cache->size, KASAN_FREE_OBJECT);
}

void slab_debug_new(struct kmem_cache *cache, void *object)
{
	poison(cache, object);
	kasan_forget(tracks_of(cache, object));
	kasan_forget(tracks_of(cache, object) + 1);
}

void slab_debug_alloc(struct kmem_cache *cache, void *object)
{
	kasan_unpoison(object, cache->size);
	if (*tag_of(cache, object) != TAG_FREE ||
	    memchr_inv(object, SLAB_POISON_FREED, cache->size))
		complain(cache, object, "was written while free");
	memset(object, SLAB_POISON_FRESH, cache->size);
	*tag_of(cache, object) = TAG_LIVE;
	kasan_record(tracks_of(cache, object));
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
		slab_give_back(q->cache[i], q->object[i]);
	}
}

/* True: the object waits. */
static bool keep_back(struct kmem_cache *cache, void *object)
{
	struct quarantine *q = this_cpu_ptr(&quarantine);
	unsigned int i;

	shrink_quarantine(q, QUARANTINE_OBJECTS - 1, QUARANTINE_BYTES);
	i = q->in++ % QUARANTINE_OBJECTS;
	q->cache[i] = cache;
	q->object[i] = object;
	q->bytes += cache->stride;
	return true;
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
static bool keep_back(struct kmem_cache *cache, void *object)
{
	(void)cache;
	(void)object;
	return false;
}
#endif

bool slab_debug_free(struct kmem_cache *cache, void *object)
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
		poison(cache, object);
		kasan_record(tracks_of(cache, object) + 1);
		return !keep_back(cache, object);
	}
	return false;
}
#endif
