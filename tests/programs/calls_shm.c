/* SPDX-License-Identifier: MIT */
/* calls_shm: System V shared memory, and shared memory by shm_open. TAP. As root. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define PAGE 4096L
#define KEY 0x5eed0001
#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xff, sizeof(ds));
	if (shmctl(id, IPC_STAT, &ds))
		ds.shm_nattch = ~0UL;
	return ds;
}

/* The line of /proc/self/maps that begins at p: its rights, inode and name. */
static bool map_line(const void *p, char rights[5], unsigned long *ino, char *name)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start;

	name[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%*x %4s %*x %*x:%*x %lu %255[^\n]", &start, rights, ino,
			   name) >= 3 &&
		    start == (unsigned long)p) {
			fclose(f);
			return true;
		}
	}
	if (f)
		fclose(f);
	return false;
}

static void test_get(void)
{
	int id = shmget(KEY, 3 * PAGE + 5, IPC_CREAT | IPC_EXCL | 0640), other, third;
	struct shmid_ds ds = stat_of(id);

	check(id >= 0, "a segment");
	check(ds.shm_segsz == 3 * PAGE + 5, "its size in bytes, as asked for");
	check((ds.shm_perm.mode & 07777) == 0640 && ds.shm_perm.__key == KEY, "its mode and key");
	check(ds.shm_nattch == 0 && ds.shm_cpid == getpid() && ds.shm_lpid == 0 &&
		      ds.shm_atime == 0 && ds.shm_dtime == 0 && ds.shm_ctime > 0,
	      "nobody is attached, its maker is known");
	check(shmget(KEY, 0, 0) == id && shmget(KEY, PAGE, IPC_CREAT) == id, "the key finds it");
	check(fails(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL), EEXIST), "EEXIST");
	check(fails(shmget(KEY, 4 * PAGE, 0), EINVAL), "EINVAL: larger than it is");
	check(fails(shmget(KEY + 1, PAGE, 0), ENOENT), "ENOENT");
	check(fails(shmget(KEY + 1, 0, IPC_CREAT), EINVAL), "EINVAL: size 0");
	check(fails(shmget(KEY + 1, ~0UL, IPC_CREAT), EINVAL), "EINVAL: over shmmax");
	check(fails(shmget(KEY + 1, 1UL << 60, IPC_CREAT), ENOMEM), "ENOMEM: more than there is");
	other = shmget(IPC_PRIVATE, 1, 0600);
	third = shmget(IPC_PRIVATE, 1, 0600);
	check(other >= 0 && other != id && third >= 0 && third != other,
	      "IPC_PRIVATE is a new one each time");
	check(!shmctl(id, IPC_RMID, NULL), "removed");
	check(fails(shmget(KEY, 0, 0), ENOENT), "the key finds it no more");
	check(fails(shmctl(id, IPC_STAT, &ds), EINVAL), "nor does the id");
	check(fails(shmctl(-1, IPC_STAT, &ds), EINVAL), "EINVAL: negative id");
	check(fails(shmctl(other, 99, &ds), EINVAL), "EINVAL: no such command");
	check(fails(shmctl(other, IPC_STAT, (void *)8), EFAULT), "EFAULT");
	shmctl(other, IPC_RMID, NULL);
	shmctl(third, IPC_RMID, NULL);
	id = shmget(IPC_PRIVATE, PAGE, 0600);
	check(id != other, "a new id is not the last one again");
	shmctl(id, IPC_RMID, NULL);
}

static void test_attach(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE + 1, 0600);
	char *p = shmat(id, NULL, 0), *q, rights[5], name[256], want[64];
	struct shmid_ds ds = stat_of(id);
	unsigned long ino = 0;

	check(p != (void *)-1, "attached");
	check(ds.shm_nattch == 1 && ds.shm_lpid == getpid() && ds.shm_atime > 0, "and counted");
	check(map_line(p, rights, &ino, name) && !strcmp(rights, "rw-s") && ino == (unsigned)id,
	      "/proc/self/maps: rights, and the id as inode");
	snprintf(want, sizeof(want), "/SYSV%08x (deleted)", 0);
	check(!strcmp(name, want), "and the key in the name");
	q = shmat(id, NULL, SHM_RDONLY);
	check(q != (void *)-1 && q != p && stat_of(id).shm_nattch == 2, "a second time, to read");
	strcpy(p, "written");
	check(!strcmp(q, "written") && !q[2 * PAGE + 4095], "they are the same memory");
	check(map_line(q, rights, &ino, name) && !strcmp(rights, "r--s"), "rights r--s");
	check(fails(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES), "which cannot become w");
	check(fails((long)shmat(id, p + 1, 0), EINVAL), "EINVAL: not aligned");
	check(fails((long)shmat(id, p, 0), EINVAL), "EINVAL: something is mapped there");
	check(fails((long)shmat(id, NULL, SHM_REMAP), EINVAL), "EINVAL: SHM_REMAP without a place");
	check(shmat(id, q + 5, SHM_RND | SHM_REMAP) == q && stat_of(id).shm_nattch == 2,
	      "SHM_RND | SHM_REMAP in place of the other");
	strcpy(q, "again");
	check(!strcmp(p, "again"), "to write now");
	check(!madvise(q, PAGE, MADV_REMOVE) && !p[0], "MADV_REMOVE empties it for both");
	strcpy(q, "again");
	check(fails(shmdt(q + 1), EINVAL) && fails(shmdt(q + PAGE), EINVAL),
	      "shmdt wants where it begins");
	munmap(q + PAGE, PAGE);
	check(stat_of(id).shm_nattch == 3, "a hole in the middle leaves two parts");
	check(!shmdt(q) && stat_of(id).shm_nattch == 1, "shmdt takes both");
	check(fails(shmdt(q), EINVAL), "EINVAL: nothing there any more");
	check(stat_of(id).shm_dtime > 0, "the time of the last detach");
	check(!mprotect(p, PAGE, PROT_NONE) && stat_of(id).shm_nattch == 2,
	      "split by mprotect: counted twice");
	check(!mprotect(p, PAGE, PROT_READ | PROT_WRITE) && !strcmp(p, "again"), "all is there");
	check(!shmctl(id, IPC_RMID, NULL), "removed while attached");
	check((stat_of(id).shm_perm.mode & 01000) == 01000 && stat_of(id).shm_perm.__key == 0,
	      "SHM_DEST, and no key");
	q = shmat(id, NULL, 0);
	check(q != (void *)-1 && !strcmp(q, "again"), "by its id it is attached still");
	shmdt(q);
	check(!shmdt(p), "the last detach");
	check(fails(shmctl(id, IPC_STAT, &ds), EINVAL), "takes it away");
	check(fails((long)shmat(id, NULL, 0), EINVAL) && fails((long)shmat(-1, NULL, 0), EINVAL),
	      "EINVAL: no such id");
}

static void test_processes(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	volatile int *p = shmat(id, NULL, 0);
	pid_t pid = fork();

	if (!pid) {
		p[0] = stat_of(id).shm_nattch == 2;
		_exit(0);
	}
	exit_of(pid);
	check(p[0] == 1, "fork attaches the child");
	check(stat_of(id).shm_nattch == 1, "exit detaches it");
	pid = fork();
	if (!pid) {
		p[1] = 7;
		execl("/proc/self/exe", "calls_shm", "exec", NULL);
		_exit(1);
	}
	check(exit_of(pid) == 7 && p[1] == 7 && stat_of(id).shm_nattch == 1,
	      "exec detaches as well");
	pid = fork();
	if (!pid) {
		shmctl(id, IPC_RMID, NULL);
		_exit(0);
	}
	exit_of(pid);
	check(p[1] == 7 && stat_of(id).shm_nattch == 1, "removed by another");
	shmdt((void *)p);
	check(fails(shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }), EINVAL), "gone");
}

static void test_rights(void)
{
	int id = shmget(KEY, PAGE, IPC_CREAT | 0600),
	    open_to_all = shmget(KEY + 1, PAGE, IPC_CREAT | 0644);
	struct shmid_ds ds = stat_of(id);
	pid_t pid = fork();

	if (!pid) {
		int bad = 0;

		if (setgid(1000) || setuid(1000))
			_exit(99);
		bad |= !fails((long)shmat(id, NULL, 0), EACCES);
		bad |= !fails((long)shmat(id, NULL, SHM_RDONLY), EACCES) << 1;
		bad |= !fails((long)shmat(open_to_all, NULL, 0), EACCES) << 2;
		bad |= (shmat(open_to_all, NULL, SHM_RDONLY) == (void *)-1) << 3;
		bad |= !fails(shmctl(id, IPC_STAT, &ds), EACCES) << 4;
		bad |= !fails(shmctl(open_to_all, IPC_RMID, NULL), EPERM) << 5;
		bad |= !fails(shmget(KEY, 0, 0600), EACCES) << 6;
		bad |= (shmget(KEY, 0, 0) != id) << 7;
		_exit(bad);
	}
	check(exit_of(pid) == 0, "another user: EACCES, EPERM, and what he may");
	ds.shm_perm.uid = 1000;
	ds.shm_perm.gid = 1000;
	ds.shm_perm.mode = 0400;
	check(!shmctl(id, IPC_SET, &ds) && stat_of(id).shm_perm.uid == 1000 &&
		      (stat_of(id).shm_perm.mode & 07777) == 0400,
	      "IPC_SET");
	pid = fork();
	if (!pid) {
		int bad = 0;

		if (setgid(1000) || setuid(1000))
			_exit(99);
		bad |= !fails((long)shmat(id, NULL, 0), EACCES);
		bad |= (shmat(id, NULL, SHM_RDONLY) == (void *)-1) << 1;
		bad |= shmctl(id, IPC_RMID, NULL) << 2;
		_exit(bad);
	}
	check(exit_of(pid) == 0, "its new owner");
	shmctl(id, IPC_RMID, NULL);
	shmctl(open_to_all, IPC_RMID, NULL);
}

/* As as_user(), with a further group. */
static int as_member(uid_t uid, gid_t gid, gid_t further, int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		if (setgroups(1, &further) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(99);
		_exit(fn());
	}
	return exit_of(pid);
}

static int shared_id;

static int may_read(void)
{
	return shmat(shared_id, NULL, SHM_RDONLY) == (void *)-1;
}

static int may_not_read(void)
{
	return !fails((long)shmat(shared_id, NULL, SHM_RDONLY), EACCES);
}

static int may_not_execute(void)
{
	return may_read() | !fails((long)shmat(shared_id, NULL, SHM_RDONLY | SHM_EXEC), EACCES)
				    << 1;
}

/* Makes one, gives it away, and goes on as its maker. */
static int maker(void)
{
	struct rlimit none = { 0, 0 };
	int id = shmget(IPC_PRIVATE, PAGE, 0600), bad = 0;
	struct shmid_ds ds = stat_of(id);

	bad |= shmctl(id, SHM_LOCK, NULL) != 0;
	setrlimit(RLIMIT_MEMLOCK, &none);
	bad |= !fails(shmctl(id, SHM_LOCK, NULL), EPERM) << 1;
	bad |= shmctl(id, SHM_UNLOCK, NULL) << 2;
	ds.shm_perm.uid = 3000;
	ds.shm_perm.gid = 3000;
	ds.shm_perm.mode = 07700;
	bad |= shmctl(id, IPC_SET, &ds) << 3;
	ds = stat_of(id);
	bad |= (ds.shm_perm.uid != 3000 || ds.shm_perm.cuid != 1000 || ds.shm_perm.mode != 0700)
	       << 4;
	bad |= (shmat(id, NULL, SHM_EXEC) == (void *)-1) << 5;
	bad |= shmctl(id, IPC_RMID, NULL) << 6;
	return bad;
}

static int root_without(void)
{
	unsigned int header[2] = { 0x20080522, 0 }, none[6] = { 0 };

	syscall(SYS_capset, header, none);
	return may_not_read() | !fails(shmctl(shared_id, IPC_RMID, NULL), EPERM) << 1;
}

static int make_key(void)
{
	return shmget(KEY, PAGE, IPC_CREAT | 0600) < 0;
}

static void test_more_rights(void)
{
	struct shmid_ds ds;
	int id = shared_id = shmget(KEY, PAGE, IPC_CREAT | 0600);
	pid_t pid;

	ds = stat_of(id);
	ds.shm_perm.uid = ds.shm_perm.gid = 2000;
	ds.shm_perm.mode = 0704;
	check(!shmctl(id, IPC_SET, &ds) && as_member(1000, 1000, 5, may_read) == 0 &&
		      as_member(1000, 2000, 5, may_not_read) == 0,
	      "of its group nobody has what others have");
	check(as_member(1000, 1000, 2000, may_not_read) == 0, "nor who is further in it");
	check(as_member(1000, 1000, 0, may_not_read) == 0 &&
		      as_member(1000, 0, 5, may_not_read) == 0,
	      "the maker's group is one, too");
	ds.shm_perm.mode = 0040;
	check(!shmctl(id, IPC_SET, &ds) && as_member(1000, 2000, 5, may_read) == 0 &&
		      as_member(1000, 1000, 2000, may_read) == 0 &&
		      as_member(2000, 2000, 5, may_not_read) == 0,
	      "a group has its own");
	ds.shm_perm.mode = 0644;
	check(!shmctl(id, IPC_SET, &ds) && as_member(1000, 1000, 5, may_not_execute) == 0,
	      "SHM_EXEC wants x");
	ds.shm_perm.uid = ~0U;
	check(fails(shmctl(id, IPC_SET, &ds), EINVAL), "IPC_SET: no user is -1");
	check(as_member(1000, 1000, 5, maker) == 0, "the maker of one remains its owner");
	shmctl(id, IPC_RMID, NULL);
	as_member(1000, 1000, 5, make_key);
	id = shared_id = shmget(KEY, 0, 0);
	pid = fork();
	if (!pid)
		_exit(root_without());
	check(exit_of(pid) == 0, "root without capabilities is like others");
	shmctl(id, IPC_RMID, NULL);
}

static void test_ids(void)
{
	int id = shmget(KEY, PAGE, IPC_CREAT | 0600), other;
	char *p = shmat(id, NULL, 0), *hole;

	check(fails(shmctl(id + (1 << 15), IPC_STAT, &(struct shmid_ds){ 0 }), EINVAL) &&
		      fails((long)shmat(id + (1 << 15), NULL, 0), EINVAL),
	      "an id of another time: EINVAL");
	shmctl(id, IPC_RMID, NULL);
	check(fails(shmget(KEY, PAGE, 0), ENOENT), "the key of one removed while attached is free");
	other = shmget(KEY, 3 * PAGE, IPC_CREAT | IPC_EXCL | 0600);
	check(other >= 0 && other != id, "for another");
	shmdt(p);
	p = shmat(other, NULL, 0);
	hole = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	hole[0] = 'h';
	check(!shmdt(p) && hole[0] == 'h', "shmdt leaves what lies in between");
	munmap(hole, PAGE);
	shmctl(other, IPC_RMID, NULL);
}

static void test_most(void)
{
	static int ids[4200];
	int n = 0;

	while (n < 4200 && (ids[n] = shmget(IPC_PRIVATE, 1, 0600)) >= 0)
		n++;
	check(n == 4096 && errno == ENOSPC, "ENOSPC: more than 4096");
	while (n-- > 0)
		shmctl(ids[n], IPC_RMID, NULL);
}

static void test_info(void)
{
	struct shminfo limits;
	struct shm_info info;
	struct shmid_ds ds;
	int id = shmget(IPC_PRIVATE, 5 * PAGE, 0600), highest, found = 0;
	char *p = shmat(id, NULL, 0);

	p[0] = 1;
	highest = shmctl(0, IPC_INFO, (void *)&limits);
	check(highest >= 0 && limits.shmmax == ~0UL - (1UL << 24) && limits.shmmin == 1 &&
		      limits.shmmni == 4096 && limits.shmseg == 4096,
	      "IPC_INFO");
	check(shmctl(0, SHM_INFO, (void *)&info) == highest && info.used_ids >= 1 &&
		      info.shm_tot >= 5 && info.shm_rss >= 1,
	      "SHM_INFO");
	for (int i = 0; i <= highest; i++)
		if (shmctl(i, SHM_STAT, &ds) == id)
			found += ds.shm_segsz == (size_t)(5 * PAGE);
	check(found == 1, "SHM_STAT finds it by index");
	check(shmctl(highest, SHM_STAT_ANY, &ds) >= 0, "SHM_STAT_ANY");
	check(!shmctl(id, SHM_LOCK, NULL) && stat_of(id).shm_perm.mode & 02000, "SHM_LOCK");
	check(!shmctl(id, SHM_UNLOCK, NULL) && !(stat_of(id).shm_perm.mode & 02000), "SHM_UNLOCK");
	shmctl(id, IPC_RMID, NULL);
	shmdt(p);
}

/* What shm_open() makes, as POSIX says, with a lock in it that two processes use. */
static void test_posix(void)
{
	struct {
		pthread_mutex_t lock;
		int count;
	} * p;
	pthread_mutexattr_t attr;
	struct stat st;
	pid_t pid;
	int fd;

	if (stat("/dev/shm", &st))
		mkdir("/dev/shm", 01777);
	fd = shm_open("/calls_shm", O_RDWR | O_CREAT | O_EXCL, 0600);
	check(fd >= 0 && !ftruncate(fd, PAGE) && !fstat(fd, &st) && st.st_size == PAGE, "shm_open");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&p->lock, &attr);
	pid = fork();
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&p->lock);
		p->count++;
		pthread_mutex_unlock(&p->lock);
	}
	if (!pid)
		_exit(0);
	check(exit_of(pid) == 0 && p->count == 40000, "a mutex in it, of two processes");
	check(!shm_unlink("/calls_shm") && fails(shm_open("/calls_shm", O_RDWR, 0), ENOENT),
	      "unlinked");
	check(p->count == 40000, "who has it mapped keeps it");
	munmap(p, PAGE);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exec"))
		return 7;
	test_get();
	test_attach();
	test_processes();
	test_rights();
	test_more_rights();
	test_ids();
	test_most();
	test_info();
	test_posix();
	return checks_done();
}
