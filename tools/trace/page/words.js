/* SPDX-License-Identifier: MIT */
/* Bits, entries, doors and whole faults in words. */
"use strict";

/* Kinds of fault by what resolved them; the colour is a name of style.css. */
const KINDS = [
	{ name: "zero page", colour: "zero" },
	{ name: "fresh page", colour: "anon" },
	{ name: "file page", colour: "file" },
	{ name: "file copy", colour: "file-copy" },
	{ name: "shared file write", colour: "file-write" },
	{ name: "swap-in", colour: "swap" },
	{ name: "reuse", colour: "reuse" },
	{ name: "copy", colour: "copy" },
	{ name: "spurious", colour: "used" },
	{ name: "fix-up", colour: "bad" },
	{ name: "bad access", colour: "bad" },
	{ name: "vmalloc", colour: "kernel" },
	{ name: "other", colour: "kernel" },
];
const [K_ZERO, K_FRESH, K_FILE, K_FILE_COPY, K_SHARED, K_SWAP, K_REUSE, K_COPY, K_SPURIOUS, K_FIXUP,
	K_BAD, K_VMALLOC, K_OTHER] = KINDS.keys();

/* The first of these doors that a fault went through says its kind. */
const KIND_OF_DOOR = [["fixup_exception", K_FIXUP], ["bad_area_nosemaphore", K_BAD],
	["do_sigbus", K_BAD], ["out_of_memory", K_OTHER], ["vmalloc_fault", K_VMALLOC],
	["lock_same_pte", K_SPURIOUS], ["wp_page_copy", K_COPY], ["wp_page_shared", K_SHARED],
	["wp_page_reuse", K_REUSE], ["do_swap_page", K_SWAP], ["do_cow_fault", K_FILE_COPY],
	["do_shared_fault", K_SHARED],
	["do_read_fault", K_FILE], ["do_fault_around", K_FILE], ["do_anonymous_page", K_FRESH],
	["handle_present_pte", K_SPURIOUS]];

const PF_PROT = 1, PF_WRITE = 2, PF_USER = 4, PF_INSTR = 16;
const VERDICT_MAJOR = 4, VERDICT_LISTED = 0x40000000;
const VM_MAYSHARE = 0x80; // a shared mapping, also one that may never be written to
const VM_DONTEXPAND = 0x40000; // without a file: a mapping of the kernel's own
const BIT_PRESENT = 1, BIT_RW = 2, BIT_USER = 4, BIT_ACCESSED = 32, BIT_DIRTY = 64,
	BIT_PROTNONE = 256, BIT_SPECIAL = 512, BIT_OWNED = 1024, BIT_SOFT_DIRTY = 2048;
const HIGH_NX = 0x80000000;

const entryPresent = (low) => (low & (BIT_PRESENT | BIT_PROTNONE)) !== 0;
const entryPfn = (low, high) => (high & 0xfffff) * 2 ** 20 + (low >>> 12);
const swapArea = (low) => low >>> 9 & 31;
const swapSlot = (low, high) => (high & 0x7fffffff) * 2 ** 18 + (low >>> 14);

/* Place in KIND_OF_DOOR by the number of a door. */
function doorRanks(doors) {
	return doors.map((name) => KIND_OF_DOOR.findIndex(([door]) => door === name))
		.map((rank) => rank < 0 ? KIND_OF_DOOR.length : rank);
}

/*
 * Entries with this software bit lead to frames that nobody counts: the shared page of zeroes, known
 * from the faults that map it, and the kernel's own pages (vDSO).
 */
let zeroFrame = -1;
const isZeroPage = (low, high) => (low & BIT_SPECIAL) !== 0 && entryPfn(low, high) === zeroFrame;

function faultKind(records, r) {
	const at = records.starts[r], doors = at + records.firstDoor;
	let first = KIND_OF_DOOR.length;

	for (let i = records.nrDoors(at) - 1; i >= 0; i--) {
		const rank = records.ranks[records.words[doors + 2 * i] & 255];

		if (rank < first)
			first = rank;
	}
	if (first === KIND_OF_DOOR.length)
		return K_OTHER;
	const kind = KIND_OF_DOOR[first][1], after = records.halves(r, "after_pte");

	if (kind !== K_FRESH || !(after[0] & BIT_SPECIAL))
		return kind;
	zeroFrame = entryPfn(...after);
	return K_ZERO;
}

/* The bits of an entry, each as {name, off: it is clear}; @leaf: of a last-level table. */
function entryBits(low, high, leaf) {
	if (!low && !high)
		return [];
	if (!entryPresent(low))
		return [{ name: "not present" }, { name: `swap area ${swapArea(low)}` },
			{ name: `slot ${swapSlot(low, high)}` }];
	const bit = (mask, yes, no) => low & mask ? { name: yes } : no ? { name: no, off: true } : null;

	return [low & BIT_PRESENT ? { name: "present" } : { name: "no access (PROT_NONE)" },
		bit(BIT_RW, "writable", "read-only"), bit(BIT_USER, "user", "kernel only"),
		high & HIGH_NX ? { name: "no execute" } : { name: "executable" },
		bit(BIT_ACCESSED, "accessed", "not accessed"), bit(BIT_DIRTY, "dirty", leaf && "clean"),
		bit(BIT_SPECIAL, "not counted"), bit(BIT_OWNED, "owned, kept from writing"),
		bit(BIT_SOFT_DIRTY, "soft-dirty")].filter(Boolean);
}

/* An entry in a few words. */
function entryWords(low, high) {
	if (!low && !high)
		return "none";
	if (!entryPresent(low))
		return `swap area ${swapArea(low)}, slot ${swapSlot(low, high)}`;
	const what = isZeroPage(low, high) ? "zero page" : `frame ${entryPfn(low, high).toString(16)}`;

	return `${what}, ${low & BIT_PRESENT ? low & BIT_RW ? "writable" : "read-only" : "no access"}`;
}

function rights(flags) {
	return (flags & 1 ? "r" : "-") + (flags & 2 ? "w" : "-") + (flags & 4 ? "x" : "-") +
		(flags & VM_MAYSHARE ? "s" : "p");
}

function vmaName(state, vma) {
	if (vma.ino || vma.dev)
		return state.files.get(`${vma.dev}:${vma.ino}`) || `file ${vma.dev}:${vma.ino}`;
	if (vma.flags & VM_DONTEXPAND)
		return vma.flags & 4 ? "[vdso]" : "[vvar]";
	return vma.flags & 0x100 ? "[stack]" : vma.flags & VM_MAYSHARE ? "shared memory" : "anonymous";
}

function lastPart(path) {
	return path.replace(/.*\//, "") || path;
}

function bytes(pages) {
	if (!pages)
		return "0";
	const [size, unit] = pages < 256 ? [pages * 4, "KiB"] : pages < 2 ** 18 ? [pages / 256, "MiB"] :
		[pages / 2 ** 18, "GiB"];

	return `${+size.toFixed(1)} ${unit}`;
}

function plural(n, word, many = `${word}s`) {
	return `${n.toLocaleString("en")} ${n === 1 ? word : many}`;
}

function errorWords(code) {
	return [code & PF_PROT ? "the page was there" : "no page there",
		code & PF_INSTR ? "instruction fetch" : code & PF_WRITE ? "write" : "read",
		code & PF_USER ? "user mode" : "kernel mode",
		code & 8 ? "reserved bit set" : "", code & 32 ? "protection key" : ""].filter(Boolean).join(", ");
}

/* Who did what where, as one clause: "cow (pid 7) writes to ..." */
function accessWords(records, r, state) {
	const code = records.get(r, "error_code"), vma = faultVma(records, r);
	const verb = code & PF_INSTR ? "executes" : code & PF_WRITE ? "writes to" : "reads";
	const who = `${records.text(r, "comm")} (pid ${records.get(r, "pid")})`;
	const where = vma ? ` in ${describeVma(state, vma)}` : "";

	if (code >>> 31)
		return `The kernel asks for ${records.hex(r, "address")} of ${who}${where}.`;
	return code & PF_USER ? `${who} ${verb} ${records.hex(r, "address")}${where}.` :
		`The kernel, for ${who}, ${verb} ${records.hex(r, "address")}${where}.`;
}

function describeVma(state, vma) {
	const name = vmaName(state, vma), kind = vma.flags & VM_MAYSHARE ? "shared" : "private";

	if (name.startsWith("[v"))
		return `the kernel's ${name} (${rights(vma.flags)})`;
	if (name === "[stack]")
		return "its stack";
	if (name === "anonymous" || name === "shared memory")
		return `${kind} anonymous memory (${rights(vma.flags)})`;
	return `the ${kind} mapping of ${lastPart(name)} (${rights(vma.flags)})`;
}

/* The VMA that a fault's record tells of, or null. */
function faultVma(records, r) {
	const end = records.pageOf(r, "vm_end");

	return end ? { start: records.pageOf(r, "vm_start"), end, flags: records.get(r, "vm_flags"),
		pgoff: records.get(r, "vm_pgoff"), dev: records.get(r, "dev"), ino: records.get(r, "ino") } :
		null;
}

/* What the kernel did about it. */
function outcomeWords(records, r, kind) {
	const before = records.halves(r, "before_pte"), after = records.halves(r, "after_pte");
	const frame = entryPfn(...after).toString(16), old = entryPfn(...before).toString(16);
	const write = records.get(r, "error_code") & PF_WRITE;
	const disk = records.get(r, "verdict") & VERDICT_MAJOR ? " (read from the disk)" : "";

	switch (kind) {
	case K_ZERO:
		return "Nobody has written here yet, so the shared page of zeroes is enough, read-only.";
	case K_FRESH:
		return `Nothing was there: the page gets frame ${frame}, cleared, for itself.`;
	case K_FILE:
		if (!records.get(r, "ino"))
			return `The kernel put this mapping there itself: its frame ${frame} is mapped.`;
		return `The page cache has the file's page${disk} in frame ${frame}. It is mapped ` +
			`${after[0] & BIT_RW ? "writable" : "read-only"}, with those around it that are there too.`;
	case K_FILE_COPY:
		return `The mapping is private, so the file's page${disk} is copied at once: frame ${frame} ` +
			"is the process's own.";
	case K_SHARED:
		return "The mapping is shared: the file is told that its page is about to change, then the " +
			`entry for frame ${frame} allows writing.`;
	case K_SWAP:
		return `The page was in ${entryWords(...before)}` +
			(disk ? ", and is read from the disk" : "; the swap cache still has it, or has it already") +
			`. It is in frame ${frame} now${write && !(after[0] & BIT_RW) ? "" : write ? ", writable" :
				""}.`;
	case K_REUSE:
		return `The entry was read-only, but nobody else uses frame ${old} any more: it is made ` +
			"writable in place.";
	case K_COPY:
		return isZeroPage(...before) ?
			`The shared page of zeroes gives way to frame ${frame}, the process's own.` :
			`Frame ${old} has other users, so it is copied: frame ${frame} is the process's own, the ` +
			"others keep the old one.";
	case K_SPURIOUS:
		return "The entry allows the access already; another CPU was first, or this one's TLB was old.";
	case K_FIXUP:
		return "Nothing may be there, but the copy routine was prepared: the system call gets EFAULT.";
	case K_VMALLOC:
		return "The top-level table lacked an entry of the kernel's; it is taken over.";
	default:
		return badWords(records, r);
	}
}

function badWords(records, r) {
	const signal = { 7: "SIGBUS", 11: "SIGSEGV", 9: "SIGKILL" }[records.get(r, "signal")];
	const reason = records.pageOf(r, "vm_end") ? "The mapping does not allow it" :
		"No mapping is there";

	return signal ? `${reason}: ${signal} is sent.` : `${reason}.`;
}

/* The sentences of one fault. */
function faultWords(records, i, state) {
	const r = records.faults[i];

	return [accessWords(records, r, state), outcomeWords(records, r, records.kind[i])];
}

const CALLS = { 9: "mmap", 10: "mprotect", 11: "munmap", 12: "brk", 25: "mremap", 26: "msync",
	27: "mincore", 28: "madvise", 149: "mlock", 150: "munlock", 151: "mlockall", 152: "munlockall",
	325: "mlock2" };

/* A record that is not a fault, as a sentence; "" for what is only counted. */
function eventWords(records, r) {
	const who = `task ${records.get(r, "tid")}`;

	switch (records.name(r)) {
	case "CALL": {
		const name = CALLS[records.get(r, "nr")] || `call ${records.get(r, "nr")}`;
		const args = [0, 1, 2].map((i) => records.hex(r, `arg${i}`)).join(", ");

		return `${who}: ${name}(${args}) = ${records.hex(r, "ret")}`;
	}
	case "FORK":
		return records.get(r, "mm") === records.get(r, "parent_mm") ?
			`${who} starts thread ${records.get(r, "child_tid")}` :
			`${who} forks: process ${records.get(r, "child_pid")} shares its pages`;
	case "EXEC":
		return `${who} runs ${records.tail(r)}`;
	case "EXIT":
		return `${who} exits${exitWords(records.get(r, "code"))}`;
	case "MM_GONE":
		return `address space ${records.get(r, "mm")} is gone`;
	case "RECLAIM":
		return records.get(r, "op") ? `${records.get(r, "kswapd") ? "kswapd" : who} begins to reclaim` :
			`reclaim ends: ${plural(records.get(r, "scanned"), "page")} looked at, ` +
			`${records.get(r, "reclaimed").toLocaleString("en")} taken back`;
	case "MARK":
		return `${who} marks ${records.get(r, "value")}`;
	case "LOST":
		return `${plural(records.get(r, "count"), "record")} lost here`;
	default:
		return "";
	}
}

function exitWords(status) {
	return status & 127 ? `, killed by signal ${status & 127}` : `, status ${status >>> 8 & 255}`;
}
