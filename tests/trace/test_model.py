# SPDX-License-Identifier: MIT
"""The state at a moment, rebuilt from records, is that of the machine that made them."""
import random

import model
import synthetic
from harness import check
from synthetic import Machine, Recorder, flt

PAGE = flt.PAGE_SIZE


def trace_of(data):
    trace = flt.Trace()
    trace.feed(data)
    return trace.finish()


def snapshot(machine, tasks):
    """What the machine itself knows now, and after which record that was."""
    return (machine.rec.seq,
            {task.mm: (dict(task.vmas), dict(task.ptes), dict(task.tables)) for task in tasks},
            {pfn: order for order, blocks in machine.frames.free.items() for pfn in blocks},
            dict(machine.cached))


def recorded():
    """A file, and what the machine knew at moments of it."""
    machine, moments = Machine(7), []
    task = machine.spawn(b"cow")
    data = machine.mmap(task, 8, synthetic.R | synthetic.W, (synthetic.DISK, 13), 0)
    heap = machine.mmap(task, 12, synthetic.R | synthetic.W)
    for i in range(12):
        machine.touch(task, heap + i * PAGE, write=i % 2)
        machine.touch(task, data + i % 8 * PAGE, write=i > 5)
        moments.append(snapshot(machine, [task]))
    child = machine.fork(task, 1)
    for i in range(12):
        machine.touch(child, heap + i * PAGE, write=True)
        moments.append(snapshot(machine, [task, child]))
    machine.mprotect_split(task, heap, heap + 4 * PAGE)
    out = [heap + i * PAGE for i in (1, 3, 5)]
    machine.page_out([task, child], out)
    moments.append(snapshot(machine, [task, child]))
    machine.touch(child, out[0], write=True)
    machine.exit(child)
    moments.append(snapshot(machine, [task]))
    machine.munmap(task, data)
    moments.append(snapshot(machine, [task]))
    return machine.rec.end(), moments


def same(state, moment):
    """What the model has otherwise than the machine; "" if nothing."""
    _, mms, free, cached = moment
    if set(state.mms) != set(mms):
        return f"maps {set(state.mms)}, not {set(mms)}"
    for number, (vmas, ptes, tables) in mms.items():
        mm = state.mms[number]
        if {v.start: (v.end, v.flags, v.pgoff, (v.dev, v.ino)) for v in mm.sorted()} != vmas:
            return f"VMAs of {number}: {mm.sorted()}, not {vmas}"
        if mm.ptes != ptes:
            return f"entries of {number}: {mm.ptes}, not {ptes}"
        if mm.tables != tables:
            return f"tables of {number}: {mm.tables}, not {tables}"
    if {pfn: order for pfn, (order, _) in state.free.items()} != free:
        return f"free blocks {state.free}, not {free}"
    files = {pfn: ((dev, ino), index) for pfn, (dev, ino, index) in state.cached.items()}
    return "" if files == cached else f"page cache {files}, not {cached}"


def test_moments():
    "VMAs, entries, tables, free blocks and page cache, at any moment, in any order"
    data, moments = recorded()
    rebuilt = model.Model(trace_of(data))
    rebuilt.every = 60
    random.Random(1).shuffle(moments)
    for moment in moments:
        wrong = same(rebuilt.at(rebuilt.trace.find(moment[0] + 1)), moment)
        if not check(f"after record {moment[0]}", not wrong, wrong):
            break
    state = rebuilt.at(len(rebuilt.trace))
    check("nothing contradicts", not state.odd, state.odd)


def test_frames():
    "what frames are used as, who maps them, slots, lists"
    machine = Machine(3)
    task = machine.spawn(b"cow")
    heap = machine.mmap(task, 4, synthetic.R | synthetic.W)
    machine.touch(task, 0x401000, execute=True)
    machine.touch(task, heap, write=True)
    machine.touch(task, heap + PAGE, write=True)
    child = machine.fork(task, 1)
    machine.page_out([task, child], [heap + PAGE])
    rebuilt = model.Model(trace_of(machine.rec.end()))
    state = rebuilt.at(len(rebuilt.trace))
    anon, text = (flt.pte_pfn(task.ptes[page]) for page in (heap, 0x401000))
    what = state.frame_map(8192)
    kind = lambda pfn: flt.KINDS[what[pfn]] if what[pfn] < len(flt.KINDS) else "free"
    check("anonymous", kind(anon) == "anon", kind(anon))
    check("a file's", kind(text) == "file", kind(text))
    check("a table", kind(task.tables[4, 0]) == "table", kind(task.tables[4, 0]))
    check("the kernel's", kind(300) == "kernel" and kind(3) == "reserved", (kind(300), kind(3)))
    check("free ones", what.count(255) == sum(1 << order for order, _ in state.free.values()))
    both = [(task.mm, heap), (child.mm, heap)]
    check("two map it", state.owners(anon) == both == state.rmap()[anon], state.owners(anon))
    check("a slot of two", state.slots() == {1 << 14: [2, None]}, state.slots())
    check("on its list", anon in state.lists()["inactive_anon"] and text in
          state.lists()["inactive_file"], state.lists())
    check("the way to a page", state.mms[task.mm].walk(heap)[1] == task.ptes[heap] and
          [step[1] for step in state.mms[task.mm].walk(heap)[0]] ==
          [task.tables[level, heap & ~(synthetic.SPAN[level] - 1)] for level in (4, 3, 2, 1)])
    check("who runs", {(t.pid, t.mm, t.comm.rstrip(b"\0")) for t in state.tasks.values()} ==
          {(2, task.mm, b"cow"), (3, child.mm, b"cow")}, state.tasks)
    check("its file's name", state.files[synthetic.DISK, 12] == b"/bin/cow", state.files)


def test_far():
    "a moment is near, wherever the one before was"
    rebuilt = model.Model(trace_of(synthetic.play(3000)))
    straight = model.State()
    wanted = {i: None for i in random.Random(2).sample(range(len(rebuilt.trace)), 12)}
    for i, record in enumerate(rebuilt.trace):
        if i in wanted:
            wanted[i] = ({n: dict(mm.ptes) for n, mm in straight.mms.items()}, dict(straight.free))
        straight.apply(record)
    for i, (ptes, free) in wanted.items():
        state = rebuilt.at(i)
        if not check(f"at {i}", {n: mm.ptes for n, mm in state.mms.items()} == ptes
                     and state.free == free):
            break
    check("copies were kept", len(rebuilt._kept) > 10, len(rebuilt._kept))


def test_odd():
    "records that contradict each other are told of"
    recorder = Recorder()
    recorder.add(flt.FRAME, op=flt.FRAME_FREE, order=0, zone=0, pfn=5)
    recorder.add(flt.FRAME, op=flt.FRAME_FREE, order=0, zone=0, pfn=5)
    recorder.add(flt.FRAME, op=flt.FRAME_MERGE, order=1, zone=0, pfn=4)
    rebuilt = model.Model(trace_of(recorder.end()))
    said = [sentence for _, sentence in rebuilt.at(3).odd]
    check("freed twice, merged though not free", len(said) == 2, said)


def test_vma_changes():
    "a VMA that takes over its neighbour's place, in either order of the records"
    for clear_first in (True, False):
        recorder, fields = Recorder(), {"mm": 1, "flags": 0, "pgoff": 0, "dev": 0, "ino": 0}
        for start in (0x1000, 0x3000):
            recorder.add(flt.VMA_SET, was_start=flt.NONE, start=start, end=start + 0x2000, **fields)
        steps = [lambda: recorder.add(flt.VMA_CLEAR, mm=1, start=0x1000, end=0x3000),
                 lambda: recorder.add(flt.VMA_SET, was_start=0x3000, start=0x1000, end=0x5000,
                                      **fields)]
        for step in steps if clear_first else reversed(steps):
            step()
        vmas = model.Model(trace_of(recorder.end())).at(4).mms[1].sorted()
        check(f"one is left, clear_first={clear_first}",
              [(v.start, v.end) for v in vmas] == [(0x1000, 0x5000)], vmas)


def test_thread_names():
    "a thread that is called otherwise is the only one"
    recorder = Recorder()
    for tid in (5, 6):
        recorder.add(flt.FORK, child_tid=tid, child_pid=5, mm=1, parent_mm=1, flags=0, comm=b"old")
    recorder.add(flt.COMM, pid=6, comm=b"new")
    recorder.add(flt.COMM, pid=99, comm=b"who")
    tasks = model.Model(trace_of(recorder.end())).at(4).tasks
    check("names", {tid: flt.text(task.comm) for tid, task in tasks.items()} ==
          {5: "old", 6: "new"}, tasks)
