/* SPDX-License-Identifier: MIT */
/*
 * A QEMU plugin that counts, for each instruction of the kernel, how often it was executed: first
 * until user/bench.c begins, then, for each of its operations, while it was timing.
 *
 *	-plugin PLUGIN.so,start=A,next=A,few=A,begin=A,end=A,out=FILE
 *
 * The addresses are those of bench's rdtsc instructions with these labels. The file has a part for
 * the boot and for each operation (two for one that is timed over many pages and then over few):
 * `operation WINDOWS`, the number of times something was timed, and lines `ADDRESS COUNT KIND` where
 * the kind is `rep` for a string instruction with repetition, which counts each iteration,
 * otherwise `-`. tests/bench/profile.py reads it.
 *
 * Debian packages no header for plugins, so that what is needed of the interface is declared here,
 * as QEMU's documentation has it (docs/devel/tcg-plugins.rst; version 1, QEMU 4.2 to 8.x).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *),
				    void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data), int flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
#define SLOTS (1U << 20) /* more than the kernel has instructions */

EXPORT int qemu_plugin_version = 1;

struct counter {
	uint64_t address, count;
	bool rep;
};

/* The marks in the program, and what to do there. */
enum { START, NEXT, FEW, BEGIN, END, MARKS };
static const char *const mark_names[MARKS] = { "start", "next", "few", "begin", "end" };
static uint64_t marks[MARKS];

static struct counter counters[SLOTS];
static uint64_t windows;
static bool timing = true, counted; /* the boot is a window too */
static FILE *out;

/* Writes the counts of the part that ends, and starts again from nothing. */
static void end_part(void)
{
	fprintf(out, "operation %lu\n", windows);
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (counters[i].count)
			fprintf(out, "%lx %lu %s\n", counters[i].address, counters[i].count,
				counters[i].rep ? "rep" : "-");
		counters[i].count = 0;
	}
	windows = 0;
	timing = false;
}

static void on_mark(unsigned int cpu, void *data)
{
	unsigned long mark = (unsigned long)data;

	if (mark <= FEW)
		end_part();
	else
		timing = mark == BEGIN;
	counted = false;
}

static void on_insn(unsigned int cpu, void *data)
{
	if (!timing)
		return;
	((struct counter *)data)->count++;
	windows += !counted; /* one in which the kernel never ran was for calibration */
	counted = true;
}

static struct counter *counter_of(uint64_t address)
{
	unsigned int slot = (address * 0x9e3779b97f4a7c15ULL) >> 44;

	while (counters[slot].address && counters[slot].address != address)
		slot = (slot + 1) % SLOTS;
	counters[slot].address = address;
	return &counters[slot];
}

/* Other programs may have other instructions at the same address: it must be rdtsc. */
static bool is_rdtsc(const struct qemu_plugin_insn *insn)
{
	return qemu_plugin_insn_size(insn) == 2 &&
	       memcmp(qemu_plugin_insn_data(insn), "\x0f\x31", 2) == 0;
}

/* A string instruction (Intel SDM volume 2, MOVS and STOS) behind a rep prefix. */
static bool is_rep(const struct qemu_plugin_insn *insn)
{
	const unsigned char *bytes = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	unsigned char opcode = bytes[size - 1];

	return size >= 2 && size <= 3 && bytes[0] == 0xf3 &&
	       (opcode == 0xa4 || opcode == 0xa5 || opcode == 0xaa || opcode == 0xab);
}

static void count_insn(struct qemu_plugin_insn *insn, uint64_t address)
{
	struct counter *counter = counter_of(address);

	counter->rep = is_rep(insn);
	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, QEMU_PLUGIN_CB_NO_REGS, counter);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (address >> 47)
			count_insn(insn, address);
		for (unsigned long mark = 0; mark < MARKS; mark++)
			if (address == marks[mark] && is_rdtsc(insn))
				qemu_plugin_register_vcpu_insn_exec_cb(
					insn, on_mark, QEMU_PLUGIN_CB_NO_REGS, (void *)mark);
	}
}

static void on_exit_(qemu_plugin_id_t id, void *data)
{
	end_part();
	fclose(out);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int found = 0;

	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (value && strncmp(argv[i], "out=", 4) == 0)
			out = fopen(value + 1, "w");
		for (int mark = 0; value && mark < MARKS; mark++) {
			size_t length = strlen(mark_names[mark]);

			if (length != (size_t)(value - argv[i]) ||
			    strncmp(argv[i], mark_names[mark], length) != 0)
				continue;
			marks[mark] = strtoull(value + 1, NULL, 0);
			found++;
		}
	}
	if (found != MARKS || !out) {
		fprintf(stderr,
			"bench plugin: start=, next=, few=, begin=, end= and out= are needed\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
	return 0;
}
