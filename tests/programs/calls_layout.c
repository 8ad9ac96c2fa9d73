/* SPDX-License-Identifier: MIT */
/*
 * calls_layout: where the parts of a program lie: at random places, as much as
 * /proc/sys/kernel/randomize_va_space and personality(2) allow. TAP. Needs argv[0] to be its path.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "make_elf.h"

#define SWITCH "/proc/sys/kernel/randomize_va_space"
#define PIE "/tmp/layout.pie"
#define PAGE 4096UL
#define MIB (1UL << 20)
#define GIB (1UL << 30)
#define TIB (1UL << 40)
#define LOOKS 6

static const char *self;
extern char end[]; /* of the program's bss */

/* What a program sees of its own layout. */
struct seen {
	unsigned long stack, random, map, second_map, brk, pie, vdso, persona;
	unsigned long bytes[2]; /* those that AT_RANDOM leads to */
};

static unsigned long map_page(void)
{
	return (unsigned long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* In a program of its own: on descriptor 3. */
static int tell(void)
{
	struct seen seen = {
		.stack = (unsigned long)__builtin_frame_address(0) & ~(PAGE - 1),
		.random = getauxval(AT_RANDOM),
		.map = map_page(),
		.second_map = map_page(),
		.brk = (unsigned long)syscall(SYS_brk, 0),
		.pie = getauxval(AT_ENTRY) & ~(PAGE - 1),
		.vdso = getauxval(AT_SYSINFO_EHDR),
		.persona = (unsigned long)personality(0xffffffff),
	};

	memcpy(seen.bytes, (void *)seen.random, sizeof(seen.bytes));
	return write(3, &seen, sizeof(seen)) != sizeof(seen);
}

/* Run @path with that personality in between, and see. */
static struct seen look(const char *path, unsigned long persona)
{
	char *argv[] = { (char *)path, "tell", NULL };
	struct seen seen = { 0 };
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes))
		return seen;
	pid = fork();
	if (!pid) {
		dup2(pipes[1], 3);
		personality(persona);
		execv(path, argv);
		_exit(99);
	}
	close(pipes[1]);
	if (read(pipes[0], &seen, sizeof(seen)) != sizeof(seen))
		memset(&seen, 0, sizeof(seen));
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return seen;
}

static bool set_switch(const char *value)
{
	int fd = open(SWITCH, O_WRONLY);
	bool ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return ok;
}

static int get_switch(void)
{
	char text[16] = "";
	int fd = open(SWITCH, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && text[n - 1] == '\n' ? atoi(text) : -1;
}

static bool same(const struct seen *a, const struct seen *b)
{
	return a->stack && !memcmp(a, b, offsetof(struct seen, bytes));
}

/* How far apart the farthest of six numbers are. */
static unsigned long spread(const unsigned long n[LOOKS])
{
	unsigned long least = n[0], most = n[0];

	for (int i = 1; i < LOOKS; i++) {
		least = n[i] < least ? n[i] : least;
		most = n[i] > most ? n[i] : most;
	}
	return most - least;
}

/* Of all the room that each has, much is used: a thousandth by six runs would be very rare. */
static void far_apart(const struct seen seen[LOOKS])
{
	unsigned long n[5][LOOKS];

	for (int i = 0; i < LOOKS; i++) {
		n[0][i] = seen[i].stack;
		n[1][i] = seen[i].map;
		n[2][i] = seen[i].pie;
		n[3][i] = seen[i].brk - seen[i].pie;
		n[4][i] = seen[i].vdso - seen[i].stack;
	}
	check(spread(n[0]) >= 16 * MIB && spread(n[1]) >= GIB && spread(n[2]) >= GIB &&
		      spread(n[3]) >= MIB,
	      "and far: stack, mappings, program, heap");
	check(spread(n[4]) > 2 * PAGE || !seen[0].vdso, "the vDSO moves away from the stack");
	check(seen[0].bytes[0] != seen[1].bytes[0] && seen[0].bytes[1] != seen[1].bytes[1] &&
		      seen[0].bytes[0] != seen[0].bytes[1],
	      "AT_RANDOM leads to 16 random bytes");
}

static void everything_moves(void)
{
	struct seen seen[LOOKS];
	unsigned int moved[6] = { 0 }, ranges = 0;

	for (int i = 0; i < LOOKS; i++) {
		struct seen *s = &seen[i];

		*s = look(PIE, 0);
		ranges += s->stack > 0x7ffffffff000 - 16 * GIB - 16 * MIB &&
			  s->stack < 0x7ffffffff000;
		ranges += s->map > s->stack - TIB - 33 * GIB && s->map < s->stack;
		ranges += s->pie >= 0x555555554000 && s->pie < 0x555555554000 + TIB;
		ranges += s->brk > s->pie && s->brk <= s->pie + PAGE + PAGE + GIB;
		ranges += s->second_map == s->map - PAGE;
		if (!i)
			continue;
		moved[0] += s->stack != s[-1].stack;
		moved[1] += (s->random ^ s[-1].random) % PAGE != 0;
		moved[2] += s->map != s[-1].map;
		moved[3] += s->pie != s[-1].pie;
		moved[4] += s->brk - s->pie != s[-1].brk - s[-1].pie;
		moved[5] += s->map + s->stack != s[-1].map + s[-1].stack;
	}
	/* Once in a while two runs agree by chance; not in each of five pairs. */
	check(moved[0], "randomize_va_space 2: the stack moves from run to run");
	check(moved[1], "within the page too");
	check(moved[2] && moved[5], "mappings move, by themselves");
	check(moved[3], "a position-independent program moves");
	check(moved[4], "the heap moves away from the program");
	check(ranges == 5 * LOOKS, "all stay where they belong, and mappings go downwards");
	far_apart(seen);
}

static void heap_stays(void)
{
	struct seen a = look(self, 0), b = look(self, 0), c = look(self, 0), d = look(PIE, 0);
	unsigned long behind = ((unsigned long)end + PAGE - 1) & -PAGE;

	check(a.brk == behind && b.brk == behind && c.brk == behind && d.brk == d.pie + PAGE,
	      "randomize_va_space 1: the heap follows the program");
	check(a.stack != b.stack || b.stack != c.stack, "the stack still moves");
	check(a.map != b.map || b.map != c.map, "and mappings");
}

static void nothing_moves(void)
{
	struct seen a, b, c;

	set_switch("0\n");
	a = look(PIE, 0);
	b = look(PIE, 0);
	check(same(&a, &b), "randomize_va_space 0: all is where it was");
	check(a.pie == 0x555555554000 && a.brk == a.pie + PAGE,
	      "a position-independent program at two thirds, its heap behind it");
	set_switch("2\n");
	b = look(PIE, ADDR_NO_RANDOMIZE);
	c = look(PIE, ADDR_NO_RANDOMIZE);
	a.persona = ADDR_NO_RANDOMIZE;
	check(same(&b, &c) && same(&a, &b), "ADDR_NO_RANDOMIZE: the same, and exec leaves it on");
}

/* The stack may grow to its limit: mappings begin below. */
static void stack_limit(void)
{
	struct rlimit old, limit;
	struct seen a, b;

	getrlimit(RLIMIT_STACK, &old);
	limit = old;
	limit.rlim_cur = GIB;
	setrlimit(RLIMIT_STACK, &limit);
	a = look(self, ADDR_NO_RANDOMIZE);
	limit.rlim_cur = 3 * GIB;
	setrlimit(RLIMIT_STACK, &limit);
	b = look(self, ADDR_NO_RANDOMIZE);
	setrlimit(RLIMIT_STACK, &old);
	check(a.map - b.map == 2 * GIB && a.stack - a.map > GIB && a.stack == b.stack,
	      "mappings leave the stack room up to its limit");
}

static void upwards(void)
{
	struct seen a = look(self, ADDR_COMPAT_LAYOUT);
	struct seen b = look(self, ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE);

	check(a.map >= 0x2aaaaaaaa000 && a.map < 0x2aaaaaaab000 + TIB && b.map < a.map,
	      "ADDR_COMPAT_LAYOUT: mappings begin at a third, at random");
	check(a.second_map == a.map + PAGE, "and go upwards");
}

static void the_switch(void)
{
	check(get_switch() == 2, "randomize_va_space says what it is");
	check(set_switch("1") && get_switch() == 1 && set_switch(" 2 \n") && get_switch() == 2,
	      "and takes a number, with or without a new line");
	check(!set_switch("x\n") && errno == EINVAL && !set_switch("1x") && errno == EINVAL &&
		      get_switch() == 2,
	      "and nothing else: EINVAL");
}

/* Rights of the mapping at @p, as /proc/self/maps has them. */
static const char *rights(const void *p)
{
	static char text[8192], found[5];
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *line = text, *next;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (; *line; line = next) {
		unsigned long start = strtoul(line, &next, 16), stop = strtoul(next + 1, &next, 16);

		if (start <= (unsigned long)p && (unsigned long)p < stop)
			return memcpy(found, next + 1, 4);
		next = strchr(next, '\n') + 1;
	}
	return "none";
}

static void readable_is_executable(void)
{
	char *old = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *new;
	char *heap = (char *)((syscall(SYS_brk, 0) + PAGE - 1) & -PAGE);
	struct seen seen;

	check(personality(0xffffffff) == 0, "personality is 0 at first");
	check(personality(READ_IMPLIES_EXEC) == 0 && personality(-1) == READ_IMPLIES_EXEC,
	      "it gives the old one; 0xffffffff changes nothing");
	new = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(!strcmp(rights(new), "r-xp"), "READ_IMPLIES_EXEC: mmap gives both");
	mprotect(new, PAGE, PROT_WRITE);
	check(!strcmp(rights(new), "-w-p"), "only where reading was asked for");
	mprotect(old, PAGE, PROT_READ | PROT_WRITE);
	check(!strcmp(rights(old), "rwxp"), "mprotect gives both");
	syscall(SYS_brk, heap + PAGE);
	check(!strcmp(rights(heap), "rwxp"), "and brk");
	personality(0);
	check(!strcmp(rights(new), "-w-p") && personality(0x12345678) == 0 &&
		      personality(0) == 0x12345678,
	      "any number is kept, and changes what comes only");
	seen = look(self, READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | 0x8);
	check(seen.persona == (ADDR_NO_RANDOMIZE | 0x8), "exec turns READ_IMPLIES_EXEC off");
}

int main(int argc, char **argv)
{
	char old[16];
	struct made_elf elf;

	self = argv[0];
	if (argc > 1)
		return tell();
	make_elf(&elf, ET_DYN, 0, self);
	write_elf(PIE, &elf, sizeof(elf));
	snprintf(old, sizeof(old), "%d\n", get_switch());
	set_switch("2\n");
	the_switch();
	everything_moves();
	upwards();
	stack_limit();
	set_switch("1\n");
	heap_stays();
	nothing_moves();
	set_switch(old);
	readable_is_executable();
	unlink(PIE);
	return checks_done();
}
