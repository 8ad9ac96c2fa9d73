/* SPDX-License-Identifier: MIT */
/* The table of system calls, and what happens to a number that is not in it. */
#include "kernel/syscalls.h"

#include "fs/syscalls.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/time.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/backing/swap.h"
#include "mm/space/mm.h"
#include <asm/switch.h>

static long sys_ni_syscall(unsigned long a, unsigned long b, unsigned long c, unsigned long d,
			   unsigned long e, unsigned long f);

const sys_call_fn sys_call_table[NR_syscalls] = {
	/* Linux left them out, to have one numbering for all machines from 424 on. */
	[335 ... 423] = sys_ni_syscall,
#define X(nr, name, fn) [nr] = (sys_call_fn)(void *)fn,
#define M(nr, name) [nr] = sys_ni_syscall,
	SYSCALLS(X, M)
#undef X
#undef M
};

enum {
#define X(nr, name, fn) NUMBER_OF_##name = nr,
#define M(nr, name) NUMBER_OF_##name = nr,
	SYSCALLS(X, M)
#undef X
#undef M
};

const bool sys_call_is_about_memory[NR_syscalls] = {
	[NUMBER_OF_mmap] = true,
	[NUMBER_OF_munmap] = true,
	[NUMBER_OF_mprotect] = true,
	[NUMBER_OF_mremap] = true,
	[NUMBER_OF_brk] = true,
	[NUMBER_OF_msync] = true,
	[NUMBER_OF_mincore] = true,
	[NUMBER_OF_madvise] = true,
	[NUMBER_OF_process_madvise] = true,
	[NUMBER_OF_shmat] = true,
	[NUMBER_OF_shmdt] = true,
	[NUMBER_OF_mlock] = true,
	[NUMBER_OF_mlock2] = true,
	[NUMBER_OF_munlock] = true,
	[NUMBER_OF_mlockall] = true,
	[NUMBER_OF_munlockall] = true,
	[NUMBER_OF_remap_file_pages] = true,
};

static const char *syscall_name(unsigned long nr)
{
	static const char *const names[NR_syscalls] = {
#define X(nr, name, fn)
#define M(nr, name) [nr] = #name,
		SYSCALLS(X, M)
#undef X
#undef M
	};

	return nr < NR_syscalls && names[nr] ? names[nr] : "unknown";
}

/* Programs that were told off already; when it is full the oldest is forgotten. */
#define NR_TOLD 64
static struct {
	char comm[16];
	unsigned long nr;
} told[NR_TOLD];
static unsigned int next_told;
static DEFINE_SPINLOCK(told_lock);

static bool told_before(unsigned long nr)
{
	bool known = false;
	unsigned int i;

	spin_lock(&told_lock);
	for (i = 0; i < NR_TOLD && !known; i++)
		known = told[i].nr == nr && !strcmp(told[i].comm, current->comm);
	if (!known) {
		told[next_told].nr = nr;
		strlcpy(told[next_told].comm, current->comm, sizeof(told[0].comm));
		next_told = (next_told + 1) % NR_TOLD;
	}
	spin_unlock(&told_lock);
	return known;
}

/* A program that goes through all numbers under many names must not fill the log either. */
#define TOLD_PER_SECOND 10

static bool told_enough(void)
{
	static unsigned long second;
	static unsigned int count;
	unsigned long now = (unsigned long)(ktime_get_ns() / NSEC_PER_SEC);
	bool enough;

	spin_lock(&told_lock);
	if (now != second) {
		second = now;
		count = 0;
	}
	enough = count >= TOLD_PER_SECOND;
	count += !enough;
	spin_unlock(&told_lock);
	return enough;
}

/*
 * One line per program and number, so that a program that probes in a loop does not fill the log.
 */
static long sys_ni_syscall(unsigned long a, unsigned long b, unsigned long c, unsigned long d,
			   unsigned long e, unsigned long f)
{
	unsigned long nr = current_pt_regs()->orig_ax;

	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	if (!told_before(nr) && !told_enough())
		pr_info("%s (pid %d) asked for system call %lu (%s), which there is not: ENOSYS\n",
			current->comm, current->pid, nr, syscall_name(nr));
	return -ENOSYS;
}
