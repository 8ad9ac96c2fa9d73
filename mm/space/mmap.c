/* SPDX-License-Identifier: MIT */
/*
 * mmap: may it be, where does it go, and what VMA keeps the promise. The checks come in the order
 * in which Linux 6.1 makes them, so that a call wrong in two ways fails with the same errno.
 */
#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/record.h"
#include "mm/backing/shmem.h"
#include "mm/space/mman.h"
#include "mm/space/mmap_lock.h"
#include "mm/space/vma.h"

#define VM_MAY_ALL (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define MAP_32BIT_START 0x40000000UL
#define MAP_32BIT_END 0x80000000UL

/* Is [addr, addr + len) free, and not in the guard gap of a stack above? */
static bool range_is_free(struct mm_struct *mm, unsigned long addr, unsigned long len)
{
	struct vm_area_struct *vma = find_vma(mm, addr);

	return !vma || addr + len <= vm_start_gap(vma);
}

static unsigned long search_bottomup(struct mm_struct *mm, unsigned long addr, unsigned long len,
				     unsigned long flags)
{
	unsigned long start = flags & MAP_32BIT ? MAP_32BIT_START : mm->mmap_legacy_base;
	unsigned long end = flags & MAP_32BIT ? MAP_32BIT_END : TASK_SIZE;

	addr = PAGE_ALIGN(addr);
	if (addr && len <= end && addr <= end - len && range_is_free(mm, addr, len))
		return addr;
	return vm_unmapped_area_bottomup(mm, len, start, end);
}

static unsigned long search(struct mm_struct *mm, unsigned long hint, unsigned long len,
			    unsigned long flags)
{
	unsigned long addr = hint & PAGE_MASK;

	if (flags & MAP_32BIT || mm->mmap_base == mm->mmap_legacy_base)
		return search_bottomup(mm, hint, len, flags);
	if (addr && addr <= TASK_SIZE - len && range_is_free(mm, addr, len))
		return addr;
	addr = vm_unmapped_area(mm, len, MMAP_MIN_ADDR, mm->mmap_base);
	return IS_ERR_VALUE(addr) ? search_bottomup(mm, hint, len, flags) : addr;
}

unsigned long get_unmapped_area(struct mm_struct *mm, unsigned long addr, unsigned long len,
				unsigned long flags)
{
	if (len > TASK_SIZE)
		return (unsigned long)-ENOMEM;
	if (!(flags & MAP_FIXED))
		addr = search(mm, addr, len, flags);
	else if (addr > TASK_SIZE - len)
		return (unsigned long)-ENOMEM;
	else if (addr & ~PAGE_MASK)
		return (unsigned long)-EINVAL;
	return addr < MMAP_MIN_ADDR ? (unsigned long)-EPERM : addr;
}

/* Does what the mapping may show of the file fit a file's largest size? */
static bool offset_fits(const struct file *file, pgoff_t pgoff, unsigned long len)
{
	unsigned long largest = file->f_mapping ? ~0UL >> 1 : ~0UL;

	return len <= largest && pgoff <= (largest - len) >> PAGE_SHIFT;
}

/* What the open file allows; completes *@vm_flags. 0 or -errno. */
static int check_file(const struct file *file, unsigned long prot, unsigned long flags,
		      unsigned long *vm_flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~LEGACY_MAP_MASK)
			return -EOPNOTSUPP;
		fallthrough;
	case MAP_SHARED:
		if ((prot & PROT_WRITE) && !(file->f_mode & FMODE_WRITE))
			return -EACCES;
		*vm_flags |= VM_SHARED | VM_MAYSHARE;
		/* Never to be written: such a mapping needs none of the care for shared ones. */
		if (!(file->f_mode & FMODE_WRITE))
			*vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
		fallthrough;
	case MAP_PRIVATE:
		if (!(file->f_mode & FMODE_READ))
			return -EACCES;
		if (file->f_mode & FMODE_NOEXEC) {
			if (*vm_flags & VM_EXEC)
				return -EPERM;
			*vm_flags &= ~VM_MAYEXEC;
		}
		if (!file->f_op->mmap)
			return -ENODEV;
		return *vm_flags & VM_GROWSDOWN ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int check_anonymous(unsigned long flags, unsigned long *vm_flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		if (*vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		*vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* Pages of [start, end) that are mapped now; @vma is the first VMA there. */
static unsigned long count_mapped(const struct vm_area_struct *vma, unsigned long start,
				  unsigned long end)
{
	unsigned long pages = 0;

	for (; vma && vma->vm_start < end; vma = vma_next(vma))
		pages += (min(vma->vm_end, end) - max(vma->vm_start, start)) >> PAGE_SHIFT;
	return pages;
}

/* Connect a new VMA with what its contents come from. 0 or -errno; vm_file is its reference. */
static int attach_backing(struct vm_area_struct *vma, struct file *file)
{
	if (file) {
		get_file(file);
	} else if (vma->vm_flags & VM_SHARED) {
		return shmem_zero_setup(vma);
	} else {
		return 0;
	}
	vma->vm_file = file;
	record_mapped_file(file);
	return file->f_op->mmap(file, vma);
}

/* A VMA of its own for the free range above @prev. The VMA, or ERR_PTR. */
static struct vm_area_struct *make_vma(const struct vma_range *range, struct vm_area_struct *prev)
{
	struct vm_area_struct *vma = vm_area_alloc(range->mm);
	int err;

	if (!vma)
		return ERR_PTR(-ENOMEM);
	vma->vm_start = range->start;
	vma->vm_end = range->end;
	vma->vm_flags = range->vm_flags;
	vma->vm_pgoff = range->pgoff;
	err = attach_backing(vma, range->file);
	if (err) {
		if (vma->vm_file)
			fput(vma->vm_file);
		vm_area_free(vma);
		return ERR_PTR(err);
	}
	vma->vm_page_prot = vma_page_prot(vma);
	vma_link(range->mm, vma, prev);
	if (vma->vm_file)
		shmem_mmap_done(vma);
	return vma;
}

/* All checks but those for memory are done; @range goes in place of what was there. 0 or -errno. */
static int mmap_region(struct vma_range *range)
{
	struct vm_area_struct *vma = NULL, *prev, *next;
	struct mm_struct *mm = range->mm;
	unsigned long pages = (range->end - range->start) >> PAGE_SHIFT;

	next = find_vma_prev(mm, range->start, &prev);
	if (!may_expand_vm(mm, range->vm_flags, pages) &&
	    !may_expand_vm(mm, range->vm_flags,
			   pages - count_mapped(next, range->start, range->end)))
		return -ENOMEM;
	if (next && next->vm_start < range->end) {
		if (do_munmap(mm, range->start, range->end - range->start))
			return -ENOMEM;
		next = find_vma_prev(mm, range->start, &prev);
	}
	if ((range->vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE) {
		if (vm_enough_memory(pages))
			return -ENOMEM;
		range->vm_flags |= VM_ACCOUNT;
	}
	vma = vma_merge(range, prev, next, true);
	if (!vma)
		vma = make_vma(range, prev);
	if (IS_ERR(vma)) {
		if (range->vm_flags & VM_ACCOUNT)
			vm_unacct_memory(pages);
		return (int)PTR_ERR(vma);
	}
	vm_stat_account(mm, range->vm_flags, (long)pages);
	if (vma->vm_flags & VM_LOCKED) {
		if (vma->vm_flags & VM_DONTEXPAND)
			vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
		else
			mm->locked_vm += pages;
	}
	return 0;
}

unsigned long do_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, pgoff_t pgoff, unsigned long *populate)
{
	struct mm_struct *mm = current->mm;
	struct vma_range range;
	unsigned long vm_flags;
	long err;

	if (prot & PROT_READ && current->personality & READ_IMPLIES_EXEC &&
	    !(file && file->f_mode & FMODE_NOEXEC))
		prot |= PROT_EXEC;
	vm_flags = (prot & VM_ACCESS_FLAGS) | mm->def_flags | VM_MAY_ALL;
	*populate = 0;
	if (!len)
		return (unsigned long)-EINVAL;
	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED) && (addr & PAGE_MASK) && addr < MMAP_MIN_ADDR)
		addr = MMAP_MIN_ADDR;
	len = PAGE_ALIGN(len);
	if (!len)
		return (unsigned long)-ENOMEM;
	if (pgoff + (len >> PAGE_SHIFT) < pgoff)
		return (unsigned long)-EOVERFLOW;
	if (mm->map_count > sysctl_max_map_count)
		return (unsigned long)-ENOMEM;
	addr = get_unmapped_area(mm, addr, len, flags);
	if (IS_ERR_VALUE(addr))
		return addr;
	if ((flags & MAP_FIXED_NOREPLACE) && find_vma_intersection(mm, addr, addr + len))
		return (unsigned long)-EEXIST;
	if (flags & MAP_GROWSDOWN)
		vm_flags |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED) {
		if (!can_do_mlock(mm))
			return (unsigned long)-EPERM;
		vm_flags |= VM_LOCKED;
	}
	if (mlock_future_check(mm, vm_flags, len))
		return (unsigned long)-EAGAIN;
	if (file && !offset_fits(file, pgoff, len))
		return (unsigned long)-EOVERFLOW;
	err = file ? check_file(file, prot, flags, &vm_flags) : check_anonymous(flags, &vm_flags);
	if (err)
		return (unsigned long)err;
	if (flags & MAP_NORESERVE && sysctl_overcommit_memory != OVERCOMMIT_NEVER)
		vm_flags |= VM_NORESERVE;
	if (!file)
		pgoff = vm_flags & VM_SHARED ? 0 : addr >> PAGE_SHIFT;
	range = (struct vma_range){ mm, addr, addr + len, vm_flags, file, pgoff, 0 };
	err = mmap_region(&range);
	if (err)
		return (unsigned long)err;
	if ((vm_flags & VM_LOCKED) || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		*populate = len;
	return addr;
}

static __always_inline unsigned long lock_and_map(struct file *file, unsigned long addr,
						  unsigned long len, unsigned long prot,
						  unsigned long flags, pgoff_t pgoff)
{
	struct mm_struct *mm = current->mm;
	unsigned long populate;

	mmap_write_lock(mm);
	addr = do_mmap(file, addr, len, prot, flags, pgoff, &populate);
	mmap_write_unlock(mm);
	if (populate)
		mm_populate(addr, populate);
	return addr;
}

unsigned long vm_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, pgoff_t pgoff)
{
	return lock_and_map(file, addr, len, prot, flags, pgoff);
}

/* The part of one file's shared mapping from @start on: its first VMA, or NULL if not all is that. */
static struct vm_area_struct *one_shared_file(struct mm_struct *mm, unsigned long start,
					      unsigned long end)
{
	struct vm_area_struct *first = vma_lookup(mm, start), *vma = first, *next;

	if (!first || !(first->vm_flags & VM_SHARED))
		return NULL;
	for (; vma->vm_end < end; vma = next) {
		next = vma_next(vma);
		if (!next || next->vm_start != vma->vm_end || next->vm_file != first->vm_file ||
		    next->vm_flags != first->vm_flags)
			return NULL;
	}
	return first;
}

/* Once pages of a file in any order in one VMA; now another mapping, as on Linux since 4.0. */
long sys_remap_file_pages(unsigned long start, unsigned long size, unsigned long prot,
			  pgoff_t pgoff, unsigned long flags)
{
	unsigned long populate = 0, addr = (unsigned long)-EINVAL;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	struct file *file;

	start &= PAGE_MASK;
	size &= PAGE_MASK;
	if (prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	mmap_write_lock(mm);
	vma = one_shared_file(mm, start, start + size);
	if (vma) {
		flags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE;
		if (vma->vm_flags & VM_LOCKED)
			flags |= MAP_LOCKED;
		file = get_file(vma->vm_file); /* VMAs that do_mmap() replaces drop theirs */
		addr = do_mmap(file, start, size, vma->vm_flags & VM_ACCESS_FLAGS, flags, pgoff,
			       &populate);
		fput(file);
	}
	mmap_write_unlock(mm);
	if (populate)
		mm_populate(addr, populate);
	return IS_ERR_VALUE(addr) ? (long)addr : 0;
}

/* There are no huge pages to have: known sizes find the pool empty, others do not exist. */
static long mmap_hugetlb(unsigned long flags)
{
	return huge_size_exists(flags) ? -ENOMEM : -EINVAL;
}

long sys_mmap(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
	      unsigned long fd, unsigned long off)
{
	struct file *file = NULL;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fget((unsigned int)fd);
		if (!file || !file->f_mode) { /* O_PATH */
			fput(file);
			return -EBADF;
		}
	}
	if (unlikely(flags & MAP_HUGETLB)) {
		fput(file);
		return file ? -EINVAL : mmap_hugetlb(flags);
	}
	addr = lock_and_map(file, addr, len, prot, flags, off >> PAGE_SHIFT);
	if (file)
		fput(file);
	return (long)addr;
}
