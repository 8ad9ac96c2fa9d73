/* SPDX-License-Identifier: MIT */
/*
 * What follows from a state: who maps a frame, what it is used as, what a page is. Each moment that is
 * shown is written over the one before.
 */
"use strict";

/* What frames are, in the order of the legend: KIND records' names, and ours. */
const USES = ["free", "anon", "file", "zero", "table", "slab", "stack", "vmalloc", "kernel",
	"swapcache", "reserved", "used", "unknown"];
const USE_COLOUR = { free: "free", anon: "anon", file: "file", zero: "zero", table: "table",
	slab: "slab", stack: "stack", vmalloc: "stack", kernel: "kernel", swapcache: "swap",
	reserved: "reserved", used: "used", unknown: "unknown" };
const USE_WORDS = { free: "free", anon: "anonymous", file: "file", zero: "zero page",
	table: "page table", slab: "slab", stack: "kernel stack", vmalloc: "vmalloc", kernel: "kernel",
	swapcache: "swap cache", reserved: "reserved", used: "in use", unknown: "not recorded" };
const USE_NUMBER = Object.fromEntries(USES.map((use, i) => [use, i]));

/* What a page of an address space can be. */
const PAGES = { none: "not touched", zero: "zero page", anon: "its own", shared: "shared by several",
	file: "file", swap: "in the swap area", protnone: "no access", kernel: "the kernel's" };
const PAGE_NAMES = Object.keys(PAGES);
const [P_NONE, P_ZERO, P_ANON, P_SHARED, P_FILE, P_SWAP, P_PROTNONE, P_KERNEL] = PAGE_NAMES.keys();

/* The same after a number. */
const PAGES_COUNTED = { zero: "zero page", anon: "its own", shared: "shared", file: "of the file",
	swap: "in the swap area", protnone: "without access", kernel: "of the kernel's" };

class Derived {
	constructor(records) {
		this.records = records;
		this.limit = records.meta.nr_frames;
		this.maps = new Uint16Array(this.limit);  // entries that lead here
		this.owner = new Uint32Array(this.limit); // mm of the last of them
		this.anon = new Uint8Array(this.limit);   // mapped by anonymous memory
		this.uses = new Uint8Array(this.limit);   // places in USES
		this.cached = new Uint8Array(this.limit); // in the page cache
		this.slots = new Set(); // swapKey()s of those in use
		this.kinds = new Uint8Array(256).fill(USE_NUMBER.used); // what a KIND record's number is
		records.meta.kinds.forEach((kind, i) => {
			if (kind in USE_NUMBER)
				this.kinds[i] = USE_NUMBER[kind];
		});
	}

	/* Tell of this state from now on. */
	of(state) {
		this.state = state;
		this.maps.fill(0);
		this.anon.fill(0);
		this.cached.fill(0);
		this.slots.clear();
		for (const pfn of state.cache.keys())
			if (pfn < this.limit)
				this.cached[pfn] = 1;
		for (const space of state.spaces.values())
			space.chunks.forEach((chunk, key) => this.count(space, chunk, key * ENTRY_CHUNK));
		state.swap.forEach((_, key) => this.slots.add(key));
		this.useAll();
		return this;
	}

	/* Of 64 entries, from a page on: frames and slots that they lead to. */
	count(space, chunk, base) {
		let vma = null;

		for (let i = 0; i < ENTRY_CHUNK; i++) {
			const low = chunk[i], high = chunk[HIGH + i];

			if (!low && !high)
				continue;
			if (!entryPresent(low)) {
				this.slots.add(swapKey(low, high));
				continue;
			}
			const pfn = entryPfn(low, high);

			if (low & BIT_SPECIAL || pfn >= this.limit)
				continue;
			if (!vma || base + i >= vma.end || base + i < vma.start)
				vma = space.vmaOf(base + i);
			this.maps[pfn]++;
			this.owner[pfn] = space.mm;
			if (this.privatePage(vma, low, pfn))
				this.anon[pfn] = 1;
		}
	}

	/* Is what a private mapping has there anonymous? Without records of the page cache: if written. */
	privatePage(vma, low, pfn) {
		if (vma && vma.flags & VM_MAYSHARE || this.cached[pfn])
			return false;
		if (!vma || !(vma.ino || vma.dev))
			return true;
		return this.state.cache.size > 0 || Boolean(low & (BIT_RW | BIT_OWNED));
	}

	/* What a frame is used as: one of USES. */
	use(pfn) {
		return pfn < this.limit ? USES[this.uses[pfn]] : "unknown";
	}

	/* The same of all frames: what is told later here goes before what is told earlier. */
	useAll() {
		const { state, uses, maps, anon, cached } = this;

		for (let pfn = 0; pfn < this.limit; pfn++) {
			const chunk = state.frames[Math.floor(pfn / FRAME_CHUNK)], i = pfn % FRAME_CHUNK;
			const use = chunk ? chunk[USE + i] : FRAME_UNKNOWN;

			uses[pfn] = use === FRAME_FREE ? USE_NUMBER.free : cached[pfn] ? USE_NUMBER.file :
				maps[pfn] ? anon[pfn] ? USE_NUMBER.anon : USE_NUMBER.file :
					use === FRAME_UNKNOWN ? USE_NUMBER.unknown : this.kinds[chunk[KIND + i]];
		}
		state.swap.forEach((pfn) => this.useAs(pfn, USE_NUMBER.swapcache));
		for (const pfn of state.tables.keys())
			this.useAs(pfn, USE_NUMBER.table);
		this.useAs(zeroFrame, USE_NUMBER.zero);
	}

	useAs(pfn, use) {
		if (pfn >= 0 && pfn < this.limit && this.uses[pfn] !== USE_NUMBER.free)
			this.uses[pfn] = use;
	}

	/* What a page with this entry is: one of PAGES. */
	page(low, high) {
		return PAGE_NAMES[this.pageNumber(low, high)];
	}

	/* The same as its place in PAGES. */
	pageNumber(low, high) {
		if (!low && !high)
			return P_NONE;
		if (!entryPresent(low))
			return P_SWAP;
		if (low & BIT_SPECIAL)
			return isZeroPage(low, high) ? P_ZERO : P_KERNEL;
		if (!(low & BIT_PRESENT))
			return P_PROTNONE;
		const pfn = entryPfn(low, high);

		if (pfn < this.limit && !this.anon[pfn])
			return P_FILE;
		return this.maps[pfn] > 1 ? P_SHARED : P_ANON;
	}

	/* Who maps a frame: [{space, page}], at most so many. */
	mappers(pfn, most = 12) {
		const found = [];

		for (const space of this.state.spaces.values())
			space.each(0, Infinity, (page, low, high) => {
				if (found.length < most && entryPresent(low) && entryPfn(low, high) === pfn)
					found.push({ space, page });
			});
		return found;
	}

	/* The name of an address space: that of a task that lives in it. */
	spaceName(mm) {
		for (const task of this.state.tasks.values())
			if (task.mm === mm)
				return `${task.name || "process"} (pid ${task.pid})`;
		return this.fallback(mm);
	}

	/* Without records of tasks: who faulted there. */
	fallback(mm) {
		const { records } = this, i = records.mm.indexOf(mm);

		return i < 0 ? `address space ${mm}` :
			`${records.programs[records.program[i]]} (pid ${records.pid[i]})`;
	}
}
