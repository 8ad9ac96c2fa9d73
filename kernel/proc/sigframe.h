/* SPDX-License-Identifier: MIT */
/* The stack frame that a signal handler starts on, and the way back from it. */
#ifndef KERNEL_PROC_SIGFRAME_H
#define KERNEL_PROC_SIGFRAME_H

#include "kernel/proc/signal.h"

struct pt_regs;

/* A signal on its way to its handler. */
struct ksignal {
	int sig;
	struct k_sigaction ka;
	struct siginfo info;
};

/* stack_t of sigaltstack(2). */
struct user_stack {
	unsigned long sp;
	s32 flags;
	s32 pad;
	unsigned long size;
};
#define MINSIGSTKSZ 2048 /* bytes; asm/signal.h */

/*
 * Push the frame and make @regs enter the handler. 0, or -EFAULT when the stack cannot be written.
 */
int setup_rt_frame(struct ksignal *ksig, struct pt_regs *regs);
/* Bytes of stack that it takes at most on this CPU: AT_MINSIGSTKSZ. */
unsigned long signal_frame_size(void);

#endif
