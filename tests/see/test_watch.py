# SPDX-License-Identifier: MIT
"""make watch: the page of a run that goes on, and the server that it comes from."""
import base64
import contextlib
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys

from browser import Browser
from harness import TOP, check
from pages import TRACE, compare_states, flt, no_complaints, run_of, see, shown, tells, zero_frame

COMMAND = [sys.executable, os.path.join(TRACE, "watch.py")]
RECORDS = os.path.join(TOP, "build/run/trace.flt")
# A page without records, of a run that goes on, counts what it does. States are kept so often that
# some have to be let go of.
COUNT = """window.counted = { column: 0, apply: 0, drawn: 0, sorted: 0 };
    page.meta.live = true;
    page.model.apart = 64;
    const count = (what, name, by, amount) => {
        const had = what[name];

        what[name] = function (...args) {
            counted[by] += amount.apply(this, args);
            return had.apply(this, args);
        };
    };
    count(Records.prototype, "column", "column", () => 1);
    count(Model.prototype, "apply", "apply", () => 1);
    count(Timeline.prototype, "paintFaults", "drawn", (from) => page.records.faults.length - from);
    count(Float64Array.prototype, "sort", "sorted", function () { return this.length; });"""


@contextlib.contextmanager
def watching(program, **knobs):
    """make watch of a program: (the process, its port)."""
    with subprocess.Popen([*COMMAND, "--port", "0", "--program", program], stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True,
                          start_new_session=True,
                          env=dict(os.environ, PROG=program, DISPLAY="", BROWSER="", **knobs)) as watch:
        try:
            yield watch, int(re.search(r"http://127\.0\.0\.1:(\d+)/", watch.stderr.readline())[1])
        finally:
            if watch.poll() is None:
                watch.send_signal(signal.SIGINT)
                watch.communicate()


def get(port, path, method="GET", host="127.0.0.1"):
    """Status and body of an answer."""
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    server.request(method, path, headers={"Host": host})
    answer = server.getresponse()
    body = answer.read()
    server.close()
    return answer.status, body


def test_page():
    "the page follows a run until it is over, and is then what make see shows"
    with watching("cow") as (_, port), Browser() as browser:
        browser.go(f"http://127.0.0.1:{port}/")
        browser.later("""const look = () => document.getElementById("summary").innerText
            .includes("The run is over") ? done() : setTimeout(look, 50); look();""")
        trace = flt.read(RECORDS)
        faults = [record for record in trace if record.type == flt.FAULT.number]
        now = shown(browser)
        check("it stands at the last fault", now["where"] == f"fault {len(faults)} of {len(faults)}", now)
        check("and tells it", faults and tells(now, faults[-1], zero_frame(faults)), now)
        compare_states(browser, trace, [len(faults), 1, len(faults) + 1])
        lines = [browser.run("page.go({moment: arguments[0]}); return document.getElementById('facts')"
                             ".innerText", i + 1) for i, fault in enumerate(faults)
                 if fault.comm.startswith(b"cow") and fault.ip < flt.KERNEL_HALF][::20]
        check("instructions have their functions and lines", any("(user/cow.c:" in line
                                                                 for line in lines), lines)
        no_complaints(browser)


def test_answers():
    "three things are answered, to this machine alone"
    with watching("hello") as (_, port):
        for path, host, status in (("/", "localhost", 200), ("/records", "127.0.0.1", 200),
                                   ("/records?from=x", "127.0.0.1", 200),
                                   ("/records?from=999999999999", "127.0.0.1", 200),
                                   ("/names?from=1", f"localhost:{port}", 200),
                                   ("/", "example.org", 403), ("/records", f"example.org:{port}", 403),
                                   ("/etc/passwd", "127.0.0.1", 404),
                                   ("/../../../etc/passwd", "127.0.0.1", 404),
                                   ("/%2e%2e/%2e%2e/etc/passwd", "127.0.0.1", 404),
                                   ("//etc/passwd", "127.0.0.1", 404), ("/see.py", "127.0.0.1", 404),
                                   ("/page/main.js", "127.0.0.1", 404)):
            said, body = get(port, path, host=host)
            check(f"{host}{path}: {status}", said == status and b"root:" not in body, said)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            check(f"{method} is refused", get(port, "/", method)[0] == 501, "")
        try:  # an address of this machine, but not the one
            socket.create_connection(("127.0.0.2", port), 5).close()
            check("no other address is listened at", False, "127.0.0.2 answers")
        except ConnectionRefusedError:
            check("no other address is listened at", True)
        busy = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, check=False,
                              text=True)
        check("a busy port: a sentence", busy.returncode == 124 and "PORT= names another" in
              busy.stderr and busy.stderr.count("\n") == 1, busy.stderr)


def test_gone():
    "a browser that goes away in the middle of an answer"
    with watching("hello") as (watch, port):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check("the next one is answered", get(port, "/records")[0] == 200)
        watch.send_signal(signal.SIGINT)
        _, said = watch.communicate()
        check("nobody complains", "Traceback" not in said and "rror" not in said, said)


def machine_of(watch):
    """The processes below watch.py, as {pid: command}: the runner, and QEMU."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, check=True, text=True)
    rows = [line.split(None, 2) for line in done.stdout.splitlines()]
    parents, found = {int(pid): int(parent) for pid, parent, *_ in rows}, {}
    for pid, _, command in rows:
        above = parents[int(pid)]
        while above and above != watch.pid:
            above = parents.get(above)
        if above and ("tools/run.py" in command or command.startswith("qemu-system")):
            found[int(pid)] = command
    return found


def test_interrupt():
    "Ctrl-C ends the page and the machine"
    for title, signalled in (("as a terminal does", os.killpg), ("for watch.py alone", os.kill)):
        with watching("thrash", MEM="40M", SWAP="128M") as (watch, port):
            while len(get(port, "/records")[1]) < 100_000:
                pass
            machine = machine_of(watch)
            check(f"{title}: the machine runs", len(machine) > 1, machine)
            signalled(watch.pid, signal.SIGINT)
            _, said = watch.communicate(timeout=60)
            check(f"{title}: it ends without a complaint", watch.returncode == 0 and
                  "Traceback" not in said, (watch.returncode, said))
            left = {pid: what for pid, what in machine.items() if os.path.exists(f"/proc/{pid}")}
            check(f"{title}: so does the machine", not left, left)


def test_long():
    "what an update costs does not grow with the run: nothing is gone through twice"
    data, trace, faults = run_of(20_000)
    records = b"".join(trace.raw(i) for i in range(len(trace)))
    page, _, _ = see(data[:flt.HEADER.size] + flt.CHUNK.pack(flt.END_CHUNK, 8) + flt.END_TOTAL.pack(0))
    cuts, at = [0], 0
    for i in range(len(trace)):
        at += len(trace.raw(i))
        if at - cuts[-1] > len(records) / 200 or i == len(trace) - 1:
            cuts.append(at)
    with Browser() as browser:
        browser.open(page)
        browser.run(COUNT)
        for begin, end in zip(cuts, cuts[1:]):
            browser.run("page.grow(Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0)).buffer)",
                        base64.b64encode(records[begin:end]).decode())
        counts = browser.run("return counted")
        check("each fault is looked at once", counts["column"] == len(faults), counts)
        check("each record is applied once, and those since the last state that was kept",
              counts["apply"] <= 1.05 * len(trace), (counts, len(trace)))
        check("the timeline is drawn anew a few times", counts["drawn"] <= 8 * len(faults), counts)
        check("costs are sorted a few times", counts["sorted"] <= 20 * len(faults), counts)
        compare_states(browser, trace, [len(faults), 1, len(faults) // 2, len(faults) + 1])
        no_complaints(browser)
