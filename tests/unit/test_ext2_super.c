/* SOURCES: fs/ext2/check.c */
/* SPDX-License-Identifier: MIT */
/* What ext2 makes of good, unknown and damaged super blocks, descriptors and directory entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/ext2/format.h"
#include "lib/errno.h"

#define DEVICE (64ULL << 20)

static char why[160];

/* As `mke2fs -t ext2 -b 4096` writes it for 64 MiB. */
static struct ext2_super_block good_super(void)
{
	struct ext2_super_block es;

	memset(&es, 0, sizeof(es));
	es.s_magic = EXT2_SUPER_MAGIC;
	es.s_log_block_size = 2;
	es.s_blocks_count = 16384;
	es.s_blocks_per_group = es.s_frags_per_group = 32768;
	es.s_inodes_count = es.s_inodes_per_group = 8192;
	es.s_rev_level = 1;
	es.s_first_ino = 11;
	es.s_inode_size = 128;
	es.s_feature_compat = 0x38;
	es.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE;
	es.s_feature_ro_compat =
		EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE;
	return es;
}

static int check(const struct ext2_super_block *es, struct ext2_geometry *geo)
{
	memset(why, 0, sizeof(why));
	return ext2_check_super(es, DEVICE, geo, why, sizeof(why));
}

/* Refused, with a sentence that has @word in it. */
static void assert_refused(const struct ext2_super_block *es, const char *word)
{
	struct ext2_geometry geo;

	assert_int_equal(check(es, &geo), -EINVAL);
	if (!strstr(why, word))
		fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void good_one_is_taken(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;

	assert_int_equal(check(&es, &geo), 0);
	assert_int_equal(geo.block_size, 4096);
	assert_int_equal(geo.groups, 1);
	assert_int_equal(geo.gdt_blocks, 1);
	assert_int_equal(geo.itable_blocks, 256);
	assert_true(geo.has_filetype);
	assert_false(geo.read_only);
	(void)state;
}

static void old_revision_has_fixed_inodes(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;

	es.s_rev_level = 0;
	es.s_inode_size = 0;
	es.s_feature_incompat = ~0u; /* not fields of this revision */
	assert_int_equal(check(&es, &geo), 0);
	assert_int_equal(geo.inode_size, 128);
	assert_int_equal(geo.first_ino, 11);
	assert_false(geo.has_filetype);
	(void)state;
}

static void small_blocks_begin_at_one(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;

	es.s_log_block_size = 0;
	es.s_blocks_count = 65536;
	es.s_blocks_per_group = 8192;
	es.s_first_data_block = 1;
	es.s_inodes_per_group = 1024;
	assert_int_equal(check(&es, &geo), 0);
	assert_int_equal(geo.groups, 8);
	assert_int_equal(ext2_group_first_block(&geo, 1), 8193);
	assert_int_equal(ext2_group_blocks(&geo, 7), 65536 - (7 * 8192 + 1));
	es.s_first_data_block = 0;
	assert_refused(&es, "first data block");
	(void)state;
}

static void strangers_are_refused(void **state)
{
	struct ext2_super_block es = good_super();

	es.s_magic = 0;
	assert_refused(&es, "no ext2 file system");
	es = good_super();
	es.s_rev_level = 2;
	assert_refused(&es, "revision 2");
	es = good_super();
	es.s_feature_incompat |= 0x40;
	assert_refused(&es, "ext4");
	es = good_super();
	es.s_feature_incompat |= 4;
	assert_refused(&es, "journal");
	es = good_super();
	es.s_log_block_size = 6;
	assert_refused(&es, "only 1, 2 and 4 KiB");
	(void)state;
}

static void unknown_ro_feature_allows_reading(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;

	es.s_feature_ro_compat |= 0x400;
	assert_int_equal(check(&es, &geo), 0);
	assert_true(geo.read_only);
	(void)state;
}

static void cut_off_image_is_told(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;

	assert_int_equal(ext2_check_super(&es, DEVICE - 1, &geo, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "cut off"));
	(void)state;
}

static void damaged_fields_are_named(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
		const char *word;
	} cases[] = {
		{ offsetof(struct ext2_super_block, s_blocks_count), 0, "number of blocks" },
		{ offsetof(struct ext2_super_block, s_blocks_per_group), 0, "blocks per group" },
		{ offsetof(struct ext2_super_block, s_blocks_per_group), 32769,
		  "blocks per group" },
		{ offsetof(struct ext2_super_block, s_inodes_per_group), 0, "inodes per group" },
		{ offsetof(struct ext2_super_block, s_inodes_per_group), 32769,
		  "inodes per group" },
		{ offsetof(struct ext2_super_block, s_inodes_per_group), 8193, "inodes per group" },
		{ offsetof(struct ext2_super_block, s_inodes_count), 8191, "number of inodes" },
		{ offsetof(struct ext2_super_block, s_first_ino), 2, "first inode" },
		{ offsetof(struct ext2_super_block, s_first_ino), 9000, "first inode" },
		{ offsetof(struct ext2_super_block, s_blocks_count), 200, "first group" },
		{ offsetof(struct ext2_super_block, s_inode_size), 100, "inodes of 100 bytes" },
		{ offsetof(struct ext2_super_block, s_inode_size), 8192, "inodes of 8192 bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ext2_super_block es = good_super();

		memcpy((char *)&es + cases[i].offset, &cases[i].value, 4);
		assert_refused(&es, cases[i].word);
	}
	(void)state;
}

/* Whatever the bytes are: no crash, no sanitizer report, and what is accepted is consistent. */
static void random_damage_is_survived(void **state)
{
	srand(1);
	for (int n = 0; n < 200000; n++) {
		struct ext2_super_block es = good_super();
		struct ext2_geometry geo;

		for (int i = rand() % 4; i >= 0; i--)
			((uint8_t *)&es)[rand() % 104] = (uint8_t)rand();
		if (check(&es, &geo)) {
			assert_true(why[0]);
			continue;
		}
		assert_true((u64)geo.blocks_count * geo.block_size <= DEVICE);
		assert_true((u64)geo.groups * geo.inodes_per_group == geo.inodes_count);
		assert_true(ext2_group_first_block(&geo, geo.groups - 1) < geo.blocks_count);
	}
	(void)state;
}

static void descriptor_places_are_checked(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_group_desc gd = { .bg_block_bitmap = 5,
				      .bg_inode_bitmap = 6,
				      .bg_inode_table = 7 };
	struct ext2_geometry geo;

	assert_int_equal(check(&es, &geo), 0);
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), 0);
	gd.bg_inode_table = geo.blocks_count - geo.itable_blocks;
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), 0);
	gd.bg_inode_table++;
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), -EINVAL);
	gd.bg_inode_table = ~0u;
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), -EINVAL);
	gd.bg_inode_table = 7;
	gd.bg_block_bitmap = 0;
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), -EINVAL);
	gd.bg_block_bitmap = 6;
	assert_int_equal(ext2_check_group(&geo, 0, &gd, why, sizeof(why)), -EINVAL);
	(void)state;
}

static void directory_entries_are_checked(void **state)
{
	struct ext2_super_block es = good_super();
	struct ext2_geometry geo;
	_Alignas(8) char block[4096] = { 0 };
	struct ext2_dir_entry *de = (struct ext2_dir_entry *)block;

	assert_int_equal(check(&es, &geo), 0);
	*de = (struct ext2_dir_entry){ .inode = 12, .rec_len = 4096, .name_len = 3 };
	assert_null(ext2_check_dirent(&geo, block, 0));
	de->rec_len = 0;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	de->rec_len = 14;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	de->rec_len = 4100;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	de->rec_len = 12;
	de->name_len = 5;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	de->name_len = 0;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	de->inode = 0;
	assert_null(ext2_check_dirent(&geo, block, 0));
	de->inode = 8193;
	assert_non_null(ext2_check_dirent(&geo, block, 0));
	assert_non_null(ext2_check_dirent(&geo, block, 4092));
	(void)state;
}

static void copies_are_where_they_should_be(void **state)
{
	struct ext2_geometry geo = { .sparse_super = true };
	static const u32 with[] = { 0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125, 343 };
	size_t at = 0;

	for (u32 group = 0; group <= 343; group++) {
		bool expected = at < sizeof(with) / sizeof(with[0]) && with[at] == group;

		assert_int_equal(ext2_group_has_super(&geo, group), expected || group == 243);
		at += expected;
	}
	geo.sparse_super = false;
	assert_true(ext2_group_has_super(&geo, 4));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_one_is_taken),
		cmocka_unit_test(old_revision_has_fixed_inodes),
		cmocka_unit_test(small_blocks_begin_at_one),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(unknown_ro_feature_allows_reading),
		cmocka_unit_test(cut_off_image_is_told),
		cmocka_unit_test(damaged_fields_are_named),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(descriptor_places_are_checked),
		cmocka_unit_test(directory_entries_are_checked),
		cmocka_unit_test(copies_are_where_they_should_be),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
