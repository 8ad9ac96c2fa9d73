/* SPDX-License-Identifier: MIT */
/*
 * How the walk looks: touches that survive a signal, /proc/self/maps and pagemap, and the digest of
 * what each page shows. A look faults pages in, which is part of the walk; so most steps look at few
 * pages or at none.
 */
#ifndef TESTS_PROGRAMS_WALK_LOOK_H
#define TESTS_PROGRAMS_WALK_LOOK_H

#include "walk.h"

#define PF_WRITE 2

static sigjmp_buf caught;
static struct {
	int sig, code;
	bool write;
	uintptr_t addr;
} fault;

static bool may_touch(uintptr_t addr)
{
	return (addr >= WINDOW - 64 * PAGE && addr < WINDOW_END + 64 * PAGE) ||
	       (addr >= w.heap && addr < w.heap + 2 * HEAP_PAGES * PAGE) ||
	       (addr >= w.extra && addr < w.extra_end);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	fault.sig = sig;
	fault.code = info->si_code;
	fault.addr = (uintptr_t)info->si_addr;
	fault.write = uc->uc_mcontext.gregs[REG_ERR] & PF_WRITE;
	if (!may_touch(fault.addr)) {
		dprintf(1, "the walk itself broke: signal %d code %d at %p, step %u\n", sig,
			info->si_code, info->si_addr, w.step);
		_exit(99);
	}
	siglongjmp(caught, 1);
}

static void catch_faults(void)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

static const char *fault_name(void)
{
	static char text[40];

	if (fault.sig == SIGSEGV && fault.code == SEGV_MAPERR)
		return "MAPERR";
	if (fault.sig == SIGSEGV && fault.code == SEGV_ACCERR)
		return "ACCERR";
	if (fault.sig == SIGBUS && fault.code == BUS_ADRERR)
		return "BUS_ADRERR";
	snprintf(text, sizeof(text), "signal %d code %d", fault.sig, fault.code);
	return text;
}

/* " MAPERR at p3+0x10 w": what a touch ended in. */
static void say_fault(void)
{
	say(" %s at %s%s", fault_name(), place(fault.addr), fault.write ? " w" : "");
}

/* ---- /proc/self/maps, as far as it concerns the window and the heap ---- */

static size_t read_proc(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	ssize_t got;

	if (fd < 0)
		return 0;
	while (have + 1 < size && (got = read(fd, text + have, size - 1 - have)) > 0)
		have += (size_t)got;
	close(fd);
	text[have] = '\0';
	return have;
}

static char *hex(char *p, uintptr_t *value)
{
	for (*value = 0;; p++) {
		if (*p >= '0' && *p <= '9')
			*value = *value * 16 + (uintptr_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			*value = *value * 16 + (uintptr_t)(*p - 'a') + 10;
		else
			return p;
	}
}

/* One line, "start-end rights offset dev inode name", into *vma. */
static void parse_line(char *p, struct vma *vma)
{
	ino_t ino;

	p = hex(p, &vma->start) + 1;
	p = hex(p, &vma->end) + 1;
	memcpy(vma->rights, p, 4);
	vma->rights[4] = '\0';
	p = strchr(hex(p + 5, &vma->offset) + 1, ' ');
	ino = strtoul(p, &p, 10);
	vma->file = !ino ? -1 : ino == w.files[0].ino ? 0 : ino == w.files[1].ino ? 1 : 2;
	if (strstr(p, "/dev/zero"))
		vma->file = 2;
}

static void read_maps(void)
{
	static char text[65536];
	struct vma vma;
	char *p, *end;

	w.nr_vmas = 0;
	read_proc("/proc/self/maps", text, sizeof(text));
	for (p = text; (end = strchr(p, '\n')); p = end + 1) {
		*end = '\0';
		parse_line(p, &vma);
		if (!may_touch(vma.start) && !may_touch(vma.end - 1))
			continue;
		if (vma.start < w.heap && vma.end > w.heap)
			vma.start = w.heap;
		if (w.nr_vmas < COUNT(w.vmas))
			w.vmas[w.nr_vmas++] = vma;
	}
}

static UNUSED const struct vma *vma_at(uintptr_t addr)
{
	for (unsigned int i = 0; i < w.nr_vmas; i++)
		if (addr >= w.vmas[i].start && addr < w.vmas[i].end)
			return &w.vmas[i];
	return NULL;
}

static void say_vma(const struct vma *vma)
{
	static const char *const names[] = { "anon", "file0", "file1", "shmem" };

	say("[%s %s %s", place(vma->start), length(vma->end - vma->start), vma->rights);
	if (vma->file >= 0)
		say(" %s+%s", names[vma->file + 1], length(vma->offset));
	say("]");
}

static void look_maps(void)
{
	uint64_t h = 0xcbf29ce484222325UL;

	read_maps();
	for (unsigned int i = 0; i < w.nr_vmas; i++) {
		struct vma v = w.vmas[i];
		uintptr_t where = v.start >= WINDOW - 64 * PAGE ? v.start - WINDOW
							       : v.start - w.heap + (1UL << 40);
		uintptr_t words[] = { where, v.end - v.start, v.offset, (uintptr_t)v.file };

		h = hash_bytes(h, words, sizeof(words));
		h = hash_bytes(h, v.rights, 4);
	}
	say(" maps=%u:%08x", w.nr_vmas, (unsigned int)mix(h));
	for (unsigned int i = 0; w.detail && i < w.nr_vmas; i++)
		say_vma(&w.vmas[i]);
}

/* ---- What a page shows ---- */

static uint64_t page_words(const volatile uint64_t *p)
{
	uint64_t h = 1;

	for (unsigned int i = 0; i < PAGE / 8; i += 2)
		h = (h ^ p[i]) * 0x9e3779b97f4a7c15UL + (p[i + 1] ^ h >> 29);
	return h;
}

static uint64_t look_page(uintptr_t addr)
{
	uint64_t h, first;

	if (sigsetjmp(caught, 0)) {
		if (w.detail)
			say(" %s:%s", place(addr), fault_name());
		return mix((uint64_t)fault.sig << 32 | (uint64_t)(unsigned int)fault.code << 1 |
			   (fault.addr != addr));
	}
	h = page_words((const volatile uint64_t *)addr);
	first = *(const volatile uint64_t *)addr;
	if (w.detail)
		say(" %s:%lx/%04x", place(addr), first, (unsigned int)mix(h) & 0xffff);
	return mix(h);
}

static uint64_t look_range(uint64_t h, uintptr_t addr, unsigned long pages)
{
	for (unsigned long i = 0; i < pages; i++)
		h = mix(h ^ look_page(addr + i * PAGE)) + i;
	return h;
}

/* Files, through read() into memory that is not looked at otherwise. */
static void look_files(void)
{
	static char buffer[FILE_PAGES * PAGE * 2];

	for (int i = 0; i < 2; i++) {
		ssize_t got = pread(w.files[i].ro, buffer, sizeof(buffer), 0);
		uint64_t h = 0;

		for (ssize_t j = 0; j + 8 <= got; j += 8)
			h = (h ^ *(uint64_t *)(buffer + j)) * 0x9e3779b97f4a7c15UL ^ h >> 31;
		for (ssize_t j = got & ~7L; j < got; j++)
			h = mix(h ^ (unsigned char)buffer[j]);
		say(" f%d=%ld:%04x", i, (long)got, (unsigned int)mix(h) & 0xffff);
	}
}

/* Is it certain which pages of this VMA are resident? Only where nothing reads ahead. */
static bool residency_known(const struct vma *vma)
{
	return vma && w.residency && !w.reclaimed && vma->file < 0;
}

static void look_residency(void)
{
	static uint64_t bits[WINDOW_PAGES];
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t h = 0;

	if (fd < 0 || pread(fd, bits, sizeof(bits), (off_t)(WINDOW / PAGE * 8)) != sizeof(bits))
		say(" pagemap: %s", errno_name(errno));
	close(fd);
	if (w.detail)
		say(" present:");
	for (unsigned int i = 0; i < WINDOW_PAGES; i++) {
		if (!residency_known(vma_at(WINDOW + i * PAGE)))
			continue;
		h = mix(h ^ (bits[i] >> 63) ^ i << 1);
		if (w.detail && bits[i] >> 63)
			say(" p%u", i);
	}
	say(" res=%04x", (unsigned int)h & 0xffff);
}

/* All there is to see. */
static void look_all(void)
{
	uint64_t h;

	look_maps();
	look_residency();
	h = look_range(7, WINDOW, WINDOW_PAGES);
	h = look_range(h, w.heap, HEAP_PAGES);
	say(" all=%08x", (unsigned int)h);
	look_files();
}

/* After a step: everything once in 8 times, nothing once in 4, else some pages near the step. */
static void look(void)
{
	unsigned long how = below(8);
	uint64_t h = 0;

	if (how == 0) {
		look_all();
		return;
	}
	look_maps();
	if (how < 3)
		return;
	h = look_range(h, w.focus & -PAGE, 1 + below(3));
	h = look_range(h, WINDOW + below(WINDOW_PAGES - 3) * PAGE, 1 + below(3));
	h = look_range(h, w.heap + below(HEAP_PAGES) * PAGE, 1);
	say(" some=%08x", (unsigned int)h);
}

#endif
