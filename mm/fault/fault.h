/* SPDX-License-Identifier: MIT */
/*
 * The fault path below the architecture: handle_mm_fault() and what its doors share.
 *
 * Contract. The caller decoded the access (FAULT_FLAG_*), found the VMA, checked its rights, and
 * holds the fault lock: with FAULT_FLAG_VMA_LOCK that VMA's (mm/space/vma_lock.h), else
 * mm->mmap_lock for reading. handle_mm_fault() returns a set of VM_FAULT_* verdict bits and never
 * kills, signals or prints: who called decides. On VM_FAULT_RETRY the fault lock has been released;
 * on every other verdict it is still held. With VM_FAULT_MAJOR the retry comes after a wait for a
 * page that was being read.
 *
 * Doors (do_anonymous_page, do_fault, do_swap_page, do_wp_page) prepare a frame; the entry is stored
 * by one function, which compares with the entry seen when the fault began (vmf->orig_pte).
 */
#ifndef MM_FAULT_FAULT_H
#define MM_FAULT_FAULT_H

#include "mm/space/mm.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/rmap.h"
#include "mm/space/vma_lock.h"

struct pt_regs;

/* What kind of access it is, and how the caller lets us behave. */
#define FAULT_FLAG_WRITE 0x01u
#define FAULT_FLAG_ALLOW_RETRY 0x04u /* may answer VM_FAULT_RETRY, fault lock released */
#define FAULT_FLAG_KILLABLE 0x10u    /* a fatal signal ends a wait for the disk */
#define FAULT_FLAG_TRIED 0x20u       /* second try */
#define FAULT_FLAG_USER 0x40u        /* the access came from user mode */
#define FAULT_FLAG_REMOTE 0x80u      /* another process's map */
#define FAULT_FLAG_INSTRUCTION 0x100u
#define FAULT_FLAG_VMA_LOCK 0x1000u  /* the VMA alone is locked; comes with ALLOW_RETRY */

/* Verdicts. */
#define VM_FAULT_OOM 0x0001u
#define VM_FAULT_SIGBUS 0x0002u
#define VM_FAULT_MAJOR 0x0004u   /* the disk was asked: counts as major */
#define VM_FAULT_SIGSEGV 0x0040u
#define VM_FAULT_NOPAGE 0x0100u  /* ->fault stored the entry itself */
#define VM_FAULT_LOCKED 0x0200u  /* vmf->page came locked */
#define VM_FAULT_RETRY 0x0400u   /* the fault lock was released: look everything up again */
#define VM_FAULT_DIRTIED 0x0800u /* a page of a shared file was: with no lock held, pace the writer */
#define VM_FAULT_ERROR (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV)

/* One fault in flight. The const part is the question, the rest the answer as it grows. */
struct vm_fault {
	struct vm_area_struct *const vma;
	const unsigned long address; /* page aligned */
	const unsigned int flags;    /* FAULT_FLAG_* */

	pmd_t *const pmd;            /* NULL: no memory for the tables */
	pte_t *const pte;            /* stays where it is under the fault lock; changes under ptl */
	pte_t orig_pte;              /* the entry seen when the fault began */
	spinlock_t *ptl;             /* while it is held */
	struct page *page;           /* from ->fault: referenced, locked */
};

/* The page's place in the VMA's object. */
static inline pgoff_t vmf_pgoff(const struct vm_fault *vmf)
{
	return linear_page_index(vmf->vma, vmf->address);
}

/* See the head of this file. Counts the fault to the current task and to vmstat. */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address, unsigned int flags);

/* --- the doors: one per file --- */
vm_fault_t do_anonymous_page(struct vm_fault *vmf); /* anon.c: entry is none, VMA anonymous */
vm_fault_t do_fault(struct vm_fault *vmf);          /* file.c: entry is none, VMA has vm_ops */
vm_fault_t do_swap_page(struct vm_fault *vmf);      /* swap.c: entry names a swap slot */
/* cow.c: write to a present read-only entry; ptl held on entry, released on return */
vm_fault_t do_wp_page(struct vm_fault *vmf);

/* --- shared by the doors (fault.c) --- */
/* Let go of what the caller of handle_mm_fault() holds. The VMA may be gone at once. */
void release_fault_lock(const struct vm_fault *vmf);
/* May the fault lock be released and VM_FAULT_RETRY answered, once the disk has been waited for? */
static inline bool fault_may_wait_unlocked(const struct vm_fault *vmf)
{
	return (vmf->flags & (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)) == FAULT_FLAG_ALLOW_RETRY;
}
/*
 * Give the VMA an anon_vma, which all private pages need. 0, VM_FAULT_OOM, or VM_FAULT_RETRY. It may
 * be a neighbour's, and neighbours are to be looked at under mmap_lock only.
 */
vm_fault_t __vmf_anon_prepare(struct vm_fault *vmf);
static inline vm_fault_t vmf_anon_prepare(struct vm_fault *vmf)
{
	return likely(READ_ONCE(vmf->vma->anon_vma)) ? 0 : __vmf_anon_prepare(vmf);
}
/*
 * Lock @page, on which we hold a reference. False: it was busy with I/O and the fault may be
 * retried, so the fault lock was released, the I/O waited for and the reference dropped: answer
 * VM_FAULT_RETRY | VM_FAULT_MAJOR and touch neither VMA nor page again.
 */
bool __fault_lock_page(struct vm_fault *vmf, struct page *page);
static inline bool fault_lock_page(struct vm_fault *vmf, struct page *page)
{
	return likely(trylock_page(page)) || __fault_lock_page(vmf, page);
}
/*
 * The entry's page may be written in place: say so, or in a VMA that does not allow it (FOLL_FORCE) mark
 * the page as owned.
 */
static inline pte_t maybe_mkwrite(pte_t pte, const struct vm_area_struct *vma)
{
	return likely(vma->vm_flags & VM_WRITE) ? pte_mkwrite(pte) : pte_mkowned(pte);
}

/* The shared page of zeroes. */
extern struct page *zero_page;
extern unsigned long zero_pfn;
static inline bool is_zero_pfn(unsigned long pfn) { return pfn == zero_pfn; }
void fault_init(void);

/* --- for the kernel itself: ptrace, process_vm_*, futex, exec (gup.c) --- */
#define FOLL_WRITE 0x01u
/*
 * What a debugger may do to memory although its owner may not just now: read what could be made
 * readable, and write to private mappings, which get copies that stay read-only to the owner.
 */
#define FOLL_FORCE 0x10u
/* What nobody wrote, and would read as zeros, is not to be had: no frame comes for it. */
#define FOLL_DUMP 0x08u
/*
 * The page at @address of @mm, faulted in if need be, referenced. Takes mmap_lock, which must not be
 * held, nor that of another map; may sleep. ERR_PTR(-EFAULT) where the access would be a signal,
 * -ENOMEM, or -EINTR when current is being killed.
 */
struct page *get_user_page(struct mm_struct *mm, unsigned long address, unsigned int gup_flags);
/*
 * Copy @len bytes from (FOLL_WRITE: to) @address of @mm, on whose users the caller counts, to or from
 * kernel memory. As get_user_page(); ends at the first page that is not to be had. Bytes copied.
 */
size_t access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, size_t len,
			unsigned int gup_flags);

#endif
