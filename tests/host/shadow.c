/* SPDX-License-Identifier: MIT */
/* The shadow of address spaces and its comparison with the machine; see shadow.h. */
#include "tests/unit/test.h"

#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/fault/fault.h"
#include "mm/space/mman.h"
#include "mm/space/pagetable.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "kernel/core/vfs.h"
#include "tests/host/shadow.h"

/* As in siginfo. */
enum { SIGBUS = 7, SIGSEGV = 11 };
enum { SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRERR = 2 };

struct shadow family[FAMILY];
unsigned int members;
unsigned long shadow_seed, shadow_step;
char shadow_doing[200];

static unsigned int epoch;
static struct {
	unsigned int epoch;
	const struct cell *cell;
} * frames; /* by number: whose contents it held in that look */

unsigned long shadow_addr(unsigned long n)
{
	return n < ARENA ? ARENA_BASE + n * PAGE_SIZE : HOST_BRK + (n - ARENA) * PAGE_SIZE;
}

/* --- failing --- */
static char kind_letter(bool mapped, bool file, bool shared, unsigned long prot)
{
	char letter = file ? (shared ? 's' : 'p') : shared ? 'm' : 'a';

	return !mapped           ? '.' :
	       !prot             ? '-' :
	       prot & PROT_WRITE ? (char)(letter - 'a' + 'A') :
				   letter;
}

static char entry_letter(const struct shadow *p, unsigned long n)
{
	pte_t pte = host_pte(p->task, shadow_addr(n));

	if (pte_none(pte))
		return '.';
	if (is_swap_pte(pte))
		return '$';
	if (pte_special(pte))
		return '0';
	return pte_write(pte) ? 'W' : pte_protnone(pte) ? '-' : 'r';
}

static char expected_letter(const struct shadow *p, unsigned long n)
{
	const struct shadow_page *page = &p->page[n];

	return kind_letter(page->kind, page->kind == PRIVATE || page->kind == SHARED,
			   page->kind >= SHMEM, page->prot);
}

static char seen_letter(const struct shadow *p, unsigned long n)
{
	const struct vm_area_struct *vma = vma_lookup(p->task->mm, shadow_addr(n));
	bool file = vma && vma->vm_file && vma->vm_file->f_inode;

	return vma ? kind_letter(true, file, vma->vm_flags & VM_SHARED, vma->vm_flags & 7) : '.';
}

static char own_letter(const struct shadow *p, unsigned long n)
{
	const struct cell *own = p->page[n].own;

	return !own ? ' ' : (char)('0' + min(own->refs, 9U));
}

static void ruler_line(const struct shadow *p, const char *name,
		       char (*letter)(const struct shadow *p, unsigned long n))
{
	char line[PAGES + 2];

	for (unsigned long n = 0; n < PAGES; n++)
		line[n + (n >= ARENA)] = letter(p, n);
	line[ARENA] = '|';
	line[PAGES + 1] = '\0';
	print_error("  %-8s |%s|\n", name, line);
}

static void ruler(const struct shadow *p, unsigned long at)
{
	print_error("  process %td; a anonymous, m shared memory, p private and s shared file; "
		    "capitals: writable; -: no access\n  %-8s |",
		    p - family, "page");
	for (unsigned long n = 0; n < ARENA; n += 8)
		print_error("%-8lu", n);
	print_error("|heap");
	print_error("\n");
	ruler_line(p, "expected", expected_letter);
	ruler_line(p, "seen", seen_letter);
	ruler_line(p, "entries", entry_letter);
	ruler_line(p, "owners", own_letter);
	print_error("  %*s^ page %lu, %#lx\n", (int)(10 + at + (at >= ARENA)), "", at,
		    shadow_addr(at));
}

void shadow_fail(const struct shadow *p, unsigned long n, const char *fmt, ...)
{
	char why[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (shadow_seed)
		print_error("seed %lu, step %lu (again: make host T=shadow SEED=%lu STEPS=%lu): ",
			    shadow_seed, shadow_step, shadow_seed, shadow_step);
	print_error("%s\n%s\n", shadow_doing, why);
	if (p)
		ruler(p, n);
	fail_msg("%s", why);
}

/* --- the model --- */
static struct cell *cell_new(u64 first, u64 last)
{
	struct cell *cell = calloc(1, sizeof(*cell));

	*cell = (struct cell){ { first, last }, 1, 0, NULL };
	return cell;
}

void shadow_forget(struct shadow_page *page)
{
	if (page->own && !--page->own->refs)
		free(page->own);
	page->own = NULL;
}

void shadow_clear(struct shadow_page *page)
{
	shadow_forget(page);
	*page = (struct shadow_page){ .kind = HOLE };
}

bool shadow_beyond(const struct shadow_page *page)
{
	return page->object && page->index >= PAGE_ALIGN(page->object->size) >> PAGE_SHIFT;
}

/* Where the contents are; NULL: nowhere, they are zeroes. */
static struct cell *contents(const struct shadow_page *page)
{
	return page->own || page->kind == ANON ? page->own : &page->object->cell[page->index];
}

u64 shadow_word(const struct shadow_page *page, int which)
{
	const struct cell *cell = contents(page);

	return cell ? cell->word[which] : 0;
}

struct host_verdict shadow_verdict(const struct shadow *p, unsigned long n, unsigned long right)
{
	const struct shadow_page *page = &p->page[n];
	unsigned long addr = shadow_addr(n);

	if (page->kind == HOLE)
		return (struct host_verdict){ SIGSEGV, SEGV_MAPERR, addr };
	/*
	 * On x86 what can be used in any way can be read; and a fetch from what is not there looks
	 * like a read at first, its want of rights shows when it is.
	 */
	if (!(page->prot & (right == PROT_WRITE ? PROT_WRITE : 7)))
		return (struct host_verdict){ SIGSEGV, SEGV_ACCERR, addr };
	if (shadow_beyond(page))
		return (struct host_verdict){ SIGBUS, BUS_ADRERR, addr };
	if (right == PROT_EXEC && !(page->prot & PROT_EXEC))
		return (struct host_verdict){ SIGSEGV, SEGV_ACCERR, addr };
	return (struct host_verdict){ 0, 0, 0 };
}

/* A cell of its own for a private page, with the contents it shows. */
static void make_own(struct shadow_page *page)
{
	const u64 first = shadow_word(page, 0), last = shadow_word(page, 1);

	if (page->kind >= SHMEM || (page->own && page->own->refs == 1))
		return;
	shadow_forget(page);
	page->own = cell_new(first, last);
}

void shadow_store(struct shadow *p, unsigned long n, int which, u64 value)
{
	make_own(&p->page[n]);
	contents(&p->page[n])->word[which] = value;
}

void shadow_populated(struct shadow *p, unsigned long n)
{
	struct shadow_page *page = &p->page[n];
	const struct page *frame = host_page(p->task, shadow_addr(n));

	if (!frame || !PageAnon(frame) || !(page->prot & PROT_WRITE))
		return;
	if ((page->kind == PRIVATE && !page->own) || pte_write(host_pte(p->task, shadow_addr(n))))
		make_own(page);
}

/* Bytes from @size on are gone: the end of a file's last word may be. */
static void cut_word(u64 *word, size_t at, size_t size)
{
	if (size <= at)
		*word = 0;
	else if (size < at + 8)
		*word &= (1UL << (size - at) * 8) - 1;
}

void shadow_truncate(struct object *object, size_t size)
{
	object->size = size;
	for (unsigned long i = 0; i < OBJECT_PAGES; i++) {
		cut_word(&object->cell[i].word[0], i * PAGE_SIZE, size);
		cut_word(&object->cell[i].word[1], (i + 1) * PAGE_SIZE - 8, size);
	}
	for (struct shadow *p = family; p < family + members; p++) /* private copies go, too */
		for (unsigned long n = 0; n < PAGES; n++)
			if (p->page[n].object == object && shadow_beyond(&p->page[n]))
				shadow_forget(&p->page[n]);
}

void shadow_fork(const struct shadow *parent, struct shadow *child)
{
	struct task_struct *task = child->task;

	*child = *parent;
	child->task = task;
	for (struct shadow_page *page = child->page; page < child->page + PAGES; page++) {
		if (page->own)
			page->own->refs++;
		if (page->dontfork)
			shadow_clear(page);
		if (page->wipeonfork)
			shadow_forget(page);
		page->locked = false;
	}
}

/* --- comparing --- */
static void check_vma(const struct shadow *p, unsigned long n)
{
	const struct shadow_page *page = &p->page[n];
	const struct vm_area_struct *vma = vma_lookup(p->task->mm, shadow_addr(n));

	if (seen_letter(p, n) != expected_letter(p, n))
		shadow_fail(p, n, "there is another mapping than there must be");
	if (!vma)
		return;
	if ((vma->vm_flags & 7) != page->prot || !(vma->vm_flags & VM_LOCKED) != !page->locked)
		shadow_fail(p, n, "rights %#lx%s instead of %#x%s", vma->vm_flags & 7,
			    vma->vm_flags & VM_LOCKED ? ", locked" : "", page->prot,
			    page->locked ? ", locked" : "");
	if (page->object && linear_page_index(vma, shadow_addr(n)) != page->index)
		shadow_fail(p, n, "page %lu of the object instead of %lu",
			    linear_page_index(vma, shadow_addr(n)), page->index);
}

/* One frame shows one cell, one cell is in one frame. Zeroes nobody has written are all alike. */
static void check_sharing(const struct shadow *p, unsigned long n, struct page *frame)
{
	struct cell *cell = contents(&p->page[n]);
	unsigned long pfn = page_to_pfn(frame);

	if (!frames)
		frames = calloc(max_pfn, sizeof(*frames));
	if (frames[pfn].epoch == epoch && frames[pfn].cell != cell)
		shadow_fail(p, n,
			    "frame %#lx is shared with a page that it must not be shared with",
			    pfn);
	frames[pfn].epoch = epoch;
	frames[pfn].cell = cell;
	if (!cell)
		return;
	if (cell->epoch == epoch && cell->frame != frame)
		shadow_fail(p, n, "frame %#lx, but frame %#lx for another who shares the page", pfn,
			    page_to_pfn(cell->frame));
	cell->epoch = epoch;
	cell->frame = frame;
}

static void check_entry(const struct shadow *p, unsigned long n)
{
	const struct shadow_page *page = &p->page[n];
	pte_t pte = host_pte(p->task, shadow_addr(n));
	struct page *frame = host_page(p->task, shadow_addr(n));
	const u64 *words;

	if (pte_none(pte)) {
		if (page->own)
			shadow_fail(p, n, "nothing is mapped: what was written is lost");
		return;
	}
	if (page->kind == HOLE || shadow_beyond(page))
		shadow_fail(p, n, "an entry (%#llx) is left where nothing is", pte.pte);
	if (is_swap_pte(pte)) {
		if (page->kind != ANON && !page->own)
			shadow_fail(p, n, "in swap, but it is the object's");
		return;
	}
	if (!(pte.pte & _PAGE_PRESENT) != !page->prot ||
	    (pte_write(pte) && !(page->prot & PROT_WRITE)))
		shadow_fail(p, n, "entry %#llx does not go with rights %#x", pte.pte, page->prot);
	words = frame ? page_address(frame) : page_address(zero_page);
	for (int i = 0; i < 2; i++)
		if (words[i * 511] != shadow_word(page, i))
			shadow_fail(p, n, "word %d in the frame is %#llx instead of %#llx", i * 511,
				    words[i * 511], shadow_word(page, i));
	if (frame && !PageAnon(frame) != !(page->kind == ANON || page->own))
		shadow_fail(p, n, "the frame is %s", PageAnon(frame) ? "private" : "the object's");
	if (frame)
		check_sharing(p, n, frame);
}

static void check_access(const struct shadow *p, unsigned long n, unsigned long right)
{
	struct host_verdict want = shadow_verdict(p, n, right), got;
	unsigned long addr = shadow_addr(n);
	u64 word = 0;

	got = right == PROT_READ  ? host_read(addr, &word, sizeof(word)) :
	      right == PROT_WRITE ? host_write(addr, "forbidden", 8) :
				    host_exec(addr);
	if (got.signal != want.signal || got.code != want.code || got.addr != want.addr)
		shadow_fail(p, n, "%s: signal %d, code %d at %#lx instead of %d, %d",
			    right == PROT_READ  ? "reading" :
			    right == PROT_WRITE ? "writing" :
						  "executing",
			    got.signal, got.code, got.addr, want.signal, want.code);
	if (right != PROT_READ || got.signal)
		return;
	host_read(addr + PAGE_SIZE - 8, &word, 8);
	if (word != shadow_word(&p->page[n], 1))
		shadow_fail(p, n, "the last word reads %#llx instead of %#llx", word,
			    shadow_word(&p->page[n], 1));
	host_read(addr, &word, 8);
	if (word != shadow_word(&p->page[n], 0))
		shadow_fail(p, n, "the first word reads %#llx instead of %#llx", word,
			    shadow_word(&p->page[n], 0));
}

/* Every page, with what may not change it. The process runs. */
static void check_accesses(const struct shadow *p)
{
	for (unsigned long n = 0; n < PAGES; n++) {
		check_access(p, n, PROT_READ);
		check_access(p, n, PROT_EXEC);
		if (shadow_verdict(p, n, PROT_WRITE).signal)
			check_access(p, n, PROT_WRITE);
	}
}

static void check_entries(void)
{
	epoch++;
	for (struct shadow *p = family; p < family + members; p++) {
		for (unsigned long n = 0; n < PAGES; n++) {
			check_vma(p, n);
			check_entry(p, n);
		}
	}
}

void shadow_check(struct shadow *actor, bool all)
{
	host_tlb_check();
	for (unsigned long n = 0; n < PAGES; n++)
		if (pte_present(host_pte(actor->task, shadow_addr(n))) ||
		    shadow_verdict(actor, n, PROT_READ).signal)
			check_access(actor, n, PROT_READ);
	check_entries();
	if (!all)
		return;
	for (struct shadow *p = family; p < family + members; p++) {
		host_switch(p->task);
		check_accesses(p);
		host_tlb_check();
	}
	check_entries();
	host_switch(actor->task);
}
