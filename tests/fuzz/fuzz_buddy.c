/* SOURCES: mm/frame/buddy.c mm/frame/pcp.c mm/frame/alloc.c mm/stats.c lib/vsprintf.c */
/* SOURCES: lib/string.c tests/host/shim.c */
/* CFLAGS: -UCONFIG_DEBUG -DCONFIG_DEBUG=0 */
/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: blocks of any order taken and given back in any order, in memory with a hole
 * that the input places. A model knows who owns each frame; free lists are counted, and no two free
 * buddies may lie side by side. In the end all frames are back, merged as at boot. Without
 * CONFIG_DEBUG: poisoning costs more than all the rest and has its unit test.
 *
 * Input: three bytes for the memory, then two a step: kind with order or flags, and which block.
 */
#include "tests/fuzz/fuzz.h"

#include "kernel/core/sched.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/internal.h"
#include "tests/host/host.h"

#define FRAMES 5120UL /* 20 MiB: ZONE_DMA and ZONE_DMA32 */
#define HELD_MAX 1500U

static struct block {
	struct page *page;
	unsigned int order;
	uint64_t tag; /* stands in each of its frames */
} held[HELD_MAX];
static unsigned int nr_held;
static unsigned long frames_out, hole_start, hole_end;
static bool owned[FRAMES];
static uint64_t next_tag;

struct shape {
	unsigned long blocks[MAX_NR_ZONES][MAX_ORDER + 1];
};

/* A free block: whole, in its zone, not mergeable. */
static void check_block(const struct zone *zone, const struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), buddy = pfn ^ 1UL << order;

	CHECK(PageBuddy(page) && page->private == order && !(pfn & ((1UL << order) - 1)));
	CHECK(pfn >= zone->start_pfn && pfn + (1UL << order) <= zone->end_pfn);
	for (unsigned long i = pfn; i < pfn + (1UL << order); i++)
		CHECK(!owned[i] && (i < hole_start || i >= hole_end));
	if (order < MAX_ORDER && buddy >= zone->start_pfn && buddy < zone->end_pfn)
		CHECK(!PageBuddy(pfn_to_page(buddy)) || pfn_to_page(buddy)->private != order);
}

static struct shape check_lists(void)
{
	struct shape shape = { 0 };
	unsigned long sum = pcp_frames();
	struct page *page;

	for (int z = 0; z < MAX_NR_ZONES; z++) {
		unsigned long in_zone = 0;

		for (unsigned int order = 0; order <= MAX_ORDER; order++) {
			struct free_area *area = &zones[z].free_area[order];

			list_for_each_entry(page, &area->free_list, lru) {
				check_block(&zones[z], page, order);
				shape.blocks[z][order]++;
			}
			CHECK(shape.blocks[z][order] == area->nr_free);
			in_zone += area->nr_free << order;
		}
		CHECK(in_zone == zones[z].nr_free);
		sum += in_zone;
	}
	CHECK(sum == nr_free_pages() && sum + frames_out == totalram_pages());
	return shape;
}

/* With no reclaim behind it the allocator may only refuse what no zone has above its mark. */
static void check_refusal(gfp_t gfp, unsigned int order)
{
	for (int z = 0; z < MAX_NR_ZONES; z++) {
		unsigned long mark = gfp & __GFP_MEMALLOC ? 0 :
				     gfp & __GFP_HIGH     ? zones[z].watermark[WMARK_MIN] / 2 :
							    zones[z].watermark[WMARK_MIN];

		if (zones[z].nr_free < mark + (1UL << order))
			continue;
		for (unsigned int have = order; have <= MAX_ORDER; have++)
			CHECK(!zones[z].free_area[have].nr_free);
	}
}

static void take(gfp_t gfp, unsigned int order)
{
	struct page *page;
	struct block *block = &held[nr_held];

	if (nr_held == HELD_MAX)
		return;
	page = order ? alloc_pages(gfp | __GFP_NOWARN, order) : alloc_page(gfp | __GFP_NOWARN);
	if (!page) {
		check_refusal(gfp, order);
		return;
	}
	*block = (struct block){ page, order, ++next_tag };
	CHECK(page_count(page) == 1 && !page->flags && !page->private && !page->mapping);
	CHECK(!(page_to_pfn(page) & ((1UL << order) - 1)));
	for (unsigned long i = 0; i < 1UL << order; i++) {
		uint64_t *frame = page_address(page + i);

		CHECK(page_to_pfn(page + i) < FRAMES && !owned[page_to_pfn(page + i)]);
		owned[page_to_pfn(page + i)] = true;
		CHECK(!(gfp & __GFP_ZERO) || (!frame[0] && !frame[511]));
		frame[i % 512] = block->tag;
	}
	nr_held++;
	frames_out += 1UL << order;
}

static void give(unsigned int n, bool put)
{
	struct block block = held[n];

	for (unsigned long i = 0; i < 1UL << block.order; i++) {
		CHECK(((uint64_t *)page_address(block.page + i))[i % 512] == block.tag);
		owned[page_to_pfn(block.page + i)] = false;
	}
	held[n] = held[--nr_held];
	frames_out -= 1UL << block.order;
	if (put && !block.order)
		put_page(block.page);
	else
		__free_pages(block.page, block.order);
}

/* put_page() of the kernel proper also takes the page off reclaim's lists: none is on one here. */
void __put_page(struct page *page)
{
	free_unref_page(page);
}

static void step(uint8_t kind, uint8_t arg)
{
	static const gfp_t flags[] = { 0, GFP_ATOMIC, __GFP_ZERO, __GFP_DMA32, __GFP_MEMALLOC };

	if (kind < 110) {
		take(flags[arg % 8 % ARRAY_SIZE(flags)], !(arg & 24) ? kind % 11U : kind % 3U);
	} else if (kind < 230) {
		if (nr_held)
			give(((unsigned int)kind << 8 | arg) % nr_held, kind & 1);
	} else if (kind < 240) {
		drain_all_pages();
	} else if (kind < 248) {
		for (unsigned int n = arg; n; n--)
			take(kind & 1 ? __GFP_MEMALLOC : 0, 0);
	} else {
		for (unsigned int n = arg; n && nr_held; n--)
			give(kind & 1 ? nr_held - 1 : n % nr_held, kind & 2);
	}
}

static void boot(struct fuzz_input *in)
{
	unsigned long first = fuzz_u8(in);

	hole_start = first + 1 + fuzz_u8(in) * 16UL;
	hole_end = hole_start + fuzz_u8(in) * 2UL;
	memset(pfn_to_page(0), 0, FRAMES * sizeof(struct page));
	host_log_clear();
	zones_init(FRAMES);
	free_range_to_buddy(first, hole_start);
	free_range_to_buddy(hole_end, FRAMES);
	zones_finish();
	CHECK(totalram_pages() == hole_start - first + FRAMES - hole_end);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	host_ram_init(FRAMES);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	struct shape before, after;

	boot(&in);
	before = check_lists();
	for (unsigned int i = 1; fuzz_more(&in); i++) {
		uint8_t kind = fuzz_u8(&in);

		step(kind, fuzz_u8(&in));
		if (i % 16 == 0)
			check_lists();
	}
	while (nr_held)
		give(nr_held - 1, false);
	drain_all_pages();
	after = check_lists();
	CHECK(!memcmp(&before, &after, sizeof(before)));
	CHECK(!host_log_has("bad page"));
	return 0;
}

const unsigned long fuzz_inputs = 2000;

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t steps[] = {
		16, 62, 246, 240, 200, 10, 12, 8, 8, 9, 10,  10, 8, 120, 0, 130, 5, 235, 0, 4, 9,
		3,  8,  150, 1,   151, 2,  5,  9, 9, 8, 249, 90, 5, 9,   9, 8,   1, 8,   2, 8, 3,
	};

	if (n > 1 || size < 400)
		return 0;
	memcpy(buf, steps, sizeof(steps));
	if (!n)
		return sizeof(steps);
	for (unsigned int i = 0; i < 200; i++) /* all there is, then half of it back */
		buf[3 + i] = i < 60 ? (i & 1 ? 255 : 241) : (uint8_t)(i * 37);
	return 203;
}
