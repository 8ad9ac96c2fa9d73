/* SPDX-License-Identifier: MIT */
/* Text that grows as it is printed to: see fs/seq_buf.h. */
#include "fs/seq_buf.h"

#include "lib/string.h"
#include "lib/util.h"
#include "lib/vsprintf.h"
#include "mm/frame/vmalloc.h"

#define SEQ_FIRST_SIZE 1024

/* Make room for @more bytes. False: out of memory, now or before. */
static bool seq_reserve(struct seq_buf *m, size_t more)
{
	size_t size = max(m->size * 2, (size_t)SEQ_FIRST_SIZE);
	char *buf;

	if (m->failed || m->size - m->len >= more)
		return !m->failed;
	while (size - m->len < more)
		size *= 2;
	buf = kvzalloc(size);
	if (!buf) {
		m->failed = true;
		return false;
	}
	if (m->buf)
		memcpy(buf, m->buf, m->len);
	kvfree(m->buf);
	m->buf = buf;
	m->size = size;
	return true;
}

void seq_write(struct seq_buf *m, const void *data, size_t len)
{
	if (!len || !seq_reserve(m, len)) /* nothing into no buffer is undefined */
		return;
	memcpy(m->buf + m->len, data, len);
	m->len += len;
}

void seq_puts(struct seq_buf *m, const char *s)
{
	seq_write(m, s, strlen(s));
}

void seq_putc(struct seq_buf *m, char c)
{
	seq_write(m, &c, 1);
}

void seq_printf(struct seq_buf *m, const char *fmt, ...)
{
	va_list args;
	int len;

	/* The second try has room: the first told how much it takes. */
	for (int i = 0; i < 2; i++) {
		size_t room = m->size - m->len;

		va_start(args, fmt);
		len = vsnprintf(room ? m->buf + m->len : NULL, room, fmt, args);
		va_end(args);
		if (len < 0)
			return;
		if ((size_t)len < room) {
			m->len += (size_t)len;
			return;
		}
		if (!seq_reserve(m, (size_t)len + 1))
			return;
	}
}

void seq_pad(struct seq_buf *m, size_t from, size_t column)
{
	while (!m->failed && m->len - from < column)
		seq_putc(m, ' ');
}
