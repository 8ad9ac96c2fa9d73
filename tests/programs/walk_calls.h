/* SPDX-License-Identifier: MIT */
/* Steps of the walk that hand the kernel buffers in the window: pipes, vectors, small structures. */
#ifndef TESTS_PROGRAMS_WALK_CALLS_H
#define TESTS_PROGRAMS_WALK_CALLS_H

#include "walk_use.h"

#define LINK_TARGET "where/the/walk/points"

/* Empties the pipe and says what was in it. */
static void drain_pipe(void)
{
	static unsigned char data[16 * PAGE];
	ssize_t got = read(w.pipe[0], data, sizeof(data));

	if (got > 0)
		say(" pipe=%ld:%04x", (long)got,
		    (unsigned int)mix(hash_bytes(1, data, (size_t)got)) & 0xffff);
	else
		say(" pipe=empty");
}

static void fill_pipe(unsigned long len)
{
	static unsigned char data[4 * PAGE];
	uint64_t value = fresh_value();

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(value >> i % 8 * 8) + (unsigned char)i;
	if (write(w.pipe[1], data, len) != (ssize_t)len)
		say(" short fill");
}

static void step_pipe(void)
{
	unsigned long len, queued = below(4 * PAGE);
	bool reads = one_in(2);
	uintptr_t addr;

	random_buffer(&addr, &len, 4 * PAGE);
	if (reads && !writable_now(addr, len))
		return;
	if (reads) {
		fill_pipe(queued);
		say("read(pipe with %lu, %s, %s)", queued, place(addr), length(len));
		result(syscall(SYS_read, w.pipe[0], addr, len));
	} else {
		say("write(pipe, %s, %s)", place(addr), length(len));
		result(syscall(SYS_write, w.pipe[1], addr, len));
	}
	drain_pipe();
}

/* readv and writev; now and then the vector lies in the window too. */
static void step_vector(void)
{
	unsigned long how = below(4), n = how ? 1 + below(4) : 1;
	struct iovec iov[4];
	int fd = how == 0 ? w.pipe[0] : how == 1 ? w.pipe[1] : how == 2 ? w.zero : w.files[0].rw;
	uintptr_t addr;

	for (unsigned long i = 0; i < n; i++) {
		random_buffer(&addr, &iov[i].iov_len, PAGE);
		iov[i].iov_base = (void *)addr;
		read_maps();
		if (how != 1 && (behind_end(addr, iov[i].iov_len) ||
				 shows_file(addr, iov[i].iov_len, 0)))
			iov[i].iov_len = 0;
		if (one_in(30))
			iov[i].iov_len = -1UL >> below(2);
	}
	if (how == 0)
		fill_pipe(below(3 * PAGE));
	say("%s(%s", how == 1 ? "writev" : how == 3 ? "preadv" : "readv",
	    how < 2 ? "pipe" : how == 2 ? "zero" : "f0");
	for (unsigned long i = 0; i < n; i++)
		say(", %s %s", place((uintptr_t)iov[i].iov_base), length(iov[i].iov_len));
	say(")");
	result(how == 3 ? syscall(SYS_preadv, fd, iov, n, below(FILE_PAGES) * PAGE, 0)
			: syscall(how == 1 ? SYS_writev : SYS_readv, fd, iov, n));
	if (how < 2)
		drain_pipe();
}

/* Calls that write something there that is different each time, and how many bytes at most. */
static void step_clock(void)
{
	static const struct {
		const char *name;
		int nr;
		unsigned long first;
		unsigned long size;
	} calls[] = {
		{ "clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, 16 },
		{ "fstat", SYS_fstat, 0, sizeof(struct stat) },
		{ "getrusage", SYS_getrusage, RUSAGE_SELF, sizeof(struct rusage) },
		{ "pipe2", SYS_pipe2, 0, 8 },
	};
	unsigned long which = below(COUNT(calls)), size = calls[which].size, ignored;
	uintptr_t addr;
	int fds[2];
	long ret;

	random_buffer(&addr, &ignored, PAGE);
	if (one_in(2))
		addr = (addr & -PAGE) + PAGE - 1 - below(size);
	if (!writable_now(addr, size))
		return;
	say("%s(%s)", calls[which].name, place(addr));
	if (calls[which].nr == SYS_pipe2) {
		ret = result(syscall(SYS_pipe2, addr, 0));
		memcpy(fds, ret ? (void *)w.pipe : (void *)addr, sizeof(fds));
		if (!ret && (close(fds[0]) || close(fds[1])))
			say(" strange descriptors");
	} else {
		unsigned long first = calls[which].nr == SYS_fstat ? (unsigned long)w.files[0].rw
								    : calls[which].first;

		result(syscall(calls[which].nr, first, addr));
	}
	repaint(addr, size);
}

/* Calls that write the same everywhere. */
static void step_struct(void)
{
	unsigned long which = below(8), len;
	uintptr_t addr;

	random_buffer(&addr, &len, 64);
	if (one_in(3))
		addr = (addr & -PAGE) + PAGE - 1 - below(32);
	if (!writable_now(addr, 2 * PAGE))
		return;
	switch (which) {
	case 0:
		say("getcwd(%s, %lu)", place(addr), len);
		result(syscall(SYS_getcwd, addr, len));
		break;
	case 1:
		say("getrlimit(CORE, %s)", place(addr));
		result(syscall(SYS_getrlimit, RLIMIT_CORE, addr));
		break;
	case 2:
		say("getitimer(%s)", place(addr));
		result(syscall(SYS_getitimer, ITIMER_REAL, addr));
		break;
	case 3:
		say("getresuid(%s, %s, %s)", place(addr), place(addr + 4), place(addr + PAGE));
		result(syscall(SYS_getresuid, addr, addr + 4, addr + PAGE));
		break;
	case 4:
		say("readlink(%s, %lu)", place(addr), len);
		result(syscall(SYS_readlink, "walk.link", addr, len));
		break;
	case 5:
		say("rt_sigprocmask(old %s)", place(addr));
		result(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, addr, 8));
		break;
	case 6:
		say("rt_sigaction(USR2, old %s)", place(addr));
		result(syscall(SYS_rt_sigaction, SIGUSR2, NULL, addr, 8));
		break;
	default:
		say("prctl(GET_NAME, %s)", place(addr));
		result(syscall(SYS_prctl, 16, addr));
	}
}

/* Paths, written into the window and read from there. */
static void step_path(void)
{
	static const char *const paths[] = { "walk.0", "walk.none", "./../tmp/walk.1" };
	const char *path = paths[below(COUNT(paths))];
	size_t size = strlen(path) + 1;
	unsigned long ignored;
	uintptr_t addr;
	long fd;

	random_buffer(&addr, &ignored, 64);
	if (one_in(2))
		addr = (addr & -PAGE) + PAGE - 1 - below(size);
	if (!writable_now(addr, 32))
		return;
	say("open(%s at %s)", path, place(addr));
	if (!sigsetjmp(caught, 0))
		memcpy((void *)addr, path, size);
	else
		say_fault();
	fd = syscall(SYS_open, addr, O_RDONLY);
	/* A kernel may read the string in words, and so fault in the page behind it. */
	if (!sigsetjmp(caught, 0))
		(void)*(volatile unsigned char *)(addr + 32);
	if (fd >= 0)
		say(" = a descriptor");
	else
		result(fd);
	if (fd >= 0)
		close((int)fd);
}

/* Calls that read from the window what is there, or both read and write it. */
static void step_take(void)
{
	struct timespec now = { 0, 0 };
	unsigned long which = below(6), len;
	uintptr_t addr;

	random_buffer(&addr, &len, 128);
	if (one_in(3))
		addr = (addr & -PAGE) + PAGE - 1 - below(32);
	if (!writable_now(addr, PAGE))
		return;
	switch (which) {
	case 0:
		say("write(null, %s, %lu)", place(addr), len);
		result(syscall(SYS_write, w.null, addr, len));
		break;
	case 1:
		say("read(zero, %s, %s)", place(addr), length(len * 40));
		result(syscall(SYS_read, w.zero, addr, len * 40));
		break;
	case 2:
		say("poll(%s, %lu)", place(addr), len % 5);
		result(syscall(SYS_poll, addr, len % 5, 0));
		break;
	case 3:
		say("futex(%s, WAIT)", place(addr));
		result(syscall(SYS_futex, addr, one_in(2) ? 0 : 128, 0x87654321, &now, NULL, 0));
		break;
	case 4:
		say("futex(%s, WAKE)", place(addr));
		result(syscall(SYS_futex, addr, one_in(2) ? 1 : 129, 1, NULL, NULL, 0));
		break;
	default:
		say("setrlimit(CORE, %s)", place(addr));
		result(syscall(SYS_setrlimit, RLIMIT_CORE, addr));
	}
}

#endif
