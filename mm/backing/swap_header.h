/* SPDX-License-Identifier: MIT */
/*
 * The first page of a swap area, as mkswap(8) of util-linux writes it (version 1):
 *
 *   0     boot sector, disk label: not ours
 *   1024  u32 version (1), u32 last_page, u32 nr_badpages, uuid, label, padding up to 1536
 *   1536  u32 badpages[nr_badpages]
 *   4086  "SWAPSPACE2"
 *
 * All numbers are in the byte order of the machine that ran mkswap.
 */
#ifndef MM_BACKING_SWAP_HEADER_H
#define MM_BACKING_SWAP_HEADER_H

#include "lib/types.h"

#define SWAP_MAX_BADPAGES ((4086 - 1536) / 4)

struct swap_header_info {
	u32 last_page;       /* slots are 1 .. last_page */
	u32 nr_badpages;
	const u32 *badpages; /* inside the header page */
	const char *error;   /* after -EINVAL: a sentence that says what is wrong and what to do */
};

/*
 * Parse the 4096 bytes at @page (4-byte aligned) of a device or file of @device_pages whole pages.
 * 0 with *out filled in, or -EINVAL with out->error set. Pure: nothing outside *out is touched.
 */
int swap_header_parse(const void *page, u64 device_pages, struct swap_header_info *out);

#endif
