/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps: one line per VMA, byte for byte as Linux writes it. */
#include "fs/proc/proc.h"
#include "kernel/core/vfs.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/fault/special.h"
#include "mm/frame/slab.h"
#include "mm/space/mmap_lock.h"

static const char *special_name(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;

	if (vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk && mm->start_brk < mm->brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		return "[stack]";
	return special_mapping_of(vma) ? vma->vm_ops->name : NULL;
}

static void show_vma(struct seq_buf *m, const struct vm_area_struct *vma, char *path, int size)
{
	struct file_stat st = { 0 };
	unsigned long flags = vma->vm_flags;
	const char *name = NULL;
	size_t line = m->len;

	if (vma->vm_file) {
		file_getattr(vma->vm_file, &st);
		name = file_path(vma->vm_file, path, size);
		if (IS_ERR(name))
			name = "?";
	} else {
		name = special_name(vma);
	}
	seq_printf(m, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %lu ", vma->vm_start, vma->vm_end,
		   flags & VM_READ ? 'r' : '-', flags & VM_WRITE ? 'w' : '-',
		   flags & VM_EXEC ? 'x' : '-', flags & VM_MAYSHARE ? 's' : 'p',
		   vma->vm_file ? (unsigned long long)vma->vm_pgoff << PAGE_SHIFT : 0ULL,
		   (unsigned int)(st.dev >> 8) & 0xfff, (unsigned int)st.dev & 0xff, st.ino);
	if (name) {
		seq_pad(m, line, MAPS_NAME_COLUMN);
		seq_puts(m, name);
	}
	seq_putc(m, '\n');
}

int proc_for_each_vma(struct seq_buf *m, void *arg,
		      void (*more)(struct seq_buf *m, struct vm_area_struct *vma))
{
	struct mm_struct *mm = proc_mm(arg);
	struct vm_area_struct *vma;
	char *path;

	if (!mm)
		return 0;
	path = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!path) {
		mmput(mm);
		return -ENOMEM;
	}
	mmap_read_lock(mm);
	for_each_vma(mm, vma) {
		show_vma(m, vma, path, (int)PAGE_SIZE);
		if (more)
			more(m, vma);
	}
	mmap_read_unlock(mm);
	mmput(mm);
	kfree(path);
	return 0;
}

int proc_show_maps(struct seq_buf *m, void *arg)
{
	return proc_for_each_vma(m, arg, NULL);
}
