# SPDX-License-Identifier: MIT
"""`make debug`: a scripted gdb session steps through one page fault, and each of the project's
commands says what is so (docs/gdb.md)."""
import os
import re
import socket
import subprocess

from harness import check, program, read, start, tmp, TOP

SECONDS = 120
# Follows one fault of cow, its second write to new memory (user/cow.c), and looks at everything.
STEP = r"""
hbreak exc_page_fault
continue
echo MARK first fault\n
tasks
program
program cow
break main
continue
echo MARK meanwhile\n
info breakpoints
delete 1
continue
echo MARK main\n
info symbol $pc
program
maint packet qqemu.PhyMemMode
x/8xb $sp
delete
tasks
vmas
buddy
swap
break exc_page_fault if $runs("cow") && error_code == 6 && address > 0x700000000000
ignore $bpnum 1
continue
echo MARK fault\n
print/x address
print/x error_code
set $where = address
pt $where
why $where w
audit
delete
break handle_mm_fault
continue
break do_anonymous_page
continue
echo MARK door\n
backtrace 4
finish
echo MARK resolved\n
pt $where
why $where w
page $where
delete
break do_wp_page if $runs("cow")
continue
echo MARK write protected\n
set $where = vmf->address
pt $where
why $where w
page $where
delete
echo MARK elsewhere\n
why 0x123456 w
why 0xffffffff80100000 r
why 0x800000000000 r
why main w
why main x
pt 0x123456
page exc_page_fault
vmas 1
echo MARK mistakes\n
python
for line in ("vmas 99999", "page 0xffffffffff", "why 1", "why 1 q", "buddy 1", "pt no_such_symbol",
             "page 0x123456000", "faults"):
    try:
        gdb.execute(line)
    except gdb.error as error:
        print(f"{line}: {error}")
end
echo MARK end\n
kill
"""

# Asks `why` at the start of each of a program's faults; the fault log says what then came of it.
ASK = r"""
break exc_page_fault if $runs("PROGRAM") && (regs->cs & 3)
python
for _ in range(COUNT):
    gdb.execute("continue", to_string=True)
    address = int(gdb.parse_and_eval("address"))
    error = int(gdb.parse_and_eval("error_code"))
    access = "x" if error & 16 else "w" if error & 2 else "r"
    answer = gdb.execute(f"why {address:#x} {access}", to_string=True)
    done = int(gdb.parse_and_eval("vm_events[VM_pgfault]"))
    print("ASKED", done, f"{address:016x}", access, answer)
end
"""
# Which words of an answer mean which door of the fault log.
DOORS = (("do_anonymous_page() maps a fresh", "do_anonymous_page: fresh page"),
         ("do_anonymous_page() maps the shared", "do_anonymous_page: zero page"),
         ("expand_stack()", "do_anonymous_page"), ("do_read_fault()", "do_read_fault"),
         ("do_cow_fault()", "do_cow_fault"), ("do_shared_fault()", "do_shared_fault"),
         ("do_wp_page() copies", "do_wp_page: copy"), ("do_wp_page() reuses", "do_wp_page: reuse"),
         ("do_wp_page() replaces", "do_wp_page: zero page replaced"),
         ("do_wp_page() calls page_mkwrite", "do_wp_page: shared"),
         ("do_swap_page()", "do_swap_page"), ("SIGSEGV", "bad_area"))

SWAP = r"""
break do_swap_page if $runs("swap")
continue
echo MARK swapped\n
set $where = vmf->address
pt $where
why $where r
swap
python
while True:  # VM_FAULT_RETRY: once the page is read the fault begins anew
    gdb.execute("finish")
    if not int(gdb.parse_and_eval("$")) & 0x400:
        break
    gdb.execute("continue")
end
echo MARK back\n
pt $where
why $where r
page $where
kill
"""


CPUS = r"""
hbreak exc_page_fault
continue
echo MARK boot\n
cpus
delete
hbreak exc_page_fault if $runs("hello") && $percpu("cpu_number") == 1
continue
echo MARK pinned\n
cpus
print $percpu("cpu_number")
vmas
kill
"""


# Before there is a kernel, and with words that mean nothing.
EARLY = ("vmas", "pt 0x1000", "pt main", "page 5", "rmap 5", "tasks", "cpus", "why 0 r", "fault",
         "buddy", "lru", "slab", "swap", "print $current()", "next-fault sometimes")
WRONG = ("fault", "vmas 99999", "vmas 3", "page 0xffffffffff", "why 1", "why 1 q", "buddy 1",
         "pt no_such_symbol", "pt 0x800000000000", "pt *(int*)0", "page 0x123456000",
         "rmap 0x123456000", "program no_such_program", "program /etc/passwd", "slab x", "rmap",
         "print $percpu(\"no_such_variable\")", "next-fault")
KINDS = ("zero", "wp", "copy", "reuse", "swap", "cow", "read", "shared", "stack", "fixup", "bad")
INSIDE = {"copy": ("tbreak wp_install_copy", "continue", "finish"),
          "swap": ("tbreak do_swap_page", "continue")}
COMMANDS = ("vmas", "pt", "page", "rmap", "lru", "buddy", "swap", "slab", "tasks", "cpus", "why",
            "fault", "next-fault", "faults", "program", "audit", "faultline")
WATCHED = r"""
python
def attempt(line):
    try:
        gdb.execute(line)
    except gdb.error as error:
        print(f"{line}: {error}")
print("MARK early")
for line in EARLY:
    attempt(line)
for line in COMMANDS:
    print("MARK help", line)
    attempt("help " + line)
end
break told_all
continue
echo MARK told\n
program
info symbol $pc
tasks
echo MARK wrong\n
python
for line in WRONG:
    attempt(line)
for line in ("vmas", "lru", "slab", "swap", "buddy"):
    print("MARK", line)
    attempt(line)
for name in ("written", "zeroed", "untouched", "swapped", "kept", "common", "filed", "gone"):
    print("MARK", name)
    for line in ("pt ", "page ", "rmap "):
        attempt(line + name)
for kind in KINDS:
    print("MARK fault", kind)
    attempt(f"next-fault {kind} watched")
    attempt("fault")
    if kind in INSIDE:
        for line in INSIDE[kind]:
            gdb.execute(line)
        print("MARK inside", kind)
        attempt("fault")
print("MARK faults")
attempt("faults 2 watched")
attempt("faults 1 99")
print("MARK end")
attempt("next-fault bad watched")
end
"""


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def session(script, **knobs):
    """Run gdb with a script. Returns its output as text, its exit status and the logs' folder."""
    path = tmp("script.gdb")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    command, rundir = start(mode="debug", gdb_script=path, gdb_port=free_port(), **knobs)
    try:
        done = subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        return done.stdout.decode(errors="replace"), done.returncode, rundir
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), -1, rundir


def marked(text):
    """The output between the MARKs, by name."""
    parts = re.split(r"^MARK (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def says(parts, mark, *words):
    """The part of this name must have all of words; each is a regular expression."""
    for word in words:
        check(f"{mark}: {word}", re.search(word, parts.get(mark, ""), re.MULTILINE | re.DOTALL),
              parts.get(mark, "never reached") or "nothing")


def test_step():
    "a fault is stepped through from exc_page_fault to the entry it leaves; the commands tell it"
    text, status, _ = session(STEP, prog="cow")
    parts = marked(text)
    check("the script runs to its end", "end" in parts and status == 0,
          f"status {status}\n{text[-3000:]}")
    says(parts, "first fault", r"waiting +kswapd0 +kernel thread", r"^\* +1 on CPU 0 +init +user",
         "symbols of init .*/build/user/init, at 0x0", "symbols of cow ")
    says(parts, "meanwhile", "exc_page_fault", r'stop only if \$runs\("cow"\)',
         "^Breakpoint 2, main, in cow\n#0  main")
    says(parts, "main", r"main in section .text of .*cow", "symbols of cow",
         'received: "0"', r"^\* +\d+ on CPU 0 +cow +child of 1$",
         r"[0-9a-f]{16}-[0-9a-f]{16} r-xp +\d+ pages  /bin/cow \+0x1 pages",
         r"\[stack\] \(grows down\)", r"\d+ VMAs, \d+ pages",
         r"zone DMA32 +\d+ of \d+ frames free; min \d+ low \d+ high \d+", r"order +0 .* 10$",
         r"area 0: /dev/vdb, priority -?\d+, 0 of \d+ slots in use")
    says(parts, "fault", r"\$\d+ = 0x7[0-9a-f]{11}", r"\$\d+ = 0x6",
         r"pte\[ *\d+\] 0{16}  none|pmd\[ *\d+\] 0{16}",
         r"do_anonymous_page\(\) maps a fresh zeroed frame", r"^ok$")
    says(parts, "door", r"#0  do_anonymous_page", r"#\d  .*handle_mm_fault",
         r"#\d  .*do_user_addr_fault")
    says(parts, "resolved", r"pgd\[ *\d+\] [0-9a-f]{16}  table in frame.*pud\[.*pmd\[.*"
         r"pte\[ *\d+\] [0-9a-f]{16}  frame 0x[0-9a-f]+: "
         "present, writable, user, accessed, dirty, no-execute",
         r"No fault: the entry allows it \(frame 0x[0-9a-f]+\)", r"references 1, mapped by 1 entry",
         r"flags: .*uptodate.*swapbacked", r"anonymous, anon_vma 0xffff888[0-9a-f]+")
    says(parts, "write protected",
         r"pte\[ *\d+\] [0-9a-f]{16}  frame 0x[0-9a-f]+: present, read-only",
         r"shared copy-on-write \(2 references\): do_wp_page\(\) copies it|zero page",
         r"frame 0x[0-9a-f]+ \(physical")
    says(parts, "elsewhere", r"No VMA holds it: .*SIGSEGV \(SEGV_MAPERR\)", r"outside user space",
         r"Not a canonical address", r"does not allow a write: .*SIGSEGV \(SEGV_ACCERR\)",
         r"No fault: the entry allows it", r"none: nothing is mapped here",
         r"frame 0x1[0-9a-f]+ \(physical .*not the allocator's: the kernel's image", r"/bin/init ")
    says(parts, "mistakes", "vmas 99999: no task has pid 99999",
         "page 0xffffffffff: .*(no struct page|maps no frame)",
         r"why 1: usage: why ADDR r\|w\|x", "why 1 q: usage", "buddy 1: usage",
         "pt no_such_symbol: no_such_symbol is no number",
         r"page 0x123456000: .*maps no frame", "faults: this run is not recorded")


def test_cpus():
    "on many CPUs the commands speak of the selected one"
    text, status, _ = session(CPUS, elf=program("pin"), args=["1", "/bin/hello"], smp=3)
    parts = marked(text)
    check("the script runs to its end", "pinned" in parts and status == 0,
          f"status {status}\n{text[-3000:]}")
    says(parts, "boot", r"^\* CPU \d: +\d+  init", r"^  CPU \d: +0  idle", r"CPU 2: ")
    says(parts, "pinned", r"^\* CPU 1: +\d+  hello", r"= 1$", r"/bin/hello \+0x1 pages")


def ask(name, count):
    """Compare `why` before each of the first faults of a program with what the fault log says."""
    script = ASK.replace("PROGRAM", name).replace("COUNT", str(count))
    text, _, rundir = session(script, prog=name, faults=True)
    asked = re.findall(r"^ASKED (\d+) ([0-9a-f]{16}) ([rwx]) (.*)$", text, re.MULTILINE)
    check(f"{name}: {count} faults asked about", len(asked) == count, text[-3000:])
    lines = [re.search(rf' {name} \S+ ([rwx]) ([0-9a-f]{{16}}) .*"([^"]+)"', line)
             for line in read(rundir, "faults.log").splitlines()]
    logged = [(match[2], match[1], match[3]) for match in lines if match]
    right, before = 0, None
    for done, address, access, answer in asked[:len(logged)]:
        went, how, door = logged[right]
        same = (address, access) == (went, how)
        if not same and (done, address, access) == before:
            continue  # a second stop at one fault: the kernel has finished none since the first
        before = (done, address, access)
        wanted = next((door for words, door in DOORS if words in answer), "nothing known")
        if not check(f"{name}: {answer[:60]}...", same and door.startswith(wanted),
                     f"asked of {address} {access}, answer: {answer}\nlogged: {went} {how} {door}"):
            break
        right += 1
    return {door for _, _, door in logged[:right]}


def test_why():
    "`why` before a fault and the door that the fault takes agree, fault by fault"
    doors = ask("touch", 12) | ask("cow", 60) | ask("segv", 40)
    for door in ("do_anonymous_page: fresh page", "do_anonymous_page: zero page",
                 "do_wp_page: copy", "do_wp_page: reuse", "do_wp_page: zero page replaced",
                 "bad_area"):
        check(f"among them: {door}", door in doors, doors)


def test_swapped():
    "a swapped page: its slot, the answer of `why`, and the area"
    text, status, _ = session(SWAP, prog="swap", args=["40"], mem="32M", swap="128M")
    parts = marked(text)
    check("the script runs to its end", "back" in parts and status == 0,
          f"status {status}\n{text[-3000:]}")
    says(parts, "swapped", r"swap entry: area 0, slot \d+",
         r"The page is swapped out \(area 0, slot \d+\): do_swap_page",
         r"area 0: /dev/vdb, priority -?\d+, [1-9]\d* of \d+ slots in use")
    says(parts, "back", r"pte\[ *\d+\] [0-9a-f]{16}  frame 0x[0-9a-f]+: present",
         "No fault: the entry allows it",
         r"anonymous, anon_vma")


def proc_text(said, path):
    """What the program said that this file of /proc holds."""
    return said.partition(f"begin {path}\n")[2].partition(f"end {path}\n")[0]


def same_maps(parts, said):
    """vmas and /proc/PID/maps: each VMA alike."""
    told = [f"{int(start, 16):016x}-{int(end, 16):016x} {rights} {name or 'anonymous'}"
            for start, end, rights, name in
            re.findall(r"^(\w+)-(\w+) (\S+) \w+ \S+ \d+ +(\S*)", proc_text(said, "/proc/self/maps"),
                       re.MULTILINE)]
    shown = [f"{bounds} {rights} {name}" for bounds, rights, name in
             re.findall(r"^(\w{16}-\w{16}) (\S+) +\d+ pages  (\S+)", parts.get("vmas", ""),
                        re.MULTILINE)]
    check("vmas shows what /proc/self/maps does", len(told) > 9 and told == shown,
          f"{told}\n{parts.get('vmas')}")


def same_counts(parts, said):
    """buddy, lru, slab and swap, and the files of /proc."""
    blocks = lambda text, line: [row.split() for row in re.findall(line, text, re.MULTILINE)]
    told = blocks(proc_text(said, "/proc/buddyinfo"), r"^Node 0, zone +\w+ (.*)$")
    check("buddy has the blocks of /proc/buddyinfo",
          told and told == blocks(parts["buddy"], r"^  blocks (.*)$"), f"{told}\n{parts['buddy']}")
    stats = dict(re.findall(r"^(nr_\w+) (\d+)$", proc_text(said, "/proc/vmstat"), re.MULTILINE))
    rows = re.findall(r"^(?:CPU \d+|shared) +(\w+(?: anon| file)?).*?  (\d+)  0x", parts["lru"],
                      re.MULTILINE)
    for name in ("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"):
        shown = sum(int(pages) for row, pages in rows if row == name.replace("_", " "))
        check(f"lru has the pages of nr_{name}", shown == int(stats.get("nr_" + name, -1)),
              f"{stats}\n{parts['lru']}")
    caches = re.compile(r"^(vm_area_struct|mm_struct|anon_vma|task_struct|ext2_inode) +(\d+) "
                        r"+(\d+)", re.MULTILINE)
    told = caches.findall(proc_text(said, "/proc/slabinfo"))
    check("slab counts as /proc/slabinfo", len(told) == 5 and told == caches.findall(parts["slab"]),
          f"{told}\n{parts['slab']}")
    used = re.search(r"partition\s+\d+\s+(\d+)", proc_text(said, "/proc/swaps"))
    says(parts, "swap", rf", {int(used[1]) // 4 if used else 'no'} of \d+ slots in use")


def same_pages(parts, said, child):
    """pt, page and rmap, and what /proc/self/pagemap says of each page."""
    pages = {name: (address, what.split()) for name, address, what in
             re.findall(r"^page (\w+) (0x\w+) (.*)$", said, re.MULTILINE)}
    for name, (address, what) in pages.items():
        if name not in parts:
            continue
        words = {"present": rf"\(physical .*frame {what[-1]}:",
                 "swapped": "swap entry: area 0, slot",
                 "none": "none: nothing is mapped here"}[what[0]]
        says(parts, name, f"walk of {address} ", words)
    child_too = rf"watched \[{child}\]: .*2 entries found, the frame counts 2"
    says(parts, "written", r"references 2, mapped by 2 entries", "anonymous, anon_vma",
         r"begins with 77 00 .*, 1 of its bytes", child_too)
    says(parts, "zeroed", "special", "the shared zero page", "holds only zeroes", "no reverse map")
    says(parts, "common", "rw-s /dev/zero: present, writable", child_too, "the page cache$")
    says(parts, "filed", "in the page cache of /scratch", "1 entry found, the frame counts 1; "
         "further references: the page cache")
    says(parts, "gone", r"rmap gone: 0x\w+ maps no frame")
    return {name: address for name, (address, _) in pages.items()}


def same_doors(parts, where, log):
    """Each next-fault leads to the fault meant; the fault log tells of the door that was said."""
    for kind, page, door, path in (
            ("zero", "untouched", "do_anonymous_page: zero page", "do_anonymous_page.*install_pte"),
            ("wp", "untouched", "do_wp_page: zero page replaced", "do_wp_page.*wp_page_copy"),
            ("copy", "written", "do_wp_page: copy", "do_wp_page.*wp_page_copy"),
            ("reuse", "kept", "do_wp_page: reuse", "do_wp_page.*wp_page_reuse"),
            ("swap", "swapped", "do_swap_page", "do_swap_page"),
            ("cow", "private_file", "do_cow_fault", "do_fault.*do_cow_fault.*install_pte"),
            ("read", "read_file", "do_read_fault", "do_fault.*do_read_fault.*install_pte"),
            ("shared", "shared_file", "do_shared_fault", "do_shared_fault.*page_mkwrite"),
            ("stack", None, "do_anonymous_page: fresh page", "expand_stack.*do_anonymous_page"),
            ("fixup", "gone", "fixup_exception", "kernel_fixup_or_oops"),
            ("bad", "gone", "bad_area", "bad_area_nosemaphore")):
        part = "fault " + kind
        found = re.search(r"of 0x(\w+) at ip", parts.get(part, ""))
        address = where.get(page, "0x0")[2:] if page else found and found[1]
        says(parts, part, rf"^watched \[\d+\] on CPU 0: \w+ of 0x{address} at ip 0x\w+, \w+",
             rf"> passed exc_page_fault .*to go +do_user_addr_fault .*{path}")
        line = rf'watched m\w+ \w+ 0*{address} .*"{re.escape(door)}'
        check(f"{part}: {door}", re.search(line, log), log[-3000:])


def test_watched():
    "all commands, beside what /proc says; each kind of fault, and the doors it then takes; a PIE"
    folder = tmp()
    elf = os.path.join(folder, "watched")
    built = subprocess.run(
        ["gcc", "-static-pie", "-O2", "-g", "-std=gnu17", "-D_GNU_SOURCE", "-Iuser", "-o", elf,
         "tests/programs/watched.c", "user/probe.c", "user/tap.c"], cwd=TOP, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not check("the program builds", built.returncode == 0, built.stdout):
        return
    script = WATCHED
    for name in ("EARLY", "WRONG", "KINDS", "COMMANDS", "INSIDE"):
        script = re.sub(rf"\b{name}\b", repr(globals()[name]).replace("\\", r"\\"), script)
    text, status, rundir = session(script, elf=elf, faults=True, trace=1)
    parts, said = marked(text), read(rundir, "terminal.log")
    check("the script runs to its end", "end" in parts and status == 0,
          f"status {status}\n{text[-3000:]}")
    check("no command fails in Python", "Traceback" not in text and "Python" not in text,
          re.findall("^.*Python.*$", text, re.MULTILINE))
    for command in COMMANDS:
        says(parts, "help " + command, rf"{command}\b.*: \w")
    says(parts, "early", "no task runs yet|no page tables yet", "not stopped in a page fault",
         "sometimes is no kind of fault; there are any, anon", "there are no tasks yet")
    child = re.search(r"^child (\d+)$", said, re.MULTILINE)
    says(parts, "told", r"symbols of watched \(.*, at 0x7",
         "told_all in section .text of .*/watched",
         rf"{child[1] if child else 'no'} \w+ +watched +child of \d+")
    says(parts, "wrong", "^fault: not stopped in a page fault", "no task has pid 99999",
         "vmas 3: .*has no user address space", "page 0xffffffffff: .*maps no frame",
         r"why 1: usage: why ADDR r\|w\|x", "why 1 q: usage", "buddy 1: usage", "slab x: usage",
         "no_such_symbol is no number", "not a canonical address", r"cannot read \*\(int\*\)0",
         "rmap 0x123456000: .*maps no frame", "there is no program no_such_program",
         "/etc/passwd is not a 64-bit ELF file", "there is no variable no_such_variable",
         "next-fault: usage: next-fault KIND")
    same_maps(parts, said)
    same_counts(parts, said)
    where = same_pages(parts, said, child[1] if child else "no")
    where["read_file"] = hex(int(where.get("private_file", "0x0"), 16) + 4096)
    says(parts, "inside copy", "as the fault began: frame .* read-only.* now: frame .*, writable",
         "The entry has been stored", "passed handle_pte_fault")
    says(parts, "inside swap", r"passed handle_pte_fault .*> passed do_swap_page .*"
         "stopped at mm/fault/swap.c")
    same_doors(parts, where, read(rundir, "faults.log"))
    says(parts, "faults", rf"^Fault \d+, .*The kernel, for watched .* {where.get('gone')}",
         "faults 1 99: .*no page fault of 99")
    check("as many faults as asked for", parts["faults"].count("Fault ") == 2, parts["faults"])
    says(parts, "end", "the machine ended: no fault of kind bad in watched came")
