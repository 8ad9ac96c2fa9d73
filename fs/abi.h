/* SPDX-License-Identifier: MIT */
/* Structures that the calls of fs/ exchange with user programs: Linux's x86-64 ABI. */
#ifndef FS_ABI_H
#define FS_ABI_H

#include "lib/types.h"

struct timeval {
	s64 tv_sec, tv_usec;
};

struct flock {
	s16 l_type, l_whence;
	s64 l_start, l_len;
	s32 l_pid;
};

struct stat {
	u64 st_dev, st_ino, st_nlink;
	u32 st_mode, st_uid, st_gid, __pad0;
	u64 st_rdev;
	s64 st_size, st_blksize, st_blocks;
	u64 st_atime, st_atime_nsec, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec;
	s64 __unused[3];
};

struct statx_timestamp {
	s64 tv_sec;
	u32 tv_nsec;
	s32 __reserved;
};

#define STATX_BASIC_STATS 0x7ffu
#define STATX_MNT_ID 0x1000u
#define STATX_ATTR_AUTOMOUNT 0x1000u
#define STATX_ATTR_MOUNT_ROOT 0x2000u
#define STATX_ATTR_DAX 0x200000u

struct statx {
	u32 stx_mask, stx_blksize;
	u64 stx_attributes;
	u32 stx_nlink, stx_uid, stx_gid;
	u16 stx_mode, __spare0;
	u64 stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	u32 stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	u64 stx_mnt_id;
	u64 __spare[13];
};

struct statfs {
	s64 f_type, f_bsize;
	u64 f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	s32 f_fsid[2];
	s64 f_namelen, f_frsize, f_flags, f_spare[4];
};

/* d_name follows, NUL-terminated; d_reclen is a multiple of 8. The older form has the type at its end. */
struct dirent {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	char d_name[];
};

struct dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};

struct pollfd {
	s32 fd;
	s16 events, revents;
};

#define POLLIN 0x0001
#define POLLPRI 0x0002
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
#define POLLNVAL 0x0020
#define POLLRDNORM 0x0040
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200

#endif
