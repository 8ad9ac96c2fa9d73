/* SPDX-License-Identifier: MIT */
/* Local APIC and I/O APIC: registers only. Who gets which vector is decided in irq.c. */
#ifndef ARCH_CPU_APIC_H
#define ARCH_CPU_APIC_H

#include "arch/x86_64/boot/acpi.h"
#include "lib/types.h"

/* Vectors. 32..47 belong to the masked 8259s, whose spurious interrupts cannot be masked. */
#define VECTOR_PIC 32
#define VECTOR_DEVICE_FIRST 48
#define VECTOR_DEVICE_LAST 239
#define VECTOR_TIMER 240
#define VECTOR_RESCHEDULE 241
#define VECTOR_CALL_FUNCTION 242
#define VECTOR_SPURIOUS 255

/* Boot: map the local APICs and enable this CPU's; the 8259s are remapped and masked. */
void lapic_init(phys_addr_t address);
/* Enable that of another CPU, on it. */
void lapic_init_cpu(void);
void lapic_eoi(void);
u8 lapic_id(void);
/*
 * Start this CPU's timer: VECTOR_TIMER, @hz times a second; the first call measures its rate. Interrupts off.
 */
void lapic_timer_start(unsigned int hz);

/* Interprocessor interrupts (SDM vol. 3A 11.6) to the CPU with this APIC id. Any context. */
void lapic_send_ipi(u8 apic, u8 vector);
void lapic_send_init(u8 apic);
/* It starts in real mode at physical page @page. */
void lapic_send_startup(u8 apic, u8 page);
void lapic_send_nmi_to_others(void);

/* Map the I/O APICs; all their lines masked. */
void ioapic_init(const struct acpi_madt *madt);
/* Send @gsi to @vector of the CPU with APIC id @apic. -EINVAL: no I/O APIC has that line. */
int ioapic_route(u32 gsi, u8 vector, u8 apic, bool active_low, bool level);

#endif
