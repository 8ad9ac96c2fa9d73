/* SPDX-License-Identifier: MIT */
/*
 * calls_rest: system calls that no other program here makes by themselves, since libraries make others
 * in their place or make them unseen. TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096UL
#define call(name, ...) syscall(SYS_##name, ##__VA_ARGS__)

/* --- names relative to a folder --- */

static void names(void)
{
	int dir, fd;
	struct stat st;

	mkdir("/tmp/rest.d", 0755);
	dir = open("/tmp/rest.d", O_RDONLY | O_DIRECTORY);
	fd = (int)call(creat, "/tmp/rest.d/file", 0640);
	check(fd >= 0 && write(fd, "abc", 3) == 3 && fails(read(fd, &st, 1), EBADF),
	      "creat: write-only");
	close(fd);
	close((int)call(creat, "/tmp/rest.d/file", 0600));
	check(call(newfstatat, dir, "file", &st, 0) == 0 && st.st_size == 0 &&
		      (st.st_mode & 07777) == 0640,
	      "creat of a file that is there empties it and leaves its mode");
	check(fails(call(newfstatat, dir, "", &st, 0), ENOENT) &&
		      call(newfstatat, dir, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode) &&
		      fails(call(newfstatat, dir, "file", &st, 0x10000000), EINVAL),
	      "newfstatat: the descriptor itself, unknown flags");
	check(call(mknodat, dir, "fifo", S_IFIFO | 0600, 0) == 0 &&
		      call(newfstatat, dir, "fifo", &st, 0) == 0 && S_ISFIFO(st.st_mode) &&
		      fails(call(mknodat, dir, "fifo", S_IFIFO | 0600, 0), EEXIST) &&
		      fails(call(mknodat, dir, "folder", S_IFDIR | 0700, 0), EPERM),
	      "mknodat");
	check(call(symlinkat, "file", dir, "link") == 0 &&
		      call(newfstatat, dir, "link", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		      S_ISLNK(st.st_mode) && st.st_size == 4 &&
		      fails(call(symlinkat, "", dir, "empty"), ENOENT),
	      "symlinkat");
	check(call(fchmodat, dir, "link", 0444) == 0 &&
		      call(newfstatat, dir, "file", &st, 0) == 0 && (st.st_mode & 07777) == 0444,
	      "fchmodat goes through links");
	check(call(renameat, dir, "fifo", dir, "pipe") == 0 &&
		      fails(call(renameat, dir, "fifo", dir, "pipe"), ENOENT) &&
		      fails(call(renameat, 99, "a", dir, "b"), EBADF),
	      "renameat");
	unlinkat(dir, "pipe", 0), unlinkat(dir, "link", 0), unlinkat(dir, "file", 0);
	close(dir);
	check(rmdir("/tmp/rest.d") == 0, "nothing else was there");
}

/* --- extended attributes: names of a class that nobody has --- */

static void attributes(void)
{
	int fd = open("/dev/null", O_RDONLY);
	char buf[8];

	check(fails(setxattr("/nowhere", "user.a", "v", 1, 0), ENOENT) &&
		      fails(lsetxattr("/nowhere", "user.a", "v", 1, 0), ENOENT) &&
		      fails(fsetxattr(-1, "user.a", "v", 1, 0), EBADF),
	      "setting them of no file");
	check(fails(lgetxattr("/nowhere", "user.a", buf, 8), ENOENT) &&
		      fails(fgetxattr(-1, "user.a", buf, 8), EBADF) &&
		      fails(llistxattr("/nowhere", buf, 8), ENOENT) &&
		      fails(flistxattr(-1, buf, 8), EBADF),
	      "asking no file");
	check(fails(removexattr("/nowhere", "user.a"), ENOENT) &&
		      fails(lremovexattr("/nowhere", "user.a"), ENOENT) &&
		      fails(fremovexattr(-1, "user.a"), EBADF),
	      "taking them from no file");
	check(fails(fsetxattr(fd, "nonsense", "v", 1, 0), EOPNOTSUPP) &&
		      fails(lgetxattr("/dev/null", "nonsense", buf, 8), EOPNOTSUPP),
	      "a name of no class: EOPNOTSUPP");
	close(fd);
}

/* --- ids --- */

static int change_ids(void)
{
	gid_t set[3] = { 7, 5, 6 }, got[8] = { 0 }, r, e, s;
	int wrong = 0;

	wrong |= setgroups(3, set) || call(getgroups, 0, NULL) != 3 ||
		 call(getgroups, 8, got) != 3 || got[0] + got[1] + got[2] != 18;
	wrong |= (!fails(call(getgroups, 2, got), EINVAL) ||
		  !fails(call(getgroups, -1, got), EINVAL))
		 << 1;
	wrong |= (call(setregid, 1, 2) || getgid() != 1 || getegid() != 2) << 2;
	wrong |= (call(setresgid, -1, 1, 3) || call(getresgid, &r, &e, &s) || r != 1 || e != 1 ||
		  s != 3)
		 << 3;
	wrong |= (call(setfsgid, -1) != 1 || call(setfsuid, -1) != 0) << 4;
	wrong |= (setuid(1000) || !fails(call(setregid, 9, 9), EPERM) ||
		  !fails(call(setresgid, 9, 9, 9), EPERM) || !fails(call(setregid, 3, 1), EPERM) ||
		  call(setregid, 1, 3) != 0)
		 << 5;
	wrong |= (call(setfsuid, -1) != 1000) << 6;
	return wrong;
}

/* --- what libraries do unseen --- */

struct robust_head {
	void *list;
	long offset;
	void *pending;
};

static void threads(void)
{
	struct robust_head mine = { &mine, 0, NULL }, *head = NULL;
	size_t len = 0;
	static int tid;

	check(call(set_tid_address, &tid) == gettid() && call(set_tid_address, NULL) == gettid(),
	      "set_tid_address gives the thread's number");
	check(call(set_robust_list, &mine, sizeof(mine)) == 0 &&
		      fails(call(set_robust_list, &mine, 8), EINVAL),
	      "set_robust_list and its only length");
	check(call(get_robust_list, 0, &head, &len) == 0 && head == &mine && len == sizeof(mine) &&
		      fails(call(get_robust_list, 0x3fffffff, &head, &len), ESRCH),
	      "get_robust_list");
	call(set_robust_list, NULL, sizeof(mine));
	check(fails(call(restart_syscall), EINTR),
	      "restart_syscall with nothing to restart: EINTR");
	errno = 0;
	check(call(rseq, NULL, 0, 0, 0) == -1 && (errno == EINVAL || errno == ENOSYS),
	      "rseq: refused, or its arguments are");
}

static void scheduling(void)
{
	struct sched_param param = { .sched_priority = 7 };
	struct rlimit limit, same;

	check(call(sched_getparam, 0, &param) == 0 && param.sched_priority == 0 &&
		      fails(call(sched_getparam, -1, &param), EINVAL) &&
		      fails(call(sched_getparam, 0x3fffffff, &param), ESRCH) &&
		      fails(call(sched_getparam, 0, NULL), EINVAL),
	      "sched_getparam");
	check(call(sched_setparam, 0, &param) == 0, "sched_setparam: the only priority is 0");
	param.sched_priority = 1;
	check(fails(call(sched_setparam, 0, &param), EINVAL), "and no other");
	check(call(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 &&
		      call(prlimit64, getpid(), RLIMIT_NOFILE, &limit, &same) == 0 &&
		      !memcmp(&limit, &same, sizeof(limit)) &&
		      fails(call(prlimit64, 0, 99, NULL, &limit), EINVAL) &&
		      fails(call(prlimit64, 0x3fffffff, RLIMIT_NOFILE, NULL, &limit), ESRCH),
	      "prlimit64");
}

static volatile int got_value;

static void take(int sig, siginfo_t *info, void *context)
{
	got_value = info->si_value.sival_int + (info->si_code == SI_QUEUE) + sig * 1000;
}

static void queue(void)
{
	struct sigaction sa = { .sa_sigaction = take, .sa_flags = SA_SIGINFO };
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };

	sigaction(SIGUSR1, &sa, NULL);
	info.si_value.sival_int = 41;
	check(call(rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &info) == 0 &&
		      got_value == 42 + SIGUSR1 * 1000,
	      "rt_tgsigqueueinfo reaches the thread, with its value");
	check(fails(call(rt_tgsigqueueinfo, getpid(), 0, SIGUSR1, &info), EINVAL) &&
		      fails(call(rt_tgsigqueueinfo, getppid(), gettid(), SIGUSR1, &info), ESRCH),
	      "no thread 0, and none of another process");
}

static int exit_with_children(void)
{
	call(exit_group, 0x105);
	return 1;
}

static void time_and_end(void)
{
	struct timespec ts, bad = { 0, 1000000000 };

	clock_gettime(CLOCK_REALTIME, &ts);
	check(call(clock_settime, CLOCK_REALTIME, &ts) == 0 &&
		      fails(call(clock_settime, CLOCK_REALTIME, &bad), EINVAL) &&
		      fails(call(clock_settime, CLOCK_MONOTONIC, &ts), EINVAL) &&
		      fails(call(clock_settime, 99, &ts), EINVAL),
	      "clock_settime");
	check(in_child(exit_with_children) == 5, "exit_group: the low byte");
}

static void advice(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct {
		void *base;
		size_t len;
	} range = { p, 2 * PAGE };
	int fd = (int)call(pidfd_open, getpid(), 0);
	pid_t pid;

	check(call(process_madvise, fd, &range, 1, 20 /* MADV_COLD */, 0) == (long)(2 * PAGE) &&
		      fails(call(process_madvise, fd, &range, 1, 4 /* MADV_DONTNEED */, 0),
			    EINVAL) &&
		      fails(call(process_madvise, -1, &range, 1, 20, 0), EBADF) &&
		      fails(call(process_madvise, fd, &range, 1, 20, 1), EINVAL),
	      "process_madvise");
	close(fd);
	pid = fork();
	if (!pid)
		_exit(0);
	fd = (int)call(pidfd_open, pid, 0);
	exit_of(pid);
	in_child(getpid); /* who may get the memory of what is gone */
	check(fails(call(process_madvise, fd, &range, 1, 20, 0), ESRCH), "of whom was waited for");
	close(fd);
	munmap(p, 2 * PAGE);
}

int main(void)
{
	names();
	attributes();
	check(in_child(change_ids) == 0, "groups, and the ids of users and groups");
	threads();
	scheduling();
	queue();
	time_and_end();
	advice();
	return checks_done();
}
