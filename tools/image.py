#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The disks of a run: the ext2 root disk and the swap disk, both sparse files.

As a program: `tools/image.py OUT [OVERLAY]` writes a root disk for use with DISK=.
"""
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile

import debian
from knobs import MIB, Refused, top

DISK_SIZE = 64 * MIB
RAM_DISK_ROOM = 2 * MIB  # for what programs write
PACKAGES_ROOM = 192 * MIB  # the same, of Debian's programs
PACKAGES_ENV = b"PATH=/usr/bin:/usr/sbin\0HOME=/root\0USER=root\0SHELL=/bin/sh\0TERM=linux\0"
UUID = "fa017000-0000-4000-8000-000000000001"
SWAP_UUID = "fa017000-0000-4000-8000-000000000002"
# <elf.h>
ET_EXEC, ET_DYN, EM_X86_64, PT_INTERP, PHDR = 2, 3, 62, 3, struct.Struct("<IIQQQQQQ")


def run_tool(command, what):
    """Run a host tool; its own words go into the sentence when it fails."""
    env = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C",
               MKE2FS_CONFIG=os.devnull)
    try:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is missing: type `make doctor`") from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()
        raise Refused(f"{what}: {command[0]} failed: {said}")
    return done.stdout


def guest_path(root, path):
    """Where an absolute path of the guest lies in the tree of its root disk, symbolic links followed
    as the guest follows them; None if there is nothing."""
    at, names = root, [name for name in reversed(path.split("/")) if name]
    for _ in range(1000):  # more is a circle of links
        if not names:
            return at if os.path.exists(at) else None
        name = names.pop()
        if name == "..":
            at = os.path.dirname(at) if at != root else root
        elif os.path.islink(os.path.join(at, name)):
            link = os.readlink(os.path.join(at, name))
            at = root if link.startswith("/") else at
            names += [part for part in reversed(link.split("/")) if part]
        elif name != ".":
            at = os.path.join(at, name)
    return None


def check_elf(path, root):
    """Refuse what the kernel cannot run: anything but an x86-64 ELF executable that is static, or
    whose interpreter is in the tree of the root disk."""
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            if head[:4] != b"\x7fELF":
                raise Refused(f"ELF={path} is not an ELF file")
            head = head.ljust(64, b"\0")
            kind, arch = struct.unpack_from("<HH", head, 16)
            if head[4:6] != b"\x02\x01" or arch != EM_X86_64:
                raise Refused(f"ELF={path} is not for x86-64; build it with `musl-gcc -static`")
            if kind not in (ET_EXEC, ET_DYN):
                raise Refused(f"ELF={path} is not an executable: link it with `musl-gcc -static`")
            offset, = struct.unpack_from("<Q", head, 32)
            entry_size, count = struct.unpack_from("<HH", head, 54)
            for i in range(count if entry_size == PHDR.size else 0):
                file.seek(offset + i * PHDR.size)
                header = file.read(PHDR.size).ljust(PHDR.size, b"\0")
                segment, _, start, _, _, length, _, _ = PHDR.unpack(header)
                if segment == PT_INTERP:
                    file.seek(start)
                    wants = file.read(min(length, 200)).rstrip(b"\0").decode(errors="replace")
                    if not guest_path(root, wants):
                        raise Refused(f"ELF={path} is dynamically linked and its interpreter {wants} "
                                      "is not on the root disk: build it with `musl-gcc -static`, or "
                                      "bring its libraries with OVERLAY=")
    except OSError as error:
        raise Refused(f"ELF={path}: {error.strerror}") from None


def put(source, target):
    """Place a file in the tree: as a hard link, for speed, or as a copy on another file system."""
    if os.path.lexists(target):
        if os.path.isdir(target) and not os.path.islink(target):
            raise Refused(f"{source}: the root disk has a folder of that name")
        os.unlink(target)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def write(root, path, content):
    """Write a small file into the tree; the old one may be a hard link and is not touched."""
    target = os.path.join(root, path)
    if os.path.lexists(target):
        os.unlink(target)
    with open(target, "wb") as file:
        file.write(content)


def add_overlay(root, overlay):
    """Add a folder's files, folders and symbolic links; what is neither is left out."""
    if not os.path.isdir(overlay):
        raise Refused(f"OVERLAY={overlay} is not a folder")
    for folder, folders, files in os.walk(overlay):
        inside = os.path.join(root, os.path.relpath(folder, overlay))
        for name in list(folders) + files:
            source, target = os.path.join(folder, name), os.path.join(inside, name)
            mode = os.lstat(source).st_mode
            if stat.S_ISDIR(mode):
                if os.path.islink(target) and os.readlink(target) in debian.MERGED.values():
                    continue
                if os.path.islink(target) or os.path.isfile(target):
                    raise Refused(f"{source}: the root disk has a file of that name")
                os.makedirs(target, exist_ok=True)
                shutil.copystat(source, target)
            elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                put(source, target)


def our_programs():
    """Names of the programs of user/ that are built; what a removed source left is not one."""
    try:
        names = os.listdir(top("build/user"))
    except FileNotFoundError:
        return []
    return sorted(name for name in names if os.path.exists(top(f"user/{name}.c")))


def add_busybox(root):
    """Debian's busybox as shell and tools: each applet, where it says that it belongs."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Refused("busybox is missing: type `make doctor`")
    for folder in ("bin", "sbin", "usr/bin", "usr/sbin"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    first = os.path.join(root, "bin/busybox")
    if not os.path.exists(first):
        shutil.copy2(busybox, first)
    for applet in run_tool([busybox, "--list-full"], "listing its applets").decode().split():
        target = os.path.join(root, applet)
        if "/" in applet and not os.path.lexists(target):
            os.link(first, target)


def stage(root, knobs):
    """Build the tree of the root disk in the empty folder root. What a package brings counts."""
    if knobs.packages:
        add_overlay(root, debian.tree(knobs.packages))
        write(root, "etc/init.env", PACKAGES_ENV)
    for folder in ("bin", "dev", "etc", "mnt", "proc", "root", "tmp", "var"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    for name in os.listdir(top("user/etc")):
        if not os.path.lexists(os.path.join(root, "etc", name)):
            shutil.copy(top(f"user/etc/{name}"), os.path.join(root, "etc", name))
    os.symlink("/proc/mounts", os.path.join(root, "etc/mtab"))
    bin_dir = os.path.join(root, "bin")
    taken = set(os.listdir(bin_dir)) - {"init"}
    add_busybox(root)
    for name in (name for name in our_programs() if name not in taken):
        put(top(f"build/user/{name}"), os.path.join(bin_dir, name))
    put(top("build/user/init"), os.path.join(root, "sbin/init"))
    if knobs.overlay:
        add_overlay(root, knobs.overlay)
    if knobs.elf:
        check_elf(knobs.elf, root)
        program = os.path.join(root, "root", os.path.basename(knobs.elf))
        if os.path.lexists(program):  # the overlay's, maybe a hard link
            os.unlink(program)
        shutil.copyfile(knobs.elf, program)
        os.chmod(program, 0o755)
    if knobs.argv:
        program = os.path.join(os.fsencode(root), knobs.argv[0].lstrip(b"/"))
        if not os.path.lexists(program):
            raise Refused(f"there is no program {os.fsdecode(knobs.argv[0])} on the root disk; "
                          "user/ has: " + " ".join(n for n in our_programs() if n != "init"))
        write(root, "etc/init.argv", b"".join(word + b"\0" for word in knobs.argv))


def tree_size(root):
    """Bytes the tree needs at most: each file once, in 4 KiB blocks, with its inode and name."""
    seen, total = set(), 0
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            info = os.lstat(os.path.join(folder, name))
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += 4096 + (info.st_size + 4095) // 4096 * 4104
    return total


def make_root(path, knobs):
    """Make the root disk as the sparse file path: DISK_SIZE, or more where the content needs it."""
    beside = os.path.dirname(os.path.abspath(path))
    with tempfile.TemporaryDirectory(dir=beside, prefix="root.") as root:
        os.chmod(root, 0o755)
        stage(root, knobs)
        need = tree_size(root) * 33 // 32 + MIB // 2
        least, room = (0, RAM_DISK_ROOM) if knobs.ramdisk else \
            (DISK_SIZE, PACKAGES_ROOM if knobs.packages else 8 * MIB)
        size = knobs.disk_size or max(least, (need + room) // MIB * MIB)
        if size < need:
            raise Refused(f"DISK_SIZE={size >> 10}K is too small: the files need {need >> 10}K")
        with open(path, "wb") as file:
            file.truncate(size)
        run_tool(["mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-I", "128", "-m", "0",
                  "-O", "none,filetype,sparse_super", "-L", "faultline", "-U", UUID,
                  "-E", f"hash_seed={UUID},root_owner=0:0,nodiscard", "-d", root, path],
                 f"making a root disk of {size // MIB} MiB")


def put_argv(disk, argv):
    """Have pid 1 of an existing root disk run argv: replaces /etc/init.argv and nothing else."""
    what = f"DISK={disk}: setting the program to run"
    content = b"".join(word + b"\0" for word in argv)
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        run_tool(["debugfs", "-w", "-R", "rm /etc/init.argv", disk], what)
        run_tool(["debugfs", "-w", "-R", f"write {file.name} /etc/init.argv", disk], what)
    # debugfs ends with status 0 whatever happened, so look.
    if not run_tool(["debugfs", "-R", "cat /etc/init.argv", disk], what).endswith(content):
        raise Refused(f"{what} failed: it is not an ext2 image, or has no room")


def make_swap(path, size):
    """Make a swap disk of size bytes as the sparse file path."""
    with open(path, "wb") as file:
        os.chmod(path, 0o600)
        file.truncate(size)
    run_tool(["mkswap", "-U", SWAP_UUID, path], f"making a swap disk of {size >> 10} KiB")


def main():
    from types import SimpleNamespace
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: tools/image.py OUT [OVERLAY]")
    overlay = sys.argv[2] if len(sys.argv) == 3 else None
    try:
        make_root(sys.argv[1],
                  SimpleNamespace(elf=None, argv=None, overlay=overlay, disk_size=None,
                                  ramdisk=False, packages=[]))
    except Refused as refusal:
        sys.exit(f"faultline: {refusal}")


if __name__ == "__main__":
    main()
