# SPDX-License-Identifier: MIT
"""Address spaces: VMAs."""
from commands import Command
from memory import Object, PAGE_SHIFT, offset_of
from tasks import chosen_map

VM_READ, VM_WRITE, VM_EXEC, VM_SHARED, VM_GROWSDOWN, VM_LOCKED = 1, 2, 4, 8, 0x100, 0x2000
VM_MAYSHARE, VM_ACCESS = 0x80, 7
GUARD_GAP, LOWEST = 256 << PAGE_SHIFT, 65536
VMA = "struct vm_area_struct"


def vmas_of(mm):
    vma = mm.follow("first_vma", VMA)
    while vma:
        yield vma
        vma = vma.follow("vm_next", VMA)


def find_vma(mm, address):
    """First VMA that ends above the address; None if there is none."""
    node = Object(mm.at("mm_rb"), "struct rb_root").follow("rb_node", "struct rb_node")
    best = None
    while node:
        vma = Object(node.address - offset_of(VMA, "vm_rb"), VMA)
        if vma["vm_end"] > address:
            best, node = vma, node.follow("rb_left", "struct rb_node")
        else:
            node = node.follow("rb_right", "struct rb_node")
    return best


def rights_of(vma):
    flags = vma["vm_flags"]
    return ("".join(letter if flags & bit else "-"
                    for bit, letter in ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x")))
            + ("s" if flags & VM_MAYSHARE else "p"))


def dentry_path(dentry):
    """The absolute path of a name, across mounts."""
    names = []
    while dentry:
        sb = dentry.follow("d_sb", "struct super_block")
        if sb["s_root"] == dentry.address:
            dentry = sb.follow("s_mountpoint", "struct dentry")
            continue
        if dentry["d_parent"] == dentry.address:
            break
        names.append(dentry.text("d_name"))
        dentry = dentry.follow("d_parent", "struct dentry")
    return "/" + "/".join(reversed(names))


def file_path(file):
    dentry = file.follow("f_dentry", "struct dentry")
    if dentry:
        return dentry_path(dentry)
    return file.follow("f_op", "struct file_operations").text("name")


def inode_path(inode):
    """A path of a file that somebody maps, else its number."""
    mapping = inode.follow("i_mapping", "struct address_space")
    for vma in interval_of(mapping.at("i_mmap"), "file_node"):
        return name_of(vma)
    return f"inode {inode['i_ino']}"


def interval_of(root, member, index=None):
    """VMAs in the interval tree at this address; only those whose range has the index, if given."""
    nodes = [Object(root, "struct rb_root")["rb_node"]]
    inner, offset = offset_of("struct interval_node", "rb"), offset_of(VMA, member)
    while nodes:
        place = nodes.pop()
        if not place:
            continue
        node = Object(place - inner, "struct interval_node")
        if index is not None and node["subtree_last"] < index:
            continue
        nodes += [node["rb"]["rb_left"], node["rb"]["rb_right"]]
        if index is None or node["start"] <= index <= node["last"]:
            yield Object(node.address - offset, VMA)


def name_of(vma):
    """What backs a VMA, as /proc/PID/maps names it."""
    if vma["vm_file"]:
        return file_path(vma.follow("vm_file", "struct file"))
    mm, start, end = vma.follow("vm_mm", "struct mm_struct"), vma["vm_start"], vma["vm_end"]
    if start <= mm["brk"] and end >= mm["start_brk"] and mm["start_brk"] < mm["brk"]:
        return "[heap]"
    if start <= mm["start_stack"] <= end:
        return "[stack]"
    if vma["vm_ops"]:
        return vma.follow("vm_ops", "struct vm_operations_struct").text("name")
    return "anonymous"


def vma_words(vma):
    """A VMA in short: its range, rights and name."""
    return f"{vma['vm_start']:x}-{vma['vm_end']:x} {rights_of(vma)} {name_of(vma)}"


def vma_line(vma):
    flags, start, end = vma["vm_flags"], vma["vm_start"], vma["vm_end"]
    words = [word for bit, word in ((VM_GROWSDOWN, "grows down"), (VM_LOCKED, "locked"))
             if flags & bit]
    offset = f" +{vma['vm_pgoff']:#x} pages" if vma["vm_file"] else ""
    return (f"{start:016x}-{end:016x} {rights_of(vma)} "
            f"{(end - start) >> PAGE_SHIFT:6d} pages  {name_of(vma)}{offset}"
            + (f" ({', '.join(words)})" if words else ""))


class Vmas(Command):
    """vmas [PID]: the address space of the current task, or of PID, one line for each VMA."""
    most = 1

    def run(self, *pid):
        mm = chosen_map(pid)
        for vma in vmas_of(mm):
            print(vma_line(vma))
        print(f"{mm['map_count']} VMAs, {mm['total_vm']} pages")


def register():
    Vmas()
