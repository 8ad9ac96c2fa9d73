/* SPDX-License-Identifier: MIT */
/* Control registers, single special instructions, and the way to turn the machine off. */
#ifndef ASM_PROCESSOR_H
#define ASM_PROCESSOR_H

#include "lib/compiler.h"
#include "lib/types.h"

/* Control register bits (SDM vol. 3A 2.5). */
#define CR0_PE (1UL << 0)
#define CR0_MP (1UL << 1)
#define CR0_EM (1UL << 2)
#define CR0_TS (1UL << 3)
#define CR0_ET (1UL << 4)
#define CR0_NE (1UL << 5)
#define CR0_WP (1UL << 16)
#define CR0_AM (1UL << 18)
#define CR0_PG (1UL << 31)
#define CR4_PAE (1UL << 5)
#define CR4_MCE (1UL << 6)
#define CR4_PGE (1UL << 7)
#define CR4_OSFXSR (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_UMIP (1UL << 11)
#define CR4_PCIDE (1UL << 17)
#define CR4_OSXSAVE (1UL << 18)
#define CR4_SMEP (1UL << 20)
#define CR4_SMAP (1UL << 21)

#define __CONTROL_REGISTER(name)                                                                   \
	static __always_inline unsigned long read_##name(void)                                     \
	{                                                                                          \
		unsigned long v;                                                                   \
                                                                                                   \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory");                    \
		return v;                                                                          \
	}                                                                                          \
	static __always_inline void write_##name(unsigned long v)                                  \
	{                                                                                          \
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");                        \
	}

__CONTROL_REGISTER(cr0)
__CONTROL_REGISTER(cr2)
__CONTROL_REGISTER(cr3)
__CONTROL_REGISTER(cr4)

#undef __CONTROL_REGISTER

/* In a loop that waits for another CPU. */
static __always_inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/*
 * PAUSE is what a hyperthread's sibling wants; under TCG it takes QEMU's big lock, which the CPU waited for may need: in
 * loops that are short it comes seldom.
 */
#define SPINS_PER_PAUSE 64u

/* Sleep until the next interrupt. */
static __always_inline void hlt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

/* Interrupts on and sleep, with no window for an interrupt in between (SDM vol. 2B, STI). */
static __always_inline void safe_halt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

static __always_inline void invlpg(unsigned long addr)
{
	__asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

/* Every translation, global ones and those of all PCIDs too (SDM vol. 2A, INVPCID, type 2). */
static __always_inline void invpcid_all(void)
{
	const u64 descriptor[2] = { 0, 0 };

	__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(2UL) : "memory");
}

static __always_inline void cpuid(u32 leaf, u32 subleaf, u32 *a, u32 *b, u32 *c, u32 *d)
{
	__asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(subleaf));
}

/*
 * Nanoseconds since boot from the time-stamp counter: monotonic, callable anywhere, 0 until
 * calibrated.
 */
u64 arch_clock_ns(void);
extern unsigned long tsc_khz; /* as measured at boot */
/*
 * Have the boot CPU call run_timers() in @ns (less than two ticks) or a little later, instead of what
 * was ordered before. One caller at a time. Where nothing can, the tick does.
 */
void arch_order_interrupt(u64 ns);
/* Wall clock at boot: seconds since 1970 as the CMOS clock said, at arch_clock_ns() == 0. */
u64 arch_boot_wall_seconds(void);

/*
 * Clean end of the run: writes `power-off: status N` to the log (COM2) and ends QEMU with rc 33.
 * @status is pid 1's exit status, 0..255. File systems are synced by the caller.
 */
void machine_power_off(int status) __noreturn;
/* Leave QEMU through isa-debug-exit (its rc is 2 * code + 1), or Bochs; elsewhere, stop the CPU. */
void machine_exit(u8 code) __noreturn;
#define EXIT_POWER_OFF 0x10
#define EXIT_PANIC 0x11
#define EXIT_BOOT_FAIL 0x12
#define EXIT_TIME_LIMIT 0x13

#endif
