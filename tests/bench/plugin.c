/* SPDX-License-Identifier: MIT */
/*
 * A QEMU plugin that counts, for each instruction of the kernel, how often it was executed while
 * user/bench.c was timing something. At the end it writes one line for each, `ADDRESS COUNT`, and
 * first `windows COUNT`, the number of times it did so. tests/bench/profile.py makes a table by function of it.
 *
 *	-plugin PLUGIN.so,begin=ADDRESS,end=ADDRESS,out=FILE
 *
 * begin and end are the addresses of the two rdtsc instructions between which a window lies.
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
};

static struct counter counters[SLOTS];
static uint64_t begin, end, windows;
static bool open_, counted;
static char *out;

static void on_begin(unsigned int cpu, void *data)
{
	open_ = true;
	counted = false;
}

static void on_end(unsigned int cpu, void *data)
{
	open_ = false;
}

static void on_insn(unsigned int cpu, void *data)
{
	if (!open_)
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

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (address >> 47)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, QEMU_PLUGIN_CB_NO_REGS,
							       counter_of(address));
		else if ((address == begin || address == end) && is_rdtsc(insn))
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
							       address == begin ? on_begin : on_end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void on_exit_(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(out, "w");

	if (!file)
		return;
	fprintf(file, "windows %lu\n", windows);
	for (unsigned int i = 0; i < SLOTS; i++)
		if (counters[i].count)
			fprintf(file, "%lx %lu\n", counters[i].address, counters[i].count);
	fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "begin=", 6) == 0)
			begin = strtoull(argv[i] + 6, NULL, 0);
		else if (strncmp(argv[i], "end=", 4) == 0)
			end = strtoull(argv[i] + 4, NULL, 0);
		else if (strncmp(argv[i], "out=", 4) == 0)
			out = strdup(argv[i] + 4);
	}
	if (!begin || !end || !out) {
		fprintf(stderr, "profile plugin: begin=, end= and out= are needed\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
	return 0;
}
