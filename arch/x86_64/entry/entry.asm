; SPDX-License-Identifier: MIT
;
; Where the CPU enters the kernel other than by SYSCALL: exceptions and interrupts.
;
; Every entry builds a struct pt_regs on the stack and calls one C function. GS is the delicate part:
; in user mode GS base belongs to the program, and SWAPGS exchanges it with the kernel's. An ordinary
; entry knows by the saved CS which one is loaded. NMI, double fault and machine check may hit between
; a SYSCALL and its SWAPGS, where CS says kernel and GS is still the user's: they trust nothing, use a
; stack of their own, and put GS base back as they found it (`paranoid`).

%include "arch/x86_64/include/asm/asm.inc"

MSR_GS_BASE	equ 0xc0000101

extern current_task
extern exit_to_user_mode, do_IRQ, fixup_bad_iret

; The page fault and every other exception. %1: name; %2: 1 if the CPU pushes an error code;
; %3: what is special about it: `cr2` passes the faulting address as a third argument, `iret` may be
; raised by our own IRETQ on a bad user frame, `none`.
; Calls void exc_%1(struct pt_regs *regs, unsigned long error_code [, unsigned long address]).
%macro idtentry 2-3 none
extern exc_%1
global asm_exc_%1
	align	16
asm_exc_%1:
%if %2 == 0
	push	0
%endif
	PUSH_REGS
	cld
	CLAC
	test	byte [rsp + PT_CS], 3
	jz	%%kernel
	swapgs
%%call:
	mov	rdi, rsp
	mov	rsi, [rsp + PT_ORIG_AX]
%ifidn %3, cr2
	mov	rdx, cr2		; interrupts are off: nothing has faulted since
%endif
	mov	qword [rsp + PT_ORIG_AX], -1	; not a system call
	CALL_C	exc_%1
	test	byte [rsp + PT_CS], 3
	jnz	return_to_user
	POP_REGS
	iretq
%%kernel:
%ifidn %3, iret
	cmp	qword [rsp + PT_IP], iret_to_user
	jne	%%call
	swapgs				; registers and GS are already the user's
	mov	rdi, rsp
	sub	rsp, 8
	call	fixup_bad_iret		; makes the user's frame that of this exception
	mov	rsp, rax
%endif
	jmp	%%call
%endmacro

; For what may come anywhere: its own stack, GS base saved in RBX and set from the word above the frame.
%macro idtentry_paranoid 2
extern exc_%1
global asm_exc_%1
	align	16
asm_exc_%1:
%if %2 == 0
	push	0
%endif
	PUSH_REGS
	cld
	CLAC
	mov	ecx, MSR_GS_BASE
	rdmsr
	mov	ebx, eax
	mov	r12d, edx
	mov	eax, [rsp + PT_SIZE]
	mov	edx, [rsp + PT_SIZE + 4]
	wrmsr
	mov	rdi, rsp
	mov	rsi, [rsp + PT_ORIG_AX]
	mov	qword [rsp + PT_ORIG_AX], -1
	CALL_C	exc_%1
	mov	ecx, MSR_GS_BASE
	mov	eax, ebx
	mov	edx, r12d
	wrmsr
	POP_REGS
	iretq
%endmacro

section .text.entry progbits alloc exec nowrite align=16

; A CPU other than the first, from boot/start.asm: 64-bit mode, the first page tables, a stack for nobody.
extern secondary_cr3, secondary_stack, secondary_gs_base, secondary_main
global secondary_entry
	align	16
secondary_entry:
	mov	rax, [secondary_cr3]
	mov	cr3, rax
	mov	rsp, [secondary_stack]
	mov	rax, [secondary_gs_base]
	mov	rdx, rax
	shr	rdx, 32
	mov	ecx, MSR_GS_BASE
	wrmsr
	xor	ebp, ebp			; the end of every backtrace
	CALL_C	secondary_main			; does not return

idtentry		page_fault, 1, cr2

; Out of exceptions, interrupts, signals and new tasks into user mode, with a look at what is to be done
; first. RSP = struct pt_regs, GS is the kernel's.
global return_to_user
	align	16
return_to_user:
	cli
	mov	rax, [gs:current_task]
	test	dword [rax + TASK_THREAD_FLAGS], TIF_WORK
	jnz	work_before_user
leave_to_user:
	swapgs
	POP_REGS
global iret_to_user
iret_to_user:
	iretq
work_before_user:
	mov	rdi, rsp
	CALL_C	exit_to_user_mode	; comes back with interrupts off and nothing left to do
	jmp	leave_to_user

idtentry		divide_error, 0
idtentry		debug, 0
idtentry		int3, 0
idtentry		overflow, 0
idtentry		bounds, 0
idtentry		invalid_op, 0
idtentry		device_not_available, 0
idtentry		invalid_tss, 1
idtentry		segment_not_present, 1, iret
idtentry		stack_segment, 1, iret
idtentry		general_protection, 1, iret
idtentry		coprocessor_error, 0
idtentry		alignment_check, 1
idtentry		simd_coprocessor_error, 0
idtentry		control_protection, 1
idtentry		spurious_interrupt_bug, 0

idtentry_paranoid	nmi, 0
idtentry_paranoid	double_fault, 1
idtentry_paranoid	machine_check, 0

; Interrupts: 224 stubs of 16 bytes, vectors 32 to 255. They leave the vector as ~vector, so that
; orig_ax is negative, as for everything that is not a system call.
global irq_stubs
	align	16
irq_stubs:
%assign vector 32
%rep 224
	align	16
	push	~vector
	jmp	near common_interrupt
%assign vector vector + 1
%endrep

	align	16
common_interrupt:
	PUSH_REGS
	cld
	CLAC
	test	byte [rsp + PT_CS], 3
	jz	.kernel
	swapgs
	mov	rdi, rsp
	CALL_C	do_IRQ
	jmp	return_to_user
.kernel:
	mov	rdi, rsp
	CALL_C	do_IRQ
	POP_REGS
	iretq
