/* SPDX-License-Identifier: MIT */
/*
 * The kernel as a user of somebody's memory. What is not there is faulted in as the owner's own
 * access would have been, under the lock of that one map.
 *
 * Bytes are copied under the lock of the entry that allows it, as if by one more CPU of the owner's:
 * neither fork nor copy-on-write nor reclaim comes between the look at the entry and the last byte.
 * Who is given the page itself has only a reference, and may find that it is no longer the owner's.
 */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/fault/note.h"

/* One page's share of an access. */
struct access {
	unsigned long address;
	unsigned int gup_flags;
	void *buf; /* @n bytes, all of one page, are copied from or to here; or NULL: */
	size_t n;
	struct page *page; /* is wanted, referenced */
	struct fault_note *note; /* room for one */
};

/* May it be had in that way? A forced write must end in a private copy. */
static bool vma_allows(const struct vm_area_struct *vma, unsigned int gup_flags)
{
	unsigned long vm_flags = vma->vm_flags;
	bool write = gup_flags & FOLL_WRITE;

	if (vm_flags & VM_PFNMAP)
		return false;
	if (vm_flags & (write ? VM_WRITE : VM_READ))
		return true;
	if (!(gup_flags & FOLL_FORCE))
		return false;
	return write ? is_cow_mapping(vm_flags) : vm_flags & VM_MAYREAD;
}

/*
 * Does the entry allow it? A forced write may go to a page that is this map's alone, though the owner
 * may not write it.
 */
static bool pte_allows(pte_t pte, unsigned int gup_flags)
{
	bool force = gup_flags & FOLL_FORCE;

	if (!pte_present(pte))
		return false;
	if (gup_flags & FOLL_WRITE)
		return force ? pte_owned(pte) : pte_write(pte);
	return force || !pte_protnone(pte);
}

/* The entry allows it. ptl held. */
static void access_now(struct access *a, pte_t *pte)
{
	struct page *page = pfn_to_page(pte_pfn(*pte));
	void *there = (char *)page_address(page) + (a->address & ~PAGE_MASK);

	if (!a->buf) {
		get_page(page);
		a->page = page;
	} else if (a->gup_flags & FOLL_WRITE) {
		ptep_set_access_flags(pte, true);
		memcpy(there, a->buf, a->n);
	} else {
		memcpy(a->buf, there, a->n);
	}
}

/* False: it must be faulted in first. mmap_lock held. */
static bool try_access(struct access *a, struct mm_struct *mm)
{
	spinlock_t *ptl;
	pte_t *pte = get_locked_pte(mm, a->address, &ptl);
	bool allowed;

	if (!pte)
		return false;
	allowed = pte_allows(*pte, a->gup_flags);
	if (allowed)
		access_now(a, pte);
	pte_unmap_unlock(pte, ptl);
	return allowed;
}

/* Would a read show zeros that nobody wrote? mmap_lock held. */
static bool is_hole(const struct vm_area_struct *vma, unsigned long address)
{
	struct address_space *mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;
	loff_t pos = (loff_t)linear_page_index(vma, address) << PAGE_SHIFT;
	spinlock_t *ptl;
	pte_t *pte = get_locked_pte(vma->vm_mm, address, &ptl), entry = { 0 };

	if (pte) {
		entry = *pte;
		pte_unmap_unlock(pte, ptl);
	}
	if (!pte_none(entry))
		return pte_present(entry) && is_zero_pfn(pte_pfn(entry));
	return vma_is_anonymous(vma) ||
	       (mapping && mapping->shmem &&
		shmem_seek(mapping, pos, pos + (loff_t)PAGE_SIZE, true) > pos);
}

/* Fault in until it succeeds: 0, or the verdict why not. mmap_lock held, but not after _RETRY. */
static vm_fault_t access_locked(struct access *a, struct mm_struct *mm, unsigned int flags)
{
	struct vm_area_struct *vma = vma_lookup(mm, a->address);

	if (!vma || !vma_allows(vma, a->gup_flags) ||
	    (a->gup_flags & FOLL_DUMP && is_hole(vma, a->address)))
		return VM_FAULT_SIGSEGV;
	while (!try_access(a, mm)) {
		vm_fault_t verdict = remote_mm_fault(a->note, vma, a->address, flags,
						     TRACE_DOOR_REMOTE);

		if (verdict & (VM_FAULT_RETRY | VM_FAULT_ERROR))
			return verdict;
		cond_resched();
	}
	return 0;
}

static int access_page(struct access *a, struct mm_struct *mm)
{
	unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |
			     (a->gup_flags & FOLL_WRITE ? FAULT_FLAG_WRITE : 0);
	struct fault_note note;
	vm_fault_t verdict;

	a->note = &note;
	for (;;) {
		if (mmap_read_lock_killable(mm))
			return -EINTR;
		verdict = access_locked(a, mm, flags);
		if (!(verdict & VM_FAULT_RETRY))
			break;
		flags |= FAULT_FLAG_TRIED;
	}
	mmap_read_unlock(mm);
	return !verdict ? 0 : verdict & VM_FAULT_OOM ? -ENOMEM : -EFAULT;
}

struct page *get_user_page(struct mm_struct *mm, unsigned long address, unsigned int gup_flags)
{
	struct access a = { .address = address, .gup_flags = gup_flags };
	int err = access_page(&a, mm);

	return err ? ERR_PTR(err) : a.page;
}

size_t access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, size_t len,
			unsigned int gup_flags)
{
	struct access a = { .address = address, .gup_flags = gup_flags, .buf = buf };
	size_t done = 0;

	while (done < len) {
		a.n = min(PAGE_SIZE - (a.address & ~PAGE_MASK), len - done);
		if (access_page(&a, mm))
			break;
		done += a.n;
		a.address += a.n;
		a.buf = (char *)a.buf + a.n;
	}
	return done;
}
