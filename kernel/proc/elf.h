/* SPDX-License-Identifier: MIT */
/*
 * Reading an ELF64 program: pure functions over bytes that may be anything. They check what Linux
 * 6.1 checks and give the errno that execve(2) gives for it there. Layouts: System V gABI, chapters
 * 4 and 5.
 */
#ifndef KERNEL_PROC_ELF_H
#define KERNEL_PROC_ELF_H

#include "lib/types.h"

#define ET_EXEC 2
#define ET_DYN 3
#define EM_X86_64 62
#define PT_LOAD 1
#define PT_INTERP 3
#define PT_GNU_STACK 0x6474e551u
#define PF_X 1u
#define PF_W 2u
#define PF_R 4u

struct elf64_ehdr {
	u8 e_ident[16];
	u16 e_type, e_machine;
	u32 e_version;
	u64 e_entry, e_phoff, e_shoff;
	u32 e_flags;
	u16 e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

struct elf64_phdr {
	u32 p_type, p_flags;
	u64 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};

#define ELF_PHDRS_MAX 65536 /* bytes */

/*
 * @buf: the first @len bytes of the file. 0 and *@ehdr filled in, or -ENOEXEC: no ELF file for
 * this machine, or its program headers cannot be right.
 */
int elf_parse_header(const void *buf, size_t len, struct elf64_ehdr *ehdr);
/* Bytes of program headers; they start at e_phoff. At most ELF_PHDRS_MAX. */
static inline size_t elf_phdrs_size(const struct elf64_ehdr *ehdr)
{
	return ehdr->e_phnum * sizeof(struct elf64_phdr);
}

/* What the program headers say as a whole. */
struct elf_layout {
	bool has_interp;                /* a PT_INTERP; the first one counts */
	u64 interp_offset, interp_size; /* its name in the file, NUL included */
	bool exec_stack;     /* PT_GNU_STACK asks for it; also without one, as on Linux: no */
	unsigned int nr_load;
	u64 start, end; /* of all PT_LOADs, [start, end), page aligned */
	u64 align;      /* the largest p_align that is a power of two, at least a page */
	u64 phdr_vaddr; /* where the program finds its headers in memory, 0: in no segment */
};

/* Nothing is judged here. */
void elf_parse_phdrs(const struct elf64_ehdr *ehdr, const struct elf64_phdr *phdrs,
		    struct elf_layout *layout);

/*
 * One PT_LOAD as mappings. Addresses are the file's (the load bias is added by the caller), sizes
 * bytes.
 */
struct elf_segment {
	/* The file's part; page aligned but for the offset of a bad file; size 0: none. */
	u64 map_start, map_size, file_offset;
	u64 zero_start, zero_end; /* tail of its last page */
	u64 bss_start, bss_end;   /* pages of zeros behind it */
	unsigned int prot;        /* PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4 */
};

/* 0, or -EINVAL: sizes that contradict each other or do not fit below @task_size. */
int elf_parse_segment(const struct elf64_phdr *phdr, u64 task_size, struct elf_segment *segment);

/*
 * What is asked of a program before exec gives up the old one, but of an interpreter only when it is
 * mapped, or not at all: a type that can be mapped, an interpreter's name of possible length. 0 or
 * -ENOEXEC.
 */
int elf_check_program(const struct elf64_ehdr *ehdr, const struct elf_layout *layout);
static inline bool elf_can_map(const struct elf64_ehdr *ehdr)
{
	return ehdr->e_type == ET_EXEC || ehdr->e_type == ET_DYN;
}

/* The interpreter's name, as read from the file: 0, or -ENOEXEC when it does not end in a NUL. */
int elf_parse_interp(const char *name, size_t size);

/* --- "#!" (script.c) --- */
#define SCRIPT_LINE_MAX 256
struct script {
	char interp[SCRIPT_LINE_MAX];
	char arg[SCRIPT_LINE_MAX]; /* the rest of the line, one argument; "" for none */
};
/*
 * @buf: the first @len bytes of the file, at most SCRIPT_LINE_MAX. 0, or -ENOEXEC: no script, or no
 * usable first line.
 */
int script_parse(const char *buf, size_t len, struct script *script);

#endif
