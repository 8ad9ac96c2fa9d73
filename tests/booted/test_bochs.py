# SPDX-License-Identifier: MIT
"""The same kernel in Bochs, whose CPU keeps to the manual where QEMU's TCG does not, and the RAM
disk that it boots from."""
import re
import shutil

from harness import check, program, run, skip, tap, tmp

PANIC = 121
PROGRAMS = "touch", "cow", "threads", "forktree", "uaccess"


def in_bochs(**knobs):
    """A run in Bochs; None, and said why, where there is no Bochs."""
    if not shutil.which("bochs"):
        skip("Bochs", "it is not installed: type `make doctor`")
        return None
    return run(mode="bochs", **knobs)


def test_programs():
    "faults, threads and shootdowns on two CPUs in Bochs, with PCID and x2APIC"
    folder = tmp()
    shutil.copy2(program("shootdown"), folder)
    result = in_bochs(prog="runtests", args=("--no-leak",) + PROGRAMS + ("/shootdown",),
                      overlay=folder, smp=2, mem="256M")
    if result:
        tap(result)
        check("it was Bochs", re.search("cpu: .*i5-1135G7", result.kernel_log), result.show())
        check("PCID and x2APIC are used", re.search("cpu: .*PCID, x2APIC", result.kernel_log),
              result.show())
        check("both CPUs run", "smp: 2 CPUs run" in result.kernel_log, result.show())


def test_ends():
    "a panic in Bochs is told as such"
    result = in_bochs(elf=program("end"), args=["7"], karg="crash=panic")
    if result:
        check("status of a panic", result.status == PANIC, result.show())
        check("with the whole report", re.search(r"backtrace:\n.*crash_panic", result.kernel_log),
              result.show())
        refused = run(mode="bochs", prog="touch", icount=1)
        check("knobs of QEMU's are refused", refused.status == 124 and "ICOUNT=" in refused.stderr,
              refused.show())


def test_ram_disk():
    "RAMDISK=1: the root disk comes with the kernel, and swap is the first disk of the machine"
    result = run(cmd="echo kept >/root/file && sync && cat /root/file && grep -c vda /proc/swaps",
                 ramdisk=1)
    check("files are written and read", (result.status, result.stdout) == (0, b"kept\n1\n"),
          result.show())
    check("on ram0", "ext2: /dev/ram0: " in result.kernel_log, result.show())
    result = run(prog="filemap", ramdisk=1)
    tap(result, "filemap: ")
    result = run(cmd="cat /dev/ram0 | wc -c; "
                     "dd if=/dev/zero of=/dev/ram0 bs=4096 seek=100000 count=1 2>/dev/null",
                 ramdisk=1, swap="none")
    size = re.search(r"ram0, (\d+) KiB \(RAM\)", result.kernel_log)
    check("it ends where it ends", size and result.status and
          result.stdout == b"%d\n" % (int(size[1]) << 10), result.show())
