/* SPDX-License-Identifier: MIT */
/*
 * The runtime of -fsanitize=kernel-address with all checks out of line: what the compiler calls before
 * each load and store, the shadow, and the report. Only the direct map has a shadow (frames and slab
 * objects live there); the image, struct pages, stacks and vmalloc areas are passed unseen, the
 * latter two have guard pages. Before kasan_init() nothing is checked.
 *
 * What is written in assembly is checked at its door: the linker leads calls of memcpy() and its
 * kind, and of the copies from and to user space, through here (--wrap in the Makefile).
 */
#include "kernel/debug/kasan.h"

#include "kernel/core/kallsyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/debug/report.h"
#include "lib/string.h"
#include "mm/frame/early.h"
#include "mm/frame/page.h"
#include <asm/page.h>
#include <asm/uaccess.h>

#define GRANULE 8UL
#define CALLER ((unsigned long)__builtin_return_address(0))

struct frame_tracks {
	struct kasan_track allocated, freed;
};

static s8 *shadow;                  /* of the direct map, from its start; NULL: not yet */
static unsigned long shadowed;      /* bytes of the direct map that have a shadow */
static struct frame_tracks *tracks; /* by frame number */

static s8 *shadow_of(const void *addr)
{
	return shadow + ((unsigned long)addr - PAGE_OFFSET) / GRANULE;
}

/* --- the report --- */
static void show_track(const char *what, const struct kasan_track *track)
{
	char name[80];

	if (!track->ip[0])
		return;
	pr_err("%s by:", what);
	for (unsigned int i = 0; i < sizeof(track->ip) / sizeof(track->ip[0]) && track->ip[i];
	     i++) {
		unsigned long ip = KERNEL_MAP | track->ip[i];

		pr_err("  %016lx %s", ip, kallsyms_format(ip - 1, name, sizeof(name)));
	}
}

/* How many of the object's bytes somebody asked for, as the shadow tells; all are free: 0. */
static size_t accessible(const struct kasan_object *object)
{
	const s8 *s = shadow_of(object->start);
	size_t size = 0;

	while (size < object->size && *s >= 0) {
		size += *s ? (size_t)*s : GRANULE;
		if (*s++)
			break;
	}
	return size < object->size ? size : object->size;
}

static void show_object(const char *addr)
{
	struct kasan_object object;
	long offset, asked;

	slab_describe(addr, &object);
	offset = addr - (const char *)object.start;
	asked = (long)accessible(&object);
	pr_err("object %p of slab cache %s, %u bytes", object.start, object.cache, object.size);
	if (asked && offset >= asked)
		pr_err("it is live; %ld bytes of it were asked for; the access is %ld behind those",
		       asked, offset - asked);
	else
		pr_err("it is %s; the access is at offset %ld", asked ? "live" : "free", offset);
	show_track("allocated", object.allocated);
	if (!asked)
		show_track("freed", object.freed);
}

static void show_frame(const char *addr)
{
	const struct page *page = virt_to_page(addr);

	pr_err("frame %#lx, refcount %d, the access is at offset %#lx", page_to_pfn(page),
	       page_count(page), (unsigned long)addr % PAGE_SIZE);
	show_track("allocated", &tracks[page_to_pfn(page)].allocated);
	show_track("freed", &tracks[page_to_pfn(page)].freed);
}

/* @addr is the first byte that may not be touched. */
static const char *cause(const char *addr)
{
	switch ((u8)*shadow_of(addr)) {
	case KASAN_FREE_OBJECT:
		return "use after free";
	case KASAN_FREE_FRAME:
		return "use of a free frame";
	default:
		return "out of bounds";
	}
}

static __cold noinline void report(const char *addr, size_t size, const char *bad, bool write,
				   unsigned long caller)
{
	if (!debug_begin_report())
		return;
	if (PageSlab(virt_to_page(bad)))
		show_object(bad);
	else
		show_frame(bad);
	debug_stop("KASAN", NULL, 0, caller, "%s: %s of %zu bytes at %p", cause(bad),
		   write ? "write" : "read", size, (const void *)addr);
}

/* --- the check --- */
/* The first byte of the range that may not be touched, or NULL. The range has a shadow. */
static const char *first_bad(const char *addr, size_t size)
{
	const char *end = addr + size;

	while (addr < end) {
		const s8 *s = shadow_of(addr);
		unsigned long in = (unsigned long)addr % GRANULE;

		/* 64 bytes at once, where their shadows fill a word and are clear */
		if (end - addr >= 64 && !in && !((unsigned long)s % 8) && !*(const u64 *)s) {
			addr += 64;
			continue;
		}
		if (*s < 0 || (*s && in >= (unsigned long)*s))
			return addr;
		addr += (*s ? (unsigned long)*s : GRANULE) - in;
	}
	return NULL;
}

static __always_inline void check(const void *p, size_t size, bool write, unsigned long caller)
{
	unsigned long addr = (unsigned long)p, in = addr % GRANULE;
	const char *bad;

	if (addr - PAGE_OFFSET >= shadowed || !size)
		return;
	if (likely(in + size <= GRANULE)) {
		s8 s = *shadow_of(p);

		if (likely(!s || (s > 0 && in + size <= (unsigned long)s)))
			return;
	}
	if (shadowed - (addr - PAGE_OFFSET) < size)
		size = shadowed - (addr - PAGE_OFFSET);
	bad = first_bad(p, size);
	if (unlikely(bad))
		report(p, size, bad, write, caller);
}

/* Called by the compiler only: no header has them. */
#define ACCESS(name, write)                                    \
	void __asan_##name##_noabort(const void *p, size_t n); \
	void __asan_##name##_noabort(const void *p, size_t n)  \
	{                                                      \
		check(p, n, write, CALLER);                    \
	}
#define ACCESS_OF(size, name, write)                       \
	void __asan_##name##size##_noabort(const void *p); \
	void __asan_##name##size##_noabort(const void *p)  \
	{                                                  \
		check(p, size, write, CALLER);             \
	}
#define BOTH_OF(size) ACCESS_OF(size, load, false) ACCESS_OF(size, store, true)

BOTH_OF(1)
BOTH_OF(2)
BOTH_OF(4)
BOTH_OF(8)
BOTH_OF(16)
ACCESS(loadN, false)
ACCESS(storeN, true)

/* Before a call that does not return: would clean the shadow of stacks, which have none here. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

void kasan_check_read(const void *addr, size_t size)
{
	check(addr, size, false, CALLER);
}

void kasan_check_write(const void *addr, size_t size)
{
	check(addr, size, true, CALLER);
}

/* --- doors of what is in assembly --- */
/* ld --wrap=f: others' calls of f come to __wrap_f, which calls the true one by __real_f. */
#define WRAP(type, name, params)          \
	extern type __real_##name params; \
	type __wrap_##name params;        \
	type __wrap_##name params

WRAP(void *, memcpy, (void *to, const void *from, size_t n))
{
	check(from, n, false, CALLER);
	check(to, n, true, CALLER);
	return __real_memcpy(to, from, n);
}

WRAP(void *, memmove, (void *to, const void *from, size_t n))
{
	check(from, n, false, CALLER);
	check(to, n, true, CALLER);
	return __real_memmove(to, from, n);
}

WRAP(void *, memset, (void *to, int c, size_t n))
{
	check(to, n, true, CALLER);
	return __real_memset(to, c, n);
}

WRAP(int, memcmp, (const void *a, const void *b, size_t n))
{
	check(a, n, false, CALLER);
	check(b, n, false, CALLER);
	return __real_memcmp(a, b, n);
}

WRAP(size_t, strlen, (const char *s))
{
	size_t n = __real_strlen(s);

	check(s, n + 1, false, CALLER);
	return n;
}

/* clang's names for the same. */
void *__asan_memcpy(void *, const void *, size_t) __attribute__((alias("__wrap_memcpy")));
void *__asan_memmove(void *, const void *, size_t) __attribute__((alias("__wrap_memmove")));
void *__asan_memset(void *, int, size_t) __attribute__((alias("__wrap_memset")));

WRAP(unsigned long, copy_to_user, (void __user *to, const void *from, size_t n))
{
	check(from, n, false, CALLER);
	return __real_copy_to_user(to, from, n);
}

WRAP(unsigned long, copy_from_user, (void *to, const void __user *from, size_t n))
{
	check(to, n, true, CALLER);
	return __real_copy_from_user(to, from, n);
}

/* --- keeping the shadow --- */
void kasan_poison(const void *addr, size_t size, u8 why)
{
	if (shadow)
		__real_memset(shadow_of(addr), why, (size + GRANULE - 1) / GRANULE);
}

void kasan_unpoison(const void *addr, size_t size)
{
	if (!shadow)
		return;
	__real_memset(shadow_of(addr), 0, size / GRANULE);
	if (size % GRANULE)
		shadow_of(addr)[size / GRANULE] = (s8)(size % GRANULE);
}

void kasan_limit(const void *addr, size_t size, size_t room)
{
	if (!addr)
		return;
	kasan_poison(addr, room, KASAN_REDZONE);
	kasan_unpoison(addr, size);
}

void kasan_forget(struct kasan_track *track)
{
	__real_memset(track, 0, sizeof(*track));
}

/*
 * Along the frame pointers, as far as they stay on the task's stack: the last one is whatever a
 * program had in RBP.
 */
static void record_from(struct kasan_track *track, const unsigned long *frame)
{
	const struct task_struct *task = current;
	unsigned long top = task ? task->stack_top : 0;
	unsigned int n = 0;

	kasan_forget(track);
	while (n < sizeof(track->ip) / sizeof(track->ip[0])) {
		unsigned long next = frame[0], here = (unsigned long)frame;

		track->ip[n++] = (u32)frame[1];
		if (next <= here || next % 8 || here < (unsigned long)(task ? task->stack : NULL) ||
		    next >= top - 8)
			return;
		frame = (const unsigned long *)next;
	}
}

/* The frame of whoever called us: that a hook of the allocator did tells nothing. */
#define CALLERS_FRAME (*(const unsigned long *const *)__builtin_frame_address(0))

void kasan_record(struct kasan_track *track)
{
	record_from(track, CALLERS_FRAME);
}

void kasan_alloc_pages(struct page *page, unsigned int order)
{
	const unsigned long *caller = CALLERS_FRAME;

	if (!shadow)
		return;
	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	for (unsigned long i = 0; i < 1UL << order; i++)
		record_from(&tracks[page_to_pfn(page) + i].allocated, caller);
}

void kasan_free_pages(struct page *page, unsigned int order)
{
	const unsigned long *caller = CALLERS_FRAME;

	if (!shadow)
		return;
	kasan_poison(page_address(page), PAGE_SIZE << order, KASAN_FREE_FRAME);
	for (unsigned long i = 0; i < 1UL << order; i++)
		record_from(&tracks[page_to_pfn(page) + i].freed, caller);
}

static void poison_free_range(unsigned long start_pfn, unsigned long end_pfn)
{
	kasan_poison(__va(PFN_PHYS(start_pfn)), (end_pfn - start_pfn) * PAGE_SIZE,
		     KASAN_FREE_FRAME);
}

void kasan_init(void)
{
	size_t size = max_pfn * (PAGE_SIZE / GRANULE), track_size = max_pfn * sizeof(*tracks);
	phys_addr_t phys = early_alloc(size, PAGE_SIZE),
		    track_phys = early_alloc(track_size, PAGE_SIZE);

	if (!phys || !track_phys) {
		pr_warn("kasan: off, there are no %zu KiB in one piece for its shadow",
			(size + track_size) >> 10);
		return;
	}
	__real_memset(__va(phys), 0, size);
	__real_memset(__va(track_phys), 0, track_size);
	tracks = __va(track_phys);
	shadow = __va(phys);
	for_each_free_range(poison_free_range);
	shadowed = PFN_PHYS(max_pfn);
	pr_info("kasan: %zu KiB of shadow and records", (size + track_size) >> 10);
}
