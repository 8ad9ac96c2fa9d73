/* SPDX-License-Identifier: MIT */
/*
 * walk - a random walk over the memory calls.
 *
 * It maps, unmaps, protects, moves, advises, locks, writes, reads, forks and truncates in a small
 * window, and after each step says what the call returned and digests what the pages show. The same
 * seed gives the same text on every kernel with Linux's behaviour; tests/oracle/walk.py compares.
 *
 *     walk [seed=1] [seeds=FIRST-LAST] [steps=500] [keep=1,5,9-20] [text|detail|last] [every=50]
 *          [calm] [hog=MIB] [file=PATH: a job of these words on each line]
 *
 * Without text: a digest of the whole text so far, every so many steps. detail: names each page and
 * mapping looked at; last: only in the last step that is kept. calm: no word on residency, for a
 * machine whose memory is short; hog: makes it short.
 */
#include "walk_fork.h"

#define MAX_STEPS 65536

static struct job {
	unsigned long first, last, steps, every, hog;
	bool text, detail, last_detail, calm, chosen;
	unsigned char keep[MAX_STEPS / 8];
} job;

static const struct {
	void (*run)(void);
	unsigned int weight;
} kinds[] = {
	{ step_mmap, 22 },    { step_munmap, 7 },    { step_mprotect, 12 }, { step_mremap, 10 },
	{ step_madvise, 14 }, { step_mlock, 4 },     { step_msync, 3 },     { step_mincore, 3 },
	{ step_brk, 3 },      { step_touch, 10 },    { step_paint, 10 },    { step_copy, 4 },
	{ step_exec, 2 },     { step_pread, 5 },     { step_pwrite, 4 },    { step_file_write, 4 },
	{ step_truncate, 5 }, { step_invisible, 1 }, { step_pipe, 4 },      { step_vector, 4 },
	{ step_clock, 2 },    { step_struct, 3 },    { step_path, 2 },      { step_take, 3 },
	{ step_fork, 4 },     { step_ghost, 4 },     { step_wait, 1 },
};

static void one_step(void)
{
	unsigned int total = 0;
	unsigned long pick;
	size_t i;

	for (i = 0; i < COUNT(kinds); i++)
		total += kinds[i].weight;
	pick = below(total);
	for (i = 0; pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	w.focus = random_page();
	kinds[i].run();
	w.rng = mix(w.rng ^ w.seed); /* however much the step used */
	look();
}

static int open_file(int i)
{
	char name[] = "walk.0";
	struct stat st;

	name[5] += (char)i;
	unlink(name);
	w.files[i].rw = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	w.files[i].ro = open(name, O_RDONLY);
	if (w.files[i].rw < 0 || w.files[i].ro < 0 || fstat(w.files[i].rw, &st))
		return -1;
	w.files[i].ino = st.st_ino;
	return 0;
}

static void prepare(uint64_t seed)
{
	struct rlimit none = { 0, 0 };

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.rng = mix(seed);
	w.residency = !job.calm;
	w.zero = open("/dev/zero", O_RDWR);
	w.null = open("/dev/null", O_RDWR);
	w.heap = ((uintptr_t)syscall(SYS_brk, 0) + PAGE - 1) & -PAGE;
	syscall(SYS_brk, w.heap);
	setrlimit(RLIMIT_CORE, &none);
	if (w.zero < 0 || w.null < 0 || open_file(0) || open_file(1) || pipe2(w.pipe, O_NONBLOCK)) {
		dprintf(1, "walk: cannot make its files in /tmp: %s\n", strerror(errno));
		_exit(98);
	}
	unlink("walk.link");
	if (symlink(LINK_TARGET, "walk.link"))
		dprintf(1, "walk: no symbolic link: %s\n", strerror(errno));
	dup2(w.null, 0);
	catch_faults();
}

static bool kept(unsigned long step)
{
	return !job.chosen || (job.keep[step / 8] & 1 << step % 8);
}

static unsigned long last_kept(void)
{
	unsigned long step = job.steps;

	while (step && !kept(step))
		step--;
	return step;
}

/* One walk, from nothing, in a process of its own. */
static void walk(uint64_t seed)
{
	unsigned long last = last_kept(), done = 0;
	uint64_t digest = 1;

	prepare(seed);
	for (unsigned long step = 1; step <= last; step++) {
		if (!kept(step))
			continue;
		w.step = (unsigned int)step;
		w.rng = mix(seed * 0x9e3779b97f4a7c15UL + step);
		w.detail = job.detail || (job.last_detail && step == last);
		line_len = 0;
		one_step();
		digest = hash_bytes(digest, line, line_len);
		if (job.text) {
			dprintf(1, "%lu %.*s\n", step, (int)line_len, line);
			continue;
		}
		if (++done % job.every == 0 || step == last)
			dprintf(1, "%lu:%lu %016lx\n", (unsigned long)seed, step, mix(digest));
	}
	line_len = 0;
	end_ghosts();
	if (line_len)
		dprintf(1, "ghosts%.*s\n", (int)line_len, line);
	_exit(0);
}

static pid_t start_hog(void)
{
	unsigned long size = job.hog << 20;
	struct timespec pause = { 0, 1000000 };
	pid_t pid = job.hog ? fork() : 0;
	char *p;

	if (!job.hog || pid)
		return pid;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned long i = 0; p != MAP_FAILED; i = (i + PAGE) % size) {
		p[i]++;
		if (i % (64 * PAGE) == 0)
			nanosleep(&pause, NULL);
	}
	_exit(1);
}

static int run_job(void)
{
	pid_t hog = start_hog();
	int worst = 0;

	for (unsigned long seed = job.first; seed <= job.last; seed++) {
		int status = 0;
		pid_t pid = fork();

		if (!pid)
			walk(seed);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			dprintf(1, "seed %lu: the walk ended with wait status %#x\n", seed, status);
			worst = 1;
		}
	}
	if (hog > 0) {
		kill(hog, SIGKILL);
		waitpid(hog, NULL, 0);
	}
	return worst;
}

/* "1,5,9-20" into job.keep. */
static void parse_keep(const char *p)
{
	char *end;

	job.chosen = true;
	for (; *p; p = *end ? end + 1 : end) {
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < MAX_STEPS; from++)
			job.keep[from / 8] |= (unsigned char)(1 << from % 8);
		if (to > job.steps && to < MAX_STEPS)
			job.steps = to;
	}
}

static bool parse_word(const char *word)
{
	char *end;

	if (!strncmp(word, "seed=", 5))
		job.first = job.last = strtoul(word + 5, NULL, 10);
	else if (!strncmp(word, "seeds=", 6))
		job.first = strtoul(word + 6, &end, 10), job.last = strtoul(end + 1, NULL, 10);
	else if (!strncmp(word, "steps=", 6))
		job.steps = strtoul(word + 6, NULL, 10);
	else if (!strncmp(word, "keep=", 5))
		parse_keep(word + 5);
	else if (!strncmp(word, "every=", 6))
		job.every = strtoul(word + 6, NULL, 10);
	else if (!strncmp(word, "hog=", 4))
		job.hog = strtoul(word + 4, NULL, 10);
	else if (!strcmp(word, "calm"))
		job.calm = true;
	else if (!strcmp(word, "text"))
		job.text = true;
	else if (!strcmp(word, "detail"))
		job.text = job.detail = true;
	else if (!strcmp(word, "last"))
		job.text = job.last_detail = true;
	else
		return false;
	return true;
}

static int start_job(char **words)
{
	memset(&job, 0, sizeof(job));
	job.first = job.last = 1;
	job.steps = 500;
	job.every = 50;
	for (; *words; words++)
		if (!parse_word(*words)) {
			dprintf(2, "walk: what is `%s`? tests/programs/walk.c says what there is\n",
				*words);
			return 2;
		}
	if (job.steps >= MAX_STEPS || !job.every) {
		dprintf(2, "walk: steps= below %d, every= above 0\n", MAX_STEPS);
		return 2;
	}
	return run_job();
}

/* Each line of the file is a job; its number is said first. (No stdio: it would use the heap.) */
static int run_file(const char *path)
{
	static char text[1 << 20];
	int worst = 0, number = 0;
	char *at = text, *end;

	if (!read_proc(path, text, sizeof(text))) {
		dprintf(2, "walk: %s: %s\n", path, strerror(errno));
		return 2;
	}
	for (; (end = strchr(at, '\n')); at = end + 1) {
		char *words[64], *word;
		size_t n = 0;
		int status;

		*end = '\0';
		for (word = strtok(at, " "); word && n + 1 < COUNT(words); word = strtok(NULL, " "))
			words[n++] = word;
		words[n] = NULL;
		dprintf(1, "job %d\n", ++number);
		status = start_job(words);
		worst = status > worst ? status : worst;
	}
	dprintf(1, "end of jobs\n");
	return worst;
}

int main(int argc, char **argv)
{
	if (chdir("/tmp")) {
		dprintf(2, "walk: /tmp: %s\n", strerror(errno));
		return 2;
	}
	if (argc == 2 && !strncmp(argv[1], "file=", 5))
		return run_file(argv[1] + 5);
	return start_job(argv + 1);
}
