/* SPDX-License-Identifier: MIT */
/*
 * calls_fpu: x87, SSE and AVX registers belong to their thread: over switches, fork and exec, and in
 * the frames of signals, where programs find and change them. TAP. Needs argv[0] to be its path.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
/* Offsets in the area: bytes of the software, the header of XSAVE. */
#define SOFTWARE 464
#define HEADER 512
#define ROUNDS 200

struct note {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
};
struct ymm {
	uint64_t word[4];
};

static bool avx;
static unsigned int avx_offset;
static volatile sig_atomic_t hits;
static const char *self;

static void find_avx(void)
{
	uint32_t a, b, c, d;

	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
	avx = c & 1u << 27 && c & 1u << 28; /* OSXSAVE, AVX */
	if (!avx)
		return;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	avx = (a & 6) == 6;
	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0xd), "c"(2));
	avx_offset = b;
}

/* ymm3 and ymm12 stand for all. */
static void load(uint64_t value)
{
	struct ymm ymm = { { value, value + 1, value + 2, value + 3 } };

	__asm__ volatile("vmovdqu %0, %%ymm3; vmovdqu %0, %%ymm12" : : "m"(ymm) : "xmm3", "xmm12");
}

static bool holds(uint64_t value)
{
	struct ymm a, b;
	int i;

	__asm__ volatile("vmovdqu %%ymm3, %0; vmovdqu %%ymm12, %1" : "=m"(a), "=m"(b));
	for (i = 0; i < 4; i++)
		if (a.word[i] != value + (uint64_t)i || b.word[i] != a.word[i])
			return false;
	return true;
}

static bool is_zero(void)
{
	struct ymm a;

	__asm__ volatile("vmovdqu %%ymm12, %0" : "=m"(a));
	return !(a.word[0] | a.word[1] | a.word[2] | a.word[3]);
}

static uint32_t mxcsr(void)
{
	uint32_t value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static void set_mxcsr(uint32_t value)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static uint16_t control_word(void)
{
	uint16_t value;

	__asm__ volatile("fnstcw %0" : "=m"(value));
	return value;
}

/* --- switches, threads, fork --- */

/* Raw system calls: nothing between load() and holds() may use the registers. */
static long call0(long nr)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr) : "rcx", "r11", "memory");
	return ret;
}

static void *keep(void *arg)
{
	uint64_t mine = (uint64_t)(uintptr_t)arg * 0x0101010101010101u;
	uintptr_t good = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		load(mine + (uint64_t)i);
		call0(SYS_sched_yield);
		good += holds(mine + (uint64_t)i);
	}
	return (void *)good;
}

static void switches(void)
{
	pthread_t thread[3];
	bool all = true;
	void *good;
	uintptr_t i;

	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, keep, (void *)(i + 1));
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], &good);
		all &= (uintptr_t)good == ROUNDS;
	}
	check(all, "three threads that yield keep their ymm registers");
}

static void forks(void)
{
	int status;
	long pid;

	set_mxcsr(0x3f80);
	load(7000);
	pid = call0(SYS_fork);
	if (!pid)
		_exit(holds(7000) && mxcsr() == 0x3f80 ? 5 : 1);
	check(holds(7000), "fork leaves the parent's registers alone");
	waitpid((pid_t)pid, &status, 0);
	check(WEXITSTATUS(status) == 5, "and the child has a copy, MXCSR too");
	set_mxcsr(0x1f80);
}

static void *thread_mxcsr(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)mxcsr();
}

static void inheriting(void)
{
	char *argv[] = { (char *)self, "state", NULL };
	pthread_t thread;
	void *value;
	int status;
	pid_t pid;

	set_mxcsr(0x5f80);
	pthread_create(&thread, NULL, thread_mxcsr, NULL);
	pthread_join(thread, &value);
	check((uintptr_t)value == 0x5f80, "a thread starts with its maker's MXCSR");
	pid = fork();
	if (!pid) {
		load(0x1234);
		execv(self, argv);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	check(WEXITSTATUS(status) == 0, "a new program starts with a clean state");
	set_mxcsr(0x1f80);
}

/* --- frames --- */

static char *area_of(void *context)
{
	return (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
}

static uint32_t clean_mxcsr;
static uint16_t clean_control;
static bool clean_ymm, shown, noted;

static void look(int sig, siginfo_t *si, void *context)
{
	uint64_t high[2];
	struct note note;
	uint32_t magic2;
	char *area = area_of(context);

	(void)sig, (void)si;
	clean_ymm = is_zero();
	clean_mxcsr = mxcsr();
	clean_control = control_word();
	hits++;
	memcpy(&note, area + SOFTWARE, sizeof(note));
	memcpy(&magic2, area + note.xstate_size, sizeof(magic2));
	memcpy(high, area + avx_offset + 16L * 12, sizeof(high));
	noted = ((ucontext_t *)context)->uc_flags & 1 && note.magic1 == MAGIC1 &&
		magic2 == MAGIC2 && (note.xfeatures & 7) == 7 &&
		note.extended_size == note.xstate_size + 4 && !((uintptr_t)area & 63);
	shown = high[0] == 502 && high[1] == 503;
	load(99);
}

static void change(int sig, siginfo_t *si, void *context)
{
	uint64_t ymm[4] = { 600, 601, 602, 603 };
	char *area = area_of(context);

	(void)sig, (void)si;
	memcpy(area + 160 + 16L * 3, ymm, 16);
	memcpy(area + 160 + 16L * 12, ymm, 16);
	memcpy(area + avx_offset + 16L * 3, ymm + 2, 16);
	memcpy(area + avx_offset + 16L * 12, ymm + 2, 16);
	load(99);
}

static void install(void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
}

static void raise_now(void)
{
	long ret, pid = getpid();

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"((long)SYS_kill), "D"(pid), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory");
}

static void frames(void)
{
	uint16_t odd = 0x27f, normal = 0x37f;

	install(look);
	set_mxcsr(0x3f80);
	__asm__ volatile("fldcw %0" : : "m"(odd));
	load(500);
	raise_now();
	check(hits == 1 && holds(500), "a handler's use of ymm is undone");
	check(mxcsr() == 0x3f80 && control_word() == odd, "MXCSR and control word come back");
	check(clean_ymm, "the handler began with zeroed registers");
	check(clean_mxcsr == 0x1f80 && clean_control == 0x37f, "and with the ABI's control words");
	check(noted, "the frame says what it holds: magic words, features, sizes");
	check(shown, "and shows the upper halves of ymm");
	set_mxcsr(0x1f80);
	__asm__ volatile("fldcw %0" : : "m"(normal));
	install(change);
	load(500);
	raise_now();
	check(holds(600), "what a handler writes there is in ymm after it");
}

/* --- frames that were tampered with --- */

static int way;

static void tamper(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;
	char *area = area_of(context);
	struct note note;
	uint64_t bit = 1ull << 62;

	(void)sig, (void)si;
	load(99);
	memcpy(&note, area + SOFTWARE, sizeof(note));
	switch (way) {
	case 0:
		memset(area + SOFTWARE, 0, 4);
		break;
	case 1:
		memset(area + note.xstate_size, 0, 4);
		break;
	case 2:
		note.xstate_size = 100;
		memcpy(area + SOFTWARE, &note, sizeof(note));
		break;
	case 3:
		uc->uc_mcontext.fpregs = NULL;
		break;
	case 4:
		memset(area + HEADER, 0, 8);
		break;
	case 5:
		memcpy(area + HEADER, &bit, 8);
		break;
	case 6:
		memset(area + HEADER + 8, 1, 8);
		break;
	case 7:
		uc->uc_mcontext.fpregs = (void *)0xffff888000000000;
		break;
	case 8:
		uc->uc_mcontext.fpregs = (void *)64;
		break;
	}
}

/* 0: x87 and SSE are back, AVX is clear, 1: all is, 2: nothing; a signal if the frame killed. */
static int after_tampering(int how)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct ymm a;

		way = how;
		install(tamper);
		load(500);
		raise_now();
		__asm__ volatile("vmovdqu %%ymm12, %0" : "=m"(a));
		_exit(a.word[0] != 500 ? 2 : !a.word[3] ? 0 : a.word[3] == 503 ? 1 : 3);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void tampering(void)
{
	check(after_tampering(-1) == 1, "nothing changed: all comes back");
	check(after_tampering(0) == 0, "no first magic word: x87 and SSE only, AVX cleared");
	check(after_tampering(1) == 0, "no second magic word: the same");
	check(after_tampering(2) == 0, "a size that is none: the same");
	check(after_tampering(3) == 2, "fpregs NULL: a clean state");
	check(after_tampering(4) == 2, "no feature in the header: a clean state");
	check(after_tampering(5) == 100 + SIGSEGV, "a feature that there is not: SIGSEGV");
	check(after_tampering(6) == 100 + SIGSEGV, "a compacted header: SIGSEGV");
	check(after_tampering(7) == 100 + SIGSEGV, "a kernel address: SIGSEGV");
	check(after_tampering(8) == 100 + SIGSEGV, "an address of nothing: SIGSEGV");
}

int main(int argc, char **argv)
{
	self = argv[0];
	find_avx();
	if (argc > 1)
		return !is_zero() || mxcsr() != 0x1f80 || control_word() != 0x37f;
	if (!check(avx, "the kernel offers AVX"))
		return checks_done();
	switches();
	forks();
	inheriting();
	frames();
	tampering();
	return checks_done();
}
