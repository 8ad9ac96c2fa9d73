/* SPDX-License-Identifier: MIT */
/* Waiting for several files at once: poll, select and kin. */
#include "fs/abi.h"
#include "fs/file.h"
#include "fs/syscalls.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "kernel/proc/signal.h"
#include "lib/bitops.h"
#include "lib/errno.h"
#include "lib/util.h"
#include "mm/frame/vmalloc.h"
#include <asm/uaccess.h>

#define FOREVER (~0ULL)

/* One descriptor being waited for. */
struct watch {
	struct file *file; /* counted; NULL: not looked at */
	struct wait_queue_head *queue;
	struct wait_queue_entry entry;
};

/* What is true of it now. */
static short look(struct watch *w, const struct pollfd *fd)
{
	unsigned int mask = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM; /* files that never wait */

	if (!w->file)
		return fd->revents; /* POLLNVAL, or 0 for a negative number */
	if (w->file->f_op->poll)
		mask = w->file->f_op->poll(w->file, &w->queue);
	return (short)(mask & ((unsigned short)fd->events | POLLERR | POLLHUP));
}

static int look_at_all(struct watch *watch, struct pollfd *fds, unsigned int n)
{
	int ready = 0;

	for (unsigned int i = 0; i < n; i++) {
		fds[i].revents = look(&watch[i], &fds[i]);
		ready += fds[i].revents != 0;
	}
	return ready;
}

/*
 * Sleep until a descriptor is ready. How many are; 0 when *left (ns, counted down) ran out;
 * -ERESTARTNOHAND.
 */
static int wait_for_any(struct watch *watch, struct pollfd *fds, unsigned int n, u64 *left)
{
	int ready = look_at_all(watch, fds, n);

	if (!ready && !*left && signal_pending(current)) /* that ppoll's mask let in, say */
		return -ERESTARTNOHAND;
	while (!ready && *left) {
		/*
		 * On all queues first, then the look that counts: nothing can happen unseen
		 * between.
		 */
		for (unsigned int i = 0; i < n; i++)
			if (watch[i].queue)
				prepare_to_wait(watch[i].queue, &watch[i].entry,
						TASK_INTERRUPTIBLE);
		/* A plain store could land behind the look, over the TASK_RUNNING of a waker. */
		__atomic_store_n(&current->state, TASK_INTERRUPTIBLE, __ATOMIC_SEQ_CST);
		ready = look_at_all(watch, fds, n);
		if (!ready && signal_pending(current))
			ready = -ERESTARTNOHAND;
		if (ready)
			break;
		*left = schedule_timeout(*left);
		ready = look_at_all(watch, fds, n);
	}
	current->state = TASK_RUNNING;
	for (unsigned int i = 0; i < n; i++)
		if (watch[i].queue)
			finish_wait(watch[i].queue, &watch[i].entry);
	return ready;
}

/* @fds is kernel memory; *left as above. */
static int do_poll(struct pollfd *fds, unsigned int n, u64 *left)
{
	struct watch *watch = kvzalloc((n + 1) * sizeof(*watch));
	int ready;

	if (!watch)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++) {
		watch[i].file = fds[i].fd >= 0 ? fget((unsigned int)fds[i].fd) : NULL;
		if (watch[i].file && !watch[i].file->f_mode) { /* O_PATH */
			fput(watch[i].file);
			watch[i].file = NULL;
		}
		fds[i].revents = fds[i].fd >= 0 && !watch[i].file ? POLLNVAL : 0;
		watch[i].entry.task = current;
		INIT_LIST_HEAD(&watch[i].entry.entry);
	}
	ready = wait_for_any(watch, fds, n, left);
	for (unsigned int i = 0; i < n; i++)
		fput(watch[i].file);
	kvfree(watch);
	return ready;
}

static long poll_user(struct pollfd __user *user, unsigned int n, u64 *left)
{
	struct pollfd *fds;
	long ready = -EFAULT;

	if (n > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	fds = kvzalloc((n + 1) * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	if (!copy_from_user(fds, user, n * sizeof(*fds))) {
		ready = do_poll(fds, n, left);
		for (unsigned int i = 0; i < n && ready >= 0; i++)
			if (put_user(fds[i].revents, &user[i].revents))
				ready = -EFAULT;
	}
	kvfree(fds);
	return ready;
}

static long poll_restart(unsigned long *args);

/* @deadline: ns since boot, 0: do not wait. After a stop it goes on with what is left of the time. */
static long poll_until(struct pollfd __user *fds, unsigned int nfds, u64 deadline)
{
	struct task_struct *task = current;
	u64 left = deadline;
	long result;

	if (deadline && deadline != FOREVER) {
		u64 now = ktime_get_ns();

		left = deadline > now ? deadline - now : 0;
	}
	result = poll_user(fds, nfds, &left);
	if (result != -ERESTARTNOHAND)
		return result;
	task->restart_fn = poll_restart;
	task->restart_args[0] = (unsigned long)fds;
	task->restart_args[1] = nfds;
	task->restart_args[2] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

static long poll_restart(unsigned long *args)
{
	return poll_until((struct pollfd *)args[0], (unsigned int)args[1], args[2]);
}

long sys_poll(struct pollfd __user *fds, unsigned int nfds, int timeout_ms)
{
	u64 deadline = timeout_ms < 0 ? FOREVER : 0;

	if (timeout_ms > 0)
		deadline = ktime_get_ns() + (u64)timeout_ms * 1000000;
	return poll_until(fds, nfds, deadline);
}

/* A user's timeout in ns. 0, -EINVAL, -EFAULT. */
static int get_timeout(const struct timespec __user *user, u64 *left)
{
	struct timespec t;

	*left = FOREVER;
	if (!user)
		return 0;
	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if (t.tv_sec < (s64)(FOREVER / NSEC_PER_SEC) / 2)
		*left = (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
	return 0;
}

/* When a wait of @given ns begins; 0 if nobody will ask. */
static u64 begin_of(u64 given)
{
	return given && given != FOREVER ? ktime_get_ns() : 0;
}

static u64 time_left(u64 given, u64 begin)
{
	u64 gone = ktime_get_ns() - begin;

	return given > gone ? given - gone : 0;
}

/*
 * Linux tells how much time was left. A caller whose memory is read-only does not want to know, but then
 * the call cannot be made again with what is left. Nor does a program of STICKY_TIMEOUTS.
 */
static bool sticky(void)
{
	return current->personality & STICKY_TIMEOUTS;
}

static long put_timeout(struct timespec __user *user, u64 given, u64 begin, long result)
{
	struct timespec t;
	u64 left;

	if (!user || !begin)
		return result;
	left = time_left(given, begin);
	t = (struct timespec){ (s64)(left / NSEC_PER_SEC), (s64)(left % NSEC_PER_SEC) };
	if ((sticky() || copy_to_user(user, &t, sizeof(t))) && result == -ERESTARTNOHAND)
		return -EINTR;
	return result;
}

long sys_ppoll(struct pollfd __user *fds, unsigned int nfds, const struct timespec __user *timeout,
	       const u64 __user *mask, size_t sigsetsize)
{
	u64 given, left, begin;
	long result;
	int err = get_timeout(timeout, &given);

	if (!err)
		err = set_user_sigmask(mask, sigsetsize);
	if (err)
		return err;
	left = given;
	begin = begin_of(given);
	result = poll_user(fds, nfds, &left);
	restore_saved_sigmask_unless(result == -ERESTARTNOHAND);
	return put_timeout((struct timespec __user *)timeout, given, begin, result);
}

/* --- select: three bit sets instead of an array --- */

#define SETS 3
struct sets {
	unsigned long *bits[SETS];
};

/* POLL* bits that make a descriptor count in each set, as Linux has them. */
static const short set_events[SETS] = {
	POLLIN | POLLRDNORM | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLERR,
	POLLPRI,
};

static bool in_set(const struct sets *sets, int which, int fd)
{
	return sets->bits[which][fd / 64] >> (fd % 64) & 1;
}

static unsigned int sets_to_fds(const struct sets *sets, int n, struct pollfd *fds)
{
	unsigned int count = 0;

	for (int fd = 0; fd < n; fd++) {
		short events = 0;

		for (int which = 0; which < SETS; which++)
			if (in_set(sets, which, fd))
				events |= set_events[which];
		if (events)
			fds[count++] = (struct pollfd){ .fd = fd, .events = events };
	}
	return count;
}

/* Bits that are set in the answer, or -EBADF. */
static int fds_to_sets(const struct pollfd *fds, unsigned int count, const struct sets *asked,
		       struct sets *sets)
{
	int bits = 0;

	for (unsigned int i = 0; i < count; i++) {
		int fd = fds[i].fd;

		if (fds[i].revents & POLLNVAL)
			return -EBADF;
		for (int which = 0; which < SETS; which++) {
			if (!in_set(asked, which, fd) || !(fds[i].revents & set_events[which]))
				continue;
			sets->bits[which][fd / 64] |= 1UL << fd % 64;
			bits++;
		}
	}
	return bits;
}

static long select_user(int n, unsigned long __user *user[SETS], u64 *left)
{
	struct sets asked, answer;
	unsigned long *bits;
	struct pollfd *fds;
	size_t words;
	long result = -EFAULT;
	unsigned int count;

	if (n < 0)
		return -EINVAL;
	/* Nobody looks beyond the table. */
	n = (int)min((unsigned int)n, READ_ONCE(current->files->size));
	words = BITS_TO_LONGS((size_t)n);
	bits = kvzalloc(2 * SETS * words * sizeof(*bits) + (size_t)n * sizeof(*fds));
	if (!bits)
		return -ENOMEM;
	fds = (struct pollfd *)(bits + 2 * SETS * words);
	for (size_t which = 0; which < SETS; which++) {
		asked.bits[which] = bits + which * words;
		answer.bits[which] = bits + (SETS + which) * words;
		if (user[which] && copy_from_user(asked.bits[which], user[which], words * 8))
			goto out;
	}
	count = sets_to_fds(&asked, n, fds);
	result = do_poll(fds, count, left);
	if (result >= 0)
		result = fds_to_sets(fds, count, &asked, &answer);
	for (int which = 0; which < SETS && result >= 0; which++)
		if (user[which] && copy_to_user(user[which], answer.bits[which], words * 8))
			result = -EFAULT;
out:
	kvfree(bits);
	return result;
}

long sys_select(int n, unsigned long __user *in, unsigned long __user *out,
		unsigned long __user *ex, struct timeval __user *timeout)
{
	unsigned long __user *sets[SETS] = { in, out, ex };
	struct timeval t;
	u64 given = FOREVER, left, begin;
	long result;

	if (timeout) {
		if (copy_from_user(&t, timeout, sizeof(t)))
			return -EFAULT;
		t.tv_sec += t.tv_usec / 1000000; /* Linux takes any number of them */
		t.tv_usec %= 1000000;
		if (t.tv_sec < 0 || t.tv_usec < 0)
			return -EINVAL;
		if (t.tv_sec < (s64)(FOREVER / NSEC_PER_SEC) / 2)
			given = (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_usec * 1000;
	}
	left = given;
	begin = begin_of(given);
	result = select_user(n, sets, &left);
	if (begin) {
		left = time_left(given, begin);
		t = (struct timeval){ (s64)(left / NSEC_PER_SEC),
				      (s64)(left % NSEC_PER_SEC / 1000) };
		if ((sticky() || copy_to_user(timeout, &t, sizeof(t))) && result == -ERESTARTNOHAND)
			return -EINTR; /* as for ppoll */
	}
	return result;
}

long sys_pselect6(int n, unsigned long __user *in, unsigned long __user *out,
		  unsigned long __user *ex, const struct timespec __user *timeout,
		  const void __user *sig)
{
	unsigned long __user *sets[SETS] = { in, out, ex };
	struct {
		const u64 __user *mask;
		size_t size;
	} arg = { NULL, 0 };
	u64 given, left, begin;
	long result;
	int err = get_timeout(timeout, &given);

	if (!err && sig && copy_from_user(&arg, sig, sizeof(arg)))
		err = -EFAULT;
	if (!err)
		err = set_user_sigmask(arg.mask, arg.size);
	if (err)
		return err;
	left = given;
	begin = begin_of(given);
	result = select_user(n, sets, &left);
	restore_saved_sigmask_unless(result == -ERESTARTNOHAND);
	return put_timeout((struct timespec __user *)timeout, given, begin, result);
}
