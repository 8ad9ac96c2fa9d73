# SPDX-License-Identifier: MIT
"""Dynamic programs: the interpreter that the program names, glibc's and musl's, loads libraries from
the root disk."""
import os
import re
import shutil
import subprocess

from harness import check, run, tmp, TOP

GLIBC = "/lib64/ld-linux-x86-64.so.2"
MUSL = "/lib/ld-musl-x86_64.so.1"
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
MAP = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) (\S+) .* (/\S+)$", re.MULTILINE)
AUXV = re.compile(rb"^(AT_\w+): +(\S+)$", re.MULTILINE)


def libraries():
    """A folder for OVERLAY= with both interpreters and glibc, from this machine."""
    folder = tmp()
    for path in (GLIBC, MUSL, LIBC):
        target = folder + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(path, target)  # what the link stands for
    return folder


def build(folder, name, *words):
    """tests/programs/maps.c in folder, by the compiler and options of words."""
    done = subprocess.run([*words, "-O2", "-o", os.path.join(folder, name),
                           os.path.join(TOP, "tests/programs/maps.c")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check(f"{name} builds", done.returncode == 0, done.stdout)


def look(result, interpreter):
    """The maps and the auxiliary vector that a program showed fit each other."""
    maps = [(int(start, 16), int(end, 16), rights, name.decode())
            for start, end, rights, name in MAP.findall(result.stdout)]
    auxv = {name.decode(): value for name, value in AUXV.findall(result.stdout)}
    number = lambda name: int(auxv.get(name, b"0"), 0)
    inside = lambda address: [m for m in maps if m[0] <= address < m[1]]
    first = [m[0] for m in maps if m[3] == interpreter][:1]
    check("its status arrives", result.status == 0, result.show())
    check("AT_BASE is where the interpreter lies", first == [number("AT_BASE")], result.show())
    for name, rights in (("AT_ENTRY", b"r-xp"), ("AT_PHDR", b"r--p")):
        found = inside(number(name))
        check(f"{name} is in the program", found and found[0][2] == rights
              and found[0][3].endswith("/maps"), result.show())


def test_glibc():
    "programs linked with Debian's glibc, position-independent or not"
    folder = libraries()
    build(folder, "maps", "gcc")
    look(run(elf=os.path.join(folder, "maps"), overlay=folder), GLIBC)
    build(folder, "maps", "gcc", "-no-pie")
    look(run(elf=os.path.join(folder, "maps"), overlay=folder), GLIBC)


def test_musl():
    "a program linked with musl's libc.so, which is its own interpreter"
    folder = libraries()
    build(folder, "maps", "musl-gcc")
    look(run(elf=os.path.join(folder, "maps"), overlay=folder), MUSL)
