/* SPDX-License-Identifier: MIT */
/*
 * calls_signal: the edges of the signal calls: flags, alternate stacks, queues and limits, faults that
 * nobody wants. TAP.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "calls_signal.h"

#define AUTODISARM (1u << 31)

/* The call itself: musl has an opinion of its own on some arguments. */
#define sigaltstack(new, old) syscall(SYS_sigaltstack, new, old)

static stack_t inside;
static int set_result, set_errno;

/* --- arguments --- */

static void arguments(void)
{
	struct {
		unsigned long handler, flags, restorer, mask;
	} ka = { (unsigned long)SIG_IGN, ~0UL, 0, ~0UL };
	uint64_t set = 0;

	syscall(SYS_rt_sigaction, SIGUSR1, &ka, NULL, 8);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &ka, 8);
	check(ka.flags == 0xdc000807, "sigaction forgets flags that there are not");
	check(ka.mask == ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)),
	      "and SIGKILL and SIGSTOP in its mask");
	check(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &ka, 4) == -1 && errno == EINVAL,
	      "a set of 4 bytes: EINVAL");
	check(syscall(SYS_rt_sigaction, 65, NULL, &ka, 8) == -1 && errno == EINVAL,
	      "signal 65: EINVAL");
	check(syscall(SYS_rt_sigaction, SIGKILL, NULL, &ka, 8) == 0, "asking about SIGKILL");
	check(syscall(SYS_rt_sigaction, SIGKILL, (void *)8, NULL, 8) == -1 && errno == EFAULT,
	      "bad address before bad signal: EFAULT");
	check(syscall(SYS_rt_sigprocmask, 9, NULL, &set, 8) == 0, "no set: how does not matter");
	check(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8) == -1 && errno == EINVAL,
	      "else it does: EINVAL");
	check(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8) == -1 && errno == EFAULT,
	      "bad set: EFAULT");
	set = ~0ul;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set, 8);
	check(set == ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)), "all that can be blocked is");
	set = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 8);
	check(syscall(SYS_rt_sigpending, &set, 4) == 0, "sigpending of 4 bytes");
	check(syscall(SYS_rt_sigpending, &set, 9) == -1 && errno == EINVAL, "of 9: EINVAL");
	check(syscall(SYS_tgkill, getpid() + 1, getpid(), 0) == -1 && errno == ESRCH,
	      "tgkill in another process: ESRCH");
	check(syscall(SYS_tgkill, 0, getpid(), 0) == -1 && errno == EINVAL, "in 0: EINVAL");
	check(syscall(SYS_tkill, -1, 0) == -1 && errno == EINVAL, "tkill of -1: EINVAL");
	check(kill(999999, 65) == -1 && errno == ESRCH, "nobody, whatever the signal: ESRCH");
	check(kill(INT32_MIN, 0) == -1 && errno == ESRCH, "kill of the least number: ESRCH");
	signal(SIGUSR1, SIG_DFL);
}

/* --- alternate stacks --- */

static void on_stack(int sig, siginfo_t *si, void *uc)
{
	stack_t ss = { .ss_sp = uc, .ss_size = 65536 };

	(void)sig, (void)si;
	sigaltstack(NULL, &inside);
	set_result = sigaltstack(&ss, NULL);
	set_errno = errno;
}

static int inherits(void)
{
	stack_t ss;

	sigaltstack(NULL, &ss);
	return ss.ss_size == 65536 ? 1 : 2;
}

static void *thread_stack(void *arg)
{
	sigaltstack(NULL, arg);
	return NULL;
}

static void stacks(void)
{
	struct sigaction sa = { .sa_sigaction = on_stack, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	char *memory = malloc(65536);
	stack_t ss = { .ss_sp = memory, .ss_size = 65536 }, old;
	pthread_t thread;

	sigaction(SIGUSR1, &sa, NULL);
	sigaltstack(&ss, NULL);
	raise(SIGUSR1);
	check(inside.ss_flags == SS_ONSTACK && set_result == -1 && set_errno == EPERM,
	      "on it, it cannot be changed: EPERM");
	check(in_child(inherits) == 1, "fork inherits it");
	pthread_create(&thread, NULL, thread_stack, &old);
	pthread_join(thread, NULL);
	check(old.ss_flags == SS_DISABLE, "a thread does not");
	ss.ss_flags = (int)AUTODISARM;
	check(sigaltstack(&ss, NULL) == 0, "SS_AUTODISARM");
	raise(SIGUSR1);
	check(inside.ss_flags == SS_DISABLE && inside.ss_size == 0 && set_result == 0,
	      "takes it away while it is used");
	sigaltstack(NULL, &old);
	check(old.ss_flags == (int)AUTODISARM && old.ss_sp == memory && old.ss_size == 65536,
	      "and gives it back");
	ss.ss_flags = SS_ONSTACK;
	check(sigaltstack(&ss, NULL) == 0, "SS_ONSTACK is taken");
	ss.ss_flags = 4;
	check(sigaltstack(&ss, NULL) == -1 && errno == EINVAL, "flag 4: EINVAL");
	ss.ss_flags = 0;
	ss.ss_size = 2047;
	check(sigaltstack(&ss, NULL) == -1 && errno == ENOMEM, "2047 bytes: ENOMEM");
	ss.ss_size = 2048;
	check(sigaltstack(&ss, NULL) == 0, "2048 are enough");
	ss.ss_flags = SS_DISABLE;
	ss.ss_size = 1;
	check(sigaltstack(&ss, NULL) == 0, "to disable, any");
	check(sigaltstack((void *)8, NULL) == -1 && errno == EFAULT, "bad address: EFAULT");
	free(memory);
}

/* --- queues --- */

static void order(void)
{
	sigset_t set;
	siginfo_t si;
	int i, sum = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 1; i <= 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ i });
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ i });
	}
	sigqueue(getpid(), SIGUSR2, (union sigval){ 9 });
	check(sigwaitinfo(&set, &si) == SIGUSR2 && si.si_value.sival_int == 9,
	      "the least number comes first");
	for (i = 1; i <= 3; i++)
		sum += sigwaitinfo(&set, &si) == SIGRTMIN + 1 && si.si_value.sival_int == i;
	check(sum == 3, "then real-time ones in the order they were sent");
	for (i = 1; i <= 3; i++)
		sum += sigwaitinfo(&set, &si) == SIGRTMIN + 2 && si.si_value.sival_int == i;
	check(sum == 6, "by number");
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ 1 });
	signal(SIGRTMIN + 1, SIG_IGN);
	signal(SIGRTMIN + 1, SIG_DFL);
	check(sigtimedwait(&set, &si, &(struct timespec){ 0, 0 }) == -1 && errno == EAGAIN,
	      "ignoring forgets what is pending");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int full_queue(void)
{
	struct rlimit limit = { 3, 3 };
	sigset_t set;
	siginfo_t si;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	for (i = 0; !sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ i }) && i < 10; i++)
		;
	if (errno != EAGAIN || i > 3)
		return 2;
	if (kill(getpid(), SIGUSR2) || kill(getpid(), SIGRTMIN + 2))
		return 3;
	if (sigwaitinfo(&set, &si) != SIGUSR2 || si.si_pid != getpid())
		return 4;
	while (sigwaitinfo(&set, &si) != SIGRTMIN + 2)
		;
	return si.si_code == SI_USER && si.si_pid == 0 ? 1 : 5;
}

static long status_number(const char *format)
{
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f) && sscanf(line, format, &n) != 1)
		;
	fclose(f);
	return n;
}

/* A user's processes share the limit; each one's own says how many of all there may be. */
static int shared_queue(void)
{
	struct rlimit limit = { 5, 5 };
	int i, ready[2], done[2];
	sigset_t set;
	char c;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	pipe(ready);
	pipe(done);
	if (!fork()) {
		for (i = 0; i < 3; i++)
			sigqueue(getpid(), SIGRTMIN, (union sigval){ i });
		write(ready[1], "x", 1);
		read(done[0], &c, 1);
		_exit(0);
	}
	read(ready[0], &c, 1);
	for (i = 0; i < 10 && !sigqueue(getpid(), SIGRTMIN, (union sigval){ i }); i++)
		;
	if (i != 2 || errno != EAGAIN || status_number("SigQ: %ld") != 5)
		return 2;
	if (timer_create(CLOCK_MONOTONIC, NULL, &(timer_t){ 0 }) != -1 || errno != EAGAIN)
		return 3;
	kill(getpid(), SIGUSR1);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 1 }, NULL);
	for (i = 0; i < 400 && status_number("SigQ: %ld") != 7; i++)
		sleep_ms(5);
	if (i == 400) /* those always find room, and count */
		return 4;
	write(done[1], "x", 1);
	waitpid(-1, NULL, 0); /* whose SIGCHLD is pending now */
	return status_number("SigQ: %ld") == 5 ? 1 : 5;
}

/* Of a code that nobody knows, only the known part of siginfo may hold something. */
static int odd_siginfo(void)
{
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = -77 }, got;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	((char *)&si)[48] = 1;
	if (syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si) != -1 || errno != E2BIG)
		return 2;
	si.si_code = SI_QUEUE;
	if (syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si) || sigwaitinfo(&set, &got) < 0)
		return 3;
	if (((char *)&got)[48])
		return 4;
	((char *)&si)[48] = 0;
	((char *)&si)[47] = 1;
	si.si_code = 55;
	if (syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si) || sigwaitinfo(&set, &got) < 0)
		return 5;
	if (syscall(SYS_rt_tgsigqueueinfo, 0, 0, SIGUSR1, (void *)8) != -1 || errno != EFAULT)
		return 6;
	return got.si_code == 55 && ((char *)&got)[47] ? 1 : 7;
}

static int forging(void)
{
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_USER };

	if (syscall(SYS_rt_sigqueueinfo, getppid(), 0, &si) != -1 || errno != EPERM)
		return 2;
	si.si_code = SI_TKILL;
	if (syscall(SYS_rt_sigqueueinfo, getppid(), 0, &si) != -1 || errno != EPERM)
		return 3;
	si.si_code = SI_QUEUE;
	if (syscall(SYS_rt_sigqueueinfo, getppid(), 0, &si))
		return 4;
	install(SIGUSR1, 0);
	si.si_code = SI_KERNEL;
	return !syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si) && code == SI_KERNEL ? 1 : 5;
}

static void queues(void)
{
	int fds[2];

	order();
	check(in_child(full_queue) == 1,
	      "RLIMIT_SIGPENDING: sigqueue fails with EAGAIN, kill sends all the same");
	check(as_user(4321, 4321, shared_queue) == 1, "it is a user's, not a process's");
	check(in_child(odd_siginfo) == 1, "siginfo of unknown codes: E2BIG if it is too long");
	check(in_child(forging) == 1, "only to oneself one may seem to be the kernel");
	install(SIGPIPE, 0);
	pipe(fds);
	close(fds[0]);
	write(fds[1], "x", 1);
	check(hits == 1 && code == SI_USER && sender == getpid(),
	      "SIGPIPE seems to come from oneself");
	close(fds[1]);
}

/* --- what cannot be ignored --- */

static int blocked_fault(void)
{
	sigset_t set;

	sigfillset(&set);
	install(SIGSEGV, 0);
	sigprocmask(SIG_SETMASK, &set, NULL);
	*(volatile int *)(uintptr_t)sender = 1;
	return 1;
}

static int ignored_fault(void)
{
	signal(SIGFPE, SIG_IGN);
	__asm__ volatile("xor %%edx, %%edx; xor %%eax, %%eax; div %%edx" : : : "eax", "edx");
	return 1;
}

static sigjmp_buf after_fault;
static struct {
	volatile long code, trap, error;
} fault;

static void take_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	fault.code = si->si_code;
	fault.trap = uc->uc_mcontext.gregs[REG_TRAPNO];
	fault.error = uc->uc_mcontext.gregs[REG_ERR];
	siglongjmp(after_fault, 1);
}

static int no_restorer(void)
{
	struct {
		unsigned long handler, flags, restorer, mask;
	} ka = { (unsigned long)handler, 0, 0, 0 };

	syscall(SYS_rt_sigaction, SIGUSR1, &ka, NULL, 8);
	kill(getpid(), SIGUSR1);
	return 1;
}

static void edit_flags(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)si;
	uc->uc_mcontext.gregs[REG_EFL] = (long long)0xffffffffffbffeff; /* all but TF and a bit */
}

static int flags_filtered(void)
{
	struct sigaction sa = { .sa_sigaction = edit_flags, .sa_flags = SA_SIGINFO };
	unsigned long flags;

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	__asm__ volatile("pushfq; pop %0; cld; pushq $0x202; popfq" : "=r"(flags));
	return (flags & 0x3b3000) == 0 ? 1 : 2; /* IOPL, VM, RF, VIF, ID are the kernel's */
}

/* There is no local descriptor table, at address 0 least of all. */
static int local_selector(void)
{
	struct sigaction sa = { .sa_sigaction = take_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(after_fault, 1))
		__asm__ volatile("mov %0, %%ds" : : "r"(0x1234));
	return fault.code == SI_KERNEL && fault.trap == 13 && fault.error == 0x1234 ? 1 : 2;
}

static void note_mask(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)si;
	set_result = uc->uc_mcontext.gregs[REG_OLDMASK] == 1 << (SIGUSR1 - 1);
}

/* sigsuspend's handler is told the mask that will be again. */
static int old_mask(void)
{
	struct sigaction sa = { .sa_sigaction = note_mask, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	raise(SIGUSR1);
	sigemptyset(&set);
	sigsuspend(&set);
	return set_result ? 1 : 2;
}

static void faults(void)
{
	check(in_child(blocked_fault) == 200 + SIGSEGV, "a fault that is blocked kills");
	check(in_child(ignored_fault) == 200 + SIGFPE, "one that is ignored as well");
	check(in_child(no_restorer) == 200 + SIGSEGV, "no restorer: SIGSEGV");
	check(in_child(local_selector) == 1, "a selector of the local table: error code and all");
	check(in_child(old_mask) == 1, "the mask in a frame is the one that comes back");
	check(in_child(flags_filtered) == 1, "sigreturn with flags of all kinds");
}

int main(void)
{
	arguments();
	stacks();
	queues();
	faults();
	return checks_done();
}
