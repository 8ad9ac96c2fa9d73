/* SOURCES: mm/backing/swap_header.c */
/* SPDX-License-Identifier: MIT */
/*
 * Swap headers: as mkswap writes them, and each way in which one can be wrong, each with its
 * sentence.
 */
#include "tests/unit/test.h"

#include "lib/errno.h"
#include "mm/backing/swap_header.h"

static union {
	unsigned char bytes[4096];
	uint32_t words[1024];
} page;
#define VERSION page.words[256]
#define LAST_PAGE page.words[257]
#define NR_BAD page.words[258]
#define BAD(i) page.words[384 + (i)]

static struct swap_header_info info;

/* What util-linux's mkswap leaves in the first page of a device of @pages pages. */
static void mkswap(uint64_t pages)
{
	memset(&page, 0, sizeof(page));
	VERSION = 1;
	LAST_PAGE = (uint32_t)(pages - 1);
	memcpy(page.bytes + 4086, "SWAPSPACE2", 10);
}

static int parse(uint64_t device_pages)
{
	return swap_header_parse(&page, device_pages, &info);
}

/* Refused, with a sentence that has @text in it and says what to do. */
static void refused(uint64_t device_pages, const char *text)
{
	assert_int_equal(parse(device_pages), -EINVAL);
	assert_non_null(info.error);
	if (!strstr(info.error, text))
		fail_msg("\"%s\" does not mention \"%s\"", info.error, text);
	assert_true(strpbrk(info.error, ":?") != NULL);
}

static void good_headers(void **state)
{
	(void)state;
	mkswap(1000);
	assert_int_equal(parse(1000), 0);
	assert_int_equal(info.last_page, 999);
	assert_int_equal(info.nr_badpages, 0);
	assert_int_equal(parse(5000), 0); /* made for a smaller device */
	mkswap(2);
	assert_int_equal(parse(2), 0);
	assert_int_equal(info.last_page, 1);
	mkswap(1ULL << 32);
	assert_int_equal(parse(1ULL << 40), 0);
	assert_int_equal(info.last_page, 0xffffffffu);
	/* The boot sector and disk label in front are not ours. */
	mkswap(1000);
	memset(page.bytes, 0xff, 1024);
	assert_int_equal(parse(1000), 0);
	memset(page.bytes + 1036, 0xa5, 500 - 36); /* UUID, label, padding */
	assert_int_equal(parse(1000), 0);
}

static void signatures(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	refused(1000, "no swap signature");
	mkswap(1000);
	page.bytes[4095] = '3';
	refused(1000, "no swap signature");
	memcpy(page.bytes + 4086, "SWAP-SPACE", 10);
	refused(1000, "old version 0");
	memcpy(page.bytes + 4086, "S1SUSPEND\0", 10);
	refused(1000, "hibernated");
	/* A page of 8 KiB put its signature elsewhere: none here. */
	mkswap(1000);
	memset(page.bytes + 4086, 0, 10);
	refused(1000, "mkswap");
}

static void versions(void **state)
{
	(void)state;
	mkswap(1000);
	VERSION = 0;
	refused(1000, "unknown version");
	VERSION = 2;
	refused(1000, "unknown version");
	VERSION = 0x01000000;
	refused(1000, "byte order");
}

static void sizes(void **state)
{
	(void)state;
	mkswap(1000);
	refused(999, "more pages than there are");
	refused(2, "more pages than there are");
	refused(1, "smaller than two pages");
	refused(0, "smaller than two pages");
	LAST_PAGE = 0;
	refused(1000, "empty");
	LAST_PAGE = 0xffffffff;
	refused(0xffffffff, "more pages than there are");
}

static void bad_pages(void **state)
{
	(void)state;
	mkswap(1000);
	NR_BAD = 3;
	BAD(0) = 1;
	BAD(1) = 999;
	BAD(2) = 500;
	assert_int_equal(parse(1000), 0);
	assert_int_equal(info.nr_badpages, 3);
	assert_int_equal(info.badpages[1], 999);
	BAD(2) = 1000;
	refused(1000, "outside");
	BAD(2) = 0;
	refused(1000, "outside");
	NR_BAD = SWAP_MAX_BADPAGES + 1;
	refused(1000, "longer");
	NR_BAD = 0xffffffff;
	refused(1000, "longer");
	mkswap(1000);
	NR_BAD = SWAP_MAX_BADPAGES;
	for (unsigned int i = 0; i < SWAP_MAX_BADPAGES; i++)
		BAD(i) = i + 1;
	memcpy(page.bytes + 4086, "SWAPSPACE2", 10);
	assert_int_equal(parse(1000), 0);
	mkswap(4);
	NR_BAD = 3;
	for (unsigned int i = 0; i < 3; i++)
		BAD(i) = i + 1;
	refused(4, "all its pages are marked bad");
}

/* Whatever the bytes: an answer, and one that the caller can rely on. */
static void random_headers(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		uint64_t pages = test_random(&seed) % 2000;

		mkswap(1 + test_random(&seed) % 2000);
		for (uint64_t n = test_random(&seed) % 4; n; n--)
			page.words[256 + test_random(&seed) % 3] =
				(uint32_t)test_random(&seed) >> test_random(&seed) % 32;
		for (uint64_t n = test_random(&seed) % 8; n; n--)
			BAD(test_random(&seed) % 16) = (uint32_t)(test_random(&seed) % 2048);
		if (parse(pages)) {
			CHECK(info.error);
			continue;
		}
		CHECK(info.last_page && info.last_page < pages &&
		      info.nr_badpages < info.last_page);
		for (uint32_t i = 0; i < info.nr_badpages; i++)
			CHECK(info.badpages[i] && info.badpages[i] <= info.last_page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers), cmocka_unit_test(signatures),
		cmocka_unit_test(versions),     cmocka_unit_test(sizes),
		cmocka_unit_test(bad_pages),    cmocka_unit_test(random_headers),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
