/* SPDX-License-Identifier: MIT */
/* System V shared memory, for its calls and for /proc/sysvipc/shm. Numbers as in Linux's linux/shm.h. */
#ifndef FS_TMPFS_SYSV_H
#define FS_TMPFS_SYSV_H

#include "fs/tmpfs/tmpfs.h"
#include "mm/space/mman.h"

/* The limits: of a segment in bytes, of all in pages, of their number (/proc/sys/kernel). */
extern unsigned long sysctl_shmmax, sysctl_shmall;
extern int sysctl_shmmni;
#define SHMMNI_MAX 32768 /* what an id has room for */

/* Flags of shmat(2). */
#define SHM_RDONLY 010000
#define SHM_RND 020000
#define SHM_REMAP 040000
#define SHM_EXEC 0100000

/* Commands of shmctl(2). */
#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2
#define IPC_INFO 3
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15

/* A segment. All under shm_mutex (sysv.c) but what is constant: file, size, cuid, cgid, cpid. */
struct segment {
	int id, key;
	bool doomed;          /* removed: goes with its last attach */
	struct file *file;    /* counted */
	size_t size;          /* bytes, as asked for */
	unsigned int mode;    /* permissions */
	uid_t uid, cuid;
	gid_t gid, cgid;
	unsigned long nattch; /* VMAs that map it */
	s64 atime, dtime, ctime; /* of the last attach, detach and change, in seconds */
	pid_t cpid, lpid;     /* who made it, who attached or detached last */
};

/* As user space sees them. */
struct ipc64_perm {
	int key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad;
	unsigned long unused[2];
};

struct shmid64_ds {
	struct ipc64_perm perm;
	size_t segsz;
	long atime, dtime, ctime;
	int cpid, lpid;
	unsigned long nattch, unused[2];
};

struct shminfo64 {
	unsigned long shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};

struct shm_info {
	int used_ids;
	unsigned long shm_tot, shm_rss, shm_swp, swap_attempts, swap_successes;
};

/* --- attaches (shmat.c); shm_mutex is taken --- */
/*
 * The segment, kept as if it were attached until shm_release(), if its rights grant @want (permission bits).
 * ERR_PTR(-EINVAL, -EACCES).
 */
struct segment *shm_hold(int id, unsigned int want);
void shm_release(struct segment *seg);
/* A VMA of it came or went. The last one to go takes a removed segment along. */
void shm_attached(struct segment *seg);
void shm_detached(struct segment *seg);

/* Permissions, and what else it is. shm_mutex held. */
#define SHM_DEST 01000u /* removed */
#define SHM_LOCKED 02000u
unsigned int shm_mode(const struct segment *seg);

/* Each segment, by rising index, with shm_mutex held. */
void shm_for_each(void (*fn)(const struct segment *seg, void *arg), void *arg);

#endif
