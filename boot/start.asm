; SPDX-License-Identifier: MIT
;
; From GRUB's hands to kmain(): checks the machine, builds the first page tables, enters long mode and
; jumps to the upper half. Runs at its physical address; everything it touches lies below _boot_end.
;
; GRUB enters _start in 32-bit protected mode, paging and interrupts off, EAX = magic, EBX = address of
; the boot information (Multiboot2 3.3). Nothing else is promised, and CR4 in particular is not clear
; under UEFI: control registers are written whole, never or-ed into.
;
; The first tables (2 MiB pages, all rights; arch_paging_init() replaces them within milliseconds):
;	0 .. 4 GiB			identity, for this file
;	0xffff888000000000 .. + 4 GiB	direct map
;	0xffffffff80000000 .. + 1 GiB	kernel image, physical 0 up

%include "boot/boot.inc"

extern kmain
extern boot_stack_top

global _start

; --- 32 bits -------------------------------------------------------------------------------------
section .boot.text progbits alloc exec nowrite align=16
bits 32

_start:
	cli
	cld
	mov	esp, low_stack_top
	mov	edi, eax		; kept for kmain: magic
	mov	esi, ebx		; and boot information

	mov	ebp, msg_magic
	cmp	eax, MB2_BOOT_MAGIC
	jne	boot_die

	call	load_idt32		; from here on a fault has someone to tell
	call	check_long_mode
	call	make_page_tables
	call	make_idt64

	mov	ebx, start64

; Long mode, as in SDM vol. 3A 10.8.5, on to the 64-bit code at EBX.
enter_long_mode:
	mov	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, pml4
	mov	cr3, eax
	mov	ecx, MSR_EFER
	mov	eax, [efer_bits]
	xor	edx, edx
	wrmsr
	lgdt	[gdt_pointer]
	lidt	[idt64_pointer]		; stands before the tables take effect
	mov	eax, CR0_BOOT
	mov	cr0, eax
	push	BOOT_CS64
	push	ebx
	retf

; Another CPU, from the trampoline: protected mode, flat segments not loaded yet. The tables and the
; stack of this file are its own: CPUs start one by one, long after the boot CPU left them.
secondary32:
	mov	eax, BOOT_DS
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	mov	esp, low_stack_top
	mov	ebx, secondary64
	jmp	enter_long_mode

; Sets the NX bit in efer_bits if the CPU has it. Dies when there is no long mode.
check_long_mode:
	mov	ebp, msg_cpu
	pushfd				; CPUID exists if the ID flag can be flipped (SDM vol. 1 20.1)
	pop	eax
	mov	ecx, eax
	xor	eax, 1 << 21
	push	eax
	popfd
	pushfd
	pop	eax
	cmp	eax, ecx
	je	boot_die
	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	jb	boot_die
	mov	eax, 0x80000001
	cpuid
	test	edx, 1 << 29		; LM
	jz	boot_die
	test	edx, 1 << 20		; NX
	jz	.no_nx
	or	dword [efer_bits], EFER_NXE
.no_nx:	ret

; The tables are zero: they lie in .bss.
make_page_tables:
	mov	eax, pdpt_low
	or	eax, PTE_TABLE
	mov	[pml4], eax			; identity
	mov	[pml4 + 8 * 273], eax		; 0xffff888000000000
	mov	eax, pdpt_high
	or	eax, PTE_TABLE
	mov	[pml4 + 8 * 511], eax		; 0xffffff8000000000 ..
	mov	eax, pd
	or	eax, PTE_TABLE
	mov	[pdpt_high + 8 * 510], eax	; ... 0xffffffff80000000
	mov	ecx, 0
.pdpt:	mov	[pdpt_low + 8 * ecx], eax
	add	eax, 4096
	inc	ecx
	cmp	ecx, 4
	jb	.pdpt
	mov	eax, PTE_LARGE
	xor	ecx, ecx
.pd:	mov	[pd + 8 * ecx], eax
	add	eax, 1 << 21
	inc	ecx
	cmp	ecx, 4 * 512
	jb	.pd
	ret

; 32 gates to fault32, whatever the vector: only the fact matters in these few instructions.
load_idt32:
	mov	eax, fault32
	mov	edx, eax
	and	eax, 0xffff
	and	edx, 0xffff0000
	mov	dx, 0x8e00			; present, 32-bit interrupt gate (SDM vol. 3A fig. 6-2)
	mov	bx, cs				; GRUB's code segment, wherever it is
	shl	ebx, 16
	or	eax, ebx
	xor	ecx, ecx
.gate:	mov	[idt + 8 * ecx], eax
	mov	[idt + 8 * ecx + 4], edx
	inc	ecx
	cmp	ecx, 32
	jb	.gate
	lidt	[idt32_pointer]
	ret

fault32:
	mov	ebp, msg_fault32
	; falls through

; Says the sentence at EBP on COM1 and COM2 and leaves QEMU with "boot failure".
boot_die:
	mov	esp, low_stack_top
	mov	dx, COM1
	call	say
	mov	dx, COM2
	call	say
	mov	dx, EXIT_PORT
	mov	al, EXIT_BOOT_FAIL
	out	dx, al
.stop:	cli
	hlt
	jmp	.stop

; EBP = text, DX = base port of the UART.
say:
	mov	esi, msg_prefix
	call	.text
	mov	esi, ebp
.text:	lodsb
	test	al, al
	jz	.done
	mov	ah, al
	mov	ecx, 100000			; no UART: do not wait for it forever
	add	dx, 5				; line status; bit 5: transmitter is empty
.wait:	in	al, dx
	test	al, 1 << 5
	loopz	.wait
	sub	dx, 5
	mov	al, ah
	out	dx, al
	jmp	.text
.done:	ret

; 16-byte gates for the 32 exceptions, to the stubs below (SDM vol. 3A fig. 6-8). Reuses idt's memory.
make_idt64:
	mov	eax, early_stubs
	mov	ebx, idt64
	mov	ecx, 32
.gate:	mov	[ebx], ax
	mov	word [ebx + 2], BOOT_CS64
	mov	word [ebx + 4], 0x8e00		; present, 64-bit interrupt gate
	mov	edx, eax
	shr	edx, 16
	mov	[ebx + 6], dx
	mov	dword [ebx + 8], 0		; upper half of the address
	mov	dword [ebx + 12], 0
	add	eax, EARLY_STUB_SIZE
	add	ebx, 16
	dec	ecx
	jnz	.gate
	ret

; --- 16 bits: where other CPUs start --------------------------------------------------------------
; Copied to a page below 1 MiB, whose number is the vector of the start-up IPI (SDM vol. 3A 9.4.4):
; CS = page >> 4, IP = 0, real mode, interrupts off.
bits 16
	align	16
global trampoline_start, trampoline_end
trampoline_start:
	cli
	mov	ax, cs
	mov	ds, ax
	o32 lgdt [trampoline_gdt_pointer - trampoline_start]
	mov	eax, CR0_PROTECTED
	mov	cr0, eax
	jmp	dword BOOT_CS32:secondary32
trampoline_gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dd	gdt
trampoline_end:

; --- 64 bits, still low --------------------------------------------------------------------------
bits 64

start64:
	mov	eax, BOOT_DS
	mov	ss, eax
	xor	eax, eax
	mov	ds, eax
	mov	es, eax
	mov	fs, eax
	mov	gs, eax				; GS base 0: the boot CPU's per-CPU data
	mov	edi, edi			; clears the upper halves
	mov	esi, esi
	mov	rsp, boot_stack_top
	xor	ebp, ebp			; the end of every backtrace
	mov	rax, kmain
	call	rax				; does not return
	ud2

; The kernel's own tables do not map this page: the step to them is made in the upper half.
secondary64:
	xor	eax, eax
	mov	ds, eax
	mov	es, eax
	mov	fs, eax
	mov	gs, eax
	mov	rax, secondary_entry
	jmp	rax
extern secondary_entry

; One stub per exception: 8, 10..14, 17, 21, 29 and 30 come with an error code (SDM vol. 3A 6.15).
EARLY_STUB_SIZE	equ 16
	align	16
early_stubs:
%assign vector 0
%rep 32
	align	EARLY_STUB_SIZE
%if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	push	0
%endif
	push	vector
	jmp	near early_fault
%assign vector vector + 1
%endrep

; Stack: vector, error code, RIP, CS, RFLAGS, RSP, SS. The report is early_exception() in the upper
; half. If that half is not there yet, or is what is broken, the second fault ends here instead.
	align	16
early_fault:
	cmp	byte [early_fault_seen], 0
	jne	early_fault_twice
	mov	byte [early_fault_seen], 1
	push	rax
	push	rcx
	push	rdx
	push	rbx
	push	rbp
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
	cld
	mov	rdi, rsp			; struct early_frame
	mov	rsi, cr2
	mov	rax, early_exception
	and	rsp, -16
	call	rax				; does not return
extern early_exception

early_fault_twice:
	mov	rsi, msg_fault64
	mov	dx, COM2
	call	say64
	mov	rsi, msg_fault64
	mov	dx, COM1
	call	say64
	mov	dx, EXIT_PORT
	mov	al, EXIT_PANIC
	out	dx, al
.stop:	cli
	hlt
	jmp	.stop

say64:
	lodsb
	test	al, al
	jz	.done
	out	dx, al
	jmp	say64
.done:	ret

; --- data ----------------------------------------------------------------------------------------
section .boot.rodata progbits alloc noexec nowrite align=8
msg_prefix:	db 13, 10, "faultline: boot: ", 0
msg_magic:	db "not loaded by a multiboot2 loader (wrong magic in EAX); boot it through GRUB's "
		db "multiboot2 command.", 13, 10, 0
msg_cpu:	db "this CPU has no 64-bit long mode; use a 64-bit CPU model (QEMU: -cpu max with "
		db "qemu-system-x86_64).", 13, 10, 0
msg_fault32:	db "CPU exception in the 32-bit start code; the image or the memory it was loaded to is "
		db "damaged.", 13, 10, 0
msg_fault64:	db 13, 10, "faultline: boot: CPU exception while reporting a CPU exception; the first page "
		db "tables are not usable.", 13, 10, 0

	align	8
gdt:
	dq	0
	dq	0x00af9a000000ffff		; 0x08: 64-bit code (SDM vol. 3A 3.4.5)
	dq	0x00cf92000000ffff		; 0x10: data
	dq	0x00cf9a000000ffff		; 0x18: 32-bit code
gdt_pointer:
	dw	gdt_pointer - gdt - 1
	dd	gdt
	align	8
idt32_pointer:
	dw	32 * 8 - 1
	dd	idt
	align	8
idt64_pointer:
	dw	32 * 16 - 1
	dd	idt64

section .boot.data progbits alloc noexec write align=8
efer_bits:	dd EFER_LME
early_fault_seen: db 0

section .boot.bss nobits alloc noexec write align=4096
pml4:		resb 4096
pdpt_low:	resb 4096
pdpt_high:	resb 4096
pd:		resb 4 * 4096
idt:		resb 32 * 8
idt64:		resb 32 * 16
		resb 2048
low_stack_top:
