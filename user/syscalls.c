/* SPDX-License-Identifier: MIT */
/*
 * syscalls - what every C program takes for granted: files, directories, pipes, time, signals,
 * stdio and malloc.
 *
 * What you see: one line for each thing that libc needs of the kernel. When a strange program
 * does not run, run this first.
 *
 * Served by: the system call table; fs/ for files, kernel/proc/ for signals and waiting,
 * kernel/core/ for time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

static char dir[256], start_dir[256];

/* All file tests happen in a directory of their own. */
static void set_up(void)
{
	int fd = open_scratch(dir, sizeof(dir), NULL);

	close(fd);
	unlink(dir);
	if (!getcwd(start_dir, sizeof(start_dir)) || mkdir(dir, 0755) || chdir(dir))
		bail("make a scratch directory");
}

static void files(void)
{
	struct stat st;
	char buf[64] = "";
	int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640), again;

	ok(fd >= 0, "open(O_CREAT|O_EXCL)");
	ok_errno(open("a", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST, "a second time: EEXIST");
	ok(write(fd, "0123456789", 10) == 10 && lseek(fd, 0, SEEK_CUR) == 10,
	   "write moves the file position");
	ok(lseek(fd, -3, SEEK_END) == 7 && read(fd, buf, 9) == 3 && !strcmp(buf, "789"),
	   "lseek(SEEK_END) and a short read");
	ok_eq(read(fd, buf, 9), 0, "read at the end of the file: 0");
	ok_errno(lseek(fd, -1, SEEK_SET), EINVAL, "lseek before the start: EINVAL");
	ok(fstat(fd, &st) == 0 && st.st_size == 10 && st.st_mode == (S_IFREG | 0640) &&
		   st.st_nlink == 1,
	   "fstat: size, type and mode, links");
	again = open("a", O_WRONLY | O_APPEND);
	ok(pwrite(fd, "X", 1, 0x7fffffffffffffff) == -1 && errno == EINVAL &&
		   pread(fd, buf, 1, 0x7fffffffffffffff) == -1 && errno == EINVAL,
	   "no file reaches beyond the largest position");
	ok(pwrite(fd, "X", 1, 0) == 1 && write(again, "end", 3) == 3 && stat("a", &st) == 0 &&
		   st.st_size == 13,
	   "O_APPEND writes at the end");
	close(again);
	ok(ftruncate(fd, 5) == 0 && pread(fd, buf, 20, 0) == 5 && !memcmp(buf, "X1234", 5),
	   "ftruncate cuts");
	ok(truncate("a", 9000) == 0 && fstat(fd, &st) == 0 && st.st_size == 9000, "truncate grows");
	ok(pread(fd, buf, 10, 4995) == 10 && !memcmp(buf, "\0\0\0\0\0\0\0\0\0\0", 10) &&
		   pread(fd, buf, 10, 8995) == 5,
	   "with zeroes");
	close(fd);
	ok(rename("a", "b") == 0 && access("b", F_OK) == 0, "rename");
	ok_errno(access("a", F_OK), ENOENT, "the old name is gone");
	fd = open("b", O_RDONLY);
	ok(unlink("b") == 0 && pread(fd, buf, 1, 0) == 1 && buf[0] == 'X',
	   "a file unlinked while open can still be read");
	close(fd);
	ok_errno(open("b", O_RDONLY), ENOENT, "but not opened");
	ok_errno(close(fd), EBADF, "closing twice: EBADF");
}

static void directories(void)
{
	char here[256], name[32];
	struct dirent *de;
	int seen = 0, dots = 0;
	struct stat st;
	DIR *d;

	ok(getcwd(here, sizeof(here)) && strstr(here, "scratch."), "getcwd");
	ok(mkdir("sub", 0755) == 0 && stat("sub", &st) == 0 && S_ISDIR(st.st_mode), "mkdir");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "sub/a-file-called-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	d = opendir("sub");
	while (d && (de = readdir(d))) {
		dots += !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
		seen += !strncmp(de->d_name, "a-file-called-", 14);
	}
	if (d)
		closedir(d);
	ok(seen == 100 && dots == 2, "readdir finds each of 100 files once, and the two dots");
	ok_errno(rmdir("sub"), ENOTEMPTY, "rmdir of a full directory: ENOTEMPTY");
	ok(chdir("sub") == 0 && access("../sub/a-file-called-99", F_OK) == 0 && chdir("..") == 0,
	   "chdir and back by \"..\"");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "sub/a-file-called-%d", i);
		unlink(name);
	}
	ok(rmdir("sub") == 0 && access("sub", F_OK) < 0, "rmdir when empty");
}

static void pipes_and_descriptors(void)
{
	struct pollfd want = { .events = POLLIN }, got;
	char buf[16];
	int p[2], copy;

	ok(pipe(p) == 0 && write(p[1], "abc", 3) == 3 && read(p[0], buf, 10) == 3, "a pipe");
	copy = dup2(p[1], 40);
	ok(copy == 40 && write(40, "d", 1) == 1 && read(p[0], buf, 1) == 1 && buf[0] == 'd',
	   "dup2");
	ok(fcntl(40, F_SETFD, FD_CLOEXEC) == 0 && fcntl(40, F_GETFD) == FD_CLOEXEC &&
		   fcntl(p[1], F_GETFD) == 0,
	   "F_SETFD belongs to one descriptor");
	ok((fcntl(p[0], F_GETFL) & O_ACCMODE) == O_RDONLY && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0,
	   "F_GETFL, F_SETFL");
	ok_errno(read(p[0], buf, 1), EAGAIN, "an empty pipe with O_NONBLOCK: EAGAIN");
	want.fd = p[0];
	memcpy(buf + 1, &want, sizeof(want)); /* the kernel takes it from any address */
	ok(write(p[1], "e", 1) == 1 && syscall(SYS_poll, buf + 1, 1, 0) == 1 &&
		   memcpy(&got, buf + 1, sizeof(got)) && got.revents == POLLIN &&
		   read(p[0], buf, 1) == 1,
	   "poll with a struct that is not aligned");
	close(40);
	close(p[1]);
	ok_eq(read(p[0], buf, 1), 0, "no writer left: end of file");
	ok_errno(lseek(p[0], 0, SEEK_SET), ESPIPE, "seeking in a pipe: ESPIPE");
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	if (pipe(p))
		bail("pipe");
	close(p[0]);
	ok_errno(write(p[1], "x", 1), EPIPE, "no reader left, SIGPIPE ignored: EPIPE");
	signal(SIGPIPE, SIG_DFL);
	close(p[1]);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void time_and_names(void)
{
	struct timespec rest = { .tv_nsec = 20 * 1000 * 1000 };
	struct utsname u;
	unsigned char r[32] = { 0 }, r2[32] = { 0 };
	double t0 = now();
	int backwards = 0;

	nanosleep(&rest, NULL);
	ok(now() - t0 >= 0.02 && now() - t0 < 5, "nanosleep sleeps at least as long as asked");
	for (int i = 0; i < 10000; i++) {
		double t = now();

		backwards += t < t0;
		t0 = t;
	}
	ok_eq(backwards, 0, "the monotonic clock never steps back");
	ok(time(NULL) > 1600000000, "time(2) is after 2020");
	ok(getrandom(r, 32, 0) == 32 && getrandom(r2, 32, 0) == 32 && memcmp(r, r2, 32),
	   "getrandom: never twice the same");
	ok(uname(&u) == 0 && u.sysname[0] && u.release[0] && !strcmp(u.machine, "x86_64"), "uname");
	ok(getpid() > 0 && getppid() >= 0 && getuid() == geteuid(), "getpid, getppid, getuid");
	ok_errno(syscall(9999), ENOSYS, "an unknown system call: ENOSYS");
}

/* ---- signals ---- */

static volatile sig_atomic_t caught_signal, caught_count;
static volatile pid_t caught_pid;
static volatile int caught_code;

static void note(int sig, siginfo_t *si, void *context)
{
	(void)context;
	caught_signal = sig;
	caught_count++;
	caught_pid = si->si_pid;
	caught_code = si->si_code;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
	caught_signal = caught_count = 0;
}

static int exit_seven(void *arg)
{
	(void)arg;
	return 7;
}

static void signals(void)
{
	sigset_t set, old, pending;
	int status;
	pid_t pid;

	handle(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	ok(caught_signal == SIGUSR1 && caught_pid == getpid() && caught_code == SI_USER,
	   "kill: the handler knows who sent it");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	caught_count = 0;
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	ok(caught_count == 0 && sigismember(&pending, SIGUSR1), "a blocked signal is pending");
	ok(sigsuspend(&old) == -1 && errno == EINTR && caught_count == 1,
	   "sigsuspend lets it in, once: EINTR");
	sigprocmask(SIG_SETMASK, &old, NULL);
	handle(SIGCHLD, 0);
	ok_eq(wait_code(run_in_child(exit_seven, NULL)), 7, "a child ends");
	ok(caught_signal == SIGCHLD && caught_code == CLD_EXITED, "SIGCHLD says so");
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	kill(pid, SIGTERM);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
	   "SIGTERM ends a child");
	ok_errno(kill(pid, 0), ESRCH, "which is then unknown: ESRCH");
}

static void timers(void)
{
	/* it repeats, so a tick that comes too early does no harm */
	struct itimerval tv = { .it_interval = { 0, 20000 }, .it_value = { 0, 20000 } },
			 off = { 0 };
	char c;
	int p[2];

	handle(SIGALRM, 0);
	setitimer(ITIMER_REAL, &tv, NULL);
	ok(pause() == -1 && errno == EINTR && caught_signal == SIGALRM,
	   "setitimer: SIGALRM ends pause");
	if (pipe(p))
		bail("pipe");
	ok_errno(read(p[0], &c, 1), EINTR, "it interrupts a read without SA_RESTART: EINTR");
	setitimer(ITIMER_REAL, &off, NULL);
	alarm(100);
	ok(alarm(0) > 90, "alarm tells how long was left");
	close(p[0]);
	close(p[1]);
}

/* ---- libc on top ---- */

static void stdio_and_malloc(void)
{
	char buf[128], line[64];
	uint64_t seed = 42;
	char *blocks[64] = { 0 };
	size_t sizes[64] = { 0 }, wrong = 0;
	FILE *f;

	snprintf(buf, sizeof(buf), "%.3f %g %lld %#llx %5s|%-5d|", 3.14159, 1e100, -9000000000LL,
		 0xfedcba9876543210ULL, "ab", 42);
	ok(!strcmp(buf, "3.142 1e+100 -9000000000 0xfedcba9876543210    ab|42   |"),
	   "printf of floats and 64-bit numbers");
	f = fopen("text", "w+");
	ok(f && fprintf(f, "first line\nsecond %d\n", 2) == 20 && fseek(f, 0, SEEK_SET) == 0,
	   "stdio writes a file");
	ok(fgets(line, sizeof(line), f) && fgets(line, sizeof(line), f) &&
		   !strcmp(line, "second 2\n"),
	   "and reads it");
	fclose(f);
	unlink("text");
	for (int i = 0; i < 20000; i++) {
		int k = next_random(&seed) % 64;
		size_t size = next_random(&seed) % (i % 100 ? 2000 : 300000) + 1;

		if (sizes[k] && (blocks[k][0] != k || blocks[k][sizes[k] - 1] != k))
			wrong++;
		blocks[k] = seed & 1 ? realloc(blocks[k], size) : (free(blocks[k]), malloc(size));
		sizes[k] = size;
		if (!blocks[k])
			bail("malloc");
		blocks[k][0] = blocks[k][size - 1] = k;
	}
	ok_eq(wrong, 0, "20000 random malloc, realloc and free: no block disturbs another");
	for (int k = 0; k < 64; k++)
		free(blocks[k]);
}

int main(void)
{
	set_up();
	files();
	directories();
	pipes_and_descriptors();
	time_and_names();
	signals();
	timers();
	stdio_and_malloc();
	ok(chdir(start_dir) == 0 && rmdir(dir) == 0, "the scratch directory is removed");
	return tap_done();
}
