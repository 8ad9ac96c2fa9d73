/* SPDX-License-Identifier: MIT */
/* One slab as the audit sees it: which of its objects are free. */
#ifndef MM_AUDIT_SLABS_H
#define MM_AUDIT_SLABS_H

#include "lib/bitops.h"
#include "mm/audit/internal.h"

#define SLAB_LOOK_MAX 512U /* objects in a slab: a page of the smallest */

struct slab_look {
	const struct kmem_cache *cache; /* NULL: no slab begins at this frame */
	struct page *head;
	unsigned long base;
	unsigned long free[SLAB_LOOK_MAX / 64]; /* bit per object */
};

/* Look at the slab whose head is @page, if it is one. False: the slab is broken. */
bool audit_slab_at(struct audit *a, struct page *page, struct slab_look *slab);

#endif
