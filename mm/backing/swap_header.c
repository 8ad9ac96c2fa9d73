/* SPDX-License-Identifier: MIT */
/* Parsing of the swap header; built into the kernel and, as it is, into a host test. */
#include "mm/backing/swap_header.h"

#include "lib/errno.h"
#include "lib/string.h"

#define MAGIC_OFFSET 4086
#define VERSION_OFFSET 1024
#define BADPAGES_OFFSET 1536

static int refuse(struct swap_header_info *out, const char *error)
{
	out->error = error;
	return -EINVAL;
}

static int check_magic(const char *page, struct swap_header_info *out)
{
	const char *magic = page + MAGIC_OFFSET;

	if (!memcmp(magic, "SWAPSPACE2", 10))
		return 0;
	if (!memcmp(magic, "SWAP-SPACE", 10))
		return refuse(out,
			      "the swap header is of the old version 0: run mkswap on it again");
	if (!memcmp(magic, "S1SUSPEND", 9) || !memcmp(magic, "S2SUSPEND", 9))
		return refuse(
			out,
			"it holds a hibernated system: resume that, or run mkswap to discard it");
	return refuse(out, "it has no swap signature: run mkswap on it first");
}

/* Each bad page must be a slot; the header itself is none. */
static int check_badpages(struct swap_header_info *out)
{
	for (u32 i = 0; i < out->nr_badpages; i++)
		if (!out->badpages[i] || out->badpages[i] > out->last_page)
			return refuse(
				out,
				"its list of bad pages names a page outside the swap area: run mkswap on it again");
	if (out->nr_badpages >= out->last_page)
		return refuse(out, "all its pages are marked bad: use another device");
	return 0;
}

int swap_header_parse(const void *page, u64 device_pages, struct swap_header_info *out)
{
	const u32 *header = (const u32 *)((const char *)page + VERSION_OFFSET);

	*out = (struct swap_header_info){ .last_page = 0 };
	if (device_pages < 2)
		return refuse(out, "it is smaller than two pages: use a larger device or file");
	if (check_magic(page, out))
		return -EINVAL;
	if (__builtin_bswap32(header[0]) == 1)
		return refuse(
			out,
			"its swap header has the byte order of another machine: run mkswap on it here");
	if (header[0] != 1)
		return refuse(
			out,
			"its swap header has an unknown version: run mkswap of util-linux on it");
	out->last_page = header[1];
	out->nr_badpages = header[2];
	out->badpages = (const u32 *)((const char *)page + BADPAGES_OFFSET);
	if (!out->last_page)
		return refuse(
			out, "its swap header says that the area is empty: run mkswap on it again");
	if (out->last_page >= device_pages)
		return refuse(
			out,
			"its swap header says more pages than there are: was it cut? Run mkswap on it again");
	if (out->nr_badpages > SWAP_MAX_BADPAGES)
		return refuse(
			out,
			"its list of bad pages is longer than the header has room for: run mkswap on it again");
	return check_badpages(out);
}
