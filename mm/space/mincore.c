/* SPDX-License-Identifier: MIT */
/* mincore: which pages an access would find in memory, be it in the map or only in a cache. */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include <asm/uaccess.h>

struct mincore {
	unsigned long start;
	unsigned char *vec; /* one byte a page from start on */
};

/* Drops the reference; true when the cached page's contents are there. */
static bool put_uptodate(struct page *page)
{
	bool uptodate = page && PageUptodate(page);

	if (page)
		put_page(page);
	return uptodate;
}

static bool in_page_cache(struct vm_area_struct *vma, unsigned long addr)
{
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;

	if (mapping && mapping->shmem)
		return shmem_is_cached(mapping, linear_page_index(vma, addr));
	return mapping && put_uptodate(find_get_page(mapping, linear_page_index(vma, addr)));
}

static void mincore_pte(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct mincore *mincore = walk->arg;
	bool there = true;

	if (pte_none(*pte))
		there = in_page_cache(walk->vma, addr);
	else if (!pte_present(*pte))
		there = put_uptodate(lookup_swap_cache(pte_to_swp_entry(*pte)));
	mincore->vec[(addr - mincore->start) >> PAGE_SHIFT] = there;
}

static void mincore_hole(struct pt_walk *walk, unsigned long start, unsigned long end)
{
	struct mincore *mincore = walk->arg;

	for (; start < end; start += PAGE_SIZE)
		mincore->vec[(start - mincore->start) >> PAGE_SHIFT] =
			in_page_cache(walk->vma, start);
}

/* Up to @pages from @start on, as far as one VMA goes; pages done or -ENOMEM. mmap_lock held. */
static long do_mincore(struct mm_struct *mm, unsigned long start, unsigned long pages,
		       unsigned char *vec)
{
	struct mincore mincore = { start, vec };
	struct pt_walk walk = { vma_lookup(mm, start), mincore_pte, mincore_hole, &mincore };
	unsigned long end;

	if (!walk.vma)
		return -ENOMEM;
	end = min(walk.vma->vm_end, start + (pages << PAGE_SHIFT));
	pages = (end - start) >> PAGE_SHIFT;
	if (!walk.vma->vm_file || file_is_ours(walk.vma->vm_file))
		walk_page_range(&walk, mm, start, end);
	else
		memset(vec, 1, pages); /* what others read lately is not ours to know */
	return (long)pages;
}

long sys_mincore(unsigned long start, size_t len, unsigned char *vec)
{
	unsigned long pages = (len >> PAGE_SHIFT) + ((len & ~PAGE_MASK) != 0);
	struct mm_struct *mm = current->mm;
	unsigned char *buf;
	long done = 0;

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok((void *)start, len))
		return -ENOMEM;
	if (!access_ok(vec, pages))
		return -EFAULT;
	buf = get_zeroed_page(GFP_USER);
	if (!buf)
		return -EAGAIN;
	/* A page of answers at a time: copying them out may fault, which takes mmap_lock itself. */
	for (; pages; pages -= (unsigned long)done, vec += done,
		      start += (unsigned long)done << PAGE_SHIFT) {
		mmap_read_lock(mm);
		done = do_mincore(mm, start, min(pages, PAGE_SIZE), buf);
		mmap_read_unlock(mm);
		if (done > 0 && copy_to_user(vec, buf, (size_t)done))
			done = -EFAULT;
		if (done >= 0 && fatal_signal_pending(current))
			done = -EINTR; /* nobody will see it */
		if (done < 0)
			break;
		cond_resched();
	}
	free_page(buf);
	return done < 0 ? done : 0;
}
