# SPDX-License-Identifier: MIT
"""Parts of the fault path that a program cannot bring about by itself: a full disk under a mapping,
interrupts that cannot be masked."""
import concurrent.futures
import contextvars
import os
import re
import socket
import threading
import time

from harness import check, program, run, tap, tmp


def test_full_disk():
    "a write through a mapping that finds no block on the disk is SIGBUS, and the disk stays clean"
    tap(run(elf=program("holes"), args=["/root"], disk_size="16M"))


def test_cold_page():
    "a page that comes from a slow disk holds up nobody but who touched it"
    def cold(smp):
        slow = tmp("slow.img")
        with open(slow, "wb") as file:
            file.truncate(64 << 20)
        return run(elf=program("cold"), args=["/dev/vdc"], smp=smp, limit=90, qemu_args=(
            f"-drive if=none,id=slow,format=raw,file={slow},throttling.iops-total=1 "
            "-device virtio-blk-pci,drive=slow,disable-legacy=on"))

    with concurrent.futures.ThreadPoolExecutor() as pool:  # side by side: they only wait
        runs = [(smp, pool.submit(contextvars.copy_context().run, cold, smp)) for smp in (1, 2)]
    for smp, future in runs:
        tap(future.result(), f"SMP={smp}: ")


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
        result = run(elf=program("busy"), args=["2"], limit=60, qemu_args=f"-monitor unix:{path},server=on,wait=off")
    finally:
        stop.set()
        sender.join()
    check("the program's registers and GS are its own", result.status == 0, result.show())
    seen = re.findall(r"non-maskable interrupt at ip ([0-9a-f]+)", result.kernel_log)
    in_kernel = sum(ip.startswith("ffffffff") for ip in seen)
    check(f"of {len(sent)} sent the kernel saw {in_kernel} in its own code", in_kernel >= 10, result.show())
    check(f"and {len(seen) - in_kernel} in the program's", len(seen) - in_kernel >= 10, result.show())


def test_bad_entry():
    "a program that would start at an address that is not canonical dies of SIGSEGV, without an oops"
    with open(program("end"), "rb") as file:
        content = bytearray(file.read())
    content[24:32] = (1 << 63).to_bytes(8, "little")  # e_entry
    path = tmp("bad")
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o755)
    result = run(elf=path)
    check("it dies of SIGSEGV", result.status == 128 + 11, result.show())
    check("which is no oops", "oops" not in result.kernel_log, result.kernel_log)
