/* SPDX-License-Identifier: MIT */
/* The ends of threads and processes. */
#ifndef KERNEL_PROC_EXIT_H
#define KERNEL_PROC_EXIT_H

struct task_struct;

/*
 * The calling thread ends with a wait status (exit code << 8, or signal number). Any task may,
 * kernel threads included (after an oops); interrupts on, no locks held.
 */
void do_exit(int code) __attribute__((noreturn));
/* All threads of the calling process end. */
void do_group_exit(int code) __attribute__((noreturn));
/*
 * Off all lists, references dropped: a zombie that was waited for, or a task nobody waits for.
 * Process context.
 */
void release_task(struct task_struct *task);

#endif
