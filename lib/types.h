/* SPDX-License-Identifier: MIT */
/*
 * The basic types of the kernel, with their Linux names. A hosted build (unit tests, the software
 * MMU) takes the types that libc also has from libc, so that kernel and libc headers can meet in
 * one file. u64 is `unsigned long long` in both builds: print it with %llu or %llx.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;

#if __STDC_HOSTED__
#include <sys/types.h>
#else
typedef long ssize_t;
typedef s64 loff_t;
typedef u32 dev_t;
typedef u32 uid_t;
typedef u32 gid_t;
typedef int pid_t;
#endif

typedef unsigned long pgoff_t;	/* offset in a file, in pages */
typedef u64 phys_addr_t;	/* physical address, in bytes */
typedef u64 sector_t;		/* offset on a block device, in 512-byte sectors */
typedef unsigned int gfp_t;	/* flags of an allocation: who may sleep, which zone */
typedef unsigned short umode_t;	/* file type and permission bits, as in st_mode */

/* A pointer into user space: only the user-copy functions may follow it. */
#ifdef __CHECKER__
#define __user __attribute__((noderef, address_space(1)))
#else
#define __user
#endif

/*
 * The object of @type whose field @member is at @ptr. The conditional is never evaluated; it makes
 * the compiler complain when @ptr does not have the type of the field.
 */
#define container_of(ptr, type, member) \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#endif /* LIB_TYPES_H */
