/* SPDX-License-Identifier: MIT */
/*
 * process: what fork, exec, exit, wait, threads, futexes and process groups promise. TAP. Needs
 * argv[0] to be its path.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

/* linux/futex.h, which musl does not bring. */
enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_CMP_REQUEUE = 4, FUTEX_WAIT_PRIVATE = 128 };

static const char *self;
static volatile int *shared; /* a page that children share */
extern char **environ;

static void note_signal(int sig)
{
	shared[31] = sig;
}

static int run(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(200);
	}
	return exit_of(pid);
}

/* --- exec --- */

static int exec_errno(const char *path)
{
	char *argv[] = { (char *)path, NULL };

	execv(path, argv);
	return errno;
}

static void exec_errors(void)
{
	char *big = malloc(1 << 17), *argv[] = { (char *)self, big, NULL },
	     *bad[] = { (char *)self, (char *)8, NULL };

	check(exec_errno("/no/such/file") == ENOENT, "exec of nothing: ENOENT");
	check(exec_errno("") == ENOENT, "exec of an empty path: ENOENT");
	check(exec_errno("/") == EACCES, "exec of a directory: EACCES");
	make_file("/tmp/p.txt", "no program\n", 0644);
	check(exec_errno("/tmp/p.txt") == EACCES, "not executable: EACCES");
	chmod("/tmp/p.txt", 0755);
	check(exec_errno("/tmp/p.txt") == ENOEXEC, "no program: ENOEXEC");
	make_file("/tmp/p.txt", "", 0755);
	check(exec_errno("/tmp/p.txt") == ENOEXEC, "empty file: ENOEXEC");
	make_file("/tmp/p.txt", "#!/no/interpreter\n", 0755);
	check(exec_errno("/tmp/p.txt") == ENOENT, "script without its interpreter: ENOENT");
	make_file("/tmp/p.txt", "#!/tmp/p.txt\n", 0755);
	check(exec_errno("/tmp/p.txt") == ELOOP, "script of itself: ELOOP");
	memset(big, 'a', (1 << 17) - 1);
	big[(1 << 17) - 1] = 'b';
	check(execv(self, bad) == -1 && errno == EFAULT, "bad argument pointer: EFAULT");
	check(syscall(SYS_execve, 8, bad, NULL) == -1 && errno == EFAULT,
	      "bad path pointer: EFAULT");
	big = realloc(big, (1 << 17) + 1);
	big[1 << 17] = 0;
	argv[1] = big;
	check(execv(self, argv) == -1 && errno == E2BIG, "argument of 128 KiB: E2BIG");
	free(big);
	check(open(self, O_WRONLY) == -1 && errno == ETXTBSY,
	      "writing to a running program: ETXTBSY");
}

static void *exec_in_thread(void *arg)
{
	char *argv[] = { (char *)self, "pid", arg, NULL };

	execv(self, argv);
	return NULL;
}

static void *sleep_forever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void exec_works(void)
{
	char *args[] = { (char *)self, "args", "", "two words", "\xff\x01", NULL },
	     *sh[] = { "/tmp/p.sh", "x y", NULL };
	char *state[] = { (char *)self, "state", NULL }, text[300];
	pthread_t t;
	pid_t pid;
	int fd;

	check(run(args) == 5, "arguments arrive byte for byte, and auxv is right");
	snprintf(text, sizeof(text), "#! %s script one  two \nrest\n", self);
	make_file("/tmp/p.sh", text, 0755);
	check(run(sh) == 5, "a script: interpreter, one argument, path, arguments");
	fd = open(self, O_RDONLY | O_CLOEXEC);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, note_signal);
	check(fd > 2 && run(state) == 0, "exec resets handlers, keeps SIG_IGN, closes O_CLOEXEC");
	close(fd);
	pid = fork();
	if (!pid) {
		snprintf(text, sizeof(text), "%d", getpid());
		pthread_create(&t, NULL, sleep_forever, NULL);
		pthread_create(&t, NULL, exec_in_thread, text);
		sleep_forever(NULL);
	}
	check(exit_of(pid) == 0, "exec in a thread: the others end, the pid stays");
	pid = vfork();
	if (!pid) {
		*shared = 1;
		execv(self, args);
		_exit(200);
	}
	check(exit_of(pid) == 5, "vfork and exec");
	check(posix_spawn(&pid, self, NULL, NULL, args, environ) == 0 &&
		      exit_of(pid) == 5,
	      "posix_spawn");
	check(posix_spawn(&pid, "/no/such", NULL, NULL, args, environ) == ENOENT,
	      "posix_spawn tells the error");
}

/* --- wait --- */

static void waits(void)
{
	siginfo_t si = { 0 };
	struct rusage ru;
	int status;
	pid_t pid;

	check(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "no children: ECHILD");
	check(waitpid(1, &status, 0) == -1 && errno == ECHILD, "not my child: ECHILD");
	check(waitpid(-1, &status, 0x100) == -1 && errno == EINVAL, "unknown option: EINVAL");
	pid = fork();
	if (!pid) {
		while (!shared[2])
			sleep_ms(1);
		_exit(300);
	}
	check(waitpid(pid, &status, WNOHANG) == 0, "WNOHANG: nothing yet");
	shared[2] = 1;
	check(waitid(P_PID, pid, &si, WEXITED | WNOWAIT) == 0 && si.si_pid == pid &&
		      si.si_code == CLD_EXITED && si.si_status == 44,
	      "waitid with WNOWAIT");
	check(wait4(pid, &status, 0, &ru) == pid && WIFEXITED(status) &&
		      WEXITSTATUS(status) == 44 && ru.ru_minflt > 0,
	      "the zombie is still there, with its usage");
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (!pid)
		_exit(0);
	check(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "SIGCHLD ignored: no zombies");
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		pid_t parent = getpid();

		if (fork())
			_exit(0);
		while (getppid() == parent)
			sleep_ms(2);
		shared[1] = getppid();
		_exit(0);
	}
	status_of(pid);
	while (!shared[1])
		sleep_ms(2);
	check(shared[1] != getpid(), "an orphan gets another parent");
}

/* --- threads --- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turns, waiting;

static void *ping(void *arg)
{
	int i, me = arg != NULL;

	pthread_mutex_lock(&mutex);
	for (i = 0; i < 1000; i++) {
		while (turns % 2 != me)
			pthread_cond_wait(&cond, &mutex);
		turns++;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *leave_late(void *arg)
{
	if (arg) {
		sleep_ms(30); /* until the other one is busy */
		exit(17);
	}
	while (!shared[3])
		sleep_ms(1);
	_exit(18);
}

static void *hold(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void *wait_for_cond(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	waiting++;
	pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void threads(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;
	pthread_t t[8];
	pid_t pid;
	int i;

	pthread_create(&t[0], NULL, ping, NULL);
	pthread_create(&t[1], NULL, ping, &turns);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	check(turns == 2000, "two threads take turns with a condition variable");
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, wait_for_cond, NULL);
	pthread_mutex_lock(&mutex);
	while (waiting < 8) {
		pthread_mutex_unlock(&mutex);
		sleep_ms(1);
		pthread_mutex_lock(&mutex);
	}
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	check(1, "a broadcast reaches eight waiters");
	pid = fork();
	if (!pid) {
		pthread_create(&t[0], NULL, leave_late, NULL);
		pthread_exit(NULL);
	}
	while (state_of(pid, pid) != 'Z')
		sleep_ms(1);
	check(waitpid(pid, NULL, WNOHANG) == 0, "the first thread left, the process lives");
	shared[3] = 1;
	check(exit_of(pid) == 18, "until another one ends it");
	pid = fork();
	if (!pid) {
		pthread_create(&t[0], NULL, leave_late, &pid);
		for (;;)
			__asm__ volatile("" : : : "memory");
	}
	check(exit_of(pid) == 17, "exit in a thread ends a busy one too");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_create(&t[0], NULL, hold, &robust);
	pthread_join(t[0], NULL);
	check(pthread_mutex_lock(&robust) == EOWNERDEAD,
	      "a robust mutex tells that its owner died");
	pthread_create(&t[0], NULL, sleep_forever, NULL);
	sleep_ms(5);
	pthread_cancel(t[0]);
	pthread_join(t[0], NULL);
	check(1, "a thread is cancelled in pause");
}

/* --- futex --- */

static long futex(volatile int *word, int op, int val, const struct timespec *ts,
		  volatile int *word2, int val3)
{
	return syscall(SYS_futex, word, op, val, ts, word2, val3);
}

static void futexes(void)
{
	struct timespec ts = { 0, 20000000 };
	volatile int *word = shared + 8;
	int i, woken;
	pid_t pid[4];

	check(futex(word, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno == EAGAIN,
	      "futex: another value, EAGAIN");
	check(futex(word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT,
	      "futex: ETIMEDOUT");
	check(futex((int *)((char *)word + 1), FUTEX_WAKE, 1, NULL, NULL, 0) == -1 &&
		      errno == EINVAL,
	      "not aligned: EINVAL");
	check(futex((int *)8, FUTEX_WAIT, 0, NULL, NULL, 0) == -1 && errno == EFAULT,
	      "no memory: EFAULT");
	check(futex(word, 77, 0, NULL, NULL, 0) == -1 && errno == ENOSYS,
	      "unknown operation: ENOSYS");
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			__atomic_fetch_add(shared + 9, 1, __ATOMIC_SEQ_CST);
			_exit(futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) ? 1 : 0);
		}
	}
	while (shared[9] < 4)
		sleep_ms(1);
	for (i = 0; i < 4; i++)
		until_asleep(pid[i], pid[i]);
	check(futex(word, FUTEX_CMP_REQUEUE, 1, (void *)2, shared + 20, 5) == -1 && errno == EAGAIN,
	      "CMP_REQUEUE compares");
	check(futex(word, FUTEX_CMP_REQUEUE, 1, (void *)2, shared + 20, 0) == 3,
	      "one woken, two moved");
	check(futex(shared + 20, FUTEX_WAKE, 10, NULL, NULL, 0) == 2,
	      "the moved ones wake at the new word");
	woken = (int)futex(word, FUTEX_WAKE, 10, NULL, NULL, 0);
	check(woken == 1, "the last at the old one");
	for (i = woken = 0; i < 4; i++)
		woken += status_of(pid[i]) == 0;
	check(woken == 4, "a word in shared memory joins processes");
}

/* --- groups --- */

static void groups(void)
{
	pid_t pid, leader;
	int status;

	pid = fork();
	if (!pid) {
		pid_t sid = setsid();

		_exit(!(sid == getpid() && getsid(0) == sid && getpgrp() == sid && setsid() == -1 &&
			errno == EPERM && setpgid(0, 0) == -1 && errno == EPERM));
	}
	check(status_of(pid) == 0, "setsid makes a session and a group, once");
	leader = fork();
	if (!leader)
		sleep_forever(NULL);
	pid = fork();
	if (!pid)
		sleep_forever(NULL);
	check(setpgid(leader, 0) == 0 && setpgid(pid, leader) == 0 && getpgid(pid) == leader,
	      "setpgid of children");
	check(setpgid(pid, 999999) == -1 && errno == EPERM, "no such group: EPERM");
	check(setpgid(1, 1) == -1 && errno == ESRCH, "not my child: ESRCH");
	kill(-leader, SIGTERM);
	check(waitpid(-leader, &status, 0) > 0 && waitpid(-leader, &status, 0) > 0 &&
		      WTERMSIG(status) == SIGTERM,
	      "kill and wait by group");
	check(kill(-leader, 0) == -1 && errno == ESRCH, "which is gone then");
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		pid = fork();
		if (!pid) {
			signal(SIGHUP, note_signal);
			raise(SIGSTOP);
			_exit(0);
		}
		waitpid(pid, NULL, WUNTRACED);
		_exit(0);
	}
	status_of(pid);
	for (int i = 0; i < 5000 && shared[31] != SIGHUP; i++)
		sleep_ms(1);
	check(shared[31] == SIGHUP, "a stopped group that is orphaned gets SIGHUP, and goes on");
}

/* --- the rest --- */

static void small_calls(void)
{
	struct timespec a, b, cpu;
	struct utsname uts;
	struct rlimit rl;
	char name[16] = "";
	unsigned char r1[64] = { 0 }, r2[64] = { 0 };
	void *fs;

	clock_gettime(CLOCK_MONOTONIC, &a);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	sleep_ms(20);
	clock_gettime(CLOCK_MONOTONIC, &b);
	check((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 20000000,
	      "the clock goes on while one sleeps");
	check(cpu.tv_sec > 0 || cpu.tv_nsec > 0, "CPU time was used");
	check(clock_gettime(99, &a) == -1 && errno == EINVAL, "no such clock: EINVAL");
	check(uname(&uts) == 0 && !strcmp(uts.sysname, "Linux") && !strcmp(uts.machine, "x86_64"),
	      "uname");
	check(getrlimit(RLIMIT_STACK, &rl) == 0 && rl.rlim_cur == 8 << 20, "8 MiB of stack");
	rl.rlim_cur = 4 << 20;
	check(setrlimit(RLIMIT_STACK, &rl) == 0 && getrlimit(RLIMIT_STACK, &rl) == 0 &&
		      rl.rlim_cur == 4 << 20,
	      "setrlimit");
	rl.rlim_cur = 8 << 20;
	setrlimit(RLIMIT_STACK, &rl);
	check(prctl(PR_SET_NAME, "a-long-name-that-is-cut") == 0 && prctl(PR_GET_NAME, name) == 0 &&
		      !strcmp(name, "a-long-name-tha"),
	      "prctl names a thread");
	check(syscall(SYS_arch_prctl, 0x1003, &fs) == 0 && fs, "arch_prctl tells the FS base");
	check(syscall(SYS_arch_prctl, 0x1002, 1UL << 63) == -1 && errno == EPERM,
	      "a kernel address as FS base: EPERM");
	check(getrandom(r1, 64, 0) == 64 && getrandom(r2, 64, 0) == 64 && memcmp(r1, r2, 64),
	      "getrandom");
	check(syscall(500) == -1 && errno == ENOSYS, "no such system call: ENOSYS");
	check(syscall(-1) == -1 && errno == ENOSYS, "nor a negative one");
}

/* The other end of exec_works(). */
static int child_main(int argc, char **argv)
{
	struct sigaction u1, u2;

	if (!strcmp(argv[1], "pid"))
		return atoi(argv[2]) != getpid() || getpid() != syscall(SYS_gettid);
	if (!strcmp(argv[1], "state")) {
		sigaction(SIGUSR1, NULL, &u1);
		sigaction(SIGUSR2, NULL, &u2);
		return !(u1.sa_handler == SIG_IGN && u2.sa_handler == SIG_DFL &&
			 fcntl(3, F_GETFD) == -1);
	}
	if (!strcmp(argv[1], "script one  two"))
		return argc == 4 && !strcmp(argv[2], "/tmp/p.sh") && !strcmp(argv[3], "x y") ? 5 :
											       1;
	if (strcmp(argv[2], "") || strcmp(argv[3], "two words") || strcmp(argv[4], "\xff\x01") ||
	    argv[5])
		return 1;
	if (getauxval(AT_PAGESZ) != 4096 || !getauxval(AT_RANDOM) ||
	    strcmp((char *)getauxval(AT_EXECFN), argv[0]) ||
	    strcmp((char *)getauxval(AT_PLATFORM), "x86_64") || !getauxval(AT_PHDR) ||
	    getauxval(AT_PHENT) != 56)
		return 2;
	return argc;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return child_main(argc, argv);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkdir("/tmp", 0777);
	exec_errors();
	exec_works();
	waits();
	threads();
	futexes();
	groups();
	small_calls();
	unlink("/tmp/p.txt");
	unlink("/tmp/p.sh");
	return checks_done();
}
