# SPDX-License-Identifier: MIT
"""The gdb commands (docs/gdb.md), all at one machine: what they say, beside what /proc says and the
fault log; with a program that is a PIE, and with mistakes."""
import os
import re
import subprocess

from gdb_session import marked, says, session
from harness import check, read, tmp, TOP

# Before there is a kernel, and with words that mean nothing.
EARLY = ("vmas", "pt 0x1000", "pt main", "page 5", "rmap 5", "tasks", "cpus", "why 0 r", "fault",
         "buddy", "lru", "slab", "swap", "print $current()", "next-fault sometimes", "audit",
         "faults", "program no_such_program")
WRONG = ("fault", "vmas 99999", "vmas 3", "page 0xffffffffff", "why 1", "why 1 q", "buddy 1",
         "pt no_such_symbol", "pt 0x800000000000", "pt *(int*)0", "page 0x123456000",
         "rmap 0x123456000", "program no_such_program", "program /etc/passwd", "slab x", "rmap",
         "print $percpu(\"no_such_variable\")", "next-fault", "audit", "vmas 1 2", "vmas x", "pt",
         "pt 0x1000 99999", "pt 0x1000 1 2", "page", "page 0x7000000000 99999", "page 1 2 3",
         "rmap 0x7000000000 99999", "why 0x1000 r w", "why no_such_symbol r", "why 0x1000 rw", "lru x",
         "swap x", "tasks x", "cpus x", "fault x", "faults 1 2 3", "faults no_such_program", "program a b",
         "next-fault any a b", "next-fault watched", "print $runs(1)", "print $percpu(1)",
         "print $percpu()", "print $current(1)", "faults 0 x y")
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
tbreak told_all
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
gdb.execute('tbreak handle_mm_fault if $runs("watched") && address == (long)asked')
gdb.execute("continue")
print("MARK asks")
attempt("fault")
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
    parts, said = marked(text, status, "end"), read(rundir, "terminal.log")
    check("no command fails in Python", "Traceback" not in text and "Python" not in text,
          re.findall("^.*Python.*$", text, re.MULTILINE))
    for command in COMMANDS:
        says(parts, "help " + command, rf"{command}\b.*: \w")
    says(parts, "early", "no task runs yet|no page tables yet", "not stopped in a page fault",
         "sometimes is no kind of fault; there are any, anon", "there are no tasks yet")
    for line in EARLY:
        says(parts, "early", "^no swap area is on$" if line == "swap" else
             rf"^{re.escape(line)}: \S.* .*")
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
         "next-fault: usage: next-fault KIND", r"print \$runs\(1\): .*usage: \$runs\(\"NAME\"\)",
         r"print \$current\(1\): .*usage: \$current\(\)", "^audit: the program runs now")
    for line in WRONG:
        says(parts, "wrong", rf"^{re.escape(line)}: \S.* .*")
    same_maps(parts, said)
    same_counts(parts, said)
    where = same_pages(parts, said, child[1] if child else "no")
    where["read_file"] = hex(int(where.get("private_file", "0x0"), 16) + 4096)
    says(parts, "asks", rf"the kernel asks for {where.get('asked')}, to write it \(from \w+, from",
         "^  > passed handle_mm_fault .*to go +handle_pte_fault .*to go +do_anonymous_page")
    says(parts, "inside copy", "as the fault began: frame .* read-only.* now: frame .*, writable",
         "The entry has been stored", "passed handle_pte_fault")
    says(parts, "inside swap", r"passed handle_pte_fault .*> passed do_swap_page .*"
         "stopped at mm/fault/swap.c")
    same_doors(parts, where, read(rundir, "faults.log"))
    says(parts, "faults", rf"^Fault \d+, .*The kernel, for watched .* {where.get('gone')}",
         "faults 1 99: .*no page fault of 99")
    check("as many faults as asked for", parts["faults"].count("Fault ") == 2, parts["faults"])
    says(parts, "end", "the machine ended: no fault of kind bad in watched came")
