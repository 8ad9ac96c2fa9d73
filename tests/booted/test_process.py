# SPDX-License-Identifier: MIT
"""Processes, threads, signals and what tests/programs/calls_*.c ask of all other system calls: the
programs that judge them pass, on the release and on the debug kernel, and give back every frame."""
import os
import re
import shutil

from harness import TOP, check, debug_kernel, program, run, tap, tmp

JUDGES = ["process", "signals"] + sorted(
    file[:-2] for file in os.listdir(os.path.join(TOP, "tests/programs"))
    if file.startswith("calls_") and file.endswith(".c"))


def judge(**knobs):
    """Run all judges in one boot."""
    folder = tmp()
    os.mkdir(os.path.join(folder, "t"))
    for name in JUDGES:
        shutil.copy(program(name), os.path.join(folder, "t"))
    result = run(cmd="runtests " + " ".join(f"/t/{name}" for name in JUDGES), overlay=folder, **knobs)
    tap(result)
    return result


def test_process():
    "fork, exec, wait, threads, futexes, process groups; signals of all kinds"
    judge()


def test_process_debug():
    "the same with lock checks"
    kernel = debug_kernel()
    if kernel:
        log = judge(kernel=kernel).kernel_log
        bad = [said for said in ("warning at", "lock order:", "may sleep at") if said in log]
        check("no warning", not bad, log[-3000:])


def test_hangup():
    "the end of a session's leader hangs the line up: who is told, and who has it no more"
    tap(run(elf=program("hangup")))


def test_each_call_is_tried():
    "each system call that there is, is made by a program of the tests or of user/"
    with open(os.path.join(TOP, "kernel/syscalls.h"), encoding="utf-8") as file:
        calls = re.findall(r"^\tX\(\d+, (\w+),", file.read(), re.MULTILINE)
    text = ""
    for folder in ("user", "tests/programs", "tests/oracle"):
        for name in os.listdir(os.path.join(TOP, folder)):
            if name.endswith((".c", ".h")) and not name.startswith("fuzz_"):
                with open(os.path.join(TOP, folder, name), encoding="utf-8") as file:
                    text += file.read()
    missing = [call for call in calls if not
               re.search(rf"\bSYS_{call}\b|\bcall\({call}\b|\b{call.replace('rt_sig', 'sig')}\s*\(",
                         text)]
    check("the table is read", len(calls) > 200, len(calls))
    check("no call is left out", not missing, missing)
