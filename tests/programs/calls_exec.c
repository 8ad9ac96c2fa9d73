/* SPDX-License-Identifier: MIT */
/*
 * calls_exec: what execve(2) makes of an ELF program, its interpreter and its headers, and what the
 * program is told. TAP. Needs argv[0] to be its path.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "make_elf.h"

#define MADE "/tmp/exec.made"
#define OTHER "/tmp/exec.other"
#define PAGE 4096UL
#define VADDR 0x10000000UL
#define KILLED 1000 /* + signal */

static const char *self;
extern char **environ;

/* Execute @path: minus the errno of execve(), the exit status, or KILLED + signal. */
static int outcome(const char *path)
{
	char *argv[] = { (char *)path, "told", NULL };
	int status;
	pid_t pid = vfork();

	if (!pid) {
		execv(path, argv);
		_exit(100 + errno);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return KILLED + WTERMSIG(status);
	return WEXITSTATUS(status) > 100 ? 100 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

/* --- interpreters and headers that are wrong --- */

static void no_interp(struct made_elf *elf)
{
	strcpy(elf->interp, "/no/such/interpreter");
	elf->phdrs[1].p_filesz = strlen(elf->interp) + 1;
}
static void empty_name(struct made_elf *elf)
{
	memset(elf->interp, 0, sizeof(elf->interp));
	elf->phdrs[1].p_filesz = 2;
}
static void directory(struct made_elf *elf)
{
	strcpy(elf->interp, "/tmp");
}
static void no_end(struct made_elf *elf)
{
	elf->phdrs[1].p_filesz--;
}
static void short_name(struct made_elf *elf)
{
	elf->phdrs[1].p_filesz = 1;
}
static void long_name(struct made_elf *elf)
{
	elf->phdrs[1].p_filesz = 4097;
}
static void beyond_the_end(struct made_elf *elf)
{
	elf->phdrs[1].p_offset = 1 << 20;
}
static void no_program(struct made_elf *elf)
{
	elf->ehdr.e_ident[3] = 'G';
}
static void relocatable(struct made_elf *elf)
{
	elf->ehdr.e_type = ET_REL;
}
static void other_machine(struct made_elf *elf)
{
	elf->ehdr.e_machine = EM_AARCH64;
}
static void odd_headers(struct made_elf *elf)
{
	elf->ehdr.e_phentsize = 32;
}
static void no_headers(struct made_elf *elf)
{
	elf->ehdr.e_phnum = 0;
}
static void headers_beyond(struct made_elf *elf)
{
	elf->ehdr.e_phoff = 1 << 20;
}
static void nothing_to_load(struct made_elf *elf)
{
	elf->phdrs[0].p_type = PT_NOTE;
}
static void file_in_excess(struct made_elf *elf)
{
	elf->phdrs[0].p_memsz = PAGE / 2;
}
static void odd_place(struct made_elf *elf)
{
	elf->phdrs[0].p_vaddr += 8;
}
static void out_of_space(struct made_elf *elf)
{
	elf->phdrs[0].p_vaddr = 0x800000000000;
}
static void entry_outside(struct made_elf *elf)
{
	elf->ehdr.e_entry = 0x800000000000;
}
static void second_interp(struct made_elf *elf)
{
	elf->phdrs[3] = elf->phdrs[1];
	elf->phdrs[3].p_filesz = 1;
}
static void own_interp(struct made_elf *elf)
{
	elf->phdrs[1] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_filesz = 1 };
}
static void unchanged(struct made_elf *elf)
{
	(void)elf;
}

struct bad {
	const char *what;
	void (*spoil)(struct made_elf *elf);
	int outcome;
};

static void judge(const struct bad *bad, size_t count, const char *whose, int type, bool as_interp)
{
	struct made_elf elf;

	for (size_t i = 0; i < count; i++) {
		char text[100];
		int got;

		make_elf(&elf, ET_EXEC, VADDR, OTHER);
		write_elf(MADE, &elf, sizeof(elf));
		make_elf(&elf, type, type == ET_EXEC ? 2 * VADDR : 0, as_interp ? NULL : self);
		bad[i].spoil(&elf);
		write_elf(as_interp ? OTHER : MADE, &elf, sizeof(elf));
		got = outcome(MADE);
		snprintf(text, sizeof(text), "%s%s: %d", whose, bad[i].what, bad[i].outcome);
		if (!check(got == bad[i].outcome, text))
			printf("# it was %d\n", got);
	}
}

static void bad_programs(void)
{
	static const struct bad bad[] = {
		{ "as it should be", unchanged, 0 },
		{ "an interpreter that is not there", no_interp, -ENOENT },
		{ "an interpreter without a name", empty_name, -EACCES },
		{ "a directory as interpreter", directory, -EACCES },
		{ "a name without its NUL", no_end, -ENOEXEC },
		{ "a name of one byte", short_name, -ENOEXEC },
		{ "a name of more than a page", long_name, -ENOEXEC },
		{ "a name beyond the file's end", beyond_the_end, -EIO },
		{ "a second, bad interpreter", second_interp, 0 },
		{ "no ELF file", no_program, -ENOEXEC },
		{ "a relocatable file", relocatable, -ENOEXEC },
		{ "another machine's", other_machine, -ENOEXEC },
		{ "program headers of another size", odd_headers, -ENOEXEC },
		{ "no program headers", no_headers, -ENOEXEC },
		{ "program headers beyond the file's end", headers_beyond, -ENOEXEC },
		{ "more in the file than in memory", file_in_excess, KILLED + SIGSEGV },
		{ "an address that does not fit the offset", odd_place, KILLED + SIGSEGV },
		{ "an address that users cannot have", out_of_space, KILLED + SIGSEGV },
	};

	judge(bad, sizeof(bad) / sizeof(bad[0]), "", ET_EXEC, false);
}

static void bad_interpreters(void)
{
	static const struct bad bad[] = {
		{ "as it should be", unchanged, 7 },
		{ "a bad interpreter of its own", own_interp, 7 },
		{ "no ELF file", no_program, -ELIBBAD },
		{ "a relocatable file", relocatable, KILLED + SIGSEGV },
		{ "another machine's", other_machine, -ELIBBAD },
		{ "program headers of another size", odd_headers, -ELIBBAD },
		{ "no program headers", no_headers, -ELIBBAD },
		{ "program headers beyond the file's end", headers_beyond, -ELIBBAD },
		{ "nothing to load", nothing_to_load, KILLED + SIGSEGV },
		{ "more in the file than in memory", file_in_excess, KILLED + SIGSEGV },
		{ "an entry that users cannot have", entry_outside, KILLED + SIGSEGV },
	};

	judge(bad, sizeof(bad) / sizeof(bad[0]), "its interpreter: ", ET_EXEC, true);
	judge(bad, sizeof(bad) / sizeof(bad[0]), "one that may lie anywhere: ", ET_DYN, true);
}

static void odd_interpreters(void)
{
	struct made_elf elf;
	int fd;

	make_elf(&elf, ET_EXEC, VADDR, OTHER);
	write_elf(MADE, &elf, sizeof(elf));
	make_elf(&elf, ET_DYN, 0, NULL);
	write_elf(OTHER, &elf, 63);
	check(outcome(MADE) == -EIO, "an interpreter shorter than its header: EIO");
	write_elf(OTHER, (struct made_elf *)memset(&elf, '#', sizeof(elf)), 100);
	check(outcome(MADE) == -ELIBBAD, "a script as interpreter: ELIBBAD");
	make_elf(&elf, ET_DYN, 0, NULL);
	write_elf(OTHER, &elf, sizeof(elf));
	chmod(OTHER, 0644);
	check(outcome(MADE) == -EACCES, "an interpreter that nobody may execute: EACCES");
	chmod(OTHER, 0755);
	fd = open(OTHER, O_WRONLY);
	check(outcome(MADE) == -ETXTBSY, "an interpreter that is being written: ETXTBSY");
	close(fd);
	check(outcome(MADE) == 7 && outcome(OTHER) == 7, "it runs, and by itself too");
	make_elf(&elf, ET_DYN, 0, "exec.other");
	write_elf(MADE, &elf, sizeof(elf));
	check(outcome(MADE) == -ENOENT, "a relative name begins at the working directory,");
	check(!chdir("/tmp") && outcome(MADE) == 7 && !chdir("/"), "wherever that is");
}

/* --- what a program is told --- */

/* Where the kernel put it: behind the environment. */
static const unsigned long *auxv(void)
{
	char **p = environ;

	while (*p++)
		;
	return (const unsigned long *)p;
}

static bool auxv_order(void)
{
	static const unsigned long order[] = {
		AT_SYSINFO_EHDR, 51 /* AT_MINSIGSTKSZ */,
		AT_HWCAP,        AT_PAGESZ,
		AT_CLKTCK,       AT_PHDR,
		AT_PHENT,        AT_PHNUM,
		AT_BASE,         AT_FLAGS,
		AT_ENTRY,        AT_UID,
		AT_EUID,         AT_GID,
		AT_EGID,         AT_SECURE,
		AT_RANDOM,       26 /* AT_HWCAP2 */,
		AT_EXECFN,       AT_PLATFORM,
		AT_NULL,
	};
	const unsigned long *p = auxv(), *want = order;

	if (*p != AT_SYSINFO_EHDR) /* where the clock allows none */
		want++;
	for (; *p && *p == *want; p += 2)
		want++;
	return *p == *want;
}

static bool stack_is(const char *rights)
{
	char line[256];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]"))
			found = strstr(line, rights);
	fclose(maps);
	return found;
}

/* Entered in the place of the program MADE, or by itself. A bit for each thing that is wrong. */
static int told(void)
{
	const struct made_elf *elf = (const void *)(getauxval(AT_PHDR) - sizeof(Elf64_Ehdr));
	const char *name = (const char *)getauxval(AT_EXECFN);
	bool fits = !memcmp(elf->ehdr.e_ident, ELFMAG, SELFMAG) &&
		    getauxval(AT_ENTRY) % PAGE == elf->ehdr.e_entry % PAGE &&
		    getauxval(AT_PHNUM) == MADE_PHDRS && getauxval(AT_PHENT) == sizeof(Elf64_Phdr);

	return (fits ? 0 : 1) | (getauxval(AT_BASE) == 0 ? 0 : 2) | (!strcmp(name, MADE) ? 0 : 4) |
	       (auxv_order() ? 0 : 8) |
	       (stack_is(elf->phdrs[2].p_flags & PF_X ? "rwxp" : "rw-p") ? 0 : 16) |
	       ((unsigned long)elf % elf->phdrs[0].p_align ? 32 : 0);
}

static void it_is_told(void)
{
	struct made_elf elf;

	make_elf(&elf, ET_DYN, 0, self);
	write_elf(MADE, &elf, sizeof(elf));
	check(outcome(MADE) == 0, "the interpreter is told where the program lies");
	elf.phdrs[0].p_align = 1 << 21;
	write_elf(MADE, &elf, sizeof(elf));
	check(outcome(MADE) == 0, "which lies as its alignment asks");
	elf.phdrs[2].p_flags |= PF_X;
	write_elf(MADE, &elf, sizeof(elf));
	check(outcome(MADE) == 0, "and has an executable stack if it asks");
	make_elf(&elf, ET_DYN, 0, NULL);
	elf.phdrs[0].p_align = 1 << 21;
	write_elf(MADE, &elf, sizeof(elf));
	check(outcome(MADE) == 7, "one of large alignment without interpreter runs");
	check(auxv_order(), "the auxiliary vector is in order");
	check((getauxval(AT_RANDOM) + 16 + 7) % 16 == 0,
	      "random bytes and platform lie as on Linux");
	check(!strcmp((const char *)getauxval(AT_PLATFORM), "x86_64") &&
		      getauxval(AT_PLATFORM) == getauxval(AT_RANDOM) + 16,
	      "the platform behind them");
	check(getauxval(51) >= 1024 && getauxval(51) % 16 == 0,
	      "AT_MINSIGSTKSZ has a frame's size");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return told();
	bad_programs();
	bad_interpreters();
	odd_interpreters();
	it_is_told();
	unlink(MADE);
	unlink(OTHER);
	return checks_done();
}
