/* SPDX-License-Identifier: MIT */
/*
 * calls_standing: as whom files see a process that calls setfsuid(2), how it may have itself and others
 * scheduled, its limits, and what is for those with privileges alone. TAP.
 */
#include <sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "calls.h"

#define NOBODY 65534
#define UNUSED_PID 4000000
#define HUGE(log) (SHM_HUGETLB | (log) << 26)

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

static long setfs(uid_t uid)
{
	return syscall(SYS_setfsuid, uid);
}

/* --- the file system's ids --- */

static bool status_has(const char *want)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, want);
}

static uint32_t file_caps(void)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	uint32_t data[6] = { 0 };

	syscall(SYS_capget, &head, data);
	return data[0] & 0x1f;
}

static int another_fsuid(void)
{
	struct stat st;
	int fd;

	if (setfs(-1) || setfs(NOBODY) || setfs(-1) != NOBODY || syscall(SYS_setfsgid, 77) ||
	    syscall(SYS_setfsgid, -1) != 77)
		return 2;
	if (!status_has("Uid:\t0\t0\t0\t65534\nGid:\t0\t0\t0\t77\n") || file_caps())
		return 3;
	if (!fails(open("/tmp/standing.root", O_RDONLY), EACCES) ||
	    access("/tmp/standing.root", R_OK))
		return 4;
	fd = open("/tmp/standing/its", O_CREAT | O_RDWR, 0600);
	if (fd < 0 || fstat(fd, &st) || st.st_uid != NOBODY || st.st_gid != 77)
		return 5;
	if (!fails(chmod("/tmp/standing.root", 0666), EPERM) || kill(1, 0))
		return 6;
	if (setfs(0) != NOBODY || file_caps() != 0x1f || open("/tmp/standing.root", O_RDONLY) < 0)
		return 7;
	return 1;
}

static int follows(void)
{
	if (setresuid(5, 6, 7) || setfs(-1) != 6)
		return 2;
	if (setfs(8) != 6 || setfs(7) != 6 || setfs(5) != 7 || setfs(-1) != 5)
		return 3; /* any of its own, but no other's */
	return setreuid(-1, -1) || setfs(-1) != 6 ? 4 : 1;
}

static void file_ids(void)
{
	make_file("/tmp/standing.root", "x", 0600);
	mkdir("/tmp/standing", 0700);
	chmod("/tmp/standing", 0777);
	check(in_child(another_fsuid) == 1,
	      "setfsuid and setfsgid: files see another, all else does not");
	check(in_child(follows) == 1, "they follow the effective ids, and take only ids one has");
	unlink("/tmp/standing/its");
	rmdir("/tmp/standing");
	unlink("/tmp/standing.root");
}

/* --- scheduling --- */

static long policy(pid_t pid, int policy, int priority)
{
	return syscall(SYS_sched_setscheduler, pid, policy, &priority);
}

static int reset_in_child(void)
{
	return syscall(SYS_sched_getscheduler, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 0;
}

static int resets(void)
{
	if (setpriority(PRIO_PROCESS, 0, -5) || policy(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0))
		return 2;
	if (syscall(SYS_sched_getscheduler, 0) != SCHED_RESET_ON_FORK)
		return 3;
	if (in_child(reset_in_child) != 1 || getpriority(PRIO_PROCESS, 0) != -5)
		return 4;
	if (seteuid(NOBODY) || !fails(policy(0, SCHED_OTHER, 0), EPERM))
		return 5;
	return 1;
}

static int idle_for_good(void)
{
	int priority = 0;

	if (policy(0, SCHED_IDLE, 0) || !fails(policy(0, SCHED_BATCH, 0), EPERM))
		return 2;
	if (!fails(syscall(SYS_sched_setparam, 1, &priority), EPERM))
		return 3;
	return syscall(SYS_sched_setparam, 0, &priority) ? 4 : 1;
}

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t times[3];
	uint32_t util[2];
};

static void attributes(void)
{
	struct attr attr = { .size = 47 };

	check(fails(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG) && attr.size == 56,
	      "sched_setattr of too few bytes: E2BIG, and how many there are");
	attr = (struct attr){ .size = 48, .flags = 0x80 };
	check(fails(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL), "an unknown flag: EINVAL");
	attr = (struct attr){ .util = { 5, 5 } };
	check(!syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) && attr.size == 56 &&
		      !attr.util[0] && !attr.util[1],
	      "sched_getattr: nothing about utilization");
}

static void scheduling(void)
{
	check(fails(policy(UNUSED_PID, 77, 0), ESRCH),
	      "no such process comes before no such policy");
	check(in_child(resets) == 1,
	      "SCHED_RESET_ON_FORK: children do not have the niceness, and it stays");
	check(as_user(NOBODY, NOBODY, idle_for_good) == 1,
	      "SCHED_IDLE is left with privilege only");
	attributes();
	check(!syscall(SYS_ioprio_set, 1, 0, 8 << 13),
	      "ioprio_set looks at three bits of the class");
	check(!getpgid(2) && !getsid(2), "kernel threads are of group 0");
}

/* --- limits --- */

static int file_size(void)
{
	struct rlimit limit = { 10, 20 };
	int fd = open("/tmp/standing.size", O_CREAT | O_RDWR | O_TRUNC, 0600);

	unlink("/tmp/standing.size");
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (!fails(syscall(SYS_fallocate, fd, 0, 0L, 11L), EFBIG) ||
	    !fails(syscall(SYS_fallocate, fd, 1, 0L, 11L), EFBIG))
		return 2;
	return syscall(SYS_fallocate, fd, 0, 0L, 10L) ? 3 : 1;
}

static int descriptors(void)
{
	struct rlimit old, low = { 4, 100 }, high = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit(RLIMIT_NOFILE, &old);
	if (setrlimit(RLIMIT_NOFILE, &low) || !fails(dup2(1, 4), EBADF))
		return 2;
	if (!fails(setrlimit(RLIMIT_NOFILE, &high), EPERM))
		return 3;
	return setrlimit(RLIMIT_NOFILE, &old) ? 4 : 1;
}

static void limits(void)
{
	struct timespec up;
	struct sysinfo info;

	check(fails(syscall(SYS_getrlimit, -1, NULL), EINVAL),
	      "no such limit comes before no such place");
	check(fails(syscall(SYS_prlimit64, UNUSED_PID, 99, NULL, NULL), ESRCH),
	      "and no such process before both");
	check(in_child(descriptors) == 1,
	      "root raises RLIMIT_NOFILE again, but not beyond what there is");
	check(in_child(file_size) == 1, "fallocate heeds RLIMIT_FSIZE");
	clock_gettime(CLOCK_BOOTTIME, &up);
	check(!sysinfo(&info) && info.uptime > up.tv_sec, "sysinfo rounds the uptime up");
}

/* --- personality, prctl --- */

static int old_timeouts(void)
{
	struct timeval t = { 0, 20000 };
	struct timespec ts = { 0, 20000000 };

	personality(STICKY_TIMEOUTS);
	if (select(0, NULL, NULL, NULL, &t) || t.tv_usec != 20000)
		return 2;
	return syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8) || ts.tv_nsec != 20000000 ? 3 : 1;
}

static int old_release(void)
{
	struct utsname name;

	personality(UNAME26);
	return uname(&name) || strncmp(name.release, "2.6.61-", 7) ? 2 : 1;
}

static void *with_signal(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	prctl(PR_GET_PDEATHSIG, arg);
	return NULL;
}

static int death_signal(void)
{
	int there = 0, here = -1;
	pthread_t t;

	pthread_create(&t, NULL, with_signal, &there);
	pthread_join(t, NULL);
	prctl(PR_GET_PDEATHSIG, &here);
	if (there != SIGUSR1 || here)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	if (seteuid(NOBODY) || prctl(PR_GET_PDEATHSIG, &here) || here)
		return 3;
	return 1;
}

static int keep_bit(void)
{
	if (prctl(PR_GET_SECUREBITS) || prctl(PR_SET_KEEPCAPS, 1))
		return 2;
	return prctl(PR_GET_SECUREBITS) == 16 ? 1 : 3;
}

static void switches(void)
{
	check(in_child(old_timeouts) == 1,
	      "STICKY_TIMEOUTS: select and ppoll do not tell what is left");
	check(in_child(old_release) == 1, "UNAME26: an old release");
	check(in_child(death_signal) == 1,
	      "PR_SET_PDEATHSIG is a thread's own, until its ids change");
	check(in_child(keep_bit) == 1, "PR_GET_SECUREBITS tells of PR_SET_KEEPCAPS");
}

/* --- without privilege --- */

static int refused(void)
{
	void *head;
	size_t len;

	if (!fails(syscall(SYS_get_robust_list, 1, &head, &len), EPERM) ||
	    !fails(syscall(SYS_get_robust_list, getppid(), &head, &len), EPERM) ||
	    syscall(SYS_get_robust_list, getpid(), &head, &len))
		return 2;
	if (!fails(syscall(SYS_swapon, "/nowhere", 0), EPERM) ||
	    !fails(syscall(SYS_swapoff, "/nowhere"), EPERM))
		return 3;
	return fails(shmget(IPC_PRIVATE, 4096, 0600 | HUGE(0)), EPERM) ? 1 : 4;
}

static int set_oom_score_adj(const char *text)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n < 0)
		return -1; /* it ends soon */
	return close(fd);
}

static int its_own(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", getppid());
	if (open("/proc/self/fd", O_RDONLY) < 0 || access("/proc/self/fd/0", F_OK) ||
	    open("/proc/self/fdinfo/0", O_RDONLY) < 0 || !fails(open(path, O_RDONLY), EACCES))
		return 2;
	if (!fails(set_oom_score_adj("600"), EACCES) || prctl(PR_SET_DUMPABLE, 1))
		return 3;
	return !fails(set_oom_score_adj("400"), EACCES) || set_oom_score_adj("600") ? 4 : 1;
}

static int its_own_after(void)
{
	return set_oom_score_adj("500") ? 5 : as_user(NOBODY, NOBODY, its_own);
}

static void privileges(void)
{
	check(in_child(its_own_after) == 1,
	      "who was root has its descriptors, and no less oom_score_adj than root gave");
	check(as_user(NOBODY, NOBODY, refused) == 1,
	      "of others robust lists, swap areas, huge segments: EPERM");
	check(fails(shmget(IPC_PRIVATE, 4096, 0600 | HUGE(20)), EINVAL),
	      "no such size of pages: EINVAL");
}

/* --- the ends of children --- */

static void ends(void)
{
	long pid = syscall(SYS_clone, 255, 0, 0, 0, 0);
	char path[32];
	int status;

	if (!pid)
		_exit(3);
	check(pid > 0 && waitpid((pid_t)pid, &status, __WALL) == pid && WEXITSTATUS(status) == 3,
	      "clone with a signal that there is not: none is sent");
	pid = fork();
	if (!pid)
		_exit(0);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	snprintf(path, sizeof(path), "/proc/%ld/mounts", pid);
	check(fails(open(path, O_RDONLY), EINVAL), "a zombie sees no mounts");
	snprintf(path, sizeof(path), "/proc/%ld/root", pid);
	check(fails(open(path, O_RDONLY), ENOENT), "nor a root");
	status_of((pid_t)pid);
}

int main(void)
{
	file_ids();
	scheduling();
	limits();
	switches();
	privileges();
	ends();
	return checks_done();
}
