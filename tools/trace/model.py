# SPDX-License-Identifier: MIT
"""What memory looked like at a moment of a recorded run, rebuilt from nothing but the records.

    model = Model(format.read(path))
    state = model.at(i)              after the first i records; model.faults: where faults are
    state.mms[mm].vmas, state.kind(pfn), state.owners(pfn), ...

The state is kept up to date record by record; copies of it are kept on the way, so that any moment
is near one of them. Records that contradict what came before are listed in state.odd.
"""
from collections import namedtuple

from format import (CACHE, COMM, EXEC, EXIT, FAULT, FAULT_LISTED, FILE, FORK, FRAME, FRAME_ALLOC,
                    FRAME_FREE, FRAME_SPLIT, KIND, KINDS, LRU, LRU_LISTS, LRU_OFF, MAX_ORDER,
                    MM_GONE, PAGE_SIZE, PTE_ACCESSED, PTE_DIRTY, PTE_SOFT_DIRTY, PTES_CLEAR,
                    PTES_SET, PTE_SPECIAL, RECLAIM, SWAP, SWAP_IN, SWAP_OUT, SWAP_READ, SWAP_WRITE, TABLE, TASK_SIZE,
                    VMA_CLEAR, VMA_SET, WRITEBACK, pte_pfn, pte_present, swap_entry)

Vma = namedtuple("Vma", "start end flags pgoff dev ino")
Task = namedtuple("Task", "tid pid mm comm parent code")  # code: wait status; None: alive
BY_CPU = PTE_ACCESSED | PTE_DIRTY | PTE_SOFT_DIRTY  # bits that change without a record
CHECKPOINTS = 64
MAX_ODD = 50


class Mm:
    """An address space."""

    def __init__(self, vmas=(), ptes=(), tables=()):
        self.vmas = dict(vmas)      # start -> Vma
        self.ptes = dict(ptes)      # page's address -> raw entry, none left out
        self.tables = dict(tables)  # (level, first address) -> frame

    def copy(self):
        return Mm(self.vmas, self.ptes, self.tables)

    def sorted(self):
        """The VMAs by address."""
        return [self.vmas[start] for start in sorted(self.vmas)]

    def vma(self, address):
        """The VMA that holds the address, or None."""
        return next((v for v in self.vmas.values() if v.start <= address < v.end), None)

    def walk(self, address):
        """[(level, frame of the table or None)], from the top one down; the entry of the page."""
        steps = [(level, self.tables.get((level, address & -(PAGE_SIZE << 9 * level))))
                 for level in (4, 3, 2, 1)]
        return steps, self.ptes.get(address & -PAGE_SIZE, 0)

    def clear(self, start, end):
        """No entries in that range any longer."""
        if (end - start) // PAGE_SIZE < len(self.ptes):
            for page in range(start, end, PAGE_SIZE):
                self.ptes.pop(page, None)
        else:
            for page in [page for page in self.ptes if start <= page < end]:
                del self.ptes[page]


class State:
    """A moment. What is in the dictionaries is never changed, only replaced: copies are flat."""

    FLAT = ("tasks", "files", "free", "blocks", "cache", "cached", "swap_cache", "swapped",
            "swap_io", "writeback", "lru", "reclaiming")

    def __init__(self):
        self.at = 0           # so many records are in it
        self.tasks = {}       # tid -> Task
        self.mms = {}         # number -> Mm
        self.files = {}       # (dev, ino) -> path
        self.free = {}        # first frame of a free block -> (order, zone)
        self.blocks = {}      # first frame of a block in use -> (order, number of the kind)
        self.cache = {}       # (dev, ino, index) -> frame
        self.cached = {}      # frame -> (dev, ino, index)
        self.swap_cache = {}  # entry -> frame
        self.swapped = {}     # frame -> entry
        self.swap_io = {}     # frame -> "write" or "read"
        self.writeback = {}   # frame -> (dev, ino, index)
        self.lru = {}         # frame -> (list, on one CPU's?), those put there last at the end
        self.reclaiming = {}  # tid -> is it kswapd?
        self.tables = {}      # frame -> (mm, level, first address)
        self.odd = []         # (seq, sentence)

    def copy(self):
        other = State()
        other.at, other.odd = self.at, list(self.odd)
        for name in self.FLAT + ("tables",):
            setattr(other, name, dict(getattr(self, name)))
        other.mms = {number: mm.copy() for number, mm in self.mms.items()}
        return other

    # ---- Questions -----------------------------------------------------------------------------

    def rmap(self):
        """frame -> [(mm, page's address)] of all entries that lead to it."""
        found = {}
        for number, mm in self.mms.items():
            for page, entry in mm.ptes.items():
                if pte_present(entry):
                    found.setdefault(pte_pfn(entry), []).append((number, page))
        return found

    def owners(self, pfn):
        """The same of one frame."""
        return [(number, page) for number, mm in self.mms.items() for page, entry in mm.ptes.items()
                if pte_present(entry) and pte_pfn(entry) == pfn]

    def slots(self):
        """Swap entries in use -> [how many page table entries name it, frame in the swap cache or
        None]."""
        found = {entry: [0, pfn] for entry, pfn in self.swap_cache.items()}
        for mm in self.mms.values():
            for entry in mm.ptes.values():
                if not pte_present(entry):
                    found.setdefault(swap_entry(entry), [0, None])[0] += 1
        return found

    def frame_map(self, nr_frames):
        """What each frame is used as, as numbers of format.KINDS; 255: free. Frames that no record
        tells of are "none"."""
        what = bytearray(nr_frames)

        def fill(pfn, order, value):
            end = min(pfn + (1 << order), nr_frames)
            what[pfn:end] = bytes([value]) * max(0, end - pfn)
        for pfn, (order, number) in self.blocks.items():
            fill(pfn, order, number)
        for mm in self.mms.values():
            for entry in mm.ptes.values():
                if pte_present(entry) and not entry & PTE_SPECIAL:
                    fill(pte_pfn(entry), 0, KINDS.index("anon"))
        for pfns, name in ((self.tables, "table"), (self.cached, "file"),
                           (self.swapped, "swapcache")):
            for pfn in pfns:
                fill(pfn, 0, KINDS.index(name))
        for pfn, (order, _) in self.free.items():
            fill(pfn, order, 255)
        return what

    def free_blocks(self):
        """How many free blocks there are of each order, zone by zone: zone -> [11 numbers]."""
        found = {}
        for order, zone in self.free.values():
            found.setdefault(zone, [0] * 11)[order] += 1
        return found

    def lists(self):
        """Name of the list -> its frames, those put there last at the end."""
        found = {name: [] for name in LRU_LISTS}
        for pfn, (number, _) in self.lru.items():
            found[LRU_LISTS[number]].append(pfn)
        return found

    # ---- Records -------------------------------------------------------------------------------

    def apply(self, record):
        """One record more."""
        self.at += 1
        APPLY.get(record.type, State._nothing)(self, record)

    def _nothing(self, record):
        pass

    def _strange(self, record, sentence):
        if len(self.odd) < MAX_ODD:
            self.odd.append((record.seq, sentence))

    def _unused(self, pfn, order):
        """These frames are in no block in use any longer. A larger one leaves smaller ones."""
        blocks = self.blocks
        for larger in range(order + 1, MAX_ORDER + 1):
            first = pfn & -(1 << larger)
            has, kind = blocks.get(first, (0, None))
            if has < larger:
                continue
            del blocks[first]
            while has > order:
                has -= 1
                half = first + (1 << has)
                blocks[half if pfn < half else first] = has, kind
                first = half if pfn >= half else first
        for first in range(pfn, pfn + (1 << order)):
            blocks.pop(first, None)

    def _mm(self, number):
        mm = self.mms.get(number)
        if mm is None:
            mm = self.mms[number] = Mm()
        return mm

    def _fault(self, r):
        before, after, page = r.before_pte, r.after_pte, r.address & -PAGE_SIZE
        if before == after or not r.mm or page >= TASK_SIZE:
            return
        if r.verdict & FAULT_LISTED:
            self.lru[pte_pfn(after)] = 0, 1
        mm = self._mm(r.mm)
        known = mm.ptes.get(page, 0)
        if known & ~BY_CPU not in (before & ~BY_CPU, after & ~BY_CPU):
            self._strange(r, f"the fault on {page:#x} of {r.mm} found {before:#x}, "
                             f"the records before it say {known:#x}")
        if after:
            mm.ptes[page] = after
        else:
            mm.ptes.pop(page, None)

    def _vma_set(self, r):
        mm = self._mm(r.mm)
        if r.was_start != r.start:
            mm.vmas.pop(r.was_start, None)
        mm.vmas[r.start] = Vma(r.start, r.end, r.flags, r.pgoff, r.dev, r.ino)

    def _vma_clear(self, r):
        vmas = self._mm(r.mm).vmas
        if r.start in vmas and vmas[r.start].end == r.end:
            del vmas[r.start]

    def _ptes_set(self, r):
        ptes = self._mm(r.mm).ptes
        for i, entry in enumerate(r.entries):
            if entry:
                ptes[r.address + i * PAGE_SIZE] = entry
            else:
                ptes.pop(r.address + i * PAGE_SIZE, None)

    def _ptes_clear(self, r):
        self._mm(r.mm).clear(r.start, r.end)

    def _table(self, r):
        key = r.level, r.address
        if not r.op and r.mm not in self.mms:  # the last one, of a map that is gone
            self.tables.pop(r.pfn, None)
            return
        mm = self._mm(r.mm)
        if r.op:
            if key in mm.tables:
                self._strange(r, f"a second table of level {r.level} for {r.address:#x} of {r.mm}")
            mm.tables[key] = r.pfn
            self.tables[r.pfn] = r.mm, r.level, r.address
            return
        if mm.tables.pop(key, r.pfn) != r.pfn:
            self._strange(r, f"another table of level {r.level} is freed for {r.address:#x} of "
                             f"{r.mm}")
        self.tables.pop(r.pfn, None)
        if r.level == 1:
            mm.clear(r.address, r.address + (PAGE_SIZE << 9))

    def _frame(self, r):
        free, half = self.free, r.pfn + (1 << r.order >> 1)
        if r.op == FRAME_FREE:
            self._unused(r.pfn, r.order)
            if r.pfn in free:
                self._strange(r, f"frame {r.pfn:#x} is freed a second time")
            for pfn in range(r.pfn, r.pfn + (1 << r.order)):
                if any(pfn in use for use in (self.lru, self.cached, self.swapped, self.tables)):
                    self._strange(r, f"frame {pfn:#x} is freed, and a table or on a list or in a cache")
            free[r.pfn] = r.order, r.zone
        elif r.op == FRAME_ALLOC:
            if free.pop(r.pfn, (r.order,))[0] != r.order:
                self._strange(r, f"frame {r.pfn:#x} was free as a block of another order")
            self.blocks[r.pfn] = r.order, KINDS.index("kernel")
        elif r.op == FRAME_SPLIT:
            if free.pop(r.pfn, (None,))[0] != r.order:
                self._strange(r, f"a block that is split, {r.pfn:#x}, was not free")
            free[r.pfn] = free[half] = r.order - 1, r.zone
        else:
            for pfn in (r.pfn, half):
                if free.pop(pfn, (None,))[0] != r.order - 1:
                    self._strange(r, f"a block that is merged, {pfn:#x}, was not free")
            free[r.pfn] = r.order, r.zone

    def _kind(self, r):
        self._unused(r.pfn, r.order)
        self.blocks[r.pfn] = r.order, r.kind or KINDS.index("kernel")

    def _cache(self, r):
        key = r.dev, r.ino, r.index
        if r.op:
            self.cache[key], self.cached[r.pfn] = r.pfn, key
        else:
            if self.cache.pop(key, r.pfn) != r.pfn:
                self._strange(r, f"page {r.index} of file {r.ino} left the cache with another "
                                 "frame")
            self.cached.pop(r.pfn, None)

    def _swap(self, r):
        entry = swap_entry(r.entry)
        if r.op == SWAP_IN:
            self.swap_cache[entry], self.swapped[r.pfn] = r.pfn, entry
        elif r.op == SWAP_OUT:
            self.swap_cache.pop(entry, None)
            self.swapped.pop(r.pfn, None)
        elif r.op in (SWAP_WRITE, SWAP_READ):
            self.swap_io[r.pfn] = "write" if r.op == SWAP_WRITE else "read"
        else:
            self.swap_io.pop(r.pfn, None)

    def _writeback(self, r):
        if r.op:
            self.writeback[r.pfn] = r.dev, r.ino, r.index
        else:
            self.writeback.pop(r.pfn, None)

    def _lru(self, r):
        if not self.lru.pop(r.pfn, None) and r.list == LRU_OFF:  # else it comes last now
            self._strange(r, f"frame {r.pfn:#x} leaves a list that it was not on")
        if r.list != LRU_OFF and r.list < len(LRU_LISTS):
            self.lru[r.pfn] = r.list, r.cpu_set

    def _reclaim(self, r):
        if r.op:
            self.reclaiming[r.tid] = r.kswapd
        else:
            self.reclaiming.pop(r.tid, None)

    def _fork(self, r):
        parent = self.tasks.get(r.tid)
        self.tasks[r.child_tid] = Task(r.child_tid, r.child_pid, r.mm, r.comm,
                                       parent.pid if parent else r.tid, None)

    def _exec(self, r):
        task = self.tasks.get(r.tid) or Task(r.tid, r.tid, 0, b"", 0, None)
        self.tasks[r.tid] = task._replace(mm=r.new_mm, comm=r.comm)

    def _exit(self, r):
        task = self.tasks.get(r.tid) or Task(r.tid, r.pid, 0, b"", 0, None)
        self.tasks[r.tid] = task._replace(code=r.code)

    def _mm_gone(self, r):
        self.mms.pop(r.mm, None)

    def _file(self, r):
        self.files[r.dev, r.ino] = r.path

    def _comm(self, r):
        if r.pid in self.tasks:  # a thread's own
            self.tasks[r.pid] = self.tasks[r.pid]._replace(comm=r.comm)


APPLY = {kind.number: getattr(State, "_" + kind.name.lower()) for kind in (
    FAULT, VMA_SET, VMA_CLEAR, PTES_SET, PTES_CLEAR, TABLE, FRAME, KIND, CACHE, SWAP, WRITEBACK,
    LRU, RECLAIM, FORK, EXEC, EXIT, MM_GONE, FILE, COMM)}


class Model:
    """The states of a run."""

    def __init__(self, trace):
        self.trace = trace
        self.faults = [i for i in range(len(trace)) if trace.type_at(i) == FAULT.number]
        self.every = max(1000, len(trace) // CHECKPOINTS)
        self._kept = [State()]  # after 0, every, 2 * every... records
        self._now = State()

    def at(self, i):
        """The state after the first @i records. It is good until the next call."""
        i = max(0, min(i, len(self.trace)))
        kept = self._kept[min(i // self.every, len(self._kept) - 1)]
        if not kept.at <= self._now.at <= i:
            self._now = kept.copy()
        while self._now.at < i:
            stop = min(i, (self._now.at // self.every + 1) * self.every)
            for record in self.trace[self._now.at:stop]:
                self._now.apply(record)
            if stop == len(self._kept) * self.every:
                self._kept.append(self._now.copy())
        return self._now
