# SPDX-License-Identifier: MIT
"""A session at the terminal, key by key, as a person has it who types fast."""
import os
import shutil

from harness import Terminal, check, debug_kernel, program, run, tmp

PROMPT = b"# "
ASK = b"\x1b[6n"  # busybox asks the terminal where the cursor is
SHELL_UP = PROMPT + ASK


class Session(Terminal):
    """A terminal with a shell that shows its prompt."""

    def __init__(self, **knobs):
        folder = tmp()
        shutil.copy(program("front"), os.path.join(folder, "front"))
        super().__init__(overlay=folder, **knobs)
        self.resize(30, 90)
        check("there is a prompt", self.take(SHELL_UP, 90), self.said)

    def at_prompt(self, keys):
        """Type, and read until the prompt is back."""
        self.type(keys)
        return self.take(SHELL_UP).removesuffix(SHELL_UP)

    def start(self, command):
        """Type a command that brings /front to the front: until then keys are the shell's."""
        self.type(command)
        check(command.decode().strip(), self.take(b"in front\r\n"), self.said)

    def until(self, keys, want):
        """Is that there in the end, asked again and again?"""
        return any(want in self.at_prompt(keys) for _ in range(50))

    def expect(self, what, keys, want):
        """check() that keys bring this, whole lines of it, before the prompt is back."""
        got = self.at_prompt(keys)
        check(what, want in got, got or self.said)


def leave(terminal, keys=b"\x04"):
    """End the session."""
    terminal.type(keys)
    check("the end powers off", terminal.end() == 0, terminal.said)


def test_keys():
    "editing, history, completion; ^C, ^Z, ^\\, ^D, ^S, ^Q; jobs; the size of the window"
    t = Session()
    t.expect("the size of the window is the person's", b"stty size\r", b"\r\n30 90\r\n")
    t.resize(41, 101)
    check("and follows it", t.until(b"sleep 0.2; stty size\r", b"\r\n41 101\r\n"), t.said)
    t.expect("the terminal has a name", b"tty\r", b"\r\n/dev/ttyS0\r\n")
    t.expect("arrows edit a line", b"echo lef\x1b[D\x1b[D\x1b[DX\x1b[C\x1b[C\x1b[Ct\r", b"\r\nXleft\r\n")
    t.expect("the line before comes again", b"\x1b[A\r", b"\r\nXleft\r\n")
    t.expect("names are completed", b"cat /etc/hostn\t\r", b"\r\nfaultline\r\n")
    t.expect("^W and ^U", b"junk\x15echo one two\x17three\r", b"\r\none three\r\n")
    t.expect("Ctrl-P is a key like others", b"\x10\x10\x03", b"")
    t.start(b"/front\r")
    t.expect("^C", b"\x03", b"^C")
    t.expect("its status", b"echo $?\r", b"\r\n130\r\n")
    t.start(b"/front\r")
    t.expect("^Z stops", b"\x1a", b"Stopped")
    t.expect("bg", b"bg\r", b"[1] /front\r\n")
    t.expect("jobs", b"jobs\r", b"Running")
    t.start(b"fg\r")
    t.expect("^\\ ends what is in front", b"\x1c", b"^\\Quit")
    t.type(b"echo u''p; cat\r")
    check("lines are the terminal's from here", t.take(b"\r\nup\r\n"), t.said)
    t.type(b"ab\x7fc\r")
    check("lines are edited as they are typed", t.take(b"ab\b \bc\r\nac\r\n"), t.said)
    t.type(b"x\x16\x03\r")
    check("^V", t.take(b"x^\b^C\r\nx\x03\r\n"), t.said)
    t.expect("^D ends input", b"\x04", b"")
    t.at_prompt(b"cat &\r")
    check("a read behind stops", t.until(b"sleep 0.1; jobs\r", b"Stopped (tty input)"), t.said)
    t.at_prompt(b"kill %1\r")
    told = 0
    for _ in range(10):
        t.at_prompt(b"sleep 100 & sleep 0.1\r")
        told += b"Killed" in t.at_prompt(b"kill -9 $!\r")
    check("the end of a job that is killed is told at once", told >= 5, told)
    leave(t, b"reboot\r")


def test_stop_and_start():
    "^S holds output back and ^Q lets all of it go"
    t = Session()
    t.type(b"echo g''o; read; seq 1 20000 | tail -3000\r")
    check("it waits for a line", t.take(b"\r\ngo\r\n"), t.said)
    t.type(b"\x13\r")
    check("nothing comes", not t.wait_for(b"17500", 2), t.said[-100:])
    t.type(b"\x11")
    out = t.take(SHELL_UP)
    lines = b"".join(b"%d\r\n" % n for n in range(17001, 20001))
    check("then everything", lines in out, out[:200])
    leave(t, b"halt\r")


def test_type_ahead():
    "what is typed while a program runs is not lost: lines, a full buffer, 10,000 characters at once"
    t = Session()
    t.type(b"sleep 1\recho ahe''ad\r")
    check("typed ahead", t.take(b"\r\nahead\r\n"), t.said)
    text = b"".join(b"%04d the quick brown fox jumps over\r" % n for n in range(300))
    t.type(b"sleep 1; cat >pasted\r")
    for i in range(0, len(text), 1000):
        t.type(text[i:i + 1000])
        t.wait_for(b"\0", 0.01)
    t.take(b"0299 the quick brown fox jumps over\r\n")
    t.type(b"\x04")  # one: a second might be the shell's
    check("a paste arrives", len(text) > 10000 and t.take(PROMPT), t.said)
    t.type(b"wc -lc pasted; tail -1 pasted; grep -c quick pasted\r")
    check("whole", t.take(b"300     10800 pasted\r\n0299 the quick brown fox jumps over\r\n300\r\n"),
          t.said[-500:])
    leave(t, b"exit 3\r")


def test_full_screen():
    "vi, less and top draw on the whole screen and leave it"
    t = Session()
    t.type(b"vi text\r")
    check("vi shows the name", t.take(b"- text"), t.said)
    t.type(b"ione\rtwo")
    check("tells that it inserts", t.take(b"I text"), t.said)
    t.type(b"\x1b")
    # What follows at once belongs to the escape.
    check("and that it does no more", t.take(b"- text"), t.said)
    t.type(b"kx:wq\r")
    t.take(SHELL_UP)
    t.expect("and writes", b"cat text\r", b"\r\non\r\ntwo\r\n")
    t.type(b"seq 1000 | less\r")
    check("less shows a page", t.take(b"\x1b[K29\r\n"), t.said)
    t.type(b" ")
    check("and the next", t.take(b"\x1b[K58\r\n"), t.said)
    t.at_prompt(b"q")
    t.type(b"top\r")
    check("top shows processes", t.take(b"init"), t.said)
    t.at_prompt(b"q")
    t.expect("then there is a shell", b"echo b''ack\r", b"\r\nback\r\n")
    leave(t, b"poweroff\r")


def test_batch_ends():
    "poweroff in a batch run ends it"
    result = run(cmd="poweroff; sleep 10; echo late")
    check("status 0, and nothing after", (result.status, result.stdout) == (0, b""), result.show())


def test_keys_debug():
    "keys and jobs on the kernel that checks itself"
    kernel = debug_kernel()
    if kernel:
        t = Session(kernel=kernel)
        t.start(b"/front\r")
        t.expect("^Z stops", b"\x1a", b"Stopped")
        t.start(b"fg\r")
        t.expect("^C", b"\x03", b"^C")
        leave(t)
