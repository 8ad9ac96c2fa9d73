/* SPDX-License-Identifier: MIT */
/*
 * The life of an address space: born empty (exec) or as a copy (fork), torn down when its last task
 * leaves, freed when the last one to look at it lets go.
 */
#include "mm/space/mm.h"

#include "kernel/core/vfs.h"
#include "kernel/debug/race.h"
#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/pagetable.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "mm/space/vma_lock.h"
#include <asm/tlbflush.h>

LIST_HEAD(mmlist);
DEFINE_SPINLOCK(mmlist_lock);
int sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;

static struct kmem_cache *mm_cache;

/* Room kept for the stack below TASK_SIZE, at least: Linux's layout without randomisation. */
#define MIN_STACK_ROOM (128UL << 20)
#define DEFAULT_STACK_LIMIT (8UL << 20)

struct mm_struct init_mm = {
	.context = { .id = 1, .tlb_gen = ATOMIC_LONG_INIT(1) },
	.mm_users = ATOMIC_INIT(1),
	.mm_count = ATOMIC_INIT(1),
	.mmap_lock = RWSEM_INIT(init_mm.mmap_lock, "init_mm.mmap_lock"),
	.page_table_lock = SPINLOCK_INIT("init_mm.page_table_lock"),
	.mmlist = LIST_HEAD_INIT(init_mm.mmlist),
};

/*
 * Which entries of the kernel's half there ever are, of 256: those from boot, and that of the vmalloc
 * area, which maps may take over later (vmalloc_fault()). Constant after mm_init().
 */
static u16 kernel_slots[PTRS_PER_TABLE - USER_PGD_PTRS];
static unsigned int nr_kernel_slots;

static void find_kernel_slots(void)
{
	for (unsigned int i = USER_PGD_PTRS; i < PTRS_PER_TABLE; i++)
		if (!pgd_none(init_pgd[i]) || i == pgd_index(VMALLOC_START + PGDIR_SIZE))
			kernel_slots[nr_kernel_slots++] = (u16)i;
}

/* A top-level table: an empty user half, and the kernel's half shared by entry. */
static pgd_t *pgd_alloc(void)
{
	pgd_t *pgd = get_zeroed_page(GFP_KERNEL);

	for (unsigned int i = 0; pgd && i < nr_kernel_slots; i++)
		pgd[kernel_slots[i]] = init_pgd[kernel_slots[i]];
	return pgd;
}

/* The user half is empty again; so the next one needs no clearing. */
static void pgd_free(pgd_t *pgd)
{
	for (unsigned int i = 0; i < nr_kernel_slots; i++)
		pgd[kernel_slots[i]] = __pgd(0);
	free_zeroed_page(virt_to_page(pgd));
}

void mm_init(void)
{
	mm_cache = kmem_cache_create(
		"mm_struct", sizeof(struct mm_struct) + nr_cpu_ids * sizeof(struct mm_counters),
		sizeof(struct mm_counters));
	vma_cache_init();
	rmap_init();
	init_mm.pgd = init_pgd;
	find_kernel_slots();
}

static atomic_t mm_numbers; /* given so far */

/* Not on mmlist yet. */
static struct mm_struct *new_mm(void)
{
	struct mm_struct *mm = kmem_cache_alloc(mm_cache, GFP_KERNEL | __GFP_ZERO);

	if (!mm)
		return NULL;
	mm->pgd = pgd_alloc();
	if (!mm->pgd) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	mm->number = (u32)atomic_inc_return(&mm_numbers);
	trace_table(mm->number, 4, 1, 0, page_to_pfn(virt_to_page(mm->pgd)));
	init_new_context(mm);
	init_rwsem(&mm->mmap_lock, "mmap_lock");
	init_waitqueue_head(&mm->vma_wait);
	mm->vma_left_seq = 1;
	spin_lock_init(&mm->page_table_lock, "page_table_lock");
	INIT_LIST_HEAD(&mm->mmlist);
	mm->mmap_base = TASK_SIZE - MIN_STACK_ROOM;
	mm->mmap_legacy_base = TASK_UNMAPPED_BASE;
	mm->rlim_stack = DEFAULT_STACK_LIMIT;
	mm->dump_filter = MMF_DUMP_DEFAULT;
	mm->rlim_as = mm->rlim_data = mm->rlim_memlock = ~0UL;
	return mm;
}

static void publish_mm(struct mm_struct *mm)
{
	spin_lock(&mmlist_lock);
	list_add_tail(&mm->mmlist, &mmlist);
	spin_unlock(&mmlist_lock);
}

struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = new_mm();

	if (mm)
		publish_mm(mm);
	return mm;
}

/* Layout and limits. Locked memory is not inherited, nor is mlockall(MCL_FUTURE). */
static void copy_layout(struct mm_struct *mm, const struct mm_struct *old)
{
	mm->mmap_base = old->mmap_base;
	mm->mmap_legacy_base = old->mmap_legacy_base;
	mm->total_vm = old->total_vm;
	mm->data_vm = old->data_vm;
	mm->exec_vm = old->exec_vm;
	mm->stack_vm = old->stack_vm;
	mm->start_code = old->start_code;
	mm->end_code = old->end_code;
	mm->start_data = old->start_data;
	mm->end_data = old->end_data;
	mm->start_brk = old->start_brk;
	mm->brk = old->brk;
	mm->start_stack = old->start_stack;
	mm->arg_start = old->arg_start;
	mm->arg_end = old->arg_end;
	mm->env_start = old->env_start;
	mm->env_end = old->env_end;
	memcpy(mm->saved_auxv, old->saved_auxv, sizeof(mm->saved_auxv));
	mm->dump_filter = old->dump_filter;
	mm->rlim_stack = old->rlim_stack;
	mm->rlim_as = old->rlim_as;
	mm->rlim_data = old->rlim_data;
	mm->rlim_memlock = old->rlim_memlock;
}

/*
 * The child's copy of one VMA, linked and filled. 0 or -ENOMEM (then it is linked or freed). *@stale:
 * the parent's entries need a flush.
 */
static int dup_vma(struct mm_struct *mm, struct vm_area_struct *old, bool *stale)
{
	bool wipe = old->vm_flags & VM_WIPEONFORK;
	struct vm_area_struct *vma;

	if ((old->vm_flags & VM_ACCOUNT) && vm_enough_memory(vma_pages(old)))
		return -ENOMEM;
	vma = vm_area_dup(old);
	if (!vma) {
		if (old->vm_flags & VM_ACCOUNT)
			vm_unacct_memory(vma_pages(old));
		return -ENOMEM;
	}
	vma->vm_mm = mm;
	vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	if (wipe) {
		unlink_anon_vma(vma);
	} else if (vma->anon_vma) {
		vma->anon_id = new_anon_id();
		vma->anon_inherited = true;
	}
	if (vma->vm_ops && vma->vm_ops->open)
		vma->vm_ops->open(vma);
	vma_append(mm, vma); /* copied in order */
	/* Without private pages, all that the entries say can be had again from the file. */
	return wipe || !old->anon_vma ? 0 : copy_page_range(vma, old, stale);
}

static int dup_mmap(struct mm_struct *mm, struct mm_struct *old)
{
	bool stale = false, alone = mm_has_one_task(old);
	struct vm_area_struct *vma;
	int err = 0;

	for_each_vma(old, vma) {
		/*
		 * Until the flush below a CPU may write to a page through an entry that has lost the
		 * right: a fault that copied the page meanwhile would lose that write.
		 */
		if (!alone)
			vma_start_write(vma);
		if (vma->vm_flags & VM_DONTCOPY) {
			vm_stat_account(mm, vma->vm_flags, -(long)vma_pages(vma));
			continue;
		}
		err = dup_vma(mm, vma, &stale);
		if (err)
			break;
	}
	vma_tree_build(mm);
	/*
	 * Entries of the parent lost the right to write: once for all of them. What its other threads
	 * write until then the child may see: it was written during fork. A page that reclaim took
	 * out meanwhile the child has as a swap entry; there, too, writes end here.
	 */
	if (stale)
		flush_tlb_mm(old);
	else
		flush_tlb_batched_pending(old);
	return err;
}

struct mm_struct *dup_mm(struct mm_struct *oldmm)
{
	struct mm_struct *mm = new_mm();
	int err;

	if (!mm)
		return ERR_PTR(-ENOMEM);
	mmap_write_lock(oldmm);
	copy_layout(mm, oldmm);
	err = dup_mmap(mm, oldmm);
	if (!err && oldmm->exe_file) {
		mm->exe_file = get_file(oldmm->exe_file);
		deny_write_access(mm->exe_file); /* cannot fail: the parent's denial stands */
	}
	mmap_write_unlock(oldmm);
	vma_end_write_all(mm); /* they were linked locked; nobody has it yet */
	publish_mm(mm);
	if (!err)
		return mm;
	mmput(mm);
	return ERR_PTR(err);
}

/* Nobody runs here any more: everything goes, frames without a flush, tables with one. */
static void exit_mmap(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *next;
	struct mmu_gather tlb;

	mmap_write_lock(mm); /* reclaim and swapoff may still look */
	vma = vma_first(mm);
	if (!vma) {
		mmap_write_unlock(mm);
		return;
	}
	race_point_may_sleep("exit: map locked, pages there");
	tlb_gather_mmu_fullmm(&tlb, mm);
	for_each_vma(mm, vma) {
		unmap_page_range(&tlb, vma, vma->vm_start, vma->vm_end);
		vma_unlink_rmap(vma);
	}
	/* Neighbours together; nobody looks for tables in the wide gaps. */
	for (vma = vma_first(mm); vma; vma = next) {
		unsigned long start = vma->vm_start;

		while ((next = vma_next(vma)) && next->vm_start - vma->vm_end < PMD_SIZE)
			vma = next;
		free_pgtables(&tlb, start, vma->vm_end, 0, next ? next->vm_start : 0);
	}
	tlb_finish_mmu(&tlb);
	mmap_write_unlock(mm);
	/* Unreachable now; closing a file may sleep and take locks that come before mmap_lock. */
	for (vma = vma_first(mm); vma; vma = next) {
		next = vma_next(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			vm_unacct_memory(vma_pages(vma));
		vma_release(vma);
	}
	mm->mm_rb = RB_ROOT;
	mm->first_vma = mm->last_vma = NULL;
	mm->mmap_cache = mm->gap_hint = NULL;
	mm->map_count = 0;
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		WARN_ON(mm_counter_sum(mm, i)); /* somebody mapped or unmapped without counting */
}

static atomic_t nr_large_exits;

int mm_large_exits(void)
{
	return atomic_read(&nr_large_exits);
}

void mmput(struct mm_struct *mm)
{
	bool large;

	if (!mm || !atomic_dec_and_test(&mm->mm_users))
		return;
	spin_lock(&mmlist_lock);
	list_del_init(&mm->mmlist);
	spin_unlock(&mmlist_lock);
	large = mm_rss(mm) + mm->pgtables >= LARGE_EXIT_FRAMES;
	if (large)
		atomic_inc(&nr_large_exits);
	exit_mmap(mm);
	trace_mm_gone(mm->number);
	if (large)
		atomic_dec(&nr_large_exits);
	if (mm->exe_file) {
		allow_write_access(mm->exe_file);
		fput(mm->exe_file);
	}
	mmdrop(mm);
}

void mmdrop(struct mm_struct *mm)
{
	if (!atomic_dec_and_test(&mm->mm_count))
		return;
	ASSERT(mm->pgtables == 0 && !mm->context.cpumask);
	trace_table(mm->number, 4, 0, 0, page_to_pfn(virt_to_page(mm->pgd)));
	pgd_free(mm->pgd);
	kmem_cache_free(mm_cache, mm);
}
