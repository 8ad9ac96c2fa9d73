#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's own Linux in the same QEMU, on the same disks, with the same programs: the other side of
every comparison.

    fetch() -> path of vmlinuz          Linux(rundir).run(argv or script, ...) -> (bytes, status)

The kernel is the cloud package that linux-image-cloud-amd64 stands for, fetched by `apt-get
download` and unpacked in build/linux/; nothing is installed and no list of apt's is changed. As a
program: `tools/linux.py [-m MEM] [-p PACKAGES] [-e FILE]... [-l SECONDS] SCRIPT` runs a shell script (by
busybox); FILE, a program of one's own, say, is put into /root, as by ELF= of `make run`.
"""
import argparse
import fcntl
import glob
import os
import re
import shutil
import sys
import tempfile
import time
from types import SimpleNamespace

import debian
import image
import knobs
import machine
from knobs import Refused, top

META = "linux-image-cloud-amd64"
CONCRETE = re.compile(r"Depends: (linux-image-\d\S*-cloud-amd64)\s*$", re.MULTILINE)
FIXED = ("console=ttyS1 quiet nokaslr norandmaps mitigations=off cgroup_disable=memory "
         "transparent_hugepage=never panic=-1")
# In the order of their dependencies; one that a kernel does not have is built into it.
MODULES = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev",
           "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci", "block/virtio_blk")
# As on Faultline: COM1 is the program's terminal, COM2 the kernel's. pid 1 is a shell of the
# initramfs and Faultline's own init its child, since Linux panics when pid 1 ends. A change of a
# terminal's settings waits until all was written.
INIT = b"""#!/bin/sh
fail() { echo "initramfs: $*" >/dev/ttyS1; poweroff -f; }
mount -t devtmpfs dev /dev
for m in %s; do insmod /lib/$m || fail "cannot load $m"; done
i=0
while [ ! -b /dev/%s ] && [ $i -lt 100 ]; do usleep 50000; i=$((i + 1)); done
mount -t ext2 /dev/vda /root || fail "cannot mount the root disk"
[ ! -b /dev/vdb ] || swapon /dev/vdb || fail "no swap on /dev/vdb"
mount --move /dev /root/dev
ln -s /proc/self/fd /root/dev/fd; mkdir /root/dev/shm
for name in stdin:0 stdout:1 stderr:2; do ln -s fd/${name#*:} /root/dev/${name%%:*}; done
exec 3<>/root/dev/ttyS0
stty raw -echo <&3
chroot /root /bin/init </root/dev/null >&3 2>&1 3>&-
status=$?
stty raw -echo <&3
echo "power-off: status $status" >/root/dev/ttyS1
poweroff -f
"""


def _download(folder, options):
    """The package file, downloaded to folder with apt's lists as options say; else what it said."""
    _, said = debian.call(["apt-cache", *options, "depends", META])
    match = CONCRETE.search(said)
    if not match:
        return None, said.strip() or f"apt knows no {META}"
    status, said = debian.call(["apt-get", *options, "download", match[1]], cwd=folder)
    found = glob.glob(os.path.join(folder, match[1] + "_*.deb"))
    return (found[0], said) if status == 0 and found else (None, said)


def _fetch_package(folder):
    """The package file, with the machine's lists or, if they do not do, with fresh ones of ours."""
    package, said = debian.with_lists(folder, lambda options: _download(folder, options))
    if package:
        return package
    raise Refused(f"apt-get cannot download Debian's kernel package {META} "
                  f"({debian.last_line(said)}); "
                  "mend the network or /etc/apt, or unpack the package it stands for with "
                  f"`dpkg-deb -x FILE {folder}/unpacked`, and try again")


def fetch():
    """The path of Linux's vmlinuz; the package is downloaded the first time. Raises Refused."""
    folder = top("build/linux")
    os.makedirs(folder, exist_ok=True)
    unpacked = os.path.join(folder, "unpacked")
    with open(os.path.join(folder, "lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two judges may ask at once
        if not os.path.isdir(unpacked):
            package = _fetch_package(folder)
            fresh = tempfile.mkdtemp(dir=folder)
            status, said = debian.call(["dpkg-deb", "-x", package, fresh])
            if status:
                raise Refused(f"dpkg-deb cannot unpack {package}: {said.strip()}; remove that file "
                              "and try again")
            os.rename(fresh, unpacked)
    found = sorted(glob.glob(os.path.join(unpacked, "boot/vmlinuz-*")))
    if not found:
        raise Refused(f"{unpacked} holds no boot/vmlinuz-*; remove that folder and try again")
    return found[-1]


def version():
    """The name of the kernel that fetch() gives, such as 6.1.0-56-cloud-amd64."""
    return os.path.basename(fetch()).removeprefix("vmlinuz-")


class Cpio:
    """An archive in the format `newc` (Linux Documentation/driver-api/early-userspace/
    buffer-format.rst)."""

    def __init__(self):
        self.bytes, self.inode = bytearray(), 1

    def add(self, name, mode, data=b""):
        """A file (mode 0o100...), folder (0o040...) or symbolic link (0o120...)."""
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        self.inode += 1
        for part in (b"070701" + b"".join(b"%08x" % f for f in fields) + path, data):
            self.bytes += part + b"\0" * (-len(part) % 4)


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def make_initramfs(path, vmlinuz, disk):
    """Write the initramfs: busybox, the drivers of the disks, and INIT, which waits for disk."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Refused("busybox is missing: type `make doctor`")
    release = os.path.basename(vmlinuz).removeprefix("vmlinuz-")
    drivers = os.path.join(os.path.dirname(vmlinuz), "../lib/modules", release, "kernel/drivers")
    found = [name for name in (os.path.join(drivers, m + ".ko") for m in MODULES)
             if os.path.exists(name)]
    archive = Cpio()
    for folder in ("bin", "dev", "lib", "root"):
        archive.add(folder, 0o040755)
    archive.add("bin/busybox", 0o100755, _read(busybox))
    for applet in "chroot insmod ln mkdir mount poweroff sh stty swapon usleep".split():
        archive.add("bin/" + applet, 0o120777, b"busybox")
    for name in found:
        archive.add("lib/" + os.path.basename(name), 0o100644, _read(name))
    names = " ".join(os.path.basename(name) for name in found)
    archive.add("init", 0o100755, INIT % (names.encode(), disk.encode()))
    archive.add("TRAILER!!!", 0)
    with open(path, "wb") as file:
        file.write(archive.bytes)


def _make_disks(scratch, argv, swap, overlay, packages):
    """The root disk, as Faultline has it, and the swap disk (or None)."""
    tree = os.path.join(scratch, "overlay")
    os.mkdir(tree)
    for name, path in (overlay or {}).items():
        target = os.path.join(tree, name.lstrip("/") if "/" in name else "bin/" + name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.isfile(path):
            raise Refused(f"{path}: there is no such file; build it first")
        shutil.copy2(path, target)
    root = os.path.join(scratch, "root.img")
    image.make_root(root, SimpleNamespace(elf=None, argv=argv, overlay=tree, disk_size=None,
                                          ramdisk=False, packages=packages))
    if not swap:
        return root, None
    path = os.path.join(scratch, "swap.img")
    image.make_swap(path, knobs.size("SWAP", swap))
    return root, path


def _command(vmlinuz, initramfs, root, swap, wanted):
    """QEMU's command line without the serial ports: Faultline's machine with another kernel."""
    words = ["qemu-system-x86_64", "-nodefaults", "-machine", "pc", "-accel", "tcg",
             "-cpu", wanted.cpu, "-m", wanted.mem, "-smp", str(wanted.smp),
             "-vga", "none", "-display", "none", "-monitor", "none", "-no-reboot",
             "-kernel", vmlinuz, "-initrd", initramfs, "-append", f"{FIXED} {wanted.append}"]
    words += machine.drive("root", root, "unsafe")
    if swap:
        words += machine.drive("swap", swap, "unsafe")
    if wanted.icount:
        words += ["-icount", "shift=0,sleep=off"]
    return words + list(wanted.qemu_args)


class Linux:
    """Linux, run after run. After a run, log is what its kernel said (and rundir/kernel.log)."""

    def __init__(self, rundir=None):
        self.rundir = rundir or top("build/linux/run")
        self.log = b""

    def run(self, program, *, mem="128M", smp=1, icount=False, cpu=None, append="", swap="64M",
            overlay=None, packages=(), limit=120, qemu_args=()):
        """Boot, run program (a list of words, or a string for /bin/ash -c), power off.

        Returns (bytes it wrote to its terminal, its exit status as a shell says it). overlay is
        {name: file of the host}; a name without a slash is one in /bin. packages are Debian's, which
        make the rest of the root disk. cpu is max without 5-level
        tables, and under icount without ERMS too. limit is in seconds of the host's time. Raises
        Refused if Linux cannot be had, does not boot, panics or does not end in time; what the
        program wrote until then is in the attribute output.
        """
        argv = ["/bin/ash", "-c", program] if isinstance(program, (str, bytes)) else program
        argv = [os.fsencode(word) for word in argv]
        cpu = cpu or ("max,la57=off,-erms" if icount else "max,la57=off")
        wanted = SimpleNamespace(mem=mem, smp=smp, icount=icount, cpu=cpu, append=append,
                                 qemu_args=qemu_args)
        vmlinuz = fetch()
        os.makedirs(self.rundir, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.rundir, prefix="disks.") as scratch:
            root, swap_disk = _make_disks(scratch, argv, swap, overlay, packages)
            initramfs = os.path.join(scratch, "initramfs")
            make_initramfs(initramfs, vmlinuz, "vdb" if swap else "vda")
            return self._boot(_command(vmlinuz, initramfs, root, swap_disk, wanted), limit)

    def _boot(self, words, limit):
        self.output, parts = b"", []
        vm = machine.Machine(words, self.rundir)
        try:
            vm.start()
            in_time = vm.pump(machine.Framed(None), parts.append, time.monotonic() + limit)
        finally:
            status = vm.stop()
            self.output, self.log = b"".join(parts), bytes(vm.log)
        ends = re.findall(rb"power-off: status (\d+)", self.log)
        if in_time and status == 0 and ends:
            return self.output, int(ends[-1])
        how = "came to its end without one of the program" if in_time else \
            f"was not done after {limit} seconds"
        said = self.log.decode(errors="replace").strip() or self._qemu_said()
        raise Refused(f"Linux {how} (whole log: {os.path.join(self.rundir, 'kernel.log')})"
                      + "".join(f"\n  | {line}" for line in said.splitlines()[-12:]))

    def _qemu_said(self):
        return _read(os.path.join(self.rundir, "qemu.err")).decode(errors="replace").strip()


def run(program, **options):
    """Linux().run(): for who needs one run and no log."""
    return Linux().run(program, **options)


def main():
    parser = argparse.ArgumentParser(prog="tools/linux.py", description="a shell script on Linux")
    parser.add_argument("-m", dest="mem", default="128M", help="RAM")
    parser.add_argument("-p", dest="packages", default="", help="Debian packages on the root disk")
    parser.add_argument("-e", dest="files", default=[], action="append", metavar="FILE",
                        help="file to put into /root, such as a program of your own")
    parser.add_argument("-l", dest="limit", default=120, type=int, help="seconds of time")
    parser.add_argument("script")
    asked = parser.parse_args()
    try:
        knobs.size("MEM", asked.mem)  # QEMU's own complaint is a long one
        output, status = run(asked.script, mem=asked.mem, packages=asked.packages.split(),
                             overlay={f"/root/{os.path.basename(f)}": f for f in asked.files},
                             limit=asked.limit)
    except Refused as refusal:
        sys.exit(f"faultline: {refusal}")
    sys.stdout.buffer.write(output)
    return status


if __name__ == "__main__":
    sys.exit(main())
