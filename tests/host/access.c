/* SPDX-License-Identifier: MIT */
/*
 * Who touches user memory: programs, and the kernel's copy routines. Both go through the MMU page
 * by page; a page fault enters the kernel as the CPU would, and the access is tried again when it
 * is done.
 */
#include <stdio.h>
#include <string.h>

#include "arch/x86_64/entry/exceptions.h"
#include "kernel/trace/trace.h"
#include "lib/util.h"
#include "tests/host/internal.h"
#include <asm/extable.h>
#include <asm/uaccess.h>

#define SIGKILL 9
#define SIGSEGV 11
#define SI_KERNEL 128
#define TRIES 1000 /* of one access: the kernel says "done" each time, and it still faults */

unsigned long host_error_code, host_cr2, host_faults;

static void page_fault(struct pt_regs *regs, unsigned long error, unsigned long addr)
{
	host_error_code = error;
	host_cr2 = addr;
	host_faults++;
	exc_page_fault(regs, error, addr);
}

/* --- the recorder --- */
#define RING_SIZE (64u << 10)

static _Alignas(8) char trace_memory[TRACE_HEADER_SIZE], trace_ring_memory[RING_SIZE];

void host_record(void)
{
	char *rings[] = { trace_ring_memory };

	if (trace_on)
		return;
	trace_use((struct trace_area *)trace_memory, rings, RING_SIZE, 1);
	trace_on = true;
}

/* The last FAULT in the ring; what is before it is taken out. */
static const struct trace_fault *last_fault(void)
{
	struct trace_ring_ends *ends = &trace_area->rings[0];
	const struct trace_fault *fault = NULL;

	for (u64 at = ends->tail; at < ends->head;) {
		const struct trace_record *record =
			(const void *)(trace_ring_memory + at % RING_SIZE);

		if (record->type == TRACE_FAULT) {
			fault = (const struct trace_fault *)record;
			ends->tail = at;
		}
		at += record->size;
	}
	return fault;
}

const char *host_doors(void)
{
	static const char *const names[NR_TRACE_DOORS] = {
#define X(id, name) [TRACE_DOOR_##id] = name,
		TRACE_DOORS(X)
#undef X
	};
	static char text[256];
	const struct trace_fault *fault = last_fault();
	const struct trace_fault_door *doors = (const struct trace_fault_door *)(fault + 1);
	size_t n = 0;

	text[0] = '\0';
	for (int i = 0; fault && i < fault->nr_doors - 1; i++) {
		if (doors[i].door == TRACE_DOOR_HANDLE_PTE_FAULT)
			n = 0;
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      names[doors[i].door]);
	}
	return text;
}

/* --- user mode --- */
static bool take_signal(struct host_verdict *verdict)
{
	struct host_task *host = host_task_of(current);

	if (fatal_signal_pending(current)) {
		*verdict = (struct host_verdict){ .signal = SIGKILL };
		return true;
	}
	*verdict = host->verdict;
	host->verdict = (struct host_verdict){ 0 };
	return verdict->signal;
}

static char *user_page(unsigned long addr, const struct host_access *access,
		       struct host_verdict *verdict)
{
	struct pt_regs regs = { .cs = 0x33, .flags = X86_EFLAGS_IF, .ip = 0x400000, .ss = 0x2b };
	unsigned long error;

	/* Not canonical: a general protection fault. */
	if ((unsigned long)((long)(addr << 16) >> 16) != addr) {
		*verdict = (struct host_verdict){ SIGSEGV, SI_KERNEL, 0 };
		return NULL;
	}
	for (int tries = 0; tries < TRIES; tries++) {
		char *ram = host_translate(addr, access, &error);

		if (ram)
			return ram;
		page_fault(&regs, error, addr);
		if (take_signal(verdict))
			return NULL;
	}
	host_complain("access to %#lx (error code %#lx) faults for ever", addr, error);
	*verdict = (struct host_verdict){ .signal = SIGKILL };
	return NULL;
}

static struct host_verdict user_access(unsigned long addr, char *buf, size_t n,
				       const struct host_access *access)
{
	struct host_verdict verdict = { 0 };

	while (n) {
		size_t part = min(n, PAGE_SIZE - (addr & ~PAGE_MASK));
		char *ram = user_page(addr, access, &verdict);

		if (!ram)
			return verdict;
		if (access->write)
			memcpy(ram, buf, part);
		else
			memcpy(buf, ram, part);
		addr += part;
		buf += part;
		n -= part;
	}
	return verdict;
}

struct host_verdict host_read(unsigned long addr, void *buf, size_t n)
{
	return user_access(addr, buf, n, &(struct host_access){ .user = true });
}

struct host_verdict host_write(unsigned long addr, const void *buf, size_t n)
{
	return user_access(addr, (char *)buf, n,
			   &(struct host_access){ .user = true, .write = true });
}

struct host_verdict host_exec(unsigned long addr)
{
	char byte;

	return user_access(addr, &byte, 1, &(struct host_access){ .user = true, .exec = true });
}

struct host_verdict host_put(unsigned long addr, u64 value)
{
	return host_write(addr, &value, sizeof(value));
}

u64 host_get(unsigned long addr)
{
	u64 value = 0;
	struct host_verdict verdict = host_read(addr, &value, sizeof(value));

	if (verdict.signal)
		host_complain("reading %#lx: signal %d code %d", addr, verdict.signal,
			      verdict.code);
	return value;
}

/* --- the kernel's copies --- */
/* Stands for the instructions of the copy routines: the only ones with a fix-up. */
static const struct exception_table_entry copy_insn;
#define COPY_IP ((unsigned long)&copy_insn)

const struct exception_table_entry *search_exception_table(unsigned long ip)
{
	return ip == COPY_IP ? &copy_insn : NULL;
}

bool fixup_exception(struct pt_regs *regs, int trapnr, unsigned long error_code, unsigned long addr)
{
	(void)trapnr;
	(void)error_code;
	(void)addr;
	if (regs->ip != COPY_IP)
		return false;
	regs->ip = 0;
	return true;
}

static char *kernel_page(unsigned long addr, bool write)
{
	struct pt_regs regs = { .cs = 0x10, .flags = X86_EFLAGS_IF, .ip = COPY_IP, .ss = 0x18 };
	const struct host_access access = { .write = write };
	unsigned long error;

	for (int tries = 0; tries < TRIES; tries++) {
		char *ram = host_translate(addr, &access, &error);

		if (ram)
			return ram;
		page_fault(&regs, error, addr);
		if (!regs.ip)
			return NULL;
	}
	host_complain("kernel access to %#lx (error code %#lx) faults for ever", addr, error);
	return NULL;
}

/* Bytes not copied. @kernel NULL: zeroes. Both may be one frame: write(2) from its own page. */
static unsigned long copy(unsigned long user, char *kernel, size_t n, bool write)
{
	if (!access_ok((void *)user, n))
		return n;
	while (n) {
		size_t part = min(n, PAGE_SIZE - (user & ~PAGE_MASK));
		char *ram = kernel_page(user, write);

		if (!ram)
			break;
		if (!kernel)
			memset(ram, 0, part);
		else if (write)
			memmove(ram, kernel, part);
		else
			memmove(kernel, ram, part);
		if (kernel)
			kernel += part;
		user += part;
		n -= part;
	}
	return n;
}

unsigned long copy_to_user(void *to, const void *from, size_t n)
{
	return copy((unsigned long)to, (char *)from, n, true);
}
unsigned long copy_from_user(void *to, const void *from, size_t n)
{
	return copy((unsigned long)from, to, n, false);
}
unsigned long clear_user(void *to, size_t n)
{
	return copy((unsigned long)to, NULL, n, true);
}
long strncpy_from_user(char *to, const char *from, long size)
{
	for (long i = 0; i < size; i++) {
		if (copy_from_user(to + i, from + i, 1))
			return -EFAULT;
		if (!to[i])
			return i;
	}
	return size;
}

#define USER_WORD(bytes)                                               \
	int __get_user_##bytes(unsigned long *val, const void *addr)   \
	{                                                              \
		*val = 0;                                              \
		return copy_from_user(val, addr, bytes) ? -EFAULT : 0; \
	}                                                              \
	int __put_user_##bytes(unsigned long val, void *addr)          \
	{                                                              \
		return copy_to_user(addr, &val, bytes) ? -EFAULT : 0;  \
	}
USER_WORD(1)
USER_WORD(2)
USER_WORD(4)
USER_WORD(8)
