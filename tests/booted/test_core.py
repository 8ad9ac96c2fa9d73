# SPDX-License-Identifier: MIT
"""A core, as the host's gdb and readelf see it: where the program was, in each of its threads, and why."""
import os
import shutil
import subprocess

from harness import check, program, run, skip, tmp
from test_disk import dump

LOOK = ("bt", "info threads", "p $_siginfo.si_signo", "p/x $_siginfo._sifields._sigfault.si_addr",
        "p/x $r15", "p $xmm7.v2_int64[0] == $r15", "info auxv", "info proc mappings",
        "thread apply all p/x $r15")


def test_gdb():
    "gdb reads the core of a program with four threads: frames, registers, signal, files"
    if not shutil.which("gdb"):
        skip("a core in gdb", "there is no gdb")
        return
    disk, core = tmp("root.img"), tmp("core")
    elf = program("calls_core_file")
    result = run(elf=elf, args=["die"], keep=disk)
    check("it died of SIGSEGV", result.status == 139, result.show())
    with open(core, "wb") as file:
        file.write(dump(disk, "/core") or b"")
    words = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
    said = subprocess.run(words + [word for line in LOOK for word in ("-ex", line)] + [elf, core],
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout
    for what, text in (("the signal", "terminated with signal SIGSEGV"),
                       ("the innermost frame", " in fault (n="),
                       ("who called", " in threads ("), ("and him", " in main ("),
                       ("four threads", "\n  4 "), ("its number", "$1 = 11\n"),
                       ("the address", "$2 = 0x10123\n"), ("a register", "$3 = 0x1122334455667788\n"),
                       ("a vector register", "$4 = 1\n"), ("the auxiliary vector", "AT_ENTRY"),
                       ("the program's file", os.path.basename(elf)),
                       ("the registers of others", "= 0x112233445566778b\n")):
        check(what, text in said, said)
