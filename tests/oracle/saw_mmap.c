/* SPDX-License-Identifier: MIT */
/*
 * saw_mmap - the calls that make, move and resize mappings (mmap, mremap, brk), with every
 * combination of flags and rights, and odd lengths, addresses, offsets and descriptors.
 */
#include "saw.h"

#define PAGES 24

static int rw, ro, wo, dir, ends[2], zero;

/* What a mapping that was given looks like: its length in pages and its rights. */
static const char *shape(unsigned long p)
{
	static char text[400];
	char line[256];
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end, offset;
	char rights[5];
	int name;

	strcpy(text, " in no line");
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &start, &end, rights, &offset, &name);
		line[strcspn(line, "\n")] = '\0';
		if (start <= p && p < end)
			snprintf(text, sizeof(text), " %s %#lx %s", rights, offset, line + name);
	}
	fclose(f);
	return text;
}

static void try_mmap(void *addr, unsigned long len, int prot, int flags, int fd, unsigned long off)
{
	long ret = syscall(SYS_mmap, addr, len, prot, flags, fd, off);
	const char *file = fd == rw      ? "rw" :
			   fd == ro      ? "ro" :
			   fd == wo      ? "wo" :
			   fd == dir     ? "dir" :
			   fd == ends[0] ? "pipe" :
			   fd == zero    ? "zero" :
			   fd < 0        ? "-1" :
					   "99";

	printf("= mmap(%#lx, %#lx, %#x, %#x, %s, %#lx) = ", (unsigned long)addr, len, prot, flags,
	       file, off);
	if (ret == -1) {
		printf("%s\n", errno_name(errno));
		return;
	}
	printf("%s%s%s\n", ret == (long)addr ? "there" : result(ret), ret % PAGE ? " odd" : "",
	       shape(ret));
	munmap((void *)ret, len);
}

/* Every type and flag, of anonymous memory and of files opened in every way. */
static void flags_and_rights(void)
{
	static const int others[] = { 0,
				      MAP_FIXED,
				      MAP_NORESERVE,
				      MAP_GROWSDOWN,
				      MAP_LOCKED,
				      MAP_POPULATE,
				      MAP_NONBLOCK,
				      MAP_STACK,
				      MAP_DENYWRITE,
				      MAP_EXECUTABLE,
				      MAP_SYNC,
				      MAP_32BIT,
				      MAP_FIXED_NOREPLACE,
				      0x10000000,
				      0x4,
				      0x8,
				      0x200,
				      0x400,
				      0x200000,
				      MAP_POPULATE | MAP_NONBLOCK,
				      MAP_LOCKED | MAP_POPULATE };
	static const int prots[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 0x1000003, 0x2000003, -1 };
	int fds[] = { -1, rw, ro, wo, dir, ends[0], zero, 99 };

	for (size_t f = 0; f < COUNT(fds); f++)
		for (int type = 0; type < 8; type++)
			for (int anon = 0; anon < 2; anon++) {
				int base = (type & 3) | (type & 4 ? 4 : 0) |
					   (anon ? MAP_ANONYMOUS : 0);

				for (size_t o = 0; o < (type & 4 ? 1 : COUNT(others)); o++)
					try_mmap(at(0), PAGE, RW, base | others[o], fds[f], 0);
				for (size_t p = 0; p < (type & 4 ? 0 : COUNT(prots)); p++)
					try_mmap(at(0), PAGE, prots[p], base | MAP_FIXED, fds[f],
						 0);
			}
}

static const int some_flags[] = { ANON,
				  ANON | MAP_NORESERVE,
				  MAP_SHARED | MAP_ANONYMOUS,
				  ANON | MAP_FIXED,
				  ANON | MAP_FIXED_NOREPLACE,
				  MAP_PRIVATE,
				  MAP_SHARED | MAP_FIXED };

static void lengths(int flags)
{
	static const unsigned long lens[] = { 0,         1,         PAGE - 1,
					      PAGE,      PAGE + 1,  1UL << 32,
					      1UL << 40, 1UL << 46, (1UL << 47) - PAGE,
					      1UL << 47, 1UL << 48, 1UL << 63,
					      -PAGE,     -PAGE + 1, -1UL };

	for (size_t l = 0; l < COUNT(lens); l++)
		for (size_t p = 0; p < 3; p++)
			try_mmap(at(0), lens[l], p, flags & ~MAP_FIXED, rw, 0);
}

static void places(int flags)
{
	static const unsigned long addrs[] = { 0,
					       1,
					       0x1000,
					       0xffff,
					       0x10000,
					       0x12345,
					       0x200000000001,
					       0x200000000fff,
					       0x7ffffffff000,
					       0x7fffffffffff,
					       0x800000000000,
					       0x8000000000000000,
					       0xffff800000000000,
					       0xffffffffff600000,
					       -PAGE,
					       -1UL };

	for (size_t a = 0; a < COUNT(addrs); a++) {
		if (addrs[a] < 0x10000 && flags & MAP_FIXED)
			continue; /* below mmap_min_addr: hints only */
		try_mmap((void *)addrs[a], PAGE, RW, flags, rw, 0);
		try_mmap((void *)addrs[a], 2 * PAGE, RW, flags, rw, 0);
		try_mmap((void *)addrs[a], 0, RW, flags, rw, 0);
	}
}

static void offsets(int flags)
{
	static const unsigned long offs[] = {
		0,         1,         PAGE,      PAGE + 1,           8 * PAGE,
		1UL << 31, 1UL << 32, 1UL << 43, 1UL << 44,          1UL << 52,
		1UL << 63, -PAGE,     -1UL,      (1UL << 63) - PAGE, -2 * PAGE
	};

	for (size_t o = 0; o < COUNT(offs); o++) {
		try_mmap(at(0), PAGE, RW, flags, rw, offs[o]);
		try_mmap(at(0), 3 * PAGE, RW, flags, rw, offs[o]);
		try_mmap(at(0), 0, RW, flags, rw, offs[o]);
		try_mmap(at(0), PAGE, RW, flags, 99, offs[o]);
	}
}

/* 0-1 written, 2 read-only, 3 a hole, 4-5 shared file, 6 a hole, 7 shared anonymous, 8 locked, ... */
static void build(void)
{
	munmap(ARENA, PAGES * PAGE);
	put(0, 3, RW, ANON, -1, 0);
	memset(ARENA, '0', PAGE);
	memset(at(1), '1', PAGE);
	mprotect(at(2), PAGE, PROT_READ);
	put(4, 2, RW, MAP_SHARED, rw, 0);
	put(7, 1, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	put(8, 1, RW, ANON, -1, 0);
	poke(at(8), '8');
	mlock(at(8), PAGE);
	put(12, 2, RW, MAP_PRIVATE, rw, 2);
	poke(at(12), 'P');
}

static char built[512], built_bits[64];

static void try_mremap(unsigned long addr, unsigned long old, unsigned long new, int flags,
		       unsigned long to)
{
	long ret = syscall(SYS_mremap, addr, old, new, flags, to);
	long err = errno;
	const char *now;

	printf("= mremap(@%ld+%ld, %#lx, %#lx, %d, @%ld+%ld) = ",
	       ((long)addr - (long)ARENA) / (long)PAGE, (long)addr % (long)PAGE, old, new, flags,
	       ((long)to - (long)ARENA) / (long)PAGE, (long)to % (long)PAGE);
	errno = err;
	printf("%s", result(ret));
	now = layout(PAGES);
	if (strcmp(now, built))
		printf(" [%s]", now);
	now = bits(0, PAGES);
	if (strcmp(now, built_bits))
		printf(" %s", now);
	if (ret != -1)
		printf(" %s", contents(0, PAGES));
	if (ret != -1 && ((unsigned long)ret < (unsigned long)ARENA ||
			  (unsigned long)ret >= (unsigned long)at(PAGES))) {
		printf("%s", shape(ret));
		munmap((void *)ret, new);
	}
	putchar('\n');
	build();
}

static void moves(void)
{
	static const long from[] = { 0, 1, 2, 3, 4, 5, 7, 8, 12, 13 };
	static const unsigned long olds[] = { 0, 1, PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE };
	static const unsigned long news[] = { 1, PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE, 5 * PAGE };
	static const int flags[] = { 0, 1, 3, 5, 7 };
	static const long to[] = { 16, 9, 0, 3, 13 };

	for (size_t s = 0; s < COUNT(from); s++)
		for (size_t o = 0; o < COUNT(olds); o++)
			for (size_t n = 0; n < COUNT(news); n++)
				for (size_t f = 0; f < COUNT(flags); f++)
					for (size_t t = 0; t < (flags[f] & 2 ? COUNT(to) : 1); t++)
						try_mremap((unsigned long)at(from[s]), olds[o],
							   news[n], flags[f],
							   (unsigned long)at(to[t]));
}

static void odd_moves(void)
{
	static const unsigned long addrs[] = { 0,
					       1,
					       0x200000000001,
					       0x7ffffffff000,
					       0x800000000000,
					       0xffff800000000000,
					       -PAGE,
					       0x200000000000 };
	static const unsigned long lens[] = { 0,         1,         PAGE,  1UL << 40, 1UL << 46,
					      1UL << 47, 1UL << 63, -PAGE, -1UL };

	for (size_t a = 0; a < COUNT(addrs); a++)
		for (size_t o = 0; o < COUNT(lens); o++)
			for (size_t n = 0; n < COUNT(lens); n++)
				for (int flags = 0; flags < 9; flags++) {
					if (addrs[a] == 0x200000000000 && lens[o] >= 1UL << 40)
						continue;
					try_mremap(addrs[a], lens[o], lens[n], flags,
						   (unsigned long)at(16));
				}
	for (size_t t = 0; t < COUNT(addrs) - 1; t++)
		for (size_t n = 0; n < COUNT(lens); n++)
			for (int flags = 2; flags < 8; flags++) {
				if (addrs[t] < 2 || flags == 2 || flags == 6)
					continue;
				try_mremap((unsigned long)at(0), PAGE, lens[n], flags, addrs[t]);
			}
}

/* New mappings where something is already: replaced, refused or put elsewhere. */
static void over_others(void)
{
	static const int flags[] = { ANON,
				     ANON | MAP_FIXED,
				     ANON | MAP_FIXED_NOREPLACE,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
				     MAP_PRIVATE | MAP_FIXED,
				     MAP_SHARED | MAP_FIXED_NOREPLACE,
				     ANON | MAP_FIXED | MAP_FIXED_NOREPLACE,
				     ANON | MAP_FIXED | MAP_POPULATE };
	const char *now;

	for (size_t f = 0; f < COUNT(flags); f++)
		for (long page = 0; page < 15; page++)
			for (long n = 1; n < 6; n += 2) {
				int fd = flags[f] & MAP_ANONYMOUS ? -1 : rw;
				long ret = (long)mmap(at(page), n * PAGE, RW, flags[f], fd, 0);

				printf("= mmap(@%ld, %ld, %#x) = %s", page, n, flags[f],
				       result(ret));
				now = layout(PAGES);
				if (strcmp(now, built))
					printf(" [%s]", now);
				printf(" %s\n", bits(0, PAGES));
				if (ret != -1)
					munmap((void *)ret, n * PAGE);
				build();
			}
}

static void breaks(void)
{
	static const long steps[] = { 0,         1,        100,      PAGE - 1,    PAGE,
				      10 * PAGE, 1 << 20,  -1,       -(long)PAGE, 1L << 40,
				      1L << 46,  1L << 47, 1L << 62, 3 * PAGE };
	unsigned long start = syscall(SYS_brk, 0), now;

	for (size_t i = 0; i < COUNT(steps); i++)
		for (size_t j = 0; j < COUNT(steps); j++) {
			now = syscall(SYS_brk, start + steps[i]);
			printf("= brk(%ld) = %ld", steps[i], (long)(now - start));
			now = syscall(SYS_brk, start + steps[j]);
			printf(", brk(%ld) = %ld\n", steps[j], (long)(now - start));
			syscall(SYS_brk, start);
		}
	printf("= brk(0) = %ld\n", (long)(syscall(SYS_brk, 0) - start));
	printf("= brk(1) = %ld\n", (long)(syscall(SYS_brk, 1) - start));
	printf("= brk(-1) = %ld\n", (long)(syscall(SYS_brk, -1) - start));
}

int main(void)
{
	rw = file_of(8);
	close(open("/tmp/saw.ro", O_CREAT | O_RDWR, 0600));
	ro = open("/tmp/saw.ro", O_RDONLY);
	wo = open("/tmp/saw.ro", O_WRONLY);
	if (ftruncate(wo, 8 * PAGE))
		bail("ftruncate");
	unlink("/tmp/saw.ro");
	dir = open("/", O_RDONLY);
	zero = open("/dev/zero", O_RDWR);
	if (pipe(ends))
		bail("pipe");
	catch_faults();
	flags_and_rights();
	for (size_t f = 0; f < COUNT(some_flags); f++)
		lengths(some_flags[f]);
	for (size_t f = 0; f < COUNT(some_flags); f++)
		places(some_flags[f]);
	for (size_t f = 0; f < COUNT(some_flags); f++)
		offsets(some_flags[f]);
	build();
	strcpy(built, layout(PAGES));
	strcpy(built_bits, bits(0, PAGES));
	over_others();
	moves();
	odd_moves();
	breaks();
	return 0;
}
