/* SPDX-License-Identifier: MIT */
/*
 * The report on a kernel that did what it must not, and what becomes of the task that made it do
 * so.
 */

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/proc/process.h"
#include "lib/vsprintf.h"
#include "mm/frame/vmalloc.h"
#include <asm/extable.h>
#include <asm/irq.h>
#include <asm/page.h>
#include <asm/pf.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/switch.h>
#include <asm/traps.h>

#define MAX_FRAMES 32
#define CODE_BEFORE 16
#define CODE_BYTES 32

extern char _stext[], _etext[];

static bool in_text(unsigned long addr)
{
	return addr >= (unsigned long)_stext && addr < (unsigned long)_etext;
}

/* Is the word at @addr on a kernel stack: the boot CPU's, an exception's, or the current task's? */
static bool on_stack(unsigned long addr)
{
	const struct task_struct *task = current;

	if (addr & 7)
		return false;
	if (addr - (unsigned long)boot_stack < BOOT_STACK_SIZE - 8)
		return true;
	for (unsigned int n = 0; n < NR_IST; n++)
		if (addr - this_cpu_read(ist_stack[n]) < IST_STACK_SIZE - 8)
			return true;
	return task && task->stack && addr - (unsigned long)task->stack < THREAD_SIZE - 8;
}

/*
 * A return address may lie just behind its function, if that ended in a call that never returns: the
 * name is that of the call before it.
 */
static void show_return_address(unsigned long addr)
{
	char name[96];

	pr_err("  %016lx %s", addr, kallsyms_format(addr - 1, name, sizeof(name)));
}

static void show_frames(unsigned long bp)
{
	for (int n = 0; n < MAX_FRAMES && on_stack(bp) && on_stack(bp + 8); n++) {
		unsigned long next = *(unsigned long *)bp;
		unsigned long ret = *((unsigned long *)bp + 1);

		if (!in_text(ret - 1))
			break;
		show_return_address(ret);
		if (next <= bp)
			break;
		bp = next;
	}
}

void show_backtrace(unsigned long bp)
{
	pr_err("backtrace:");
	show_frames(bp);
}

void show_regs(const struct pt_regs *regs)
{
	char name[96];

	pr_err("rip %016lx %s", regs->ip,
	       in_text(regs->ip) ? kallsyms_format(regs->ip, name, sizeof(name)) : "");
	pr_err("cs %04lx ss %04lx rflags %08lx", regs->cs, regs->ss, regs->flags);
	pr_err("rsp %016lx rbp %016lx", regs->sp, regs->bp);
	pr_err("rax %016lx rbx %016lx rcx %016lx rdx %016lx", regs->ax, regs->bx, regs->cx,
	       regs->dx);
	pr_err("rsi %016lx rdi %016lx r8  %016lx r9  %016lx", regs->si, regs->di, regs->r8,
	       regs->r9);
	pr_err("r10 %016lx r11 %016lx r12 %016lx r13 %016lx", regs->r10, regs->r11, regs->r12,
	       regs->r13);
	pr_err("r14 %016lx r15 %016lx", regs->r14, regs->r15);
	pr_err("cr0 %08lx cr2 %016lx cr3 %08lx cr4 %08lx", read_cr0(), read_cr2(), read_cr3(),
	       read_cr4());
}

/* Only kernel text is read: it is always mapped, anything else might fault again. */
static void show_code(unsigned long ip)
{
	char line[CODE_BYTES * 4 + 8];
	int n = 0;

	for (unsigned long a = ip - CODE_BEFORE; a < ip - CODE_BEFORE + CODE_BYTES; a++) {
		if (in_text(a))
			n += scnprintf(line + n, sizeof(line) - (size_t)n,
				       a == ip ? "<%02x> " : "%02x ", *(const u8 *)a);
	}
	if (n)
		pr_err("code: %s", line);
	else
		pr_err("code: rip is not in kernel text");
}

static void show_task(void)
{
	if (current)
		pr_err("task: %s, pid %d, stack %lx-%lx, mm %p%s", current->comm, current->pid,
		       (unsigned long)current->stack, current->stack_top, (void *)current->mm,
		       in_interrupt() ? ", in an interrupt" : "");
	else
		pr_err("task: none yet");
}

/* A report is being made on this CPU; how deep. */
static DEFINE_PER_CPU(int, oops_depth);

/* Whose report it is, -1 for none: two at once would be read as one. */
static int reporter = -1;

static void begin_report(void)
{
	int none = -1;

	while (!__atomic_compare_exchange_n(&reporter, &none, (int)smp_processor_id(), false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		none = -1;
		cpu_relax();
	}
}

static void end_report(void)
{
	__atomic_store_n(&reporter, -1, __ATOMIC_RELEASE);
}

/*
 * Code that has no stack frame yet, or never makes one, has its return address on top of the stack. For
 * other code the word there is whatever it is: shown only if it could be one, and differs from the frame's.
 */
static void show_leaf_caller(const struct pt_regs *regs)
{
	unsigned long top;

	if (!on_stack(regs->sp))
		return;
	top = *(unsigned long *)regs->sp;
	if (in_text(top - 1) &&
	    !(on_stack(regs->bp + 8) && top == *(unsigned long *)(regs->bp + 8)))
		show_return_address(top);
}

void oops_report(const char *what, const struct pt_regs *regs, long err, unsigned long addr,
		 bool walk)
{
	local_irq_disable();
	this_cpu_inc(oops_depth);
	if (this_cpu_read(oops_depth) > 1) {
		printk_emergency();
		pr_emerg("oops inside an oops: %s, error code %lx, address %lx, rip %lx", what,
			 (unsigned long)err, addr, regs->ip);
		if (this_cpu_read(oops_depth) > 2)
			machine_exit(EXIT_PANIC);
		panic("fault while reporting a fault");
	}
	begin_report();
	printk_interrupted_by_fault();
	pr_err("oops: %s", what);
	pr_err("address %016lx, error code %04lx", addr, (unsigned long)err);
	show_task();
	if (walk)
		dump_pagetable(read_cr3(), addr);
	show_regs(regs);
	show_code(regs->ip);
	pr_err("backtrace:");
	show_leaf_caller(regs);
	show_frames(regs->bp);
	end_report();
	this_cpu_dec(oops_depth);
}

/*
 * Can the machine live on without this task? Not without init, the idle task or a lock that nobody
 * releases.
 */
static bool may_kill_current(void)
{
	if (!current || in_interrupt() || current->pid <= 1)
		return false;
#if CONFIG_DEBUG
	if (this_cpu_read(preempt_count) > 0)
		return false;
#endif
	return !(current->flags & PF_EXITING);
}

void die(const char *what, struct pt_regs *regs, long err, unsigned long addr)
{
	oops_report(what, regs, err, addr, addr != 0 || err != 0);
	if (!may_kill_current())
		panic("%s, and no task that could be ended for it", what);
	pr_err("ending task %s, pid %d, for it", current->comm, current->pid);
	kernel_oopsed = true;
	local_irq_enable();
	if (current->mm)
		do_group_exit(SIGSEGV);
	do_exit(SIGSEGV);
}
