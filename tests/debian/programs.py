#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make programs`: Debian's own programs on Faultline and on Debian's Linux side by side, from the
same root disk of Debian's packages (tools/debian.py), with the same output demanded; and a database
whose disk loses power. docs/programs.md tells what each does.

environment: T=pattern, V=1. Ends with `N passed, N failed`.
"""
import difflib
import fnmatch
import importlib.util
import os
import re
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "../../tools")]

import run as driver                                                        # noqa: E402
import harness                                                              # noqa: E402
import image                                                                # noqa: E402
import linux                                                                # noqa: E402
from harness import check, complaints, tmp                                  # noqa: E402
from knobs import Refused                                                   # noqa: E402

LIMIT = 900  # seconds, of a run's own time
# name: (title, packages, what runs, its exit status, Faultline's MEM if it is not Linux's 128M)
PROGRAMS = {
    "bash": ("a script for bash and coreutils",
             "bash coreutils diffutils findutils mawk sed tar util-linux", "bash /t/bash.sh 2>&1", 0),
    "python": ("a script for CPython", "coreutils python3", "python3 /t/python.py 2>&1", 42),
    "sqlite": ("100,000 rows in a mapped database, with both kinds of journal", "dash sqlite3",
               "mkdir /db; sh /t/sqlite.sh build /db 2>&1; sh /t/sqlite.sh check /db 2>&1", 0),
    "lisp": ("sbcl, whose stacks and heap come to their ends", "coreutils dash sbcl",
             "sh /t/lisp.sh", 3),
    "memcheck": ("valgrind, and the mistakes that it finds",
                 "coreutils dash gcc libc6-dbg libc6-dev sed valgrind", "sh /t/memcheck.sh 2>&1", 0),
    "stress": ("stress-ng's stressors, verified", "coreutils dash stress-ng", "sh /t/stress.sh", 0),
    "gcc": ("a program of 6400 lines compiled with -O2, linked and run",
            "coreutils dash gcc libc6-dev mawk", "sh /t/gcc.sh 2>&1", 0),
    "swapped": ("a smaller one with less memory than gcc takes, from swap",
                "coreutils dash gcc libc6-dev mawk", "sh /t/gcc.sh 150 2>&1", 0, "26M"),
}
COMMITS = 40  # before the power is cut


def scripts():
    """A folder for OVERLAY=, with the scripts of this one in /t."""
    folder = tmp()
    shutil.copytree(HERE, os.path.join(folder, "t"), ignore=shutil.ignore_patterns("__*"))
    return folder


def on_linux(packages, command, result):
    """Run command; its output and status, or why there are none, go into the list result."""
    overlay = {f"/t/{name}": os.path.join(HERE, name) for name in os.listdir(HERE)
               if os.path.isfile(os.path.join(HERE, name))}
    machine = linux.Linux(os.path.join(result.pop(), "linux"))
    try:
        result += machine.run(["/bin/sh", "-c", command], packages=packages.split(),
                              overlay=overlay, limit=3 * LIMIT)
    except Refused as refusal:
        result += [getattr(machine, "output", b""), str(refusal)]


def text(output):
    """Lines of a terminal's bytes."""
    return output.decode(errors="replace").replace("\r\n", "\n").splitlines()


def compare(packages, command, status, mem="128M"):
    """Run command on both kernels; the outputs must not differ. mem is Faultline's."""
    theirs = [os.path.dirname(tmp())]
    thread = threading.Thread(target=on_linux, args=(packages, command, theirs))
    thread.start()
    ours = harness.run(cmd=command, packages=packages, overlay=scripts(), mem=mem,
                       limit=LIMIT, seconds=3 * LIMIT)
    thread.join()
    check("ends on Linux as it should", theirs[1] == status, f"{theirs[1]}\n{theirs[0][-3000:]}")
    check("ends on Faultline as it should, disk clean", ours.status == status, ours.show())
    lines = list(difflib.unified_diff(text(theirs[0]), text(ours.stdout), "Linux", "Faultline",
                                      n=1, lineterm=""))
    check("the same output", not lines, "\n".join(lines[:200]))
    check("the kernel has nothing to complain of", not complaints(ours.kernel_log),
          complaints(ours.kernel_log))


def power_cut():
    "what sqlite committed is there after a power cut"
    spec = importlib.util.spec_from_file_location(
        "test_disk", os.path.join(HERE, "../booted/test_disk.py"))
    disks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(disks)
    disk, log = tmp("root.img"), tmp("writes.log")
    harness.run(cmd="mkdir /db", packages="dash sqlite3", overlay=scripts(), keep=disk)
    image.put_argv(disk, [b"/bin/sh", b"-c", b"sh /t/sqlite.sh commit /db"])
    before = shutil.copyfile(disk, tmp("before.img"))
    said = disks.cut_power(disk, log, b"committed %d\n" % COMMITS)
    done = max(map(int, re.findall(rb"committed (\d+)\n", said)), default=0)
    if not check("transactions were committed", done >= COMMITS, said[-2000:]):
        return
    for only_flushed, name in ((True, "flushed writes alone"), (False, "all writes so far")):
        cut, _ = disks.applied(before, log, only_flushed)
        disks.check_repair(cut, name)
        result = harness.run(cmd="sh /t/sqlite.sh count /db", disk=cut)
        found = [int(n) for n in re.findall(rb"^(\d+)\|ok$", result.stdout.replace(b"\r", b""), re.M)]
        check(f"{name}: both databases hold together", len(found) == 2, result.show())
        check(f"{name}: all that was committed is there", min(found, default=0) >= done * 100,
              f"{done} transactions of 100 rows, {found} rows")


def main():
    tests = {name: (title, lambda rest=rest: compare(*rest))
             for name, (title, *rest) in PROGRAMS.items()}
    tests["power_cut"] = power_cut.__doc__, power_cut
    passed = failed = 0
    for name, (title, function) in tests.items():
        if not fnmatch.fnmatch(name, os.environ.get("T") or "*"):
            continue
        report, seconds = driver.run_one(f"programs/{name}", function)
        driver.show(report, seconds, title, bool(os.environ.get("V")))
        passed += sum(c[1] for c in report.checks)
        failed += sum(not c[1] for c in report.checks)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
