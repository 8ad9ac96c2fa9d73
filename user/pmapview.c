/* SPDX-License-Identifier: MIT */
/*
 * pmapview - the address space of a process, and the frames of the machine, a character a page.
 *
 *	pmapview [-d SECONDS] [-n COUNT] [-b] [-f] [-w] PID|self...
 *
 * What you see: each mapping of /proc/PID/maps with one character for each of its pages: promised
 * only, the page of zeroes, anonymous, of a file, shared (capitals), swapped out. Rows that repeat
 * are folded, and so are the gaps between mappings. `f` (-f) shows the frames instead, those of the
 * process reversed (@ without colour); `w` (-w) marks the pages that were written since `c` last
 * made the kernel forget. Arrows, PgUp, PgDn, Home and End scroll, + and - zoom the frames, Tab goes
 * to the next process, `q` ends it; -b writes plain text, once unless -n says how often.
 *
 * Served by: /proc/PID/maps, pagemap and clear_refs; /proc/kpageflags and kpagecount, root's alone.
 */
#include "addrspace.h"

#define BATCH_ROWS 32
#define PREFIX 15 /* columns before a row's cells */

/* A line of the view: a text, or `nr` cells from `cell` on, or how many are like the row above. */
struct row {
	unsigned long number; /* address, or frame */
	size_t cell, nr, same;
	char text[120];
};

static struct row *rows;
static size_t nr_rows;

static int *pids, nr_pids, current;
static char note[160];
static bool show_frames, show_written;
static size_t group = 1, first; /* frames a character; the row on top */
static int zoom;
static double delay = 1;

/* --- rows --- */
static struct row *add_row(void)
{
	rows = grow(rows, nr_rows, sizeof(*rows));
	rows[nr_rows] = (struct row){ 0 };
	return &rows[nr_rows++];
}

static size_t across(void)
{
	size_t n = 8;

	while (PREFIX + 2 * n <= (size_t)screen.columns && n < 256)
		n *= 2;
	return n;
}

/* How many of the cells from here on are like the first. */
static size_t run(size_t cell, size_t nr)
{
	size_t n = 1;

	while (n < nr && cells[cell + n] == cells[cell])
		n++;
	return n;
}

/* Three rows of one kind, or more, become one of them and a line that counts the others. */
static void add_cells(unsigned long number, unsigned long step, size_t cell, size_t nr)
{
	size_t width = across();

	while (nr) {
		size_t n = nr < width ? nr : width, same = run(cell, nr) / width * width;
		struct row *row = add_row();

		*row = (struct row){ .number = number, .cell = cell, .nr = n };
		if (same >= 3 * width) {
			row = add_row();
			row->same = same - width;
			n = same;
		}
		number += n * step;
		cell += n;
		nr -= n;
	}
}

static void add_gap(unsigned long bytes, const char *what)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024;
	int unit = 0;

	while (size >= 1024 && unit < 3) {
		size /= 1024;
		unit++;
	}
	snprintf(add_row()->text, sizeof(rows->text), "%*s~ %.4g %s %s ~", PREFIX, "", size,
		 units[unit], what);
}

static void make_space_rows(void)
{
	unsigned long end = 0;

	for (const struct mapping *m = mappings; m < mappings + nr_mappings; m++) {
		size_t pages = (m->end - m->start) / PAGE, head = m->unseen ? LOOK : pages;

		if (m->start > end)
			add_gap(m->start - end, "of nothing");
		end = m->end;
		snprintf(add_row()->text, sizeof(rows->text),
			 "%lx-%lx %s %zu page%s, %zu present%s%s", m->start, m->end, m->perms,
			 pages, pages == 1 ? "" : "s", m->present, *m->name ? "  " : "", m->name);
		add_cells(m->start, PAGE, m->cell, head);
		if (!m->unseen)
			continue;
		add_gap(m->unseen * PAGE, "not looked at");
		add_cells(m->end - LOOK * PAGE, PAGE, m->cell + LOOK, LOOK);
	}
}

/* The most frequent kind of a group of frames, marked if the process maps any of them. */
static unsigned char group_cell(size_t frame)
{
	size_t n[KINDS] = { 0 }, best = frame_kind(&frames, frame), mine = 0;

	for (size_t f = frame; f < frame + group && f < frames.nr; f++) {
		enum kind kind = frame_kind(&frames, f);

		counts[kind]++;
		n[kind]++;
		mine += own[f];
	}
	for (size_t kind = 0; kind < KINDS; kind++)
		best = n[kind] > n[best] ? kind : best;
	return (unsigned char)(best | (mine ? MARK : 0));
}

/* All frames fit in the window as long as nobody zooms. */
static void make_frame_rows(size_t lines)
{
	for (group = 1; group * across() * lines < frames.nr;)
		group *= 2;
	for (int i = 0; i < zoom && group > 1; i++)
		group /= 2;
	for (int i = 0; i > zoom && group < frames.nr; i--)
		group *= 2;
	nr_cells = 0;
	memset(counts, 0, sizeof(counts));
	for (size_t frame = 0; frame < frames.nr; frame += group) {
		cells = grow(cells, nr_cells, 1);
		cells[nr_cells++] = group_cell(frame);
	}
	for (size_t i = 0, width = across(); i < nr_cells; i += width) {
		size_t n = nr_cells - i < width ? nr_cells - i : width;

		*add_row() = (struct row){ .number = i * group, .cell = i, .nr = n };
	}
}

/* --- the picture --- */
static void show_run(unsigned char cell, size_t nr)
{
	enum kind kind = cell & ~MARK;
	char text[256 + 1], style[16], c = kinds[kind].character;
	const char *colour = kinds[kind].style;

	snprintf(style, sizeof(style), "%s", colour ? colour : "0");
	if (cell & MARK && show_frames) {
		snprintf(style, sizeof(style), "7;%s", colour ? colour : "0");
		c = screen.colour ? c : '@';
	} else if (cell & MARK && show_written) {
		snprintf(style, sizeof(style), "1;31");
		c = '*';
	}
	memset(text, c, nr);
	put(style, "%.*s", (int)nr, text);
}

static void show_row(const struct row *row)
{
	if (*row->text) {
		put(row->text[0] == ' ' ? "2" : "1", "%s", row->text);
	} else if (row->same) {
		put("2", "%*s  and %zu more like these", PREFIX - 2, "", row->same);
	} else {
		put("2", "  %12lx ", row->number);
		for (size_t i = 0, n; i < row->nr; i += n) {
			n = run(row->cell + i, row->nr - i);
			show_run(cells[row->cell + i], n);
		}
	}
	next_line();
}

static void show_head(void)
{
	size_t pages = 0;

	put("1", "pmapview  %d %s  ", pids[current], program);
	if (show_frames) {
		put(NULL, "%zu frames, %zu a character; %zu of this process (%s)", frames.nr, group,
		    nr_own, screen.colour ? "reversed" : "@");
	} else {
		for (int kind = 0; kind <= SPECIAL; kind++)
			pages += counts[kind];
		put(NULL, "%zu pages in %zu mappings, a character each", pages, nr_mappings);
		if (show_written)
			put("1;31", "; %zu written (*)", nr_written);
	}
	next_line();
}

static int legend_lines(void)
{
	int a_line = screen.columns / 26 ? screen.columns / 26 : 1;

	if (screen.live && screen.rows < 16)
		return 0;
	return ((show_frames ? KINDS - 2 : SPECIAL + 1) + a_line - 1) / a_line;
}

static void show_legend(void)
{
	int a_line = screen.columns / 26 ? screen.columns / 26 : 1, n = 0;

	if (!legend_lines())
		return;
	for (int kind = show_frames ? ZERO : 0; kind < (show_frames ? KINDS : SPECIAL + 1);
	     kind++) {
		put(kinds[kind].style, "%c", kinds[kind].character);
		put(NULL, "%8zu %-16s", counts[kind], kinds[kind].name);
		if (++n % a_line == 0)
			next_line();
	}
	if (n % a_line)
		next_line();
}

static void show_keys(size_t last)
{
	put("7", "%s",
	    *note ? note : "arrows PgUp PgDn  f frames  w written  c forget  + -  Tab  q");
	put("7", "  %zu-%zu of %zu", first + 1, last, nr_rows);
	*note = '\0';
}

static void show(void)
{
	long lines = screen.live ? screen.rows - 2 - legend_lines() : BATCH_ROWS;
	size_t fit = lines > 1 ? (size_t)lines : 1, last;

	nr_rows = 0;
	if (show_frames)
		make_frame_rows(fit);
	else
		make_space_rows();
	if (!screen.live)
		fit = nr_rows;
	first = first + fit <= nr_rows ? first : nr_rows > fit ? nr_rows - fit : 0;
	last = first + fit < nr_rows ? first + fit : nr_rows;
	show_head();
	show_legend();
	for (size_t i = first; i < last; i++)
		show_row(&rows[i]);
	for (size_t i = last - first; screen.live && i < fit; i++)
		next_line();
	if (screen.live)
		show_keys(last);
	else
		next_line();
	screen_show();
}

/* --- time and keys --- */
/* Looks until a process is there; the program ends with the last of them. */
static void look_or_end(void)
{
	while (!look(pids[current])) {
		snprintf(note, sizeof(note),
			 *program ? "process %d (%s) has no address space" :
				    "process %d has ended, or never was",
			 pids[current], program);
		memmove(pids + current, pids + current + 1,
			(size_t)(nr_pids - current - 1) * sizeof(*pids));
		if (!--nr_pids)
			die("%s", note);
		current %= nr_pids;
	}
}

static void forget_written(void)
{
	const char *path = path_of(pids[current], "clear_refs");
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "4", 1) != 1)
		snprintf(note, sizeof(note), "%s: %m", path);
	if (fd >= 0)
		close(fd);
}

static void scroll(long by)
{
	first = by < 0 && (size_t)-by > first ? 0 : first + (size_t)by;
}

/* False for the key that ends the program. */
static bool serve(int key)
{
	long page = screen.rows - 3 - legend_lines();

	page = page > 1 ? page : 1;
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'f':
		show_frames = !show_frames;
		first = 0;
		break;
	case 'w':
		show_written = !show_written;
		break;
	case 'c':
		forget_written();
		break;
	case '\t':
		current = (current + 1) % nr_pids;
		first = 0;
		break;
	case '+':
	case '-':
		zoom += key == '+' ? 1 : -1;
		break;
	case KEY_UP:
	case KEY_DOWN:
		scroll(key == KEY_UP ? -1 : 1);
		break;
	case KEY_PAGE_UP:
	case KEY_PAGE_DOWN:
		scroll(key == KEY_PAGE_UP ? -page : page);
		break;
	case KEY_HOME:
		first = 0;
		break;
	case KEY_END:
		first = nr_rows;
		break;
	}
	return true;
}

/* Until the next look is due. False if the user had enough. */
static bool wait_and_serve(void)
{
	double end = uptime() + delay, left;

	while ((left = end - uptime()) > 0) {
		int key = screen_key(left);

		if (!serve(key))
			return false;
		if (key == 'f' || key == 'c' || key == '\t')
			look_or_end();
		if (key != KEY_NONE)
			show();
	}
	return true;
}

static long parse_options(int argc, char **argv, bool *batch)
{
	long count = 0;
	int option;

	while ((option = getopt(argc, argv, "d:n:bfw")) != -1)
		if (option == 'd')
			delay = positive("-d", optarg);
		else if (option == 'n')
			count = (long)(positive("-n", optarg) + 0.999);
		else if (option == 'b')
			*batch = true;
		else if (option == 'f')
			show_frames = true;
		else if (option == 'w')
			show_written = true;
		else
			optind = argc + 1;
	if (optind >= argc) {
		fprintf(stderr,
			"usage: pmapview [-d SECONDS] [-n COUNT] [-b] [-f] [-w] PID|self...\n");
		exit(2);
	}
	return count;
}

int main(int argc, char **argv)
{
	bool batch = false;
	long count = parse_options(argc, argv, &batch);

	pids = calloc((size_t)argc, sizeof(*pids));
	if (!pids)
		die("no memory for %d processes", argc);
	for (int i = optind; i < argc; i++) {
		char *end;
		long pid = strtol(argv[i], &end, 10);

		if (!strcmp(argv[i], "self"))
			pid = getpid();
		else if (end == argv[i] || *end || pid <= 0 || pid > INT32_MAX)
			die("\"%s\" is no process number", argv[i]);
		pids[nr_pids++] = (int)pid;
	}
	look_or_end();
	screen_open(batch);
	if (!count)
		count = screen.live ? -1 : 1;
	show();
	for (long n = 1; n != count && wait_and_serve(); n++) {
		look_or_end();
		show();
	}
	return 0;
}
