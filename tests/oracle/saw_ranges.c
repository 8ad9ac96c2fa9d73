/* SPDX-License-Identifier: MIT */
/*
 * saw_ranges - the calls that take a range of addresses, each over an arena of every kind of
 * mapping, with every kind of range (whole, across a hole, unaligned, empty, overflowing) and every
 * argument. Prints the result, and the arena's layout and pagemap where the call changed them.
 */
#include "saw.h"

#define PAGES 20

static int fd;

/*
 * 0-3 written, 4-5 read-only, 6 none, 7 a hole, 8-9 shared file, 10-11 private file, 12-13 shared
 * anonymous, 14 locked, 15 a hole, 16-17 untouched, 18 write-only, 19 a hole
 */
static void build(void)
{
	munmap(ARENA, PAGES * PAGE);
	put(0, 6, RW, ANON, -1, 0);
	memset(ARENA, '0', 5 * PAGE);
	mprotect(at(4), 2 * PAGE, PROT_READ);
	put(6, 1, PROT_NONE, ANON, -1, 0);
	put(8, 2, RW, MAP_SHARED, fd, 0);
	put(10, 2, RW, MAP_PRIVATE, fd, 2);
	poke(at(8), 'A');
	poke(at(10), 'C');
	put(12, 2, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	poke(at(12), 's');
	put(14, 1, RW, ANON, -1, 0);
	mlock(at(14), PAGE);
	put(16, 2, RW, ANON, -1, 0);
	put(18, 1, PROT_WRITE, ANON, -1, 0);
}

static char built_layout[512], built_bits[64];

/* Prints what a call gave, and how the arena looks if it looks different. */
static void tell(long ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(long ret, const char *fmt, ...)
{
	char call[128];
	const char *now;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(call, sizeof(call), fmt, ap);
	va_end(ap);
	printf("= %s = %s", call, result(ret));
	now = bits(0, PAGES);
	if (strcmp(now, built_bits))
		printf(" %s", now);
	now = layout(PAGES + 8);
	if (strcmp(now, built_layout))
		printf(" [%s]", now);
	putchar('\n');
	build();
}

/* Ranges: first page and byte, length in bytes. */
static const struct range {
	long page, byte;
	unsigned long len;
} ranges[] = {
	{ 0, 0, PAGE },
	{ 0, 0, 0 },
	{ 0, 0, 1 },
	{ 0, 0, PAGE + 1 },
	{ 0, 1, PAGE },
	{ 0, 1, 0 },
	{ 0, PAGE - 1, 2 },
	{ 1, 0, 2 * PAGE },
	{ 2, 0, 4 * PAGE },
	{ 4, 0, PAGE },
	{ 5, 0, 2 * PAGE },
	{ 6, 0, PAGE },
	{ 6, 0, 2 * PAGE },
	{ 7, 0, PAGE },
	{ 7, 0, 0 },
	{ 7, 1, 0 },
	{ 7, 0, 2 * PAGE },
	{ 8, 0, PAGE },
	{ 8, 0, 2 * PAGE },
	{ 9, 0, 2 * PAGE },
	{ 10, 0, PAGE },
	{ 11, 0, PAGE },
	{ 11, 0, 2 * PAGE },
	{ 12, 0, PAGE },
	{ 13, 0, PAGE },
	{ 13, 0, 2 * PAGE },
	{ 14, 0, PAGE },
	{ 14, 0, 2 * PAGE },
	{ 15, 0, PAGE },
	{ 16, 0, PAGE },
	{ 16, 0, 2 * PAGE },
	{ 17, 0, 2 * PAGE },
	{ 18, 0, PAGE },
	{ 18, 0, 2 * PAGE },
	{ 19, 0, PAGE },
	{ 0, 0, 20 * PAGE },
	{ 4, 0, 15 * PAGE },
	{ -1, 0, 2 * PAGE },
	{ 0, 0, -1UL },
	{ 0, 0, -PAGE },
	{ 0, 0, 1UL << 47 },
	{ 0, 0, 1UL << 63 },
	{ 0, 0, -(unsigned long)0x200000000000 },
	{ 0, 0, 0x7ffffffff000 - 0x200000000000 },
	{ 0, 0, 0x7ffffffff000 - 0x200000000000 + PAGE },
	{ 0x5ffffffff, 0, PAGE },
	{ 0x5ffffffff, 0, 0 },
	{ 0x600000000, 0, PAGE },
	{ -0x200000000, 0, PAGE },
	{ -0x200000000, 0, 0 },
	{ -0x200000001, 0, PAGE },
	{ -0x200000001, 0, 0 },
	{ -0x200000001, 0, 2 * PAGE },
	{ 0x7ff800000000, 0, PAGE },
};

typedef long (*range_call)(void *addr, unsigned long len, long arg);

static long do_munmap(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_munmap, addr, len);
}

static long do_mprotect(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_mprotect, addr, len, arg);
}

static long do_madvise(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_madvise, addr, len, arg);
}

static long do_msync(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_msync, addr, len, arg);
}

static long do_mlock(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_mlock, addr, len);
}

static long do_mlock2(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_mlock2, addr, len, arg);
}

static long do_munlock(void *addr, unsigned long len, long arg)
{
	return syscall(SYS_munlock, addr, len);
}

static const struct {
	const char *name;
	range_call call;
	long args[32];
	int count;
} calls[] = {
	{ "munmap", do_munmap, { 0 }, 1 },
	{ "mprotect",
	  do_mprotect,
	  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x20, 0x100, 0x1000000, 0x2000000, 0x3000001, -1 },
	  17 },
	{ "madvise",
	  do_madvise,
	  { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 14,        15,
	    16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 99, -1, 0x7fffffff },
	  27 },
	{ "msync", do_msync, { 0, 1, 2, 3, 4, 5, 6, 7, 8, -1 }, 10 },
	{ "mlock", do_mlock, { 0 }, 1 },
	{ "mlock2", do_mlock2, { 0, 1, 2, 3, -1 }, 5 },
	{ "munlock", do_munlock, { 0 }, 1 },
};

static void saw_mincore(const struct range *r)
{
	unsigned char vec[64];
	char text[64];
	long ret;

	if (r->len > sizeof(vec) * PAGE && r->len < 1UL << 46)
		return;
	memset(vec, 0xee, sizeof(vec));
	ret = syscall(SYS_mincore, at(r->page) + r->byte, r->len, vec);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = vec[i] == 0xee ? '\0' : '0' + vec[i];
	text[63] = '\0';
	tell(ret, "mincore(%ld+%ld, %#lx) %s", r->page, r->byte, r->len, text);
	tell(syscall(SYS_mincore, at(r->page) + r->byte, r->len, at(7)),
	     "mincore(%ld+%ld, %#lx, bad)", r->page, r->byte, r->len);
	tell(syscall(SYS_mincore, at(r->page) + r->byte, r->len, -PAGE),
	     "mincore(%ld+%ld, %#lx, kernel)", r->page, r->byte, r->len);
}

int main(void)
{
	fd = file_of(8);
	build();
	strcpy(built_layout, layout(PAGES + 8));
	strcpy(built_bits, bits(0, PAGES));
	printf("= built %s [%s]\n", built_bits, built_layout);
	for (size_t c = 0; c < COUNT(calls); c++)
		for (int a = 0; a < calls[c].count; a++)
			for (size_t i = 0; i < COUNT(ranges); i++) {
				const struct range *r = &ranges[i];

				/* what would reach our own stack */
				if (calls[c].call != do_msync && r->len > 1UL << 40 &&
				    r->len <= 1UL << 63)
					continue;
				tell(calls[c].call(at(r->page) + r->byte, r->len, calls[c].args[a]),
				     "%s(%ld+%ld, %#lx, %ld)", calls[c].name, r->page, r->byte,
				     r->len, calls[c].args[a]);
			}
	for (size_t i = 0; i < COUNT(ranges); i++)
		saw_mincore(&ranges[i]);
	return 0;
}
