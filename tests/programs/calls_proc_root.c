/* SPDX-License-Identifier: MIT */
/* calls_proc_root: the files of /proc about the machine, parsed as procps, busybox and libc do. TAP. */
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "proc_read.h"

/* Linux's names in its order; ours are some of them. */
static const char *const meminfo_names[] = {
	"MemTotal",       "MemFree",         "MemAvailable",   "Buffers",
	"Cached",         "SwapCached",      "Active",         "Inactive",
	"Active(anon)",   "Inactive(anon)",  "Active(file)",   "Inactive(file)",
	"Unevictable",    "Mlocked",         "SwapTotal",      "SwapFree",
	"Zswap",          "Zswapped",        "Dirty",          "Writeback",
	"AnonPages",      "Mapped",          "Shmem",          "KReclaimable",
	"Slab",           "SReclaimable",    "SUnreclaim",     "KernelStack",
	"PageTables",     "SecPageTables",   "NFS_Unstable",   "Bounce",
	"WritebackTmp",   "CommitLimit",     "Committed_AS",   "VmallocTotal",
	"VmallocUsed",    "VmallocChunk",    "Percpu",         "HardwareCorrupted",
	"AnonHugePages",  "ShmemHugePages",  "ShmemPmdMapped", "FileHugePages",
	"FilePmdMapped",  "HugePages_Total", "HugePages_Free", "HugePages_Rsvd",
	"HugePages_Surp", "Hugepagesize",    "Hugetlb",        "DirectMap4k",
	"DirectMap2M",    "DirectMap1G",
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool in_kb(const char *name)
{
	const char *p = value(name);

	p += strspn(p, "0123456789");
	return !strncmp(p, " kB\n", 4);
}

static void meminfo(void)
{
	unsigned long total, before, after;
	struct sysinfo info;
	char *p;

	check(slurp("/proc/meminfo") > 0 && names_in_order(meminfo_names, COUNT(meminfo_names)),
	      "meminfo: Linux's names in Linux's order");
	check(!strncmp(text, "MemTotal:       ", 16) && text[24] == ' ' && text[27] == '\n',
	      "meminfo: numbers end in one column");
	sysinfo(&info);
	total = number("MemTotal");
	check(total == info.totalram / 1024 && number("SwapTotal") == info.totalswap / 1024,
	      "meminfo and sysinfo agree");
	check(number("MemFree") <= total && number("MemAvailable") <= total &&
		      in_kb("MemAvailable"),
	      "meminfo: MemFree and MemAvailable");
	check(number("Active") == number("Active(anon)") + number("Active(file)") &&
		      number("Inactive") == number("Inactive(anon)") + number("Inactive(file)"),
	      "meminfo: active and inactive add up");
	check(number("Slab") == number("SReclaimable") + number("SUnreclaim"),
	      "meminfo: slabs add up");
	before = number("AnonPages");
	p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		 -1, 0);
	slurp("/proc/meminfo");
	after = number("AnonPages");
	check(after >= before + (3 << 10) && after < before + (8 << 10),
	      "meminfo: 4 MiB more of AnonPages");
	munmap(p, 4 << 20);
	check(strstr(text, "\nHugePages_Total:       0\nHugePages_Free:        0\n"
			   "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
			   "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n") &&
		      strstr(text, "\nAnonHugePages: "),
	      "meminfo: no huge pages, and their size");
	before = number("Mlocked");
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
		 -1, 0);
	slurp("/proc/meminfo");
	after = number("Mlocked");
	munmap(p, 1 << 20);
	slurp("/proc/meminfo");
	check(after >= before + 512 && number("Mlocked") <= after - 512,
	      "meminfo: memory is Mlocked until it is unmapped");
}

static void vmstat(void)
{
	static const char *const some[] = { "nr_free_pages",   "nr_inactive_anon",
					    "nr_active_anon",  "nr_inactive_file",
					    "nr_active_file",  "nr_unevictable",
					    "nr_anon_pages",   "nr_mapped",
					    "nr_file_pages",   "nr_dirty",
					    "nr_writeback",    "nr_shmem",
					    "nr_kernel_stack", "nr_page_table_pages",
					    "nr_swapcached",   "pgpgin",
					    "pgpgout",         "pswpin",
					    "pswpout",         "pgfree",
					    "pgactivate",      "pgdeactivate",
					    "pglazyfree",      "pgfault",
					    "pgmajfault",      "pgsteal_kswapd",
					    "pgsteal_direct",  "pgscan_kswapd",
					    "pgscan_direct",   "oom_kill" };
	const char *at = text;
	bool ordered = true, numbers = true;

	slurp("/proc/vmstat");
	for (size_t i = 0; i < COUNT(some); i++) {
		at = value(some[i]);
		ordered &= *at && (i == 0 || at > value(some[i - 1]));
	}
	check(ordered, "vmstat: what tools read, in Linux's order");
	for (at = text; *at; at = strchr(at, '\n') + 1)
		numbers &= isdigit((unsigned char)at[strcspn(at, " ") + 1]) != 0;
	check(numbers, "vmstat: name, blank, number");
}

static unsigned long sum_of(const char *line, int count)
{
	unsigned long sum = 0;

	for (int i = 0; i < count; i++) {
		sum += strtoul(line, (char **)&line, 10);
	}
	return sum;
}

static void cpu_time(void)
{
	unsigned long forks, ctxt, user;
	struct timespec now, up;
	long btime;

	check(slurp("/proc/stat") > 0 && !strncmp(text, "cpu  ", 5), "stat begins with all CPUs");
	check(sum_of(text + 5, 10) > 0 && strstr(text, "\ncpu0 ") && *value("intr") &&
		      *value("procs_running"),
	      "ten times for each, then intr .. procs_running");
	check(number("procs_running") >= 1 && *value("procs_blocked"), "who reads runs");
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	btime = now.tv_sec - up.tv_sec;
	check(labs((long)number("btime") - btime) <= 1, "btime: when the machine started");
	forks = number("processes");
	ctxt = number("ctxt");
	user = strtoul(text + 5, NULL, 10);
	if (!fork())
		_exit(0);
	wait(NULL);
	slurp("/proc/stat");
	check(number("processes") > forks && number("ctxt") > ctxt, "processes and ctxt rise");
	check(strtoul(text + 5, NULL, 10) >= user, "times do not go back");
	slurp("/proc/uptime");
	check(labs(atol(text) - up.tv_sec) <= 1 && text[strcspn(text, ".") + 3] == ' ' &&
		      count_lines() == 1,
	      "uptime: two numbers with two decimals");
	slurp("/proc/loadavg");
	check(text[strcspn(text, ".") + 3] == ' ' && strchr(text, '/') &&
		      atoi(strrchr(text, ' ')) > 1,
	      "loadavg: three averages, running/all, last pid");
}

static void cpuinfo(void)
{
	static const char *const fields[] = { "processor",
					      "vendor_id",
					      "cpu family",
					      "model",
					      "model name",
					      "stepping",
					      "cpu MHz",
					      "cpu cores",
					      "fpu",
					      "cpuid level",
					      "wp",
					      "flags",
					      "bogomips",
					      "clflush size",
					      "cache_alignment",
					      "address sizes",
					      "power management" };
	const char *last = text, *flags;
	bool found = true;

	slurp("/proc/cpuinfo");
	for (size_t i = 0; i < COUNT(fields); i++) {
		char name[40];
		const char *at;

		snprintf(name, sizeof(name), "%s\t", fields[i]);
		at = strstr(last, name);
		if (!at)
			snprintf(name, sizeof(name), "%s:", fields[i]), at = strstr(last, name);
		found &= at != NULL;
		last = at ? at : last;
	}
	check(found, "cpuinfo: Linux's fields in Linux's order");
	flags = strstr(text, "\nflags\t\t: fpu ");
	check(flags && strstr(flags, " sse2 ") && strstr(flags, " lm ") &&
		      strstr(flags, " syscall "),
	      "cpuinfo: flags by name");
	check(strstr(text, "power management:\n\n"), "cpuinfo: a blank line ends a CPU");
	check(sysconf(_SC_NPROCESSORS_ONLN) >= 1, "libc can count the CPUs");
}

static void zones(void)
{
	unsigned long blocks = 0;
	char name[16];
	int n = 0;

	slurp("/proc/buddyinfo");
	check(sscanf(text, "Node 0, zone %15s %n", name, &n) == 1 && !strcmp(name, "DMA"),
	      "buddyinfo: node and zone");
	blocks = sum_of(text + n, 11);
	check(blocks > 0 && text[strcspn(text, "\n") - 1] == ' ', "buddyinfo: eleven orders");
	slurp("/proc/zoneinfo");
	check(!strncmp(text, "Node 0, zone      DMA\n", 22), "zoneinfo: likewise");
	check(strstr(text, "\n  pages free     ") && strstr(text, "\n        min      ") &&
		      strstr(text, "\n        managed  ") &&
		      strstr(text, "\n  start_pfn:           "),
	      "zoneinfo: pages, marks, sizes");
	slurp("/proc/slabinfo");
	check(!strncmp(text, "slabinfo - version: 2.1\n# name            <active_objs>", 55),
	      "slabinfo: version and heading");
	check(strstr(text, " : tunables    0    0    0 : slabdata "),
	      "slabinfo: a line for each cache");
}

static void disks(void)
{
	unsigned int major, minor;
	unsigned long long blocks;
	char name[32], *line;

	slurp("/proc/partitions");
	check(!strncmp(text, "major minor  #blocks  name\n\n", 28) &&
		      sscanf(text + 28, "%u %u %llu %31s", &major, &minor, &blocks, name) == 4 &&
		      blocks > 1000,
	      "partitions: a heading, then disks");
	slurp("/proc/diskstats");
	line = strstr(text, name);
	check(line && sum_of(line + strlen(name), 17) > 100, "diskstats: 17 numbers");
	slurp("/proc/devices");
	line = strstr(text, "\nBlock devices:\n");
	check(!strncmp(text, "Character devices:\n  1 mem\n", 27) && line &&
		      strtoul(line + 16, NULL, 10) > 0,
	      "devices: two lists");
	slurp("/proc/swaps");
	check(!strncmp(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", 39),
	      "swaps: the heading");
	slurp("/proc/filesystems");
	check(strstr(text, "nodev\tproc\n") && strstr(text, "\text2\n"),
	      "filesystems: nodev, or a disk's");
}

/* Of all processes, kernel threads among them. */
static void everything(void)
{
	static const char *const files[] = { "auxv", "cmdline", "comm", "environ", "limits", "maps",
		"mountinfo", "mounts", "oom_score_adj", "personality", "stat", "statm", "status", "wchan" };
	static const char *const links[] = { "cwd", "exe", "root" };
	struct dirent *entry;
	int bad = 0, threads = 0;
	DIR *proc = opendir("/proc");
	char path[512], c;

	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		for (size_t i = 0; i < COUNT(files); i++)
			bad += slurpf("/proc/%s/%s", entry->d_name, files[i]) < 0 && errno != ENOENT;
		for (size_t i = 0; i < COUNT(links); i++) {
			snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, links[i]);
			if (readlink(path, &c, 1) < 0)
				threads += !strcmp(links[i], "exe") && errno == ENOENT;
		}
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		closedir(opendir(path));
	}
	closedir(proc);
	check(!bad, "every file of every process can be read");
	check(threads > 2, "kernel threads have no program: ENOENT");
}

static void names(void)
{
	struct utsname uts;
	char want[256];

	uname(&uts);
	slurp("/proc/version");
	snprintf(want, sizeof(want), "Linux version %s (", uts.release);
	check(!strncmp(text, want, strlen(want)) && strstr(text, uts.version),
	      "version: as uname says");
	slurp("/proc/cmdline");
	check(count_lines() == 1, "cmdline: a line");
	slurp("/proc/kallsyms");
	check(text[16] == ' ' && isalpha((unsigned char)text[17]) && text[18] == ' ' &&
		      strstr(text, " handle_mm_fault\n"),
	      "kallsyms: address, kind, name");
	check(put("/proc/meminfo", "x") == -EIO, "write to what only shows: EIO");
	check(open("/proc/nothing", O_CREAT | O_WRONLY, 0600) == -1 && errno == ENOENT,
	      "no file can be made: ENOENT");
	check(mkdir("/proc/x", 0700) == -1 && errno == ENOENT, "nor a directory");
	check(unlink("/proc/version") == -1 && errno == EPERM, "nor removed: EPERM");
}

int main(void)
{
	meminfo();
	vmstat();
	cpu_time();
	cpuinfo();
	zones();
	disks();
	everything();
	names();
	return checks_done();
}
