/* SPDX-License-Identifier: MIT */
/* The small records, each written by one call. */
#include "kernel/trace/ring.h"
#include "lib/string.h"
#include <asm/page.h>

/* Write a struct trace_@name whose other fields are as given; those not named are 0. */
#define WRITE(type, name, ...)                                                                    \
	do {                                                                                      \
		unsigned long flags_;                                                             \
		struct trace_##name *record_ = trace_reserve(type, sizeof(*record_), &flags_); \
                                                                                                  \
		if (record_) {                                                                    \
			*record_ = (struct trace_##name){ .head = record_->head, __VA_ARGS__ };   \
			trace_commit(flags_);                                                     \
		}                                                                                 \
	} while (0)

void __trace_vma_set(u32 mm, u64 was_start, u64 start, u64 end, u64 vm_flags, u64 pgoff, u32 dev,
		     u32 ino)
{
	WRITE(TRACE_VMA_SET, vma_set, .mm = mm, .was_start = was_start, .start = start, .end = end,
	      .flags = vm_flags, .pgoff = pgoff, .dev = dev, .ino = ino);
}

void __trace_vma_clear(u32 mm, u64 start, u64 end)
{
	WRITE(TRACE_VMA_CLEAR, vma_clear, .mm = mm, .start = start, .end = end);
}

void __trace_ptes_set(u32 mm, u64 address, enum trace_why why, const u64 *entries, u32 n)
{
	while (n) {
		u32 part = min(n, (u32)TRACE_PTES_MAX);
		u32 size = (u32)sizeof(struct trace_ptes_set) + part * (u32)sizeof(u64);
		unsigned long flags;
		struct trace_ring *ring = trace_begin(&flags);
		struct trace_ptes_set *record = trace_room(ring, size);

		if (likely(record)) {
			trace_fill_head(ring, &record->head, TRACE_PTES_SET, size, current, trace_seq(),
					rdtsc());
			record->mm = mm;
			record->n = part;
			record->address = address;
			record->why = why;
			record->pad = 0;
			copy_words(record->entries, entries, part);
			trace_publish(ring, size);
		}
		trace_end(flags);
		address += (u64)part << 12;
		entries += part;
		n -= part;
	}
}

void __trace_ptes_clear(u32 mm, enum trace_why why, u64 start, u64 end)
{
	WRITE(TRACE_PTES_CLEAR, ptes_clear, .mm = mm, .why = why, .start = start, .end = end);
}

void __trace_table(u32 mm, u8 level, u8 op, u64 address, u64 pfn)
{
	WRITE(TRACE_TABLE, table, .mm = mm, .level = level, .op = op, .address = address,
	      .pfn = pfn);
}

/*
 * These two are written all the time: without a call, and registers that one would need, where there is room.
 */
static noinline void write_frame(enum trace_frame_op op, u8 order, u8 zone, u64 pfn)
{
	WRITE(TRACE_FRAME, frame, .op = (u8)op, .order = order, .zone = zone, .pfn = pfn);
}

void __trace_frame(enum trace_frame_op op, u8 order, u8 zone, u64 pfn)
{
	unsigned long flags;
	struct trace_ring *ring = trace_begin(&flags);
	struct trace_frame *record = (struct trace_frame *)ring->at;

	if (unlikely(!trace_has_room(ring, sizeof(*record)))) {
		trace_end(flags);
		write_frame(op, order, zone, pfn);
		return;
	}
	trace_fill_head(ring, &record->head, TRACE_FRAME, sizeof(*record), current, trace_seq(), rdtsc());
	*(u64 *)&record->op = (u64)op | (u64)order << 8 | (u64)zone << 16; /* and the pads */
	record->pfn = pfn;
	trace_publish(ring, sizeof(*record));
	trace_end(flags);
}

static noinline void write_lru(u8 list, u8 cpu_set, u64 pfn)
{
	WRITE(TRACE_LRU, lru, .list = list, .cpu_set = cpu_set, .pfn = pfn);
}

void __trace_lru(u8 list, u8 cpu_set, u64 pfn)
{
	unsigned long flags;
	struct trace_ring *ring = trace_begin(&flags);
	struct trace_lru *record = (struct trace_lru *)ring->at;

	if (unlikely(!trace_has_room(ring, sizeof(*record)))) {
		trace_end(flags);
		write_lru(list, cpu_set, pfn);
		return;
	}
	trace_fill_head(ring, &record->head, TRACE_LRU, sizeof(*record), current, trace_seq(), rdtsc());
	*(u64 *)&record->list = (u64)list | (u64)cpu_set << 8;
	record->pfn = pfn;
	trace_publish(ring, sizeof(*record));
	trace_end(flags);
}

void __trace_kind(enum trace_kind_of kind, u8 order, u64 pfn)
{
	WRITE(TRACE_KIND, kind, .kind = (u8)kind, .order = order, .pfn = pfn);
}

void __trace_cache(u8 op, u32 dev, u32 ino, u64 index, u64 pfn)
{
	WRITE(TRACE_CACHE, cache, .op = op, .dev = dev, .ino = ino, .index = index, .pfn = pfn);
}

void __trace_swap(enum trace_swap_op op, u64 entry, u64 pfn)
{
	WRITE(TRACE_SWAP, swap, .op = (u8)op, .entry = entry, .pfn = pfn);
}

void __trace_writeback(u8 op, u32 dev, u32 ino, u64 index, u64 pfn)
{
	WRITE(TRACE_WRITEBACK, writeback, .op = op, .dev = dev, .ino = ino, .index = index,
	      .pfn = pfn);
}

void __trace_reclaim(u8 op, u8 kswapd, u8 priority, u64 scanned, u64 reclaimed)
{
	WRITE(TRACE_RECLAIM, reclaim, .op = op, .kswapd = kswapd, .priority = priority,
	      .scanned = scanned, .reclaimed = reclaimed);
}

void __trace_fork(u32 tid, u32 pid, u32 mm, u32 parent_mm, u32 clone_flags, const char *comm)
{
	struct trace_fork *record;
	unsigned long flags;

	record = trace_reserve(TRACE_FORK, sizeof(*record), &flags);
	if (!record)
		return;
	record->child_tid = tid;
	record->child_pid = pid;
	record->mm = mm;
	record->parent_mm = parent_mm;
	record->flags = clone_flags;
	record->pad = 0;
	memcpy(record->comm, comm, sizeof(record->comm));
	trace_commit(flags);
}

/* How many bytes of a record @path takes, with its NUL. One that is too long begins at *@path. */
static u32 path_bytes(const char **path)
{
	size_t n = strlen(*path) + 1;

	if (n > TRACE_PATH_MAX) {
		*path += n - TRACE_PATH_MAX;
		n = TRACE_PATH_MAX;
	}
	return (u32)ALIGN(n, sizeof(u64));
}

static void copy_path(char *to, const char *path, u32 bytes)
{
	memset(to + bytes - sizeof(u64), 0, sizeof(u64));
	memcpy(to, path, strlen(path));
}

void __trace_exec(u32 old_mm, u32 new_mm, const char *comm, const char *path)
{
	u32 bytes = path_bytes(&path);
	struct trace_exec *record;
	unsigned long flags;

	record = trace_reserve(TRACE_EXEC, (u32)sizeof(*record) + bytes, &flags);
	if (!record)
		return;
	record->old_mm = old_mm;
	record->new_mm = new_mm;
	memcpy(record->comm, comm, sizeof(record->comm));
	copy_path(record->path, path, bytes);
	trace_commit(flags);
}

void __trace_exit(u32 pid, u32 code)
{
	WRITE(TRACE_EXIT, exit, .pid = pid, .code = code);
}

void __trace_mm_gone(u32 mm)
{
	WRITE(TRACE_MM_GONE, mm_gone, .mm = mm);
}

void __trace_call(u32 nr, u32 mm, const u64 args[6], u64 ret)
{
	WRITE(TRACE_CALL, call, .nr = nr, .mm = mm, .ret = ret,
	      .args = { args[0], args[1], args[2], args[3], args[4], args[5] });
}

void __trace_file(u32 dev, u32 ino, const char *path)
{
	u32 bytes = path_bytes(&path);
	struct trace_file *record;
	unsigned long flags;

	record = trace_reserve(TRACE_FILE, (u32)sizeof(*record) + bytes, &flags);
	if (!record)
		return;
	record->dev = dev;
	record->ino = ino;
	copy_path(record->path, path, bytes);
	trace_commit(flags);
}

void __trace_comm(u32 pid, const char *comm)
{
	struct trace_comm *record;
	unsigned long flags;

	record = trace_reserve(TRACE_COMM, sizeof(*record), &flags);
	if (!record)
		return;
	record->pid = pid;
	record->pad = 0;
	memcpy(record->comm, comm, sizeof(record->comm));
	trace_commit(flags);
}

void __trace_mark(u64 value)
{
	WRITE(TRACE_MARK, mark, .value = value);
}
