/* SPDX-License-Identifier: MIT */
/*
 * A CPU exception before the real IDT: nothing works yet but the serial ports, and that is enough to
 * say what happened. Called by the stubs of boot/start.asm, on the boot stack, in the upper half.
 */

#include "arch/x86_64/cpu/uart.h"
#include "arch/x86_64/entry/exceptions.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "lib/compiler.h"
#include <asm/pf.h>
#include <asm/processor.h>
#include <asm/traps.h>

/* As pushed by boot/start.asm. */
struct early_frame {
	unsigned long r15, r14, r13, r12, r11, r10, r9, r8;
	unsigned long di, si, bp, bx, dx, cx, ax;
	unsigned long vector, error_code;
	unsigned long ip, cs, flags, sp, ss;
};

void early_exception(const struct early_frame *frame, unsigned long cr2)
{
	char words[96] = "";
	struct pt_regs regs = {
		.r15 = frame->r15,
		.r14 = frame->r14,
		.r13 = frame->r13,
		.r12 = frame->r12,
		.bp = frame->bp,
		.bx = frame->bx,
		.r11 = frame->r11,
		.r10 = frame->r10,
		.r9 = frame->r9,
		.r8 = frame->r8,
		.ax = frame->ax,
		.cx = frame->cx,
		.dx = frame->dx,
		.si = frame->si,
		.di = frame->di,
		.orig_ax = -1UL,
		.ip = frame->ip,
		.cs = frame->cs,
		.flags = frame->flags,
		.sp = frame->sp,
		.ss = frame->ss,
	};

	uart_init(); /* the fault may have come before, or in, the first call */
	printk_emergency();
	if (frame->vector == X86_TRAP_PF)
		pf_error_string(frame->error_code, words, sizeof(words));
	pr_emerg("early boot: %s (vector %lu, error code %lx) at rip %lx",
		 trap_name((unsigned int)frame->vector), frame->vector, frame->error_code,
		 frame->ip);
	if (words[0])
		pr_emerg("early boot: %s, address %016lx", words, cr2);
	show_regs(&regs);
	show_backtrace(regs.bp);
	panic("CPU exception before the kernel was set up");
}
