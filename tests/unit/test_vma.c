/* SOURCES: mm/space/vma.c mm/space/vma_merge.c mm/space/anon_vma.c mm/space/account.c mm/space/mmap.c mm/space/munmap.c mm/space/mprotect.c mm/space/protect.c mm/space/mremap.c mm/space/move.c mm/space/brk.c mm/space/stack.c mm/space/mlock.c mm/space/madvise.c mm/space/pagetable.c mm/space/zap.c mm/space/copy.c mm/space/rmap.c mm/space/mm.c arch/x86_64/mm/pgprot.c lib/rbtree.c lib/interval_tree.c tests/host/shim.c tests/host/alloc.c */
/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: the real VMA tree, merge and split, page tables and reverse map, under a pretended
 * fault path, swap and RAM, against a shadow model that knows one thing for each page: its rights and
 * what it must read. What differs is shown as rulers, one character a page:
 *
 *	|ww|rr..|nnn    a VMA begins at '|'; w r n: rights; '.': nothing mapped
 */
#include "tests/unit/test.h"

#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "lib/util.h"
#include "mm/backing/shmem.h"
#include "mm/backing/swap.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/reclaim/lru.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mman.h"
#include "mm/space/rmap.h"
#include "mm/space/vma.h"
#include "mm/stats.h"
#include "tests/host/host.h"

#define PAGES 192UL                     /* of the window that random tests work in */
#define BASE (0x10000000UL - PAGES * PAGE_SIZE / 2) /* so that a page-table boundary is inside */
#define ADDR(page) (BASE + (unsigned long)(page) * PAGE_SIZE)
#define FRAMES 16384UL

/* --- the floor below: frames, swap, files, as little of each as will do --- */
long node_stats[NR_NODE_STATS];
unsigned long vm_events[NR_VM_EVENTS];
struct page *zero_page;
unsigned long zero_pfn;
static pgd_t kernel_pgd[512];
pgd_t *init_pgd = kernel_pgd;
static unsigned long next_frame = 1, free_frames[FRAMES], nr_free, frames_used;
static unsigned long frames_left = FRAMES;

struct page *alloc_page(gfp_t gfp)
{
	struct page *page;

	if (!frames_left)
		return NULL;
	frames_left--;
	frames_used++;
	page = pfn_to_page(nr_free ? free_frames[--nr_free] : next_frame++);
	memset(page, 0, sizeof(*page));
	atomic_set(&page->_refcount, 1);
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0xa5, PAGE_SIZE);
	return page;
}
void __put_page(struct page *page)
{
	CHECK(page_mapcount(page) == 0 && !PageSwapCache(page) && !PageTable(page));
	free_frames[nr_free++] = page_to_pfn(page);
	frames_left++;
	frames_used--;
}
void *get_zeroed_page(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	return page ? page_address(page) : NULL;
}
void free_page(void *addr) { put_page(virt_to_page(addr)); }
unsigned long totalram_pages(void) { return FRAMES; }
unsigned long total_swap_pages(void) { return 0; }

static struct slot { int count; uint64_t value; } slots[4096];

static bool swap_counts_full;

int swap_duplicate(swp_entry_t entry)
{
	if (swap_counts_full)
		return -ENOMEM;
	slots[swp_offset(entry)].count++;
	return 0;
}
void free_swap_and_cache(swp_entry_t entry)
{
	CHECK(slots[swp_offset(entry)].count > 0);
	slots[swp_offset(entry)].count--;
}
struct page *swapin_readahead(swp_entry_t entry, struct vm_area_struct *vma, unsigned long addr, bool *major) { (void)entry; (void)vma; (void)addr; (void)major; return NULL; }
bool try_to_free_swap(struct page *page) { (void)page; return false; }
void mark_page_accessed(struct page *page) { (void)page; }
void deactivate_page(struct page *page) { (void)page; }
void mlock_page(struct page *page) { SetPageMlocked(page); }
void munlock_page(struct page *page) { ClearPageMlocked(page); }
bool isolate_lru_page(struct page *page) { (void)page; return false; }
unsigned long reclaim_pages(struct list_head *list) { (void)list; return 0; }
bool set_page_dirty(struct page *page) { (void)page; return true; }
void force_page_cache_readahead(struct address_space *mapping, pgoff_t start, unsigned long nr) { (void)mapping; (void)start; (void)nr; }
void unlock_page(struct page *page) { ClearPageLocked(page); }
void __lock_page(struct page *page) { (void)page; abort(); }
int deny_write_access(struct file *file) { (void)file; return 0; }
void allow_write_access(struct file *file) { (void)file; }

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = { .name = "test" };

	(void)file;
	vma->vm_ops = &ops;
	return 0;
}
static const struct file_operations file_ops = { .name = "test", .mmap = file_mmap };
static struct address_space file_mapping;
static struct file test_file = { .f_mode = FMODE_READ | FMODE_WRITE, .f_op = &file_ops, .f_mapping = &file_mapping };
static struct file *fds[] = { &test_file };

struct file *fget(unsigned int fd) { return fd < ARRAY_SIZE(fds) && fds[fd] ? get_file(fds[fd]) : NULL; }
void fput(struct file *file)
{
	if (file)
		atomic_dec(&file->f_count);
}
struct file *shmem_file_setup(const char *name, loff_t size) { (void)name; (void)size; return get_file(&test_file); }

/* --- the pretended fault path: anonymous memory, copy-on-write, swap-in --- */
static uint64_t *page_value(const struct page *page) { return page_address(page); }

static struct page *fresh_page(struct vm_area_struct *vma, unsigned long addr, uint64_t value)
{
	struct page *page = alloc_page(__GFP_ZERO);

	CHECK(page && !anon_vma_prepare(vma));
	*page_value(page) = value;
	page_add_new_anon_rmap(page, vma, addr);
	return page;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address, unsigned int flags)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long addr = address & PAGE_MASK;
	pmd_t *pmd = alloc_tables(mm, addr);
	struct page *page;
	pte_t *pte;

	if (!pmd || vma->vm_file)
		return VM_FAULT_OOM;
	pte = pte_offset(pmd, addr);
	if (!pte_present(*pte)) {
		struct slot *slot = is_swap_pte(*pte) ? &slots[swp_offset(pte_to_swp_entry(*pte))] : NULL;

		page = fresh_page(vma, addr, slot ? slot->value : 0);
		if (slot) {
			slot->count--;
			mm->rss[MM_SWAPENTS]--;
		}
		mm->rss[MM_ANONPAGES]++;
	} else {
		page = pfn_to_page(pte_pfn(*pte));
		if ((flags & FAULT_FLAG_WRITE) && page_count(page) > 1) {
			struct page *old = page;

			page = fresh_page(vma, addr, *page_value(old));
			page_remove_rmap(old);
			put_page(old);
		}
	}
	set_pte(pte, pte_mkyoung(pte_mkdirty(pfn_pte(page_to_pfn(page), vma->vm_page_prot))));
	if (flags & FAULT_FLAG_WRITE)
		set_pte(pte, maybe_mkwrite(*pte, vma));
	return 0;
}

/* As the CPU would: the entry if it allows the access, else a fault. */
static uint64_t *access(struct mm_struct *mm, unsigned long addr, bool write)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	pmd_t *pmd = mm_find_pmd(mm, addr);
	pte_t pte = pmd ? *pte_offset(pmd, addr) : __pte(0);

	CHECK(vma && (vma->vm_flags & (write ? VM_WRITE : VM_READ)));
	if (!(pte.pte & _PAGE_PRESENT) || (write && !pte_write(pte))) {
		CHECK(!handle_mm_fault(vma, addr, write ? FAULT_FLAG_WRITE : 0));
		pte = *pte_offset(mm_find_pmd(mm, addr), addr);
	}
	return page_value(pfn_to_page(pte_pfn(pte)));
}

/* What a read would give, without faulting anything in. */
static uint64_t peek(struct mm_struct *mm, unsigned long addr)
{
	pmd_t *pmd = mm_find_pmd(mm, addr);
	pte_t pte = pmd ? *pte_offset(pmd, addr) : __pte(0);

	if (is_swap_pte(pte))
		return slots[swp_offset(pte_to_swp_entry(pte))].value;
	return pte_none(pte) ? 0 : *page_value(pfn_to_page(pte_pfn(pte)));
}

/* Write the page out through the reverse map, as reclaim would; every entry must turn into a slot. */
static void swap_out(struct page *page)
{
	unsigned long slot = 1;

	while (slots[slot].count)
		slot++;
	CHECK(slot < ARRAY_SIZE(slots));
	slots[slot] = (struct slot){ 1, *page_value(page) }; /* the cache's own */
	get_page(page);
	SetPageLocked(page);
	SetPageSwapCache(page);
	page->private = swp_entry(0, slot).val;
	CHECK(try_to_unmap(page));
	ClearPageSwapCache(page);
	slots[slot].count--;
	unlock_page(page);
	CHECK(page_count(page) == 1);
	put_page(page);
}

/* --- the shadow model --- */
enum rights { HOLE, NONE, READ, WRITE };
struct shadow { enum rights rights; uint64_t value; };
struct process {
	struct mm_struct *mm;
	struct shadow page[PAGES];
	bool dontunmap; /* leaves an emptied VMA that could merge but does not, here as on Linux */
};

static const unsigned long prots[] = { 0, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

static void ruler(const struct process *p, char *model, char *tree)
{
	unsigned long page;

	for (page = 0; page < PAGES; page++) {
		struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(page));

		*model++ = ".nrw"[p->page[page].rights];
		if (vma && vma->vm_start == ADDR(page))
			*tree++ = '|';
		*tree++ = !vma ? '.' : vma->vm_flags & VM_WRITE ? 'w' : vma->vm_flags & VM_READ ? 'r' : 'n';
	}
	*model = *tree = '\0';
}

static void differ(const struct process *p, const char *what, const char *step, unsigned long page)
{
	char model[PAGES + 1], tree[2 * PAGES + 1];

	ruler(p, model, tree);
	fail_msg("%s at page %lu after %s\nmodel %s\ntree  %s", what, page, step, model, tree);
}

static unsigned long flags_rights(unsigned long vm_flags)
{
	return vm_flags & VM_WRITE ? WRITE : vm_flags & VM_READ ? READ : NONE;
}

/* Order, gaps and counts of the whole tree; bottom-up recomputed from nothing. */
static unsigned long check_subtree(struct rb_node *rb)
{
	struct vm_area_struct *vma = rb_entry_safe(rb, struct vm_area_struct, vm_rb);
	unsigned long gap;

	if (!rb)
		return 0;
	gap = max(vma->vm_gap, max(check_subtree(rb->rb_left), check_subtree(rb->rb_right)));
	CHECK(vma->rb_subtree_gap == gap);
	return gap;
}

static void check_tree(struct mm_struct *mm)
{
	struct vm_area_struct *vma, *prev = NULL;
	unsigned long total = 0;
	int count = 0;

	for_each_vma(mm, vma) {
		unsigned long below = prev ? prev->vm_end : 0;

		CHECK(vma->vm_start < vma->vm_end && below <= vma->vm_start);
		CHECK(vma->vm_gap == (vm_start_gap(vma) > below ? vm_start_gap(vma) - below : 0));
		CHECK(!vma->anon_vma == !vma->anon_id);
		total += vma_pages(vma);
		prev = vma;
		count++;
	}
	check_subtree(mm->mm_rb.rb_node);
	CHECK(count == mm->map_count);
	CHECK(total == mm->total_vm);
}

/* No entry allows more than its VMA, and the counters count the entries. */
struct count { long present, swapped; };

static void check_entry(struct pt_walk *walk, pte_t *pte, unsigned long addr)
{
	struct count *count = walk->arg;

	if (pte_none(*pte))
		return;
	walk->vma = vma_lookup(walk->vma->vm_mm, addr);
	CHECK(walk->vma);
	CHECK(!pte_write(*pte) || (walk->vma->vm_flags & VM_WRITE));
	CHECK(!(pte->pte & _PAGE_PRESENT) || (walk->vma->vm_flags & VM_ACCESS_FLAGS) || is_swap_pte(*pte));
	if (pte_present(*pte))
		count->present++;
	else
		count->swapped++;
}

static void check_entries(struct mm_struct *mm)
{
	struct count count = { 0, 0 };
	struct pt_walk walk = { .vma = vma_first(mm), .pte = check_entry, .arg = &count };

	if (walk.vma)
		walk_page_range(&walk, mm, 0, TASK_SIZE);
	CHECK(mm->rss[MM_ANONPAGES] == count.present && mm->rss[MM_SWAPENTS] == count.swapped);
}

static void check_process(struct process *p, const char *step, bool values)
{
	struct vm_area_struct *vma, *next;
	unsigned long page;

	check_tree(p->mm);
	check_entries(p->mm);
	for (page = 0; page < PAGES; page++) {
		vma = vma_lookup(p->mm, ADDR(page));
		if ((vma ? flags_rights(vma->vm_flags) : HOLE) != p->page[page].rights)
			differ(p, "rights differ", step, page);
		if (values && p->page[page].rights != HOLE && peek(p->mm, ADDR(page)) != p->page[page].value)
			differ(p, "contents differ", step, page);
	}
	for_each_vma(p->mm, vma) {
		next = vma_next(vma);
		if (!p->dontunmap && next && next->vm_start == vma->vm_end && next->vm_flags == vma->vm_flags && !vma->anon_id &&
		    !next->anon_id && next->vm_pgoff == vma->vm_pgoff + vma_pages(vma))
			differ(p, "not merged", step, (next->vm_start - BASE) >> PAGE_SHIFT);
	}
}

static struct mm_struct *enter(struct mm_struct *mm)
{
	current->mm = mm;
	return mm;
}

/* --- steps of the random test: each changes the system and the model alike --- */
static void step_map(struct process *p, unsigned long page, unsigned long n, enum rights rights)
{
	CHECK((unsigned long)sys_mmap(ADDR(page), n * PAGE_SIZE, prots[rights], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				      ~0UL, 0) == ADDR(page));
	for (; n--; page++)
		p->page[page] = (struct shadow){ rights, 0 };
}

static void step_unmap(struct process *p, unsigned long page, unsigned long n)
{
	CHECK(sys_munmap(ADDR(page), n * PAGE_SIZE) == 0);
	for (; n--; page++)
		p->page[page] = (struct shadow){ HOLE, 0 };
}

static void step_protect(struct process *p, unsigned long page, unsigned long n, enum rights rights)
{
	long err = sys_mprotect(ADDR(page), n * PAGE_SIZE, prots[rights]);

	for (; n-- && p->page[page].rights != HOLE; page++)
		p->page[page].rights = rights;
	CHECK(err == (n + 1 ? -ENOMEM : 0));
}

static void step_write(struct process *p, unsigned long page, unsigned long n, uint64_t value)
{
	for (; n--; page++, value += 3)
		if (p->page[page].rights == WRITE)
			*access(p->mm, ADDR(page), true) = p->page[page].value = value;
}

static void step_dontneed(struct process *p, unsigned long page, unsigned long n)
{
	bool hole = false;

	for (unsigned long i = page; i < page + n; i++) {
		hole |= p->page[i].rights == HOLE;
		p->page[i].value = 0;
	}
	CHECK(sys_madvise(ADDR(page), n * PAGE_SIZE, MADV_DONTNEED) == (hole ? -ENOMEM : 0));
}

static void step_remap(struct process *p, unsigned long from, unsigned long to, unsigned long n, bool keep)
{
	struct vm_area_struct *vma = vma_lookup(p->mm, ADDR(from));
	unsigned long i;

	if (!vma)
		return;
	n = min(n, (vma->vm_end - ADDR(from)) >> PAGE_SHIFT);
	if (from < to + n && to < from + n)
		return;
	CHECK((unsigned long)sys_mremap(ADDR(from), n * PAGE_SIZE, n * PAGE_SIZE,
					MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0),
					ADDR(to)) == ADDR(to));
	p->dontunmap |= keep;
	for (i = 0; i < n; i++) {
		p->page[to + i] = p->page[from + i];
		p->page[from + i] = (struct shadow){ keep ? p->page[from + i].rights : HOLE, 0 };
	}
}

static void step_swap_out(struct process *p, unsigned long page)
{
	spinlock_t *ptl;
	pte_t *pte = get_locked_pte(p->mm, ADDR(page), &ptl), entry;

	if (!pte)
		return;
	entry = *pte;
	pte_unmap_unlock(pte, ptl);
	if (pte_present(entry))
		swap_out(pfn_to_page(pte_pfn(entry)));
}

static void setup(struct process *p)
{
	memset(p, 0, sizeof(*p));
	p->mm = enter(mm_alloc());
	CHECK(p->mm);
}

static void expect_no_leaks(void)
{
	unsigned int i;

	assert_int_equal(host_alloc_live, 0);
	assert_int_equal(frames_used, 0);
	assert_int_equal(atomic_long_read(&vm_committed_as), 0);
	assert_int_equal(atomic_read(&test_file.f_count), 1);
	assert_int_equal(node_stats[N_nr_anon_pages], 0);
	assert_int_equal(node_stats[N_nr_page_table_pages], 0);
	assert_true(list_empty(&mmlist) && RB_EMPTY_ROOT(&file_mapping.i_mmap));
	for (i = 0; i < ARRAY_SIZE(slots); i++)
		assert_int_equal(slots[i].count, 0);
}

static void random_step(struct process *p, uint64_t *seed, char *step)
{
	unsigned long page = test_random(seed) % PAGES, n = 1 + test_random(seed) % 24;
	unsigned long to = test_random(seed) % (PAGES - 24);
	enum rights rights = NONE + test_random(seed) % 3;
	unsigned int kind = test_random(seed) % 16;

	n = min(n, PAGES - page);
	sprintf(step, "step kind %u on pages %lu..%lu, rights %c, target %lu", kind, page, page + n - 1, ".nrw"[rights], to);
	if (kind < 3)
		step_map(p, page, n, rights);
	else if (kind < 5)
		step_unmap(p, page, n);
	else if (kind < 8)
		step_protect(p, page, n, rights);
	else if (kind < 12)
		step_write(p, page, n, test_random(seed));
	else if (kind < 13)
		step_dontneed(p, page, n);
	else if (kind < 14)
		step_remap(p, page, to, n, p->dontunmap);
	else
		step_swap_out(p, page);
}

static void test_random_one(void **state)
{
	uint64_t seed = 20240601;
	struct process p;
	char step[128];

	(void)state;
	setup(&p);
	for (int i = 0; i < 20000; i++) {
		random_step(&p, &seed, step);
		check_process(&p, step, i % 8 == 0);
	}
	mmput(p.mm);
	expect_no_leaks();
}

static void test_random_family(void **state)
{
	static struct process p[6];
	uint64_t seed = 77;
	char step[128];
	int i, who, n = 1;

	(void)state;
	memset(p, 0, sizeof(p));
	setup(&p[0]);
	p[0].dontunmap = true;
	for (i = 0; i < 20000; i++) {
		who = (int)(test_random(&seed) % (unsigned int)n);
		enter(p[who].mm);
		if (n < 6 && test_random(&seed) % 64 == 0) {
			p[n] = p[who];
			p[n].mm = dup_mm(p[who].mm);
			CHECK(!IS_ERR(p[n].mm));
			n++;
		} else if (n > 1 && test_random(&seed) % 96 == 0) {
			mmput(p[who].mm);
			p[who] = p[--n];
		} else {
			random_step(&p[who], &seed, step);
			check_process(&p[who], step, false);
		}
		for (who = 0; i % 16 == 0 && who < n; who++)
			check_process(&p[who], "another process's step", true);
	}
	while (n)
		mmput(p[--n].mm);
	expect_no_leaks();
}

/* With memory failing anywhere, calls fail cleanly: the tree stays sound and nothing leaks. */
static void test_no_memory(void **state)
{
	uint64_t seed = 5;
	struct process p;
	struct mm_struct *child;

	(void)state;
	setup(&p);
	for (int i = 0; i < 20000; i++) {
		unsigned long page = test_random(&seed) % PAGES, n = 1 + test_random(&seed) % min(24UL, PAGES - page);
		unsigned long to = test_random(&seed) % (PAGES - 24), prot = prots[NONE + test_random(&seed) % 3];

		host_alloc_fail_permille = 200;
		frames_left = test_random(&seed) % 4;
		switch (test_random(&seed) % 5) {
		case 0:
			sys_mmap(ADDR(page), n << PAGE_SHIFT, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0);
			break;
		case 1:
			sys_munmap(ADDR(page), n << PAGE_SHIFT);
			break;
		case 2:
			sys_mprotect(ADDR(page), n << PAGE_SHIFT, prot);
			break;
		case 3:
			sys_mremap(ADDR(page), n << PAGE_SHIFT, n << PAGE_SHIFT, MREMAP_MAYMOVE | MREMAP_FIXED, ADDR(to));
			break;
		default:
			child = dup_mm(p.mm);
			if (!IS_ERR(child))
				mmput(child);
		}
		host_alloc_fail_permille = 0;
		frames_left = 4096;
		check_tree(p.mm);
		if (vma_lookup(p.mm, ADDR(page)) && (vma_lookup(p.mm, ADDR(page))->vm_flags & VM_WRITE))
			*access(p.mm, ADDR(page), true) = 1;
	}
	mmput(p.mm);
	frames_left = FRAMES;
	expect_no_leaks();
}

/* The gap search against looking at every address. */
static unsigned long brute_force(struct mm_struct *mm, unsigned long n, unsigned long low, unsigned long high, bool down)
{
	for (unsigned long i = 0; low + n <= high && i <= high - low - n; i++) {
		unsigned long page = down ? high - n - i : low + i, k;

		for (k = 0; k < n; k++) {
			struct vm_area_struct *vma = find_vma(mm, ADDR(page + k));

			if (vma && vm_start_gap(vma) <= ADDR(page + k))
				break;
		}
		if (k == n)
			return ADDR(page);
	}
	return (unsigned long)-ENOMEM;
}

static void test_gap_search(void **state)
{
	uint64_t seed = 99;
	struct process p;

	(void)state;
	setup(&p);
	for (int i = 0; i < 3000; i++) {
		unsigned long page = test_random(&seed) % PAGES, n = 1 + test_random(&seed) % min(8UL, PAGES - page);
		unsigned long low = test_random(&seed) % PAGES, high = low + test_random(&seed) % (PAGES - low + 1);
		unsigned long want = 1 + test_random(&seed) % 12;

		if (test_random(&seed) % 2)
			step_map(&p, page, n, NONE + test_random(&seed) % 3);
		else
			step_unmap(&p, page, n);
		CHECK(vm_unmapped_area(p.mm, want << PAGE_SHIFT, ADDR(low), ADDR(high)) ==
		      brute_force(p.mm, want, low, high, true));
		CHECK(vm_unmapped_area_bottomup(p.mm, want << PAGE_SHIFT, ADDR(low), ADDR(high)) ==
		      brute_force(p.mm, want, low, high, false));
	}
	mmput(p.mm);
	expect_no_leaks();
}

/* --- what /proc/self/maps shows after single calls --- */
static void expect_map(const struct process *p, unsigned long pages, const char *expected)
{
	char model[PAGES + 1], tree[2 * PAGES + 1];
	unsigned long bars = 0;
	size_t i;

	ruler(p, model, tree);
	for (i = 0; i < pages + bars && tree[i]; i++)
		bars += tree[i] == '|';
	tree[i] = '\0';
	assert_string_equal(tree, expected);
}

static void test_merge_rules(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_map(&p, 8, 4, WRITE);
	step_map(&p, 4, 4, WRITE);
	expect_map(&p, 14, "|wwwwwwwwwwww..");
	step_protect(&p, 4, 2, NONE);
	expect_map(&p, 14, "|wwww|nn|wwwwww..");
	step_protect(&p, 4, 1, WRITE);
	expect_map(&p, 14, "|wwwww|n|wwwwww..");
	step_protect(&p, 5, 1, WRITE);
	expect_map(&p, 14, "|wwwwwwwwwwww..");
	/* A faulted part does not join a neighbour that was never touched, unless split from the same. */
	step_protect(&p, 0, 2, READ);
	step_write(&p, 2, 4, 1);
	step_protect(&p, 2, 10, READ);
	expect_map(&p, 14, "|rr|rrrrrrrrrr..");
	step_protect(&p, 4, 4, WRITE);
	step_protect(&p, 4, 4, READ);
	expect_map(&p, 14, "|rr|rrrrrrrrrr..");
	mmput(p.mm);
	expect_no_leaks();
}

/* Fresh memory next to a touched mapping joins it; in a forked child it does not (Linux 6.1). */
static void test_merge_after_fork(void **state)
{
	struct process parent, child;

	(void)state;
	setup(&parent);
	step_map(&parent, 0, 2, WRITE);
	step_write(&parent, 0, 2, 1);
	child = parent;
	child.mm = dup_mm(parent.mm);
	step_map(&parent, 2, 2, WRITE);
	expect_map(&parent, 5, "|wwww.");
	enter(child.mm);
	step_map(&child, 2, 2, WRITE);
	expect_map(&child, 5, "|ww|ww.");
	mmput(child.mm);
	mmput(parent.mm);
	expect_no_leaks();
}

/* Untouched memory between two families can join only one of them: the lower. */
static void test_merge_two_families(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 2, WRITE);
	step_map(&p, 2, 2, READ);
	step_map(&p, 4, 2, WRITE);
	step_write(&p, 0, 1, 1);
	step_write(&p, 4, 1, 2);
	step_protect(&p, 2, 2, WRITE);
	expect_map(&p, 7, "|wwww|ww.");
	/* mmap() asks the upper neighbour first (Linux 6.1). */
	step_unmap(&p, 2, 2);
	step_map(&p, 2, 2, WRITE);
	expect_map(&p, 7, "|ww|wwww.");
	step_swap_out(&p, 0);
	step_swap_out(&p, 4);
	check_process(&p, "two families", true);
	mmput(p.mm);
	expect_no_leaks();
}

/* Neighbours that differ in rights alone share a family when touched, so that they can merge later. */
static void test_merge_same_family(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_map(&p, 4, 4, WRITE);
	CHECK(sys_mprotect(ADDR(4), 4 * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	step_write(&p, 1, 1, 1);
	step_write(&p, 5, 1, 1);
	expect_map(&p, 9, "|wwww|wwww.");
	step_protect(&p, 4, 4, WRITE);
	expect_map(&p, 9, "|wwwwwwww.");
	/* Untouched memory moves with no ties to its old place; touched memory keeps them. */
	step_map(&p, 20, 2, WRITE);
	step_remap(&p, 20, 8, 2, false);
	expect_map(&p, 11, "|wwwwwwwwww.");
	step_remap(&p, 0, 20, 4, false);
	step_remap(&p, 20, 10, 4, false);
	expect_map(&p, 15, "....|wwwwww|wwww.");
	step_remap(&p, 10, 0, 4, false);
	expect_map(&p, 15, "|wwwwwwwwww.....");
	check_process(&p, "moves", true);
	mmput(p.mm);
	expect_no_leaks();
}

/* A move that runs out of memory for tables half way takes back what it moved. */
static void test_move_undone(void **state)
{
	unsigned long far = 0x40000000UL - PAGE_SIZE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 2, WRITE);
	step_write(&p, 0, 2, 41);
	CHECK(sys_mmap(far - PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0) > 0);
	access(p.mm, far - PAGE_SIZE, false);
	frames_left = 0;
	assert_int_equal(sys_mremap(ADDR(0), 2 * PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, far), -ENOMEM);
	frames_left = FRAMES;
	check_process(&p, "a failed move", true);
	assert_null(vma_lookup(p.mm, far));
	mmput(p.mm);
	expect_no_leaks();
}

/* fork fails as a whole when one slot cannot be counted once more. */
static void test_fork_fails_on_swap(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 4, WRITE);
	step_write(&p, 0, 4, 7);
	step_swap_out(&p, 2);
	swap_counts_full = true;
	assert_int_equal(PTR_ERR(dup_mm(p.mm)), -ENOMEM);
	swap_counts_full = false;
	check_process(&p, "a failed fork", true);
	mmput(p.mm);
	expect_no_leaks();
}

static void test_file_mappings(void **state)
{
	struct process p;

	(void)state;
	setup(&p);
	CHECK(sys_mmap(ADDR(0), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 0) == (long)ADDR(0));
	CHECK(sys_mmap(ADDR(1), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 4096) == (long)ADDR(1));
	expect_map(&p, 3, "|rr.");
	CHECK(sys_mmap(ADDR(2), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 4096) == (long)ADDR(2));
	expect_map(&p, 4, "|rr|r.");
	assert_int_equal(file_mapping.i_mmap_writable, 2);
	sys_munmap(ADDR(1), PAGE_SIZE);
	assert_int_equal(vma_lookup(p.mm, ADDR(2))->vm_pgoff, 1);
	mmput(p.mm);
	assert_int_equal(file_mapping.i_mmap_writable, 0);
	expect_no_leaks();
}

static void test_errors(void **state)
{
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS, page = PAGE_SIZE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 1, WRITE);
	step_map(&p, 2, 1, READ);
	assert_int_equal(sys_mmap(0, 0, 0, anon, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, ~0UL, 0, anon, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, 1UL << 47, 0, anon, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, page, 0, MAP_ANONYMOUS, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 9, 0), -EBADF);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 0, 1), -EINVAL);
	assert_int_equal(sys_mmap(0, page, 0, MAP_PRIVATE, 0, ~0UL & PAGE_MASK), -EOVERFLOW);
	assert_int_equal(sys_mmap(0, page, 0, MAP_SHARED_VALIDATE | MAP_SYNC, 0, 0), -EOPNOTSUPP);
	assert_int_equal(sys_mmap(1, page, 0, anon | MAP_FIXED, ~0UL, 0), -EINVAL);
	assert_int_equal(sys_mmap(page, page, 0, anon | MAP_FIXED, ~0UL, 0), -EPERM);
	assert_int_equal(sys_mmap(TASK_SIZE, page, 0, anon | MAP_FIXED, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(ADDR(0), page, 0, anon | MAP_FIXED_NOREPLACE, ~0UL, 0), -EEXIST);
	assert_int_equal(sys_mmap(0, page, 0, anon | MAP_HUGETLB, ~0UL, 0), -ENOMEM);
	assert_int_equal(sys_mmap(0, page, 0, MAP_SHARED | MAP_GROWSDOWN, 0, 0), -EINVAL);
	test_file.f_mode = FMODE_READ;
	assert_int_equal(sys_mmap(0, page, PROT_WRITE, MAP_SHARED, 0, 0), -EACCES);
	assert_int_equal(sys_mmap(ADDR(8), page, PROT_READ, MAP_SHARED | MAP_FIXED, 0, 0), ADDR(8));
	assert_int_equal(sys_mprotect(ADDR(8), page, PROT_WRITE), -EACCES);
	test_file.f_mode = FMODE_READ | FMODE_WRITE;
	assert_int_equal(sys_munmap(1, page), -EINVAL);
	assert_int_equal(sys_munmap(ADDR(0), 0), -EINVAL);
	assert_int_equal(sys_munmap(TASK_SIZE, page), -EINVAL);
	assert_int_equal(sys_munmap(ADDR(100), page), 0);
	assert_int_equal(sys_mprotect(ADDR(1), page, 0), -ENOMEM);
	assert_int_equal(sys_mprotect(ADDR(0) + 1, page, 0), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), page, 0x10), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), page, PROT_GROWSDOWN), -EINVAL);
	assert_int_equal(sys_mprotect(ADDR(0), ~0UL - 8192, 0), -ENOMEM);
	assert_int_equal(sys_mremap(ADDR(1), page, page, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(ADDR(0), 2 * page, 3 * page, 0, 0), -EFAULT);
	assert_int_equal(sys_mremap(ADDR(0), page, 0, 0, 0), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, page, MREMAP_FIXED, ADDR(9)), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, page, MREMAP_FIXED | MREMAP_MAYMOVE, ADDR(0)), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), 0, page, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(sys_mremap(ADDR(0), page, 3 * page, 0, 0), -ENOMEM);
	assert_int_equal(sys_madvise(ADDR(0), page, 12345), -EINVAL);
	assert_int_equal(sys_madvise(ADDR(0), 3 * page, MADV_DONTFORK), -ENOMEM);
	assert_int_equal(sys_mlock(ADDR(0), 3 * page), -ENOMEM);
	assert_int_equal(sys_mlock2(ADDR(0), page, 2), -EINVAL);
	assert_int_equal(sys_mlockall(0), -EINVAL);
	assert_int_equal(sys_mlockall(MCL_ONFAULT), -EINVAL);
	mmput(p.mm);
	expect_no_leaks();
}

static void test_limits(void **state)
{
	unsigned long anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	struct process p;

	(void)state;
	setup(&p);
	step_map(&p, 0, 8, WRITE);
	p.mm->rlim_as = 10 * PAGE_SIZE;
	assert_int_equal(sys_mmap(0, 3 * PAGE_SIZE, rw, anon, ~0UL, 0), -ENOMEM);
	step_map(&p, 4, 6, WRITE); /* what it replaces does not count */
	p.mm->rlim_as = ~0UL;
	p.mm->rlim_memlock = PAGE_SIZE;
	assert_int_equal(sys_mlock(ADDR(0), 2 * PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_mlock(ADDR(0), PAGE_SIZE), 0);
	assert_int_equal(sys_mmap(0, PAGE_SIZE, rw, anon | MAP_LOCKED, ~0UL, 0), -EAGAIN);
	assert_int_equal(sys_munlock(ADDR(0), PAGE_SIZE), 0);
	assert_int_equal(p.mm->locked_vm, 0);
	p.mm->rlim_memlock = 0;
	assert_int_equal(sys_mlock(ADDR(0), PAGE_SIZE), -EPERM);
	assert_int_equal(sys_mmap(0, (FRAMES + 1) * PAGE_SIZE, rw, anon, ~0UL, 0), -ENOMEM);
	assert_false(IS_ERR_VALUE(sys_mmap(0, (FRAMES + 1) * PAGE_SIZE, rw, anon | MAP_NORESERVE, ~0UL, 0)));
	sysctl_max_map_count = p.mm->map_count;
	assert_int_equal(sys_mprotect(ADDR(4), PAGE_SIZE, PROT_NONE), -ENOMEM);
	assert_int_equal(sys_munmap(ADDR(4), PAGE_SIZE), -ENOMEM);
	assert_int_equal(sys_munmap(ADDR(0), PAGE_SIZE), 0);
	sysctl_max_map_count = DEFAULT_MAX_MAP_COUNT;
	mmput(p.mm);
	expect_no_leaks();
}

static void test_stack_and_brk(void **state)
{
	struct vm_area_struct *stack;
	struct process p;
	unsigned long top = TASK_SIZE, addr;

	(void)state;
	setup(&p);
	assert_int_equal(setup_stack_vma(p.mm, top, 4 * PAGE_SIZE, false), 0);
	stack = vma_lookup(p.mm, top - 1);
	assert_int_equal(expand_stack(stack, top - 8 * PAGE_SIZE), 0);
	assert_int_equal(stack->vm_start, top - 8 * PAGE_SIZE);
	assert_int_equal(p.mm->stack_vm, 8);
	assert_int_equal(expand_stack(stack, top - p.mm->rlim_stack - 1), -ENOMEM);
	assert_int_equal(expand_stack(stack, top - p.mm->rlim_stack), 0);
	p.mm->rlim_stack = ~0UL;
	addr = stack->vm_start - STACK_GUARD_GAP - 8 * PAGE_SIZE;
	assert_int_equal(sys_mmap(addr, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0UL, 0), addr);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE + STACK_GUARD_GAP - 1), -ENOMEM);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE + STACK_GUARD_GAP), 0);
	sys_mprotect(addr, PAGE_SIZE, PROT_NONE);
	assert_int_equal(expand_stack(stack, addr + PAGE_SIZE), 0);
	p.mm->start_brk = p.mm->brk = ADDR(0);
	assert_int_equal(sys_brk(0), ADDR(0));
	assert_int_equal(sys_brk(ADDR(4) + 5), ADDR(4) + 5);
	assert_int_equal(sys_brk(ADDR(8)), ADDR(8));
	expect_map(&p, 9, "|wwwwwwww.");
	assert_int_equal(sys_brk(ADDR(2)), ADDR(2));
	assert_int_equal(sys_brk(ADDR(0) - 1), ADDR(2));
	assert_int_equal(sys_brk(~0UL), ADDR(2));
	step_map(&p, 4, 1, NONE);
	assert_int_equal(sys_brk(ADDR(4)), ADDR(2)); /* a page stays free above the heap */
	assert_int_equal(sys_brk(ADDR(3)), ADDR(3));
	mmput(p.mm);
	expect_no_leaks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_rules),
		cmocka_unit_test(test_merge_after_fork),
		cmocka_unit_test(test_merge_two_families),
		cmocka_unit_test(test_merge_same_family),
		cmocka_unit_test(test_move_undone),
		cmocka_unit_test(test_fork_fails_on_swap),
		cmocka_unit_test(test_file_mappings),
		cmocka_unit_test(test_gap_search),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stack_and_brk),
		cmocka_unit_test(test_random_one),
		cmocka_unit_test(test_random_family),
		cmocka_unit_test(test_no_memory),
	};

	TEST_SETUP();
	host_ram_init(FRAMES);
	init_rwsem(&file_mapping.i_mmap_rwsem, "i_mmap_rwsem");
	atomic_set(&test_file.f_count, 1);
	mm_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
