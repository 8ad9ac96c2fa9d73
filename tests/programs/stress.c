/* SPDX-License-Identifier: MIT */
/*
 * stress [SECONDS [SEED [WORKERS]]]: processes and threads that fault, fork, map, unmap, protect, move,
 * lock, truncate, swap and die at random on all CPUs. TAP.
 *
 * Each thread has pages of its own, whose contents and rights it knows (stress_own.h); all share
 * others that prove themselves right (stress_shared.h). More is in use than there is memory, where a
 * swap area carries that, so that reclaim takes from all of them. A thread does the same for the same
 * seed; in which order threads do it is up to the scheduler. What is claimed holds on Linux too.
 */
#include "stress_own.h"
#include "stress_shared.h"

#include <dirent.h>

#define MIB (1UL << 20)

extern char **environ;

/* ---- Children of a thread ---- */

enum { CHILD_CHECKS, CHILD_STACK, CHILD_SEGV, CHILD_EXEC, CHILD_THREADS, CHILD_SPAWN, NR_CHILDREN };

static int use_stack(int depth)
{
	volatile char room[3000];

	room[0] = room[2999] = (char)depth;
	if (depth && !use_stack(depth - 1))
		return 0;
	return room[0] == (char)depth && room[2999] == (char)depth;
}

/* What is private is as it was when fork was called, whatever the parent does to its own since. */
static void check_private(void)
{
	for (size_t i = 0; i < me->count; i++) {
		struct page *p = &me->pages[i];

		if (p->kind == NOTHING || p->kind == ANON)
			read_page(i);
	}
	for (int i = 0; i < 10; i++) {
		size_t page = below(me->count);

		if (me->pages[page].kind == ANON) {
			write_page(page);
			read_page(page);
		}
	}
}

static void *touch_and_end(void *arg)
{
	for (size_t i = 0; i < 16; i++)
		((volatile char *)arg)[i * PAGE] = 1;
	return arg;
}

static void do_thread(size_t at, size_t n)
{
	char *p = mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	(void)at, (void)n;
	if (p == MAP_FAILED)
		return;
	if (!pthread_create(&t, NULL, touch_and_end, p))
		pthread_join(t, NULL);
	munmap(p, 16 * PAGE);
}

static char *const exec_words[] = { "/proc/self/exe", "child", NULL };

static void child(int what)
{
	if (pipe2(me->pipe, O_NONBLOCK))
		_exit(97);
	switch (what) {
	case CHILD_CHECKS:
		check_private();
		break;
	case CHILD_STACK:
		_exit(use_stack(me->id ? 20 : 400) ? 0 : 96); /* only one grows */
	case CHILD_SEGV:
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)PAGE = 1;
		break;
	case CHILD_EXEC:
		execv(exec_words[0], exec_words);
		_exit(95);
	case CHILD_THREADS:
		do_thread(0, 0);
		break;
	}
	_exit(0);
}

static void reap_child(void)
{
	int status;

	if (!me->child)
		return;
	status = status_of(me->child) & ~0x80;
	if (status != me->child_must && !atomic_load(&board->stop))
		complain(&board->wrong_ends, "a child has wait status %#x instead of %#x", status,
			 me->child_must);
	me->child = 0;
}

static void do_child(size_t at, size_t n)
{
	static const int must[] = {
		[CHILD_SEGV] = SIGSEGV, [CHILD_EXEC] = 7 << 8, [CHILD_SPAWN] = 7 << 8
	};
	int what = (int)below(NR_CHILDREN);

	(void)at, (void)n;
	reap_child();
	me->child_must = must[what];
	if (what == CHILD_SPAWN) {
		if (posix_spawn(&me->child, exec_words[0], NULL, NULL, exec_words, environ))
			me->child = 0;
		return;
	}
	me->child = fork();
	if (!me->child)
		child(what);
	if (me->child < 0) /* no memory */
		me->child = 0;
}

/* ---- Others look on: what /proc shows of any process, at any moment ---- */

static void do_look(size_t at, size_t n)
{
	static const char *const files[] = { "maps", "status", "statm", "cmdline", "pagemap" };
	const char *file = files[below(COUNT(files))];
	char path[64], text[1024];
	int pid = getpid() + (int)below(16) - 8, fd;

	(void)at;
	snprintf(path, sizeof(path), "/proc/%d/%s", one_in(2) ? getpid() : pid, file);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (!strcmp(file, "pagemap"))
		lseek(fd, (off_t)(ARENA / PAGE * 8), SEEK_SET);
	for (size_t i = 0; i < n && read(fd, text, sizeof(text)) > 0; i++)
		;
	close(fd);
}

/* ---- A thread, a worker ---- */

typedef void (*operation_t)(size_t at, size_t n);
static const operation_t operations[] = {
#define X(name) do_##name,
	OPERATIONS(X)
#undef X
};
static const char *const operation_names[] = {
#define X(name) #name,
	OPERATIONS(X)
#undef X
};
/* How often, of 1000. What is left is touching. */
static const int weights[NR_OPERATIONS] = {
	[DO_map] = 90,  [DO_unmap] = 40, [DO_protect] = 60,  [DO_move] = 40, [DO_dontneed] = 40,
	[DO_free] = 20, [DO_hint] = 20,  [DO_pageout] = 20,  [DO_lock] = 10, [DO_sync] = 4,
	[DO_file] = 20, [DO_alias] = 20, [DO_truncate] = 10, [DO_child] = 8, [DO_shared] = 150,
	[DO_look] = 4,  [DO_check] = 1,  [DO_thread] = 4,
};

static enum operation some_operation(void)
{
	int r = (int)below(1000);

	for (int i = 0; i < NR_OPERATIONS; i++)
		if ((r -= weights[i]) < 0)
			return (enum operation)i;
	return DO_touch;
}

static int own_file(int worker, int id)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/root/stress.%d.%d", worker, id);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || unlink(path) || ftruncate(fd, FILE_PAGES * PAGE))
		bail(path);
	return fd;
}

static void *run_owner(void *arg)
{
	me = arg;
	rng = me->seed;
	while (!over()) {
		enum operation op = some_operation();
		size_t at = below(me->count), n = 1 + below(one_in(3) ? CHUNK : 2);

		if (at % CHUNK + n > CHUNK)
			n = CHUNK - at % CHUNK;
		operations[op](at, n);
		atomic_fetch_add(&board->done[op], 1);
	}
	reap_child();
	if (!atomic_load(&board->stop)) {
		do_check(0, 0);
		atomic_fetch_add(&board->done[DO_check], 1);
	}
	return NULL;
}

/* A worker's whole life. It ends in time, unless it is killed before. */
static void worker(int number, uint64_t seed)
{
	static struct owner owners[THREADS];

	for (int i = 0; i < THREADS; i++) {
		struct owner *o = &owners[i];

		o->id = i;
		o->seed = mix(seed + (uint64_t)i);
		o->file = own_file(number, i);
		o->file_size = FILE_PAGES;
		o->count = config.pages / THREADS / CHUNK * CHUNK;
		o->pages = must_map(NULL, o->count * sizeof(*o->pages) / PAGE + 1, RW,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1);
		if (pipe2(o->pipe, O_NONBLOCK))
			bail("pipe");
		if (i && pthread_create(&o->thread, NULL, run_owner, o))
			bail("pthread_create");
	}
	run_owner(&owners[0]);
	for (int i = 1; i < THREADS; i++)
		pthread_join(owners[i].thread, NULL);
	_exit(0);
}

/* Uses so much memory that the others lose theirs. */
static void hog(size_t pages)
{
	uint64_t *p = must_map(NULL, pages, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	rng = mix(config.seed);
	for (unsigned int i = 0; !over(); i++) {
		uint64_t *page = p + below(pages) * (PAGE / 8);

		if (page[0] != page[PAGE / 8 - 1])
			complain(&board->wrong_contents, "a page of the hog holds %lu and %lu",
				 page[0], page[PAGE / 8 - 1]);
		page[0]++;
		page[PAGE / 8 - 1]++;
		if (i % 64 == 0)
			usleep(500);
	}
	_exit(0);
}

/* ---- The process over all ---- */

static struct {
	pid_t pids[MAX_WORKERS + 1]; /* the last is the hog's */
	int lives[MAX_WORKERS];
	bool killed[MAX_WORKERS];
	unsigned long kills;
	size_t hog_pages;
} all;

static void start_worker(int i)
{
	pid_t pid = fork();

	if (!pid)
		worker(i, mix(config.seed ^ (uint64_t)i << 32) + (uint64_t)all.lives[i] * 1000);
	if (pid < 0)
		bail("fork");
	all.pids[i] = pid;
	all.killed[i] = false;
	all.lives[i]++;
}

/* A worker, or the hog, has ended: as it should? */
static void ended(pid_t pid, int status)
{
	for (int i = 0; i <= MAX_WORKERS; i++) {
		if (all.pids[i] != pid)
			continue;
		all.pids[i] = 0;
		if (i < MAX_WORKERS && all.killed[i])
			status = status == SIGKILL ? 0 : status;
		if (status)
			complain(&board->wrong_ends, "%s ended with wait status %#x",
				 i < MAX_WORKERS ? "a worker" : "the hog", status);
		if (i < MAX_WORKERS && !over())
			start_worker(i);
	}
}

/* A sign of life for who waits for minutes. */
static void tell(void)
{
	static long last;
	long left = (config.end - now_ms()) / 30000;
	unsigned long sum = 0;

	if (last == left || left < 1)
		return;
	last = left;
	for (int i = 0; i < NR_OPERATIONS; i++)
		sum += atomic_load(&board->done[i]);
	printf("# %lu operations, %ld s to go\n", sum, (config.end - now_ms()) / 1000);
	fflush(stdout);
}

static void watch(void)
{
	int status;
	pid_t pid;

	while (!over()) {
		int victim = (int)below((unsigned long)config.workers);

		tell();
		usleep(50000 + below(400000));
		if (all.pids[victim] && !all.killed[victim] && !over()) {
			all.killed[victim] = true;
			all.kills++;
			kill(all.pids[victim], SIGKILL);
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			ended(pid, status);
	}
	while ((pid = waitpid(-1, &status, 0)) > 0)
		ended(pid, status);
	usleep(300000); /* children of those that were killed */
}

static long meminfo_kb(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (f)
		fclose(f);
	return kb;
}

/* Half of an arena is in use at a time: with the hog a quarter more than there is. */
static void choose_sizes(void)
{
	size_t room = (size_t)meminfo_kb("MemAvailable:") * 1024,
	       swap = (size_t)meminfo_kb("SwapFree:") * 1024;
	bool tight = swap >= 2 * room;
	size_t arenas = tight ? room : room / 3;

	arenas = arenas > 96 * MIB ? 96 * MIB : arenas;
	config.pages = arenas / PAGE / (size_t)config.workers;
	all.hog_pages = tight ? room / PAGE * 5 / 8 : 0;
	printf("# stress %ld %lu %d: %d processes of %d threads, %zu MiB each%s\n", config.seconds,
	       config.seed, config.workers, config.workers, THREADS, config.pages * PAGE / MIB,
	       tight ? ", more than there is" : "");
}

static void start_all(void)
{
	for (int i = 0; i < config.workers; i++)
		start_worker(i);
	if (!all.hog_pages)
		return;
	all.pids[MAX_WORKERS] = fork();
	if (!all.pids[MAX_WORKERS])
		hog(all.hog_pages);
}

static int report(void)
{
	bool every = true;

	printf("# %lu killed, %lu accesses refused, operations:", all.kills,
	       atomic_load(&board->refused));
	for (int i = 0; i < NR_OPERATIONS; i++) {
		printf(" %s %lu", operation_names[i], atomic_load(&board->done[i]));
		every = every && atomic_load(&board->done[i]);
	}
	printf("\n");
	check(!board->wrong_contents, "pages hold what was last written to them");
	check(!board->wrong_faults,
	      "what was taken away faults, with the right code, and nothing else");
	check(!board->wrong_ends, "processes end as they should");
	check_shared(all.kills * THREADS);
	check(every && board->refused, "each operation was done");
	return checks_done();
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };

	if (argc > 1 && !strcmp(argv[1], "child"))
		return use_stack(10) ? 7 : 8;
	config.seconds = argc > 1 ? atol(argv[1]) : 10;
	config.seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	config.workers = argc > 3 ? atoi(argv[3]) : 4;
	if (config.workers < 1 || config.workers > MAX_WORKERS)
		return 2;
	board = must_map(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	setrlimit(RLIMIT_CORE, &none);
	catch_faults();
	make_shared();
	choose_sizes();
	fflush(stdout);
	rng = mix(config.seed);
	config.end = now_ms() + config.seconds * 1000;
	start_all();
	watch();
	return report();
}
