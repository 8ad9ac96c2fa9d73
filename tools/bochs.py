# SPDX-License-Identifier: MIT
"""`make bochs`: the machine of `make run` as Bochs makes it. Slow, but closer to a CPU than QEMU's
TCG in what this kernel is about: PCID and INVPCID, global pages that stay, x2APIC, error codes, and
other CPUs that start as slowly as real ones.

It has no virtio: the root disk comes with the kernel (RAMDISK=1), and there is no swap. The serial
ports are TCP connections that it opens to us.
"""
import os
import re
import socket

import machine
from knobs import MIB, Refused

SHARE = "/usr/share/bochs"
CONFIG = """\
display_library: rfb, options="timeout=0"
cpu: model=tigerlake, count={smp}, ips=50000000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{com1}
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{com2}
clock: sync=none, time0=local
log: "{rundir}/qemu.log"
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
"""
CONNECT_SECONDS = 30
# How the log tells what QEMU tells by its exit status; the last one found counts.
ENDS = [(rb"power-off: status \d+", machine.RC_POWER_OFF), (rb"kernel panic: ", machine.RC_PANIC),
        (rb"boot failure: ", machine.RC_BOOT_FAILURE), (rb"time limit of \d+ s", machine.RC_LIMIT)]


def check(knobs):
    """Refuse knobs of machines that Bochs is not."""
    for name, given in (("ACCEL", knobs.accel != "tcg"), ("ICOUNT", knobs.icount),
                        ("FIRMWARE", knobs.firmware != "bios"), ("QEMU_ARGS", knobs.qemu_args),
                        ("FAULTS", knobs.faults), ("TRACE", knobs.trace)):
        if given:
            raise Refused(f"{name}= is for QEMU; make bochs does without")


class Bochs(machine.Machine):
    """One run of Bochs."""
    TRIPLE_FAULT = "exception with no resolution"

    def __init__(self, knobs, iso, rundir):
        super().__init__(None, rundir)
        self.config = {"smp": knobs.smp, "mem": knobs.mem // MIB, "iso": os.path.abspath(iso),
                       "rundir": os.path.abspath(rundir), "share": SHARE}

    def start(self, stopped=False, gdb_port=None):
        """As Machine.start(); there is no gdb stub."""
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        paths = [os.path.join(self.rundir, name) for name in ("bochsrc", "bochs.cmd")]
        com1, com2 = (end.getsockname()[1] for end in listeners)
        with open(paths[0], "w") as file:
            file.write(CONFIG.format(com1=com1, com2=com2, **self.config))
        with open(paths[1], "w") as file:
            file.write("continue\n")  # Debian's build begins in its debugger
        try:
            self._spawn(["bochs", "-q", "-f", paths[0], "-rc", paths[1]])
            self.com1, self.com2 = map(self._accept, listeners)
        finally:
            for end in listeners:
                end.close()

    def _accept(self, listener):
        """The connection that Bochs makes to a serial port."""
        listener.settimeout(0.2)
        for _ in range(5 * CONNECT_SECONDS):
            try:
                end, _ = listener.accept()
                end.setblocking(False)
                return end
            except TimeoutError:
                if self.process.poll() is not None:
                    break
        with open(os.path.join(self.rundir, "qemu.err"), errors="replace") as file:
            raise Refused("Bochs did not start: " + file.read().strip()[-500:])

    def stop(self):
        """As Machine.stop(), with QEMU's statuses."""
        rc = super().stop()
        if self.stopped or rc is None:
            return rc
        found = [(match.start(), code) for text, code in ENDS
                 for match in re.finditer(text, self.log)]
        return max(found)[1] if found else 0
