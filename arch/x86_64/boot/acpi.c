/* SPDX-License-Identifier: MIT */
/*
 * From the ACPI root pointer to the MADT. Tables are packed and unaligned: fields are copied out.
 */

#include "arch/x86_64/boot/acpi.h"

#include "lib/compiler.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"

/* 5.2.5.3: the first 20 bytes are revision 0, the rest follows in revision 2. */
struct rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision;
	u32 rsdt_address;
	u32 length;
	u64 xsdt_address;
	u8 extended_checksum, reserved[3];
} __packed;

#define RSDP_V1_SIZE 20

/* 5.2.6 */
struct sdt_header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem_id[6], oem_table_id[8];
	u32 oem_revision, creator_id, creator_revision;
} __packed;

/* 5.2.12 */
struct madt {
	struct sdt_header header;
	u32 lapic_address, flags;
} __packed;

struct madt_entry {
	u8 type, length;
} __packed;

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_ADDRESS = 5 };

struct madt_lapic {
	struct madt_entry head;
	u8 processor_id, apic_id;
	u32 flags; /* bit 0: enabled */
} __packed;

struct madt_ioapic {
	struct madt_entry head;
	u8 id, reserved;
	u32 address, gsi_base;
} __packed;

struct madt_override {
	struct madt_entry head;
	u8 bus, source;
	u32 gsi;
	u16 flags; /* 5.2.12.5: bits 0-1 polarity (3: low), 2-3 trigger (3: level) */
} __packed;

struct madt_lapic_address {
	struct madt_entry head;
	u16 reserved;
	u64 address;
} __packed;

#define TABLE_MAX (1u << 20) /* far more than any of these tables is long */

static bool checksum_ok(const void *p, size_t n)
{
	const u8 *byte = p;
	u8 sum = 0;

	while (n--)
		sum = (u8)(sum + *byte++);
	return sum == 0;
}

/* A whole table, checked; NULL if it is not one. */
static const struct sdt_header *map_table(u64 phys, acpi_map_fn map)
{
	const struct sdt_header *header = map(phys, sizeof(*header));
	u32 length;

	if (!header)
		return NULL;
	length = header->length;
	if (length < sizeof(*header) || length > TABLE_MAX)
		return NULL;
	header = map(phys, length);
	return header && checksum_ok(header, length) ? header : NULL;
}

static void read_lapic(const struct madt_lapic *e, struct acpi_madt *out)
{
	if ((e->flags & 1) && out->nr_cpus < ACPI_MAX_CPUS)
		out->cpu_apic_ids[out->nr_cpus++] = e->apic_id;
}

static void read_ioapic(const struct madt_ioapic *e, struct acpi_madt *out)
{
	if (out->nr_ioapics < ACPI_MAX_IOAPICS)
		out->ioapics[out->nr_ioapics++] =
			(struct acpi_ioapic){ e->id, e->address, e->gsi_base };
}

static void read_override(const struct madt_override *e, struct acpi_madt *out)
{
	if (out->nr_overrides < ACPI_MAX_OVERRIDES)
		out->overrides[out->nr_overrides++] = (struct acpi_override){
			.source = e->source,
			.gsi = e->gsi,
			.active_low = (e->flags & 3) == 3,
			.level = (e->flags >> 2 & 3) == 3,
		};
}

static void read_entry(const struct madt_entry *e, struct acpi_madt *out)
{
	if (e->type == MADT_LAPIC && e->length >= sizeof(struct madt_lapic))
		read_lapic((const struct madt_lapic *)e, out);
	else if (e->type == MADT_IOAPIC && e->length >= sizeof(struct madt_ioapic))
		read_ioapic((const struct madt_ioapic *)e, out);
	else if (e->type == MADT_OVERRIDE && e->length >= sizeof(struct madt_override))
		read_override((const struct madt_override *)e, out);
	else if (e->type == MADT_LAPIC_ADDRESS && e->length >= sizeof(struct madt_lapic_address))
		out->lapic_address = ((const struct madt_lapic_address *)e)->address;
}

static const char *read_madt(const struct madt *madt, struct acpi_madt *out)
{
	const u8 *p = (const u8 *)(madt + 1), *end = (const u8 *)madt + madt->header.length;

	if (madt->header.length < sizeof(*madt))
		return "the MADT is shorter than its header";
	out->lapic_address = madt->lapic_address;
	while ((size_t)(end - p) >= sizeof(struct madt_entry)) {
		const struct madt_entry *e = (const struct madt_entry *)p;

		if (e->length < sizeof(*e) || e->length > end - p)
			return "an entry of the MADT has a wrong length";
		read_entry(e, out);
		p += e->length;
	}
	if (!out->nr_ioapics)
		return "the MADT names no I/O APIC";
	return NULL;
}

/* The MADT among the tables that @root (RSDT or XSDT, entries of @width bytes) lists. */
static const struct madt *find_madt(const struct sdt_header *root, size_t width, acpi_map_fn map)
{
	const u8 *p = (const u8 *)(root + 1), *end = (const u8 *)root + root->length;

	for (; (size_t)(end - p) >= width; p += width) {
		const struct sdt_header *header;
		u64 phys = 0;

		memcpy(&phys, p, width);
		header = map(phys, sizeof(*header));
		if (!header || memcmp(header->signature, "APIC", 4))
			continue;
		header = map_table(phys, map);
		if (header)
			return (const struct madt *)header;
	}
	return NULL;
}

int acpi_read_madt(const void *rsdp_bytes, size_t rsdp_len, acpi_map_fn map, struct acpi_madt *out,
		   const char **error)
{
	const struct sdt_header *root = NULL;
	const struct madt *madt;
	struct rsdp rsdp;
	size_t width = 4;

	memset(out, 0, sizeof(*out));
	memset(&rsdp, 0, sizeof(rsdp));
	memcpy(&rsdp, rsdp_bytes, min(rsdp_len, sizeof(rsdp)));
	*error = NULL;
	if (rsdp_len < RSDP_V1_SIZE || memcmp(rsdp.signature, "RSD PTR ", 8) ||
	    !checksum_ok(&rsdp, RSDP_V1_SIZE)) {
		*error = "the root pointer is damaged";
		return -EINVAL;
	}
	if (rsdp.revision >= 2 && rsdp_len >= sizeof(rsdp) && checksum_ok(&rsdp, sizeof(rsdp)) &&
	    rsdp.xsdt_address) {
		root = map_table(rsdp.xsdt_address, map);
		width = 8;
	}
	if (!root) {
		root = map_table(rsdp.rsdt_address, map);
		width = 4;
	}
	madt = root ? find_madt(root, width, map) : NULL;
	if (!root)
		*error = "the root table is damaged";
	else if (!madt)
		*error = "there is no MADT, or it is damaged";
	else
		*error = read_madt(madt, out);
	return *error ? -EINVAL : 0;
}
