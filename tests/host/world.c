/* SPDX-License-Identifier: MIT */
/* A small world of processes and pages of all kinds; see world.h. */
#include "tests/unit/test.h"

#include "lib/util.h"
#include "mm/space/mman.h"
#include "mm/space/vma.h"
#include "tests/host/world.h"

#define RW (PROT_READ | PROT_WRITE)

struct world world;

unsigned long at(unsigned long page)
{
	return shadow_addr(page);
}

static void fill(unsigned long first, unsigned long n, enum kind kind, struct object *object,
		 unsigned long flags)
{
	unsigned long fd = object == &world.file ? (unsigned long)world.fd : ~0UL;

	assert_int_equal(sys_mmap(at(first), SPAN(n), RW, FIXED(flags), fd, 0), at(first));
	for (unsigned long i = 0; i < n; i++)
		family->page[first + i] = (struct shadow_page){
			.kind = kind, .prot = RW, .object = object, .index = i
		};
}

static void write_pages(unsigned long first, unsigned long n)
{
	for (unsigned long i = first; i < first + n; i++) {
		shadow_store(family, i, 0, 1000 + i);
		assert_int_equal(host_put(at(i), 1000 + i).signal, 0);
	}
}

/* A file of six pages, each with its first and last word set; none of it cached. */
static void make_file(void)
{
	static u64 words[6][PAGE_SIZE / sizeof(u64)];

	world.file = (struct object){ .size = sizeof(words) };
	for (unsigned long i = 0; i < 6; i++) {
		words[i][0] = world.file.cell[i].word[0] = ~i;
		words[i][511] = world.file.cell[i].word[1] = ~(i << 32);
	}
	world.file.file = host_file_create("file", words, sizeof(words));
}

void begin_world(struct task_struct *task)
{
	memset(family, 0, sizeof(family));
	memset(&world, 0, sizeof(world));
	members = 1;
	family->task = task;
	make_file();
	world.shmem = (struct object){ .size = 4 * PAGE_SIZE };
	world.area = host_swapon(256, -1);
	world.fd = host_open(world.file.file, true);
	fill(0, 12, ANON, NULL, ANONYMOUS);
	fill(12, 4, PRIVATE, &world.file, MAP_PRIVATE);
	fill(16, 4, SHARED, &world.file, MAP_SHARED);
	fill(20, 4, SHMEM, &world.shmem, MAP_SHARED | MAP_ANONYMOUS);
	fill(24, 4, ANON, NULL, ANONYMOUS);
	assert_int_equal(sys_brk(HOST_BRK + 2 * PAGE_SIZE), HOST_BRK + 2 * PAGE_SIZE);
	family->page[ARENA] = family->page[ARENA + 1] =
		(struct shadow_page){ .kind = ANON, .prot = RW };
	write_pages(0, 8);
	assert_int_equal(host_get(at(8)), 0); /* the zero page */
	write_pages(12, 2);
	write_pages(16, 1);
	write_pages(20, 2);
	write_pages(24, 4);
	host_pageout(at(24), 4 * PAGE_SIZE);
	family[1].task = host_fork(task);
	shadow_fork(&family[0], &family[1]);
	members = 2;
	host_file_drop(world.file.file); /* what is not mapped is to be read again */
}

void end_world(void)
{
	host_complaints_expected = false;
	host_switch(NULL);
	for (; members; members--) {
		struct shadow *dead = &family[members - 1];

		for (unsigned long i = 0; i < PAGES; i++)
			shadow_clear(&dead->page[i]);
		host_exit(dead->task);
	}
	host_file_remove(world.file.file);
	host_settle();
	host_audit(); /* with a slot lost swapoff would never end */
	assert_int_equal(host_swapoff(world.area), 0);
}

/* --- what operations do to the shadow of the parent --- */
void holes(unsigned long first, unsigned long n)
{
	while (n--)
		shadow_clear(&family->page[first++]);
}

void fresh(unsigned long first, unsigned long n)
{
	holes(first, n);
	while (n--)
		family->page[first++] = (struct shadow_page){ .kind = ANON, .prot = RW };
}

void rights(unsigned long first, unsigned long n, u8 prot)
{
	while (n--)
		family->page[first++].prot = prot;
}

void forget(unsigned long first, unsigned long n)
{
	while (n--)
		shadow_forget(&family->page[first++]);
}

void populated(unsigned long first, unsigned long n)
{
	while (n--)
		shadow_populated(family, first++);
}

void lock(unsigned long first, unsigned long n, bool locked)
{
	for (unsigned long i = first; i < first + n; i++)
		family->page[i].locked = locked;
	populated(first, n);
}

void lock_all(bool locked)
{
	for (unsigned long i = 0; i < PAGES; i++)
		if (family->page[i].kind != HOLE)
			lock(i, 1, locked);
}

void left(unsigned long first, unsigned long n, bool keep)
{
	if (keep || (world.starved && vma_lookup(family->task->mm, at(first))))
		forget(first, n);
	else
		holes(first, n);
}

void moved(unsigned long from, unsigned long to, unsigned long n, bool keep)
{
	const unsigned long first = from, pages = n;

	for (; n--; from++, to++) {
		shadow_clear(&family->page[to]);
		family->page[to] = family->page[from];
		family->page[from].own = NULL;
	}
	left(first, pages, keep);
}

void duplicated(unsigned long from, unsigned long to, unsigned long n)
{
	while (n--)
		family->page[to++] = family->page[from++];
}

void shared_at(unsigned long first, unsigned long n, unsigned long index)
{
	while (n--)
		family->page[first++] = (struct shadow_page){
			.kind = SHARED, .prot = RW, .object = &world.file, .index = index++
		};
}

void follow(unsigned long first, unsigned long n)
{
	for (; n--; first++) {
		const struct vm_area_struct *vma = vma_lookup(family->task->mm, at(first));

		if (!vma) {
			shadow_clear(&family->page[first]);
			continue;
		}
		family->page[first].prot = vma->vm_flags & 7;
		family->page[first].locked = vma->vm_flags & VM_LOCKED;
		shadow_populated(family, first);
	}
}
