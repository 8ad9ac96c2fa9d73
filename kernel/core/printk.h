/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: one record per call, stamped with the time since boot, kept in a ring for dmesg
 * and written to COM2 at once (polled). Any context, interrupts and early boot included. A newline at
 * the end is optional. Linux's eight levels, without names of their own: a record is stored whatever
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
#define minimum_console_loglevel (console_printk[2])

void printk_level(int level, const char *fmt, ...) __printf(2, 3);
void vprintk_level(int level, const char *fmt, va_list args) __printf(2, 0);

#define printk(fmt, ...) printk_level(LOGLEVEL_INFO, fmt, ##__VA_ARGS__)
#define pr_emerg(fmt, ...) printk_level(LOGLEVEL_EMERG, fmt, ##__VA_ARGS__)
#define pr_err(fmt, ...) printk_level(LOGLEVEL_ERR, fmt, ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk_level(LOGLEVEL_WARN, fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...) printk_level(LOGLEVEL_INFO, fmt, ##__VA_ARGS__)
#define pr_debug(fmt, ...) printk_level(LOGLEVEL_DEBUG, fmt, ##__VA_ARGS__)

/*
 * Copy log text from position *@pos (bytes since boot; 0 is the start) on, at most @size bytes, and
 * move *@pos behind it. Text already overwritten is skipped. Returns the bytes copied, 0 at the end.
 */
size_t log_read(u64 *pos, char *buf, size_t size);
/* Bytes that log_read() from 0 would give now. */
size_t log_size(void);
/* The position behind the newest text. */
u64 log_end_position(void);

/* From now on everything printed also goes to COM1 (panic, boot failure), and locks are ignored. */
void printk_emergency(void);

#endif
