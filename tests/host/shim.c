/* SPDX-License-Identifier: MIT */
/*
 * The floor under the kernel sources in a host test: log, panic, the scheduler's and the lock
 * checker's entry points, user copies, an arena for RAM. One thread, no interrupts; whoever would
 * have to sleep here waits for something that can never happen, and aborts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/rcu.h"
#include "kernel/core/rwsem.h"
#include "kernel/core/sched.h"
#include "kernel/core/spin.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/stop.h"
#include "kernel/core/wait.h"
#include "kernel/debug/report.h"
#include "lib/util.h"
#include "mm/fault/note.h"
#include "mm/frame/page.h"
#include "mm/space/record.h"
#include "tests/host/host.h"
#include <asm/page.h>
#include <asm/tlbflush.h>
#include <asm/uaccess.h>

unsigned long host_page_offset, host_vmemmap;
unsigned int nr_cpus = 1, host_cpu;
int host_ram_fd = -1;
static struct task_struct host_task = { .pid = 1, .tgid = 1, .comm = "host" };
struct task_struct *host_current = &host_task;

static size_t ram_bytes, map_bytes;

/* Aligned as the direct map is: a block of the largest order must be aligned to its size. */
#define ARENA_ALIGN (4UL << 20)

/* @fd: -1 for private memory. */
static unsigned long reserve(size_t bytes, int fd)
{
	int flags = MAP_NORESERVE | MAP_PRIVATE | MAP_ANONYMOUS;
	void *p = mmap(NULL, bytes + ARENA_ALIGN, PROT_READ | PROT_WRITE, flags, -1, 0);
	unsigned long start = ALIGN((unsigned long)p, ARENA_ALIGN);

	if (p == MAP_FAILED || (fd >= 0 && mmap((void *)start, bytes, PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)) {
		perror("mmap");
		abort();
	}
	munmap(p, start - (unsigned long)p);
	munmap((void *)(start + bytes), ARENA_ALIGN - (start - (unsigned long)p));
	return start;
}

void host_ram_init(unsigned long pages)
{
	host_ram_exit();
	ram_bytes = pages << PAGE_SHIFT; /* both whole pages, as munmap() wants */
	map_bytes = PAGE_ALIGN(pages * sizeof(struct page));
	/* A file, so that a frame can also be mapped elsewhere: tests/host/vmap.c. */
	host_ram_fd = memfd_create("ram", 0);
	if (host_ram_fd < 0 || ftruncate(host_ram_fd, (off_t)ram_bytes)) {
		perror("memfd_create");
		abort();
	}
	host_page_offset = reserve(ram_bytes, host_ram_fd);
	host_vmemmap = reserve(map_bytes, -1);
}

void host_ram_forbid(unsigned long pfn)
{
	mprotect((void *)(host_page_offset + (pfn << PAGE_SHIFT)), PAGE_SIZE, PROT_NONE);
}

void host_ram_exit(void)
{
	if (!ram_bytes)
		return;
	munmap((void *)host_page_offset, ram_bytes);
	munmap((void *)host_vmemmap, map_bytes);
	close(host_ram_fd);
	ram_bytes = map_bytes = 0;
}

/* One thread at a time, and none gives the CPU away in the middle of a lookup. */
__weak void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	func(head);
}

/* --- log and panic --- */
static char log_text[1 << 16];
static size_t log_len;
jmp_buf host_panic_jump;
bool host_panic_expected;
char host_panic_text[512];
int console_printk[4] = { LOGLEVEL_INFO };

bool host_log_has(const char *text)
{
	return strstr(log_text, text) != NULL;
}

void host_log_clear(void)
{
	log_len = 0;
	log_text[0] = '\0';
}

__weak void vprintk_level(int level, const char *fmt, va_list args)
{
	size_t room = sizeof(log_text) - log_len;
	int n = vsnprintf(log_text + log_len, room, fmt, args);

	(void)level;
	if (getenv("HOST_LOG"))
		fprintf(stderr, "%s%s", log_text + log_len,
			n > 0 && (size_t)n < room && log_text[log_len + (size_t)n - 1] == '\n' ?
				"" :
				"\n");
	if (n < 0 || (size_t)n >= room)
		host_log_clear();
	else
		log_len += (size_t)n;
}

__weak void printk_level(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintk_level(level, fmt, args);
	va_end(args);
}

static void __noreturn die(const char *what, const char *fmt, va_list args)
{
	vsnprintf(host_panic_text, sizeof(host_panic_text), fmt, args);
	if (host_panic_expected)
		longjmp(host_panic_jump, 1);
	fprintf(stderr, "%s: %s\n", what, host_panic_text);
	abort();
}

struct file;
__weak bool file_is_ours(const struct file *file)
{
	(void)file;
	return true;
}
__weak void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	die("panic", fmt, args);
}

__weak void boot_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	die("boot failure", fmt, args);
}

__weak void warn_at(const char *cond, const char *file, int line)
{
	printk_level(LOGLEVEL_WARN, "warning at %s:%d: %s\n", file, line, cond);
}

__weak void schedule_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

/* --- the recorder: off, and nobody calls it --- */
__weak bool trace_on;
__weak vm_fault_t noted_mm_fault(struct fault_note *note, struct vm_area_struct *vma,
				 unsigned long address, unsigned int flags, enum trace_door first)
{
	panic("recorded a fault at %lx: %p %p %x %d", address, (void *)note, (void *)vma, flags, first);
}
__weak void __record_mapped_file(struct file *file)
{
	panic("recorded file %p", (void *)file);
}

__weak void __record_vma(const struct vm_area_struct *vma, unsigned long was)
{
	panic("recorded, from %lx to %lx", was, vma->vm_start);
}

__weak void __record_ptes(const struct mm_struct *mm, enum trace_why why, unsigned long start,
			  unsigned long end, const pte_t *pte)
{
	panic("recorded %lx to %lx of %u, %d: %p", start, end, mm->number, why, (const void *)pte);
}

__weak void __trace_vma_clear(u32 mm, u64 start, u64 end)
{
	panic("recorded %llx to %llx of %u", start, end, mm);
}

__weak void __trace_ptes_clear(u32 mm, enum trace_why why, u64 start, u64 end)
{
	panic("recorded %llx to %llx of %u, %d", start, end, mm, why);
}

__weak void __trace_table(u32 mm, u8 level, u8 op, u64 address, u64 pfn)
{
	panic("recorded table %llx of %u for %llx, level %u, %u", pfn, mm, address, level, op);
}

__weak void __trace_frame(enum trace_frame_op op, u8 order, u8 zone, u64 pfn)
{
	panic("recorded block %llx of %u, order %u, %d", pfn, zone, order, op);
}

__weak void __trace_kind(enum trace_kind_of kind, u8 order, u64 pfn)
{
	panic("recorded block %llx, order %u, as %d", pfn, order, kind);
}

__weak void __trace_mm_gone(u32 mm)
{
	panic("recorded the end of %u", mm);
}

/* --- locks: taken twice by the one thread is a deadlock --- */
__weak void spin_lock_slow(spinlock_t *lock)
{
	panic("spinlock %p is taken already", (void *)lock);
}
__weak bool spin_wait_too_long(struct spin_wait *wait)
{
	(void)wait;
	return false;
}

#if CONFIG_DEBUG
__weak DEFINE_PER_CPU(int, preempt_count);
__weak void lock_check_acquire(spinlock_t *lock)
{
	(void)lock;
}
__weak void lock_acquired(spinlock_t *lock)
{
	(void)lock;
	preempt_count++;
}
__weak void lock_released(spinlock_t *lock)
{
	(void)lock;
	preempt_count--;
}
__weak void might_sleep_check(const char *file, int line)
{
	if (preempt_count)
		panic("%s:%d may sleep with %d spinlocks held", file, line, preempt_count);
}
__weak void sleep_lock_check(const void *lock, s16 *class_id, const char *name)
{
	(void)lock;
	(void)class_id;
	might_sleep_check(name, 0);
}
__weak void sleep_lock_acquired(const void *lock, s16 *class_id, const char *name)
{
	(void)lock;
	(void)class_id;
	(void)name;
}
__weak bool sleep_lock_released(const void *lock)
{
	return lock;
}
__weak void sleep_lock_must_release(const void *lock, const char *name)
{
	(void)lock;
	(void)name;
}
__weak const char *page_lock_name(const struct page *page)
{
	return page ? "page" : "";
}
__weak void lock_check_return(const char *where)
{
	(void)where;
}
__weak bool debug_begin_report(void)
{
	return true;
}
__weak void debug_stop(const char *checker, const char *file, unsigned int line,
		       unsigned long caller, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "%s:%u, caller %#lx:\n", file ? file : checker, line, caller);
	die(checker, fmt, args);
}
__weak const char *kallsyms_format(unsigned long addr, char *buf, size_t size)
{
	snprintf(buf, size, "%#lx", addr);
	return buf;
}
#endif

__weak void init_rwsem(struct rw_semaphore *sem, const char *name)
{
	*sem = (struct rw_semaphore)RWSEM_INIT(*sem, name);
}
__weak void __down_read_slow(struct rw_semaphore *sem)
{
	panic("down_read: %s is taken", sem->name);
}
__weak int __down_read_killable_slow(struct rw_semaphore *sem)
{
	panic("down_read: %s is taken", sem->name);
}
__weak void __down_write_slow(struct rw_semaphore *sem)
{
	panic("down_write: %s is taken", sem->name);
}
__weak void __rwsem_wake(struct rw_semaphore *sem)
{
	(void)sem;
}

/* --- scheduler --- */
__weak void schedule(void)
{
	panic("schedule() on the host: nobody can wake us");
}
__weak u64 schedule_timeout(u64 ns)
{
	(void)ns;
	return 0;
}
__weak bool wake_up_process(struct task_struct *task)
{
	(void)task;
	return false;
}
__weak bool fatal_signal_pending(const struct task_struct *task)
{
	(void)task;
	return false;
}
__weak void init_waitqueue_head(struct wait_queue_head *q)
{
	*q = (struct wait_queue_head)WAIT_QUEUE_INIT(*q);
}
__weak void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *w, int state)
{
	(void)q;
	(void)w;
	(void)state;
}
__weak void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *w)
{
	(void)q;
	(void)w;
}
__weak void wake_up(struct wait_queue_head *q)
{
	(void)q;
}
__weak void wake_up_all(struct wait_queue_head *q)
{
	(void)q;
}
/* Its header defines struct timespec, which libc has too. */
u64 ktime_get_ns(void);
__weak u64 ktime_get_ns(void)
{
	return 0;
}

/* --- arch --- */
__weak void smp_call_function_many(cpumask_t mask, smp_call_func_t fn, void *arg)
{
	(void)mask;
	(void)fn;
	(void)arg;
}
__weak void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	(void)mm;
	(void)start;
	(void)end;
}
__weak void flush_tlb_mm(struct mm_struct *mm)
{
	(void)mm;
}
__weak void flush_tlb_page(struct mm_struct *mm, unsigned long addr)
{
	(void)mm;
	(void)addr;
}
__weak void flush_tlb_freed_tables(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	(void)mm;
	(void)start;
	(void)end;
}
__weak void put_off_tlb_flush(struct mm_struct *mm)
{
	(void)mm;
}
__weak void tlb_batch_add(struct tlb_batch *batch, struct mm_struct *mm)
{
	(void)batch;
	(void)mm;
}
__weak void tlb_batch_flush(struct tlb_batch *batch)
{
	(void)batch;
}
__weak void __flush_tlb_batched_pending(struct mm_struct *mm)
{
	(void)mm;
}
__weak void init_new_context(struct mm_struct *mm)
{
	(void)mm;
}
__weak void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	(void)start;
	(void)end;
}
__weak unsigned long copy_to_user(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return 0;
}
__weak unsigned long copy_from_user(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return 0;
}
__weak unsigned long clear_user(void *to, size_t n)
{
	memset(to, 0, n);
	return 0;
}
