/* SPDX-License-Identifier: MIT */
/*
 * A text that grows as it is printed to. Once memory runs out it swallows what follows, and the
 * reader gets -ENOMEM: a show function never needs to check.
 */
#ifndef FS_SEQ_BUF_H
#define FS_SEQ_BUF_H

#include "lib/compiler.h"
#include "lib/types.h"

struct seq_buf {
	char *buf;       /* not NUL-terminated */
	size_t len, size;
	bool failed;
};
/* May sleep (grows by vmalloc): hold no spinlock. */
void seq_printf(struct seq_buf *m, const char *fmt, ...) __printf(2, 3);
void seq_write(struct seq_buf *m, const void *data, size_t len);
void seq_puts(struct seq_buf *m, const char *s);
void seq_putc(struct seq_buf *m, char c);
/*
 * Blanks until the text is @column bytes long, counted from byte @from (m->len at the line's
 * start).
 */
void seq_pad(struct seq_buf *m, size_t from, size_t column);

#endif
