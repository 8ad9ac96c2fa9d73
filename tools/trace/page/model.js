/* SPDX-License-Identifier: MIT */
/*
 * What was where at a moment: the records applied in order, by the rules of tools/trace/model.py
 * (tests/see compares the two).
 *
 * Moment 0 is before the first fault, moment k right after the k-th, the last one the end of the
 * records. Every so many records the state is kept: a piece of it (an address space, 64 entries, 512
 * frames or slots) belongs to the epoch that made it, and who writes to a piece of another epoch copies it
 * first. Any moment is then a kept state and the records since.
 */
"use strict";

const ENTRY_CHUNK = 64, FRAME_CHUNK = 512, SLOT_CHUNK = 512;
const FRAME_UNKNOWN = 0, FRAME_USED = 1, FRAME_FREE = 2;
const KEPT = 192, LEAST_APART = 1024; // states that are kept, and records between two of them
const SLICE = 8; // milliseconds
const USER_PAGES = 0x7ffffffff;
const LRU_OFF = 255, NO_ORDER = 255, NO_KIND = 255;

/* What is known of 512 frames: four bytes of each, in one array, for there are many. */
const USE = 0, ORDER = FRAME_CHUNK, KIND = 2 * FRAME_CHUNK, LRU = 3 * FRAME_CHUNK;
const NOTHING_KNOWN = new Uint8Array(4 * FRAME_CHUNK).fill(FRAME_UNKNOWN, USE, ORDER)
	.fill(NO_ORDER, ORDER, KIND) // of the free block that begins here
	.fill(NO_KIND, KIND, LRU).fill(LRU_OFF, LRU);
const HIGH = ENTRY_CHUNK; // of 64 entries: first their low halves, from here on the high ones

class Space {
	constructor(from, mm) {
		this.mm = from ? from.mm : mm;
		this.parent = from ? from.parent : 0;
		this.vmas = from ? from.vmas.slice() : []; // by start; each is never changed
		this.chunks = new Map(from ? from.chunks : []); // page / ENTRY_CHUNK -> entries
		this.tables = new Map(from ? from.tables : []); // tableKey() -> frame
	}

	/* The entry of a page as [low, high]. */
	entry(page) {
		return [this.low(page), this.high(page)];
	}

	low(page) {
		const chunk = this.chunks.get(Math.floor(page / ENTRY_CHUNK));

		return chunk ? chunk[page % ENTRY_CHUNK] : 0;
	}

	high(page) {
		const chunk = this.chunks.get(Math.floor(page / ENTRY_CHUNK));

		return chunk ? chunk[HIGH + page % ENTRY_CHUNK] : 0;
	}

	/*
	 * visit(page, low, high) for each entry that is not none, within [first, last). Chunks are looked
	 * up one by one, or all of them gone through.
	 */
	each(first, last, visit) {
		const begin = Math.floor(first / ENTRY_CHUNK), end = Math.ceil(last / ENTRY_CHUNK);
		const look = (chunk, key) => {
			const base = key * ENTRY_CHUNK;

			if (chunk && begin <= key && key < end)
				for (let i = Math.max(0, first - base); i < ENTRY_CHUNK && base + i < last; i++)
					if (chunk[i] || chunk[HIGH + i])
						visit(base + i, chunk[i], chunk[HIGH + i]);
		};

		if (end - begin > this.chunks.size)
			this.chunks.forEach(look);
		else
			for (let key = begin; key < end; key++)
				look(this.chunks.get(key), key);
	}

	vmaOf(page) {
		const i = byStart.right(this.vmas, page) - 1;

		return i >= 0 && page < this.vmas[i].end ? this.vmas[i] : null;
	}
}

/* The swap cache: which frame has the page of a slot, by swapKey(). */
class Slots {
	constructor(from) {
		this.chunks = new Map(from ? from.chunks : []); // chunkOf() -> frames + 1, of 512 slots
		this.size = from ? from.size : 0;
	}

	/* Slots are the multiples of 2^14; the area stands below. */
	static chunkOf(key) {
		return Math.floor(key / 2 ** 14 / SLOT_CHUNK) * 2 ** 14 + key % 2 ** 14;
	}

	static placeOf(key) {
		return Math.floor(key / 2 ** 14) % SLOT_CHUNK;
	}

	/* A frame, or undefined. */
	get(key) {
		const chunk = this.chunks.get(Slots.chunkOf(key)), held = chunk && chunk[Slots.placeOf(key)];

		return held ? held - 1 : undefined;
	}

	/* visit(pfn, key) for each. */
	forEach(visit) {
		this.chunks.forEach((chunk, at) => {
			const first = Math.floor(at / 2 ** 14) * SLOT_CHUNK * 2 ** 14 + at % 2 ** 14;

			for (let i = 0; i < SLOT_CHUNK; i++)
				if (chunk[i])
					visit(chunk[i] - 1, first + i * 2 ** 14);
		});
	}
}

const byStart = d3.bisector((vma) => vma.start);

let epochs = 0; // so many have begun, of all models

class Model {
	constructor(records) {
		this.records = records;
		this.apart = Math.max(LEAST_APART, Math.ceil(records.count / KEPT));
		this.epoch = ++epochs;
		this.kept = [];
		this.state = { spaces: new Map(), tasks: new Map(), frames: [], cache: new Map(),
			swap: new Slots(), transfers: new Map(), files: new Map(), writing: new Map(),
			tables: new Map(), reclaiming: new Map(), reclaimed: null };
		this.at = 0; // records applied
		this.keep();
	}

	/* How many records make up a moment. */
	end(moment) {
		const { faults, count } = this.records;

		if (moment > faults.length || !faults.length)
			return count;
		return moment ? faults[moment - 1] + 1 : faults[0];
	}

	/* The state at a moment: to be looked at, not kept. */
	seek(moment) {
		return this.after(this.end(moment));
	}

	/* The state after so many records. */
	after(end) {
		const best = Math.min(this.kept.length - 1, Math.floor(end / this.apart));

		if (this.at > end || this.at < best * this.apart) {
			this.state = this.copyOf(this.kept[best]);
			this.at = best * this.apart;
			this.epoch = ++epochs;
		}
		while (this.at < end) {
			this.apply(this.at++);
			if (this.at === this.kept.length * this.apart)
				this.keep();
		}
		return this.state;
	}

	/* Make the states that are kept beforehand, a little at a time, so that no jump has to wait. */
	prepare() {
		const ahead = new Model(this.records);
		const slice = () => {
			const until = performance.now() + SLICE;

			while (performance.now() < until && ahead.at < this.records.count)
				ahead.after(Math.min(this.records.count, ahead.at + 500));
			if (ahead.at < this.records.count)
				setTimeout(slice, SLICE);
		};

		ahead.kept = this.kept;
		setTimeout(slice, SLICE);
	}

	/* Keep this state. Of a run that goes on every other one is let go of when there are too many. */
	keep() {
		this.kept.push(this.copyOf(this.state));
		this.epoch = ++epochs;
		if (this.kept.length > 2 * KEPT) {
			this.kept = this.kept.filter((_, i) => i % 2 === 0);
			this.apart *= 2;
		}
	}

	copyOf(state) {
		return { ...state, frames: state.frames.slice(), spaces: new Map(state.spaces) };
	}

	/* A piece that may be written to: itself, or its copy, to be put in its place. */
	own(piece, clone) {
		if (piece && piece.epoch === this.epoch)
			return piece;
		const mine = clone(piece);

		mine.epoch = this.epoch;
		return mine;
	}

	/* One of the state's own maps, to be written to. */
	map(name) {
		return this.state[name] = this.own(this.state[name], (map) => new Map(map));
	}

	space(mm) {
		const space = this.own(this.state.spaces.get(mm), (from) => new Space(from, mm));

		this.state.spaces.set(mm, space);
		return space;
	}

	chunk(space, key) {
		const chunk = this.own(space.chunks.get(key), (from) => from ? from.slice() :
			new Uint32Array(2 * ENTRY_CHUNK));

		space.chunks.set(key, chunk);
		return chunk;
	}

	frames(pfn) {
		const at = Math.floor(pfn / FRAME_CHUNK);
		const chunk = this.own(this.state.frames[at], (from) => (from || NOTHING_KNOWN).slice());

		this.state.frames[at] = chunk;
		return chunk;
	}

	/* @what of so many frames: USE, ORDER, KIND or LRU. */
	setFrames(pfn, n, what, value) {
		if (pfn + n > 2 ** 36)
			return; // no such memory: the record is not to be believed
		for (let at = pfn, next; at < pfn + n; at = next) {
			const i = at % FRAME_CHUNK;

			next = Math.min(pfn + n, at - i + FRAME_CHUNK);
			this.frames(at).fill(value, what + i, what + i + next - at);
		}
	}

	setEntry(space, page, low, high) {
		const chunk = this.chunk(space, Math.floor(page / ENTRY_CHUNK));

		chunk[page % ENTRY_CHUNK] = low;
		chunk[HIGH + page % ENTRY_CHUNK] = high;
	}

	clearEntries(space, first, last) {
		for (const key of space.chunks.keys()) {
			const base = key * ENTRY_CHUNK;

			if (base + ENTRY_CHUNK <= first || base >= last)
				continue;
			if (first <= base && base + ENTRY_CHUNK <= last) {
				space.chunks.delete(key);
				continue;
			}
			const chunk = this.chunk(space, key), from = Math.max(0, first - base);
			const end = Math.min(ENTRY_CHUNK, last - base);

			chunk.fill(0, from, end);
			chunk.fill(0, HIGH + from, HIGH + end);
		}
	}

	/* @held: the frame + 1 that a slot's page is in, or 0. */
	setSlot(key, held) {
		const swap = this.state.swap = this.own(this.state.swap, (from) => new Slots(from));
		const at = Slots.chunkOf(key), i = Slots.placeOf(key);
		const chunk = this.own(swap.chunks.get(at), (from) => from ? from.slice() :
			new Uint32Array(SLOT_CHUNK));

		swap.chunks.set(at, chunk);
		swap.size += Boolean(held) - Boolean(chunk[i]);
		chunk[i] = held;
	}

	task(tid, change) {
		const tasks = this.map("tasks");

		tasks.set(tid, { pid: tid, mm: 0, name: "", ...tasks.get(tid), ...change });
	}

	apply(r) {
		const name = this.records.name(r);

		if (APPLY[name])
			APPLY[name](this, this.records, r);
	}
}

/* Which table of this level (1: the last) it is that translates a page. */
function tableKey(level, page) {
	return `${level}:${Math.floor(page / 512 ** level)}`;
}

/* A swap entry as a number: area and slot take less than 53 bits. */
function swapKey(low, high) {
	return high * 2 ** 32 + ((low & ~2) >>> 0);
}

const APPLY = {
	FAULT(model, records, r) {
		const mm = records.get(r, "mm"), page = records.pageOf(r, "address"), { words } = records;
		const before = records.starts[r] + records.faultWords.before_pte;
		const after = records.starts[r] + records.faultWords.after_pte;

		if (!mm || page >= USER_PAGES ||
			words[before] === words[after] && words[before + 1] === words[after + 1])
			return;
		model.setEntry(model.space(mm), page, words[after], words[after + 1]);
		if (records.get(r, "verdict") & VERDICT_LISTED)
			model.setFrames(records.get(r, "pfn"), 1, LRU, 0);
	},
	VMA_SET(model, records, r) {
		const space = model.space(records.get(r, "mm")), was = records.pageOf(r, "was_start");
		const start = records.pageOf(r, "start");
		const vma = { start, end: records.pageOf(r, "end"), flags: records.get(r, "flags"),
			pgoff: records.get(r, "pgoff"), dev: records.get(r, "dev"), ino: records.get(r, "ino") };

		space.vmas = space.vmas.filter((other) => other.start !== was && other.start !== start);
		space.vmas.splice(byStart.left(space.vmas, start), 0, vma);
	},
	VMA_CLEAR(model, records, r) {
		const space = model.space(records.get(r, "mm")), start = records.pageOf(r, "start");
		const end = records.pageOf(r, "end");

		space.vmas = space.vmas.filter((vma) => vma.start !== start || vma.end !== end);
	},
	PTES_SET(model, records, r) {
		const space = model.space(records.get(r, "mm")), first = records.pageOf(r, "address");
		const n = records.get(r, "n"), at = records.starts[r] + records.layout.PTES_SET.size / 4;

		for (let i = 0; i < n; i++)
			model.setEntry(space, first + i, records.words[at + 2 * i], records.words[at + 2 * i + 1]);
	},
	PTES_CLEAR(model, records, r) {
		model.clearEntries(model.space(records.get(r, "mm")), records.pageOf(r, "start"),
			records.pageOf(r, "end"));
	},
	TABLE(model, records, r) {
		const mm = records.get(r, "mm"), level = records.get(r, "level"), pfn = records.get(r, "pfn");
		const page = records.pageOf(r, "address"), key = tableKey(level, page);

		if (records.get(r, "op")) {
			model.space(mm).tables.set(key, pfn);
			model.map("tables").set(pfn, [mm, level]);
			return;
		}
		model.map("tables").delete(pfn);
		if (!model.state.spaces.has(mm))
			return; // the last one, of a map that is gone
		model.space(mm).tables.delete(key);
		if (level === 1)
			model.clearEntries(model.space(mm), page, page + 512);
	},
	FRAME(model, records, r) {
		const op = records.get(r, "op"), order = records.get(r, "order");
		const pfn = records.get(r, "pfn");

		if (order > 20)
			return;
		if (op < 2) {
			model.setFrames(pfn, 2 ** order, USE, op ? FRAME_USED : FRAME_FREE);
			model.setFrames(pfn, 2 ** order, ORDER, NO_ORDER);
			model.setFrames(pfn, 2 ** order, KIND, NO_KIND);
		}
		if (op === 0)
			model.setFrames(pfn, 1, ORDER, order);
		if (op > 1 && order) {
			model.setFrames(pfn, 1, ORDER, op === 2 ? order - 1 : order);
			model.setFrames(pfn + 2 ** (order - 1), 1, ORDER, op === 2 ? order - 1 : NO_ORDER);
		}
	},
	KIND(model, records, r) {
		const pfn = records.get(r, "pfn"), n = 2 ** Math.min(20, records.get(r, "order"));

		model.setFrames(pfn, n, USE, FRAME_USED);
		model.setFrames(pfn, n, KIND, records.get(r, "kind"));
	},
	CACHE(model, records, r) {
		const cache = model.map("cache"), pfn = records.get(r, "pfn");

		if (records.get(r, "op"))
			cache.set(pfn, { dev: records.get(r, "dev"), ino: records.get(r, "ino"),
				index: records.get(r, "index") });
		else
			cache.delete(pfn);
	},
	SWAP(model, records, r) {
		const op = records.get(r, "op"), pfn = records.get(r, "pfn");
		const key = swapKey(...records.halves(r, "entry"));

		if (op === 1)
			model.setSlot(key, pfn + 1);
		else if (op === 0)
			model.setSlot(key, 0);
		else if (op % 2 === 0)
			model.map("transfers").set(pfn, op === 2 ? "write" : "read");
		else
			model.map("transfers").delete(pfn);
	},
	WRITEBACK(model, records, r) {
		if (records.get(r, "op"))
			model.map("writing").set(records.get(r, "pfn"), true);
		else
			model.map("writing").delete(records.get(r, "pfn"));
	},
	LRU(model, records, r) {
		model.setFrames(records.get(r, "pfn"), 1, LRU, records.get(r, "list"));
	},
	RECLAIM(model, records, r) {
		const tid = records.get(r, "tid"), kswapd = records.get(r, "kswapd");

		if (records.get(r, "op")) {
			model.map("reclaiming").set(tid, kswapd);
			return;
		}
		model.map("reclaiming").delete(tid);
		model.state.reclaimed = { kswapd, scanned: records.get(r, "scanned"),
			reclaimed: records.get(r, "reclaimed") };
	},
	FORK(model, records, r) {
		const mm = records.get(r, "mm"), parent = records.get(r, "parent_mm");
		const tid = records.get(r, "child_tid");

		if (mm && mm !== parent)
			model.space(mm).parent = parent;
		model.task(tid, { pid: records.get(r, "child_pid"), mm, name: records.text(r, "comm") });
	},
	EXEC(model, records, r) {
		const tid = records.get(r, "tid"), mm = records.get(r, "new_mm");

		if (mm)
			model.space(mm);
		model.task(tid, { mm, name: records.text(r, "comm") });
	},
	EXIT(model, records, r) {
		model.map("tasks").delete(records.get(r, "tid"));
	},
	MM_GONE(model, records, r) {
		model.state.spaces.delete(records.get(r, "mm"));
	},
	FILE(model, records, r) {
		model.map("files").set(`${records.get(r, "dev")}:${records.get(r, "ino")}`, records.tail(r));
	},
	COMM(model, records, r) {
		const tid = records.get(r, "pid"); // a thread's own

		if (model.state.tasks.has(tid))
			model.task(tid, { name: records.text(r, "comm") });
	},
};
