/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controllers: the local APIC with its timer (SDM vol. 3A 11), the I/O APIC (82093AA data
 * sheet), and the 8259 pair, which is only put out of the way. Where the CPU has it the local APIC is
 * in x2APIC mode (11.12): the same registers are MSRs, and an interrupt to another CPU is one write.
 */

#include "arch/x86_64/cpu/apic.h"

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/timer_rate.h"
#include "kernel/core/printk.h"
#include "lib/errno.h"
#include "lib/util.h"
#include <asm/cpufeature.h>
#include <asm/io.h>
#include <asm/irqflags.h>
#include <asm/msr.h>
#include <asm/paging.h>
#include <asm/processor.h>

/* Local APIC registers, SDM vol. 3A table 11-1. */
#define LAPIC_ID 0x020
#define LAPIC_TPR 0x080
#define LAPIC_EOI 0x0b0
#define LAPIC_SPURIOUS 0x0f0
#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_LVT_LINT0 0x350
#define LAPIC_LVT_LINT1 0x360
#define LAPIC_LVT_ERROR 0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE 0x3e0

#define SPURIOUS_ENABLE BIT(8)
#define LVT_MASKED BIT(16)
#define LVT_NMI (4u << 8)
#define LVT_PERIODIC BIT(17)
#define DIVIDE_BY_16 3u
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)
#define X2APIC_MSR(reg) (0x800 + (reg) / 16)
/* Interrupt command register, SDM vol. 3A fig. 11-12. */
#define ICR_NMI (4u << 8)
#define ICR_INIT (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_PENDING BIT(12)
#define ICR_ASSERT BIT(14)
#define ICR_ALL_BUT_SELF (3u << 18)

static volatile char *lapic; /* each CPU sees its own there */
static phys_addr_t lapic_phys;

static u32 lapic_read(unsigned int reg)
{
	if (cpu_features.x2apic)
		return (u32)rdmsr(X2APIC_MSR(reg));
	return mmio_read32(lapic + reg);
}

static void lapic_write(unsigned int reg, u32 val)
{
	if (cpu_features.x2apic)
		wrmsr(X2APIC_MSR(reg), val);
	else
		mmio_write32(lapic + reg, val);
}

/* ICW1..ICW4 (8259A data sheet): vectors VECTOR_PIC.., cascade on 2, then everything masked. */
static void mask_8259(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, VECTOR_PIC);
	outb(0xa1, VECTOR_PIC + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void lapic_init(phys_addr_t address)
{
	mask_8259();
	lapic = map_device(address, 4096);
	lapic_phys = address;
	lapic_init_cpu();
}

void lapic_init_cpu(void)
{
	u64 base = (rdmsr(MSR_APIC_BASE) & 0xfff) | lapic_phys | APIC_BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base);
	if (cpu_features.x2apic) /* a second step: 11.12.5 knows no way to it but from enabled */
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

u8 lapic_id(void)
{
	return (u8)(lapic_read(LAPIC_ID) >> (cpu_features.x2apic ? 0 : 24));
}

static u32 timer_count(void)
{
	return lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_start(unsigned int hz)
{
	static u64 rate; /* all CPUs' timers run on the bus clock */

	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	if (!rate) {
		lapic_write(LAPIC_TIMER_INITIAL, ~0u);
		rate = timer_rate(timer_count, arch_clock_ns);
	}
	lapic_write(LAPIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
	lapic_write(LAPIC_TIMER_INITIAL, max((u32)(rate / hz), 1u));
}

/*
 * As MMIO, the two halves belong together, and an interrupt handler may send one of its own. An MSR
 * write may overtake stores (11.12.3), which the other CPU is to find.
 */
static void send(u8 apic, u32 command)
{
	unsigned long flags;

	if (cpu_features.x2apic) {
		__asm__ volatile("mfence; lfence" : : : "memory");
		wrmsr(X2APIC_MSR(LAPIC_ICR_LOW), (u64)apic << 32 | command);
		return;
	}
	local_irq_save(flags);
	while (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	lapic_write(LAPIC_ICR_HIGH, (u32)apic << 24);
	lapic_write(LAPIC_ICR_LOW, command);
	local_irq_restore(flags);
}

void lapic_send_ipi(u8 apic, u8 vector)
{
	send(apic, vector);
}

void lapic_send_init(u8 apic)
{
	send(apic, ICR_INIT | ICR_ASSERT);
}

void lapic_send_startup(u8 apic, u8 page)
{
	send(apic, ICR_STARTUP | page);
}

void lapic_send_nmi_to_others(void)
{
	send(0, ICR_NMI | ICR_ALL_BUT_SELF);
}

/* I/O APIC: index and data window; register numbers from the 82093AA data sheet, 3.2. */
#define IOAPIC_INDEX 0x00
#define IOAPIC_DATA 0x10
#define IOAPIC_VERSION 1
#define IOAPIC_ENTRY 0x10
#define ENTRY_LOW BIT(13)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)

static struct ioapic {
	volatile char *base;
	u32 gsi_base, nr;
} ioapics[ACPI_MAX_IOAPICS];
static unsigned int nr_ioapics;

static u32 ioapic_read(const struct ioapic *io, u32 reg)
{
	mmio_write32(io->base + IOAPIC_INDEX, reg);
	return mmio_read32(io->base + IOAPIC_DATA);
}

static void ioapic_write(const struct ioapic *io, u32 reg, u32 val)
{
	mmio_write32(io->base + IOAPIC_INDEX, reg);
	mmio_write32(io->base + IOAPIC_DATA, val);
}

void ioapic_init(const struct acpi_madt *madt)
{
	for (unsigned int i = 0; i < madt->nr_ioapics; i++) {
		struct ioapic *io = &ioapics[nr_ioapics++];

		io->base = map_device(madt->ioapics[i].address, 32);
		io->gsi_base = madt->ioapics[i].gsi_base;
		io->nr = (ioapic_read(io, IOAPIC_VERSION) >> 16 & 0xff) + 1;
		for (u32 line = 0; line < io->nr; line++)
			ioapic_write(io, IOAPIC_ENTRY + 2 * line, ENTRY_MASKED);
	}
}

int ioapic_route(u32 gsi, u8 vector, u8 apic, bool active_low, bool level)
{
	for (unsigned int i = 0; i < nr_ioapics; i++) {
		const struct ioapic *io = &ioapics[i];
		u32 line = gsi - io->gsi_base;

		if (line >= io->nr)
			continue;
		ioapic_write(io, IOAPIC_ENTRY + 2 * line + 1, (u32)apic << 24);
		ioapic_write(
			io, IOAPIC_ENTRY + 2 * line,
			(u32)(vector | (active_low ? ENTRY_LOW : 0) | (level ? ENTRY_LEVEL : 0)));
		return 0;
	}
	return -EINVAL;
}
