; SPDX-License-Identifier: MIT
;
; The instructions that touch user memory. Each may fault; where the page cannot be had, the
; exception table sends it to a fix-up that reports how far it came. Contracts: <asm/uaccess.h>.

%include "arch/x86_64/include/asm/asm.inc"

EFAULT		equ 14
TASK_SIZE	equ 0x00007ffffffff000

; Jumps to %4 unless [%1, %1 + %2) is below TASK_SIZE; %3 is scratch.
%macro CHECK_RANGE 4
	mov	%3, TASK_SIZE
	sub	%3, %2
	jb	%4			; longer than all of user space
	cmp	%1, %3
	ja	%4
%endmacro

section .text progbits alloc exec nowrite align=16

; copy_to_user(to, from, n), copy_from_user(to, from, n): %2 is the user's side.
; Whole words first, then the last bytes; a fault among the words is tried again byte by byte, so that
; the result is exact to the byte.
%macro user_copy 2
global %1
	align	16
%1:
	CHECK_RANGE %2, rdx, rax, .bad
	STAC
	mov	rcx, rdx
	shr	rcx, 3
.words:	rep movsq
	mov	ecx, edx
	and	ecx, 7
.bytes:	rep movsb
	CLAC
	xor	eax, eax
	ret
.words_fault:				; RCX words and the tail are left
	and	edx, 7
	lea	rcx, [rdx + 8 * rcx]
.retry:	rep movsb
	CLAC
	xor	eax, eax
	ret
.bytes_fault:
	CLAC
	mov	rax, rcx
	ret
.bad:	mov	rax, rdx
	ret
EX_TABLE .words, .words_fault
EX_TABLE .bytes, .bytes_fault
EX_TABLE .retry, .bytes_fault
%endmacro

user_copy copy_to_user, rdi
user_copy copy_from_user, rsi

; clear_user(to, n)
global clear_user
	align	16
clear_user:
	CHECK_RANGE rdi, rsi, rax, .bad
	xor	eax, eax
	STAC
	mov	rcx, rsi
	shr	rcx, 3
.words:	rep stosq
	mov	ecx, esi
	and	ecx, 7
.bytes:	rep stosb
	CLAC
	ret
.words_fault:
	mov	edx, esi
	and	edx, 7
	lea	rcx, [rdx + 8 * rcx]
	cmp	rsi, 64
	jb	.bytes_fault		; as on Linux: so short, a word that does not fit is left out
.retry:	rep stosb
	CLAC
	ret
.bytes_fault:
	CLAC
	mov	rax, rcx
	ret
.bad:	mov	rax, rsi
	ret
EX_TABLE .words, .words_fault
EX_TABLE .bytes, .bytes_fault
EX_TABLE .retry, .bytes_fault

; strncpy_from_user(to, from, size)
; Eight bytes at a time. That may read on behind the string's end; where it must not, byte by byte.
global strncpy_from_user
	align	16
strncpy_from_user:
	xor	eax, eax		; length so far
	test	rdx, rdx
	jle	.none
	mov	r8, TASK_SIZE
	sub	r8, rsi
	jbe	.bad
	cmp	r8, rdx
	cmova	r8, rdx			; how much may be read
	mov	r9, 0x0101010101010101
	mov	r10, 0x8080808080808080
	STAC
.words:	lea	rcx, [rax + 8]
	cmp	rcx, r8
	ja	.bytes
.word:	mov	rcx, [rsi + rax]
	mov	[rdi + rax], rcx
	mov	r11, rcx
	sub	r11, r9			; the lowest byte that borrows, and had no top bit, was 0
	not	rcx
	and	rcx, r11
	and	rcx, r10
	jnz	.end_in_word
	add	rax, 8
	jmp	.words
.end_in_word:
	bsf	rcx, rcx
	shr	ecx, 3
	add	rax, rcx
.done:	CLAC
.none:	ret
.bytes:	cmp	rax, r8
	je	.limit
.byte:	mov	cl, [rsi + rax]
	mov	[rdi + rax], cl
	test	cl, cl
	jz	.done
	inc	rax
	jmp	.bytes
.limit:	cmp	rax, rdx
	je	.done
.fault:	CLAC
.bad:	mov	rax, -EFAULT
	ret
EX_TABLE .word, .bytes
EX_TABLE .byte, .fault

; __get_user_N(val, addr) and __put_user_N(val, addr). %1 bytes; %2, %3: load into and store from a register.
%macro get_put 3
global __get_user_%1
	align	16
__get_user_%1:
	mov	rax, TASK_SIZE - %1
	cmp	rsi, rax
	ja	get_user_fault
	STAC
%%load:	%2
	CLAC
	mov	[rdi], rcx
	xor	eax, eax
	ret
EX_TABLE %%load, get_user_fault
global __put_user_%1
	align	16
__put_user_%1:
	mov	rax, TASK_SIZE - %1
	cmp	rsi, rax
	ja	put_user_fault
	STAC
%%store: %3
	CLAC
	xor	eax, eax
	ret
EX_TABLE %%store, put_user_fault
%endmacro

get_put 1, {movzx ecx, byte [rsi]}, {mov [rsi], dil}
get_put 2, {movzx ecx, word [rsi]}, {mov [rsi], di}
get_put 4, {mov ecx, [rsi]}, {mov [rsi], edi}
get_put 8, {mov rcx, [rsi]}, {mov [rsi], rdi}

get_user_fault:
	mov	qword [rdi], 0
put_user_fault:
	CLAC
	mov	eax, -EFAULT
	ret

; cmpxchg_user(found, addr, old, new)
global cmpxchg_user
	align	16
cmpxchg_user:
	mov	rax, TASK_SIZE - 4
	cmp	rsi, rax
	ja	put_user_fault
	mov	eax, edx
	STAC
.act:	lock cmpxchg [rsi], ecx
	CLAC
	mov	[rdi], eax
	xor	eax, eax
	ret
EX_TABLE .act, put_user_fault

; __xsave_user(area, mask), __xrstor_user(area, mask), __fxsave_user(area), __fxrstor_user(area). A state that
; the CPU refuses raises #GP, which has the same fix-up.
%macro fpu_user 2
global __%1_user
	align	16
__%1_user:
	mov	eax, esi
	mov	rdx, rsi
	shr	rdx, 32
	STAC
%%act:	%2	[rdi]
	CLAC
	xor	eax, eax
	ret
EX_TABLE %%act, put_user_fault
%endmacro

fpu_user xsave, xsave64
fpu_user xrstor, xrstor64
fpu_user fxsave, fxsave64
fpu_user fxrstor, fxrstor64
