/* SPDX-License-Identifier: MIT */
/*
 * saw_faults - each kind of access to each kind of memory in each state: whether it works or which
 * signal, code, address, error code and trap it gives; how many faults it counts; what pagemap shows
 * and which bytes are there afterwards, in this process and in a child that it shared them with.
 */
#include "saw.h"

#include <sys/wait.h>

static int rw, ro, ends[2], shorter;

enum memory {
	PRIVATE_ANON,
	SHARED_ANON,
	PRIVATE_FILE,
	SHARED_FILE,
	PRIVATE_RO_FILE,
	SHARED_RO_FILE,
	BEHIND_END,
	BEHIND_END_PRIVATE,
	LAST_PAGE,
	ZERO_DEVICE,
	NOTHING,
	KINDS
};
static const char *const kinds[KINDS] = { "private anon",
					  "shared anon",
					  "private file",
					  "shared file",
					  "private r/o file",
					  "shared r/o file",
					  "shared file behind its end",
					  "private file behind its end",
					  "last page of a file",
					  "/dev/zero",
					  "nothing" };

/* Two pages at 1, with nothing beside them. */
static void map_kind(enum memory kind, int prot)
{
	munmap(ARENA, 8 * PAGE);
	switch (kind) {
	case PRIVATE_ANON:
		put(1, 2, prot, ANON, -1, 0);
		break;
	case SHARED_ANON:
		put(1, 2, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		break;
	case PRIVATE_FILE:
		put(1, 2, prot, MAP_PRIVATE, rw, 1);
		break;
	case SHARED_FILE:
		put(1, 2, prot, MAP_SHARED, rw, 1);
		break;
	case PRIVATE_RO_FILE:
		put(1, 2, prot, MAP_PRIVATE, ro, 1);
		break;
	case SHARED_RO_FILE:
		put(1, 2, prot & ~PROT_WRITE, MAP_SHARED, ro, 1);
		break;
	case BEHIND_END:
		put(1, 2, prot, MAP_SHARED, rw, 8);
		break;
	case BEHIND_END_PRIVATE:
		put(1, 2, prot, MAP_PRIVATE, rw, 8);
		break;
	case LAST_PAGE:
		put(1, 2, prot, MAP_SHARED, shorter, 0);
		break;
	case ZERO_DEVICE: {
		int fd = open("/dev/zero", O_RDWR);

		put(1, 2, prot, MAP_PRIVATE, fd, 0);
		close(fd);
		break;
	}
	default:
		break;
	}
}

/* One access to an address: 'r', 'w', 'x', or by the kernel for us: 'R' and 'W' at a pipe. */
static void access_at(char *p, char how)
{
	struct faults then, now;
	volatile long ret = 0, err = 0;

	caught.sig = 0;
	then = faults();
	if (CATCH() == 0) {
		switch (how) {
		case 'r':
			(void)peek(p);
			break;
		case 'w':
			poke(p, 'w');
			break;
		case 'x':
			((void (*)(void))(uintptr_t)p)();
			break;
		case 'R':
			ret = write(ends[1], p, 1);
			err = errno;
			break;
		case 'W':
			ret = read(ends[0], p, 1);
			err = errno;
			break;
		}
	}
	now = faults();
	printf(" %c:", how);
	if (caught.sig) {
		printf("sig%d/%d%+ld", caught.sig, caught.code, (long)caught.addr - (long)p);
		printf(",%#lx,%lu", caught.err, caught.trapno);
	} else if (how == 'R' || how == 'W') {
		errno = err;
		printf("%s", result(ret));
	} else {
		printf("ok");
	}
	printf("(%ld)", now.minor + now.major - then.minor - then.major);
}

static void fill_pipe(void)
{
	char junk[64];

	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	while (read(ends[0], junk, sizeof(junk)) > 0)
		;
	if (write(ends[1], "pppppppp", 8) != 8)
		bail("fill the pipe");
}

static const char states[] = " rwpfc";

/* What happened to the memory before: nothing, read, written, made r/o and back, fork, dropped. */
static void prepare(char state)
{
	if (state == 'r' || state == 'w' || state == 'f' || state == 'c')
		if (CATCH() == 0)
			(void)peek(at(1));
	if (state == 'w' || state == 'f' || state == 'c')
		if (CATCH() == 0)
			poke(at(1), 'x');
	if (state == 'p') {
		if (CATCH() == 0)
			poke(at(1), 'x');
		mprotect(at(1), PAGE, PROT_NONE);
		mprotect(at(1), PAGE, RW);
	}
}

static int accesses(void *arg)
{
	const char *how = arg;

	for (; *how; how++)
		access_at(at(1) + 5, *how);
	printf(" %s", bits(0, 4));
	fflush(stdout);
	return 0;
}

/* In a child: what it does to what it shares with us. */
static void in_child(const char *how)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bail("fork");
	if (pid == 0) {
		printf(" child");
		_exit(accesses((void *)how));
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (status)
		printf(" ended with %#x", status);
}

static void everything(void)
{
	static const int prots[] = { RW,         PROT_READ,      PROT_NONE,
				     PROT_WRITE, RW | PROT_EXEC, PROT_READ | PROT_EXEC };
	static const char *const orders[] = { "r",  "w",  "x",  "R",  "W",
					      "rw", "wr", "rW", "Rw", "rwrw" };

	for (int kind = 0; kind < KINDS; kind++)
		for (size_t p = 0; p < COUNT(prots); p++)
			for (const char *state = states; *state; state++)
				for (size_t o = 0; o < COUNT(orders); o++) {
					if (strchr(orders[o], 'x') && prots[p] & PROT_EXEC)
						continue; /* what is there is no program */
					map_kind(kind, prots[p]);
					fill_pipe();
					pwrite(rw, "b", 1, PAGE + 5);
					prepare(*state);
					printf("= %s %d %c:", kinds[kind], prots[p],
					       *state == ' ' ? '-' : *state);
					fflush(stdout);
					if (*state == 'f' || *state == 'c')
						in_child(*state == 'c' ? "w" : orders[o]);
					if (*state != 'f')
						accesses((void *)orders[o]);
					printf(" %s\n", contents(0, 4));
				}
}

/* Addresses that are nobody's. */
static void nowhere(void)
{
	static const unsigned long addrs[] = { 0,
					       8,
					       4095,
					       0xfff8,
					       0x200000000000 - 1,
					       0x7fffffffefff,
					       0x7ffffffff000,
					       0x7fffffffffff,
					       0x7ffffffffff9,
					       0x800000000000,
					       0x8000000000000000,
					       0xffff7fffffffffff,
					       0xffff800000000000,
					       0xffff888000000000,
					       0xffffc90000000000,
					       0xffffffff80000000,
					       0xffffffffff600000,
					       0xffffffffff601000,
					       0xffffffffffffffff };

	munmap(ARENA, 8 * PAGE);
	for (size_t a = 0; a < COUNT(addrs); a++) {
		fill_pipe();
		printf("= %#lx:", addrs[a]);
		for (const char *how = addrs[a] == 0xffffffffff600000 ? "rwRW" : "rwxRW"; *how;
		     how++)
			access_at((char *)addrs[a], *how);
		putchar('\n');
	}
}

/* An access of eight bytes over the edge of what there is: which byte is told? */
static void edges(void)
{
	for (volatile long byte = -9; byte <= 1; byte++) {
		map_kind(PRIVATE_ANON, RW);
		for (volatile int side = 0; side < 2; side++) {
			volatile uint64_t *p = (void *)(at(side ? 3 : 1) + byte);

			if (CATCH() == 0)
				(void)*p;
			printf("= read of 8 at edge%+ld: sig%d/%d%+ld %#lx\n", byte, caught.sig,
			       caught.code, caught.sig ? (long)caught.addr - (long)p : 0,
			       caught.sig ? caught.err : 0);
			if (CATCH() == 0)
				*p = 1;
			printf("= write of 8 at edge%+ld: sig%d/%d%+ld %#lx %s\n", byte, caught.sig,
			       caught.code, caught.sig ? (long)caught.addr - (long)p : 0,
			       caught.sig ? caught.err : 0, bits(0, 4));
		}
	}
}

int main(void)
{
	rw = file_of(8);
	ro = open("/proc/self/exe", O_RDONLY);
	shorter = file_of(1);
	if (ro < 0 || pipe(ends) || ftruncate(shorter, 100))
		bail("files");
	catch_faults();
	everything();
	nowhere();
	edges();
	return 0;
}
