/* SPDX-License-Identifier: MIT */
/*
 * From a parsed ELF program to mappings in current's map. Nothing is read here but headers: pages
 * come by faults.
 */
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/slab.h"
#include "mm/space/mman.h"
#include <asm/uaccess.h>

int elf_read(struct elf_program *prog, const void *buf, size_t len)
{
	size_t size;
	int ret = elf_parse_header(buf, len, &prog->ehdr);

	if (ret)
		return ret;
	if (!prog->file->f_op->mmap)
		return -ENOEXEC;
	size = elf_phdrs_size(&prog->ehdr);
	prog->phdrs = kmalloc(size, GFP_KERNEL);
	if (!prog->phdrs)
		return -ENOMEM;
	if (kernel_read(prog->file, prog->phdrs, size, (loff_t)prog->ehdr.e_phoff) != (ssize_t)size)
		return -ENOEXEC;
	elf_parse_phdrs(&prog->ehdr, prog->phdrs, &prog->layout);
	return 0;
}

void elf_release(struct elf_program *prog)
{
	kfree(prog->phdrs);
	if (prog->file)
		allow_write_access(prog->file);
	fput(prog->file);
	prog->phdrs = NULL;
	prog->file = NULL;
}

/*
 * The bias of a position-independent program. Without a base it lies where mmap puts it: the range
 * is mapped once and given back, nothing else can come in between, it is our map.
 */
static long choose_bias(const struct elf_program *prog, unsigned long base)
{
	unsigned long start = (unsigned long)prog->layout.start,
		      size = (unsigned long)prog->layout.end - start;
	unsigned long align = (unsigned long)prog->layout.align, addr;

	if (base)
		return (long)((base & ~(align - 1)) - start);
	if (align > TASK_SIZE / 4 || size > TASK_SIZE - align)
		return -ENOMEM;
	addr = vm_mmap(NULL, 0, size + align - PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
	if (IS_ERR_VALUE(addr))
		return (long)addr;
	vm_munmap(addr, size + align - PAGE_SIZE);
	return (long)(((addr + align - 1) & ~(align - 1)) - start);
}

static int map_segment(const struct elf_program *prog, const struct elf64_phdr *phdr)
{
	struct elf_segment seg;
	unsigned long bias = prog->bias, addr;
	int ret = elf_parse_segment(phdr, TASK_SIZE, &seg);

	if (ret)
		return ret;
	if (seg.file_offset & ~PAGE_MASK)
		return -EINVAL;
	if (seg.map_size) {
		addr = vm_mmap(prog->file, (unsigned long)seg.map_start + bias,
			       (unsigned long)seg.map_size, seg.prot, MAP_PRIVATE | MAP_FIXED,
			       (pgoff_t)(seg.file_offset >> PAGE_SHIFT));
		if (IS_ERR_VALUE(addr))
			return (int)addr;
	}
	/*
	 * Fails where the program may not write; on Linux that only matters for the last segment.
	 * Here: if it may.
	 */
	if (clear_user((void *)((unsigned long)seg.zero_start + bias),
		       (size_t)(seg.zero_end - seg.zero_start)) &&
	    seg.prot & PROT_WRITE)
		return -EFAULT;
	if (seg.bss_end > seg.bss_start)
		return vm_brk_flags((unsigned long)seg.bss_start + bias,
				    (unsigned long)(seg.bss_end - seg.bss_start),
				    seg.prot & PROT_EXEC ? VM_EXEC : 0);
	return 0;
}

int elf_map(struct elf_program *prog, unsigned long base)
{
	int i, ret = elf_can_map(&prog->ehdr) && prog->layout.nr_load ? 0 : -EINVAL;

	if (!ret && prog->ehdr.e_type == ET_DYN) {
		long bias = choose_bias(prog, base);

		if (bias < 0 && bias > -MAX_ERRNO)
			return (int)bias;
		prog->bias = (unsigned long)bias;
	}
	for (i = 0; !ret && i < prog->ehdr.e_phnum; i++)
		if (prog->phdrs[i].p_type == PT_LOAD)
			ret = map_segment(prog, &prog->phdrs[i]);
	return ret;
}

void elf_set_bounds(const struct elf_program *prog, const struct layout_shift *shift)
{
	struct mm_struct *mm = current->mm;
	unsigned long brk = 0;
	int i;

	mm->start_code = mm->start_data = ~0UL;
	mm->end_code = mm->end_data = 0;
	for (i = 0; i < prog->ehdr.e_phnum; i++) {
		const struct elf64_phdr *phdr = &prog->phdrs[i];
		unsigned long start = (unsigned long)phdr->p_vaddr + prog->bias;

		if (phdr->p_type != PT_LOAD)
			continue;
		if (phdr->p_flags & PF_X) {
			mm->start_code = min(mm->start_code, start);
			mm->end_code = max(mm->end_code, start + (unsigned long)phdr->p_filesz);
		}
		/*
		 * As on Linux: the last segment's start, the furthest end of what the file holds.
		 */
		mm->start_data = start;
		mm->end_data = max(mm->end_data, start + (unsigned long)phdr->p_filesz);
		brk = max(brk, start + (unsigned long)phdr->p_memsz);
	}
	/*
	 * A static position-independent program lies among the mappings: its heap gets a place of
	 * its own.
	 */
	if (prog->ehdr.e_type == ET_DYN && !prog->layout.has_interp)
		brk = ELF_ET_DYN_BASE;
	mm->start_brk = mm->brk = layout_brk(shift, brk);
}
