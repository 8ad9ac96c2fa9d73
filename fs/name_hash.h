/* SPDX-License-Identifier: MIT */
/* Names of the name cache as numbers, eight bytes at a time. */
#ifndef FS_NAME_HASH_H
#define FS_NAME_HASH_H

#include "lib/compiler.h"
#include "lib/types.h"

static __always_inline u64 load64(const char *p)
{
	u64 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static __always_inline u32 load32(const char *p)
{
	u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * The last bytes of a name of @len, up to eight of them, in one number: two loads that may overlap, so
 * that no name takes a loop over its bytes.
 */
static __always_inline u64 name_end(const char *name, unsigned int len)
{
	if (len >= 8)
		return load64(name + len - 8);
	if (len >= 4)
		return load32(name) | (u64)load32(name + len - 4) << 32;
	return len ? (u8)name[0] | (u64)(u8)name[len / 2] << 8 | (u64)(u8)name[len - 1] << 16 : 0;
}

static inline u32 name_hash(const char *name, unsigned int len)
{
	u64 hash = len;

	for (unsigned int i = 0; i + 8 < len; i += 8)
		hash = (hash ^ load64(name + i)) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ name_end(name, len)) * 0x9e3779b97f4a7c15ULL;
	return (u32)(hash >> 32);
}

/* Are names of the same @len equal? */
static inline bool same_name(const char *a, const char *b, unsigned int len)
{
	for (unsigned int i = 0; i + 8 < len; i += 8)
		if (load64(a + i) != load64(b + i))
			return false;
	return name_end(a, len) == name_end(b, len);
}

#endif
