# SPDX-License-Identifier: MIT
"""Damaged disks, swap areas and programs: a sentence that names the cause, no crash, no hang."""
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import time

from harness import check, overlay, program, run, start, tmp, TOP

BOOT_FAILURE, PANIC, RESET, LIMIT, REFUSED = 120, 121, 122, 123, 124
MIB, BLOCK = 1 << 20, 4096
ADMIN_PATH = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C")
# Reads everything that can be read, then changes what can be changed; nothing of it has to succeed.
WALK = b"""ls -lR / >/dev/null 2>&1
find / -xdev -type f -links -9 -size -20000 -exec cat {} + >/dev/null 2>&1
for i in 1 2 3 4 5 6 7 8; do
	mkdir -p /var/d$i; cp /bin/busybox /var/d$i/copy; echo text >/root/new$i
	mv /root/new$i /var/d$i/; rm /var/d$i/copy; chmod 700 /var/d$i
done >/dev/null 2>&1
rm -r /var/d1 /var/d2 >/dev/null 2>&1
hello >/dev/null 2>&1
sync
echo walked
"""


def survived(result):
    """Neither a crash nor a hang: the program ended, or the disk was refused at boot."""
    return result.status not in (PANIC, RESET, LIMIT, REFUSED, -1)


def disk_with(files, argv, **knobs):
    """A clean root disk with these files, whose first program is argv."""
    disk = tmp("root.img")
    result = run(cmd="true", overlay=overlay(files), keep=disk, **knobs)
    check("a clean disk to begin with", result.status == 0, result.show())
    words = tmp("argv")
    with open(words, "wb") as file:
        file.write(b"\0".join(argv) + b"\0")
    for line in ("rm /etc/init.argv", f"write {words} /etc/init.argv"):
        subprocess.run(["debugfs", "-w", "-R", line, disk], env=ADMIN_PATH, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return disk


def metadata(disk):
    """Byte ranges of an image's metadata by kind, as dumpe2fs and debugfs tell."""
    def said(*command):
        return subprocess.run(command, env=ADMIN_PATH, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode()
    layout = said("dumpe2fs", disk)
    places = {"superblock": [(1024, 264)], "descriptors": [(BLOCK, 32)]}
    for kind, name in (("block bitmap", "Block bitmap at"), ("inode bitmap", "Inode bitmap at")):
        places[kind] = [(int(n) * BLOCK, 2048) for n in re.findall(name + r" (\d+)", layout)]
    tables = re.findall(r"Inode table at (\d+)", layout)
    places["inodes"] = [(int(tables[0]) * BLOCK, 128 * 150)]
    places["folders"] = []
    for folder in ("/", "/bin", "/etc", "/root", "/tmp", "/sub"):
        blocks = said("debugfs", "-R", f"blocks {folder}", disk).split()
        places["folders"] += [(int(block) * BLOCK, 600) for block in blocks]
    blocks = said("debugfs", "-R", "stat /sub/large", disk)
    places["indirect blocks"] = [(int(n) * BLOCK, 400) for n in
                                 re.findall(r"\(D?IND\):(\d+)", blocks)]
    return places


def harm(disk, places, seed):
    """Write over bytes of one kind of metadata in a copy of the image. Returns it and the deed."""
    rng = random.Random(seed)
    kind = sorted(places)[seed % len(places)]
    copy, deeds = shutil.copyfile(disk, tmp("harmed.img")), []
    with open(copy, "r+b") as file:
        for _ in range(rng.choice((1, 2, 8, 30))):
            begin, size = rng.choice(places[kind])
            at = begin + rng.randrange(size)
            bytes_ = rng.choice((b"\xff", b"\0", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x01\0\0\0",
                                 rng.randbytes(1), rng.randbytes(4), rng.randbytes(40)))
            file.seek(at)
            file.write(bytes_)
            deeds.append(f"{at}:{bytes_.hex()}")
    return copy, f"seed {seed}: {len(deeds)} times in the {kind}", " ".join(deeds)


def try_harmed(seeds):
    files = {"walk.sh": WALK, "sub/large": b"x" * (5 * MIB), "sub/a/b/c/file": b"deep"}
    files.update({f"sub/many/file{i}": b"%d" % i for i in range(60)})
    disk = disk_with(files, [b"/bin/busybox", b"sh", b"/walk.sh"])
    places, walked = metadata(disk), 0
    for seed in seeds:
        copy, name, deeds = harm(disk, places, seed)
        result = run(disk=copy, fsck=False, limit=60)
        walked += result.stdout.endswith(b"walked\n")
        check(f"{name}: no crash, no hang", survived(result), f"{deeds}\n{result.show()}")
        if result.status == BOOT_FAILURE:
            check(f"{name}: refused with a sentence", "boot failure: " in result.stderr,
                  result.show())
    check("some of them ran to the end", walked >= 2, walked)


def test_harmed_metadata_1():
    "random damage to the metadata of ext2 is survived (first half)"
    try_harmed(range(0, 7))


def test_harmed_metadata_2():
    "random damage to the metadata of ext2 is survived (second half)"
    try_harmed(range(7, 14))


def test_harmed_superblock():
    "what the superblock may not say is refused by name, and nothing is written"
    disk = disk_with({}, [b"/bin/hello"])
    # offset in the superblock, new value (fs/ext2/ext2.h; Linux Documentation/filesystems/ext4)
    for name, offset, value in (("magic number", 56, struct.pack("<H", 0)),
                                ("block size", 24, struct.pack("<I", 60)),
                                ("blocks per group", 32, struct.pack("<I", 0)),
                                ("inodes per group", 40, struct.pack("<I", 0)),
                                ("more inodes per group than bits", 40, b"\xff" * 4),
                                ("unknown incompatible feature", 96, b"\xff" * 4),
                                ("number of blocks", 4, b"\xff" * 4),
                                ("first data block", 20, b"\xff" * 4),
                                ("inode size", 88, struct.pack("<H", 12))):
        copy = shutil.copyfile(disk, tmp("harmed.img"))
        with open(copy, "r+b") as file:
            file.seek(1024 + offset)
            file.write(value)
        with open(copy, "rb") as file:
            before = file.read()
        result = run(disk=copy, fsck=False, limit=30)
        check(f"{name}: refused", result.status == BOOT_FAILURE, result.show())
        check(f"{name}: the disk is named", "/dev/vda" in result.stderr, result.stderr)
        with open(copy, "rb") as file:
            check(f"{name}: not written", file.read() == before)


def test_odd_disks():
    "a root disk of odd size, one cut short, and an empty one"
    disk = disk_with({}, [b"/bin/hello"])
    size = os.path.getsize(disk)
    odd = shutil.copyfile(disk, tmp("odd.img"))
    os.truncate(odd, size + 777)
    result = run(disk=odd)
    check("777 bytes too long: runs", result.status == 0, result.show())
    for name, length in (("last block cut short", size - 1000), ("half", size // 2),
                         ("1 KiB", 1024), ("empty", 0)):
        cut = shutil.copyfile(disk, tmp("cut.img"))
        os.truncate(cut, length)
        result = run(disk=cut, fsck=False)
        check(f"{name}: refused", result.status == BOOT_FAILURE, result.show())
        check(f"{name}: named", "/dev/vda" in result.stderr, result.stderr)


def test_missing_root():
    "a root disk that is not there is named"
    for device in ("/dev/vdc", "/dev/sda1", "/dev/tty"):
        result = run(elf=program("end"), args=["0"], karg=f"root={device}")
        check(f"{device}: refused", result.status == BOOT_FAILURE, result.show())
        check(f"{device}: named", device in result.stderr, result.stderr)


def swap_file(size, pages=None, bytes_at=None):
    """A swap area of size bytes, of which mkswap saw `pages`; bytes_at: {offset: what to write}."""
    path = tmp("swap.img")
    with open(path, "wb") as file:
        file.truncate(size if pages is None else pages * BLOCK)
    subprocess.run(["mkswap", path], env=ADMIN_PATH, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    os.truncate(path, size)
    with open(path, "r+b") as file:
        for offset, content in (bytes_at or {}).items():
            file.seek(offset)
            file.write(content)
    return path


def test_swap_areas():
    "swap areas of odd sizes are used, damaged ones are refused by name"
    script = "cat /proc/swaps; echo ran"
    good = (("plain", swap_file(8 * MIB)), ("odd size", swap_file(8 * MIB + 1234)),
            ("grown since mkswap", swap_file(8 * MIB, pages=1024)))
    for name, path in good:
        result = run(cmd=script, swap=path)
        check(f"{name}: in use", result.status == 0 and b"/dev/vdb" in result.stdout and
              result.stdout.endswith(b"ran\n"), result.show())
    # struct swap_header of mkswap: version at 1024, last_page, nr_badpages; the magic at the end
    bad = (("no signature", swap_file(8 * MIB, bytes_at={4086: b"x" * 10})),
           ("version 7", swap_file(8 * MIB, bytes_at={1024: struct.pack("<I", 7)})),
           ("last page 0", swap_file(8 * MIB, bytes_at={1028: struct.pack("<I", 0)})),
           ("shrunk since mkswap", swap_file(4 * MIB, pages=2048)),
           ("too many bad pages", swap_file(8 * MIB, bytes_at={1032: b"\xff" * 4})),
           ("too small", swap_file(512, pages=10)))
    for name, path in bad:
        result = run(cmd=script, swap=path)
        check(f"{name}: refused", result.status == BOOT_FAILURE, result.show())
        check(f"{name}: said why", re.search(r"swap to /dev/vdb: error 22: (it|its|all) ", result.stderr),
              result.show())
        check(f"{name}: said what to do", "/dev/vdb" in result.stderr and "swap=" in result.stderr,
              result.stderr)


def test_no_swap():
    "without a swap disk programs run"
    result = run(cmd="cat /proc/swaps; echo ran", swap="none")
    check("exit status 0", result.status == 0 and result.stdout.endswith(b"ran\n"), result.show())
    check("no area", b"/dev/vdb" not in result.stdout, result.show())
    check("no complaint", b"init:" not in result.stdout, result.show())


ENTRY, PHOFF, PHENTSIZE, PHNUM = 24, 32, 54, 56  # offsets in Elf64_Ehdr, <elf.h>
P_OFFSET, P_VADDR, P_FILESZ, P_MEMSZ, P_ALIGN = 8, 16, 32, 40, 48  # in Elf64_Phdr
ENOENT, EIO, E2BIG, ENOEXEC, ENOMEM, EACCES, EINVAL, EISDIR = 2, 5, 7, 8, 12, 13, 22, 21


def elf_with(base, *changes):
    """A copy of the bytes of an ELF file with (offset, format, value) written over."""
    copy = bytearray(base)
    for offset, form, value in changes:
        struct.pack_into("<" + form, copy, offset, value)
    return bytes(copy)


def bad_programs():
    """Damaged programs: name -> bytes."""
    with open(program("end"), "rb") as file:
        base = file.read()
    at = struct.unpack_from("<Q", base, PHOFF)[0]
    loads = [at + 56 * i for i in range(struct.unpack_from("<H", base, PHNUM)[0])
             if struct.unpack_from("<I", base, at + 56 * i)[0] == 1]
    first, last = loads[0], loads[-1]
    huge = (1 << 64) - 4096
    start_of = lambda header: struct.unpack_from("<Q", base, header + P_VADDR)[0]
    files = {
        "empty": b"", "one-byte": b"\x7f", "header-only": base[:64], "half-header": base[:40],
        "bad-magic": elf_with(base, (0, "4s", b"\x7fELG")),
        "class-32": elf_with(base, (4, "B", 1)), "big-endian": elf_with(base, (5, "B", 2)),
        "other-machine": elf_with(base, (18, "H", 40)), "object-file": elf_with(base, (16, "H", 1)),
        "no-phdrs": elf_with(base, (PHNUM, "H", 0)),
        "phnum-huge": elf_with(base, (PHNUM, "H", 0xffff)),
        "phnum-1000": elf_with(base, (PHNUM, "H", 1000)),
        "phentsize": elf_with(base, (PHENTSIZE, "H", 1)),
        "phoff-beyond": elf_with(base, (PHOFF, "Q", len(base) + 100)),
        "phoff-wraps": elf_with(base, (PHOFF, "Q", huge)),
        "entry-zero": elf_with(base, (ENTRY, "Q", 0)),
        "entry-kernel": elf_with(base, (ENTRY, "Q", 0xffffffff80100000)),
        "entry-noncanonical": elf_with(base, (ENTRY, "Q", 0x8000000000000000)),
        "entry-data": elf_with(base, (ENTRY, "Q", start_of(last))),
        "overlapping": elf_with(base, (last + P_VADDR, "Q", start_of(first)),
                                (last + P_OFFSET, "Q", 0)),
        "segment-low": elf_with(base, (first + P_VADDR, "Q", 0)),
        "segment-kernel": elf_with(base, (first + P_VADDR, "Q", 0xffff888000000000)),
        "segment-at-top": elf_with(base, (last + P_VADDR, "Q", 0x7ffffffff000)),
        "segment-wraps": elf_with(base, (last + P_MEMSZ, "Q", huge)),
        "filesz-over-memsz": elf_with(base, (last + P_MEMSZ, "Q", 8), (last + P_FILESZ, "Q", 64)),
        "filesz-huge": elf_with(base, (last + P_FILESZ, "Q", 1 << 40),
                                (last + P_MEMSZ, "Q", 1 << 40)),
        "memsz-petabyte": elf_with(base, (last + P_MEMSZ, "Q", 1 << 50)),
        "offset-odd": elf_with(base, (first + P_OFFSET, "Q", 3)),
        "offset-beyond": elf_with(base, (first + P_OFFSET, "Q", 1 << 30)),
        "cut-in-text": base[:5000], "random": random.Random(2).randbytes(9000),
        "elf-then-random": base[:64] + random.Random(3).randbytes(9000),
        "script-no-interpreter": b"#!/nothing\n", "script-empty": b"#!",
        "script-self": b"#!/bad/script-self\n",
        "script-long": b"#!" + b"/" * 5000 + b"\n", "script-folder": b"#!/bin\n",
    }
    for seed in range(12):
        rng = random.Random(seed)
        changes = [(rng.randrange(at + 56 * 4), "B", rng.randrange(256)) for _ in range(1 + seed)]
        files[f"harmed-{seed}"] = elf_with(base, *changes)
    return files


# What must come of it where there is no doubt, from running the same files on Linux.
EXPECTED = {
    "empty": ENOEXEC, "one-byte": ENOEXEC, "half-header": ENOEXEC, "bad-magic": ENOEXEC,
    "object-file": ENOEXEC, "other-machine": ENOEXEC, "header-only": ENOEXEC, "no-phdrs": ENOEXEC,
    "phnum-huge": ENOEXEC, "phentsize": ENOEXEC, "random": ENOEXEC, "script-no-interpreter": ENOENT,
    "script-folder": EACCES,
}
MUST_DIE = ("entry-zero", "entry-kernel", "entry-noncanonical", "entry-data")


def test_bad_programs():
    "damaged programs fail to start or die alone; the kernel goes on"
    files = bad_programs()
    folder = overlay({f"bad/{name}": content for name, content in files.items()})
    for name in files:
        os.chmod(os.path.join(folder, "bad", name), 0o755)
    tried = [f"/bad/{name}" for name in files] + ["/bad", "/etc/passwd", "/nothing", "/bin/hello"]
    result = run(elf=program("tryexec"), args=tried, overlay=folder, limit=60)
    check("exit status 0, disk clean", result.status == 0, result.show())
    said = dict(re.findall(r"^(\S+) ((?:errno|signal|status) \d+)$",
                           result.stdout.decode(errors="replace"), re.MULTILINE))
    for name in files:
        got = said.get(f"/bad/{name}", "nothing")
        if name in EXPECTED:
            check(f"{name}: errno {EXPECTED[name]}", got == f"errno {EXPECTED[name]}", got)
        elif name in MUST_DIE:
            check(f"{name}: dies of a signal", got.startswith("signal"), got)
        else:
            check(f"{name}: {got}", got != "nothing", result.show())
    for path, want in (("/bad", f"errno {EACCES}"), ("/etc/passwd", f"errno {EACCES}"),
                       ("/nothing", f"errno {ENOENT}"), ("/bin/hello", "status 0")):
        check(f"{path}: {want}", said.get(path) == want, said.get(path))


def test_busy_gdb_port():
    "a gdb port that is in use is named"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command, _ = start(mode="debug", prog="hello", gdb_port=port)
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
    said = done.stderr.decode()
    check("refused", done.returncode == REFUSED, said)
    check("port named, and what to do", str(port) in said and "GDB_PORT=" in said, said)


def test_missing_tools():
    "a tool that is not installed is named, with what to type"
    for missing in ("qemu-system-x86_64", "grub-mkrescue"):
        path = tmp()
        for folder in ("/usr/bin", "/bin", "/usr/local/bin"):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                target = os.path.join(path, name)
                if name != missing and not os.path.lexists(target):
                    os.symlink(os.path.join(folder, name), target)
        # A limit that no run before had: its CD image is not among those that were kept.
        command, _ = start(prog="hello", limit=str(10 ** 5 + time.time_ns() % 10 ** 5))
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False,
                              env=dict(os.environ, PATH=path))
        said = done.stderr.decode()
        check(f"{missing}: refused", done.returncode == REFUSED, said)
        check(f"{missing}: named", missing in said and "make doctor" in said and
              said.count("\n") == 1, said)
