/* SPDX-License-Identifier: MIT */
/*
 * An address space: what was promised (a tree of VMAs) and the page table that caches how each
 * promise is being kept.
 *
 * Two counts, as on Linux: mm_users counts the tasks that run in the map (the last one tears the
 * user half down: mmput); mm_count counts everyone who needs the struct and the top-level table to
 * exist, all mm_users together being one (mmdrop).
 */
#ifndef MM_SPACE_MM_H
#define MM_SPACE_MM_H

#include "kernel/core/rcu.h"
#include "kernel/core/rwsem.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/wait.h"
#include "lib/atomic.h"
#include "lib/interval_tree.h"
#include "lib/list.h"
#include "lib/rbtree.h"
#include "lib/types.h"
#include "lib/util.h"
#include "mm/frame/page.h"
#include <asm/mmu.h>
#include <asm/pgtable.h>

struct file;
struct anon_vma;
struct vm_area_struct;
struct vm_operations_struct;

/* vm_flags; bits 0..3 index vm_get_page_prot(). */
#define VM_READ 0x00000001UL
#define VM_WRITE 0x00000002UL
#define VM_EXEC 0x00000004UL
#define VM_SHARED 0x00000008UL
#define VM_MAYREAD 0x00000010UL /* mprotect() may give these */
#define VM_MAYWRITE 0x00000020UL
#define VM_MAYEXEC 0x00000040UL
#define VM_MAYSHARE 0x00000080UL /* MAP_SHARED was asked for, even if the file is read-only */
#define VM_GROWSDOWN 0x00000100UL
#define VM_PFNMAP 0x00000400UL   /* numbers of the kernel's: nobody faults it in but who reads it */
#define VM_LOCKED 0x00002000UL
#define VM_IO 0x00004000UL       /* what a device, or the kernel, changes by itself */
#define VM_SEQ_READ 0x00008000UL
#define VM_RAND_READ 0x00010000UL
#define VM_DONTCOPY 0x00020000UL /* madvise(MADV_DONTFORK) */
#define VM_DONTEXPAND 0x00040000UL
#define VM_LOCKONFAULT 0x00080000UL
#define VM_ACCOUNT 0x00100000UL
#define VM_NORESERVE 0x00200000UL
#define VM_WIPEONFORK 0x02000000UL
#define VM_DONTDUMP 0x04000000UL
#define VM_SOFTCLEAN 0x08000000UL /* older than the last clearing of soft-dirty marks (Linux has the opposite) */
#define VM_HUGEPAGE 0x20000000UL /* madvise() hints that only keep VMAs apart */
#define VM_NOHUGEPAGE 0x40000000UL
#define VM_MERGEABLE 0x80000000UL
#define VM_STACK VM_GROWSDOWN
#define VM_ACCESS_FLAGS (VM_READ | VM_WRITE | VM_EXEC)

/* /proc/PID/coredump_filter: kinds of mappings whose contents go into a core (core(5)). */
#define MMF_DUMP_ANON_PRIVATE 0x01u
#define MMF_DUMP_ANON_SHARED 0x02u
#define MMF_DUMP_MAPPED_PRIVATE 0x04u
#define MMF_DUMP_MAPPED_SHARED 0x08u
#define MMF_DUMP_ELF_HEADERS 0x10u
#define MMF_DUMP_ALL 0x1ffu     /* also huge pages and DAX, which there are none of */
#define MMF_DUMP_DEFAULT 0x33u

/* What a map counts: frames mapped, by kind, and swap entries. */
enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

/*
 * One CPU's share of them; a cache line. Only that CPU writes it, from process context, so that faults
 * side by side share nothing. A share alone means nothing and may be negative, the sum is exact.
 */
struct mm_counters {
	long count[NR_MM_COUNTERS];
} __aligned(64);

/*
 * One range [vm_start, vm_end) with one promise. Page aligned. All fields: written under mmap_lock
 * held for writing, read under it held for reading (or writing). What a fault looks at is written
 * only with the VMA locked for writing too (vma_start_write()), so that a fault may read it with
 * nothing but the VMA locked: all up to anon_vma.
 */
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	int vm_readers;               /* faults inside, and VMA_CLOSED; atomic (vma_lock.h) */
	unsigned int vm_lock_seq;     /* equal to mm->mm_lock_seq: locked for writing */
	struct mm_struct *vm_mm;
	/* rights of a fresh entry; never RW for private mappings of pages not owned */
	pgprot_t vm_page_prot;
	unsigned long vm_flags;
	const struct vm_operations_struct *vm_ops; /* NULL: anonymous */
	struct file *vm_file;         /* counted; NULL: anonymous */
	/* offset of vm_start, in pages: in the file, or vm_start >> 12 for anon at its first map */
	pgoff_t vm_pgoff;
	struct anon_vma *anon_vma;    /* NULL until the first private page; then fixed; counted */
	/*
	 * Which VMAs may merge, as a Linux user sees it in /proc/self/maps: there each VMA that fork
	 * copies gets an anon_vma of its own, here the family stays one. anon_id stands for it (0: no
	 * anon_vma); a VMA inherited through fork takes no neighbour in that has none yet.
	 */
	unsigned long anon_id;
	bool anon_inherited;
	/* From here on: its place in lists and trees, set by who puts it there (VMA_PLACE). */
	struct rb_node vm_rb;         /* mm->mm_rb, by address */
	struct vm_area_struct *vm_prev, *vm_next; /* neighbours by address, or NULL */
	unsigned long vm_gap;         /* free bytes just below, less the guard gap of a stack */
	unsigned long rb_subtree_gap; /* the largest free gap just below any VMA of this subtree */
	union {
		struct interval_node anon_node; /* in anon_vma->tree, pgoff range; anon_vma->lock */
		struct rcu_head vm_rcu; /* when it is being freed */
	};
	struct interval_node file_node; /* in mapping->i_mmap, pgoff range; mapping->i_mmap_rwsem */
};

struct vm_fault;
typedef unsigned int vm_fault_t;

/* What a mapping's owner fills in; anonymous VMAs have none. Any slot may be NULL. */
struct vm_operations_struct {
	const char *name;
	bool whole; /* no VMA of it becomes two: -EINVAL */
	/*
	 * Bring the page at vmf_pgoff(): sets vmf->page to it, referenced, LOCKED and up to date, and
	 * returns VM_FAULT_LOCKED (| VM_FAULT_MAJOR), an error verdict, or VM_FAULT_RETRY (fault.h),
	 * before it asks a disk. May sleep.
	 */
	vm_fault_t (*fault)(struct vm_fault *vmf);
	/*
	 * Map pages that are already there around the address, from start_pgoff to end_pgoff
	 * inclusive; never sleeps.
	 */
	vm_fault_t (*map_pages)(struct vm_fault *vmf, pgoff_t start_pgoff, pgoff_t end_pgoff);
	/*
	 * A shared page, vmf->page, locked, is about to become writable: reserve its blocks. 0, or why
	 * not: an error verdict (VM_FAULT_SIGBUS, _OOM), or VM_FAULT_NOPAGE when it left the file
	 * meanwhile. It stays locked. VM_FAULT_RETRY: the fault lock, the page's lock and the reference
	 * on it are released. May sleep.
	 */
	vm_fault_t (*page_mkwrite)(struct vm_fault *vmf);
	void (*open)(struct vm_area_struct *vma);  /* the VMA was copied (fork, split) */
	void (*close)(struct vm_area_struct *vma); /* the VMA goes away */
};

struct mm_struct {
	pgd_t *pgd;                   /* top level; constant */
	struct rb_root mm_rb;         /* mmap_lock; faults walk it without (lock_vma_under_rcu()) */
	unsigned long vma_left_seq;   /* VMAs that left the tree, from 1 on; mmap_lock */
	unsigned int mm_lock_seq;     /* raised as mmap_lock for writing is given back; mmap_lock */
	mm_context_t context;         /* which CPUs have it loaded: asm/tlbflush.h */
	atomic_t mm_users, mm_count;
	u32 number;                   /* from 1 on, never used again: the recorder's name for it */
	struct wait_queue_head vma_wait; /* a writer, for the faults in a VMA to end */
	struct rw_semaphore mmap_lock;/* VMAs and the layout fields below */
	struct vm_area_struct *first_vma, *last_vma; /* the same VMAs as a list; mmap_lock */
	struct vm_area_struct *mmap_cache; /* the VMA of the last find; hint */
	/*
	 * Below @gap_hint_high and above the gap below @gap_hint (NULL: not known) no gap has
	 * @gap_hint_len bytes or more; mmap_lock
	 */
	struct vm_area_struct *gap_hint;
	unsigned long gap_hint_len, gap_hint_high;
	int map_count;                /* VMAs; mmap_lock */
	/*
	 * The search downwards starts at mmap_base, that upwards, for where the first finds nothing, at
	 * mmap_legacy_base; alike: only upwards. Constant after exec.
	 */
	unsigned long mmap_base, mmap_legacy_base;
	unsigned long total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* pages; mmap_lock */
	unsigned long hiwater_vm;     /* the most that total_vm was before it became less; mmap_lock */
	unsigned long def_flags;      /* VM_LOCKED after mlockall(MCL_FUTURE); mmap_lock */
	unsigned long start_code, end_code, start_data, end_data;
	/* mmap_lock */
	unsigned long start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end;
	unsigned long saved_auxv[48]; /* for /proc/PID/auxv; constant after exec */
	/* counted, writers denied (deny_write_access); mmput() undoes both; constant after exec */
	struct file *exe_file;
	spinlock_t page_table_lock;   /* entries above the last level (mm/space/pagetable.h), and: */
	unsigned long hiwater_rss;    /* frames; a writer at the same time may win over a larger one */
	unsigned long pgtables;       /* frames used by page tables; page_table_lock */
	struct list_head mmlist;      /* all maps, for swapoff; mmlist_lock */
	unsigned int dump_filter;     /* MMF_DUMP_*: what a core is to hold; any task, one word */
	unsigned int membarrier;      /* commands of membarrier(2) it registered for; atomic */
	unsigned long rlim_stack;     /* bytes: RLIMIT_STACK as the stack's growth sees it */
	/*
	 * bytes, of the owning process, kept by setrlimit/setuid/exec/fork; rlim_memlock is ~0 for
	 * root (CAP_IPC_LOCK)
	 */
	unsigned long rlim_as, rlim_data, rlim_memlock;
	struct mm_counters rss[];     /* one for each possible CPU; see add_mm_counter() */
};

/* --- counters --- */
/* @n more of them are mapped, counted without a lock: the kernel is not preempted, no handler counts. */
static inline void add_mm_counter(struct mm_struct *mm, int counter, long n)
{
	mm->rss[smp_processor_id()].count[counter] += n;
}
static inline void add_mm_counters(struct mm_struct *mm, const long n[NR_MM_COUNTERS])
{
	long *count = mm->rss[smp_processor_id()].count;

	BUILD_BUG_ON(NR_MM_COUNTERS != 4);
	count[MM_FILEPAGES] += n[MM_FILEPAGES];
	count[MM_ANONPAGES] += n[MM_ANONPAGES];
	count[MM_SWAPENTS] += n[MM_SWAPENTS];
	count[MM_SHMEMPAGES] += n[MM_SHMEMPAGES];
}
/* The sum, exact when nobody maps or unmaps meanwhile. */
static inline long mm_counter_sum(const struct mm_struct *mm, int counter)
{
	unsigned int cpu;
	long sum = 0;

	for_each_cpu(cpu)
		sum += READ_ONCE(mm->rss[cpu].count[counter]);
	return sum;
}
/* For whom it is enough to be about right: not negative while others move shares around. */
static inline unsigned long get_mm_counter(const struct mm_struct *mm, int counter)
{
	return (unsigned long)max(mm_counter_sum(mm, counter), 0L);
}
/* Frames mapped now. Before they become fewer, the most there ever were is kept. */
static inline unsigned long mm_rss(const struct mm_struct *mm)
{
	unsigned int cpu;
	long sum = 0;

	for_each_cpu(cpu) {
		const long *count = mm->rss[cpu].count;

		sum += READ_ONCE(count[MM_FILEPAGES]) + READ_ONCE(count[MM_ANONPAGES]) +
		       READ_ONCE(count[MM_SHMEMPAGES]);
	}
	return (unsigned long)max(sum, 0L);
}
static inline void update_hiwater_rss(struct mm_struct *mm)
{
	unsigned long rss = mm_rss(mm);

	if (READ_ONCE(mm->hiwater_rss) < rss)
		WRITE_ONCE(mm->hiwater_rss, rss);
}

extern struct list_head mmlist;  /* every mm with mm_users > 0 */
extern spinlock_t mmlist_lock;
extern struct mm_struct init_mm; /* kernel only: pgd = init_pgd */

/* Pages promised to all (Committed_AS): each CPU's share of it, and the sum. */
DECLARE_PER_CPU(long, vm_committed);
static inline void add_committed(long pages) { this_cpu_add(vm_committed, pages); }
long committed_pages(void);
/*
 * Promise @pages of memory: 0, or -ENOMEM when that is obviously too much. vm_unacct_memory()
 * takes it back.
 */
int vm_enough_memory(unsigned long pages);
static inline void vm_unacct_memory(unsigned long pages)
{
	add_committed(-(long)pages);
}
/* What of it vm.overcommit_memory=2 allows; pages. */
unsigned long commit_limit(void);
#define OVERCOMMIT_GUESS 0  /* refuse only what could never be kept */
#define OVERCOMMIT_ALWAYS 1 /* refuse nothing */
#define OVERCOMMIT_NEVER 2  /* refuse what goes beyond commit_limit() */
extern int sysctl_overcommit_memory, sysctl_overcommit_ratio; /* one of these; percent of RAM */
#define DEFAULT_MAX_MAP_COUNT 65530 /* vm.max_map_count */
extern int sysctl_max_map_count;
/* mmap()'s search upwards begins here, before it is moved at random: a third of the space, as on Linux. */
#define TASK_UNMAPPED_BASE PAGE_ALIGN(TASK_SIZE / 3)
#define STACK_GUARD_GAP (256UL << PAGE_SHIFT)

static inline unsigned long vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}
static inline bool vma_is_anonymous(const struct vm_area_struct *vma) { return !vma->vm_ops; }
/* Place of @address in the VMA's object, in pages. */
static inline pgoff_t linear_page_index(const struct vm_area_struct *vma, unsigned long address)
{
	return vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);
}
/* Private and possibly writable: its written pages are anonymous copies. */
static inline bool is_cow_mapping(unsigned long vm_flags)
{
	return (vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* --- life (mm/space/mm.c) --- */
/* A new empty user space with the kernel half filled in; both counts 1. NULL: out of memory. */
struct mm_struct *mm_alloc(void);
/*
 * fork's: a copy of @oldmm with all private pages shared copy-on-write. ERR_PTR on failure, nothing
 * leaked. Takes oldmm->mmap_lock for writing.
 */
struct mm_struct *dup_mm(struct mm_struct *oldmm);
/* Drop a user; the last unmaps everything (may sleep). NULL is fine. */
void mmput(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);
/*
 * How many maps of at least LARGE_EXIT_FRAMES are being torn down now: the OOM killer waits for them
 * before it chooses somebody.
 */
#define LARGE_EXIT_FRAMES 256
int mm_large_exits(void);
static inline void mmgrab(struct mm_struct *mm) { atomic_inc(&mm->mm_count); }
static inline void mmget(struct mm_struct *mm) { atomic_inc(&mm->mm_users); }
static inline bool mmget_not_zero(struct mm_struct *mm) { return atomic_inc_not_zero(&mm->mm_users); }
void mm_init(void); /* slab caches of this folder; boot */

/* --- tree (mm/space/vma.c); mmap_lock held --- */
/* First VMA with vm_end > addr, or NULL: it may start above @addr. */
struct vm_area_struct *__find_vma(struct mm_struct *mm, unsigned long addr);
static inline struct vm_area_struct *find_vma(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = READ_ONCE(mm->mmap_cache);

	/* In the VMA found last, or in the gap below it. */
	if (likely(vma && addr < vma->vm_end) &&
	    (likely(vma->vm_start <= addr) || !vma->vm_prev || vma->vm_prev->vm_end <= addr))
		return vma;
	return __find_vma(mm, addr);
}
/* The VMA that contains @addr, or NULL. */
static inline struct vm_area_struct *vma_lookup(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start <= addr ? vma : NULL;
}
/* First VMA that overlaps [start, end). */
static inline struct vm_area_struct *find_vma_intersection(struct mm_struct *mm,
							   unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	return vma && vma->vm_start < end ? vma : NULL;
}
static inline struct vm_area_struct *vma_first(const struct mm_struct *mm) { return mm->first_vma; }
static inline struct vm_area_struct *vma_last(const struct mm_struct *mm) { return mm->last_vma; }
static inline struct vm_area_struct *vma_next(const struct vm_area_struct *vma) { return vma->vm_next; }
static inline struct vm_area_struct *vma_prev(const struct vm_area_struct *vma) { return vma->vm_prev; }
#define for_each_vma(mm, vma) for ((vma) = vma_first(mm); (vma); (vma) = vma_next(vma))

/*
 * The highest free range of @len bytes in [low, high), in O(log n). Honours the guard gap below
 * VM_GROWSDOWN. Returns the address or -ENOMEM (check with IS_ERR_VALUE).
 */
unsigned long vm_unmapped_area(struct mm_struct *mm, unsigned long len, unsigned long low, unsigned long high);
/* The same, lowest first. */
unsigned long vm_unmapped_area_bottomup(struct mm_struct *mm, unsigned long len, unsigned long low,
					unsigned long high);

/*
 * --- mmap family; addresses and lengths as the syscalls get them; the caller holds no mm lock
 * unless said ---
 */
/*
 * Returns the address or -errno. @file is counted by the VMA; mmap_lock is taken. Rights of @file
 * were checked by the caller (the syscall).
 */
unsigned long vm_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, pgoff_t pgoff);
/*
 * The same with current->mm->mmap_lock held for writing. *populate becomes the bytes to
 * mm_populate() after unlock.
 */
unsigned long do_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, pgoff_t pgoff, unsigned long *populate);
int vm_munmap(unsigned long start, size_t len);
/* mmap_lock for writing held */
int do_munmap(struct mm_struct *mm, unsigned long start, size_t len);
/* Anonymous, for exec's bss and brk; mmap_lock is taken. 0 or -errno. */
int vm_brk_flags(unsigned long addr, unsigned long len, unsigned long vm_flags);
/* exec's stack VMA [end - size, end): grows down. Returns 0 or -errno. mmap_lock is taken. */
int setup_stack_vma(struct mm_struct *mm, unsigned long stack_top, unsigned long size, bool executable);
/*
 * Grow @vma (VM_GROWSDOWN) down to hold @address: -ENOMEM beyond the limits. mmap_lock held for
 * writing.
 */
int expand_stack(struct vm_area_struct *vma, unsigned long address);
/*
 * Fault in [start, start+len) as its VMAs allow (MAP_POPULATE, mlock); errors are ignored but
 * returned. mmap_lock not held.
 */
int mm_populate(unsigned long start, unsigned long len);
/*
 * madvise(2) for any map; advice that faults in is for current's own. mmap_lock is taken. 0 or -errno.
 */
int do_madvise(struct mm_struct *mm, unsigned long start, size_t len, int behavior);


/* Syscalls of this folder; results as Linux's, errno for errno. */
long sys_mmap(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags, unsigned long fd, unsigned long off);
long sys_munmap(unsigned long addr, size_t len);
long sys_mprotect(unsigned long start, size_t len, unsigned long prot);
long sys_mremap(unsigned long addr, unsigned long old_len, unsigned long new_len, unsigned long flags, unsigned long new_addr);
long sys_brk(unsigned long brk);
long sys_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot, pgoff_t pgoff, unsigned long flags);
long sys_madvise(unsigned long start, size_t len, int behavior);
long sys_mincore(unsigned long start, size_t len, unsigned char *vec);
long sys_msync(unsigned long start, size_t len, int flags);
long sys_mlock(unsigned long start, size_t len);
long sys_mlock2(unsigned long start, size_t len, int flags);
long sys_munlock(unsigned long start, size_t len);
long sys_mlockall(int flags);
long sys_munlockall(void);

#endif
