/* SPDX-License-Identifier: MIT */
/*
 * Exceptions other than the page fault. From user mode each becomes the signal that Linux sends for
 * it; from the kernel it is fixed up by the exception table or is an oops.
 */

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/proc/signal.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/vmalloc.h"
#include <asm/extable.h>
#include <asm/page.h>
#include <asm/processor.h>
#include <asm/switch.h>
#include <asm/traps.h>

/* The assembly's idea of the structures (asm.inc). */
BUILD_BUG_ON(sizeof(struct pt_regs) != 168);
BUILD_BUG_ON(offsetof(struct pt_regs, ax) != 80);
BUILD_BUG_ON(offsetof(struct pt_regs, orig_ax) != 120);
BUILD_BUG_ON(offsetof(struct pt_regs, ss) != 160);
BUILD_BUG_ON(offsetof(struct task_struct, thread_flags) != 0);
BUILD_BUG_ON(sizeof(((struct task_struct *)0)->thread_flags) != 4);
BUILD_BUG_ON((TIF_NEED_RESCHED | TIF_SIGPENDING) != 3);

static const char *const trap_names[NR_EXCEPTIONS] = {
	[X86_TRAP_DE] = "divide error",
	[X86_TRAP_DB] = "debug exception",
	[X86_TRAP_NMI] = "non-maskable interrupt",
	[X86_TRAP_BP] = "breakpoint",
	[X86_TRAP_OF] = "overflow",
	[X86_TRAP_BR] = "bound range exceeded",
	[X86_TRAP_UD] = "invalid opcode",
	[X86_TRAP_NM] = "device not available",
	[X86_TRAP_DF] = "double fault",
	[X86_TRAP_TS] = "invalid TSS",
	[X86_TRAP_NP] = "segment not present",
	[X86_TRAP_SS] = "stack segment fault",
	[X86_TRAP_GP] = "general protection fault",
	[X86_TRAP_PF] = "page fault",
	[X86_TRAP_MF] = "x87 floating-point error",
	[X86_TRAP_AC] = "alignment check",
	[X86_TRAP_MC] = "machine check",
	[X86_TRAP_XF] = "SIMD floating-point error",
	[X86_TRAP_CP] = "control protection exception",
};

const char *trap_name(unsigned int vector)
{
	return vector < NR_EXCEPTIONS && trap_names[vector] ? trap_names[vector] :
							      "unknown exception";
}

/* The common case. @addr is si_addr for those signals that have one. */
static void do_trap(struct pt_regs *regs, unsigned int vector, unsigned long error_code, int sig,
		    int code, unsigned long addr)
{
	if (!user_mode(regs)) {
		if (fixup_exception(regs, (int)vector, error_code, 0))
			return;
		die(trap_name(vector), regs, (long)error_code, 0);
	}
	local_irq_enable();
	current->trap_nr = vector;
	current->error_code = error_code;
	force_sig_fault(sig, code, (void __user *)addr);
	local_irq_disable();
}

#define SIMPLE_TRAP(name, vector, sig, code, addr)                      \
	void exc_##name(struct pt_regs *regs, unsigned long error_code) \
	{                                                               \
		do_trap(regs, vector, error_code, sig, code, addr);     \
	}

SIMPLE_TRAP(divide_error, X86_TRAP_DE, SIGFPE, FPE_INTDIV, regs->ip)
SIMPLE_TRAP(int3, X86_TRAP_BP, SIGTRAP, SI_KERNEL, 0)
SIMPLE_TRAP(overflow, X86_TRAP_OF, SIGSEGV, SI_KERNEL, 0)
SIMPLE_TRAP(bounds, X86_TRAP_BR, SIGSEGV, SI_KERNEL, 0)
SIMPLE_TRAP(invalid_op, X86_TRAP_UD, SIGILL, ILL_ILLOPN, regs->ip)
SIMPLE_TRAP(device_not_available, X86_TRAP_NM, SIGILL, ILL_ILLOPN, regs->ip)
SIMPLE_TRAP(invalid_tss, X86_TRAP_TS, SIGSEGV, SI_KERNEL, 0)
SIMPLE_TRAP(segment_not_present, X86_TRAP_NP, SIGBUS, SI_KERNEL, 0)
SIMPLE_TRAP(stack_segment, X86_TRAP_SS, SIGBUS, SI_KERNEL, 0)
SIMPLE_TRAP(general_protection, X86_TRAP_GP, SIGSEGV, SI_KERNEL, 0)
SIMPLE_TRAP(alignment_check, X86_TRAP_AC, SIGBUS, BUS_ADRALN, 0)
SIMPLE_TRAP(control_protection, X86_TRAP_CP, SIGSEGV, SI_KERNEL, 0)

/* Single step, or INT1. DR6 says which (SDM vol. 3B 17.2.3); the flag would stay set by itself. */
void exc_debug(struct pt_regs *regs, unsigned long error_code)
{
	unsigned long dr6;

	__asm__ volatile("mov %%db6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%db6" : : "r"(0xffff0ff0UL));
	do_trap(regs, X86_TRAP_DB, error_code, SIGTRAP, dr6 & BIT(14) ? TRAP_TRACE : TRAP_BRKPT,
		regs->ip);
}

/*
 * si_code of x87 and SSE arithmetic: the first unmasked flag names the cause. Flags in order: invalid,
 * denormal, divide, overflow, underflow, precision (SDM vol. 1 8.1.3.3, 10.2.3); codes by Linux's ABI.
 */
static int fpe_code(unsigned long flags)
{
	enum { FLTDIV = 3, FLTOVF = 4, FLTUND = 5, FLTRES = 6 };
	static const int code[] = { FPE_FLTINV, FLTUND, FLTDIV, FLTOVF, FLTUND, FLTRES };
	static const u8 order[] = { 0, 2, 3, 4, 1, 5 };

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++)
		if (flags & BIT(order[i]))
			return code[order[i]];
	return FPE_FLTINV;
}

void exc_coprocessor_error(struct pt_regs *regs, unsigned long error_code)
{
	u16 status = 0, control = 0;

	__asm__ volatile("fnstsw %0" : "=m"(status));
	__asm__ volatile("fnstcw %0" : "=m"(control));
	do_trap(regs, X86_TRAP_MF, error_code, SIGFPE, fpe_code(status & ~control & 0x3f),
		regs->ip);
}

void exc_simd_coprocessor_error(struct pt_regs *regs, unsigned long error_code)
{
	u32 mxcsr = 0;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	do_trap(regs, X86_TRAP_XF, error_code, SIGFPE, fpe_code(mxcsr & ~(mxcsr >> 7) & 0x3f),
		regs->ip);
}

void exc_spurious_interrupt_bug(struct pt_regs *regs, unsigned long error_code)
{
	die("exception with a reserved vector", regs, (long)error_code, 0);
}

void exc_nmi(struct pt_regs *regs, unsigned long error_code)
{
	(void)error_code;
	smp_stop_if_asked(regs);
	pr_warn("non-maskable interrupt at ip %lx: nobody's, ignored", regs->ip);
}

void exc_machine_check(struct pt_regs *regs, unsigned long error_code)
{
	(void)error_code;
	show_regs(regs);
	panic("machine check: the hardware reports an error it could not correct");
}

/*
 * Usually the kernel stack ran into its guard page: the page fault could not push its frame, and CR2
 * is still the guard page's address (SDM vol. 3A 6.15, interrupt 8).
 */
void exc_double_fault(struct pt_regs *regs, unsigned long error_code)
{
	unsigned long cr2 = read_cr2(), boot_guard = (unsigned long)boot_stack_guard;
	unsigned long start, end;
	char what[96];

	(void)error_code;
	strlcpy(what, "double fault", sizeof(what));
	if (vmalloc_guard_hit(cr2, &start, &end))
		scnprintf(what, sizeof(what), "kernel stack overflow (double fault): stack %lx-%lx",
			  start, end);
	else if (cr2 - boot_guard < PAGE_SIZE)
		strlcpy(what, "kernel stack overflow (double fault): boot stack", sizeof(what));
	oops_report(what, regs, 0, cr2, true);
	panic("%s", what);
}

struct pt_regs *fixup_bad_iret(struct pt_regs *regs)
{
	struct pt_regs *user = current_pt_regs();

	/*
	 * IRETQ left its own frame in place: user->ip .. ss. The registers were popped before it.
	 */
	memmove(user, regs, offsetof(struct pt_regs, orig_ax));
	user->orig_ax = regs->orig_ax;
	return user;
}
