/* SOURCES: kernel/proc/elf.c kernel/proc/exec_elf.c kernel/proc/layout.c kernel/proc/script.c */
/* SOURCES: tests/host/shim.c tests/host/alloc.c */
/* SPDX-License-Identifier: MIT */
/*
 * What execve(2) makes of a file of any bytes. Input: u8 (bit 0: the program has an interpreter; bits
 * 1 and 2: randomize_va_space; 4..7: which mapping finds no memory), then the file. The calls that
 * would map it are played here: they note the last mapping, and look whether zeroes and bss go where
 * the file's part ends.
 */
#include "tests/fuzz/fuzz.h"

#include "kernel/core/sched.h"
#include "kernel/proc/exec.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "tests/host/host.h"
#include <asm/uaccess.h>

static struct fuzz_input image;
static unsigned long map_start, map_end, zero_end; /* of the segment that is being mapped */
static unsigned int maps, failing; /* the failing-th mapping finds no memory; 0: none */

ssize_t kernel_read(struct file *file, void *buf, size_t count, loff_t pos)
{
	size_t have = (size_t)(image.end - image.at);

	(void)file;
	CHECK(pos >= 0 && count <= ELF_PHDRS_MAX && (u64)pos + count <= INT64_MAX);
	if ((size_t)pos >= have)
		return 0;
	count = min(count, have - (size_t)pos);
	memcpy(buf, image.at + pos, count);
	return (ssize_t)count;
}

void fput(struct file *file)
{
	(void)file;
}

void allow_write_access(struct file *file)
{
	(void)file;
}

static bool inside(unsigned long addr, unsigned long len)
{
	return len && len <= TASK_SIZE && addr <= TASK_SIZE - len && IS_ALIGNED(addr, PAGE_SIZE);
}

unsigned long vm_mmap(struct file *file, unsigned long addr, unsigned long len, unsigned long prot,
		      unsigned long flags, pgoff_t pgoff)
{
	CHECK(!(prot & ~7UL));
	if (++maps == failing)
		return (unsigned long)-ENOMEM;
	if (!(flags & MAP_FIXED)) {
		CHECK(!file && IS_ALIGNED(len, PAGE_SIZE));
		return len && len < TASK_SIZE / 2 ? 0x7f0000000000UL - ALIGN(len, PAGE_SIZE) :
						    (unsigned long)-ENOMEM;
	}
	CHECK(file && IS_ALIGNED(len, PAGE_SIZE) && pgoff <= (u64)INT64_MAX >> PAGE_SHIFT);
	if (!inside(addr, len) || addr < 65536)
		return (unsigned long)-EINVAL;
	map_start = addr;
	map_end = addr + len;
	return addr;
}

int vm_munmap(unsigned long start, size_t len)
{
	CHECK(inside(start, len));
	return 0;
}

unsigned long clear_user(void *to, size_t n)
{
	unsigned long start = (unsigned long)to;

	zero_end = 0;
	if (!access_ok(to, n))
		return n;
	CHECK(!n || (start >= map_start && start + n == map_end && n < PAGE_SIZE));
	zero_end = start + n;
	return 0;
}

int vm_brk_flags(unsigned long addr, unsigned long len, unsigned long vm_flags)
{
	CHECK(IS_ALIGNED(addr, PAGE_SIZE) && IS_ALIGNED(len, PAGE_SIZE) &&
	      !(vm_flags & ~(unsigned long)VM_EXEC));
	if (++maps == failing || !inside(addr, len))
		return -ENOMEM;
	CHECK(!zero_end || addr == zero_end); /* 0: could not be cleared, which the loader bears */
	return 0;
}

/* What is accepted of a segment lies below the end of user memory and holds what it says. */
static void check_segment(const struct elf64_phdr *phdr)
{
	struct elf_segment seg;

	if (elf_parse_segment(phdr, TASK_SIZE, &seg))
		return;
	CHECK(seg.map_start + seg.map_size <= TASK_SIZE && seg.bss_end <= TASK_SIZE);
	CHECK(phdr->p_filesz <= phdr->p_memsz && seg.bss_start <= seg.bss_end);
	CHECK(seg.map_size >= phdr->p_filesz && seg.zero_end - seg.zero_start < PAGE_SIZE);
}

/* Every bit of every shift, or none. */
void get_random_bytes(void *buf, size_t len)
{
	memset(buf, 0xff, len);
}

static void load(uint8_t flags)
{
	static const struct file_operations fops = {
		.name = "fuzz", .mmap = (int (*)(struct file *, struct vm_area_struct *))1
	};
	static struct file file = { .f_op = &fops };
	static struct mm_struct mm;
	struct elf_program prog = { .file = &file };
	struct layout_shift shift;
	size_t len = min((size_t)(image.end - image.at), (size_t)SCRIPT_LINE_MAX);
	void *head = malloc(len + 1);

	memcpy(head, image.at, len);
	current->mm = &mm;
	maps = 0;
	if (!elf_read(&prog, head, len)) {
		CHECK(elf_check_program(&prog.ehdr, &prog.layout) || !prog.layout.has_interp ||
		      (prog.layout.interp_size >= 2 && prog.layout.interp_size <= PAGE_SIZE));
		CHECK(prog.layout.align >= PAGE_SIZE &&
		      !(prog.layout.align & (prog.layout.align - 1)));
		for (unsigned int i = 0; i < prog.ehdr.e_phnum; i++)
			check_segment(&prog.phdrs[i]);
		randomize_va_space = flags >> 1 & 3;
		layout_choose(&shift);
		if (!elf_map(&prog, flags & 1 ? layout_pie_base(&shift) : 0)) {
			elf_set_bounds(&prog, &shift);
			CHECK(IS_ALIGNED(mm.brk, PAGE_SIZE) && mm.brk == mm.start_brk);
		}
	}
	elf_release(&prog);
	free(head);
	CHECK(!host_alloc_live);
}

static void check_script(void)
{
	size_t len = min((size_t)(image.end - image.at), (size_t)SCRIPT_LINE_MAX);
	struct script *script = malloc(sizeof(*script));
	void *head = malloc(len + 1);

	memcpy(head, image.at, len);
	if (!script_parse(head, len, script)) {
		CHECK(script->interp[0] && script->interp[0] != ' ');
		CHECK(strlen(script->interp) + strlen(script->arg) + 2 <= len);
	}
	free(head);
	free(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	uint8_t flags = fuzz_u8(&in);

	image = in;
	map_start = map_end = 0;
	failing = flags >> 4;
	check_script();
	load(flags);
	return 0;
}

static const struct elf64_phdr seed_phdrs[] = {
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_X,
	  .p_vaddr = 0x400000,
	  .p_filesz = 0x1234,
	  .p_memsz = 0x1234,
	  .p_align = 0x1000 },
	{ .p_type = PT_LOAD,
	  .p_flags = PF_R | PF_W,
	  .p_offset = 0x2e10,
	  .p_vaddr = 0x403e10,
	  .p_filesz = 0x200,
	  .p_memsz = 0x1400,
	  .p_align = 0x200000 },
	{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
	{ .p_type = PT_INTERP, .p_offset = 0x150, .p_filesz = 5 },
};

size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	struct elf64_ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
				   .e_type = n & 1 ? ET_DYN : ET_EXEC,
				   .e_machine = EM_X86_64,
				   .e_entry = 0x401000,
				   .e_phoff = sizeof(ehdr),
				   .e_phentsize = sizeof(struct elf64_phdr),
				   .e_phnum = n & 2 ? 4 : 3 };

	if (n == 4) {
		strcpy((char *)buf + 1, "#! /bin/sh -x arg \necho");
		return 24;
	}
	if (n > 4 || size < 1024)
		return 0;
	buf[0] = (uint8_t)(n >> 1);
	memcpy(buf + 1, &ehdr, sizeof(ehdr));
	memcpy(buf + 1 + sizeof(ehdr), seed_phdrs, sizeof(seed_phdrs));
	strcpy((char *)buf + 1 + 0x150, "/ld");
	return 1 + 0x155;
}
