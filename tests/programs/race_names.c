/* SPDX-License-Identifier: MIT */
/*
 * race_names: names and what they lead to. Files and directories are made, found, linked, moved and
 * removed by all at once. What one system call promises holds for it; nothing is lost and nothing
 * stays behind. In /root/names.PID on the disk, which e2fsck looks at afterwards.
 */
#include "race.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#define NAMES 6
#define PROC_MAGIC 0x9fa0

static char name_of[64];

/* The @n-th of a few names, prefixed. Of the calling thread until its next two calls. */
static const char *name(const char *prefix, unsigned long n)
{
	static _Thread_local char text[2][48];
	static _Thread_local unsigned int turn;
	char *at = text[turn++ % 2];

	snprintf(at, sizeof(text[0]), "%s%lu", prefix, n);
	return at;
}

/* A call failed: may it, with one of these errors (0-terminated)? */
static bool fails_with(const char *what, const int *errors)
{
	for (; *errors; errors++)
		if (errno == *errors)
			return true;
	complain("%s: %s", what, strerror(errno));
	return false;
}

static const int absent[] = { ENOENT, 0 }, present[] = { EEXIST, 0 };

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0)
		bail(path);
	dprintf(fd, "%s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	close(fd);
}

static unsigned int entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned int n = 0;

	if (!dir)
		bail(path);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ---- O_EXCL ---- */

static atomic_int winners;

static void win(int id)
{
	int fd;

	(void)id;
	while (meet()) {
		fd = open("prize", O_CREAT | O_EXCL | O_RDWR, 0600);
		if (fd >= 0) {
			atomic_fetch_add(&winners, 1);
			close(fd);
		} else {
			fails_with("open(O_EXCL)", present);
		}
		if (!meet())
			break;
	}
}

static void hold_a_race(void)
{
	atomic_store(&winners, 0);
	meet();
	meet();
	if (atomic_load(&winners) != 1)
		complain("%d opens with O_EXCL made the file", atomic_load(&winners));
	if (unlink("prize"))
		complain("the prize is not there");
}

static void test_exclusive(void)
{
	check(race(win, hold_a_race), "O_EXCL lets one make the file");
	unlink("prize");
}

/* ---- rename ---- */

/* Files a0, a1, ... are each in one of two directories, whatever happens. */
static void move_files(int id)
{
	(void)id;
	while (!stopped()) {
		unsigned long n = below(NAMES), way = below(3);
		const char *here = name("one/a", n), *there = name("two/a", n);
		char said[16] = "";
		int fd;

		if (way < 2 && rename(way ? here : there, way ? there : here))
			fails_with("rename", absent);
		if (way < 2)
			continue;
		fd = open(here, O_RDONLY);
		if (fd < 0) {
			fails_with("open", absent);
			continue;
		}
		if (read(fd, said, sizeof(said) - 1) < 1 || strcmp(said, here + 4))
			complain("%s holds \"%s\"", here, said);
		close(fd);
	}
}

static void count_both(void)
{
	struct stat st;

	/* A file that moves while the directories are read may be seen in both or neither. */
	if (entries("one") > NAMES || entries("two") > NAMES)
		complain("there are more files than were made");
	if (stat("one", &st) || st.st_nlink != 2)
		complain("a directory without directories has %lu links",
			 (unsigned long)st.st_nlink);
}

static void test_rename(void)
{
	bool passed;

	mkdir("one", 0700);
	mkdir("two", 0700);
	for (unsigned long n = 0; n < NAMES; n++)
		make(name("one/a", n));
	passed = race(move_files, count_both);
	check(passed && entries("one") + entries("two") == NAMES,
	      "rename loses and doubles no file");
	for (unsigned long n = 0; n < NAMES; n++)
		if (unlink(name("one/a", n)) && unlink(name("two/a", n)))
			complain("file %lu is gone", n);
	check(!rmdir("one") && !rmdir("two"), "and the directories are empty then");
}

/* ---- directories that move into each other ---- */

static void move_trees(int id)
{
	static const int fine[] = { ENOENT, EINVAL, ENOTEMPTY, EEXIST, 0 };
	static const char *const from[] = { "p/m", "q/m", "p", "p/m/q", "q", "r/m" };
	static const char *const to[] = { "q/m", "p/m", "q/m/p", "q", "p/m/q", "p/m" };
	struct stat st;

	(void)id;
	while (!stopped()) {
		unsigned long n = below(COUNT(from));

		if (rename(from[n], to[n]))
			fails_with("rename of a directory", fine);
		if (mkdir("r", 0700) && errno != EEXIST)
			complain("mkdir: %s", strerror(errno));
		if (rename("r", "p/m"))
			fails_with("rename over a directory", fine);
		if (stat("p/m/../..", &st) && errno != ENOENT)
			complain("stat through \"..\": %s", strerror(errno));
	}
}

/* Whatever they are below by now. */
static void remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char below_it[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(below_it, sizeof(below_it), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(below_it))
			remove_tree(below_it);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void test_trees(void)
{
	bool passed;

	mkdir("trees", 0700);
	if (chdir("trees"))
		bail("trees");
	mkdir("p", 0700);
	mkdir("q", 0700);
	mkdir("p/m", 0700);
	passed = race(move_trees, just_wait);
	remove_tree("p");
	remove_tree("q");
	remove_tree("r");
	if (chdir(".."))
		bail("..");
	check(passed && !rmdir("trees"), "directories move into each other and none is lost");
}

/* ---- rmdir against what is made inside ---- */

static void make_inside(int id)
{
	static const int made[] = { ENOENT, 0 }, removed[] = { ENOENT, ENOTEMPTY, 0 };
	const char *mine = id % 2 ? "d/x" : "d/y";
	int dir, fd;

	while (!stopped()) {
		if (mkdir("d", 0700) && errno != EEXIST)
			complain("mkdir: %s", strerror(errno));
		dir = open("d", O_RDONLY | O_DIRECTORY);
		fd = dir < 0 ? -1 : openat(dir, mine + 2, O_CREAT | O_RDWR, 0600);
		if (fd < 0)
			fails_with("open", made);
		else
			close(fd);
		close(dir);
		if (id >= 2 && link("stone", mine) && errno != EEXIST)
			fails_with("link", made);
		if (unlink(mine))
			fails_with("unlink", made);
		if (rmdir("d"))
			fails_with("rmdir", removed);
	}
}

static void look_at_stone(void)
{
	struct stat st;

	if (stat("stone", &st) || st.st_nlink < 1 || st.st_nlink > 3)
		complain("the stone has %lu links", (unsigned long)st.st_nlink);
	usleep(2000);
}

static void test_rmdir(void)
{
	struct stat st;
	bool passed;

	make("stone");
	passed = race(make_inside, look_at_stone);
	unlink("d/x");
	unlink("d/y");
	rmdir("d");
	check(passed && !stat("stone", &st) && st.st_nlink == 1,
	      "nothing is made in a directory that is gone");
	check(!unlink("stone") && access("d", F_OK), "and nothing is left of it");
}

/* The same by one task: the name is known not to exist, and stays so. */
static void test_removed(void)
{
	int fd;

	mkdir("gone", 0700);
	if (chdir("gone"))
		bail("gone");
	access("x", F_OK);
	rmdir("../gone");
	fd = open("x", O_CREAT | O_RDWR, 0600);
	check(fd < 0 && errno == ENOENT, "no file is made in a removed directory");
	check(mkdir("x", 0700) && errno == ENOENT, "nor a directory");
	make("../other");
	check(link("../other", "x") && errno == ENOENT, "nor a link");
	if (chdir(".."))
		bail("..");
	unlink("other");
}

/* ---- links ---- */

static void link_and_unlink(int id)
{
	static const int fine[] = { ENOENT, EEXIST, 0 };
	struct stat st;

	(void)id;
	while (!stopped()) {
		unsigned long n = below(NAMES);

		if (link("root", name("link", n)))
			fails_with("link", fine);
		if (stat(name("link", below(NAMES)), &st) && errno != ENOENT)
			complain("stat: %s", strerror(errno));
		if (unlink(name("link", below(NAMES))))
			fails_with("unlink", fine);
	}
}

static void count_links(void)
{
	struct stat st;

	if (stat("root", &st) || st.st_nlink < 1 || st.st_nlink > NAMES + 1)
		complain("%lu links of at most %d", (unsigned long)st.st_nlink, NAMES + 1);
	usleep(1000);
}

static void test_links(void)
{
	unsigned long there = 1;
	struct stat st;
	bool passed;

	make("root");
	passed = race(link_and_unlink, count_links);
	if (stat("root", &st))
		bail("root");
	for (unsigned long n = 0; n < NAMES; n++)
		there += !unlink(name("link", n));
	check(passed && st.st_nlink == there, "a file has as many links as names");
	unlink("root");
}

/* ---- files that come, go, and fall out of the caches ---- */

static void use_and_remove(int id)
{
	char said[32], want[32];
	int fd;

	while (!stopped()) {
		unsigned long n = below(3);
		const char *path = name("file", n);

		if (below(4) == 0 && unlink(path))
			fails_with("unlink", absent);
		fd = open(path, below(2) ? O_RDWR | O_CREAT : O_RDWR, 0600);
		if (fd < 0) {
			fails_with("open", absent);
			continue;
		}
		snprintf(want, sizeof(want), "thread %d", id);
		pwrite(fd, want, sizeof(want), id * 32);
		if (pread(fd, said, sizeof(said), id * 32) == sizeof(said) && strcmp(said, want))
			complain("wrote \"%s\", read \"%.31s\"", want, said);
		close(fd);
	}
}

static void drop_all_caches(void)
{
	static const int no_such_file[] = { ENOENT, EACCES, EROFS, 0 };
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0)
		fails_with("drop_caches", no_such_file);
	else if (write(fd, "3", 1) != 1)
		complain("drop_caches: %s", strerror(errno));
	close(fd);
	sync();
	usleep(1000);
}

static void test_files(void)
{
	bool passed = race(use_and_remove, drop_all_caches);

	for (unsigned long n = 0; n < 3; n++)
		unlink(name("file", n));
	check(passed, "files are what was written, whoever removes and forgets them");
}

/* ---- mount and unmount ---- */

static void walk_into_mount(int id)
{
	struct statfs fs;
	int dir;

	(void)id;
	while (!stopped()) {
		if (access("mnt/self/maps", R_OK))
			fails_with("access", absent);
		if (statfs("mnt/..", &fs) || fs.f_type == PROC_MAGIC)
			complain("the place of the mount is in the mount");
		dir = open("mnt", O_RDONLY | O_DIRECTORY);
		if (dir < 0 || fstatfs(dir, &fs))
			complain("open: %s", strerror(errno));
		else if (fs.f_type == PROC_MAGIC && faccessat(dir, "self/maps", R_OK, 0))
			complain("a file system went while a directory of it was open");
		close(dir);
	}
}

static void mount_and_unmount(void)
{
	static const int busy[] = { EBUSY, 0 };

	if (mount("proc", "mnt", "proc", 0, NULL))
		fails_with("mount", busy);
	let_others(200);
	while (umount("mnt") && errno != EINVAL)
		if (!fails_with("umount", busy))
			break;
}

static void test_mount(void)
{
	bool passed;

	mkdir("mnt", 0700);
	if (mount("proc", "mnt", "proc", 0, NULL)) {
		printf("# mount: %s\n", strerror(errno));
		rmdir("mnt");
		return;
	}
	umount("mnt");
	passed = race(walk_into_mount, mount_and_unmount);
	while (!umount("mnt"))
		;
	check(passed && !rmdir("mnt"), "a file system comes and goes under who walks into it");
}

static const struct race_test tests[] = {
	{ "exclusive", test_exclusive }, { "rename", test_rename },   { "trees", test_trees },
	{ "rmdir", test_rmdir },         { "removed", test_removed }, { "links", test_links },
	{ "files", test_files },         { "mount", test_mount },
};

int main(int argc, char **argv)
{
	int status;

	(void)argc;
	snprintf(name_of, sizeof(name_of), "/root/names.%d", getpid());
	if (mkdir(name_of, 0700) || chdir(name_of))
		bail(name_of);
	status = run_races(tests, COUNT(tests), argv);
	if (chdir("/") || rmdir(name_of))
		bail("the directory of the races is not empty");
	return status;
}
