# SPDX-License-Identifier: MIT
"""The four styles of `make trace`, and what it says of files that it cannot tell."""
import json
import os
import random
import re
import shutil
import struct
import subprocess

import story
import styles
import synthetic
import words
from harness import KERNEL, TOP, check, tmp
from symbols import Elf, Symbols
from synthetic import Machine, Recorder, flt

PAGE = flt.PAGE_SIZE


def file_of(data):
    path = tmp("trace.flt")
    with open(path, "wb") as file:
        file.write(data)
    return path


def told(data, *options):
    """(stdout, sentences, status) of the program, with this file or without any."""
    out, said = [], []
    status = story.main([*options, *([file_of(data)] if data is not None else [])], {},
                        out.append, said.append)
    return "".join(out), said, status


def run_of(data, who=None):
    """The scenes of a file, without symbols."""
    trace = flt.Trace()
    trace.feed(data)
    return story.Run(trace.finish(), Symbols("/nowhere", programs="/nowhere"), who)


def text_of(style, run):
    said = []
    style(run, said.append)
    return "".join(said)


def test_story():
    "a paragraph for each fault and call, in plain words"
    run = run_of(synthetic.play())
    said = " ".join(text_of(story.story, run).split())
    heads = re.findall(r"Fault \d+, \d+\.\d{6} s, CPU \d", said)
    check("each fault", len(heads) == len(run.faults()), len(heads))
    for words in (
            "cow (process 2) wrote to 0x7ffff7fee010 in 0x401234. It is page 1 of 16 of anonymous "
            "memory at 7ffff7fee000-7ffff7ffe000 rw-p.",
            "Nothing is stored there: the shared page of zeroes will do.",
            "A fresh frame full of zeroes was given: frame 0x",
            "The page of zeroes was replaced by a frame of its own: frame 0x",
            ", so it was copied: frame 0x", "Nobody else has frame 0x",
            "The page had been swapped out; it was read from the disk and stands in frame 0x",
            "Entry before: slot 1 of swap area 0; after: frame 0x",
            "of file /root/data at", "at byte 0x2000 of it",
            "the program got a copy of its own at once: frame 0x",
            "whoever maps it sees what is written to frame 0x",
            "may be written from now on, and counts as dirty.",
            "On the way down tables were made: pud, pmd, pte.",
            "The frame is mapped once and has 2 references.",
            "1 other CPU was told to forget the page.",
            "The program got SIGSEGV (SEGV_MAPERR): nothing is mapped there.",
            "The program got SIGSEGV (SEGV_ACCERR): the VMA forbids it.",
            "most of it in release_fault_lock, at try 2.",
            "called mmap(0x0, 64 KiB, rw-, private anonymous) = 0x7ffff7fee000.",
            "mprotect(0x7ffff7ff6000, 32 KiB, r--) = 0.", "munmap(",
            "forked: process 3 has address space", "runs /bin/cow from now on",
            "kswapd took back 4 frames of 8 looked at. 4 pages went out to swap area 0: slots 1-4.",
            "cow (process 3) ended with status 0.", "left a mark: ",
            "handle_pte_fault"):
        check(words[:70], words in said, said[:3000])
    check("lines that fit", max(map(len, text_of(story.story, run).split("\n"))) <= 100)


def test_jump():
    "a program that runs into the kernel's half is told of, not the kernel"
    machine = Machine()
    task = machine.spawn(b"cow")
    machine.touch(task, 1 << 63, execute=True, ip=1 << 63)
    said = text_of(story.story, run_of(machine.rec.end()))
    check("by its name", "cow (process 2) ran into code at 0x8000000000000000" in said, said)


def test_neighbours():
    "fault-around is told with the fault whose time it fell into"
    machine = Machine()
    task = machine.spawn(b"cow")
    machine.cache.update({((synthetic.DISK, 12), i): 4000 + i for i in (2, 3)})
    machine.touch(task, 0x401000, execute=True)
    said = " ".join(text_of(story.story, run_of(machine.rec.end())).split())
    check("two of them", "was mapped, and so were 2 neighbours." in said, said)


# What perf 6.1 wrote on Debian's Linux 6.1 (perf trace -F all --no-syscalls), but for its numbers.
PERF = """\
     0.000 ( 0.000 ms): segv/131 majfault [clear_user_erms+0xa] => 0x415118 (?k)
     5.572 ( 0.000 ms): segv/131 majfault [_start+0x0] => /usr/bin/segv@0x13bc (d.)
     5.770 ( 0.000 ms): segv/131 minfault [__init_libc+0x27] => //anon@0x4319b8 (d.)
     7.955 ( 0.000 ms): uaccess/137 majfault [0x1000] => /usr/bin/uaccess@0x1000 (d.)
    47.046 ( 0.000 ms): segv/131 majfault [main+0x1c9] => /scratch.131 (deleted)@0x1000 (d.)
    54.555 ( 0.000 ms): calls_memfd/230 minfault [main+0xc10] => /dev/zero (deleted)@0x7ffff7ff8000 (d.)
    59.392 ( 0.000 ms): segv/131 minfault [_Fork+0xa3] => [stack]@0x7fffffffea48 (d.)
    60.001 ( 0.000 ms): busybox/103 minfault [0x9a2d4] => [heap]@0x5f0f60 (d.)
"""
PERF_LINE = re.compile(r" *\d+\.\d{3} \( *\d+\.\d{3} ms\): \S{1,14}/\d+ (?:min|maj)fault "
                       r"\[(?:[\w.]+\+)?0x[0-9a-f]+\] => (\[stack\]@|\[heap\]@|/[^@]+@|)"
                       r"(0x[0-9a-f]+) \((d\.|\?k)\)")


def test_line():
    "a line for each fault that counts, in the form in which perf trace -F prints it"
    theirs = [PERF_LINE.fullmatch(line) for line in PERF.splitlines()]
    check("perf's lines have that form", all(theirs) and
          all(bool(line[1]) == (line[3] == "d.") for line in theirs))
    run = run_of(synthetic.play())
    lines = text_of(styles.line, run).splitlines()
    ours = [PERF_LINE.fullmatch(line) for line in lines]
    counted = [scene for scene in run.faults() if words.counted(scene.record)]
    check("each", len(lines) == len(counted) < len(run.faults()), (len(lines), len(counted)))
    check("form", all(ours), [line for line, match in zip(lines, ours) if not match][:3])
    check("columns", {line.index("(") for line in lines + PERF.splitlines()} == {11})
    check("the first", lines[0].startswith("     0.000 ( 0.09") and
          lines[0].endswith("ms): cow/2 majfault [0x1000] => /bin/cow@0x1000 (d.)"), lines[0])
    times = [float(line.split()[0]) for line in lines]
    check("in order", times == sorted(times))


def test_line_names():
    "what lies where, by perf's names; what perf does not see"
    machine = Machine()
    task = machine.spawn(b"cow")
    zero = machine.mmap(task, 2, 3)
    machine.touch(task, zero, write=True)
    run = run_of(machine.rec.end())
    scene = run.faults()[-1]
    at = scene.record.address
    name = lambda **changed: styles._data(scene._replace(**changed))[0]  # pylint: disable=protected-access
    record = lambda **changed: {"record": scene.record._replace(**changed)}
    check("anonymous", name() == f"//anon@{at:#x}", name())
    check("heap", name(heap=(zero, zero + 0x1000)) == f"[heap]@{at:#x}")
    check("no heap yet", name(heap=(zero - 0x3000, zero - 0x2000)) == f"//anon@{at:#x}")
    check("shared anonymous", name(path=b"/dev/zero (deleted)", **record(ino=3, vm_pgoff=0)) ==
          f"/dev/zero (deleted)@{at:#x}")
    check("file", name(path=b"/x", **record(ino=3, vm_pgoff=2)) == "/x@0x2000")
    check("the kernel's", name(**record(error_code=2)) == f"{at:#x}")
    for what, changes in (("refused", {"verdict": flt.VM_FAULT_SIGSEGV}), ("no VMA", {"tries": 0}),
                          ("asked for", {"error_code": flt.PF_REMOTE})):
        run.scenes = [scene, scene._replace(**record(**changes))]
        check(f"{what}: none", len(text_of(styles.line, run).splitlines()) == 1)


# What Debian's Linux 6.1 wrote, with events/exceptions enabled, but for its numbers.
LINUX = """\
# tracer: nop
#
# entries-in-buffer/entries-written: 66/66   #P:1
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
             ash-97      [000] d....     3.552546: page_fault_user: \
address=0x5ef36c ip=0x529fac error_code=0x7
           touch-140     [000] d....    11.297604: page_fault_kernel: \
address=0x5ec690 ip=__put_user_nocheck_4 error_code=0x3
"""


def test_ftrace():
    "ftrace's text, column by column as Linux writes it"
    lines = text_of(styles.ftrace, run_of(synthetic.play())).splitlines()
    theirs = LINUX.splitlines()
    check("head", [re.sub(r"\d+", "N", line) for line in lines[:12]] ==
          [re.sub(r"\d+", "N", line) for line in theirs[:12]], lines[:12])
    shape = re.compile(r"(.{16})-(\d+) +\[(\d{3})\] d\.\.\.\. (.{5})\.(\d{6}): "
                       r"page_fault_(user|kernel): "
                       r"address=0x[0-9a-f]+ ip=\S+ error_code=0x[0-9a-f]+")
    check("Linux's line has that shape", shape.fullmatch(theirs[12]))
    bad = [line for line in lines[12:] if not shape.fullmatch(line)]
    check("so have ours", len(lines) > 50 and not bad, bad[:3])
    check("columns", {line.index("[") for line in lines[12:]} == {theirs[12].index("[")})
    check("Linux's line of the kernel has that shape", shape.fullmatch(theirs[13]))
    check("all are counted", f"{len(lines) - 12}/{len(lines) - 12}   #P:2" in lines[2], lines[2])


def malformed(event):
    """Does it lack what the trace event format asks for?"""
    wanted = {"M": {"args"}, "B": {"ts", "tid", "cat"}, "E": {"ts", "tid", "cat"},
              "i": {"ts", "tid", "cat", "s"}}
    return event["ph"] not in wanted or {"pid", "name"} | wanted[event["ph"]] - event.keys() != \
        {"pid", "name"} or event.get("s", "t") not in "tpg" or event.get("ts", 0) < 0


def nested(events):
    """Are the B and E events of each thread nested, by name and category, and in time? "" if so."""
    stacks, last = {}, {}
    for event in events:
        if malformed(event):
            return f"malformed: {event}"
        if event["ph"] not in "BE":
            continue
        stack, told = stacks.setdefault(event["tid"], []), (event["name"], event["cat"])
        if event["ts"] < last.get(event["tid"], 0):
            return f"back in time: {event}"
        last[event["tid"]] = event["ts"]
        if event["ph"] == "B":
            stack.append(told)
        elif not stack or stack.pop() != told:
            return f"ends what is not innermost: {event}"
    return "".join(f"{stack} left open" for stack in stacks.values() if stack)


def test_json():
    "trace events: a thread for each CPU, doors inside of faults"
    run = run_of(synthetic.play())
    events = json.loads(text_of(styles.json, run))["traceEvents"]
    check("nested", not nested(events), nested(events))
    begun = [event for event in events if event["ph"] == "B" and "fault of" in event["name"]]
    check("each fault", len(begun) >= len(run.faults()), len(begun))
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    check("both CPUs are named", names == {"Faultline", "CPU 0", "CPU 1"}, names)
    check("with what happened", "A fresh frame" in " ".join(event["args"].get("what", "")
                                                            for event in begun))


def test_json_asleep():
    "a fault that sleeps while others have theirs on its CPU is cut, so that all stays nested"
    recorder = Recorder()
    values = {name: 0 for name in flt.FAULT.tuple._fields[6:-1]}
    door = flt.DOORS.index
    for tid, begin, times in ((7, 1000, (0, 50, 5000, 5100)), (8, 2000, (0, 100, 7000, 7050)),
                              (9, 3000, (0, 10, 400, 450))):
        steps = [part for pair in zip((door("exc_page_fault"), door("release_fault_lock"),
                                       door("install_pte"), door("end")), times) for part in pair]
        recorder.add(flt.FAULT, 0, tid, **dict(values, pid=tid, begin=begin, comm=b"cow",
                                               nr_doors=4, pfn=flt.NONE, steps=steps))
    events = json.loads(text_of(styles.json, run_of(recorder.end())))["traceEvents"]
    check("nested", not nested(events), nested(events))
    at = lambda tsc: tsc / 1000
    ends = [event["ts"] for event in events if event["ph"] == "E" and "fault of" in event["name"]]
    check("cut where the next begins, ended where they end",
          ends == [at(2000), at(3000), at(3450), at(6100), at(9050)], ends)


def test_json_back():
    "a fault whose doors go back in time is told nested, too"
    recorder = Recorder()
    values = {name: 0 for name in flt.FAULT.tuple._fields[6:-1]}
    door = flt.DOORS.index
    steps = [door("exc_page_fault"), 0, door("handle_mm_fault"), 90, door("install_pte"), 20,
             door("end"), 10]
    recorder.add(flt.FAULT, 0, 7, **dict(values, pid=7, begin=1000, comm=b"cow", nr_doors=4,
                                         pfn=flt.NONE, steps=steps))
    events = json.loads(text_of(styles.json, run_of(recorder.end())))["traceEvents"]
    check("nested", not nested(events) and len(events) > 8, nested(events) or events)


def test_damaged():
    "what was damaged, and is taken all the same, is told to its end in every style"
    good, chance, whole = synthetic.play(), random.Random(6), 0
    for _ in range(25):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            bad[chance.randrange(64, len(bad))] = chance.choice((0, 255, chance.randrange(256)))
        try:
            run = run_of(bytes(bad))
        except flt.Bad:
            continue
        whole += 1
        try:
            for style in (styles.json, styles.line, styles.ftrace):
                text_of(style, run)
        except Exception as error:
            check("told", False, f"{style.__name__}: {error!r}")
            return
    check("some were taken", whole > 5, whole)


def test_who():
    "the processes that are told of"
    data = synthetic.play()
    pids = lambda who: {scene.pid for scene in run_of(data, who).faults()}
    check("all but init", pids(None) == {2, 3}, pids(None))
    check("one", pids("3") == {3} and pids("cow") == {2, 3}, pids("3"))
    out, said, status = told(data, "--who", "nobody")
    check("nobody", status == 1 and "holds no page fault of nobody" in said[0] and not out, said)


def test_symbols():
    "functions and lines of our programs; the bare address where there is no symbol"
    cow = os.path.join(TOP, "build/user/cow")
    elf = Elf(cow)
    symbols = subprocess.run(["nm", cow], capture_output=True, check=True).stdout.decode()
    main = int(re.search(r"(\w+) T main$", symbols, re.M)[1], 16)
    check("main", elf.function(main + 4) == ("main", 4), elf.function(main + 4))
    place = elf.place(main)
    check("its line", re.fullmatch(r"user/cow\.c:\d+", place.source), place)
    check("outside of all", elf.place(0x10) is None)
    symbols = subprocess.run(["nm", KERNEL], capture_output=True, check=True).stdout.decode()
    copy = int(re.search(r"(\w+) T copy_from_user$", symbols, re.M)[1], 16)
    source = Elf(KERNEL).place(copy).source  # NASM tells file and folder so that the path is there twice
    check("a line of assembly", re.fullmatch(r"arch/x86_64/lib/uaccess\.asm:\d+", source), source)
    bare = tmp("bare")
    shutil.copy(cow, bare)
    subprocess.run(["strip", bare], check=True)
    check("stripped", Elf(bare).place(main) is None)
    check("no ELF, no file", Elf(__file__).place(1) is None and Elf("/nowhere").place(1) is None)
    with open(cow, "rb") as file:
        broken = bytearray(file.read())
    broken[40:48] = struct.pack("<Q", 1 << 60)
    with open(bare, "wb") as file:
        file.write(broken)
    check("damaged", Elf(bare).place(main) is None)


def test_bad_input():
    "each bad input ends in one sentence and its status"
    good = synthetic.play()
    empty = Recorder().end()
    for name, data, options, words, status in (
            ("no such file", None, ["/nowhere/x.flt"], "/nowhere/x.flt: No such file", 124),
            ("nothing to run", None, [], "what shall run? PROG=, ELF= or CMD= say so", 124),
            ("a folder", None, ["/tmp"], "/tmp: Is a directory", 124),
            ("no record file", b"x" * 99, [], "is no record file", 124),
            ("corrupted", good[:5000] + bytes(64) + good[5064:], [], "is corrupted: at byte", 124),
            ("newer", good[:8] + b"\2" + good[9:], [], "has version 2 of the format", 124),
            ("without a fault", empty, [], "holds no page fault", 1),
            ("unknown style", good, ["--style", "poem"], "STYLE=poem is none: choose one of", 124)):
        out, said, code = told(data, *options)
        check(name, len(said) == 1 and words in said[0] and code == status and not out, said)
    out, said, code = told(good[:20000])
    check("cut off: what is there is told", "was cut off" in said[0] and code == 0 and
          len(out) > 1000, said)


def test_names():
    "a program's name cannot do harm"
    data = synthetic.play(comm=b"\x1b[2J</script>\n")
    for style in ("story", "line", "ftrace", "json"):
        out, _, code = told(data, "--style", style)
        check(style, code == 0 and "\x1b" not in out and "</script>\n" not in out and
              "\\x1b[2J</scrip" in out.replace("\\\\", "\\"), out[:300])
