/* SOURCES: arch/x86_64/boot/acpi.c */
/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables. Input: u8 flags (1: checksums are set right), 36 bytes of root pointer, then
 * physical memory from address 1 on. Each view of it is a block of its own, so a read beyond what
 * was asked for is seen.
 */
#include "tests/fuzz/fuzz.h"

#include "arch/x86_64/boot/acpi.h"

#define RSDP_SIZE 36
#define MAPS_MAX 4096 /* far more than a root table in FUZZ_INPUT_MAX bytes has entries */

static struct fuzz_input memory;
static bool fix_checksums;
static void *views[MAPS_MAX];
static unsigned int nr_views;

static void fix(uint8_t *p, size_t n, size_t at)
{
	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		p[at] = (uint8_t)(p[at] - (i == at ? 0 : p[i]));
}

static const void *map(u64 phys, size_t size)
{
	size_t have = (size_t)(memory.end - memory.at);
	struct fuzz_input part;
	uint8_t *view;

	if (!phys || phys - 1 > have || size > have - (phys - 1) || nr_views == MAPS_MAX)
		return NULL;
	part = (struct fuzz_input){ memory.at + (phys - 1), memory.end };
	view = fuzz_block(&part, size, 0);
	if (fix_checksums && size > 9)
		fix(view, size, 9);
	return views[nr_views++] = view;
}

static void parse(const void *rsdp, size_t len)
{
	struct acpi_madt *madt = malloc(sizeof(*madt));
	const char *error;

	if (acpi_read_madt(rsdp, len, map, madt, &error)) {
		CHECK(error);
	} else {
		CHECK(!error && madt->nr_cpus <= ACPI_MAX_CPUS);
		CHECK(madt->nr_ioapics && madt->nr_ioapics <= ACPI_MAX_IOAPICS);
		CHECK(madt->nr_overrides <= ACPI_MAX_OVERRIDES);
	}
	free(madt);
	while (nr_views)
		free(views[--nr_views]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, data + size };
	size_t len;
	uint8_t *rsdp;

	fix_checksums = fuzz_u8(&in) & 1;
	len = (size_t)(in.end - in.at) < RSDP_SIZE ? (size_t)(in.end - in.at) : RSDP_SIZE;
	rsdp = fuzz_block(&in, len, 0);
	memory = (struct fuzz_input){ in.at + len, in.end };
	if (fix_checksums && len >= 20)
		fix(rsdp, 20, 8);
	if (fix_checksums && len == RSDP_SIZE)
		fix(rsdp, RSDP_SIZE, 32);
	parse(rsdp, len);
	free(rsdp);
	return 0;
}

/* The root tables at 1 and 41, the MADT at 101; as QEMU's, with a processor, an I/O APIC... */
size_t fuzz_seed(unsigned int n, uint8_t *buf, size_t size)
{
	static const uint8_t madt[] = {
		0, 0, 0xe0, 0xfe, 1,    0, 0, 0,  0, 8, 0,  0, 1,    0,    0, 0, 1, 12, 0,
		0, 0, 0,    0xc0, 0xfe, 0, 0, 0,  0, 2, 10, 0, 9,    9,    0, 0, 0, 15, 0,
		4, 6, 255,  0,    0,    1, 5, 12, 0, 0, 0,  0, 0xe0, 0xfe, 0, 0, 0, 0,
	};
	uint8_t *ram = buf + 1 + RSDP_SIZE;

	if (n > 1 || size < 1024)
		return 0;
	buf[0] = 1;
	memcpy(buf + 1, "RSD PTR ", 8);
	buf[1 + 15] = (uint8_t)(2 * n); /* revision 0: RSDT; 2: XSDT */
	buf[1 + 16] = 1;
	buf[1 + 24] = 41;
	memcpy(ram, "RSDT\50", 5);
	ram[36] = 101;
	memcpy(ram + 40, "XSDT\54", 5);
	ram[40 + 36] = 101;
	memcpy(ram + 100, "APIC", 4);
	ram[104] = 36 + sizeof(madt);
	memcpy(ram + 136, madt, sizeof(madt));
	return 1 + RSDP_SIZE + 136 + sizeof(madt);
}
