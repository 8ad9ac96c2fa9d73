/* SPDX-License-Identifier: MIT */
/* The interrupt descriptor table: 32 exceptions, 224 interrupts (SDM vol. 3A 6.14). */

#include "arch/x86_64/cpu/cpu.h"
#include "lib/compiler.h"
#include "lib/util.h"
#include <asm/msr.h>
#include <asm/ptrace.h>
#include <asm/segment.h>
#include <asm/traps.h>

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};

#define GATE_INTERRUPT 0x8e /* present, clears IF */
#define GATE_USER 0x60      /* DPL 3: a program may raise it with INT n */
#define IRQ_STUB_SIZE 16

/* Entry stubs of entry.asm: name, vector, stack, extra type bits. */
#define EXCEPTIONS(X)                                \
	X(divide_error, X86_TRAP_DE, 0, 0)           \
	X(debug, X86_TRAP_DB, 0, 0)                  \
	X(nmi, X86_TRAP_NMI, IST_NMI, 0)             \
	X(int3, X86_TRAP_BP, 0, GATE_USER)           \
	X(overflow, X86_TRAP_OF, 0, GATE_USER)       \
	X(bounds, X86_TRAP_BR, 0, 0)                 \
	X(invalid_op, X86_TRAP_UD, 0, 0)             \
	X(device_not_available, X86_TRAP_NM, 0, 0)   \
	X(double_fault, X86_TRAP_DF, IST_DF, 0)      \
	X(invalid_tss, X86_TRAP_TS, 0, 0)            \
	X(segment_not_present, X86_TRAP_NP, 0, 0)    \
	X(stack_segment, X86_TRAP_SS, 0, 0)          \
	X(general_protection, X86_TRAP_GP, 0, 0)     \
	X(page_fault, X86_TRAP_PF, 0, 0)             \
	X(coprocessor_error, X86_TRAP_MF, 0, 0)      \
	X(alignment_check, X86_TRAP_AC, 0, 0)        \
	X(machine_check, X86_TRAP_MC, IST_MC, 0)     \
	X(simd_coprocessor_error, X86_TRAP_XF, 0, 0) \
	X(control_protection, X86_TRAP_CP, 0, 0)

#define X(name, vector, ist, type) extern char asm_exc_##name[];
EXCEPTIONS(X)
#undef X
extern char asm_exc_spurious_interrupt_bug[], irq_stubs[], entry_SYSCALL_64[];

static struct gate idt[256] __aligned(16);

static void set_gate(unsigned int vector, const char *entry, u8 ist, u8 type)
{
	u64 addr = (u64)entry;

	idt[vector] = (struct gate){
		.offset_low = (u16)addr,
		.selector = __KERNEL_CS,
		.ist = ist,
		.type = GATE_INTERRUPT | type,
		.offset_mid = (u16)(addr >> 16),
		.offset_high = (u32)(addr >> 32),
	};
}

void idt_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idtr = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void idt_init(void)
{
	for (unsigned int v = 0; v < NR_EXCEPTIONS; v++)
		set_gate(v, asm_exc_spurious_interrupt_bug, 0, 0);
#define X(name, vector, ist, type) set_gate(vector, asm_exc_##name, ist, type);
	EXCEPTIONS(X)
#undef X
	for (unsigned int v = NR_EXCEPTIONS; v < 256; v++)
		set_gate(v, irq_stubs + (v - NR_EXCEPTIONS) * IRQ_STUB_SIZE, 0, 0);
	idt_load();
}

/*
 * STAR: the selectors' bases (SYSRET adds 8 and 16). The mask clears what a program may not bring
 * along: interrupts, single step, direction, nested task, I/O rights, and AC, which would open SMAP.
 */
void syscall_init(void)
{
	wrmsr(MSR_STAR, (u64)__USER32_CS << 48 | (u64)__KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)entry_SYSCALL_64);
	wrmsr(MSR_SYSCALL_MASK, X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT |
					X86_EFLAGS_IOPL | X86_EFLAGS_AC);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}
