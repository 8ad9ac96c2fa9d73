/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: one record per call, stamped with the time since boot, kept in a ring for dmesg
 * and written to COM2 at once (polled). Any context, early boot included; an NMI's record within another
 * of its own CPU is put out behind that. A newline at the end is optional. Linux's eight levels, without names of their own: a record is stored whatever
 * its level, and printed if the level is below the knob `loglevel`.
 */
#ifndef KERNEL_CORE_PRINTK_H
#define KERNEL_CORE_PRINTK_H

#include <stdarg.h>

#include "lib/compiler.h"
#include "lib/types.h"

#define LOGLEVEL_EMERG 0
#define LOGLEVEL_ERR 3
#define LOGLEVEL_WARN 4
#define LOGLEVEL_INFO 6
#define LOGLEVEL_DEBUG 7

#define LOG_BUF_SIZE 65536u
#define LOG_LINE_MAX 512 /* longer records are cut */

/*
 * Levels, as /proc/sys/kernel/printk has them: records below the first are printed (knob `loglevel`);
 * what a message without a level gets; the least that the first can be made; what it is at boot.
 */
extern int console_printk[4];
#define console_loglevel (console_printk[0])
#define default_message_loglevel (console_printk[1])
#define minimum_console_loglevel (console_printk[2])

/* @level may have a facility in the bits above its three, as in syslog(3). */
void printk_level(int level, const char *fmt, ...) __printf(2, 3);
void vprintk_level(int level, const char *fmt, va_list args) __printf(2, 0);

#define printk(fmt, ...) printk_level(LOGLEVEL_INFO, fmt, ##__VA_ARGS__)
#define pr_emerg(fmt, ...) printk_level(LOGLEVEL_EMERG, fmt, ##__VA_ARGS__)
#define pr_err(fmt, ...) printk_level(LOGLEVEL_ERR, fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk_level(LOGLEVEL_WARN, fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...) printk_level(LOGLEVEL_INFO, fmt, ##__VA_ARGS__)

/*
 * The log as text, a record after the other: "<level>[seconds.microseconds] words\n", and positions in
 * it, in bytes since boot. Copy text from *@pos on, at most @size bytes, and move *@pos behind it; what
 * was overwritten already is skipped. Returns the bytes copied, 0 at the end.
 */
size_t log_read(u64 *pos, char *buf, size_t size);
/* The position behind the newest text; that where the first record begins at or behind @pos. */
u64 log_end_position(void);
u64 log_line_after(u64 pos);
/* What is before that position is not to be shown to who asks for all of the log. */
u64 log_cleared(void);
void log_clear(u64 pos);

/* The same by records, which are numbered from 0 on. */
struct log_place {
	u64 pos, seq;
};
/* The oldest record at or behind @pos, or the end. */
void log_first(struct log_place *place, u64 pos);
/*
 * The record there, cut to @size, and go behind it. Bytes; 0: there is none yet; -EPIPE: it was
 * overwritten, and @place is at the oldest that is left.
 */
ssize_t log_next(struct log_place *place, char *record, size_t size);

/* A line that is no record: to COM2 alone, in one piece. Any context. */
void log_port_line(const char *line);

/* From now on everything printed also goes to COM1 (panic, boot failure), and locks are ignored. */
void printk_emergency(void);
/* Before the report of a fault: was it within printk, whose lock nobody will release, that is an emergency. */
void printk_interrupted_by_fault(void);

#endif
