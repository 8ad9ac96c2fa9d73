; SPDX-License-Identifier: MIT
;
; The multiboot2 header, by which GRUB knows the image (Multiboot2 Specification 2.0, 3.1). It has a
; section of its own, which linker.ld puts first.

MB2_MAGIC	equ 0xe85250d6
MB2_ARCH_I386	equ 0		; enter in 32-bit protected mode, also under UEFI

section .multiboot2 progbits alloc noexec nowrite align=8

header:
	dd MB2_MAGIC
	dd MB2_ARCH_I386
	dd header_end - header
	dd -(MB2_MAGIC + MB2_ARCH_I386 + (header_end - header)) & 0xffffffff
	dw 0, 0			; end tag: type, flags
	dd 8			; its size
header_end:
