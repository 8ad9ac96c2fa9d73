# SPDX-License-Identifier: MIT
"""The page beside what the kernel itself wrote at the same moments: the text of tests/programs/
onlooker.c (maps, pagemap, kpagecount, kpageflags, buddyinfo, mm_audit), and the state that the
page's own script has there."""
import re

from harness import check
from pages import flt
from pagemap import PFN, PRESENT, SWAPPED, entries_differ  # of tests/trace

# linux/kernel-page-flags.h
BUDDY, ON_LIST, ACTIVE, UNEVICTABLE, ANON, IN_SWAP_CACHE, TABLE, ZERO_PAGE, SLAB = \
    10, 5, 6, 18, 12, 13, 26, 24, 7
ZONE_ENDS = (1 << 12, 1 << 20, 1 << 52)  # DMA, DMA32, Normal: first frame behind
VMA = re.compile(r"(\w+)-(\w+) (\S{4}) (\w+) (\w+):(\w+) (\d+) *(.*)")
MM_TYPES = {flt.FAULT.number, flt.VMA_SET.number, flt.VMA_CLEAR.number, flt.PTES_SET.number,
            flt.PTES_CLEAR.number}


class Moment:
    """What the kernel said at one moment."""

    def __init__(self, number, pid):
        self.number, self.pid = number, pid
        self.audit, self.free = "", []
        self.frames = []      # (times mapped, flags) of each frame
        self.processes = {}   # pid -> ([match of a line of maps], {page: pagemap's number})

    def feed(self, word, rest):
        """One line more."""
        fields = rest.split()
        if word == "audit":
            self.audit = rest
        elif word == "free":
            self.free += [zone for zone in [[int(n) for n in fields[4:]]] if any(zone)]
        elif word == "frames":
            first, end, count, flags = (int(number, 16) for number in fields)
            self.frames += [(count, flags)] * (end - first)
        elif word == "process":
            self.processes[int(rest)] = ([], {})
        elif word == "vma" and "[vsyscall]" not in rest:
            self._last()[0].append(VMA.fullmatch(rest))
        elif word == "page":
            self._last()[1][int(fields[0], 16)] = int(fields[1], 16)

    def _last(self):
        return list(self.processes.values())[-1]


def moments(text):
    """All of them, and the program's wait status or None."""
    found, status = [], None
    for line in text.splitlines():
        word, _, rest = line.rstrip("\r").partition(" ")
        if word == "moment":
            found.append(Moment(int(rest.split()[0]), int(rest.split()[2])))
        elif word == "status":
            status = int(rest)
        elif found:
            found[-1].feed(word, rest)
    return found, status


# ---- What moved while one looked -------------------------------------------------------------------

def marks(trace):
    """Number of each mark -> the place of its record."""
    return {trace[i].value: i for i in range(len(trace)) if trace.type_at(i) == flt.MARK.number}


def moved(trace, begin, end):
    """What the records between two places may have changed: (numbers of address spaces, frames)."""
    spaces, frames = set(), set()
    for record in (trace[i] for i in range(begin, end)):
        if record.type in MM_TYPES:
            spaces.add(record.mm)
        if record.type in (flt.FRAME.number, flt.KIND.number):
            frames.update(range(record.pfn, record.pfn + (1 << record.order)))
        elif hasattr(record, "pfn"):
            frames.add(record.pfn)
        for entry in (*getattr(record, "entries", ()), getattr(record, "before_pte", 0),
                      getattr(record, "after_pte", 0)):
            frames.add(flt.pte_pfn(entry))
    return spaces, frames


# ---- The page's state beside it ---------------------------------------------------------------------

def vmas_differ(space, files, lines):
    """"" if the page has the VMAs that maps showed. @space, @files: of dumpState()."""
    def theirs(match):
        major, minor, ino = int(match[5], 16), int(match[6], 16), int(match[7])
        dev = (minor & 255 | major << 8 | (minor & ~255) << 12) if ino else 0
        return (match[1].lstrip("0"), match[2].lstrip("0"), match[3],
                int(match[4], 16) >> 12 if ino else 0, dev, ino, match[8] if ino else "")

    def ours(vma):
        start, end, flags, pgoff, dev, ino = vma
        return (start, end, flt.rights(flags), pgoff if ino else 0, dev if ino else 0, ino,
                files.get(f"{dev}:{ino}", "") if ino else "")
    mine, its = [ours(vma) for vma in space["vmas"]], [theirs(match) for match in lines]
    return "".join(f"page {a}\nmaps {b}\n" for a, b in zip(mine, its) if a != b) + \
        (f"{len(mine)} VMAs, not {len(its)}" if len(mine) != len(its) else "")


def frames_differ(dump, frames, but):
    """What the page has of frames otherwise than kpagecount and kpageflags showed; @but: frames that
    moved meanwhile. The top-level tables are no tables there."""
    lists, swapped = dict(dump["lru"]), {pfn for _, pfn in dump["swap"]}
    tables, wrong = dict(dump["tables"]), []
    for pfn, (count, flags) in enumerate(frames):
        use, on = dump["uses"][pfn], lists.get(pfn)
        ours = {"times mapped": dump["maps"][pfn], "free": use == "free", "on a list": on is not None,
                "active": on in (1, 3), "unevictable": on == 4, "in the swap cache": pfn in swapped,
                "a table": tables.get(pfn, 4) < 4, "anonymous": use in ("anon", "swapcache"),
                "slab": use == "slab", "the zero page": use == "zero"}
        bits = (BUDDY, ON_LIST, ACTIVE, UNEVICTABLE, IN_SWAP_CACHE, TABLE, ANON, SLAB, ZERO_PAGE)
        theirs = dict(zip(list(ours)[1:], (bool(flags >> bit & 1) for bit in bits)))
        theirs["times mapped"] = count
        if use == "swapcache" and not count:  # read ahead: anonymous only when it is mapped
            theirs["anonymous"] = True
        if pfn not in but:
            wrong += [f"frame {pfn:#x} {name}: page {ours[name]}, kernel {theirs[name]} ({use})"
                      for name in ours if ours[name] != theirs[name]]
    return wrong


def free_blocks(dump):
    """As buddyinfo has them: of each zone that has any, how many of each order."""
    found = {}
    for pfn, order in dump["free"]:
        zone = next(i for i, end in enumerate(ZONE_ENDS) if pfn < end)
        found.setdefault(zone, [0] * 11)[order] += 1
    return [found[zone] for zone in sorted(found)]


# ---- What is shown ----------------------------------------------------------------------------------

def table_differs(browser, lines):
    """"" if the table of mappings on the page is what maps showed."""
    rows = browser.run("return [...document.querySelectorAll('#vmas tbody tr')].map((row) => "
                       "[...row.children].slice(0, 2).map((cell) => cell.innerText))")
    its = [[f"{m[1].lstrip('0')}-{m[2].lstrip('0')}", m[3]] for m in lines]
    return "" if rows == its else f"page {rows}\nmaps {its}"


def walks_differ(browser, mm, pages):
    """Do the words below the walk name the frame or the slot that pagemap has?"""
    wrong, there = [], [p for p in sorted(pages) if pages[p] & (PRESENT | SWAPPED)]
    for page in there[::max(1, len(there) // 4)]:
        words = browser.run("page.choose(arguments[0], arguments[1] / 4096);"
                            "return document.getElementById('walk-end').innerText", mm, page)
        shown = pages[page]
        right = f"frame {shown & PFN:x} " if shown & PRESENT else f"slot {(shown & PFN) >> 5}:"
        if right not in words and "page of zeroes" not in words:
            wrong.append(f"{page:#x}: {words!r}, pagemap {shown:#x}")
    return "\n".join(wrong)


def compare(browser, trace, text):
    """The open page, at all moments of @text at which nothing moved, against that text. Returns the
    names of what was compared, each as often as it was."""
    looks, status = moments(text)
    check("the program ended by itself", status is not None and not status & 127, status)
    check("there are moments", looks, text[-1000:])
    places, done = marks(trace), []
    for look in looks:
        title, (begin, counted, end) = f"moment {look.number}", (places[3 * look.number + i]
                                                                 for i in range(3))
        check(f"{title}: the audit finds nothing", look.audit == "ok", look.audit)
        dump = browser.run("return dumpState(page.model, arguments[0])", begin)
        spaces, frames = moved(trace, begin, end)
        if not any(trace.type_at(i) == flt.FRAME.number for i in range(begin, counted)):
            check(f"{title}: buddyinfo", free_blocks(dump) == look.free, (free_blocks(dump), look.free))
            done.append("buddyinfo")
        wrong = frames_differ(dump, look.frames, frames)
        check(f"{title}: {len(look.frames)} frames", look.frames and not wrong, "\n".join(wrong[:12]))
        for pid, (lines, pages) in look.processes.items():
            mm = next((task[2] for task in dump["tasks"] if task[0] == pid), None)
            if not lines or mm in spaces:  # it was gone, or not at rest
                continue
            space = dump["mms"][str(mm)]
            entries = {int(page, 16): int(entry, 16) for page, entry in space["entries"].items()}
            wrong = vmas_differ(space, dump["files"], lines) + entries_differ(entries, pages)
            check(f"{title}: maps and pagemap of {pid}", not wrong, wrong)
            done.append("process 1" if pid == 1 else "process")
            done += shown(browser, trace, (title, begin, mm), lines, pages)
    return done


def shown(browser, trace, at, lines, pages):
    """The moment before the mark, if nothing moved in between: its table and its walks."""
    title, begin, mm = at
    before = sum(trace.type_at(i) == flt.FAULT.number for i in range(begin))
    place = browser.run("return page.model.end(arguments[0])", before)
    if not before or mm in moved(trace, place, begin)[0]:
        return []
    browser.run("page.go({moment: arguments[0]}); page.choose(arguments[1], arguments[2] / 4096)",
                before, mm, int(lines[0][1], 16))
    wrong = table_differs(browser, lines) + walks_differ(browser, mm, pages)
    browser.run("page.choose()")
    check(f"{title}: what is shown of address space {mm}", not wrong, wrong)
    return ["shown"]
