/* SPDX-License-Identifier: MIT */
/*
 * calls_vdso: the shared object that the kernel maps into every program, and its clock. TAP. Where a
 * machine's clocks differ from CPU to CPU there is none, and nothing to judge.
 */
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096UL

static unsigned long base;
static const Elf64_Sym *symbols;
static const char *strings;
static const Elf64_Half *versions;
static const Elf64_Verdef *verdefs;
static size_t count;

typedef long clock_fn(long clock, struct timespec *ts);
typedef long day_fn(struct timeval *tv, void *zone);
typedef long time_fn(long *t);
typedef long cpu_fn(unsigned int *cpu, unsigned int *node, void *unused);

static bool read_object(void)
{
	const Elf64_Ehdr *ehdr = (const void *)base;
	const Elf64_Phdr *phdr = (const void *)(base + ehdr->e_phoff);
	const Elf64_Dyn *dyn = NULL;
	unsigned long bias = base;

	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) || ehdr->e_type != ET_DYN)
		return false;
	for (int i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD)
			bias = base + phdr[i].p_offset - phdr[i].p_vaddr;
		if (phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(base + phdr[i].p_offset);
	}
	for (; dyn && dyn->d_tag; dyn++) {
		const void *p = (const void *)(bias + dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			symbols = p;
		if (dyn->d_tag == DT_STRTAB)
			strings = p;
		if (dyn->d_tag == DT_HASH)
			count = ((const Elf64_Word *)p)[1];
		if (dyn->d_tag == DT_VERSYM)
			versions = p;
		if (dyn->d_tag == DT_VERDEF)
			verdefs = p;
	}
	return symbols && strings && count && versions && verdefs;
}

/* The function of that name, of the version LINUX_2.6. */
static void *find(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		const Elf64_Verdef *def = verdefs;
		const Elf64_Verdaux *aux;

		if (!symbols[i].st_shndx || strcmp(strings + symbols[i].st_name, name))
			continue;
		while (def->vd_ndx != (versions[i] & 0x7fff) && def->vd_next)
			def = (const void *)((const char *)def + def->vd_next);
		aux = (const void *)((const char *)def + def->vd_aux);
		if (!strcmp(strings + aux->vda_name, "LINUX_2.6"))
			return (void *)(base + symbols[i].st_value);
	}
	return NULL;
}

static long ns(const struct timespec *ts)
{
	return ts->tv_sec * 1000000000 + ts->tv_nsec;
}

/* The kernel's and the object's readings in turn never go backwards. */
static bool in_step(clock_fn *fn, int clock)
{
	struct timespec ts;
	long last = 0, now;

	for (int i = 0; i < 200; i++) {
		long ret = i % 2 ? fn(clock, &ts) : syscall(SYS_clock_gettime, clock, &ts);

		now = ns(&ts);
		if (ret || now < last || ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000)
			return false;
		last = now;
	}
	return true;
}

static void clocks(void)
{
	static const int exact[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI };
	clock_fn *fn = find("__vdso_clock_gettime");
	struct timespec ts;
	unsigned int right = 0;

	if (!check(fn && fn == find("clock_gettime"), "clock_gettime is there, by both names"))
		return;
	for (size_t i = 0; i < 4; i++)
		right += in_step(fn, exact[i]);
	check(right == 4, "its clocks and the kernel's are one");
	check(!fn(CLOCK_MONOTONIC_RAW, &ts) && !fn(CLOCK_MONOTONIC_COARSE, &ts) &&
		      !fn(CLOCK_REALTIME_COARSE, &ts),
	      "the others can be read");
	check(!fn(CLOCK_PROCESS_CPUTIME_ID, &ts) && !fn(CLOCK_THREAD_CPUTIME_ID, &ts),
	      "those that only the kernel knows, too");
	check(fn(99, &ts) == -EINVAL && fn(-1, &ts) == -EINVAL, "no clock: minus EINVAL");
}

static void day_and_cpu(void)
{
	day_fn *day = (day_fn *)find("__vdso_gettimeofday");
	time_fn *seconds = (time_fn *)find("__vdso_time");
	cpu_fn *where = (cpu_fn *)find("__vdso_getcpu");
	unsigned int cpu = 99, node = 99, asked = 98;
	struct timeval a, b, c;
	long before, t, after;

	syscall(SYS_gettimeofday, &a, NULL);
	check(day && !day(&b, NULL) && !syscall(SYS_gettimeofday, &c, NULL) &&
		      !timercmp(&b, &a, <) && !timercmp(&c, &b, <),
	      "gettimeofday lies between two of the kernel's");
	check(day && !day(NULL, NULL) && !day(&a, &b), "also without a place for it, with a zone");
	before = syscall(SYS_time, NULL);
	t = seconds ? seconds(&after) : -1;
	check(t == after && t >= before && t <= before + 1, "time, and where it is put");
	check(where && !where(&cpu, &node, NULL) && !syscall(SYS_getcpu, &asked, NULL, NULL) &&
		      node == 0 && cpu < 64 && !where(NULL, NULL, NULL),
	      "getcpu");
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1)
		check(cpu == asked, "which says what the kernel says");
}

static int in_step_here(void)
{
	struct timespec ts;

	return !in_step(find("__vdso_clock_gettime"), CLOCK_MONOTONIC) ||
	       clock_gettime(CLOCK_REALTIME, &ts);
}

static int write_object(void)
{
	return ++*(volatile char *)base;
}

/* A debugger's breakpoint: a private copy. */
static int copy_object(void)
{
	static char old[2 * PAGE];

	memcpy(old, (void *)base, sizeof(old));
	if (mprotect((void *)base, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		return 1;
	old[8] = 42;
	((volatile char *)base)[8] = 42;
	return memcmp(old, (void *)base, sizeof(old)) ? 2 : in_step_here();
}

/* Every system call of the object becomes an illegal instruction. */
static void forbid_calls(void)
{
	unsigned char *p = (unsigned char *)base;

	if (mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		_exit(99);
	for (unsigned long i = 0; i < 2 * PAGE - 1; i++)
		if (p[i] == 0x0f && p[i + 1] == 0x05)
			p[i + 1] = 0x0b;
}

static int ask_kernel(void)
{
	struct timespec ts;

	forbid_calls();
	return (int)((clock_fn *)find("__vdso_clock_gettime"))(CLOCK_PROCESS_CPUTIME_ID, &ts);
}

static int ask_nobody(void)
{
	clock_fn *fn = (clock_fn *)find("__vdso_clock_gettime");
	day_fn *day = (day_fn *)find("__vdso_gettimeofday");
	time_fn *seconds = (time_fn *)find("__vdso_time");
	struct timespec ts;
	struct timeval tv;

	forbid_calls();
	return fn(CLOCK_REALTIME, &ts) || fn(CLOCK_MONOTONIC, &ts) || fn(CLOCK_BOOTTIME, &ts) ||
	       fn(CLOCK_TAI, &ts) || fn(CLOCK_MONOTONIC_RAW, &ts) ||
	       fn(CLOCK_MONOTONIC_COARSE, &ts) || fn(CLOCK_REALTIME_COARSE, &ts) ||
	       day(&tv, NULL) || seconds(NULL) < 0;
}

static int where_without(void)
{
	cpu_fn *where = (cpu_fn *)find("__vdso_getcpu");
	unsigned int cpu, node;

	forbid_calls();
	return (int)where(&cpu, &node, NULL);
}

static void without_calls(void)
{
	unsigned int a, b, c, d = 0;

	check(in_child(ask_kernel) == 200 + SIGILL, "a process's CPU time is asked of the kernel");
	check(in_child(ask_nobody) == 0, "no other clock is");
	if (__get_cpuid(0x80000001, &a, &b, &c, &d) && d & 1u << 27 /* RDTSCP */)
		check(in_child(where_without) == 0, "nor which CPU it is");
}

static int write_numbers(void)
{
	return mprotect((void *)(base - 4 * PAGE), PAGE, PROT_READ | PROT_WRITE) == -1 ? errno : 0;
}

static int beyond_numbers(void)
{
	return *(volatile char *)(base - PAGE);
}

static bool is_invalid(long ret)
{
	return ret == -1 && errno == EINVAL;
}

/* Each in one piece, or not at all; but a piece of memory that is asked for at its place: ENOMEM. */
static int in_pieces(void)
{
	char *code = (char *)base, *numbers = code - 4 * PAGE;

	if (!is_invalid(munmap(code, PAGE)) || !is_invalid(munmap(code + PAGE, PAGE)) ||
	    !is_invalid(munmap(numbers + PAGE, PAGE)) || !is_invalid(munmap(numbers, 5 * PAGE)))
		return 1;
	if (!is_invalid(mprotect(code, PAGE, PROT_READ)) ||
	    !is_invalid(mprotect(numbers, PAGE, PROT_NONE)) ||
	    !is_invalid(madvise(code + PAGE, PAGE, MADV_DONTFORK)))
		return 2;
	if (!is_invalid((long)mremap(code, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000000)))
		return 3;
	if (mmap(code, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		    MAP_FAILED ||
	    errno != ENOMEM)
		return 4;
	if (madvise(code, 2 * PAGE, MADV_DONTFORK) || madvise(code, 2 * PAGE, MADV_DOFORK) ||
	    madvise(numbers, 4 * PAGE, MADV_DONTFORK) ||
	    !is_invalid(madvise(numbers, 4 * PAGE, MADV_DOFORK)))
		return 5;
	return in_step_here();
}

static int unmapped(void)
{
	struct timespec ts;

	return munmap((void *)(base - 4 * PAGE), 6 * PAGE) ||
	       syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
}

/* What smaps tells of the mapping of that name. */
static bool has_flags(const char *name, const char *want)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool found = false, right = false;
	char line[256];

	while (fgets(line, sizeof(line), smaps)) {
		found |= strstr(line, name) != NULL;
		if (found && !strncmp(line, "VmFlags: ", 9)) {
			right = !strcmp(line + 9, want);
			break;
		}
	}
	fclose(smaps);
	return right;
}

static void mappings(void)
{
	char line[256], want[2][100];
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	snprintf(want[0], 100, "%lx-%lx r--p 00000000 00:00 0", base - 4 * PAGE, base);
	snprintf(want[1], 100, "%lx-%lx r-xp 00000000 00:00 0", base, base + 2 * PAGE);
	while (fgets(line, sizeof(line), maps))
		found += (!strncmp(line, want[0], strlen(want[0])) && strstr(line, " [vvar]\n")) ||
			 (!strncmp(line, want[1], strlen(want[1])) && strstr(line, " [vdso]\n"));
	fclose(maps);
	check(found == 2, "/proc/self/maps names both mappings");
	check(has_flags("[vvar]", "rd mr pf io de dd sd \n") &&
		      has_flags("[vdso]", "rd ex mr mw me de sd \n"),
	      "and smaps their flags");
	check(in_child(in_step_here) == 0, "a child has them");
	check(in_child(write_object) == 200 + SIGSEGV, "nobody writes to them");
	check(in_child(copy_object) == 0, "but to a private copy of the code");
	check(in_child(write_numbers) == EACCES, "and never to the numbers");
	check(in_child(beyond_numbers) == 200 + SIGBUS, "behind which there is nothing: SIGBUS");
	check(in_child(in_pieces) == 0, "neither is split: EINVAL");
	check(in_child(unmapped) == 0, "who unmaps them asks the kernel");
	check(((volatile char *)base)[8] != 42, "the copy was private");
}

int main(void)
{
	base = getauxval(AT_SYSINFO_EHDR);
	if (!base && sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		printf("1..0 # SKIP the clocks of this machine differ\n");
		return 0;
	}
	if (!check(base && read_object(), "AT_SYSINFO_EHDR: a shared object with symbols and versions"))
		return checks_done();
	clocks();
	day_and_cpu();
	mappings();
	without_calls();
	return checks_done();
}
