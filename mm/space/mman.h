/* SPDX-License-Identifier: MIT */
/* Numbers of the mmap family in the Linux x86-64 ABI (asm-generic/mman.h, linux/mman.h). */
#ifndef MM_SPACE_MMAN_H
#define MM_SPACE_MMAN_H

#include "lib/types.h"

#define PROT_NONE 0x0UL
#define PROT_READ 0x1UL
#define PROT_WRITE 0x2UL
#define PROT_EXEC 0x4UL
#define PROT_SEM 0x8UL
#define PROT_GROWSDOWN 0x01000000UL
#define PROT_GROWSUP 0x02000000UL

#define MAP_SHARED 0x01UL
#define MAP_PRIVATE 0x02UL
#define MAP_SHARED_VALIDATE 0x03UL
#define MAP_TYPE 0x0fUL
#define MAP_FIXED 0x10UL
#define MAP_ANONYMOUS 0x20UL
#define MAP_32BIT 0x40UL
#define MAP_GROWSDOWN 0x0100UL
#define MAP_DENYWRITE 0x0800UL
#define MAP_EXECUTABLE 0x1000UL
#define MAP_LOCKED 0x2000UL
#define MAP_NORESERVE 0x4000UL
#define MAP_POPULATE 0x8000UL
#define MAP_NONBLOCK 0x10000UL
#define MAP_STACK 0x20000UL
#define MAP_HUGETLB 0x40000UL
#define MAP_SYNC 0x80000UL
#define MAP_FIXED_NOREPLACE 0x100000UL
#define MAP_UNINITIALIZED 0x4000000UL
#define MAP_HUGE_SHIFT 26
#define MAP_HUGE_MASK 0x3fUL
/* What every kernel knew before flags were checked: MAP_SHARED_VALIDATE refuses anything else. */
#define LEGACY_MAP_MASK \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | \
	 MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | \
	 MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | (21UL << MAP_HUGE_SHIFT) | \
	 (30UL << MAP_HUGE_SHIFT))

/* Are there pages of the size that mmap, shmget or memfd_create flags name, on this kind of machine? */
static inline bool huge_size_exists(unsigned long flags)
{
	unsigned long log = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	return !log || log == 21 || log == 30; /* 2 MiB, 1 GiB */
}

#define MREMAP_MAYMOVE 1UL
#define MREMAP_FIXED 2UL
#define MREMAP_DONTUNMAP 4UL

#define MS_ASYNC 1
#define MS_INVALIDATE 2
#define MS_SYNC 4

#define MLOCK_ONFAULT 1
#define MCL_CURRENT 1
#define MCL_FUTURE 2
#define MCL_ONFAULT 4

#define MADV_NORMAL 0
#define MADV_RANDOM 1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED 3
#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_REMOVE 9
#define MADV_DONTFORK 10
#define MADV_DOFORK 11
#define MADV_MERGEABLE 12
#define MADV_UNMERGEABLE 13
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define MADV_DONTDUMP 16
#define MADV_DODUMP 17
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE 25

#endif
