/* SPDX-License-Identifier: MIT */
/*
 * /proc/trace: the recorder's records (kernel/trace/format.h) up to the moment of the open, in the form of a
 * record file, and then its end. They are taken out as they are read whole; the next open goes on from there. One
 * reader at a time, and none while somebody outside the machine reads: EBUSY. A number that is written becomes a
 * MARK.
 */
#include "fs/file.h"
#include "fs/proc/proc.h"
#include "kernel/core/mutex.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/percpu.h>
#include <asm/uaccess.h>

struct chunk_head {
	u32 cpu, bytes;
};

/* The one reader: a few bytes of ours, then what is left of a CPU's chunk, and so on. trace_mutex. */
static struct {
	bool open, ended;
	u64 until[NR_CPUS]; /* heads as of the open */
	u32 cpu;            /* whose chunk this is */
	u64 next, left;     /* where it goes on in the ring; bytes of it */
	char own[TRACE_FILE_HEADER_SIZE];
	size_t at, end;     /* of own */
} reader;
static DEFINE_MUTEX(trace_mutex);

static void begin_own(const void *bytes, size_t n)
{
	memcpy(reader.own + reader.end, bytes, n);
	reader.end += n;
}

static void begin_reading(void)
{
	memset(&reader, 0, sizeof(reader));
	reader.open = true;
	reader.cpu = ~0u;
	begin_own(trace_area, TRACE_FILE_HEADER_SIZE);
	for (u32 cpu = 0; cpu < trace_area->nr_cpus; cpu++)
		reader.until[cpu] = __atomic_load_n(&trace_area->rings[cpu].head, __ATOMIC_ACQUIRE);
}

/* What comes behind the chunk that is done. False: nothing. */
static bool next_chunk(void)
{
	struct chunk_head head = { TRACE_END_CPU, sizeof(u64) };
	u64 lost = 0;

	reader.at = reader.end = 0;
	while (reader.cpu + 1 < trace_area->nr_cpus) {
		const struct trace_ring_ends *ends = &trace_area->rings[++reader.cpu];

		reader.next = ends->tail;
		reader.left = reader.until[reader.cpu] - ends->tail;
		if (reader.left) {
			head = (struct chunk_head){ reader.cpu, (u32)reader.left };
			begin_own(&head, sizeof(head));
			return true;
		}
	}
	if (reader.ended)
		return false;
	for (u32 cpu = 0; cpu < trace_area->nr_cpus; cpu++)
		lost += READ_ONCE(trace_area->rings[cpu].lost);
	begin_own(&head, sizeof(head));
	begin_own(&lost, sizeof(lost));
	return reader.ended = true;
}

static char *byte_of_ring(u64 n)
{
	return trace_ring_data(reader.cpu) + (n & (trace_area->ring_size - 1));
}

/* Their room is free again. But of one that was read in part, for the next reader shall begin with a whole one. */
static void free_read_records(void)
{
	struct trace_ring_ends *ends = &trace_area->rings[reader.cpu];
	u64 tail = ends->tail, behind;

	for (; tail < reader.next; tail = behind) {
		behind = tail + ((const struct trace_pad *)byte_of_ring(tail))->size;
		if (behind > reader.next)
			break;
	}
	__atomic_store_n(&ends->tail, tail, __ATOMIC_RELEASE);
}

/* Up to @count bytes of the chunk, in one piece. Bytes, or -EFAULT. */
static ssize_t take_records(char *buf, size_t count)
{
	u64 to_end = trace_area->ring_size - (reader.next & (trace_area->ring_size - 1));
	size_t n = min(count, (size_t)min(reader.left, to_end));

	if (copy_to_user(buf, byte_of_ring(reader.next), n))
		return -EFAULT;
	reader.next += n;
	reader.left -= n;
	free_read_records();
	return (ssize_t)n;
}

static ssize_t take_own(char *buf, size_t count)
{
	size_t n = min(count, reader.end - reader.at);

	if (copy_to_user(buf, reader.own + reader.at, n))
		return -EFAULT;
	reader.at += n;
	return (ssize_t)n;
}

static ssize_t trace_read(struct file *file, char *buf, size_t count, loff_t *pos)
{
	ssize_t done = 0, n = 0;

	mutex_lock(&trace_mutex);
	while (count && (reader.at < reader.end || reader.left || next_chunk())) {
		n = reader.at < reader.end ? take_own(buf, count) : take_records(buf, count);
		if (n < 0)
			break;
		buf += n;
		count -= (size_t)n;
		done += n;
	}
	mutex_unlock(&trace_mutex);
	*pos += done;
	return done ? done : n;
}

static ssize_t trace_write(struct file *file, const char *buf, size_t count, loff_t *pos)
{
	char text[24] = { 0 };
	ssize_t taken;
	long value;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	taken = proc_parse_long(text, count, &value);
	if (taken < 0)
		return taken;
	trace_mark((u64)value);
	return (ssize_t)count;
}

static int trace_open(struct inode *inode, struct file *file)
{
	int err = 0;

	if (!tracing())
		return -ENODEV;
	if (!(file->f_mode & FMODE_READ))
		return 0;
	mutex_lock(&trace_mutex);
	if (trace_read_outside || reader.open)
		err = -EBUSY;
	else
		begin_reading();
	mutex_unlock(&trace_mutex);
	return err;
}

static void trace_release(struct file *file)
{
	if (!(file->f_mode & FMODE_READ))
		return;
	mutex_lock(&trace_mutex);
	reader.open = false;
	mutex_unlock(&trace_mutex);
}

const struct file_operations proc_trace_fops = {
	.name = "trace",
	.open = trace_open,
	.release = trace_release,
	.read = trace_read,
	.write = trace_write,
};
