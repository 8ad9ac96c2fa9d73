# SPDX-License-Identifier: MIT
"""The dispatcher's decision, told beforehand: which doors an access goes through.

It follows arch/x86_64/entry/fault.c and mm/fault/: the same questions in the same order, asked of
the machine as it stands. `why` asks for an access that has not happened, `fault` for one that has.
"""
from frames import counts, page_at, page_flags, slot_users, swap_cached
from commands import Command, number
from memory import Mode, Object, PAGE_SHIFT, PAGE_SIZE, PRESENT, Said, address_of, array_load
from mm import (GUARD_GAP, LOWEST, VM_ACCESS, VM_EXEC, VM_GROWSDOWN, VM_MAYSHARE, VM_SHARED,
                VM_WRITE, find_vma, name_of, rights_of)
from tasks import current, map_of
from walk import NX, PROTNONE, RW, SPECIAL, TASK_SIZE, USER, frame_of, swap_place, user_leaf

PF_PROT, PF_WRITE, PF_USER, PF_RSVD, PF_INSTR = 1, 2, 4, 8, 16
VERBS = {"r": "read", "w": "write", "x": "instruction fetch"}


def access_of(error):
    return "x" if error & PF_INSTR else "w" if error & PF_WRITE else "r"


class Answer:
    """Doors passed in order, each with why, then the door that resolves it and a sentence.

    happened: there is such a fault, which saw that entry (None: it has not looked), and holds a
    reference on the old page."""

    def __init__(self, mm, address, error, happened=False, entry=None, held=False):
        self.mm, self.address, self.error, self.happened = mm, address, error, happened
        self.held = held
        self.access, self.path = access_of(error), []
        self.door = self.sentence = self.vma = None
        self.level, self.entry, self.before = "pte", entry, ""

    # --- how it ends ---

    def ends(self, door, sentence, *steps):
        """@door: what `next-fault` asks for; @steps: (function, words) from here to the end."""
        self.door, self.sentence = door, self.before + sentence
        self.path += steps
        return self

    def bad(self, sentence, code):
        signal = f"SIGSEGV ({code})"
        if self.error & PF_USER:
            return self.ends("BAD_AREA", f"{sentence}: bad_area() sends {signal}.",
                             ("bad_area_nosemaphore", f"sends {signal}"))
        return self.ends("FIXUP", f"{sentence}: the kernel's copy ends at its fix-up (EFAULT).",
                         ("kernel_fixup_or_oops", "the copy goes on at its fix-up: EFAULT"))

    def stored(self, door, sentence, *steps):
        """Ends with a new entry."""
        return self.ends(door, sentence, *steps,
                         ("install_pte", "stores the entry, if it is still what the fault saw"))

    # --- the way there ---

    @Mode()
    def decide(self):
        self.path.append(("exc_page_fault", "which half of the address space?"))
        if self.address >= TASK_SIZE:
            return self.kernel_half()
        self.path.append(("do_user_addr_fault", "finds the VMA and asks it"))
        if self.error & PF_RSVD:
            return self.ends("BAD_AREA", "A reserved bit is set in an entry: pgtable_bad() kills "
                             "the process.", ("pgtable_bad", "kills the process"))
        vma = find_vma(self.mm, self.address)
        if vma is None or vma["vm_start"] > self.address:
            vma = self.grown(vma)
            if vma is None:
                return self
        self.vma = vma
        self.look()
        if self.refused(vma):
            return self.bad(f"The VMA ({rights_of(vma)}, {name_of(vma)}) does not allow a "
                            f"{VERBS[self.access]}", "SEGV_ACCERR")
        self.path.append(("handle_mm_fault", "the tables are all there" if self.level == "pte" else
                          f"makes the tables that are missing below the {self.level}"))
        return self.dispatch(vma)

    def kernel_half(self):
        verb = VERBS[self.access]
        if 1 << 47 <= self.address < 0xFFFF800000000000:
            return self.ends("BAD_AREA", "Not a canonical address: the CPU raises a general "
                             "protection fault, not a page fault; SIGSEGV (SI_KERNEL).")
        self.path.append(("do_kern_addr_fault", "the kernel's half"))
        if not self.error & (PF_PROT | PF_USER | PF_RSVD):
            return self.ends("VMALLOC", "The kernel touched the vmalloc area: vmalloc_fault() "
                             "takes the top-level entry over from init_pgd, if it is there.",
                             ("vmalloc_fault", "takes the top-level entry over from init_pgd"))
        return self.bad(f"A user {verb} there is outside user space"
                        if self.error & PF_USER else f"A {verb} by the kernel of its own half",
                        "SEGV_MAPERR")

    def grown(self, above):
        """No VMA holds the address. The stack that will, or None and the end is said."""
        if above is None or not above["vm_flags"] & VM_GROWSDOWN:
            self.bad("No VMA holds it", "SEGV_MAPERR")
            return None
        self.path.append(("fault_mmap_locked", "no VMA holds it: with the whole map locked"))
        page = self.address & ~(PAGE_SIZE - 1)
        size, below = above["vm_end"] - page, above.follow("vm_prev", "struct vm_area_struct")
        gap = page - below["vm_end"] if below else None
        if size > self.mm["rlim_stack"]:
            self.bad("No VMA holds it, and the stack above would grow past its limit of "
                     f"{self.mm['rlim_stack']} bytes", "SEGV_MAPERR")
        elif page < LOWEST or gap is not None and gap < GUARD_GAP and \
                below["vm_flags"] & VM_ACCESS and not below["vm_flags"] & VM_GROWSDOWN:
            self.bad("No VMA holds it, and the stack above would come within the guard gap of 256 "
                     "pages of what lies below", "SEGV_MAPERR")
        else:
            self.path.append(("expand_stack", f"makes the stack {size >> PAGE_SHIFT} pages"))
            self.before = "The stack above grows down: expand_stack() makes it "
            self.before += f"{size >> PAGE_SHIFT} pages. "
            return above
        return None

    def look(self):
        """The entry as it is, and the error code's first bit for an access that only might be."""
        level, entry, leaf = user_leaf(self.mm, self.address)
        self.level = level if leaf or entry == 0 else "pte"
        if self.entry is None:
            self.entry = entry if leaf else 0
        if not self.happened and self.entry & PRESENT:
            self.error |= PF_PROT

    def refused(self, vma):
        """access_error(): the VMA does not allow it. Of what needs no fault nothing is refused."""
        flags, error = vma["vm_flags"], self.error
        if not self.happened and self.allowed():
            return False
        if error & PF_INSTR and error & PF_PROT:
            return not flags & VM_EXEC
        if error & PF_WRITE:
            return not flags & VM_WRITE
        if error & PF_PROT:
            return True
        return not flags & VM_ACCESS

    def allowed(self):
        """Does the entry allow the access?"""
        needs = PRESENT | USER | (RW if self.access == "w" else 0)
        return self.entry & needs == needs and not (self.access == "x" and self.entry & NX)

    def dispatch(self, vma):
        """handle_pte_fault(): which door?"""
        entry = self.entry
        if entry == 0:
            self.path.append(("handle_pte_fault", "the entry is none"))
            answer = self.file(vma) if vma["vm_ops"] else self.anonymous()
            if self.level != "pte":
                self.sentence += f" (the tables below the {self.level} are made on the way)"
            return answer
        if not entry & (PRESENT | PROTNONE):
            self.path.append(("handle_pte_fault", "the entry names a swap slot"))
            return self.swapped(vma)
        self.path.append(("handle_pte_fault", "the entry is present"))
        if self.access == "w" and not entry & RW:
            self.path.append(("do_wp_page", "a write to a read-only entry"))
            return self.write_protected(vma)
        if not self.happened:
            return self.ends(None, f"No fault: the entry allows it (frame {frame_of(entry):#x}).")
        return self.ends("SPURIOUS", "The entry allows the access by now: somebody was faster, or "
                         "the CPU had an old translation; it is dropped.",
                         ("ptep_set_access_flags", "marks the entry used"),
                         ("flush_tlb_fix_spurious_fault", "drops the old translation"))

    def anonymous(self):
        if self.access == "w":
            return self.stored("ANON_WRITE", "Nothing is mapped yet in this anonymous VMA: "
                               "do_anonymous_page() maps a fresh zeroed frame. A minor fault.",
                               ("do_anonymous_page", "a write: takes a fresh frame, zeroes it"))
        return self.stored("ANON_ZERO", "Nothing is mapped yet in this anonymous VMA: "
                           "do_anonymous_page() maps the shared zero page read-only. A minor fault."
                           + self.comes_back(),
                           ("do_anonymous_page", "a read: the shared zero page, read-only"))

    def comes_back(self):
        """To execute what is not there yet is at first to read it."""
        if self.access != "x" or self.vma["vm_flags"] & VM_EXEC:
            return ""
        return (" Then the CPU comes back, for the page may not be executed: bad_area() sends "
                "SIGSEGV (SEGV_ACCERR).")

    def file(self, vma):
        """do_fault(): the VMA has an owner, mostly a file."""
        ops = vma.follow("vm_ops", "struct vm_operations_struct")
        self.path.append(("do_fault", "nothing is mapped yet, and the VMA has an owner"))
        if ops["fault"] == address_of("special_mapping_fault"):
            return self.stored("READ", "Nothing is mapped yet of these frames of the kernel's own: "
                               "special_mapping_fault() maps the one.",
                               ("do_read_fault", "asks the VMA's owner"),
                               ("special_mapping_fault", "the kernel's own frame"))
        cached = self.cached(vma)
        if cached is None:
            return self.ends("BAD_AREA" if self.error & PF_USER else "FIXUP",
                             "The file ends before this page: ->fault says SIGBUS (BUS_ADRERR).",
                             ("do_sigbus", "SIGBUS (BUS_ADRERR)"))
        shared = vma["vm_flags"] & VM_MAYSHARE  # VM_SHARED: and may be written to
        begin = f"Nothing is mapped yet in this {'shared' if shared else 'private'} file VMA: "
        end = "." if cached else "; a major fault, for the disk must be read first."
        words = "the page is in the cache" if cached else "reads the page unlocked, begins anew"
        if self.access != "w":
            around = cached and ops["map_pages"]
            return self.stored("READ_AROUND" if around else "READ", begin + "do_read_fault() maps "
                               f"the page cache's page{' and its cached neighbours' * bool(around)}"
                               + end + self.comes_back(), ("do_read_fault", words))
        if shared:
            return self.stored("SHARED", begin + "do_shared_fault() calls page_mkwrite and maps "
                               f"the page cache's page writable and dirty{end}",
                               ("do_shared_fault", words),
                               ("page_mkwrite", "the file system is told of the write"))
        return self.stored("COW", begin + "do_cow_fault() copies the page cache's page; the copy "
                           f"is anonymous from then on{end}",
                           ("do_cow_fault", words + "; copies it"))

    def cached(self, vma):
        """Is the page in the page cache, up to date? None: it lies behind the end of the file."""
        mapping = vma.follow("vm_file", "struct file").follow("f_mapping", "struct address_space")
        index = vma["vm_pgoff"] + (self.address - vma["vm_start"] >> PAGE_SHIFT)
        if not mapping:
            return False
        size = Object(mapping["i_size"], "loff_t").value()
        if index >= size + PAGE_SIZE - 1 >> PAGE_SHIFT:
            return None
        entry = array_load(mapping["i_pages"], index)
        if not entry or entry & 1:
            return False
        flags = page_flags(Object(entry, "struct page"))
        return "uptodate" in flags and "locked" not in flags

    def swapped(self, vma):
        area, slot = swap_place(self.entry)
        cached = swap_cached(self.entry)
        how = "takes it from the swap cache, no disk is asked" if cached \
            else "reads it, a major fault"
        steps = [("do_swap_page", "the swap cache has the page" if cached else
                  "reads the slot and what lies around it, unlocked; begins anew"),
                 ("install_swapped_page", "stores the entry, if it is still what the fault saw")]
        write = self.access == "w" and vma["vm_flags"] & VM_WRITE
        if write and slot_users(self.entry) > 1:
            steps.append(("do_wp_page", "the slot is shared: the write copies the page"))
        return self.ends("SWAP", f"The page is swapped out (area {area}, slot {slot}): "
                         f"do_swap_page() {how}.", *steps)

    # --- a write to a read-only entry ---

    def copies(self, door, sentence):
        return self.ends(door, sentence, ("wp_page_copy", "takes a frame, fills it"),
                         ("wp_install_copy", "flushes the old translation, stores the new entry"))

    def write_protected(self, vma):
        pfn = frame_of(self.entry)
        if self.entry & SPECIAL:
            return self.copies("WP_ZERO", "The shared zero page is mapped read-only: do_wp_page() "
                               "replaces it by a fresh zeroed frame.")
        if vma["vm_flags"] & VM_SHARED:
            return self.ends("WP_SHARED", f"Frame {pfn:#x} of a shared file is mapped read-only: "
                             "do_wp_page() calls page_mkwrite, then makes the entry writable.",
                             ("wp_page_shared", "tells the file system (page_mkwrite)"),
                             ("wp_page_reuse", "makes the entry writable in place"))
        page = page_at(pfn)
        if page["mapping"] & 1:
            return self.shared_anonymous(f"Frame {pfn:#x}", page)
        return self.copies("WP_COPY", f"Frame {pfn:#x} belongs to the page cache and the mapping "
                           "is private: do_wp_page() copies it.")

    def shared_anonymous(self, frame, page):
        references, flags = counts(page)[0] - self.held, page_flags(page)
        reused = ("wp_page_reuse", "makes the entry writable in place")
        if references == 1:
            return self.ends("WP_REUSE", f"{frame} is read-only but has one reference only: "
                             "do_wp_page() reuses it in place, no copy.", reused)
        if references != 2 or "swapcache" not in flags:
            return self.copies("WP_COPY", f"{frame} is shared copy-on-write ({references} "
                               "references): do_wp_page() copies it, the others keep it.")
        held = f"{frame} is held by this entry and the swap cache"
        if slot_users(page["private"]) == 0 and not {"writeback", "locked"} & set(flags):
            return self.ends("WP_REUSE", f"{held}, and no entry names its slot: do_wp_page() "
                             "reuses it in place, no copy.", reused)
        return self.copies("WP_COPY",
                           f"{held}, whose slot is still needed: do_wp_page() copies it.")


class Why(Command):
    """why ADDR r|w|x: what the next such access by the current program would do, in a sentence."""
    least = most = 2

    def run(self, where, access):
        if access not in VERBS:
            raise Said(f"usage: {self.usage}")
        error = PF_USER | {"r": 0, "w": PF_WRITE, "x": PF_INSTR}[access]
        print(Answer(map_of(current()), number(where), error).decide().sentence)


def register():
    Why()
