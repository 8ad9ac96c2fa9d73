# SPDX-License-Identifier: MIT
"""`make record`: a run of which QEMU notes what came from outside, and when. `make rewind`: the
same run again, instruction by instruction, in gdb, where it can go backwards (docs/rewind.md).

A recording is a folder: recording.json, the log of QEMU (replay.bin), the CD, and the disks as they
were before the run; what a run writes goes to images of its own, on top of them, which are thrown
away. Nothing of a recording is changed by a rewind.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import debug
import knobs
import machine
import run as runner
from image import run_tool
from knobs import MIB, Refused, top

FORMAT = 1
COMMANDS = top("tools/gdb/rewind.py")
ROOM = 512 * MIB     # to be free before anything is begun
OWN = "GDB_PORT", "GDB_SCRIPT"  # knobs of the rewind, all others are the recorded run's
END_SECONDS = 10     # for QEMU to write its log to the end
FROZEN_SECONDS = 20  # without a tick of the CPU's time while gdb waits: it hangs
LOOK, HURRY = 100_000, 500  # microseconds between two looks at it, and two signals to it


class Recorder(machine.Machine):
    """A machine whose terminal and log are files: a reader that is slow must not matter."""

    def __init__(self, words, rundir, com1, com2):
        super().__init__(words, rundir)
        self.ports = com1, com2

    def start(self, stopped=False, gdb_port=None):
        for path in self.ports:
            self.words += ["-serial", f"file:{path}"]
        self._spawn(self.words + self._stub(stopped, gdb_port))

    def follow(self, write, deadline):
        """Pass on what comes to the terminal until QEMU has ended. Returns False when the deadline
        passed first."""
        with open(self.ports[0], "rb") as terminal, open(self.ports[1], "rb") as log:
            while True:
                ended = self.process.poll() is not None
                write(terminal.read())
                self.log += log.read()
                self.log_started = self.log_started or (time.monotonic() if self.log else None)
                if ended:
                    return True
                if deadline and time.monotonic() >= deadline:
                    return False
                time.sleep(0.05)

    def end(self):
        """Have QEMU end by itself, as it then completes its log."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass

    def ticks(self):
        """CPU time of QEMU's threads but the main one, which we keep waking."""
        total, main = 0, str(self.process.pid)
        try:
            for thread in os.listdir(f"/proc/{main}/task"):
                if thread != main:
                    with open(f"/proc/{main}/task/{thread}/stat") as file:
                        fields = file.read().rsplit(")", 1)[1].split()
                    total += int(fields[11]) + int(fields[12])
        except (OSError, IndexError):
            pass  # it ends
        return total


def check(wanted, values):
    """Refuse what cannot be recorded."""
    if not wanted.argv:
        raise Refused("a recorded run has no input: give what to run by PROG=, ELF= or CMD=")
    for name in ("DISK", "KEEP", "TRACE", "FAULTS"):
        if values.get(name) not in (None, b"", b"0"):
            raise Refused(f"{name}= does not go with a recording, which keeps disks of its own and "
                          "in which nothing may depend on the host")
    if wanted.swap_file:
        raise Refused("SWAP= takes a size here: a recording keeps disks of its own")
    if wanted.accel != "tcg":
        raise Refused("ACCEL=kvm cannot be recorded, only tcg can")
    if wanted.smp != 1:
        raise Refused("SMP= is 1 in a recording: QEMU's record/replay is for one CPU")
    if wanted.firmware != "bios":
        raise Refused("FIRMWARE=uefi cannot be recorded, only bios can")


def check_room(folder):
    """Refuse to begin what would not fit."""
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise Refused(f"{folder} has {free // MIB} MiB free and a recording or its replay may need "
                      f"{ROOM // MIB}: make room")


def digest(path):
    """What tells a file from another one."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None


def qemu_version():
    """QEMU's own words: a log is read by the version that wrote it."""
    return run_tool(["qemu-system-x86_64", "--version"], "asking QEMU").decode().splitlines()[0]


def overlay(scratch, name, base):
    """An image for what is written to a disk of the recording; None for no disk."""
    if not base:
        return None
    path = os.path.join(scratch, f"{name}.qcow2")
    run_tool(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", os.path.abspath(base),
              path], "making an image on top of a disk")
    return path


def replayed(wanted, folder, rundir, scratch, mode):
    """QEMU's command line for a recording's folder."""
    root, swap, cd = (path if os.path.exists(path) else None for path in
                      (os.path.join(folder, name) for name in ("root.img", "swap.img", "cd.iso")))
    return machine.command(wanted, cd, overlay(scratch, "root", root),
                           overlay(scratch, "swap", swap), rundir,
                           machine.Replay(mode, os.path.join(folder, "replay.bin")))


# --- record ---

def make_disks(wanted, kernel, stage, limit):
    """The CD and the disks of the recording, under their names in its folder."""
    _, _, cd = runner.make_media(wanted, kernel, stage, False, limit)
    if wanted.ramdisk:
        os.unlink(os.path.join(stage, "root.img"))  # it is on the CD
    else:
        shutil.copyfile(cd, os.path.join(stage, "cd.iso"))


def write_card(stage, values, opts, wanted, **end):
    """recording.json: what the run was, and what must be as it was to replay it."""
    program = debug.program_file(wanted)
    card = {"format": FORMAT, "qemu": qemu_version(), "kernel": digest(opts["symbols"]),
            "program": program and os.path.abspath(program), "digest": program and digest(program),
            "knobs": {name: value.decode("latin-1") for name, value in values.items()
                      if value and name not in OWN}, **end}
    with open(os.path.join(stage, "recording.json"), "w", encoding="utf-8") as file:
        json.dump(card, file, indent=1)


def record(wanted, opts, values, scratch):
    """`make record`. Returns the exit status of the program, as `make run` does."""
    check(wanted, values)
    folder, rundir = opts["recording"], opts["rundir"]
    stage = os.path.join(scratch, "recording")
    limit = knobs.BATCH_LIMIT if wanted.limit is None else wanted.limit
    try:
        check_room(scratch)
        os.mkdir(stage)
        runner.empty_logs(wanted, rundir)
        make_disks(wanted, opts["kernel"], stage, limit)
        words = replayed(wanted, stage, rundir, scratch, "record")
        status, sentence, end = run_recorded(words, rundir, limit)
        if end == "failed":
            raise Refused(sentence)
        write_card(stage, values, opts, wanted, status=status, end=end)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(stage, folder)
    except OSError as error:
        raise Refused(f"the recording in {folder}: {error.strerror or error}") from None
    if sentence:
        runner.tell(sentence)
    size = sum(os.stat(os.path.join(folder, name)).st_blocks for name in os.listdir(folder)) * 512
    runner.tell(f"recorded in {folder}, {size / MIB:.1f} MiB: `make rewind` goes back in it")
    return status


def run_recorded(words, rundir, limit):
    """The run itself. Returns status, sentence or None, and its kind of end: "exit" where the
    kernel ended it, "cut" where somebody else did, "failed" where there is no recording."""
    terminal, log = (os.path.join(rundir, name) for name in ("terminal.log", "kernel.log"))
    vm = Recorder(words, rundir, terminal, log)
    deadline = time.monotonic() + runner.host_limit(limit) if limit else None
    try:
        vm.start()
        in_time = vm.follow(runner.write_out, deadline)
        if not in_time:
            vm.end()
    finally:
        rc = vm.stop()
    if not in_time:
        hung = (f"the machine hung: no end after {runner.host_limit(limit)} seconds"
                + runner.last_words(bytes(vm.log)))
        return runner.LIMIT, hung, "failed" if vm.stopped else "cut"
    status, sentence = runner.judge(vm, rc, rundir)
    kinds = {runner.REFUSED: "failed", runner.RESET: "cut"}
    return status, sentence, "exit" if rc in machine.EXITS else kinds.get(status, "exit")


# --- rewind ---

def read_card(folder):
    """recording.json, checked."""
    path = os.path.join(folder, "recording.json")
    try:
        with open(path, encoding="utf-8") as file:
            card = json.load(file)
        if card["format"] != FORMAT:
            raise Refused(f"{folder} is of another version of this tree: `make record PROG=` anew")
        known = {"qemu", "kernel", "program", "digest", "knobs", "status", "end"}
        if not known <= set(card) or not isinstance(card["knobs"], dict):
            raise ValueError
        card["knobs"] = {name: value.encode("latin-1") for name, value in card["knobs"].items()}
    except FileNotFoundError:
        raise Refused(f"there is no recording in {folder}: `make record PROG=cow` makes one"
                      ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{path} is damaged: `make record PROG=` anew") from None
    return card


def check_card(card, folder, values, opts):
    """Refuse to replay a recording of something else."""
    known = card["knobs"]
    for name, value in values.items():
        if value and name not in OWN and value != known.get(name):
            have = f"with {name}={known[name].decode()}" if name in known else f"without {name}="
            raise Refused(f"the recording in {folder} was made {have}: `make record` with "
                          f"{name}={os.fsdecode(value)} first")
    again = " ".join(f"{name}={value.decode(errors='replace')}" for name, value in known.items())
    if card["kernel"] != digest(opts["symbols"]):
        raise Refused("the recording was made with another kernel than "
                      f"{opts['symbols']}: `make record {again}` anew")
    if card["program"] and card["digest"] != digest(card["program"]):
        raise Refused(f"{card['program']} was built anew since: `make record {again}`")
    if card["qemu"] != qemu_version():
        raise Refused(f"the recording was made by {card['qemu']}, here is {qemu_version()}: "
                      f"`make record {again}` anew")
    for name in ["replay.bin", "cd.iso"]:
        if not os.path.isfile(os.path.join(folder, name)):
            raise Refused(f"{folder}/{name} is missing: `make record {again}` anew")


class Watch(threading.Thread):
    """Hurries a QEMU that replays, and ends one that hangs. gdb tells by a byte when it waits for
    QEMU (r) and when no longer (s); the virtual CPU is never idle meanwhile.

    A disk's answer, when it is its turn, waits for QEMU's main loop to wake. SIGIO wakes it: it
    arrives there by a file descriptor, and has no handler. Before QEMU is that far it would die of
    it; when gdb waits, it is."""

    def __init__(self, vm):
        super().__init__(daemon=True)
        self.vm, self.hung = vm, False
        self.end, self.gdbs = os.pipe()
        os.set_blocking(self.end, False)

    def run(self):
        waits, used, since = False, None, 0
        while self.vm.process.poll() is None:
            try:
                waits = os.read(self.end, 65536)[-1:] == b"r"
                used = None  # something happened
            except BlockingIOError:
                pass
            now = self.vm.ticks()
            if not waits or now != used:
                used, since = now, time.monotonic()
            elif time.monotonic() - since > FROZEN_SECONDS:
                self.hung = True
                self.vm.process.kill()
                runner.tell(f"QEMU hung: it did nothing for {FROZEN_SECONDS} seconds of the replay "
                            "and was ended. `make rewind` begins anew")
            self._hurry(waits)

    def _hurry(self, waits):
        for _ in range(LOOK // HURRY):
            time.sleep(HURRY / 1e6)
            if waits and self.vm.process.poll() is None:
                self.vm.process.send_signal(signal.SIGIO)


def rewind(wanted, opts, values, scratch):
    """`make rewind`. Returns gdb's exit status."""
    folder, rundir = opts["recording"], opts["rundir"]
    card = read_card(folder)
    check_card(card, folder, values, opts)
    debug.check(wanted)
    check_room(scratch)
    recorded = knobs.parse(card["knobs"], rundir)
    recorded.gdb_port, recorded.gdb_script = wanted.gdb_port, wanted.gdb_script
    runner.empty_logs(recorded, rundir)
    words = replayed(recorded, folder, rundir, scratch, "replay")
    state = os.path.join(scratch, "state.qcow2")  # where QEMU puts its snapshots
    run_tool(["qemu-img", "create", "-q", "-f", "qcow2", state, "1G"], "making an image")
    words += ["-drive", f"if=none,id=state,format=qcow2,cache=unsafe,file={machine.option(state)}"]
    vm = Recorder(words, rundir, os.devnull, os.devnull)
    vm.start(stopped=True, gdb_port=wanted.gdb_port)
    watch = Watch(vm)
    watch.start()
    try:
        env = dict(os.environ, FAULTLINE_WATCH=str(watch.gdbs))
        further = [f"source {COMMANDS}", f"python rewind_to({card['end']!r}, {card['status']})"]
        status, _ = debug.attend(vm, debug.gdb_command(recorded, opts["symbols"], further), env=env,
                                 pass_fds=(watch.gdbs,))
    finally:
        vm.stop()
    return runner.LIMIT if watch.hung else status
