/* SPDX-License-Identifier: MIT */
/* calls_lock: locks of fcntl(2), by process and by open file, and of flock(2). TAP. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

static char name[] = "/tmp/lock.tmp";
static volatile int *shared;

static int lock(int fd, int cmd, int type, int whence, long start, long len)
{
	struct flock fl = {
		.l_type = (short)type, .l_whence = (short)whence, .l_start = start, .l_len = len
	};

	return fcntl(fd, cmd, &fl);
}

static int set(int fd, int type, long start, long len)
{
	return lock(fd, F_SETLK, type, SEEK_SET, start, len);
}

/*
 * What another process sees there: "r" or "w", start and length of the first lock in its way, or "-". It
 * is asked with a write lock.
 */
static struct flock seen;
static int others_see(int fd, long start, long len, int type, long lstart, long llen)
{
	int fds[2];
	pid_t pid;

	pipe(fds);
	pid = fork();
	if (!pid) {
		struct flock fl = { .l_type = F_WRLCK, .l_start = start, .l_len = len };

		if (fcntl(fd, F_GETLK, &fl))
			fl.l_type = -1;
		write(fds[1], &fl, sizeof(fl));
		_exit(0);
	}
	read(fds[0], &seen, sizeof(seen));
	close(fds[0]);
	close(fds[1]);
	exit_of(pid);
	if (type == F_UNLCK)
		return seen.l_type == F_UNLCK && seen.l_start == start && seen.l_len == len;
	return seen.l_type == type && seen.l_start == lstart && seen.l_len == llen &&
	       seen.l_whence == SEEK_SET;
}

/* In a child: can it have this lock? 0 or errno. */
static int child_lock(int type, long start, long len)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = open(name, O_RDWR);

		_exit(set(fd, type, start, len) ? errno : 0);
	}
	return exit_of(pid);
}

static void ranges(int fd)
{
	check(set(fd, F_WRLCK, 10, 20) == 0 && others_see(fd, 0, 0, F_WRLCK, 10, 20) &&
		      seen.l_pid == getpid(),
	      "another process sees a lock: kind, range, whose");
	check(others_see(fd, 0, 10, F_UNLCK, 0, 0) && others_see(fd, 30, 5, F_UNLCK, 0, 0),
	      "beside it there is none");
	check(child_lock(F_RDLCK, 29, 1) == EAGAIN && child_lock(F_RDLCK, 30, 1) == 0,
	      "it cannot have the last byte, but the next");
	check(set(fd, F_UNLCK, 15, 5) == 0 && others_see(fd, 0, 0, F_WRLCK, 10, 5) &&
		      others_see(fd, 15, 0, F_WRLCK, 20, 10),
	      "unlocking the middle leaves two");
	check(set(fd, F_RDLCK, 12, 10) == 0 && others_see(fd, 0, 0, F_WRLCK, 10, 2) &&
		      others_see(fd, 12, 0, F_RDLCK, 12, 10) &&
		      others_see(fd, 22, 0, F_WRLCK, 22, 8),
	      "another kind over both cuts them");
	check(child_lock(F_RDLCK, 12, 10) == 0 && child_lock(F_WRLCK, 12, 1) == EAGAIN,
	      "readers share");
	check(set(fd, F_WRLCK, 12, 10) == 0 && others_see(fd, 0, 0, F_WRLCK, 10, 20),
	      "the same kind again makes one");
	check(set(fd, F_WRLCK, 30, 0) == 0 && others_see(fd, 0, 0, F_WRLCK, 10, 0),
	      "neighbours join, to the end of all files");
	check(child_lock(F_RDLCK, 1L << 60, 1) == EAGAIN, "which is far");
	lseek(fd, 100, SEEK_SET);
	ftruncate(fd, 1000);
	check(set(fd, F_UNLCK, 0, 0) == 0 && others_see(fd, 0, 0, F_UNLCK, 0, 0) &&
		      lock(fd, F_SETLK, F_WRLCK, SEEK_CUR, 5, -10) == 0 &&
		      others_see(fd, 0, 0, F_WRLCK, 95, 10),
	      "from the position, backwards");
	check(set(fd, F_UNLCK, 0, 0) == 0 && lock(fd, F_SETLK, F_RDLCK, SEEK_END, -1, 2) == 0 &&
		      others_see(fd, 0, 0, F_RDLCK, 999, 2),
	      "from the end");
	set(fd, F_UNLCK, 0, 0);
}

static void refusals(int fd)
{
	int ro = open(name, O_RDONLY), wo = open(name, O_WRONLY), path = open(name, O_PATH);
	struct flock fl = { .l_type = F_UNLCK };
	long far = 0x7fffffffffffffff;

	check(fails(set(ro, F_WRLCK, 0, 0), EBADF) && fails(set(wo, F_RDLCK, 0, 0), EBADF) &&
		      fails(set(path, F_RDLCK, 0, 0), EBADF) &&
		      fails(set(-1, F_RDLCK, 0, 0), EBADF),
	      "not open for that: EBADF");
	check(set(ro, F_UNLCK, 0, 0) == 0, "to unlock anything will do");
	check(fails(set(fd, 3, 0, 0), EINVAL) && fails(lock(fd, F_SETLK, 0, 3, 0, 0), EINVAL),
	      "unknown kind, unknown origin: EINVAL");
	check(fails(set(fd, F_RDLCK, -1, 0), EINVAL) && fails(set(fd, F_RDLCK, 5, -6), EINVAL),
	      "before the file: EINVAL");
	check(fails(set(fd, F_RDLCK, far, 2), EOVERFLOW) && set(fd, F_RDLCK, far, 1) == 0 &&
		      fails(lock(fd, F_SETLK, F_RDLCK, SEEK_END, far, 0), EOVERFLOW),
	      "beyond the largest offset: EOVERFLOW");
	check(fails(fcntl(fd, F_GETLK, &fl), EINVAL),
	      "to ask who keeps one from unlocking: EINVAL");
	check(fails(fcntl(fd, F_SETLK, (void *)8), EFAULT), "bad address: EFAULT");
	close(ro); /* and with it all locks of this process */
	check(others_see(fd, 0, 0, F_UNLCK, 0, 0),
	      "closing another descriptor of the file unlocks");
	close(wo);
	close(path);
}

static void lifetime(int fd)
{
	pid_t pid;
	int copy;

	set(fd, F_WRLCK, 0, 1);
	check(child_lock(F_WRLCK, 0, 1) == EAGAIN, "a child does not inherit a lock");
	copy = dup(fd);
	close(copy);
	check(others_see(fd, 0, 0, F_UNLCK, 0, 0), "closing a duplicate unlocks");
	pid = fork();
	if (!pid) {
		set(fd, F_WRLCK, 0, 1);
		_exit(0);
	}
	exit_of(pid);
	check(set(fd, F_WRLCK, 0, 1) == 0, "exit unlocks");
	copy = open("/dev/null", O_RDONLY);
	check(dup2(copy, dup(fd)) >= 0 && others_see(fd, 0, 0, F_UNLCK, 0, 0),
	      "so does dup2 over a descriptor");
	close(copy);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Until alarm() is called: the first may come before there is a wait that it ends. */
static void alarm_again_and_again(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 20000 }, { 0, 20000 } }, NULL);
}

/* A child that has byte 0 of the file until it is killed. */
static pid_t first_byte_holder(int fd)
{
	pid_t pid;

	*shared = 0;
	pid = fork();
	if (!pid) {
		set(fd, F_WRLCK, 0, 1);
		*shared = 1;
		pause();
	}
	while (!*shared)
		sleep_ms(1);
	return pid;
}

static void waiting(int fd)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	pid_t pid;

	pid = fork();
	if (!pid) {
		set(fd, F_WRLCK, 0, 1);
		*shared = 1;
		while (*shared != 3)
			sleep_ms(1);
		until_asleep(getppid(), getppid());
		*shared = 2;
		_exit(0);
	}
	while (!*shared)
		sleep_ms(1);
	check(fails(set(fd, F_RDLCK, 0, 1), EAGAIN), "held: EAGAIN");
	*shared = 3;
	check(lock(fd, F_SETLKW, F_RDLCK, SEEK_SET, 0, 1) == 0 && *shared == 2,
	      "F_SETLKW waits until it is free");
	exit_of(pid);

	*shared = 0;
	pid = fork();
	if (!pid) {
		set(fd, F_WRLCK, 1, 1);
		*shared = 1;
		_exit(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 0, 1) ? errno : 0);
	}
	while (!*shared)
		sleep_ms(1);
	until_asleep(pid, pid);
	check(fails(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 1, 1), EDEADLK),
	      "two who wait for each other: EDEADLK");
	set(fd, F_UNLCK, 0, 0);
	check(exit_of(pid) == 0, "the other one gets its lock");

	pid = first_byte_holder(fd);
	sigaction(SIGALRM, &sa, NULL);
	alarm_again_and_again();
	check(fails(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 0, 1), EINTR), "a signal ends the wait");
	alarm(60);
	kill(pid, SIGKILL);
	exit_of(pid);
}

/* A child that has byte @has, of the file @fd or one it opens, and waits for byte @wants. */
static pid_t holder(int fd, int cmd, long has, long wants)
{
	pid_t pid;

	*shared = 0;
	pid = fork();
	if (!pid) {
		if (cmd == F_OFD_SETLKW)
			fd = open(name, O_RDWR);
		lock(fd, cmd, F_WRLCK, SEEK_SET, has, 1);
		*shared = 1;
		_exit(lock(fd, cmd, F_WRLCK, SEEK_SET, wants, 1) ? errno : 0);
	}
	while (!*shared)
		sleep_ms(1);
	until_asleep(pid, pid);
	return pid;
}

static void chains(int fd)
{
	pid_t pid[2];
	int other;

	set(fd, F_WRLCK, 0, 1);
	pid[0] = holder(fd, F_SETLKW, 1, 0);
	pid[1] = holder(fd, F_SETLKW, 2, 1);
	check(fails(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 2, 1), EDEADLK),
	      "a circle of three: EDEADLK");
	set(fd, F_UNLCK, 0, 1);
	check(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 1, 1) == 0 && exit_of(pid[0]) == 0,
	      "who unlocks is not waited for any more, though nobody else ran yet");
	set(fd, F_UNLCK, 0, 0);
	check(exit_of(pid[1]) == 0, "the third has its turn");

	set(fd, F_WRLCK, 0, 1);
	pid[0] = holder(fd, F_SETLKW, 1, 0);
	close(open(name, O_RDONLY));
	check(lock(fd, F_SETLKW, F_WRLCK, SEEK_SET, 1, 1) == 0 && exit_of(pid[0]) == 0,
	      "nor who closes");

	set(fd, F_WRLCK, 0, 1);
	*shared = 0;
	pid[0] = fork();
	if (!pid[0]) {
		*shared = 1;
		_exit(lock(fd, F_SETLKW, F_RDLCK, SEEK_SET, 0, 1) ? errno : 0);
	}
	while (!*shared)
		sleep_ms(1);
	until_asleep(pid[0], pid[0]);
	set(fd, F_RDLCK, 0, 1);
	check(exit_of(pid[0]) == 0, "a writer that becomes a reader lets readers in");
	set(fd, F_UNLCK, 0, 0);

	other = open(name, O_RDWR);
	lock(other, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 1);
	pid[0] = holder(fd, F_OFD_SETLKW, 1, 0);
	alarm_again_and_again();
	check(fails(lock(other, F_OFD_SETLKW, F_WRLCK, SEEK_SET, 1, 1), EINTR),
	      "open files that wait for each other are not told, but wait");
	alarm(60);
	lock(other, F_OFD_SETLK, F_UNLCK, SEEK_SET, 0, 1);
	check(exit_of(pid[0]) == 0, "until one lets go");
	close(other);
}

static void *lock_and_tell(void *arg)
{
	*shared = (int)syscall(SYS_gettid);
	*shared = lock((int)(long)arg, F_SETLKW, F_WRLCK, SEEK_SET, 0, 1) ? errno + 100 : 100;
	return NULL;
}

/* The lock comes when its descriptor is gone: nobody could take it away any more. */
static void closed_meanwhile(int fd)
{
	int other = open(name, O_RDWR);
	pthread_t thread;
	pid_t pid = first_byte_holder(fd);

	*shared = 0;
	pthread_create(&thread, NULL, lock_and_tell, (void *)(long)other);
	while (!*shared)
		sleep_ms(1);
	until_asleep(getpid(), *shared);
	close(other);
	kill(pid, SIGKILL);
	exit_of(pid);
	pthread_join(thread, NULL);
	check(*shared == 100 + EBADF && others_see(fd, 0, 0, F_UNLCK, 0, 0),
	      "a descriptor closed while it waits for a lock gets none: EBADF");
}

static void open_file_locks(int fd)
{
	int other = open(name, O_RDWR), copy;
	struct flock fl = { .l_type = F_WRLCK, .l_pid = 1 };

	check(fails(fcntl(fd, F_OFD_SETLK, &fl), EINVAL), "an open file's lock has no pid: EINVAL");
	check(lock(fd, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 10) == 0 &&
		      fails(lock(other, F_OFD_SETLK, F_RDLCK, SEEK_SET, 5, 1), EAGAIN),
	      "open files of one process exclude each other");
	check(fails(set(fd, F_RDLCK, 0, 1), EAGAIN), "and the process itself");
	fl.l_pid = 0;
	check(fcntl(other, F_OFD_GETLK, &fl) == 0 && fl.l_type == F_WRLCK && fl.l_pid == -1,
	      "whose it is cannot be told");
	copy = dup(fd);
	close(copy);
	check(fails(lock(other, F_OFD_SETLK, F_RDLCK, SEEK_SET, 5, 1), EAGAIN),
	      "a duplicate's close leaves it");
	copy = open(name, O_RDWR);
	lock(copy, F_OFD_SETLK, F_WRLCK, SEEK_SET, 20, 1);
	close(copy);
	check(lock(other, F_OFD_SETLK, F_RDLCK, SEEK_SET, 20, 1) == 0, "the last close unlocks");
	lock(fd, F_OFD_SETLK, F_UNLCK, SEEK_SET, 0, 0);
	close(other);
}

static void whole_files(int fd)
{
	int other = open(name, O_RDONLY), path = open(name, O_PATH), copy;
	pid_t pid;

	check(fails(flock(fd, 0), EINVAL) && fails(flock(fd, LOCK_SH | LOCK_EX), EINVAL) &&
		      fails(flock(fd, LOCK_NB), EINVAL),
	      "flock: no operation, or two: EINVAL");
	check(flock(fd, 32 | LOCK_EX) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0 &&
		      flock(other, LOCK_UN) == 0,
	      "LOCK_MAND is nothing at all");
	check(fails(flock(-1, LOCK_SH), EBADF) && fails(flock(path, LOCK_SH), EBADF),
	      "no open file: EBADF");
	check(flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0, "readers share");
	check(fails(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK), "not with a writer: EWOULDBLOCK");
	check(flock(other, LOCK_EX | LOCK_NB) == 0, "who did not get more has lost what it had");
	check(set(fd, F_WRLCK, 0, 0) == 0, "fcntl's locks are another matter");
	set(fd, F_UNLCK, 0, 0);
	copy = dup(other);
	close(other);
	check(fails(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK), "a duplicate keeps it");
	*shared = 0;
	pid = fork();
	if (!pid) {
		close(copy); /* the child's: the parent's is to be the last */
		*shared = 1;
		_exit(flock(fd, LOCK_EX) ? 1 : 0);
	}
	while (!*shared)
		sleep_ms(1);
	until_asleep(pid, pid);
	check(waitpid(pid, NULL, WNOHANG) == 0, "a child with the file waits");
	close(copy);
	check(exit_of(pid) == 0, "until the last close");
	check(flock(fd, LOCK_SH | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0,
	      "its lock is the parent's: the open file is the same");
	close(path);
}

/* A child that waits for the whole file; 0: it got it. */
static pid_t flock_waiter(int operation)
{
	pid_t pid;

	*shared = 0;
	pid = fork();
	if (!pid) {
		int fd = open(name, O_RDONLY);

		*shared = 1;
		_exit(flock(fd, operation) ? errno : 0);
	}
	while (!*shared)
		sleep_ms(1);
	until_asleep(pid, pid);
	return pid;
}

static void whole_files_waiting(int fd)
{
	int other = open(name, O_RDONLY);
	pid_t pid;

	flock(fd, LOCK_EX);
	alarm_again_and_again();
	check(fails(flock(other, LOCK_SH), EINTR), "a signal ends flock's wait");
	alarm(60);
	pid = flock_waiter(LOCK_SH);
	flock(fd, LOCK_SH);
	check(exit_of(pid) == 0, "a writer that becomes a reader lets readers in");
	pid = flock_waiter(LOCK_EX);
	flock(fd, LOCK_UN);
	check(exit_of(pid) == 0, "LOCK_UN lets a writer in");
	close(other);
}

int main(void)
{
	int fd;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(60); /* rather than hang */
	mkdir("/tmp", 0777);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	ranges(fd);
	refusals(fd);
	lifetime(fd);
	waiting(fd);
	chains(fd);
	closed_meanwhile(fd);
	open_file_locks(fd);
	whole_files(fd);
	whole_files_waiting(fd);
	close(fd);
	unlink(name);
	return checks_done();
}
