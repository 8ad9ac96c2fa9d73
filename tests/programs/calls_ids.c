/* SPDX-License-Identifier: MIT */
/*
 * calls_ids: user ids, capabilities, the switches of prctl, priorities and scheduling queries, unshare,
 * and who becomes an orphan's parent. TAP. Needs argv[0] to be its path.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "calls_signal.h"

#define FULL 0x1ffffffffffull

static const char *self;

/* --- capabilities --- */

struct head {
	uint32_t version;
	int pid;
};
struct data {
	uint32_t effective, permitted, inheritable;
};

static struct head v3 = { 0x20080522, 0 };

static uint64_t permitted(void)
{
	struct data d[2] = { { 0 } };

	syscall(SYS_capget, &v3, d);
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static uint64_t effective(void)
{
	struct data d[2] = { { 0 } };

	syscall(SYS_capget, &v3, d);
	return d[0].effective | (uint64_t)d[1].effective << 32;
}

static int drop_by_setuid(void)
{
	if (seteuid(1000) || effective() || permitted() != FULL)
		return 2;
	if (seteuid(0) || effective() != FULL)
		return 3;
	if (setuid(1000) || permitted() || effective())
		return 4;
	return setuid(0) == -1 && errno == EPERM && getuid() == 1000 ? 1 : 5;
}

static int keep_caps(void)
{
	struct data d[2] = { { 0xff, 0xff, 0 }, { 0, 0, 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1) || prctl(PR_GET_KEEPCAPS) != 1 || setuid(1000))
		return 2;
	if (permitted() != FULL || effective())
		return 3;
	if (syscall(SYS_capset, &v3, d) || effective() != 0xff || permitted() != 0xff)
		return 4;
	if (setuid(55) || getuid() != 55)
		return 5;
	d[0].permitted = 0x1ff;
	return syscall(SYS_capset, &v3, d) == -1 && errno == EPERM ? 1 : 6;
}

static int bounding(void)
{
	if (prctl(PR_CAPBSET_READ, 0) != 1 || prctl(PR_CAPBSET_READ, 40) != 1)
		return 2;
	if (prctl(PR_CAPBSET_READ, 41) != -1 || errno != EINVAL)
		return 3;
	if (prctl(PR_CAPBSET_DROP, 5) || prctl(PR_CAPBSET_READ, 5) != 0)
		return 4;
	if (permitted() != FULL)
		return 5;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0) != 0)
		return 6;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 0, 0) == -1 && errno == EPERM ? 1 : 7;
}

static void capabilities(void)
{
	struct head head = { 0, 0 };
	struct data d[2];

	check(syscall(SYS_capget, &head, NULL) == 0 && head.version == 0x20080522,
	      "capget tells its version");
	check(permitted() == FULL && effective() == FULL, "root has all capabilities");
	head.pid = -1;
	check(syscall(SYS_capget, &head, d) == -1 && errno == EINVAL, "of pid -1: EINVAL");
	head.pid = 999999;
	check(syscall(SYS_capget, &head, d) == -1 && errno == ESRCH, "of nobody: ESRCH");
	head.pid = 1;
	check(syscall(SYS_capset, &head, d) == -1 && errno == EPERM, "capset of others: EPERM");
	check(syscall(SYS_capget, (void *)8, d) == -1 && errno == EFAULT, "bad header: EFAULT");
	check(in_child(drop_by_setuid) == 1, "user ids take them away and give them back");
	check(in_child(keep_caps) == 1, "PR_SET_KEEPCAPS, capset, and what is gone is gone");
	check(in_child(bounding) == 1, "the bounding and the ambient set");
}

/* --- user ids --- */

static void *set_ids(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)setresuid(1000, 1001, 1002);
}

static void *get_ids(void *arg)
{
	uid_t r, e, s;

	while (!*(volatile int *)arg)
		sleep_ms(1);
	getresuid(&r, &e, &s);
	return (void *)(intptr_t)(r == 1000 && e == 1001 && s == 1002);
}

static int thread_ids(void)
{
	volatile int done = 0;
	pthread_t setter, getter;
	void *result;

	pthread_create(&getter, NULL, get_ids, (void *)&done);
	pthread_create(&setter, NULL, set_ids, NULL);
	pthread_join(setter, &result);
	done = 1;
	if (result)
		return 2;
	pthread_join(getter, &result);
	return result ? 1 : 3;
}

static int set_each(void)
{
	uid_t r, e, s;

	if (setreuid(-1, 500) || setreuid(500, -1))
		return 2;
	getresuid(&r, &e, &s);
	if (r != 500 || e != 500 || s != 500)
		return 3;
	if (setresuid(-1, 0, -1) != -1 || errno != EPERM)
		return 4;
	return setgid(7) || getgid() != 7 || getegid() != 7 ? 1 : 5;
}

static void users(void)
{
	check(in_child(thread_ids) == 1, "setresuid in a thread is for all of them");
	check(in_child(set_each) == 1, "setreuid sets the saved one too, and root is gone");
	check(setuid((uid_t)-1) == -1 && errno == EINVAL, "user -1: EINVAL");
}

/* --- prctl --- */

static int dying_signal(void)
{
	int fds[2];
	char c = 0;

	pipe(fds);
	if (!fork()) {
		if (!fork()) {
			install(SIGUSR1, 0);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			write(fds[1], "r", 1);
			while (!hits)
				sleep_ms(2);
			c = code == SI_USER;
			write(fds[1], c ? "u" : "k", 1);
			_exit(0);
		}
		read(fds[0], &c, 1);
		_exit(0);
	}
	wait(NULL);
	return read(fds[0], &c, 1) == 1 && c == 'u' ? 1 : 2;
}

static int after_exec(void)
{
	int sig = 0, reaper = 0;

	prctl(PR_GET_PDEATHSIG, &sig);
	prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	return sig == SIGUSR2 && reaper == 1 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
			       prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 &&
			       prctl(PR_GET_KEEPCAPS) == 0 && prctl(PR_GET_DUMPABLE) == 1 ?
		       1 :
		       2;
}

static int over_exec(void)
{
	char *argv[] = { (char *)self, "exec", NULL };

	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_SET_KEEPCAPS, 1);
	prctl(PR_SET_DUMPABLE, 0);
	execv(self, argv);
	return 3;
}

static int over_fork(void)
{
	int sig = 9, reaper = 9;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, 1234);
	pid = fork();
	if (!pid) {
		prctl(PR_GET_PDEATHSIG, &sig);
		prctl(PR_GET_CHILD_SUBREAPER, &reaper);
		_exit(sig == 0 && reaper == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
				      prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 &&
				      prctl(PR_GET_TIMERSLACK) == 1234 ?
			      1 :
			      2);
	}
	return exit_of(pid);
}

static int secure_bits(void)
{
	if (prctl(PR_GET_SECUREBITS) || prctl(PR_SET_SECUREBITS, 0x100) != -1 || errno != EPERM)
		return 2;
	if (prctl(PR_SET_SECUREBITS, 16) || !prctl(PR_GET_KEEPCAPS) || prctl(PR_GET_SECUREBITS) != 16)
		return 3;
	if (prctl(PR_SET_SECUREBITS, 0) || prctl(PR_GET_KEEPCAPS) || setuid(1000))
		return 4;
	return prctl(PR_SET_SECUREBITS, 0) == -1 && errno == EPERM ? 1 : 5;
}

/* A grandchild whose parent ends becomes ours. */
static int subreaper(void)
{
	pid_t pid, me = getpid();

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid) {
		if (!fork()) {
			while (getppid() != me)
				sleep_ms(1);
			_exit(33);
		}
		_exit(0);
	}
	status_of(pid);
	return exit_of(-1) == 33 ? 1 : 2;
}

static void switches(void)
{
	int *address = NULL, tsc = 0;
	char name[16] = "";

	check(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0 &&
		      !strcmp(name, "a name that is "),
	      "PR_SET_NAME keeps 15 bytes");
	check(prctl(PR_SET_PDEATHSIG, 65) == -1 && errno == EINVAL, "PR_SET_PDEATHSIG 65: EINVAL");
	check(in_child(dying_signal) == 1, "PR_SET_PDEATHSIG: the parent's end is signalled");
	check(prctl(PR_SET_DUMPABLE, 2) == -1 && errno == EINVAL, "PR_SET_DUMPABLE 2: EINVAL");
	check(prctl(PR_SET_KEEPCAPS, 2) == -1 && errno == EINVAL, "PR_SET_KEEPCAPS 2: EINVAL");
	check(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL,
	      "PR_SET_NO_NEW_PRIVS cannot be undone: EINVAL");
	check(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 && errno == EINVAL,
	      "it looks at all arguments: EINVAL");
	check(prctl(PR_GET_TIMERSLACK) == 50000, "PR_GET_TIMERSLACK");
	check(prctl(PR_GET_TIMING) == 0, "PR_GET_TIMING");
	check(prctl(PR_GET_TID_ADDRESS, &address) == 0 && address, "PR_GET_TID_ADDRESS");
	check(prctl(PR_GET_SECCOMP) == 0, "PR_GET_SECCOMP: no filter");
	check(prctl(PR_GET_TSC, &tsc) == 0 && tsc == PR_TSC_ENABLE, "PR_GET_TSC: it can be read");
	check(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0 &&
		      prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0) == -1 && errno == EINVAL &&
		      prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0) == -1 && errno == EINVAL,
	      "PR_GET_THP_DISABLE looks at all arguments: EINVAL");
	check(in_child(secure_bits) == 1, "PR_SET_SECUREBITS");
	check(prctl(9999) == -1 && errno == EINVAL, "no such switch: EINVAL");
	check(in_child(over_exec) == 1, "what exec keeps of them");
	check(in_child(over_fork) == 1, "and fork");
	check(in_child(subreaper) == 1, "PR_SET_CHILD_SUBREAPER adopts orphans");
}

/* --- priorities --- */

static int as_other(void)
{
	setuid(1000);
	if (setpriority(PRIO_PROCESS, 0, 5))
		return 2;
	if (setpriority(PRIO_PROCESS, 0, 4) != -1 || errno != EACCES)
		return 3;
	if (setpriority(PRIO_PROCESS, getppid(), 5) != -1 || errno != EPERM)
		return 4;
	if (syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4) != -1 || errno != EPERM)
		return 5;
	return syscall(SYS_sched_setaffinity, getppid(), 8, &(uint64_t){ 1 }) == -1 &&
			       errno == EPERM ?
		       1 :
		       6;
}

static int nice_family(void)
{
	int status;
	pid_t pid;

	setpriority(PRIO_PROCESS, 0, 7);
	pid = fork();
	if (!pid)
		_exit(getpriority(PRIO_PROCESS, 0) == 7 ? 7 : 1);
	status = status_of(pid);
	return WEXITSTATUS(status) == 7 && getpriority(PRIO_PGRP, 0) <= 7 ? 1 : 2;
}

static void priorities(void)
{
	check(getpriority(PRIO_PROCESS, 0) == 0, "niceness is 0");
	check(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20, "which the call tells as 20");
	check(setpriority(PRIO_PROCESS, 0, -100) == 0 && getpriority(PRIO_PROCESS, 0) == -20,
	      "at least -20");
	check(setpriority(PRIO_PROCESS, 0, 0) == 0, "and back");
	check(getpriority(3, 0) == -1 && errno == EINVAL, "kind 3: EINVAL");
	check(getpriority(PRIO_PROCESS, 999999) == -1 && errno == ESRCH, "nobody: ESRCH");
	check(setpriority(PRIO_PGRP, 999999, 1) == -1 && errno == ESRCH, "no group: ESRCH");
	check(in_child(nice_family) == 1, "children inherit it");
	check(in_child(as_other) == 1, "others than root only go down");
	check(syscall(SYS_ioprio_get, 1, 0) == 0, "ioprio_get: none is set");
	check(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6) == 0 &&
		      syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6),
	      "ioprio_set: best effort 6");
	check(syscall(SYS_ioprio_set, 1, 0, 3) == -1 && errno == EINVAL,
	      "a level of no class: EINVAL");
	check(syscall(SYS_ioprio_set, 1, 0, 5 << 13) == -1 && errno == EINVAL, "class 5: EINVAL");
	check(syscall(SYS_ioprio_get, 4, 0) == -1 && errno == EINVAL, "kind 4: EINVAL");
	check(syscall(SYS_ioprio_get, 1, 999999) == -1 && errno == ESRCH, "nobody: ESRCH");
}

static void policies(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t time[3];
	} attr = { 0 };
	int param = 0, other = 1;
	struct timespec ts = { -1, -1 };

	check(syscall(SYS_sched_getscheduler, 0) == 0, "SCHED_OTHER");
	check(syscall(SYS_sched_setscheduler, 0, 3, &param) == 0 &&
		      syscall(SYS_sched_getscheduler, 0) == 3,
	      "SCHED_BATCH");
	check(syscall(SYS_sched_setscheduler, 0, 0, &other) == -1 && errno == EINVAL,
	      "with a priority: EINVAL");
	check(syscall(SYS_sched_setscheduler, 0, 77, &param) == -1 && errno == EINVAL,
	      "policy 77: EINVAL");
	check(syscall(SYS_sched_setscheduler, 0, 1, &param) == -1 && errno == EINVAL,
	      "SCHED_FIFO without a priority: EINVAL");
	check(syscall(SYS_sched_getattr, 0, &attr, 48, 0) == 0 && attr.size == 48 &&
		      attr.policy == 3 && attr.nice == 0,
	      "sched_getattr");
	attr.policy = 0;
	attr.nice = 3;
	check(syscall(SYS_sched_setattr, 0, &attr, 0) == 0 && getpriority(PRIO_PROCESS, 0) == 3,
	      "sched_setattr sets niceness");
	setpriority(PRIO_PROCESS, 0, 0);
	check(syscall(SYS_sched_getattr, 0, &attr, 47, 0) == -1 && errno == EINVAL,
	      "47 bytes: EINVAL");
	attr.size = 20;
	check(syscall(SYS_sched_setattr, 0, &attr, 0) == -1 && errno == E2BIG, "20 bytes: E2BIG");
	check(syscall(SYS_sched_rr_get_interval, 0, &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec >= 0,
	      "sched_rr_get_interval");
	check(syscall(SYS_sched_rr_get_interval, 999999, &ts) == -1 && errno == ESRCH,
	      "of nobody: ESRCH");
	check(sched_get_priority_max(6) == 0 && sched_get_priority_min(2) == 1 &&
		      sched_get_priority_max(4) == -1,
	      "the ranges of priorities");
}

/* --- unshare --- */

static int share_nothing(void)
{
	int fd = open("/", O_RDONLY);
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		if (unshare(CLONE_FILES | CLONE_FS))
			_exit(2);
		close(fd);
		chdir("/tmp");
		_exit(0);
	}
	if (status_of(pid))
		return 2;
	return fcntl(fd, F_GETFD) >= 0 && !access("tmp", F_OK) ? 1 : 3;
}

static void sharing(void)
{
	check(unshare(0) == 0, "unshare of nothing");
	chdir("/");
	check(in_child(share_nothing) == 1, "unshare of files and directories");
	check(unshare(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD) == 0, "one thread shares no map");
	check(unshare(1) == -1 && errno == EINVAL, "flag 1: EINVAL");
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return after_exec();
	capabilities();
	users();
	switches();
	priorities();
	policies();
	sharing();
	return checks_done();
}
