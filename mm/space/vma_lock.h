/* SPDX-License-Identifier: MIT */
/*
 * The lock of one VMA: what lets the faults of one process run side by side, with each other and
 * with an mmap elsewhere. It is taken for reading by a page fault and by nobody else.
 *
 *   a fault holds    lock_vma_under_rcu() .. vma_end_read(): this VMA keeps its bounds, flags and
 *                    file, and is not taken apart. Nothing is said about its neighbours: vm_prev,
 *                    vm_next, the tree and the mm's own fields are not to be looked at.
 *   a writer holds   mmap_lock for writing, and then vma_start_write() on each VMA that it will
 *                    change or whose entries it will move, BEFORE the first change. All of these
 *                    are given back at once by mmap_write_unlock() (or the downgrade).
 *   others           hold mmap_lock for reading, as ever: no VMA changes at all.
 *
 * How. vm_readers counts faults inside. A writer closes the VMA (sign bit), waits until the faults
 * inside are done, writes mm->mm_lock_seq into vm_lock_seq and opens it again: as long as the two
 * numbers are equal the VMA is locked for writing. mmap_write_unlock() raises mm_lock_seq, and with
 * that no VMA is locked any more. A fault counts itself in, then looks at the sign bit and at the
 * numbers; if they say "locked" it counts itself out and takes mmap_lock instead: it never waits
 * here, so who waits for it (a writer, with mmap_lock held) waits for a fault that is under way and
 * not for another waiter. That the numbers meet again after 2^32 writers does no harm: it costs one
 * fault the slow way. They cannot differ while the VMA is locked, for vm_lock_seq is written with
 * nobody inside, and mm_lock_seq changes only when the writer is done.
 *
 * Why a looker without any lock is safe. It walks the tree while writers turn it (lib/rbtree.c says
 * why such a walk ends and meets only VMAs that were in the tree), inside rcu_read_lock(): a VMA
 * that leaves is freed a grace period later. What it finds may be out of date; so it counts itself
 * in and looks again: a VMA that left is closed for good (vma_mark_detached()), and of one that is
 * open the bounds now stand still. Finding nothing means nothing: it then asks under mmap_lock. All
 * orders of these steps are tried in tests/model/vma_lock.pml.
 *
 * The hint. Each task remembers the VMA of its last fault, so that threads at work in different
 * VMAs share no cache line but that of the mm, which they only read. The pointer may be followed as
 * long as no VMA left the map since it was stored: mm->vma_left_seq counts those. If the count is
 * the same, the VMA had not left when it was read, and it is not freed before rcu_read_unlock().
 *
 * The only task of a map needs none of this: mm_has_one_task().
 *
 * Order: mmap_lock, VMA lock, page lock. A fault that holds a VMA may not wait for mmap_lock, and
 * lets go of the VMA before it waits for a disk (release_fault_lock()).
 */
#ifndef MM_SPACE_VMA_LOCK_H
#define MM_SPACE_VMA_LOCK_H

#include "kernel/core/lock_check.h"
#include "kernel/core/panic.h"
#include "kernel/core/rcu.h"
#include "kernel/core/spin.h"
#include "kernel/core/task.h"
#include "kernel/debug/race.h"
#include "mm/space/mm.h"
#include <asm/current.h>
#include <asm/processor.h>

/* In vm_readers: no fault may enter. */
#define VMA_CLOSED (-0x7fffffff - 1)

#if CONFIG_DEBUG
extern s16 vma_lock_class;
#define vma_lock_check(vma) sleep_lock_check(vma, &vma_lock_class, "vma_lock")
#define vma_lock_acquired(vma) sleep_lock_acquired(vma, &vma_lock_class, "vma_lock")
#define vma_lock_released(vma) sleep_lock_must_release(vma, "vma_lock")
#else
#define vma_lock_check(vma) ((void)0)
#define vma_lock_acquired(vma) ((void)0)
#define vma_lock_released(vma) ((void)0)
#endif

/*
 * Nobody but the caller can be in a page fault of @mm, now or before the caller lets it: faults are
 * taken by tasks whose current->mm it is, each of which counts in mm_users, and only such a task
 * can make another one. (Who came by mmget_not_zero() takes mmap_lock; it makes the answer "no".)
 */
static inline bool mm_has_one_task(const struct mm_struct *mm)
{
	return atomic_read(&mm->mm_users) <= (current->mm == mm);
}

/* --- for faults --- */
/* A fault of current let go of a closed VMA: the writer may be waiting for that. */
void vma_wake_writer(void);

static __always_inline void __vma_end_read(struct vm_area_struct *vma)
{
	if (unlikely(__atomic_sub_fetch(&vma->vm_readers, 1, __ATOMIC_SEQ_CST) < 0))
		vma_wake_writer();
}
/*
 * Lock @vma of @mm, which is current's, for reading. False: a writer has it or it left; never
 * waits. The caller keeps @vma from being freed (rcu_read_lock()) and looks at its bounds again.
 */
static __lock_inline bool vma_start_read(struct mm_struct *mm, struct vm_area_struct *vma)
{
	if (likely(__atomic_add_fetch(&vma->vm_readers, 1, __ATOMIC_SEQ_CST) >= 0)) {
		race_point("vma lock: counted in, numbers not compared");
		if (likely(vma->vm_lock_seq != smp_load_acquire(&mm->mm_lock_seq))) {
			vma_lock_acquired(vma);
			return true;
		}
	}
	__vma_end_read(vma);
	return false;
}
/* @vma may be gone when this returns. */
static __lock_inline void vma_end_read(struct vm_area_struct *vma)
{
	vma_lock_released(vma);
	__vma_end_read(vma);
}

static __always_inline bool vma_has(const struct vm_area_struct *vma, unsigned long address)
{
	return READ_ONCE(vma->vm_start) <= address && address < READ_ONCE(vma->vm_end);
}
struct vm_area_struct *__lock_vma_under_rcu(struct mm_struct *mm, unsigned long address);
/*
 * The VMA of current's map @mm that contains @address, locked for reading; or NULL: there is none,
 * or it is being changed, or it was missed: ask under mmap_lock. Never waits.
 */
static __lock_inline struct vm_area_struct *lock_vma_under_rcu(struct mm_struct *mm,
							       unsigned long address)
{
	const struct task_struct *task = current;
	struct vm_area_struct *vma = task->vma_hint;

	rcu_read_lock();
	if (likely(task->vma_hint_seq == smp_load_acquire(&mm->vma_left_seq)) &&
	    likely(vma_has(vma, address)) && likely(vma_start_read(mm, vma))) {
		rcu_read_unlock();
		if (likely(vma_has(vma, address)))
			return vma;
		vma_end_read(vma);
		rcu_read_lock();
	}
	vma = __lock_vma_under_rcu(mm, address);
	rcu_read_unlock();
	return vma;
}
/* @vma is locked, in either way: where current will look first. */
static inline void vma_set_hint(struct mm_struct *mm, struct vm_area_struct *vma)
{
	current->vma_hint = vma;
	current->vma_hint_seq = READ_ONCE(mm->vma_left_seq);
}

/* --- for writers; mmap_lock held for writing --- */
static inline bool vma_is_write_locked(const struct vm_area_struct *vma)
{
	return vma->vm_lock_seq == vma->vm_mm->mm_lock_seq;
}
/* Nobody can be in @vma: it is in no tree yet, or mm_has_one_task(). */
static inline void vma_set_write_locked(struct vm_area_struct *vma, const struct mm_struct *mm)
{
	WRITE_ONCE(vma->vm_lock_seq, mm->mm_lock_seq);
}
void __vma_start_write(struct vm_area_struct *vma);
/*
 * From here until mmap_lock is given back no fault is in @vma but through mmap_lock. Waits for those
 * inside: may sleep, so no lock of the reverse map may be held.
 */
static inline void vma_start_write(struct vm_area_struct *vma)
{
	if (vma_is_write_locked(vma))
		return;
	if (likely(mm_has_one_task(vma->vm_mm)))
		vma_set_write_locked(vma, vma->vm_mm);
	else
		__vma_start_write(vma);
}
#define vma_assert_write_locked(vma)                                                               \
	ASSERT((vma)->vm_mm->mmap_lock.count < 0 && vma_is_write_locked(vma))
/* A fault may use @vma: through mmap_lock, or through its own lock, which a writer may be closing just now. */
#define vma_assert_locked(vma)                                                                     \
	ASSERT((vma)->vm_mm->mmap_lock.count || (READ_ONCE((vma)->vm_readers) & ~VMA_CLOSED))

/*
 * @vma, write-locked, is out of the tree of @mm: whoever still finds it fails to lock it, and no hint
 * for it counts any more.
 */
static inline void vma_mark_detached(struct mm_struct *mm, struct vm_area_struct *vma)
{
	vma_assert_write_locked(vma);
	race_point("vma: out of the tree, not closed");
	/*
	 * Who has counted itself in while the VMA was open, and not compared the numbers yet, must still
	 * find them equal: soon, mmap_write_unlock() makes them differ.
	 */
	if (unlikely(__atomic_fetch_add(&vma->vm_readers, VMA_CLOSED, __ATOMIC_SEQ_CST)))
		spin_until(READ_ONCE(vma->vm_readers) == VMA_CLOSED,
			   panic("a fault does not leave a VMA that left: %d inside",
				 vma->vm_readers & ~VMA_CLOSED));
	mm->vma_left_seq++;
}

#endif
