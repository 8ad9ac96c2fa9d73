/* SPDX-License-Identifier: MIT */
/*
 * calls_exhaust: too many descriptors, files, processes, mappings, signals, and a disk with no room
 * and no inodes: each has its errno, and what was there before goes on working. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096UL
#define DIR "/root/exhaust.d"

static bool set_number(const char *path, long value)
{
	char text[24];
	int fd = open(path, O_WRONLY | O_CLOEXEC), n = snprintf(text, sizeof(text), "%ld\n", value);
	bool done = fd >= 0 && write(fd, text, (size_t)n) == n;

	close(fd);
	return done;
}

static long get_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long value = -1;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

/* --- descriptors and files --- */

static void descriptors(void)
{
	struct rlimit old, few = { 16, 16 };
	int fds[2], fd, n = 0;

	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	while (n < 100 && (fd = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	check(n > 0 && n < 16 && errno == EMFILE, "open: EMFILE");
	check(fails(dup(0), EMFILE) && fails(fcntl(0, F_DUPFD, 3), EMFILE), "dup: EMFILE");
	check(fails(fcntl(0, F_DUPFD, 16), EINVAL) && fails(dup2(0, 16), EBADF),
	      "a number that is too large: EINVAL of F_DUPFD, EBADF of dup2");
	check(fails(syscall(SYS_memfd_create, "m", 0), EMFILE) &&
		      fails(syscall(SYS_pidfd_open, getpid(), 0), EMFILE),
	      "memfd_create, pidfd_open: EMFILE");
	close(15);
	check(fails(pipe(fds), EMFILE) && open("/dev/null", O_RDONLY) == 15,
	      "a pipe needs two; it leaves the one that there was");
	for (fd = 3; fd < 16; fd++)
		close(fd);
	setrlimit(RLIMIT_NOFILE, &old);
}

/* Linux counts those of each CPU apart, and sees the sum after some dozens. */
static int open_as_user(void)
{
	int fds[2], n = 0;

	while (n < 200 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	if (n == 200 || errno != ENFILE)
		return 1;
	return fails(pipe(fds), ENFILE) && dup(0) >= 0 ? 0 : 2;
}

static void files(void)
{
	long max = get_number("/proc/sys/fs/file-max"), before = get_number("/proc/sys/fs/file-nr");
	int fd;

	check(max >= 8192 && get_number("/proc/sys/fs/file-nr") >= 0, "file-max and file-nr");
	for (int i = 0; i < 2000; i++)
		close(open("/dev/null", O_RDONLY));
	check(get_number("/proc/sys/fs/file-nr") < before + 1000, "closed files do not count");
	check(set_number("/proc/sys/fs/file-max", 1), "file-max can be set");
	check(as_user(1000, 1000, open_as_user) == 0,
	      "too many files for others: ENFILE; dup makes none");
	fd = open("/dev/null", O_RDONLY);
	check(fd >= 0, "not for root");
	close(fd);
	check(set_number("/proc/sys/fs/file-max", max), "and back");
}

/* --- processes --- */

static void *sleeper(void *arg)
{
	pause();
	return arg;
}

static int fork_as_user(void)
{
	struct rlimit two = { 2, 2 };
	int wrong;
	pthread_t thread;
	pid_t pid;

	setrlimit(RLIMIT_NPROC, &two);
	pid = fork();
	if (!pid)
		pause();
	wrong = pid < 0;
	wrong |= !fails(fork(), EAGAIN) << 1;
	wrong |= (pthread_create(&thread, NULL, sleeper, NULL) != EAGAIN) << 2;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pid = fork();
	if (!pid)
		_exit(0);
	return wrong | (waitpid(pid, NULL, 0) != pid) << 3;
}

static int fork_once(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 || exit_of(pid);
}

/* User 0 is not asked, nor who may pass over limits. */
static int fork_as_root(void)
{
	struct rlimit one = { 1, 1 };

	setrlimit(RLIMIT_NPROC, &one);
	return in_child(fork_once);
}

static int fork_with_rights(void)
{
	unsigned int header[2] = { 0x20080522, 0 }, right[6] = { 1u << 24, 1u << 24 };

	prctl(PR_SET_KEEPCAPS, 1);
	if (setuid(1000) || syscall(SYS_capset, header, right))
		return 2;
	return fork_as_root();
}

static void processes(void)
{
	check(in_child(fork_as_root) == 0 && in_child(fork_with_rights) == 0,
	      "no limit to root, or CAP_SYS_RESOURCE");
	check(as_user(4321, 4321, fork_as_user) == 0, /* nobody else is this user */
	      "RLIMIT_NPROC: EAGAIN of fork and of a thread, until one ends");
}

/* --- memory --- */

static void memory(void)
{
	struct rlimit old, space = { 64UL << 20, 0 };
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *brk = sbrk(0);
	long maps;

	check(mmap(NULL, 1UL << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			      MAP_FAILED &&
		      errno == ENOMEM,
	      "much more than all memory: ENOMEM");
	getrlimit(RLIMIT_AS, &old);
	space.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_AS, &space);
	check(mmap(NULL, 65UL << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
		      errno == ENOMEM && sbrk(65 << 20) == (void *)-1 && errno == ENOMEM &&
		      mremap(p, PAGE, 65UL << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM,
	      "RLIMIT_AS: ENOMEM of mmap, brk, mremap");
	setrlimit(RLIMIT_AS, &old);
	check(sbrk(0) == brk && *p == 0, "nothing has moved");
	munmap(p, PAGE);

	maps = get_number("/proc/sys/vm/max_map_count");
	p = mmap(NULL, 128 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set_number("/proc/sys/vm/max_map_count", 30);
	for (int i = 1;
	     i < 128 && !mprotect(p + (unsigned long)i * PAGE, PAGE, PROT_READ | PROT_WRITE);)
		i += 2;
	check(errno == ENOMEM, "max_map_count: ENOMEM");
	set_number("/proc/sys/vm/max_map_count", maps);
	munmap(p, 128 * PAGE);
}

/* --- queued signals and timers --- */

static int queue_as_user(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct rlimit few = { 3, 3 };
	timer_t timer;
	sigset_t set;
	int n = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &few);
	while (n < 10 && sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 }) == 0)
		n++;
	return (n != 3 || errno != EAGAIN) |
	       !fails(timer_create(CLOCK_MONOTONIC, &event, &timer), EAGAIN) << 1;
}

static void signals(void)
{
	check(as_user(1000, 1000, queue_as_user) == 0,
	      "RLIMIT_SIGPENDING: EAGAIN of sigqueue and timer_create");
}

/* --- the disk --- */

static void no_room(void)
{
	static char data[1 << 20];
	int fd = open("fill", O_RDWR | O_CREAT | O_TRUNC, 0600), other;
	long n, sum = 0;
	struct stat st;
	char *p;

	memset(data, 'd', sizeof(data));
	other = open("other", O_RDWR | O_CREAT | O_TRUNC, 0600);
	n = write(other, data, PAGE);
	ftruncate(other, 2 * PAGE);
	while (sum < 512L << 20 && (n = write(fd, data, sizeof(data))) > 0)
		sum += n;
	check(fails(n, ENOSPC), "write on a full disk: ENOSPC");
	check(!fstat(fd, &st) && st.st_size == sum && pread(fd, data, 1, sum - 1) == 1 &&
		      data[0] == 'd',
	      "what was written is there");
	check(fails(mkdir("dir", 0755), ENOSPC) || !rmdir("dir"),
	      "mkdir: ENOSPC, or its last block");
	check(pwrite(other, "x", 1, 5) == 1, "a block that is there can be written");
	check(fails(pwrite(other, data, PAGE, PAGE), ENOSPC), "a hole cannot: ENOSPC");
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	check(fails(read(open("/dev/zero", O_RDONLY | O_CLOEXEC), p + PAGE, 1), EFAULT) &&
		      p[5] == 'x',
	      "through a mapping neither: EFAULT of read(2)");
	munmap(p, 2 * PAGE);
	unlink("fill");
	close(fd);
	check(pwrite(other, "y", 1, PAGE) == 1 && fsync(other) == 0, "with room again it can");
	close(other);
	unlink("other");
}

#define A_FOLDER 100 /* files, since a long folder takes long to search */

static const char *folder_of(int n)
{
	static char name[16];

	snprintf(name, sizeof(name), "d%d", n / A_FOLDER);
	return name;
}

static const char *file_of(int n)
{
	static char name[32];

	snprintf(name, sizeof(name), "d%d/f%d", n / A_FOLDER, n);
	return name;
}

/* Makes the files d0/f0, d0/f1, ... until that fails; their number. */
static int make_files(void)
{
	int fd, n;

	for (n = 0; n % A_FOLDER || !mkdir(folder_of(n), 0700); n++) {
		fd = open(file_of(n), O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	return n;
}

static void remove_files(int n)
{
	for (; n >= 0; n--) {
		unlink(file_of(n));
		if (n % A_FOLDER == 0)
			rmdir(folder_of(n));
	}
}

static void no_inodes(void)
{
	struct statfs fs;
	int fd, n;

	n = make_files();
	check(n > 100 && errno == ENOSPC, "no inode is left: ENOSPC");
	check(!statfs(".", &fs) && fs.f_ffree == 0, "statfs says so");
	check(fails(mkdir("dir", 0755), ENOSPC) && fails(symlink("a", "b"), ENOSPC) &&
		      fails(mknod("fifo", S_IFIFO | 0600, 0), ENOSPC),
	      "mkdir, symlink, mknod: ENOSPC");
	check(link("d0/f0", "hard") == 0, "another name needs none");
	unlink("d0/f0"), unlink("hard");
	fd = open("d0/f0", O_WRONLY | O_CREAT | O_EXCL, 0600);
	check(fd >= 0, "with one free there is one more");
	close(fd);
	remove_files(n);
}

int main(void)
{
	descriptors();
	files();
	processes();
	memory();
	signals();
	if (mkdir(DIR, 0755) || chdir(DIR))
		return 1;
	no_room();
	no_inodes();
	chdir("/");
	check(rmdir(DIR) == 0, "nothing is left");
	return checks_done();
}
