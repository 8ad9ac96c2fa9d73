/* SPDX-License-Identifier: MIT */
/* fuzz_frames [SEED]: signal frames, handlers and their stacks that are none. TAP. */
#include "fuzz.h"

static volatile int frame_case;
static volatile int steps;

static const struct {
	int reg;
	unsigned long value;
} bad_registers[] = {
	{ REG_RIP, NONCANONICAL },
	{ REG_RIP, USER_END + PAGE },
	{ REG_RIP, KERNEL_TEXT },
	{ REG_RSP, NONCANONICAL },
	{ REG_RSP, KERNEL_RAM },
	{ REG_CSGSFS, 0 },
	{ REG_CSGSFS, 0x10 | 8UL << 48 },
	{ REG_CSGSFS, ~0UL },
	{ REG_CSGSFS, 0x23 | 0x2bUL << 48 },
	{ REG_EFL, ~0UL },
	{ REG_EFL, 0 },
	{ REG_EFL, 0x302 }, /* single step */
};

static const unsigned long bad_states[] = { KERNEL_RAM, 3, NONCANONICAL, 0 };

enum {
	BAD_STATE = COUNT(bad_registers),
	BAD_MXCSR = BAD_STATE + COUNT(bad_states),
	BAD_STATE_BYTES,
	BAD_MASK,
	BAD_STACK,
	ALL_ONES,
	ALL_ZERO,
	RANDOM,
	FRAME_CASES
};

static void tamper(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	uint32_t *fp = (uint32_t *)uc->uc_mcontext.fpregs;

	(void)sig, (void)si;
	if (frame_case < BAD_STATE)
		uc->uc_mcontext.gregs[bad_registers[frame_case].reg] =
			(long)bad_registers[frame_case].value;
	else if (frame_case < BAD_MXCSR)
		uc->uc_mcontext.fpregs = (void *)bad_states[frame_case - BAD_STATE];
	else if (frame_case == BAD_MXCSR)
		fp[6] = 0xffffffff;
	else if (frame_case == BAD_STATE_BYTES)
		memset(fp, 0xff, 512);
	else if (frame_case == BAD_MASK)
		memset(&uc->uc_sigmask, 0xff, 8);
	else if (frame_case == BAD_STACK)
		uc->uc_stack = (stack_t){ (void *)KERNEL_RAM, -1, ~0UL };
	else if (frame_case == ALL_ONES)
		memset(uc, 0xff, sizeof(*uc) < 512 ? sizeof(*uc) : 512);
	else if (frame_case == ALL_ZERO)
		memset(uc, 0, 300);
	else
		for (int i = 0; i < 75; i++)
			((uint32_t *)uc)[below(75)] = (uint32_t)rnd();
}

static void sigreturn_child(void)
{
	struct sigaction sa = { .sa_sigaction = tamper, .sa_flags = SA_SIGINFO };

	sigaction(SIGUSR1, &sa, NULL);
	syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
	syscall(SYS_sched_yield);
	syscall(SYS_exit_group, 0);
}

static void frames(void)
{
	for (frame_case = 0; frame_case < FRAME_CASES; frame_case++)
		for (int n = frame_case == RANDOM ? 200 : 1; n; n--) {
			rnd();
			in_child(sigreturn_child, 2);
		}
	check(machine_works(), "sigreturn with frames that were tampered with");
}

/* Calls rt_sigreturn with the stack pointer anywhere. */
static void bad_sigreturn(void)
{
	static const unsigned long sp[] = {
		0,    8,   PAGE, KERNEL_TEXT, KERNEL_RAM, NONCANONICAL, USER_END, USER_END - 8,
		~0UL, ~7UL
	};

	for (size_t i = 0; i < COUNT(sp); i++) {
		pid_t pid = fork();

		if (!pid)
			__asm__ volatile("mov %0, %%rsp; syscall"
					 :
					 : "r"(sp[i]), "a"(SYS_rt_sigreturn));
		waitpid(pid, NULL, 0);
	}
}

static void count_steps(int sig)
{
	(void)sig;
	steps++;
}

static void single_step(void)
{
	signal(SIGTRAP, count_steps);
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; mov $39, %%eax; syscall; nop; "
			 "pushfq; andq $~0x100, (%%rsp); popfq"
			 :
			 :
			 : "rax", "rcx", "r11", "memory", "cc");
	_exit(steps > 4 ? 0 : 1);
}

static void on_segv_segv(int sig)
{
	(void)sig;
	*(volatile char *)0 = 1;
}

/* A handler whose stack is no stack. */
static void handler_without_stack(void)
{
	signal(SIGSEGV, on_segv_segv);
	signal(SIGUSR1, count_steps);
	__asm__ volatile(
		"mov %0, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov $10, %%esi; "
		"mov $62, %%eax; syscall; ud2"
		:
		: "r"(below(2) ? NONCANONICAL : 64UL));
}

static void segv_in_handler(void)
{
	struct sigaction sa = { .sa_handler = on_segv_segv, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	raise(SIGSEGV);
}

static void bad_altstacks(void)
{
	static const unsigned long at[] = {
		0, PAGE, KERNEL_RAM, NONCANONICAL, USER_END, ~0UL << 12
	};
	static const unsigned long size[] = { 2048, 1UL << 40, 1UL << 47, ~0UL, ~0UL >> 1 };

	for (size_t i = 0; i < COUNT(at) * COUNT(size); i++) {
		pid_t pid = fork();

		if (!pid) {
			stack_t ss = { .ss_sp = (void *)at[i % COUNT(at)],
				       .ss_size = size[i / COUNT(at)] };
			struct sigaction sa = { .sa_handler = count_steps, .sa_flags = SA_ONSTACK };

			sigaction(SIGUSR1, &sa, NULL);
			sigaltstack(&ss, NULL);
			raise(SIGUSR1);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void bad_handlers(void)
{
	static const unsigned long at[] = { 2, KERNEL_TEXT, NONCANONICAL, USER_END, ~0UL };

	for (size_t i = 0; i < COUNT(at) * 4; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct {
				unsigned long handler, flags, restorer, mask;
			} ka = { i & 1 ? at[i / 4] : (unsigned long)count_steps,
				 i & 2 ? 0x04000000 : 0, i & 1 ? 0 : at[i / 4], ~0UL };

			syscall(SYS_rt_sigaction, SIGUSR1, &ka, NULL, 8);
			raise(SIGUSR1);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static volatile bool deeper = true;

static void deep_recursion(void)
{
	volatile char here[2048];

	here[0] = 1;
	__asm__ volatile("" : : "r"(here) : "memory");
	if (deeper)
		deep_recursion();
	__asm__ volatile("" : : "r"(here) : "memory");
}

static const struct {
	const char *name;
	void (*fn)(void);
	int sig; /* that it dies of, or 0 */
} cases[] = {
	{ "rt_sigreturn on bad stacks", bad_sigreturn, 0 },
	{ "single step", single_step, 0 },
	{ "handler without a stack", handler_without_stack, SIGSEGV },
	{ "SIGSEGV in its own handler", segv_in_handler, SIGSEGV },
	{ "alternate stacks anywhere", bad_altstacks, 0 },
	{ "handlers and restorers anywhere", bad_handlers, 0 },
	{ "recursion without end", deep_recursion, SIGSEGV },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = in_child(cases[i].fn, 10);

		if (!check(cases[i].sig ? WIFSIGNALED(status) && WTERMSIG(status) == cases[i].sig :
					  !status,
			   cases[i].name))
			printf("# wait status %#x, wanted signal %d\n", status, cases[i].sig);
	}
	frames();
	return checks_done();
}
