# SPDX-License-Identifier: MIT
"""`make record` and `make rewind`: a recorded run is gone back in, by script; docs/rewind.md."""
import json
import os
import re
import shutil
import subprocess

from gdb_session import free_port, marked, says
from harness import TOP, check, read, start, tmp

SECONDS = 200
BACK = r"""
echo MARK end\n
when
echo MARK copy\n
previous-fault copy cow
set $where = address
when
fault
echo MARK done\n
finish
pt $where
when
echo MARK written\n
previous-change $where
echo MARK cleared\n
previous-change $where
previous-fault
echo MARK earlier\n
previous-fault copy cow
echo MARK forward\n
next-fault copy cow
echo MARK breakpoint\n
break do_anonymous_page if $runs("cow")
reverse-continue
print/x vmf->address
reverse-next
delete
echo MARK seek\n
seek start
seek end
echo MARK copies\n
python
gdb.execute("seek start")
stop = gdb.Breakpoint("wp_install_copy")
stop.condition = '$runs("cow")'
while True:
    gdb.execute("continue", to_string=True)
    if gdb.selected_frame().name() == "machine_exit":
        break
    if not int(gdb.parse_and_eval("vmf->orig_pte.pte")) & 1 << 9:
        print("COPY", hex(int(gdb.parse_and_eval("vmf->address")) & -4096))
stop.delete()
end
echo MARK mistakes\n
python
for line in ("continue", "stepi", "next-fault any", "previous-fault odd",
             "previous-fault stack nobody", "seek", "seek 99999999999", "audit",
             "previous-change 0x800000000000"):
    try:
        gdb.execute(line)
    except gdb.error as error:
        print(f"{line}: {error}")
end
echo MARK over\n
"""


def call(mode, recording, **knobs):
    """Run the runner. Returns its output, its messages, its status and its folder."""
    command, rundir = start(mode=mode, fsck=False, **knobs)
    try:
        done = subprocess.run(command + ["--recording", recording], cwd=TOP, timeout=SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        return done.stdout, done.stderr.decode(errors="replace"), done.returncode, rundir
    except subprocess.TimeoutExpired as late:
        return late.stdout or b"", (late.stderr or b"").decode(errors="replace"), -1, rundir


def rewound(recording):
    """The parts of the session, and all of its output."""
    path = tmp("script.gdb")
    with open(path, "w", encoding="utf-8") as file:
        file.write(BACK)
    out, err, status, _ = call("rewind", recording, gdb_script=path, gdb_port=free_port())
    text = out.decode(errors="replace") + err
    return marked(text, status, "over"), text


def check_refusals(recording):
    """What cannot be rewound is refused in a sentence."""
    def refused(what, sentence, **knobs):
        _, err, status, _ = call("rewind", recording, **knobs)
        check(f"refused: {what}", status == 124 and re.search(sentence, err), f"{status}\n{err}")

    card = os.path.join(recording, "recording.json")
    with open(card, encoding="utf-8") as file:
        good = json.load(file)
    refused("another program", "was made with PROG=cow: `make record` with PROG=touch first",
            prog="touch")
    refused("another machine", "was made without MEM=", mem="64M")
    for what, sentence, change in (
            ("another kernel", "made with another kernel than .*`make record PROG=cow",
             {"kernel": "0"}),
            ("a program built anew", "cow was built anew since", {"digest": "0"}),
            ("another QEMU", "made by QEMU 1", {"qemu": "QEMU 1"}),
            ("a later version", "of another version of this tree", {"format": 2}),
            ("knobs that are none", "is damaged", {"knobs": 7})):
        with open(card, "w", encoding="utf-8") as file:
            json.dump({**good, **change}, file)
        refused(what, sentence)
    with open(card, "w", encoding="utf-8") as file:
        file.write("{")
    refused("half a card", "is damaged: `make record PROG=` anew")
    shutil.rmtree(recording)
    refused("no recording", "there is no recording in .*`make record PROG=cow` makes one")
    _, err, status, _ = call("record", recording, disk="x", prog="cow")
    check("a disk of the user's is not recorded", status == 124 and "DISK= does not go" in err, err)
    _, err, status, _ = call("record", recording)
    check("nor is the shell", status == 124 and "has no input" in err, err)


def test_rewind():
    "a recorded run of cow: back to its faults, to before an entry was written, and forward again"
    recording = os.path.join(tmp(), "recording")
    out, err, status, rundir = call("record", recording, prog="cow")
    if not check("the run is recorded", status == 0 and "`make rewind` goes back in it" in err,
                 f"status {status}\n{err}"):
        return
    check("what cow says arrives", out.endswith(b"1..25\n") and b"not ok" not in out, out)
    parts, text = rewound(recording)
    copies = [int(word, 16) for word in re.findall("^COPY (.*)", parts.get("copies", ""), re.M)]
    says(parts, "end", "instruction (\\d+); .* the recording ends at \\1$")
    ends = re.search(r"begins at (\d+), the recording ends at (\d+)", parts.get("end", ""))
    clock = re.findall(r"^\[ *(\d+)\.(\d{6})\]", read(rundir, "kernel.log"), re.MULTILINE)
    check("no CPU halted, or time had gone by without an instruction, of a nanosecond each", ends and
          clock and int("".join(clock[-1])) * 1000 <= int(ends[2]) - int(ends[1]), f"{ends} {clock[-1:]}")
    said = [re.search(r"cow \[\d+\] on CPU 0: write of 0x([0-9a-f]+)", parts.get(mark, ""))
            for mark in ("copy", "earlier", "forward")]
    found = [match and int(match[1], 16) for match in said]
    check("back to the last two pages that were copied, and forward to the last again",
          len(copies) > 60 and
          [(at or 0) & -4096 for at in found] == [copies[-1], copies[-2], copies[-1]],
          f"{[hex(a or 0) for a in found]} {[hex(a) for a in copies[-4:]]}\n{text}")
    says(parts, "copy", r"pte now: frame 0x[0-9a-f]+: present, read-only",
         r"stopped at arch/x86_64/entry/fault.c")
    says(parts, "done", r"pte\[ *\d+\] [0-9a-f]{16}  frame 0x[0-9a-f]+: present, writable")
    says(parts, "written", r"is      0{16}  none",
         r"becomes [0-9a-f]{16}  frame \S+ present, writable", "wp_install_copy")
    says(parts, "cleared", r"is      [0-9a-f]{16}  frame 0x[0-9a-f]+: present, read-only",
         "becomes 0{16}  none", "wp_install_copy", rf"write of {found[0] or 0:#x} at")
    says(parts, "breakpoint", r"Breakpoint 1, do_anonymous_page", r"= 0x[0-9a-f]+\b")
    says(parts, "seek", "kmain .*machine_exit")
    says(parts, "mistakes", r"continue: the recording ends here; reverse-\*",
         "stepi: the recording ends here", "next-fault any: .*the recording ends here",
         "stack nobody: no fault of kind stack in nobody came before", "odd is no kind of fault",
         "usage: seek", "seek 99999999999: the recording ends at", "audit: .*which a replay cannot",
         "0x800000000000 is not a canonical address")
    check_refusals(recording)
