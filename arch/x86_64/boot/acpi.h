/* SPDX-License-Identifier: MIT */
/*
 * The few ACPI tables that we read: root pointer, root table, and the MADT, which names the interrupt
 * controllers and CPUs. Section numbers: ACPI Specification 6.4. Pure but for the caller's view of
 * physical memory, so it is tested on the host with broken tables.
 */
#ifndef ARCH_BOOT_ACPI_H
#define ARCH_BOOT_ACPI_H

#include "lib/types.h"

#define ACPI_MAX_CPUS 64
#define ACPI_MAX_IOAPICS 4
#define ACPI_MAX_OVERRIDES 16

struct acpi_ioapic {
	u8 id;
	u32 address;  /* physical */
	u32 gsi_base; /* its first global system interrupt */
};

/* ISA interrupt @source arrives as @gsi instead, 5.2.12.5. */
struct acpi_override {
	u8 source;
	u32 gsi;
	bool active_low, level;
};

struct acpi_madt {
	u64 lapic_address; /* physical */
	unsigned int nr_cpus, nr_ioapics, nr_overrides;
	u8 cpu_apic_ids[ACPI_MAX_CPUS]; /* enabled CPUs */
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];
};

/*
 * Makes physical [phys, phys + size) readable and returns where, or NULL when it cannot. What it
 * returned stays readable.
 */
typedef const void *(*acpi_map_fn)(u64 phys, size_t size);

/*
 * Find the MADT from the root pointer @rsdp (@rsdp_len bytes) and read it. Every table's checksum and
 * every length is checked. 0, or -EINVAL with *@error set to what is wrong.
 */
int acpi_read_madt(const void *rsdp, size_t rsdp_len, acpi_map_fn map, struct acpi_madt *out,
		   const char **error);

#endif
