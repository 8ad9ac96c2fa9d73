# SPDX-License-Identifier: MIT
"""TRACE=1: the records of a run are all there, and say what the kernel did and what programs saw."""
import base64
import collections
import os
import re
import sys

from harness import TOP, check, program, run, tmp

sys.path.insert(0, os.path.join(TOP, "tools/trace"))
import format as flt  # noqa: E402

ERRORS = flt.VM_FAULT_OOM | flt.VM_FAULT_SIGBUS | flt.VM_FAULT_SIGSEGV


def records(name, path, lost=False):
    """The records of a file, which must be complete."""
    trace = flt.read(path)
    check(f"{name}: the file is complete", trace.complete, trace.notes)
    check(f"{name}: {'some' if lost else 'none'} were lost", bool(trace.lost) == lost, trace.notes)
    return list(trace)


def recorded(name, **knobs):
    """The records of a run with TRACE=1, and what it said."""
    result = run(trace="1", **knobs)
    check(f"{name}: exit status 0", result.status == 0, result.show())
    return records(name, os.path.join(result.rundir, "trace.flt")), result


def faults_in(trace):
    return [record for record in trace if record.type == flt.FAULT.number]


def counted(fault):
    """Is it one that a program's rusage counts?"""
    return fault.tries and not fault.verdict & ERRORS


def family(trace, path):
    """The pids of who ran the program, and of all that came from them."""
    pids = set()
    for record in trace:
        if record.type == flt.EXEC.number and record.path == path:
            pids.add(record.tid)
        if record.type == flt.FORK.number and record.tid in pids:
            pids.add(record.child_pid)
    return pids


def named(name, trace):
    """Programs are called by their new name from exec on; a file's name is told when it is opened, and
    not again when a VMA of it is copied."""
    execs = [r for r in trace if r.type == flt.EXEC.number]
    wrong = [r for r in execs if r.comm.rstrip(b"\0") != r.path.split(b"/")[-1][:15]]
    check(f"{name}: exec's name", execs and not wrong, wrong[:3])
    junk = [r for r in trace if b"\0" in getattr(r, "comm", b"").rstrip(b"\0")]
    check(f"{name}: zeros behind a name", not junk, junk[:3])
    told, untold, making, forked = set(), [], {}, []
    for r in trace:
        if r.type == flt.FILE.number:
            told.add((r.dev, r.ino))
            making.get(r.tid, []).append(r)
        elif r.type == flt.VMA_SET.number:
            untold += [r] if (r.dev or r.ino) and (r.dev, r.ino) not in told else []
        elif r.type == flt.TABLE.number and r.op and r.level == 4:
            making[r.tid] = []  # a map, for fork or exec
        elif r.type in (flt.FORK.number, flt.EXEC.number):
            forked += making.pop(r.tid, []) if r.type == flt.FORK.number else []
            making.pop(r.tid, None)
    check(f"{name}: each file of a VMA has its name", told and not untold, untold[:3])
    check(f"{name}: fork tells none", not forked, forked[:3])


def well_formed(name, faults):
    """Doors in order, an entry that changed was stored, what leads to a frame has one."""
    names = lambda fault: [door for door, _ in fault.doors]
    begins = ("exc_page_fault", "access_page", "mm_populate")
    check(f"{name}: from the way in to the end",
          all(names(f)[0] in begins and names(f)[-1] == "end" for f in faults), faults[:3])
    check(f"{name}: time does not go back",
          all(cycles == sorted(cycles) for f in faults for cycles in [[c for _, c in f.doors]]))
    bad = [f for f in faults if f.before[3] != f.after[3]
           and not {"install_pte", "lock_same_pte"} & set(names(f))]
    check(f"{name}: an entry that changed was stored", not bad, bad[:3])
    bad = [f for f in faults if flt.pte_present(f.after[3])
           and f.pfn != flt.pte_pfn(f.after[3])]
    check(f"{name}: the frame is the entry's", not bad, bad[:3])
    bad = [f for f in faults if any(f.before[:3])]
    check(f"{name}: a table was made only where there was none", not bad, bad[:3])


def test_cow():
    "every fault of a program and its children, with what it did"
    trace, result = recorded("cow", cmd="time -v /bin/cow")
    told = re.findall(r"(Major|Minor) .*page faults: (\d+)", result.stdout.decode())
    pids, faults = family(trace, b"/bin/cow"), faults_in(trace)
    mine = [fault for fault in faults if fault.pid in pids and counted(fault)]
    major = sum(bool(fault.verdict & flt.VM_FAULT_MAJOR) for fault in mine)
    check("as many as its rusage says", {"Major": major, "Minor": len(mine) - major} ==
          {kind: int(n) for kind, n in told}, (told, len(mine), major))
    well_formed("cow", faults)
    named("cow", trace)
    seqs = [record.seq for record in trace]
    check("each number once", len(seqs) == len(set(seqs)))
    copies = [f for f in mine if any(door == "wp_page_copy" for door, _ in f.doors)]
    reuses = [f for f in mine if any(door == "wp_page_reuse" for door, _ in f.doors)]
    check("a copy has another frame, its owner's alone", copies and all(
        flt.pte_pfn(f.before[3]) != f.pfn and (f.refcount, f.mapcount) == (1, 1) for f in copies),
          copies[:3])
    check("what is reused is the same frame", reuses and all(
        flt.pte_pfn(f.before[3]) == f.pfn and f.after[3] & flt.PTE_RW for f in reuses), reuses[:3])
    inside = [f for f in mine if not f.vm_start <= f.address < f.vm_end]
    check("each lies in its VMA", not inside, inside[:3])
    check("of its program", {flt.text(f.comm) for f in mine} == {"cow", "time"},
          {f.comm for f in mine})


def test_refused():
    "faults that end in a signal or a fix-up, and those of the kernel"
    trace, _ = recorded("segv", cmd="segv; uaccess")
    faults = faults_in(trace)
    well_formed("segv", faults)
    signals = collections.Counter(f.signal for f in faults)
    check("SIGSEGV and SIGBUS", signals[11] >= 3 and signals[7] >= 1, signals)
    check("those have no entry stored", all(f.before == f.after for f in faults if f.signal))
    fixed = [f for f in faults if f.doors[-2][0] == "fixup_exception"]
    check("fix-ups: at the kernel's instructions", fixed and all(
        f.ip >= 1 << 63 and not f.error_code & flt.PF_USER and not f.signal for f in fixed), fixed)


def test_swap():
    "pages that come back from the swap area, with a wait and a second try"
    trace, _ = recorded("swap", prog="swap", args=["40"], mem="32M", swap="128M", limit=240)
    faults = faults_in(trace)
    back = [f for f in faults if any(door == "do_swap_page" for door, _ in f.doors)]
    well_formed("swap", faults)
    check("many", len(back) > 500, len(back))
    check("each had a slot", all(f.before[3] and not flt.pte_present(f.before[3])
                                 and f.index == f.before[3] for f in back))
    check("major ones let go of the lock and tried again", any(
        f.tries == 2 and f.verdict & flt.VM_FAULT_MAJOR
        and "release_fault_lock" in [door for door, _ in f.doors] for f in back))


def test_two_cpus():
    "two CPUs: rings of both, one order; frames as pagemap showed them"
    trace, result = recorded("traced", elf=program("traced"), smp=2)
    faults = faults_in(trace)
    well_formed("traced", faults)
    check("records of both", {record.cpu for record in trace} == {0, 1})
    told = {name: tuple(int(number, 16) for number in numbers) for name, *numbers in
            re.findall(r"(\w+) (\w+) (\w+) (\w+)", result.stdout.decode())}
    pid = next(r.tid for r in trace if r.type == flt.EXEC.number and r.path == b"/root/traced")
    named = [(r.ino, r.path) for r in trace if r.type == flt.FILE.number and b"traced-" in r.path]
    check("a file that was renamed before it was mapped", len({ino for ino, _ in named}) == 1 and
          [path for _, path in named] == [b"/tmp/traced-before", b"/tmp/traced-after"], named)
    for name, door in (("read", "do_anonymous_page"), ("zero", "wp_page_copy"),
                       ("copy", "wp_page_copy")):
        address, before, after = told[name]
        entries = lambda f: (flt.pte_pfn(f.before[3]), flt.pte_pfn(f.after[3]))
        found = [f for f in faults if f.pid == pid and f.address == address
                 and entries(f) == (before, after)]
        check(f"{name}: by {door}", len(found) == 1
              and door in [passed for passed, _ in found[0].doors], (told[name], found))
        check(f"{name}: who was told", found and found[0].flushes == (name == "copy"), found)


def inside(name, cmd, **knobs):
    """What `base64 /proc/trace` among the commands printed, as a file for each."""
    result = run(cmd=cmd, karg="trace=1", **knobs)
    check(f"{name}: exit status 0", result.status == 0, result.show())
    paths = []
    # A line of its own: base64 says END, too, now and then.
    for text in re.findall(rb"^BEGIN\r?\n(.*?)^END\r?$", result.stdout, re.DOTALL | re.MULTILINE):
        paths.append(tmp("trace.flt"))
        with open(paths[-1], "wb") as file:
            file.write(base64.b64decode(text))
    return paths, result


def test_inside():
    "/proc/trace: the same records, in the machine; marks; one reader"
    show = "echo BEGIN; base64 /proc/trace; echo END; "
    paths, result = inside("inside", "echo 7 >/proc/trace; echo 0x10 >/proc/trace; echo BEGIN; "
                           "dd if=/proc/trace bs=7 count=31 2>/dev/null | base64; echo END; " + show + show +
                           "echo x >/proc/trace; exec 3</proc/trace; cat /proc/trace; true")
    part = flt.read(paths.pop(0))
    first, second = [records("inside", path) for path in paths]
    check("who stops within a record leaves it to the next", not part.complete and part and
          [r.seq for r in part] + [first[0].seq] == list(range(1, len(part) + 2)), (list(part), first[0]))
    check("marks", [r.value for r in first if r.type == flt.MARK.number] == [7, 16])
    well_formed("inside", faults_in(first + second))
    check("the second goes on behind the first", second and
          max(r.seq for r in first) < min(r.seq for r in second if r.type != flt.FAULT.number))
    check("nonsense is refused", b"Invalid argument" in result.stdout, result.show())
    check("one reader", b"busy" in result.stdout, result.show())
    off = run(cmd="cat /proc/trace")
    check("while nobody records there is nothing to read", b"No such device" in off.stdout, off.show())
    outside = run(cmd="cat /proc/trace", trace="1")
    check("the host reads already", b"busy" in outside.stdout, outside.show())


def test_lost():
    "rings that are too small: what is lost is counted and told"
    # A CPU tells when it has something to write again: so each gets something to do.
    paths, _ = inside("lost", "counts >/dev/null; echo BEGIN; base64 /proc/trace; echo END; "
                      "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (true; true) & done; wait; "
                      "echo BEGIN; base64 /proc/trace; echo END", mem="16M", smp=4)
    first, second = [records("lost", path, lost=True) for path in paths]
    told = sum(r.count for r in first + second if r.type == flt.LOST.number)
    check("LOST tells how many", told > 100, told)
    check("it never tells more than there were", told <= flt.read(paths[1]).lost, told)
    check("there are new ones when there is room", second and faults_in(second))


def test_panic():
    "the fault that the kernel dies of is in the file"
    result = run(cmd="true", trace="1", karg="crash=user-read")
    check("panicked", result.status == 121, result.show())
    last = faults_in(records("panic", os.path.join(result.rundir, "trace.flt")))[-1]
    check("it is the last one", last.pid == 1 and last.ip >= 1 << 63 and last.address < 1 << 47
          and last.doors[-2][0] == "fixup_exception", last)


def test_bad_input():
    "a file that cannot be written"
    result = run(cmd="true", trace="/nonexistent/trace.flt")
    check("refused in a sentence", result.status == 124 and "No such file" in result.stderr,
          result.show())
