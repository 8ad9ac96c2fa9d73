/* SPDX-License-Identifier: MIT */
/*
 * The second extended file system on the disk, as documented in "The Second Extended File System"
 * (Dave Poirier, nongnu.org/ext2-doc) and written by mke2fs. Little-endian, like the CPU.
 *
 * Everything in here comes from a disk that may be damaged or malicious: numbers are used only
 * after a check against the geometry.
 */
#ifndef FS_EXT2_FORMAT_H
#define FS_EXT2_FORMAT_H

#include "lib/types.h"

#define EXT2_SUPER_OFFSET 1024 /* bytes */
#define EXT2_SUPER_MAGIC 0xef53
#define EXT2_ROOT_INO 2
#define EXT2_GOOD_OLD_INODE_SIZE 128
#define EXT2_GOOD_OLD_FIRST_INO 11

#define EXT2_VALID_FS 1 /* s_state: unmounted cleanly */
#define EXT2_ERROR_FS 2 /* ... damage was seen */

#define EXT2_FEATURE_COMPAT_KNOWN (~0u) /* by definition harmless */
#define EXT2_FEATURE_INCOMPAT_FILETYPE 0x0002u
#define EXT2_FEATURE_INCOMPAT_KNOWN EXT2_FEATURE_INCOMPAT_FILETYPE
#define EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER 0x0001u
#define EXT2_FEATURE_RO_COMPAT_LARGE_FILE 0x0002u
#define EXT2_FEATURE_RO_COMPAT_BTREE_DIR 0x0004u
#define EXT2_FEATURE_RO_COMPAT_KNOWN                                                               \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |                 \
	 EXT2_FEATURE_RO_COMPAT_BTREE_DIR)

struct ext2_super_block {
	u32 s_inodes_count, s_blocks_count, s_r_blocks_count, s_free_blocks_count;
	u32 s_free_inodes_count, s_first_data_block, s_log_block_size, s_log_frag_size;
	u32 s_blocks_per_group, s_frags_per_group, s_inodes_per_group, s_mtime;
	u32 s_wtime;
	u16 s_mnt_count, s_max_mnt_count, s_magic, s_state, s_errors, s_minor_rev_level;
	u32 s_lastcheck, s_checkinterval, s_creator_os, s_rev_level;
	u16 s_def_resuid, s_def_resgid;
	/* revision 1 */
	u32 s_first_ino;
	u16 s_inode_size, s_block_group_nr;
	u32 s_feature_compat, s_feature_incompat, s_feature_ro_compat;
	u8 s_uuid[16];
	char s_volume_name[16], s_last_mounted[64];
	u32 s_algorithm_usage_bitmap;
	u8 s_prealloc_blocks, s_prealloc_dir_blocks;
	u16 s_reserved_gdt_blocks;
	u32 s_reserved[204];
};
_Static_assert(sizeof(struct ext2_super_block) == 1024, "the super block is 1024 bytes");

struct ext2_group_desc {
	u32 bg_block_bitmap, bg_inode_bitmap, bg_inode_table; /* block numbers */
	u16 bg_free_blocks_count, bg_free_inodes_count, bg_used_dirs_count, bg_flags;
	u32 bg_reserved[3];
};
_Static_assert(sizeof(struct ext2_group_desc) == 32, "a group descriptor is 32 bytes");

#define EXT2_NDIR_BLOCKS 12
#define EXT2_IND_BLOCK 12
#define EXT2_DIND_BLOCK 13
#define EXT2_TIND_BLOCK 14
#define EXT2_N_BLOCKS 15
#define EXT2_FAST_LINK_MAX \
	(EXT2_N_BLOCKS * 4) /* bytes of a target kept in the inode, NUL included */

#define EXT2_INDEX_FL 0x00001000u     /* directory with a hash tree */
#define EXT2_IMMUTABLE_FL 0x00000010u
#define EXT2_APPEND_FL 0x00000020u

struct ext2_inode {
	u16 i_mode, i_uid;
	u32 i_size, i_atime, i_ctime, i_mtime, i_dtime;
	u16 i_gid, i_links_count;
	u32 i_blocks;          /* of 512 bytes, indirect blocks included */
	u32 i_flags, i_osd1, i_block[EXT2_N_BLOCKS], i_generation, i_file_acl;
	u32 i_size_high;       /* regular files; directories: i_dir_acl */
	u32 i_faddr;
	u8 l_i_frag, l_i_fsize;
	u16 i_pad1, l_i_uid_high, l_i_gid_high;
	u32 l_i_reserved2;
};
_Static_assert(sizeof(struct ext2_inode) == 128, "an old inode is 128 bytes");

#define EXT2_LINK_MAX 32000

struct ext2_dir_entry {
	u32 inode;             /* 0: free space */
	u16 rec_len;           /* bytes to the next entry */
	u8 name_len, file_type;/* type: with FILETYPE, else the length's high byte */
	char name[];
};
#define EXT2_DIR_REC_LEN(name_len) (((name_len) + 8u + 3u) & ~3u)
enum {
	EXT2_FT_UNKNOWN,
	EXT2_FT_REG,
	EXT2_FT_DIR,
	EXT2_FT_CHR,
	EXT2_FT_BLK,
	EXT2_FT_FIFO,
	EXT2_FT_SOCK,
	EXT2_FT_LNK
};

/* Extended attributes: only their reference count concerns us, when a file goes. */
#define EXT2_XATTR_MAGIC 0xea020000u
struct ext2_xattr_header { u32 h_magic, h_refcount, h_blocks, h_hash; };

/* What the super block says, checked. */
struct ext2_geometry {
	unsigned int block_size, block_bits;   /* bytes */
	unsigned int inode_size;               /* bytes */
	u32 blocks_count, first_data_block, blocks_per_group;
	u32 inodes_count, inodes_per_group, first_ino;
	u32 groups, gdt_blocks,
		itable_blocks; /* blocks: of all descriptors; of one group's inode table */
	bool has_filetype, sparse_super, rev0;
	bool read_only;                        /* has features that only allow reading */
};

/*
 * Can we mount this? Fills *geo in and returns 0; else -EINVAL, and a sentence (without full stop)
 * in @why. @device_bytes: how much disk there is. Pure: no I/O, no state.
 */
int ext2_check_super(const struct ext2_super_block *es, u64 device_bytes, struct ext2_geometry *geo,
		     char *why, size_t why_size);
/* The same for the descriptor of group @group: its three places must lie in the file system. */
int ext2_check_group(const struct ext2_geometry *geo, u32 group, const struct ext2_group_desc *gd,
		     char *why, size_t why_size);
/* First block of a group, and how many it has (the last may be short). */
u32 ext2_group_first_block(const struct ext2_geometry *geo, u32 group);
u32 ext2_group_blocks(const struct ext2_geometry *geo, u32 group);
/* Has the group a copy of the super block? */
bool ext2_group_has_super(const struct ext2_geometry *geo, u32 group);
/*
 * NULL if the entry at byte @offset of a directory block of @block_size bytes is well formed, else
 * what is wrong with it.
 */
const char *ext2_check_dirent(const struct ext2_geometry *geo, const void *block,
			      unsigned int offset);

#endif
