# SPDX-License-Identifier: MIT
"""Reads trace.flt, the recorder's file: kernel/trace/format.h says what it holds, docs/trace.md how
to use this.

    trace = format.read("build/run/trace.flt")     raises Bad, whose text is a sentence for the user
    for record in trace: ...                       in the order of seq; named tuples, see RECORDS
    trace.notes                                    sentences on what is missing: cut off, lost

Records are decoded when they are looked at, so that a file of a million costs little memory. Who
follows a running machine feeds a Trace piece by piece, and takes what is complete.
"""
import bisect
import itertools
import struct
from collections import namedtuple

MAGIC = b"FLTRACE\0"
VERSION = 1
HEADER = struct.Struct("<8sIIIIQQQQB7x")
Header = namedtuple("Header", "magic version header_size nr_cpus ring_size tsc_khz tsc_boot "
                              "wall_boot nr_frames icount")
CHUNK = struct.Struct("<II")
END_CHUNK = 0xFFFFFFFF  # its cpu; it says that the file is complete
END_TOTAL = struct.Struct("<Q")
MAX_CPUS = 32
NONE = (1 << 64) - 1  # no frame, no earlier start

COMMON = "size type cpu tid seq tsc"
COMMON_STRUCT = "<HBBIQQ"
COMMON_SIZE = struct.calcsize(COMMON_STRUCT)
NR_LEVELS, MAX_DOORS, MAX_ENTRIES = 4, 56, 64
MAX_ORDER, MAX_FRAMES = 10, 1 << 28  # of a block of frames; 2^40 bytes: what the CPU can address

DOORS = (
    "", "exc_page_fault", "do_kern_addr_fault", "do_user_addr_fault", "__lock_vma_under_rcu",
    "fault_mmap_locked", "expand_stack", "handle_mm_fault", "alloc_tables", "handle_pte_fault",
    "handle_present_pte", "do_anonymous_page", "__vmf_anon_prepare", "do_fault_around",
    "do_read_fault", "do_cow_fault", "do_shared_fault", "__do_fault", "page_mkwrite",
    "do_swap_page", "swapin_readahead", "do_wp_page", "wp_page_reuse", "wp_page_copy",
    "wp_page_shared", "install_pte", "lock_same_pte", "release_fault_lock",
    "bad_area_nosemaphore", "do_sigbus", "fixup_exception", "out_of_memory", "vmalloc_fault",
    "access_page", "mm_populate", "end")
KINDS = ("none", "anon", "file", "table", "slab", "stack", "vmalloc", "kernel", "swapcache",
         "reserved")
WHYS = ("none", "fork", "mprotect", "mremap", "munmap", "madvise", "exit", "reclaim", "writeback",
        "fault_around", "truncate", "swapoff", "mlock", "soft_dirty", "access", "start", "exec")
LRU_LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable")
LRU_OFF = 255

# Error code (the CPU's, and one bit of ours), verdicts, rights of a VMA, bits of an entry.
PF_PROT, PF_WRITE, PF_USER, PF_RSVD, PF_INSTR = 1, 2, 4, 8, 16
FAULT_LISTED = 1 << 30  # in a verdict: its frame came onto the list of inactive anonymous pages
PF_REMOTE = 1 << 31  # not by the CPU: the kernel asked for the page
(VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_MAJOR, VM_FAULT_SIGSEGV, VM_FAULT_NOPAGE, VM_FAULT_LOCKED,
 VM_FAULT_RETRY, VM_FAULT_DIRTIED) = 1, 2, 4, 0x40, 0x100, 0x200, 0x400, 0x800
VM_READ, VM_WRITE, VM_EXEC, VM_SHARED, VM_MAYSHARE = 1, 2, 4, 8, 0x80
VM_GROWSDOWN, VM_LOCKED = 0x100, 0x2000
PTE_PRESENT, PTE_RW, PTE_USER, PTE_ACCESSED, PTE_DIRTY, PTE_PROTNONE, PTE_SPECIAL, PTE_OWNED, \
    PTE_SOFT_DIRTY, PTE_NX = (1 << bit for bit in (0, 1, 2, 5, 6, 8, 9, 10, 11, 63))
PTE_PFN_MASK = 0x000FFFFFFFFFF000
PAGE_SHIFT, PAGE_SIZE = 12, 4096
TASK_SIZE, KERNEL_HALF = 0x7FFFFFFFF000, 1 << 63


class Bad(Exception):
    """The file cannot be used; the text says why."""


def pte_present(entry):
    """Does the entry lead to a frame? (One of PROT_NONE does, though the CPU may not follow it.)"""
    return bool(entry & (PTE_PRESENT | PTE_PROTNONE))


def pte_pfn(entry):
    return (entry & PTE_PFN_MASK) >> PAGE_SHIFT


def swap_area(entry):
    return entry >> 9 & 31


def swap_slot(entry):
    return (entry & ~PTE_NX) >> 14


def swap_entry(entry):
    """The name of the slot, without the entry's soft-dirty mark: what SWAP records have."""
    return entry & ~2


def rights(flags):
    """Those of a VMA, as in /proc/PID/maps."""
    return "".join(letter if flags & bit else "-" for letter, bit in
                   (("r", VM_READ), ("w", VM_WRITE), ("x", VM_EXEC))) + \
        ("s" if flags & VM_MAYSHARE else "p")  # VM_SHARED: and may be written to


def text(data):
    """A name from the guest as text that harms no terminal: up to the zero byte, what is not UTF-8
    and what is not to be printed by its number."""
    name = data.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


class Kind:
    """A type of record: its fixed part, and what may follow it: "entries" (u64 each), "path" (up to
    a zero byte), or "steps" (door, 3 bytes, u32 cycles)."""

    def __init__(self, number, name, fields, layout, tail=None, base=None):
        self.number, self.name, self.tail = number, name, tail
        self.struct = struct.Struct(COMMON_STRUCT + layout)
        names = f"{COMMON} {fields}".split() + ([tail] if tail else [])
        made = namedtuple(name.title().replace("_", ""), names)
        self.tuple = base(made) if base else made
        self._tails = [struct.Struct("<" + {"entries": "Q", "steps": "B3xI"}.get(tail, "") * n)
                       for n in range(MAX_ENTRIES + 1)]

    def right_size(self, data, at, size):
        """May a record of this type at @at of @data be @size bytes long?"""
        fixed = self.struct.size
        if not self.tail or size < fixed:
            return size == fixed
        if self.tail == "steps":
            n = data[at + _NR_DOORS_AT]
            steps = data[at + fixed:at + size:8]
            return n <= MAX_DOORS and size == fixed + 8 * n and max(steps, default=0) < len(DOORS)
        if self.tail == "entries":
            n = struct.unpack_from("<I", data, at + COMMON_SIZE + 4)[0]
            return 0 < n <= MAX_ENTRIES and size == fixed + 8 * n
        return True

    def decode(self, data, at, size):
        """The record at @at, as a named tuple."""
        fixed = self.struct.unpack_from(data, at)
        if not self.tail:
            return self.tuple._make(fixed)
        rest = at + self.struct.size
        if self.tail == "path":
            return self.tuple(*fixed, bytes(data[rest:at + size]).split(b"\0", 1)[0])
        return self.tuple(*fixed, self._tails[at + size - rest >> 3].unpack_from(data, rest))

    def encode(self, *common, **fields):
        """The bytes of such a record, for tests. @common: cpu, tid, seq, tsc."""
        tail, extra = fields.pop(self.tail, None) if self.tail else None, b""
        if self.tail == "path":
            extra = tail + b"\0" * (8 - (self.struct.size + len(tail)) % 8)
        elif self.tail:
            extra = self._tails[len(tail) // (2 if self.tail == "steps" else 1)].pack(*tail)
        values = [fields.pop(name) for name in self.tuple._fields[6:-1 if self.tail else None]]
        if fields:
            raise TypeError(f"{self.name} has no {' '.join(fields)}")
        return self.struct.pack(self.struct.size + len(extra), self.number, *common,
                                *values) + extra


def _fault(made):
    """FAULT, with what its arrays hold."""
    first = made._fields.index("before_pgd")

    class Fault(made):
        """A page fault."""
        __slots__ = ()

        @property
        def before(self):
            """Raw entries, from the top level down."""
            return self[first:first + NR_LEVELS]

        @property
        def after(self):
            """The same, when it was over."""
            return self[first + NR_LEVELS:first + 2 * NR_LEVELS]

        @property
        def doors(self):
            """[(name, cycles since begin)]; the last is "end"."""
            steps = self.steps
            return [(DOORS[door], cycles) for door, cycles in zip(steps[::2], steps[1::2])]

        @property
        def cycles(self):
            """From the first door to the end."""
            return self.steps[-1] if self.steps else self.tsc - self.begin

    return Fault


_LEVELS = ("pgd", "pud", "pmd", "pte")
_FAULT_FIELDS = (
    "pid mm begin address ip error_code verdict signal si_code nr_doors tries flushes "
    "vm_start vm_end vm_flags vm_pgoff dev ino "
    + " ".join(f"before_{level}" for level in _LEVELS) + " "
    + " ".join(f"after_{level}" for level in _LEVELS) + " pfn refcount mapcount index comm")
_NR_DOORS_AT = COMMON_SIZE + struct.calcsize("<IIQQQIIBB")
FAULT = Kind(1, "FAULT", _FAULT_FIELDS, "IIQQQIIBBBBIQQQQII4Q4QQIIQ16s", tail="steps", base=_fault)
VMA_SET = Kind(2, "VMA_SET", "mm was_start start end flags pgoff dev ino", "I4xQQQQQII")
VMA_CLEAR = Kind(3, "VMA_CLEAR", "mm start end", "I4xQQ")
PTES_SET = Kind(4, "PTES_SET", "mm n address why", "IIQI4x", tail="entries")
PTES_CLEAR = Kind(5, "PTES_CLEAR", "mm why start end", "IIQQ")
TABLE = Kind(6, "TABLE", "mm level op address pfn", "IBB2xQQ")
FRAME = Kind(7, "FRAME", "op order zone pfn", "BBB5xQ")
KIND = Kind(8, "KIND", "kind order pfn", "BB6xQ")
CACHE = Kind(9, "CACHE", "op dev ino index pfn", "B7xIIQQ")
SWAP = Kind(10, "SWAP", "op entry pfn", "B7xQQ")
WRITEBACK = Kind(11, "WRITEBACK", "op dev ino index pfn", "B7xIIQQ")
LRU = Kind(12, "LRU", "list cpu_set pfn", "BB6xQ")
RECLAIM = Kind(13, "RECLAIM", "op kswapd priority scanned reclaimed", "BBB5xQQ")
FORK = Kind(14, "FORK", "child_tid child_pid mm parent_mm flags comm", "IIIII4x16s")
EXEC = Kind(15, "EXEC", "old_mm new_mm comm", "II16s", tail="path")
EXIT = Kind(16, "EXIT", "pid code", "II")
MM_GONE = Kind(17, "MM_GONE", "mm", "I4x")
CALL = Kind(18, "CALL", "nr mm arg0 arg1 arg2 arg3 arg4 arg5 ret", "II6Qq")
FILE = Kind(19, "FILE", "dev ino", "II", tail="path")
COMM = Kind(20, "COMM", "pid comm", "I4x16s")
LOST = Kind(21, "LOST", "count", "Q")
MARK = Kind(22, "MARK", "value", "Q")
PAD = 0
RECORDS = {kind.number: kind for kind in (
    FAULT, VMA_SET, VMA_CLEAR, PTES_SET, PTES_CLEAR, TABLE, FRAME, KIND, CACHE, SWAP, WRITEBACK,
    LRU, RECLAIM, FORK, EXEC, EXIT, MM_GONE, CALL, FILE, COMM, LOST, MARK)}
FRAME_FREE, FRAME_ALLOC, FRAME_SPLIT, FRAME_MERGE = range(4)
_WITH_ORDER = {FRAME.number, KIND.number}


def _is_order(data, at, number):
    """Can there be such a block, and halves of it where it is split or merged?"""
    op, order = data[at + COMMON_SIZE:at + COMMON_SIZE + 2]
    return order <= MAX_ORDER and (order or number != FRAME.number or op < FRAME_SPLIT)


SWAP_OUT, SWAP_IN, SWAP_WRITE, SWAP_WRITTEN, SWAP_READ, SWAP_WAS_READ = range(6)

_TSC = struct.Struct("<Q")
_OFFSET_BITS = 40  # an index entry is seq << 40 | where the record lies


class Trace:
    """The records of a file, or of as much of it as was fed. A sequence, in the order of seq."""

    def __init__(self, path="trace.flt"):
        self.path, self.header, self.total_lost, self.notes = path, None, None, []
        self.data = bytearray()
        self._at = 0       # what lies before is parsed
        self._index = []   # of all that _merge() has seen, sorted
        self._fresh = []   # of what came since
        self._told_lost = 0
        self._untaken, self._last, self._newest = [], 0, 0  # for take(); seq given; latest tsc

    # ---- As a sequence -----------------------------------------------------------------------

    def __len__(self):
        self._merge()
        return len(self._index)

    def __getitem__(self, i):
        self._merge()
        if isinstance(i, slice):
            return [self._decode(entry) for entry in self._index[i]]
        return self._decode(self._index[i])

    def __iter__(self):
        self._merge()
        return map(self._decode, self._index)

    def _decode(self, entry):
        at = entry & (1 << _OFFSET_BITS) - 1
        size, number = struct.unpack_from("<HB", self.data, at)
        return RECORDS[number].decode(self.data, at, size)

    def type_at(self, i):
        """The type of record i, without decoding it."""
        self._merge()
        return self.data[(self._index[i] & (1 << _OFFSET_BITS) - 1) + 2]

    def raw(self, i):
        """The bytes of record i."""
        self._merge()
        return self._raw(self._index[i])

    def _raw(self, entry):
        at = entry & (1 << _OFFSET_BITS) - 1
        return self.data[at:at + struct.unpack_from("<H", self.data, at)[0]]

    def find(self, seq):
        """How many records have a smaller seq."""
        self._merge()
        return bisect.bisect_left(self._index, seq << _OFFSET_BITS)

    def seconds(self, tsc):
        """Seconds since boot."""
        return (tsc - self.header.tsc_boot) / self.header.tsc_khz / 1000

    @property
    def complete(self):
        """Was the file ended as it should be?"""
        return self.total_lost is not None

    # ---- Reading -----------------------------------------------------------------------------

    def feed(self, data):
        """More of the file. What is not whole yet waits for the rest."""
        self.data += data
        if self.header is None:
            if len(self.data) < HEADER.size:
                return
            self._read_header()
        while len(self.data) - self._at >= CHUNK.size:
            cpu, size = CHUNK.unpack_from(self.data, self._at)
            self._check_chunk(cpu, size)
            if len(self.data) - self._at < CHUNK.size + size:
                return
            begin = self._at + CHUNK.size
            if cpu == END_CHUNK:
                self.total_lost = END_TOTAL.unpack_from(self.data, begin)[0]
            else:
                self._read_chunk(cpu, begin, begin + size)
            self._at = begin + size

    def finish(self):
        """No more will come: take what is whole of a chunk that was cut off, and check it all."""
        if self.header is None:
            raise Bad(f"{self.path} is no record file: it is cut off in its header"
                      if self.data[:8] == MAGIC[:len(self.data[:8])] and self.data else
                      f"{self.path} is no record file: it is empty" if not self.data else
                      f"{self.path} is no record file: it does not begin with FLTRACE")
        if not self.complete:
            self._read_rest()
        self._merge()
        if self.lost:
            self.notes.append(f"{self.path}: {self.lost} records were lost, for the recorder's "
                              "rings were full: what is told from there on may be wrong")
        return self

    @property
    def lost(self):
        """How many records were lost, as far as is known."""
        return self._told_lost if self.total_lost is None else self.total_lost

    def take(self, patience=0.2):
        """The records that came since the last take(), in order, for who follows a machine. Behind
        a gap in the numbers they wait for what fills it, from another CPU or from a fault that is
        not over, until the newest record is @patience seconds (of the machine) later."""
        return [self._decode(entry) for entry in self._ready(patience)]

    def take_raw(self, patience=0.2):
        """The same as their bytes."""
        return b"".join(self._raw(entry) for entry in self._ready(patience))

    def _ready(self, patience):
        self._merge()
        waiting, stop = sorted(self._untaken), 0
        old = self._newest - patience * 1000 * self.header.tsc_khz if waiting else 0
        for entry in waiting:
            seq = entry >> _OFFSET_BITS
            if seq > self._last + 1 and patience and not self.complete and self._tsc(entry) > old:
                break
            self._last, stop = max(seq, self._last), stop + 1
        self._untaken = waiting[stop:]
        return waiting[:stop]

    def _tsc(self, entry):
        return _TSC.unpack_from(self.data, (entry & (1 << _OFFSET_BITS) - 1) + COMMON_SIZE - 8)[0]

    def _corrupted(self, at, what):
        return Bad(f"{self.path} is corrupted: at byte {at} {what}")

    def _read_header(self):
        header = Header._make(HEADER.unpack_from(self.data))
        if header.magic != MAGIC:
            raise Bad(f"{self.path} is no record file: it does not begin with FLTRACE")
        if header.version > VERSION:
            raise Bad(f"{self.path} has version {header.version} of the format, this reader knows "
                      f"up to {VERSION}: read it with the tools of the tree that recorded it")
        for wrong, what in ((header.version < 1, f"version {header.version}"),
                            (not 1 <= header.nr_cpus <= MAX_CPUS, f"{header.nr_cpus} CPUs"),
                            (header.nr_frames > MAX_FRAMES, f"{header.nr_frames} frames"),
                            (not header.tsc_khz, "a clock that stands still")):
            if wrong:
                raise Bad(f"{self.path} is corrupted: its header tells of {what}")
        self.header, self._at = header, HEADER.size

    def _check_chunk(self, cpu, size):
        if self.complete:
            raise self._corrupted(self._at, "something follows its end")
        if cpu == END_CHUNK:
            if size != END_TOTAL.size:
                raise self._corrupted(self._at, f"an end of {size} bytes")
        elif cpu >= self.header.nr_cpus:
            raise self._corrupted(self._at, f"a chunk of CPU {cpu}, of {self.header.nr_cpus}")
        elif size % 8 or size > self.header.ring_size:
            raise self._corrupted(self._at, f"a chunk of {size} bytes")

    def _read_chunk(self, cpu, at, end, cut=False):
        """Index the records from @at to @end. @cut: the last one need not be whole."""
        data, fresh, unpack = self.data, self._fresh, struct.Struct(COMMON_STRUCT).unpack_from
        sizes = {number: 0 if kind.tail else kind.struct.size for number, kind in RECORDS.items()}
        while at < end:
            if cut and end - at < COMMON_SIZE:
                return
            if end - at >= COMMON_SIZE:
                size, number, its_cpu, _, seq, _ = unpack(data, at)
            else:
                (size, number), its_cpu, seq = struct.unpack_from("<HB", data, at), cpu, 0
            if size % 8 or not size or (at + size > end and not cut):
                raise self._corrupted(at, f"a record of {size} bytes")
            if number != PAD:
                if at + size > end:
                    return
                if number not in sizes:  # of a newer kernel: what it tells is new to us
                    at += size
                    continue
                if size != sizes[number] and not RECORDS[number].right_size(data, at, size):
                    raise self._corrupted(at, f"a {RECORDS[number].name} record of {size} bytes")
                if number in _WITH_ORDER and not _is_order(data, at, number):
                    raise self._corrupted(at, f"a block of order {data[at + COMMON_SIZE + 1]}")
                if its_cpu != cpu:
                    raise self._corrupted(at, f"a record of CPU {its_cpu} among those of CPU {cpu}")
                if number == LOST.number:
                    self._told_lost += LOST.decode(data, at, size).count
                fresh.append(seq << _OFFSET_BITS | at)
            at += size

    def _read_rest(self):
        left = len(self.data) - self._at
        if left > CHUNK.size:
            cpu, _ = CHUNK.unpack_from(self.data, self._at)
            if cpu != END_CHUNK:
                self._read_chunk(cpu, self._at + CHUNK.size, len(self.data), cut=True)
        self.notes.append(f"{self.path} was cut off: the run's end is missing")

    def _merge(self):
        """Bring what came last into order."""
        if not self._fresh:
            return
        fresh, index, self._fresh = sorted(self._fresh), self._index, []
        self._untaken += fresh
        self._newest = max(self._newest, max(map(self._tsc, fresh[-MAX_CPUS:])))
        first = bisect.bisect_left(index, fresh[0])
        index[first:] = sorted(index[first:] + fresh)
        before = index[first - 1] >> _OFFSET_BITS if first else -1
        for entry in itertools.islice(index, first, None):
            seq = entry >> _OFFSET_BITS
            if seq == before:
                raise self._corrupted(entry & (1 << _OFFSET_BITS) - 1,
                                      f"a second record has the number {seq}")
            before = seq


def decoded(data, types):
    """The records of these types among raw ones, as take_raw() gives them."""
    at = 0
    while at < len(data):
        size, number = struct.unpack_from("<HB", data, at)
        if number in types:
            yield RECORDS[number].decode(data, at, size)
        at += size


def read(path):
    """The whole file, checked. Raises Bad."""
    trace = Trace(path)
    try:
        with open(path, "rb") as file:
            while data := file.read(1 << 22):
                trace.feed(data)
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from None
    return trace.finish()
