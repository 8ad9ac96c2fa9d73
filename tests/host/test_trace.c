/* SPDX-License-Identifier: MIT */
/*
 * The recorder's rings: each record is as long as it says, and whole, and what is lost is told,
 * whatever the reader does.
 */
#include "tests/host/test.h"

#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "mm/fault/note_write.h"
#include "mm/space/mmap_lock.h"

#define SIZE (16u << 10)

static _Alignas(8) char area[TRACE_HEADER_SIZE];
static _Alignas(8) char ring[SIZE]; /* ASan stands on both sides of it */
static struct trace_ring_ends *const ends = &((struct trace_area *)area)->rings[0];

/* A ring in which nothing was written yet. */
static void begin(char junk)
{
	char *data[] = { ring };

	memset(area, 0, sizeof(area));
	memset(ring, junk, sizeof(ring));
	memset(&trace_ring, 0, sizeof(trace_ring));
	trace_use((struct trace_area *)area, data, SIZE, 1);
}

static const struct trace_record *record_at(u64 n)
{
	return (const struct trace_record *)(ring + n % SIZE);
}

/* --- one record --- */
static char path[TRACE_PATH_MAX + 64];
static u32 number;

static u32 fixed_size(enum trace_type type)
{
	static const u32 sizes[] = {
#define X(id, nr, type) [nr] = sizeof(struct type),
		TRACE_TYPES(X)
#undef X
	};

	return sizes[type];
}

static void write_any(enum trace_type type)
{
	static const u64 words[TRACE_PTES_MAX] = { 1, 2, 3, 4, 5, 6 };
	static const char comm[16] = "\x1b[31m\xff\n";

	switch (type) {
	case TRACE_VMA_SET:
		trace_vma_set(1, 2, 3, 4, 5, 6, 7, 8);
		break;
	case TRACE_VMA_CLEAR:
		trace_vma_clear(1, 2, 3);
		break;
	case TRACE_PTES_SET:
		trace_ptes_set(1, 0x1000, TRACE_WHY_FORK, words, number);
		break;
	case TRACE_PTES_CLEAR:
		trace_ptes_clear(1, TRACE_WHY_EXIT, 2, 3);
		break;
	case TRACE_TABLE:
		trace_table(1, 2, 1, 4, 5);
		break;
	case TRACE_FRAME:
		trace_frame(TRACE_FRAME_ALLOC, 1, 2, 3);
		break;
	case TRACE_KIND:
		trace_kind(TRACE_KIND_SLAB, 1, 2);
		break;
	case TRACE_CACHE:
		trace_cache(1, 2, 3, 4, 5);
		break;
	case TRACE_SWAP:
		trace_swap(TRACE_SWAP_ADD, 1, 2);
		break;
	case TRACE_WRITEBACK:
		trace_writeback(1, 2, 3, 4, 5);
		break;
	case TRACE_LRU:
		trace_lru(1, 1, 2);
		break;
	case TRACE_RECLAIM:
		trace_reclaim(1, 1, 12, 3, 4);
		break;
	case TRACE_FORK:
		trace_fork(1, 2, 3, 4, 5, comm);
		break;
	case TRACE_EXEC:
		trace_exec(1, 2, comm, path);
		break;
	case TRACE_EXIT:
		trace_exit(1, 2);
		break;
	case TRACE_MM_GONE:
		trace_mm_gone(1);
		break;
	case TRACE_CALL:
		trace_call(1, 2, words, 3);
		break;
	case TRACE_FILE:
		trace_file(1, 2, path);
		break;
	case TRACE_COMM:
		trace_comm(1, comm);
		break;
	case TRACE_MARK:
		trace_mark(number);
		break;
	default:
		fail_msg("no function writes type %d", type);
	}
}

/* @number doors, END among them; @quick: by the way without a call. */
static void write_fault(bool quick)
{
	struct fault_note note;

	memset(&note, 0x33, sizeof(note)); /* what the stack held */
	memset(note.doors, 0, sizeof(note.doors));
	fault_note_begin(&note, p->mm, 0x1000, 2, 3);
	note.record.begin = 0;
	note.next = &note.doors[number - 1];
	note.record.vm_end = quick ? 4 : 0;
	if (quick)
		fault_note_write(&note, current);
	else
		fault_note_end(&note);
}

/*
 * What @write writes is one record of @size bytes that says so, and all of it: whatever was there
 * before, it is the same now, but for time and number, and behind it nothing was touched.
 */
static void check_one(void (*write)(enum trace_type type), enum trace_type type, u32 size)
{
	static char first[SIZE];

	assert_true(size % 8 == 0);
	for (int junk = 0x5a; junk; junk = junk == 0x5a ? 0x77 : 0) {
		struct trace_record *record = (struct trace_record *)ring;

		begin((char)junk);
		write(type);
		assert_int_equal(ends->head, size);
		assert_int_equal(record->size, size);
		assert_int_equal(record->type, type);
		assert_int_equal(record->tid, current->pid);
		record->seq = record->tsc = 0;
		if (type == TRACE_FAULT)
			memset(ring + size - sizeof(u32), 0, sizeof(u32)); /* when it ended */
		assert_null(memchr_inv(ring + size, junk, SIZE - size));
		if (junk == 0x5a)
			memcpy(first, ring, size);
	}
	assert_memory_equal(first, ring, size);
}

static void test_each_type(void **state)
{
	(void)state;
	number = 1;
	path[0] = '\0';
	for (enum trace_type type = TRACE_VMA_SET; type <= TRACE_MARK; type++) {
		u32 tail =
			type == TRACE_PTES_SET || type == TRACE_EXEC || type == TRACE_FILE ? 8 : 0;

		if (type != TRACE_LOST)
			check_one(write_any, type, fixed_size(type) + tail);
	}
}

/* A name of any length: the end of one that is too long, then zeros. */
static void test_names(void **state)
{
	(void)state;
	for (u32 n = 0; n < sizeof(path); n++) {
		u32 kept = min(n, TRACE_PATH_MAX - 1u), bytes = ALIGN(kept + 1, 8);
		const struct trace_file *file = (const struct trace_file *)ring;

		memset(path, 0, sizeof(path));
		for (u32 i = 0; i < n; i++)
			path[i] = (char)(1 + i % 255);
		check_one(write_any, TRACE_EXEC, sizeof(struct trace_exec) + bytes);
		check_one(write_any, TRACE_FILE, sizeof(*file) + bytes);
		assert_memory_equal(file->path, path + n - kept, kept);
		assert_null(memchr_inv(file->path + kept, 0, bytes - kept));
		if (n + 1 == sizeof(path))
			break;
	}
}

static void write_fault_slow(enum trace_type type)
{
	(void)type;
	write_fault(false);
}

/* The same without a call, behind a record that is there already. */
static void check_quick(u32 size)
{
	const struct trace_fault *fault =
		(const struct trace_fault *)(ring + sizeof(struct trace_mark));

	memset(ring + sizeof(struct trace_mark), 0x5a, SIZE - sizeof(struct trace_mark));
	write_fault(true);
	assert_int_equal(ends->head, sizeof(struct trace_mark) + size);
	assert_int_equal(fault->head.size, size);
	assert_int_equal(fault->nr_doors, number);
	assert_null(memchr_inv((const char *)fault + size, 0x5a,
			       SIZE - sizeof(struct trace_mark) - size));
}

static void test_faults(void **state)
{
	(void)state;
	for (number = 1; number <= TRACE_FAULT_DOORS; number++) {
		u32 size = sizeof(struct trace_fault) + number * sizeof(struct trace_fault_door);

		check_one(write_fault_slow, TRACE_FAULT, size);
		begin(0);
		trace_mark(0); /* the first record of a ring goes the slow way */
		check_quick(size);
	}
}

/*
 * Who accesses another's memory asks until it can, and says that it has waited for a disk before:
 * each answer is a fault of its own.
 */
static void test_asked_again(void **state)
{
	unsigned long a = map_anon(1, RW);
	struct fault_note note;
	u32 faults = 0;

	(void)state;
	mmap_read_lock(p->mm);
	begin(0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(noted_mm_fault(&note, vma_lookup(p->mm, a), a,
						FAULT_FLAG_REMOTE | FAULT_FLAG_WRITE |
							(i ? FAULT_FLAG_TRIED : 0),
						TRACE_DOOR_REMOTE),
				 0);
	mmap_read_unlock(p->mm);
	for (u64 at = 0; at < ends->head; at += record_at(at)->size) {
		const struct trace_fault *fault = (const struct trace_fault *)record_at(at);

		if (fault->head.type != TRACE_FAULT)
			continue;
		assert_int_equal(fault->tries, 1);
		assert_in_range(fault->nr_doors, 4, 10);
		faults++;
	}
	assert_int_equal(faults, 20);
}

/* --- many records, and somebody who reads them --- */
static struct {
	u64 seq, next, lost; /* of the last record; the next mark's value; as LOST told */
	u32 records, pads;
} seen;

/* Take up to @most records. Each is whole, in order, and marks are missing only behind a LOST. */
static void take(u32 most)
{
	for (; most && ends->tail != ends->head; most--) {
		const struct trace_record *record = record_at(ends->tail);

		assert_true(record->size && record->size % 8 == 0);
		assert_true((ends->tail & (SIZE - 1)) + record->size <= SIZE);
		assert_true(record->size <= ends->head - ends->tail);
		ends->tail += record->size;
		if (record->type == TRACE_PAD) {
			seen.pads++;
			continue;
		}
		assert_true(record->seq > seen.seq);
		seen.seq = record->seq;
		seen.records++;
		if (record->type == TRACE_LOST) {
			seen.lost += ((const struct trace_lost *)record)->count;
			seen.next += ((const struct trace_lost *)record)->count;
		} else {
			assert_int_equal(record->type, TRACE_PTES_SET);
			assert_int_equal(((const struct trace_ptes_set *)record)->address,
					 seen.next++);
		}
	}
}

/* Every record of many is read or was lost, and LOST says how many were before which one. */
static void test_full(void **state)
{
	static const u64 words[TRACE_PTES_MAX];
	const u64 n = 200000;
	u32 chance = 1;

	(void)state;
	begin(0);
	memset(&seen, 0, sizeof(seen));
	for (u64 i = 0; i < n; i++) {
		chance = chance * 1664525 + 1013904223;
		trace_ptes_set(1, i, TRACE_WHY_FORK, words, 1 + (chance >> 24) % TRACE_PTES_MAX);
		/* By turns the reader is faster, and slower. */
		take((i >> 12) & 1 ? (chance >> 16) % 4 : (chance >> 16) % 2);
	}
	take(~0u);
	trace_ptes_set(1, n, TRACE_WHY_FORK, words, 1); /* there is room: it tells of all before */
	take(~0u);
	assert_int_equal(seen.next, n + 1);
	assert_int_equal(seen.lost, ends->lost);
	assert_true(seen.lost > n / 20 && seen.pads > 100);
}

/*
 * The ends lie where others can write: a record stays in the ring (or ASan says so), and none is
 * lost without being counted.
 */
static void test_lies(void **state)
{
	static const u64 lies[] = { ~0ULL, 1ULL << 63, 12345, 7, SIZE + 1, 1, 0 };
	u64 written = 0;

	(void)state;
	begin(0);
	for (u32 i = 0; i < 100000; i++) {
		u64 before = ends->head, lost = ends->lost;

		trace_mark(i);
		assert_true(ends->head != before || ends->lost == lost + 1);
		written += ends->head != before;
		if (i % 50 == 0)
			ends->tail = lies[i / 50 % ARRAY_SIZE(lies)] + (i % 3 ? ends->head : 0);
		if (i % 700 == 0)
			ends->head = lies[i / 700 % ARRAY_SIZE(lies)];
	}
	assert_true(written > 100);
}

static const struct CMUnitTest tests[] = {
	TEST(test_each_type), TEST(test_names), TEST(test_faults),
	TEST(test_asked_again), TEST(test_full), TEST(test_lies),
};
TEST_MAIN(1024)
