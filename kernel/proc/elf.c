/* SPDX-License-Identifier: MIT */
/*
 * Reading an ELF64 program. See elf.h. Everything here is arithmetic on a copy of the file's bytes.
 */
#include "kernel/proc/elf.h"

#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

#define ELF_PAGE 4096ULL
#define PATH_LEN_MAX 4096

int elf_parse_header(const void *buf, size_t len, struct elf64_ehdr *ehdr)
{
	if (len < sizeof(*ehdr))
		return -ENOEXEC;
	memcpy(ehdr, buf, sizeof(*ehdr));
	if (memcmp(ehdr->e_ident, "\177ELF", 4))
		return -ENOEXEC;
	if (ehdr->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (ehdr->e_phentsize != sizeof(struct elf64_phdr) || !ehdr->e_phnum ||
	    elf_phdrs_size(ehdr) > ELF_PHDRS_MAX)
		return -ENOEXEC;
	/* A file offset is signed: what lies beyond cannot be read. */
	if (ehdr->e_phoff > (u64)INT64_MAX - ELF_PHDRS_MAX)
		return -ENOEXEC;
	return 0;
}

/* Does the segment's part of the file hold all program headers? */
static bool holds_phdrs(const struct elf64_phdr *phdr, const struct elf64_ehdr *ehdr)
{
	return phdr->p_offset <= ehdr->e_phoff && ehdr->e_phoff - phdr->p_offset < phdr->p_filesz;
}

static void add_load(struct elf_layout *layout, const struct elf64_ehdr *ehdr,
		     const struct elf64_phdr *phdr)
{
	u64 start = ALIGN_DOWN(phdr->p_vaddr, ELF_PAGE);
	u64 end = phdr->p_vaddr + phdr->p_memsz; /* may wrap: then elf_parse_segment() refuses it */

	end = ALIGN(end, ELF_PAGE);
	if (!layout->nr_load || start < layout->start)
		layout->start = start;
	if (!layout->nr_load || end > layout->end)
		layout->end = end;
	if (phdr->p_align > layout->align && !(phdr->p_align & (phdr->p_align - 1)))
		layout->align = phdr->p_align;
	if (!layout->phdr_vaddr && holds_phdrs(phdr, ehdr))
		layout->phdr_vaddr = phdr->p_vaddr + (ehdr->e_phoff - phdr->p_offset);
	layout->nr_load++;
}

void elf_parse_phdrs(const struct elf64_ehdr *ehdr, const struct elf64_phdr *phdrs,
		     struct elf_layout *layout)
{
	unsigned int i;

	*layout = (struct elf_layout){ .align = ELF_PAGE };
	for (i = 0; i < ehdr->e_phnum; i++) {
		const struct elf64_phdr *phdr = &phdrs[i];

		if (phdr->p_type == PT_INTERP && !layout->has_interp) {
			layout->has_interp = true;
			layout->interp_offset = phdr->p_offset;
			layout->interp_size = phdr->p_filesz;
		} else if (phdr->p_type == PT_GNU_STACK) {
			layout->exec_stack = phdr->p_flags & PF_X;
		} else if (phdr->p_type == PT_LOAD) {
			add_load(layout, ehdr, phdr);
		}
	}
}

int elf_check_program(const struct elf64_ehdr *ehdr, const struct elf_layout *layout)
{
	if (!elf_can_map(ehdr))
		return -ENOEXEC;
	if (!layout->has_interp)
		return 0;
	return layout->interp_size >= 2 && layout->interp_size <= PATH_LEN_MAX &&
			       layout->interp_offset <= (u64)INT64_MAX - PATH_LEN_MAX ?
		       0 :
		       -ENOEXEC;
}

int elf_parse_segment(const struct elf64_phdr *phdr, u64 task_size, struct elf_segment *segment)
{
	u64 skip, file_page_end;

	if (phdr->p_filesz > phdr->p_memsz || phdr->p_memsz > task_size ||
	    phdr->p_vaddr > task_size - phdr->p_memsz)
		return -EINVAL;
	skip = phdr->p_vaddr % ELF_PAGE;
	/* File and memory agree below the page size, or mmap refuses the offset. */
	if (phdr->p_offset < skip || phdr->p_offset > (u64)INT64_MAX)
		return -EINVAL;
	*segment = (struct elf_segment){
		.map_start = phdr->p_vaddr - skip,
		.map_size = ALIGN(skip + phdr->p_filesz, ELF_PAGE),
		.file_offset = phdr->p_offset - skip,
		.prot = (phdr->p_flags & PF_R ? 1 : 0) | (phdr->p_flags & PF_W ? 2 : 0) |
			(phdr->p_flags & PF_X ? 4 : 0),
	};
	if (phdr->p_memsz > phdr->p_filesz) {
		file_page_end = segment->map_start + segment->map_size;
		segment->zero_start = phdr->p_vaddr + phdr->p_filesz;
		segment->zero_end = file_page_end;
		segment->bss_start = file_page_end;
		segment->bss_end =
			max(file_page_end, ALIGN(phdr->p_vaddr + phdr->p_memsz, ELF_PAGE));
	}
	return 0;
}

int elf_parse_interp(const char *name, size_t size)
{
	return size && name[size - 1] == '\0' ? 0 : -ENOEXEC;
}
