/* SPDX-License-Identifier: MIT */
/* The one task of a host test. */
#ifndef HOST_ASM_CURRENT_H
#define HOST_ASM_CURRENT_H

#include <asm/percpu.h>

struct task_struct;
extern struct task_struct *host_current;
#define current host_current

#endif
