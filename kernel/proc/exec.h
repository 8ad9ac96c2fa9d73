/* SPDX-License-Identifier: MIT */
/*
 * An execve(2) in flight: what its three parts share (exec.c: the flow, exec_args.c: the stack,
 * exec_elf.c: the segments).
 */
#ifndef KERNEL_PROC_EXEC_H
#define KERNEL_PROC_EXEC_H

#include "kernel/core/vfs.h"
#include "kernel/proc/elf.h"
#include "kernel/proc/layout.h"
#include "mm/space/mm.h"

/* argv or envp: of the kernel's or of the user's memory. */
struct string_array {
	const char *const *kernel;
	unsigned long user; /* address of pointers; used if kernel is NULL; 0: empty */
	int count;
};

/* A file being loaded: the program, or its interpreter. */
struct elf_program {
	struct file *file; /* counted, writers denied */
	struct elf64_ehdr ehdr;
	struct elf64_phdr *phdrs; /* kmalloc'ed */
	struct elf_layout layout;
	unsigned long bias; /* added to the file's addresses; set by elf_map() */
};

#define SCRIPT_DEPTH_MAX 5

struct exec {
	/* what execve(2) got, or a name that stands for a descriptor: "/dev/fd/N", "/dev/fd/N/name" */
	const char *path;
	bool path_closes;  /* it will stand for nothing after the exec */
	bool path_is_file; /* it is "/dev/fd/N": the program is called by its file's name */
	struct string_array argv, envp;
	/* Scripts put arguments in front of argv[1]. */
	char *prefix[3 * SCRIPT_DEPTH_MAX];
	int nr_prefix, skip_argv;
	struct elf_program program, interp; /* interp.file NULL: none */

	struct mm_struct *mm;    /* the new map, until it is current's */
	struct layout_shift shift;
	unsigned long p;         /* lowest address of the strings so far */
	unsigned long limit;     /* p may not go below */
	unsigned long *pointers; /* user addresses of argv, then envp strings; kvzalloc'ed */
	int argc, envc;
	char *buf;                  /* one page, for strings on their way */
	unsigned long vdso;         /* its ELF header's address; 0: there is none */
	unsigned long path_address; /* of the program's name on the stack, AT_EXECFN */
	struct page *page;          /* of the stack, where the last string went; counted */
	unsigned long page_address;
};

/* --- exec_args.c --- */
/* Count the pointers of argv and envp, and find out how much room there is: -EFAULT, -E2BIG. */
int exec_count_args(struct exec *exec);
/* Make the stack VMA of exec->mm and put the strings on it. -E2BIG, -EFAULT, -ENOMEM. */
int exec_copy_strings(struct exec *exec);
/*
 * Pointers, argc and the auxiliary vector below the strings, in current's (the new) map. Returns
 * the user's sp, or -errno.
 */
long exec_create_tables(struct exec *exec, unsigned long entry);
void exec_put_page(struct exec *exec);

/* --- vdso.c --- */
/* Map it into current's map, if its clock is right on this machine. 0 or -errno. */
int exec_map_vdso(struct exec *exec);

/* --- exec_elf.c --- */
/*
 * Header, program headers and layout of prog->file, whose first @len bytes are @buf. -ENOEXEC,
 * -ENOMEM.
 */
int elf_read(struct elf_program *prog, const void *buf, size_t len);
/*
 * Map all segments into current's map; a position-independent program goes to @base, or, if that is
 * 0, where mmap() puts it. -errno: a half-mapped program, which must not run.
 */
int elf_map(struct elf_program *prog, unsigned long base);
void elf_release(struct elf_program *prog);
/* Set brk and the code and data bounds of current's map from the mapped program. */
void elf_set_bounds(const struct elf_program *prog, const struct layout_shift *shift);

#endif
