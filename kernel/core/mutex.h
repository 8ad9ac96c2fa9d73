/* SPDX-License-Identifier: MIT */
/* Sleeping mutual exclusion. Process context; the holder unlocks; not recursive. */
#ifndef KERNEL_CORE_MUTEX_H
#define KERNEL_CORE_MUTEX_H

#include "kernel/core/rwsem.h"

struct mutex {
	struct rw_semaphore sem; /* only ever held for writing */
};

#define DEFINE_MUTEX(m) struct mutex m = { RWSEM_INIT((m).sem, #m) }
static inline void mutex_init(struct mutex *m, const char *name) { init_rwsem(&m->sem, name); }
static __lock_inline void mutex_lock(struct mutex *m) { down_write(&m->sem); }
static __lock_inline bool mutex_trylock(struct mutex *m) { return down_write_trylock(&m->sem); }
static __lock_inline void mutex_unlock(struct mutex *m) { up_write(&m->sem); }

#endif
