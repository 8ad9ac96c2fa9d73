/* SPDX-License-Identifier: MIT */
/* Physical memory as a map of frames, the buddy's blocks, swap area, page cache, reclaim lists. */
"use strict";

const LISTS = ["inactive, anonymous", "active, anonymous", "inactive, file", "active, file",
	"unevictable"];
const MAX_ORDER = 10, LARGE_ORDER = 6;
const MOST_SLOTS = 2 ** 20; // in the picture, 4 GiB: a damaged file may tell of any slot

const NEAR_COLUMNS = 64, NEAR_ROWS = 6; // frames in the larger picture of a few

class FrameMap {
	constructor(canvas, near, choose) {
		this.canvas = canvas;
		this.near = near;
		this.choose = choose;
		this.picture = document.createElement("canvas");
		this.uses = new Uint32Array(USES.length); // frames of each
		this.words = new Uint32Array(USES.length);
		canvas.addEventListener("click", (event) => choose(this.frameAt(event.offsetX, event.offsetY)));
		near.addEventListener("click", (event) => {
			const cell = near.clientWidth / NEAR_COLUMNS;
			const pfn = this.first + Math.floor(event.offsetY / cell) * NEAR_COLUMNS +
				Math.floor(event.offsetX / cell);

			if (pfn < this.nr)
				choose(pfn);
		});
		canvas.addEventListener("mousemove", (event) => {
			const pfn = this.frameAt(event.offsetX, event.offsetY);

			canvas.title = `frame ${pfn.toString(16)}: ${USE_WORDS[this.now.derived.use(pfn)]}`;
		});
		canvas.addEventListener("keydown", (event) => this.key(event));
	}

	layOut(width) {
		this.width = width;
		this.cell = this.width / this.columns;
		this.height = Math.max(60, Math.round(this.rows * Math.max(this.cell, this.width < 500 ? 1.4 : 0)));
	}

	frameAt(x, y) {
		const pfn = Math.floor(y / this.height * this.rows) * this.columns + Math.floor(x / this.cell);

		return Math.max(0, Math.min(this.nr - 1, pfn));
	}

	key(event) {
		const to = frameByKey(event.key, this.chosen || 0, this.columns, this.nr);

		if (to !== null && !event.ctrlKey && !event.altKey && !event.metaKey) {
			this.choose(to);
			event.preventDefault();
			event.stopPropagation();
		}
	}

	show(now, chosen, byOwner) {
		const nr = now.derived.limit;

		this.now = now;
		this.nr = nr;
		this.columns = 2 ** Math.max(5, Math.round(Math.log2(Math.sqrt(nr * 2))));
		this.rows = Math.ceil(nr / this.columns); // of a power of two: blocks of the buddy stand in columns
		this.chosen = chosen;
		this.paintFrames(now, byOwner);
		Pictures.later(this.canvas, (width) => {
			this.layOut(width);
			this.paint();
		});
	}

	paint() {
		const { chosen } = this, context = prepare(this.canvas, this.width, this.height);

		this.canvas.style.height = `${this.height}px`;

		context.imageSmoothingEnabled = this.cell < 1;
		context.drawImage(this.picture, 0, 0, this.width, this.height);
		if (chosen !== null && chosen < this.nr) {
			const high = this.height / this.rows, size = Math.max(7, this.cell + 3);

			strokeMark(context, (chosen % this.columns + 0.5) * this.cell - size / 2,
				(Math.floor(chosen / this.columns) + 0.5) * high - size / 2, size, size);
		}
		this.paintNear(chosen);
	}

	/* The frames around the chosen one, large enough to be told apart. */
	paintNear(chosen) {
		const cell = this.width / NEAR_COLUMNS, height = Math.round(cell * NEAR_ROWS);
		const context = prepare(this.near, this.width, height), span = NEAR_COLUMNS * NEAR_ROWS;
		const row = Math.floor((chosen || 0) / NEAR_COLUMNS) - 2;

		this.near.style.height = `${height}px`;
		this.first = Math.max(0, Math.min(row * NEAR_COLUMNS, this.nr - span));
		paintCells(context, this.pixels.subarray(this.first, Math.min(this.nr, this.first + span)),
			NEAR_COLUMNS, { x: 0, y: 0, width: this.width, height: cell * NEAR_ROWS });
		paintGrid(context, cell, cell, this.width, height);
		if (chosen !== null && chosen < this.nr) {
			const i = chosen - this.first;

			paintMark(context, i % NEAR_COLUMNS * cell - 0.5, cell,
				Math.floor(i / NEAR_COLUMNS) * cell - 0.5, cell);
		}
	}

	/* One pixel for each frame. */
	paintFrames(now, byOwner) {
		const { derived } = now;

		if (this.picture.width !== this.columns || this.picture.height !== this.rows || !this.image) {
			this.picture.width = this.columns;
			this.picture.height = this.rows;
			this.image = new ImageData(this.columns, this.rows);
			this.pixels = new Uint32Array(this.image.data.buffer);
		}
		const { pixels, uses, words } = this;
		const small = Colours.word("free"), large = Colours.word("free-large");
		let block = 0, blockEnd = 0;

		USES.forEach((use, i) => { words[i] = Colours.word(USE_COLOUR[use]); });
		uses.fill(0);
		for (let pfn = 0; pfn < this.nr; pfn++) {
			const use = derived.uses[pfn];

			uses[use]++;
			if (use === USE_NUMBER.free) {
				const order = freeOrder(now.state, pfn);

				if (order !== NO_ORDER) {
					block = order;
					blockEnd = pfn + 2 ** order;
				}
				pixels[pfn] = pfn < blockEnd && block >= LARGE_ORDER ? large : small;
			} else {
				pixels[pfn] = byOwner && derived.maps[pfn] ? derived.maps[pfn] > 1 ?
					Colours.word("shared") : Colours.ownerWord(derived.owner[pfn]) :
					byOwner && use !== USE_NUMBER.unknown ? Colours.word("reserved") : words[use];
			}
		}
		this.picture.getContext("2d", { willReadFrequently: true }).putImageData(this.image, 0, 0);
	}

	legend(now, byOwner) {
		if (!byOwner)
			return USES.map((use, i) => this.uses[i] ? swatch(USE_COLOUR[use],
				`${USE_WORDS[use]} ${this.uses[i].toLocaleString("en")}`) : null).concat(
				!this.uses[USE_NUMBER.free] ? [] : swatch("free-large",
					`free, in blocks of ${bytes(2 ** LARGE_ORDER)} and more`));
		const owners = [...now.state.spaces.keys()].slice(0, 12);

		return [...owners.map((mm) => part("span", {},
			part("i.swatch", { style: { background: Colours.owner(mm) } }),
			now.derived.spaceName(mm))), swatch("shared", "several"), swatch("reserved", "nobody's page"),
		swatch("free", "free")];
	}
}

function freeOrder(state, pfn) {
	const chunk = state.frames[Math.floor(pfn / FRAME_CHUNK)];

	return chunk ? chunk[ORDER + pfn % FRAME_CHUNK] : NO_ORDER;
}

function showFrames(now, map, chosen, byOwner) {
	const { uses } = map;

	map.show(now, chosen, byOwner);
	write(byId("frames-words"), `${now.derived.limit.toLocaleString("en")} frames of 4 KiB` +
		(uses[USE_NUMBER.free] ? `, ${uses[USE_NUMBER.free].toLocaleString("en")} free` : ""));
	const words = chosen === null ? "Choose a frame: by a click, or with the arrow keys." :
		frameWords(now, chosen);

	tell(map.canvas, { "aria-label": `Frame of physical memory: ${USES.map((use, i) => uses[i] &&
		`${uses[i]} ${USE_WORDS[use]}`).filter(Boolean).join(", ")}` });
	tellAt(map.canvas, chosen || 0, now.derived.limit, words);
	update("frames-legend", ...map.legend(now, byOwner));
	write(byId("frame-words"), words);
	showBuddy(now);
}

/* All that is known of one frame, in sentences. */
function frameWords(now, pfn) {
	const { derived, state } = now, use = derived.use(pfn), parts = [];
	const chunk = state.frames[Math.floor(pfn / FRAME_CHUNK)], i = pfn % FRAME_CHUNK;
	const cached = state.cache.get(pfn), table = state.tables.get(pfn);
	const users = derived.mappers(pfn, 4);

	parts.push(`Frame ${pfn.toString(16)}: ${USE_WORDS[use] || use}` +
		(table ? `, level ${table[1]} of ${derived.spaceName(table[0])}` : "") + ".");
	if (cached)
		parts.push(`It is page ${cached.index} of ` +
			`${state.files.get(`${cached.dev}:${cached.ino}`) || `file ${cached.dev}:${cached.ino}`}.`);
	if (users.length)
		parts.push("Mapped by " + users.map(({ space, page }) =>
			`${derived.spaceName(space.mm)} at ${hexPage(page)}`).join(", ") +
			(derived.maps[pfn] > users.length ? ` and ${derived.maps[pfn] - users.length} more.` : "."));
	if (chunk && chunk[LRU + i] !== LRU_OFF)
		parts.push(`On the list ${LISTS[chunk[LRU + i]]}.`);
	if (state.writing.has(pfn))
		parts.push("It is being written to its file.");
	return parts.join(" ");
}

/* Rows of: name, bar, number. */
function bars(id, rows, none) {
	const most = d3.max(rows, (row) => row.n) || 1;

	update(id, rows.length ? part("div.rows", {}, ...rows.map(({ name, n, colour, words }) =>
		part("div.row", {}, part("span.name", { title: name }, name),
			part("span", {}, part("div.bar", { style: { width: `${100 * n / most}%`,
				background: `var(--${colour})`, visibility: n ? "" : "hidden" } })),
			part("span.number", {}, words || n.toLocaleString("en"))))) : part("p.dim", {}, none));
}

function showBuddy(now) {
	const blocks = new Array(MAX_ORDER + 1).fill(0);
	let any = false;

	for (const chunk of now.state.frames)
		for (let i = 0; chunk && i < FRAME_CHUNK; i++)
			if (chunk[ORDER + i] !== NO_ORDER) {
				blocks[chunk[ORDER + i]]++;
				any = true;
			}
	bars("buddy", any ? blocks.map((n, order) => ({ name: bytes(2 ** order), n,
		colour: order >= LARGE_ORDER ? "free-large" : "free" })) : [],
	"Free blocks are not recorded in this file.");
}

/* ---- Swap area and page cache ---------------------------------------------------------------- */

function showSwap(now) {
	const { state, derived } = now, n = derived.slots.size;
	const canvas = byId("swap"), both = state.swap.size, words = !n ? "No page is in the swap area." :
		`${plural(n, "slot")} in use; ${both ? both.toLocaleString("en") : "none"} of the ` +
		"pages are in memory too, in the swap cache.";

	write(byId("swap-words"), words);
	byId("swap-words").className = n ? "" : "dim";
	canvas.hidden = byId("swap-legend").hidden = !n;
	canvas.setAttribute("aria-label", words);
	if (!byId("swap-legend").firstChild)
		update("swap-legend", swatch("swap", "in the swap area"), swatch("anon", "in memory too (upper half)"),
			swatch("bad", "being read or written (upper half)"));
	if (n)
		Pictures.later(canvas, (width) => paintSlots(canvas, width, now));
}

function showCache(now) {
	const { state } = now, cached = new Map();

	let last = null, key = ""; // most pages follow one of the same file

	for (const one of state.cache.values()) {
		if (!last || one.dev !== last.dev || one.ino !== last.ino)
			key = `${one.dev}:${one.ino}`;
		last = one;
		cached.set(key, (cached.get(key) || 0) + 1);
	}
	const rows = [...cached].sort((a, b) => b[1] - a[1]).slice(0, 14).map(([key, n]) =>
		({ name: lastPart(state.files.get(key) || `file ${key}`), n, colour: "file", words: bytes(n) }));

	bars("cache", rows, "No page of a file is recorded in the page cache.");
	write(byId("cache-more"), cached.size > rows.length ?
		`and ${cached.size - rows.length} more files` : "");
}

/* Slots from the lowest to the highest in use; the upper half tells of the swap cache. */
function paintSlots(canvas, width, now) {
	const { slots } = now.derived, slotOf = (key) => Math.floor(key / 2 ** 14);
	let first = Infinity, last = 0;

	for (const key of slots) {
		first = Math.min(first, slotOf(key));
		last = Math.max(last, slotOf(key));
	}
	const span = Math.min(last - first + 1, MOST_SLOTS);
	const cell = Math.max(2, Math.min(12, Math.floor(Math.sqrt(width * 120 / span))));
	const columns = Math.max(1, Math.floor(width / cell)), rows = Math.ceil(span / columns);
	const height = Math.min(240, rows * cell), context = prepare(canvas, width, height);
	const halves = emptyCells(2 * columns * rows); // two rows for one
	const swap = Colours.word("swap"), bad = Colours.word("bad"), both = Colours.word("anon");

	for (const key of slots) {
		const at = slotOf(key) - first, pfn = now.state.swap.get(key);

		if (at >= span)
			continue;
		const upper = Math.floor(at / columns) * 2 * columns + at % columns;

		halves[upper + columns] = swap;
		halves[upper] = pfn === undefined ? swap : now.state.transfers.has(pfn) ? bad : both;
	}
	canvas.style.height = `${height}px`;
	paintCells(context, halves, columns, { x: 0, y: 0, width: columns * cell, height });
	if (cell > 3)
		paintGrid(context, cell, height / rows, columns * cell, height);
}

/* ---- Reclaim lists --------------------------------------------------------------------------- */

function showLists(now) {
	const counts = new Array(LISTS.length).fill(0), { reclaiming, reclaimed } = now.state;

	for (const chunk of now.state.frames)
		for (let i = 0; chunk && i < FRAME_CHUNK; i++)
			if (chunk[LRU + i] < LISTS.length)
				counts[chunk[LRU + i]]++;
	bars("lists", counts.some(Boolean) ? counts.map((n, i) => ({ name: LISTS[i], n,
		colour: i < 2 ? "anon" : i < 4 ? "file" : "kernel", words: bytes(n) })) : [],
	"No page is recorded on a list.");
	const who = [...reclaiming.values()];

	write(byId("reclaim"), who.length ?
		`${who.some(Boolean) ? "kswapd" : "A process that needs memory"} is reclaiming.` : !reclaimed ? "" :
			`The last reclaim, by ${reclaimed.kswapd ? "kswapd" : "a process"}, looked at ` +
			`${plural(reclaimed.scanned, "page")} and took back ` +
			`${reclaimed.reclaimed.toLocaleString("en")}.`);
}
