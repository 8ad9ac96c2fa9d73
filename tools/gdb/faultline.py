# SPDX-License-Identifier: MIT
"""gdb commands for Faultline, loaded by `make debug`. Works with Debian 12's gdb, no plugins.

  vmas [PID]        the address space, one line per VMA
  pt ADDR           the four entries that translate ADDR, in words
  page PFN|ADDR     the struct page of a frame, or of the frame that an address maps to
  buddy             free blocks of each order, zone by zone
  swap              swap areas, and how many slots are in use
  tasks             every task: pid, state, program, map
  cpus              what runs on each CPU; `thread N` selects CPU N - 1
  why ADDR r|w|x    what the next such access by the current task would do, in a sentence

A breakpoint in the program stops that program only (its condition is $runs("NAME")).

All of them read the stopped machine's memory and change nothing. `current` means the task that runs
on the selected CPU; until the first program runs there is no user address space to show. A per-CPU
variable of the selected CPU is $percpu("NAME"); its plain name means CPU 0's.
"""
import re

import gdb

PAGE_SHIFT, PAGE_SIZE = 12, 4096
PAGE_OFFSET, VMEMMAP_START, KERNEL_MAP = 0xFFFF888000000000, 0xFFFFEA0000000000, 0xFFFFFFFF80000000
TASK_SIZE = 0x7FFFFFFFF000
PFN_MASK = 0x000FFFFFFFFFF000
PRESENT, RW, USER, ACCESSED, DIRTY, PSE, PROTNONE, SPECIAL, NX = (
    1 << bit for bit in (0, 1, 2, 5, 6, 7, 8, 9, 63))
VM_READ, VM_WRITE, VM_EXEC, VM_SHARED, VM_GROWSDOWN, VM_LOCKED = 1, 2, 4, 8, 0x100, 0x2000
GUARD_GAP = 256 * PAGE_SIZE


class Said(gdb.GdbError):
    """Ends a command with one sentence."""


def value(expression):
    try:
        return gdb.parse_and_eval(expression)
    except gdb.error as error:
        raise Said(f"cannot read {expression}: {error}") from None


def number(text):
    """An address or number typed by the user: any gdb expression; a function means its address."""
    result = value(text)
    if result.type.code == gdb.TYPE_CODE_FUNC:
        result = result.address
    try:
        return int(result) & (1 << 64) - 1
    except gdb.error:
        raise Said(f"{text} is no number: give an address, such as &{text}") from None


def pointer(address, type_name):
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer())


def container(node, type_name, member):
    kind = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    return pointer(int(node) - offset, type_name)


def list_of(head, type_name, member):
    """The entries of a struct list_head; @head is its address."""
    node = head["next"]
    while int(node) and int(node) != int(head):
        yield container(node, type_name, member)
        node = node["next"]


def read_u64(virtual):
    try:
        data = gdb.selected_inferior().read_memory(virtual, 8)
    except gdb.MemoryError:
        raise Said(f"no memory at {virtual:#x}: is paging on yet? "
                   "`continue` to kmain first") from None
    return int.from_bytes(bytes(data), "little")


def selected_cpu():
    """QEMU shows CPU n as thread n + 1."""
    thread = gdb.selected_thread()
    return thread.ptid[1] - 1 if thread and thread.ptid[1] > 0 else 0


def per_cpu(name, cpu):
    """That CPU's instance of a per-CPU variable."""
    plain = value(name)
    offset = int(value(f"__per_cpu_offset[{cpu}]"))
    return pointer(int(plain.address) + offset & (1 << 64) - 1, "char").cast(
        plain.type.pointer()).dereference()


def current():
    task = per_cpu("current_task", selected_cpu())
    if not int(task):
        raise Said("no task runs yet: set a breakpoint (`break exc_page_fault`) and continue")
    return task


def tasks():
    return list_of(value("&task_list"), "struct task_struct", "tasks")


def task_by_pid(text):
    pid = number(text)
    for task in tasks():
        if int(task["pid"]) == pid:
            return task
    raise Said(f"no task has pid {pid}; `tasks` lists them")


def map_of(task):
    mm = task["mm"]
    if not int(mm):
        raise Said(f"{task['comm'].string()} [{int(task['pid'])}] has no user address space")
    return mm


# --- VMAs ---

def walk_tree(node):
    """In order, without recursion: the tree may be deep and gdb's stack is not."""
    stack = []
    while int(node) or stack:
        while int(node):
            stack.append(node)
            node = node["rb_left"]
        node = stack.pop()
        yield node
        node = node["rb_right"]


def vmas_of(mm):
    for node in walk_tree(mm["mm_rb"]["rb_node"]):
        yield container(node, "struct vm_area_struct", "vm_rb")


def find_vma(mm, address):
    """First VMA that ends above the address."""
    node, best = mm["mm_rb"]["rb_node"], None
    while int(node):
        vma = container(node, "struct vm_area_struct", "vm_rb")
        if int(vma["vm_end"]) > address:
            best, node = vma, node["rb_left"]
        else:
            node = node["rb_right"]
    return best


def vma_rights(vma):
    flags = int(vma["vm_flags"])
    letters = ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x"))
    return ("".join(letter if flags & bit else "-" for bit, letter in letters)
            + ("s" if flags & VM_SHARED else "p"))


def vma_name(vma):
    mm, start, end = vma["vm_mm"], int(vma["vm_start"]), int(vma["vm_end"])
    if int(vma["vm_file"]):
        dentry = vma["vm_file"]["f_dentry"]
        if not int(dentry):
            return vma["vm_file"]["f_op"]["name"].string()
        return "file " + dentry_name(dentry)
    heap, heap_end = int(mm["start_brk"]), int(mm["brk"])
    if start <= heap_end and end >= heap and heap != heap_end:
        return "[heap]"
    if start <= int(mm["start_stack"]) <= end:
        return "[stack]"
    return "anonymous"


def dentry_name(dentry):
    try:
        return dentry["d_name"].string()
    except (gdb.error, gdb.MemoryError):
        return "?"


def vma_line(vma):
    flags = int(vma["vm_flags"])
    words = [word for bit, word in ((VM_GROWSDOWN, "grows down"), (VM_LOCKED, "locked"))
             if flags & bit]
    offset = f" +{int(vma['vm_pgoff']):#x} pages" if int(vma["vm_file"]) else ""
    start, end = int(vma["vm_start"]), int(vma["vm_end"])
    return (f"{start:016x}-{end:016x} {vma_rights(vma)} "
            f"{(end - start) >> PAGE_SHIFT:6d} pages  {vma_name(vma)}{offset}"
            + (f" ({', '.join(words)})" if words else ""))


# --- page tables ---

LEVELS = (("pgd", 39), ("pud", 30), ("pmd", 21), ("pte", 12))


def entry_words(entry, leaf):
    """What an entry says, in words."""
    if entry == 0:
        return "none: nothing is mapped here"
    if leaf and not entry & (PRESENT | PROTNONE):
        return f"swap entry: area {entry >> 9 & 31}, slot {entry >> 14}"
    frame = f"{'frame' if leaf else 'table in frame'} {(entry & PFN_MASK) >> PAGE_SHIFT:#x}"
    words = ["present" if entry & PRESENT else "PROT_NONE (present to us, not to the CPU)",
             "writable" if entry & RW else "read-only", "user" if entry & USER else "kernel only"]
    words += [word for bit, word in ((ACCESSED, "accessed"), (DIRTY, "dirty") if leaf else (0, ""),
                                     (SPECIAL, "special (the zero page)") if leaf else (0, ""),
                                     (NX, "no-execute")) if entry & bit]
    return f"{frame}: {', '.join(words)}"


def walk(cr3, address):
    """(level, index, entry, leaf) from the top until the walk ends."""
    table = cr3 & PFN_MASK
    for level, shift in LEVELS:
        index = address >> shift & 511
        entry = read_u64(PAGE_OFFSET + table + index * 8)
        large = level in ("pud", "pmd") and entry & PSE and entry & PRESENT
        leaf = level == "pte" or bool(large)
        yield level, index, entry, leaf
        if leaf or not entry & PRESENT:
            return
        table = entry & PFN_MASK


def root_of(address):
    """Physical address of the top-level table that serves the address."""
    task = current()
    mm = task["mm"] if int(task["mm"]) else task["active_mm"]
    pgd = int(mm["pgd"]) if int(mm) and address < 1 << 47 else int(value("init_pgd"))
    return pgd - KERNEL_MAP if pgd >= KERNEL_MAP else pgd - PAGE_OFFSET


def leaf_of(address):
    """The entry where the walk ends, and whether it is a leaf."""
    level, _, entry, leaf = list(walk(root_of(address), address))[-1]
    return level, entry, leaf


# --- frames ---

def page_flags(page):
    flags = int(page["flags"])
    names = [field.name[3:] for field in gdb.lookup_type("enum pageflags").fields()
             if field.name.startswith("PG_")]
    return [name for bit, name in enumerate(names) if flags >> bit & 1]


def page_at(pfn):
    end = int(value("max_pfn"))
    if pfn >= end:
        raise Said(f"frame {pfn:#x} has no struct page: the RAM ends before frame {end:#x}")
    awake = value("sections_awake")
    if awake and not int(awake[pfn >> 21]) >> (pfn >> 15 & 63) & 1:
        raise Said(f"frame {pfn:#x} has no struct page: it is free, and was never used since boot")
    return pointer(VMEMMAP_START + pfn * gdb.lookup_type("struct page").sizeof, "struct page")


def frame_for(text):
    """A frame number, or the frame an address translates to."""
    n = number(text)
    if n < int(value("max_pfn")):
        return n
    level, entry, leaf = leaf_of(n)
    if not leaf or not entry & (PRESENT | PROTNONE):
        raise Said(f"{n:#x} maps no frame: its {level} entry is {entry_words(entry, leaf)}")
    offset_bits = {"pte": 12, "pmd": 21, "pud": 30}[level]
    return ((entry & PFN_MASK) + (n & (1 << offset_bits) - 1 & ~(PAGE_SIZE - 1))) >> PAGE_SHIFT


def describe_unused(pfn, flags):
    """A frame that nobody refers to."""
    if "pcp" in flags:
        return "free, on a per-CPU list"
    for order in range(11):
        head = page_at(pfn & ~((1 << order) - 1))
        if "buddy" in page_flags(head) and int(head["private"]) >= order:
            return f"free, inside a free block of 2^{int(head['private'])} frames"
    start, end = (int(value(f"(unsigned long)&{name}")) >> PAGE_SHIFT
                  for name in ("_image_start", "_image_end"))
    if start <= pfn < end:
        return "not the allocator's: the kernel's image"
    return "not the allocator's: firmware, boot information or page tables of the boot"


def describe_page(pfn):
    page = page_at(pfn)
    flags, mapping = page_flags(page), int(page["mapping"])
    count, mapcount = int(page["_refcount"]["counter"]), int(page["_mapcount"]["counter"])
    lines = [f"frame {pfn:#x} (physical {pfn << PAGE_SHIFT:#x}), struct page at {int(page):#x}",
             f"  references {count}, mapped by {mapcount} entr{'y' if mapcount == 1 else 'ies'}",
             f"  flags: {' '.join(flags) or 'none'}"]
    if "buddy" in flags:
        lines.append(f"  head of a free block of 2^{int(page['private'])} frames")
    elif "reserved" in flags:
        lines.append("  reserved: firmware, kernel image or the zero page; not the allocator's")
    elif "slab" in flags:
        lines.append(f"  holds slab objects, {int(page['slab_inuse'])} in use")
    elif "table" in flags:
        lines.append("  is a page table")
    elif mapping & 1:
        lines.append(f"  anonymous, anon_vma {mapping & ~1:#x}, page {int(page['index']):#x} of it")
    elif mapping:
        lines.append(f"  in the page cache {mapping:#x}, page {int(page['index']):#x} of the file")
    elif count == 0:
        lines.append("  " + describe_unused(pfn, flags))
    if "swapcache" in flags:
        entry = int(page["private"])
        lines.append(f"  in the swap cache: area {entry >> 9 & 31}, slot {entry >> 14}")
    return "\n".join(lines)


# --- why ---

def slot_users(entry):
    """How many page-table entries name the slot of a swap entry."""
    return int(value("swap_areas")[entry >> 9 & 31]["map"][entry >> 14]) & 0x7FFF


def why_no_vma(mm, address):
    above = find_vma(mm, address)
    if above is not None and int(above["vm_flags"]) & VM_GROWSDOWN:
        size = int(above["vm_end"]) - (address & ~(PAGE_SIZE - 1))
        if size <= int(mm["rlim_stack"]):
            return (f"No VMA holds it, but the one above, {vma_line(above).strip()}, grows down: "
                    f"expand_stack() makes it {size >> PAGE_SHIFT} pages (unless a mapping lies "
                    "within the guard gap of 256 pages below), "
                    "then do_anonymous_page() answers.")
        return ("No VMA holds it, and the stack above would grow past its limit of "
                f"{int(mm['rlim_stack'])} bytes: SIGSEGV (SEGV_MAPERR).")
    return "No VMA holds it: bad_area() sends SIGSEGV (SEGV_MAPERR)."


def why_missing(vma, access):
    if not int(vma["vm_ops"]):
        if access == "w":
            return ("Nothing is mapped yet in this anonymous VMA: do_anonymous_page() maps a fresh "
                    "zeroed frame. A minor fault.")
        return ("Nothing is mapped yet in this anonymous VMA: do_anonymous_page() maps the shared "
                "zero page read-only. A minor fault.")
    if access != "w":
        return ("Nothing is mapped yet in this file VMA: do_read_fault() maps the page cache's "
                "page and its cached neighbours; a major fault if the disk must be read first.")
    if int(vma["vm_flags"]) & VM_SHARED:
        return ("Nothing is mapped yet in this shared file VMA: do_shared_fault() calls "
                "page_mkwrite and maps the page cache's page writable and dirty.")
    return ("Nothing is mapped yet in this private file VMA: do_cow_fault() copies the page "
            "cache's page; the copy is anonymous from then on.")


def why_write_protected(vma, entry):
    pfn = (entry & PFN_MASK) >> PAGE_SHIFT
    if entry & SPECIAL:
        return ("The shared zero page is mapped read-only: do_wp_page() replaces it by a fresh "
                "zeroed frame.")
    if int(vma["vm_flags"]) & VM_SHARED:
        return (f"Frame {pfn:#x} of a shared file is mapped read-only: do_wp_page() calls "
                "page_mkwrite, then makes the entry writable.")
    page = page_at(pfn)
    count = int(page["_refcount"]["counter"])
    if not int(page["mapping"]) & 1:
        return (f"Frame {pfn:#x} belongs to the page cache and the mapping is private: "
                "do_wp_page() copies it.")
    if count == 1:
        return (f"Frame {pfn:#x} is read-only but has one reference only: do_wp_page() reuses it "
                "in place, no copy.")
    if count == 2 and "swapcache" in page_flags(page):
        held = f"Frame {pfn:#x} is held by this entry and the swap cache"
        if slot_users(int(page["private"])) == 0 and "writeback" not in page_flags(page):
            return f"{held}, and no entry names its slot: do_wp_page() reuses it in place, no copy."
        return f"{held}, whose slot is still needed: do_wp_page() copies it."
    return (f"Frame {pfn:#x} is shared copy-on-write ({count} references): do_wp_page() copies it, "
            "the others keep it.")


def why(address, access):
    """One sentence on what an access by the current user program at this address would do."""
    verb = {"r": "read", "w": "write", "x": "instruction fetch"}[access]
    if TASK_SIZE <= address < 1 << 47 or address >= 0xFFFF800000000000:
        return (f"A user {verb} there is outside user space: do_kern_addr_fault() sends SIGSEGV "
                "(SEGV_MAPERR).")
    if address >= 1 << 47:
        return ("Not a canonical address: the CPU raises a general protection fault, not a page "
                "fault; SIGSEGV (SI_KERNEL).")
    mm = map_of(current())
    vma = find_vma(mm, address)
    if vma is None or int(vma["vm_start"]) > address:
        return why_no_vma(mm, address)
    flags = int(vma["vm_flags"])
    needed = {"r": VM_READ | VM_WRITE | VM_EXEC, "w": VM_WRITE, "x": VM_EXEC}[access]
    if not flags & needed:
        return (f"The VMA ({vma_rights(vma)}, {vma_name(vma)}) does not allow a {verb}: SIGSEGV "
                "(SEGV_ACCERR).")
    level, entry, leaf = leaf_of(address)
    if entry == 0:
        missing = "" if level == "pte" else f" (the tables below the {level} are made on the way)"
        return why_missing(vma, access) + missing
    if not entry & (PRESENT | PROTNONE):
        return (f"The page is swapped out (area {entry >> 9 & 31}, slot {entry >> 14}): "
                "do_swap_page() takes it from the swap cache, or reads it, a major fault.")
    if access == "w" and not entry & RW:
        return why_write_protected(vma, entry)
    return f"No fault: the entry allows it (frame {(entry & PFN_MASK) >> PAGE_SHIFT:#x})."


# --- commands ---

def arguments(text, least, most, usage):
    words = gdb.string_to_argv(text)
    if not least <= len(words) <= most:
        raise Said(f"usage: {usage}")
    return words


class Vmas(gdb.Command):
    """vmas [PID]: the VMAs of the current task, or of PID."""

    def invoke(self, text, from_tty):
        words = arguments(text, 0, 1, "vmas [PID]")
        mm = map_of(task_by_pid(words[0]) if words else current())
        for vma in vmas_of(mm):
            print(vma_line(vma))
        print(f"{int(mm['map_count'])} VMAs, {int(mm['total_vm'])} pages")


class Pt(gdb.Command):
    """pt ADDR: the page-table walk of ADDR, each entry in words."""

    def invoke(self, text, from_tty):
        address = number(arguments(text, 1, 1, "pt ADDR")[0])
        root = root_of(address)
        print(f"walk of {address:#x} from the table at physical {root:#x}")
        for level, index, entry, leaf in walk(root, address):
            print(f"  {level}[{index:3d}] {entry:016x}  {entry_words(entry, leaf)}")


class Page(gdb.Command):
    """page PFN|ADDR: the struct page of a frame, or of the frame that ADDR maps to."""

    def invoke(self, text, from_tty):
        print(describe_page(frame_for(arguments(text, 1, 1, "page PFN|ADDR")[0])))


class Buddy(gdb.Command):
    """buddy: free blocks by zone and order (block of order n: 2^n frames of 4 KiB)."""

    def invoke(self, text, from_tty):
        arguments(text, 0, 0, "buddy")
        zones = value("zones")
        for i in range(zones.type.range()[1] + 1):
            zone = zones[i]
            if not int(zone["managed"]):
                continue
            areas = zone["free_area"]
            counts = [int(areas[order]["nr_free"]) for order in range(areas.type.range()[1] + 1)]
            low = [int(zone["watermark"][i]) for i in range(3)]
            print(f"zone {zone['name'].string():7s} {int(zone['nr_free'])} of "
                  f"{int(zone['managed'])} frames free; min {low[0]} low {low[1]} high {low[2]}")
            print("  order  " + " ".join(f"{order:6d}" for order in range(len(counts))))
            print("  blocks " + " ".join(f"{count:6d}" for count in counts))


class Swap(gdb.Command):
    """swap: swap areas in use."""

    def invoke(self, text, from_tty):
        arguments(text, 0, 0, "swap")
        areas, shown = value("swap_areas"), 0
        for i in range(areas.type.range()[1] + 1):
            area = areas[i]
            if not int(area["max"]):
                continue
            shown += 1
            print(f"area {i}: {area['path'].string()}, priority {int(area['prio'])}, "
                  f"{int(area['inuse'])} of {int(area['pages'])} slots in use")
        if not shown:
            print("no swap area is on")


class Tasks(gdb.Command):
    """tasks: every task; the current one has a star."""

    STATES = ((0x30, "zombie"), (0x4, "stopped"), (0x2, "waiting"), (0x1, "sleeping"))

    def invoke(self, text, from_tty):
        arguments(text, 0, 0, "tasks")
        now = int(current())
        for task in tasks():
            state = next((word for bits, word in self.STATES if int(task["state"]) & bits),
                         "runnable")
            kind = "user" if int(task["mm"]) else "kernel thread"
            print(f"{'*' if int(task) == now else ' '} {int(task['pid']):5d} {state:9s} "
                  f"{task['comm'].string():16s} {kind}")


class Cpus(gdb.Command):
    """cpus: what runs on each CPU, the selected one marked."""

    def invoke(self, text, from_tty):
        arguments(text, 0, 0, "cpus")
        for cpu in range(int(value("nr_cpus"))):
            task = per_cpu("current_task", cpu)
            what = f"{int(task['pid']):5}  {task['comm'].string()}" if int(task) else "    -  -"
            print(f"{'*' if cpu == selected_cpu() else ' '} CPU {cpu}: {what}")


class Why(gdb.Command):
    """why ADDR r|w|x: what the next such access by the current program would do."""

    def invoke(self, text, from_tty):
        words = arguments(text, 2, 2, "why ADDR r|w|x")
        if not re.fullmatch("[rwx]", words[1]):
            raise Said("usage: why ADDR r|w|x")
        print(why(number(words[0]), words[1]))


class Audit(gdb.Command):
    """audit: let the kernel look for what does not agree in its memory (docs/audit.md)."""

    def invoke(self, text, from_tty):
        arguments(text, 0, 0, "audit")
        if int(value("$cs")) & 3:
            raise Said("the program runs now: stop in the kernel (break exc_page_fault), "
                       "then the kernel can be asked")
        gdb.execute("set scheduler-locking on")  # the other CPUs stay where they are
        try:
            print(value("(char *)mm_audit_text()").string())
        finally:
            gdb.execute("set scheduler-locking off")


class Runs(gdb.Function):
    """$runs("NAME"): does the program NAME run now?"""

    def invoke(self, name):
        task = per_cpu("current_task", selected_cpu())
        return bool(int(task)) and task["comm"].string() == name.string()[:15]


class PerCpu(gdb.Function):
    """$percpu("NAME"): the selected CPU's instance of a per-CPU variable."""

    def invoke(self, name):
        return per_cpu(name.string(), selected_cpu())


def program_breakpoint(breakpoint):
    """Programs lie at the same addresses, each in a space of its own: a breakpoint in the program
    whose symbols are loaded shall not stop another one that happens to have code there."""
    files = [file.filename for file in gdb.objfiles() if file.filename]
    if breakpoint.condition or len(files) < 2:
        return
    try:
        places = [location.address for location in breakpoint.locations]
    except (AttributeError, gdb.error):  # a watchpoint; a gdb older than 13
        return
    if places and all(0 < place < TASK_SIZE for place in places):
        breakpoint.condition = f'$runs("{files[1].rsplit("/", 1)[-1]}")'


Runs("runs")
PerCpu("percpu")
gdb.events.breakpoint_created.connect(program_breakpoint)
for command, name in ((Vmas, "vmas"), (Pt, "pt"), (Page, "page"), (Buddy, "buddy"), (Swap, "swap"),
                      (Tasks, "tasks"), (Cpus, "cpus"), (Why, "why"), (Audit, "audit")):
    command(name, gdb.COMMAND_DATA)
