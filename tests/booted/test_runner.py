# SPDX-License-Identifier: MIT
"""The runner's promises: bytes and statuses arrive as they are; each way to fail has its status."""
import os
import random
import re
import signal
import socket
import subprocess
import time

from harness import Terminal, check, overlay, program, run, start, tmp, TOP

BOOT_FAILURE, RESET, LIMIT, REFUSED = 120, 122, 123, 124


def test_stdin_stdout():
    "standard input and output are byte-exact"
    data = bytes(range(256)) * 4 + b"\x10e\x10\x10\r\n\n\r" + random.Random(1).randbytes(20000)
    result = run(elf=program("copy"), stdin=data)
    check("20 KB of any bytes come back", result.stdout == data,
          f"{len(result.stdout)} of {len(data)} bytes\n{result.show()}")
    check("exit status 0", result.status == 0, result.show())
    check("nothing on standard error", result.stderr == "", result.stderr)


def test_end_of_input():
    "an empty standard input is at its end at once"
    result = run(elf=program("copy"), stdin=b"")
    check("no output", result.stdout == b"", result.show())
    check("exit status 0", result.status == 0, result.show())


def test_argument_bytes():
    "arguments arrive byte for byte"
    args = [bytes(range(1, 256)), b"", b"a b", b"'", b'"', b"\\", b"$HOME", b"*", b"\n"]
    result = run(elf=program("args"), args=args)
    want = "".join(arg.hex() + "\n" for arg in args).encode()
    check("as given", result.stdout == want, result.show())


def test_argument_words():
    "ARGS= is split and unquoted as a shell does"
    result = run(elf=program("args"), args=rb"""x  'y z' "a'b" c\ d ''""")
    check("five words", result.stdout == b"78\n79207a\n612762\n632064\n\n", result.show())


def test_statuses():
    "the exit status is the program's own"
    for status in (0, 1, 42, 255):
        result = run(elf=program("end"), args=[str(status)])
        check(f"exit status {status}", result.status == status, result.show())


def test_signals():
    "death by a signal is 128 + its number"
    for number in (signal.SIGSEGV, signal.SIGKILL):
        result = run(elf=program("end"), args=["kill", str(int(number))])
        check(f"status {128 + number}", result.status == 128 + number, result.show())


def test_command():
    "CMD= is run by the shell, with files of OVERLAY="
    files = overlay({"x.sh": b"echo from a script\nexit 7\n", "data/a b": b"some bytes\n"})
    result = run(cmd="sh /x.sh", overlay=files)
    check("script", (result.stdout, result.status) == (b"from a script\n", 7), result.show())
    result = run(cmd="cat '/data/a b'", overlay=files)
    check("its file", (result.stdout, result.status) == (b"some bytes\n", 0), result.show())


def test_shell_from_pipe():
    "commands piped into the shell run; the end of input powers off"
    result = run(stdin=b"echo one\necho two\n")
    check("both ran", b"one\n" in result.stdout and b"two\n" in result.stdout, result.show())
    check("exit status 0", result.status == 0, result.show())


def test_unknown_knob():
    "an unknown knob of the kernel is named"
    result = run(elf=program("end"), args=["0"], karg="bogus=1")
    check("boot failure", result.status == BOOT_FAILURE, result.show())
    check("knob named", "bogus" in result.stderr, result.stderr)
    check("knobs listed", "loglevel" in result.stderr, result.stderr)


def root_disk(**knobs):
    """A root disk left by a run, for tests that harm it."""
    disk = tmp("root.img")
    result = run(elf=program("end"), args=["0"], keep=disk, **knobs)
    check("a run leaves its disk", result.status == 0 and os.path.exists(disk), result.show())
    return disk


def test_kept_disk():
    "KEEP= leaves a disk that DISK= runs again, changes included"
    disk = tmp("root.img")
    result = run(cmd="echo kept >/root/note", keep=disk)
    check("written", result.status == 0, result.show())
    result = run(cmd="cat /root/note", disk=disk)
    check("read again", (result.stdout, result.status) == (b"kept\n", 0), result.show())


def test_corrupt_disk():
    "a root disk that is no ext2 is refused"
    disk = root_disk()
    with open(disk, "r+b") as file:
        file.seek(1024)
        file.write(b"\xaa" * 1024)
    result = run(disk=disk, fsck=False)
    check("boot failure", result.status == BOOT_FAILURE, result.show())
    check("named", "/dev/vda" in result.stderr or "ext2" in result.stderr, result.stderr)


def test_truncated_disk():
    "a root disk that is cut short is refused, and not written"
    disk = root_disk()
    os.truncate(disk, 5 << 20)
    with open(disk, "rb") as file:
        before = file.read()
    result = run(disk=disk, fsck=False)
    check("boot failure", result.status == BOOT_FAILURE, result.show())
    with open(disk, "rb") as file:
        check("untouched", file.read() == before)


def test_missing_files():
    "what is not there is named before anything starts"
    for knobs in ({"disk": "/nonexistent"}, {"elf": "/nonexistent"}, {"overlay": "/nonexistent"},
                  {"swap": "/nonexistent"}, {"prog": "nonexistent"}):
        result = run(**knobs)
        check(f"{knobs} refused", result.status == REFUSED, result.show())
        check(f"{knobs} named", "nonexistent" in result.stderr, result.stderr)


def test_bad_requests():
    "bad knobs and wrong kinds of ELF are refused with a sentence"
    script = tmp("script")
    with open(script, "w") as file:
        file.write("#!/bin/sh\n")
    for knobs in ({"mem": "4M"}, {"mem": "lots"}, {"smp": "0"}, {"elf": script}, {"args": "x"},
                  {"prog": "a", "cmd": "b"}, {"bogus": "1"}, {"elf": "/bin/ls"},
                  {"disk_size": "1M"}, {"prog": "a", "args": "'"}, {"packages": "../a"}):
        result = run(**knobs)
        check(f"{knobs} refused", result.status == REFUSED, result.show())
        check(f"{knobs} in one sentence", result.stderr.count("\n") == 1, result.stderr)


def test_limit():
    "a program that never ends is stopped by the limit, in guest time"
    result = run(elf=program("end"), args=["loop"], limit=2)
    check("status of the limit", result.status == LIMIT, result.show())
    check("said so", "limit" in result.stderr, result.stderr)


def test_limit_of_sleepers():
    "a run that waits for ever says at its limit who sleeps where"
    for limit in (2, 10, 60):  # a host with much to do may not come so far in 2 s
        result = run(cmd="sleep 1000 | cat", limit=limit, smp=2)
        if re.search(r" S .* cat\n", result.kernel_log):
            break
    check("status of the limit", result.status == LIMIT, result.show())
    for what, words in (("the reader of a pipe", r" S +\d+ +\d+ +cat\n.* in .*\bpipe_read\+0x"),
                        ("a timer's sleeper", r" S +\d+ +\d+ +sleep\n.* in .*\bsleep_until\+0x"),
                        ("who waits for its child", r" S +\d+ +\d+ +init\n.* in .*\bdo_wait\+0x"),
                        ("memory", r"memory: \d+ pages free, \d+ dirty, \d+ being written\n"),
                        ("the disks", r"disk vda: 0 requests in flight\n")):
        check(f"it shows {what}", re.search(words, result.kernel_log), result.show())


def test_small_memory():
    "16 MiB of RAM are enough"
    result = run(elf=program("end"), args=["42"], mem="16M")
    check("exit status 42", result.status == 42, result.show())


def test_large_memory():
    "8 GiB of RAM work"
    result = run(elf=program("end"), args=["42"], mem="8G")
    check("exit status 42", result.status == 42, result.show())


def test_icount():
    "ICOUNT=1 runs"
    result = run(elf=program("end"), args=["42"], icount=1)
    check("exit status 42", result.status == 42, result.show())


def test_fault_log():
    "FAULTS=1 writes a line for each fault"
    result = run(elf=program("end"), args=["42"], faults=True)
    check("exit status 42", result.status == 42, result.show())
    check("lines", len(result.faults.splitlines()) > 3, result.faults)
    check("told where", "faults.log" in result.stderr, result.stderr)
    result = run(elf=program("end"), args=["42"])
    check("off by default", result.faults == "" and result.stderr == "", result.show())


def test_slow_reader():
    "what the terminal has not taken yet at the end of the run is waited for"
    near, far = socket.socketpair()  # as between QEMU and the runner: how much does one hold?
    near.setblocking(False)
    room = 0
    try:
        while room < 1 << 20:
            room += near.send(b"0")  # QEMU sends byte by byte
    except BlockingIOError:
        far.close()
    count = room + 10  # the last few stay in the UART
    command, _ = start(cmd=f"echo ready; sleep 1; printf %0{count}d 0")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as runner:
        said = runner.stdout.readline()
        runner.send_signal(signal.SIGSTOP)
        time.sleep(2)
        runner.send_signal(signal.SIGCONT)
        said += runner.stdout.read()
    check("each byte arrives", said == b"ready\n" + b"0" * count, (len(said), count))


def test_closed_output():
    "a reader that leaves ends the run, as SIGPIPE would"
    command, _ = start(elf=program("copy"))
    runner = subprocess.Popen(command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    runner.stdout.close()
    runner.stdin.write(b"x" * 1000)
    runner.stdin.close()
    check("status", runner.wait(120) == 128 + signal.SIGPIPE, runner.returncode)
    check("no word", runner.stderr.read() == b"")


def running(word):
    """The processes with word in their command line, by /proc."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read()
        except OSError:
            continue
        if word.encode() in line and int(pid) != os.getpid():
            found.append((pid, line))
    return found


def test_interrupt():
    "SIGINT ends a batch run and QEMU with it"
    command, rundir = start(elf=program("end"), args=["loop"])
    runner = subprocess.Popen(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    check("the program runs", runner.stdout.readline() == b"looping\n")
    runner.send_signal(signal.SIGINT)
    check("status 130", runner.wait(30) == 130, runner.returncode)
    check("no QEMU left", not running(f"{rundir}/qemu.log"), running(f"{rundir}/qemu.log"))
    check("no disks left", not any(name.startswith("disks.") for name in os.listdir(rundir)))


def test_terminal():
    "on a terminal there is a shell with echo, and Ctrl-D ends it"
    terminal = Terminal()
    terminal.type(b"echo un''quoted\r")
    check("typed ahead and run", terminal.wait_for(b"unquoted\r\n"), terminal.said)
    check("echoed", b"un''quoted" in terminal.said, terminal.said)
    terminal.type(b"\x04")
    check("Ctrl-D powers off", terminal.end() == 0, terminal.said)


def test_terminal_leave():
    "Ctrl-A X leaves at any time"
    terminal = Terminal()
    check("hint", terminal.wait_for(b"Ctrl-A X"), terminal.said)
    terminal.type(b"\x01x")
    check("exit status 0", terminal.end() == 0, terminal.said)


def test_terminal_interrupt():
    "Ctrl-C interrupts the program, not the runner"
    terminal = Terminal(elf=program("end"), args=["loop"])
    check("started", terminal.wait_for(b"looping"), terminal.said)
    terminal.type(b"\x03")
    check("status 128 + SIGINT", terminal.end() == 128 + signal.SIGINT, terminal.said)
