/* SPDX-License-Identifier: MIT */
/*
 * calls_remote: memory of another process: process_vm_readv, process_vm_writev and /proc/PID/mem. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"
#include "tap.h"

#define PAGES 12

/* Parent and child have the same addresses; what the child does it tells by a byte. */
static char *area;
static int to_child[2], from_child[2];
static pid_t child;

static char *page(int n)
{
	return area + n * PAGE;
}

static void tell(int fd, char what)
{
	if (write(fd, &what, 1) != 1)
		_exit(3);
}

static char hear(int fd)
{
	char what = 0;

	return read(fd, &what, 1) == 1 ? what : 0;
}

/* What the child, who is asked with a byte each time, says of its memory. */
static char ask(char what)
{
	tell(to_child[1], what);
	return hear(from_child[0]);
}

static int child_main(void)
{
	for (;;) {
		switch (hear(to_child[0])) {
		case 'a': /* the byte that was written into untouched memory */
			tell(from_child[1], page(1)[5]);
			break;
		case 'r': /* and into what it may only read */
			tell(from_child[1], page(2)[0]);
			break;
		case 'f': /* fork's copy is the child's own: its parent keeps its contents */
			tell(from_child[1], page(0)[0]);
			break;
		case 'w': /* it may not write what was written for it */
			tell(from_child[1],
			     faults_with(page(2), 'w', SIGSEGV, SEGV_ACCERR) ? 'y' : 'n');
			break;
		case 'o':
			mprotect(page(2), PAGE, PROT_READ | PROT_WRITE);
			page(2)[1] = 'o';
			tell(from_child[1], page(2)[0]);
			break;
		case 'u':
			if (setgid(1000) || setuid(1000))
				_exit(4);
			tell(from_child[1], 'u');
			break;
		default:
			_exit(7);
		}
	}
}

static void start_child(void)
{
	if (pipe(to_child) || pipe(from_child))
		bail("pipe");
	child = fork();
	if (child < 0)
		bail("fork");
	if (!child) {
		close(to_child[1]);
		catch_faults();
		child_main();
	}
	close(to_child[0]);
	close(from_child[1]);
}

static ssize_t get(void *to, const void *from, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)from, len };

	return process_vm_readv(child, &local, 1, &remote, 1, 0);
}

static ssize_t put(void *to, const void *from, size_t len)
{
	struct iovec local = { (void *)from, len }, remote = { to, len };

	return process_vm_writev(child, &local, 1, &remote, 1, 0);
}

static void test_copies(void)
{
	char buf[3 * PAGE];

	page(0)[0] = 'p'; /* after fork: the parent's own */
	ok_eq(get(buf, page(0), PAGE), PAGE, "process_vm_readv of a page");
	ok(buf[0] == 'c', "gives the other process's contents, not ours");
	ok_eq(put(page(0), "d", 1), 1, "process_vm_writev of a byte");
	ok(ask('f') == 'd' && page(0)[0] == 'p', "changes the other process and not us");
	memset(buf, 1, sizeof(buf));
	ok_eq(get(buf, page(5), 2 * PAGE), 2 * PAGE, "reads memory that nobody touched");
	ok(!buf[0] && !buf[2 * PAGE - 1], "as zeroes");
	ok_eq(put(page(1) + 5, "e", 1), 1, "writes to memory that nobody touched");
	ok(ask('a') == 'e', "and the process finds it there");
	ok_eq(get(buf, page(0) + 100, 2 * PAGE), 2 * PAGE, "a piece may lie across pages");
	ok(buf[PAGE - 100 + 5] == 'e', "at the right place");
}

static void test_partial(void)
{
	char buf[3 * PAGE];
	struct iovec local[2] = { { buf, 10 }, { buf + 10, 3 * PAGE - 10 } };
	struct iovec remote[3] = { { page(0), 7 }, { page(0), 0 }, { page(1), 8 } };

	ok_eq(process_vm_readv(child, local, 2, remote, 3, 0), 15,
	      "vectors of unlike pieces: as many bytes as the shorter one has");
	ok(buf[0] == 'd' && buf[12] == 'e', "in order");
	ok_eq(get(buf, page(3) - 10, 20), 10,
	      "a read ends at a page without the right, with what it has");
	ok_errno(get(buf, page(3), 1), EFAULT, "and fails with EFAULT when it has nothing");
	ok_errno(put(page(2), "x", 1), EFAULT, "a write to read-only memory is EFAULT");
	ok_errno(get(buf, page(4), 1), EFAULT, "so is a read of what is not mapped");
	ok_errno(get(buf, page(11), 1), EFAULT, "and of a file's page beyond its end");
	ok_eq(get(page(8) - 5, page(0), 10), 5, "our own bad address cuts it short, too");
	ok_errno(get(page(8), page(0), 10), EFAULT, "or is EFAULT");
	ok_errno(get(buf, (void *)-4096UL, 10), EFAULT, "a kernel address is EFAULT");
	local[0].iov_base = (void *)-4096UL;
	ok_errno(process_vm_readv(child, local, 2, remote, 1, 0), EFAULT,
		 "ours is refused before anything is copied");
}

static void test_refused(void)
{
	char buf[16];
	struct iovec vec[2] = { { buf, 4 }, { buf, 4 } }, there = { page(0), 4 };
	struct iovec wrong = { buf, (size_t)-1 };
	static struct iovec many[IOV_MAX + 1];

	ok_errno(process_vm_readv(child, vec, 1, &there, 1, 1), EINVAL, "flags are none");
	ok_errno(process_vm_readv(child, many, IOV_MAX + 1, &there, 1, 0), EINVAL,
		 "a local vector has %d pieces at most", IOV_MAX);
	ok_errno(process_vm_readv(child, vec, 1, many, IOV_MAX + 1, 0), EINVAL,
		 "and so has a remote one");
	ok_errno(process_vm_readv(child, &wrong, 1, &there, 1, 0), EINVAL,
		 "a length is not negative");
	ok_errno(process_vm_readv(child, vec, 1, &wrong, 1, 0), EINVAL, "nor is a remote one");
	ok_errno(process_vm_readv(child, (void *)8, 1, &there, 1, 0), EFAULT,
		 "the vector itself is read");
	ok_errno(process_vm_readv(child, vec, 1, (void *)8, 1, 0), EFAULT, "and the remote one");
	ok_eq(process_vm_readv(99999, vec, 0, &there, 1, 0), 0, "nothing to copy is no error");
	ok_eq(process_vm_readv(99999, vec, 1, &there, 0, 0), 0, "on either side");
	there.iov_len = 0;
	ok_eq(process_vm_readv(child, vec, 1, &there, 1, 0), 0, "nor is an empty piece");
	there.iov_len = 4;
	ok_errno(process_vm_readv(99999, vec, 1, &there, 1, 0), ESRCH, "who is not there is ESRCH");
}

static int open_mem(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	return open(path, O_RDWR);
}

static void test_mem_file(void)
{
	int fd = open_mem();
	char buf[2 * PAGE];

	if (!ok(fd >= 0, "/proc/PID/mem opens for its parent"))
		return;
	ok_eq(pread(fd, buf, 2, (off_t)(unsigned long)page(0)), 2, "it is read by address");
	ok(buf[0] == 'd', "and shows what is there");
	ok(lseek(fd, (off_t)(unsigned long)page(1), SEEK_SET) == (off_t)(unsigned long)page(1),
	   "lseek goes to an address");
	ok_eq(read(fd, buf, PAGE), PAGE, "and read goes on from there");
	ok(lseek(fd, 0, SEEK_CUR) == (off_t)(unsigned long)page(2), "position and all");
	ok_errno(lseek(fd, 0, SEEK_END), EINVAL, "there is no end to seek from");
	lseek(fd, LONG_MAX, SEEK_SET);
	ok(lseek(fd, 4097, SEEK_CUR) == LONG_MIN + 4096, "positions wrap to the kernel's half");
	ok_errno(read(fd, buf, 1), EIO, "where nothing is read");
	lseek(fd, -4, SEEK_SET);
	ok_errno(read(fd, buf, 4), EOVERFLOW, "nor where they end");
	ok_errno(pread(fd, buf, 1, -4096), EINVAL, "pread takes none from there");
	ok_errno(pread(fd, buf, 1, (off_t)(unsigned long)page(4)), EIO, "nothing mapped is EIO");
	ok_eq(pread(fd, buf, 2 * PAGE, (off_t)(unsigned long)page(3)), PAGE,
	      "memory without any right is read all the same, up to what is not mapped");
	ok_eq(pwrite(fd, "f", 1, (off_t)(unsigned long)page(2)), 1,
	      "read-only private memory is written");
	ok(ask('r') == 'f', "which its owner sees");
	ok(ask('w') == 'y', "and may not do itself");
	ok(ask('o') == 'f', "until mprotect allows it, with what was written still there");
	ok_errno(pwrite(fd, "g", 1, (off_t)(unsigned long)page(9)), EIO,
		 "a shared read-only mapping of a file is not");
	close(fd);
}

/* The text of a program is a private mapping: who writes to it gets a copy of the page. */
static void test_text(void)
{
	char byte = *(char *)(unsigned long)child_main, other = (char)(byte ^ 1), now;
	int fd = open_mem();

	ok_errno(put((void *)(unsigned long)child_main, &other, 1), EFAULT,
		 "process_vm_writev does not write to program text");
	/* Put back before the child, which waits, runs it. */
	ok_eq(pwrite(fd, &other, 1, (off_t)(unsigned long)child_main), 1, "/proc/PID/mem does");
	ok(get(&now, (void *)(unsigned long)child_main, 1) == 1 && now == other, "in a copy");
	ok(*(char *)(unsigned long)child_main == byte, "that only this process has");
	ok_eq(pwrite(fd, &byte, 1, (off_t)(unsigned long)child_main), 1,
	      "and may be written again");
	close(fd);
}

static int as_nobody(void *arg)
{
	char buf[4], path[64];
	int code = 0;

	(void)arg;
	if (setgid(1000) || setuid(1000))
		return 9;
	if (get(buf, page(0), 4) != -1 || errno != EPERM)
		code |= 1;
	if (open_mem() >= 0 || errno != EACCES)
		code |= 2;
	snprintf(path, sizeof(path), "/proc/%d/smaps", child);
	if (open(path, O_RDONLY) >= 0 || errno != EACCES)
		code |= 4;
	return code;
}

static int as_same_user(void *arg)
{
	char buf[4];

	(void)arg;
	if (setgid(1000) || setuid(1000))
		return 9;
	return get(buf, page(0), 4) == -1 && errno == EPERM ? 0 : 1;
}

static void test_rights(void)
{
	ok_eq(wait_code(run_in_child(as_nobody, NULL)), 0, "a stranger may neither copy nor open");
	ok(ask('u') == 'u', "a process that has become somebody else");
	ok_eq(wait_code(run_in_child(as_same_user, NULL)), 0,
	      "is out of reach even for the same user: it cannot be dumped");
	ok_eq(get(page(0), page(0), 1), 1, "but not for root");
}

static long advise(int pidfd, void *addr, size_t len, int advice)
{
	struct iovec vec = { addr, len };

	return syscall(440, pidfd, &vec, 1UL, advice, 0U);
}

static void test_madvise(void)
{
	int pidfd = (int)syscall(434, child, 0);

	if (!ok(pidfd >= 0, "a descriptor of the child"))
		return;
	ok_eq(advise(pidfd, page(0), 2 * PAGE, 20 /* COLD */), 2 * PAGE,
	      "process_madvise gives another process advice");
	ok_eq(advise(pidfd, page(0), 2 * PAGE, 21 /* PAGEOUT */), 2 * PAGE, "of several kinds");
	ok_errno(advise(pidfd, page(0), PAGE, MADV_DONTNEED), EINVAL,
		 "but none that takes contents away");
	ok_errno(advise(pidfd, page(4), PAGE, 20), ENOMEM, "nor where nothing is mapped");
	ok_errno(advise(0, page(0), PAGE, 20), EBADF, "the descriptor is a process's");
	ok_errno(syscall(440, pidfd, NULL, 0UL, 20, 1U), EINVAL, "flags are none");
	close(pidfd);
}

static void test_gone(void)
{
	int fd = open_mem();
	char buf[4];

	kill(child, SIGKILL);
	ok_eq(waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT), 0, "a process dies");
	ok_errno(get(buf, page(0), 4), ESRCH, "its memory is gone, though it was not waited for");
	ok_eq(pread(fd, buf, 4, (off_t)(unsigned long)page(0)), 0,
	      "an open mem file is empty then");
	close(fd);
	waitpid(child, NULL, 0);
	ok_errno(get(buf, page(0), 4), ESRCH, "and then so is its number");
}

int main(void)
{
	int file = open("/proc/self/exe", O_RDONLY);

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || file < 0)
		bail("mmap");
	page(0)[0] = 'c';
	mprotect(page(2), PAGE, PROT_READ);
	mprotect(page(3), PAGE, PROT_NONE);
	munmap(page(4), PAGE);
	munmap(page(8), PAGE);
	mmap(page(9), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	mmap(page(11), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 1 << 30);
	close(file);
	start_child();
	test_copies();
	test_partial();
	test_refused();
	test_mem_file();
	test_text();
	test_rights();
	test_madvise();
	test_gone();
	return tap_done();
}
