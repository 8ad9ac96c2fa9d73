/* SOURCES: mm/backing/swap_header.c */
/* SPDX-License-Identifier: MIT */
/*
 * Swap headers. Input: u16 pages of the device, u32 version, last page, number of bad pages, u8
 * signature, then the list of bad pages. What is accepted must be safe to build the slot map from.
 */
#include "tests/fuzz/fuzz.h"

#include "mm/backing/swap_header.h"

static const char *const signatures[] = { "SWAPSPACE2", "SWAP-SPACE", "S1SUSPEND", "S2SUSPEND" };

static void check(const uint32_t *page, uint64_t pages)
{
	struct swap_header_info info;

	if (swap_header_parse(page, pages, &info)) {
		CHECK(info.error && strlen(info.error) > 10);
		return;
	}
	CHECK(!memcmp((const char *)page + 4086, "SWAPSPACE2", 10));
	CHECK(info.last_page && info.last_page < pages && info.nr_badpages < info.last_page);
	CHECK((const char *)(info.badpages + info.nr_badpages) <= (const char *)page + 4086);
	for (uint32_t i = 0; i < info.nr_badpages; i++)
		CHECK(info.badpages[i] && info.badpages[i] <= info.last_page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	uint32_t *page = calloc(1, 4096); /* a block of its own: nothing behind it may be read */
	uint64_t pages = fuzz_u16(&in);
	uint8_t signature;

	CHECK(page);
	for (int i = 256; i < 259; i++)
		page[i] = fuzz_u32(&in);
	signature = fuzz_u8(&in);
	for (int i = 384; i < 1021; i++)
		page[i] = fuzz_u32(&in);
	memcpy((char *)page + 4086, signatures[signature % 4],
	       strlen(signatures[signature % 4]) - (signature >= 0xf0));
	check(page, pages);
	check(page, ~0ULL >> (signature >> 2));
	free(page);
	return 0;
}

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t seeds[][23] = {
		{ 0, 4, 1, 0, 0, 0, 255, 3 },
		{ 100, 0, 1, 0, 0, 0, 99, 0, 0, 0, 2, 0, 0, 0, 0, 5, 0, 0, 0, 99 },
		{ 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 },
	};

	if (n == sizeof(seeds) / sizeof(seeds[0])) { /* as many bad pages as there is room for */
		memcpy(buf, (const uint8_t[]){ 0, 8, 1, 0, 0, 0, 255, 7, 0, 0, 125, 2 }, 12);
		memset(buf + 15, 1, 637 * 4);
		return 15 + 637 * 4;
	}
	if (n > sizeof(seeds) / sizeof(seeds[0]) || size < sizeof(seeds[0]))
		return 0;
	memcpy(buf, seeds[n], sizeof(seeds[0]));
	return sizeof(seeds[0]);
}
