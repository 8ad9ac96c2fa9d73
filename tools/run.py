#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs Faultline: makes its disks, starts QEMU, joins the terminal, and ends with the program's own
exit status. `make run`, `make debug` and so on are thin names for

    tools/run.py [run|debug|bochs|record|rewind] [--kernel ELF] [--rundir FOLDER]
                 [--recording FOLDER] [--fsck] [--env] [KNOB=VALUE...]

--env takes knobs from the environment too; --fsck has e2fsck look at the root disk after the run.
Standard output is exactly what the guest wrote to its terminal. What the runner itself has to say
is one sentence on standard error, with one of these statuses:
    120 the kernel refused to boot    121 kernel panic    122 triple fault or other reset
    123 time limit                    124 bad request     125 e2fsck found the root disk damaged
"""
import signal

if __name__ == "__main__":  # Ctrl-C ends it without a word until there is somebody to catch it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import os
import re
import select
import shutil
import sys
import tempfile
import termios
import time
import tty

import bochs
import drain
import faultlog
import image
import iso
import knobs
import machine
from knobs import Refused
from machine import RC_BOOT_FAILURE, RC_LIMIT, RC_PANIC, RC_POWER_OFF

MODES = "run", "debug", "bochs", "record", "rewind"
BOOT_FAILURE, PANIC, RESET, LIMIT, REFUSED, DAMAGED = range(120, 126)
POWER_OFF = re.compile(rb"power-off: status (\d{1,3})\s*$", re.MULTILINE)

ENDING_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def tell(sentence):
    """Say something to the person, not to the pipe."""
    try:
        sys.stderr.write(f"faultline: {sentence}\n")
        sys.stderr.flush()
    except OSError:
        pass


class Ended(Exception):
    """The run ends now, with this status, for a reason outside of the guest."""

    def __init__(self, status, sentence=None):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


def on_signal(number, _frame):
    for other in ENDING_SIGNALS:  # the first one is enough, and shall be able to clean up
        signal.signal(other, signal.SIG_IGN)
    raise Ended(128 + number)


def write_out(data):
    """All of data to standard output, however slow it is. Where nobody reads any more the run ends
    as SIGPIPE would end a program."""
    while data:
        try:
            data = data[os.write(1, data):]
        except BlockingIOError:
            select.select([], [1], [])
        except BrokenPipeError:
            raise Ended(128 + signal.SIGPIPE) from None
        except OSError as error:
            raise Ended(REFUSED, f"standard output: {error.strerror}") from None


class RawTerminal:
    """The terminal in raw mode, and as it was afterwards."""

    def __init__(self, on):
        self.saved = termios.tcgetattr(0) if on else None

    def __enter__(self):
        if self.saved:
            tty.setraw(0, termios.TCSADRAIN)

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)


def in_background():
    """Is standard input a terminal that others have now? To read from it would stop us."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return True


def choose_source():
    """Where the guest's input comes from: keys if a person is here, with input and output on a
    terminal; otherwise any bytes and their end."""
    if in_background():
        return machine.Framed(os.open(os.devnull, os.O_RDONLY))
    return machine.Keys(0) if os.isatty(0) and os.isatty(1) else machine.Framed(0)


def kernel_cmdline(wanted, interactive, limit):
    """The words for GRUB's multiboot2 command."""
    root, swap = ("ram0", "vda") if wanted.ramdisk else ("vda", "vdb")
    words = [f"root=/dev/{root}", f"tty={'keys' if interactive else 'framed'}",
             f"swap={'/dev/' + swap if wanted.swap_size or wanted.swap_file else 'none'}"]
    if limit:
        words.append(f"limit={limit}")
    if wanted.trace or wanted.faults:
        words.append("trace=1")
    if wanted.race_seed is not None:
        words.append(f"race_seed={wanted.race_seed}")
    return words + wanted.kargs


def make_disks(wanted, scratch):
    """The paths of the root disk and of the swap disk (or None)."""
    if wanted.disk:
        for name, path in (("DISK", wanted.disk), ("SWAP", wanted.swap_file)):
            if path and not os.path.isfile(path):
                raise Refused(f"{name}={path}: there is no such file")
        if wanted.argv:
            image.put_argv(wanted.disk, wanted.argv)
        root = wanted.disk
    else:
        root = os.path.join(scratch, "root.img")
        image.make_root(root, wanted)
    swap = wanted.swap_file
    if swap and not os.path.isfile(swap):
        raise Refused(f"SWAP={swap}: there is no such file")
    if not swap and wanted.swap_size:
        swap = os.path.join(scratch, "swap.img")
        image.make_swap(swap, wanted.swap_size)
    return root, swap


def empty_logs(wanted, rundir):
    """What an earlier run left is gone."""
    for name in ("kernel.log", "qemu.log", "qemu.err", "terminal.log"):
        open(os.path.join(rundir, name), "wb").close()
    if wanted.faults:
        try:
            open(wanted.faults, "wb").close()
        except OSError as error:
            raise Refused(f"FAULTS={wanted.faults}: {error.strerror}") from None


def make_media(wanted, kernel, scratch, interactive, limit):
    """The paths of the root disk, the swap disk (or None) and the CD."""
    root, swap = make_disks(wanted, scratch)
    cmdline = kernel_cmdline(wanted, interactive, limit)
    if wanted.ramdisk:
        cd = os.path.join(scratch, "cd.iso")
        iso.write(cd, kernel, cmdline, wanted.firmware, root)
    else:
        cd = iso.make(kernel, cmdline, wanted.firmware)
    return root, swap, cd


def prepare(wanted, kernel, rundir, scratch, interactive, limit):
    """Disks, CD and QEMU, ready to start. Returns the machine and the root disk."""
    empty_logs(wanted, rundir)
    root, swap, cd = make_media(wanted, kernel, scratch, interactive, limit)
    if wanted.bochs:
        return bochs.Bochs(wanted, cd, rundir), root
    words = machine.command(wanted, cd, root, swap, rundir)
    trace = wanted.trace or wanted.faults and os.path.join(scratch, "trace.flt")
    return machine.Machine(words, rundir, trace and drain.Drain(trace)), root


def last_words(log, start=None, count=12):
    """Lines of the kernel's log: from the first one on that start matches, else the last ones."""
    lines = log.decode("utf-8", errors="replace").splitlines()
    first = next((i for i, line in enumerate(lines) if start and re.search(start, line)), None)
    shown = lines[first:first + 2 * count] if first is not None else lines[-count:]
    return "".join(f"\n  | {line}" for line in shown)


def reset_kind(vm):
    """How the machine came to reset: QEMU's own log knows a triple fault."""
    with open(os.path.join(vm.rundir, "qemu.log"), errors="replace") as file:
        return "triple fault" if vm.TRIPLE_FAULT in file.read() else "the machine reset itself"


def judge(vm, rc, rundir):
    """What QEMU's exit status and the log mean: (status, sentence or None)."""
    log = bytes(vm.log)
    ends = POWER_OFF.findall(log)
    where = f" (whole log: {os.path.join(rundir, 'kernel.log')})"
    if rc in (RC_POWER_OFF, 0) and ends:
        return int(ends[-1]) & 255, None
    if rc == RC_PANIC:
        return PANIC, "the kernel panicked" + where + last_words(log, "kernel panic")
    if rc == RC_BOOT_FAILURE:
        return BOOT_FAILURE, "the kernel refused to boot" + where + last_words(log, "boot failure")
    if rc == RC_LIMIT:
        return LIMIT, ("the time limit was reached, in guest time; LIMIT=seconds sets another one"
                       + where + last_words(log))
    if rc == 0 and not vm.log_started:
        return RESET, (reset_kind(vm) + " before the kernel's first word: GRUB could not load "
                       "it, or it failed very early")
    if rc in (0, RC_POWER_OFF):
        return RESET, reset_kind(vm) + ", not a power-off" + where + last_words(log)
    with open(os.path.join(rundir, "qemu.err"), errors="replace") as file:
        said = file.read().strip()
    how = f"died of signal {-rc}" if rc < 0 else f"ended with status {rc}"
    return REFUSED, f"QEMU {how}: {said or 'it said nothing'}"


def fsck(root):
    """Have e2fsck look at the root disk. Returns what is wrong, or None."""
    try:
        image.run_tool(["e2fsck", "-fn", root], "the root disk is damaged")
    except Refused as refusal:
        return str(refusal)
    return None


def keep_disk(root, path):
    """Keep the root disk of this run."""
    try:
        shutil.move(root, path)
    except OSError as error:
        raise Refused(f"KEEP={path}: {error.strerror}") from None


def tell_records(vm, wanted):
    """What became of the records, if any were wanted."""
    if not vm.drain:
        return
    if vm.drain.failure:
        tell(f"the records in {vm.drain.path} are not complete: {vm.drain.failure}")
    lost = f"; {vm.lost} more were lost" if vm.lost else ""
    if not vm.drain.rings:
        tell("nothing was recorded")
    elif wanted.trace:
        tell(f"the records are in {wanted.trace}{lost}")
    if wanted.faults and vm.drain.rings:
        faultlog.write(vm.drain.path, wanted.faults)
        tell(f"the faults are in {wanted.faults}{lost}")


def host_limit(limit):
    """Seconds of the host's time in which a guest that keeps its own limit has ended."""
    return 3 * limit + 30


def run(wanted, opts, rundir, scratch):
    """`make run`. Returns the exit status."""
    # Input comes in the host's time: there is none where each run is to be like the one before.
    source = machine.Framed(None) if wanted.exact else choose_source()
    interactive = isinstance(source, machine.Keys)
    limit = wanted.limit
    if limit is None:
        limit = 0 if interactive and not wanted.argv else knobs.BATCH_LIMIT
    vm, root = prepare(wanted, opts["kernel"], rundir, scratch, interactive, limit)
    if interactive:
        tell("Ctrl-A X ends the machine")
    # The guest keeps the limit; this one, in host time, is for a guest that cannot even do that.
    deadline = time.monotonic() + host_limit(limit) if limit else None
    try:
        vm.start()
        with RawTerminal(interactive):
            in_time = vm.pump(source, write_out, deadline)
    except machine.Quit:
        in_time = None
    finally:
        rc = vm.stop()
    if in_time is None:
        status, sentence = 0, "left by Ctrl-A X; the machine was switched off as it was"
    elif not in_time:
        status, sentence = LIMIT, (f"the machine hung: no end after {host_limit(limit)} seconds"
                                   + last_words(bytes(vm.log)))
    else:
        status, sentence = judge(vm, rc, rundir)
    if sentence:
        tell(sentence)
    tell_records(vm, wanted)
    looked = opts["fsck"] and not wanted.ramdisk  # of which nothing comes back
    damage = fsck(root) if looked and not sentence else None  # a clean end owes a clean disk
    if damage:
        tell(damage)
        status = DAMAGED
    if wanted.keep:
        keep_disk(root, wanted.keep)
    return status


def options(words):
    """Split the command line: (mode, options, knobs as bytes)."""
    opts = {"kernel": knobs.top("build/kernel/faultline.elf"), "rundir": knobs.top("build/run"),
            "recording": knobs.top("build/record"), "fsck": False}
    mode, values, words = "run", {}, list(words)
    while words:
        word = words.pop(0)
        if word in ("--kernel", "--rundir", "--recording") and words:
            opts[word[2:]] = words.pop(0)
        elif word == "--fsck":
            opts["fsck"] = True
        elif word == "--env":
            values.update({name: os.environb[name.encode()] for name in knobs.HELP
                           if os.environb.get(name.encode())})
        elif re.match(r"[A-Z_]+=", word):
            name, value = word.split("=", 1)
            values[name] = os.fsencode(value)
        elif word in MODES:
            mode = word
        else:
            raise Refused(f"what is `{word}`? "
                          f"Usage: tools/run.py [{'|'.join(MODES)}] [KNOB=VALUE...]")
    # The same kernel without debug information is what GRUB loads.
    opts["symbols"], opts["kernel"] = opts["kernel"], opts["kernel"].removesuffix(".elf")
    return mode, opts, values


def main():
    if "--help-knobs" in sys.argv:
        print("\nKnobs of make run and make debug:")
        for name, text in knobs.HELP.items():
            print(f"  {name + '=':<20} {text}")
        return 0
    for fd in (0, 1, 2):  # a closed one would become some file of ours
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for number in ENDING_SIGNALS:
        signal.signal(number, on_signal)
    try:
        mode, opts, values = options(sys.argv[1:])
        rundir = opts["rundir"]
        os.makedirs(rundir, exist_ok=True)
        wanted = knobs.parse(values, rundir, mode == "bochs")
        if mode in ("debug", "record", "rewind") or wanted.icount:
            wanted.kargs.insert(0, "norandmaps")
        if mode == "record":  # a CPU that halts has a disk's answer at its next tick only
            wanted.kargs.insert(0, "idle=poll")
        if wanted.bochs:
            bochs.check(wanted)
        with tempfile.TemporaryDirectory(dir=rundir, prefix="disks.") as scratch:
            if mode == "debug":
                import debug
                return debug.run(wanted, opts, rundir, scratch)
            if mode in ("record", "rewind"):
                import record
                return getattr(record, mode)(wanted, opts, values, scratch)
            return run(wanted, opts, rundir, scratch)
    except Refused as refusal:
        tell(str(refusal))
        return REFUSED
    except Ended as end:
        if end.sentence:
            tell(end.sentence)
        return end.status


if __name__ == "__main__":
    sys.exit(main())
