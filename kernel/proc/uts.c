/* SPDX-License-Identifier: MIT */
/* What this machine is called: uname(2), and the two names that may be changed. */
#include "kernel/proc/uts.h"

#include "kernel/proc/caps.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "lib/vsprintf.h"
#include <asm/uaccess.h>

struct utsname {
	char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN],
		machine[UTS_LEN], domain[UTS_LEN];
};

static DEFINE_SPINLOCK(uts_lock); /* the two names that change */
static struct utsname uts = {
	.sysname = UTS_SYSNAME,
	.nodename = "faultline",
	.release = UTS_RELEASE,
	.version = UTS_VERSION,
	.machine = "x86_64",
	.domain = "(none)",
};

static char *name_of(enum uts_name which)
{
	return which == UTS_NODENAME ? uts.nodename : uts.domain;
}

void uts_get(enum uts_name which, char name[UTS_LEN])
{
	spin_lock(&uts_lock);
	memcpy(name, name_of(which), UTS_LEN);
	spin_unlock(&uts_lock);
}

void uts_set(enum uts_name which, const char *name, size_t len)
{
	spin_lock(&uts_lock);
	memset(name_of(which), 0, UTS_LEN);
	memcpy(name_of(which), name, len);
	spin_unlock(&uts_lock);
}

long sys_uname(struct utsname __user *uname)
{
	struct utsname names;

	spin_lock(&uts_lock);
	names = uts;
	spin_unlock(&uts_lock);
	if (current->personality & UNAME26)
		snprintf(names.release, UTS_LEN, "2.6.%d%s", 60 + UTS_MINOR, UTS_SUFFIX);
	return copy_to_user(uname, &names, sizeof(names)) ? -EFAULT : 0;
}

static long set_name(enum uts_name which, const char __user *name, int len)
{
	char text[UTS_LEN];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len >= UTS_LEN)
		return -EINVAL;
	if (copy_from_user(text, name, (size_t)len))
		return -EFAULT;
	uts_set(which, text, (size_t)len);
	return 0;
}

long sys_sethostname(const char __user *name, int len)
{
	return set_name(UTS_NODENAME, name, len);
}

long sys_setdomainname(const char __user *name, int len)
{
	return set_name(UTS_DOMAINNAME, name, len);
}
