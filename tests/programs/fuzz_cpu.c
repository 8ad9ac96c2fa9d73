/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cpu [SEED]: instructions, flags, selectors and signal frames that a program may not use so. TAP.
 */
#include "fuzz.h"

static uint8_t *code; /* a page that may be written and run */

static void run_code(const void *bytes, size_t n)
{
	memcpy(code, bytes, n);
	__asm__ volatile("call *%0" : : "r"(code) : "memory", "rax", "rcx", "rdx", "r11", "cc");
}

#define RUN(...) \
	run_code((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void do_hlt(void)
{
	RUN(0xf4, 0xc3);
}
static void do_cli(void)
{
	RUN(0xfa, 0xc3);
}
static void do_sti(void)
{
	RUN(0xfb, 0xc3);
}
static void do_in(void)
{
	RUN(0xe4, 0x64, 0xc3);
}
static void do_out(void)
{
	RUN(0xb0, 0x10, 0xe6, 0xf4, 0xc3);
}
static void do_out_dx(void)
{
	RUN(0xba, 0xf8, 0x0c, 0, 0, 0xee, 0xc3);
}
static void do_insb(void)
{
	RUN(0x6c, 0xc3);
}
static void do_rdmsr(void)
{
	RUN(0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0xc3);
}
static void do_wrmsr(void)
{
	RUN(0xb9, 0x82, 0, 0, 0xc0, 0x31, 0xc0, 0x0f, 0x30, 0xc3);
}
static void do_mov_cr0(void)
{
	RUN(0x0f, 0x20, 0xc0, 0xc3);
}
static void do_mov_cr3(void)
{
	RUN(0x31, 0xc0, 0x0f, 0x22, 0xd8, 0xc3);
}
static void do_mov_dr7(void)
{
	RUN(0x0f, 0x23, 0xf8, 0xc3);
}
static void do_invlpg(void)
{
	RUN(0x0f, 0x01, 0x38, 0xc3);
}
static void do_wbinvd(void)
{
	RUN(0x0f, 0x09, 0xc3);
}
static void do_clts(void)
{
	RUN(0x0f, 0x06, 0xc3);
}
static void do_swapgs(void)
{
	RUN(0x0f, 0x01, 0xf8, 0xc3);
}
static void do_stac(void)
{
	RUN(0x0f, 0x01, 0xcb, 0xc3);
}
static void do_sysret(void)
{
	RUN(0x48, 0x0f, 0x07, 0xc3);
}
static void do_sysenter(void)
{
	RUN(0x0f, 0x34, 0xc3);
}
static void do_lgdt(void)
{
	RUN(0x0f, 0x01, 0x17, 0xc3);
}
static void do_lidt(void)
{
	RUN(0x0f, 0x01, 0x1f, 0xc3);
}
static void do_sgdt(void)
{
	RUN(0x48, 0x83, 0xec, 0x10, 0x0f, 0x01, 0x04, 0x24, 0x48, 0x83, 0xc4, 0x10, 0xc3);
}
static void do_ltr(void)
{
	RUN(0x0f, 0x00, 0xd8, 0xc3);
}
static void do_xsetbv(void)
{
	RUN(0x0f, 0x01, 0xd1, 0xc3);
}
/* Of a register that there is not: programs may read XCR0. */
static void do_xgetbv(void)
{
	RUN(0xb9, 0x4d, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xd0, 0xc3);
}
static void do_wrgsbase(void)
{
	RUN(0xf3, 0x48, 0x0f, 0xae, 0xd8, 0xc3);
}
static void do_vmcall(void)
{
	RUN(0x0f, 0x01, 0xc1, 0xc3);
}
static void do_vmrun(void)
{
	RUN(0x0f, 0x01, 0xd8, 0xc3);
}
static void do_monitor(void)
{
	RUN(0x0f, 0x01, 0xc8, 0xc3);
}
static void do_rdpmc(void)
{
	RUN(0x0f, 0x33, 0xc3);
}
static void do_ud2(void)
{
	RUN(0x0f, 0x0b);
}
static void do_lock_nop(void)
{
	RUN(0xf0, 0x90, 0xc3);
}
static void do_long_insn(void)
{
	RUN(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x90, 0xc3);
}
static void do_int3(void)
{
	RUN(0xcc, 0xc3);
}
static void do_icebp(void)
{
	RUN(0xf1, 0xc3);
}
static void do_lret_kernel(void)
{
	RUN(0x6a, 0x08, 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x50, 0x48, 0xcb);
}
static void do_iret_kernel(void)
{
	RUN(0x6a, 0x10, 0x54, 0x68, 0, 0x30, 0, 0, 0x6a, 0x08, 0x50, 0x48, 0xcf);
}
static void do_iret_iopl(void)
{
	/* IRETQ to the same place with IOPL 3 and VIF in the flags, then CLI: must still be refused. */
	__asm__ volatile(
		"mov %%rsp, %%rax\n\tmov %%ss, %%ecx\n\tpush %%rcx\n\tpush %%rax\n\t"
		"push $0x183202\n\tmov %%cs, %%ecx\n\tpush %%rcx\n\tlea 1f(%%rip), %%rcx\n\t"
		"push %%rcx\n\tiretq\n1:\tcli"
		:
		:
		: "rax", "rcx", "memory", "cc");
}
static void do_divide(void)
{
	RUN(0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1, 0xc3);
}
static void do_divide_overflow(void)
{
	RUN(0xba, 0, 0, 0, 0x40, 0x31, 0xc0, 0xb9, 1, 0, 0, 0, 0xf7, 0xf9, 0xc3);
}
static void do_jump_kernel(void)
{
	((void (*)(void))KERNEL_TEXT)();
}
static void do_jump_noncanonical(void)
{
	__asm__ volatile("jmp *%0" : : "r"(NONCANONICAL));
}
static void do_jump_end(void)
{
	__asm__ volatile("jmp *%0" : : "r"(USER_END));
}
static void do_read_kernel(void)
{
	*(volatile char *)KERNEL_TEXT;
}
static void do_write_kernel(void)
{
	*(volatile char *)KERNEL_RAM = 1;
}
static void do_read_noncanonical(void)
{
	*(volatile char *)NONCANONICAL;
}
static void do_stack_noncanonical(void)
{
	__asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(NONCANONICAL));
}
static void do_stack_kernel(void)
{
	__asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(KERNEL_RAM + PAGE));
}
static void do_vsyscall(void)
{
	((void (*)(void))0xffffffffff600000UL)();
}

static void do_x87(void)
{
	uint16_t control = 0;

	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void do_sse(void)
{
	uint32_t mxcsr = 0;

	__asm__ volatile("ldmxcsr %0; xorps %%xmm0, %%xmm0; divss %%xmm0, %%xmm0"
			 :
			 : "m"(mxcsr)
			 : "xmm0");
}

static void do_mxcsr(void)
{
	uint32_t mxcsr = 0xffffffff;

	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static void do_unaligned_sse(void)
{
	static char buf[64] __attribute__((aligned(16)));

	__asm__ volatile("movaps 1(%0), %%xmm0" : : "r"(buf) : "xmm0", "memory");
}

/* x87 error pending when a system call and a switch of tasks come: FXSAVE must not trip over it. */
static void do_x87_pending(void)
{
	uint16_t control = 0;

	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control));
	for (int i = 0; i < 3; i++)
		wait_ms(1);
	if (!fork())
		syscall(SYS_exit_group, 0);
	__asm__ volatile("fwait");
}

#define FLAG_CASE(name, flags)                                                             \
	static void name(void)                                                             \
	{                                                                                  \
		char buf[64];                                                              \
		long ret;                                                                  \
                                                                                           \
		__asm__ volatile("pushfq; orq %1, (%%rsp); popfq; syscall; pushfq; "       \
				 "andq $~0x54100, (%%rsp); popfq; cld"                     \
				 : "=a"(ret)                                               \
				 : "i"(flags), "0"(SYS_getcwd), "D"(buf), "S"(sizeof(buf)) \
				 : "rcx", "r11", "memory", "cc");                          \
		_exit(ret > 0 && buf[0] == '/' ? 0 : 1);                                   \
	}
FLAG_CASE(do_flag_df, 0x400)
FLAG_CASE(do_flag_nt, 0x4000)
FLAG_CASE(do_flag_ac, 0x40000)
FLAG_CASE(do_flag_tf, 0x100)
FLAG_CASE(do_flag_all, 0x54dd5)
FLAG_CASE(do_flag_iopl, 0x3000)

static void do_segments(void)
{
	for (unsigned int sel = 0; sel < 0x200; sel++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(sel));
			__asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(sel));
			syscall(SYS_sched_yield);
			syscall(SYS_exit_group, 0);
		}
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGSEGV &&
		    WTERMSIG(status) != SIGBUS)
			_exit(1);
	}
}

static void do_stack_segments(void)
{
	for (unsigned int sel = 0; sel < 0x100; sel++) {
		pid_t pid = fork();

		if (!pid) {
			__asm__ volatile("mov %0, %%ss" : : "r"(sel));
			syscall(SYS_exit_group, 0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void do_bases(void)
{
	static const unsigned long bad[] = {
		NONCANONICAL, KERNEL_TEXT,          KERNEL_RAM,          USER_END,
		~0UL,         0x0000800000000000UL, 0xffff7fffffffffffUL
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		for (int code_ = 0x1000; code_ < 0x1006; code_++)
			if (!syscall(SYS_arch_prctl, code_, bad[i]))
				_exit(1);
}

/* What makers of CPUs do not agree on: the instruction is not there, or is not allowed. */
#define PRIVILEGED (-1)
#define UNUSUAL (-2)
#define BAD_STACK (-3)
/* What QEMU's TCG lets pass: alignment checks and SSE exceptions are not modelled. */
#define PERHAPS(sig) (-16 - (sig))

static bool died_as(int status, int sig)
{
	int by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == PRIVILEGED)
		return by == SIGILL || by == SIGSEGV;
	if (sig == UNUSUAL)
		return by == SIGILL || by == SIGTRAP;
	if (sig == BAD_STACK)
		return by == SIGBUS || by == SIGSEGV;
	if (sig <= -16)
		return !status || by == -16 - sig;
	return sig ? by == sig : !status;
}

static void expect(const char *name, void (*fn)(void), int sig)
{
	int status = in_child(fn, 10);

	if (!check(died_as(status, sig), name))
		printf("# wait status %#x, wanted signal %d\n", status, sig);
}

static void software_interrupts(void)
{
	int wrong = 0;

	for (unsigned int v = 0; v < 256; v++) {
		int want = v == 3 ? SIGTRAP : SIGSEGV, status;
		pid_t pid = fork();

		if (!pid) {
			RUN(0xb8, 0x27, 0, 0, 0, 0xcd, (uint8_t)v, 0xc3);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != want) {
			printf("# int %#x: wait status %#x\n", v, status);
			wrong++;
		}
	}
	check(!wrong, "int 0 to int 255: no fake exception or interrupt");
}

/* Random bytes as code, often behind a prefix of the privileged map. */
static void random_code(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t pid;

		for (int j = 0; j < 64; j++)
			code[j] = (uint8_t)rnd();
		if (i & 1)
			code[0] = 0x0f;
		if ((i & 3) == 3)
			code[1] = (uint8_t)below(2);
		pid = fork();
		if (!pid) {
			struct itimerval soon = { .it_value.tv_usec = 20000 };

			close(0), close(1), close(2);
			setitimer(ITIMER_REAL, &soon, NULL);
			__asm__ volatile("jmp *%0" : : "r"(code), "a"(500UL + below(100)));
		}
		waitpid(pid, NULL, 0);
	}
	check(machine_works(), "random bytes as code");
}

static volatile int frame_case;
static volatile int steps;

static void tamper(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	greg_t *r = uc->uc_mcontext.gregs;
	uint32_t *fp = (uint32_t *)uc->uc_mcontext.fpregs;

	(void)sig, (void)si;
	switch (frame_case) {
	case 0:
		r[REG_RIP] = (long)NONCANONICAL;
		break;
	case 1:
		r[REG_RIP] = (long)0x0000800000000000UL;
		break;
	case 2:
		r[REG_RIP] = (long)KERNEL_TEXT;
		break;
	case 3:
		r[REG_RSP] = (long)NONCANONICAL;
		break;
	case 4:
		r[REG_RSP] = (long)KERNEL_RAM;
		break;
	case 5:
		r[REG_CSGSFS] = 0;
		break;
	case 6:
		r[REG_CSGSFS] = 0x10 | 8L << 48;
		break;
	case 7:
		r[REG_CSGSFS] = -1;
		break;
	case 8:
		r[REG_CSGSFS] = 0x23 | 0x2bL << 48;
		break;
	case 9:
		r[REG_EFL] = -1;
		break;
	case 10:
		r[REG_EFL] = 0;
		break;
	case 11:
		fp[6] = 0xffffffff;
		break;
	case 12:
		uc->uc_mcontext.fpregs = (void *)KERNEL_RAM;
		break;
	case 13:
		uc->uc_mcontext.fpregs = (void *)3UL;
		break;
	case 14:
		uc->uc_mcontext.fpregs = (void *)NONCANONICAL;
		break;
	case 15:
		uc->uc_mcontext.fpregs = NULL;
		break;
	case 16:
		memset(fp, 0xff, 512);
		break;
	case 17:
		memset(&uc->uc_sigmask, 0xff, 8);
		break;
	case 18:
		uc->uc_stack.ss_sp = (void *)KERNEL_RAM;
		uc->uc_stack.ss_size = ~0UL;
		uc->uc_stack.ss_flags = -1;
		break;
	case 19:
		memset(uc, 0xff, sizeof(*uc) < 512 ? sizeof(*uc) : 512);
		break;
	case 20:
		memset(uc, 0, 300);
		break;
	case 21:
		for (int i = 0; i < 75; i++)
			((uint32_t *)uc)[below(75)] = (uint32_t)rnd();
		break;
	case 22:
		r[REG_EFL] |= 0x100;
		break;
	}
}

#define FRAME_CASES 22

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
		for (int n = frame_case == 21 ? 200 : 1; n; n--) {
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

static int fuzz_cpu(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
		int sig;
	} cases[] = {
		{ "hlt", do_hlt, SIGSEGV },
		{ "cli", do_cli, SIGSEGV },
		{ "sti", do_sti, SIGSEGV },
		{ "in", do_in, SIGSEGV },
		{ "out to the power switch", do_out, SIGSEGV },
		{ "out dx", do_out_dx, SIGSEGV },
		{ "insb", do_insb, SIGSEGV },
		{ "rdmsr", do_rdmsr, SIGSEGV },
		{ "wrmsr", do_wrmsr, SIGSEGV },
		{ "mov from cr0", do_mov_cr0, SIGSEGV },
		{ "mov to cr3", do_mov_cr3, SIGSEGV },
		{ "mov to dr7", do_mov_dr7, SIGSEGV },
		{ "invlpg", do_invlpg, SIGSEGV },
		{ "wbinvd", do_wbinvd, SIGSEGV },
		{ "clts", do_clts, SIGSEGV },
		{ "swapgs", do_swapgs, SIGSEGV },
		{ "stac", do_stac, SIGILL },
		{ "sysret", do_sysret, SIGSEGV },
		{ "sysenter", do_sysenter, PRIVILEGED },
		{ "lgdt", do_lgdt, SIGSEGV },
		{ "lidt", do_lidt, SIGSEGV },
		{ "ltr", do_ltr, SIGSEGV },
		{ "sgdt", do_sgdt, SIGSEGV },
		{ "xsetbv", do_xsetbv, PRIVILEGED },
		{ "xgetbv", do_xgetbv, PRIVILEGED },
		{ "wrgsbase", do_wrgsbase, SIGILL },
		{ "vmcall", do_vmcall, SIGILL },
		{ "vmrun", do_vmrun, SIGILL },
		{ "monitor", do_monitor, SIGILL },
		{ "rdpmc", do_rdpmc, SIGSEGV },
		{ "ud2", do_ud2, SIGILL },
		{ "lock nop", do_lock_nop, SIGILL },
		{ "an instruction of 16 bytes", do_long_insn, SIGSEGV },
		{ "int3", do_int3, SIGTRAP },
		{ "icebp", do_icebp, UNUSUAL },
		{ "lret to the kernel", do_lret_kernel, SIGSEGV },
		{ "iret to the kernel", do_iret_kernel, SIGSEGV },
		{ "iret with I/O rights", do_iret_iopl, SIGSEGV },
		{ "division by zero", do_divide, SIGFPE },
		{ "division overflow", do_divide_overflow, SIGFPE },
		{ "x87 error", do_x87, SIGFPE },
		{ "SSE error", do_sse, PERHAPS(SIGFPE) },
		{ "x87 error while pending", do_x87_pending, SIGFPE },
		{ "reserved MXCSR bits", do_mxcsr, PERHAPS(SIGSEGV) },
		{ "unaligned SSE access", do_unaligned_sse, SIGSEGV },
		{ "jump into the kernel", do_jump_kernel, SIGSEGV },
		{ "jump to no address", do_jump_noncanonical, SIGSEGV },
		{ "jump to the end of user space", do_jump_end, SIGSEGV },
		{ "read of the kernel", do_read_kernel, SIGSEGV },
		{ "write to the kernel", do_write_kernel, SIGSEGV },
		{ "read of no address", do_read_noncanonical, SIGSEGV },
		{ "stack at no address", do_stack_noncanonical, BAD_STACK },
		{ "stack in the kernel", do_stack_kernel, SIGSEGV },
		{ "the vsyscall page", do_vsyscall, SIGSEGV },
		{ "system call with DF", do_flag_df, 0 },
		{ "system call with NT", do_flag_nt, 0 },
		{ "system call with AC", do_flag_ac, PERHAPS(SIGBUS) },
		{ "system call with TF", do_flag_tf, SIGTRAP },
		{ "system call with all flags", do_flag_all, SIGTRAP },
		{ "system call with IOPL", do_flag_iopl, 0 },
		{ "all selectors", do_segments, 0 },
		{ "all stack selectors", do_stack_segments, 0 },
		{ "bases of FS and GS in the kernel", do_bases, 0 },
		{ "rt_sigreturn on bad stacks", bad_sigreturn, 0 },
		{ "single step", single_step, 0 },
		{ "handler without a stack", handler_without_stack, SIGSEGV },
		{ "SIGSEGV in its own handler", segv_in_handler, SIGSEGV },
		{ "alternate stacks anywhere", bad_altstacks, 0 },
		{ "handlers and restorers anywhere", bad_handlers, 0 },
		{ "recursion without end", deep_recursion, SIGSEGV },
	};

	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(cases[i].name, cases[i].fn, cases[i].sig);
	software_interrupts();
	frames();
	random_code();
	return checks_done();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	return fuzz_cpu();
}
