/* SPDX-License-Identifier: MIT */
/* The slow ways of the lock of one VMA: see vma_lock.h, which tells why all of this is right. */
#include "mm/space/vma_lock.h"

#include "kernel/core/wait.h"
#include "kernel/debug/race.h"
#include "mm/fault/note.h"
#include "mm/stats.h"

/*
 * A balanced tree of all the VMAs that a map may have is not half as high; a walk that goes on has
 * been turned round by writers.
 */
#define MAX_DEPTH 64

#if CONFIG_DEBUG
s16 vma_lock_class;
#endif

void vma_wake_writer(void)
{
	wake_up(&current->mm->vma_wait);
}

void __vma_start_write(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	vma_lock_check(vma);
	if (__atomic_fetch_or(&vma->vm_readers, VMA_CLOSED, __ATOMIC_SEQ_CST))
		wait_event(mm->vma_wait,
			   __atomic_load_n(&vma->vm_readers, __ATOMIC_SEQ_CST) == VMA_CLOSED);
	race_point_may_sleep("vma lock: closed, not locked for writing");
	vma_set_write_locked(vma, mm);
	__atomic_and_fetch(&vma->vm_readers, ~VMA_CLOSED, __ATOMIC_RELEASE);
}

/* The VMA at @address, or what was there a moment ago, or NULL. In rcu_read_lock(). */
static struct vm_area_struct *find_vma_rcu(struct mm_struct *mm, unsigned long address)
{
	struct rb_node *rb = rcu_dereference(mm->mm_rb.rb_node);

	for (int depth = 0; rb && depth < MAX_DEPTH; depth++) {
		struct vm_area_struct *vma = rb_entry(rb, struct vm_area_struct, vm_rb);

		race_point("vma lookup: one step down");
		if (READ_ONCE(vma->vm_end) <= address)
			rb = rcu_dereference(rb->rb_right);
		else if (READ_ONCE(vma->vm_start) <= address)
			return vma;
		else
			rb = rcu_dereference(rb->rb_left);
	}
	return NULL;
}

struct vm_area_struct *__lock_vma_under_rcu(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma;

	fault_door(TRACE_DOOR_LOCK_VMA);
	vma = find_vma_rcu(mm, address);
	race_point("vma lookup: found, not entered");
	if (vma && vma_start_read(mm, vma)) {
		if (likely(vma_has(vma, address))) {
			vma_set_hint(mm, vma);
			return vma;
		}
		vma_end_read(vma);
		count_vm_event(VM_vma_lock_miss);
	}
	count_vm_event(VM_vma_lock_abort);
	return NULL;
}
