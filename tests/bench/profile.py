#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make profile OP=anon_write`: where the kernel's instructions go in one operation of user/bench.c.

Runs it under icount with a QEMU plugin of ours that counts each instruction executed while the
program is timing, and prints them by function, per timed operation: instructions, share, calls (times
its first instruction was executed). A function stands for all that is inlined into it; LINES=30 also
lists that many source lines, inlined ones under their own name. The timer's tick, if it fell in, is
among them. REPS=rounds.
"""
import bisect
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KERNEL = os.path.join(TOP, "build/kernel/faultline.elf")
BENCH = os.path.join(TOP, "build/user/bench")
PLUGIN = os.path.join(TOP, "build/bench/plugin.so")
COUNTS = os.path.join(TOP, "build/bench/profile.counts")


def symbols(path):
    """{name: address} of an ELF file's symbols."""
    text = subprocess.run(["nm", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def run(operation, reps):
    """Run the benchmark with the plugin. Returns (windows, {address: count})."""
    marks = symbols(BENCH)
    plugin = (f"{PLUGIN},begin={marks['bench_begin']:#x},end={marks['bench_end']:#x},"
              f"out={COUNTS}")
    if os.path.exists(COUNTS):
        os.remove(COUNTS)
    done = subprocess.run(
        [sys.executable, os.path.join(TOP, "tools/run.py"), "--kernel", KERNEL, "--rundir",
         os.path.join(TOP, "build/bench/run"), "PROG=bench", f"ARGS=-r {reps} {operation}",
         "ICOUNT=1", f"QEMU_ARGS=-cpu max,-erms -plugin {plugin}"], cwd=TOP,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode or not os.path.exists(COUNTS):
        sys.exit(f"profile: the run ended with status {done.returncode}\n{done.stdout}")
    print(done.stdout, end="")
    with open(COUNTS, encoding="ascii") as file:
        windows = int(next(file).split()[1])
        counts = {int(a, 16): int(n) for a, n in (line.split() for line in file)}
    if not counts:
        sys.exit(f"profile: bench has no operation `{operation}` (make run PROG=bench lists them)")
    return windows, counts


def by_function(counts):
    """{name: [instructions, calls]} from counts by address."""
    table = sorted((a, n) for n, a in symbols(KERNEL).items() if a >> 47)
    starts = [a for a, _ in table]
    found = {}
    for address, count in counts.items():
        start, name = table[bisect.bisect_right(starts, address) - 1]
        row = found.setdefault(name, [0, 0])
        row[0] += count
        if address == start:
            row[1] += count
    return found


def by_line(counts):
    """{"function at file:line": instructions}."""
    addresses = list(counts)
    text = subprocess.run(["addr2line", "-f", "-s", "-e", KERNEL],
                          input="\n".join(map(hex, addresses)), stdout=subprocess.PIPE,
                          check=True, text=True).stdout.splitlines()
    found = {}
    for address, function, where in zip(addresses, text[::2], text[1::2]):
        key = f"{where.split(' ')[0]:<24} {function}"
        found[key] = found.get(key, 0) + counts[address]
    return found


def main():
    operation = sys.argv[1] if len(sys.argv) > 1 else "anon_write"
    windows, counts = run(operation, os.environ.get("REPS") or 4)
    total = sum(counts.values())
    print(f"\n{operation}: {windows} times, {total / windows:.1f} kernel instructions each"
          " (warming up included)\n\n  instr.  share   calls  function")
    for name, (number, calls) in sorted(by_function(counts).items(), key=lambda x: -x[1][0]):
        if number / total >= 0.001:
            print(f"{number / windows:8.1f} {number / total:6.1%} {calls / windows:7.2f}  {name}")
    lines = int(os.environ.get("LINES") or 0)
    if lines:
        print("\n  instr.  share  line")
    for where, number in sorted(by_line(counts).items() if lines else (),
                                key=lambda x: -x[1])[:lines]:
        print(f"{number / windows:8.1f} {number / total:6.1%}  {where}")


if __name__ == "__main__":
    main()
