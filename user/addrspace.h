/* SPDX-License-Identifier: MIT */
/*
 * addrspace.h - one look at the address space of a process: its mappings, and for each of their
 * pages a cell of one byte, its kind and MARK if it was written since the kernel was told to forget.
 */
#ifndef USER_ADDRSPACE_H
#define USER_ADDRSPACE_H

#include <stdio.h>
#include <string.h>

#include "frames.h"

#define PAGE 4096UL
#define LOOK (1UL << 16) /* pages looked at from each end of a mapping */
#define MARK 0x80

struct mapping {
	unsigned long start, end;
	char perms[5], name[100];
	size_t cell, unseen; /* its first cell; pages in its middle that are not looked at */
	size_t present;
};

static struct frames frames;
static struct mapping *mappings;
static unsigned char *cells, *own; /* own: by frame, does the process map it? */
static size_t nr_mappings, nr_cells, counts[KINDS], nr_written, nr_own;
static char program[32];

static const char *path_of(int pid, const char *file)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return path;
}

static void count_page(struct mapping *m, uint64_t entry)
{
	enum kind kind = page_kind(&frames, entry, !strncmp(m->name, "[v", 2));
	bool there = entry & (PM_PRESENT | PM_SWAPPED), written = there && entry & PM_WRITTEN;
	size_t frame = entry & PM_FRAME;

	counts[kind]++;
	m->present += !!(entry & PM_PRESENT);
	nr_written += written;
	if (entry & PM_PRESENT && frame < frames.nr && frame) {
		nr_own += !own[frame];
		own[frame] = 1;
	}
	cells = grow(cells, nr_cells, 1);
	cells[nr_cells++] = (unsigned char)(kind | (written ? MARK : 0));
}

/* Entries that cannot be read, because the process ends or has no such file, are absent pages. */
static void look_at_pages(int fd, struct mapping *m, unsigned long start, unsigned long end)
{
	static uint64_t entries[2048];

	for (unsigned long nr; start < end; start += nr * PAGE) {
		size_t bytes;
		ssize_t n;

		nr = (end - start) / PAGE < 2048 ? (end - start) / PAGE : 2048;
		bytes = nr * sizeof(*entries);
		n = pread(fd, entries, bytes, (off_t)(start / PAGE * sizeof(*entries)));
		n = n < 0 ? 0 : n;
		memset((char *)entries + n, 0, bytes - (size_t)n);
		for (size_t i = 0; i < nr; i++)
			count_page(m, entries[i]);
	}
}

static void add_mapping(int pagemap, char *line)
{
	struct mapping *m;
	int name = 0;

	mappings = grow(mappings, nr_mappings, sizeof(*mappings));
	m = &mappings[nr_mappings];
	*m = (struct mapping){ .cell = nr_cells };
	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &m->start, &m->end, m->perms, &name) < 3)
		return;
	snprintf(m->name, sizeof(m->name), "%s", name ? line + name : "");
	nr_mappings++;
	if ((m->end - m->start) / PAGE <= 2 * LOOK) {
		look_at_pages(pagemap, m, m->start, m->end);
		return;
	}
	m->unseen = (m->end - m->start) / PAGE - 2 * LOOK;
	look_at_pages(pagemap, m, m->start, m->start + LOOK * PAGE);
	look_at_pages(pagemap, m, m->end - LOOK * PAGE, m->end);
}

/* The program's name; false if there is no such process. */
static bool look_at_name(int pid)
{
	char *text = read_text(path_of(pid, "comm"));

	if (!text)
		return false;
	snprintf(program, sizeof(program), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return true;
}

/* False if there is no such address space; *program says whether there is such a process. */
static bool look(int pid)
{
	char *maps, *next;
	int pagemap;

	read_frames(&frames);
	free(own);
	own = calloc(frames.nr + 1, 1);
	nr_mappings = nr_cells = nr_written = nr_own = 0;
	memset(counts, 0, sizeof(counts));
	*program = '\0';
	maps = look_at_name(pid) ? read_text(path_of(pid, "maps")) : NULL;
	pagemap = open(path_of(pid, "pagemap"), O_RDONLY | O_CLOEXEC);
	if (!own)
		die("no memory for %zu frames", frames.nr);
	for (char *line = maps; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		add_mapping(pagemap, line);
	}
	if (pagemap >= 0)
		close(pagemap);
	free(maps);
	return nr_mappings != 0;
}

#endif
