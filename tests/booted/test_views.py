# SPDX-License-Identifier: MIT
"""faulttop and pmapview: on a terminal as a person has them, and their numbers against /proc."""
import re

from harness import Terminal, check, run

PROMPT = b"# \x1b[6n"
LEAVE = b"\x1b[?25h\x1b[?1049l"
# A process that took 8 MiB page by page, and stays.
HOLDER = "dd if=/dev/zero bs=8M count=1 2>/dev/null | sleep 200 & "
PAGES = 2048


class Viewer(Terminal):
    """A terminal with a shell, and a program that takes the whole window."""

    def __init__(self):
        super().__init__()
        self.resize(30, 90)
        check("there is a prompt", self.take(PROMPT, 90), self.said)
        self.settings = self.ask("stty -g")

    def ask(self, command):
        """Type a command; all that comes before the next prompt."""
        self.type(command.encode() + b"\r")
        return self.take(PROMPT).replace(command.encode() + b"\r\n", b"").removesuffix(PROMPT)

    def start(self, command, until):
        """Begin a program, and wait for a text of its picture."""
        self.said = b""
        self.type(command.encode() + b"\r")
        self.picture(command, until)

    def picture(self, what, until):
        """A whole picture that holds the text; its lines, without colours."""
        while self.take(b"\x1b[H"):
            text = self.take(b"\x1b[?2026l")
            if until in text:
                check(what, True)
                return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", text).split(b"\r\n")
        check(what, False, self.said)
        return []

    def press(self, keys, until):
        """A key brings a picture with this text."""
        self.type(keys)
        return self.picture(f"key {keys!r}", until)

    def left(self, how, keys=b"", status=0):
        """The program ends by these keys, and the terminal is as it was. What it said then."""
        self.type(keys)
        check(f"{how} leaves the window", self.take(LEAVE), self.said[-300:])
        said = self.take(PROMPT)
        after = self.ask("echo $?; stty -g")
        check(f"after {how} its settings are back, and its status is {status}",
              after.startswith(b"%d\r\n" % status + self.settings.split()[0]), after)
        return said


def fits(lines, rows, columns):
    """check() that a picture is no larger than its window."""
    widest = max(map(len, lines), default=0)
    check(f"the picture fits in {columns} x {rows}", 0 < len(lines) <= rows and widest <= columns,
          f"{len(lines)} lines, {widest} characters")


def test_faulttop():
    "faulttop draws in place, follows the window, and leaves the terminal as it was"
    t = Viewer()
    t.start("faulttop -d 0.3", b"over the last")
    fits(t.picture("it goes on", b"over the last"), 30, 90)
    t.resize(10, 60)
    check("a new size clears the window", t.take(b"\x1b[2J"), t.said)
    fits(t.picture("then draws", b"memory"), 10, 60)
    t.resize(3, 20)
    check("a tiny one too", t.take(b"\x1b[2J"), t.said)
    fits(t.picture("then draws", b"up"), 3, 20)
    t.resize(30, 90)
    t.left("q", b"q")
    t.start("faulttop", b"PROGRAM")
    t.left("^C", b"\x03", 130)
    t.start("(sleep 2; kill $(pidof faulttop)) & faulttop -d 0.3", b"PROGRAM")
    t.left("SIGTERM", status=143)
    t.start("faulttop -d 0.3", b"PROGRAM")
    t.left("^Z", b"\x1a", 148)
    t.start("fg", b"PROGRAM")
    t.left("q after fg", b"q")
    check("without colour", b"\x1b[1m" not in t.ask("NO_COLOR=1 faulttop -n 1"), t.said)
    t.type(b"\x04")
    check("the end powers off", t.end() == 0, t.said)


def test_pmapview():
    "pmapview scrolls, marks what is written, shows the frames, and sees its process end"
    t = Viewer()
    t.ask(HOLDER + "sleep 0.5")
    t.start("pmapview -d 0.3 $(pidof dd) 1", b"dd")
    t.press(b"\x1b[F", b"[vdso]")
    first = t.press(b"\x1b[H", b" 400000 ")
    fits(first, 30, 90)
    t.press(b"\x1b[6~", b" 7f")
    t.press(b"\x1b[5~", b" 400000 ")
    t.press(b"\x1b[B", b"  2-")
    t.press(b"\x1b[A", b"  1-")
    t.press(b"w", b"written (*)")
    t.press(b"c", b" 0 written (*)")
    t.press(b"\t", b"1 init")
    t.resize(20, 50)
    check("a new size clears the window", t.take(b"\x1b[2J"), t.said)
    fits(t.picture("then draws", b"1 init"), 20, 50)
    t.resize(30, 90)
    check("and back", t.take(b"\x1b[2J"), t.said)
    frames = t.press(b"f", b"a character;")
    fits(frames, 30, 90)
    whole = re.search(rb"(\d+) a character", frames[0])
    closer = re.search(rb"(\d+) a character", t.press(b"+", b"a character;")[0])
    check("+ halves what a character stands for", whole and closer and
          int(closer[1]) * 2 == int(whole[1]), frames[0])
    t.left("q", b"q")
    t.start("(sleep 2; kill $(pidof dd)) & pmapview -d 0.3 $(pidof dd)", b"dd")
    said = t.left("the end of its process", status=1)
    check("it says that its process ended", b"has ended" in said, said)
    t.type(b"\x04")
    check("the end powers off", t.end() == 0, t.said)


def test_faulttop_numbers():
    "what faulttop -b prints is what /proc counts"
    out = run(cmd=f"grep MemTotal /proc/meminfo; (sleep 1; {HOLDER} sleep 9) & "
              "faulttop -b -d 2.5 -n 2 | cat; cat /proc/vmstat; faulttop nonsense; echo $?; "
              "faulttop -d x; echo $?; kill $(pidof dd)").stdout.decode().replace("\r", "")
    check("no colour in a pipe", "\x1b" not in out, out)
    reports = out.split("faulttop  up")[1:]
    if not check("two reports", len(reports) == 2 and "over the last" in reports[1], out):
        return
    seconds = float(re.search(r"last ([\d.]+) s", reports[1])[1])
    faults = float(re.search(r"([\d.]+) faults/s", reports[1])[1]) * seconds
    kinds = [{name: (float(rate), int(total)) for name, rate, total in
              re.findall(r"\b([a-z_]+) +([\d.]+)/s +(\d+)", report)} for report in reports]
    check("all kinds", len(kinds[1]) == 14 and kinds[0].keys() == kinds[1].keys(), kinds)
    slack = 0.06 * seconds + 0.006 * faults / seconds + 1  # all are rounded, the time too
    for name, (rate, total) in kinds[1].items():
        grown = total - kinds[0][name][1]
        check(f"{name}: rate and total agree", abs(rate * seconds - grown) < slack, out)
        now = int(re.search(rf"^fault_{name} (\d+)$", out, re.M)[1])
        check(f"{name}: /proc/vmstat has it", total <= now <= total + 500, out)
    check("the known faults are there", kinds[1]["anon_write"][0] * seconds > PAGES, out)
    rows = re.findall(r"^ +(\d+|-) +([\d.]+) .* (\S+|\(none of these\))$", reports[1], re.M)
    dd = [float(rate) * seconds for _, rate, name in rows if name == "dd"]
    check("at their process", dd and PAGES <= dd[0] < PAGES + 300, out)
    total = sum(float(rate) for _, rate, _ in rows) * seconds
    check("the processes make up all faults", abs(total - faults) < slack * len(rows), out)
    check("memory", re.search(r"^MemTotal: +(\d+) kB", out)[1] in reports[1].splitlines()[1], out)
    check("bad usage", "what is \"nonsense\"" in out and "a number above 0" in out, out)


def spaces(text):
    """What pmapview -b shows: {start: (pages, present, characters with what is folded)}."""
    found, start, last = {}, None, ""
    for line in text.splitlines():
        head = re.match(r"([0-9a-f]+)-[0-9a-f]+ \S+ (\d+) pages?, (\d+) present", line)
        if head:
            start = head[1]
            found[start] = [int(head[2]), int(head[3]), ""]
        elif re.match(r" +and (\d+) more like these", line):
            found[start][2] += last[-1] * int(line.split()[1])
        elif start and re.match(r" +[0-9a-f]+ \S+$", line):
            last = line.split()[1]
            found[start][2] += last
    return found


def test_pmapview_numbers():
    "what pmapview -b draws is what /proc/PID/smaps and meminfo say"
    out = run(cmd=HOLDER + "sleep 0.7; p=$(pidof dd); pmapview -b $p; cat /proc/$p/smaps; "
              "pmapview -f -b $p; grep MemFree /proc/meminfo; pmapview 9999; pmapview 2; "
              "pmapview nobody; su -s /bin/sh nobody -c 'pmapview self'; kill $p",
              ).stdout.decode().replace("\r", "")
    drawn = spaces(out[:out.find("VmFlags")])
    smaps = re.findall(r"^([0-9a-f]+)-[0-9a-f]+ ([^\n]*)\nSize: +(\d+) kB\n(?:.*\n)*?"
                       r"Rss: +(\d+) kB\n(?:.*\n)*?Anonymous: +(\d+) kB$", out, re.M)
    check("mappings", len(smaps) > 5 and len(drawn) == len(smaps), out)
    for start, name, size, rss, anon in smaps:
        pages, present, cells = drawn.get(start.lstrip("0"), (0, 0, ""))
        if "[v" in name:
            continue  # the kernel's own pages are in no account
        check(f"{start}: a character a page", pages == len(cells) == int(size) // 4, out)
        there = len(cells) - cells.count(".") - cells.count("0")
        check(f"{start}: those present", there == int(rss) // 4 and there <= present, out)
        check(f"{start}: those anonymous", len(re.findall("[aA]", cells)) == int(anon) // 4, out)
    check("the 8 MiB are seen", any(view[2].count("a") >= PAGES for view in drawn.values()), out)
    marked = 4 * int(re.search(r"(\d+) free", out)[1])
    free = int(re.search(r"MemFree: +(\d+)", out)[1])
    check("free frames", free * 3 // 4 < marked < free + 1024, (free, marked))
    check("no such process", "process 9999 has ended, or never was" in out, out)
    check("no address space", re.search(r"process 2 \(.*\) has no address space", out), out)
    check("no number", '"nobody" is no process number' in out, out)
    check("not root", "Permission denied (what frames hold is for root alone to see)" in out, out)
