/* SPDX-License-Identifier: MIT */
/* What the machine is at, for a log that ends here. */
#ifndef KERNEL_CORE_SHOW_H
#define KERNEL_CORE_SHOW_H

/* Memory, disks, and all tasks, with where they sleep, to the log. Any context; the machine stops afterwards. */
void show_state(void);
/* Where in the kernel the other CPUs were when smp_send_stop() met them: what they did may be why it came to this. */
void show_stopped_cpus(void);

#endif
