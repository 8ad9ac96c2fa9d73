/* SPDX-License-Identifier: MIT */
/*
 * The MMU of the software machine: the walk of the tables as SDM vol. 3A 4.5 to 4.7 has it, and a
 * TLB that never forgets by itself (4.10).
 *
 * The TLB is the strictest one the manual allows. An entry is made by a walk that succeeded, with
 * the rights of all levels; it goes when INVLPG names its page or CR3 is written. A store through
 * an entry that has not seen one walks again, since the dirty bit must be set; any other hit does
 * not look at the tables. Each CPU has its own. An entry also stands for the paging-structure caches behind it: no table
 * that it came through may be freed before it goes.
 */
#include <stdlib.h>

#include "lib/util.h"
#include "mm/space/pagetable.h"
#include "tests/host/internal.h"
#include <asm/cpufeature.h>
#include <asm/pf.h>
#include <asm/processor.h>

#define LEVELS 4
#define MAXPHYADDR 40 /* bits of a physical address: those above are reserved in entries */
#define RSVD_BITS (PTE_PFN_MASK & ~((1UL << MAXPHYADDR) - 1))

struct tlb_entry {
	struct list_head all;
	struct tlb_entry *next;    /* of the bucket */
	unsigned long page;        /* address */
	unsigned long pfn[LEVELS]; /* [0]: the frame; the others: the tables */
	bool write, user, exec, dirty;
};

#define BUCKETS 4096
struct tlb {
	struct tlb_entry *buckets[BUCKETS];
	struct list_head all;
	unsigned long cr3;
};
static struct tlb tlbs[HOST_CPUS], *tlb = tlbs; /* of all CPUs; of the one whose turn it is */
static bool tlb_on = true;
static unsigned int *frame_uses; /* by frame: TLB entries that lead to it or through it */
static unsigned long nr_frames, cr4;
struct cpu_features cpu_features;

/* --- TLB --- */
static struct tlb_entry **bucket(unsigned long addr)
{
	return &tlb->buckets[(addr >> PAGE_SHIFT) % BUCKETS];
}

static struct tlb_entry *tlb_find(unsigned long addr)
{
	struct tlb_entry *entry = *bucket(addr);

	while (entry && entry->page != (addr & PAGE_MASK))
		entry = entry->next;
	return entry;
}

static void tlb_drop(struct tlb_entry *entry)
{
	struct tlb_entry **link = bucket(entry->page);

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	list_del(&entry->all);
	for (int i = 0; i < LEVELS; i++)
		frame_uses[entry->pfn[i]]--;
	free(entry);
}

static void tlb_insert(const struct tlb_entry *found)
{
	struct tlb_entry *old = tlb_find(found->page), *entry;

	if (old)
		tlb_drop(old);
	entry = malloc(sizeof(*entry));
	*entry = *found;
	entry->next = *bucket(entry->page);
	*bucket(entry->page) = entry;
	list_add(&entry->all, &tlb->all);
	for (int i = 0; i < LEVELS; i++)
		frame_uses[entry->pfn[i]]++;
}

static void tlb_flush(void)
{
	struct tlb_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &tlb->all, all)
		tlb_drop(entry);
}

unsigned long read_cr3(void)
{
	return tlb->cr3;
}
void write_cr3(unsigned long value)
{
	tlb->cr3 = value;
	tlb_flush();
}
unsigned long read_cr4(void)
{
	return cr4;
}
void write_cr4(unsigned long value)
{
	if ((cr4 ^ value) & CR4_PGE) {
		tlb_flush();
		host_vmap_forget_all();
	}
	cr4 = value;
}
void invlpg(unsigned long addr)
{
	struct tlb_entry *entry = tlb_find(addr);

	if (!host_vmap_forget(addr) && entry)
		tlb_drop(entry);
}

void host_tlb_enable(bool on)
{
	struct tlb *mine = tlb;

	for (tlb = tlbs; tlb < tlbs + HOST_CPUS; tlb++)
		tlb_flush();
	tlb = mine;
	tlb_on = on;
}

bool host_tlb_lookup(unsigned long addr, unsigned long *pfn, bool *writable)
{
	const struct tlb_entry *entry = tlb_find(addr);

	if (!entry)
		return false;
	*pfn = entry->pfn[0];
	*writable = entry->write && entry->dirty;
	return true;
}

/*
 * Who has no map of his own uses no entry of the one that is loaded, so a frame may go; but the CPU
 * may walk the tables by itself at any time.
 */
static void check_frame_freed(unsigned int cpu, unsigned long pfn)
{
	const struct tlb_entry *entry;

	list_for_each_entry(entry, &tlbs[cpu].all, all) {
		for (int i = host_cpu_task(cpu)->mm ? 0 : 1; i < LEVELS; i++)
			if (entry->pfn[i] == pfn) {
				host_complain(
					"%s %#lx is freed while the TLB maps %#lx %s it (CPU %u)",
					i ? "page table" : "frame", pfn, entry->page,
					i ? "through" : "to", cpu);
				return;
			}
	}
}

void host_mmu_frame_freed(unsigned long pfn)
{
	for (unsigned int cpu = 0; frame_uses[pfn] && cpu < HOST_CPUS; cpu++)
		check_frame_freed(cpu, pfn);
}

void host_mmu_cpu(unsigned int cpu)
{
	tlb = &tlbs[cpu];
}

/* --- the walk --- */
/* Always false. */
static bool refuse(unsigned long *error, const struct host_access *access, unsigned long why)
{
	*error = why | (access->write ? X86_PF_WRITE : 0) | (access->user ? X86_PF_USER : 0) |
		 (access->exec ? X86_PF_INSTR : 0);
	return false;
}

static bool allowed(const struct tlb_entry *entry, const struct host_access *access)
{
	if (access->user && !entry->user)
		return false;
	/* CR0.WP is set: the kernel heeds R/W as well; it never runs user pages (SMEP). */
	return (!access->write || entry->write) && (!access->exec || (entry->exec && access->user));
}

/* True with @entry filled in and A and D set, or false with the error code of the fault. */
static bool walk(unsigned long addr, const struct host_access *access, struct tlb_entry *entry,
		 unsigned long *error)
{
	u64 *slots[LEVELS], table = tlb->cr3 & PTE_PFN_MASK;
	int level;

	*entry = (struct tlb_entry){
		.page = addr & PAGE_MASK, .write = true, .user = true, .exec = true
	};
	for (level = LEVELS - 1; level >= 0; level--) {
		u64 e;

		slots[level] = (u64 *)__va(table) + ((addr >> (PAGE_SHIFT + 9 * level)) & 511);
		e = *slots[level];
		if (!(e & _PAGE_PRESENT))
			return refuse(error, access, 0);
		/* There are no large user pages: here the bit is one that should not be set. */
		if ((e & RSVD_BITS) || (level && (e & _PAGE_PSE)))
			return refuse(error, access, X86_PF_PROT | X86_PF_RSVD);
		entry->write &= !!(e & _PAGE_RW);
		entry->user &= !!(e & _PAGE_USER);
		entry->exec &= !(e & _PAGE_NX);
		table = e & PTE_PFN_MASK;
		entry->pfn[level] = table >> PAGE_SHIFT;
		if (entry->pfn[level] >= nr_frames) {
			host_complain("entry %#llx at level %d for %#lx leads out of RAM", e, level,
				      addr);
			return refuse(error, access, 0);
		}
	}
	if (!allowed(entry, access))
		return refuse(error, access, X86_PF_PROT);
	for (level = 0; level < LEVELS; level++)
		*slots[level] |= _PAGE_ACCESSED;
	if (access->write)
		*slots[0] |= _PAGE_DIRTY;
	entry->dirty = *slots[0] & _PAGE_DIRTY;
	return true;
}

/* What the entry has that current's tables do not give (any more), or NULL. */
static const char *stale(const struct tlb_entry *entry)
{
	pte_t pte = __pte(0);
	u64 table = tlb->cr3 & PTE_PFN_MASK;

	for (int level = LEVELS - 1; level >= 0; level--) {
		pte.pte = ((u64 *)__va(table))[(entry->page >> (PAGE_SHIFT + 9 * level)) & 511];
		if (!(pte.pte & _PAGE_PRESENT))
			return "a page that is not mapped";
		table = pte.pte & PTE_PFN_MASK;
	}
	return pte_pfn(pte) != entry->pfn[0]          ? "another frame" :
	       entry->write && !pte_write(pte)        ? "the right to write" :
	       entry->exec && !pte_exec(pte)          ? "the right to execute" :
	       entry->user && !(pte.pte & _PAGE_USER) ? "the right of user mode" :
	       entry->dirty && !pte_dirty(pte)        ? "the dirty bit" :
							NULL;
}

static void check_entry(const struct tlb_entry *entry)
{
	const char *what = stale(entry);

	if (what)
		host_complain("the TLB still has %s at %#lx: a flush is missing (CPU %u)", what,
			      entry->page, (unsigned int)(tlb - tlbs));
}

char *host_translate(unsigned long addr, const struct host_access *access, unsigned long *error)
{
	const struct tlb_entry *hit = tlb_find(addr);
	struct tlb_entry found;

	if (!hit || !allowed(hit, access) || (access->write && !hit->dirty)) {
		/* A page fault takes the page's entry with it (SDM vol. 3A 4.10.4.1). */
		if (!walk(addr, access, &found, error)) {
			if (hit)
				invlpg(addr);
			return NULL;
		}
		if (tlb_on)
			tlb_insert(&found);
		hit = &found;
	} else {
		check_entry(hit);
	}
	return (char *)__va(PFN_PHYS(hit->pfn[0])) + (addr & ~PAGE_MASK);
}

/* --- what stands behind an address --- */
pte_t host_pte(const struct task_struct *task, unsigned long addr)
{
	pmd_t *pmd = task->mm ? mm_find_pmd(task->mm, addr) : NULL;

	return pmd ? ptep_get(pte_offset(pmd, addr)) : __pte(0);
}

struct page *host_page(const struct task_struct *task, unsigned long addr)
{
	pte_t pte = host_pte(task, addr);

	return pte_present(pte) && !pte_special(pte) ? pfn_to_page(pte_pfn(pte)) : NULL;
}

void host_tlb_check(void)
{
	struct tlb *mine = tlb;
	const struct tlb_entry *entry;

	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++) {
		tlb = &tlbs[cpu];
		if (host_cpu_task(cpu)->mm)
			list_for_each_entry(entry, &tlb->all, all)
				check_entry(entry);
	}
	tlb = mine;
}

void host_mmu_init(unsigned long pages)
{
	nr_frames = pages;
	frame_uses = calloc(pages, sizeof(*frame_uses));
	cr4 = CR4_PGE;
	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++) {
		INIT_LIST_HEAD(&tlbs[cpu].all);
		tlbs[cpu].cr3 = __pa(init_pgd);
	}
}
