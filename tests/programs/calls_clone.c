/* SPDX-License-Identifier: MIT */
/*
 * calls_clone: descriptors of processes (pidfd_open and kin, CLONE_PIDFD, waitid), what clone3 is
 * asked and refuses, and what wait4 says that was used. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PIDFD 0x1000
#define CLEAR_SIGHAND 0x100000000ull
#define WAIT_PIDFD 3 /* P_PIDFD */

struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup, later;
};

static volatile sig_atomic_t hits, code, sender, value;

static void handler(int sig, siginfo_t *si, void *uc)
{
	(void)sig, (void)uc;
	hits++;
	code = si->si_code;
	sender = si->si_pid;
	value = si->si_value.sival_int;
}

static int pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_signal(int fd, int sig, siginfo_t *si, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, si, flags);
}

/* A child that waits for a byte, or for the end of it. */
static pid_t child(int *to)
{
	int fds[2];
	pid_t pid;
	char c;

	pipe(fds);
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? 7 : 8);
	}
	close(fds[0]);
	*to = fds[1];
	return pid;
}

static bool readable(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout) == 1 && p.revents == POLLIN;
}

static void *thread(void *arg)
{
	*(volatile int *)arg = (int)syscall(SYS_gettid);
	while (*(volatile int *)arg)
		sleep_ms(2);
	return NULL;
}

static void opening(void)
{
	volatile int tid = 0;
	int fd = pidfd_open(getpid(), 0);
	char path[32], name[32];
	struct stat st;
	pthread_t t;
	char c;

	check(fd >= 0, "pidfd_open of oneself");
	check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "closed by exec");
	check(!readable(fd, 0), "a living process is not readable");
	check(read(fd, &c, 1) == -1 && errno == EINVAL, "nothing to read: EINVAL");
	check(!fstat(fd, &st) && st.st_mode == 0600, "a file of no type");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(readlink(path, name, sizeof(name)) == 18 && !memcmp(name, "anon_inode:[pidfd]", 18),
	      "/proc/self/fd has its kind");
	close(fd);
	fd = pidfd_open(getpid(), O_NONBLOCK);
	check(fd >= 0 && fcntl(fd, F_GETFL) & O_NONBLOCK, "O_NONBLOCK");
	close(fd);
	check(pidfd_open(getpid(), 1) == -1 && errno == EINVAL, "unknown flag: EINVAL");
	check(pidfd_open(0, 0) == -1 && errno == EINVAL, "pid 0: EINVAL");
	check(pidfd_open(-1, 0) == -1 && errno == EINVAL, "pid -1: EINVAL");
	check(pidfd_open(999999, 0) == -1 && errno == ESRCH, "nobody: ESRCH");
	pthread_create(&t, NULL, thread, (void *)&tid);
	while (!tid)
		sleep_ms(1);
	check(pidfd_open(tid, 0) == -1 && errno == EINVAL, "a thread: EINVAL");
	tid = 0;
	pthread_join(t, NULL);
}

static void ending(void)
{
	siginfo_t si = { 0 };
	struct timespec before, after;
	int to, fd, status;
	pid_t pid = child(&to);

	fd = pidfd_open(pid, O_NONBLOCK);
	check(waitid(WAIT_PIDFD, (id_t)fd, &si, WEXITED) == -1 && errno == EAGAIN,
	      "waitid of a descriptor with O_NONBLOCK: EAGAIN");
	check(waitid(WAIT_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG) == 0 && si.si_pid == 0,
	      "WNOHANG: 0");
	fcntl(fd, F_SETFL, 0);
	write(to, "x", 1);
	check(readable(fd, 5000), "it is readable when the process has ended");
	check(waitid(WAIT_PIDFD, (id_t)fd, &si, WEXITED | WNOWAIT) == 0 && si.si_pid == pid &&
		      si.si_status == 7 && si.si_code == CLD_EXITED,
	      "waitid finds the process by it");
	check(pidfd_signal(fd, 0, NULL, 0) == 0, "a zombie can be signalled");
	check(waitid(WAIT_PIDFD, (id_t)fd, &si, WEXITED) == 0, "waited for");
	check(readable(fd, 0), "still readable");
	check(pidfd_signal(fd, 0, NULL, 0) == -1 && errno == ESRCH, "but gone: ESRCH");
	check(waitid(WAIT_PIDFD, (id_t)fd, &si, WEXITED) == -1 && errno == ECHILD,
	      "no child any more: ECHILD");
	check(waitid(WAIT_PIDFD, 0, &si, WEXITED) == -1 && errno == EBADF,
	      "another kind of file: EBADF");
	check(waitid(WAIT_PIDFD, 500, &si, WEXITED) == -1 && errno == EBADF, "no file: EBADF");
	check(waitid((idtype_t)9, 1, &si, WEXITED) == -1 && errno == EINVAL, "kind 9: EINVAL");
	close(fd);
	close(to);
	pid = child(&to);
	fd = pidfd_open(pid, 0);
	close(to);
	clock_gettime(CLOCK_MONOTONIC, &before);
	readable(fd, 20000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	check(after.tv_sec - before.tv_sec < 10, "poll wakes up for the end");
	waitpid(pid, &status, 0);
	close(fd);
}

static void signalling(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	int to, status, fd = pidfd_open(getpid(), 0), other, proc;
	pid_t pid = child(&to);

	sigaction(SIGUSR1, &sa, NULL);
	other = pidfd_open(pid, 0);
	si.si_value.sival_int = 55;
	check(pidfd_signal(fd, SIGUSR1, NULL, 0) == 0 && hits == 1 && code == SI_USER &&
		      sender == getpid(),
	      "pidfd_send_signal is like kill");
	check(pidfd_signal(fd, SIGUSR1, &si, 0) == 0 && hits == 2 && code == SI_QUEUE &&
		      value == 55,
	      "or carries a siginfo");
	check(pidfd_signal(fd, SIGUSR2, &si, 0) == -1 && errno == EINVAL, "of that signal: EINVAL");
	si.si_code = SI_USER;
	check(pidfd_signal(fd, SIGUSR1, &si, 0) == 0, "to oneself from anybody");
	check(pidfd_signal(other, SIGUSR1, &si, 0) == -1 && errno == EPERM,
	      "to others not as the kernel: EPERM");
	check(pidfd_signal(fd, 65, NULL, 0) == -1 && errno == EINVAL, "signal 65: EINVAL");
	check(pidfd_signal(fd, SIGUSR1, NULL, 1) == -1 && errno == EINVAL, "flag: EINVAL");
	check(pidfd_signal(0, SIGUSR1, NULL, 0) == -1 && errno == EBADF,
	      "another kind of file: EBADF");
	proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
	check(pidfd_signal(proc, SIGUSR1, NULL, 0) == 0 && hits == 4, "an open /proc/PID will do");
	close(proc);
	check(pidfd_signal(other, SIGKILL, NULL, 0) == 0 && waitpid(pid, &status, 0) == pid &&
		      WTERMSIG(status) == SIGKILL,
	      "it kills");
	close(fd);
	close(other);
	close(to);
}

static int others_pidfd;

static int get_of_others(void)
{
	return syscall(SYS_pidfd_getfd, others_pidfd, 1, 0) < 0 ? errno : 0;
}

static void getting(void)
{
	int to, got, pidfd, status;
	pid_t pid = child(&to);
	char path[4] = "";

	pidfd = others_pidfd = pidfd_open(pid, 0);
	got = (int)syscall(SYS_pidfd_getfd, pidfd, 1, 0);
	check(got >= 0 && fcntl(got, F_GETFD) == FD_CLOEXEC, "pidfd_getfd: its standard output");
	close(got);
	check(syscall(SYS_pidfd_getfd, pidfd, 400, 0) == -1 && errno == EBADF,
	      "a number that is closed there: EBADF");
	check(syscall(SYS_pidfd_getfd, pidfd, 1, 1) == -1 && errno == EINVAL, "flag: EINVAL");
	check(syscall(SYS_pidfd_getfd, 0, 1, 0) == -1 && errno == EBADF,
	      "not a process's descriptor: EBADF");
	check(as_user(1000, 1000, get_of_others) == EPERM, "another user's: EPERM");
	write(to, path, 1);
	waitpid(pid, &status, 0);
	check(syscall(SYS_pidfd_getfd, pidfd, 1, 0) == -1 && errno == ESRCH, "gone: ESRCH");
	close(pidfd);
	close(to);
}

/* --- clone and clone3 --- */

static long clone3(struct args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static int refused(struct args args, size_t size)
{
	long ret = clone3(&args, size);

	if (!ret)
		_exit(0);
	if (ret > 0)
		waitpid((pid_t)ret, NULL, 0);
	return ret < 0 ? errno : 0;
}

static void cloning(void)
{
	int fd = -1, status;
	struct args args = { .flags = PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD };
	long pid = clone3(&args, 64);

	if (!pid)
		_exit(3);
	check(pid > 0 && fd >= 0 && readable(fd, 5000), "clone3 with CLONE_PIDFD");
	check(waitid(WAIT_PIDFD, (id_t)fd, &(siginfo_t){ 0 }, WEXITED) == 0, "names the child");
	close(fd);
	pid = syscall(SYS_clone, PIDFD | SIGCHLD, 0, &fd, 0, 0);
	if (!pid)
		_exit(3);
	check(pid > 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "clone puts it at parent_tid");
	waitpid((pid_t)pid, &status, 0);
	close(fd);
	args.pidfd = 8;
	check(refused(args, 64) == EFAULT, "nowhere to put it: EFAULT");
	check(open("/", O_RDONLY) == fd, "and no descriptor is lost");
	close(fd);
	check(syscall(SYS_clone, PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0) == -1 &&
		      errno == EINVAL,
	      "clone with both in one place: EINVAL");
	args = (struct args){ .flags = PIDFD | CLONE_DETACHED, .pidfd = (uintptr_t)&fd };
	check(refused(args, 64) == EINVAL, "CLONE_DETACHED: EINVAL");
}

static void refusing(void)
{
	struct args args = { .exit_signal = SIGCHLD };

	check(refused(args, 63) == EINVAL, "63 bytes: EINVAL");
	check(refused(args, sizeof(args)) == 0, "later fields of 0");
	args.later = 1;
	check(refused(args, sizeof(args)) == E2BIG, "not 0: E2BIG");
	check(refused(args, 5000) == E2BIG, "more than a page: E2BIG");
	args = (struct args){ .exit_signal = 65 };
	check(refused(args, 88) == EINVAL, "exit signal 65: EINVAL");
	args = (struct args){ .exit_signal = SIGCHLD, .flags = SIGCHLD };
	check(refused(args, 88) == EINVAL, "a signal in the flags: EINVAL");
	args = (struct args){ .exit_signal = SIGCHLD, .stack = 4096 };
	check(refused(args, 88) == EINVAL, "a stack without a size: EINVAL");
	args = (struct args){ .exit_signal = SIGCHLD, .stack_size = 4096 };
	check(refused(args, 88) == EINVAL, "a size without a stack: EINVAL");
	args = (struct args){ .flags = CLONE_SIGHAND | CLONE_VM | CLEAR_SIGHAND };
	check(refused(args, 88) == EINVAL, "handlers shared and cleared: EINVAL");
	args = (struct args){ .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = 1 };
	check(refused(args, 88) == EINVAL, "a thread with an exit signal: EINVAL");
	args = (struct args){ .flags = 1ull << 40 };
	check(refused(args, 88) == EINVAL, "an unknown flag: EINVAL");
	check(syscall(SYS_clone3, (void *)8, 64) == -1 && errno == EFAULT, "bad address: EFAULT");
}

static void numbers(void)
{
	pid_t wanted = 31000, got;
	struct args args = { .exit_signal = SIGCHLD,
			     .set_tid = (uintptr_t)&wanted,
			     .set_tid_size = 1 };
	int status;
	long pid = clone3(&args, 88);

	if (!pid)
		_exit(getpid() == 31000);
	waitpid((pid_t)pid, &status, 0);
	check(pid == 31000 && WEXITSTATUS(status) == 1, "set_tid: the number asked for");
	wanted = getpid();
	check(refused(args, 88) == EEXIST, "one in use: EEXIST");
	wanted = 0;
	check(refused(args, 88) == EINVAL, "0: EINVAL");
	args.set_tid_size = 0;
	check(refused(args, 88) == EINVAL, "none: EINVAL");
	args.set_tid_size = 2;
	check(refused(args, 88) == EINVAL, "more than there are levels: EINVAL");
	got = fork();
	if (!got) {
		setuid(1000);
		args.set_tid_size = 1;
		wanted = 31001;
		_exit(refused(args, 88));
	}
	check(exit_of(got) == EPERM, "by others than root: EPERM");
}

static void handlers(void)
{
	struct args args = { .exit_signal = SIGCHLD, .flags = CLEAR_SIGHAND };
	struct sigaction usr1, usr2;
	long pid;

	signal(SIGUSR2, SIG_IGN);
	pid = clone3(&args, 64);
	if (!pid) {
		sigaction(SIGUSR1, NULL, &usr1);
		sigaction(SIGUSR2, NULL, &usr2);
		_exit(usr1.sa_handler == SIG_DFL && usr2.sa_handler == SIG_IGN);
	}
	check(exit_of((pid_t)pid) == 1, "CLONE_CLEAR_SIGHAND: no handlers, what was ignored is");
}

/* Touch 300 pages in a child of a child. */
static void spend(void)
{
	static char pages[300 * 4096];
	pid_t pid = fork();

	for (long i = 0; !pid && i < 300; i++)
		*(volatile char *)(pages + i * 4096) = 1;
	if (pid)
		wait(NULL);
	_exit(0);
}

/* What a child used, as wait4 tells it, is with what its children used. */
static void usage(void)
{
	struct rusage got, all;
	pid_t pid = fork();

	if (!pid)
		spend();
	check(wait4(pid, NULL, 0, &got) == pid && got.ru_minflt >= 300,
	      "wait4: usage of its children, too");
	getrusage(RUSAGE_CHILDREN, &all);
	check(all.ru_minflt >= got.ru_minflt && all.ru_minflt < got.ru_minflt + 300,
	      "counted once for the one who waited");
}

int main(void)
{
	usage();
	opening();
	ending();
	signalling();
	getting();
	cloning();
	refusing();
	numbers();
	handlers();
	return checks_done();
}
