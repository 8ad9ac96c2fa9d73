/* SPDX-License-Identifier: MIT */
/*
 * Event counters and gauges of mm, by the names that Linux's /proc/vmstat uses. One list feeds the
 * per-CPU storage, the printing and the tests.
 */
#ifndef MM_STATS_H
#define MM_STATS_H

#include "lib/types.h"
#include <asm/percpu.h>

#define VM_EVENTS(X)                                                                               \
	X(pgpgin) X(pgpgout) X(pswpin) X(pswpout) X(pgalloc) X(allocstall) X(pgfree)               \
	X(pgactivate) X(pgdeactivate) X(pglazyfree) X(pgfault) X(pgmajfault) X(pglazyfreed)        \
	X(pgrefill) X(pgreuse) X(pgsteal_kswapd) X(pgsteal_direct) X(pgscan_kswapd)                \
	X(pgscan_direct) X(pgrotated) X(drop_pagecache) X(oom_kill) X(unevictable_pgs_mlocked)     \
	X(unevictable_pgs_munlocked) X(swap_ra) X(swap_ra_hit)                                     \
	/* one per kind of fault, named after its door (no counterpart in Linux) */                 \
	X(fault_anon_zero) X(fault_anon_write) X(fault_read) X(fault_around) X(fault_cow)           \
	X(fault_shared) X(fault_swap) X(fault_wp_reuse) X(fault_wp_copy) X(fault_wp_shared)         \
	X(fault_spurious) X(fault_stack_grow) X(fault_fixup) X(fault_vmalloc)                       \
	X(nr_tlb_remote_flush) X(nr_tlb_remote_flush_received) X(nr_tlb_local_flush_all)            \
	X(nr_tlb_local_flush_one)                                                                   \
	/* faults under their VMA's lock: done, not to be had, begun anew, found what had left */   \
	X(vma_lock_success) X(vma_lock_abort) X(vma_lock_retry) X(vma_lock_miss)        \
	/* a spinlock, or a semaphore, mutex or page lock, that was not free at once */             \
	X(lock_spin_wait) X(lock_sleep_wait)

enum vm_event {
#define X(name) VM_##name,
	VM_EVENTS(X)
#undef X
	NR_VM_EVENTS
};

DECLARE_PER_CPU(unsigned long, vm_events[NR_VM_EVENTS]);

static inline void count_vm_event(enum vm_event event) { this_cpu_inc(vm_events[event]); }
static inline void count_vm_events(enum vm_event event, unsigned long n) { this_cpu_add(vm_events[event], n); }

/*
 * Gauges: frames in each state now. Each CPU counts what it changes, so that its own share alone may be
 * negative; the sum is exact when nobody changes anything meanwhile.
 */
#define NODE_STATS(X)                                                                              \
	X(nr_inactive_anon) X(nr_active_anon) X(nr_inactive_file) X(nr_active_file)                 \
	X(nr_unevictable) X(nr_anon_pages) X(nr_mapped) X(nr_file_pages) X(nr_dirty)                \
	X(nr_writeback) X(nr_shmem) X(nr_kernel_stack) X(nr_page_table_pages) X(nr_swapcache)

enum node_stat {
#define X(name) N_##name,
	NODE_STATS(X)
#undef X
	NR_NODE_STATS
};

DECLARE_PER_CPU(long, node_stats[NR_NODE_STATS]);

static inline void mod_node_stat(enum node_stat stat, long delta) { this_cpu_add(node_stats[stat], delta); }

/* Sums over all CPUs. */
unsigned long vm_event_sum(enum vm_event event);
long node_stat_sum(enum node_stat stat);
static inline unsigned long node_stat(enum node_stat stat)
{
	long n = node_stat_sum(stat);

	return n < 0 ? 0 : (unsigned long)n;
}
/* Their names, in order. */
extern const char *const vm_event_names[NR_VM_EVENTS];
extern const char *const node_stat_names[NR_NODE_STATS];

#endif
