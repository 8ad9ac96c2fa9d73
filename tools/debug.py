# SPDX-License-Identifier: MIT
"""`make debug`: the machine of `make run`, stopped before its first instruction, with gdb attached
in the foreground. gdb has the terminal, so what the guest writes goes to terminal.log."""
import os
import signal
import socket
import subprocess
import threading

import machine
import run as runner
from knobs import Refused, top

COMMANDS = top("tools/gdb/faultline.py")


def check_port(port):
    """Refuse a port that something else listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(f"port {port} is busy, perhaps with another gdb session; "
                          "choose another one with GDB_PORT=") from None


def program_file(wanted):
    """The program's ELF file on this side, for its symbols; None for what is not ours."""
    if wanted.elf:
        return wanted.elf
    name = os.path.basename(os.fsdecode(wanted.argv[0])) if wanted.argv else ""
    path = top(f"build/user/{name}")
    return path if os.path.isfile(path) else None


def gdb_command(wanted, symbols, further=()):
    """gdb's command line: symbols, connection, the project's commands, further ones, then the
    user's script."""
    words = ["gdb", "-q", "-iex", "set pagination off", "-iex", "set confirm off",
             "-iex", "set debuginfod enabled off"]
    if wanted.gdb_script:
        words += ["-nx", "-batch"]
    words.append(symbols)
    words += ["-ex", f"target remote 127.0.0.1:{wanted.gdb_port}", "-ex", f"source {COMMANDS}"]
    program = program_file(wanted)
    if program:
        words += ["-ex", f"program {os.path.abspath(program)}"]
    for line in further:
        words += ["-ex", line]
    if wanted.gdb_script:
        words += ["-x", wanted.gdb_script]
    return words


def for_history(wanted, symbols):
    """What the command `faults` needs to know, by environment."""
    if not wanted.trace:
        return {}
    return {"FAULTLINE_TRACE": os.path.abspath(wanted.trace), "FAULTLINE_KERNEL": symbols,
            "FAULTLINE_ELF": wanted.elf or ""}


def check(wanted):
    """Refuse what no session can begin with."""
    if wanted.gdb_script and not os.path.isfile(wanted.gdb_script):
        raise Refused(f"GDB_SCRIPT={wanted.gdb_script}: there is no such file")
    check_port(wanted.gdb_port)


def attend(vm, words, **how):
    """gdb in the foreground, until it ends; then QEMU's end. Returns gdb's exit status, and whether
    QEMU had ended before."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is gdb's
    try:
        gdb = subprocess.Popen(words, **how,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    except FileNotFoundError:
        raise Refused("gdb is missing: type `make doctor`") from None
    try:
        status = gdb.wait()
    finally:
        if gdb.poll() is None:
            gdb.terminate()
    ended = vm.process.poll() is not None
    vm.process.kill()
    return status, ended


def run(wanted, opts, rundir, scratch):
    """Returns gdb's exit status, or that of the run if the machine came to its end under gdb."""
    check(wanted)
    vm, _ = runner.prepare(wanted, opts["kernel"], rundir, scratch, False, wanted.limit)
    terminal = os.path.join(rundir, "terminal.log")
    # A program's input is at its end; the shell's stays open and empty, or it would leave at once.
    source = machine.Framed(os.open(os.devnull, os.O_RDONLY) if wanted.argv else None)
    try:
        with open(terminal, "wb", buffering=0) as file:
            vm.start(stopped=True, gdb_port=wanted.gdb_port)
            pump = threading.Thread(target=vm.pump, args=(source, file.write, None), daemon=True)
            pump.start()
            status, ended = attend(
                vm, gdb_command(wanted, opts["symbols"]),
                env=dict(os.environ, **for_history(wanted, opts["symbols"])))
            pump.join()
    finally:
        rc = vm.stop()
    runner.tell_records(vm, wanted)
    with open(terminal, "rb") as file:
        said = file.read()
    if said:
        runner.tell(f"what the guest wrote to its terminal ({terminal}):")
        runner.write_out(said)
    if ended:  # gdb calls that a lost connection, whatever the reason was
        judged, sentence = runner.judge(vm, rc, rundir)
        if judged == runner.RESET and runner.reset_kind(vm) != "triple fault":
            return status  # gdb's `kill`
        status = judged
        runner.tell(sentence or f"the machine powered off, status {status}")
    return status
