/* SPDX-License-Identifier: MIT */
/* Is what the disk says sane? Pure functions, tested on the host. See fs/ext2/format.h. */
#include "fs/ext2/format.h"

#include "lib/errno.h"
#include "lib/vsprintf.h"

static bool power_of(u32 n, u32 base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool ext2_group_has_super(const struct ext2_geometry *geo, u32 group)
{
	if (!geo->sparse_super || group <= 1)
		return true;
	return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

u32 ext2_group_first_block(const struct ext2_geometry *geo, u32 group)
{
	return geo->first_data_block + group * geo->blocks_per_group;
}

u32 ext2_group_blocks(const struct ext2_geometry *geo, u32 group)
{
	u32 left = geo->blocks_count - ext2_group_first_block(geo, group);

	return left < geo->blocks_per_group ? left : geo->blocks_per_group;
}

/* Block size and the fields that depend on the revision. */
static int check_sizes(const struct ext2_super_block *es, struct ext2_geometry *geo, char *why,
		       size_t n)
{
	if (es->s_log_block_size > 2) {
		snprintf(why, n,
			 "blocks of 2^%u KiB; only 1, 2 and 4 KiB are supported (mke2fs -b 4096)",
			 es->s_log_block_size);
		return -EINVAL;
	}
	geo->block_bits = 10 + es->s_log_block_size;
	geo->block_size = 1u << geo->block_bits;
	if (es->s_rev_level > 1) {
		snprintf(why, n, "revision %u is unknown; 0 and 1 are supported", es->s_rev_level);
		return -EINVAL;
	}
	geo->rev0 = es->s_rev_level == 0;
	geo->inode_size = geo->rev0 ? EXT2_GOOD_OLD_INODE_SIZE : es->s_inode_size;
	geo->first_ino = geo->rev0 ? EXT2_GOOD_OLD_FIRST_INO : es->s_first_ino;
	if (geo->inode_size < EXT2_GOOD_OLD_INODE_SIZE || geo->inode_size > geo->block_size ||
	    (geo->inode_size & (geo->inode_size - 1))) {
		snprintf(why, n, "inodes of %u bytes are impossible: the super block is damaged",
			 geo->inode_size);
		return -EINVAL;
	}
	return 0;
}

static int check_features(const struct ext2_super_block *es, struct ext2_geometry *geo, char *why,
			  size_t n)
{
	u32 unknown;

	if (geo->rev0)
		return 0;
	unknown = es->s_feature_incompat & ~EXT2_FEATURE_INCOMPAT_KNOWN;
	if (unknown) {
		snprintf(why, n,
			 "it uses features that are not supported (incompat 0x%x%s); make it with "
			 "mke2fs -t ext2",
			 unknown,
			 unknown & 4    ? ": its journal must be replayed first by e2fsck" :
			 unknown & 0x40 ? ": extents, so it is ext4" :
					  "");
		return -EINVAL;
	}
	geo->has_filetype = es->s_feature_incompat & EXT2_FEATURE_INCOMPAT_FILETYPE;
	geo->sparse_super = es->s_feature_ro_compat & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER;
	geo->read_only = es->s_feature_ro_compat & ~EXT2_FEATURE_RO_COMPAT_KNOWN;
	return 0;
}

/* Counts that must fit together. NULL, or what does not. */
static const char *check_counts(const struct ext2_super_block *es, struct ext2_geometry *geo)
{
	u32 per_block = geo->block_size / geo->inode_size;
	u64 groups;

	geo->blocks_count = es->s_blocks_count;
	geo->first_data_block = es->s_first_data_block;
	geo->blocks_per_group = es->s_blocks_per_group;
	geo->inodes_count = es->s_inodes_count;
	geo->inodes_per_group = es->s_inodes_per_group;
	if (geo->first_data_block != (geo->block_size == 1024 ? 1u : 0u))
		return "first data block";
	if (geo->blocks_count <= geo->first_data_block)
		return "number of blocks";
	if (geo->blocks_per_group < 8 || geo->blocks_per_group > 8 * geo->block_size)
		return "blocks per group";
	if (geo->inodes_per_group < per_block || geo->inodes_per_group > 8 * geo->block_size ||
	    geo->inodes_per_group % per_block)
		return "inodes per group";
	groups = ((u64)geo->blocks_count - geo->first_data_block + geo->blocks_per_group - 1) /
		 geo->blocks_per_group;
	if (groups * geo->inodes_per_group != geo->inodes_count)
		return "number of inodes";
	if (geo->first_ino < EXT2_GOOD_OLD_FIRST_INO || geo->first_ino > geo->inodes_count)
		return "first inode";
	geo->groups = (u32)groups;
	geo->itable_blocks = geo->inodes_per_group / per_block;
	geo->gdt_blocks = (u32)((groups * sizeof(struct ext2_group_desc) + geo->block_size - 1) /
				geo->block_size);
	/*
	 * Super block, descriptors, two bitmaps and the inode table have to fit in the first group.
	 */
	if ((u64)2 + geo->gdt_blocks + 2 + geo->itable_blocks > ext2_group_blocks(geo, 0) + 1)
		return "size of the first group";
	return NULL;
}

int ext2_check_super(const struct ext2_super_block *es, u64 device_bytes, struct ext2_geometry *geo,
		     char *why, size_t why_size)
{
	const char *bad;
	int err;

	*geo = (struct ext2_geometry){ 0 };
	if (es->s_magic != EXT2_SUPER_MAGIC) {
		snprintf(why, why_size,
			 "it holds no ext2 file system (magic 0x%04x instead of 0xef53); make one "
			 "with mke2fs -t ext2",
			 es->s_magic);
		return -EINVAL;
	}
	err = check_sizes(es, geo, why, why_size);
	if (!err)
		err = check_features(es, geo, why, why_size);
	if (err)
		return err;
	bad = check_counts(es, geo);
	if (bad) {
		snprintf(why, why_size,
			 "the super block is damaged: its %s cannot be; repair it with e2fsck",
			 bad);
		return -EINVAL;
	}
	if ((u64)geo->blocks_count << geo->block_bits > device_bytes) {
		snprintf(why, why_size,
			 "the image is cut off: the file system has %llu KiB, the disk %llu KiB; "
			 "make it anew",
			 (unsigned long long)((u64)geo->blocks_count << geo->block_bits >> 10),
			 (unsigned long long)(device_bytes >> 10));
		return -EINVAL;
	}
	return 0;
}

int ext2_check_group(const struct ext2_geometry *geo, u32 group, const struct ext2_group_desc *gd,
		     char *why, size_t why_size)
{
	const char *bad = NULL;

	if (gd->bg_block_bitmap <= geo->first_data_block ||
	    gd->bg_block_bitmap >= geo->blocks_count)
		bad = "block bitmap";
	else if (gd->bg_inode_bitmap <= geo->first_data_block ||
		 gd->bg_inode_bitmap >= geo->blocks_count)
		bad = "inode bitmap";
	else if (gd->bg_inode_table <= geo->first_data_block ||
		 gd->bg_inode_table >= geo->blocks_count ||
		 geo->itable_blocks > geo->blocks_count - gd->bg_inode_table)
		bad = "inode table";
	else if (gd->bg_block_bitmap == gd->bg_inode_bitmap)
		bad = "pair of bitmaps";
	if (!bad)
		return 0;
	snprintf(why, why_size,
		 "the descriptor of group %u is damaged: its %s cannot be where it says; "
		 "repair it with e2fsck",
		 group, bad);
	return -EINVAL;
}

const char *ext2_check_dirent(const struct ext2_geometry *geo, const void *block,
			      unsigned int offset)
{
	const struct ext2_dir_entry *de;

	if (offset > geo->block_size - 8)
		return "begins at the end of the block";
	de = (const struct ext2_dir_entry *)((const char *)block + offset);
	if (de->rec_len < EXT2_DIR_REC_LEN(1))
		return "is too short";
	if (de->rec_len % 4)
		return "has a length that is not a multiple of 4";
	if (de->rec_len > geo->block_size - offset)
		return "reaches beyond the block";
	if (EXT2_DIR_REC_LEN(de->name_len) > de->rec_len)
		return "has a name longer than itself";
	if (de->inode > geo->inodes_count)
		return "names an inode that does not exist";
	if (de->inode && !de->name_len)
		return "has no name";
	return NULL;
}
