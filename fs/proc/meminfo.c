/* SPDX-License-Identifier: MIT */
/* /proc/meminfo, vmstat, buddyinfo, zoneinfo, slabinfo, swaps, mm_audit: memory in numbers. */
#include "fs/proc/proc.h"
#include "kernel/core/block.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/audit.h"
#include "mm/backing/swap.h"
#include "mm/frame/buddy.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/stats.h"

static void show_pages(struct seq_buf *m, const char *name, unsigned long pages)
{
	size_t line = m->len;

	seq_printf(m, "%s:", name);
	seq_pad(m, line, 16);
	seq_printf(m, "%8lu kB\n", pages << (PAGE_SHIFT - 10));
}

static void add_buffers(struct block_device *bdev, void *arg)
{
	*(unsigned long *)arg += READ_ONCE(bdev->mapping.nrpages);
}

/* Slabs that can be given back: the caches of names and files, and the trees of page caches. */
static void add_reclaimable(const struct slab_stat *stat, void *arg)
{
	static const char *const names[] = { "dentry", "ext2_inode", "pseudo_inode", "xa_node" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(stat->name, names[i]))
			*(unsigned long *)arg += stat->slabs * stat->pages_per_slab;
}

static unsigned long less(unsigned long a, unsigned long b)
{
	return a > b ? a - b : 0;
}

static void show_lists(struct seq_buf *m)
{
	show_pages(m, "Active", node_stat(N_nr_active_anon) + node_stat(N_nr_active_file));
	show_pages(m, "Inactive", node_stat(N_nr_inactive_anon) + node_stat(N_nr_inactive_file));
	show_pages(m, "Active(anon)", node_stat(N_nr_active_anon));
	show_pages(m, "Inactive(anon)", node_stat(N_nr_inactive_anon));
	show_pages(m, "Active(file)", node_stat(N_nr_active_file));
	show_pages(m, "Inactive(file)", node_stat(N_nr_inactive_file));
	show_pages(m, "Unevictable", node_stat(N_nr_unevictable));
	show_pages(m, "Mlocked",
		   less(vm_event_sum(VM_unevictable_pgs_mlocked),
			vm_event_sum(VM_unevictable_pgs_munlocked)));
}

static void show_kernel_memory(struct seq_buf *m, unsigned long reclaimable)
{
	show_pages(m, "KReclaimable", reclaimable);
	show_pages(m, "Slab", nr_slab_pages());
	show_pages(m, "SReclaimable", reclaimable);
	show_pages(m, "SUnreclaim", less(nr_slab_pages(), reclaimable));
	show_pages(m, "KernelStack", node_stat(N_nr_kernel_stack));
	show_pages(m, "PageTables", node_stat(N_nr_page_table_pages));
}

/* There are none, and there is no way to have some; but programs ask how large one would be. */
static void show_huge_pages(struct seq_buf *m)
{
	static const char *const sizes[] = { "AnonHugePages", "ShmemHugePages", "ShmemPmdMapped",
					     "FileHugePages", "FilePmdMapped" };
	static const char *const counts[] = { "Total", "Free", "Rsvd", "Surp" };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		show_pages(m, sizes[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t line = m->len;

		seq_printf(m, "HugePages_%s:", counts[i]);
		seq_pad(m, line, 19);
		seq_puts(m, "    0\n");
	}
	show_pages(m, "Hugepagesize", PMD_SIZE >> PAGE_SHIFT);
	show_pages(m, "Hugetlb", 0);
}

/* Lines of what does not exist here (zswap, NFS, CMA, ...) are left out. */
int proc_show_meminfo(struct seq_buf *m, void *arg)
{
	unsigned long free = nr_free_pages(), file = node_stat(N_nr_file_pages),
		      shmem = node_stat(N_nr_shmem), buffers = 0, reclaimable = 0;

	(void)arg;
	for_each_block_device(add_buffers, &buffers);
	slab_for_each(add_reclaimable, &reclaimable);
	show_pages(m, "MemTotal", totalram_pages());
	show_pages(m, "MemFree", free);
	show_pages(m, "MemAvailable", free + (less(file, shmem) + reclaimable) / 2);
	show_pages(m, "Buffers", buffers);
	show_pages(m, "Cached", less(file, buffers));
	show_pages(m, "SwapCached", node_stat(N_nr_swapcache));
	show_lists(m);
	show_pages(m, "SwapTotal", total_swap_pages());
	show_pages(m, "SwapFree", nr_swap_pages());
	show_pages(m, "Dirty", node_stat(N_nr_dirty));
	show_pages(m, "Writeback", node_stat(N_nr_writeback));
	show_pages(m, "AnonPages", node_stat(N_nr_anon_pages));
	show_pages(m, "Mapped", node_stat(N_nr_mapped));
	show_pages(m, "Shmem", shmem);
	show_kernel_memory(m, reclaimable);
	show_pages(m, "CommitLimit", commit_limit());
	show_pages(m, "Committed_AS", (unsigned long)max(committed_pages(), 0L));
	show_pages(m, "VmallocTotal", (VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT);
	show_pages(m, "VmallocUsed", nr_vmalloc_pages());
	show_huge_pages(m);
	return 0;
}

/* Where Linux's name or unit is another one than that of our gauge. */
static void show_gauge(struct seq_buf *m, enum node_stat stat)
{
	unsigned long value = node_stat(stat);

	if (stat == N_nr_kernel_stack)
		value <<= PAGE_SHIFT - 10;
	seq_printf(m, "%s %lu\n", stat == N_nr_swapcache ? "nr_swapcached" : node_stat_names[stat],
		   value);
}

int proc_show_vmstat(struct seq_buf *m, void *arg)
{
	unsigned int i;

	(void)arg;
	seq_printf(m, "nr_free_pages %lu\n", nr_free_pages());
	for (i = 0; i < NR_NODE_STATS; i++)
		show_gauge(m, (enum node_stat)i);
	for (i = 0; i < NR_VM_EVENTS; i++)
		seq_printf(m, "%s %lu\n", vm_event_names[i], vm_event_sum((enum vm_event)i));
	return 0;
}

int proc_show_buddyinfo(struct seq_buf *m, void *arg)
{
	unsigned int i, order;

	(void)arg;
	for (i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &zones[i];

		if (!zone->managed)
			continue;
		seq_printf(m, "Node 0, zone %8s ", zone->name);
		for (order = 0; order <= MAX_ORDER; order++)
			seq_printf(m, "%6lu ", READ_ONCE(zone->free_area[order].nr_free));
		seq_putc(m, '\n');
	}
	return 0;
}

int proc_show_zoneinfo(struct seq_buf *m, void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &zones[i];

		seq_printf(m, "Node 0, zone %8s\n  pages free     %lu\n        boost    0\n",
			   zone->name, READ_ONCE(zone->nr_free));
		seq_printf(m, "        min      %lu\n        low      %lu\n        high     %lu\n",
			   zone->watermark[WMARK_MIN], zone->watermark[WMARK_LOW],
			   zone->watermark[WMARK_HIGH]);
		seq_printf(m, "        spanned  %lu\n        present  %lu\n        managed  %lu\n",
			   zone->present ? zone->end_pfn - zone->start_pfn : 0, zone->present,
			   zone->managed);
		if (zone->present)
			seq_printf(m, "  start_pfn:           %lu\n", zone->start_pfn);
	}
	return 0;
}

static void show_slab(const struct slab_stat *stat, void *arg)
{
	seq_printf(
		arg,
		"%-17s %6lu %6lu %6zu %4u %4u : tunables    0    0    0 : slabdata %6lu %6lu      0\n",
		stat->name, stat->in_use, stat->objects, stat->object_size, stat->objects_per_slab,
		stat->pages_per_slab, stat->slabs, stat->slabs);
}

int proc_show_slabinfo(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "slabinfo - version: 2.1\n");
	seq_puts(m,
		 "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
		 " : tunables <limit> <batchcount> <sharedfactor>"
		 " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	slab_for_each(show_slab, m);
	return 0;
}

static void show_swap(const char *path, bool is_file, unsigned long size_kib,
		      unsigned long used_kib, int prio, void *arg)
{
	struct seq_buf *m = arg;
	size_t line = m->len;

	seq_puts(m, path);
	seq_putc(m, ' ');
	seq_pad(m, line, 40);
	seq_printf(m, "%s\t%lu\t\t%lu\t\t%d\n", is_file ? "file\t" : "partition", size_kib,
		   used_kib, prio);
}

int proc_show_swaps(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(m, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	swap_for_each(show_swap, m);
	return 0;
}

/* Faultline's own: "ok", or what the audit found. */
int proc_show_mm_audit(struct seq_buf *m, void *arg)
{
	char what[AUDIT_SENTENCE];

	(void)arg;
	seq_printf(m, "%s\n", mm_audit(what, sizeof(what)) ? what : "ok");
	return 0;
}

#if CONFIG_DEBUG
/* TAP: each thing that the audit must see, broken and put back in the reader's map. */
int proc_show_mm_audit_spoil(struct seq_buf *m, void *arg)
{
	char what[2 * AUDIT_SENTENCE];
	unsigned int n = 0;
	int err;

	(void)arg;
	while ((err = mm_audit_spoil(n++, what, sizeof(what))) != -ENOENT)
		seq_printf(m, "%sok %u - %s\n", err == -EUCLEAN ? "not " : "", n, what);
	seq_printf(m, "1..%u\n", n - 1);
	return 0;
}
#endif
