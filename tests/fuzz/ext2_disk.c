/* SPDX-License-Identifier: MIT */
/*
 * What stands between ext2 and the rest of the kernel in its fuzz target: blocks and memory, each
 * in a heap block of its own, so that the sanitizer sees the first byte beyond. A block's contents go
 * to the page cache when ext2 says that they are dirty, and only then. What was changed without a
 * word must be forgotten: a block that is free now.
 */
#include "tests/fuzz/fuzz.h"

#include "fs/bdev.h"
#include "kernel/core/block.h"
#include "mm/frame/slab.h"
#include "tests/fuzz/ext2_disk.h"

/* The kernel's own, which the target's flags have renamed for the sources of fs/. */
#undef bread
#undef bget_zeroed
#undef bdirty
#undef brelse
#undef bforget
#include "fs/bdev.c"

/* --- blocks --- */
struct copy {
	struct copy *next;
	u64 pos; /* bytes */
	unsigned int users;
	char *data;
	struct buf real;
};
static struct copy *copies;
static u64 unsaid[64]; /* positions of blocks that were changed and released, but not made dirty */
static unsigned int nr_unsaid;

static void use(struct copy *copy, struct buf *b)
{
	copy->users++;
	*b = (struct buf){ copy->real.page, copy->data, copy->real.size };
}

static int get(struct block_device *bdev, u64 block, unsigned int size, struct buf *b, bool zero)
{
	struct copy *copy = copies;
	struct buf real;
	int err;

	while (copy && (copy->pos != block * size || copy->real.size != size))
		copy = copy->next;
	b->page = NULL;
	err = zero ? bget_zeroed(bdev, block, size, &real) : bread(bdev, block, size, &real);
	if (err)
		return err;
	if (copy) {
		brelse(&real);
		if (zero)
			memset(copy->data, 0, size);
	} else {
		copy = malloc(sizeof(*copy));
		*copy = (struct copy){ copies, block * size, 0, malloc(size), real };
		memcpy(copy->data, real.data, size);
		copies = copy;
	}
	use(copy, b);
	return 0;
}

int fuzz_bread(struct block_device *bdev, u64 block, unsigned int size, struct buf *b)
{
	return get(bdev, block, size, b, false);
}

int fuzz_bget_zeroed(struct block_device *bdev, u64 block, unsigned int size, struct buf *b)
{
	return get(bdev, block, size, b, true);
}

static struct copy **find(const struct buf *b)
{
	struct copy **link = &copies;

	while (*link && (*link)->data != b->data)
		link = &(*link)->next;
	CHECK(*link);
	return link;
}

void fuzz_bdirty(struct buf *b)
{
	struct copy *copy = *find(b);

	memcpy(copy->real.data, copy->data, b->size);
	bdirty(&copy->real);
}

void fuzz_brelse(struct buf *b)
{
	struct copy **link, *copy;

	if (!b->page)
		return;
	link = find(b);
	copy = *link;
	b->page = NULL;
	if (--copy->users)
		return;
	if (memcmp(copy->data, copy->real.data, copy->real.size)) {
		CHECK(nr_unsaid < 64);
		unsaid[nr_unsaid++] = copy->pos;
	}
	*link = copy->next;
	brelse(&copy->real);
	free(copy->data);
	free(copy);
}

void fuzz_bforget(struct block_device *bdev, u64 block, unsigned int size)
{
	for (unsigned int i = 0; i < nr_unsaid; i++)
		if (unsaid[i] == block * size)
			unsaid[i--] = unsaid[--nr_unsaid];
	bforget(bdev, block, size);
}

bool fuzz_blocks_released(void)
{
	if (nr_unsaid)
		fail_msg("the block at byte %llu was changed, but not made dirty", unsaid[0]);
	return !copies;
}

/* --- memory --- */
long fuzz_objects;
static size_t cache_sizes[8];

void *fuzz_kmalloc(size_t size, gfp_t gfp)
{
	void *p = malloc(size);

	CHECK(p);
	memset(p, gfp & __GFP_ZERO ? 0 : SLAB_POISON_FRESH, size);
	fuzz_objects++;
	return p;
}

void fuzz_kfree(const void *object)
{
	fuzz_objects -= object != NULL;
	free((void *)object);
}

struct kmem_cache *fuzz_cache_create(const char *name, size_t size, size_t align)
{
	static unsigned int n;

	(void)name, (void)align;
	CHECK(n < sizeof(cache_sizes) / sizeof(cache_sizes[0]));
	cache_sizes[n] = size;
	return (struct kmem_cache *)&cache_sizes[n++];
}

void *fuzz_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	return fuzz_kmalloc(*(size_t *)cache, gfp);
}

void fuzz_cache_free(struct kmem_cache *cache, void *object)
{
	(void)cache;
	fuzz_kfree(object);
}

char *fuzz_kstrdup(const char *s, gfp_t gfp)
{
	return strcpy(fuzz_kmalloc(strlen(s) + 1, gfp), s);
}

/* --- the images of tests/fuzz/ext2_images.py --- */
extern const char ext2_small[], ext2_small_end[], ext2_large[], ext2_large_end[];
#define INCLUDE(name, path)                                                         \
	asm(".section .rodata\n.balign 4096\n.global " name ", " name "_end\n" name \
	    ":\n.incbin \"" path "\"\n" name "_end:\n.byte 0\n.previous")
INCLUDE("ext2_small", "build/fuzz/ext2-small.img");
INCLUDE("ext2_large", "build/fuzz/ext2-large.img");

const char *fuzz_ext2_image(bool large, size_t *size)
{
	*size = (size_t)(large ? ext2_large_end - ext2_large : ext2_small_end - ext2_small);
	return large ? ext2_large : ext2_small;
}
