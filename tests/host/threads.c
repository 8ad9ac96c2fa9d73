/* SPDX-License-Identifier: MIT */
/*
 * The machine's scheduler: threads of the kernel as coroutines of one host thread, so that a run is
 * always the same. Who sleeps gives the CPU to the next one that can run; when none can, the disks
 * finish what they were asked for; when they were asked for nothing, the clock jumps to the next
 * timeout; and when there is none, the wait would never end, which is an abort.
 *
 * What the kernel's own scheduler does about page tables is done here the same way: a task without
 * a map keeps the last one loaded (active_mm) and holds a reference on it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "kernel/core/panic.h"
#include "kernel/core/time.h"
#include "lib/string.h"
#include "mm/space/mmu_context.h"
#include "tests/host/internal.h"
#include <asm/processor.h>
#include <asm/roots.h>
#include <asm/tlbflush.h>

#if defined(__SANITIZE_ADDRESS__)
#define HOST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#endif
#endif
#ifdef HOST_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE (512UL << 10)
#define NEVER (~0ULL)
/* Of the machine's time: longer than anything in the kernel waits for something that comes. */
#define PATIENCE_NS (1000 * NSEC_PER_SEC)

struct host_thread {
	struct host_thread *next; /* a ring */
	struct task_struct *task; /* what it runs as, while it does not run */
	struct host_task *own;    /* what it was made with */
	ucontext_t context;
	void *stack; /* NULL: the host's own */
	const void *bottom;
	size_t size;
	void *fake_stack; /* AddressSanitizer's */
	void (*fn)(void *arg);
	int (*kthread)(void *arg);
	void *arg;
	u64 wakeup, last_ran;
	bool done;
};

extern char __start_host_each_cpu[], __stop_host_each_cpu[];
unsigned long host_cpu_offset[HOST_CPUS];
struct list_head task_list = LIST_HEAD_INIT(task_list);
DEFINE_SPINLOCK(tasklist_lock);
unsigned int nr_tasks;

static struct host_thread main_thread, *running = &main_thread;
static struct task_struct *cpu_tasks[HOST_CPUS], *idle_tasks[HOST_CPUS]; /* [host_cpu]: old */
static u64 now_ns = NSEC_PER_SEC; /* 0 means "never" to some */
static pid_t next_pid = 1;

u64 ktime_get_ns(void)
{
	return now_ns;
}

/* --- tasks --- */
struct host_task *host_task_new(const char *name)
{
	struct host_task *host = calloc(1, sizeof(*host));
	struct task_struct *task = &host->task;

	strlcpy(task->comm, name, sizeof(task->comm));
	task->pid = task->tgid = ++next_pid; /* 1 is init's: the OOM killer spares it */
	task->group_leader = task;
	INIT_LIST_HEAD(&task->pending_list);
	spin_lock_init(&task->alloc_lock, "task->alloc_lock");
	atomic_set(&task->usage, 1);
	list_add_tail(&task->tasks, &task_list);
	return host;
}

void host_task_free(struct host_task *host)
{
	list_del(&host->task.tasks);
	free(host);
}

/* A host_task lives until host_exit(); who looks at one counts itself, but nothing hangs on it. */
void put_task_struct(struct task_struct *task)
{
	atomic_dec(&task->usage);
}

bool host_task_runs(const struct task_struct *task)
{
	const struct host_thread *thread = running;

	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++)
		if (host_cpu_task(cpu) == task)
			return true;
	do {
		if ((thread == running ? current : thread->task) == task)
			return true;
		thread = thread->next;
	} while (thread != running);
	return false;
}

/* --- maps --- */
static void change_maps(struct task_struct *prev, struct task_struct *next)
{
	struct mm_struct *drop = switch_maps(prev, next);

	if (drop)
		mmdrop(drop);
}

/* The one without a map that stands behind the caller. */
static struct task_struct *own_task(void)
{
	return running == &main_thread ? idle_tasks[host_cpu] : &running->own->task;
}

void host_become(struct task_struct *task)
{
	if (!task)
		task = own_task();
	if (task == current)
		return;
	change_maps(current, task);
	host_current = task;
}

static void drop_lazy_map(void)
{
	struct mm_struct *loaded = current->active_mm;

	if (current->mm || loaded == &init_mm)
		return;
	mmgrab(&init_mm);
	switch_mm_irqs_off(&init_mm);
	current->active_mm = &init_mm;
	mmdrop(loaded);
}

/* --- CPUs --- */
struct task_struct *host_cpu_task(unsigned int cpu)
{
	return cpu == host_cpu ? current : cpu_tasks[cpu];
}

void host_cpu_switch(unsigned int cpu)
{
	cpu_tasks[host_cpu] = current;
	host_cpu = cpu;
	host_current = cpu_tasks[cpu];
	host_mmu_cpu(cpu);
}

/* The handlers run at once: who is interrupted has nothing better to do. */
void smp_call_function_many(cpumask_t mask, smp_call_func_t fn, void *arg)
{
	unsigned int self = host_cpu, cpu;

	for_each_cpu_in(cpu, mask & ~CPU_MASK(self)) {
		host_cpu_switch(cpu);
		fn(arg);
		host_cpu_switch(self);
	}
}

void host_drop_lazy_map(void)
{
	unsigned int self = host_cpu;

	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++) {
		host_cpu_switch(cpu);
		drop_lazy_map();
	}
	host_cpu_switch(self);
}

void host_leave_cpus(struct task_struct *task)
{
	unsigned int self = host_cpu;

	for (unsigned int cpu = 0; cpu < HOST_CPUS; cpu++) {
		if (cpu == self || cpu_tasks[cpu] != task)
			continue;
		host_cpu_switch(cpu);
		host_become(idle_tasks[cpu]);
		host_cpu_switch(self);
	}
}

/* --- switching --- */
static void before_switch(struct host_thread *from, struct host_thread *to)
{
#ifdef HOST_ASAN
	__sanitizer_start_switch_fiber(from->done ? NULL : &from->fake_stack, to->bottom, to->size);
#else
	(void)from;
	(void)to;
#endif
}

static void after_switch(struct host_thread *me)
{
#ifdef HOST_ASAN
	__sanitizer_finish_switch_fiber(me->fake_stack, NULL, NULL);
#else
	(void)me;
#endif
}

static void switch_to_thread(struct host_thread *next)
{
	struct host_thread *prev = running;

	change_maps(current, next->task);
	prev->task = current;
	prev->last_ran = now_ns;
	host_current = next->task;
	running = next;
	before_switch(prev, next);
	swapcontext(&prev->context, &next->context);
	after_switch(prev);
}

static void thread_main(void)
{
	struct host_thread *me = running;

	after_switch(me);
	if (me->kthread)
		me->kthread(me->arg);
	else
		me->fn(me->arg);
	host_become(NULL);
	me->done = true;
	current->state = TASK_DEAD;
	schedule();
	panic("a thread ran after its end");
}

static struct host_thread *new_thread(struct host_task *own, struct task_struct *task)
{
	struct host_thread *thread = calloc(1, sizeof(*thread));

	thread->own = own;
	thread->task = task;
	thread->wakeup = NEVER;
	thread->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (thread->stack == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	thread->bottom = thread->stack;
	thread->size = STACK_SIZE;
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = thread->stack;
	thread->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&thread->context, thread_main, 0);
	thread->next = running->next;
	running->next = thread;
	return thread;
}

struct task_struct *kthread_run(int (*fn)(void *arg), void *arg, const char *name)
{
	struct host_task *host = host_task_new(name);
	struct host_thread *thread = new_thread(host, &host->task);

	host->task.flags = PF_KTHREAD;
	thread->kthread = fn;
	thread->arg = arg;
	return &host->task;
}

struct task_struct *kthread_run_on_cpu(int (*fn)(void *arg), void *arg, const char *name,
				       unsigned int cpu)
{
	(void)cpu;
	return kthread_run(fn, arg, name);
}

void yield(void)
{
	schedule();
}

void host_start(struct task_struct *task, void (*fn)(void *arg), void *arg)
{
	struct host_task *own = host_task_new("thread");
	struct host_thread *thread = new_thread(own, task);

	own->task.flags = PF_KTHREAD;
	thread->fn = fn;
	thread->arg = arg;
	host_task_of(task)->thread = thread;
}

/* For the audit: stacks from their pointer up, and the registers of those who do not run. */
void for_each_root(void (*fn)(const unsigned long *from, const unsigned long *to))
{
	const struct host_thread *thread = running;

	do {
		const ucontext_t *context = &thread->context;
		const void *sp = thread == running ?
					 __builtin_frame_address(0) :
					 (const void *)context->uc_mcontext.gregs[REG_RSP];

		fn(sp, (const unsigned long *)((const char *)thread->bottom + thread->size));
		if (thread != running)
			fn((const unsigned long *)context, (const unsigned long *)(context + 1));
		thread = thread->next;
	} while (thread != running);
}

/* --- choosing --- */
static bool runnable(const struct host_thread *thread)
{
	return !thread->done && thread->task->state == TASK_RUNNING;
}

/* Timeouts that are over wake their sleepers. */
static void expire(void)
{
	struct host_thread *thread = running;

	do {
		if (thread->wakeup <= now_ns && !thread->done) {
			thread->wakeup = NEVER;
			thread->task->state = TASK_RUNNING;
		}
		thread = thread->next;
	} while (thread != running);
}

static void __attribute__((noreturn)) stuck(const char *why)
{
	const struct host_thread *thread = running;

	do {
		if (!thread->done)
			fprintf(stderr, "  %s[%d] state %#x%s\n", thread->task->comm,
				thread->task->pid, thread->task->state,
				thread->wakeup == NEVER ? "" : ", with a timeout");
		thread = thread->next;
	} while (thread != running);
	panic("%s sleeps, and %s", current->comm, why);
}

/* Nobody can run: something outside has to happen. */
static void idle(void)
{
	struct host_thread *thread = running;
	u64 next = NEVER;

	if (host_disks_interrupt())
		return;
	do {
		if (!thread->done && thread->wakeup < next)
			next = thread->wakeup;
		thread = thread->next;
	} while (thread != running);
	if (next == NEVER)
		stuck("nobody is left to wake it");
	now_ns = next > now_ns ? next : now_ns;
	if (main_thread.wakeup == NEVER && now_ns - main_thread.last_ran > PATIENCE_NS)
		stuck("the test has waited for 1000 seconds of the machine's time");
	expire();
}

static struct host_thread *pick_next(void)
{
	for (;;) {
		struct host_thread *thread = running->next;

		expire();
		for (;; thread = thread->next) {
			if (runnable(thread))
				return thread;
			if (thread == running)
				break;
		}
		idle();
	}
}

/* As in the kernel: who shall be woken by a signal, and has one, does not go to sleep. */
static bool signal_pending_state(const struct task_struct *task)
{
	if (task->state & TASK_INTERRUPTIBLE)
		return signal_pending(task);
	return task->state & TASK_WAKEKILL && fatal_signal_pending(task);
}

void schedule(void)
{
	struct host_thread *next;

#if CONFIG_DEBUG
	if (preempt_count)
		panic("schedule() with %d spinlocks held", preempt_count);
#endif
	running->task = current;
	running->last_ran = now_ns;
	clear_thread_flag(current, TIF_NEED_RESCHED);
	if (current->state != TASK_RUNNING && signal_pending_state(current))
		current->state = TASK_RUNNING;
	next = pick_next();
	if (next != running)
		switch_to_thread(next);
}

u64 schedule_timeout(u64 ns)
{
	u64 end = ns == NEVER ? NEVER : now_ns + ns;

	running->wakeup = end;
	schedule();
	running->wakeup = NEVER;
	return end == NEVER ? NEVER : end > now_ns ? end - now_ns : 0;
}

bool wake_up_state(struct task_struct *task, unsigned int mask)
{
	if (!(task->state & mask))
		return false;
	task->state = TASK_RUNNING;
	return true;
}

bool wake_up_process(struct task_struct *task)
{
	return wake_up_state(task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}

bool fatal_signal_pending(const struct task_struct *task)
{
	return signal_pending(task) && (task->pending_mask & (1ULL << (9 - 1))); /* SIGKILL */
}

/* --- for tests --- */
void host_sleep(u64 ns)
{
	u64 end = now_ns + ns;

	if (!ns) {
		schedule();
		return;
	}
	while (now_ns < end) {
		current->state = TASK_UNINTERRUPTIBLE;
		schedule_timeout(end - now_ns);
	}
}

static void unlink_thread(struct host_thread *thread)
{
	struct host_thread *before = thread;

	while (before->next != thread)
		before = before->next;
	before->next = thread->next;
	munmap(thread->stack, STACK_SIZE);
	host_task_free(thread->own);
	free(thread);
}

void host_join(struct task_struct *task)
{
	struct host_thread *thread = host_task_of(task)->thread;

	u64 patience = now_ns + PATIENCE_NS;

	while (!thread->done) {
		if (now_ns > patience)
			stuck("the thread it joins does not end");
		host_sleep(NSEC_PER_SEC / 1000);
	}
	host_task_of(task)->thread = NULL;
	unlink_thread(thread);
}

/* CPU 0 uses the section itself. */
static void add_cpu(unsigned int cpu)
{
	static char areas[HOST_CPUS][4096] __aligned(64);

	ASSERT(__stop_host_each_cpu - __start_host_each_cpu <= (long)sizeof(areas[0]));
	if (cpu)
		host_cpu_offset[cpu] =
			(unsigned long)areas[cpu] - (unsigned long)__start_host_each_cpu;
	tlb_init_cpu(cpu);
}

void host_threads_init(void)
{
	struct host_task *own = NULL;
	pthread_attr_t attr;
	void *bottom;

	for (unsigned int cpu = HOST_CPUS; cpu-- > 0;) {
		own = host_task_new("idle");
		own->task.flags = PF_KTHREAD;
		own->task.pid = own->task.tgid = 0;
		own->task.active_mm = &init_mm;
		mmgrab(&init_mm);
		cpu_tasks[cpu] = idle_tasks[cpu] = &own->task;
		add_cpu(cpu);
	}
	main_thread.next = &main_thread;
	main_thread.own = own;
	main_thread.wakeup = NEVER;
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &bottom, &main_thread.size);
	pthread_attr_destroy(&attr);
	main_thread.bottom = bottom;
	host_current = &own->task;
}
