/* SPDX-License-Identifier: MIT */
/*
 * The software machine: all of mm/ (and the page-fault entry, the TLB flushes, the block layer, the
 * wait queues), compiled unchanged, over a CPU, an MMU, a disk and a file system made of C. One
 * process of the host is one boot of one machine.
 *
 *	host_boot(16384);                                64 MiB of RAM
 *	struct task_struct *p = host_create();           an address space: a stack, a heap
 *	host_switch(p);                                  it runs: current == p
 *	unsigned long a = vm_mmap(NULL, 0, 8192, PROT_READ | PROT_WRITE,
 *				  MAP_PRIVATE | MAP_ANONYMOUS, 0);
 *	assert_int_equal(host_write(a, "x", 1).signal, 0);
 *	host_exit(p);
 *	host_settle();                                   every frame is back now
 *
 * What is real: the page-table format, exc_page_fault() and below, invlpg()'s callers, fork's
 * dup_mm(), the page cache, swap, reclaim, the OOM killer, kswapd, the flusher, the block layer's
 * completion thread; the kernel threads run as coroutines. What is made up here: the MMU and its
 * TLB, the scheduler, signals (a task only notes what it got), disks, files.
 *
 * Time stands still but for sleeping: when nobody can run, disks finish their requests; when there
 * are none, the clock jumps to the next timeout. A wait that nothing could end is an abort that
 * says who waits. So every run is the same as the one before.
 *
 * To build against it: include this header with $(HOST_CFLAGS), link build/host/san/libmm.a (ASan,
 * UBSan, CONFIG_DEBUG=1), build/host/cov/libmm.a (gcov) or build/host/fast/libmm.a (-O2, no
 * sanitizer, CONFIG_DEBUG=0: for callgrind), with the flags in $(HOST_SAN), $(HOST_COV) or
 * $(HOST_FAST); see tests/host/rules.mk. Neither <time.h> nor <sys/mman.h> goes together with
 * kernel headers.
 */
#ifndef TESTS_HOST_MACHINE_H
#define TESTS_HOST_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/core/task.h"
#include "lib/types.h"
#include "mm/space/mm.h"

/* --- the machine --- */

/*
 * Boot with @pages frames of RAM (at least 1024; memory never touched costs nothing). Once per
 * process of the host. The caller's context becomes the CPU's only user thread; current is a task
 * without a map until host_switch().
 */
void host_boot(unsigned long pages);

/*
 * Let everything end that was begun: disks finish, kernel threads run until they sleep, killed
 * tasks exit, per-CPU lists go back to the buddy. Leaves caches (page cache, swap cache) alone.
 */
void host_settle(void);
/*
 * Give the CPU away for @ns of the machine's time: kernel threads run, timeouts expire. 0: only
 * what can run now.
 */
void host_sleep(u64 ns);

/*
 * Something is wrong that no verdict shows (a stale TLB entry points to a freed frame, a frame was
 * lost, ...). Says it and aborts; but counts and keeps it instead, for tests of the machine itself,
 * while host_complaints_expected is set.
 */
void host_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern bool host_complaints_expected;
extern unsigned int host_complaints;
extern char host_complaint[512]; /* the last one */

/* --- processes: a task with a map of its own --- */

/*
 * A fresh process as exec leaves it, without text: a stack VMA that may grow to 8 MiB, its top at
 * HOST_STACK_TOP; an empty heap at HOST_BRK; mmap's area below the stack. NULL: out of memory. It
 * does not run yet.
 */
struct task_struct *host_create(void);
#define HOST_STACK_TOP 0x7ffffffde000UL
#define HOST_BRK 0x10000000UL
/* fork(2) by @parent. NULL: out of memory, nothing changed. It does not run yet. */
struct task_struct *host_fork(struct task_struct *parent);
/* A second thread of @task's process: the same map, which lives until both have left. */
struct task_struct *host_clone(struct task_struct *task);
/*
 * Make @task the one that runs: current, and CR3, which empties the TLB when the map is another.
 * NULL: back to the task without a map.
 */
void host_switch(struct task_struct *task);
/*
 * The machine has HOST_CPUS CPUs, each with its own TLB and task; the others run user code for ever, or
 * idle, while it is one's turn. The caller goes on on CPU @cpu, as the task that runs there: at first
 * an idle one. The same task may run on several, like threads of a process. The test's own thread
 * only; the rest of the machine (frame lists, counters) is shared. See host_switch().
 */
void host_cpu_switch(unsigned int cpu);
/* The process ends: closes its files, gives its map back, frees the task. It may be current. */
void host_exit(struct task_struct *task);
/* A fatal signal (the OOM killer's) has hit the task; all that is left to it is host_exit(). */
bool host_killed(const struct task_struct *task);
/* Send that signal from outside. */
void host_kill(struct task_struct *task);

/*
 * Run fn(arg) as @task in a thread of its own, beside the caller, at the next host_sleep() or
 * wherever the caller waits; host_join() waits for its end. For races: whoever sleeps lets others
 * run.
 */
void host_start(struct task_struct *task, void (*fn)(void *arg), void *arg);
void host_join(struct task_struct *task);

/* --- the CPU in user mode, as current --- */

/* How an access ended. signal 0: done. Else what siginfo would say: SIGSEGV, SIGBUS, SIGKILL. */
struct host_verdict {
	int signal; /* Linux's numbers */
	int code;   /* SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR; 0 for SIGKILL */
	unsigned long addr;
};
/*
 * Read or write @n bytes of current's memory, page by page through TLB, walk and page fault. On a
 * signal what lies before the bad page is done. @addr + @n may cross pages. As user code: rights,
 * accessed and dirty bits, CR2 and error code as SDM vol. 3A 4.6 to 4.8 have them.
 */
struct host_verdict host_read(unsigned long addr, void *buf, size_t n);
struct host_verdict host_write(unsigned long addr, const void *buf, size_t n);
/* Fetch one instruction byte. */
struct host_verdict host_exec(unsigned long addr);
/* One 8-byte word at a multiple of 8. host_get() aborts when the access gets a signal. */
struct host_verdict host_put(unsigned long addr, u64 value);
u64 host_get(unsigned long addr);

/* The last page fault's error code (X86_PF_*) and CR2, and how many there were since boot. */
extern unsigned long host_error_code, host_cr2, host_faults;
/* Have the kernel record (kernel/trace/trace.h), from now on. */
void host_record(void);
/* The last page fault was answered by this: the doors behind handle_pte_fault(), ", " between them. */
const char *host_doors(void);

/* --- what stands behind an address; no side effects --- */

/* The leaf entry, 0 when there is no table. Any task. */
pte_t host_pte(const struct task_struct *task, unsigned long addr);
/* The frame it maps, or NULL: none, swap, the zero page. */
struct page *host_page(const struct task_struct *task, unsigned long addr);

/* --- the TLB --- */

/*
 * It keeps what it has seen until it is told to forget (never evicts, the hardest CPU to please),
 * and an access that hits goes by it: it reads and writes the old frame with the old rights. That
 * the tables say otherwise by then is complained about, and so is a frame (or page table) that is
 * freed while the TLB still leads to it, at once. On from boot. Off: every access walks.
 */
void host_tlb_enable(bool on);
/* Would an access to @addr by current hit? Then *@pfn and *@writable say what it would use. */
bool host_tlb_lookup(unsigned long addr, unsigned long *pfn, bool *writable);
/*
 * Complain about every entry that gives rights, or leads to a frame, which current's tables do not:
 * a flush is missing. Good after any call that changes mappings.
 */
void host_tlb_check(void);

/* --- memory that runs out --- */

/*
 * The @n-th allocation from now (1: the next) fails, once, whatever the memory: frames, slab
 * objects, kmalloc, vmalloc. 0: none does. Those marked __GFP_NOFAIL and those of reclaim itself do
 * not count. host_alloc_calls is how many there were since, so a sweep over an operation is:
 *
 *	for (unsigned long n = 1;; n++) {
 *		host_fail_alloc(n);
 *		result = operation();
 *		bool failed = host_alloc_calls >= n;
 *		host_fail_alloc(0);
 *		... on an error: nothing may have changed; undo the operation otherwise ...
 *		host_census(&after); host_census_same(&before, &after, ...);
 *		if (!failed)
 *			break;                           it needs fewer than n allocations
 *	}
 *
 * A single failed frame is not the end for a user: direct reclaim and the OOM killer stand behind
 * alloc_page(), and the hook sits in front of both. A page fault whose allocation fails calls
 * out_of_memory(), which would kill; while a failure is being forced it does not, and the access is
 * tried again, as after the killer's success.
 */
void host_fail_alloc(unsigned long n);
extern unsigned long host_alloc_calls;
extern bool host_fail_reclaim; /* those of reclaim itself count, too */

/*
 * Who holds the frames. Everything but `other` is counted by page flags, so a leaked frame shows
 * where it was lost.
 */
struct host_census {
	unsigned long free;    /* frames in the buddy and per-CPU lists */
	unsigned long tables;  /* page tables below the top level, which is in other */
	unsigned long anon;    /* anonymous pages, in the swap cache or not */
	unsigned long cache;   /* page cache */
	unsigned long slab;    /* frames of slab caches (empty slabs may stay) */
	unsigned long vmalloc;
	unsigned long other;   /* none of these: kernel buffers, or lost */
	long objects;          /* slab objects and kmalloc()s out */
	long swap_used;        /* slots */
};
void host_census(struct host_census *census);
/*
 * Complain if @b differs from @a in tables, anon, other, objects, vmalloc or swap_used; @what names
 * the operation. (The page cache may keep pages: see host_file_drop().)
 */
void host_census_same(const struct host_census *a, const struct host_census *b, const char *what);

/* Complain about the first thing that mm_audit() (mm/audit.h) finds wrong. */
void host_audit(void);

/* --- files: one flat folder of regular files on a disk of their own --- */

struct host_file;
/* A file of @size bytes, its contents on the disk, nothing cached. @contents NULL: zeroes. */
struct host_file *host_file_create(const char *name, const void *contents, size_t size);
/* Remove it; nobody has it open or mapped. Its cache is dropped. */
void host_file_remove(struct host_file *file);
/* ftruncate(2): 0 or -ENOMEM. */
int host_file_truncate(struct host_file *file, size_t size);
/* pread(2) and pwrite(2) into kernel memory, through the page cache. Bytes or -errno. */
ssize_t host_file_read(struct host_file *file, void *buf, size_t n, loff_t pos);
ssize_t host_file_write(struct host_file *file, const void *buf, size_t n, loff_t pos);
/* What stands on the disk, past the cache. @n bytes at @pos; beyond the end zeroes. */
void host_file_on_disk(const struct host_file *file, void *buf, size_t n, size_t pos);
/* fsync(2): 0 or -errno. */
int host_file_sync(struct host_file *file);
/* Write it all, then drop what is not mapped from the cache. */
void host_file_drop(struct host_file *file);
/* The page cache's page at @index with no reference taken, or NULL. */
struct page *host_file_page(struct host_file *file, pgoff_t index);
struct address_space *host_file_mapping(struct host_file *file);
/* Every read / write / block reservation from now on fails with this -errno; 0: works again. */
struct host_file_errors {
	int read, write, reserve;
};
struct host_file_errors *host_file_errors(struct host_file *file);
/* Open for current. Returns the descriptor, as fget() knows it. @write: O_RDWR, else O_RDONLY. */
int host_open(struct host_file *file, bool write);
void host_close(int fd);

/* --- disks and swap --- */

/*
 * A disk of @pages pages in memory with the header of mkswap, turned on as /dev/hdN with priority
 * @prio (-1: the kernel's choice). Returns N, or -errno of swapon(2).
 */
int host_swapon(unsigned long pages, int prio);
/* swapoff(2): 0 or -errno. */
int host_swapoff(int n);
/* From now on requests of that kind end with -EIO. */
void host_disk_fail(int n, bool reads, bool writes);

/* Reclaim of @pages frames as kswapd would; returns how many came free. */
unsigned long host_reclaim(unsigned long pages);
/*
 * madvise(MADV_PAGEOUT) of [addr, addr + len) as current, and wait until it is on the disk, and
 * there alone.
 */
void host_pageout(unsigned long addr, size_t len);

/* The kernel's log since the last clear, to look for sentences; HOST_LOG=1 prints it. */
bool host_log_has(const char *text);
void host_log_clear(void);

#endif
