/* SPDX-License-Identifier: MIT */
/* Steps of the walk that use memory: its own touches, and system calls with buffers in the window. */
#ifndef TESTS_PROGRAMS_WALK_USE_H
#define TESTS_PROGRAMS_WALK_USE_H

#include "walk_space.h"

/*
 * Does the range hold bytes of a shared file page behind the end of the file? Such are not written:
 * how long they stay is for the kernel to say.
 */
static bool behind_end(uintptr_t addr, unsigned long len)
{
	for (unsigned int i = 0; i < w.nr_vmas; i++) {
		const struct vma *v = &w.vmas[i];
		uintptr_t from, end;

		if (v->start >= addr + len || v->end <= addr || v->rights[3] != 's' ||
		    (v->file != 0 && v->file != 1))
			continue;
		from = v->start - v->offset + (uintptr_t)file_size(v->file);
		end = (from + PAGE - 1) & -PAGE;
		if (from < addr + len && end > addr)
			return true;
	}
	return false;
}

/* Does the range show any part of the file? A copy between the two would overlap. */
static bool shows_file(uintptr_t addr, unsigned long len, int file)
{
	for (unsigned int i = 0; i < w.nr_vmas; i++)
		if (w.vmas[i].start < addr + len && w.vmas[i].end > addr && w.vmas[i].file == file)
			return true;
	return false;
}

/* May the buffer be written now? If not, the step is left out. */
static bool writable_now(uintptr_t addr, unsigned long len)
{
	read_maps();
	if (!behind_end(addr, len))
		return true;
	say("left out: behind the end of a shared file");
	return false;
}

static uint64_t fresh_value(void)
{
	return (uint64_t)(w.step & 0xfffff) << 44 | (rnd() >> 20);
}

/* Fills [addr, addr + len) with words, from below; stops at the first fault. */
static void paint(uintptr_t addr, unsigned long len)
{
	uint64_t value = fresh_value();
	unsigned long i = 0;

	if (sigsetjmp(caught, 0)) {
		say_fault();
		return;
	}
	for (; i + 8 <= len; i += 8)
		*(volatile uint64_t *)(addr + i) = value + i;
	for (; i < len; i++)
		*(volatile unsigned char *)(addr + i) = (unsigned char)(value + i);
}

/* Makes certain again what a call wrote that is not the same everywhere. */
static void repaint(uintptr_t addr, unsigned long len)
{
	for (volatile unsigned long i = 0; i < len; i++)
		if (!sigsetjmp(caught, 0))
			*(volatile unsigned char *)(addr + i) = (unsigned char)(0x40 + i);
}

static void touch_once(uintptr_t addr, unsigned long how)
{
	uint64_t value = fresh_value();

	if (sigsetjmp(caught, 0)) {
		say_fault();
		return;
	}
	switch (how) {
	case 0: *(volatile unsigned char *)addr = (unsigned char)value; break;
	case 1: *(volatile uint64_t *)addr = value; break;
	case 2: *(volatile uint64_t *)addr += value; break;
	case 3: __atomic_fetch_add((uint64_t *)(addr & -8UL), value, __ATOMIC_SEQ_CST); break;
	default: say(" %02x", *(volatile unsigned char *)addr); break;
	}
}

static void step_touch(void)
{
	static const char *const names[] = { "store byte", "store", "add", "lock add", "load" };
	uintptr_t addr = random_page() + (one_in(2) ? 0 : below(PAGE));
	unsigned long how = below(5);

	w.focus = addr;
	if (how < 4 && !writable_now(addr & -8UL, 16))
		return;
	say("%s %s", names[how], place(addr));
	touch_once(addr, how);
}

static void step_paint(void)
{
	unsigned long len;
	uintptr_t addr;

	random_buffer(&addr, &len, 4 * PAGE);
	if (!writable_now(addr, len))
		return;
	say("paint %s, %s", place(addr), length(len));
	paint(addr, len);
}

/* A copy by one instruction within the window: it ends where it faults. */
static void step_copy(void)
{
	unsigned long len, ignored;
	uintptr_t from, to;
	void *d, *s;

	random_buffer(&from, &ignored, PAGE);
	random_buffer(&to, &len, 3 * PAGE);
	if (!writable_now(to, len))
		return;
	say("rep movsb %s -> %s, %s", place(from), place(to), length(len));
	if (sigsetjmp(caught, 0)) {
		say_fault();
		return;
	}
	d = (void *)to;
	s = (void *)from;
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(len) : : "memory");
}

#define RET_INSTRUCTION 0xc3

/* Runs a return instruction in the window, after writing it if need be. */
static void step_exec(void)
{
	uintptr_t addr = random_page() + (one_in(2) ? 0 : below(PAGE));
	volatile unsigned char *p = (volatile unsigned char *)addr;

	w.focus = addr;
	if (!writable_now(addr, 1))
		return;
	say("call %s", place(addr));
	if (!sigsetjmp(caught, 0)) {
		if (*p != RET_INSTRUCTION) {
			say(" plant");
			*p = RET_INSTRUCTION;
		}
	} else {
		say_fault();
		if (fault.write)
			return; /* and so it holds something else */
	}
	if (sigsetjmp(caught, 0))
		say_fault();
	else
		((void (*)(void))addr)();
}

/* ---- Files ---- */

static void step_pread(void)
{
	int file = (int)below(2);
	unsigned long len;
	uintptr_t addr;
	off_t at = (off_t)below(FILE_PAGES * PAGE);

	random_buffer(&addr, &len, 5 * PAGE);
	if (one_in(2))
		at &= -(off_t)PAGE;
	if (!writable_now(addr, len))
		return;
	say("pread(f%d, %s, %s, +%s)", file, place(addr), length(len), length((unsigned long)at));
	if (shows_file(addr, len, file))
		say(" left out: overlaps");
	else
		result(syscall(SYS_pread64, w.files[file].ro, addr, len, at));
}

static void step_pwrite(void)
{
	int file = (int)below(2);
	off_t at = (off_t)below((FILE_PAGES - 5) * PAGE);
	unsigned long len;
	uintptr_t addr;

	random_buffer(&addr, &len, 5 * PAGE);
	if (one_in(2))
		at &= -(off_t)PAGE;
	read_maps();
	say("pwrite(f%d, %s, %s, +%s)", file, place(addr), length(len), length((unsigned long)at));
	if (shows_file(addr, len, file))
		say(" left out: overlaps");
	else
		result(syscall(SYS_pwrite64, w.files[file].rw, addr, len, at));
}

/* Writes to the file from outside of the window: what maps it must show it. */
static void step_file_write(void)
{
	static uint64_t data[2 * PAGE / 8];
	off_t at = (off_t)below((FILE_PAGES - 2) * PAGE);
	unsigned long len = below(sizeof(data) + 1);
	uint64_t value = fresh_value();
	int file = (int)below(2);

	for (size_t i = 0; i < COUNT(data); i++)
		data[i] = value + i;
	say("write f%d +%s, %s", file, length((unsigned long)at), length(len));
	result(pwrite(w.files[file].rw, data, len, at));
}

static void step_truncate(void)
{
	int file = (int)below(2);
	off_t size = (off_t)(below(FILE_PAGES + 1) * PAGE);

	if (one_in(2))
		size = (off_t)below(FILE_PAGES * PAGE);
	say("ftruncate(f%d, %s)", file, length((unsigned long)size));
	result(ftruncate(w.files[file].rw, size));
}

/* What a kernel may do at any time, asked for: nobody must see it. */
static void step_invisible(void)
{
	int file = (int)below(2), fd;

	switch (below(4)) {
	case 0:
		say("fsync(f%d)", file);
		result(fsync(w.files[file].rw));
		break;
	case 1:
		say("fadvise(f%d, DONTNEED)", file);
		result(syscall(SYS_fadvise64, w.files[file].rw, 0, 0, POSIX_FADV_DONTNEED));
		break;
	case 2:
		say("readahead(f%d)", file);
		result(syscall(SYS_readahead, w.files[file].ro, 0, FILE_PAGES * PAGE));
		break;
	default:
		say("drop_caches");
		fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
		result(write(fd, "1\n", 2));
		close(fd);
	}
}

#endif
