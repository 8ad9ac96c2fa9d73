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
 * The CPU that holds the log, or NOBODY: one word, so that an NMI never sees it half taken. Not a
 * spinlock_t: the lock checker reports through printk.
 */
#define NOBODY ~0u
static u32 log_lock = NOBODY;

/*
 * What an NMI says while its own CPU is at a record, or at the line of power-off, comes behind that.
 * Only the holder's CPU adds and takes: it does not race with itself, but may be interrupted anywhere.
 */
static struct waiting {
	char text[LOG_LINE_MAX];
	size_t n;
	int level;
} waiting[4];
static unsigned int nr_waiting;

static bool held_here(void)
{
	return READ_ONCE(log_lock) == smp_processor_id();
}

static bool lock_log(unsigned long *flags)
{
	u32 nobody = NOBODY;

	local_irq_save(*flags);
	if (emergency || held_here())
		return false;
	while (!__atomic_compare_exchange_n(&log_lock, &nobody, smp_processor_id(), false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		nobody = NOBODY;
		cpu_relax();
	}
	return true;
}

static void ring_write(const char *s, size_t n)
{
	for (; n; n--)
		log_buf[log_end++ % LOG_BUF_SIZE] = *s++;
}

/* log_lock. The ports do without the level, which is before the time. */
static void put_out(const char *record, size_t n, int level)
{
	const char *shown = strchr(record, '[');

	ring_write(record, n);
	log_records++;
	n -= (size_t)(shown - record);
	if ((level & 7) < console_loglevel || emergency)
		uart_write(UART_COM2, shown, n);
	if (emergency)
		uart_write(UART_COM1, shown, n);
}

static bool let_wait(const char *record, size_t n, int level)
{
	struct waiting *w = &waiting[nr_waiting];

	if (nr_waiting == ARRAY_SIZE(waiting))
		return false;
	memcpy(w->text, record, n);
	w->n = n;
	w->level = level;
	WRITE_ONCE(nr_waiting, nr_waiting + 1);
	return true;
}

static void put_out_waiting(void)
{
	unsigned int done = 0, all;

	do {
		for (all = READ_ONCE(nr_waiting); done < all; done++)
			put_out(waiting[done].text, waiting[done].n, waiting[done].level);
	} while (!__atomic_compare_exchange_n(&nr_waiting, &all, 0, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}

/* What comes to wait after the last look is put out by who holds the lock next. */
static void unlock_log(bool locked, unsigned long flags)
{
	if (locked) {
		put_out_waiting();
		__atomic_store_n(&log_lock, NOBODY, __ATOMIC_RELEASE);
	}
	local_irq_restore(flags);
}

void printk_emergency(void)
{
	emergency = true;
}

void printk_interrupted_by_fault(void)
{
	if (held_here())
		printk_emergency();
}

void log_port_line(const char *line)
{
	unsigned long flags;
	bool locked = lock_log(&flags);

	uart_write(UART_COM2, line, strlen(line));
	unlock_log(locked, flags);
}

/* Where there is no room to wait, a mixed line is better than none. */
void vprintk_level(int level, const char *fmt, va_list args)
{
	u64 now = arch_clock_ns();
	char line[LOG_LINE_MAX];
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
	locked = lock_log(&flags);
	if (locked || emergency || !let_wait(line, n, level))
		put_out(line, n, level);
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
