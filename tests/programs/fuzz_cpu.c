/* SPDX-License-Identifier: MIT */
/*
 * fuzz_cpu [SEED]: instructions, flags, selectors and addresses that a program may not use so. TAP.
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

/* --- instructions --- */

/* What a few bytes can do; each ends in a RET, unless it cannot go on. */
static const struct instruction {
	const char *name;
	int sig;
	uint8_t bytes[20];
} instructions[] = {
	{ "hlt", SIGSEGV, { 0xf4, 0xc3 } },
	{ "cli", SIGSEGV, { 0xfa, 0xc3 } },
	{ "sti", SIGSEGV, { 0xfb, 0xc3 } },
	{ "in", SIGSEGV, { 0xe4, 0x64, 0xc3 } },
	{ "out to the power switch", SIGSEGV, { 0xb0, 0x10, 0xe6, 0xf4, 0xc3 } },
	{ "out dx", SIGSEGV, { 0xba, 0xf8, 0x0c, 0, 0, 0xee, 0xc3 } },
	{ "insb", SIGSEGV, { 0x6c, 0xc3 } },
	{ "rdmsr", SIGSEGV, { 0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0xc3 } },
	{ "wrmsr", SIGSEGV, { 0xb9, 0x82, 0, 0, 0xc0, 0x31, 0xc0, 0x0f, 0x30, 0xc3 } },
	{ "mov from cr0", SIGSEGV, { 0x0f, 0x20, 0xc0, 0xc3 } },
	{ "mov to cr3", SIGSEGV, { 0x31, 0xc0, 0x0f, 0x22, 0xd8, 0xc3 } },
	{ "mov to dr7", SIGSEGV, { 0x0f, 0x23, 0xf8, 0xc3 } },
	{ "invlpg", SIGSEGV, { 0x0f, 0x01, 0x38, 0xc3 } },
	{ "wbinvd", SIGSEGV, { 0x0f, 0x09, 0xc3 } },
	{ "clts", SIGSEGV, { 0x0f, 0x06, 0xc3 } },
	{ "swapgs", SIGSEGV, { 0x0f, 0x01, 0xf8, 0xc3 } },
	{ "stac", SIGILL, { 0x0f, 0x01, 0xcb, 0xc3 } },
	{ "sysret", SIGSEGV, { 0x48, 0x0f, 0x07, 0xc3 } },
	{ "sysenter", PRIVILEGED, { 0x0f, 0x34, 0xc3 } },
	{ "lgdt", SIGSEGV, { 0x0f, 0x01, 0x17, 0xc3 } },
	{ "lidt", SIGSEGV, { 0x0f, 0x01, 0x1f, 0xc3 } },
	{ "ltr", SIGSEGV, { 0x0f, 0x00, 0xd8, 0xc3 } },
	{ "sgdt",
	  SIGSEGV,
	  { 0x48, 0x83, 0xec, 0x10, 0x0f, 0x01, 0x04, 0x24, 0x48, 0x83, 0xc4, 0x10, 0xc3 } },
	{ "xsetbv", PRIVILEGED, { 0x0f, 0x01, 0xd1, 0xc3 } },
	/* Of a register that there is not: programs may read XCR0. */
	{ "xgetbv", PRIVILEGED, { 0xb9, 0x4d, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xd0, 0xc3 } },
	{ "wrgsbase", SIGILL, { 0xf3, 0x48, 0x0f, 0xae, 0xd8, 0xc3 } },
	{ "vmcall", SIGILL, { 0x0f, 0x01, 0xc1, 0xc3 } },
	{ "vmrun", SIGILL, { 0x0f, 0x01, 0xd8, 0xc3 } },
	{ "monitor", SIGILL, { 0x0f, 0x01, 0xc8, 0xc3 } },
	{ "rdpmc", SIGSEGV, { 0x0f, 0x33, 0xc3 } },
	{ "ud2", SIGILL, { 0x0f, 0x0b } },
	{ "lock nop", SIGILL, { 0xf0, 0x90, 0xc3 } },
	{ "an instruction of 16 bytes",
	  SIGSEGV,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x90, 0xc3 } },
	{ "int3", SIGTRAP, { 0xcc, 0xc3 } },
	{ "icebp", UNUSUAL, { 0xf1, 0xc3 } },
	{ "lret to the kernel",
	  SIGSEGV,
	  { 0x6a, 0x08, 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x50, 0x48, 0xcb } },
	{ "iret to the kernel",
	  SIGSEGV,
	  { 0x6a, 0x10, 0x54, 0x68, 0, 0x30, 0, 0, 0x6a, 0x08, 0x50, 0x48, 0xcf } },
	{ "division by zero", SIGFPE, { 0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1, 0xc3 } },
	{ "division overflow",
	  SIGFPE,
	  { 0xba, 0, 0, 0, 0x40, 0x31, 0xc0, 0xb9, 1, 0, 0, 0, 0xf7, 0xf9, 0xc3 } },
};

static const struct instruction *instruction;

static void run_instruction(void)
{
	run_code(instruction->bytes, sizeof(instruction->bytes));
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

/*
 * Random bytes as code, often behind a prefix of the privileged map. No VEX prefix: QEMU 7.2 dies of
 * VPINSRB and kin with VEX.L set.
 */
static void random_code(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t pid;

		for (int j = 0; j < 64; j++) {
			code[j] = (uint8_t)rnd();
			if ((code[j] & 0xfe) == 0xc4)
				code[j] = 0x90;
		}
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

static const struct {
	const char *name;
	void (*fn)(void);
	int sig;
} cases[] = {
	{ "iret with I/O rights", do_iret_iopl, SIGSEGV },
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
};

int main(int argc, char **argv)
{
	if (argc > 1)
		rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	for (size_t i = 0; i < COUNT(instructions); i++) {
		instruction = &instructions[i];
		expect(instruction->name, run_instruction, instruction->sig);
	}
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(cases[i].name, cases[i].fn, cases[i].sig);
	software_interrupts();
	random_code();
	return checks_done();
}
