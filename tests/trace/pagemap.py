# SPDX-License-Identifier: MIT
"""Entries that were rebuilt from records, beside what /proc/PID/pagemap showed."""
import format as flt

PRESENT, SWAPPED, PFN = 1 << 63, 1 << 62, (1 << 55) - 1


def entries_differ(entries, pages):
    """"" if these entries are what pagemap showed; both by address."""
    wrong = []
    for page in sorted(set(entries) | set(pages)):
        entry, shown = entries.get(page, 0), pages.get(page, 0)
        if flt.pte_present(entry):
            same = shown & PRESENT and shown & PFN == flt.pte_pfn(entry)
        elif entry:
            same = shown & SWAPPED and shown & 31 == flt.swap_area(entry) and \
                (shown & PFN) >> 5 == flt.swap_slot(entry)
        else:
            same = not shown & (PRESENT | SWAPPED)
        if not same:
            wrong.append(f"{page:#x}: rebuilt {entry:#x}, pagemap {shown:#x}")
    return "\n".join(wrong[:10])
