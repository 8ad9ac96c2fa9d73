/* SPDX-License-Identifier: MIT */
/* The kernel log: a ring of text, and the serial port that it is copied to. */

#include "kernel/core/printk.h"

#include "kernel/core/param.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include <asm/irqflags.h>
#include <asm/percpu.h>
#include <asm/processor.h>
#include <asm/uart.h>

int console_printk[4] = { LOGLEVEL_DEBUG, LOGLEVEL_INFO, LOGLEVEL_EMERG + 1, LOGLEVEL_DEBUG };

static int set_loglevel(const char *value)
{
	unsigned long level;
	int err = param_number(value, 0, 7, &level);

	if (!err)
		console_loglevel = (int)level + 1;
	return err;
}
KNOB(loglevel, "0..7", "print messages up to this level on the log port", set_loglevel);

/* Bytes [log_end - LOG_BUF_SIZE, log_end) of all text so far are in the ring. log_lock. */
static char log_buf[LOG_BUF_SIZE];
static u64 log_end;
static u64 log_records; /* log_lock: so far */
static u64 log_cleared_to;

static bool emergency;

/*
 * Not a spinlock_t: the lock checker reports through printk. An interrupt that finds its own CPU
 * holding the lock (an NMI, or a fault inside printk) goes on without it; a mixed line is better than
 * none.
 */
static u32 log_lock;
static u32 log_owner = ~0u;

static bool lock_log(unsigned long *flags)
{
	u32 cpu = smp_processor_id();

	local_irq_save(*flags);
	if (emergency || READ_ONCE(log_owner) == cpu)
		return false;
	while (__atomic_exchange_n(&log_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	WRITE_ONCE(log_owner, cpu);
	return true;
}

static void unlock_log(bool locked, unsigned long flags)
{
	if (locked) {
		WRITE_ONCE(log_owner, ~0u);
		__atomic_store_n(&log_lock, 0, __ATOMIC_RELEASE);
	}
	local_irq_restore(flags);
}

static void ring_write(const char *s, size_t n)
{
	for (; n; n--)
		log_buf[log_end++ % LOG_BUF_SIZE] = *s++;
}

void printk_emergency(void)
{
	emergency = true;
}

void vprintk_level(int level, const char *fmt, va_list args)
{
	u64 now = arch_clock_ns();
	char line[LOG_LINE_MAX], *shown;
	unsigned long flags;
	size_t n;
	bool locked;

	n = (size_t)scnprintf(line, sizeof(line), "<%d>[%5llu.%06llu] ", level,
			      (unsigned long long)(now / 1000000000),
			      (unsigned long long)(now / 1000 % 1000000));
	n += (size_t)vscnprintf(line + n, sizeof(line) - n, fmt, args);
	if (line[n - 1] != '\n') {
		n = min(n, sizeof(line) - 2);
		line[n++] = '\n';
	}
	shown = strchr(line, '[');
	locked = lock_log(&flags);
	ring_write(line, n);
	log_records++;
	n -= (size_t)(shown - line);
	if ((level & 7) < console_loglevel || emergency)
		uart_write(UART_COM2, shown, n);
	if (emergency)
		uart_write(UART_COM1, shown, n);
	unlock_log(locked, flags);
}

void printk_level(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk_level(level, fmt, args);
	va_end(args);
}

static u64 log_start(void)
{
	return log_end > LOG_BUF_SIZE ? log_end - LOG_BUF_SIZE : 0;
}

size_t log_read(u64 *pos, char *buf, size_t size)
{
	unsigned long flags;
	bool locked = lock_log(&flags);
	size_t n = 0;

	if (*pos < log_start())
		*pos = log_start();
	while (n < size && *pos < log_end)
		buf[n++] = log_buf[(*pos)++ % LOG_BUF_SIZE];
	unlock_log(locked, flags);
	return n;
}

u64 log_end_position(void)
{
	return READ_ONCE(log_end);
}

static char at(u64 pos)
{
	return log_buf[pos % LOG_BUF_SIZE];
}

/* Records begin at the start of the log and with each '<' behind a newline. log_lock. */
static bool begins(u64 pos)
{
	return pos == log_end || !pos ||
	       (pos > log_start() && at(pos - 1) == '\n' && at(pos) == '<');
}

/* log_lock. */
static u64 next_beginning(u64 pos)
{
	pos = max(pos, log_start());
	while (!begins(pos))
		pos++;
	return pos;
}

u64 log_line_after(u64 pos)
{
	unsigned long flags;
	bool locked = lock_log(&flags);

	pos = next_beginning(min(pos, log_end));
	unlock_log(locked, flags);
	return pos;
}

u64 log_cleared(void)
{
	return READ_ONCE(log_cleared_to);
}

void log_clear(u64 pos)
{
	WRITE_ONCE(log_cleared_to, pos);
}

void log_first(struct log_place *place, u64 pos)
{
	unsigned long flags;
	bool locked = lock_log(&flags);

	place->pos = next_beginning(min(pos, log_end));
	place->seq = log_records;
	for (pos = place->pos; pos < log_end; pos = next_beginning(pos + 1))
		place->seq--;
	unlock_log(locked, flags);
}

ssize_t log_next(struct log_place *place, char *record, size_t size)
{
	unsigned long flags;
	bool locked = lock_log(&flags), lost = place->pos < log_start();
	size_t n = 0;
	u64 end;

	if (!lost && place->pos < log_end) {
		end = next_beginning(place->pos + 1);
		while (n < size && place->pos + n < end) {
			record[n] = at(place->pos + n);
			n++;
		}
		place->pos = end;
		place->seq++;
	}
	unlock_log(locked, flags);
	if (lost)
		log_first(place, 0);
	return lost ? -EPIPE : (ssize_t)n;
}
