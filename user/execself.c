/* SPDX-License-Identifier: MIT */
/*
 * execself - a program that pages itself in.
 *
 * What you see: execve reads almost nothing. This file carries a table of 1 MiB, and after exec
 * none of it is there; each touch brings in its page, and with it those of its neighbours that
 * the page cache has already. A second instance maps the very same frames. Arguments, environment
 * and the auxiliary vector arrive byte for byte, and the last page of the data segment is zero
 * behind the data.
 *
 * Served by: load_elf_binary (segments become file mappings, bss tail is cleared),
 * create_elf_tables, do_read_fault with fault-around out of the page cache, do_cow_fault for
 * .data.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

#define TABLE_PAGES 256
#define FAULT_AROUND 16

struct table_page {
	unsigned number;
	unsigned char fill[PAGE - sizeof(unsigned)];
};

/* clang-format off */
#define P1(n) { (n), { [0 ... PAGE - sizeof(unsigned) - 1] = (unsigned char)((n) * 3 + 1) } }
/* clang-format on */
#define P4(n) P1(n), P1((n) + 1), P1((n) + 2), P1((n) + 3)
#define P16(n) P4(n), P4((n) + 4), P4((n) + 8), P4((n) + 12)
#define P64(n) P16(n), P16((n) + 16), P16((n) + 32), P16((n) + 48)

static const struct table_page table[TABLE_PAGES]
	__attribute__((aligned(4096))) = { P64(0), P64(64), P64(128), P64(192) };

static unsigned data_word = 0x600dda7a;
static unsigned char bss[3 * PAGE];
extern const Elf64_Ehdr __ehdr_start;
extern char edata[], end[];

/* What the second instance tells the first, through a pipe. */
struct report {
	pid_t pid;
	uint64_t text_pfn, table_pfn, data_pfn;
	unsigned char random[16];
	int bad; /* number of the first thing that did not arrive right, 0 if all did */
};

static const char *own_path(void)
{
	return (const char *)getauxval(AT_EXECFN);
}

/* An address in this program's code, in a page that has been executed. */
static void *code(void)
{
	return (void *)(uintptr_t)own_path;
}

static unsigned char *table_page(int n)
{
	return (unsigned char *)(uintptr_t)&table[n];
}

static void paged_in_on_demand(void)
{
	struct faults then;
	int wrong = 0, first = 128 & -FAULT_AROUND;
	long n;

	ok(count_present(table, TABLE_PAGES) <= 2 * FAULT_AROUND,
	   "after exec hardly any of the table's 256 pages is mapped");
	diag("%zu of %d pages mapped, %ld faults so far", count_present(table, TABLE_PAGES),
	     TABLE_PAGES, faults().minor + faults().major);
	then = faults();
	ok_eq(((volatile const struct table_page *)table_page(128))->number, 128,
	      "a read of page 128 gives its number");
	ok_eq(faults_since(then), 1, "with one fault");
	ok(is_present(table_page(128)) && pagemap_entry(table_page(128)).file,
	   "the page is there, and it is the file's");
	n = count_present(table_page(first), TABLE_PAGES - first);
	ok(n >= 1 && n < TABLE_PAGES - first,
	   "its neighbours may have come along, the whole table did not");
	diag("%ld pages from page %d on", n, first);
	then = faults();
	for (int i = 0; i < TABLE_PAGES; i++)
		wrong += ((volatile const struct table_page *)table_page(i))->number !=
				 (unsigned)i ||
			 peek(table_page(i) + PAGE - 1) != (unsigned char)(i * 3 + 1);
	n = faults_since(then);
	ok_eq(wrong, 0, "all 256 pages hold what the linker put there");
	ok(n > 0 && n < TABLE_PAGES, "for fewer faults than pages");
	diag("%ld faults", n);
	ok_eq(mincore_page(table_page(200)), 1, "mincore: resident");
	ok(faults_with(table_page(3), 'w', SIGSEGV, SEGV_ACCERR), "the table cannot be written");
	ok(faults_with(code(), 'w', SIGSEGV, SEGV_ACCERR), "nor can the code");
}

static void data_and_bss(void)
{
	static unsigned char in_file[PAGE];
	size_t tail = -(uintptr_t)edata % PAGE, nonzero = 0, kept = 0, in_bss = 0;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	int fd = open(own_path(), O_RDONLY);

	for (unsigned i = 0; i < getauxval(AT_PHNUM); i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_W &&
		    pread(fd, in_file, tail, ph[i].p_offset + ph[i].p_filesz) < 0)
			bail("read the program's own file");
	close(fd);
	for (size_t i = 0; i < tail; i++) {
		nonzero += in_file[i] != 0;
		kept += in_file[i] != 0 && peek(edata + i) == in_file[i];
	}
	ok(kept * 8 <= nonzero,
	   "the file goes on behind .data, but memory does not show it: the tail was cleared");
	for (size_t i = 0; i < sizeof(bss); i++)
		in_bss += peek(bss + i) != 0;
	ok_eq(in_bss, 0, ".bss is zero");
	for (in_bss = 0, tail = 0; tail < -(uintptr_t)end % PAGE; tail++)
		in_bss += peek(end + tail) != 0;
	ok_eq(in_bss, 0, "so is the rest of its last page");
	ok_eq(data_word, 0x600dda7a, ".data holds its initial value");
	data_word = 1;
	ok(!pagemap_entry(&data_word).file, "and its page is anonymous once written");
}

static void auxiliary_vector(void)
{
	ok_eq(getauxval(AT_PAGESZ), PAGE, "AT_PAGESZ");
	ok(getauxval(AT_PHDR) == (uintptr_t)&__ehdr_start + __ehdr_start.e_phoff,
	   "AT_PHDR points at the program headers");
	ok(getauxval(AT_PHENT) == sizeof(Elf64_Phdr) && getauxval(AT_PHNUM) == __ehdr_start.e_phnum,
	   "AT_PHENT, AT_PHNUM");
	ok(getauxval(AT_ENTRY) == __ehdr_start.e_entry, "AT_ENTRY");
	ok(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() &&
		   getauxval(AT_GID) == getgid() && getauxval(AT_SECURE) == 0,
	   "AT_UID, AT_EUID, AT_GID, AT_SECURE");
	ok(own_path() && access(own_path(), X_OK) == 0, "AT_EXECFN is a path to this program");
	ok(getauxval(AT_RANDOM) != 0, "AT_RANDOM");
}

static const char *const sent_env[] = { "ONE=1", "EMPTY=", "FAULT=page here", NULL };

/* 1 .. 255 in one string. */
static const char *every_byte(void)
{
	static char s[256];

	for (int i = 0; i < 255; i++)
		s[i] = i + 1;
	return s;
}

/* The number of the first of these claims that is false, 0 if all hold. */
static int first_wrong(int argc, char **argv, char **env)
{
	if (argc != 6 || argv[6])
		return 1;
	if (strcmp(argv[3], "") || strcmp(argv[4], every_byte()) || strcmp(argv[5], "last one"))
		return 2;
	for (int i = 0; i < 4; i++)
		if (!sent_env[i] ? env[i] != NULL : !env[i] || strcmp(env[i], sent_env[i]))
			return 3;
	if (fcntl(9, F_GETFD) >= 0 || errno != EBADF) /* was marked close-on-exec */
		return 4;
	if (signal(SIGUSR1, SIG_DFL) != SIG_DFL || signal(SIGUSR2, SIG_DFL) != SIG_IGN)
		return 5;
	if ((uintptr_t)argv % sizeof(void *) || !getauxval(AT_RANDOM))
		return 6;
	return 0;
}

static int second_instance(int argc, char **argv, char **env)
{
	struct report r = { .pid = getpid(), .bad = first_wrong(argc, argv, env) };

	(void)peek(table_page(77));
	r.text_pfn = pfn_of(code());
	r.table_pfn = pfn_of(table_page(77));
	r.data_pfn = pfn_of(&data_word);
	memcpy(r.random, (void *)getauxval(AT_RANDOM), 16);
	return write(atoi(argv[2]), &r, sizeof(r)) == sizeof(r) ? 42 : 1;
}

static void a_handler(int sig)
{
	(void)sig;
}

static pid_t start_second(int out)
{
	char fd[16];
	char *argv[] = { "execself", "--second", fd, "", (char *)every_byte(), "last one", NULL };
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", out);
	pid = fork();
	if (pid)
		return pid;
	dup2(out, 9);
	fcntl(9, F_SETFD, FD_CLOEXEC);
	signal(SIGUSR1, a_handler);
	signal(SIGUSR2, SIG_IGN);
	execve(own_path(), argv, (char **)sent_env);
	_exit(99);
}

static void run_again(void)
{
	struct report r = { 0 };
	int ends[2], status;
	pid_t pid;

	if (pipe(ends))
		bail("pipe");
	pid = start_second(ends[1]);
	close(ends[1]);
	ok_eq(read(ends[0], &r, sizeof(r)), sizeof(r),
	      "a second instance of this program runs and reports");
	close(ends[0]);
	waitpid(pid, &status, 0);
	ok_eq(wait_code(status), 42, "its exit status arrives");
	ok(r.pid == pid, "exec kept the process id");
	ok_eq(r.bad, 0,
	      "arguments (one empty, one of all 255 bytes), environment, handlers are right");
	ok(memcmp(r.random, (void *)getauxval(AT_RANDOM), 16) != 0, "AT_RANDOM differs from ours");
	if (!pfns_visible()) {
		skip("code and table are shared", "only root sees frame numbers");
		return;
	}
	ok(r.text_pfn && r.text_pfn == pfn_of(code()), "its code is the same frame as ours");
	ok(r.table_pfn && r.table_pfn == pfn_of(table_page(77)), "so is its table");
	ok(r.data_pfn != pfn_of(&data_word), "its data is not");
}

static int exec_errno(const char *file, char **argv)
{
	char *none[] = { NULL };

	execve(file, argv ? argv : none, none);
	return errno;
}

static void refusals(void)
{
	static char huge[129 * 1024];
	char path[256], *too_long[] = { "x", huge, NULL };
	int fd = open_scratch(path, sizeof(path), NULL);

	memset(huge, 'a', sizeof(huge) - 1);
	ok_eq(exec_errno("/no/such/program", NULL), ENOENT, "exec of nothing: ENOENT");
	ok_eq(exec_errno("/", NULL), EACCES, "of a directory: EACCES");
	ok_eq(exec_errno(path, NULL), EACCES, "of a file without x: EACCES");
	if (write(fd, "\177ELF, or is it?", 15) != 15 || fchmod(fd, 0700))
		bail("write a bad program");
	close(fd);
	ok_eq(exec_errno(path, NULL), ENOEXEC,
	      "of a file that only begins like a program: ENOEXEC");
	ok_eq(exec_errno(own_path(), too_long), E2BIG, "one argument of more than 128 KiB: E2BIG");
	unlink(path);
}

int main(int argc, char **argv, char **env)
{
	if (argc > 1 && !strcmp(argv[1], "--second"))
		return second_instance(argc, argv, env);
	catch_faults();
	paged_in_on_demand();
	data_and_bss();
	auxiliary_vector();
	run_again();
	refusals();
	return tap_done();
}
