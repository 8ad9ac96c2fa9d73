/* SOURCES: mm/frame/slab.c mm/frame/slab_debug.c mm/frame/buddy.c mm/frame/pcp.c mm/frame/alloc.c mm/stats.c lib/string.c */
/* SOURCES: lib/vsprintf.c tests/host/shim.c */
/* SPDX-License-Identifier: MIT */
/*
 * Slab caches over the real frame allocator, in a debug build: objects are aligned and never overlap,
 * slabs come and go, sizes find their caches, and wrong frees and stray writes are seen.
 */
#include "tests/unit/test.h"

#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "tests/host/host.h"

#define FRAMES 8192UL

static int setup(void **state)
{
	(void)state;
	host_ram_init(FRAMES);
	zones_init(FRAMES);
	free_range_to_buddy(0, FRAMES);
	zones_finish();
	slab_init();
	return 0;
}

static int fresh_log(void **state)
{
	(void)state;
	host_log_clear();
	return 0;
}

static bool all_bytes(const void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((const unsigned char *)p)[i] != (unsigned char)c)
			return false;
	return true;
}

static void sizes_and_alignment(void **state)
{
	static const struct {
		size_t size, align;
	} shapes[] = {
		{ 1, 0 },    { 8, 8 },    { 24, 0 },   { 100, 4 },
		{ 512, 16 }, { 568, 64 }, { 3000, 8 }, { 9000, 256 },
	};

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		struct kmem_cache *cache =
			kmem_cache_create("shape", shapes[s].size, shapes[s].align);
		unsigned char *object[300];

		for (int i = 0; i < 300; i++) {
			object[i] = kmem_cache_alloc(cache,
						     i % 2 ? GFP_KERNEL : GFP_KERNEL | __GFP_ZERO);
			assert_non_null(object[i]);
			if (shapes[s].align)
				assert_int_equal((unsigned long)object[i] % shapes[s].align, 0);
			assert_true(all_bytes(object[i], i % 2 ? SLAB_POISON_FRESH : 0,
					      shapes[s].size));
			memset(object[i], i, shapes[s].size);
		}
		for (int i = 0; i < 300; i++) {
			assert_true(all_bytes(object[i], i, shapes[s].size));
			kmem_cache_free(cache, object[i]);
		}
	}
	assert_false(host_log_has("slab"));
}

static void stat_of(const struct slab_stat *stat, void *arg)
{
	struct slab_stat *wanted = arg;

	if (!strcmp(stat->name, wanted->name))
		*wanted = *stat;
}

static struct slab_stat get_stat(const char *name)
{
	struct slab_stat stat = { .name = name };

	slab_for_each(stat_of, &stat);
	return stat;
}

static void counts_and_shrinking(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("counted", 200, 0);
	static void *object[5000];
	unsigned long frames, free_frames;

	(void)state;
	kmem_cache_shrink_all();
	frames = nr_slab_pages();
	free_frames = nr_free_pages();
	for (int i = 0; i < 5000; i++)
		object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(get_stat("counted").in_use, 5000);
	assert_int_equal(get_stat("counted").object_size, 200);
	assert_true(nr_slab_pages() - frames >= 5000 * 200 / PAGE_SIZE);
	assert_int_equal(nr_slab_pages() - frames, free_frames - nr_free_pages());
	/* Every second one: all slabs stay, half empty. */
	for (int i = 0; i < 5000; i += 2)
		kmem_cache_free(cache, object[i]);
	assert_int_equal(get_stat("counted").in_use, 2500);
	kmem_cache_shrink_all();
	assert_int_equal(get_stat("counted").in_use, 2500);
	/* What is free is used again before new slabs are made. */
	frames = nr_slab_pages();
	for (int i = 0; i < 5000; i += 2)
		object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	assert_int_equal(nr_slab_pages(), frames);
	for (int i = 4999; i >= 0; i--)
		kmem_cache_free(cache, object[i]);
	kmem_cache_shrink_all();
	assert_int_equal(get_stat("counted").in_use, 0);
	assert_int_equal(get_stat("counted").slabs, 0);
	assert_int_equal(nr_free_pages(), free_frames);
	assert_false(host_log_has("slab "));
}

static void kmalloc_sizes(void **state)
{
	unsigned long free_frames;
	char *copy;

	(void)state;
	kmem_cache_shrink_all();
	free_frames = nr_free_pages();
	for (size_t size = 0; size <= 9000; size += size < 300 ? 1 : 97) {
		unsigned char *a = kmalloc(size, GFP_KERNEL), *b = kzalloc(size, GFP_KERNEL);

		assert_non_null(a);
		assert_true(all_bytes(b, 0, size));
		memset(a, 1, size);
		memset(b, 2, size);
		assert_true(all_bytes(a, 1, size));
		kfree(a);
		kfree(b);
	}
	assert_int_equal(get_stat("kmalloc-96").in_use, 0);
	for (size_t size = 8193; size <= PAGE_SIZE << MAX_ORDER; size = size * 2 - 3) {
		void *p = kmalloc(size, GFP_KERNEL);

		assert_non_null(p);
		assert_int_equal((unsigned long)p % PAGE_SIZE, 0);
		memset(p, 3, size);
		kfree(p);
	}
	assert_null(kmalloc((PAGE_SIZE << MAX_ORDER) + 1, GFP_KERNEL));
	kfree(NULL);
	copy = kstrdup("fault", GFP_KERNEL);
	assert_string_equal(copy, "fault");
	kfree(copy);
	kmem_cache_shrink_all();
	assert_int_equal(nr_free_pages(), free_frames);
	assert_false(host_log_has("slab "));
}

static void random_objects(void **state)
{
	static struct {
		unsigned char *p;
		size_t size;
		unsigned char c;
	} held[2000];
	uint64_t seed = 11;
	unsigned int nr = 0;

	(void)state;
	for (int step = 0; step < 100000; step++) {
		uint64_t r = test_random(&seed);

		if (nr < 2000 && r % 2) {
			size_t size = 1 + (r >> 8) % ((r >> 40) % 8 ? 256 : 8192);
			unsigned char *p = kmalloc(size, __GFP_NOWARN);

			CHECK(p);
			held[nr].p = memset(p, (int)(r >> 50), size);
			held[nr].c = (unsigned char)(r >> 50);
			held[nr++].size = size;
		} else if (nr) {
			unsigned int i = (unsigned int)((r >> 8) % nr);

			CHECK(all_bytes(held[i].p, held[i].c, held[i].size));
			kfree(held[i].p);
			held[i] = held[--nr];
		}
	}
	while (nr--)
		kfree(held[nr].p);
	assert_false(host_log_has("slab "));
}

static void out_of_memory(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("large", 4000, 0);
	static void *object[FRAMES];
	unsigned long n = 0;

	(void)state;
	while (n < FRAMES && (object[n] = kmem_cache_alloc(cache, __GFP_NOWARN)))
		n++;
	assert_true(n > FRAMES / 3);
	assert_null(kmalloc(100000, __GFP_NOWARN));
	while (n--)
		kmem_cache_free(cache, object[n]);
	assert_non_null(object[0] = kmem_cache_alloc(cache, 0));
	kmem_cache_free(cache, object[0]);
}

static void wrong_use_is_seen(void **state)
{
	struct kmem_cache *cache = kmem_cache_create("victim", 40, 0),
			  *other = kmem_cache_create("other", 40, 0);
	char *a, *b;

	(void)state;
	a = kmem_cache_alloc(cache, 0);
	kmem_cache_free(cache, a);
	assert_true(all_bytes(a, SLAB_POISON_FREED, 40));
	kmem_cache_free(cache, a);
	assert_true(host_log_has("freed twice"));
	/* Kept out: the two next objects are different. */
	a = kmem_cache_alloc(cache, 0);
	b = kmem_cache_alloc(cache, 0);
	assert_ptr_not_equal(a, b);

	host_log_clear();
	a[40] = 1;
	kmem_cache_free(cache, a);
	assert_true(host_log_has("past its end"));

	host_log_clear();
	kmem_cache_free(cache, b);
	b[7] = 1;
	a = kmem_cache_alloc(cache, 0);
	assert_ptr_equal(a, b);
	assert_true(host_log_has("was written while free"));

	host_log_clear();
	kmem_cache_free(other, a);
	assert_true(host_log_has("not of this cache"));
	host_log_clear();
	kmem_cache_free(cache, a + 8);
	assert_true(host_log_has("not of this cache"));
	kmem_cache_free(cache, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sizes_and_alignment, fresh_log),
		cmocka_unit_test_setup(counts_and_shrinking, fresh_log),
		cmocka_unit_test_setup(kmalloc_sizes, fresh_log),
		cmocka_unit_test_setup(random_objects, fresh_log),
		cmocka_unit_test_setup(out_of_memory, fresh_log),
		cmocka_unit_test_setup(wrong_use_is_seen, fresh_log),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, setup, NULL);
}
