/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: every mm_struct that there is, found in its slab cache, so that maps which fork is
 * still filling and maps which are being taken down are looked at as well; and the VMAs of those that
 * nobody is changing.
 */
#include "kernel/core/sched.h"
#include "lib/vsprintf.h"
#include "mm/audit/internal.h"
#include "mm/space/vma.h"

const char *audit_owner(const struct mm_struct *mm)
{
	static char text[48];
	const struct task_struct *task;

	list_for_each_entry(task, &task_list, tasks)
		if (task->mm == mm) {
			scnprintf(text, sizeof(text), "pid %d (%s)", task->tgid, task->comm);
			return text;
		}
	scnprintf(text, sizeof(text), "map %p (%d users)", (const void *)mm,
		  atomic_read(&mm->mm_users));
	return text;
}

/* Nobody runs in it any more: its VMAs go one by one. */
static bool is_dying(const struct mm_struct *mm)
{
	return !atomic_read(&mm->mm_users);
}

bool audit_is_changing(const struct mm_struct *mm)
{
	return is_dying(mm) || mm->mmap_lock.count < 0 || list_empty(&mm->mmlist);
}

/* What the VMAs of a map add up to. */
struct vma_sums {
	struct mm_struct *mm;
	struct vm_area_struct *prev;
	unsigned long count, total, data, exec, stack, locked;
	bool found_cache;
};

static void add_vma(struct vma_sums *sums, const struct vm_area_struct *vma)
{
	struct mm_struct counter = { 0 };

	vm_stat_account(&counter, vma->vm_flags, (long)vma_pages(vma));
	sums->count++;
	sums->total += counter.total_vm;
	sums->data += counter.data_vm;
	sums->exec += counter.exec_vm;
	sums->stack += counter.stack_vm;
	if (vma->vm_flags & VM_LOCKED)
		sums->locked += vma_pages(vma);
}

static unsigned long subtree_gap(const struct rb_node *node)
{
	return node ? rb_entry(node, struct vm_area_struct, vm_rb)->rb_subtree_gap : 0;
}

static bool check_gaps(struct audit *a, const struct vm_area_struct *vma,
		       const struct vm_area_struct *prev)
{
	unsigned long floor = prev ? prev->vm_end : 0, end = vm_start_gap(vma);
	unsigned long gap = end > floor ? end - floor : 0;
	unsigned long most = max(vma->vm_gap, max(subtree_gap(vma->vm_rb.rb_left),
						  subtree_gap(vma->vm_rb.rb_right)));

	if (vma->vm_gap == gap && vma->rb_subtree_gap == most)
		return true;
	return audit_fail(
		a,
		"%s: the VMA at %#lx says %#lx free bytes below it and at most %#lx in its subtree; it is %#lx and %#lx",
		audit_owner(vma->vm_mm), vma->vm_start, vma->vm_gap, vma->rb_subtree_gap, gap,
		most);
}

/* One VMA by itself. */
static bool check_vma(struct audit *a, const struct vm_area_struct *vma, const struct mm_struct *mm)
{
	if (vma->vm_mm != mm)
		return audit_fail(a, "%s: the VMA at %#lx says it belongs to map %p",
				  audit_owner(mm), vma->vm_start, (void *)vma->vm_mm);
	if (vma->vm_start >= vma->vm_end || vma->vm_end > TASK_SIZE ||
	    ((vma->vm_start | vma->vm_end) & ~PAGE_MASK))
		return audit_fail(a, "%s: the VMA %#lx-%#lx is empty, unaligned or out of range",
				  audit_owner(mm), vma->vm_start, vma->vm_end);
	if (vma->vm_page_prot.prot != vma_page_prot(vma).prot)
		return audit_fail(a, "%s: the VMA at %#lx has flags %#lx but page rights %#llx",
				  audit_owner(mm), vma->vm_start, vma->vm_flags,
				  (unsigned long long)vma->vm_page_prot.prot);
	return true;
}

static bool look_at_vma(struct audit *a, struct rb_node *node, void *arg)
{
	struct vm_area_struct *vma = rb_entry(node, struct vm_area_struct, vm_rb);
	struct vma_sums *sums = arg;
	struct vm_area_struct *prev = sums->prev;

	if (!check_vma(a, vma, sums->mm))
		return false;
	if (prev && prev->vm_end > vma->vm_start)
		return audit_fail(
			a, "%s: the VMAs %#lx-%#lx and %#lx-%#lx overlap or are out of order",
			audit_owner(sums->mm), prev->vm_start, prev->vm_end, vma->vm_start,
			vma->vm_end);
	if (!audit_is_changing(sums->mm) && (!check_gaps(a, vma, prev) || !audit_vma_rmap(a, vma)))
		return false;
	if (vma->vm_prev != prev || (prev && prev->vm_next != vma))
		return audit_fail(a, "%s: the VMA at %#lx is linked to %p below it, not to %p",
				  audit_owner(sums->mm), vma->vm_start, (void *)vma->vm_prev,
				  (void *)prev);
	sums->prev = vma;
	sums->found_cache |= vma == sums->mm->mmap_cache;
	add_vma(sums, vma);
	if (vma->vm_flags & VM_ACCOUNT)
		a->committed += vma_pages(vma);
	return true;
}

static bool check_sum(struct audit *a, const struct mm_struct *mm, const char *name,
		      unsigned long says, unsigned long is)
{
	if (says == is)
		return true;
	return audit_fail(a, "%s: %s is %lu, its VMAs come to %lu", audit_owner(mm), name, says,
			  is);
}

static bool audit_vmas(struct audit *a, struct mm_struct *mm)
{
	struct vma_sums sums = { .mm = mm };

	if (!audit_tree(a, &mm->mm_rb, "VMA tree", look_at_vma, &sums))
		return false;
	if (mm->last_vma != sums.prev || (sums.prev && sums.prev->vm_next) ||
	    (mm->first_vma && mm->first_vma->vm_prev))
		return audit_fail(a, "%s: its first and last VMA are not those of its tree",
				  audit_owner(mm));
	if (audit_is_changing(mm))
		return true;
	if (mm->mmap_cache && !sums.found_cache)
		return audit_fail(a, "%s: the VMA found last, %p, is not in its tree",
				  audit_owner(mm), (void *)mm->mmap_cache);
	return check_sum(a, mm, "map_count", (unsigned long)mm->map_count, sums.count) &&
	       check_sum(a, mm, "total_vm", mm->total_vm, sums.total) &&
	       check_sum(a, mm, "data_vm", mm->data_vm, sums.data) &&
	       check_sum(a, mm, "exec_vm", mm->exec_vm, sums.exec) &&
	       check_sum(a, mm, "stack_vm", mm->stack_vm, sums.stack) &&
	       check_sum(a, mm, "locked_vm", mm->locked_vm, sums.locked);
}

static bool note_changing(struct audit *a, void *object)
{
	const struct mm_struct *mm = object;

	/* One that has been taken down may be kept for long. */
	if (is_dying(mm) ? mm->mm_rb.rb_node != NULL : audit_is_changing(mm))
		a->changing = true;
	return true;
}

static bool look_at_space(struct audit *a, void *object)
{
	struct mm_struct *mm = object;

	if (!mm->pgd) /* being made */
		return true;
	/* fork builds a map's tree when all VMAs are there: here is one of those so far. */
	if (!is_dying(mm) && list_empty(&mm->mmlist))
		vma_tree_build(mm);
	/* The tree of a map that is being taken down has dead VMAs in it, its tables have not. */
	if (!is_dying(mm) && !audit_vmas(a, mm))
		return false;
	return audit_tables(a, mm);
}

bool audit_spaces(struct audit *a)
{
	const struct kmem_cache *maps = audit_find_cache("mm_struct");

	return audit_for_each_object(a, maps, note_changing) &&
	       audit_for_each_object(a, maps, look_at_space);
}
