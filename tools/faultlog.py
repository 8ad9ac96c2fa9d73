# SPDX-License-Identifier: MIT
"""FAULTS=1: the records of a run as one line for each page fault. docs/faults.md tells the columns."""
import os
import sys

import knobs

sys.path.insert(0, knobs.top("tools/trace"))
import format as records  # noqa: E402

# The last of these that a fault went through says how it was answered.
ANSWERS = {
    "handle_present_pte": "handle_pte_fault: spurious", "do_read_fault": "do_read_fault",
    "do_anonymous_page": "do_anonymous_page: fresh page", "do_cow_fault": "do_cow_fault",
    "do_fault_around": "do_read_fault: fault-around", "__do_fault": "do_read_fault",
    "do_shared_fault": "do_shared_fault", "do_swap_page": "do_swap_page",
    "wp_page_reuse": "do_wp_page: reuse", "wp_page_copy": "do_wp_page: copy",
    "wp_page_shared": "do_wp_page: shared", "lock_same_pte": "handle_pte_fault: entry changed",
    "vmalloc_fault": "vmalloc_fault", "bad_area_nosemaphore": "bad_area", "do_sigbus": "bad_area",
    "fixup_exception": "fixup_exception"}


def _door(fault):
    doors = [name for name, _ in fault.doors]
    if "handle_pte_fault" in doors:  # the last try
        doors = doors[len(doors) - doors[::-1].index("handle_pte_fault"):]
    answer = "handle_pte_fault"
    for name in doors:
        if name == "__do_fault" and answer in ("do_cow_fault", "do_shared_fault"):
            continue
        if name.startswith("wp_page") and answer == "do_swap_page":
            continue
        answer = ANSWERS.get(name, answer)
    if answer == "do_anonymous_page: fresh page" and fault.after[3] & records.PTE_SPECIAL:
        return "do_anonymous_page: zero page"
    if answer == "do_wp_page: copy" and fault.before[3] & records.PTE_SPECIAL:
        return "do_wp_page: zero page replaced"
    return answer


def _entry(raw):
    if not raw:
        return "none"
    if not records.pte_present(raw):
        return f"swap:{records.swap_area(raw)}:{records.swap_slot(raw)}"
    bits = ((records.PTE_RW, "w", "r"), (records.PTE_NX, "-", "x"), (records.PTE_DIRTY, "d", "-"),
            (records.PTE_ACCESSED, "a", "-"), (records.PTE_SPECIAL, "z", ""))
    return f"{records.pte_pfn(raw):x}:" + "".join(on if raw & bit else off for bit, on, off in bits)


def _vma(fault, files):
    if not fault.vm_end:
        return "no-vma"
    flags, name = fault.vm_flags, "[anon]"
    page = fault.address - fault.vm_start >> records.PAGE_SHIFT
    if fault.dev or fault.ino:
        name = files.get((fault.dev, fault.ino), f"{fault.dev}:{fault.ino}")
        page += fault.vm_pgoff
    elif flags & records.VM_GROWSDOWN:
        name = "[stack]"
    return f"{fault.vm_start:x}-{fault.vm_end:x}:{records.rights(flags)}:{name}+{page}"


def _line(fault, trace, files):
    error = fault.error_code
    access = "x" if error & records.PF_INSTR else "w" if error & records.PF_WRITE else "r"
    major = fault.verdict & records.VM_FAULT_MAJOR
    return (f"{trace.seconds(fault.tsc):.6f} {fault.cpu} {fault.pid} {records.text(fault.comm)} "
            f"{'major' if major else 'minor'} {access}{'' if error & records.PF_USER else 'k'} "
            f"{fault.address:016x} ip={fault.ip:x} {_vma(fault, files)} \"{_door(fault)}\" "
            f"{_entry(fault.before[3])} -> {_entry(fault.after[3])} cycles={fault.cycles}\n")


def write(trace_path, path):
    """Write the lines of all faults of CPUs in a record file to a file. Raises Refused."""
    files = {}
    try:
        trace = records.read(trace_path)
        with open(path, "w", encoding="utf-8") as file:
            for record in trace:
                if record.type == records.FILE.number:
                    files[record.dev, record.ino] = os.path.basename(records.text(record.path))
                elif record.type == records.FAULT.number \
                        and not record.error_code & records.PF_REMOTE:
                    file.write(_line(record, trace, files))
    except records.Bad as bad:
        raise knobs.Refused(f"FAULTS={path}: {bad}") from None
    except OSError as error:
        raise knobs.Refused(f"FAULTS={path}: {error.strerror}") from None
