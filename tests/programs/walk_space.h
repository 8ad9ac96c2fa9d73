/* SPDX-License-Identifier: MIT */
/* Steps of the walk that change what memory is promised: the mmap family, advice, locks, brk. */
#ifndef TESTS_PROGRAMS_WALK_SPACE_H
#define TESTS_PROGRAMS_WALK_SPACE_H

#include "walk_look.h"

struct word {
	unsigned long value;
	const char *name;
};

/* PROT_EXEC alone would be a protection key on CPUs that have them. */
static const struct word prots[] = {
	{ PROT_READ | PROT_WRITE, "rw" },
	{ PROT_READ | PROT_WRITE, "rw" },
	{ PROT_READ | PROT_WRITE, "rw" },
	{ PROT_READ, "r" },
	{ PROT_READ, "r" },
	{ PROT_NONE, "none" },
	{ PROT_WRITE, "w" },
	{ PROT_READ | PROT_EXEC, "rx" },
	{ PROT_READ | PROT_WRITE | PROT_EXEC, "rwx" },
};

static const struct word *pick_word(const struct word *words, size_t n)
{
	return &words[below(n)];
}
#define PICK(words) pick_word(words, COUNT(words))

/* Adds one of the flags to *flags, once in n times each, and its name to the text. */
static void some_flags(const struct word *words, size_t count, unsigned long n,
		       unsigned long *flags, char *names)
{
	for (size_t i = 0; i < count; i++)
		if (one_in(n)) {
			*flags |= words[i].value;
			strcat(strcat(names, "|"), words[i].name);
		}
}

static void drop_elsewhere(long addr, unsigned long len)
{
	if (addr != -1 && !may_touch((uintptr_t)addr))
		munmap((void *)addr, len);
}

/* Which memory: its flags, descriptor and offset. */
static int mmap_source(unsigned long *flags, unsigned long *offset, char *names)
{
	unsigned long which = below(20);
	int file = (int)below(2);

	*offset = 0;
	if (which < 10) {
		*flags = (which < 7 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS;
		strcpy(names, which < 7 ? "PRIVATE|ANON" : "SHARED|ANON");
		return -1;
	}
	*flags = which % 2 ? MAP_PRIVATE : MAP_SHARED;
	*offset = below(FILE_PAGES) * PAGE;
	if (one_in(30))
		*offset = one_in(2) ? *offset + below(PAGE) : -PAGE << below(3);
	sprintf(names, "%s|file%d", which % 2 ? "PRIVATE" : "SHARED", file);
	if (one_in(40)) {
		strcat(names, "|NOTYPE");
		*flags = 0;
	} else if (one_in(40)) {
		strcat(names, "|pipe");
		return w.pipe[0];
	}
	if (!one_in(5))
		return w.files[file].rw;
	strcat(names, "(ro)");
	return w.files[file].ro;
}

static void step_mmap(void)
{
	static const struct word rare[] = {
		{ MAP_LOCKED, "LOCKED" },	{ MAP_POPULATE, "POPULATE" },
		{ MAP_POPULATE, "POPULATE" },	{ MAP_NORESERVE, "NORESERVE" },
		{ MAP_NONBLOCK, "NONBLOCK" },	{ MAP_GROWSDOWN, "GROWSDOWN" },
	};
	const struct word *prot = PICK(prots);
	unsigned long len, flags, offset, how = below(12);
	char names[128];
	uintptr_t addr;
	int fd;

	random_range(&addr, &len);
	fd = mmap_source(&flags, &offset, names);
	some_flags(rare, COUNT(rare), 25, &flags, names);
	if (how < 9) {
		flags |= MAP_FIXED;
		strcat(names, "|FIXED");
	} else if (how == 9) {
		flags |= MAP_FIXED_NOREPLACE;
		strcat(names, "|NOREPLACE");
	}
	say("mmap(%s, %s, %s, %s, +%s)", place(addr), length(len), prot->name, names,
	    length(offset));
	drop_elsewhere(result_at(syscall(SYS_mmap, addr, len, prot->value, flags, fd, offset)), len);
}

static void step_munmap(void)
{
	unsigned long len;
	uintptr_t addr;

	random_range(&addr, &len);
	say("munmap(%s, %s)", place(addr), length(len));
	result(syscall(SYS_munmap, addr, len));
}

static void step_mprotect(void)
{
	static const struct word odd[] = {
		{ 8, "SEM" }, { 0x10, "0x10" }, { PROT_GROWSDOWN, "GROWSDOWN" },
		{ PROT_GROWSUP, "GROWSUP" },
	};
	const struct word *prot = PICK(prots);
	unsigned long len, bits = prot->value;
	char names[64] = "";
	uintptr_t addr;

	random_range(&addr, &len);
	some_flags(odd, COUNT(odd), 60, &bits, names);
	say("mprotect(%s, %s, %s%s)", place(addr), length(len), prot->name, names);
	result(syscall(SYS_mprotect, addr, len, bits));
}

/* What a mapping that went elsewhere shows; then it goes. */
static void look_elsewhere(long addr, unsigned long len)
{
	if (addr == -1 || may_touch((uintptr_t)addr) || len > 4 * MAX_LEN * PAGE)
		return;
	w.extra = (uintptr_t)addr;
	w.extra_end = w.extra + ((len + PAGE - 1) & -PAGE);
	say(" moved=%08x", (unsigned int)look_range(1, w.extra, (w.extra_end - w.extra) / PAGE));
	munmap((void *)w.extra, w.extra_end - w.extra);
	w.extra = w.extra_end = 0;
}

static void step_mremap(void)
{
	static const struct word modes[] = {
		{ 0, "0" },
		{ MREMAP_MAYMOVE, "MAYMOVE" },
		{ MREMAP_MAYMOVE, "MAYMOVE" },
		{ MREMAP_MAYMOVE | MREMAP_FIXED, "MAYMOVE|FIXED" },
		{ MREMAP_MAYMOVE | MREMAP_FIXED, "MAYMOVE|FIXED" },
		{ MREMAP_MAYMOVE | MREMAP_FIXED, "MAYMOVE|FIXED" },
		{ MREMAP_MAYMOVE | MREMAP_DONTUNMAP, "MAYMOVE|DONTUNMAP" },
		{ MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, "MAYMOVE|DONTUNMAP|FIXED" },
		{ MREMAP_FIXED, "FIXED" },
		{ MREMAP_DONTUNMAP, "DONTUNMAP" },
		{ 8 | MREMAP_MAYMOVE, "MAYMOVE|8" },
	};
	const struct word *mode = &modes[one_in(10) ? below(COUNT(modes)) : below(8)];
	unsigned long old_len, new_len, ignored;
	uintptr_t addr, to;
	long ret;

	random_range(&to, &ignored);
	random_range(&addr, &old_len);
	if (!one_in(6))
		to &= -PAGE;
	new_len = one_in(2) ? old_len : (1 + below(MAX_LEN)) * PAGE;
	if (one_in(25))
		new_len = one_in(2) ? 0 : new_len - below(PAGE);
	say("mremap(%s, %s, %s, %s, %s)", place(addr), length(old_len), length(new_len),
	    mode->name, mode->value & MREMAP_FIXED ? place(to) : "0");
	ret = syscall(SYS_mremap, addr, old_len, new_len, mode->value,
		      mode->value & MREMAP_FIXED ? to : 0);
	look_elsewhere(result_at(ret), new_len);
}

static void step_madvise(void)
{
	static const struct word advices[] = {
		{ MADV_DONTNEED, "DONTNEED" },	   { MADV_DONTNEED, "DONTNEED" },
		{ MADV_DONTNEED, "DONTNEED" },	   { MADV_WILLNEED, "WILLNEED" },
		{ MADV_DONTFORK, "DONTFORK" },	   { MADV_DOFORK, "DOFORK" },
		{ MADV_WIPEONFORK, "WIPEONFORK" }, { MADV_KEEPONFORK, "KEEPONFORK" },
		{ 22, "POPULATE_READ" },	   { 23, "POPULATE_WRITE" },
		{ 22, "POPULATE_READ" },	   { 23, "POPULATE_WRITE" },
		{ MADV_COLD, "COLD" },		   { MADV_PAGEOUT, "PAGEOUT" },
		{ 24, "DONTNEED_LOCKED" },	   { MADV_FREE, "FREE" },
		{ MADV_REMOVE, "REMOVE" },	   { MADV_REMOVE, "REMOVE" },
		{ MADV_NORMAL, "NORMAL" },	   { MADV_RANDOM, "RANDOM" },
		{ MADV_SEQUENTIAL, "SEQUENTIAL" }, { MADV_DONTDUMP, "DONTDUMP" },
		{ MADV_DODUMP, "DODUMP" },	   { 5, "5" },
		{ 26, "26" },			   { -1UL, "-1" },
	};
	const struct word *advice = PICK(advices);
	unsigned long len, value = advice->value;
	uintptr_t addr;

	random_range(&addr, &len);
	if (value == MADV_PAGEOUT)
		w.reclaimed = true;
	say("madvise(%s, %s, %s)", place(addr), length(len), advice->name);
	result(syscall(SYS_madvise, addr, len, value));
	/* When freed memory becomes empty is the kernel's choice: make it so now. */
	if (value == MADV_FREE)
		result(syscall(SYS_madvise, addr, len, MADV_DONTNEED));
}

static void step_mlock(void)
{
	unsigned long len, how = below(12);
	uintptr_t addr;

	random_range(&addr, &len);
	if (how < 5) {
		say("mlock(%s, %s)", place(addr), length(len));
		result(syscall(SYS_mlock, addr, len));
	} else if (how < 9) {
		say("munlock(%s, %s)", place(addr), length(len));
		result(syscall(SYS_munlock, addr, len));
	} else if (how < 11) {
		unsigned long flags = one_in(8) ? 2 : below(2);

		say("mlock2(%s, %s, %lu)", place(addr), length(len), flags);
		result(syscall(SYS_mlock2, addr, len, flags));
	} else if (one_in(3)) {
		unsigned long flags = below(8);

		say("mlockall(%lu)", flags);
		result(syscall(SYS_mlockall, flags));
	} else {
		say("munlockall()");
		result(syscall(SYS_munlockall));
	}
}

static void step_msync(void)
{
	static const struct word modes[] = {
		{ MS_SYNC, "SYNC" },
		{ MS_ASYNC, "ASYNC" },
		{ MS_SYNC | MS_INVALIDATE, "SYNC|INVALIDATE" },
		{ MS_INVALIDATE, "INVALIDATE" },
		{ 0, "0" },
		{ MS_SYNC | MS_ASYNC, "SYNC|ASYNC" },
		{ 8, "8" },
	};
	const struct word *mode = &modes[one_in(8) ? below(COUNT(modes)) : below(4)];
	unsigned long len;
	uintptr_t addr;

	random_range(&addr, &len);
	say("msync(%s, %s, %s)", place(addr), length(len), mode->name);
	result(syscall(SYS_msync, addr, len, mode->value));
}

/* The bits are told for anonymous memory only: what else of a file is cached depends on reading
 * ahead. */
static void step_mincore(void)
{
	static unsigned char vec[2 * MAX_LEN];
	unsigned long len;
	uintptr_t addr;
	long ret;

	random_range(&addr, &len);
	read_maps();
	say("mincore(%s, %s)", place(addr), length(len));
	ret = result(syscall(SYS_mincore, addr, len, one_in(12) ? (unsigned char *)8 : vec));
	for (unsigned long i = 0; !ret && i < (len + PAGE - 1) / PAGE; i++) {
		const struct vma *vma = vma_at(addr + i * PAGE);
		bool known = w.residency && !w.reclaimed && vma && (vma->file < 0 || vma->file == 2);

		say("%s%s", i ? "" : " ", !known ? "?" : vec[i] ? "1" : "0");
	}
}

static void step_brk(void)
{
	uintptr_t now = (uintptr_t)syscall(SYS_brk, 0), to, got;

	to = w.heap + below(HEAP_PAGES) * PAGE + (one_in(2) ? below(PAGE) : 0);
	if (one_in(10))
		to = one_in(2) ? w.heap - (16UL << 20) * 8 : WINDOW + below(WINDOW_PAGES) * PAGE;
	got = (uintptr_t)syscall(SYS_brk, to);
	w.focus = w.heap;
	say("brk(%s) = %s", place(to), got == now && got != to ? "no" : place(got));
}

#endif
