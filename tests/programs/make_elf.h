/* SPDX-License-Identifier: MIT */
/*
 * Programs made by hand, to be loaded by execve(2). Where they name an interpreter they need no code:
 * it is entered in their place, and any static program can be one.
 */
#ifndef TESTS_PROGRAMS_MAKE_ELF_H
#define TESTS_PROGRAMS_MAKE_ELF_H

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define MADE_SIZE 4096
#define MADE_PHDRS 4

/* The file: headers, and the interpreter's name behind them. */
struct made_elf {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[MADE_PHDRS]; /* PT_LOAD of all, PT_INTERP, PT_GNU_STACK, PT_NULL */
	char interp[256];
	unsigned char code[MADE_SIZE - sizeof(Elf64_Ehdr) - MADE_PHDRS * sizeof(Elf64_Phdr) - 256];
};

/* A program of type @type that names @interp, or, if that is NULL, none; it lies at @vaddr. */
static void make_elf(struct made_elf *elf, int type, unsigned long vaddr, const char *interp)
{
	/* mov edi, 7; mov eax, 231 (exit_group); syscall */
	static const unsigned char code[] = { 0xbf, 7, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05 };

	memset(elf, 0, sizeof(*elf));
	elf->ehdr = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = (Elf64_Half)type,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_entry = vaddr + offsetof(struct made_elf, code),
		.e_phoff = offsetof(struct made_elf, phdrs),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = MADE_PHDRS,
	};
	elf->phdrs[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
				      .p_flags = PF_R | PF_W | PF_X,
				      .p_vaddr = vaddr,
				      .p_filesz = MADE_SIZE,
				      .p_memsz = MADE_SIZE,
				      .p_align = MADE_SIZE };
	if (interp) {
		strcpy(elf->interp, interp);
		elf->phdrs[1] = (Elf64_Phdr){ .p_type = PT_INTERP,
					      .p_offset = offsetof(struct made_elf, interp),
					      .p_filesz = strlen(interp) + 1 };
	}
	elf->phdrs[2] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	memcpy(elf->code, code, sizeof(code));
}

/* Write the first @size bytes of @elf to the file @path, executable. */
static void write_elf(const char *path, const struct made_elf *elf, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, elf, size) != (ssize_t)size)
		_exit(99);
	close(fd);
}

#endif
