/* SPDX-License-Identifier: MIT */
/* Memory that runs out, of 16 MiB: kswapd, direct reclaim, the OOM killer, throttled writers. */
#include "tests/host/test.h"

#include "mm/backing/writeback.h"
#include "mm/backing/xa_nodes.h"
#include "mm/reclaim/lru.h"

#define RAM 4096UL

static unsigned long hog_pages(unsigned long pages)
{
	unsigned long a = map_at(0, pages, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_false(IS_ERR_VALUE(a));
	return a;
}

/* More than fits: the rest lives in swap, and every page keeps its contents. */
static void test_more_than_ram(void **state)
{
	unsigned long pages = RAM * 3 / 2, a = hog_pages(pages),
		      stalls = vm_event_sum(VM_allocstall);
	int area = host_swapon(RAM * 2, -1);
	unsigned long woken = vm_event_sum(VM_pgsteal_kswapd);

	(void)state;
	for (int round = 0; round < 2; round++)
		for (unsigned long i = 0; i < pages; i++)
			OK(host_put(a + i * PAGE_SIZE, (u64)round * pages + i));
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), pages + i);
	host_audit();
	assert_true(mm_counter_sum(p->mm, MM_SWAPENTS) > (long)RAM / 4);
	assert_int_equal(mm_counter_sum(p->mm, MM_ANONPAGES) + mm_counter_sum(p->mm, MM_SWAPENTS),
			 pages);
	assert_true(vm_event_sum(VM_pswpout) > RAM / 4);
	assert_true(vm_event_sum(VM_allocstall) > stalls ||
		    vm_event_sum(VM_pgsteal_kswapd) > woken);
	assert_false(host_killed(p));
	assert_int_equal(sys_munmap(a, pages * PAGE_SIZE), 0);
	assert_int_equal(host_swapoff(area), 0);
}

/* A child shares it all, then both write: each page is copied, swapped, or both. */
static void test_fork_under_pressure(void **state)
{
	unsigned long pages = RAM / 2, a = hog_pages(pages);
	int area = host_swapon(RAM * 2, -1);
	struct task_struct *child;

	(void)state;
	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, i));
	child = host_fork(p);
	for (unsigned long i = 0; i < pages; i += 2)
		OK(host_put(a + i * PAGE_SIZE, ~(u64)i));
	host_switch(child);
	for (unsigned long i = 0; i < pages; i += 3)
		OK(host_put(a + i * PAGE_SIZE, 1000000 + i));
	host_audit();
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i % 3 ? i : 1000000 + i);
	host_switch(p);
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i % 2 ? i : ~(u64)i);
	host_exit(child);
	assert_int_equal(sys_munmap(a, pages * PAGE_SIZE), 0);
	assert_int_equal(host_swapoff(area), 0);
}

/* The cache of a file larger than RAM comes and goes; dirty pages reach the disk on the way. */
static void test_file_larger_than_ram(void **state)
{
	struct host_file *file = letters("large", RAM + RAM / 2);
	unsigned long pages = RAM + RAM / 2, a = map_file(file, pages, RW, MAP_SHARED);
	char byte;

	(void)state;
	for (unsigned long i = 0; i < pages; i++) {
		assert_int_equal(byte_at(a + i * PAGE_SIZE), 'a' + (int)(i % 26));
		if (i % 3 == 0)
			OK(poke(a + i * PAGE_SIZE, 'X'));
	}
	assert_true(mm_counter_sum(p->mm, MM_FILEPAGES) < (long)RAM);
	host_audit();
	assert_int_equal(host_file_sync(file), 0);
	for (unsigned long i = 0; i < pages; i++) {
		host_file_on_disk(file, &byte, 1, i * PAGE_SIZE);
		assert_int_equal(byte, i % 3 ? 'a' + (int)(i % 26) : 'X');
	}
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* Who dirties faster than the disk writes is made to wait for it. */
static void test_dirty_throttling(void **state)
{
	struct host_file *file = letters("dirty", RAM);
	unsigned long a = map_file(file, RAM, RW, MAP_SHARED), most = 0;

	(void)state;
	for (unsigned long i = 0; i < RAM; i++) {
		OK(poke(a + i * PAGE_SIZE, 'X'));
		most = max(most, node_stat(N_nr_dirty) + node_stat(N_nr_writeback));
	}
	assert_true(most < RAM / 3);
	writeback_all(true);
	assert_int_equal(node_stat(N_nr_dirty), 0);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* Without swap anonymous memory has nowhere to go: the largest process is killed, no other. */
static void test_oom_kills_the_largest(void **state)
{
	struct task_struct *hog = host_create();
	unsigned long a = map_anon(1, RW), b, n = 0;

	(void)state;
	OK(host_put(a, 42));
	host_switch(hog);
	b = hog_pages(2 * RAM);
	host_log_clear();
	while (n < 2 * RAM && !host_put(b + n * PAGE_SIZE, n).signal)
		n++;
	assert_true(n > RAM / 2 && n < RAM);
	assert_true(host_killed(hog) && !host_killed(p));
	assert_true(host_log_has("out of memory: killed process"));
	assert_true(hog->oom_victim);
	host_exit(hog);
	host_switch(p);
	assert_int_equal(host_get(a), 42);
	OK(host_put(map_anon(1, RW), 1));
}

/* The one who needs memory is not the largest: another one goes, and the access succeeds. */
static void test_oom_kills_another(void **state)
{
	struct task_struct *hog = host_create();
	unsigned long b, n = 0, a;

	(void)state;
	host_switch(hog);
	b = hog_pages(RAM);
	for (; nr_free_pages() > 400; n++)
		OK(host_put(b + n * PAGE_SIZE, n + 1));
	host_switch(p);
	a = hog_pages(RAM);
	for (unsigned long i = 0; i < 1000; i++)
		OK(host_put(a + i * PAGE_SIZE, i));
	assert_true(host_killed(hog) && !host_killed(p));
	assert_null(hog->mm);
	for (unsigned long i = 0; i < 1000; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i);
	host_exit(hog);
}

static void test_oom_spares_who_asked(void **state)
{
	struct task_struct *hog = host_create();
	unsigned long b, n = 0, a, i;

	(void)state;
	hog->oom_score_adj = -1000;
	host_switch(hog);
	b = hog_pages(RAM);
	for (; nr_free_pages() > 400; n++)
		OK(host_put(b + n * PAGE_SIZE, n + 1));
	host_switch(p);
	a = hog_pages(RAM);
	for (i = 0; i < 1000 && !host_killed(p); i++)
		host_put(a + i * PAGE_SIZE, i);
	assert_true(host_killed(p) && !host_killed(hog));
	host_switch(hog);
	assert_int_equal(host_get(b), 1);
	host_exit(hog);
}

/* A copy by the kernel that cannot have its frame ends short; the dying task is let go. */
static void test_oom_in_a_system_call(void **state)
{
	unsigned long a = hog_pages(2 * RAM), n = 0;
	char text[PAGE_SIZE] = "x";

	(void)state;
	while (n < 2 * RAM && !copy_to_user((void *)(a + n * PAGE_SIZE), text, sizeof(text)))
		n++;
	assert_true(n > RAM / 2 && n < RAM);
	assert_true(host_killed(p));
	host_switch(NULL);
}

/* Who was killed already gets the reserves, and nobody else has to die. */
static void test_oom_of_a_dying_task(void **state)
{
	struct task_struct *bystander = host_create();
	unsigned long a = hog_pages(2 * RAM), n = 0, kills = vm_event_sum(VM_oom_kill);

	(void)state;
	host_kill(p);
	while (n < 2 * RAM && !copy_to_user((void *)(a + n * PAGE_SIZE), "x", 1))
		n++;
	assert_true(n > RAM / 2 && n < RAM);
	assert_true(p->oom_victim);
	assert_int_equal(vm_event_sum(VM_oom_kill), kills);
	assert_false(host_killed(bystander));
	host_switch(NULL);
	host_exit(bystander);
}

/* MADV_PAGEOUT of a file's dirty pages writes them; of private copies it needs swap. */
static void test_pageout_of_files(void **state)
{
	struct host_file *file = letters("letters", 40);
	unsigned long a = map_file(file, 40, RW, MAP_SHARED);
	char byte;

	(void)state;
	OK(poke(a, 'X'));
	OK(poke(a + 39 * PAGE_SIZE, 'Y'));
	host_pageout(a, 40 * PAGE_SIZE);
	host_file_on_disk(file, &byte, 1, 39 * PAGE_SIZE);
	assert_int_equal(byte, 'Y');
	assert_null(host_page(p, a));
	RSS(0, 0, 0);
	assert_int_equal(byte_at(a), 'X');
	a = map_file(file, 1, RW, MAP_PRIVATE);
	OK(poke(a, 'Z'));
	host_pageout(a, PAGE_SIZE);
	assert_non_null(host_page(p, a)); /* no swap: it stays */
	assert_int_equal(byte_at(a), 'Z');
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

static void test_drop_caches(void **state)
{
	struct host_file *file = letters("letters", 100);
	unsigned long a = map_file(file, 1, PROT_READ, MAP_SHARED);
	static char text[100 * PAGE_SIZE];

	(void)state;
	assert_int_equal(host_file_read(file, text, sizeof(text), 0), sizeof(text));
	assert_int_equal(byte_at(a), 'a');
	assert_int_equal(host_file_write(file, "X", 1, 50 * PAGE_SIZE), 1);
	drop_caches(3);
	assert_non_null(host_file_page(file, 0));  /* mapped */
	assert_non_null(host_file_page(file, 50)); /* dirty */
	assert_null(host_file_page(file, 99));
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* What one CPU has in use comes back to its lists; that hides nothing on another CPU's. */
static void test_drop_caches_of_cpus(void **state)
{
	enum { USED = 200, UNUSED = 1200 };
	static char text[(USED + UNUSED) * PAGE_SIZE];
	struct host_file *file = letters("letters", USED + UNUSED);
	unsigned long a = map_file(file, USED, PROT_READ, MAP_SHARED);
	loff_t rest = USED * PAGE_SIZE;
	unsigned int left = 0;

	(void)state;
	host_file_drop(file);
	for (unsigned long i = 0; i < USED; i++)
		byte_at(a + i * PAGE_SIZE);
	host_cpu_switch(1);
	assert_int_equal(host_file_read(file, text, UNUSED * PAGE_SIZE, rest), UNUSED * PAGE_SIZE);
	host_cpu_switch(0);
	drop_caches(1);
	assert_non_null(host_file_page(file, 0));
	for (pgoff_t i = USED; i < USED + UNUSED; i++)
		left += host_file_page(file, i) != NULL;
	assert_int_equal(left, 0);
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* Used pages are kept, unused ones go first. */
static void test_second_chance(void **state)
{
	struct host_file *file = letters("letters", 512);
	static char text[512 * PAGE_SIZE];
	char byte;

	(void)state;
	assert_int_equal(host_file_read(file, text, sizeof(text), 0), sizeof(text));
	for (int i = 0; i < 3; i++)
		for (loff_t n = 0; n < 64; n++)
			host_file_read(file, &byte, 1, n * (loff_t)PAGE_SIZE);
	assert_true(PageActive(host_file_page(file, 5)));
	host_reclaim(300);
	for (pgoff_t n = 0; n < 64; n++)
		assert_non_null(host_file_page(file, n));
	assert_null(host_file_page(file, 100));
	deactivate_page(host_file_page(file, 5));
	assert_false(PageActive(host_file_page(file, 5)));
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/* Locked pages are passed by, whatever the need. */
static void test_mlocked_pages_stay(void **state)
{
	unsigned long a = map_anon(64, RW);
	int area = host_swapon(1024, -1);

	(void)state;
	assert_int_equal(sys_mlock(a, 64 * PAGE_SIZE), 0);
	host_reclaim(1000);
	host_reclaim(1000);
	RSS(64, 0, 0);
	assert_int_equal(sys_munlock(a, 64 * PAGE_SIZE), 0);
	for (int i = 0; i < 8; i++)
		host_reclaim(64);
	assert_true(mm_counter_sum(p->mm, MM_SWAPENTS) > 0);
	for (unsigned long i = 0; i < 64; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), 0);
	assert_int_equal(host_swapoff(area), 0);
}

/* MADV_FREE: what is not written again goes first, without swap; what is written stays. */
static void test_lazyfree(void **state)
{
	unsigned long a = written(64, 1), dropped = vm_event_sum(VM_pglazyfreed);
	struct page *page = host_page(p, a + 9 * PAGE_SIZE);

	(void)state;
	assert_int_equal(sys_madvise(a, 64 * PAGE_SIZE, MADV_FREE), 0);
	RSS(64, 0, 0);
	assert_true(page_is_lazyfree(page) && PageLRU(page));
	expect_pages(a, 8, 1); /* nothing was short so far */
	OK(host_put(a + 9 * PAGE_SIZE, 99));
	assert_true(page_is_lazyfree(page));
	host_reclaim(1000);
	host_reclaim(1000);
	host_reclaim(1000);
	RSS(1, 0, 0);
	assert_int_equal(vm_event_sum(VM_pglazyfreed) - dropped, 63);
	assert_true(!page_is_lazyfree(page) && host_page(p, a + 9 * PAGE_SIZE) == page);
	assert_int_equal(host_get(a + 9 * PAGE_SIZE), 99);
	assert_int_equal(host_get(a + 10 * PAGE_SIZE), 0);
}

/* Who else has the page, has use for it. */
static void test_lazyfree_shared(void **state)
{
	unsigned long a = written(3, 1);
	struct task_struct *child = host_fork(p);
	struct page *held = host_page(p, a + PAGE_SIZE);

	(void)state;
	host_switch(child);
	assert_int_equal(sys_madvise(a, 3 * PAGE_SIZE, MADV_FREE), 0);
	get_page(held); /* by who may be writing to it */
	host_reclaim(1000);
	host_reclaim(1000);
	host_switch(p);
	RSS(3, 0, 0);
	expect_pages(a, 3, 1);
	assert_false(page_is_lazyfree(held));
	put_page(held);
	host_exit(child);
	assert_int_equal(sys_madvise(a, PAGE_SIZE, MADV_FREE), 0);
	assert_int_equal(sys_mlock(a, PAGE_SIZE), 0); /* as good as written */
	assert_int_equal(sys_munlock(a, PAGE_SIZE), 0);
	host_reclaim(1000);
	expect_pages(a, 3, 1);
}

/* Swap slots of what need not be kept are given back, and a page that has one is not written again. */
static void test_lazyfree_swap(void **state)
{
	unsigned long a = written(32, 1);
	int area = host_swapon(1024, -1);

	(void)state;
	host_pageout(a, 32 * PAGE_SIZE);
	RSS(0, 0, 32);
	expect_pages(a, 8, 1); /* in memory, and in swap */
	assert_int_equal(sys_madvise(a, 32 * PAGE_SIZE, MADV_FREE), 0);
	assert_int_equal(mm_counter_sum(p->mm, MM_SWAPENTS), 0);
	assert_true(page_is_lazyfree(host_page(p, a)));
	assert_int_equal(nr_swap_pages(), total_swap_pages());
	for (int i = 0; i < 4; i++)
		host_reclaim(1000);
	RSS(0, 0, 0);
	assert_int_equal(host_get(a), 0);
	assert_int_equal(host_swapoff(area), 0);
}

static unsigned long shrunk;
static unsigned long shrinker(unsigned long nr)
{
	unsigned long now = min(nr, shrunk);

	shrunk -= now;
	return now;
}

static void test_shrinkers_are_asked(void **state)
{
	(void)state;
	shrunk = 500;
	register_shrinker(shrinker);
	drop_caches(2);
	assert_int_equal(shrunk, 0);
	shrunk = 500;
	host_reclaim(100000);
	assert_true(shrunk < 500);
}

/* Large blocks: made by reclaim when memory is in pieces, refused when they cannot be had. */
static void test_large_blocks(void **state)
{
	struct host_file *file = letters("filler", RAM);
	static char text[RAM * PAGE_SIZE];
	struct page *pages[64];
	int n = 0;

	(void)state;
	assert_true(host_file_read(file, text, sizeof(text), 0) > 0);
	while (n < 64 && (pages[n] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 6)))
		n++;
	assert_true(n > 10);
	while (n--)
		__free_pages(pages[n], 6);
	assert_null(alloc_pages(GFP_KERNEL, MAX_ORDER + 1));
	host_exit(p);
	p = NULL;
	host_file_remove(file);
}

/*
 * Every eighth page is in use all the time, so that what reclaim by age frees never makes a block of eight.
 * Blocks are made all the same, of pages in use if need be, and nobody is killed for them.
 */
static void test_blocks_among_pages_in_use(void **state)
{
	unsigned long pages = RAM, a = hog_pages(pages);
	int area = host_swapon(RAM * 2, -1);
	struct page *block[100];

	(void)state;
	for (unsigned long i = 0; i < pages; i++)
		OK(host_put(a + i * PAGE_SIZE, i));
	for (unsigned int n = 0; n < ARRAY_SIZE(block); n++) {
		for (unsigned long i = 0; i < pages; i += 8)
			assert_int_equal(host_get(a + i * PAGE_SIZE), i);
		block[n] = alloc_pages(GFP_KERNEL, 3);
		assert_non_null(block[n]);
	}
	assert_false(host_killed(p));
	for (unsigned int n = 0; n < ARRAY_SIZE(block); n++)
		__free_pages(block[n], 3);
	host_audit();
	for (unsigned long i = 0; i < pages; i++)
		assert_int_equal(host_get(a + i * PAGE_SIZE), i);
	assert_int_equal(sys_munmap(a, pages * PAGE_SIZE), 0);
	assert_int_equal(host_swapoff(area), 0);
}

/* Half of the frames are free, but no two side by side, and the others cannot go: nobody is killed for that. */
static void test_no_block_no_victim(void **state)
{
	unsigned long pages = RAM / 2, stay = hog_pages(pages), go = hog_pages(pages), n = 0;
	static struct page *block[RAM / 8];

	(void)state;
	for (; n < pages && nr_free_pages() > 400; n++) {
		OK(host_put(stay + n * PAGE_SIZE, n));
		OK(host_put(go + n * PAGE_SIZE, n));
	}
	assert_int_equal(sys_munmap(go, pages * PAGE_SIZE), 0);
	assert_true(nr_free_pages() > RAM / 4);
	for (n = 0; n < ARRAY_SIZE(block) && (block[n] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 3));)
		n++;
	assert_true(n < ARRAY_SIZE(block));
	while (n--)
		__free_pages(block[n], 3);
	assert_false(host_killed(p));
	assert_int_equal(sys_munmap(stay, pages * PAGE_SIZE), 0);
}

/* An allocation that must not fail takes of the reserves when all else is in vain. */
static void test_nofail(void **state)
{
	static struct page *pages[RAM];
	unsigned long n = 0;

	(void)state;
	while ((pages[n] = alloc_page(GFP_ATOMIC | __GFP_NOWARN)))
		n++;
	assert_true(nr_free_pages() > 0);
	pages[n] = alloc_page(GFP_NOFS | __GFP_NOFAIL);
	assert_non_null(pages[n]);
	while (n != ~0UL)
		put_page(pages[n--]);
}

static struct page *held[RAM];
static unsigned long nr_held, nr_left;
static int scarce_rounds;

/* Each whole reclaim empties the slabs, and in the end one frame is free. Nothing if none is held. */
static unsigned long free_one_a_reclaim(unsigned long nr)
{
	if (!nr_held || nr < 32) /* the last pass alone asks for so much */
		return 0;
	kmem_cache_shrink_all();
	while (nr_free_pages() > nr_left)
		held[nr_held++] = alloc_page(GFP_ATOMIC);
	put_page(held[--nr_held]);
	while (++scarce_rounds > 100 && nr_held) /* hopeless: to come to an end */
		put_page(held[--nr_held]);
	return 0;
}

/* The reclaim that a tree's nodes need does not take away those that were just set aside. */
static void test_preload_when_memory_is_scarce(void **state)
{
	(void)state;
	register_shrinker(free_one_a_reclaim);
	drop_caches(3);
	kmem_cache_shrink_all();
	while ((held[nr_held] = alloc_page(__GFP_NOWARN)))
		nr_held++;
	nr_left = nr_free_pages();
	xa_preload();
	assert_in_range(scarce_rounds, 2, 3);
	while (nr_held)
		put_page(held[--nr_held]);
}

static const struct CMUnitTest tests[] = {
	TEST(test_more_than_ram),         TEST(test_fork_under_pressure),
	TEST(test_file_larger_than_ram),  TEST(test_dirty_throttling),
	TEST(test_oom_kills_the_largest), TEST(test_oom_kills_another),
	TEST(test_oom_spares_who_asked),  TEST(test_oom_in_a_system_call),
	TEST(test_oom_of_a_dying_task),   TEST(test_pageout_of_files),
	TEST(test_drop_caches),           TEST(test_second_chance),
	TEST(test_drop_caches_of_cpus),   TEST(test_mlocked_pages_stay),
	TEST(test_lazyfree),              TEST(test_lazyfree_shared),
	TEST(test_lazyfree_swap),         TEST(test_shrinkers_are_asked),
	TEST(test_large_blocks),          TEST(test_blocks_among_pages_in_use),
	TEST(test_no_block_no_victim),    TEST(test_nofail),
	TEST(test_preload_when_memory_is_scarce),
};
TEST_MAIN(RAM)
