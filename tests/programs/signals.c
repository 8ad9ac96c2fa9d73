/* SPDX-License-Identifier: MIT */
/*
 * signals: what a program may rely on when signals are sent, blocked, handled, waited for and
 * stopped by. TAP.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "calls.h"

static volatile sig_atomic_t hits, order[8], norder, last_code, last_value, on_stack;
static volatile pid_t last_pid;
static char *stack_low, *stack_high;

static void count(int sig)
{
	hits++;
	if (norder < 8)
		order[norder++] = sig;
}

static void info_handler(int sig, siginfo_t *si, void *uc)
{
	char here;

	(void)uc;
	count(sig);
	last_code = si->si_code;
	last_pid = si->si_pid;
	last_value = si->si_value.sival_int;
	on_stack = &here >= stack_low && &here < stack_high;
}

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
	hits = norder = 0;
}

static pid_t spawn(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(0);
	}
	return pid;
}

/* --- sending and masks --- */

static void sending(void)
{
	sigset_t set, old;
	union sigval value = { .sival_int = 42 };
	int i;

	install(SIGUSR1, info_handler, 0);
	kill(getpid(), SIGUSR1);
	check(hits == 1 && last_code == SI_USER && last_pid == getpid(),
	      "kill: SI_USER and the sender's pid");
	raise(SIGUSR1);
	check(hits == 2 && last_code == SI_TKILL, "raise: SI_TKILL");
	sigqueue(getpid(), SIGUSR1, value);
	check(hits == 3 && last_code == SI_QUEUE && last_value == 42, "sigqueue carries a value");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	install(SIGRTMIN + 3, info_handler, 0);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (i = 0; i < 3; i++) {
		value.sival_int = i;
		kill(getpid(), SIGUSR1);
		sigqueue(getpid(), SIGRTMIN + 3, value);
	}
	check(hits == 0, "blocked signals wait");
	sigpending(&set);
	check(sigismember(&set, SIGUSR1) && sigismember(&set, SIGRTMIN + 3),
	      "and are seen as pending");
	sigprocmask(SIG_SETMASK, &old, NULL);
	check(hits == 4, "a plain signal is kept once, a real-time one as often as it was sent");
	check(last_value == 0 || last_value == 2, "real-time signals keep their values");
	check(kill(getpid(), 65) == -1 && errno == EINVAL, "signal 65: EINVAL");
	check(kill(999999, 0) == -1 && errno == ESRCH, "nobody there: ESRCH");
	check(kill(getpid(), 0) == 0, "signal 0 only asks");
	check(signal(SIGKILL, SIG_IGN) == SIG_ERR && errno == EINVAL, "SIGKILL cannot be ignored");
}

static void nested(int sig, siginfo_t *si, void *uc)
{
	(void)si, (void)uc;
	if (hits++ == 0) {
		raise(sig);
		order[0] = hits; /* 1: deferred, 2: at once */
	}
}

static void flags(void)
{
	struct sigaction sa;

	install(SIGUSR2, nested, 0);
	raise(SIGUSR2);
	check(hits == 2 && order[0] == 1, "a signal is blocked in its own handler");
	install(SIGUSR2, nested, SA_NODEFER);
	raise(SIGUSR2);
	check(hits == 2 && order[0] == 2, "not with SA_NODEFER");
	install(SIGUSR2, info_handler, SA_RESETHAND);
	raise(SIGUSR2);
	sigaction(SIGUSR2, NULL, &sa);
	check(hits == 1 && sa.sa_handler == SIG_DFL, "SA_RESETHAND is for one time");
}

/* --- the frame --- */

static void edit_context(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	(void)si;
	count(sig);
	uc->uc_mcontext.gregs[REG_RAX] = 0x1234567890;
	uc->uc_mcontext.fpregs->_xmm[7].element[0] = 77;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

static void context(void)
{
	sigset_t now;
	long rax, pid = getpid();
	unsigned int xmm = 5;

	install(SIGUSR1, edit_context, 0);
	__asm__ volatile("movd %1, %%xmm7; syscall; movd %%xmm7, %1"
			 : "=a"(rax), "+r"(xmm)
			 : "0"((long)SYS_kill), "D"(pid), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory", "xmm7");
	check(rax == 0x1234567890, "what a handler writes into gregs is there after it");
	check(xmm == 77, "and what it writes into the FPU image");
	sigprocmask(SIG_SETMASK, NULL, &now);
	check(sigismember(&now, SIGUSR2), "and into uc_sigmask");
	sigemptyset(&now);
	sigprocmask(SIG_SETMASK, &now, NULL);
}

static void altstack(void)
{
	stack_t ss = { .ss_size = 65536, .ss_sp = malloc(65536) }, old,
		tiny = { .ss_sp = &ss, .ss_size = 100 };

	stack_low = ss.ss_sp;
	stack_high = stack_low + ss.ss_size;
	install(SIGUSR1, info_handler, SA_ONSTACK);
	raise(SIGUSR1);
	check(!on_stack, "no alternate stack, no switch");
	sigaltstack(&ss, NULL);
	raise(SIGUSR1);
	check(on_stack, "SA_ONSTACK runs on the alternate stack");
	sigaltstack(NULL, &old);
	check(old.ss_sp == ss.ss_sp && old.ss_flags == 0, "which is told back");
	check(sigaltstack(&tiny, NULL) == -1 && errno == ENOMEM, "100 bytes: ENOMEM");
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	sigaltstack(NULL, &old);
	check(old.ss_flags == SS_DISABLE, "SS_DISABLE");
}

static void no_room_for_frame(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_ONSTACK };
	char *guard = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_size = 8192, .ss_sp = guard };

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static void bad_sigreturn(void)
{
	__asm__ volatile("mov $8, %%rsp; syscall"
			 :
			 : "a"((long)SYS_rt_sigreturn)
			 : "rcx", "r11", "memory");
	_exit(1);
}

static void frames(void)
{
	int status;

	waitpid(spawn(no_room_for_frame), &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "no room for a frame: SIGSEGV");
	waitpid(spawn(bad_sigreturn), &status, 0);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	      "sigreturn from nowhere: SIGSEGV");
}

/* --- waiting and interrupted calls --- */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void waiting(void)
{
	struct timespec half = { 0, 30000000 }, left;
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
	sigset_t set, empty;
	siginfo_t si;
	long begin;

	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	check(sigtimedwait(&set, &si, &half) == -1 && errno == EAGAIN,
	      "sigtimedwait: nothing came, EAGAIN");
	if (!fork()) {
		sleep_ms(20);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	half.tv_sec = 5;
	check(sigtimedwait(&set, &si, &half) == SIGTERM && si.si_code == SI_USER,
	      "sigtimedwait takes a signal that would kill");
	wait(NULL);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	install(SIGALRM, info_handler, 0);
	setitimer(ITIMER_REAL, &it, NULL);
	sigsuspend(&empty);
	check(hits == 1 && last_code == SI_KERNEL, "sigsuspend until the timer");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	errno = 0;
	begin = now_ms();
	check(nanosleep(&(struct timespec){ 5, 0 }, &left) == -1 && errno == EINTR &&
		      left.tv_sec < 5 && left.tv_sec * 1000 + left.tv_nsec / 1000000 >=
				5000 - 2 - (now_ms() - begin),
	      "nanosleep is interrupted and says what is left");
	while (hits < 4)
		pause();
	check(1, "the timer repeats");
	setitimer(ITIMER_REAL, &off, &it);
	check(it.it_interval.tv_usec == 20000, "and tells its interval");
	alarm(100);
	check(alarm(0) == 100, "alarm returns what was left");
}

static int alarmed[2]; /* a pipe that the handler of an alarm writes to */

static void tell_child(int sig, siginfo_t *si, void *uc)
{
	info_handler(sig, si, uc);
	write(alarmed[1], "x", 1);
}

static void child_sleeps(void)
{
	char c;

	read(alarmed[0], &c, 1);
	_exit(3);
}

static void child_stays(void)
{
	for (;;)
		pause();
}

static void restarting(void)
{
	int status = 0;
	pid_t pid;

	pipe(alarmed);
	install(SIGALRM, tell_child, SA_RESTART);
	pid = spawn(child_sleeps);
	ualarm(20000, 0);
	check(waitpid(pid, &status, 0) == pid && hits == 1 && WEXITSTATUS(status) == 3,
	      "SA_RESTART: wait4 goes on");
	install(SIGALRM, info_handler, 0);
	pid = spawn(child_stays);
	ualarm(20000, 20000); /* the first may come before we wait */
	check(waitpid(pid, &status, 0) == -1 && errno == EINTR && hits >= 1, "without it: EINTR");
	ualarm(0, 0);
	close(alarmed[0]);
	close(alarmed[1]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* --- stopping --- */

static void sleep_on(void)
{
	struct timespec ts = { 0, 200000000 };

	_exit(nanosleep(&ts, NULL) ? 9 : 7);
}

/* One of these, stopped while it sleeps, with its stop as @status: who is slow to do so tries again. */
static pid_t stopped_sleeper(int *status)
{
	pid_t pid;

	do {
		hits = 0;
		pid = spawn(sleep_on);
		until_asleep(pid, pid);
		kill(pid, SIGSTOP);
	} while (waitpid(pid, status, WUNTRACED) == pid && WIFEXITED(*status) &&
		 WEXITSTATUS(*status) == 7);
	return pid;
}

static void spin(void)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
}

static void stopping(void)
{
	siginfo_t si = { 0 };
	int status;
	pid_t pid;

	install(SIGCHLD, info_handler, SA_RESTART);
	pid = stopped_sleeper(&status);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "WUNTRACED");
	check(hits == 1 && last_code == CLD_STOPPED && last_pid == pid, "SIGCHLD with CLD_STOPPED");
	check(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "which is told once");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status), "WCONTINUED");
	check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7,
	      "its sleep went on where it was");
	pid = spawn(spin);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGTERM);
	sleep_ms(20);
	check(waitpid(pid, &status, WNOHANG) == 0,
	      "a stopped process dies of SIGTERM only when it goes on");
	kill(pid, SIGCONT);
	check(waitid(P_PID, pid, &si, WEXITED) == 0 && si.si_code == CLD_KILLED &&
		      si.si_status == SIGTERM && si.si_pid == pid,
	      "waitid tells of what");
	pid = spawn(spin);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL,
	      "SIGKILL does not wait for SIGCONT");
	signal(SIGCHLD, SIG_DFL);
}

/* --- threads --- */

static volatile int stop_thread;
static pthread_t thread_hit;

static void note_thread(int sig)
{
	thread_hit = pthread_self(); /* before the count, which somebody waits for */
	count(sig);
}

static void *idle_thread(void *arg)
{
	(void)arg;
	while (!stop_thread)
		sleep_ms(5);
	return NULL;
}

static void threads(void)
{
	struct sigaction sa = { .sa_handler = note_thread };
	sigset_t set;
	pthread_t t;
	int i;

	sigaction(SIGUSR1, &sa, NULL);
	hits = 0;
	pthread_create(&t, NULL, idle_thread, NULL);
	pthread_kill(t, SIGUSR1);
	for (i = 0; i < 100 && !hits; i++)
		sleep_ms(5);
	check(hits == 1 && pthread_equal(thread_hit, t), "pthread_kill reaches that thread");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	for (i = 0; i < 100 && hits < 2; i++)
		sleep_ms(5);
	check(hits == 2 && pthread_equal(thread_hit, t),
	      "kill finds the thread that does not block");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	stop_thread = 1;
	pthread_join(t, NULL);
}

static void ignored_by_init(void)
{
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	if (getpid() != 1)
		kill(1, SIGURG);
	check(1, "ignored signals do nothing");
}

int main(void)
{
	sending();
	flags();
	context();
	altstack();
	frames();
	waiting();
	restarting();
	stopping();
	threads();
	ignored_by_init();
	return checks_done();
}
