# SPDX-License-Identifier: MIT
"""The operations of user/bench.c as the reports name them."""
from collections import namedtuple

# goal: instructions to reach at most, where no figure was set half of Linux's. units: how many are timed at once; FEW_MANY: the difference
# between calls over many and over few pages, which is that many. disk: a disk is at work meanwhile,
# in the host's time, so that its interrupts fall in differently each time. sleeps: it waits for the
# disk, so that ticks are no instructions; only those that were executed count.
Operation = namedtuple("Operation", "title goal units disk sleeps",
                       defaults=(None, 1, False, False))
FEW_MANY = 1024

OPERATIONS = {
    "getppid": Operation("getppid", 110),
    "anon_write": Operation("anonymous write fault", 900),
    "anon_read": Operation("anonymous read fault (zero page)", 300),
    "zero_page_write": Operation("write on the zero page", 950),
    "cow_copy": Operation("COW copy after fork", 1050),
    "cow_reuse": Operation("COW reuse by sole owner", 330),
    "file_read_seq": Operation("file read, with fault-around", 130, 64),
    "file_private_write": Operation("private file write (copy)", 1050),
    "file_shared_write": Operation("shared file write", 500),
    "file_shared_clean": Operation("shared write, clean page", disk=True),
    "shmem_write": Operation("shared anonymous write"),
    "swap_cache": Operation("swapped page still in memory", disk=True),
    "sigsegv": Operation("SIGSEGV and return"),
    "mprotect_split": Operation("mprotect, splits or merges", 1500, 2),
    "mmap_pair": Operation("mmap + munmap", 1500),
    "brk_pair": Operation("brk up + down"),
    "fork_exit_wait": Operation("fork + exit + wait", 20000),
    "fork_exec_wait": Operation("fork + exec + wait, static hello", 124000),
    "clock_gettime": Operation("clock_gettime, by libc"),
    "stat": Operation("stat", 1780),
    "open_close": Operation("open + close", 3020),
    "fork_page": Operation("fork", 45, FEW_MANY),
    "munmap_page": Operation("munmap", 200, FEW_MANY),
    "dontneed_page": Operation("MADV_DONTNEED", None, FEW_MANY),
    "mprotect_page": Operation("mprotect of resident pages", None, FEW_MANY),
    "mremap_page": Operation("mremap, moved", None, FEW_MANY),
    "read_page": Operation("read of 4 KiB, cached"),
    "write_page": Operation("write of 4 KiB, cached", disk=True),
    "pipe_ping": Operation("pipe there and back", 5490),
    "swap_in": Operation("swap-in from the disk", disk=True, sleeps=True),
}
