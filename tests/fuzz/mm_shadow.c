/* SPDX-License-Identifier: MIT */
/* The shadow of address spaces; see mm_shadow.h. */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/mm_shadow.h"

#include "lib/errno.h"
#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/vma.h"

#define FILE_START 12UL
#define OBJECTS 320U
#define OBJECT_MAX 16UL

/* As in siginfo. */
enum { SIGNAL_SEGV = 11, SIGNAL_BUS = 7 };
enum { CODE_MAPERR = 1, CODE_ACCERR = 2, CODE_ADRERR = 2 };

struct host_file *shadow_file;
static uint64_t file_value[FILE_MAX];
static unsigned long file_pages;
static struct {
	unsigned long pages;
	uint64_t value[OBJECT_MAX];
} objects[OBJECTS];
static unsigned int nr_objects;

void shadow_init(void)
{
	shadow_file = host_file_create("file", NULL, 0);
}

void shadow_begin(struct shadow *p)
{
	memset(p, 0, sizeof(*p));
	memset(file_value, 0, sizeof(file_value));
	file_pages = FILE_START;
	host_file_truncate(shadow_file, file_pages * PAGE_SIZE);
	nr_objects = 0;
	p->brk = HOST_BRK;
	p->task = host_create();
	CHECK(p->task);
}

/* --- what a page shows --- */
static bool behind_end(const struct shadow_page *page)
{
	if (page->kind == SHM)
		return page->index >= objects[page->object].pages;
	return page->kind != ANON && page->index >= file_pages;
}

static uint64_t *word(struct shadow_page *page)
{
	if (page->kind == SHM)
		return &objects[page->object].value[page->index];
	if (page->kind == FILE_SHARED || (page->kind == FILE_PRIVATE && !page->own))
		return &file_value[page->index];
	return &page->value;
}

/* Drop what is only the process's own. */
static void forget(struct shadow_page *page)
{
	page->own = page->lazy = false;
	if (page->kind == ANON)
		page->value = 0;
}

/* Is @got what the page must show? What was given up may be gone, and is gone from then on. */
static bool shows(struct shadow_page *page, uint64_t got)
{
	if (page->lazy && !got)
		forget(page);
	return got == *word(page);
}

/* --- calls --- */
void shadow_map(struct shadow *p, unsigned long page, unsigned long n, enum kind kind, uint8_t prot,
		unsigned long index, bool locked)
{
	if (kind == SHM) {
		CHECK(nr_objects < OBJECTS && n <= OBJECT_MAX);
		memset(&objects[nr_objects], 0, sizeof(objects[0]));
		objects[nr_objects++].pages = n;
	}
	for (unsigned long i = 0; i < n; i++)
		p->page[page + i] = (struct shadow_page){ .kind = kind,
							  .prot = prot,
							  .object = (uint16_t)(nr_objects - 1),
							  .index = (uint16_t)(index + i),
							  .locked = locked };
}

/* One page's part: 0 or what ends the call. */
static long advise(struct shadow_page *page, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		if (page->locked)
			return -EINVAL;
		forget(page);
		return 0;
	case MADV_FREE:
		if (page->locked || page->kind != ANON)
			return -EINVAL;
		page->lazy = true;
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return page->locked ? -EINVAL : 0;
	case MADV_DONTFORK:
	case MADV_DOFORK:
		page->dontfork = advice == MADV_DONTFORK;
		return 0;
	case MADV_WIPEONFORK:
		if (page->kind != ANON)
			return -EINVAL;
		page->wipeonfork = true;
		return 0;
	case MADV_KEEPONFORK:
		page->wipeonfork = false;
		return 0;
	default:
		return 0;
	}
}

long shadow_advise(struct shadow *p, unsigned long page, unsigned long n, int advice)
{
	long unmapped = 0, err;

	for (; n--; page++) {
		if (p->page[page].kind == HOLE) {
			unmapped = -ENOMEM;
			continue;
		}
		err = advise(&p->page[page], advice);
		if (err)
			return err;
	}
	return unmapped;
}

/* @how: 0 mlock, 1 on fault, 2 munlock. */
long shadow_lock(struct shadow *p, unsigned long page, unsigned long n, int how)
{
	bool reachable = true;

	for (; n--; page++) {
		struct shadow_page *at = &p->page[page];

		if (at->kind == HOLE)
			return -ENOMEM;
		at->locked = how != 2;
		reachable &= at->prot && !behind_end(at);
	}
	return how || reachable ? 0 : -ENOMEM;
}

/* What is at @at, @i pages behind the last one of a mapping that grew. */
static struct shadow_page grown(struct shadow_page at, unsigned long i)
{
	at.index = (uint16_t)(at.index + i);
	at.own = at.lazy = false;
	at.value = 0;
	return at;
}

bool shadow_resize(struct shadow *p, unsigned long page, unsigned long n, unsigned long size)
{
	unsigned long i;

	for (i = n; i < size; i++)
		if (p->page[page + i].kind != HOLE)
			return false;
	for (i = n; i < size; i++)
		p->page[page + i] = grown(p->page[page + n - 1], i - n + 1);
	for (i = size; i < n; i++)
		p->page[page + i].kind = HOLE;
	return true;
}

void shadow_move(struct shadow *p, unsigned long page, unsigned long n, unsigned long to,
		 unsigned long size, bool keep)
{
	for (unsigned long i = 0; i < size; i++)
		p->page[to + i] =
			i < n ? p->page[page + i] : grown(p->page[page + n - 1], i - n + 1);
	for (unsigned long i = 0; i < n; i++) {
		struct shadow_page *old = &p->page[page + i];

		forget(old);
		old->locked = false;
		if (!keep)
			old->kind = HOLE;
	}
}

void shadow_fork(const struct shadow *parent, struct shadow *child)
{
	*child = *parent;
	for (unsigned long i = 0; i < PAGES; i++) {
		struct shadow_page *page = &child->page[i];

		if (page->dontfork)
			page->kind = HOLE;
		if (page->wipeonfork)
			forget(page);
		page->locked = false;
	}
}

void shadow_brk(struct shadow *p, unsigned long brk)
{
	unsigned long pages = (PAGE_ALIGN(brk) - HOST_BRK) >> PAGE_SHIFT;

	CHECK(brk >= HOST_BRK && pages <= HEAP);
	p->brk = brk;
	for (unsigned long i = 0; i < HEAP; i++) {
		unsigned long addr = HOST_BRK + i * PAGE_SIZE;

		if (i < pages) {
			CHECK(host_get(addr) == p->heap[i]);
		} else {
			CHECK(host_read(addr, &(char){ 0 }, 1).code == CODE_MAPERR);
			p->heap[i] = 0;
		}
	}
	if (pages)
		host_put(HOST_BRK + (pages - 1) * PAGE_SIZE, ++p->heap[pages - 1]);
}

void shadow_follow(struct shadow *p, const struct shadow *before, bool succeeded)
{
	struct shadow after = *p;

	for (unsigned long i = 0; i < PAGES; i++) {
		struct vm_area_struct *vma = vma_lookup(p->task->mm, PAGE(i));
		struct shadow_page *page = &p->page[i];

		*page = succeeded ? after.page[i] : before->page[i];
		if (vma &&
		    page->kind == HOLE) { /* moved away, but its old place could not be split */
			CHECK(succeeded);
			*page = before->page[i];
			forget(page);
		}
		if (!vma) {
			page->kind = HOLE;
			continue;
		}
		page->prot = vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC);
		page->locked = vma->vm_flags & VM_LOCKED;
		page->dontfork = vma->vm_flags & VM_DONTCOPY;
		page->wipeonfork = vma->vm_flags & VM_WIPEONFORK;
	}
}

void shadow_populated(struct shadow *p, unsigned long n, unsigned long end)
{
	for (end += n; n < end; n++) {
		struct shadow_page *page = &p->page[n];
		struct page *frame = host_page(p->task, PAGE(n));

		if (page->kind == FILE_PRIVATE && !page->own && frame && PageAnon(frame)) {
			CHECK(page->prot & PROT_WRITE);
			page->value = *word(page);
			page->own = true;
		}
	}
}

/* --- the file --- */
void shadow_file_write(unsigned long index, uint64_t value)
{
	CHECK(host_file_write(shadow_file, &value, sizeof(value), (loff_t)(index * PAGE_SIZE)) ==
	      sizeof(value));
	file_value[index] = value;
	file_pages = max(file_pages, index + 1);
}

void shadow_file_truncate(struct shadow *family, unsigned int members, unsigned long pages)
{
	host_file_truncate(shadow_file, pages * PAGE_SIZE);
	file_pages = pages;
	for (; pages < FILE_MAX; pages++)
		file_value[pages] = 0;
	for (; members; members--, family++)
		for (unsigned long i = 0; i < PAGES; i++)
			if (family->page[i].kind == FILE_PRIVATE && behind_end(&family->page[i]))
				family->page[i].own = false;
}

/* --- accesses --- */
static bool allowed(const struct shadow_page *page, unsigned long addr, uint8_t right,
		    struct host_verdict got)
{
	struct host_verdict want = { 0, 0, 0 };

	if (page->kind == HOLE)
		want = (struct host_verdict){ SIGNAL_SEGV, CODE_MAPERR, addr };
	else if (!page->prot || (right == PROT_WRITE && !(page->prot & right)))
		want = (struct host_verdict){ SIGNAL_SEGV, CODE_ACCERR, addr };
	else if (behind_end(page))
		want = (struct host_verdict){ SIGNAL_BUS, CODE_ADRERR, addr };
	else if (!(page->prot & right)) /* a fetch: seen when the page has come, as by a read */
		want = (struct host_verdict){ SIGNAL_SEGV, CODE_ACCERR, addr };
	if (got.signal != want.signal ||
	    (got.signal && (got.code != want.code || got.addr != want.addr)))
		fail_msg(
			"access %u to %#lx (kind %u, rights %u): signal %d, code %d at %#lx instead of %d, %d",
			right, addr, page->kind, page->prot, got.signal, got.code, got.addr,
			want.signal, want.code);
	return !want.signal;
}

void shadow_read(struct shadow *p, unsigned long n)
{
	struct shadow_page *page = &p->page[n];
	uint64_t got;

	/* On x86 whatever is mapped with any right can be read. */
	if (allowed(page, PAGE(n), 7, host_read(PAGE(n), &got, sizeof(got))) && !shows(page, got))
		fail_msg("page %lu (kind %u) shows %#lx instead of %#lx", n, page->kind, got,
			 *word(page));
}

void shadow_write(struct shadow *p, unsigned long n, uint64_t value)
{
	struct shadow_page *page = &p->page[n];

	if (!allowed(page, PAGE(n), PROT_WRITE, host_put(PAGE(n), value)))
		return;
	page->own = true;
	page->lazy = false;
	*word(page) = value;
}

void shadow_exec(struct shadow *p, unsigned long n)
{
	allowed(&p->page[n], PAGE(n), PROT_EXEC, host_exec(PAGE(n)));
}

void shadow_touch_all(struct shadow *p)
{
	for (unsigned long n = 0; n < PAGES; n++) {
		shadow_read(p, n);
		shadow_write(p, n, n + 1);
		shadow_exec(p, n);
	}
}

void shadow_peek(struct shadow *p)
{
	for (unsigned long n = 0; n < PAGES; n++) {
		struct shadow_page *page = &p->page[n];
		pte_t pte = host_pte(p->task, PAGE(n));
		struct page *frame = host_page(p->task, PAGE(n));

		if (!pte_present(pte))
			continue;
		CHECK(page->kind != HOLE && !behind_end(page));
		CHECK(page->prot || !(pte.pte & _PAGE_PRESENT));
		CHECK(!pte_write(pte) || page->prot & PROT_WRITE);
		CHECK(shows(page, frame ? *(uint64_t *)page_address(frame) : 0));
	}
}

bool shadow_all(const struct shadow *p, unsigned long page, unsigned long n, enum kind kind)
{
	while (n--)
		if (p->page[page++].kind != kind)
			return false;
	return true;
}

bool shadow_mapped(const struct shadow *p, unsigned long page, unsigned long n)
{
	while (n--)
		if (p->page[page++].kind == HOLE)
			return false;
	return true;
}
