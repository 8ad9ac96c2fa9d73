#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make profile OP=anon_write`: where the kernel's instructions go in one operation of bench.

Runs it under icount with a QEMU plugin of ours that counts each instruction executed while the
program is timing, and prints them by function, per timed operation: instructions, share, calls
(times its first instruction was executed). A function stands for all that is inlined into it;
TOPLINES=30 also lists that many source lines, inlined ones under their own name. The timer's tick,
if it fell in, is among them. OP=boot: from the kernel's first instruction to the program's main().
REPS=rounds.
"""
import bisect
import collections
import os
import subprocess
import sys

import guests

# One operation's counts: how often it was timed, {address: times}, the addresses of rep.
Part = collections.namedtuple("Part", "windows counts reps")


def read_parts(path):
    """The parts of a counts file: that of the boot, then one for each operation. Between them is
    one of the program's start, with nothing timed."""
    parts = []
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0] == "operation":
                parts.append(Part(max(int(words[1]), 1), {}, set()))
                continue
            parts[-1].counts[int(words[0], 16)] = int(words[1])
            if words[2] == "rep":
                parts[-1].reps.add(int(words[0], 16))
    return parts[:1] + parts[2:]


class Symbols:
    """Names of the functions of a kernel."""

    def __init__(self, names):
        self.table = sorted((address, name) for name, address in names.items() if address >> 47)
        self.starts = [address for address, _ in self.table]

    def find(self, address):
        """(first address, name) of the function at address."""
        return self.table[bisect.bisect_right(self.starts, address) - 1]


def by_function(part, symbols):
    """{name: [instructions, calls]} of a part."""
    found = collections.defaultdict(lambda: [0, 0])
    for address, count in part.counts.items():
        start, name = symbols.find(address)
        found[name][0] += count
        found[name][1] += count if address == start else 0
    return found


def bulk(part):
    """Instructions of a part that zero or copy memory: the iterations of string instructions."""
    return sum(part.counts[address] for address in part.reps)


def table(part, symbols, unit=1, least=0.001):
    """Lines of text: the functions of a part; a window holds this many units."""
    total, times = sum(part.counts.values()) or 1, part.windows * unit
    lines = ["  instr.  share   calls  function"]
    for name, (number, calls) in sorted(by_function(part, symbols).items(),
                                        key=lambda x: -x[1][0]):
        if number / total >= least:
            lines.append(f"{number / times:8.1f} {number / total:6.1%} {calls / times:7.2f}"
                         f"  {name}")
    return lines


def by_line(counts):
    """{"function at file:line": instructions}."""
    addresses = list(counts)
    text = subprocess.run(["addr2line", "-f", "-s", "-e", guests.KERNEL],
                          input="\n".join(map(hex, addresses)), stdout=subprocess.PIPE,
                          check=True, text=True).stdout.splitlines()
    found = {}
    for address, function, where in zip(addresses, text[::2], text[1::2]):
        key = f"{where.split(' ')[0]:<24} {function}"
        found[key] = found.get(key, 0) + counts[address]
    return found


def main():
    operation = sys.argv[1] if len(sys.argv) > 1 else "anon_write"
    counted = guests.path("profile.counts")
    asked = "getppid" if operation == "boot" else operation
    text = guests.Faultline().run(f"bench -r {os.environ.get('REPS') or 4} {asked}", icount=True,
                                  counts=counted)
    print(text, end="")
    parts = read_parts(counted)
    if operation != "boot" and len(parts) < 2:
        sys.exit(f"profile: bench has no operation `{operation}` (make run PROG=bench lists them)")
    part = parts[0 if operation == "boot" else 1]
    total = sum(part.counts.values())
    print(f"\n{operation}: {part.windows} times, {total / part.windows:.1f} kernel instructions "
          "each (warming up included)\n")
    print("\n".join(table(part, Symbols(guests.symbols(guests.KERNEL)))))
    lines = int(os.environ.get("TOPLINES") or 0)
    if lines:
        print("\n  instr.  share  line")
    for where, number in sorted(by_line(part.counts).items() if lines else (),
                                key=lambda x: -x[1])[:lines]:
        print(f"{number / part.windows:8.1f} {number / total:6.1%}  {where}")


if __name__ == "__main__":
    main()
