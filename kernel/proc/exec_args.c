/* SPDX-License-Identifier: MIT */
/*
 * The stack of a new program (System V ABI x86-64, 3.4.1), built from the top down:
 *
 *	stack top       8 bytes of zeros
 *	                name of the program, environment strings, argument strings
 *	                "x86_64", 16 random bytes
 *	                auxiliary vector, envp[], argv[]
 *	sp (16-aligned) argc
 *
 * Strings are written before the point of no return, into the pages of a map that nobody runs yet;
 * the tables, which need the segments' addresses, after it.
 */
#include "kernel/core/random.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "kernel/proc/sigframe.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/fault/fault.h"
#include "mm/frame/vmalloc.h"
#include "mm/space/mmap_lock.h"
#include <asm/processor.h>
#include <asm/uaccess.h>

#define MAX_ARG_STRLEN (32 * PAGE_SIZE) /* one string, NUL included */
#define MAX_ARGS_BYTES MiB(6)           /* all strings and pointers, whatever the stack's limit */
#define STACK_HEADROOM (32 * PAGE_SIZE) /* of the VMA, below the strings */

/* --- counting --- */

static int next_pointer(const struct string_array *array, int i, unsigned long *ptr)
{
	if (array->kernel) {
		*ptr = (unsigned long)array->kernel[i];
		return 0;
	}
	if (!array->user) {
		*ptr = 0;
		return 0;
	}
	return get_user(*ptr, (unsigned long *)array->user + i);
}

static int count_strings(struct string_array *array)
{
	unsigned long ptr;
	int i;

	for (i = 0; i < (int)(MAX_ARGS_BYTES / 8); i++) {
		if (next_pointer(array, i, &ptr))
			return -EFAULT;
		if (!ptr) {
			array->count = i;
			return 0;
		}
		if (fatal_signal_pending(current))
			return -ERESTARTNOHAND;
		cond_resched();
	}
	return -E2BIG;
}

int exec_count_args(struct exec *exec)
{
	/* A quarter of the stack, at most 6 MiB, at least 128 KiB (execve(2)). */
	unsigned long room = max(min(rlimit(RLIMIT_STACK) / 4, MAX_ARGS_BYTES), MAX_ARG_STRLEN);
	unsigned long pointers;
	int ret = count_strings(&exec->argv);

	if (!ret)
		ret = count_strings(&exec->envp);
	if (ret)
		return ret;
	pointers = (unsigned long)(max(exec->argv.count, 1) + exec->envp.count) * sizeof(void *);
	if (pointers >= room)
		return -E2BIG;
	exec->limit = layout_stack_top(&exec->shift) - (room - pointers);
	return 0;
}

/* --- strings --- */

void exec_put_page(struct exec *exec)
{
	if (exec->page) {
		/* Reclaim may have taken it off the map, and written it, before our last store. */
		SetPageDirty(exec->page);
		put_page(exec->page);
	}
	exec->page = NULL;
}

/* The stack VMA reaches at least down to @address, with headroom if the limit allows it. */
static int grow_stack(struct exec *exec, unsigned long address)
{
	struct mm_struct *mm = exec->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	mmap_write_lock(mm);
	vma = vma_last(mm);
	if (address - STACK_HEADROOM < vma->vm_start &&
	    expand_stack(vma, address - STACK_HEADROOM) && address < vma->vm_start &&
	    expand_stack(vma, address))
		ret = -E2BIG;
	mmap_write_unlock(mm);
	return ret;
}

/* The kernel's view of stack address @address. */
static void *stack_byte(struct exec *exec, unsigned long address)
{
	unsigned long base = address & PAGE_MASK;

	if (!exec->page || exec->page_address != base) {
		struct page *page;
		int ret = grow_stack(exec, base);

		exec_put_page(exec);
		if (ret)
			return ERR_PTR(ret);
		page = get_user_page(exec->mm, base, FOLL_WRITE);
		if (IS_ERR(page))
			return page;
		exec->page = page;
		exec->page_address = base;
	}
	return (char *)page_address(exec->page) + (address - base);
}

static int write_stack(struct exec *exec, unsigned long address, const char *from, size_t len)
{
	while (len) {
		size_t n = min(len, PAGE_SIZE - (address & ~PAGE_MASK));
		void *to = stack_byte(exec, address);

		if (IS_ERR(to))
			return (int)PTR_ERR(to);
		memcpy(to, from, n);
		address += n;
		from += n;
		len -= n;
	}
	return 0;
}

/* Room for @len bytes more below the strings. */
static int reserve(struct exec *exec, size_t len)
{
	if (len > MAX_ARG_STRLEN || len > exec->p - exec->limit)
		return -E2BIG;
	exec->p -= len;
	return 0;
}

static int push_kernel_string(struct exec *exec, const char *s)
{
	size_t len = strlen(s) + 1;
	int ret = reserve(exec, len);

	return ret ? ret : write_stack(exec, exec->p, s, len);
}

/*
 * Longer than the buffer: once to measure, once to copy. It may change in between; only its end
 * matters then.
 */
static int push_long_string(struct exec *exec, const char __user *s)
{
	size_t len = 0, off, n;
	long part;
	int ret;

	do {
		part = strncpy_from_user(exec->buf, s + len, PAGE_SIZE);
		if (part < 0)
			return -EFAULT;
		len += (size_t)part;
		if (len >= MAX_ARG_STRLEN)
			return -E2BIG;
	} while (part == PAGE_SIZE);
	ret = reserve(exec, len + 1);
	for (off = 0; !ret && off < len; off += n) {
		n = min(len - off, PAGE_SIZE);
		if (copy_from_user(exec->buf, s + off, n))
			return -EFAULT;
		ret = write_stack(exec, exec->p + off, exec->buf, n);
	}
	return ret ? ret : write_stack(exec, exec->p + len, "", 1);
}

static int push_user_string(struct exec *exec, const char __user *s)
{
	long len = strncpy_from_user(exec->buf, s, PAGE_SIZE);
	int ret;

	if (len < 0)
		return -EFAULT;
	if (len == PAGE_SIZE)
		return push_long_string(exec, s);
	ret = reserve(exec, (size_t)len + 1);
	return ret ? ret : write_stack(exec, exec->p, exec->buf, (size_t)len + 1);
}

/* Strings [first, count) in reverse order, so that they ascend; their addresses go to @pointers. */
static int push_strings(struct exec *exec, const struct string_array *array, int first,
			unsigned long *pointers)
{
	int i, ret = 0;

	for (i = array->count - 1; !ret && i >= first; i--) {
		unsigned long ptr;

		if (fatal_signal_pending(current))
			return -ERESTARTNOHAND;
		cond_resched();
		if (next_pointer(array, i, &ptr) || !ptr)
			return -EFAULT;
		ret = array->kernel ? push_kernel_string(exec, (const char *)ptr) :
				      push_user_string(exec, (const char *)ptr);
		pointers[i - first] = exec->p;
	}
	return ret;
}

static int push_prefix(struct exec *exec)
{
	int i, ret = 0;

	for (i = exec->nr_prefix - 1; !ret && i >= 0; i--) {
		ret = push_kernel_string(exec, exec->prefix[i]);
		exec->pointers[i] = exec->p;
	}
	return ret;
}

/* A program gets an argv[0], even if it was given none. */
static int push_argv(struct exec *exec)
{
	int ret;

	if (!exec->argc) {
		exec->argc = 1;
		ret = push_kernel_string(exec, "");
		exec->pointers[0] = exec->p;
		return ret;
	}
	ret = push_strings(exec, &exec->argv, min(exec->skip_argv, exec->argv.count),
			   exec->pointers + exec->nr_prefix);
	return ret ? ret : push_prefix(exec);
}

int exec_copy_strings(struct exec *exec)
{
	struct mm_struct *mm = exec->mm;
	unsigned long top = layout_stack_top(&exec->shift),
		      size = min(STACK_HEADROOM + PAGE_SIZE,
				 max(mm->rlim_stack & PAGE_MASK, PAGE_SIZE));
	int ret = setup_stack_vma(mm, top, size, exec->program.layout.exec_stack);

	if (ret)
		return ret;
	exec->argc = exec->nr_prefix + exec->argv.count - min(exec->skip_argv, exec->argv.count);
	exec->envc = exec->envp.count;
	exec->pointers = kvzalloc((size_t)(exec->argc + exec->envc + 1) * sizeof(*exec->pointers));
	if (!exec->pointers)
		return -ENOMEM;
	exec->p = top - sizeof(void *);
	ret = push_kernel_string(exec, exec->path);
	exec->path_address = exec->p;
	mm->env_end = exec->p;
	if (!ret)
		ret = push_strings(exec, &exec->envp, 0, exec->pointers + max(exec->argc, 1));
	mm->env_start = mm->arg_end = exec->p;
	if (!ret)
		ret = push_argv(exec);
	mm->arg_start = exec->p;
	exec_put_page(exec);
	return ret;
}

/* --- tables --- */

/* linux/auxvec.h of Linux's user headers. */
enum {
	AT_NULL,
	AT_PHDR = 3,
	AT_PHENT,
	AT_PHNUM,
	AT_PAGESZ,
	AT_BASE,
	AT_FLAGS,
	AT_ENTRY,
	AT_UID = 11,
	AT_EUID,
	AT_GID,
	AT_EGID,
	AT_PLATFORM,
	AT_HWCAP,
	AT_CLKTCK,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
	AT_MINSIGSTKSZ = 51,
};

static unsigned long hwcap(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	return d;
}

static int fill_auxv(const struct exec *exec, unsigned long *auxv, unsigned long entry,
		     unsigned long random, unsigned long platform)
{
	const struct elf_program *prog = &exec->program;
	const struct signal_struct *signal = current->signal;
	const unsigned long pairs[][2] = {
		{ AT_SYSINFO_EHDR, exec->vdso },
		{ AT_MINSIGSTKSZ, signal_frame_size() },
		{ AT_HWCAP, hwcap() },
		{ AT_PAGESZ, PAGE_SIZE },
		{ AT_CLKTCK, HZ },
		{ AT_PHDR, (unsigned long)prog->layout.phdr_vaddr + prog->bias },
		{ AT_PHENT, sizeof(struct elf64_phdr) },
		{ AT_PHNUM, prog->ehdr.e_phnum },
		{ AT_BASE, exec->interp.file ? exec->interp.bias : 0 },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, entry },
		{ AT_UID, signal->uid.real },
		{ AT_EUID, signal->uid.effective },
		{ AT_GID, signal->gid.real },
		{ AT_EGID, signal->gid.effective },
		{ AT_SECURE, signal->uid.real != signal->uid.effective ||
				     signal->gid.real != signal->gid.effective },
		{ AT_RANDOM, random },
		{ AT_HWCAP2, 0 }, /* neither ring 3 MONITOR nor FSGSBASE */
		{ AT_EXECFN, exec->path_address },
		{ AT_PLATFORM, platform },
		{ AT_NULL, 0 },
	};

	/* Without a vDSO the vector begins with what comes behind it. */
	size_t skip = exec->vdso ? 0 : sizeof(pairs[0]), size = sizeof(pairs) - skip;

	BUILD_BUG_ON(sizeof(pairs) > sizeof(((struct mm_struct *)0)->saved_auxv));
	memcpy(auxv, (const char *)pairs + skip, size);
	return (int)(size / sizeof(long));
}

long exec_create_tables(struct exec *exec, unsigned long entry)
{
	static const char platform_name[] = "x86_64";
	struct mm_struct *mm = current->mm;
	unsigned long top = (exec->p - exec->shift.align * 16UL) & ~15UL;
	unsigned long platform = top - sizeof(platform_name), random_addr = platform - 16;
	unsigned long nr_pointers = (unsigned long)(exec->argc + exec->envc) + 3, sp, at, zero = 0;
	size_t argv_bytes = (size_t)exec->argc * 8, envp_bytes = (size_t)exec->envc * 8;
	u8 random[16];
	int words = fill_auxv(exec, mm->saved_auxv, entry, random_addr, platform);

	get_random_bytes(random, sizeof(random));
	sp = (random_addr - (nr_pointers + (unsigned long)words) * 8) & ~15UL;
	mm->start_stack = sp;
	at = sp;
	if (copy_to_user((void *)platform, platform_name, sizeof(platform_name)) ||
	    copy_to_user((void *)random_addr, random, sizeof(random)) ||
	    put_user((unsigned long)exec->argc, (unsigned long *)at) ||
	    copy_to_user((void *)(at += 8), exec->pointers, argv_bytes) ||
	    put_user(zero, (unsigned long *)(at += argv_bytes)) ||
	    copy_to_user((void *)(at += 8), exec->pointers + exec->argc, envp_bytes) ||
	    put_user(zero, (unsigned long *)(at += envp_bytes)) ||
	    copy_to_user((void *)(at + 8), mm->saved_auxv, (size_t)words * 8))
		return -EFAULT;
	return (long)sp;
}
