/* SPDX-License-Identifier: MIT */
/*
 * bench_ops.h - a part of bench.c: the operations. One call is a round: it prepares memory, times
 * the operation as often as it can and keeps the samples.
 */
#ifndef USER_BENCH_OPS_H
#define USER_BENCH_OPS_H

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "bench_timing.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* ---- Faults: each round gives samples -------------------------------------------------------- */

static void anon_write(void)
{
	time_writes(fresh(BATCH), BATCH);
}

static void anon_read(void)
{
	time_reads(fresh(BATCH), BATCH);
}

static void zero_page_write(void)
{
	unsigned char *p = fresh(BATCH);

	read_all(p, BATCH);
	time_writes(p, BATCH);
}

static void cow_copy(void)
{
	unsigned char *p = fresh(BATCH);
	int gate[2];
	pid_t pid;

	write_all(p, BATCH);
	must(pipe(gate) == 0, "pipe");
	pid = child(gate);
	time_writes(p, BATCH);
	end_child(pid, gate);
}

static void cow_reuse(void)
{
	unsigned char *p = fresh(BATCH);
	pid_t pid;

	write_all(p, BATCH);
	pid = child(NULL);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	time_writes(p, BATCH);
}

/* All pages in one go, less the same loop when there is nothing to fault any more. */
static void file_read_seq(void)
{
	unsigned char *p = fresh_file(PROT_READ, MAP_SHARED);
	uint64_t start = clock_begin(), took, again;

	read_all(p, FILE_PAGES);
	took = clock_end() - start;
	start = clock_begin();
	read_all(p, FILE_PAGES);
	again = clock_end() - start;
	samples[count++] = (took > again ? took - again : 0) / FILE_PAGES;
}

static void file_private_write(void)
{
	time_writes(fresh_file(RW, MAP_PRIVATE), FILE_PAGES);
}

static void file_shared_write(void)
{
	time_writes(fresh_file(RW, MAP_SHARED), FILE_PAGES);
}

/* The pages of the file are clean before: the file system is asked for room on the disk. */
static void file_shared_clean(void)
{
	munmap(arena, FILE_PAGES * PAGE);
	must(fsync(file) == 0, "fsync");
	file_shared_write();
}

/* A page of shared anonymous memory that is there, but not mapped any more: no file system. */
static void shmem_write(void)
{
	unsigned char *p = map_at(arena, BATCH, RW, MAP_SHARED | MAP_ANONYMOUS, -1);

	write_all(p, BATCH);
	madvise(p, BATCH * PAGE, MADV_DONTNEED);
	time_writes(p, BATCH);
}

/* The page is in the swap area, but still in memory too. */
static void swap_cache(void)
{
	unsigned char *p = fresh(BATCH);

	write_all(p, BATCH);
	madvise(p, BATCH * PAGE, MADV_PAGEOUT);
	for (unsigned long i = 0; i < BATCH; i++)
		if (pagemap_entry(p + i * PAGE).swapped)
			TIMED((void)peek(p + i * PAGE));
}

/* A line of /proc/meminfo in bytes, 0 when there is no such line. */
static unsigned long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[80];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			sscanf(line + strlen(name), ": %lu", &kib);
	if (f)
		fclose(f);
	return kib << 10;
}

/*
 * The page has to be read from the disk: the first ones written of more than there is room for. The
 * time holds the wait for the disk. Where RAM is large or swap small there are no samples.
 */
static void swap_in(void)
{
	unsigned long over = 16UL << 20, pages = (meminfo("MemAvailable") + over) / PAGE;
	unsigned char *p, resident;

	if (pages > (256UL << 20) / PAGE || meminfo("SwapFree") < 2 * over)
		return;
	p = fresh(pages);
	write_all(p, pages);
	for (unsigned long i = 0; i < over / PAGE; i++)
		if (mincore(p + i * PAGE, PAGE, &resident) == 0 && !(resident & 1))
			TIMED((void)peek(p + i * PAGE));
	munmap(p, pages * PAGE);
}

static volatile sig_atomic_t segvs;

/* The faulting instruction is `movb $1, (%rax)`, three bytes long: go on behind it. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
	segvs++;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}

static void sigsegv(void)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	unsigned char *p = map_at(arena, 1, PROT_NONE, PRIVATE, -1);
	int before = segvs;

	sigaction(SIGSEGV, &sa, NULL);
	for (int i = 0; i < 16; i++)
		TIMED(asm volatile("movb $1, (%%rax)" : : "a"(p) : "memory"));
	signal(SIGSEGV, SIG_DFL);
	must(segvs == before + 16, "SIGSEGV");
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* One call that splits the mapping, one that merges it again. */
static void mprotect_split(void)
{
	unsigned char *p = fresh(BATCH), *middle = p + 50 * PAGE;

	write_all(p, BATCH);
	for (int i = 0; i < 16; i++)
		TIMED_FOR(2, mprotect(middle, PAGE, PROT_READ); mprotect(middle, PAGE, RW));
}

static void mmap_pair(void)
{
	void *p;

	for (int i = 0; i < 16; i++)
		TIMED(p = mmap(NULL, PAGE, PROT_READ, PRIVATE, -1, 0); munmap(p, PAGE));
}

static void fork_exit_wait(void)
{
	pid_t pid;

	munmap(arena, BATCH * PAGE);
	for (int i = 0; i < 4; i++)
		TIMED(pid = fork(); if (!pid) _exit(0); waitpid(pid, NULL, 0));
}

/* A program of a few pages from the page cache; its line goes nowhere. */
static void fork_exec_wait(void)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid;

	munmap(arena, BATCH * PAGE);
	for (int i = 0; i < 4; i++) {
		TIMED(pid = fork(); if (!pid) {
			dup2(nowhere, 1);
			execl("/bin/hello", "hello", NULL);
			_exit(127);
		} waitpid(pid, &status, 0));
		must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "/bin/hello");
	}
	close(nowhere);
}

static void clock_call(void)
{
	struct timespec ts;

	for (int i = 0; i < 16; i++)
		TIMED(clock_gettime(CLOCK_MONOTONIC, &ts));
}

static void stat_path(void)
{
	struct stat st;

	for (int i = 0; i < 16; i++)
		TIMED(must(stat("/bin/hello", &st) == 0, "stat"));
}

static void open_close(void)
{
	int fd;

	for (int i = 0; i < 16; i++)
		TIMED(fd = open("/bin/hello", O_RDONLY); close(fd));
}

static void getppid_call(void)
{
	for (int i = 0; i < 16; i++)
		TIMED(getppid());
}

static void brk_pair(void)
{
	long end = syscall(SYS_brk, 0);

	for (int i = 0; i < 16; i++)
		TIMED(syscall(SYS_brk, end + 2 * PAGE); syscall(SYS_brk, end));
}

static void read_page(void)
{
	static char buffer[PAGE] __attribute__((aligned(4096)));

	for (int i = 0; i < 16; i++)
		TIMED(must(pread(file, buffer, PAGE, i * PAGE) == PAGE, "pread"));
}

static void write_page(void)
{
	static char buffer[PAGE] __attribute__((aligned(4096)));

	for (int i = 0; i < 16; i++)
		TIMED(must(pwrite(file, buffer, PAGE, i * PAGE) == PAGE, "pwrite"));
}

static void echo(int from, int to)
{
	char c;

	while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
		;
	_exit(0);
}

static void pipe_ping(void)
{
	int there[2], back[2];
	pid_t pid;
	char c = 0;

	must(pipe(there) == 0 && pipe(back) == 0, "pipe");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		close(there[1]);
		echo(there[0], back[1]);
	}
	for (int i = 0; i < 16; i++)
		TIMED((void)!write(there[1], &c, 1); (void)!read(back[0], &c, 1));
	close(back[1]);
	close(back[0]);
	end_child(pid, there);
}

/* ---- Calls over many pages: one sample each, over @pages pages ------------------------------- */

static void fork_pages(unsigned long pages)
{
	int gate[2];
	pid_t pid;

	write_all(fresh(pages), pages);
	must(pipe(gate) == 0, "pipe");
	TIMED(pid = child(gate));
	end_child(pid, gate);
	munmap(arena, pages * PAGE);
}

static void munmap_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(munmap(arena, pages * PAGE));
}

static void dontneed_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(madvise(arena, pages * PAGE, MADV_DONTNEED));
	munmap(arena, pages * PAGE);
}

static void mprotect_pages(unsigned long pages)
{
	write_all(fresh(pages), pages);
	TIMED(mprotect(arena, pages * PAGE, PROT_READ));
	munmap(arena, pages * PAGE);
}

/* To an address that differs within the 2 MiB, so that no table can be moved as a whole. */
static void mremap_pages(unsigned long pages)
{
	unsigned char *to = arena + (32UL << 20) + 8 * PAGE;

	write_all(fresh(pages), pages);
	TIMED(must(mremap(arena, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
			   to,
		   "mremap"));
	munmap(to, pages * PAGE);
}

/* ---- Faults among many mappings -------------------------------------------------------------- */

/*
 * Times @touch in VICTIMS of the mappings of -v, one from each equal share of them, in no order;
 * the same in each round. All lose their page first, so that the last mapping the kernel looked at
 * is another one than that of the fault.
 */
static void touch_victims(void (*touch)(unsigned char *p))
{
	unsigned long n = vmas < VICTIMS ? vmas : VICTIMS, share = vmas / n;
	static unsigned char *victims[VICTIMS];
	uint64_t random = 88172645463325252;

	for (unsigned long i = 0; i < n; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		victims[i * 97 % n] = many_vmas + (i * share + random % share) * 2 * PAGE;
	}
	for (unsigned long done = 0; done < VICTIMS; done += n) {
		for (unsigned long i = 0; i < n; i++)
			madvise(victims[i], PAGE, MADV_DONTNEED);
		for (unsigned long i = 0; i < n; i++)
			TIMED(touch(victims[i]));
	}
}

static void make_vmas(void)
{
	for (unsigned long i = 0; i < vmas; i++)
		map_at(many_vmas + i * 2 * PAGE, 1, RW, PRIVATE, -1);
	/* The page tables stay, as the arena's do: one page in each 2 MiB is there for good. */
	for (unsigned long i = 0; i < vmas; i += 256)
		poke(many_vmas + i * 2 * PAGE, 1);
}

static void write_one(unsigned char *p)
{
	poke(p, 1);
}

static void read_one(unsigned char *p)
{
	(void)peek(p);
}

static void vmas_write(void)
{
	touch_victims(write_one);
}

static void vmas_read(void)
{
	touch_victims(read_one);
}

#endif
