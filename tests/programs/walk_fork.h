/* SPDX-License-Identifier: MIT */
/*
 * Steps of the walk with a second process: a child that looks and ends at once, or a ghost that keeps
 * its copy of the window over many steps. Pipes decide who acts when, so the text has one order.
 */
#ifndef TESTS_PROGRAMS_WALK_FORK_H
#define TESTS_PROGRAMS_WALK_FORK_H

#include "walk_calls.h"

#define MAX_GHOSTS 2

static struct ghost {
	pid_t pid;
	int command, answer; /* our ends */
} ghosts[MAX_GHOSTS];

static void (*const small_steps[])(void) = {
	step_touch, step_touch, step_paint, step_paint,	   step_mprotect, step_munmap,
	step_mmap,  step_copy,	step_pipe,  step_truncate, step_madvise,  step_mremap,
};

/* Some steps of the process that runs, within a step. */
static void act(unsigned long n)
{
	while (n--) {
		say("; ");
		small_steps[below(COUNT(small_steps))]();
	}
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done <= 0)
			return false;
		data += done;
		size -= (size_t)done;
	}
	return true;
}

/* A ghost's life: 8 bytes are a seed, at which it acts, looks, and answers; their end is its end. */
static void haunt(int command, int answer)
{
	uint32_t size;
	uint64_t seed;

	while (read(command, &seed, sizeof(seed)) == sizeof(seed)) {
		w.rng = seed;
		line_len = 0;
		act(below(3));
		look_all();
		size = (uint32_t)line_len;
		if (!write_all(answer, (char *)&size, sizeof(size)) ||
		    !write_all(answer, line, line_len))
			break;
	}
	_exit(0);
}

/* Starts a process that waits for commands. False: it could not be had, which the text says. */
static bool start_ghost(struct ghost *ghost)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from)) {
		say(" pipe: %s", errno_name(errno));
		return false;
	}
	ghost->pid = fork();
	if (!ghost->pid) {
		close(to[1]);
		close(from[0]);
		for (size_t i = 0; i < MAX_GHOSTS; i++)
			if (ghosts[i].pid > 0 && &ghosts[i] != ghost)
				close(ghosts[i].command); /* or it would never see its end */
		haunt(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	ghost->command = to[1];
	ghost->answer = from[0];
	if (ghost->pid > 0)
		return true;
	say(" fork: %s", errno_name(errno));
	close(to[1]);
	close(from[0]);
	ghost->pid = 0;
	return false;
}

static bool read_all(int fd, char *data, size_t size)
{
	while (size) {
		ssize_t done = read(fd, data, size);

		if (done <= 0)
			return false;
		data += done;
		size -= (size_t)done;
	}
	return true;
}

/* Lets the ghost act and look; adds what it says. */
static void ask_ghost(const struct ghost *ghost)
{
	uint64_t seed = rnd();
	uint32_t size;

	say(" {");
	if (write(ghost->command, &seed, sizeof(seed)) == sizeof(seed) &&
	    read_all(ghost->answer, (char *)&size, sizeof(size)) &&
	    size < sizeof(line) - line_len && read_all(ghost->answer, line + line_len, size))
		line_len += size;
	else
		say(" it is gone");
	say(" }");
}

static void end_ghost(struct ghost *ghost)
{
	int status = 0;

	close(ghost->command);
	close(ghost->answer);
	waitpid(ghost->pid, &status, 0);
	if (status)
		say(" ended with status %#x", status);
	ghost->pid = 0;
}

/* fork; child and parent act in either order; then the child is gone again. */
static void step_fork(void)
{
	struct ghost child;
	unsigned long n = below(3);
	bool parent_first = one_in(2);

	say("fork, %s first", parent_first ? "parent" : "child");
	if (!start_ghost(&child))
		return;
	if (parent_first)
		act(n);
	ask_ghost(&child);
	if (!parent_first)
		act(n);
	if (one_in(2))
		ask_ghost(&child);
	end_ghost(&child);
}

static void step_ghost(void)
{
	unsigned long which = below(MAX_GHOSTS);
	struct ghost *ghost = &ghosts[which];

	if (!ghost->pid) {
		say("ghost %lu begins", which);
		start_ghost(ghost);
		return;
	}
	say("ghost %lu acts", which);
	ask_ghost(ghost);
	if (one_in(3)) {
		say(" and ends");
		end_ghost(ghost);
	}
}

static void end_ghosts(void)
{
	for (size_t i = 0; i < MAX_GHOSTS; i++)
		if (ghosts[i].pid)
			end_ghost(&ghosts[i]);
}

/* wait4 with its status in the window: the child is reaped even if the status cannot be stored. */
static void step_wait(void)
{
	uintptr_t addr = random_page() + (one_in(2) ? 0 : PAGE - below(8));
	pid_t pid;

	w.focus = addr;
	if (!writable_now(addr, 4))
		return;
	pid = fork();
	if (!pid)
		_exit((int)below(100));
	say("wait4(status %s)", place(addr));
	say(" %s", syscall(SYS_wait4, pid, addr, 0, NULL) == pid ? "= child" : errno_name(errno));
	say(" again %s", waitpid(pid, NULL, WNOHANG) < 0 ? errno_name(errno) : "there");
}

#endif
