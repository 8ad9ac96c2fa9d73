/* SPDX-License-Identifier: MIT */
/* /proc/sysvipc/shm: a line for each segment of System V shared memory. */
#include "fs/proc/proc.h"
#include "fs/tmpfs/sysv.h"

static void show_segment(const struct segment *seg, void *arg)
{
	const struct address_space *mapping = seg->file->f_mapping;

	seq_printf(
		arg,
		"%10d %10d  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u %10lld %10lld %10lld %21lu %21lu\n",
		seg->key, seg->id, shm_mode(seg), seg->size, seg->cpid, seg->lpid, seg->nattch,
		seg->uid, seg->gid, seg->cuid, seg->cgid, (long long)seg->atime,
		(long long)seg->dtime, (long long)seg->ctime, mapping->nrpages << PAGE_SHIFT,
		mapping->shmem->swapped << PAGE_SHIFT);
}

static int show_shm(struct seq_buf *m, void *arg)
{
	(void)arg;
	seq_puts(
		m,
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid"
		"  cgid      atime      dtime      ctime                   rss                  swap\n");
	shm_for_each(show_segment, m);
	return 0;
}

const struct pseudo_entry proc_sysvipc_entries[] = {
	{ .name = "shm", .mode = S_IFREG | 0444, .show = show_shm }, { 0 }
};
