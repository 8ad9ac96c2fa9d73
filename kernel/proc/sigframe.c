/* SPDX-License-Identifier: MIT */
/*
 * The frame of a signal handler: struct rt_sigframe with siginfo and ucontext as user space knows
 * them (asm/ucontext.h, asm/sigcontext.h of Linux's user headers), the FPU state above it.
 *
 *	old sp ------>  .............
 *	                128 bytes that the interrupted function may use (SysV ABI red zone)
 *	64-aligned -->  x87, SSE and AVX state
 *	                struct rt_sigframe
 *	sp = 8 mod 16:  its first word is the return address: the restorer, which calls rt_sigreturn
 */
#include "kernel/proc/sigframe.h"

#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/fpu.h>
#include <asm/page.h>
#include <asm/switch.h>
#include <asm/uaccess.h>

struct sigcontext {
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15;
	unsigned long di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	u16 cs, gs, fs, ss;
	unsigned long err, trapno, oldmask, cr2;
	unsigned long fpstate; /* user address */
	unsigned long reserved[8];
};

/* uc_flags: the FPU state is in XSAVE's form; ss is saved and restored as it is. */
#define UC_FP_XSTATE 0x1UL
#define UC_SIGCONTEXT_SS 0x2UL
#define UC_STRICT_RESTORE_SS 0x4UL

struct rt_sigframe {
	unsigned long pretcode;
	struct {
		unsigned long flags, link;
		struct user_stack stack;
		struct sigcontext mcontext;
		u64 sigmask;
	} uc;
	u8 info[SI_MAX_SIZE];
};

BUILD_BUG_ON(sizeof(struct sigcontext) != 256);
BUILD_BUG_ON(sizeof(struct rt_sigframe) != 440);
BUILD_BUG_ON(sizeof(struct siginfo) > SI_MAX_SIZE);

#define RED_ZONE 128

/* Bits 63..47 alike (SDM vol. 1 3.3.7.1). */
static bool canonical(unsigned long addr)
{
	return (unsigned long)((long)(addr << 16) >> 16) == addr;
}

static bool on_altstack(unsigned long sp)
{
	return sp > current->sas_sp && sp - current->sas_sp <= current->sas_size;
}

/* Where the frame goes; 0 when an alternate stack is too small for it. */
static unsigned long frame_address(const struct ksignal *ksig, const struct pt_regs *regs,
				   unsigned long *fpstate)
{
	struct task_struct *task = current;
	bool autodisarm = task->sas_flags & SS_AUTODISARM;
	bool nested = !autodisarm && on_altstack(regs->sp), entering = false;
	unsigned long sp = regs->sp - RED_ZONE;

	if (ksig->ka.flags & SA_ONSTACK && task->sas_size && (autodisarm || !on_altstack(sp))) {
		sp = task->sas_sp + task->sas_size;
		entering = true;
	}
	*fpstate = ALIGN_DOWN(sp - fpu_frame_size(), FPU_AREA_ALIGN);
	sp = ALIGN_DOWN(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
	return (nested || entering) && !on_altstack(sp) ? 0 : sp;
}

static void save_registers(struct sigcontext *sc, const struct pt_regs *regs)
{
	const struct task_struct *task = current;

	/* clang-format off */
	*sc = (struct sigcontext){
		.r8 = regs->r8, .r9 = regs->r9, .r10 = regs->r10, .r11 = regs->r11,
		.r12 = regs->r12, .r13 = regs->r13, .r14 = regs->r14, .r15 = regs->r15,
		.di = regs->di, .si = regs->si, .bp = regs->bp, .bx = regs->bx,
		.dx = regs->dx, .ax = regs->ax, .cx = regs->cx, .sp = regs->sp,
		.ip = regs->ip, .flags = regs->flags,
		.cs = (u16)regs->cs, .ss = (u16)regs->ss,
		.err = task->error_code, .trapno = task->trap_nr, .cr2 = task->cr2,
	};
	/* clang-format on */
}

unsigned long signal_frame_size(void)
{
	return ALIGN(RED_ZONE + fpu_frame_size() + FPU_AREA_ALIGN + sizeof(struct rt_sigframe) + 16,
		     16);
}

int setup_rt_frame(struct ksignal *ksig, struct pt_regs *regs)
{
	struct task_struct *task = current;
	struct rt_sigframe frame;
	unsigned long fpstate, sp = frame_address(ksig, regs, &fpstate);

	/*
	 * The x86-64 ABI has no trampoline of the kernel's: without a restorer there is no way
	 * back.
	 */
	if (!sp || !(ksig->ka.flags & SA_RESTORER))
		return -EFAULT;
	if (!canonical(ksig->ka.handler))
		return -EFAULT;
	if (fpu_save_user((void *)fpstate))
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.pretcode = ksig->ka.restorer;
	frame.uc.flags = (fpu_xfeatures ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS |
			 UC_STRICT_RESTORE_SS;
	frame.uc.stack = (struct user_stack){ task->sas_sp, task->sas_flags, 0, task->sas_size };
	frame.uc.sigmask = task->restore_sigmask ? task->saved_sigmask : task->blocked;
	save_registers(&frame.uc.mcontext, regs);
	frame.uc.mcontext.oldmask = frame.uc.sigmask;
	frame.uc.mcontext.fpstate = fpstate;
	memcpy(frame.info, &ksig->info, sizeof(ksig->info));
	if (copy_to_user((void *)sp, &frame, sizeof(frame)))
		return -EFAULT;
	if (task->sas_flags & SS_AUTODISARM) {
		task->sas_sp = 0;
		task->sas_size = 0;
		task->sas_flags = SS_DISABLE;
	}
	/* The handler starts with the FPU state of a fresh program. */
	fpu_reset();
	regs->di = (unsigned long)ksig->sig;
	regs->si = sp + offsetof(struct rt_sigframe, info);
	regs->dx = sp + offsetof(struct rt_sigframe, uc);
	regs->ax = 0;
	regs->ip = ksig->ka.handler;
	regs->sp = sp;
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	regs->flags &= ~(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
	return 0;
}

/* --- the way back --- */

/*
 * Only what a program could have set by itself: flags are filtered, selectors are the user's. An
 * address that is not canonical would fault in the kernel's IRET, so it is refused here.
 */
static int restore_registers(struct pt_regs *regs, const struct sigcontext *sc)
{
	if (!canonical(sc->ip))
		return -EFAULT;
	regs->r8 = sc->r8, regs->r9 = sc->r9, regs->r10 = sc->r10, regs->r11 = sc->r11;
	regs->r12 = sc->r12, regs->r13 = sc->r13, regs->r14 = sc->r14, regs->r15 = sc->r15;
	regs->di = sc->di, regs->si = sc->si, regs->bp = sc->bp, regs->bx = sc->bx;
	regs->dx = sc->dx, regs->ax = sc->ax, regs->cx = sc->cx, regs->sp = sc->sp;
	regs->ip = sc->ip;
	regs->flags =
		(regs->flags & ~X86_EFLAGS_USER_SETTABLE) | (sc->flags & X86_EFLAGS_USER_SETTABLE);
	regs->cs = __USER_CS;
	regs->ss = __USER_DS;
	regs->orig_ax = (unsigned long)-1;
	return 0;
}

static void restore_altstack(const struct user_stack *stack, unsigned long sp)
{
	struct task_struct *task = current;

	/* As sigaltstack(2) would, but a frame that was tampered with is not an error any more. */
	if (!(task->sas_flags & SS_AUTODISARM) && on_altstack(sp))
		return;
	if (stack->flags & SS_DISABLE) {
		task->sas_sp = 0;
		task->sas_size = 0;
	} else if (stack->size >= MINSIGSTKSZ) {
		task->sas_sp = stack->sp;
		task->sas_size = stack->size;
	} else {
		return;
	}
	task->sas_flags = stack->flags;
}

long sys_rt_sigreturn(void)
{
	struct pt_regs *regs = current_pt_regs();
	struct rt_sigframe frame;
	unsigned long sp = regs->sp - 8;

	if (copy_from_user(&frame, (void *)sp, offsetof(struct rt_sigframe, info)))
		goto bad;
	set_current_blocked(frame.uc.sigmask);
	if (restore_registers(regs, &frame.uc.mcontext) ||
	    fpu_restore_user((void *)frame.uc.mcontext.fpstate))
		goto bad;
	restore_altstack(&frame.uc.stack, regs->sp);
	return (long)regs->ax;
bad:
	force_sig(SIGSEGV);
	return 0;
}
