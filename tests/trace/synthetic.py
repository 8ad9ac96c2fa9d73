#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Record files without a kernel, for tests of what reads them: a machine of two CPUs plays a run as
Faultline would record it, in which each kind of fault comes up, and fork, exec, exit, mmap, munmap,
mprotect, reclaim and swap too.

    tests/trace/synthetic.py FILE [FAULTS]      FAULTS: at least so many (rounds are added)

Recorder makes files of any records; Machine keeps frames, tables and lists, so that its records
agree with each other; play() is the run.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/trace"))
import format as flt

KHZ, DISK = 1_000_000, 0xFE00
RESERVED = 1024  # frames that the kernel has from the start
PAGE, MAX_ORDER = flt.PAGE_SIZE, 10
MAY = 0x70
R, W, X, SHARED, STACK = (flt.VM_READ, flt.VM_WRITE, flt.VM_EXEC, flt.VM_SHARED | 0x80,
                          flt.VM_GROWSDOWN)
P, RW, U, A, D, SPECIAL, SOFT, NX = (flt.PTE_PRESENT, flt.PTE_RW, flt.PTE_USER, flt.PTE_ACCESSED,
                                     flt.PTE_DIRTY, flt.PTE_SPECIAL, flt.PTE_SOFT_DIRTY, flt.PTE_NX)
TABLE_BITS = P | RW | U | A
SPAN = {1: PAGE << 9, 2: PAGE << 18, 3: PAGE << 27, 4: PAGE << 36}  # what a table of a level maps
CALLS = {"mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "madvise": 28}
PATHS = {(DISK, 12): b"/bin/cow", (DISK, 13): b"/root/data", (DISK, 14): b"/root/shared"}
WAIT = "release_fault_lock"
USER = ["exc_page_fault", "do_user_addr_fault", "__lock_vma_under_rcu", "handle_mm_fault"]


class Recorder:
    """The file of a machine, record by record."""

    def __init__(self, nr_cpus=2, nr_frames=8192, khz=KHZ):
        self.nr_cpus, self.tsc, self.seq, self.lost = nr_cpus, 5 * khz, 0, 0
        self.rings = [bytearray() for _ in range(nr_cpus)]
        self.file = bytearray(flt.HEADER.pack(flt.MAGIC, flt.VERSION, 4096, nr_cpus, 1 << 20, khz,
                                              0, 1_700_000_000, nr_frames, 0))

    def add(self, record, cpu=0, tid=1, **fields):
        self.seq += 1
        self.tsc += 40
        self.rings[cpu] += record.encode(cpu, tid, self.seq, self.tsc, **fields)
        if len(self.rings[cpu]) > 1 << 14:
            self.drain()

    def drain(self):
        for cpu, ring in enumerate(self.rings):
            if ring:
                self.file += flt.CHUNK.pack(cpu, len(ring)) + ring
                self.rings[cpu] = bytearray()

    def end(self):
        """The whole file."""
        self.drain()
        return bytes(self.file) + flt.CHUNK.pack(flt.END_CHUNK, 8) + flt.END_TOTAL.pack(self.lost)


class Frames:
    """The buddy allocator: blocks of 2^order frames."""

    def __init__(self, recorder, nr_frames):
        self.rec = recorder
        self.free = {order: [] for order in range(MAX_ORDER + 1)}
        for pfn in range(RESERVED, nr_frames, 1 << MAX_ORDER):
            self.free[MAX_ORDER].append(pfn)
            self.tell((0, 1), flt.FRAME_FREE, MAX_ORDER, pfn)

    def tell(self, who, op, order, pfn):
        self.rec.add(flt.FRAME, *who, op=op, order=order, zone=pfn >= 4096, pfn=pfn)

    def alloc(self, who):
        order = next(order for order in range(MAX_ORDER + 1) if self.free[order])
        pfn = self.free[order].pop()
        while order:
            self.tell(who, flt.FRAME_SPLIT, order, pfn)
            order -= 1
            self.free[order].append(pfn + (1 << order))
        self.tell(who, flt.FRAME_ALLOC, 0, pfn)
        return pfn

    def put(self, who, pfn):
        order = 0
        self.tell(who, flt.FRAME_FREE, 0, pfn)
        while order < MAX_ORDER and pfn ^ 1 << order in self.free[order]:
            self.free[order].remove(pfn ^ 1 << order)
            pfn, order = pfn & ~(1 << order), order + 1
            self.tell(who, flt.FRAME_MERGE, order, pfn)
        self.free[order].append(pfn)


class Task:
    """A process of one thread, and its address space."""

    def __init__(self, cpu, pid, mm, comm):
        self.who, self.pid, self.mm, self.comm = (cpu, pid), pid, mm, comm
        self.vmas = {}    # start -> (end, flags, pgoff, file)
        self.ptes = {}    # page -> entry
        self.tables = {}  # (level, begin) -> pfn


class Machine:
    """What a run does, and what is recorded of it."""

    def __init__(self, seed=1, nr_frames=8192):
        self.rec, self.random = Recorder(nr_frames=nr_frames), random.Random(seed)
        self.users, self.cache, self.cached, self.slots = {}, {}, {}, {}
        self.faults, self.next_mm, self.next_pid, self.next_slot = 0, 1, 1, 1
        for pfn in range(0, RESERVED, 256):
            self.rec.add(flt.KIND, kind=flt.KINDS.index("reserved" if pfn < 256 else "kernel"),
                         order=8, pfn=pfn)
        self.frames = Frames(self.rec, nr_frames)
        self.zero = self.frames.alloc((0, 0))
        self.rec.add(flt.KIND, kind=flt.KINDS.index("reserved"), order=0, pfn=self.zero)

    # ---- Processes -----------------------------------------------------------------------------

    def spawn(self, comm, cpu=0, path=b"/bin/cow"):
        """A new process that runs a program: fork and exec by process 1."""
        self.next_pid += 1
        task = Task(cpu, self.next_pid, self.next_mm + 1, comm)
        self.rec.add(flt.FORK, 0, 1, child_tid=task.pid, child_pid=task.pid, mm=self.next_mm,
                     parent_mm=0, flags=17, comm=b"init")
        self.rec.add(flt.EXEC, *task.who, old_mm=self.next_mm, new_mm=task.mm, comm=comm, path=path)
        self.rec.add(flt.MM_GONE, *task.who, mm=self.next_mm)
        self.next_mm += 1
        text = (DISK, 12)
        self.vma(task, 0x400000, 0x401000, R, 0, text)
        self.vma(task, 0x401000, 0x407000, R | X, 1, text)
        self.vma(task, 0x407000, 0x409000, R | W, 7, text)
        self.vma(task, 0x7FFFFFFDE000, 0x7FFFFFFFF000, R | W | STACK, 0x7FFFFFFDE)
        return task

    def vma(self, task, start, end, flags, pgoff=None, file=(0, 0), was=flt.NONE):
        if file != (0, 0):
            self.rec.add(flt.FILE, *task.who, dev=file[0], ino=file[1], path=PATHS[file])
        pgoff = start >> 12 if pgoff is None else pgoff
        task.vmas.pop(was, None)
        task.vmas[start] = (end, flags | MAY, pgoff, file)
        self.rec.add(flt.VMA_SET, *task.who, mm=task.mm, was_start=was, start=start, end=end,
                     flags=flags | MAY, pgoff=pgoff, dev=file[0], ino=file[1])

    def call(self, task, name, *args, ret=0):
        self.rec.add(flt.CALL, *task.who, nr=CALLS[name], mm=task.mm, ret=ret,
                     **{f"arg{i}": args[i] if i < len(args) else 0 for i in range(6)})

    def mmap(self, task, pages, flags, file=(0, 0), pgoff=None):
        start = min([0x7FFFF7FFF000] + [begin for begin in task.vmas if begin > 0x7000_0000_0000 and
                                        begin < 0x7FFFF0000000 + 0x7FFF000]) - pages * PAGE - PAGE
        self.vma(task, start, start + pages * PAGE, flags, pgoff, file)
        self.call(task, "mmap", 0, pages * PAGE, flags & 7, 0x22, 0, 0, ret=start)
        return start

    def unmap(self, task, start):
        end = task.vmas.pop(start)[0]
        pages = [page for page in task.ptes if start <= page < end]
        if pages:
            self.rec.add(flt.PTES_CLEAR, *task.who, mm=task.mm,
                         why=flt.WHYS.index("munmap"), start=start, end=end)
        for page in pages:
            self.drop(task, page)
        self.rec.add(flt.VMA_CLEAR, *task.who, mm=task.mm, start=start, end=end)

    def munmap(self, task, start):
        length = task.vmas[start][0] - start
        self.unmap(task, start)
        self.call(task, "munmap", start, length)

    def mprotect_split(self, task, start, at):
        """What lies behind @at becomes read-only: two VMAs of one."""
        end, flags, pgoff, file = task.vmas[start]
        self.vma(task, start, at, flags, pgoff, file, was=start)
        self.vma(task, at, end, flags & ~W, pgoff + (at - start >> 12), file)
        for page, entry in sorted(task.ptes.items()):
            if at <= page < end:
                self.set_ptes(task, page, [entry & ~RW], "mprotect")
        self.call(task, "mprotect", at, end - at, R)

    def fork(self, parent, cpu):
        self.next_pid += 1
        self.next_mm += 1
        child = Task(cpu, self.next_pid, self.next_mm, parent.comm)
        self.rec.add(flt.FORK, *parent.who, child_tid=child.pid, child_pid=child.pid, mm=child.mm,
                     parent_mm=parent.mm, flags=17, comm=child.comm)
        for start, (end, flags, pgoff, file) in sorted(parent.vmas.items()):
            child.vmas[start] = end, flags, pgoff, file
            self.rec.add(flt.VMA_SET, *parent.who, mm=child.mm, was_start=flt.NONE, start=start,
                         end=end, flags=flags, pgoff=pgoff, dev=file[0], ino=file[1])
            for page in sorted(page for page in parent.ptes if start <= page < end):
                self.make_tables(child, page, parent.who)
                shared = parent.ptes[page] if flags & 8 else parent.ptes[page] & ~RW
                if shared != parent.ptes[page]:
                    self.set_ptes(parent, page, [shared], "fork")
                self.set_ptes(child, page, [shared], "fork", parent.who)
        return child

    def exit(self, task, code=0):
        for start in sorted(task.vmas):
            self.unmap(task, start)
        for (level, begin), pfn in sorted(task.tables.items()):
            self.rec.add(flt.TABLE, *task.who, mm=task.mm, level=level, op=0, address=begin,
                         pfn=pfn)
            self.frames.put(task.who, pfn)
        self.rec.add(flt.MM_GONE, *task.who, mm=task.mm)
        self.rec.add(flt.EXIT, *task.who, pid=task.pid, code=code)

    # ---- Frames and entries --------------------------------------------------------------------

    def user(self, page, task, entry, by=1):
        """@task's entry for @page maps a frame or names a slot, or does no more (by = -1)."""
        if not flt.pte_present(entry):
            self.slots[entry] = self.slots.get(entry, 0) + by
        elif not entry & SPECIAL:
            users = self.users.setdefault(flt.pte_pfn(entry), set())
            (users.add if by > 0 else users.discard)((task.mm, page))

    def drop(self, task, page):
        entry = task.ptes.pop(page)
        self.user(page, task, entry, -1)
        pfn = flt.pte_pfn(entry)
        if flt.pte_present(entry) and not entry & SPECIAL and not self.users[pfn] and \
                pfn not in self.cached:
            self.release(task.who, pfn)

    def release(self, who, pfn):
        self.rec.add(flt.LRU, *who, list=flt.LRU_OFF, cpu_set=0, pfn=pfn)
        self.frames.put(who, pfn)
        self.users.pop(pfn, None)

    def set_ptes(self, task, address, entries, why, who=None):
        for i, entry in enumerate(entries):
            page = address + i * PAGE
            if page in task.ptes:
                self.user(page, task, task.ptes[page], -1)
            task.ptes[page] = entry
            self.user(page, task, entry)
        self.rec.add(flt.PTES_SET, *(who or task.who), mm=task.mm, n=len(entries), address=address,
                     why=flt.WHYS.index(why), entries=entries)

    def make_tables(self, task, address, who=None):
        """The tables that lead to @address: [entry or 0] of pgd, pud, pmd."""
        made = [0, 0, 0]
        for level in (4, 3, 2, 1):
            begin = address & ~(SPAN[level] - 1)
            if (level, begin) in task.tables:
                continue
            pfn = task.tables[level, begin] = self.frames.alloc(who or task.who)
            self.rec.add(flt.TABLE, *(who or task.who), mm=task.mm, level=level, op=1,
                         address=begin, pfn=pfn)
            if level < 4:
                made[3 - level] = pfn << 12 | TABLE_BITS
        return made

    def anon(self, who):
        pfn = self.frames.alloc(who)
        self.rec.add(flt.LRU, *who, list=0, cpu_set=who[0], pfn=pfn)
        return pfn

    def file_page(self, who, file, index):
        """(frame, was it there already?)"""
        if (file, index) in self.cache:
            return self.cache[file, index], True
        pfn = self.cache[file, index] = self.frames.alloc(who)
        self.cached[pfn] = file, index
        self.rec.add(flt.CACHE, *who, op=1, dev=file[0], ino=file[1], index=index, pfn=pfn)
        self.rec.add(flt.LRU, *who, list=2, cpu_set=who[0], pfn=pfn)
        return pfn, False

    # ---- Faults --------------------------------------------------------------------------------

    def touch(self, task, address, write=False, execute=False, ip=0x401234):
        """An access; a fault if the entry does not allow it. Returns the door, or None."""
        page = address & ~(PAGE - 1)
        before = task.ptes.get(page, 0)
        if before & P and (not write or before & RW):
            return None
        start = next((s for s, v in task.vmas.items() if s <= address < v[0]), None)
        error = flt.PF_USER | (flt.PF_WRITE if write else 0) | (flt.PF_INSTR if execute else 0) | \
            (before & P)
        begin = self.rec.tsc
        if start is None or write and not task.vmas[start][1] & W:
            self.segv(task, address, error, start, ip, begin)
            return "bad_area_nosemaphore"
        made = self.make_tables(task, page)
        doors, after, extra = self.resolve(task, start, page, before, write)
        task.ptes[page] = after
        if before:
            self.user(page, task, before, -1)
        self.user(page, task, after)
        doors = USER + (["alloc_tables"] if any(made) else []) + ["handle_pte_fault"] + doors
        self.fault(task, begin, doors, address=address, ip=ip, error_code=error, before_pte=before,
                   after_pte=after, after_pgd=made[0], after_pud=made[1], after_pmd=made[2],
                   **self.vma_fields(task, start), **self.frame_fields(after), **extra)
        return doors[-1]

    def resolve(self, task, start, page, before, write):
        """The doors from handle_pte_fault() on, the entry to store, and further fields."""
        end, flags, pgoff, file = task.vmas[start]
        index = pgoff + (page - start >> 12)
        bits = P | U | A | (0 if flags & X else NX)
        dirty = bits | RW | D | SOFT
        if before & P:
            return self.write_protected(task, page, before, dirty, flags)
        if before:
            return self.swap_in(task, before, dirty if write else bits)
        if file == (0, 0):
            if write:
                return (["do_anonymous_page", "install_pte"], self.anon(task.who) << 12 | dirty, {})
            return ["do_anonymous_page", "install_pte"], self.zero << 12 | bits | SPECIAL, {}
        pfn, there = self.file_page(task.who, file, index)
        slow = {} if there else {"verdict": flt.VM_FAULT_MAJOR, "tries": 2}
        wait = [] if there else [WAIT, "fault_mmap_locked"]
        if write and not flags & 8:
            return (["do_cow_fault"] + wait + ["install_pte"], self.anon(task.who) << 12 | dirty,
                    slow | {"index": index})
        if write:
            return (["do_shared_fault"] + wait + ["page_mkwrite", "install_pte"], pfn << 12 | dirty,
                    slow | {"index": index, "verdict": slow.get("verdict", 0) | 0x800})
        around = [page + PAGE * i for i in range(1, 4) if page + PAGE * i < end and
                  (file, index + i) in self.cache and page + PAGE * i not in task.ptes]
        for neighbour in around:
            self.set_ptes(task, neighbour, [self.cache[file, index + (neighbour - page >> 12)] << 12
                                            | bits & ~A], "fault_around")
        doors = ["do_read_fault"] + (["do_fault_around"] if around else []) + wait
        return doors + ["install_pte"], pfn << 12 | bits, slow | {"index": index}

    def write_protected(self, task, page, before, dirty, flags):
        pfn = flt.pte_pfn(before)
        if flags & 8:
            return (["do_wp_page", "wp_page_shared", "page_mkwrite"], before | RW | D | SOFT,
                    {"verdict": 0x800})
        if not before & SPECIAL and self.users[pfn] == {(task.mm, page)} and pfn not in self.cached:
            return ["do_wp_page", "wp_page_reuse"], before | RW | D | SOFT, {}
        return ["do_wp_page", "wp_page_copy", "install_pte"], self.anon(task.who) << 12 | dirty, \
            {"flushes": int(len(self.users.get(pfn, ())) > 1)}

    def swap_in(self, task, entry, bits):
        pfn = self.anon(task.who)
        for op in (flt.SWAP_IN, flt.SWAP_READ, flt.SWAP_WAS_READ, flt.SWAP_OUT):
            self.rec.add(flt.SWAP, *task.who, op=op, entry=entry, pfn=pfn)
        return (["do_swap_page", "swapin_readahead", WAIT, "install_pte"], pfn << 12 | bits,
                {"verdict": flt.VM_FAULT_MAJOR, "index": entry, "tries": 2})

    def vma_fields(self, task, start):
        if start is None:
            return {}
        end, flags, pgoff, file = task.vmas[start]
        return {"vm_start": start, "vm_end": end, "vm_flags": flags, "vm_pgoff": pgoff,
                "dev": file[0], "ino": file[1]}

    def frame_fields(self, entry):
        pfn = flt.pte_pfn(entry)
        users = len(self.users.get(pfn, ()))
        return {"pfn": pfn, "refcount": users + (pfn in self.cached), "mapcount": users}

    def segv(self, task, address, error, start, ip, begin):
        self.fault(task, begin, ["exc_page_fault", "do_user_addr_fault", "__lock_vma_under_rcu"] +
                   (["fault_mmap_locked"] if start is None else []) + ["bad_area_nosemaphore"],
                   address=address, ip=ip, error_code=error, verdict=flt.VM_FAULT_SIGSEGV,
                   signal=11, si_code=1 if start is None else 2, **self.vma_fields(task, start))

    def fault(self, task, begin, doors, **fields):
        """The record; what is not given is nothing."""
        values = {name: 0 for name in flt.FAULT.tuple._fields[6:-1]}
        cycles, steps = 0, []
        for door in doors + ["end"]:
            steps += [flt.DOORS.index(door), cycles]
            cycles += self.random.randint(20, 90) + \
                {WAIT: 90000, "wp_page_copy": 600}.get(door, 0)
        values.update(pid=task.pid, mm=task.mm, begin=begin, comm=task.comm, pfn=flt.NONE, tries=1,
                      nr_doors=len(doors) + 1, steps=steps)
        values.update(fields)
        self.rec.tsc = max(self.rec.tsc, begin + cycles)
        self.rec.add(flt.FAULT, *task.who, **values)
        self.rec.tsc += self.random.randint(200, 2000)
        self.faults += 1

    # ---- Reclaim -------------------------------------------------------------------------------

    def page_out(self, tasks, pages):
        """kswapd takes @pages of @tasks: into the swap cache, out of the tables, to the disk."""
        who = 0, 3
        self.rec.add(flt.RECLAIM, *who, op=1, kswapd=1, priority=12, scanned=0, reclaimed=0)
        for page in pages:
            pfn = flt.pte_pfn(tasks[0].ptes[page])
            entry, self.next_slot = self.next_slot << 14, self.next_slot + 1
            self.rec.add(flt.SWAP, *who, op=flt.SWAP_IN, entry=entry, pfn=pfn)
            for task in tasks:
                if flt.pte_pfn(task.ptes[page]) == pfn:
                    self.set_ptes(task, page, [entry], "reclaim", who)
            for op in (flt.SWAP_WRITE, flt.SWAP_WRITTEN, flt.SWAP_OUT):
                self.rec.add(flt.SWAP, *who, op=op, entry=entry, pfn=pfn)
            self.release(who, pfn)
        self.rec.add(flt.RECLAIM, *who, op=0, kswapd=1, priority=12, scanned=2 * len(pages),
                     reclaimed=len(pages))


def play_round(machine, task, pages):
    """Anonymous memory, a file, fork and copies, swap, a split VMA, a wild write."""
    heap = machine.mmap(task, pages, R | W)
    for i in range(0, pages, 4):
        machine.touch(task, heap + i * PAGE + 8)
    for i in range(pages):
        machine.touch(task, heap + i * PAGE + 16, write=True)
    data = machine.mmap(task, 8, R | W, (DISK, 13), 0)
    shared = machine.mmap(task, 4, R | W | SHARED, (DISK, 14), 0)
    for i in range(8):
        machine.touch(task, data + i * PAGE, write=i % 3 == 2)
    machine.touch(task, shared, write=True)
    machine.touch(task, shared + PAGE)
    machine.touch(task, shared + PAGE, write=True)
    machine.rec.add(flt.MARK, *task.who, value=machine.faults)
    child = machine.fork(task, 1)
    for i in range(0, pages, 2):
        machine.touch(child, heap + i * PAGE, write=True, ip=0x401300)
    for i in range(0, pages, 3):
        machine.touch(task, heap + i * PAGE, write=True, ip=0x401400)
    out = [heap + i * PAGE for i in range(0, pages, 5)]
    machine.page_out([task, child], out)
    for page in out:
        machine.touch(task, page, write=True)
    machine.exit(child)
    for i in range(pages):
        machine.touch(task, heap + i * PAGE, write=True, ip=0x401500)
    machine.mprotect_split(task, heap, heap + pages // 2 * PAGE)
    machine.touch(task, heap + (pages - 1) * PAGE, write=True, ip=0x401600)
    machine.touch(task, 0x10, write=True, ip=0x401604)
    for start in (heap, heap + pages // 2 * PAGE, data, shared):
        machine.munmap(task, start)


def play(faults=0, seed=1, comm=b"cow", pages=16):
    """The bytes of a file with at least so many faults."""
    machine = Machine(seed)
    task = machine.spawn(comm)
    for address in (0x401000, 0x402010, 0x403020):
        machine.touch(task, address, execute=True, ip=address)
    machine.touch(task, 0x408000, write=True)
    machine.touch(task, 0x7FFFFFFFE000, write=True)
    while True:
        play_round(machine, task, pages)
        if machine.faults >= faults:
            break
    machine.exit(task)
    return machine.rec.end()


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: tests/trace/synthetic.py FILE [FAULTS]")
    with open(sys.argv[1], "wb") as file:
        file.write(play(int(sys.argv[2]) if len(sys.argv) > 2 else 0))


if __name__ == "__main__":
    main()
