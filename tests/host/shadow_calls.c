/* SPDX-License-Identifier: MIT */
/* The steps of the walk that are calls of the mmap family; see shadow_walk.h. */
#include "tests/host/test.h"

#include "mm/space/vma.h"
#include "tests/host/shadow_walk.h"

/* --- mapping --- */
/* Shared memory that no process maps any more, to be had again; NULL: all is in use. */
static struct object *free_object(void)
{
	for (struct object *object = objects + FILES; object < objects + OBJECTS; object++) {
		bool used = false;

		for (struct shadow *q = family; q < family + members; q++)
			for (unsigned long i = 0; i < PAGES; i++)
				used |= q->page[i].object == object;
		if (!used)
			return object;
	}
	return NULL;
}

static struct object *object_for(enum kind kind)
{
	struct object *object = NULL;

	if (kind == SHMEM)
		object = free_object();
	else if (kind != ANON)
		return &objects[pick(FILES)];
	if (object)
		*object = (struct object){ .size = now.n * PAGE_SIZE };
	return object;
}

void do_map(void)
{
	static const unsigned long types[] = { 0, MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE,
					       MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED };
	static const unsigned long extras[] = {
		0, 0, 0, 0, MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE, MAP_FIXED_NOREPLACE
	};
	enum kind kind = ANON + (enum kind)pick(4);
	unsigned long extra = extras[pick(8)], prot = pick(3) ? RW : pick(8), index = 0;
	struct object *object = object_for(kind);
	bool taken = false;
	int fd = -1;

	if (kind == SHMEM && !object)
		return;
	if (kind == PRIVATE || kind == SHARED) {
		index = pick(OBJECT_PAGES - now.n + 1);
		fd = host_open(object->file, true);
	}
	doing("mmap(prot %lu, type %#lx of object %td at page %lu, flags %#lx)", prot, types[kind],
	      object ? object - objects : -1, index, extra);
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		taken |= now.me->page[i].kind != HOLE;
	taken &= extra == MAP_FIXED_NOREPLACE;
	for (unsigned long i = 0; i < now.n && !taken; i++) {
		shadow_clear(&now.me->page[now.first + i]);
		now.me->page[now.first + i] = (struct shadow_page){ .kind = kind,
								    .prot = (u8)prot,
								    .locked = extra == MAP_LOCKED,
								    .object = object,
								    .index = index + i };
	}
	result(map_at(now.addr, now.n, prot, types[kind] | (extra ? extra | MAP_FIXED : MAP_FIXED),
		      fd, index),
	       taken ? -EEXIST : (long)now.addr);
	if (!taken && (extra == MAP_LOCKED || extra == MAP_POPULATE))
		populated();
	if (fd >= 0)
		host_close(fd);
}

void do_unmap(void)
{
	doing("munmap");
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		shadow_clear(&now.me->page[i]);
	result(sys_munmap(now.addr, now.len), 0);
}

void do_protect(void)
{
	unsigned long prot = pick(3) ? RW - pick(3) : pick(8), i = now.first;

	doing("mprotect(%lu)", prot);
	for (; i < now.first + now.n && now.me->page[i].kind != HOLE; i++)
		now.me->page[i].prot = (u8)prot;
	result(sys_mprotect(now.addr, now.len, prot), i < now.first + now.n ? -ENOMEM : 0);
	for (i = now.first; i < now.first + now.n; i++) /* locked ones get their copies at once */
		if (now.me->page[i].locked)
			shadow_populated(now.me, i);
}

/* What page @i of a mapping is that was made longer behind page @last. */
static struct shadow_page beside(const struct shadow_page *last, unsigned long i)
{
	struct shadow_page page = *last;

	page.index += page.object ? i : 0;
	page.own = NULL;
	return page;
}

static void resize(unsigned long to, unsigned long size, unsigned long flags)
{
	bool free = flags & MREMAP_FIXED;
	unsigned long i;

	for (i = now.n; i < size && !free && now.me->page[now.first + i].kind == HOLE; i++)
		;
	free |= i >= size;
	for (i = now.n; i < size && free; i++) {
		shadow_clear(&now.me->page[to + i]);
		now.me->page[to + i] = beside(&now.me->page[to + now.n - 1], i - now.n + 1);
	}
	for (i = size; i < now.n; i++)
		shadow_clear(&now.me->page[now.first + i]);
	result(sys_mremap(now.addr, now.len, size * PAGE_SIZE, flags, shadow_addr(to)),
	       free ? (long)shadow_addr(to) : -ENOMEM);
	for (i = to; i < to + size && free; i++)
		if (now.me->page[i].locked)
			shadow_populated(now.me, i);
}

/* mremap to page @to: [first, first + n) arrives there, holes stay behind, or empty pages. */
static void move(unsigned long to, unsigned long size, bool keep)
{
	for (unsigned long i = 0; i < min(now.n, size); i++) {
		struct shadow_page *old = &now.me->page[now.first + i];

		shadow_clear(&now.me->page[to + i]);
		now.me->page[to + i] = *old;
		old->own = NULL; /* has moved */
		if (!keep)
			shadow_clear(old);
	}
	resize(to, size, MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0));
	/* All of the old VMA is unlocked, and only the kernel knows how long that is. */
	for (unsigned long i = 0; i < ARENA && keep; i++) {
		const struct vm_area_struct *vma = vma_lookup(now.me->task->mm, shadow_addr(i));

		now.me->page[i].locked &= vma && vma->vm_flags & VM_LOCKED;
	}
}

/* A second mapping of shared pages: mremap() with an old length of 0. */
static void duplicate(unsigned long to)
{
	if (now.me->page[now.first].kind < SHMEM ||
	    (now.first < to + now.n && to < now.first + now.n))
		return;
	doing("mremap(old length 0) to page %lu", to);
	for (unsigned long i = 0; i < now.n; i++) {
		shadow_clear(&now.me->page[to + i]);
		now.me->page[to + i] = beside(&now.me->page[now.first], i);
	}
	result(sys_mremap(now.addr, 0, now.len, MREMAP_MAYMOVE | MREMAP_FIXED, shadow_addr(to)),
	       (long)shadow_addr(to));
	now.first = to;
	populated();
}

void do_remap(void)
{
	struct vm_area_struct *vma = vma_lookup(now.me->task->mm, now.addr);
	unsigned long left, size, to;
	bool keep = !pick(4);

	if (!vma)
		return;
	left = (vma->vm_end - now.addr) >> PAGE_SHIFT;
	now.n = min(now.n, left);
	now.len = now.n * PAGE_SIZE;
	if (!pick(6)) {
		duplicate(pick(ARENA - now.n + 1));
	} else if (!pick(3)) { /* growing in place: only at the end of the VMA */
		size = now.n == left ? 1 + pick(min(now.n + 4, ARENA - now.first)) :
				       1 + pick(now.n);
		doing("mremap to %lu pages", size);
		resize(now.first, size, 0);
	} else {
		size = keep ? now.n : 1 + pick(now.n + 3);
		to = pick(ARENA);
		if (to + size > ARENA || (now.first < to + size && to < now.first + now.n))
			return;
		doing("mremap to %lu pages at page %lu%s", size, to, keep ? ", DONTUNMAP" : "");
		move(to, size, keep);
	}
}

void do_brk(void)
{
	unsigned long brk = HOST_BRK + pick(HEAP * PAGE_SIZE);

	doing("brk to %#lx of the heap", brk - HOST_BRK);
	for (unsigned long i = 0; i < HEAP; i++) {
		struct shadow_page *page = &now.me->page[ARENA + i];

		if (HOST_BRK + i * PAGE_SIZE >= brk)
			shadow_clear(page);
		else if (page->kind == HOLE)
			*page = (struct shadow_page){ .kind = ANON, .prot = RW };
	}
	result(sys_brk(brk), (long)brk);
}

/* --- advice and locks --- */
/* What the advice means for one page: 0, or what ends the call. */
static long advise(struct shadow_page *page, int advice)
{
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
		if (page->locked || (advice == MADV_FREE && page->kind != ANON))
			return -EINVAL;
		shadow_forget(page);
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return page->locked ? -EINVAL : 0;
	case MADV_REMOVE:
		if (page->locked || page->kind == ANON)
			return -EINVAL;
		if (page->kind != SHMEM)
			return page->kind == PRIVATE ? -EACCES : -EOPNOTSUPP;
		if (!shadow_beyond(page))
			memset(page->object->cell[page->index].word, 0, 16);
		return 0;
	case MADV_WIPEONFORK:
		page->wipeonfork |= page->kind == ANON;
		return page->kind == ANON ? 0 : -EINVAL;
	case MADV_KEEPONFORK:
		page->wipeonfork = false;
		return 0;
	case MADV_DONTFORK:
	case MADV_DOFORK:
		page->dontfork = advice == MADV_DONTFORK;
		return 0;
	default:
		return 0;
	}
}

void do_advise(void)
{
	static const int advices[] = { MADV_DONTNEED,   MADV_FREE,           MADV_PAGEOUT,
				       MADV_PAGEOUT,    MADV_COLD,           MADV_WILLNEED,
				       MADV_WIPEONFORK, MADV_KEEPONFORK,     MADV_DONTFORK,
				       MADV_DOFORK,     MADV_SEQUENTIAL,     MADV_NORMAL,
				       MADV_REMOVE,     MADV_DONTNEED_LOCKED };
	int advice = advices[pick(ARRAY_SIZE(advices))];
	long want = 0, err = 0;
	unsigned long i;

	doing("madvise(%d)", advice);
	for (i = now.first; i < now.first + now.n && !err; i++) {
		if (now.me->page[i].kind == HOLE)
			want = -ENOMEM;
		else if (advice == MADV_DONTNEED_LOCKED)
			shadow_forget(&now.me->page[i]);
		else
			err = advise(&now.me->page[i], advice);
	}
	result(sys_madvise(now.addr, now.len, advice), err ? err : want);
	/* When freed memory becomes empty is reclaim's choice: make it so now. */
	if (advice == MADV_FREE)
		result(sys_madvise(now.addr, (i - now.first - !!err) * PAGE_SIZE, MADV_DONTNEED), want);
}

void do_populate(void)
{
	bool write = pick(2);
	unsigned long right = write ? PROT_WRITE : PROT_READ;
	long want = 0, err = 0;

	doing("madvise(POPULATE_%s)", write ? "WRITE" : "READ");
	for (unsigned long i = now.first; i < now.first + now.n && !err; i++) {
		if (now.me->page[i].kind == HOLE)
			want = -ENOMEM;
		else if (!(now.me->page[i].prot & right))
			err = -EINVAL;
		else if (shadow_beyond(&now.me->page[i]))
			err = -EFAULT;
	}
	result(sys_madvise(now.addr, now.len, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ),
	       err ? err : want);
	populated();
}

void do_lock(void)
{
	int how = (int)pick(4); /* mlock, mlock on fault, munlock twice as often */
	bool reachable = true;
	unsigned long i = now.first;

	doing("%s", how == 0 ? "mlock" : how == 1 ? "mlock2(ONFAULT)" : "munlock");
	for (; i < now.first + now.n && now.me->page[i].kind != HOLE; i++) {
		now.me->page[i].locked = how < 2;
		reachable &= now.me->page[i].prot && !shadow_beyond(&now.me->page[i]);
	}
	result(how == 0 ? sys_mlock(now.addr, now.len) :
	       how == 1 ? sys_mlock2(now.addr, now.len, MLOCK_ONFAULT) :
			  sys_munlock(now.addr, now.len),
	       i < now.first + now.n || (!how && !reachable) ? -ENOMEM : 0);
	populated();
}
