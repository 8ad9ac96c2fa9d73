/* SOURCES: arch/x86_64/boot/acpi.c */
/* SPDX-License-Identifier: MIT */
/*
 * The way from the ACPI root pointer to the MADT, over a small physical memory of our own: whole tables,
 * and tables with wrong checksums, lengths, addresses and entries.
 */
#include "tests/unit/test.h"

#include "arch/x86_64/boot/acpi.h"
#include "lib/errno.h"

#define MEMORY 4096
#define RSDT 0x100
#define XSDT 0x200
#define OTHER 0x300
#define MADT 0x400

static unsigned char memory[MEMORY];
static unsigned char rsdp[36];
static size_t madt_len;

static const void *map(u64 phys, size_t size)
{
	return phys && phys <= MEMORY && size <= MEMORY - phys ? memory + phys : NULL;
}

static void fix_checksum(unsigned char *p, size_t n, size_t at)
{
	unsigned char sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum = (unsigned char)(sum + p[i]);
	p[at] = (unsigned char)-sum;
}

static void store32(unsigned char *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void make_table(size_t at, const char *signature, size_t len)
{
	memcpy(memory + at, signature, 4);
	store32(memory + at + 4, (uint32_t)len);
	fix_checksum(memory + at, len, 9);
}

static void add_entry(const void *entry, size_t len)
{
	memcpy(memory + MADT + madt_len, entry, len);
	madt_len += len;
}

static void finish_madt(void)
{
	make_table(MADT, "APIC", madt_len);
}

static void make_rsdp(int revision)
{
	memset(rsdp, 0, sizeof(rsdp));
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = (unsigned char)revision;
	store32(rsdp + 16, RSDT);
	store32(rsdp + 20, 36);
	if (revision >= 2)
		store32(rsdp + 24, XSDT);
	fix_checksum(rsdp, 20, 8);
	fix_checksum(rsdp, 36, 32);
}

/*
 * What QEMU's pc machine has: one CPU, one I/O APIC, the timer on line 2, PCI lines level-
 * triggered.
 */
static void make_all(int revision)
{
	static const unsigned char lapic[] = { 0, 8, 0, 0, 1, 0, 0, 0 };
	static const unsigned char lapic_off[] = { 0, 8, 1, 1, 0, 0, 0, 0 };
	static const unsigned char ioapic[] = { 1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0 };
	static const unsigned char timer[] = { 2, 10, 0, 0, 2, 0, 0, 0, 0, 0 };
	static const unsigned char pci[] = { 2, 10, 0, 11, 11, 0, 0, 0, 0x0f, 0 };
	static const unsigned char nmi[] = { 4, 6, 0xff, 0, 0, 1 };

	memset(memory, 0, sizeof(memory));
	madt_len = 44;
	store32(memory + MADT + 36, 0xfee00000);
	add_entry(lapic, sizeof(lapic));
	add_entry(lapic_off, sizeof(lapic_off));
	add_entry(ioapic, sizeof(ioapic));
	add_entry(timer, sizeof(timer));
	add_entry(pci, sizeof(pci));
	add_entry(nmi, sizeof(nmi));
	finish_madt();
	make_table(OTHER, "FACP", 100);
	store32(memory + RSDT + 36, OTHER);
	store32(memory + RSDT + 40, MADT);
	make_table(RSDT, "RSDT", 44);
	store32(memory + XSDT + 36, OTHER);
	store32(memory + XSDT + 44, MADT);
	make_table(XSDT, "XSDT", 52);
	make_rsdp(revision);
}

static int read_all(struct acpi_madt *madt)
{
	const char *error;
	int err = acpi_read_madt(rsdp, sizeof(rsdp), map, madt, &error);

	assert_true((err == 0) == (error == NULL));
	return err;
}

static void expect_all(void)
{
	struct acpi_madt madt;

	assert_int_equal(read_all(&madt), 0);
	assert_int_equal(madt.lapic_address, 0xfee00000);
	assert_int_equal(madt.nr_cpus, 1);
	assert_int_equal(madt.nr_ioapics, 1);
	assert_int_equal(madt.ioapics[0].address, 0xfec00000);
	assert_int_equal(madt.nr_overrides, 2);
	assert_int_equal(madt.overrides[0].gsi, 2);
	assert_false(madt.overrides[0].level);
	assert_int_equal(madt.overrides[1].source, 11);
	assert_true(madt.overrides[1].level);
	assert_true(madt.overrides[1].active_low);
}

static void expect_failure(void)
{
	struct acpi_madt madt;

	assert_int_equal(read_all(&madt), -EINVAL);
}

static void whole_rsdt(void **state)
{
	(void)state;
	make_all(0);
	memset(memory + XSDT, 0xff, 64); /* not looked at */
	expect_all();
}

static void whole_xsdt(void **state)
{
	(void)state;
	make_all(2);
	memset(memory + RSDT, 0xff, 64);
	expect_all();
}

static void damaged_xsdt_falls_back(void **state)
{
	(void)state;
	make_all(2);
	memory[XSDT + 40] ^= 1;
	expect_all();
	make_all(2);
	rsdp[32] ^= 1; /* extended checksum */
	expect_all();
}

static void bad_root_pointer(void **state)
{
	struct acpi_madt madt;
	const char *error;
	unsigned char *short_rsdp;

	(void)state;
	make_all(0);
	rsdp[8] ^= 1;
	expect_failure();
	make_all(0);
	rsdp[0] = 'X';
	fix_checksum(rsdp, 20, 8);
	expect_failure();
	make_all(0);
	for (size_t len = 0; len < 20; len++) {
		short_rsdp = malloc(len + 1);
		memcpy(short_rsdp, rsdp, len);
		assert_int_equal(acpi_read_madt(short_rsdp, len, map, &madt, &error), -EINVAL);
		free(short_rsdp);
	}
}

static void bad_tables(void **state)
{
	static const uint32_t lengths[] = { 0, 35, 43, 0x10000, 0x7fffffff, 0xffffffff };

	(void)state;
	make_all(0);
	memory[RSDT + 9] ^= 1;
	expect_failure();
	make_all(0);
	memory[MADT + 9] ^= 1;
	expect_failure();
	make_all(0);
	store32(memory + MADT, 0); /* no signature: not listed */
	expect_failure();
	make_all(0);
	store32(rsdp + 16, 0xffffff00); /* root table outside of memory */
	fix_checksum(rsdp, 20, 8);
	expect_failure();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		make_all(0);
		store32(memory + MADT + 4, lengths[i]);
		if (lengths[i] == 43 || lengths[i] == 35)
			fix_checksum(memory + MADT, lengths[i], 9);
		expect_failure();
		make_all(0);
		store32(memory + RSDT + 4, lengths[i]);
		expect_failure();
	}
}

static void bad_entries(void **state)
{
	(void)state;
	make_all(0);
	memory[MADT + 45] = 0; /* length 0: would never end */
	finish_madt();
	expect_failure();
	make_all(0);
	memory[MADT + 45] = 1;
	finish_madt();
	expect_failure();
	make_all(0);
	memory[MADT + madt_len - 5] = 7; /* the last one reaches past the table */
	finish_madt();
	expect_failure();
	make_all(0);
	memory[MADT + 60] = 99; /* the I/O APIC is another type now */
	finish_madt();
	expect_failure();
}

static void too_many_entries(void **state)
{
	static const unsigned char lapic[] = { 0, 8, 0, 0, 1, 0, 0, 0 };
	static const unsigned char override[] = { 2, 10, 0, 5, 5, 0, 0, 0, 0x0d, 0 };
	static const unsigned char ioapic[] = { 1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0 };
	struct acpi_madt madt;

	(void)state;
	make_all(0);
	for (int i = 0; i < 80; i++) {
		add_entry(lapic, sizeof(lapic));
		add_entry(override, sizeof(override));
		add_entry(ioapic, sizeof(ioapic));
	}
	finish_madt();
	assert_int_equal(read_all(&madt), 0);
	assert_int_equal(madt.nr_cpus, ACPI_MAX_CPUS);
	assert_int_equal(madt.nr_overrides, ACPI_MAX_OVERRIDES);
	assert_int_equal(madt.nr_ioapics, ACPI_MAX_IOAPICS);
}

static void local_apic_moved(void **state)
{
	static const unsigned char moved[] = { 5, 12, 0, 0, 0, 0, 0, 0xfe, 1, 0, 0, 0 };
	struct acpi_madt madt;

	(void)state;
	make_all(0);
	add_entry(moved, sizeof(moved));
	finish_madt();
	assert_int_equal(read_all(&madt), 0);
	assert_true(madt.lapic_address == 0x1fe000000ULL);
}

static void random_damage(void **state)
{
	uint64_t seed = 0xacb1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct acpi_madt madt;

		make_all(round % 2 ? 2 : 0);
		for (int n = 0; n < 3; n++)
			memory[MADT + 36 + test_random(&seed) % (madt_len - 36)] =
				(unsigned char)test_random(&seed);
		finish_madt();
		CHECK(read_all(&madt) == 0 || madt.nr_cpus <= ACPI_MAX_CPUS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_rsdt),
		cmocka_unit_test(whole_xsdt),
		cmocka_unit_test(damaged_xsdt_falls_back),
		cmocka_unit_test(bad_root_pointer),
		cmocka_unit_test(bad_tables),
		cmocka_unit_test(bad_entries),
		cmocka_unit_test(too_many_entries),
		cmocka_unit_test(local_apic_moved),
		cmocka_unit_test(random_damage),
	};

	TEST_SETUP();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
