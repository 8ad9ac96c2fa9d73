# SPDX-License-Identifier: MIT
"""FAULTS=1: one line for each page fault, that says what happened; off, it is not there."""
import os
import re

from harness import check, program, run

ENTRY = r"(?:none|swap:\d+:\d+|[0-9a-f]+:[rw][x-][d-][a-]z?)"
LINE = re.compile(
    r"(?P<time>\d+\.\d{6}) (?P<cpu>\d+) (?P<pid>\d+) (?P<program>.*?) (?P<kind>major|minor) "
    r"(?P<access>[rwx])(?P<mode>k?) (?P<address>[0-9a-f]{16}) ip=(?P<ip>[0-9a-f]+) "
    r"(?:no-vma|(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+):(?P<rights>[r-][w-][x-][ps]):"
    r"(?P<name>.+?)\+(?P<page>\d+)) "
    rf'"(?P<door>[^"]+)" (?P<before>{ENTRY}) -> (?P<after>{ENTRY}) cycles=(?P<cycles>\d+)')


def faults_of(name, **knobs):
    """The lines of a run of one of our programs, as dicts; the whole log must parse."""
    result = run(prog=name, faults=True, **knobs)
    check(f"{name}: exit status 0", result.status == 0, result.show())
    lines = [(text, LINE.fullmatch(text)) for text in result.faults.splitlines()]
    bad = [text for text, match in lines if not match]
    check(f"{name}: every line can be read", lines and not bad,
          "\n".join(bad[:10]) or result.show())
    return [match.groupdict() for _, match in lines if match and match["program"] == name]


def doors(faults):
    """How often each door was taken."""
    count = {}
    for fault in faults:
        count[fault["door"]] = count.get(fault["door"], 0) + 1
    return count


def test_touch():
    "first touches: the zero page, fresh pages, the zero page replaced"
    faults = faults_of("touch")
    count = doors(faults)
    for door, least in (("do_anonymous_page: zero page", 4), ("do_anonymous_page: fresh page", 5),
                        ("do_wp_page: zero page replaced", 1), ("do_read_fault: fault-around", 1)):
        check(f"{door}: {least} or more", count.get(door, 0) >= least, count)
    times = [float(fault["time"]) for fault in faults]
    check("in the order of time", times == sorted(times), times)
    for fault in faults:
        if fault["door"] == "do_anonymous_page: zero page":
            right = (fault["access"] == "r" and fault["before"] == "none" and
                     re.fullmatch(r"[0-9a-f]+:r--az", fault["after"]))
            if not check("zero page: read-only, and marked as what it is", right, fault):
                break
    fresh = [fault for fault in faults if fault["door"] == "do_anonymous_page: fresh page"]
    check("fresh pages: for writes, writable, dirty, in an anonymous VMA",
          all(fault["access"] == "w" and fault["before"] == "none" and ":w-da" in fault["after"] and
              fault["rights"][:2] == "rw" for fault in fresh), fresh)
    for fault in faults:
        inside = fault["start"] and (int(fault["start"], 16) <= int(fault["address"], 16)
                                     < int(fault["end"], 16))
        if not check("each address lies in its VMA", inside, fault):
            break
    check("the text of the program is named",
          any(fault["name"] == "touch" and fault["access"] == "x" for fault in faults), faults[:5])


def test_cow():
    "copy on write: copied while shared, reused by the sole owner"
    faults = faults_of("cow")
    count = doors(faults)
    for door in ("do_wp_page: copy", "do_wp_page: reuse", "do_wp_page: zero page replaced"):
        check(door, count.get(door, 0) >= 1, count)
    frame = lambda entry: entry.split(":")[0]
    for fault in faults:
        same = frame(fault["before"]) == frame(fault["after"])
        if fault["door"] == "do_wp_page: copy":
            check("a copy has another frame", not same, fault)
        if fault["door"] == "do_wp_page: reuse":
            check("a reused frame is the same", same, fault)
    pids = {fault["pid"] for fault in faults}
    check("by several processes", len(pids) >= 15, pids)


def test_segv():
    "faults without an answer, and those of the kernel's copies"
    count = doors(faults_of("segv"))
    check("bad_area", count.get("bad_area", 0) >= 3, count)
    faults = faults_of("uaccess")
    count = doors(faults)
    check("fixup_exception", count.get("fixup_exception", 0) >= 1, count)
    check("faults of the kernel are marked", any(fault["mode"] == "k" for fault in faults), count)


def test_swap():
    "pages that come back from the swap area: major faults, or minor ones by readahead"
    faults = faults_of("swap", mem="32M", args=["40"], swap="128M", limit=240)
    back = [fault for fault in faults if fault["door"] == "do_swap_page"]
    check("many of them", len(back) > 500, doors(faults))
    check("each had a slot", all(fault["before"].startswith("swap:0:") for fault in back), back[:3])
    check("major and minor ones", {"major", "minor"} == {fault["kind"] for fault in back},
          [fault["kind"] for fault in back[:20]])


def test_off():
    "without FAULTS= there is no log and not a line"
    result = run(elf=program("end"), args=["0"])
    check("exit status 0", result.status == 0, result.show())
    check("no file", not os.path.exists(os.path.join(result.rundir, "faults.log")), result.rundir)
    check("no word of it", result.stderr == "", result.stderr)
