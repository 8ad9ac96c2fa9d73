# SPDX-License-Identifier: MIT
"""The benchmark runs, its figures make sense, and no operation costs more than it did."""
import os
import re
import shutil
import subprocess
import sys

from harness import check, KERNEL, program, run, skip, tmp, TOP

# The ceilings are instructions of the kernel as this compiler makes it.
COMPILER = b"gcc 12"
DEBUG = os.environ.get("DEBUG", "0") not in ("", "0")
LINE = re.compile(rb"^bench (\w+) \w+ (-?\d+) (-?\d+) (-?\d+) (\d+)\r?$", re.MULTILINE)
# These zero or copy a page, eight bytes an iteration: 512 iterations are work, not overhead.
# Each kind of fault, and the most instructions that recording it may add. A read of a file maps 16 pages
# and is told of in two records: so much a page.
RECORDED = {"anon_write": 250, "anon_read": 250, "zero_page_write": 250, "cow_copy": 250,
            "cow_reuse": 250, "file_read_seq": 25, "file_private_write": 250,
            "file_shared_write": 250, "file_shared_clean": 250, "shmem_write": 250,
            "swap_cache": 250, "sigsegv": 250}
WHOLE_PAGE = ("anon_write", "zero_page_write", "cow_copy", "file_private_write", "read_page",
              "write_page")


def ceilings():
    """{operation: the most instructions it may take}, from tests/bench/ceilings."""
    with open(os.path.join(TOP, "tests/bench/ceilings"), encoding="ascii") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: int(most) for name, _, most in rows}


def bench(*names, **knobs):
    """Run it, briefly. Returns {operation: (median, mean, min, n)}."""
    # While a program waits for a disk on a busy host, the guest's time flies.
    result = run(prog="bench", args=["-r", "2", *names], icount="1", qemu_args="-cpu max,-erms", limit=900,
                 **knobs)
    check("exit status 0", result.status == 0, result.show())
    return {name.decode(): tuple(map(int, numbers))
            for name, *numbers in LINE.findall(result.stdout)}


def makes_sense(figures):
    """Each operation was measured, and a page that was zeroed or copied shows in the figure."""
    check("swap_in found pages on the disk", figures.pop("swap_in", None))
    check("all operations of the ceilings, and no other", sorted(figures) == sorted(ceilings()),
          sorted(set(figures) ^ set(ceilings())))
    wrong = {name: f for name, f in figures.items() if min(f) <= 0}
    check("median, mean, least and number of samples are above 0", not wrong, wrong)
    free = {name: figures.get(name) for name in WHOLE_PAGE if figures.get(name, (0, 0, 0))[2] < 512}
    check("pages are really zeroed and copied", not free, free)


def built_by(compiler):
    """Was the kernel built by it? Its debug information names it."""
    path = os.path.join(TOP, "build/kernel/flags")
    with open(path, "rb") as file:
        cc = os.fsdecode(file.read().split()[0])
    with os.popen(f"{cc} -dumpversion 2>&1") as answer:
        said = answer.read()
    return "gcc" in os.path.basename(cc) and said.startswith(compiler.split()[-1].decode())


def test_ceilings():
    "instructions of each operation stay below tests/bench/ceilings"
    figures = bench()
    makes_sense(figures)
    if DEBUG or not built_by(COMPILER):
        skip("ceilings", f"they are for a plain kernel built by {COMPILER.decode()}")
        return
    for name, most in ceilings().items():
        mean = figures.get(name, (0, most + 1))[1]
        check(f"{name}: at most {most}", mean <= most,
              f"{mean}. See where they go: make profile OP={name}. If it must be: make ceilings")
    recorded = bench(*RECORDED, trace="1")
    for name, most in RECORDED.items():
        added = recorded.get(name, (1 << 20,))[0] - figures.get(name, (0,))[0]
        check(f"{name}: recording adds at most {most}", 0 < added <= most, added)


def test_profile():
    "make profile accounts for every instruction of an operation"
    if DEBUG:
        skip("profile", "the rounds of a debug kernel differ too much for the comparison")
        return
    sys.path.insert(0, os.path.join(TOP, "tests/bench"))
    import guests
    import profile
    counts = tmp("counts")
    result = run(prog="bench", args=["-r", "2", "anon_write"], icount="1",
                 qemu_args="-cpu max,-erms " + " ".join(guests.plugin_args(counts)))
    figures = {name.decode(): tuple(map(int, numbers))
               for name, *numbers in LINE.findall(result.stdout)}
    if not check("anon_write was measured", "anon_write" in figures, result.show()):
        return
    part = profile.read_parts(counts)[1]
    each, mean = sum(part.counts.values()) / part.windows, figures["anon_write"][1]
    check("kernel instructions and ticks of the counter are the same", abs(each - mean) < 20,
          f"{each} and {mean}")
    check("512 of them zero the page", 512 <= profile.bulk(part) / part.windows < 560,
          profile.bulk(part) / part.windows)
    names = profile.by_function(part, profile.Symbols(guests.symbols(KERNEL)))
    check("exc_page_fault is called once each time",
          names.get("exc_page_fault", (0, 0))[1] == part.windows, sorted(names))


def test_scale():
    "faults of many threads hardly ever wait for each other"
    sys.path.insert(0, os.path.join(TOP, "tests/bench"))
    import scale
    folder = tmp()
    shutil.copy(program("scale"), folder)
    result = run(cmd="/scale -r 3 4", smp=4, mem="256M", overlay=folder)
    check("exit status 0", result.status == 0, result.show())
    cases = scale.parse(result.stdout.decode())
    check("all cases", sorted(cases) == sorted((name, 4) for name in scale.TITLES), cases.keys())
    for name in ("threads_own", "threads_one", "threads_file", "processes_own", "processes_file"):
        case = cases[name, 4]
        for column, events in scale.COUNTERS.items():
            total = sum(case.counts[event] for event in events)
            check(f"{name}: {column} in less than one operation of 20",
                  total * 20 < case.operations, f"{total} in {case.operations}: {case.counts}")


def test_requests():
    "what make bench cannot do is refused in a sentence"
    for knob, sentence in (("PARTS=nosuch", "there are icount recorder wall curves native scale"),
                           ("T=nosuch", "no operation matches T=nosuch: there are getppid "),
                           ("ROUNDS=0", "not a number from 1 on")):
        done = subprocess.run([sys.executable, os.path.join(TOP, "tests/bench/bench.py")],
                              env={**os.environ, "T": "", **dict([knob.split("=")])}, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        said = done.stderr.decode(errors="replace")
        check(knob, done.returncode == 1 and sentence in said and said.count("\n") == 1, said)
