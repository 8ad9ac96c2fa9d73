/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: a shared object that the kernel maps into each program, and to which libc's
 * clock_gettime() and its like lead (vdso(7)). It runs in user mode. What it cannot answer from
 * vdso_data it asks the kernel.
 */
#include <asm/vdso.h>

#define NSEC_PER_SEC 1000000000ULL
/* CLOCK_REALTIME, _REALTIME_COARSE, _TAI; _MONOTONIC, _MONOTONIC_RAW, _MONOTONIC_COARSE, _BOOTTIME */
#define REAL_CLOCKS (1u << 0 | 1u << 5 | 1u << 11)
#define BOOT_CLOCKS (1u << 1 | 1u << 4 | 1u << 6 | 1u << 7)

#define SYS_gettimeofday 96
#define SYS_clock_gettime 228
#define SYS_getcpu 309

struct timespec {
	long tv_sec, tv_nsec;
};
struct timeval {
	long tv_sec, tv_usec;
};

/* Where the kernel maps it: VVAR_PAGES in front of this object (vdso.lds). */
extern const volatile struct vdso_data vvar __attribute__((visibility("hidden")));

long __vdso_clock_gettime(int clock, struct timespec *ts);
long __vdso_gettimeofday(struct timeval *tv, void *zone);
long __vdso_time(long *t);
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);

static long ask_kernel(long number, long a, void *b)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return ret;
}

/* Not before what the program did before: time must not go backwards between CPUs that speak. */
static u64 since_boot(void)
{
	u32 low, high;
	u64 tsc;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	tsc = ((u64)high << 32 | low) - vvar.tsc_base;
	return (u64)((unsigned __int128)tsc * vvar.tsc_mult >> 32);
}

long __vdso_clock_gettime(int clock, struct timespec *ts)
{
	unsigned int bit = (unsigned int)clock < 32 ? 1u << clock : 0;
	u64 ns;

	if (!(bit & (REAL_CLOCKS | BOOT_CLOCKS)))
		return ask_kernel(SYS_clock_gettime, clock, ts);
	ns = since_boot() + (bit & REAL_CLOCKS ? vvar.real_offset_ns : 0);
	ts->tv_sec = (long)(ns / NSEC_PER_SEC);
	ts->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

long __vdso_gettimeofday(struct timeval *tv, void *zone)
{
	u64 us;

	if (zone)
		return ask_kernel(SYS_gettimeofday, (long)tv, zone);
	us = (since_boot() + vvar.real_offset_ns) / 1000;
	if (tv) {
		tv->tv_sec = (long)(us / 1000000);
		tv->tv_usec = (long)(us % 1000000);
	}
	return 0;
}

long __vdso_time(long *t)
{
	long seconds = (long)((since_boot() + vvar.real_offset_ns) / NSEC_PER_SEC);

	if (t)
		*t = seconds;
	return seconds;
}

long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	u32 low, high, aux;

	if (!vvar.rdtscp)
		return ask_kernel(SYS_getcpu, (long)cpu, node);
	__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
	if (cpu)
		*cpu = aux;
	if (node)
		*node = 0;
	return 0;
}

/* Linux's other names for them. */
#define ALIAS(name) __attribute__((weak, alias("__vdso_" #name)))
long clock_gettime(int clock, struct timespec *ts) ALIAS(clock_gettime);
long gettimeofday(struct timeval *tv, void *zone) ALIAS(gettimeofday);
long time(long *t) ALIAS(time);
long getcpu(unsigned int *cpu, unsigned int *node, void *unused) ALIAS(getcpu);
