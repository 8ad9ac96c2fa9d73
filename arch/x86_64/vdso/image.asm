; SPDX-License-Identifier: MIT
; The vDSO as the kernel holds it: VDSO_PAGES whole pages (asm/vdso.h), for programs see all of them.

global vdso_image

section .rodata.vdso progbits alloc noexec nowrite align=4096
vdso_image:
	incbin "vdso.so"
	times 8192 - ($ - vdso_image) db 0	; negative, and refused, if it does not fit
