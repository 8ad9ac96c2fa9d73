/* SPDX-License-Identifier: MIT */
/* The names that uname(2) and /proc/sys/kernel give. */
#ifndef KERNEL_PROC_UTS_H
#define KERNEL_PROC_UTS_H

#include "lib/types.h"

#define UTS_LEN 65 /* NUL included */
#define UTS_SYSNAME "Linux"
#define UTS_MINOR 1
#define UTS_SUFFIX "-faultline"
#define UTS_RELEASE "6.1.0" UTS_SUFFIX
#define UTS_VERSION "#1 Faultline"

enum uts_name { UTS_NODENAME = 1, UTS_DOMAINNAME };

/* Any context that may take a spinlock; @len is below UTS_LEN. */
void uts_get(enum uts_name which, char name[UTS_LEN]);
void uts_set(enum uts_name which, const char *name, size_t len);

#endif
