/* SPDX-License-Identifier: MIT */
/* Shared by the files of the software machine (machine.h); nobody else includes this. */
#ifndef TESTS_HOST_INTERNAL_H
#define TESTS_HOST_INTERNAL_H

#include "kernel/core/sched.h"
#include "kernel/core/vfs.h"
#include "tests/host/host.h"
#include "tests/host/machine.h"

#define HOST_FDS 64

/* A task, and what the machine keeps about it. Every task of the machine is one of these. */
struct host_task {
	struct task_struct task;
	struct host_verdict verdict; /* the signal its last page fault ended in; signal 0: none */
	bool killed;
	struct file *fds[HOST_FDS];
	struct host_thread *thread; /* host_start()'s */
};

static inline struct host_task *host_task_of(const struct task_struct *task)
{
	return container_of((struct task_struct *)task, struct host_task, task);
}

/* --- threads.c: coroutines --- */
void host_threads_init(void);
/* A new task on task_list; @name is copied. Never fails. */
struct host_task *host_task_new(const char *name);
void host_task_free(struct host_task *task);
/* The calling thread goes on as @task (NULL: its own, mapless one); switches maps. */
void host_become(struct task_struct *task);
/* A map that the caller only keeps loaded because nobody else wants CR3: let go of it. */
void host_drop_lazy_map(void);
/* The task of @cpu now: current on the one whose turn it is. */
struct task_struct *host_cpu_task(unsigned int cpu);
/* All CPUs that run @task run their idle one instead. */
void host_leave_cpus(struct task_struct *task);
/* Is @task what some thread runs as? */
bool host_task_runs(const struct task_struct *task);

/* --- process.c --- */
void host_process_init(void);

/* --- mmu.c --- */
void host_mmu_init(unsigned long pages);
struct host_access {
	bool write, exec, user;
};
/* It is @cpu's turn: its TLB, its CR3. */
void host_mmu_cpu(unsigned int cpu);
/* Where @addr is in RAM for this access, or NULL and the page fault's error code. */
char *host_translate(unsigned long addr, const struct host_access *access, unsigned long *error);
/* Frame @pfn is about to be free: no translation may lead to it any more. */
void host_mmu_frame_freed(unsigned long pfn);

/* --- vmap.c: the vmalloc area --- */
/* invlpg for an address of it; false: it is not one. */
bool host_vmap_forget(unsigned long addr);
void host_vmap_forget_all(void);

/* --- disks.c --- */
void host_disks_init(void);
/* An interrupt: requests that were submitted are done. False: there were none. */
bool host_disks_interrupt(void);
struct block_device *host_disk_add(const char *name, void *memory, unsigned long pages);
/* "/dev/hdN" as a file with a reference, or NULL. */
struct file *host_disk_open(const char *path);

/* --- files.c --- */
void host_files_init(void);

/* --- failure.c: forced allocation failures --- */
/* A forced failure happened since the last host_fail_alloc(). */
bool host_alloc_failed(void);

#endif
