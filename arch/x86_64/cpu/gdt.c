/* SPDX-License-Identifier: MIT */
/* Segments and the task state segment: all that is left of segmentation in 64-bit mode. */

#include "arch/x86_64/cpu/cpu.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include <asm/segment.h>

/* 64-bit TSS (SDM vol. 3A fig. 7-11). */
struct tss {
	u32 reserved0;
	u64 rsp0, rsp1, rsp2;
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap_base; /* beyond the limit: no port is open to user mode */
} __packed;

struct descriptor_pointer {
	u16 limit;
	u64 base;
} __packed;

/* Descriptors (SDM vol. 3A 3.4.5): present, accessed; L for 64-bit code; DPL 3 for user. */
#define DESC_KERNEL_CODE 0x00af9b000000ffffULL
#define DESC_KERNEL_DATA 0x00cf93000000ffffULL
#define DESC_USER_DATA 0x00cff3000000ffffULL
#define DESC_USER_CODE 0x00affb000000ffffULL
#define DESC_TSS_AVAILABLE 0x89ULL

DEFINE_PER_CPU(unsigned long, cpu_kernel_stack_top);
DEFINE_PER_CPU(unsigned long, user_sp_scratch);
DEFINE_PER_CPU(unsigned long, ist_stack[NR_IST]);
static DEFINE_PER_CPU(struct tss, cpu_tss);
static DEFINE_PER_CPU(u64, cpu_gdt[GDT_ENTRIES]) __aligned(16);

/*
 * Top of an IST stack. The word above it tells the entry code this CPU's GS base, which it cannot trust
 * when it came from anywhere at all (see `paranoid` in entry.asm).
 */
static u64 ist_top(char *stack)
{
	char *top = stack + IST_STACK_SIZE - 16;

	*(unsigned long *)top = this_cpu_read(this_cpu_off);
	return (u64)top;
}

static void load_segments(const struct descriptor_pointer *gdtr)
{
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmovl %2, %%eax\n\t"
			 "movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "lldt %%ax\n\t" /* none: what the CPU has at reset is one at address 0 */
			 "ltr %w3"
			 :
			 : "m"(*gdtr), "i"(__KERNEL_CS), "i"(__KERNEL_DS), "r"(GDT_TSS)
			 : "rax", "memory");
}

void gdt_init(char *const *ist)
{
	struct tss *tss = this_cpu_ptr(&cpu_tss);
	u64 *gdt = *this_cpu_ptr(&cpu_gdt);
	u64 base = (u64)tss, limit = sizeof(*tss) - 1;
	struct descriptor_pointer gdtr = { sizeof(cpu_gdt) - 1, (u64)gdt };

	for (unsigned int n = 0; n < NR_IST; n++) {
		char *stack = ist ? ist[n] : ist_stacks + (n + 1) * IST_STRIDE - IST_STACK_SIZE;

		this_cpu_write(ist_stack[n], (unsigned long)stack);
		tss->ist[n] = ist_top(stack);
	}
	tss->iomap_base = sizeof(*tss);
	gdt[__KERNEL_CS / 8] = DESC_KERNEL_CODE;
	gdt[__KERNEL_DS / 8] = DESC_KERNEL_DATA;
	gdt[__USER_DS / 8] = DESC_USER_DATA;
	gdt[__USER_CS / 8] = DESC_USER_CODE;
	gdt[GDT_TSS / 8] = limit | (base & 0xffffff) << 16 | DESC_TSS_AVAILABLE << 40 |
			   (base >> 24 & 0xff) << 56;
	gdt[GDT_TSS / 8 + 1] = base >> 32;
	load_segments(&gdtr);
}

void set_kernel_stack(unsigned long top)
{
	struct tss *tss = this_cpu_ptr(&cpu_tss);

	tss->rsp0 = top;
	this_cpu_write(cpu_kernel_stack_top, top);
}
