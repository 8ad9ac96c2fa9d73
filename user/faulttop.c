/* SPDX-License-Identifier: MIT */
/*
 * faulttop - page faults as they happen: by kind and by process, with memory, swap and reclaim.
 *
 *	faulttop [-d SECONDS] [-n COUNT] [-b]
 *
 * What you see: faults a second for each door of the fault path, with its total since power-on;
 * what memory and swap hold; the lists that reclaim works on, and how many frames a second it
 * looks at and takes; then the processes, those that fault most first, and in the last row what none
 * of them had (they ended, or it fell between two looks). The first picture counts
 * from power-on, the others since the picture before. `q` ends it; -b writes plain text, also
 * without a terminal.
 *
 * Served by: /proc/vmstat, /proc/meminfo, /proc/PID/stat, /proc/PID/status. A kernel that does not
 * count a kind of fault has no line for it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen.h"

#define PAGE_KIB 4
#define KINDS 14

/* Names after "fault_", in the order of /proc/vmstat. */
static const char *const kinds[KINDS] = {
	"anon_zero", "anon_write", "read",      "around",   "cow",        "shared", "swap",
	"wp_reuse",  "wp_copy",    "wp_shared", "spurious", "stack_grow", "fixup",  "vmalloc",
};

struct process {
	int pid;
	unsigned long long started; /* tells one from a later process of the same number */
	unsigned long minor, major, rss, swap; /* faults so far; KiB */
	double minor_rate, major_rate;
	bool user; /* has memory of its own */
	char name[32];
};

/* One look at everything. */
struct look {
	double seconds; /* since power-on */
	char *vmstat, *meminfo;
	struct process *processes;
	size_t nr;
};

/* The number behind a name at the start of a line, -1 if there is no such line. */
static long number(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, len) && strchr(": \t", text[len]) && text[len])
			return strtol(text + len + 1, NULL, 10);
	}
	return -1;
}

/* Fields 10, 12, 22, 23 and 24 of proc(5); the name before them may hold any character. */
static bool parse_stat(struct process *p, char *text)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')');
	unsigned long vsize;
	long rss;

	if (!name || !end)
		return false;
	*end = '\0';
	snprintf(p->name, sizeof(p->name), "%s", name + 1);
	if (sscanf(end + 2,
		   "%*c %*d %*d %*d %*d %*d %*u %lu %*u %lu %*u %*u %*u %*d %*d %*d %*d "
		   "%*d %*d %llu %lu %ld",
		   &p->minor, &p->major, &p->started, &vsize, &rss) != 5)
		return false;
	p->user = vsize != 0;
	p->rss = (unsigned long)rss * PAGE_KIB;
	return true;
}

/* False if the process ended before it was looked at. */
static bool look_at_process(struct process *p, int pid)
{
	char path[64], *text;
	bool there;
	long swap;

	*p = (struct process){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = read_text(path);
	there = text && parse_stat(p, text);
	free(text);
	if (!there || !p->user)
		return there;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	text = read_text(path);
	swap = text ? number(text, "VmSwap") : 0;
	p->swap = swap > 0 ? (unsigned long)swap : 0;
	free(text);
	return true;
}

static void look_at_processes(struct look *now)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0)
			continue;
		now->processes = grow(now->processes, now->nr, sizeof(*now->processes));
		now->nr += look_at_process(&now->processes[now->nr], pid);
	}
	if (proc)
		closedir(proc);
}

static struct look look(void)
{
	struct look now = { 0 };

	now.vmstat = read_text("/proc/vmstat");
	now.meminfo = read_text("/proc/meminfo");
	if (!now.vmstat || !now.meminfo)
		die("/proc/%s: %m (is /proc mounted?)", now.vmstat ? "meminfo" : "vmstat");
	now.seconds = uptime();
	look_at_processes(&now);
	return now;
}

static void forget(struct look *look)
{
	free(look->vmstat);
	free(look->meminfo);
	free(look->processes);
	*look = (struct look){ 0 };
}

static double span(const struct look *now, const struct look *last)
{
	double seconds = now->seconds - last->seconds;

	return seconds > 0.001 ? seconds : 0.001;
}

/* Growth of a counter of /proc/vmstat a second; `last` may be nothing, which is power-on. */
static double rate(const struct look *now, const struct look *last, const char *name)
{
	long n = number(now->vmstat, name), before = last->vmstat ? number(last->vmstat, name) : 0;

	return n > before ? (double)(n - before) / span(now, last) : 0;
}

static const struct process *find(const struct look *look, const struct process *p)
{
	for (size_t i = 0; i < look->nr; i++)
		if (look->processes[i].pid == p->pid && look->processes[i].started == p->started)
			return &look->processes[i];
	return NULL;
}

static int by_rate(const void *a, const void *b)
{
	const struct process *p = a, *q = b;
	double x = p->minor_rate + p->major_rate, y = q->minor_rate + q->major_rate;

	if (x != y)
		return x < y ? 1 : -1;
	if (p->rss != q->rss)
		return p->rss < q->rss ? 1 : -1;
	return p->pid - q->pid;
}

static void rate_processes(struct look *now, const struct look *last)
{
	double seconds = span(now, last);

	for (size_t i = 0; i < now->nr; i++) {
		struct process *p = &now->processes[i];
		const struct process *then = find(last, p);

		p->minor_rate = (double)(p->minor - (then ? then->minor : 0)) / seconds;
		p->major_rate = (double)(p->major - (then ? then->major : 0)) / seconds;
	}
	if (now->nr)
		qsort(now->processes, now->nr, sizeof(*now->processes), by_rate);
}

/* --- the picture --- */
static void show_head(const struct look *now, const struct look *last)
{
	double major = rate(now, last, "pgmajfault");

	put("1", "faulttop");
	put(NULL, "  up %.1f s, %s %.2f s:", now->seconds,
	    last->vmstat ? "over the last" : "since power-on,", span(now, last));
	put("1", " %.1f faults/s", rate(now, last, "pgfault"));
	put(NULL, ", of them ");
	put(major > 0 ? "1;31" : "1", "%.1f major", major);
	next_line();
}

static int bar_width(int others)
{
	return screen.columns - others > 12 ? screen.columns - others - 2 : 10;
}

static void show_memory(const struct look *now)
{
	long total = number(now->meminfo, "MemTotal"), free = number(now->meminfo, "MemFree"),
	     swap = number(now->meminfo, "SwapTotal"), unused = number(now->meminfo, "SwapFree");

	put(NULL, "memory %8ld of %8ld KiB in use ", total - free, total);
	put_bar("32", bar_width(37), (double)(total - free), (double)total);
	next_line();
	put(NULL, "swap   %8ld of %8ld KiB in use ", swap - unused, swap);
	put_bar("31", bar_width(37), (double)(swap - unused), (double)swap);
	next_line();
}

/* One kind of list: how much of it is active, how much waits at the end where reclaim takes. */
static void show_list(const struct look *now, const char *kind)
{
	char active[32], inactive[32];
	long a, i;

	snprintf(active, sizeof(active), "Active(%s)", kind);
	snprintf(inactive, sizeof(inactive), "Inactive(%s)", kind);
	a = number(now->meminfo, active);
	i = number(now->meminfo, inactive);
	put(NULL, "%s  active %8ld inactive %8ld KiB ", kind, a, i);
	put_bar("36", bar_width(43), (double)a, (double)(a + i));
	next_line();
}

static void show_reclaim(const struct look *now, const struct look *last)
{
	put(NULL, "reclaim/s  scanned %.1f by kswapd %.1f by who needs;",
	    rate(now, last, "pgscan_kswapd"), rate(now, last, "pgscan_direct"));
	put(NULL, " taken %.1f and %.1f;", rate(now, last, "pgsteal_kswapd"),
	    rate(now, last, "pgsteal_direct"));
	next_line();
	put(NULL, "swap/s     in %.1f out %.1f pages", rate(now, last, "pswpin"),
	    rate(now, last, "pswpout"));
	next_line();
}

static void show_kind(const struct look *now, const struct look *last, int kind, int width)
{
	double all = rate(now, last, "pgfault"), one;
	char name[32];

	snprintf(name, sizeof(name), "fault_%s", kinds[kind]);
	one = rate(now, last, name);
	put(one > 0 ? "1" : "2", "%-10s %9.1f/s %9ld ", kinds[kind], one,
	    number(now->vmstat, name));
	put_bar("33", width - 33, one, all);
}

static void show_kinds(const struct look *now, const struct look *last)
{
	int width = screen.columns < 76 ? screen.columns : (screen.columns - 2) / 2;

	if (number(now->vmstat, "fault_anon_zero") < 0)
		return; /* Linux counts no kinds */
	next_line();
	for (int i = 0; i < KINDS; i++) {
		show_kind(now, last, i, width);
		if (screen.columns >= 76 && i % 2 == 0)
			put(NULL, "  ");
		else
			next_line();
	}
}

static void show_processes(const struct look *now, const struct look *last)
{
	double others = rate(now, last, "pgfault");

	next_line();
	put("7", "%7s %10s %9s %9s %9s %9s  %-19s", "PID", "FAULTS/s", "MAJOR/s", "FAULTS", "RSS",
	    "SWAP", "PROGRAM");
	next_line();
	for (size_t i = 0; i < now->nr; i++) {
		const struct process *p = &now->processes[i];
		double all = p->minor_rate + p->major_rate;

		others -= all;
		if (!p->user && all <= 0)
			continue;
		put(p->major_rate > 0 ? "1;31" :
		    all > 0           ? "1" :
					NULL,
		    "%7d %10.1f %9.1f %9lu %8luK %8luK  %s", p->pid, all, p->major_rate,
		    p->minor + p->major, p->rss, p->swap, p->name);
		next_line();
	}
	if (others * span(now, last) >= 1) {
		put(NULL, "%7s %10.1f %9s %9s %9s %9s  %s", "-", others, "", "", "", "",
		    "(none of these)");
		next_line();
	}
}

static void show(const struct look *now, const struct look *last)
{
	show_head(now, last);
	show_memory(now);
	show_list(now, "anon");
	show_list(now, "file");
	show_reclaim(now, last);
	show_kinds(now, last);
	show_processes(now, last);
	if (!screen.live)
		next_line();
	screen_show();
}

/* Until the next picture is due. False if the user had enough. */
static bool wait_and_serve(const struct look *now, const struct look *last, double delay)
{
	double left;

	while ((left = now->seconds + delay - uptime()) > 0) {
		int key = screen_key(left);

		if (key == 'q' || key == 'Q')
			return false;
		if (key == ' ')
			break;
		if (key == KEY_RESIZE)
			show(now, last);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct look now = { 0 }, last = { 0 };
	double delay = 1;
	long count = -1;
	bool batch = false;
	int option;

	while ((option = getopt(argc, argv, "d:n:b")) != -1)
		if (option == 'd') {
			delay = positive("-d", optarg);
		} else if (option == 'n') {
			count = (long)(positive("-n", optarg) + 0.999);
		} else if (option == 'b') {
			batch = true;
		} else {
			fprintf(stderr, "usage: faulttop [-d SECONDS] [-n COUNT] [-b]\n");
			return 2;
		}
	if (argc > optind)
		die("what is \"%s\"? Options are -d SECONDS, -n COUNT and -b", argv[optind]);
	screen_open(batch);
	for (long n = 0; n != count; n++) {
		if (n && !wait_and_serve(&now, &last, delay))
			break;
		forget(&last);
		last = now;
		now = look();
		rate_processes(&now, &last);
		show(&now, &last);
	}
	return 0;
}
