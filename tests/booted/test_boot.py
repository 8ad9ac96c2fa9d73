# SPDX-License-Identifier: MIT
"""From power-on to the first program: how long, how much, from how little, and what is refused."""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time


from harness import check, program, run, skip, tmp, DEBUG, KERNEL, TOP

sys.path.insert(0, os.path.join(TOP, "tools"))
import knobs                                                                # noqa: E402
import machine                                                              # noqa: E402
import run as runner                                                        # noqa: E402

IMAGE = KERNEL.removesuffix(".elf")
BOOT_FAILURE, REFUSED = 120, 124
FIRST_USER = b" runs, "  # kernel/main.c, when the first program is loaded and about to start
GOAL_SECONDS, GOAL_PROMPT_SECONDS, LIMIT_SECONDS = 1.5, 2.0, 5.0


def boot_time():
    """Seconds from the start of QEMU to the first user instruction, by the monotonic clock."""
    rundir = tmp()
    wanted = knobs.parse({"ELF": os.fsencode(program("end")), "ARGS": b"0"}, rundir)
    with tempfile.TemporaryDirectory(dir=rundir) as scratch:
        vm, _ = runner.prepare(wanted, IMAGE, rundir, scratch, False, 30)
        source = machine.Framed(os.open(os.devnull, os.O_RDONLY))
        begin = time.monotonic()
        vm.start()
        pump = threading.Thread(target=vm.pump, args=(source, lambda data: None, begin + 60))
        pump.start()
        while FIRST_USER not in vm.log and pump.is_alive():
            time.sleep(0.001)
        seconds = time.monotonic() - begin
        pump.join()
        vm.stop()
        return seconds if FIRST_USER in vm.log else None


def test_time():
    "GRUB under BIOS boots the CD to the first user instruction, soon"
    times = [boot_time() for _ in range(3)]
    if not check("each boot reaches user mode", None not in times, times):
        return
    best = min(times)
    check(f"first user instruction after {best:.2f} s", best < LIMIT_SECONDS, times)
    if best > GOAL_SECONDS:
        skip("boot time", f"{best:.2f} s; the goal of {GOAL_SECONDS} s needs a machine at rest")


def prompt_time():
    """Seconds from the start of QEMU to the shell's prompt on the terminal."""
    rundir, said = tmp(), bytearray()
    with tempfile.TemporaryDirectory(dir=rundir) as scratch:
        vm, _ = runner.prepare(knobs.parse({}, rundir), IMAGE, rundir, scratch, True, 60)

        def write(data):
            said.extend(data)
            if b"~ # " in said:
                raise machine.Quit

        begin = time.monotonic()
        try:
            vm.start()
            vm.pump(machine.Framed(None), write, begin + 60)
        except machine.Quit:
            return time.monotonic() - begin
        finally:
            vm.stop()
    return None


def test_prompt():
    "and to the prompt of busybox's shell"
    times = [prompt_time() for _ in range(2)]
    if not check("each boot reaches the prompt", None not in times, times):
        return
    best = min(times)
    check(f"prompt after {best:.2f} s", best < LIMIT_SECONDS, times)
    if best > GOAL_PROMPT_SECONDS:
        skip("time to the prompt",
             f"{best:.2f} s; the goal of {GOAL_PROMPT_SECONDS} s needs a machine at rest")


def meminfo(result):
    """/proc/meminfo as a dict of KiB."""
    return {name.decode(): int(value) for name, value in
            re.findall(rb"(\w+): +(\d+) kB", result.stdout)}


def test_memory():
    "less than 6 MiB of RAM are in use when the first program starts"
    if DEBUG:
        skip("the limit", "it is the release kernel's")
        return
    result = run(cmd="cat /proc/meminfo")
    found = re.search(r"memory: (\d+) KiB of RAM", result.kernel_log)
    free = re.search(r" runs, (\d+) KiB of memory in use", result.kernel_log)
    if not check("the kernel says how much there is", found and free, result.show()):
        return
    info = meminfo(result)
    # All RAM that the firmware gave, less what the allocator got, is used for good: by the kernel's
    # image, its tables and the frames' structs. To that comes what was allocated before init.
    fixed = int(found[1]) - info["MemTotal"]
    used = fixed + int(free[1])
    check(f"{used} KiB in use before init", used < 6 * 1024, result.show())
    check("image and tables are counted", fixed > 512, fixed)
    check("and what is free then is most of it", info["MemFree"] > 100 << 10, result.show())


def test_sleeping_memory():
    "of a large machine's RAM most sleeps at boot, and all of it is there when it is needed"
    if DEBUG:
        skip("sleeping memory", "KASAN keeps all of it awake")
        return
    result = run(cmd="cat /proc/meminfo; "
                     "dd if=/dev/zero of=/dev/null bs=800M count=1 && cat /proc/mm_audit",
                 mem="1G")
    slept = re.search(r"vmemmap: (\d+) MiB of RAM sleep", result.kernel_log)
    check("more than half sleeps", slept and int(slept[1]) > 512, result.show())
    info = meminfo(result)
    check("and counts as free", info["MemFree"] > 950 << 10, info)
    check("800 MiB can be written, and the books agree", result.stdout.endswith(b"ok\n"),
          result.show())


def test_image():
    "the image: below 1 MiB, with a multiboot2 header, no segment writable and executable"
    size = os.path.getsize(IMAGE)
    check(f"{size >> 10} KiB", size < (4 << 20 if DEBUG else 1 << 20))
    check("grub-file", subprocess.run(["grub-file", "--is-x86-multiboot2", IMAGE],
                                      check=False).returncode == 0)
    listed = subprocess.run(["readelf", "-lW", IMAGE], check=False, stdout=subprocess.PIPE).stdout
    check("segments", b" LOAD " in listed and not re.search(rb"LOAD .* RWE ", listed), listed)


def test_little_memory():
    "in 16 MiB of RAM programs run, and fault"
    for name in ("hello", "touch", "cow"):
        result = run(prog=name, mem="16M")
        check(f"{name}: exit status 0", result.status == 0, result.show())


def test_much_memory():
    "8 GiB of RAM are found and used"
    result = run(cmd="hello && cat /proc/meminfo", mem="8G")
    check("exit status 0", result.status == 0, result.show())
    check("8 GiB", meminfo(result).get("MemTotal", 0) > (6500 if DEBUG else 7900) << 10, result.show())


def test_bad_knobs():
    "a knob that is unknown or malformed is refused, with what there is"
    for words in ("bogus=1", "faults=2", "faults", "loglevel=9", "loglevel=", "limit=1x",
                  "root=vda", "tty=tree", "=1", "init=" + "x" * 200):
        result = run(elf=program("end"), args=["0"], karg=words)
        check(f"{words[:20]}: boot failure", result.status == BOOT_FAILURE, result.show())
        check(f"{words[:20]}: named, with the knobs", words[:20] in result.stderr and
              "loglevel=0..7" in result.stderr, result.stderr)


def test_norandmaps():
    "norandmaps: programs lie at the same addresses in each run"
    result = run(cmd="cat /proc/sys/kernel/randomize_va_space; grep stack /proc/self/maps; "
                     "grep stack /proc/self/maps", karg="norandmaps")
    lines = result.stdout.split(b"\n")
    check("the switch is 0", lines[0] == b"0", result.show())
    check("the stack stays", len(lines) == 4 and b"[stack]" in lines[1] and lines[1] == lines[2],
          result.show())


def test_cpus():
    "a CPU without SMEP, SMAP and 1 GiB pages will do; one without long mode is refused"
    result = run(prog="hello", qemu_args="-cpu qemu64")
    check("qemu64: exit status 0", result.status == 0, result.show())
    result = run(prog="hello", qemu_args="-cpu qemu32")
    check("qemu32: boot failure", result.status == BOOT_FAILURE, result.show())
    check("qemu32: said why", "64-bit" in result.stderr + result.stdout.decode(), result.show())


def test_no_first_program():
    "a first program that is not there, or none, is refused with a sentence"
    for path, names in (("/bin/nothing", "/bin/nothing"), ("/etc/passwd", "/etc/passwd"),
                        ("/root", "/root")):
        result = run(prog="hello", karg=f"init={path}")
        check(f"{path}: boot failure", result.status == BOOT_FAILURE, result.show())
        check(f"{path}: named", names in result.stderr and "init=" in result.stderr, result.stderr)


def test_other_first_program():
    "init= starts any program as process 1"
    result = run(karg="init=/bin/hello")
    check("exit status 0", result.status == 0, result.show())
    check("its output", b"hello" in result.stdout.lower(), result.show())


def test_uefi():
    "GRUB under UEFI boots"
    if not os.path.exists(machine.OVMF) or not os.path.isdir("/usr/lib/grub/x86_64-efi"):
        skip("UEFI", "the packages ovmf and grub-efi-amd64-bin are not installed")
        check("skipped", True)
        return
    result = run(prog="hello", firmware="uefi")
    check("exit status 0", result.status == 0, result.show())


def test_early_fault():
    "an exception before the kernel is set up is reported, and stops the machine with a failure"
    for name, code, offset, words in EARLY_FAULTS:
        kernel, address = patched("kmain", code)
        words += (f"rip {address + offset:016x}",) if offset is not None else ()
        result = run(elf=program("end"), args=["0"], kernel=kernel)
        check(f"{name}: kernel panic", result.status == 121, result.show())
        for word in words:
            check(f"{name}: {word}", word in result.kernel_log, result.show())
    result = run(elf=program("end"), args=["0"], kernel=patched("_start", b"\x0f\x0b")[0])
    check("without any table, a triple fault is told", result.status == 122 and
          "triple fault" in result.stderr, result.show())


# What kmain begins with, where in it the fault is, and what must be in the report.
EARLY_FAULTS = (
    # mov rax, 0xffffc90000005678; mov [rax], al
    ("write", bytes.fromhex("48b8 7856 0000 00c9 ffff 8800"), 10,
     ("kernel write to a page that is not present", "error code 2", "ffffc90000005678")),
    ("read", bytes.fromhex("48b8 7856 0000 00c9 ffff 8a00"), 10,   # the same; mov al, [rax]
     ("kernel read from a page that is not present", "error code 0", "ffffc90000005678")),
    ("fetch", bytes.fromhex("48b8 7856 0000 00c9 ffff ffe0"), None,  # the same; jmp rax
     ("kernel instruction fetch from a page that is not present", "error code 10",
      "ffffc90000005678")),
    ("invalid opcode", bytes.fromhex("0f0b"), 0, ("invalid opcode", "vector 6")),
    ("general protection", bytes.fromhex("48b8 0000 0000 0000 0080 8a00"), 10,  # not canonical
     ("general protection fault", "vector 13")),
)


def patched(symbol, code):
    """A copy of the kernel image that has code at a symbol, and the symbol's address."""
    listed = subprocess.run(["readelf", "-sW", "-lW", IMAGE], check=True, stdout=subprocess.PIPE)
    lines = listed.stdout.decode().splitlines()
    address = next(int(line.split()[1], 16) for line in lines
                   if line.split()[-1:] == [symbol] and line.split()[0].endswith(":"))
    for line in lines:
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = (int(words[i], 16) for i in (1, 2, 4))
            if start <= address < start + size:
                break
    with open(IMAGE, "rb") as file:
        content = bytearray(file.read())
    where = offset + address - start
    content[where:where + len(code)] = code
    copy = tmp("faultline")
    with open(copy, "wb") as file:
        file.write(content)
    return copy, address


def test_no_leftovers():
    "the kernel does not write to pages that QEMU still holds translated code of the loader for"
    log = tmp("trace.log")
    result = run(elf=program("scale"), args=["-r", "3", "2"], smp=2,
                 qemu_args=f"-trace memory_notdirty_write_access -D {log}")
    check("the programs run", result.status == 0, result.show())
    with open(log, encoding="utf-8", errors="replace") as file:
        slow = sum(" 0xffff" in line for line in file)
    check("few of them are slow", slow < 50000, f"{slow}, each as dear as a hundred others")
