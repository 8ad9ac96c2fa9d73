/* SPDX-License-Identifier: MIT */
/*
 * The threads that do something on a certain CPU. One caller at a time (stop_mutex) gives each of them one piece of
 * work.
 *
 * To stop the machine goes in two steps, for a CPU that has interrupts off answers nobody: a task that flushes
 * another CPU's TLB would wait for it for ever. So all threads first gather with interrupts on; once all are
 * there no task runs anywhere that could ask for anything, and they turn them off together.
 */
#include "kernel/core/stop.h"

#include "kernel/core/mutex.h"
#include "kernel/core/panic.h"
#include "kernel/core/printk.h"
#include "kernel/core/sched.h"
#include "kernel/core/spin.h"
#include "kernel/core/wait.h"
#include "lib/vsprintf.h"
#include <asm/irqflags.h>
#include <asm/processor.h>
#include <asm/smp.h>

struct work {
	void (*fn)(void *arg);
	void *arg;
	atomic_t *left; /* pieces of work not done */
};

static DEFINE_MUTEX(stop_mutex);
static struct work works[NR_CPUS]; /* fn set last, cleared by the thread when it takes it */
static DECLARE_WAIT_QUEUE_HEAD(work_wait);
static DECLARE_WAIT_QUEUE_HEAD(done_wait);
static bool ready; /* all CPUs run, and each has its thread */

static int stop_thread(void *arg)
{
	unsigned int cpu = (unsigned int)(unsigned long)arg;
	struct work *work = &works[cpu];

	current->urgent = true;
	for (;;) {
		struct work todo;

		wait_event(work_wait, __atomic_load_n(&work->fn, __ATOMIC_ACQUIRE));
		todo = *work;
		work->fn = NULL;
		todo.fn(todo.arg);
		if (atomic_dec_and_test(todo.left))
			wake_up_all(&done_wait);
	}
	return 0;
}

/*
 * Tasks run on the first CPUs while the last ones are being started: who asks for something then waits until
 * all are there. True: there is one CPU, or this is the boot itself, beside which nothing matters yet.
 */
static bool only_here(void)
{
	if (nr_cpu_ids == 1 || (!READ_ONCE(ready) && (!current || !current->pid)))
		return true;
	wait_event(done_wait, __atomic_load_n(&ready, __ATOMIC_ACQUIRE));
	return nr_cpus == 1; /* the others did not start */
}

/* On all CPUs but this one, which must not change while their work is given out. stop_mutex held. */
static void start_on_others(void (*fn)(void *arg), void *arg, atomic_t *left)
{
	unsigned int self = smp_processor_id(), cpu;

	atomic_set(left, (int)nr_cpus - 1);
	for_each_cpu(cpu) {
		if (cpu == self)
			continue;
		works[cpu].arg = arg;
		works[cpu].left = left;
		__atomic_store_n(&works[cpu].fn, fn, __ATOMIC_RELEASE);
	}
	wake_up_all(&work_wait);
}

void schedule_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	atomic_t left;

	if (only_here()) {
		fn(arg);
		return;
	}
	mutex_lock(&stop_mutex);
	start_on_others(fn, arg, &left);
	fn(arg); /* the same CPU: nothing slept in between */
	wait_event(done_wait, !atomic_read(&left));
	mutex_unlock(&stop_mutex);
}

/* --- the whole machine --- */

enum stop_step { GATHER, IRQS_OFF, RELEASE };

struct stop {
	enum stop_step step;
	cpumask_t here, quiet; /* CPUs that have gathered; that have interrupts off */
};

static void arrive(cpumask_t *cpus)
{
	__atomic_fetch_or(cpus, CPU_MASK(smp_processor_id()), __ATOMIC_RELEASE);
}

/* Waits for as long as the work of the one that runs takes. */
static void stand_still(void *arg)
{
	struct stop *stop = arg;

	arrive(&stop->here);
	while (__atomic_load_n(&stop->step, __ATOMIC_ACQUIRE) == GATHER)
		cpu_relax();
	local_irq_disable();
	arrive(&stop->quiet);
	while (__atomic_load_n(&stop->step, __ATOMIC_ACQUIRE) != RELEASE)
		cpu_relax();
	local_irq_enable();
}

static void set_step(struct stop *stop, enum stop_step step)
{
	__atomic_store_n(&stop->step, step, __ATOMIC_RELEASE);
}

static cpumask_t missing(const cpumask_t *cpus)
{
	cpumask_t others = CPU_MASK_ALL & ~CPU_MASK(smp_processor_id());

	return others & ~__atomic_load_n(cpus, __ATOMIC_ACQUIRE);
}

/* Their tasks may have much to do before they schedule. */
static void wait_until_gathered(const struct stop *stop)
{
	spin_until(!missing(&stop->here),
		   pr_warn("stop: CPUs with bits %lx are awaited and run something else\n",
			   missing(&stop->here)));
}

static void wait_until_quiet(const struct stop *stop)
{
	spin_until(!missing(&stop->quiet),
		   panic("CPUs with bits %lx do not turn interrupts off", missing(&stop->quiet)));
}

static int run_alone(int (*fn)(void *arg), void *arg)
{
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	ret = fn(arg);
	local_irq_restore(flags);
	return ret;
}

int stop_machine(int (*fn)(void *arg), void *arg)
{
	struct stop stop = { .step = GATHER };
	atomic_t left;
	int ret;

	might_sleep();
	if (only_here())
		return run_alone(fn, arg);
	mutex_lock(&stop_mutex);
	start_on_others(stand_still, &stop, &left);
	wait_until_gathered(&stop);
	local_irq_disable();
	set_step(&stop, IRQS_OFF);
	wait_until_quiet(&stop);
	ret = fn(arg);
	set_step(&stop, RELEASE);
	local_irq_enable();
	wait_event(done_wait, !atomic_read(&left));
	mutex_unlock(&stop_mutex);
	return ret;
}

void stop_init(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpus && nr_cpus > 1; cpu++) {
		char name[24];

		snprintf(name, sizeof(name), "migration/%u", cpu);
		if (!kthread_run_on_cpu(stop_thread, (void *)(unsigned long)cpu, name, cpu))
			boot_fail("no memory for the thread %s: give the machine more RAM (MEM=)",
				  name);
	}
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	wake_up_all(&done_wait);
}
