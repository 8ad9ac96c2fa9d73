/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/pagemap: 8 bytes per virtual page, indexed by address >> 12 (Linux's
 * Documentation/admin-guide/mm/pagemap.rst):
 *
 *   bits 0-54  frame number if present; if swapped: bits 0-4 area, 5-54 slot
 *   bit 55     soft-dirty: written, or newly mapped, since clear_refs was told to forget
 *   bit 56     mapped exactly once
 *   bit 61     page of a file or of shared memory
 *   bit 62     swapped
 *   bit 63     present
 *
 * Who is not root sees no frames and slots.
 *
 * /proc/kpagecount and kpageflags: likewise 8 bytes for each frame: how often it is mapped, and what it is.
 */
#include "fs/proc/proc.h"
#include "kernel/core/sched.h"
#include "kernel/proc/caps.h"
#include "kernel/proc/signal.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include <asm/uaccess.h>

#define PM_SOFT_DIRTY (1ULL << 55)
#define PM_MMAP_EXCLUSIVE (1ULL << 56)
#define PM_FILE (1ULL << 61)
#define PM_SWAP (1ULL << 62)
#define PM_PRESENT (1ULL << 63)
#define PM_ENTRY_BYTES 8
#define PM_BATCH 512 /* entries looked up per hold of mmap_lock */

static u64 pte_to_pagemap(struct vm_area_struct *vma, unsigned long addr, pte_t pte, bool show_pfn)
{
	u64 entry = 0, place = 0;

	if (pte_present(pte)) {
		struct page *page = vm_normal_page(vma, addr, pte);

		entry = PM_PRESENT;
		place = pte_pfn(pte);
		if (pte_soft_dirty(pte))
			entry |= PM_SOFT_DIRTY;
		if (page && !PageAnon(page))
			entry |= PM_FILE;
		if (page && page_mapcount(page) == 1)
			entry |= PM_MMAP_EXCLUSIVE;
	} else if (is_swap_pte(pte)) {
		swp_entry_t swap = pte_to_swp_entry(pte);

		entry = PM_SWAP | (pte_swp_soft_dirty(pte) ? PM_SOFT_DIRTY : 0);
		place = swp_type(swap) | (u64)swp_offset(swap) << 5;
	}
	return show_pfn ? entry | place : entry;
}

static u64 pagemap_entry(struct mm_struct *mm, unsigned long addr, bool show_pfn)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	spinlock_t *ptl;
	u64 entry;
	pte_t *pte;

	if (!vma)
		return 0;
	entry = vma->vm_flags & VM_SOFTCLEAN ? 0 : PM_SOFT_DIRTY;
	pte = get_locked_pte(mm, addr, &ptl);
	if (pte) {
		entry |= pte_to_pagemap(vma, addr, *pte, show_pfn);
		pte_unmap_unlock(pte, ptl);
	}
	return entry;
}

/* Fill @entries for @nr pages from @addr on; returns how many lie in user space. */
static size_t fill_batch(struct mm_struct *mm, u64 *entries, unsigned long addr, size_t nr)
{
	bool show_pfn = capable(CAP_SYS_ADMIN);
	size_t i;

	mmap_read_lock(mm);
	for (i = 0; i < nr && addr < TASK_SIZE; i++, addr += PAGE_SIZE)
		entries[i] = pagemap_entry(mm, addr, show_pfn);
	mmap_read_unlock(mm);
	return i;
}

/* --- by frame: 8 bytes each --- */
static u64 page_maps(const struct page *page)
{
	return PageSlab(page) || PageBuddy(page) ? 0 : (u64)page_mapcount(page);
}

/* Our flag, and its bit in the user's file (linux/kernel-page-flags.h). */
static const struct {
	u8 ours, bit;
} kpf_bits[] = {
	{ PG_locked, 0 },       { PG_error, 1 },   { PG_referenced, 2 }, { PG_uptodate, 3 },
	{ PG_dirty, 4 },        { PG_lru, 5 },     { PG_active, 6 },     { PG_slab, 7 },
	{ PG_writeback, 8 },    { PG_reclaim, 9 }, { PG_swapcache, 13 }, { PG_swapbacked, 14 },
	{ PG_unevictable, 18 }, { PG_table, 26 },  { PG_reserved, 32 },  { PG_mlocked, 33 },
};
#define KPF_BUDDY (1ULL << 10)
#define KPF_MMAP (1ULL << 11)
#define KPF_ANON (1ULL << 12)
#define KPF_NOPAGE (1ULL << 20)
#define KPF_ZERO_PAGE (1ULL << 24)

static u64 page_kpf(const struct page *page)
{
	unsigned long flags = READ_ONCE(page->flags);
	u64 kpf = page == zero_page ? KPF_ZERO_PAGE : 0;

	/* Linux marks each frame of a free block too, not only its head. */
	if (!page_count(page) && frame_is_free(page_to_pfn(page)))
		kpf |= KPF_BUDDY;
	for (size_t i = 0; i < ARRAY_SIZE(kpf_bits); i++)
		if (flags & (1UL << kpf_bits[i].ours))
			kpf |= 1ULL << kpf_bits[i].bit;
	if (page_maps(page))
		kpf |= KPF_MMAP;
	return !PageSlab(page) && PageAnon(page) ? kpf | KPF_ANON : kpf;
}

static ssize_t read_frames(char __user *buf, size_t count, loff_t *pos,
			   u64 (*value)(const struct page *page), u64 asleep, u64 nopage)
{
	unsigned long pfn = (unsigned long)*pos / PM_ENTRY_BYTES;
	ssize_t done = 0;

	if (*pos % PM_ENTRY_BYTES || count % PM_ENTRY_BYTES)
		return -EINVAL;
	for (; count && pfn < max_pfn; pfn++, count -= PM_ENTRY_BYTES) {
		u64 entry = pfn_valid(pfn)    ? value(pfn_to_page(pfn)) :
			    frame_sleeps(pfn) ? asleep :
						nopage;

		if (put_user(entry, (u64 __user *)(buf + done)))
			return done ? done : -EFAULT;
		done += PM_ENTRY_BYTES;
		*pos += PM_ENTRY_BYTES;
		cond_resched();
	}
	return done;
}

ssize_t proc_read_kpagecount(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	return read_frames(buf, count, pos, page_maps, 0, 0);
}

ssize_t proc_read_kpageflags(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	(void)file;
	return read_frames(buf, count, pos, page_kpf, KPF_BUDDY, KPF_NOPAGE);
}

/* --- by address --- */
ssize_t proc_read_pagemap(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct mm_struct *mm;
	ssize_t done = 0;
	u64 *entries;

	mm = proc_mm(pseudo_arg(file));
	if (mm && (*pos % PM_ENTRY_BYTES || count % PM_ENTRY_BYTES))
		done = -EINVAL;
	if (done || !mm || !count || (u64)*pos >= (TASK_SIZE >> PAGE_SHIFT) * PM_ENTRY_BYTES) {
		mmput(mm);
		return done;
	}
	entries = kmalloc(PM_BATCH * sizeof(*entries), GFP_KERNEL);
	if (!entries)
		done = -ENOMEM;
	while (entries && count) {
		unsigned long addr = (unsigned long)(*pos / PM_ENTRY_BYTES) << PAGE_SHIFT;
		size_t n = fill_batch(mm, entries, addr,
				      min(count / PM_ENTRY_BYTES, (size_t)PM_BATCH));

		n *= PM_ENTRY_BYTES;
		if (!n)
			break;
		if (copy_to_user(buf, entries, n)) {
			done = done ? done : -EFAULT;
			break;
		}
		buf += n;
		count -= n;
		*pos += (loff_t)n;
		done += (ssize_t)n;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	kfree(entries);
	mmput(mm);
	return done;
}
