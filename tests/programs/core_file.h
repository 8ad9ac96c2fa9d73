/* SPDX-License-Identifier: MIT */
/* Children that die and leave a core in the working directory; reading it. For calls_core*.c. */
#ifndef TESTS_PROGRAMS_CORE_FILE_H
#define TESTS_PROGRAMS_CORE_FILE_H

#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "calls.h"

static inline void core_limit(unsigned long limit)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ limit, RLIM_INFINITY });
}

/* The wait status of a child that runs @fn(@arg), with no limit for its core, and ends by 0. */
static inline int crash(void (*fn)(long), long arg)
{
	pid_t pid = fork();

	if (!pid) {
		core_limit(RLIM_INFINITY);
		fn(arg);
		_exit(0);
	}
	return status_of(pid);
}

static inline void die_by(long sig)
{
	kill(getpid(), (int)sig);
}

/* Died of that signal, with a core, or without, as the kernel says. */
static inline int dumped(int status, int sig)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == sig && WCOREDUMP(status);
}
static inline int died(int status, int sig)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == sig && !WCOREDUMP(status);
}

/* Take the file away. Was it there? */
static inline int gone(const char *path)
{
	return !unlink(path);
}

/* --- what is in it --- */

static char *core_map;
static size_t core_size;
static struct stat core_stat;

/* The core @path, which is removed. False: there is none. */
static inline int read_core(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (core_map)
		munmap(core_map, core_size);
	core_map = NULL;
	if (fd < 0 || fstat(fd, &core_stat) || core_stat.st_size < (off_t)sizeof(Elf64_Ehdr))
		return 0;
	core_size = (size_t)core_stat.st_size;
	core_map = mmap(NULL, core_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	unlink(path);
	return core_map != MAP_FAILED;
}

static inline const Elf64_Ehdr *core_header(void)
{
	return (const Elf64_Ehdr *)core_map;
}
static inline const Elf64_Phdr *core_phdr(int n)
{
	return (const Elf64_Phdr *)(core_map + core_header()->e_phoff) + n;
}

/* The PT_LOAD that begins at, or holds, @addr; or NULL. */
static inline const Elf64_Phdr *core_load(const void *addr)
{
	for (int i = 1; i < core_header()->e_phnum; i++)
		if ((unsigned long)addr - core_phdr(i)->p_vaddr < core_phdr(i)->p_memsz)
			return core_phdr(i);
	return NULL;
}

/* How many bytes of its mapping the core has: -1: there is none. */
static inline long core_bytes(const void *addr)
{
	const Elf64_Phdr *load = core_load(addr);

	return load ? (long)load->p_filesz : -1;
}

/* What the core has of @addr, or NULL. */
static inline const char *core_at(const void *addr)
{
	const Elf64_Phdr *load = core_load(addr);
	unsigned long at = (unsigned long)addr - (load ? load->p_vaddr : 0);

	return load && at < load->p_filesz && load->p_offset + at < core_size ?
		       core_map + load->p_offset + at :
		       NULL;
}

/* The @nth note of @type, from 0 on, and its length; or NULL. */
static inline const void *core_note(unsigned int type, int nth, size_t *len)
{
	const Elf64_Phdr *notes = core_phdr(0);
	const char *p = core_map + notes->p_offset, *end = p + notes->p_filesz;

	while (p < end) {
		const Elf64_Nhdr *n = (const void *)p;
		const char *desc = p + sizeof(*n) + ((n->n_namesz + 3) & ~3U);

		if (n->n_type == type && !nth--) {
			if (len)
				*len = n->n_descsz;
			return desc;
		}
		p = desc + ((n->n_descsz + 3) & ~3U);
	}
	return NULL;
}

#endif
