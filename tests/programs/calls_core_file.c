/* SPDX-License-Identifier: MIT */
/*
 * calls_core_file: what is in the core that a process leaves behind: its threads, what is said of
 * it, and which of its memory. When there is one at all is calls_core's. TAP.
 */
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/procfs.h>
#include <sys/syscall.h>

#include "core_file.h"
#include "proc_read.h"

#define PAGE 4096UL
#define HOME "/tmp/core.d"
#define FILTER "/proc/self/coredump_filter"
#define BAD 0x10123UL /* an address where nothing is */
#define MAGIC 0x1122334455667788UL
#define R15 0 /* places in elf_gregset_t */
#define RIP 16

/* --- registers and threads --- */

/* Fault with known registers: r15 and xmm7 are MAGIC + @n. */
static __attribute__((noinline, noclone)) void fault(long n)
{
	__asm__ volatile(
		"movq %0, %%r15; movq %%r15, %%xmm7; .globl faulting\nfaulting: movb (%1), %%al"
		:
		: "r"(MAGIC + (unsigned long)n), "r"(BAD)
		: "r15", "xmm7", "rax");
}
extern const char faulting[];

static volatile int ready;

/* In pause(2), with r15 and xmm7 MAGIC + @arg. */
static void *wait_forever(void *arg)
{
	__sync_fetch_and_add(&ready, 1);
	__asm__ volatile("movq %0, %%r15; movq %%r15, %%xmm7; 1: movl %1, %%eax; syscall; jmp 1b"
			 :
			 : "r"(MAGIC + (unsigned long)arg), "i"(SYS_pause)
			 : "r15", "xmm7", "rax", "rcx", "r11", "memory");
	return NULL;
}

/* Running in user mode all the time. */
static void *spin(void *arg)
{
	__sync_fetch_and_add(&ready, 1);
	__asm__ volatile("movq %0, %%r15; movq %%r15, %%xmm7; 1: pause; jmp 1b"
			 :
			 : "r"(MAGIC + (unsigned long)arg)
			 : "r15", "xmm7");
	return NULL;
}

static void *fault_thread(void *arg)
{
	fault((long)arg);
	return NULL;
}

static void threads(long faulting_one)
{
	pthread_t t;

	pthread_create(&t, NULL, wait_forever, (void *)1);
	pthread_create(&t, NULL, spin, (void *)2);
	pthread_create(&t, NULL, wait_forever, (void *)3);
	while (ready < 3)
		sleep_ms(1);
	sleep_ms(20);
	if (faulting_one < 4)
		fault(0);
	pthread_create(&t, NULL, fault_thread, (void *)4);
	if (faulting_one == 5)
		pthread_exit(NULL);
	wait_forever((void *)5);
}

static unsigned long reg(const struct elf_prstatus *status, int which)
{
	return status->pr_reg[which];
}

/* By r15, as a bit each: the threads whose registers are all there, xmm7 too. */
static unsigned int threads_seen(void)
{
	const struct elf_prstatus *status;
	unsigned int seen = 0;

	for (int i = 0; (status = core_note(NT_PRSTATUS, i, NULL)); i++) {
		const struct user_fpregs_struct *fp = core_note(NT_FPREGSET, i, NULL);
		unsigned long n = reg(status, R15) - MAGIC, xmm = 0;

		if (fp)
			memcpy(&xmm, &fp->xmm_space[7 * 4], sizeof(xmm));
		if (n < 8 && xmm == MAGIC + n && status->pr_info.si_signo == SIGSEGV)
			seen |= 1U << n;
	}
	return seen;
}

static void test_header(void)
{
	static const unsigned int order[] = { NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO,   NT_AUXV,
					      NT_FILE,     NT_FPREGSET, NT_X86_XSTATE };
	const char *last = NULL;
	int in_order = 1, loads = 1;

	check(dumped(crash(fault, 0), SIGSEGV) && read_core("core"), "a core is there");
	check(!memcmp(core_map, "\177ELF\2\1\1", 8) && core_header()->e_type == ET_CORE &&
		      core_header()->e_machine == EM_X86_64 && core_header()->e_phoff == 64 &&
		      core_header()->e_phentsize == 56 && !core_header()->e_shnum,
	      "it is an ELF core of this machine");
	for (int i = 1; i < core_header()->e_phnum; i++) {
		const Elf64_Phdr *p = core_phdr(i);

		loads &= p->p_type == PT_LOAD && !(p->p_offset % PAGE) && p->p_align == PAGE &&
			 p->p_filesz <= p->p_memsz && p->p_offset + p->p_filesz <= core_size;
	}
	check(core_phdr(0)->p_type == PT_NOTE && loads, "of notes, and then memory");
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		const char *note = core_note(order[i], 0, NULL);

		in_order &= note > last;
		last = note;
	}
	check(in_order && !core_note(NT_PRSTATUS, 1, NULL), "with seven notes, of one thread");
}

static void test_notes(void)
{
	const struct elf_prstatus *status = core_note(NT_PRSTATUS, 0, NULL);
	const struct elf_prpsinfo *info = core_note(NT_PRPSINFO, 0, NULL);
	const siginfo_t *sig = core_note(NT_SIGINFO, 0, NULL);
	const unsigned long *files = core_note(NT_FILE, 0, NULL);
	const Elf64_auxv_t *auxv;
	const unsigned char *xstate;
	unsigned long xcr0 = 0;
	size_t len;

	check(reg(status, R15) == MAGIC && reg(status, RIP) == (unsigned long)faulting &&
		      threads_seen() == 1,
	      "the registers are those at the fault");
	check(status->pr_cursig == SIGSEGV && status->pr_ppid == getpid() && status->pr_fpvalid &&
		      status->pr_pgrp == getpgrp() && status->pr_sid == getsid(0),
	      "and whose they are");
	check(sig->si_signo == SIGSEGV && sig->si_code == SEGV_MAPERR &&
		      sig->si_addr == (void *)BAD,
	      "the signal, with its address");
	check(info->pr_pid == status->pr_pid && info->pr_ppid == getpid() && !info->pr_zomb &&
		      info->pr_sname == 'R' && info->pr_uid == 0 &&
		      !strcmp(info->pr_fname, "calls_core_file") &&
		      strstr(info->pr_psargs, "calls_core_file "),
	      "the program, with its arguments");
	auxv = core_note(NT_AUXV, 0, &len);
	check(auxv[len / 16 - 1].a_type == AT_NULL &&
		      auxv[0].a_un.a_val == getauxval(auxv[0].a_type) &&
		      auxv[3].a_un.a_val == getauxval(auxv[3].a_type),
	      "the auxiliary vector");
	slurp("/proc/self/maps");
	check(files[0] >= 3 && files[1] == PAGE && files[2] == strtoul(text, NULL, 16) &&
		      strstr((const char *)(files + 2 + 3 * files[0]), "calls_core_file"),
	      "the files that were mapped");
	xstate = core_note(NT_X86_XSTATE, 0, &len);
	memcpy(&xcr0, xstate + 464, sizeof(xcr0));
	check((xcr0 & 7) == 7 && len >= 832 &&
		      !memcmp(xstate, core_note(NT_FPREGSET, 0, NULL), 416),
	      "what XSAVE saves, with what that is");
}

static void test_threads(void)
{
	const struct elf_prstatus *status;
	const struct elf_prpsinfo *info;

	check(dumped(crash(threads, 0), SIGSEGV) && read_core("core") && threads_seen() == 0xf,
	      "all threads are in it, asleep or not");
	status = core_note(NT_PRSTATUS, 0, NULL);
	check(reg(status, R15) == MAGIC, "the one that faults comes first");
	check(dumped(crash(threads, 4), SIGSEGV) && read_core("core") && threads_seen() == 0x3e,
	      "also if it is not the first of the process");
	status = core_note(NT_PRSTATUS, 0, NULL);
	info = core_note(NT_PRPSINFO, 0, NULL);
	check(reg(status, R15) == MAGIC + 4 && info->pr_pid != status->pr_pid,
	      "the process has its leader's number");
	check(dumped(crash(threads, 5), SIGSEGV) && read_core("core") && threads_seen() == 0x1e,
	      "whose end may have come before");
}

/* --- memory --- */

static char *map(int pages, int flags)
{
	return mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static struct areas {
	char *sparse, *untouched, *secret, *unsecret, *shared, *zeros, *out, *sealed;
	char *file, *file_shared;
} a;

static void prepare(void)
{
	int fd = open("data", O_RDWR | O_CREAT, 0644);

	if (ftruncate(fd, 4 * PAGE) || pwrite(fd, "data", 4, 0) != 4)
		_exit(1);
	a.sparse = map(1024, MAP_PRIVATE | MAP_ANONYMOUS);
	a.untouched = map(16, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
	a.secret = map(16, MAP_PRIVATE | MAP_ANONYMOUS);
	a.unsecret = map(16, MAP_PRIVATE | MAP_ANONYMOUS);
	a.shared = map(512, MAP_SHARED | MAP_ANONYMOUS);
	a.zeros = map(16, MAP_PRIVATE | MAP_ANONYMOUS);
	a.out = map(16, MAP_PRIVATE | MAP_ANONYMOUS);
	a.sealed = map(16, MAP_PRIVATE | MAP_ANONYMOUS);
	a.file = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	a.file_shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	/* Rights that differ keep them apart. */
	mprotect(a.untouched, 16 * PAGE, PROT_READ);
	mprotect(a.zeros, 16 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void die_with_areas(long filter)
{
	char number[20];

	if (filter >= 0) {
		snprintf(number, sizeof(number), "%#lx", filter);
		put(FILTER, number);
	}
	strcpy(a.sparse + 700 * PAGE + 100, "here");
	memset(a.secret, 's', 16 * PAGE);
	madvise(a.secret, 16 * PAGE, MADV_DONTDUMP);
	memset(a.unsecret, 'u', 16 * PAGE);
	madvise(a.unsecret, 16 * PAGE, MADV_DONTDUMP);
	madvise(a.unsecret, 16 * PAGE, MADV_DODUMP);
	strcpy(a.shared + 100 * PAGE, "ours");
	a.zeros[3 * PAGE] = 'z';
	memset(a.out, 'o', 16 * PAGE);
	madvise(a.out, 16 * PAGE, 21 /* MADV_PAGEOUT */);
	strcpy(a.sealed, "sealed");
	mprotect(a.sealed, 16 * PAGE, PROT_NONE);
	fault(0);
}

static void test_memory(void)
{
	check(dumped(crash(die_with_areas, -1), SIGSEGV) && read_core("core"), "a core is there");
	check(core_at(a.sparse) && !strcmp(core_at(a.sparse + 700 * PAGE + 100), "here") &&
		      all(core_at(a.sparse), 100 * PAGE, 0),
	      "private memory is in it");
	check(core_stat.st_blocks * 512 < 3 << 20 && core_size > 4 << 20,
	      "what was never touched takes no room in it");
	check(core_bytes(a.untouched) == 0 && core_bytes(a.secret) == 0,
	      "a mapping that was never touched has no bytes, nor has one under MADV_DONTDUMP");
	check(core_bytes(a.unsecret) > 0 && all(core_at(a.unsecret), 16 * PAGE, 'u'),
	      "MADV_DODUMP takes that back");
	check(core_bytes(a.shared) == 512 * PAGE && !strcmp(core_at(a.shared + 100 * PAGE), "ours"),
	      "shared memory without a name is in it");
	check(all(core_at(a.out), 16 * PAGE, 'o'), "memory that was swapped out is");
	check(core_at(a.sealed) && !strcmp(core_at(a.sealed), "sealed"),
	      "memory that could not be read any more is");
	check(core_bytes(a.file) == 0 && core_bytes(a.file_shared) == 0, "files are not");
	check(core_bytes((void *)getauxval(AT_PHDR)) == PAGE &&
		      !memcmp(core_at((void *)(getauxval(AT_PHDR) & -PAGE)), "\177ELF", 4),
	      "but for the header of the program");
	check(core_bytes((void *)getauxval(AT_SYSINFO_EHDR)) > 0 &&
		      !memcmp(core_at((void *)getauxval(AT_SYSINFO_EHDR)), "\177ELF", 4),
	      "and the vDSO");
}

static void write_file_map(long filter)
{
	a.file[PAGE] = 'w';
	die_with_areas(filter);
}

static void test_filter(void)
{
	int with;

	slurp(FILTER);
	check(!strcmp(text, "00000033\n"), "coredump_filter is 0x33");
	crash(die_with_areas, 0x31);
	with = read_core("core");
	check(with && core_bytes(a.shared) == 0 && core_bytes(a.sparse) > 0,
	      "without bit 1, no shared memory");
	crash(die_with_areas, 0x22);
	with = read_core("core");
	check(with && core_bytes(a.shared) > 0 && core_bytes(a.sparse) == 0 &&
		      core_bytes((void *)getauxval(AT_PHDR)) == 0 &&
		      core_bytes((void *)getauxval(AT_SYSINFO_EHDR)) > 0,
	      "without bits 0 and 4, no private memory, no headers; the vDSO all the same");
	crash(die_with_areas, 0x4);
	with = read_core("core");
	check(with && core_bytes(a.file) == 4 * PAGE && !memcmp(core_at(a.file), "data", 4) &&
		      core_bytes(a.file_shared) == 0,
	      "bit 2: private mappings of files, read from the disk if need be");
	crash(die_with_areas, 0x8);
	with = read_core("core");
	check(with && core_bytes(a.file) == 0 && !memcmp(core_at(a.file_shared), "data", 4),
	      "bit 3: shared ones");
	crash(write_file_map, 0x1);
	with = read_core("core");
	check(with && core_bytes(a.file) == 4 * PAGE && *core_at(a.file + PAGE) == 'w',
	      "a private one that was written to is private memory");
	put(FILTER, "0x7ff");
	slurp(FILTER);
	check(!strcmp(text, "000001ff\n"), "there are nine bits");
	crash(die_with_areas, -1);
	with = read_core("core");
	check(with && core_bytes(a.file) > 0 && core_bytes(a.file_shared) > 0,
	      "a child has them too");
	check(put(FILTER, "many") == -EINVAL && put(FILTER, "-1") == -EINVAL &&
		      put(FILTER, "0x100000000") == -ERANGE && put(FILTER, "51\n") == 3,
	      "a number it must be");
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "die")) { /* for gdb: tests/booted/test_core.py */
		core_limit(RLIM_INFINITY);
		threads(0);
	}
	mkdir(HOME, 0755);
	if (chdir(HOME))
		return 1;
	test_header();
	test_notes();
	test_threads();
	prepare();
	test_memory();
	test_filter();
	unlink("data");
	if (chdir("/") || rmdir(HOME))
		printf("# something is left in " HOME "\n");
	return checks_done();
}
