# SPDX-License-Identifier: MIT
"""The machine: QEMU's command line, its process, and the bytes that go in and out of it.

COM1 and COM2 are socket pairs that QEMU inherits, so nothing has a name that two runs could fight
over, and the end of QEMU is the end of the stream. COM1 is the terminal, COM2 the kernel's log.
"""
import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time
from collections import namedtuple

from knobs import MIB, Refused

OVMF = "/usr/share/ovmf/OVMF.fd"
ESCAPE, END_OF_INPUT, WINDOW_SIZE = b"\x10", b"\x10e", b"\x10w"
# The kernel logs one of these once its receiver is on; a byte sent earlier is lost. A kernel that
# is told to print less gets its input this many seconds after the first word of its log.
READY, READY_PATIENCE = re.compile(rb"boot: \S+ runs|ttyS0.*ready"), 1.0
# UEFI firmware talks on both ports: there the kernel begins with the first line that has a time.
KERNEL_LINE = re.compile(rb"^\[ *\d+\.\d+\]", re.MULTILINE)
LOG_KEPT = 256 << 10
# A guest writes byte by byte: wait this long, in seconds, for more before passing on a few bytes.
GATHER, FEW = 0.0005, 256
PR_SET_PDEATHSIG = 1
# What isa-debug-exit makes (2 * code + 1) of the codes in arch/x86_64/include/asm/processor.h.
EXITS = RC_POWER_OFF, RC_PANIC, RC_BOOT_FAILURE, RC_LIMIT = 33, 35, 37, 39


class Quit(Exception):
    """The person at the terminal asked to leave (Ctrl-A X)."""


def option(text):
    """A value within a comma separated QEMU option."""
    return text.replace(",", ",,")


# QEMU's record/replay of a run: "record" or "replay", and the file of what came from outside.
Replay = namedtuple("Replay", "mode log")


def replayed(name, image):
    """A drive whose requests end when the record of the run says so."""
    return ["-drive", f"if=none,id={name}-image,{image}",
            "-drive", f"if=none,id={name},driver=blkreplay,image={name}-image"]


def drive(name, path, cache, replay=None):
    """A virtio-blk disk (modern only, 1af4:1042); with replay, path is a qcow2 image."""
    if replay:
        words = replayed(name, f"format=qcow2,cache=unsafe,file={option(path)}")
    else:
        # The host's disk is full: an I/O error for the guest. By default QEMU stops it, unseen.
        words = ["-drive", f"if=none,id={name},format=raw,cache={cache},werror=report,"
                 f"file={option(path)}"]
    return words + ["-device", f"virtio-blk-pci,drive={name},disable-legacy=on"]


def cd_drive(iso, replay):
    """The CD that the machine boots from."""
    if not replay:
        return ["-cdrom", iso]
    words = replayed("cd", f"format=raw,readonly=on,file={option(iso)}")
    words[-1] += ",readonly=on"
    return words + ["-device", "ide-cd,drive=cd"]


def clock(knobs, replay):
    """How time goes on."""
    if replay:
        # sleep=off hangs here. vapic: the patching of code that accesses the local APIC's TPR, for
        # which loading a snapshot waits for a CPU that waits for the loading (QEMU 7.2).
        return ["-icount", f"shift=0,rr={replay.mode},rrfile={option(replay.log)}",
                "-global", "apic-common.vapic=off"]
    return ["-icount", "shift=0,sleep=off"] if knobs.icount else []


def command(knobs, iso, root, swap, rundir, replay=None):
    """QEMU's command line without the two serial ports, which Machine adds."""
    words = ["qemu-system-x86_64", "-nodefaults", "-machine", "pc", "-accel", knobs.accel,
             "-cpu", "max", "-m", f"{knobs.mem // MIB}M", "-smp", str(knobs.smp),
             "-vga", "none", "-display", "none", "-monitor", "none", "-no-reboot",
             "-boot", "order=d", *cd_drive(iso, replay)]
    # A disk made for this run does not outlive it; one of the user's is treated with care.
    if not knobs.ramdisk:
        words += drive("root", root, "writeback" if knobs.disk else "unsafe", replay)
    if swap:
        words += drive("swap", swap, "writeback" if knobs.swap_file else "unsafe", replay)
    words += ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    if knobs.firmware == "uefi":
        words += ["-bios", OVMF]
    words += clock(knobs, replay)
    if knobs.exact:
        words += ["-rtc", "base=2026-01-01,clock=vm", "-seed", str(knobs.race_seed)]
    if knobs.accel == "tcg":
        words += ["-d", "cpu_reset", "-D", os.path.join(rundir, "qemu.log")]
    return words + knobs.qemu_args


def framed(data):
    """Bytes of input as the kernel's tty=framed and tty=keys want them."""
    return data.replace(ESCAPE, ESCAPE * 2)


class Framed:
    """Input that is not a terminal: any bytes, then the end. fd None: nothing, and no end."""
    eager, patience = False, None

    def __init__(self, fd):
        self.fd = fd

    def take(self, data):
        """What to send for the bytes read; b"" read is the end of input."""
        if data:
            return framed(data)
        self.fd = None
        return END_OF_INPUT

    def news(self):
        """What to send of its own accord."""
        return b""


class Keys:
    """Input from a terminal in raw mode, and its size. Ctrl-A X leaves, Ctrl-A A is Ctrl-A."""
    eager = True  # read before the kernel is ready too: Ctrl-A X must always work
    patience = 0.3  # seconds, to look at the size again

    def __init__(self, fd):
        self.fd, self.prefix, self.size = fd, False, None

    def take(self, data):
        """What to send for the keys typed; raises Quit."""
        if not data:
            raise Quit
        send = bytearray()
        for key in data:
            if self.prefix:
                self.prefix = False
                if key in b"xX":
                    raise Quit
                if key in b"aA\x01":
                    send.append(1)
            elif key == 1:
                self.prefix = True
            else:
                send.append(key)
        return framed(bytes(send))

    def news(self):
        """The size of the window when it is another one than before."""
        try:
            size = os.get_terminal_size(self.fd)
        except OSError:
            size = self.size
        if size == self.size or not all(size):
            return b""
        self.size = size
        return WINDOW_SIZE + struct.pack(">HH", size.lines & 0xffff, size.columns & 0xffff)


class Machine:
    """One QEMU. start(), pump() until it ends, and stop() in every case."""
    TRIPLE_FAULT = "Triple fault"  # as qemu.log says it

    def __init__(self, words, rundir, drain=None):
        self.words, self.rundir = words, rundir
        self.drain = drain      # takes out the recorder's records, or None
        self.lost = 0           # records; after stop()
        self.process = self.com1 = self.com2 = None
        self.log_file = None    # kernel.log; QEMU's logfile= holds bytes twice that had to wait
        self.log = bytearray()  # the last LOG_KEPT bytes of the kernel's log
        self.stopped = None     # signal by which stop() ended QEMU, if it had to
        self.pending = b""      # input read but not yet sent
        self.ready = False
        self.uefi = OVMF in (words or [])
        self.log_started = None # when the kernel's first words came

    def start(self, stopped=False, gdb_port=None):
        """Start QEMU, with its CPUs stopped and a gdb stub if asked for. Raises Refused."""
        self.com1, far1 = socket.socketpair()
        self.com2, far2 = socket.socketpair()
        words = self.words + ["-chardev", f"socket,id=com1,fd={far1.fileno()}",
                              "-serial", "chardev:com1",
                              "-chardev", f"socket,id=com2,fd={far2.fileno()}",
                              "-serial", "chardev:com2"]
        if self.drain:
            words += self.drain.words()
            self.drain.start()
        try:
            self._spawn(words + self._stub(stopped, gdb_port),
                        (far1.fileno(), far2.fileno()) + self._drain_fd())
        finally:
            far1.close()
            far2.close()
        self.com1.setblocking(False)
        self.com2.setblocking(False)

    @staticmethod
    def _stub(stopped, gdb_port):
        return (["-gdb", f"tcp:127.0.0.1:{gdb_port}"] if gdb_port else []) + ["-S"] * stopped

    def _drain_fd(self):
        return (self.drain.fd,) if self.drain else ()

    def _spawn(self, words, fds=()):
        prctl = ctypes.CDLL(None).prctl
        self.log_file = open(os.path.join(self.rundir, "kernel.log"), "wb", buffering=0)
        errors = open(os.path.join(self.rundir, "qemu.err"), "wb")
        try:
            # A session of its own: Ctrl-C on the terminal is for us, or for gdb, not for QEMU. And
            # it goes when we go, even by SIGKILL.
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                start_new_session=True, pass_fds=fds,
                preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        except FileNotFoundError:
            raise Refused(f"{words[0]} is missing: type `make doctor`") from None
        finally:
            errors.close()

    def stop(self):
        """End QEMU if it still runs. Returns its exit status (negative: a signal)."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.kill()
            self.stopped = signal.SIGKILL
        for end in (self.com1, self.com2, self.log_file):
            if end:
                end.close()
        status = self.process.wait()
        if self.drain:
            self.lost = self.drain.stop()
        return status

    def pump(self, source, write, deadline):
        """Move bytes until QEMU has ended: source's to COM1, COM1's to write(). Returns False when
        the deadline (time.monotonic(), or None) passed first. No more is read than was sent on."""
        outputs = [self.com1, self.com2]
        while outputs:
            if deadline and time.monotonic() >= deadline:
                return False
            self.pending = self.pending or source.news()
            reads = outputs[:]
            if source.fd is not None and not self.pending and (self.ready or source.eager):
                reads.append(source.fd)
            writes = [self.com1] if self.pending and self.ready and self.com1 in outputs else []
            readable, writable, _ = select.select(reads, writes, [], self._patience(deadline, source))
            if self.com2 in readable and not self._take_log():
                outputs.remove(self.com2)
            if self.com1 in readable:
                data = self._receive(self.com1)
                if data:
                    if self.log_started or not self.uefi:
                        write(data)
                    if len(data) < FEW and not source.eager:
                        time.sleep(GATHER)
                else:
                    outputs.remove(self.com1)
            if writable:
                self._send()
            if source.fd in readable:
                self.pending = source.take(self._read(source.fd))
            if self.log_started and time.monotonic() - self.log_started > READY_PATIENCE:
                self.ready = True
        self.process.wait()
        return True

    def _patience(self, deadline, source):
        """Seconds to sleep at most."""
        now, ends = time.monotonic(), []
        if source.patience:
            ends.append(source.patience)
        if deadline:
            ends.append(deadline - now)
        if self.log_started and not self.ready:
            ends.append(self.log_started + READY_PATIENCE - now + 0.01)
        return max(0, min(ends)) if ends else None

    @staticmethod
    def _read(fd):
        """Bytes of input; b"" at its end, and where it cannot be read at all."""
        try:
            return os.read(fd, 4096)
        except OSError:
            return b""

    @staticmethod
    def _receive(end):
        """Bytes from a serial port that is readable; b"" when QEMU has closed it."""
        try:
            return end.recv(65536)
        except ConnectionError:
            return b""

    def _take_log(self):
        """Read the kernel's log. Returns False at its end."""
        data = self._receive(self.com2)
        self.log += data
        self.log_file.write(data)
        if not self.log_started and (KERNEL_LINE.search(self.log) if self.uefi else self.log):
            self.log_started = time.monotonic()
        if not self.ready and READY.search(self.log):
            self.ready = True
        del self.log[:-LOG_KEPT]
        return bool(data)

    def _send(self):
        try:
            self.pending = self.pending[self.com1.send(self.pending):]
        except BlockingIOError:
            pass
        except ConnectionError:
            self.pending = b""
