# SPDX-License-Identifier: MIT
"""What the kernel keeps count of: free frames, pages to reclaim, slabs, swap slots; the audit."""
import gdb

from frames import SWAP_COUNT, page_at, pfn_of
from commands import Command
from memory import (LATER, Mode, Object, PAGE_OFFSET, PAGE_SHIFT, Said, kernel, kind_of, layout,
                    list_of, per_cpu, variable)
from tasks import current

LRU_NAMES = ("inactive anon", "active anon", "inactive file", "active file", "unevictable")
SWAP_HAS_CACHE = 0x8000


def cpus():
    return range(variable("nr_cpus"))


def table(rows, title):
    """Print rows under a title, in columns: words to the left, numbers to the right."""
    widths = [max(len(str(row[i])) for row in rows + [title]) for i in range(len(title))]
    left = [isinstance(cell, str) for cell in rows[0]]
    for row in [title] + rows:
        print("  ".join(f"{cell:{'<' if words else '>'}{width}}"
                        for cell, words, width in zip(row, left, widths)).rstrip())


# --- free frames ---

def zones():
    found = [zone for zone in variable("zones") if zone["managed"]]
    if not found:
        raise Said(f"the allocator has no frames yet: {LATER}")
    return found


class Buddy(Command):
    """buddy: free blocks by zone and order, watermarks, and what CPUs hold back.
A block of order n has 2^n frames of 4 KiB."""

    def run(self):
        for zone in zones():
            low = list(zone["watermark"])
            print(f"zone {zone.text('name'):7s} {zone['nr_free']} of {zone['managed']} frames "
                  f"free; min {low[0]} low {low[1]} high {low[2]}")
            blocks = [area["nr_free"] for area in zone["free_area"]]
            print("  order  " + " ".join(f"{order:6d}" for order in range(len(blocks))))
            print("  blocks " + " ".join(f"{count:6d}" for count in blocks))
        for cpu in cpus():
            pcp = per_cpu("frame_pcp", cpu)
            print(f"CPU {cpu} holds {pcp['count']} free frames, and {pcp['nr_zeroed']} known to be "
                  "zero")
        if variable("nr_sleeping_pages"):
            print(f"{variable('nr_sleeping_pages')} frames never used have no struct page yet")


# --- lists that reclaim takes from ---

@Mode()
def pages_on(head):
    return [pfn_of(page) for page in list_of(head, "struct page", "lru")]


def lru_rows(name, vec):
    """Rows of one set: what came since the round began, then what stood there before."""
    for list_nr, list_name in enumerate(LRU_NAMES):
        for part, place in (("", vec["lists"]), (", older", vec["older"])):
            pfns = pages_on(place.at(list_nr))
            if pfns:
                yield name, list_name + part, len(pfns), f"{pfns[0]:#x}", f"{pfns[-1]:#x}"


class Lru(Command):
    """lru: the lists of pages in the order in which reclaim looks at them, a set for each CPU.
Pages enter their CPU's set at the head (newest); reclaim takes from the tail (oldest) of the shared
set, which takes over from the CPUs when it runs empty; "older" stood there when that began."""

    def run(self):
        sets = variable("lruvecs")
        if not Object(sets[0].at("lists"), "struct list_head")["next"]:
            raise Said(f"the lists are not set up yet: {LATER}")
        names = [(f"CPU {cpu}", cpu) for cpu in cpus()] + [("shared", len(sets) - 1)]
        rows = [row for name, nr in names for row in lru_rows(name, sets[nr])]
        if rows:
            table(rows, ("set", "list", "pages", "newest", "oldest"))
        totals = [sum(per_cpu("node_stats", cpu)[nr] for cpu in cpus())
                  for nr in range(len(LRU_NAMES))]
        print("the kernel counts " + ", ".join(
            f"{total} {name}" for total, name in zip(totals, LRU_NAMES)))


# --- slabs ---

def chain(cache, first):
    """How many free objects hang on a chain."""
    checked = "held_locks" in layout(kind_of("struct task_struct"))  # a kernel made with DEBUG=1
    link, length = cache["link"] if checked else 0, 0
    while first:
        first = Object(first + link, "unsigned long").value()
        length += 1
    return length


class Slab(Command):
    """slab: the slab caches: objects in use and there, bytes of each, slabs, what CPUs own."""

    def run(self):
        cache, rows = Object(variable("slab_caches"), "struct kmem_cache"), []
        while cache:
            rows.append(self.row(cache))
            cache = cache.follow("next", "struct kmem_cache")
        if not rows:
            raise Said(f"there are no slab caches yet: {LATER}")
        table(rows, ("cache", "in use", "objects", "bytes", "slabs", "KiB", "partial", "empty",
                     "owned by CPUs"))

    @staticmethod
    @Mode()
    def row(cache):
        free, owned = 0, 0
        for slab in list_of(cache.at("partial"), "struct page", "lru"):
            free += cache["per_slab"] - slab["slab_inuse"]
        for cpu in cpus():
            mine = cache["cpu"][cpu]
            if mine["base"]:
                owned += 1
                head = page_at(mine["base"] - PAGE_OFFSET >> PAGE_SHIFT)
                free += chain(cache, mine["free"]) + chain(cache, head["private"])
        objects = cache["nr_slabs"] * cache["per_slab"]
        return (cache.text("name"), objects - free, objects, cache["size"], cache["nr_slabs"],
                cache["nr_slabs"] * (4 << cache["order"]), cache["nr_partial"], cache["nr_empty"],
                owned)


# --- swap ---

class Swap(Command):
    """swap: swap areas, slots in use, and what the swap cache holds."""

    def run(self):
        shown = False
        for nr, area in enumerate(variable("swap_areas")):
            if not area["max"]:
                continue
            shown = True
            slots = kernel(area["map"], 2 * area["max"])
            words = [int.from_bytes(slots[i:i + 2], "little") for i in range(2, len(slots), 2)]
            cached = sum(bool(word & SWAP_HAS_CACHE) for word in words)
            shared = sum(1 < word & SWAP_COUNT < SWAP_COUNT for word in words)
            print(f"area {nr}: {area.text('path')}, priority {area['prio']}, "
                  f"{area['inuse']} of {area['pages']} slots in use; "
                  f"{cached} with a page in the swap cache, {shared} named by more than one entry")
        if not shown:
            print("no swap area is on")


class Audit(Command):
    """audit: let the kernel look for what does not agree in its memory (docs/audit.md).
Unlike the other commands it runs code of the kernel, on the selected CPU."""

    def run(self):
        current()  # there is a kernel that can be asked
        if int(gdb.parse_and_eval("$cs")) & 3:
            raise Said("the program runs now: stop in the kernel (break exc_page_fault), "
                       "then the kernel can be asked")
        gdb.execute("set scheduler-locking on")  # the other CPUs stay where they are
        try:
            print(gdb.parse_and_eval("(char *)mm_audit_text()").string())
        finally:
            gdb.execute("set scheduler-locking off")


def register():
    for command in (Buddy, Lru, Slab, Swap, Audit):
        command()
