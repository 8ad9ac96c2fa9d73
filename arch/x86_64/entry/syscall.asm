; SPDX-License-Identifier: MIT
;
; The system call door (SDM vol. 2B, SYSCALL): RCX = return address, R11 = flags, stack and GS still the
; user's, interrupts off by the flag mask. Number in RAX; arguments in RDI, RSI, RDX, R10, R8, R9.

%include "arch/x86_64/include/asm/asm.inc"

EFLAGS_TF_RF	equ 0x10100

extern current_task, cpu_kernel_stack_top, user_sp_scratch
extern do_syscall_64, exit_to_user_mode, return_to_user, schedule_tail

section .text.entry progbits alloc exec nowrite align=16

global entry_SYSCALL_64
	align	16
entry_SYSCALL_64:
	swapgs
	mov	[gs:user_sp_scratch], rsp
	mov	rsp, [gs:cpu_kernel_stack_top]
	push	__USER_DS			; struct pt_regs from its end
	push	qword [gs:user_sp_scratch]
	push	r11
	push	__USER_CS
	push	rcx
	push	rax
	PUSH_REGS
	sti
	mov	rdi, rsp
	mov	rsi, rax
	CALL_C	do_syscall_64
	mov	[rsp + PT_AX], rax

	cli
	mov	rcx, [gs:current_task]
	test	dword [rcx + TASK_THREAD_FLAGS], TIF_WORK
	jnz	.work

	; SYSRET returns to RCX with flags R11, so it will do if the frame still says so. A signal, execve
	; or sigreturn may have changed it: those leave by IRETQ. An address that is not canonical would
	; make SYSRET fault in ring 0 on Intel's CPUs: it never gets there.
.leave:	mov	rcx, [rsp + PT_IP]
	cmp	rcx, [rsp + PT_CX]
	jne	return_to_user
	mov	r11, [rsp + PT_FLAGS]
	cmp	r11, [rsp + PT_R11]
	jne	return_to_user
	mov	rax, rcx
	shr	rax, 47
	jnz	return_to_user
	test	r11d, EFLAGS_TF_RF		; SYSRET clears RF, and would trap a step too early
	jnz	return_to_user
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	add	rsp, 8
	pop	r10
	pop	r9
	pop	r8
	pop	rax
	add	rsp, 8
	pop	rdx
	pop	rsi
	pop	rdi
	mov	rsp, [rsp + PT_SP - PT_ORIG_AX]
	swapgs
	o64 sysret

.work:	mov	rdi, rsp
	CALL_C	exit_to_user_mode
	jmp	.leave

; First instruction of a new task, from __switch_to(). RBX = function of a kernel thread with its
; argument in R12, or 0 for the child of a fork. struct pt_regs is on the stack.
global ret_from_fork
	align	16
ret_from_fork:
	xor	ebp, ebp			; ends backtraces
	CALL_C	schedule_tail
	test	rbx, rbx
	jz	return_to_user
	mov	rdi, r12
	CALL_C	rbx
	jmp	return_to_user			; after kernel_execve()

; void __switch_to(unsigned long *prev_sp, unsigned long next_sp): what C expects to survive a call
; goes on the old stack and comes from the new one. struct switch_frame in arch/x86_64/cpu/process.c.
global __switch_to
	align	16
__switch_to:
	push	rbp
	push	rbx
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[rdi], rsp
	mov	rsp, rsi
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbx
	pop	rbp
	ret
