/* SPDX-License-Identifier: MIT */
/* prctl(2): switches of a process. Numbers of linux/prctl.h; what is not here is EINVAL, as on older Linux. */
#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/trace/trace.h"
#include "lib/errno.h"
#include "lib/string.h"
#include <asm/uaccess.h>

#define PR_SET_PDEATHSIG 1
#define PR_GET_PDEATHSIG 2
#define PR_GET_DUMPABLE 3
#define PR_SET_DUMPABLE 4
#define PR_GET_KEEPCAPS 7
#define PR_SET_KEEPCAPS 8
#define PR_GET_TIMING 13
#define PR_SET_TIMING 14
#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_SECCOMP 21
#define PR_CAPBSET_READ 23
#define PR_CAPBSET_DROP 24
#define PR_GET_TSC 25
#define PR_GET_SECUREBITS 27
#define PR_SET_SECUREBITS 28
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS 38
#define PR_GET_NO_NEW_PRIVS 39
#define PR_GET_TID_ADDRESS 40
#define PR_SET_THP_DISABLE 41
#define PR_GET_THP_DISABLE 42
#define PR_CAP_AMBIENT 47

#define PR_TSC_ENABLE 1 /* RDTSC may be used */

#define SECBIT_KEEP_CAPS 16
#define SECBITS_ALL 0xff

#define DEFAULT_TIMER_SLACK 50000UL /* ns */

static long set_name(const char __user *uname)
{
	char name[sizeof(current->comm)];
	long len = strncpy_from_user(name, uname, sizeof(name) - 1);

	if (len < 0)
		return -EFAULT;
	memset(name + len, 0, sizeof(name) - (size_t)len); /* there may be more of the program's bytes */
	task_lock(current);
	memcpy(current->comm, name, sizeof(name));
	trace_comm((u32)current->pid, current->comm);
	task_unlock(current);
	return 0;
}

/* 0 or -EINVAL: a switch that is on or off. */
static long set_switch(bool *flag, unsigned long value)
{
	if (value > 1)
		return -EINVAL;
	*flag = value;
	return 0;
}

static long set_dumpable(struct signal_struct *signal, unsigned long value)
{
	if (value > 1)
		return -EINVAL;
	signal->dumpable = (int)value;
	return 0;
}

/* One of the bits can be had, which has another name too. */
static long set_securebits(unsigned long bits)
{
	if (bits & ~SECBITS_ALL || !capable(CAP_SETPCAP))
		return -EPERM;
	if (bits & ~SECBIT_KEEP_CAPS)
		return -EINVAL;
	current->signal->caps.keep = bits;
	return 0;
}

/* Nobody has huge pages here, asked or not; the wish is kept, over fork and exec. */
static long thp_disable(bool set, const unsigned long *args)
{
	struct signal_struct *signal = current->signal;

	if (args[1] || args[2] || args[3] || (!set && args[0]))
		return -EINVAL;
	if (!set)
		return signal->thp_disable;
	signal->thp_disable = args[0];
	return 0;
}

/* Once set, for good; nothing here gives privileges at exec anyway. */
static long no_new_privs(bool set, const unsigned long *args)
{
	struct signal_struct *signal = current->signal;

	if (args[0] != set || args[1] || args[2] || args[3])
		return -EINVAL;
	if (!set)
		return signal->no_new_privs;
	signal->no_new_privs = true;
	return 0;
}

/* Those that look at more than one argument, or at the thread. */
static long prctl_thread(int option, const unsigned long *args)
{
	struct task_struct *task = current;

	switch (option) {
	case PR_SET_PDEATHSIG:
		if (args[0] > NSIG)
			return -EINVAL;
		task->pdeath_signal = (int)args[0];
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(task->pdeath_signal, (int *)args[0]) ? -EFAULT : 0;
	case PR_SET_NAME:
		return set_name((const char *)args[0]);
	case PR_GET_NAME:
		return copy_to_user((void *)args[0], task->comm, sizeof(task->comm)) ? -EFAULT : 0;
	case PR_SET_TIMERSLACK:
		task->timer_slack_ns = args[0];
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)(task->timer_slack_ns ? task->timer_slack_ns : DEFAULT_TIMER_SLACK);
	case PR_GET_TID_ADDRESS:
		return put_user(task->clear_child_tid, (int **)args[0]) ? -EFAULT : 0;
	case PR_CAP_AMBIENT:
		return args[2] || args[3] ? -EINVAL : caps_ambient(args[0], args[1]);
	default:
		return -EINVAL;
	}
}

long sys_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4,
	       unsigned long arg5)
{
	const unsigned long args[] = { arg2, arg3, arg4, arg5 };
	struct signal_struct *signal = current->signal;

	switch (option) {
	case PR_GET_DUMPABLE:
		return signal->dumpable;
	case PR_SET_DUMPABLE:
		return set_dumpable(signal, arg2);
	case PR_GET_KEEPCAPS:
		return signal->caps.keep;
	case PR_SET_KEEPCAPS:
		return set_switch(&signal->caps.keep, arg2);
	case PR_GET_TIMING:
	case PR_GET_SECCOMP:
		return 0;
	case PR_GET_TSC:
		return put_user(PR_TSC_ENABLE, (int *)arg2) ? -EFAULT : 0;
	case PR_GET_SECUREBITS:
		return signal->caps.keep ? SECBIT_KEEP_CAPS : 0;
	case PR_SET_SECUREBITS:
		return set_securebits(arg2);
	case PR_SET_TIMING:
		return arg2 ? -EINVAL : 0;
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
		return caps_bounding(arg2, option == PR_CAPBSET_DROP);
	case PR_SET_CHILD_SUBREAPER:
		signal->child_subreaper = arg2;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)signal->child_subreaper, (int *)arg2) ? -EFAULT : 0;
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		return no_new_privs(option == PR_SET_NO_NEW_PRIVS, args);
	case PR_SET_THP_DISABLE:
	case PR_GET_THP_DISABLE:
		return thp_disable(option == PR_SET_THP_DISABLE, args);
	default:
		return prctl_thread(option, args);
	}
}
