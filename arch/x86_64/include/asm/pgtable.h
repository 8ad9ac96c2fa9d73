/* SPDX-License-Identifier: MIT */
/*
 * The 4-level page table's format: entry bits, the Linux-named predicates and makers on them, and
 * the steps from one level to the next. SDM vol. 3A 4.5, tables 4-15 to 4-20.
 *
 *   63  62..52  51..12  11..9   8   7    6 5   4   3   2  1  0
 *   NX  avail   frame   avail   G PS/PAT D A  PCD PWT U/S W  P
 *
 * A user leaf entry is in one of three states, and the fault path splits on them:
 *   none      all zero: nothing is known, ask the VMA
 *   present   P is set, or PROT_NONE: P clear but bit 8 set; the frame number stands in it
 *   swap      P and bit 8 clear, rest not zero: a swap entry (mm/backing/swap.h)
 *
 * Locks: who changes entries of a user map, and under what, is in mm/space/pagetable.h. The makers below
 * are pure. But the CPUs take part without a lock: each sets the accessed bit of any entry that it may
 * use (P set), and the dirty bit of any that it may write through (RW set), at any time, until it has
 * forgotten the entry (flush). So
 *   - an entry without P is stored with set_pte(): install, move, a swap entry after the flush;
 *   - one with P but not RW may be overwritten by what has the accessed bit (wp_page_reuse);
 *   - of any other, bits are changed one by one with an atomic operation (ptep_set_access_flags,
 *     ptep_set_wrprotect, ptep_test_and_clear_young, ptep_try_update), or it is taken out
 *     (ptep_get_and_clear), flushed, and stored anew from what came out (mkclean_one).
 */
#ifndef ASM_PGTABLE_H
#define ASM_PGTABLE_H

#include "lib/compiler.h"
#include "lib/types.h"
#include <asm/page.h>

#define _PAGE_PRESENT (1UL << 0)
#define _PAGE_RW (1UL << 1)
#define _PAGE_USER (1UL << 2)
#define _PAGE_PWT (1UL << 3)
#define _PAGE_PCD (1UL << 4)
#define _PAGE_ACCESSED (1UL << 5)
#define _PAGE_DIRTY (1UL << 6)
#define _PAGE_PSE (1UL << 7)
#define _PAGE_GLOBAL (1UL << 8)
#define _PAGE_PROTNONE _PAGE_GLOBAL   /* meaning of bit 8 while P is clear */
#define _PAGE_SPECIAL (1UL << 9)      /* software: frame without struct page accounting (zero page) */
#define _PAGE_OWNED (1UL << 10)       /* software: mprotect() alone keeps the owner from writing */
/*
 * software: written since /proc/PID/clear_refs was told to forget. Comes with every dirty bit that the
 * kernel stores; the CPU need not set it, as an entry that lost it lost RW too. In a swap entry: bit 1.
 */
#define _PAGE_SOFT_DIRTY (1UL << 11)
#define _PAGE_SWP_SOFT_DIRTY (1UL << 1)
#define _PAGE_NX (1UL << 63)

#define PTE_PFN_MASK 0x000ffffffffff000UL
#define _PAGE_TABLE (_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED)
/* Bits of an entry that say what it maps and what happened to it; mprotect() keeps them. */
#define _PAGE_CHG_MASK (PTE_PFN_MASK | _PAGE_PCD | _PAGE_PWT | _PAGE_ACCESSED | _PAGE_DIRTY | \
			_PAGE_SPECIAL | _PAGE_OWNED | _PAGE_SOFT_DIRTY)

#define PTRS_PER_TABLE 512UL
#define PMD_SHIFT 21
#define PUD_SHIFT 30
#define PGDIR_SHIFT 39
#define PMD_SIZE (1UL << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PUD_SIZE (1UL << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PGDIR_SIZE (1UL << PGDIR_SHIFT)
#define PGDIR_MASK (~(PGDIR_SIZE - 1))
#define USER_PGD_PTRS 256 /* entries of the top level that belong to user space */

typedef struct { u64 pte; } pte_t;
typedef struct { u64 pmd; } pmd_t;
typedef struct { u64 pud; } pud_t;
typedef struct { u64 pgd; } pgd_t;
/* Flag bits of a leaf entry for a VMA's rights, without the frame. */
typedef struct { u64 prot; } pgprot_t;

#define __pte(x) ((pte_t){ (x) })
#define __pmd(x) ((pmd_t){ (x) })
#define __pud(x) ((pud_t){ (x) })
#define __pgd(x) ((pgd_t){ (x) })
#define __pgprot(x) ((pgprot_t){ (x) })

/* --- leaf entries --- */
static inline bool pte_none(pte_t p) { return p.pte == 0; }
static inline bool pte_present(pte_t p) { return p.pte & (_PAGE_PRESENT | _PAGE_PROTNONE); }
/* A present entry that the CPU may not use: PROT_NONE. */
static inline bool pte_protnone(pte_t p)
{
	return (p.pte & (_PAGE_PRESENT | _PAGE_PROTNONE)) == _PAGE_PROTNONE;
}
static inline bool pte_write(pte_t p) { return p.pte & _PAGE_RW; }
static inline bool pte_dirty(pte_t p) { return p.pte & _PAGE_DIRTY; }
static inline bool pte_young(pte_t p) { return p.pte & _PAGE_ACCESSED; }
static inline bool pte_exec(pte_t p) { return !(p.pte & _PAGE_NX); }
static inline bool pte_special(pte_t p) { return p.pte & _PAGE_SPECIAL; }
/* May be written, or could be if the VMA allowed it: the private page is this map's alone. */
static inline bool pte_owned(pte_t p) { return p.pte & (_PAGE_RW | _PAGE_OWNED); }
static inline bool pte_soft_dirty(pte_t p) { return p.pte & _PAGE_SOFT_DIRTY; }
static inline bool pte_swp_soft_dirty(pte_t p) { return p.pte & _PAGE_SWP_SOFT_DIRTY; }
static inline bool pte_same(pte_t a, pte_t b) { return a.pte == b.pte; }
static inline unsigned long pte_pfn(pte_t p) { return (p.pte & PTE_PFN_MASK) >> PAGE_SHIFT; }

static inline pte_t pte_mkwrite(pte_t p) { return __pte((p.pte & ~_PAGE_OWNED) | _PAGE_RW); }
static inline pte_t pte_mkowned(pte_t p) { return __pte((p.pte & ~_PAGE_RW) | _PAGE_OWNED); }
static inline pte_t pte_wrprotect(pte_t p) { return __pte(p.pte & ~(_PAGE_RW | _PAGE_OWNED)); }
static inline pte_t pte_mkdirty(pte_t p) { return __pte(p.pte | _PAGE_DIRTY | _PAGE_SOFT_DIRTY); }
static inline pte_t pte_mkclean(pte_t p) { return __pte(p.pte & ~_PAGE_DIRTY); }
static inline pte_t pte_mkyoung(pte_t p) { return __pte(p.pte | _PAGE_ACCESSED); }
static inline pte_t pte_mkold(pte_t p) { return __pte(p.pte & ~_PAGE_ACCESSED); }
static inline pte_t pte_mksoft_dirty(pte_t p) { return __pte(p.pte | _PAGE_SOFT_DIRTY); }
static inline pte_t pte_clear_soft_dirty(pte_t p) { return __pte(p.pte & ~_PAGE_SOFT_DIRTY); }
static inline pte_t pte_swp_mksoft_dirty(pte_t p) { return __pte(p.pte | _PAGE_SWP_SOFT_DIRTY); }
static inline pte_t pte_swp_clear_soft_dirty(pte_t p) { return __pte(p.pte & ~_PAGE_SWP_SOFT_DIRTY); }
static inline pte_t pte_mkspecial(pte_t p) { return __pte(p.pte | _PAGE_SPECIAL); }
static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot)
{
	return __pte(((u64)pfn << PAGE_SHIFT) | prot.prot);
}
/* Give a present entry new rights; frame, accessed, dirty and special stay. */
static inline pte_t pte_modify(pte_t p, pgprot_t prot)
{
	return __pte((p.pte & _PAGE_CHG_MASK) | (prot.prot & ~_PAGE_CHG_MASK));
}

static inline pte_t ptep_get(const pte_t *ptep) { return __pte(READ_ONCE(ptep->pte)); }
static inline void set_pte(pte_t *ptep, pte_t p) { WRITE_ONCE(ptep->pte, p.pte); }
static inline void pte_clear(pte_t *ptep) { WRITE_ONCE(ptep->pte, 0); }
/* Take the entry out so that an accessed or dirty bit set by another CPU meanwhile is not lost. */
static inline pte_t ptep_get_and_clear(pte_t *ptep)
{
	return __pte(__atomic_exchange_n(&ptep->pte, 0, __ATOMIC_ACQ_REL));
}
/*
 * Store @new if the entry is still *@old. False: the CPU has set its accessed or dirty bit, and *@old
 * is what it is now.
 */
static inline bool ptep_try_update(pte_t *ptep, pte_t *old, pte_t new)
{
	return __atomic_compare_exchange_n(&ptep->pte, &old->pte, new.pte, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}
/* The CPU may use or, in the kernel's knowledge, has used the entry: nothing is lost that it sets itself meanwhile. */
static inline void ptep_set_access_flags(pte_t *ptep, bool dirty)
{
	__atomic_fetch_or(&ptep->pte, _PAGE_ACCESSED | (dirty ? _PAGE_DIRTY : 0), __ATOMIC_ACQ_REL);
}
/* Drop the right to write without losing a dirty bit set meanwhile. */
static inline void ptep_set_wrprotect(pte_t *ptep)
{
	__atomic_fetch_and(&ptep->pte, ~(_PAGE_RW | _PAGE_OWNED), __ATOMIC_ACQ_REL);
}
/* Clear the accessed bit; true when it was set. The TLB is not flushed: aging may be late. */
static inline bool ptep_test_and_clear_young(pte_t *ptep)
{
	return pte_young(*ptep) &&
	       (__atomic_fetch_and(&ptep->pte, ~_PAGE_ACCESSED, __ATOMIC_ACQ_REL) & _PAGE_ACCESSED);
}

/* As if the page had been neither read nor written. The TLB is not flushed. */
static inline void ptep_set_unused(pte_t *ptep)
{
	__atomic_fetch_and(&ptep->pte, ~(_PAGE_ACCESSED | _PAGE_DIRTY), __ATOMIC_ACQ_REL);
}

/* What was written is forgotten; the next write faults. */
static inline void ptep_clear_soft_dirty(pte_t *ptep)
{
	__atomic_fetch_and(&ptep->pte, ~(_PAGE_RW | _PAGE_OWNED | _PAGE_SOFT_DIRTY), __ATOMIC_ACQ_REL);
}

/* --- upper levels: none, table, or (direct map only) a large leaf --- */
static inline bool pmd_none(pmd_t e) { return e.pmd == 0; }
static inline bool pud_none(pud_t e) { return e.pud == 0; }
static inline bool pgd_none(pgd_t e) { return e.pgd == 0; }
static inline bool pud_leaf(pud_t e) { return e.pud & _PAGE_PSE; }
static inline unsigned long pmd_pfn(pmd_t e) { return (e.pmd & PTE_PFN_MASK) >> PAGE_SHIFT; }
static inline unsigned long pud_pfn(pud_t e) { return (e.pud & PTE_PFN_MASK) >> PAGE_SHIFT; }
static inline unsigned long pgd_pfn(pgd_t e) { return (e.pgd & PTE_PFN_MASK) >> PAGE_SHIFT; }
static inline void set_pmd(pmd_t *p, pmd_t e) { WRITE_ONCE(p->pmd, e.pmd); }
static inline void set_pud(pud_t *p, pud_t e) { WRITE_ONCE(p->pud, e.pud); }
static inline void set_pgd(pgd_t *p, pgd_t e) { WRITE_ONCE(p->pgd, e.pgd); }

static inline unsigned long pte_index(unsigned long addr) { return (addr >> PAGE_SHIFT) & 511; }
static inline unsigned long pmd_index(unsigned long addr) { return (addr >> PMD_SHIFT) & 511; }
static inline unsigned long pud_index(unsigned long addr) { return (addr >> PUD_SHIFT) & 511; }
static inline unsigned long pgd_index(unsigned long addr) { return (addr >> PGDIR_SHIFT) & 511; }

/* Steps down. The upper entry must be a table (not none, not leaf). */
static inline pgd_t *pgd_offset_pgd(pgd_t *pgd, unsigned long addr) { return pgd + pgd_index(addr); }
static inline pud_t *pud_offset(const pgd_t *pgd, unsigned long addr)
{
	return (pud_t *)__va(pgd->pgd & PTE_PFN_MASK) + pud_index(addr);
}
static inline pmd_t *pmd_offset(const pud_t *pud, unsigned long addr)
{
	return (pmd_t *)__va(pud->pud & PTE_PFN_MASK) + pmd_index(addr);
}
static inline pte_t *pte_offset(const pmd_t *pmd, unsigned long addr)
{
	return (pte_t *)__va(pmd->pmd & PTE_PFN_MASK) + pte_index(addr);
}

/*
 * The end of the entry's range at this level, or @end if that comes first. Right even where the
 * next boundary wraps to zero.
 */
static inline unsigned long pgd_addr_end(unsigned long addr, unsigned long end)
{
	unsigned long next = (addr + PGDIR_SIZE) & PGDIR_MASK;

	return next - 1 < end - 1 ? next : end;
}
static inline unsigned long pud_addr_end(unsigned long addr, unsigned long end)
{
	unsigned long next = (addr + PUD_SIZE) & PUD_MASK;

	return next - 1 < end - 1 ? next : end;
}
static inline unsigned long pmd_addr_end(unsigned long addr, unsigned long end)
{
	unsigned long next = (addr + PMD_SIZE) & PMD_MASK;

	return next - 1 < end - 1 ? next : end;
}

/*
 * Rights of a user mapping, by VM_READ|VM_WRITE|VM_EXEC (bits 0..2 of vm_flags). Writing is not among
 * them: a private page may be written once the fault path knows that it is owned, a shared one after
 * page_mkwrite. The CPU has no entry that can be written or executed but not read (SDM vol. 3A 4.6),
 * so any right brings reading.
 */
static inline pgprot_t vm_get_page_prot(unsigned long vm_flags)
{
	return __pgprot(_PAGE_ACCESSED | (vm_flags & 7 ? _PAGE_PRESENT | _PAGE_USER : _PAGE_PROTNONE) |
			(vm_flags & 4 ? 0 : _PAGE_NX));
}

/* Kernel leaf rights. */
#define PAGE_KERNEL __pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX)
#define PAGE_KERNEL_RO __pgprot(_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX)
#define PAGE_KERNEL_EXEC __pgprot(_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL)
#define PAGE_KERNEL_IO __pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX | _PAGE_PCD)

/* The kernel's own top-level table; its upper 256 entries are copied into every address space. */
extern pgd_t *init_pgd;

#endif
