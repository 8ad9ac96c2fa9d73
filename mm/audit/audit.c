/* SPDX-License-Identifier: MIT */
/*
 * The audit: what the walks need, their order, and the ways in. The order is that of trust: lists
 * first, since they say which frames are in use; then who uses them; the sums last.
 */
#include "mm/audit.h"

#include <stdarg.h>

#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/sched.h"
#include "kernel/core/stop.h"
#include "kernel/core/time.h"
#include "kernel/debug/kasan.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/vsprintf.h"
#include "mm/audit/internal.h"
#include "mm/backing/swap_internal.h"
#include "mm/frame/early.h"
#include "mm/frame/slab_internal.h"
#include "mm/frame/vmalloc.h"

/* One audit at a time. */
static DEFINE_MUTEX(audit_mutex);
/* Kept from the first audit on, so that the later ones change nothing of what they look at. audit_mutex. */
static void *tables;
static size_t tables_size;

bool audit_fail(struct audit *a, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(a->what, a->size, fmt, args);
	va_end(args);
	return false;
}

bool audit_is_ram(unsigned long pfn)
{
	return pfn_valid(pfn) && early_mem_is_ram(PFN_PHYS(pfn));
}

bool audit_is_page(const struct page *page)
{
	unsigned long offset = (unsigned long)page - (unsigned long)vmemmap;

	return offset % sizeof(*page) == 0 && audit_is_ram(offset / sizeof(*page));
}

bool audit_is_object(const void *p)
{
	unsigned long pfn = ((unsigned long)p - (unsigned long)__va(0)) >> PAGE_SHIFT;

	return IS_ALIGNED((unsigned long)p, 8) && audit_is_ram(pfn) && PageSlab(pfn_to_page(pfn));
}

/* Free blocks are passed over: audit_free_lists() saw them. */
bool audit_for_each_frame(struct audit *a, bool (*fn)(struct audit *a, struct page *page))
{
	unsigned long pfn = 0;

	for (; pfn < max_pfn; pfn++)
		if (!(a->marks[pfn] & MARK_FREE) && audit_is_ram(pfn) && !fn(a, pfn_to_page(pfn)))
			return false;
	return true;
}

/* Where each area's slots begin in a->slots; how many there are in all. */
static unsigned long place_slots(struct audit *a)
{
	unsigned long slots = 0;

	for (unsigned int i = 0; i < MAX_SWAPFILES; i++) {
		a->first_slot[i] = slots;
		slots += swap_areas[i].max;
	}
	return slots;
}

static size_t tables_needed(struct audit *a)
{
	return max_pfn * sizeof(*a->marks) + place_slots(a) * sizeof(*a->slots);
}

/* As large as is needed now. audit_mutex held. False: out of memory. */
static bool make_tables(void)
{
	struct audit a;
	size_t size;

	while ((size = tables_needed(&a)) > tables_size) { /* swap may come while we allocate */
		void *larger = vmalloc(size), *old = tables;

		if (!larger)
			return false;
		tables = larger;
		tables_size = size;
		vfree(old);
	}
	return true;
}

void mm_audit_prepare(void)
{
	if (!CONFIG_DEBUG) /* too little memory is said when an audit is asked for */
		return;
	mutex_lock(&audit_mutex);
	make_tables();
	mutex_unlock(&audit_mutex);
}

unsigned long mm_audit_frames(void)
{
	return PFN_UP(tables_size);
}

static int no_tables(struct audit *a)
{
	audit_fail(a, "not enough memory to audit: %lu KiB", max_pfn * sizeof(*a->marks) / 1024);
	return -ENOMEM;
}

int audit_now(char *sentence, size_t size)
{
	struct audit a = { .what = sentence, .size = size };
	size_t needed = tables_needed(&a);

	if (needed > tables_size)
		return no_tables(&a);
	memset(tables, 0, needed);
	a.marks = tables;
	a.slots = (u16 *)(a.marks + max_pfn);
	kasan_drain_all_quarantines(); /* what waits there is on no chain of free objects */
	if (audit_free_lists(&a) && audit_lru_lists(&a) && audit_slabs(&a) && audit_spaces(&a) &&
	    audit_page_caches(&a) && audit_swap(&a) && audit_vmalloc(&a) && audit_find_names(&a) &&
	    audit_frames(&a))
		return 0;
	return -EUCLEAN;
}

int audit_alone(int (*fn)(void *arg), void *arg)
{
	int ret = -ENOMEM;

	mutex_lock(&audit_mutex);
	if (make_tables())
		ret = stop_machine(fn, arg);
	mutex_unlock(&audit_mutex);
	return ret;
}

struct answer {
	char *sentence;
	size_t size;
};

static int answer(void *arg)
{
	const struct answer *to = arg;

	return audit_now(to->sentence, to->size);
}

int mm_audit(char *sentence, size_t size)
{
	struct audit a = { .what = sentence, .size = size };
	int ret;

	sentence[0] = '\0';
	ret = audit_alone(answer, &(struct answer){ sentence, size });
	return ret == -ENOMEM ? no_tables(&a) : ret;
}

void mm_audit_or_panic(const char *when)
{
	char what[AUDIT_SENTENCE];

	if (mm_audit(what, sizeof(what)) == -EUCLEAN)
		panic("audit %s: %s", when, what);
}

const char *mm_audit_text(void)
{
	static char what[AUDIT_SENTENCE];

	if (nr_cpus == 1)
		make_tables(); /* another CPU may have been stopped with a lock that this needs */
	return audit_now(what, sizeof(what)) ? what : "ok";
}

/* --- the knob --- */
static unsigned long interval_ms; /* 0: never */

static int set_audit(const char *value)
{
	return param_number(value, 0, 1000000, &interval_ms);
}
KNOB(audit, "MILLISECONDS", "audit the memory so often, and panic if it finds something",
     set_audit);

#if CONFIG_DEBUG
static unsigned long interval_faults; /* 0: never */

static int set_audit_faults(const char *value)
{
	return param_number(value, 0, 1000000000, &interval_faults);
}
KNOB(audit_faults, "COUNT", "audit the memory after so many page faults of user mode",
     set_audit_faults);

void mm_audit_fault(void)
{
	static unsigned long faults;

	if (interval_faults &&
	    __atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED) % interval_faults == 0)
		mm_audit_or_panic("after a page fault");
}
#endif

static int audit_thread(void *unused)
{
	(void)unused;
	for (;;) {
		current->state = TASK_UNINTERRUPTIBLE;
		schedule_timeout(interval_ms * (NSEC_PER_SEC / 1000));
		mm_audit_or_panic("by the clock");
	}
	return 0;
}

void mm_audit_init(void)
{
	if (interval_ms && !kthread_run(audit_thread, NULL, "audit"))
		boot_fail("no memory to start the audit: give the machine more RAM (MEM=)");
}
