/* SPDX-License-Identifier: MIT */
/* calls_pipe: how much a pipe holds, packets, sizes, and fifos with their opening. TAP. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

static char data[1 << 20], fifo[] = "/tmp/fifo.tmp";
static volatile int *shared;

static short polled(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static int in_pipe(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

/* How many writes of @size fit. */
static int fit(int fd, size_t size)
{
	int n = 0;

	while (write(fd, data, size) == (ssize_t)size)
		n++;
	return n;
}

static void capacity(void)
{
	int fds[2];

	check(pipe2(fds, O_NONBLOCK) == 0 && fcntl(fds[0], F_GETPIPE_SZ) == 65536 &&
		      fcntl(fds[1], F_GETFL) == (O_WRONLY | O_NONBLOCK),
	      "a pipe holds 64 KiB");
	check(fit(fds[1], 1) == 65536 && errno == EAGAIN && polled(fds[1], POLLOUT) == 0,
	      "byte by byte they all fit");
	check(read(fds[0], data, 4095) == 4095 && polled(fds[1], POLLOUT) == 0 &&
		      fails(write(fds[1], data, 1), EAGAIN),
	      "a page partly read is no room");
	check(read(fds[0], data, 1) == 1 && polled(fds[1], POLLOUT) == POLLOUT &&
		      fit(fds[1], 1) == 4096,
	      "a page read is room for a page");
	check(read(fds[0], data, sizeof(data)) == 65536 && fails(read(fds[0], data, 1), EAGAIN),
	      "one read gets all of it");
	check(fit(fds[1], 3000) == 16, "what does not fit in the last page begins another");
	check(in_pipe(fds[0]) == 48000 && in_pipe(fds[1]) == 48000, "FIONREAD, at both ends");
	read(fds[0], data, sizeof(data));
	check(fit(fds[1], 1000) == 64 && read(fds[0], data, 100) == 100 &&
		      fails(write(fds[1], data, 97), EAGAIN) && write(fds[1], data, 96) == 96,
	      "but goes on in it as long as it fits");
	read(fds[0], data, sizeof(data));
	check(write(fds[1], data, 5000) == 5000 && write(fds[1], data, 4096) == 4096 &&
		      fit(fds[1], 4096) == 13,
	      "whole pages never share one");
	read(fds[0], data, sizeof(data));
	check(write(fds[1], data, 100000) == 65536 && fails(write(fds[1], data, 1), EAGAIN),
	      "a long write is cut");
	read(fds[0], data, 4096);
	check(fails(write(fds[1], data, 4097), EAGAIN) == 0 && in_pipe(fds[0]) == 65536,
	      "the part that fits of more than a page");
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	check(fails(write(fds[1], data, 1), EPIPE) && write(fds[1], data, 0) == 0 &&
		      polled(fds[1], POLLOUT) == POLLERR,
	      "no reader: EPIPE, but to write nothing succeeds");
	close(fds[1]);
	check(fails(pipe2(fds, 1), EINVAL) && fails(syscall(SYS_pipe2, 8, 0), EFAULT),
	      "pipe2's errors");
}

static void bad_memory(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fds[2];

	munmap(page + 4096, 4096);
	pipe2(fds, O_NONBLOCK);
	check(fails(write(fds[1], page + 4000, 200), EFAULT) && in_pipe(fds[0]) <= 0,
	      "memory that ends inside a write: EFAULT, nothing written");
	write(fds[1], "abcdefgh", 8);
	check(fails(read(fds[0], page + 4092, 8), EFAULT) && read(fds[0], data, 8) == 8 &&
		      !memcmp(data, "abcdefgh", 8),
	      "inside a read: EFAULT, nothing lost");
	close(fds[0]);
	close(fds[1]);
}

static void packets(void)
{
	int fds[2];

	check(pipe2(fds, O_DIRECT | O_NONBLOCK) == 0 &&
		      fcntl(fds[1], F_GETFL) == (O_WRONLY | O_NONBLOCK | O_DIRECT),
	      "a pipe of packets");
	write(fds[1], "first", 5);
	write(fds[1], "second", 6);
	write(fds[1], "3", 1);
	check(read(fds[0], data, 100) == 5 && !memcmp(data, "first", 5), "a read gets one packet");
	check(read(fds[0], data, 3) == 3 && read(fds[0], data, 100) == 1 && data[0] == '3',
	      "what it does not take of it is lost");
	check(fit(fds[1], 1) == 16, "as many packets as pages");
	read(fds[0], data, 10);
	check(write(fds[1], data, 4096) == 4096, "of up to a page");
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (read(fds[0], data, 4096) > 0)
		;
	write(fds[1], "ab", 2);
	write(fds[1], "cd", 2);
	check(read(fds[0], data, 100) == 4, "F_SETFL makes it a plain pipe again");
	close(fds[0]);
	close(fds[1]);
}

static void sizes(void)
{
	int fds[2], file = open("/dev/null", O_RDWR);
	pid_t pid;

	pipe2(fds, O_NONBLOCK);
	check(fcntl(fds[1], F_SETPIPE_SZ, 5000) == 8192 && fcntl(fds[0], F_GETPIPE_SZ) == 8192 &&
		      fit(fds[1], 4096) == 2,
	      "F_SETPIPE_SZ rounds up to pages, a power of two of them");
	check(fcntl(fds[0], F_SETPIPE_SZ, 0) == -1 && errno == EBUSY, "less than it holds: EBUSY");
	check(fcntl(fds[0], F_SETPIPE_SZ, 131072) == 131072 && fit(fds[1], 4096) == 30,
	      "more, with what was in it");
	data[8191] = 'x';
	read(fds[0], data, sizeof(data));
	check(data[8191] == 0 && fcntl(fds[0], F_SETPIPE_SZ, 1) == 4096, "one page at least");
	check(fails(fcntl(file, F_SETPIPE_SZ, 4096), EBADF) &&
		      fails(fcntl(file, F_GETPIPE_SZ), EBADF),
	      "not a pipe: EBADF");
	check(fcntl(fds[0], F_SETPIPE_SZ, 0xffffffff) == -1 && errno == EINVAL,
	      "beyond 2 GiB: EINVAL");
	check(fcntl(fds[0], F_SETPIPE_SZ, 2 << 20) == 2 << 20, "root may have more than 1 MiB");
	pid = fork();
	if (!pid) {
		setuid(1000);
		_exit(!(fails(fcntl(fds[0], F_SETPIPE_SZ, 4 << 20), EPERM) &&
			fcntl(fds[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20));
	}
	check(exit_of(pid) == 0, "others may not: EPERM");
	close(fds[0]);
	close(fds[1]);
	close(file);
}

static void blocking(void)
{
	int fds[2];
	pid_t pid;

	*shared = 0;
	pipe(fds);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		_exit(write(fds[1], data, 200000) == 200000 ? 0 : 1);
	}
	close(fds[1]);
	for (long n, total = 0;;) {
		n = read(fds[0], data, 7000);
		if (n <= 0) {
			check(n == 0 && total == 200000, "a long write goes on as others read");
			break;
		}
		total += n;
	}
	check(exit_of(pid) == 0, "and tells that it wrote all");
	close(fds[0]);
}

/* --- fifos --- */

/* In a child: open, tell that it is open, write or read a word. */
static pid_t other_end(int flags, long delay)
{
	pid_t pid = fork();
	char c = 0;
	int fd;

	if (pid)
		return pid;
	sleep_ms(delay);
	fd = open(fifo, flags);
	*shared = fd >= 0 ? 1 : -errno;
	if (flags == O_WRONLY)
		_exit(write(fd, "w", 1) != 1);
	_exit(!(read(fd, &c, 1) == 1 && c == 'r'));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void fifos(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct stat st;
	char c = 0;
	pid_t pid;
	int r, w;

	unlink(fifo);
	umask(022);
	check(mkfifo(fifo, 0666) == 0 && stat(fifo, &st) == 0 && S_ISFIFO(st.st_mode) &&
		      (st.st_mode & 07777) == 0644 && st.st_size == 0,
	      "mkfifo");
	check(fails(mkfifo(fifo, 0666), EEXIST), "again: EEXIST");
	check(fails(open(fifo, O_WRONLY | O_NONBLOCK), ENXIO), "to write, nobody reads: ENXIO");
	r = open(fifo, O_RDONLY | O_NONBLOCK);
	check(r >= 0 && polled(r, POLLIN) == 0 && read(r, &c, 1) == 0,
	      "to read without waiting: no end of file to poll, but to read");
	w = open(fifo, O_WRONLY | O_NONBLOCK);
	check(w >= 0 && fails(read(r, &c, 1), EAGAIN) && write(w, "xyz", 3) == 3 &&
		      polled(r, POLLIN) == POLLIN,
	      "then there is a writer");
	check(fails(lseek(r, 0, SEEK_CUR), ESPIPE), "no position: ESPIPE");
	close(w);
	check(polled(r, POLLIN) == (POLLIN | POLLHUP) && read(r, data, 10) == 3 &&
		      polled(r, POLLIN) == POLLHUP && read(r, data, 10) == 0,
	      "after it what it wrote, and the end");
	close(r);
	r = open(fifo, O_RDWR);
	check(r >= 0 && write(r, "ab", 2) == 2, "both ends at once");
	close(r);
	r = open(fifo, O_RDONLY | O_NONBLOCK);
	check(read(r, data, 10) == 0, "the last close throws away what was in it");
	close(r);

	*shared = 0;
	pid = other_end(O_WRONLY, 20);
	r = open(fifo, O_RDONLY);
	check(*shared == 1 || *shared == 0, "a reader waits for a writer");
	check(read(r, &c, 1) == 1 && c == 'w' && read(r, &c, 1) == 0 && exit_of(pid) == 0,
	      "and hears from it");
	close(r);
	*shared = 0;
	pid = other_end(O_RDONLY, 20);
	w = open(fifo, O_WRONLY);
	check(w >= 0 && write(w, "r", 1) == 1 && exit_of(pid) == 0,
	      "a writer waits for a reader");
	close(w);

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 20000 }, { 0, 20000 } }, NULL);
	check(fails(open(fifo, O_RDONLY), EINTR), "a signal ends the wait");
	alarm(60);
	check(fails(open(fifo, O_WRONLY | O_NONBLOCK), ENXIO), "and it reads no more");
	unlink(fifo);
}

static void nodes(void)
{
	char node[] = "/tmp/node.tmp";
	struct stat st;
	pid_t pid;
	int fd;

	check(mknod(node, S_IFCHR | 0600, makedev(1, 3)) == 0 && stat(node, &st) == 0 &&
		      S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3),
	      "mknod of a device");
	fd = open(node, O_RDWR);
	check(fd >= 0 && write(fd, "x", 1) == 1 && read(fd, data, 1) == 0, "which is /dev/null");
	close(fd);
	unlink(node);
	mknod(node, S_IFCHR | 0600, makedev(241, 77777));
	check(fails(open(node, O_RDWR), ENXIO) && stat(node, &st) == 0 &&
		      st.st_rdev == makedev(241, 77777),
	      "nobody drives this one: ENXIO");
	unlink(node);
	mknod(node, S_IFBLK | 0600, makedev(240, 5));
	check(fails(open(node, O_RDWR), ENXIO) && stat(node, &st) == 0 && S_ISBLK(st.st_mode),
	      "nor this disk: ENXIO");
	unlink(node);
	check(mknod(node, S_IFSOCK | 0600, 0) == 0 && fails(open(node, O_RDWR), ENXIO),
	      "a socket is not opened: ENXIO");
	unlink(node);
	check(mknod(node, 0600, 0) == 0 && stat(node, &st) == 0 && S_ISREG(st.st_mode),
	      "no kind: a file");
	unlink(node);
	check(fails(mknod(node, S_IFDIR | 0600, 0), EPERM) &&
		      fails(mknod(node, S_IFLNK | 0600, 0), EINVAL),
	      "a directory: EPERM; a link: EINVAL");
	pid = fork();
	if (!pid) {
		mkdir("/tmp/nodes.d", 0700);
		chmod("/tmp/nodes.d", 0777);
		setuid(1000);
		_exit(!(fails(mknod("/tmp/nodes.d/x", S_IFCHR, makedev(1, 3)), EPERM) &&
			fails(mknod("/tmp/nodes.d/x/y", S_IFCHR, makedev(1, 3)), ENOENT)));
	}
	check(exit_of(pid) == 0, "a device, made by other than root: EPERM");
	rmdir("/tmp/nodes.d");
}

/* sendfile(2) waits for room once, and then sends what fits; never in the last write's page. */
static void sent(void)
{
	int fds[2], file = open("/tmp/sent.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	off_t at = 0;

	ftruncate(file, 100000);
	pipe(fds);
	check(sendfile(fds[1], file, &at, 100000) == 65536 && at == 65536 &&
		      in_pipe(fds[0]) == 65536,
	      "sendfile: as much as a pipe holds, without waiting");
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	check(fails(sendfile(fds[1], file, &at, 1), EAGAIN), "a full pipe: EAGAIN");
	at = 100000;
	check(fails(sendfile(fds[1], file, &at, 1), EAGAIN) &&
		      fails(sendfile(fds[1], file, &at, 0), EAGAIN),
	      "even if there is nothing to send");
	read(fds[0], data, 65536);
	check(sendfile(fds[1], file, &at, 1) == 0, "when there is room: the end of the file");
	for (int i = 0; i < 16; i++)
		write(fds[1], data, i ? 4096 : 1);
	at = 0;
	check(in_pipe(fds[0]) == 15 * 4096 + 1 && fails(sendfile(fds[1], file, &at, 5), EAGAIN),
	      "no slot is free: EAGAIN");
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	check(fails(sendfile(fds[1], file, &at, 5), EPIPE) &&
		      fails(sendfile(fds[1], file, &at, 0), EPIPE),
	      "nobody reads: EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(fds[1]);
	close(file);
	unlink("/tmp/sent.tmp");
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(60); /* rather than hang */
	mkdir("/tmp", 0777);
	capacity();
	bad_memory();
	packets();
	sizes();
	blocking();
	sent();
	fifos();
	nodes();
	return checks_done();
}
