/* SPDX-License-Identifier: MIT */
/*
 * probe.c - the instruments with which a process looks at its own memory. With tap.c it is the
 * small library that every program in this folder is linked with. It uses no heap, so measuring
 * does not fault pages by itself.
 */
#include "probe.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>

/* ---- pagemap ---- */

static struct pagemap_entry look(const void *addr)
{
	static int fd = -1;
	struct pagemap_entry e = { 0 };
	static pid_t owner;
	uint64_t raw = 0;

	if (fd >= 0 && owner != getpid()) { /* after fork the old file still shows the parent */
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	if (fd < 0)
		bail("open /proc/self/pagemap");
	if (pread(fd, &raw, sizeof(raw), (uintptr_t)addr / PAGE * sizeof(raw)) != sizeof(raw))
		return e;
	e.present = raw >> 63 & 1;
	e.swapped = raw >> 62 & 1;
	e.file = raw >> 61 & 1;
	e.exclusive = raw >> 56 & 1;
	e.soft_dirty = raw >> 55 & 1;
	if (e.present)
		e.pfn = raw & ((1UL << 55) - 1);
	return e;
}

struct pagemap_entry pagemap_entry(const void *addr)
{
	struct pagemap_entry e = look(addr);

	saw("pagemap:%s%s%s%s", e.present ? " present" : "", e.swapped ? " swapped" : "",
	    e.file ? " file" : "", e.exclusive ? " exclusive" : "");
	return e;
}

bool is_present(const void *addr)
{
	return pagemap_entry(addr).present;
}

bool is_swapped(const void *addr)
{
	return look(addr).swapped; /* asked until it is so, and then no part of the transcript */
}

uint64_t pfn_of(const void *addr)
{
	return look(addr).pfn;
}

size_t count_present(const void *addr, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++)
		n += look((const char *)addr + i * PAGE).present;
	saw("%zu of %zu pages present", n, pages);
	return n;
}

size_t count_swapped(const void *addr, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++)
		n += look((const char *)addr + i * PAGE).swapped;
	saw("%zu of %zu pages swapped", n, pages);
	return n;
}

bool pfns_visible(void)
{
	static char page[PAGE] __attribute__((aligned(4096))) = { 1 };

	poke(page, 1);
	return pfn_of(page) != 0;
}

/* ---- maps ---- */

/* Reads a whole file into a static buffer and ends it with a NUL. */
static char *slurp(const char *path)
{
	static char buf[64 * 1024];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bail(path);
	while (len < sizeof(buf) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = '\0';
	return buf;
}

/* Parses the maps line at *text and moves *text behind it. False at the end. */
static bool next_mapping(char **text, struct mapping *m)
{
	char *line = *text, *end = strchr(line, '\n');
	int name_at = 0;

	if (!end)
		return false;
	*end = '\0';
	*text = end + 1;
	memset(m, 0, sizeof(*m));
	sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &m->start, &m->end, m->perms, &m->offset,
	       &name_at);
	if (name_at)
		strncpy(m->name, line + name_at, sizeof(m->name) - 1);
	return true;
}

bool maps_find(const void *addr, struct mapping *m)
{
	char *text = slurp("/proc/self/maps");

	while (next_mapping(&text, m))
		if (m->start <= (uintptr_t)addr && (uintptr_t)addr < m->end) {
			saw("maps: %s %#lx %s", m->perms, m->offset, m->name);
			return true;
		}
	saw("maps: none");
	return false;
}

const char *maps_layout(const void *addr, size_t pages)
{
	static char out[512];
	char *text = slurp("/proc/self/maps");
	uintptr_t base = (uintptr_t)addr;
	struct mapping m;
	size_t len = 0;

	out[0] = '\0';
	while (next_mapping(&text, &m) && len < sizeof(out) - 64) {
		if (m.start < base || m.start >= base + pages * PAGE)
			continue;
		len += sprintf(out + len, "%s%lu-%lu %s", len ? ", " : "", (m.start - base) / PAGE,
			       (m.end - base) / PAGE, m.perms);
	}
	saw("maps: %s", out);
	return out;
}

/* ---- counters ---- */

struct faults faults(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru))
		bail("getrusage");
	return (struct faults){ ru.ru_minflt, ru.ru_majflt };
}

long faults_since(struct faults then)
{
	struct faults now = faults();

	saw("%ld minor, %ld major faults", now.minor - then.minor, now.major - then.major);
	return now.minor - then.minor + now.major - then.major;
}

long minor_since(struct faults then)
{
	struct faults now = faults();

	saw("%ld minor faults", now.minor - then.minor);
	return now.minor - then.minor;
}

int mincore_page(const void *addr)
{
	unsigned char v;
	int resident = mincore((void *)((uintptr_t)addr & -PAGE), PAGE, &v) ? -1 : v & 1;

	saw("mincore: %d", resident);
	return resident;
}

char *map_pages(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

void *map_anon(size_t pages)
{
	return map_pages(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
}

/* The number on the line that begins with `name` and the character `then`; -1 if there is none. */
static long value_of(const char *path, const char *name, char then)
{
	char *line = slurp(path);
	size_t len = strlen(name);

	for (; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, name, len) && line[len] == then)
			return atol(line + len + 1);
	return -1;
}

long meminfo_kb(const char *name)
{
	return value_of("/proc/meminfo", name, ':');
}

long status_kb(const char *name)
{
	return value_of("/proc/self/status", name, ':');
}

long vmstat(const char *name)
{
	return value_of("/proc/vmstat", name, ' ');
}

bool empty_page_cache(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	sync();
	done = write(fd, "1\n", 2) == 2;
	close(fd);
	return done;
}

/* ---- children ---- */

int run_in_child(int (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bail("fork");
	if (pid == 0)
		_exit(fn(arg));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			bail("waitpid");
	saw("child: %#x", status);
	return status;
}

int wait_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- faults caught ---- */

struct caught caught;
sigjmp_buf catch_env;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	caught = (struct caught){ sig,           si->si_code,      si->si_addr,  regs[REG_CR2],
				  regs[REG_ERR], regs[REG_TRAPNO], regs[REG_RIP] };
	siglongjmp(catch_env, 1);
}

void catch_faults(void)
{
	static char stack[4 * PAGE];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (sigaltstack(&ss, NULL) || sigaction(SIGSEGV, &sa, NULL) || sigaction(SIGBUS, &sa, NULL))
		bail("install the fault handler");
}

bool faults_with(const void *addr, char access, int sig, int code)
{
	if (CATCH() == 0) {
		if (access == 'r')
			(void)peek(addr);
		else if (access == 'w')
			poke(addr, 1);
		else
			((void (*)(void))(uintptr_t)addr)();
	}
	saw("%c: signal %d code %d at %+ld, error %#lx trap %lu", access, caught.sig, caught.code,
	    (long)((uintptr_t)caught.addr - (uintptr_t)addr), caught.err, caught.trapno);
	if (caught.sig == sig && caught.code == code && caught.addr == addr)
		return true;
	diag("%c at %p gave signal %d code %d addr %p, want %d %d", access, addr, caught.sig,
	     caught.code, caught.addr, sig, code);
	return false;
}

/* ---- files and numbers ---- */

#ifndef TMPFS_MAGIC
#define TMPFS_MAGIC 0x01021994
#endif
#ifndef RAMFS_MAGIC
#define RAMFS_MAGIC 0x858458f6
#endif

int open_scratch(char *path, size_t size, const char *dir)
{
	const char *places[] = { dir, getenv("TMPDIR"), ".", "/", "/tmp" };
	struct statfs fs;
	int fd;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (!places[i])
			continue;
		if (!statfs(places[i], &fs) &&
		    (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
			continue;
		snprintf(path, size, "%s/scratch.%d", places[i], getpid());
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (fd >= 0)
			return fd;
	}
	bail("create a scratch file (give a writable directory on a disk as argument)");
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}
