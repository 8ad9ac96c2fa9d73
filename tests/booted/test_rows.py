# SPDX-License-Identifier: MIT
"""Parts of the fault path that a program cannot bring about by itself: a full disk under a mapping,
interrupts that cannot be masked."""
import socket
import threading
import time

from harness import check, program, run, tap, tmp


def test_full_disk():
    "a write through a mapping that finds no block on the disk is SIGBUS, and the disk stays clean"
    tap(run(elf=program("holes"), args=["/root"], disk_size="16M"))


def ask(monitor, command):
    """QEMU's answer to a command for its monitor, up to the next prompt."""
    monitor.sendall(command + b"\n", socket.MSG_NOSIGNAL)  # the driver would die of SIGPIPE
    answer = b""
    while not answer.endswith(b"(qemu) "):
        part = monitor.recv(65536)
        if not part:
            raise ConnectionError
        answer += part
    return answer


def send_nmis(path, stop, sent):
    """Have QEMU raise NMIs, from the first user instruction on, until told to stop."""
    while not stop.wait(0.02):
        try:
            with socket.socket(socket.AF_UNIX) as monitor:
                monitor.connect(path)
                while b"CPL=3" not in ask(monitor, b"info registers"):
                    time.sleep(0.01)
                while not stop.wait(0.002):
                    ask(monitor, b"nmi")
                    sent.append(1)
        except OSError:
            pass  # QEMU is not there yet, or not any more


def test_nmi():
    "non-maskable interrupts, in user mode, system calls and faults, disturb nothing"
    path, stop, sent = tmp("monitor"), threading.Event(), []
    sender = threading.Thread(target=send_nmis, args=(path, stop, sent))
    sender.start()
    try:
        result = run(prog="runtests", args=["--no-leak"] + ["touch", "cow", "uaccess", "forktree"] * 3,
                     qemu_args=f"-monitor unix:{path},server=on,wait=off")
    finally:
        stop.set()
        sender.join()
    check("the programs pass", result.status == 0, result.show())
    seen = result.kernel_log.count("non-maskable interrupt")
    check(f"the kernel saw {seen} of {len(sent)}", seen >= 20, result.show())
