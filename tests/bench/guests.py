# SPDX-License-Identifier: MIT
"""The two kernels with the same programs, the same disks and the same QEMU, for the benchmark."""
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
import linux                # noqa: E402, tools/linux.py
from knobs import Refused   # noqa: E402

KERNEL = os.path.join(TOP, "build/kernel/faultline.elf")
BENCH = os.path.join(TOP, "build/user/bench")
PLUGIN = os.path.join(TOP, "build/bench/plugin.so")
# Without ERMS a rep counts, and TCG does, eight bytes at a time; Faultline has no 5-level tables.
CPU = "max,la57=off,-erms"
SWAP = "64M"
SYMBOLS = re.compile(r"^([0-9a-f]{16}) [tTwW] (\S+)$", re.MULTILINE)

# A line of bench: times in ticks of the counter.
Line = namedtuple("Line", "unit median mean min n")


def path(name):
    """A file in build/bench."""
    os.makedirs(os.path.join(TOP, "build/bench"), exist_ok=True)
    return os.path.join(TOP, "build/bench", name)


def symbols(elf):
    """{name: address} of an ELF file's symbols."""
    text = subprocess.run(["nm", elf], stdout=subprocess.PIPE, check=True, text=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def plugin_args(counts):
    """QEMU's arguments for a run whose instructions are counted into that file."""
    if not counts:
        return []
    if os.path.exists(counts):
        os.remove(counts)
    names = symbols(BENCH)
    marks = ",".join(f"{mark}={names['bench_' + mark]:#x}"
                     for mark in ("start", "next", "few", "begin", "end"))
    return ["-plugin", f"{PLUGIN},{marks},out={counts}"]


class Faultline:
    """Ours. run() gives what the script, for /bin/sh -c, wrote to its terminal."""
    name = "Faultline"

    def run(self, script, *, mem="128M", smp=1, icount=False, counts=None, overlay=None, limit=400,
            trace=None):
        """mem as for -m; icount: the counter counts instructions; counts: a file to count them by
        address into; overlay: {name in /bin: file}; trace: a file to record into. Raises Refused."""
        words = [sys.executable, os.path.join(TOP, "tools/run.py"), "--kernel", KERNEL,
                 "--rundir", path("faultline"), f"CMD={script}", f"MEM={mem}", f"SWAP={SWAP}",
                 f"SMP={smp}", f"LIMIT={limit}",
                 "QEMU_ARGS=" + " ".join(["-cpu", CPU] + plugin_args(counts))]
        if overlay:
            words.append("OVERLAY=" + self._overlay(overlay))
        if trace:
            words.append(f"TRACE={trace}")
        done = subprocess.run(words + ["ICOUNT=1"] * icount, cwd=TOP, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise Refused(f"`{script}` ended with status {done.returncode} on Faultline: "
                          + (done.stdout + done.stderr).decode(errors="replace").strip())
        return done.stdout.decode()

    @staticmethod
    def _overlay(programs):
        """A folder for OVERLAY= with these."""
        folder = path("overlay")
        os.makedirs(os.path.join(folder, "bin"), exist_ok=True)
        for name, file in programs.items():
            shutil.copy2(os.path.join(TOP, file), os.path.join(folder, "bin", name))
        return folder

    def symbols(self):
        """Of its kernel."""
        return symbols(KERNEL)


class Linux:
    """Debian's, at its best: tools/linux.py turns off what would slow it down. LINUX= in the
    environment adds parameters, such as init_on_alloc=0."""
    name = "Linux"

    def __init__(self):
        self.guest = linux.Linux(path("linux"))

    def run(self, script, *, mem="128M", smp=1, icount=False, counts=None, overlay=None, limit=400):
        """As Faultline.run."""
        output, status = self.guest.run(
            script, mem=mem, smp=smp, overlay=overlay, icount=icount, cpu=CPU, swap=SWAP, limit=limit,
            append=os.environ.get("LINUX") or "", qemu_args=plugin_args(counts))
        if status:
            raise Refused(f"`{script}` ended with status {status} on Linux: "
                          + output.decode(errors="replace").strip())
        return output.decode()

    def symbols(self):
        """Of its kernel, which runs where it was linked; asked once, then kept in a file."""
        kept = path(f"symbols-{linux.version()}")
        if not os.path.exists(kept):
            text = self.run("cat /proc/kallsyms")
            if not SYMBOLS.search(text):
                raise Refused("Linux shows no addresses in /proc/kallsyms")
            with open(kept, "w", encoding="ascii") as file:
                file.write(text)
        with open(kept, encoding="ascii") as file:
            return {name: int(address, 16) for address, name in SYMBOLS.findall(file.read())}


def parse(text):
    """What bench printed: (ticks a second, the counter at its start, {name: Line})."""
    clock = re.search(r"^bench-clock (\d+) (\d+)", text, re.MULTILINE)
    if not clock:
        raise Refused(f"bench did not begin: {text.strip()}")
    found = {}
    for name, unit, *numbers in re.findall(
            r"^bench (\w+) (\w+) (-?\d+) (-?\d+) (-?\d+) (\d+)", text, re.MULTILINE):
        found[name] = Line(unit, *map(int, numbers))
    return int(clock[1]), int(clock[2]), found
