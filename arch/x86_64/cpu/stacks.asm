; SPDX-License-Identifier: MIT
;
; The boot CPU's stacks: the one kmain() and later the idle task run on, and one for each exception
; that may come when no other stack can be trusted (SDM vol. 3A 7.14.5). Below each lies a page that
; arch_paging_init() leaves unmapped, so that an overflow faults instead of eating its neighbour.

PAGE		equ 4096
STACK_SIZE	equ 4 * PAGE
IST_SIZE	equ 2 * PAGE

section .bss..stacks nobits alloc noexec write align=4096

global boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:	resb PAGE
boot_stack:		resb STACK_SIZE
boot_stack_top:

global ist_stacks		; per stack: guard page, then IST_SIZE bytes
ist_stacks:
%rep 3
			resb PAGE
			resb IST_SIZE
%endrep
