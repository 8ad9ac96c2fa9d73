#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make stress`: threads and processes do all that can be done with memory at random, on a debug
kernel that audits itself meanwhile, with less memory than they use. `make fuzz-calls`: children make
system calls at random, with arguments that make sense and with such as make none.

usage: tests/stress/stress.py stress|fuzz_calls
environment: MINUTES=1, SMP=4, SEED= (a new one each time), RACE_SEED= (delays in the fault path),
MEM=64M, SWAP=256M, KARGS=. Fails on wrong contents, on any complaint of the kernel, and on a disk
that e2fsck finds damaged. Ctrl-C ends the machine.
"""
import os
import random
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tests")]
import harness  # noqa: E402

KERNEL = os.path.join(TOP, "build/debug/faultline.elf")
AUDIT_MS = 500  # between two audits by the clock
WHAT = (sys.argv + [""])[1]


def number(name, default):
    """A knob that is a number above 0."""
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0
    if value <= 0:
        sys.exit(f"{WHAT}: {name}={text} is not a number above 0")
    return value


def command(seconds, rundir):
    """The words of the run, and how to have the same again."""
    knobs = {name: os.environ.get(name) or default for name, default in
             (("SMP", "4"), ("MEM", "64M"), ("SWAP", "256M"), ("KARGS", ""))}
    seed = os.environ.get("SEED") or str(random.randrange(1, 1 << 31))
    race_seed = os.environ.get("RACE_SEED")
    again = f"make {WHAT.replace('_', '-')} MINUTES={seconds / 60:g} SEED={seed} " + " ".join(
        f"{name}={value!r}" if " " in value else f"{name}={value}"
        for name, value in knobs.items() if value)
    if race_seed:
        knobs["RACE_SEED"] = race_seed
        again += f" RACE_SEED={race_seed}"
    knobs["KARGS"] += f" audit={AUDIT_MS}"
    overlay = os.path.join(rundir, "overlay")
    os.makedirs(os.path.join(overlay, "t"), exist_ok=True)
    shutil.copy(harness.program(WHAT), os.path.join(overlay, "t"))
    words = [sys.executable, os.path.join(TOP, "tools/run.py"), "run", "--fsck", "--kernel", KERNEL,
             "--rundir", rundir, f"OVERLAY={overlay}", f"LIMIT={int(seconds * 2) + 120}",
             "CMD=runtests " + ("--no-leak '/t/stress {0} {1}'" if WHAT == "stress" else
                                "'/t/fuzz_calls {1} {0}s'").format(int(seconds), seed)]
    return words + [f"{name}={value}" for name, value in knobs.items() if value], again


def main():
    seconds = max(1, int(60 * number("MINUTES", 1)))
    rundir = os.path.join(TOP, "build", WHAT)
    os.makedirs(rundir, exist_ok=True)
    words, again = command(seconds, rundir)
    print(f"{WHAT}: {seconds} s; again: {again}", flush=True)
    status = subprocess.run(words, cwd=TOP, stdin=subprocess.DEVNULL, check=False).returncode
    said = harness.complaints(harness.read(rundir, "kernel.log"))
    if said:
        print(f"{WHAT}: the kernel complains (build/{WHAT}/kernel.log):\n{said}")
    if status or said:
        sys.exit(f"{WHAT}: FAILED (status {status}); again: {again}")
    print(f"{WHAT}: clean")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(f"{WHAT}: interrupted")
