# SPDX-License-Identifier: MIT
"""mm/ as a program of the host: instructions of each kind of fault by callgrind, and its time."""
import collections
import csv
import glob
import os
import re
import subprocess

import guests
from guests import Refused
from operations import OPERATIONS

PAGES = "1000"
TOP_FUNCTIONS = 12
TITLES = {"file_read": "file read, with fault-around", "swap_in": "swap-in from the disk"}


def functions(path):
    """(what it is a dump of, {function: its own instructions}) of a callgrind file. Names are given
    once and then by number; the line after `calls=` is what the callee cost."""
    names, found, current, skip, title = {}, collections.Counter(), None, False, ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            trigger = re.match(r"desc: Trigger: Client Request: (\S+)", line)
            name = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?$", line)
            cost = re.match(r"[-+*\d]\S* (\d+)$", line)
            if trigger:
                title = trigger[1]
            elif name:
                names.setdefault(name[2], name[3])
                if name[1] == "fn":
                    current = names[name[2]]
            elif line.startswith("calls="):
                skip = True
            elif cost and not skip:
                found[current] += int(cost[1])
            else:
                skip = skip and not cost
    return title, found


def call(words):
    """Run and return what it printed."""
    try:
        done = subprocess.run(words, cwd=guests.path(""), stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise Refused(f"{words[0]} is missing: type `make doctor`") from None
    if done.returncode:
        raise Refused(f"{' '.join(words)} ended with status {done.returncode}: "
                      + done.stderr[-500:])
    return done.stdout


def measured(text):
    """{kind: (faults, time of one, its unit)} from what native printed."""
    return {name: (int(faults), int(took) / int(faults), unit)
            for name, faults, took, unit in (line.split() for line in text.splitlines())}


def run():
    """Measure and print; the figures also go to native.csv."""
    program, out = guests.path("native"), guests.path("callgrind.out")
    for old in glob.glob(out + "*"):
        os.remove(old)
    kinds = measured(call([program, PAGES]))
    call(["valgrind", "--tool=callgrind", "--toggle-collect=exc_page_fault",
          f"--callgrind-out-file={out}", program, PAGES])
    profiles = dict(functions(path) for path in glob.glob(out + ".*"))
    unit = next(iter(kinds.values()))[2]
    print("\nmm/ on the host, from exc_page_fault on (page tables, locks and frames as in the kernel;"
          "\ninvlpg, disks and files are made up)"
          + ("" if unit == "cycles" else "; no counter of cycles here, so nanoseconds") + "\n")
    rows = []
    for kind, (faults, took, unit) in kinds.items():
        found = profiles.get(kind)
        if not found:
            raise Refused(f"callgrind left no dump of {kind} in {out}.*")
        total = sum(found.values())
        title = TITLES.get(kind) or OPERATIONS[kind].title
        print(f"{title + ', per fault':<44}{total / faults:>8,.0f} instructions "
              f"{took:>8,.0f} {unit}")
        print("".join(f"  {number / faults:>9.1f} {number / total:>6.1%}  {name}\n"
                      for name, number in found.most_common(TOP_FUNCTIONS)
                      if number / total >= 0.01))
        rows.append((kind, faults, round(total / faults, 1), round(took, 1), unit))
    with open(guests.path("native.csv"), "w", encoding="ascii", newline="") as file:
        csv.writer(file).writerows([("kind", "faults", "instructions", "time", "unit")] + rows)
