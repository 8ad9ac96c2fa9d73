# SPDX-License-Identifier: MIT
"""The state that records give for a moment is what the machine itself said of it then."""
import os
import re
import sys

from harness import TOP, check, program, run

sys.path += [os.path.join(TOP, "tools/trace"), os.path.join(TOP, "tests/trace")]
import format as flt
import model
from pagemap import entries_differ

# linux/kernel-page-flags.h
FLAGS = {"free": 10, "on a list": 5, "active": 6, "unevictable": 18, "in the swap cache": 13,
         "a table": 26, "anonymous": 12}
KERNELS_OWN = 4  # frames that the kernel itself may take or give between the mark and the reading
VMA = re.compile(r"vma (\w+)-(\w+) (\S{4}) (\w+) (\w+):(\w+) (\d+) *(.*)")


def moments(text):
    """[(step, pid, [VMA lines as matches], {page: pagemap's number}, [(times mapped, flags) of each
    frame])] of what was printed."""
    found = []
    for line in text.splitlines():
        word = line.split()
        if word[0] == "moment":
            found.append((int(word[1]), int(word[3]), [], {}, []))
        elif word[0] == "frames":
            first, end, count, flags = (int(number, 16) for number in word[1:])
            found[-1][4].extend([(count, flags)] * (end - first))
        elif word[0] == "vma" and "[vsyscall]" not in line:
            found[-1][2].append(VMA.fullmatch(line))
        elif word[0] == "page":
            found[-1][3][int(word[1], 16)] = int(word[2], 16)
    return found


def vmas_differ(state, mm, lines):
    """"" if the model has the VMAs that maps showed."""
    def theirs(match):
        major, minor, ino = int(match[5], 16), int(match[6], 16), int(match[7])
        return (int(match[1], 16), int(match[2], 16), match[3], int(match[4], 16) if ino else 0,
                (minor & 255 | major << 8 | (minor & ~255) << 12) if ino else 0, ino,
                match[8] if ino else "")

    def ours(vma):
        path = flt.text(state.files.get((vma.dev, vma.ino), b"")) if vma.ino else ""
        return (vma.start, vma.end, flt.rights(vma.flags), vma.pgoff << 12 if vma.ino else 0,
                vma.dev if vma.ino else 0, vma.ino, path)
    mine, its = [ours(vma) for vma in mm.sorted()], [theirs(match) for match in lines]
    return "".join(f"model {a}\nmaps  {b}\n" for a, b in zip(mine, its) if a != b) + \
        (f"{len(mine)} VMAs, not {len(its)}" if len(mine) != len(its) else "")


def frames_differ(state, frames):
    """What the model has of frames otherwise than kpagecount and kpageflags showed. The top-level
    tables are no tables there."""
    mapped, wrong = [0] * len(frames), []
    for mm in state.mms.values():
        for entry in mm.ptes.values():
            if flt.pte_present(entry) and not entry & flt.PTE_SPECIAL:
                mapped[flt.pte_pfn(entry)] += 1
    what = [flt.KINDS[kind] if kind < len(flt.KINDS) else "free"
            for kind in state.frame_map(len(frames))]
    for pfn, (count, flags) in enumerate(frames):
        on = flt.LRU_LISTS[state.lru[pfn][0]] if pfn in state.lru else ""
        ours = {"times mapped": mapped[pfn], "free": what[pfn] == "free",
                "on a list": bool(on), "active": on.startswith("active"),
                "unevictable": on == "unevictable", "in the swap cache": pfn in state.swapped,
                "a table": pfn in state.tables and state.tables[pfn][1] < 4,
                "anonymous": what[pfn] == "anon" or pfn in state.swapped}
        theirs = {"times mapped": count}
        for name, bit in FLAGS.items():
            theirs[name] = bool(flags >> bit & 1)
        wrong += [f"frame {pfn:#x} {name}: model {ours[name]}, kernel {theirs[name]} ({what[pfn]})"
                  for name in ours if ours[name] != theirs[name]]
    return wrong


def test_moments():
    "VMAs, entries and frames at eleven moments are those of maps, pagemap and kpageflags"
    result = run(elf=program("moments"), trace="1", smp=2, mem="48M")
    check("the program ended", result.status == 0 and b"\nend\n" in result.stdout, result.show())
    trace = flt.read(os.path.join(result.rundir, "trace.flt"))
    check("nothing is missing", not trace.notes, trace.notes)
    marks = {record.value: i for i, record in enumerate(trace) if record.type == flt.MARK.number}
    rebuilt, seen = model.Model(trace), moments(result.stdout.decode())
    check("eleven moments", len(seen) == 11 and len(marks) == 11, (len(seen), marks))
    for step, pid, lines, pages, frames in seen:
        state = rebuilt.at(marks[step])
        mm = state.mms[state.tasks[pid].mm]
        wrong = vmas_differ(state, mm, lines)
        check(f"VMAs at {step}", not wrong, wrong)
        wrong = entries_differ(mm.ptes, pages)
        check(f"entries at {step}", not wrong, wrong)
        wrong = frames_differ(state, frames)
        check(f"frames at {step}", len(wrong) <= KERNELS_OWN, "\n".join(wrong[:10]))
    last = rebuilt.at(len(trace))
    check("no record contradicts another", not last.odd, last.odd)
