/* SPDX-License-Identifier: MIT */
/*
 * vmstat - tasks, memory, swapping, the disk and the CPUs, a line each DELAY seconds.
 *
 *	vmstat [DELAY [COUNT]]
 *
 * What you see: the columns of vmstat(8), which busybox lacks. Memory is in KiB, swapping (si, so)
 * and the disk (bi, bo) in KiB a second, interrupts and switches a second, the CPUs in percent. The
 * first line counts from power-on, the others since the line before.
 *
 * Served by: /proc/stat, /proc/meminfo, /proc/vmstat, /proc/uptime.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_A_PAGE 22

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, CPU_TIMES };

/* What only grows, and is shown as a rate. */
struct counters {
	double seconds;
	unsigned long cpu[CPU_TIMES], interrupts, switches, in, out, swap_in, swap_out;
};

struct now {
	struct counters total;
	unsigned long running, blocked, swap_total, swap_free, free, buffers, cached, slab;
};

/* Reads lines "NAME VALUE ..." or "NAME: VALUE ..." of a file of /proc; ends the program without it. */
static void each_line(const char *path,
		      void (*take)(struct now *now, const char *name, const char *value),
		      struct now *now)
{
	FILE *f = fopen(path, "r");
	char line[1024], *value;

	if (!f) {
		fprintf(stderr, "vmstat: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		value = line + strcspn(line, " :");
		if (*value)
			*value++ = '\0';
		take(now, line, value);
	}
	fclose(f);
}

/* Stores the value where the name is one of a table's. */
struct place {
	const char *name;
	unsigned long *to;
};

static void store(const struct place *places, const char *name, const char *value)
{
	for (; places->name; places++)
		if (!strcmp(places->name, name))
			*places->to = strtoul(value, NULL, 10);
}

static void take_stat(struct now *now, const char *name, const char *value)
{
	struct place places[] = { { "intr", &now->total.interrupts },
				  { "ctxt", &now->total.switches },
				  { "procs_running", &now->running },
				  { "procs_blocked", &now->blocked },
				  { NULL, NULL } };
	char *next = (char *)value;

	if (!strcmp(name, "cpu"))
		for (int i = 0; i < CPU_TIMES; i++)
			now->total.cpu[i] = strtoul(next, &next, 10);
	store(places, name, value);
}

static void take_meminfo(struct now *now, const char *name, const char *value)
{
	struct place places[] = { { "SwapTotal", &now->swap_total },
				  { "SwapFree", &now->swap_free },
				  { "MemFree", &now->free },
				  { "Buffers", &now->buffers },
				  { "Cached", &now->cached },
				  { "SReclaimable", &now->slab },
				  { NULL, NULL } };

	store(places, name, value);
}

static void take_vmstat(struct now *now, const char *name, const char *value)
{
	struct place places[] = { { "pgpgin", &now->total.in },
				  { "pgpgout", &now->total.out },
				  { "pswpin", &now->total.swap_in },
				  { "pswpout", &now->total.swap_out },
				  { NULL, NULL } };

	store(places, name, value);
}

static void take_uptime(struct now *now, const char *name, const char *value)
{
	(void)value;
	now->total.seconds = strtod(name, NULL);
}

static struct now look(void)
{
	struct now now = { 0 };

	each_line("/proc/stat", take_stat, &now);
	each_line("/proc/meminfo", take_meminfo, &now);
	each_line("/proc/vmstat", take_vmstat, &now);
	each_line("/proc/uptime", take_uptime, &now);
	return now;
}

static void show(const struct now *now, const struct counters *last)
{
	const struct counters *total = &now->total;
	double seconds = total->seconds - last->seconds;
	unsigned long cpu[CPU_TIMES], all = 0;

#define RATE(field) ((unsigned long)((double)(total->field - last->field) / seconds + 0.5))
	if (seconds <= 0)
		seconds = 0.01;
	for (int i = 0; i < CPU_TIMES; i++)
		all += cpu[i] = total->cpu[i] - last->cpu[i];
#define PERCENT(ticks) (all ? ((ticks)*100 + all / 2) / all : 0)
	printf("%2lu %2lu %6lu %6lu %6lu %6lu ", now->running, now->blocked,
	       now->swap_total - now->swap_free, now->free, now->buffers, now->cached + now->slab);
	printf("%4lu %4lu %5lu %5lu %4lu %4lu ", 4 * RATE(swap_in), 4 * RATE(swap_out), RATE(in),
	       RATE(out), RATE(interrupts), RATE(switches));
	printf("%2lu %2lu %2lu %2lu %2lu\n", PERCENT(cpu[USER] + cpu[NICE]),
	       PERCENT(cpu[SYSTEM] + cpu[IRQ] + cpu[SOFTIRQ]), PERCENT(cpu[IDLE]),
	       PERCENT(cpu[IOWAIT]), PERCENT(cpu[STEAL]));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long delay = argc > 1 ? atol(argv[1]) : 0, count = argc > 2 ? atol(argv[2]) :
							   argc > 1 ? -1 :
								      1;
	struct counters last = { 0 };

	if (argc > 3 || (argc > 1 && delay <= 0) || (argc > 2 && count <= 0)) {
		fprintf(stderr, "usage: vmstat [DELAY [COUNT]], seconds and lines, each above 0\n");
		return 2;
	}
	for (long line = 0; line != count; line++) {
		struct now now;

		if (line)
			sleep((unsigned int)delay);
		if (line % LINES_A_PAGE == 0)
			puts("procs -----------memory---------- ---swap-- -----io---- -system-- "
			     "------cpu-----\n"
			     " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy "
			     "id wa st");
		now = look();
		show(&now, &last);
		last = now.total;
	}
	return 0;
}
