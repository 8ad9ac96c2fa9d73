/* SPDX-License-Identifier: MIT */
/*
 * The boot, floor by floor: machine, frames, tasks, maps, devices, and then, in the context of process 1,
 * what may sleep: the root file system and the first program.
 */

#include "drivers/ivshmem/ivshmem.h"
#include "drivers/pci/pci.h"
#include "drivers/ramdisk/ramdisk.h"
#include "drivers/virtio/virtio.h"
#include "kernel/core/block.h"
#include "kernel/core/panic.h"
#include "kernel/core/param.h"
#include "kernel/core/printk.h"
#include "kernel/core/rcu.h"
#include "kernel/core/sched.h"
#include "kernel/core/stop.h"
#include "kernel/core/time.h"
#include "kernel/core/vfs.h"
#include "kernel/debug/kasan.h"
#include "kernel/debug/race.h"
#include "kernel/proc/process.h"
#include "kernel/trace/trace.h"
#include "lib/string.h"
#include "lib/util.h"
#include "mm/audit.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"
#include "mm/backing/writeback.h"
#include "mm/fault/fault.h"
#include "mm/frame/buddy.h"
#include "mm/frame/early.h"
#include "mm/frame/slab.h"
#include "mm/frame/vmalloc.h"
#include "mm/reclaim/lru.h"
#include "mm/reclaim/reclaim.h"
#include "mm/space/mm.h"
#include <asm/crash.h>
#include <asm/irqflags.h>
#include <asm/paging.h>
#include <asm/setup.h>
#include <asm/smp.h>
#include <asm/switch.h>

/*
 * Called by boot/start.asm with what the loader left: its magic number and the address of its
 * information.
 */
void kmain(u32 magic, phys_addr_t boot_info) __attribute__((noreturn));

#define PATH_KNOB_MAX 64

static char root_device[PATH_KNOB_MAX] = "/dev/vda";
static char init_path[PATH_KNOB_MAX] = "/bin/init";
static char swap_device[PATH_KNOB_MAX]; /* empty: none */

static int set_path(char *to, const char *value)
{
	return value[0] == '/' && strlcpy(to, value, PATH_KNOB_MAX) < PATH_KNOB_MAX ? 0 : -EINVAL;
}

static int set_root(const char *value)
{
	return set_path(root_device, value);
}
KNOB(root, "DEVICE", "the block device with the root file system", set_root);

static int set_init(const char *value)
{
	return set_path(init_path, value);
}
KNOB(init, "PATH", "the first program", set_init);

static int set_swap(const char *value)
{
	swap_device[0] = '\0';
	return strcmp(value, "none") ? set_path(swap_device, value) : 0;
}
KNOB(swap, "DEVICE|none", "the block device to swap to", set_swap);

static void frames_init(void)
{
	overwrite_loader_memory();
	max_pfn = PFN_UP(early_mem_end());
	zones_init(max_pfn);
	vmemmap_init();
	kasan_init();
	early_mem_close();
	for_each_free_range(free_range_to_buddy);
	zones_finish();
	slab_init();
	vmalloc_init();
}

static void maps_init(void)
{
	mm_init();
	fault_init();
	lru_init();
	pagecache_init();
	swap_init();
}

/* Process 1, still in the kernel: may sleep. Returns to user mode. */
static void boot_user(void *arg)
{
	const char *argv[] = { init_path, NULL };
	const char *envp[] = { "PATH=/bin", "HOME=/", "TERM=linux", NULL };
	const char *why;
	int err;

	(void)arg;
	mount_root(root_device);
	err = open_console();
	if (err)
		boot_fail("no console: error %d opening /dev/console on the root disk %s", -err,
			  root_device);
	err = kernel_execve(init_path, argv, envp);
	if (err) {
		vfs_shutdown();
		boot_fail(
			"cannot run %s from the root disk %s: error %d; is it a static x86-64 ELF program? (knob init=)",
			init_path, root_device, -err);
	}
	err = swap_device[0] ? do_swapon(swap_device, 0, &why) : 0;
	if (err) {
		vfs_shutdown();
		boot_fail("cannot swap to %s: error %d: %s (the knob swap=none boots without)",
			  swap_device, -err, why);
	}
	crash_test_user(current_pt_regs());
	mm_audit_prepare();
	pr_info("boot: %s runs, %lu KiB of memory in use", init_path,
		(totalram_pages() - nr_free_pages()) * 4);
}

void kmain(u32 magic, phys_addr_t boot_info)
{
	param_init(setup_arch_early(magic, boot_info));
	race_align();
	setup_arch();
	frames_init();
	sched_init();
	time_init();
	maps_init();
	process_init();
	vdso_init();
	block_init();
	ramdisk_init();
	pci_init();
	ivshmem_init();
	trace_start();
	virtio_blk_init();
	vfs_init(); /* it looks at the disks that there are */
	start_timer_interrupt();
	local_irq_enable();
	reclaim_init();
	writeback_init();
	itimers_start();
	mm_audit_init();
	crash_test_init();
	smp_boot_cpus();
	rcu_init();
	stop_init();
	start_init(boot_user, NULL);
	cpu_idle();
}
