# SPDX-License-Identifier: MIT
"""The root disk: what the guest wrote is on the image, also after a power cut; it stays clean."""
import os
import shutil
import struct
import subprocess
import sys
import time

from harness import check, program, run, start, tmp, TOP

sys.path.insert(0, os.path.join(TOP, "tools"))
import image                                                                # noqa: E402

MIB = 1 << 20
ADMIN_PATH = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C")
# QEMU's driver blklogwrites, in the format of dm-log-writes: a superblock, then the entries, all
# in little endian; each entry is one block of header and then its data.
LOG_MAGIC, LOG_FLUSH = 0x6a736677736872, 1
LOG_SUPER, LOG_ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")


def random_bytes(size, seed):
    """What tests/programs/disk.c writes for SIZE and SEED."""
    words = []
    for _ in range((size + 3) // 4):
        seed ^= seed << 13 & 0xFFFFFFFF
        seed ^= seed >> 17
        seed ^= seed << 5 & 0xFFFFFFFF
        words.append(seed)
    return struct.pack(f"<{len(words)}I", *words)[:size]


def debugfs(disk, command):
    """What debugfs prints for one command on an image that is not in use."""
    return subprocess.run(["debugfs", "-R", command, disk], env=ADMIN_PATH, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def dump(disk, path):
    """A file's bytes from an image; None if there is no such file."""
    target = tmp("dump")
    debugfs(disk, f"dump {path} {target}")
    if not os.path.exists(target):
        return None
    with open(target, "rb") as file:
        return file.read()


def test_written():
    "what the guest wrote is on the image after power-off"
    disk = tmp("root.img")
    result = run(elf=program("disk"), args=["write", "/root/data", "100001", "7"], keep=disk)
    check("written, disk clean", result.status == 0, result.show())
    check("100001 bytes as they were", dump(disk, "/root/data") == random_bytes(100001, 7))
    result = run(cmd="rm /root/data; mkdir /root/a; echo text >/root/a/b; mv /root/a /var/c; "
                     "ln /var/c/b /var/hard; ln -s c/b /var/soft; chmod 640 /var/c/b", disk=disk)
    check("changed by a second run, disk clean", result.status == 0, result.show())
    check("removed file is gone", dump(disk, "/root/data") is None)
    check("moved file", dump(disk, "/var/c/b") == b"text\n")
    check("hard link", dump(disk, "/var/hard") == b"text\n")
    about = debugfs(disk, "stat /var/c/b")
    check("link count and mode", b"Links: 2" in about and b"0640" in about, about)
    about = debugfs(disk, "stat /var/soft")
    check("symbolic link", b'Fast link dest: "c/b"' in about, about)


def test_mapped():
    "bytes stored through a shared mapping are on the image"
    disk = tmp("root.img")
    result = run(prog="filemap", keep=disk)
    check("filemap passes, disk clean", result.status == 0, result.show())


def test_large_file():
    "a file of 40 MiB, with indirect blocks of two levels, and a sparse one with three"
    disk, size = tmp("root.img"), 40 * MIB
    script = (f"/root/disk write /root/large {size} 3 && /root/disk sparse /root/sparse 5000000000 "
              "&& sync && echo 3 >/proc/sys/vm/drop_caches && "
              f"/root/disk check /root/large {size} 3")
    result = run(elf=program("disk"), args=["sparse", "/root/x", "0"], keep=disk, disk_size="96M")
    check("first run", result.status == 0, result.show())
    result = run(cmd=script, disk=disk, mem="64M")
    check("written, and read back from the disk, in less memory; disk clean", result.status == 0,
          result.show())
    result = run(cmd=f"/root/disk check /root/large {size} 3", disk=disk)
    check("read by another boot", result.status == 0, result.show())
    about = debugfs(disk, "stat /root/sparse")
    check("sparse file's size", b"Size: 5000000001" in about, about)
    check("sparse file's blocks", b"TIND" in about and b"TOTAL: 4" in about, about)


def test_many_files():
    "2000 files in a folder, then every second one removed"
    disk = tmp("root.img")
    result = run(elf=program("disk"), args=["many", "/root/many", "2000"], keep=disk)
    check("made and removed, disk clean", result.status == 0, result.show())
    entries = [line.split() for line in debugfs(disk, "ls -l /root/many").splitlines() if line]
    names = [entry[-1] for entry in entries if entry[0] != b"0"]  # inode 0: no entry any more
    check("1000 are there", sum(name.startswith(b"file-") for name in names) == 1000, len(names))
    check("the last one's content", dump(disk, "/root/many/file-01998") ==
          b"/root/many/file-01998\n")


def test_full_disk():
    "a full disk is ENOSPC, and the disk stays clean and in use"
    disk = tmp("root.img")
    result = run(elf=program("disk"), args=["fill", "/root"], keep=disk, disk_size="16M")
    check("ENOSPC, disk clean", result.status == 0 and result.stdout.startswith(b"ENOSPC "),
          result.show())
    size = int(result.stdout.split()[1]) if result.status == 0 else 0
    data = dump(disk, "/root/full")
    check("all that was written is there", size > MIB and data == b"f" * size, size)
    script = "echo more >/root/more && exit 9; rm /root/full && echo more >/root/more"
    result = run(cmd=script, disk=disk)
    check("no room for more until the file is removed", result.status == 0, result.show())
    check("then there is", dump(disk, "/root/more") == b"more\n")


def applied(disk, log, only_flushed):
    """A copy of disk with the writes of a log applied, up to the last flush if only_flushed: what a
    disk with a volatile cache holds after a power cut. Returns its path and how many flushes."""
    copy = shutil.copyfile(disk, tmp("cut.img"))
    with open(log, "rb") as file:
        content = file.read()
    magic, _, _, block = LOG_SUPER.unpack_from(content)
    check("QEMU's log of writes", magic == LOG_MAGIC, hex(magic))
    position, writes, flushes, durable = block, [], 0, 0
    while position + block <= len(content):
        sector, count, flags, _ = LOG_ENTRY.unpack_from(content, position)
        position += block
        if flags & LOG_FLUSH:
            flushes, durable = flushes + 1, len(writes)
        elif not count:
            break
        writes.append((sector * block, content[position:position + count * block]))
        position += count * block
    with open(copy, "r+b") as file:
        for offset, data in writes[:durable if only_flushed else None]:
            file.seek(offset)
            file.write(data)
    return copy, flushes


def cut_power(disk, log, last):
    """Boot from disk, as /dev/vdc that logs its writes, until the line last is said; then take the
    power away. Returns what was said."""
    size = os.path.getsize(disk)
    with open(log, "wb") as file:
        file.truncate(4 * size)
    knobs = (f"-blockdev driver=blklogwrites,node-name=logged,log-append=off,file.driver=file,"
             f"file.filename={disk},log.driver=file,log.filename={log} "
             f"-device virtio-blk-pci,drive=logged,disable-legacy=on")
    command, _ = start(karg="root=/dev/vdc", qemu_args=knobs, prog="true")
    runner = subprocess.Popen(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    said = line = runner.stdout.readline()
    while line not in (b"", last):
        line = runner.stdout.readline()
        said += line
    time.sleep(0.3)  # let it write what it does not sync
    runner.kill()    # QEMU goes with it, without a word to the guest
    said += runner.communicate()[1]
    return said


def check_repair(disk, name):
    """A check that e2fsck makes of the image what can be mounted."""
    done = subprocess.run(["e2fsck", "-fp", disk], env=ADMIN_PATH, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(f"{name}: e2fsck repairs without a question", done.returncode in (0, 1), done.stdout)


def test_power_cut():
    "what fsync returned for survives a power cut, in which all later writes are lost"
    disk, log = tmp("root.img"), tmp("writes.log")
    args = [b"sync", b"/root/synced", b"300000", b"5"]
    result = run(elf=program("disk"), args=["write", "/root/old", "50000", "6"], keep=disk)
    check("the disk before", result.status == 0, result.show())
    image.put_argv(disk, [b"/root/disk"] + args)
    before = shutil.copyfile(disk, tmp("before.img"))
    said = cut_power(disk, log, b"synced\n")
    if not check("synced", said.startswith(b"synced\n"), said):
        return
    for only_flushed, name in ((True, "flushed writes alone"), (False, "all writes so far")):
        cut, flushes = applied(before, log, only_flushed)
        check(f"{name}: the disk was told to flush", flushes > 0, flushes)
        check_repair(cut, name)
        check(f"{name}: the synced file", dump(cut, "/root/synced") == random_bytes(300000, 5))
        check(f"{name}: the old file", dump(cut, "/root/old") == random_bytes(50000, 6))
