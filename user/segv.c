/* SPDX-License-Identifier: MIT */
/*
 * segv - the faults that cannot be resolved, and what a program learns about them.
 *
 * What you see: each kind of bad access, with the signal, si_code and si_addr that it must give,
 * and the error code, trap number and CR2 in the handler's ucontext. Then the reverse: handlers
 * that repair the cause and return into the same instruction, which then succeeds. Last, a masked
 * SIGSEGV, which kills.
 *
 * Served by: do_user_addr_fault (bad_area, access_error), handle_mm_fault's VM_FAULT_SIGBUS,
 * exc_general_protection for non-canonical addresses, force_sig_fault, signal delivery and
 * rt_sigreturn.
 */
#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "probe.h"
#include "tap.h"

/* x86 page-fault error code, SDM vol. 3A 4.7. */
#define PF_P 0x1UL
#define PF_W 0x2UL
#define PF_U 0x4UL
#define PF_I 0x10UL
#define CPUID_UMIP 0x4 /* leaf 7, ECX bit 2 */
#define TRAP_GP 13
#define TRAP_PF 14

/* One bad access: signal, code, address, and the ucontext's view of it. */
static void expect(const char *what, const void *addr, char access, int sig, int code,
		   unsigned long err)
{
	bool good = faults_with(addr, access, sig, code);

	ok(good && caught.trapno == TRAP_PF && caught.cr2 == (unsigned long)addr &&
		   caught.err == err,
	   "%s", what);
	if (good &&
	    (caught.trapno != TRAP_PF || caught.cr2 != (unsigned long)addr || caught.err != err))
		diag("REG_TRAPNO %lu REG_CR2 %#lx REG_ERR %#lx, want 14, %p, %#lx", caught.trapno,
		     caught.cr2, caught.err, addr, err);
}

static void no_mapping(void)
{
	unsigned char *p = map_anon(1);

	munmap(p, PAGE);
	expect("read through NULL: SEGV_MAPERR", NULL, 'r', SIGSEGV, SEGV_MAPERR, PF_U);
	expect("write through NULL + 8", (void *)8, 'w', SIGSEGV, SEGV_MAPERR, PF_U | PF_W);
	expect("jump to NULL", NULL, 'x', SIGSEGV, SEGV_MAPERR, PF_U | PF_I);
	expect("read of an unmapped page, si_addr exact to the byte", p + 123, 'r', SIGSEGV,
	       SEGV_MAPERR, PF_U);
	expect("write to it", p + PAGE - 1, 'w', SIGSEGV, SEGV_MAPERR, PF_U | PF_W);
	expect("jump into it", p, 'x', SIGSEGV, SEGV_MAPERR, PF_U | PF_I);
	ok(caught.ip == (unsigned long)p,
	   "after a bad jump the instruction pointer is the address");
}

static void no_right(void)
{
	unsigned char *p = map_anon(1);

	poke(p, 0xc3); /* ret: would return at once if it could be executed */
	expect("execution of a data page: SEGV_ACCERR", p, 'x', SIGSEGV, SEGV_ACCERR,
	       PF_U | PF_I | PF_P);
	mprotect(p, PAGE, PROT_READ);
	expect("write to a read-only page that is present", p + 5, 'w', SIGSEGV, SEGV_ACCERR,
	       PF_U | PF_W | PF_P);
	madvise(p, PAGE, MADV_DONTNEED);
	expect("write to one never touched", p + 5, 'w', SIGSEGV, SEGV_ACCERR, PF_U | PF_W);
	(void)peek(p);
	expect("write to the zero page where only reads are allowed", p + 5, 'w', SIGSEGV,
	       SEGV_ACCERR, PF_U | PF_W | PF_P);
	mprotect(p, PAGE, PROT_NONE);
	expect("read of a PROT_NONE page", p + 9, 'r', SIGSEGV, SEGV_ACCERR, PF_U);
	expect("write to it", p + 9, 'w', SIGSEGV, SEGV_ACCERR, PF_U | PF_W);
	mprotect(p, PAGE, PROT_WRITE);
	ok(CATCH() == 0 && (peek(p), true),
	   "PROT_WRITE alone lets one read: on x86 write implies read");
	munmap(p, PAGE);
}

/*
 * The kernel half: no access tells what is mapped there, so the error code always claims
 * "present".
 */
static void kernel_addresses(void)
{
	static const unsigned long places[] = {
		0xffff800000000000, 0xffff888000000000, 0xffffc90000000000,
		0xffffffff80000000, 0xffffffff81000000, 0xfffffffffffff000,
	};
	bool same = true;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		void *p = (void *)places[i];

		same &= faults_with(p, 'r', SIGSEGV, SEGV_MAPERR) && caught.err == (PF_U | PF_P);
		same &= faults_with(p, 'w', SIGSEGV, SEGV_MAPERR) &&
			caught.err == (PF_U | PF_P | PF_W);
		same &= faults_with(p, 'x', SIGSEGV, SEGV_MAPERR) &&
			caught.err == (PF_U | PF_P | PF_I);
	}
	ok(same, "kernel addresses, read, write, jump: SEGV_MAPERR, mapped or not all the same");
	/* with 5-level tables the user half goes on here, and the address is just not mapped */
	ok(faults_with((void *)0x7ffffffff000, 'r', SIGSEGV, SEGV_MAPERR) && caught.err & PF_U &&
		   !(caught.err & ~0x5UL),
	   "the first byte above user space: SEGV_MAPERR");
	if (CATCH() == 0)
		(void)peek((void *)0x1234567812345678);
	ok(caught.sig == SIGSEGV && caught.code == SI_KERNEL && caught.addr == NULL &&
		   caught.trapno == TRAP_GP && caught.err == 0,
	   "a non-canonical address is no page fault: SIGSEGV, SI_KERNEL, si_addr 0, trap 13");
}

/*
 * SGDT and SIDT would tell where the kernel's tables are. With UMIP they are a general protection
 * fault; Linux then pretends that they worked and gives addresses made up, the highest there are.
 */
static void no_tables_shown(void)
{
	struct {
		unsigned short limit;
		unsigned long base;
	} __attribute__((packed)) gdt = { 0 }, idt = { 0 };
	unsigned a, b, c = 0, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & CPUID_UMIP)) {
		skip("SGDT and SIDT tell nothing", "this CPU has no UMIP");
		return;
	}
	if (CATCH() == 0)
		__asm__ volatile("sgdt %0" : "=m"(gdt));
	ok(caught.sig == SIGSEGV || gdt.base >= -0x20000UL, "SGDT tells nothing");
	if (CATCH() == 0)
		__asm__ volatile("sidt %0" : "=m"(idt));
	ok(caught.sig == SIGSEGV || idt.base >= -0x20000UL, "neither does SIDT");
}

static void file_ends(void)
{
	char path[256];
	int fd = open_scratch(path, sizeof(path), NULL);
	unsigned char *p, *own;

	unlink(path);
	if (ftruncate(fd, 2 * PAGE))
		bail("ftruncate");
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED || own == MAP_FAILED)
		bail("mmap a file");
	poke(own + PAGE, 1);
	poke(p + PAGE, 1);
	expect("read behind the end of a file: SIGBUS, BUS_ADRERR", p + 2 * PAGE + 3, 'r', SIGBUS,
	       BUS_ADRERR, PF_U);
	expect("write there", p + 3 * PAGE, 'w', SIGBUS, BUS_ADRERR, PF_U | PF_W);
	expect("write there in a private mapping", own + 3 * PAGE, 'w', SIGBUS, BUS_ADRERR,
	       PF_U | PF_W);
	if (ftruncate(fd, PAGE))
		bail("ftruncate");
	expect("read of a page cut off by truncate", p + PAGE, 'r', SIGBUS, BUS_ADRERR, PF_U);
	expect("truncate takes private copies too", own + PAGE, 'r', SIGBUS, BUS_ADRERR, PF_U);
	ok_eq(peek(p), 0, "the page that stays is still there");
	munmap(p, 4 * PAGE);
	munmap(own, 4 * PAGE);
	close(fd);
}

/* ---- handlers that repair ---- */

static unsigned char *broken;
static volatile int repairs;
static volatile bool on_alt_stack;
static char alt_stack[8 * PAGE];

static void repair(int sig, siginfo_t *si, void *context)
{
	char here;

	(void)sig;
	(void)context;
	on_alt_stack = &here >= alt_stack && &here < alt_stack + sizeof(alt_stack);
	repairs++;
	if ((unsigned char *)si->si_addr != broken + 40)
		_exit(3);
	if (si->si_code == SEGV_ACCERR)
		mprotect(broken, PAGE, PROT_READ | PROT_WRITE);
	else if (mmap(broken, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		      -1, 0) != broken)
		_exit(4);
}

static void repaired_and_retried(void)
{
	struct sigaction sa = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_ONSTACK }, old;
	stack_t ss = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, &old);
	broken = map_anon(1);
	poke(broken + 41, 0x41);
	mprotect(broken, PAGE, PROT_NONE);
	poke(broken + 40, 0x40);
	ok(repairs == 1 && peek(broken + 40) == 0x40,
	   "a handler that mprotects returns into the write, which now succeeds");
	ok_eq(peek(broken + 41), 0x41, "and the page kept its contents");
	ok(on_alt_stack, "the handler ran on the alternate stack");
	munmap(broken, PAGE);
	poke(broken + 40, 0x42);
	ok(repairs == 2 && peek(broken + 40) == 0x42,
	   "a handler that mmaps does the same for a page that was not there");
	munmap(broken, PAGE);
	sigaction(SIGSEGV, &old, NULL);
}

/* ---- death ---- */

static int die_masked(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	poke(arg, 1);
	return 0;
}

static int die_ignored(void *arg)
{
	signal(SIGSEGV, SIG_IGN);
	poke(arg, 1);
	return 0;
}

static int die_plainly(void *arg)
{
	signal(SIGSEGV, SIG_DFL);
	return peek(arg);
}

static void deaths(void)
{
	ok_eq(wait_code(run_in_child(die_plainly, NULL)), 128 + SIGSEGV,
	      "with no handler a child dies of SIGSEGV");
	ok_eq(wait_code(run_in_child(die_masked, NULL)), 128 + SIGSEGV,
	      "a masked SIGSEGV kills in spite of the handler");
	ok_eq(wait_code(run_in_child(die_ignored, NULL)), 128 + SIGSEGV,
	      "an ignored one kills as well");
}

int main(void)
{
	catch_faults();
	no_mapping();
	no_right();
	kernel_addresses();
	no_tables_shown();
	file_ends();
	deaths();
	repaired_and_retried();
	return tap_done();
}
