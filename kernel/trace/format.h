/* SPDX-License-Identifier: MIT */
/*
 * The recorder's format: what the kernel writes into its rings, and what a record file (trace.flt) holds.
 * tools/trace/format.py reads it. Little endian; every field is aligned to its size; what is named pad is 0.
 *
 * A change that an old reader would misread raises TRACE_VERSION. New types of records do not: a
 * reader skips what it does not know, for every record begins with its size.
 *
 * The rings. One for each CPU, each ring_size bytes behind header_size bytes of struct trace_area. A
 * record is never split: where one does not fit before the ring's end, a PAD fills the rest. head and
 * tail count bytes from the start and never wrap; byte n is at n % ring_size. The kernel writes head and
 * lost, the reader tail. All records in [tail, head) are whole.
 *
 * The file. The first 64 bytes of struct trace_area; then chunks: u32 cpu, u32 bytes, and so many bytes of
 * whole records (PADs among them) of that CPU; at last a chunk with cpu TRACE_END_CPU of 8 bytes: the
 * u64 number of lost records. A file without that one was cut off.
 */
#ifndef KERNEL_TRACE_FORMAT_H
#define KERNEL_TRACE_FORMAT_H

#include "lib/types.h"
#include "lib/util.h"

#define TRACE_MAGIC "FLTRACE"      /* and its NUL: 8 bytes */
#define TRACE_VERSION 1
#define TRACE_HEADER_SIZE 4096
#define TRACE_FILE_HEADER_SIZE 64  /* how much of struct trace_area a file begins with */
#define TRACE_MAX_CPUS 32
#define TRACE_END_CPU 0xffffffffu

/* How far a ring is written and read. */
struct trace_ring_ends {
	u64 head; /* bytes ever written: the kernel's */
	u64 tail; /* bytes ever taken: the reader's */
	u64 lost; /* records that found no room: the kernel's */
	u64 pad[5];
};

struct trace_area {
	char magic[8];      /* TRACE_MAGIC; written last */
	u32 version, header_size;
	u32 nr_cpus, ring_size; /* ring_size: bytes, a power of two */
	u64 tsc_khz;        /* seconds since boot = (tsc - tsc_boot) / tsc_khz / 1000 */
	u64 tsc_boot;
	u64 wall_boot;      /* seconds since 1970 at boot */
	u64 nr_frames;      /* frames of RAM are 0 .. nr_frames - 1, with holes */
	u8 pad[8];
	u8 unused[512 - TRACE_FILE_HEADER_SIZE];
	struct trace_ring_ends rings[TRACE_MAX_CPUS];
};

/* X(id, number, struct): the types of records. */
#define TRACE_TYPES(X)                                                                             \
	X(PAD, 0, trace_pad)                                                                       \
	X(FAULT, 1, trace_fault)                                                                   \
	X(VMA_SET, 2, trace_vma_set)                                                               \
	X(VMA_CLEAR, 3, trace_vma_clear)                                                           \
	X(PTES_SET, 4, trace_ptes_set)                                                             \
	X(PTES_CLEAR, 5, trace_ptes_clear)                                                         \
	X(TABLE, 6, trace_table)                                                                   \
	X(FRAME, 7, trace_frame)                                                                   \
	X(KIND, 8, trace_kind)                                                                     \
	X(CACHE, 9, trace_cache)                                                                   \
	X(SWAP, 10, trace_swap)                                                                    \
	X(WRITEBACK, 11, trace_writeback)                                                          \
	X(LRU, 12, trace_lru)                                                                      \
	X(RECLAIM, 13, trace_reclaim)                                                              \
	X(FORK, 14, trace_fork)                                                                    \
	X(EXEC, 15, trace_exec)                                                                    \
	X(EXIT, 16, trace_exit)                                                                    \
	X(MM_GONE, 17, trace_mm_gone)                                                              \
	X(CALL, 18, trace_call)                                                                    \
	X(FILE, 19, trace_file)                                                                    \
	X(COMM, 20, trace_comm)                                                                    \
	X(LOST, 21, trace_lost)                                                                    \
	X(MARK, 22, trace_mark)

enum trace_type {
#define X(id, number, type) TRACE_##id = number,
	TRACE_TYPES(X)
#undef X
};

/*
 * What every record begins with; but of a PAD there may be the first 8 bytes only. seq orders all
 * records of all CPUs: it was taken under the lock that orders the change that the record tells of. Within
 * a ring it may go back a little, for a fault is written at its end. Numbers may be missing.
 */
struct trace_record {
	u16 size; /* bytes, this head included; a multiple of 8 */
	u8 type;  /* TRACE_* */
	u8 cpu;   /* that wrote it */
	u32 tid;  /* of the task that ran; 0: none */
	u64 seq;  /* from 1 on, unique */
	u64 tsc;  /* when it was written */
};

struct trace_pad {
	u16 size;
	u8 type, cpu;
	u32 pad;
};

/*
 * Where a fault has been, in order: functions of this tree by their names. INSTALL is the moment at which the
 * entry was stored, whoever did it: everything before it was preparation. WAIT: it lets go of its lock, to ask a disk, and
 * will begin anew. END is always the last one.
 */
#define TRACE_DOORS(X)                                                                             \
	X(NONE, "")                                                                                \
	X(EXC_PAGE_FAULT, "exc_page_fault")                                                        \
	X(DO_KERN_ADDR_FAULT, "do_kern_addr_fault")                                                \
	X(DO_USER_ADDR_FAULT, "do_user_addr_fault")                                                \
	X(LOCK_VMA, "__lock_vma_under_rcu")                                                          \
	X(MMAP_LOCKED, "fault_mmap_locked")                                                        \
	X(EXPAND_STACK, "expand_stack")                                                            \
	X(HANDLE_MM_FAULT, "handle_mm_fault")                                                      \
	X(ALLOC_TABLES, "alloc_tables")                                                            \
	X(HANDLE_PTE_FAULT, "handle_pte_fault")                                                    \
	X(PRESENT_PTE, "handle_present_pte")                                                       \
	X(DO_ANONYMOUS_PAGE, "do_anonymous_page")                                                  \
	X(ANON_PREPARE, "__vmf_anon_prepare")                                                      \
	X(DO_FAULT_AROUND, "do_fault_around")                                                      \
	X(DO_READ_FAULT, "do_read_fault")                                                          \
	X(DO_COW_FAULT, "do_cow_fault")                                                            \
	X(DO_SHARED_FAULT, "do_shared_fault")                                                      \
	X(VM_OPS_FAULT, "__do_fault")                                                              \
	X(PAGE_MKWRITE, "page_mkwrite")                                                            \
	X(DO_SWAP_PAGE, "do_swap_page")                                                            \
	X(SWAPIN_READAHEAD, "swapin_readahead")                                                    \
	X(DO_WP_PAGE, "do_wp_page")                                                                \
	X(WP_PAGE_REUSE, "wp_page_reuse")                                                          \
	X(WP_PAGE_COPY, "wp_page_copy")                                                            \
	X(WP_PAGE_SHARED, "wp_page_shared")                                                        \
	X(INSTALL, "install_pte")                                                                  \
	X(ENTRY_CHANGED, "lock_same_pte")                                                          \
	X(WAIT, "release_fault_lock")                                                              \
	X(BAD_AREA, "bad_area_nosemaphore")                                                        \
	X(SIGBUS, "do_sigbus")                                                                     \
	X(FIXUP, "fixup_exception")                                                                \
	X(OUT_OF_MEMORY, "out_of_memory")                                                          \
	X(VMALLOC_FAULT, "vmalloc_fault")                                                          \
	X(REMOTE, "access_page")                                                                   \
	X(POPULATE, "mm_populate")                                                                 \
	X(END, "end")

enum trace_door {
#define X(id, name) TRACE_DOOR_##id,
	TRACE_DOORS(X)
#undef X
	NR_TRACE_DOORS
};

#define TRACE_FAULT_DOORS 56 /* at most; a fault that begins anew without end keeps the first ones */
/* In error_code: not by the CPU, but by the kernel in its stead; then WRITE alone tells of the access. */
#define TRACE_FAULT_REMOTE 0x80000000u
#define TRACE_FAULT_WRITE 2u
/* In verdict: its frame, a new one, came onto its CPU's list of inactive anonymous pages; no LRU record tells so. */
#define TRACE_FAULT_LISTED 0x40000000u

struct trace_fault_door {
	u8 door;    /* TRACE_DOOR_* */
	u8 pad[3];
	u32 cycles; /* from begin to the entry of that function */
};

/* A page fault, written when it is over. seq is that of the store of its entry. */
struct trace_fault {
	struct trace_record head;
	u32 pid, mm;        /* tgid; whose map it was (0: none) */
	u64 begin;          /* tsc */
	u64 address, ip;    /* ip: of the interrupted instruction; 0 with TRACE_FAULT_REMOTE */
	u32 error_code;     /* the CPU's; or TRACE_FAULT_* */
	u32 verdict;        /* VM_FAULT_* of all tries; TRACE_FAULT_LISTED */
	u8 signal, si_code; /* signal: 0, or what it was answered with */
	u8 nr_doors, tries; /* tries: calls of handle_mm_fault() */
	u32 flushes;        /* other CPUs that were told to forget the page */
	u64 vm_start, vm_end, vm_flags, vm_pgoff; /* all 0: no VMA */
	u32 dev, ino;       /* of the VMA's file; 0, 0: none */
	/*
	 * Raw entries of pgd, pud, pmd, pte; the first three only where a table was made. With tries 0
	 * nobody looked at them. after differs from before only where this fault, or another that was
	 * faster (ENTRY_CHANGED), stored it: at seq.
	 */
	u64 before[4], after[4];
	u64 pfn;            /* that the address leads to now; ~0: none */
	u32 refcount, mapcount; /* of it, with this entry; 0, 0 of the zero page, which nobody counts */
	u64 index;          /* page of the VMA's file; or the raw swap entry that there was before */
	char comm[16];
	/* struct trace_fault_door doors[nr_doors] */
};

/* mm: number of an address space, never used again; 0: the kernel's. */
struct trace_vma_set {
	struct trace_record head;
	u32 mm, pad;
	u64 was_start;      /* vm_start before the change; ~0: a new one */
	u64 start, end, flags, pgoff;
	u32 dev, ino;
};

/* No VMA in [start, end) any longer. */
struct trace_vma_clear {
	struct trace_record head;
	u32 mm, pad;
	u64 start, end;
};

/* Why entries changed. */
#define TRACE_WHYS(X)                                                                              \
	X(NONE) X(FORK) X(MPROTECT) X(MREMAP) X(MUNMAP) X(MADVISE) X(EXIT) X(RECLAIM) X(WRITEBACK)     \
	X(FAULT_AROUND) X(TRUNCATE) X(SWAPOFF) X(MLOCK) X(SOFT_DIRTY) X(ACCESS) X(START) X(EXEC)

enum trace_why {
#define X(id) TRACE_WHY_##id,
	TRACE_WHYS(X)
#undef X
};

#define TRACE_PTES_MAX 64

/* The entries of n pages from address on are now these. */
struct trace_ptes_set {
	struct trace_record head;
	u32 mm, n;
	u64 address;
	u32 why, pad; /* TRACE_WHY_* */
	u64 entries[];
};

/* All entries of [start, end) are none now. */
struct trace_ptes_clear {
	struct trace_record head;
	u32 mm, why;
	u64 start, end;
};

/* level: 1 holds page entries, 4 is the top. address: the first that it translates. */
struct trace_table {
	struct trace_record head;
	u32 mm;
	u8 level, op; /* op: 1 made, 0 freed */
	u8 pad[2];
	u64 address, pfn;
};

/* The frame allocator. Split and merge: pfn and order of the larger block. */
enum trace_frame_op { TRACE_FRAME_FREE, TRACE_FRAME_ALLOC, TRACE_FRAME_SPLIT, TRACE_FRAME_MERGE };

struct trace_frame {
	struct trace_record head;
	u8 op, order, zone, pad[5];
	u64 pfn;
};

/*
 * What a block of frames is used as, where no other record tells. NONE: it was given back, or is in
 * use as nothing special. Frames that a CPU keeps for its next allocation count as in use.
 */
#define TRACE_KINDS(X)                                                                             \
	X(NONE) X(ANON) X(FILE) X(TABLE) X(SLAB) X(STACK) X(VMALLOC) X(KERNEL) X(SWAPCACHE) X(RESERVED)

enum trace_kind_of {
#define X(id) TRACE_KIND_##id,
	TRACE_KINDS(X)
#undef X
};

struct trace_kind {
	struct trace_record head;
	u8 kind, order, pad[6];
	u64 pfn;
};

/*
 * A file is (dev, ino) as stat(2) tells them, a raw disk (its number, 0); index: of its page. op: 1 into
 * the page cache, 0 out of it.
 */
struct trace_cache {
	struct trace_record head;
	u8 op, pad[7];
	u32 dev, ino;
	u64 index, pfn;
};

enum trace_swap_op {
	TRACE_SWAP_DEL,         /* the page left the swap cache */
	TRACE_SWAP_ADD,
	TRACE_SWAP_WRITE_BEGIN,
	TRACE_SWAP_WRITE_END,
	TRACE_SWAP_READ_BEGIN,
	TRACE_SWAP_READ_END,
};

struct trace_swap {
	struct trace_record head;
	u8 op, pad[7];
	u64 entry, pfn; /* entry: raw, as in page tables */
};

struct trace_writeback {
	struct trace_record head;
	u8 op, pad[7];  /* op: 1 begun, 0 done */
	u32 dev, ino;
	u64 index, pfn;
};

#define TRACE_LRU_OFF 255

struct trace_lru {
	struct trace_record head;
	u8 list;        /* enum lru_list, or TRACE_LRU_OFF */
	u8 cpu_set;     /* 1: on the list of one CPU, that has not been joined to the others' yet */
	u8 pad[6];
	u64 pfn;
};

struct trace_reclaim {
	struct trace_record head;
	u8 op, kswapd, priority, pad[5]; /* op: 1 begun, 0 done */
	u64 scanned, reclaimed;          /* frames; when done */
};

struct trace_fork {
	struct trace_record head;
	u32 child_tid, child_pid;
	u32 mm, parent_mm; /* equal: they share one */
	u32 flags, pad;    /* CLONE_* */
	char comm[16];
};

struct trace_exec {
	struct trace_record head;
	u32 old_mm, new_mm;
	char comm[16];     /* from now on */
	char path[];       /* up to a NUL; zeros up to the record's end */
};

struct trace_exit {
	struct trace_record head;
	u32 pid, code;     /* code: as wait(2) tells it */
};

struct trace_mm_gone {
	struct trace_record head;
	u32 mm, pad;
};

/* A system call about memory, when it returns. */
struct trace_call {
	struct trace_record head;
	u32 nr, mm;        /* nr: Linux's number */
	u64 args[6];
	u64 ret;
};

/* The name of a file that another record tells of; the last one counts. */
struct trace_file {
	struct trace_record head;
	u32 dev, ino;
	char path[];       /* up to a NUL; zeros up to the record's end */
};

/* A thread is called otherwise now. */
struct trace_comm {
	struct trace_record head;
	u32 pid, pad;       /* pid: the thread's */
	char comm[16];
};

/* Records that found no room in this ring, since the last LOST of it. */
struct trace_lost {
	struct trace_record head;
	u64 count;
};

/* A program wrote value to /proc/trace. */
struct trace_mark {
	struct trace_record head;
	u64 value;
};

#define TRACE_PATH_MAX 256 /* of EXEC and FILE: longer ones lose their beginning */

BUILD_BUG_ON(offsetof(struct trace_area, unused) != TRACE_FILE_HEADER_SIZE);
BUILD_BUG_ON(offsetof(struct trace_area, rings) != 512);
BUILD_BUG_ON(sizeof(struct trace_area) > TRACE_HEADER_SIZE);
BUILD_BUG_ON(sizeof(struct trace_record) != 24);
BUILD_BUG_ON(sizeof(struct trace_pad) != 8);
BUILD_BUG_ON(sizeof(struct trace_fault) != 216);
BUILD_BUG_ON(sizeof(struct trace_fault_door) != 8);
BUILD_BUG_ON(sizeof(struct trace_vma_set) != 80);
BUILD_BUG_ON(sizeof(struct trace_vma_clear) != 48);
BUILD_BUG_ON(sizeof(struct trace_ptes_set) != 48);
BUILD_BUG_ON(sizeof(struct trace_ptes_clear) != 48);
BUILD_BUG_ON(sizeof(struct trace_table) != 48);
BUILD_BUG_ON(sizeof(struct trace_frame) != 40);
BUILD_BUG_ON(sizeof(struct trace_kind) != 40);
BUILD_BUG_ON(sizeof(struct trace_cache) != 56);
BUILD_BUG_ON(sizeof(struct trace_swap) != 48);
BUILD_BUG_ON(sizeof(struct trace_writeback) != 56);
BUILD_BUG_ON(sizeof(struct trace_lru) != 40);
BUILD_BUG_ON(sizeof(struct trace_reclaim) != 48);
BUILD_BUG_ON(sizeof(struct trace_fork) != 64);
BUILD_BUG_ON(sizeof(struct trace_exec) != 48);
BUILD_BUG_ON(sizeof(struct trace_exit) != 32);
BUILD_BUG_ON(sizeof(struct trace_mm_gone) != 32);
BUILD_BUG_ON(sizeof(struct trace_call) != 88);
BUILD_BUG_ON(sizeof(struct trace_file) != 32);
BUILD_BUG_ON(sizeof(struct trace_comm) != 48);
BUILD_BUG_ON(sizeof(struct trace_lost) != 32);
BUILD_BUG_ON(sizeof(struct trace_mark) != 32);

#endif
