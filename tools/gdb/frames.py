# SPDX-License-Identifier: MIT
"""Frames: struct page, and who maps it."""
from commands import Command, number
from memory import (Object, PAGE_SHIFT, PAGE_SIZE, PRESENT, Said, VMEMMAP_START, address_of,
                    array_load, kind_of, physical, size_of, variable)
from mm import inode_path, interval_of, vma_words
from tasks import processes_of, who
from walk import PROTNONE, SPECIAL, entry_words, frame_of, leaf_at, root_for, swap_place, user_leaf

PAGE_ANON, SECTION_SHIFT, SWAP_COUNT = 1, 15, 0x7FFF
IMAGE_MASK = (1 << 31) - 1  # the image is mapped from physical 0 on, at -2 GiB
LEAF_SHIFT = {"pte": 12, "pmd": 21, "pud": 30}


def page_flags(page):
    flags = page["flags"]
    names = [field.name[3:] for field in kind_of("enum pageflags").fields()
             if field.name.startswith("PG_")]
    return [name for bit, name in enumerate(names) if flags >> bit & 1]


def page_at(pfn):
    end = variable("max_pfn")
    if pfn >= end:
        raise Said(f"frame {pfn:#x} has no struct page: the RAM ends before frame {end:#x}")
    awake = variable("sections_awake")
    if awake:
        word = Object(awake + (pfn >> SECTION_SHIFT + 6) * 8, "unsigned long")
        if not word.value() >> (pfn >> SECTION_SHIFT & 63) & 1:
            raise Said(f"frame {pfn:#x} has no struct page: it is free, never used since boot")
    return Object(VMEMMAP_START + pfn * size_of("struct page"), "struct page")


def pfn_of(page):
    return (page.address - VMEMMAP_START) // size_of("struct page")


def frame_for(text, pid=()):
    """A frame number; that of a struct page; or the frame that an address translates to in the map
    of the pid, or ours."""
    n = number(text)
    if 0 <= n - VMEMMAP_START < variable("max_pfn") * size_of("struct page"):
        return pfn_of(Object(n, "struct page"))
    if n < variable("max_pfn"):
        return n
    level, entry, leaf = leaf_at(root_for(n, pid), n)
    if not leaf or not entry & (PRESENT | PROTNONE):
        raise Said(f"{n:#x} maps no frame: its {level} entry is {entry_words(entry, leaf)}")
    inside = n & (1 << LEAF_SHIFT[level]) - 1
    return frame_of(entry) + (inside >> PAGE_SHIFT)


def counts(page):
    """References and mapping entries."""
    return page["_refcount"]["counter"], page["_mapcount"]["counter"]


def swap_cached(entry):
    """The struct page that the swap cache has for a swap entry; false if none."""
    area, slot = swap_place(entry)
    return Object(array_load(variable("swap_areas")[area]["cache"], slot), "struct page")


def slot_users(entry):
    """How many page-table entries name the slot of a swap entry."""
    area, slot = swap_place(entry)
    return Object(variable("swap_areas")[area]["map"] + 2 * slot, "u16").value() & SWAP_COUNT


# --- in words ---

def unused_words(pfn, flags):
    """A frame that nobody refers to."""
    if "pcp" in flags:
        return "free, on a per-CPU list"
    for order in range(11):
        head = page_at(pfn & ~((1 << order) - 1))
        if "buddy" in page_flags(head) and head["private"] >= order:
            return f"free, inside a free block of 2^{head['private']} frames"
    start, end = (address_of(name) & IMAGE_MASK for name in ("_image_start", "_image_end"))
    if start <= pfn << PAGE_SHIFT < end:
        return "not the allocator's: the kernel's image"
    return "not the allocator's: firmware, boot information or page tables of the boot"


def owner_words(pfn, page, flags):
    """What the frame is used as."""
    mapping = page["mapping"]
    if "buddy" in flags:
        return f"head of a free block of 2^{page['private']} frames"
    if pfn == variable("zero_pfn"):
        return "the shared zero page: mapped where memory was only read, counted by nobody"
    if "reserved" in flags:
        return "reserved: firmware or kernel image; not the allocator's"
    if "slab" in flags:
        cache = Object(mapping, "struct kmem_cache")
        return f"objects of {cache['size']} bytes of the slab cache {cache.text('name')}"
    if "table" in flags:
        return "is a page table"
    if mapping & PAGE_ANON:
        return f"anonymous, anon_vma {mapping & ~PAGE_ANON:#x}, page {page['index']:#x} of it"
    if mapping:
        inode = Object(mapping, "struct address_space").follow("host", "struct inode")
        name = inode_path(inode) if inode else f"mapping {mapping:#x}"
        return f"in the page cache of {name}, page {page['index']:#x} of the file"
    if not page["_refcount"]["counter"]:
        return unused_words(pfn, flags)
    return "the kernel's own"


def page_words(pfn):
    page = page_at(pfn)
    flags, (references, mapped) = page_flags(page), counts(page)
    data = physical(pfn << PAGE_SHIFT, PAGE_SIZE)
    lines = [f"frame {pfn:#x} (physical {pfn << PAGE_SHIFT:#x}), struct page at {page.address:#x}",
             f"  references {references}, mapped by {mapped} entr{'y' if mapped == 1 else 'ies'}",
             f"  flags: {' '.join(flags) or 'none'}", "  " + owner_words(pfn, page, flags)]
    if "swapcache" in flags:
        area, slot = swap_place(page["private"])
        lines.append(f"  in the swap cache: area {area}, slot {slot}")
    lines.append("  holds only zeroes" if not any(data) else
                 f"  begins with {data[:16].hex(' ')}, "
                 f"{sum(map(bool, data))} of its bytes are not zero")
    return "\n".join(lines)


# --- reverse map ---

def may_map(page):
    """VMAs whose range in the page's object has the page, as the kernel's own walk finds them."""
    mapping, index = page["mapping"], page["index"]
    if mapping & PAGE_ANON:
        family = Object(mapping & ~PAGE_ANON, "struct anon_vma")
        return interval_of(family.at("tree"), "anon_node", index)
    space = Object(mapping, "struct address_space")
    return interval_of(space.at("i_mmap"), "file_node", index)


def mappings(page):
    """(VMA, address, entry) of each entry that maps the page."""
    pfn, index = pfn_of(page), page["index"]
    for vma in may_map(page):
        address = vma["vm_start"] + (index - vma["vm_pgoff"] << PAGE_SHIFT)
        _, entry, leaf = user_leaf(vma.follow("vm_mm", "struct mm_struct"), address)
        if leaf and entry & (PRESENT | PROTNONE) and not entry & SPECIAL and frame_of(entry) == pfn:
            yield vma, address, entry


def others_holding(page, flags, found):
    """Who else has references, in words."""
    references, _ = counts(page)
    holders = []
    if "swapcache" in flags:
        area, slot = swap_place(page["private"])
        holders.append(f"the swap cache (area {area}, slot {slot})")
    elif page["mapping"] and not page["mapping"] & PAGE_ANON:
        holders.append("the page cache")
    rest = references - found - len(holders)
    if rest > 0:
        holders.append(f"{rest} by who looks at it now (lists, I/O, a fault under way)")
    return f"; further references: {', '.join(holders)}" if holders else ""


class Page(Command):
    """page PFN|ADDR [PID]: the struct page of a frame, or of the frame that ADDR maps to.
A number below the end of RAM is a frame's, a struct page * means its frame; other addresses are the
current task's, or PID's."""
    least, most = 1, 2

    def run(self, where, *pid):
        print(page_words(frame_for(where, pid)))


class Rmap(Command):
    """rmap PFN|ADDR [PID]: who maps a frame: processes, addresses, VMAs and entries.
As the kernel's reverse map finds them (mm/space/rmap.c); the counts of struct page beside it."""
    least, most = 1, 2

    def run(self, where, *pid):
        pfn = frame_for(where, pid)
        page = page_at(pfn)
        flags, mapping = page_flags(page), page["mapping"]
        print(f"frame {pfn:#x}: {owner_words(pfn, page, flags)}")
        if not mapping or set(flags) & {"slab", "buddy", "table"}:
            if pfn == variable("zero_pfn"):
                print("  its entries are special: no reverse map finds them")
            else:
                print("  no program maps it")
            return
        found = 0
        for vma, address, entry in mappings(page):
            found += 1
            mm = vma.follow("vm_mm", "struct mm_struct")
            names = ", ".join(who(task) for task in processes_of(mm)) or "a map being made or left"
            print(f"  {names}: {address:#x} in {vma_words(vma)}: "
                  + entry_words(entry, True).split(": ")[1])
        mapped = counts(page)[1]
        print(f"  {found} entr{'y' if found == 1 else 'ies'} found, the frame counts {mapped}"
              f"{others_holding(page, flags, found)}")


def register():
    for command in (Page, Rmap):
        command()
