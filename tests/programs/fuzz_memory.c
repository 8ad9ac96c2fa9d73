/* SPDX-License-Identifier: MIT */
/*
 * fuzz_memory SEED STEPS [MIB]: the memory calls at random, against a shadow of what memory must hold;
 * beside it a process touches MIB MiB again and again. TAP.
 */
#include "fuzz.h"

#define M_PAGES 96
#define M_BASE 0x200000000000UL
#define F_PAGES 24

enum kind { NOTHING, ANON, SHARED_FILE, PRIVATE_FILE };

/* What a page of the arena is, and must hold in its first and last word. */
struct shadow {
	enum kind kind;
	int prot, file_page; /* file_page: of file kinds */
	bool own;            /* PRIVATE_FILE: copied, value counts */
	uint64_t value;      /* of ANON, and of own pages */
};

static struct shadow shadows[M_PAGES];
static uint64_t file_shadow[F_PAGES];
static int m_fd;
static unsigned int wrong;

static char *m_addr(size_t page)
{
	return (char *)M_BASE + page * PAGE;
}

static uint64_t *value_of(struct shadow *s)
{
	if (s->kind == SHARED_FILE || (s->kind == PRIVATE_FILE && !s->own))
		return &file_shadow[s->file_page];
	return &s->value;
}

static void complain(const char *what, size_t page, uint64_t got)
{
	if (wrong++ < 5)
		printf("# %s of page %zu (kind %d prot %d): got %#lx, wanted %#lx\n", what, page,
		       shadows[page].kind, shadows[page].prot, got, *value_of(&shadows[page]));
}

static void read_page(size_t page)
{
	struct shadow *s = &shadows[page];
	bool may = s->kind != NOTHING && s->prot & (PROT_READ | PROT_WRITE);
	volatile uint64_t *p = (void *)m_addr(page);
	uint64_t first, last;

	if (sigsetjmp(caught, 1)) {
		if (may)
			complain("signal at read", page, 0);
		return;
	}
	first = p[0];
	last = p[PAGE / 8 - 1];
	if (!may || first != *value_of(s) || last != *value_of(s))
		complain("read", page, first == *value_of(s) ? last : first);
}

static void write_page(size_t page)
{
	struct shadow *s = &shadows[page];
	bool may = s->kind != NOTHING && s->prot & PROT_WRITE;
	volatile uint64_t *p = (void *)m_addr(page);
	uint64_t value = rnd();

	if (sigsetjmp(caught, 1)) {
		if (may)
			complain("signal at write", page, 0);
		return;
	}
	p[0] = value;
	p[PAGE / 8 - 1] = value;
	if (!may)
		complain("write went through", page, value);
	if (s->kind == PRIVATE_FILE)
		s->own = true;
	*value_of(s) = value;
}

static void check_all(void)
{
	for (size_t i = 0; i < M_PAGES; i++)
		read_page(i);
}

static int some_prot(void)
{
	static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
				     PROT_NONE };

	return prots[below(COUNT(prots))];
}

static void m_map(size_t at, size_t n)
{
	int prot = some_prot(), flags = MAP_FIXED | (below(8) ? 0 : MAP_POPULATE);
	enum kind kind = ANON + below(3);
	size_t from = below(F_PAGES - n + 1);
	void *p;

	if (kind == ANON)
		p = mmap(m_addr(at), n * PAGE, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		p = mmap(m_addr(at), n * PAGE, prot,
			 kind == SHARED_FILE ? flags | MAP_SHARED : MAP_FIXED | MAP_PRIVATE, m_fd,
			 (off_t)(from * PAGE));
	if (p == MAP_FAILED)
		kind = NOTHING, munmap(m_addr(at), n * PAGE);
	for (size_t i = 0; i < n; i++)
		shadows[at + i] = (struct shadow){ kind, prot, (int)(from + i), false, 0 };
}

static void m_unmap(size_t at, size_t n)
{
	munmap(m_addr(at), n * PAGE);
	for (size_t i = 0; i < n; i++)
		shadows[at + i].kind = NOTHING;
}

/* A gap ends mprotect with ENOMEM, what is before it is done: go page by page. */
static void m_protect(size_t at, size_t n)
{
	int prot = some_prot();
	bool whole = true;

	for (size_t i = 0; i < n; i++)
		whole = whole && shadows[at + i].kind;
	if (whole && mprotect(m_addr(at), n * PAGE, prot))
		return;
	for (size_t i = 0; i < n; i++)
		if (shadows[at + i].kind && (whole || !mprotect(m_addr(at + i), PAGE, prot)))
			shadows[at + i].prot = prot;
}

static void m_move(size_t at, size_t n)
{
	size_t to = below(M_PAGES - n + 1);

	if (to < at + n && at < to + n)
		return;
	if (mremap(m_addr(at), n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m_addr(to)) ==
	    MAP_FAILED) {
		m_unmap(to, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		shadows[to + i] = shadows[at + i];
		shadows[at + i].kind = NOTHING;
	}
}

static void m_forget(size_t at, size_t n)
{
	munlock(m_addr(at), n * PAGE);
	for (size_t i = at; i < at + n; i++)
		if (!madvise(m_addr(i), PAGE, MADV_DONTNEED)) {
			shadows[i].own = false;
			shadows[i].value = 0;
		}
}

static void m_fork(void)
{
	uint64_t value = rnd();
	size_t page = below(F_PAGES);
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		uint64_t words[2] = { value, value };

		check_all();
		for (int i = 0; i < 10; i++) {
			size_t n = below(M_PAGES);

			if (shadows[n].kind != SHARED_FILE)
				write_page(n);
		}
		check_all();
		pwrite(m_fd, &words[0], 8, (off_t)(page * PAGE));
		pwrite(m_fd, &words[1], 8, (off_t)(page * PAGE + PAGE - 8));
		_exit(wrong != 0);
	}
	if (pid < 0)
		return;
	waitpid(pid, &status, 0);
	if (status) {
		wrong++;
		printf("# child of fork ended with wait status %#x\n", status);
	} else {
		file_shadow[page] = value;
	}
}

static void m_hints(size_t at, size_t n)
{
	static const int advice[] = { MADV_NORMAL, MADV_WILLNEED, MADV_RANDOM, MADV_SEQUENTIAL };
	unsigned char vec[M_PAGES];

	switch (below(6)) {
	case 0:
		msync(m_addr(at), n * PAGE, below(2) ? MS_SYNC : MS_ASYNC);
		break;
	case 1:
		mincore(m_addr(at), n * PAGE, vec);
		break;
	case 2:
		/* Locking copies private pages of files: what they hold then is not in the shadow. */
		for (size_t i = 0; i < n; i++)
			if (shadows[at + i].kind == PRIVATE_FILE)
				return;
		mlock(m_addr(at), n * PAGE);
		break;
	case 3:
		munlock(m_addr(at), n * PAGE);
		break;
	case 4:
		madvise(m_addr(at), n * PAGE, advice[below(COUNT(advice))]);
		break;
	default:
		sbrk(0), brk((char *)sbrk(0) + (below(2) ? 64 : -64) * (long)PAGE);
		break;
	}
}

/* Asks for more memory than there is, to have everything swapped out and in again. */
static pid_t start_pressure(size_t bytes)
{
	pid_t pid = fork();

	if (!pid) {
		char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		for (;;)
			for (size_t i = 0; p != MAP_FAILED && i < bytes; i += PAGE)
				p[i]++;
	}
	return pid;
}

static int fuzz_memory(unsigned int steps_, size_t pressure)
{
	struct sigaction sa = { .sa_handler = on_fault };
	pid_t pid = pressure ? start_pressure(pressure) : 0;

	m_fd = open("/tmp/fuzz-memory", O_RDWR | O_CREAT | O_TRUNC, 0600);
	ftruncate(m_fd, F_PAGES * PAGE);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	for (unsigned int i = 0; i < steps_ && wrong < 5; i++) {
		size_t n = 1 + below(below(3) ? 4 : F_PAGES), at = below(M_PAGES - n + 1);

		switch (below(16)) {
		case 0:
		case 1:
			m_map(at, n);
			break;
		case 2:
			m_unmap(at, n);
			break;
		case 3:
		case 4:
			m_protect(at, n);
			break;
		case 5:
			m_move(at, n);
			break;
		case 6:
			m_forget(at, n);
			break;
		case 7:
			if (!below(4))
				m_fork();
			break;
		case 8:
		case 9:
			m_hints(at, n);
			break;
		default:
			for (size_t j = 0; j < n; j++)
				below(3) ? write_page(at + j) : read_page(at + j);
		}
		if (i % 64 == 0)
			check_all();
	}
	check_all();
	munmap((void *)M_BASE, M_PAGES * PAGE);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(m_fd);
	unlink("/tmp/fuzz-memory");
	check(!wrong, pressure ? "memory holds what was written, with swapping" :
				 "memory holds what was written");
	check(machine_works(), "memory calls at random");
	return checks_done();
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	rng_state = strtoul(argv[1], NULL, 0) * 2654435761UL + 1;
	return fuzz_memory((unsigned int)atoi(argv[2]),
			   argc > 3 ? strtoul(argv[3], NULL, 0) << 20 : 0);
}
