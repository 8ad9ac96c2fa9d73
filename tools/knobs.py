# SPDX-License-Identifier: MIT
"""The knobs of a run: their names, what they take, and their values checked.

Knobs come as NAME=VALUE words on tools/run.py's command line or, from make, in the environment.
Values are bytes and stay so where they reach the guest (ARGS, CMD).
"""
import os
import re
import shlex
from types import SimpleNamespace

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
MEM_MIN, SWAP_MAX = 16 * MIB, 8 * GIB
BATCH_LIMIT = 120  # guest seconds, when LIMIT= is not given

HELP = {
    "PROG": "program to run, by its name in /bin or by its path",
    "ELF": "x86-64 Linux executable of your own to run (it is put in /root)",
    "CMD": "command for /bin/sh -c",
    "ARGS": 'arguments of PROG or ELF, split and unquoted as a shell does: ARGS="a \'b c\'"',
    "OVERLAY": "folder whose content is added to the root disk",
    "PACKAGES": "Debian packages that, with all they depend on, make the root disk: "
                'PACKAGES="bash gcc libc6-dev"',
    "MEM": "RAM, 128M unless given, at least 16M",
    "SMP": "number of CPUs",
    "SWAP": "size of the swap disk (4 times MEM unless given), a file to use as it is, or none "
            "(make bochs has none)",
    "DISK": "root disk image to use, and change, as it is (otherwise each run makes a new one)",
    "DISK_SIZE": "size of the root disk that is made, 64M unless given",
    "RAMDISK": "1: the boot loader brings the root disk, as /dev/ram0; what is written is lost",
    "KEEP": "file in which to keep the root disk after the run",
    "LIMIT": "seconds of guest time after which the run is given up, 0 for none "
             f"({BATCH_LIMIT} unless interactive)",
    "FAULTS": "1, or a file name: write one line for each page fault (build/run/faults.log)",
    "TRACE": "1, or a file name: record each fault and all else that memory does "
             "(build/run/trace.flt)",
    "KARGS": "further knobs for the kernel's command line, such as loglevel=7",
    "RACE_SEED": "number: a debug kernel lingers where it chooses, between the steps of a fault",
    "ACCEL": "tcg (always the default) or kvm",
    "ICOUNT": "1: deterministic, rdtsc counts instructions",
    "FIRMWARE": "bios (default) or uefi",
    "GDB_PORT": "port of the gdb stub in `make debug`, 1234 unless given",
    "GDB_SCRIPT": "gdb commands to run, without a terminal, in `make debug`",
    "QEMU_ARGS": "further arguments for QEMU",
}
TOP = os.path.relpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def top(path):
    """A path of the project, from wherever the runner was called."""
    return os.path.normpath(os.path.join(TOP, path))


class Refused(Exception):
    """What was asked for cannot be done; its text is the sentence for the user, status 124."""


def size(name, text):
    """Bytes meant by `64K`, `128M`, `2G`; a bare number is in MiB, as in QEMU's -m."""
    match = re.fullmatch(r"(\d{1,9})([KMG]?)", text)
    if not match:
        raise Refused(f"{name}={text} is not a size; write for example {name}=128M")
    return int(match[1]) * {"K": KIB, "": MIB, "M": MIB, "G": GIB}[match[2]]


def number(name, text, low, high):
    """A whole number within [low, high]."""
    if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
        raise Refused(f"{name}={text} is not a number from {low} to {high}")
    return int(text)


def choice(name, text, *options):
    """One of the words in options."""
    if text not in options:
        raise Refused(f"{name}={text} is unknown; it can be {' or '.join(options)}")
    return text


def words(name, value):
    """Split bytes into words by a shell's rules of quoting; nothing is expanded."""
    lexer = shlex.shlex(value.decode("latin-1"), posix=True)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\n", True, ""
    try:
        return [word.encode("latin-1") for word in lexer]
    except ValueError as error:
        raise Refused(f"{name}: {error}; quote it as for a shell") from None


def _packages(text):
    """The names in PACKAGES=, each as Debian spells such names."""
    for name in text.split():
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
            raise Refused(f"PACKAGES={text}: {name} is no name of a Debian package")
    return text.split()


def _text_words(name, values):
    """The words of a knob that stays on the host."""
    return [os.fsdecode(word) for word in words(name, values.get(name, b""))]


def _argv(values):
    """What pid 1 shall run: (argv or None for the shell, ELF to add or None)."""
    given = [name for name in ("PROG", "ELF", "CMD") if values.get(name)]
    if len(given) > 1:
        raise Refused(f"{' and '.join(given)} exclude each other: give one")
    if values.get("ARGS") and (not given or given == ["CMD"]):
        raise Refused("ARGS= needs PROG= or ELF=")
    args = words("ARGS", values.get("ARGS", b""))
    if not given:
        return None, None
    if given == ["CMD"]:
        return [b"/bin/sh", b"-c", values["CMD"]], None
    name = values[given[0]]
    if given == ["PROG"]:
        return [name if name.startswith(b"/") else b"/bin/" + name] + args, None
    return [b"/root/" + os.path.basename(name)] + args, os.fsdecode(name)


def parse(values, rundir, bochs=False):
    """Check a dict of name -> bytes. Returns the knobs as attributes; raises Refused. bochs: for a
    machine without virtio."""
    for name in values:
        if name not in HELP:
            raise Refused(f"{name}= is not a knob; there are: {' '.join(HELP)}")
    text = {name: os.fsdecode(value) for name, value in values.items() if value}
    knobs = SimpleNamespace()
    knobs.argv, knobs.elf = _argv(values)
    knobs.mem = size("MEM", text.get("MEM", "128M"))
    if knobs.mem < MEM_MIN:
        raise Refused(f"MEM={text['MEM']} is too little to boot with; give at least 16M")
    knobs.smp = number("SMP", text.get("SMP", "1"), 1, 255)
    knobs.swap_file, knobs.swap_size = None, min(4 * knobs.mem, SWAP_MAX)
    swap = "none" if bochs else text.get("SWAP")
    if swap in ("none", "0"):
        knobs.swap_size = 0
    elif swap and re.fullmatch(r"\d+[KMG]?", swap):
        knobs.swap_size = size("SWAP", swap)
    elif swap:
        knobs.swap_file = swap
    knobs.overlay, knobs.packages = text.get("OVERLAY"), _packages(text.get("PACKAGES", ""))
    knobs.disk, knobs.keep = text.get("DISK"), text.get("KEEP")
    knobs.disk_size = size("DISK_SIZE", text["DISK_SIZE"]) if "DISK_SIZE" in text else None
    if knobs.disk and (knobs.elf or knobs.overlay or knobs.packages or knobs.disk_size
                       or knobs.keep):
        raise Refused("DISK= is used as it is: ELF=, OVERLAY=, PACKAGES=, DISK_SIZE= and KEEP= "
                      "belong to a disk that is made anew")
    knobs.bochs = bochs
    knobs.ramdisk = bochs or choice("RAMDISK", text.get("RAMDISK", "0"), "0", "1") == "1"
    if knobs.ramdisk and knobs.keep:
        raise Refused("KEEP= keeps a root disk, of which a RAM disk leaves nothing")
    knobs.limit = number("LIMIT", text["LIMIT"], 0, 10**6) if "LIMIT" in text else None
    faults = text.get("FAULTS", "0")
    knobs.faults = {"0": None, "1": os.path.join(rundir, "faults.log")}.get(faults, faults)
    trace = text.get("TRACE", "0")
    knobs.trace = {"0": None, "1": os.path.join(rundir, "trace.flt")}.get(trace, trace)
    knobs.kargs = _text_words("KARGS", values)
    knobs.race_seed = number("RACE_SEED", text["RACE_SEED"], 0, 10**9 - 1) if "RACE_SEED" in text \
        else None
    knobs.accel = choice("ACCEL", text.get("ACCEL", "tcg"), "tcg", "kvm")
    knobs.icount = choice("ICOUNT", text.get("ICOUNT", "0"), "0", "1") == "1"
    knobs.exact = knobs.icount and knobs.ramdisk and knobs.race_seed is not None
    knobs.firmware = choice("FIRMWARE", text.get("FIRMWARE", "bios"), "bios", "uefi")
    knobs.gdb_port = number("GDB_PORT", text.get("GDB_PORT", "1234"), 1, 65535)
    knobs.gdb_script = text.get("GDB_SCRIPT")
    knobs.qemu_args = _text_words("QEMU_ARGS", values)
    return knobs
