/* SPDX-License-Identifier: MIT */
/*
 * What follows from a state: who maps a frame, what it is used as, what a page is. Made once for
 * each moment that is shown.
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

/* What a page of an address space can be. */
const PAGES = { none: "not touched", zero: "zero page", anon: "its own", shared: "shared by several",
	file: "file", swap: "in the swap area", protnone: "no access", kernel: "the kernel's" };

/* The same after a number. */
const PAGES_COUNTED = { zero: "zero page", anon: "its own", shared: "shared", file: "of the file",
	swap: "in the swap area", protnone: "without access", kernel: "of the kernel's" };

class Derived {
	constructor(records, state) {
		this.records = records;
		this.state = state;
		this.limit = records.meta.nr_frames;
		this.maps = new Uint16Array(this.limit);  // entries that lead here
		this.owner = new Uint32Array(this.limit); // mm of the last of them
		this.anon = new Uint8Array(this.limit);   // mapped by anonymous memory
		this.slots = new Map(); // swapKey() -> how many entries name it
		for (const space of state.spaces.values())
			this.count(space);
		this.inSwapCache = new Set(state.swap.values());
	}

	count(space) {
		for (const [key, chunk] of space.chunks) {
			const base = key * ENTRY_CHUNK;
			let vma = null;

			for (let i = 0; i < ENTRY_CHUNK; i++) {
				const low = chunk[i], high = chunk[HIGH + i];

				if (!low && !high)
					continue;
				if (!entryPresent(low)) {
					const key = swapKey(low, high);

					this.slots.set(key, (this.slots.get(key) || 0) + 1);
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
	}

	/* Is what a private mapping has there anonymous? Without records of the page cache: if written. */
	privatePage(vma, low, pfn) {
		if (vma && vma.flags & VM_MAYSHARE || this.state.cache.has(pfn))
			return false;
		if (!vma || !(vma.ino || vma.dev))
			return true;
		return this.state.cache.size > 0 || Boolean(low & (BIT_RW | BIT_OWNED));
	}

	/* What a frame is used as: one of USES. */
	use(pfn) {
		const chunk = this.state.frames[Math.floor(pfn / FRAME_CHUNK)], i = pfn % FRAME_CHUNK;
		const use = chunk ? chunk[USE + i] : FRAME_UNKNOWN;

		if (use === FRAME_FREE)
			return "free";
		if (pfn === zeroFrame)
			return "zero";
		if (this.state.tables.has(pfn))
			return "table";
		if (this.inSwapCache.has(pfn))
			return "swapcache";
		if (this.state.cache.has(pfn))
			return "file";
		if (this.maps[pfn])
			return this.anon[pfn] ? "anon" : "file";
		if (use === FRAME_UNKNOWN)
			return "unknown";
		const kind = this.records.meta.kinds[chunk[KIND + i]]; // none: NO_KIND

		return USES.includes(kind) ? kind : "used";
	}

	/* What a page with this entry is: one of PAGES. */
	page(low, high) {
		if (!low && !high)
			return "none";
		if (!entryPresent(low))
			return "swap";
		if (low & BIT_SPECIAL)
			return isZeroPage(low, high) ? "zero" : "kernel";
		if (!(low & BIT_PRESENT))
			return "protnone";
		const pfn = entryPfn(low, high);

		if (pfn < this.limit && !this.anon[pfn])
			return "file";
		return this.maps[pfn] > 1 ? "shared" : "anon";
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
