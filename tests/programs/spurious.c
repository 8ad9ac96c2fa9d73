/* SPDX-License-Identifier: MIT */
/*
 * spurious: two threads, each on a CPU of its own, write to the same new page. By itself the second comes
 * late and takes no fault. tests/booted/test_gdb.py stops both in ready(), lets the second into its fault
 * and holds it at the door until the first one's is over, in resolved().
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

atomic_int waits, go;
volatile unsigned char *page;

__attribute__((noinline)) void ready(void)
{
	__asm__ volatile("" : : : "memory");
}

__attribute__((noinline)) void resolved(void)
{
	__asm__ volatile("" : : : "memory");
}

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *second(void *unused)
{
	if (pin(1))
		return NULL;
	waits = 1;
	while (!go)
		;
	page[1] = 2;
	return unused;
}

int main(void)
{
	void *ret = NULL,
	     *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (area == MAP_FAILED || pin(0))
		return 1;
	page = area;
	if (pthread_create(&thread, NULL, second, area))
		return 1;
	while (!waits)
		;
	ready();
	page[0] = 1;
	resolved();
	go = 1;
	pthread_join(thread, &ret);
	return !(ret == area && page[0] == 1 && page[1] == 2);
}
