/* SPDX-License-Identifier: MIT */
/*
 * A random walk over everything that processes and the machine can do to memory, in up to four
 * processes that fork from each other, against the plain shadow of shadow.h, which is compared with
 * the machine page by page after each step. Every operation changes the shadow first and says in
 * words what it is about to do; results must be what the shadow makes them.
 *
 *	make host T=shadow SEED=7 STEPS=100000           one long walk (within two minutes)
 *	SEED=7 STEPS=60 TRACE=1 build/host/san/test_shadow         with all operations in words
 */
#include "tests/host/test.h"

#include "tests/host/shadow_walk.h"

#define SEEDS 10
#define STEPS 1500

static uint64_t state;
static u64 counter, value;
static int area; /* of swap */
struct step now;
struct object objects[OBJECTS];

unsigned long pick(unsigned long below)
{
	return test_random(&state) % below;
}

void doing(const char *fmt, ...)
{
	size_t used = (size_t)snprintf(shadow_doing, sizeof(shadow_doing),
				       "process %td, pages %lu to %lu: ", now.me - family,
				       now.first, now.first + now.n - 1);
	va_list args;

	va_start(args, fmt);
	vsnprintf(shadow_doing + used, sizeof(shadow_doing) - used, fmt, args);
	va_end(args);
	if (getenv("TRACE"))
		fprintf(stderr, "%5lu %s\n", shadow_step, shadow_doing);
}

void result(long got, long want)
{
	if (got != want)
		shadow_fail(now.me, now.first, "the result is %ld instead of %ld", got, want);
}

void populated(void)
{
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		shadow_populated(now.me, i);
}

static bool all_mapped(void)
{
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		if (now.me->page[i].kind == HOLE)
			return false;
	return true;
}

/* --- the CPU's and the kernel's reads and writes --- */
/* May word @which of the page be written? Not behind the end of a file, where it does not last. */
static bool lasts(const struct shadow_page *page, int which)
{
	return page->kind < SHMEM ||
	       page->index * PAGE_SIZE + (unsigned long)which * (PAGE_SIZE - 8) + 8 <=
		       page->object->size;
}

/* No two are alike, and no byte is likely to be 0. */
static u64 fresh_value(void)
{
	return ++counter * 0x9e3779b97f4a7c15ULL | 0x0101010101010101ULL;
}

static void do_write(void)
{
	int which = (int)pick(2);

	if (!pick(4))
		now.first = ARENA + pick(HEAP - 2);
	doing("writing word %d", which);
	for (unsigned long i = now.first; i < now.first + min(now.n, PAGES - now.first); i++) {
		struct host_verdict want = shadow_verdict(now.me, i, PROT_WRITE), got;

		if (!want.signal && !lasts(&now.me->page[i], which))
			continue;
		if (!want.signal)
			shadow_store(now.me, i, which, value = fresh_value());
		got = host_put(shadow_addr(i) + (unsigned long)which * (PAGE_SIZE - 8), value);
		if (got.signal != want.signal || got.code != want.code)
			shadow_fail(now.me, i, "signal %d, code %d instead of %d, %d", got.signal,
				    got.code, want.signal, want.code);
	}
}

static void do_read(void)
{
	char byte;

	doing("reading");
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		if (host_read(shadow_addr(i), &byte, 1).signal !=
		    shadow_verdict(now.me, i, PROT_READ).signal)
			shadow_fail(now.me, i, "a wrong signal");
}

/* read(2) and write(2) with a word of the page as the buffer. */
static void do_file_io(void)
{
	struct object *object = &objects[pick(FILES)];
	unsigned long index = pick(OBJECT_PAGES - 4);
	int which = (int)pick(2), fd = host_open(object->file, true);
	struct file *file = fget((unsigned int)fd);
	size_t at = index * PAGE_SIZE + (unsigned long)which * (PAGE_SIZE - 8);
	char *buf = (char *)now.addr + (unsigned long)which * (PAGE_SIZE - 8);
	struct shadow_page *page = &now.me->page[now.first];
	loff_t pos = (loff_t)at;
	long want = 8;

	now.n = 1;
	if (pick(2)) {
		doing("write(2) of its word %d to page %lu of file %td", which, index,
		      object - objects);
		if (shadow_verdict(now.me, now.first, PROT_READ).signal) {
			want = -EFAULT;
		} else {
			object->cell[index].word[which] = shadow_word(page, which);
			object->size = max(object->size, at + 8);
		}
		result(file->f_op->write(file, buf, 8, &pos), want);
	} else if (lasts(page, which) && object->size >= at + 8) {
		doing("read(2) of page %lu of file %td into its word %d", index, object - objects,
		      which);
		if (shadow_verdict(now.me, now.first, PROT_WRITE).signal)
			want = -EFAULT;
		else
			shadow_store(now.me, now.first, which, object->cell[index].word[which]);
		result(file->f_op->read(file, buf, 8, &pos), want);
	}
	fput(file);
	host_close(fd);
}

/* --- files and the machine --- */
static void do_truncate(void)
{
	struct object *object = &objects[pick(FILES)];
	size_t size = pick((OBJECT_PAGES - 4) * PAGE_SIZE);

	size = pick(3) ? size : PAGE_ALIGN(size);
	doing("truncating file %td to %lu pages and %lu bytes", object - objects,
	      size >> PAGE_SHIFT, size & ~PAGE_MASK);
	shadow_truncate(object, size);
	host_file_truncate(object->file, size);
}

/* What the file holds must be on the disk now. */
static void check_disk(const struct object *object)
{
	for (unsigned long i = 0; i < OBJECT_PAGES; i++) {
		for (unsigned long which = 0; which < 2; which++) {
			size_t at = i * PAGE_SIZE + which * (PAGE_SIZE - 8);
			u64 word;

			host_file_on_disk(object->file, &word, 8, at);
			if (at + 8 <= object->size && word != object->cell[i].word[which])
				shadow_fail(
					NULL, 0,
					"page %lu of file %td: word %lu on the disk is %#llx, not %#llx",
					i, object - objects, which * 511, word,
					object->cell[i].word[which]);
		}
	}
}

static void do_sync(void)
{
	struct object *object = &objects[pick(FILES)];
	bool busy = false;

	if (pick(2)) {
		doing("fsync, dropping what is cached of file %td", object - objects);
		host_file_drop(object->file);
		check_disk(object);
		return;
	}
	doing("msync(SYNC | INVALIDATE)");
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		busy |= now.me->page[i].locked;
	if (busy || !all_mapped())
		return;
	result(sys_msync(now.addr, now.len, MS_SYNC | MS_INVALIDATE), 0);
	for (unsigned long i = now.first; i < now.first + now.n; i++)
		if (now.me->page[i].kind == SHARED)
			check_disk(now.me->page[i].object);
}

static void do_machine(void)
{
	bool locked = false;

	switch (pick(6)) {
	case 0:
		doing("reclaiming 64 frames");
		host_reclaim(64);
		break;
	case 1:
		doing("swapoff and swapon");
		host_audit(); /* with a slot lost it would never end */
		if (host_complaints)
			return;
		result(host_swapoff(area), 0);
		area = host_swapon(512, -1);
		break;
	case 2:
		doing("drop_caches");
		drop_caches(3);
		break;
	case 3:
		doing("letting time pass");
		host_sleep(40000000000UL);
		break;
	default:
		for (unsigned long i = now.first; i < now.first + now.n; i++)
			locked |= now.me->page[i].locked;
		doing("all of it to the swap disk");
		if (!locked && all_mapped())
			host_pageout(now.addr, now.len);
	}
}

/* --- processes --- */
static void do_fork(void)
{
	doing("fork");
	if (members == FAMILY)
		return;
	family[members].task = host_fork(now.me->task);
	if (!family[members].task)
		shadow_fail(now.me, 0, "fork failed");
	shadow_fork(now.me, &family[members]);
	members++;
}

static void bury(struct shadow *dead)
{
	for (unsigned long i = 0; i < PAGES; i++)
		shadow_clear(&dead->page[i]);
	host_exit(dead->task);
	*dead = family[--members];
}

static void do_switch(void)
{
	now.me = &family[pick(members)];
	doing("runs now");
	host_switch(now.me->task);
}

static void do_exit(void)
{
	doing("exit");
	if (members == 1)
		return;
	bury(now.me);
	do_switch();
}

/* --- the walk --- */
static void (*const operations[])(void) = {
	do_map,     do_map,      do_map,   do_map,     do_unmap,   do_protect,  do_protect,
	do_protect, do_remap,    do_remap, do_brk,     do_brk,     do_advise,   do_advise,
	do_advise,  do_populate, do_lock,  do_write,   do_write,   do_write,    do_write,
	do_write,   do_read,     do_read,  do_file_io, do_file_io, do_truncate, do_sync,
	do_machine, do_machine,  do_fork,  do_switch,  do_switch,  do_exit,
};

static void step(void)
{
	now.first = pick(ARENA);
	now.n = 1 + pick(min(pick(4) ? 6UL : 16UL, ARENA - now.first));
	now.addr = shadow_addr(now.first);
	now.len = now.n * PAGE_SIZE;
	/* What it was on the others it stays: they have used its pages, and may any time again. */
	host_cpu_switch((unsigned int)pick(HOST_CPUS));
	host_switch(now.me->task);
	operations[pick(ARRAY_SIZE(operations))]();
	if (!host_complaints)
		shadow_check(now.me, !pick(4));
	if (shadow_step % 8 == 0)
		host_audit();
	if (host_complaints)
		shadow_fail(now.me, now.first, "%s", host_complaint);
}

static void begin(unsigned long seed)
{
	shadow_seed = seed;
	state = seed * 0x9e3779b97f4a7c15UL | 1;
	counter = 0;
	memset(family, 0, sizeof(family));
	for (int i = 0; i < FILES; i++) {
		objects[i] = (struct object){ .size = 12 * PAGE_SIZE };
		objects[i].file = host_file_create(i ? "two" : "one", NULL, 12 * PAGE_SIZE);
	}
	area = host_swapon(512, -1);
	members = 1;
	now.me = family;
	now.me->task = p;
	host_complaints_expected = true; /* to be told with seed and step */
	host_complaints = 0;
}

/* All is torn down: the teardown of test.h counts what is left. */
static void end(void)
{
	host_complaints_expected = false;
	host_cpu_switch(0);
	host_switch(NULL);
	while (members)
		bury(&family[0]);
	p = NULL;
	for (int i = 0; i < FILES; i++)
		host_file_remove(objects[i].file);
	host_settle();
	host_audit(); /* with a slot lost swapoff would never end */
	assert_int_equal(host_swapoff(area), 0);
}

static unsigned long steps = STEPS;
static void test_walk(void **seed)
{
	begin((unsigned long)*seed);
	for (shadow_step = 1; shadow_step <= steps; shadow_step++)
		step();
	end();
}

/* After a failure there is still something to end. */
static int end_all(void **walk)
{
	if (members)
		end();
	return teardown(walk);
}

static int keep_state(void **walk)
{
	void *seed = *walk;
	int err = setup(walk);

	*walk = seed;
	return err;
}

int main(void)
{
	const char *seed = getenv("SEED"), *count = getenv("STEPS");
	unsigned long from = seed ? strtoul(seed, NULL, 0) : 1;
	struct CMUnitTest tests[SEEDS];
	static char names[SEEDS][32];

	TEST_SETUP();
	host_boot(4096);
	steps = count ? strtoul(count, NULL, 0) : STEPS;
	for (unsigned long i = 0; i < SEEDS; i++) {
		snprintf(names[i], sizeof(names[i]), "seed_%lu", from + i);
		tests[i] = (struct CMUnitTest){ names[i], test_walk, keep_state, end_all,
						(void *)(from + i) };
	}
	return _cmocka_run_group_tests("shadow", tests, seed ? 1 : SEEDS, NULL, NULL);
}
