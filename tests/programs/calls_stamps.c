/* SPDX-License-Identifier: MIT */
/*
 * calls_stamps: what a store through a shared mapping does to a memory file's times, and what writev(2)
 * does in one piece. TAP.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "calls.h"

#define PAGE 4096

/* mtime and ctime were set to long ago: have they moved since? */
static bool moved(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_mtim.tv_sec > 1000;
}

static void forget(int fd)
{
	futimens(fd, (struct timespec[]){ { 500, 0 }, { 500, 0 } });
}

static void stores(int fd, const char *what)
{
	volatile char *p, c;
	char text[64];
	struct stat st;

	ftruncate(fd, 4 * PAGE);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	forget(fd);
	c = p[0];
	snprintf(text, sizeof(text), "%s: a load leaves the times", what);
	check(!moved(fd), text);
	p[PAGE] = 1;
	snprintf(text, sizeof(text), "%s: a store moves them", what);
	check(moved(fd) && !fstat(fd, &st) && st.st_mtim.tv_sec == st.st_ctim.tv_sec &&
		      st.st_mtim.tv_nsec == st.st_ctim.tv_nsec,
	      text);
	forget(fd);
	p[PAGE + 1] = c;
	snprintf(text, sizeof(text), "%s: another one to that page does not", what);
	check(!moved(fd), text);
	p[2 * PAGE] = 1;
	snprintf(text, sizeof(text), "%s: to another page it does", what);
	check(moved(fd), text);
	munmap((void *)p, 4 * PAGE);
	forget(fd);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	p[PAGE] = 2;
	snprintf(text, sizeof(text), "%s: to a private copy it does not", what);
	check(!moved(fd), text);
	munmap((void *)p, 4 * PAGE);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	snprintf(text, sizeof(text), "%s: MAP_POPULATE does not", what);
	check(!moved(fd), text);
	munmap((void *)p, 4 * PAGE);
	close(fd);
}

static volatile int signals;

static void count_signal(int sig)
{
	signals += sig == SIGXFSZ;
}

static void one_limit(const char *path)
{
	struct rlimit old, limit;
	char data[10] = "abcdefghi";
	struct iovec v[2] = { { data, 10 }, { data, 8 } };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	signals = 0;
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ 10, old.rlim_max };
	signal(SIGXFSZ, count_signal);
	setrlimit(RLIMIT_FSIZE, &limit);
	check(writev(fd, v, 2) == 10 && !signals, "the limit falls between two parts: no SIGXFSZ");
	check(fails(writev(fd, v, 2), EFBIG) && signals == 1, "there is no room at all: SIGXFSZ");
	setrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_DFL);
	v[1].iov_base = (void *)8;
	check(pwritev(fd, v, 2, 100) == 10 && lseek(fd, 0, SEEK_END) == 110,
	      "a part that cannot be read: what was before it is written");
	v[0] = (struct iovec){ (void *)8, 1 };
	check(fails(writev(fd, v, 2), EFAULT) && lseek(fd, 0, SEEK_END) == 110,
	      "the first one: EFAULT");
	close(fd);
}

#define RECORDS 300

/* Records of three parts. */
static int append(const char *path, char mark)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	static char part[2][64];
	struct iovec v[3] = { { part[0], 64 }, { part[1], 64 }, { part[0], 64 } };

	memset(part, mark, sizeof(part));
	for (int i = 0; i < RECORDS; i++)
		if (writev(fd, v, 3) != 192)
			return 1;
	return 0;
}

static void in_one_piece(const char *path)
{
	static char text[2 * RECORDS][192];
	bool whole = true;
	pid_t pids[2];
	int fd;

	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(append(path, (char)('a' + i)));
	}
	check(!exit_of(pids[0]) && !exit_of(pids[1]), "two processes append at once");
	fd = open(path, O_RDONLY);
	check(read(fd, text, sizeof(text)) == sizeof(text), "nothing is lost");
	for (int i = 0; i < 2 * RECORDS; i++)
		whole &= !memcmp(text[i], text[i] + 1, 191);
	check(whole, "nobody writes between the parts of a writev");
	close(fd);
}

static void vectors(const char *path)
{
	one_limit(path);
	close(open(path, O_WRONLY | O_TRUNC));
	in_one_piece(path);
	unlink(path);
}

int main(void)
{
	mkdir("/stamps.d", 0755);
	mount("none", "/stamps.d", "tmpfs", 0, NULL);
	stores(open("/stamps.d/f", O_RDWR | O_CREAT, 0600), "tmpfs");
	stores(memfd_create("m", 0), "memfd");
	vectors("/stamps.d/v");
	umount("/stamps.d");
	rmdir("/stamps.d");
	vectors("/vectors.tmp");
	return checks_done();
}
