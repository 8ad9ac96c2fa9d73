# SPDX-License-Identifier: MIT
"""`make debug`: a scripted gdb session steps through one page fault, and each of the project's
commands says what is so (docs/gdb.md)."""
import os
import re
import shutil
import subprocess

from gdb_session import marked, says, session
from harness import check, program, read, tmp
from test_loader import libraries

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
next-fault vmalloc
echo MARK vmalloc\n
fault
pt $rdx
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


PROGRAMS = r"""
program hello
break main
program cow
tbreak main
commands
silent
echo IN COW\n
program
backtrace 1
end
continue
echo MARK hello\n
program
continue
echo MARK cow\n
info breakpoints
kill
"""

FORKS = """#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) static void in_child(void) { _exit(3); }
int main(void) { if (!fork()) in_child(); wait(0); return 0; }
"""
DYNAMIC = r"""
break main
break in_child
continue
echo MARK main\n
program
info symbol $pc
continue
echo MARK child\n
backtrace
tasks
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
delete
program spurious
break ready
continue
echo MARK ready\n
cpus
delete
set scheduler-locking on
thread 2
set variable go = 1
tbreak asm_exc_page_fault
continue
echo MARK held\n
cpus
pt page
thread 1
tbreak resolved
continue
set scheduler-locking off
echo MARK late\n
next-fault spurious spurious
fault
python
try:
    gdb.execute("continue")
except gdb.error:
    pass  # the machine ended before its last answer
end
"""


def test_step():
    "a fault is stepped through from exc_page_fault to the entry it leaves; the commands tell it"
    text, status, _ = session(STEP, prog="cow")
    parts = marked(text, status, "end")
    says(parts, "first fault", r"waiting +kswapd0 +kernel thread", r"^\* +1 on CPU 0 +init +user",
         "symbols of init .*/build/user/init, at 0x0", "symbols of cow ")
    says(parts, "meanwhile", "exc_page_fault", r'stop only if \$runs\("cow"\)',
         r"^#0  main \(\) at user/cow.c")
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
    "on many CPUs the commands speak of the selected one; a fault that another CPU resolves meanwhile"
    folder = tmp()
    for name in "pin", "spurious":
        shutil.copy(program(name), folder)
    text, status, rundir = session(CPUS, cmd="/pin 1 /bin/hello; /spurious", overlay=folder, smp=3,
                                   faults=True)
    parts = marked(text, status, "late")
    says(parts, "boot", r"^\* CPU \d: +\d+  init", r"^  CPU \d: +0  idle", r"CPU 2: ")
    says(parts, "pinned", r"^\* CPU 1: +\d+  hello", r"= 1$", r"/bin/hello \+0x1 pages")
    says(parts, "ready", r"^\* CPU 0: +\d+  spurious", r"^  CPU 1: +\d+  spurious")
    says(parts, "held", r"^\* CPU 1: +\d+  spurious", "pte.* none: nothing is mapped here")
    says(parts, "late", r"^spurious \[\d+\] on CPU 1: write of 0x7\w+1 at ip 0x\w+, second",
         "pte now: frame .*: present, writable", "somebody was faster", "> passed exc_page_fault",
         "to go +handle_pte_fault +the entry is present.*to go +flush_tlb_fix_spurious_fault")
    log = read(rundir, "faults.log")
    check("the fault log agrees", re.search(r' spurious minor w 00007\w+1 .*"handle_pte_fault: spurious"',
                                            log), log[-1500:])


def test_programs():
    "breakpoints in two programs hold while others' symbols are loaded; their commands run once"
    text, status, _ = session(PROGRAMS, cmd="hello; cow")
    parts = marked(text, status, "cow")
    check("it stops in hello", re.search(r"^#0  main .* at user/hello.c:\d+$", text, re.MULTILINE),
          text)
    says(parts, "hello", "^symbols of hello",
         r"^IN COW\nsymbols of cow .*\n#0  main .* at user/cow.c")
    check("once", text.count("IN COW") == 1, text)
    says(parts, "cow", r'in main at user/cow.c:\d+\n\tstop only if \$runs\("hello"\)')


def test_dynamic():
    "a dynamic program's symbols, where it came to lie, and in the child that it forks"
    folder = libraries()
    elf = os.path.join(folder, "forks")
    built = subprocess.run(["gcc", "-g", "-O1", "-pie", "-fPIE", "-xc", "-o", elf, "-"], check=False,
                           input=FORKS.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not check("the program builds", built.returncode == 0, built.stdout):
        return
    text, status, _ = session(DYNAMIC, elf=elf, overlay=folder)
    parts = marked(text, status, "child")
    says(parts, "main", "^symbols of forks .*, at 0x5", "^main in section .text of .*/forks")
    says(parts, "child", "^#0  in_child .*^#1  .* main ", r"^\* +\d+ on CPU 0 +forks +child of \d+$")


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
    parts = marked(text, status, "back")
    says(parts, "vmalloc", r"of 0xffffc98\w+ at ip 0x\w+, do_swapon", "pgd now: none",
         r"to go +do_kern_addr_fault .*to go +vmalloc_fault",
         r"pgd\[403\].*pte\[ +\d+\] \w+  frame 0x\w+: present, writable, kernel only")
    says(parts, "swapped", r"swap entry: area 0, slot \d+",
         r"The page is swapped out \(area 0, slot \d+\): do_swap_page",
         r"area 0: /dev/vdb, priority -?\d+, [1-9]\d* of \d+ slots in use")
    says(parts, "back", r"pte\[ *\d+\] [0-9a-f]{16}  frame 0x[0-9a-f]+: present",
         "No fault: the entry allows it",
         r"anonymous, anon_vma")
