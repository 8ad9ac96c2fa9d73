# SPDX-License-Identifier: MIT
"""What booted tests are written with. A test is a function test_*() of tests/booted/test_*.py; its
first line of documentation is its title. It calls run() and check(); an exception fails it.

    def test_echo():
        "a command's output arrives"
        result = run(cmd="echo hello")
        check("output", result.stdout == b"hello\\n", result.show())
"""
import contextvars
import fcntl
import itertools
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from dataclasses import dataclass

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(TOP, "build/test")
DEBUG = os.environ.get("DEBUG", "0") not in ("", "0")  # larger, slower, and a seventh of the RAM
KERNEL = os.path.join(TOP, "build/debug" if DEBUG else "build/kernel", "faultline.elf")
# What the kernel says when something is wrong with itself.
COMPLAINTS = ("warning at", "lock order:", "may sleep at", "oops:", "bad page", "panic", "slab ")
# For one run, whatever the guest's limit is. That one should be lower: then the kernel tells who
# waits for what.
HOST_SECONDS = 300
GUEST_SECONDS = 240  # without limit=: a machine busy with others needs longer than a person waits

current = contextvars.ContextVar("current")  # the Report of the test that runs in this thread
TAP_LINE = re.compile(rb"^\s*(not )?ok\b\s*\d*\s*-?\s*([^#\r\n]*)(#\s*skip)?", re.IGNORECASE)
TAP_PLAN = re.compile(rb"^( *)1\.\.(\d+)")


class Report:
    """The checks of one test, in order: (name, passed, diagnosis)."""

    def __init__(self, name):
        self.name, self.checks, self.skipped, self.runs = name, [], [], itertools.count(1)


@dataclass
class Result:
    """What one run left: bytes, the runner's exit status, and its logs' text."""
    stdout: bytes
    stderr: str
    status: int
    kernel_log: str
    faults: str
    rundir: str

    def show(self):
        """All of it, shortened, for a failed check."""
        return (f"status {self.status}\n"
                f"stdout ({self.rundir}/stdout) ends: {self.stdout[-1500:]!r}\n"
                f"stderr: {self.stderr[-1500:]}\nkernel log ({self.rundir}/kernel.log) ends:\n"
                f"{self.kernel_log[-1500:]}")


def check(name, condition, diagnosis=""):
    """Record one check; diagnosis is shown if it failed. Returns condition as a bool."""
    current.get().checks.append((name, bool(condition), str(diagnosis)))
    return bool(condition)


def complaints(log):
    """The first lines of a kernel's log in which it complains about itself, as text."""
    return "\n".join([line for line in log.splitlines()
                      if any(words in line for words in COMPLAINTS)][:20])


def skip(name, why):
    """Record that something could not be tested here."""
    current.get().skipped.append(f"{name}: {why}")


def tmp(name=""):
    """A path of the test's own: a new folder below build/test, or a file in it."""
    folder = os.path.join(LOGS, current.get().name, "tmp")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(tempfile.mkdtemp(dir=folder), name)


def overlay(files):
    """A folder for OVERLAY= from {"path": bytes}; paths that end in .sh are made executable."""
    folder = tmp()
    for path, content in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
        if path.endswith(".sh"):
            os.chmod(target, 0o755)
    return folder


def program(name):
    """The path of tests/programs/NAME.c as built, for run(elf=...)."""
    return os.path.join(TOP, "build/tests", name)


_debug_lock = threading.Lock()


def debug_kernel():
    """The path of the kernel with the checks of DEBUG=1, for run(kernel=...); built if need be.
    None, and a failed check, if that does not succeed."""
    # CC= and its like come through MAKEFLAGS; the outer make's jobs are not ours to take.
    flags = re.sub(r"(^| )(-j\d*|--jobserver-\S+)", "", os.environ.get("MAKEFLAGS", ""))
    with _debug_lock:  # make looks at all files: nothing is compiled twice
        done = subprocess.run(["make", "--no-print-directory", "DEBUG=1", "kernel"], cwd=TOP,
                              env=dict(os.environ, MAKEFLAGS=flags), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    built = check("the debug kernel builds", done.returncode == 0,
                  done.stdout.decode(errors="replace")[-3000:])
    return os.path.join(TOP, "build/debug/faultline.elf") if built else None


def _knobs(prog, args, karg, faults, others):
    """The runner's NAME=VALUE words, as bytes."""
    values = dict(others)
    if prog is not None:
        values["PROG"] = prog
    if args is not None:
        if not isinstance(args, (bytes, str)):  # a list: quote it so that it arrives as it is
            args = b" ".join(os.fsencode(shlex.quote(os.fsdecode(arg))) for arg in args)
        values["ARGS"] = args
    if karg is not None:
        values["KARGS"] = karg
    if faults:
        values["FAULTS"] = "1"
    as_bytes = lambda value: value if isinstance(value, bytes) else os.fsencode(str(value))
    return [name.upper().encode() + b"=" + as_bytes(value)
            for name, value in values.items() if value is not None]


def start(mode="run", prog=None, args=None, karg=None, faults=False, fsck=True, kernel=None,
          **others):
    """The command of a run and its rundir. others are the remaining knobs in lower case: cmd, elf,
    mem, smp, swap, disk, disk_size, keep, overlay, limit, icount, firmware, accel, qemu_args..."""
    report = current.get()
    rundir = os.path.join(LOGS, report.name, f"run{next(report.runs)}")
    os.makedirs(rundir, exist_ok=True)
    command = [sys.executable, os.path.join(TOP, "tools/run.py"), mode,
               "--kernel", kernel or KERNEL, "--rundir", rundir]
    if fsck and mode == "run":
        command.append("--fsck")
    return command + _knobs(prog, args, karg, faults, others), rundir


def run(stdin=b"", seconds=HOST_SECONDS, **knobs):
    """Run Faultline once; see start() for the knobs. The root disk must be clean afterwards: a
    damaged one is status 125 (fsck=False: not looked at). stdin: bytes, or a file object."""
    knobs.setdefault("limit", GUEST_SECONDS)
    command, rundir = start(**knobs)
    feed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    try:
        done = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds, check=False, **feed)
        out, err, status = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        out, status = late.stdout or b"", -1
        err = (late.stderr or b"") + b"the runner itself did not end in time"
    with open(os.path.join(rundir, "stdout"), "wb") as file:
        file.write(out)
    return Result(out, err.decode(errors="replace"), status, read(rundir, "kernel.log"),
                  read(rundir, "faults.log"), rundir)


class Terminal:
    """A run on a pseudo-terminal, as a person has it."""

    def __init__(self, **knobs):
        command, _ = start(**knobs)
        self.said = b""  # all, since the last take()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(TOP)
            os.execv(command[0], command)

    def wait_for(self, text, seconds=60):
        """Read until text was said. Returns False if it was not, in time."""
        end = time.monotonic() + seconds
        while text not in self.said and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    self.said += os.read(self.fd, 4096)
                except OSError:
                    break
        return text in self.said

    def type(self, text):
        os.write(self.fd, text)

    def resize(self, lines, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def take(self, text, seconds=60):
        """What was said until text, with it; what comes later is for the next take(). b"" if it was
        not said in time."""
        if not self.wait_for(text, seconds):
            return b""
        end = self.said.index(text) + len(text)
        taken, self.said = self.said[:end], self.said[end:]
        return taken

    def end(self):
        """Exit status; of one that does not end -SIGKILL."""
        over = time.monotonic() + 60
        self.wait_for(b"\0never\0", 60)  # or until the terminal is closed
        while not (ended := os.waitpid(self.pid, os.WNOHANG))[0] and time.monotonic() < over:
            time.sleep(0.05)
        if not ended[0]:
            os.kill(self.pid, signal.SIGKILL)
            ended = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(ended[1])


def read(rundir, name):
    """Text of a log, "" if there is none."""
    try:
        with open(os.path.join(rundir, name), errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def tap(result, prefix="", status=0):
    """Turn a run's TAP, nested or not, into checks. A plan that was not kept, a missing plan, and
    an exit status other than status fail. A line that sums up a subtest is not counted again."""
    record_tap(result.stdout, prefix)
    check(prefix + f"exit status {status}", result.status == status, result.show())


def record_tap(text, prefix=""):
    """Turn TAP into checks, with one more for its plan. The first to fail shows each line that
    failed, with its reason, and the end of the text."""
    tests, skipped, plans, problems = parse_tap(text)
    said = text.decode(errors="replace")
    said = "".join(line + "\n" for line in said.splitlines() if "not ok" in line) + said[-4000:]
    for name, passed in tests:
        check(prefix + name, passed, said)
        said = said if passed else ""
    for name in skipped:
        skip(prefix + name, "it said so")
    check(prefix + "plan kept", plans and not problems, "\n".join(problems + [said]))


def parse_tap(text):
    """[(name, passed)], [skipped names], number of plans, [sentences on plans that were not kept].
    Depth is the indent of a line; a result closes, and sums up, what stood deeper before it."""
    tests, skipped, problems, plans = [], [], [], 0
    seen, planned = {}, {}

    def close(depth, name):
        if planned.get(depth) != seen.get(depth, 0):
            problems.append(f"{name}: planned {planned.get(depth)}, saw {seen.get(depth, 0)}")
        seen.pop(depth, None)
        planned.pop(depth, None)

    for line in text.replace(b"\r", b"").split(b"\n"):
        depth = len(line) - len(line.lstrip(b" "))
        plan, match = TAP_PLAN.match(line), TAP_LINE.match(line)
        if plan:
            if depth in planned:  # another group follows
                close(depth, f"group {plans}")
            planned[depth], plans = int(plan[2]), plans + 1
        if not match:
            continue
        name, passed = match[2].decode(errors="replace").strip(), not match[1]
        deeper = [d for d in seen if d > depth]
        for d in deeper:
            close(d, name)
        seen[depth] = seen.get(depth, 0) + 1
        if match[3]:
            skipped.append(name)
        elif not deeper or not passed:
            tests.append((name or f"line {len(tests) + 1}", passed))
    for depth in sorted(set(seen) | set(planned)):
        close(depth, "at the end")
    if b"Bail out!" in text:
        problems.append("bailed out")
    return tests, skipped, plans, problems
