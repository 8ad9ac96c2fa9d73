/* SPDX-License-Identifier: MIT */
/*
 * The MMU of the software machine: the walk of the tables as SDM vol. 3A 4.5 to 4.7 has it, a TLB
 * that never forgets by itself (4.10), and the page fault's way into the kernel.
 *
 * The TLB is the strictest one the manual allows. An entry is made by a walk that succeeded, with
 * the rights of all levels; it goes when INVLPG names its page or CR3 is written. A store through an
 * entry that has not seen one walks again, since the dirty bit must be set; any other hit does not
 * look at the tables. An entry also stands for the paging-structure caches behind it: no table that
 * it came through may be freed before it goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/cpu/uart.h"
#include "arch/x86_64/entry/exceptions.h"
#include "arch/x86_64/entry/fault_log.h"
#include "lib/util.h"
#include "mm/space/pagetable.h"
#include "tests/host/internal.h"
#include <asm/extable.h>
#include <asm/pf.h>
#include <asm/processor.h>
#include <asm/uaccess.h>

#define LEVELS 4
#define MAXPHYADDR 40 /* bits of a physical address: those above are reserved in entries */
#define RSVD_BITS (PTE_PFN_MASK & ~((1UL << MAXPHYADDR) - 1))
#define SIGKILL 9
#define SIGSEGV 11
#define SI_KERNEL 128
#define TRIES 1000 /* of one access: the kernel says "done" each time, and it still faults */

struct tlb_entry {
	struct list_head all;
	struct tlb_entry *next; /* of the bucket */
	unsigned long page;     /* address */
	unsigned long pfn[LEVELS]; /* [0]: the frame; the others: the tables */
	bool write, user, exec, dirty;
};

#define BUCKETS 4096
static struct tlb_entry *buckets[BUCKETS];
static LIST_HEAD(tlb);
static bool tlb_on = true;
static unsigned int *frame_uses; /* by frame: TLB entries that lead to it or through it */
static unsigned long nr_frames, cr3, cr4;
unsigned long host_error_code, host_cr2, host_faults;

/* --- TLB --- */
static struct tlb_entry **bucket(unsigned long addr)
{
	return &buckets[(addr >> PAGE_SHIFT) % BUCKETS];
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
	list_add(&entry->all, &tlb);
	for (int i = 0; i < LEVELS; i++)
		frame_uses[entry->pfn[i]]++;
}

static void tlb_flush(void)
{
	struct tlb_entry *entry, *next;

	list_for_each_entry_safe(entry, next, &tlb, all)
		tlb_drop(entry);
}

unsigned long read_cr3(void)
{
	return cr3;
}
void write_cr3(unsigned long value)
{
	cr3 = value;
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
	tlb_flush();
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

void host_mmu_frame_freed(unsigned long pfn)
{
	const struct tlb_entry *entry;

	if (!frame_uses[pfn])
		return;
	/* A map that nobody runs in any more may keep stale entries: nobody will use them. */
	if (current->active_mm && atomic_read(&current->active_mm->mm_users) == 0)
		return;
	list_for_each_entry(entry, &tlb, all) {
		for (int i = 0; i < LEVELS; i++)
			if (entry->pfn[i] == pfn) {
				host_complain("%s %#lx is freed while the TLB maps %#lx %s it",
					      i ? "page table" : "frame", pfn, entry->page,
					      i ? "through" : "to");
				return;
			}
	}
}

/* --- the walk --- */
struct access {
	bool write, exec, user;
};

/* Always false. */
static bool refuse(unsigned long *error, const struct access *access, unsigned long why)
{
	*error = why | (access->write ? X86_PF_WRITE : 0) | (access->user ? X86_PF_USER : 0) |
		 (access->exec ? X86_PF_INSTR : 0);
	return false;
}

static bool allowed(const struct tlb_entry *entry, const struct access *access)
{
	if (access->user && !entry->user)
		return false;
	/* CR0.WP is set: the kernel heeds R/W as well; it never runs user pages (SMEP). */
	return (!access->write || entry->write) &&
	       (!access->exec || (entry->exec && access->user));
}

/* True with @entry filled in and A and D set, or false with the error code of the fault. */
static bool walk(unsigned long addr, const struct access *access, struct tlb_entry *entry,
		 unsigned long *error)
{
	u64 *slots[LEVELS], table = cr3 & PTE_PFN_MASK;
	int level;

	*entry = (struct tlb_entry){ .page = addr & PAGE_MASK, .write = true, .user = true,
				     .exec = true };
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
			host_complain("entry %#llx at level %d for %#lx leads out of RAM", e,
				      level, addr);
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
	u64 table = cr3 & PTE_PFN_MASK;

	for (int level = LEVELS - 1; level >= 0; level--) {
		pte.pte = ((u64 *)__va(table))[(entry->page >> (PAGE_SHIFT + 9 * level)) & 511];
		if (!(pte.pte & _PAGE_PRESENT))
			return "a page that is not mapped";
		table = pte.pte & PTE_PFN_MASK;
	}
	return pte_pfn(pte) != entry->pfn[0]	 ? "another frame" :
	       entry->write && !pte_write(pte)	 ? "the right to write" :
	       entry->exec && !pte_exec(pte)	 ? "the right to execute" :
	       entry->user && !(pte.pte & _PAGE_USER) ? "the right of user mode" :
	       entry->dirty && !pte_dirty(pte)	 ? "the dirty bit" :
						   NULL;
}

static void check_entry(const struct tlb_entry *entry)
{
	const char *what = stale(entry);

	if (what)
		host_complain("the TLB still has %s at %#lx: a flush is missing", what,
			      entry->page);
}

/* Where @addr is in RAM for this access, or NULL and the error code. */
static char *translate(unsigned long addr, const struct access *access, unsigned long *error)
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

static void page_fault(struct pt_regs *regs, unsigned long error, unsigned long addr)
{
	host_error_code = error;
	host_cr2 = addr;
	host_faults++;
	exc_page_fault(regs, error, addr);
}

/* The debug console: where the fault log goes. */
char host_fault_line[512];
void debugcon_write(const char *text, size_t n)
{
	snprintf(host_fault_line, sizeof(host_fault_line), "%.*s", (int)n, text);
}

void host_fault_log(bool on)
{
	fault_log_enabled = on;
	host_fault_line[0] = '\0';
}

/* --- user mode --- */
static bool take_signal(struct host_verdict *verdict)
{
	struct host_task *host = host_task_of(current);

	if (fatal_signal_pending(current)) {
		*verdict = (struct host_verdict){ .signal = SIGKILL };
		return true;
	}
	*verdict = host->verdict;
	host->verdict = (struct host_verdict){ 0 };
	return verdict->signal;
}

static char *user_page(unsigned long addr, const struct access *access, struct host_verdict *verdict)
{
	struct pt_regs regs = { .cs = 0x33, .flags = X86_EFLAGS_IF, .ip = 0x400000, .ss = 0x2b };
	unsigned long error;

	/* Not canonical: a general protection fault. */
	if ((unsigned long)((long)(addr << 16) >> 16) != addr) {
		*verdict = (struct host_verdict){ SIGSEGV, SI_KERNEL, 0 };
		return NULL;
	}
	for (int tries = 0; tries < TRIES; tries++) {
		char *ram = translate(addr, access, &error);

		if (ram)
			return ram;
		page_fault(&regs, error, addr);
		if (take_signal(verdict))
			return NULL;
	}
	host_complain("access to %#lx (error code %#lx) faults for ever", addr, error);
	*verdict = (struct host_verdict){ .signal = SIGKILL };
	return NULL;
}

static struct host_verdict user_access(unsigned long addr, char *buf, size_t n,
				       const struct access *access)
{
	struct host_verdict verdict = { 0 };

	while (n) {
		size_t part = min(n, PAGE_SIZE - (addr & ~PAGE_MASK));
		char *ram = user_page(addr, access, &verdict);

		if (!ram)
			return verdict;
		if (access->write)
			memcpy(ram, buf, part);
		else
			memcpy(buf, ram, part);
		addr += part;
		buf += part;
		n -= part;
	}
	return verdict;
}

struct host_verdict host_read(unsigned long addr, void *buf, size_t n)
{
	return user_access(addr, buf, n, &(struct access){ .user = true });
}

struct host_verdict host_write(unsigned long addr, const void *buf, size_t n)
{
	return user_access(addr, (char *)buf, n, &(struct access){ .user = true, .write = true });
}

struct host_verdict host_exec(unsigned long addr)
{
	char byte;

	return user_access(addr, &byte, 1, &(struct access){ .user = true, .exec = true });
}

struct host_verdict host_put(unsigned long addr, u64 value)
{
	return host_write(addr, &value, sizeof(value));
}

u64 host_get(unsigned long addr)
{
	u64 value = 0;
	struct host_verdict verdict = host_read(addr, &value, sizeof(value));

	if (verdict.signal)
		host_complain("reading %#lx: signal %d code %d", addr, verdict.signal,
			      verdict.code);
	return value;
}

/* --- the kernel's copies --- */
/* Stands for the instructions of the copy routines: the only ones with a fix-up. */
static const struct exception_table_entry copy_insn;
#define COPY_IP ((unsigned long)&copy_insn)

const struct exception_table_entry *search_exception_table(unsigned long ip)
{
	return ip == COPY_IP ? &copy_insn : NULL;
}

bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long addr)
{
	(void)trapnr;
	(void)error_code;
	(void)addr;
	if (regs->ip != COPY_IP)
		return false;
	regs->ip = 0;
	return true;
}

static char *kernel_page(unsigned long addr, bool write)
{
	struct pt_regs regs = { .cs = 0x10, .flags = X86_EFLAGS_IF, .ip = COPY_IP, .ss = 0x18 };
	const struct access access = { .write = write };
	unsigned long error;

	for (int tries = 0; tries < TRIES; tries++) {
		char *ram = translate(addr, &access, &error);

		if (ram)
			return ram;
		page_fault(&regs, error, addr);
		if (!regs.ip)
			return NULL;
	}
	host_complain("kernel access to %#lx (error code %#lx) faults for ever", addr, error);
	return NULL;
}

/* Bytes not copied. @kernel NULL: zeroes. Both sides may be one frame: write(2) from its own page. */
static unsigned long copy(unsigned long user, char *kernel, size_t n, bool write)
{
	if (!access_ok((void *)user, n))
		return n;
	while (n) {
		size_t part = min(n, PAGE_SIZE - (user & ~PAGE_MASK));
		char *ram = kernel_page(user, write);

		if (!ram)
			break;
		if (!kernel)
			memset(ram, 0, part);
		else if (write)
			memmove(ram, kernel, part);
		else
			memmove(kernel, ram, part);
		if (kernel)
			kernel += part;
		user += part;
		n -= part;
	}
	return n;
}

unsigned long copy_to_user(void *to, const void *from, size_t n)
{
	return copy((unsigned long)to, (char *)from, n, true);
}
unsigned long copy_from_user(void *to, const void *from, size_t n)
{
	return copy((unsigned long)from, to, n, false);
}
unsigned long clear_user(void *to, size_t n)
{
	return copy((unsigned long)to, NULL, n, true);
}
long strncpy_from_user(char *to, const char *from, long size)
{
	for (long i = 0; i < size; i++) {
		if (copy_from_user(to + i, from + i, 1))
			return -EFAULT;
		if (!to[i])
			return i;
	}
	return size;
}

#define USER_WORD(bytes)                                                                           \
	int __get_user_##bytes(unsigned long *val, const void *addr)                               \
	{                                                                                          \
		*val = 0;                                                                          \
		return copy_from_user(val, addr, bytes) ? -EFAULT : 0;                             \
	}                                                                                          \
	int __put_user_##bytes(unsigned long val, void *addr)                                      \
	{                                                                                          \
		return copy_to_user(addr, &val, bytes) ? -EFAULT : 0;                              \
	}
USER_WORD(1)
USER_WORD(2)
USER_WORD(4)
USER_WORD(8)

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
	const struct tlb_entry *entry;

	if (current->mm)
		list_for_each_entry(entry, &tlb, all)
			check_entry(entry);
}

void host_mmu_init(unsigned long pages)
{
	nr_frames = pages;
	frame_uses = calloc(pages, sizeof(*frame_uses));
	cr4 = CR4_PGE;
	cr3 = __pa(init_pgd);
}
