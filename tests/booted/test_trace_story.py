# SPDX-License-Identifier: MIT
"""make trace, of a real run: each style tells what the program did, with its own symbols."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from harness import KERNEL, TOP, check, run

sys.path.append(os.path.join(TOP, "tools/trace"))
import format as flt
import story
import words


def told(path, style):
    """What story.py makes of the file."""
    out, said = [], []
    status = story.main(["--style", style, "--kernel", KERNEL, path], {}, out.append, said.append)
    check(f"{style}: told, with nothing to complain of", not status and not said, said)
    return "".join(out)


def test_cow():
    "copy on write, in four styles"
    result = run(prog="cow", trace="1")
    check("the program ended", result.status == 0, result.show())
    path = os.path.join(result.rundir, "trace.flt")
    text = told(path, "story")
    prose = " ".join(text.split())
    numbers = [int(n) for n in re.findall(r"^Fault (\d+), ", text, re.MULTILINE)]
    check("a paragraph for each fault", len(numbers) > 300 and
          numbers == list(range(1, len(numbers) + 1)), len(numbers))
    for wanted in (r"\d+\) wrote to 0x\w+ in read_then_write\+0x\w+ \(user/cow\.c:\d+\)\.",
                   r"Others have frame (0x\w+) too, so it was copied: frame (?!\1)0x\w+",
                   r"Nobody else has frame 0x\w+, so it is written in place\. The frame is mapped",
                   r"Entry before: frame (0x\w+), read-only, [a-z, ]+; after: frame \1, writable",
                   r"The page of zeroes was replaced by a frame of its own",
                   r"The page had been swapped out", r"forked: process \d+ has address space \d+",
                   r"runs /bin/cow from now on", r"madvise\(0x\w+, 4 KiB, MADV_PAGEOUT\) = 0",
                   r"The kernel, for cow \(process \d+\), (wrote to|read from) 0x\w+ in \w+\+0x\w+ "
                   r"\(arch/x86_64/"):
        check(wanted, re.search(wanted, prose), prose[:2000])
    lines = told(path, "line").splitlines()
    faults = [r for r in flt.read(path) if r.type == flt.FAULT.number and r.pid != 1]
    check("all of them", len(numbers) == len(faults), len(faults))
    check("a line for each that rusage counts", len(lines) == sum(
        bool(words.counted(fault)) and not words.remote(fault) for fault in faults), len(lines))
    check("by its function", any("[read_then_write+0x" in line and "//anon@0x" in line
                                 for line in lines), lines[:20])
    check("ftrace", "page_fault_user: address=0x" in told(path, "ftrace"))
    events = json.loads(told(path, "json"))["traceEvents"]
    begun = sum(event["ph"] == "B" for event in events)
    check("json: all that begins ends", begun == sum(event["ph"] == "E" for event in events) and
          begun > len(numbers), begun)


def left_of(session):
    """The processes of that session, by /proc."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(pid)
    return found


def test_interrupt():
    "Ctrl-C ends the run that was to be told, and nothing of it is left"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.flt")
        teller = subprocess.Popen([sys.executable, os.path.join(TOP, "tools/trace/story.py"),
                                   "--kernel", KERNEL], env=dict(os.environ, PROG="thrash",
                                                                 TRACE=path, LIMIT="60"),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, start_new_session=True)
        until = time.monotonic() + 60
        while time.monotonic() < until and not (os.path.exists(path) and os.path.getsize(path)):
            time.sleep(0.1)
        os.killpg(teller.pid, signal.SIGINT)
        said = teller.communicate(timeout=60)[1].decode()
    check("status 130, without a complaint", teller.returncode == 130 and "Traceback" not in said,
          (teller.returncode, said))
    check("nothing runs on", not left_of(teller.pid), left_of(teller.pid))
