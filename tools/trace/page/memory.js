/* SPDX-License-Identifier: MIT */
/* Physical memory as a map of frames, the buddy's blocks, swap area, page cache, reclaim lists. */
"use strict";

const LISTS = ["inactive, anonymous", "active, anonymous", "inactive, file", "active, file",
	"unevictable"];
const MAX_ORDER = 10, LARGE_ORDER = 6;

const NEAR_COLUMNS = 64, NEAR_ROWS = 6; // frames in the larger picture of a few

class FrameMap {
	constructor(canvas, near, choose) {
		this.canvas = canvas;
		this.near = near;
		this.choose = choose;
		this.picture = document.createElement("canvas");
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
		const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };

		if (event.key in step) {
			const from = this.chosen === null ? 0 : this.chosen;

			this.choose(Math.max(0, Math.min(this.nr - 1, from + step[event.key])));
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

			context.strokeStyle = Colours.get("ink");
			context.lineWidth = 2;
			context.strokeRect((chosen % this.columns + 0.5) * this.cell - size / 2,
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
		}
		const pixels = this.pixels = new Uint32Array(this.image.data.buffer), words = {};
		const small = Colours.word("free"), large = Colours.word("free-large");
		let block = 0, blockEnd = 0;

		for (const use of USES)
			words[use] = Colours.word(USE_COLOUR[use]);
		this.uses = {};
		for (let pfn = 0; pfn < this.nr; pfn++) {
			const use = derived.use(pfn);

			this.uses[use] = (this.uses[use] || 0) + 1;
			if (use === "free") {
				const order = freeOrder(now.state, pfn);

				if (order !== NO_ORDER) {
					block = order;
					blockEnd = pfn + 2 ** order;
				}
				pixels[pfn] = pfn < blockEnd && block >= LARGE_ORDER ? large : small;
			} else {
				pixels[pfn] = byOwner && derived.maps[pfn] ? derived.maps[pfn] > 1 ?
					Colours.word("shared") : Colours.ownerWord(derived.owner[pfn]) :
					byOwner && use !== "unknown" ? Colours.word("reserved") : words[use];
			}
		}
		this.picture.getContext("2d", { willReadFrequently: true }).putImageData(this.image, 0, 0);
	}

	legend(now, byOwner) {
		if (!byOwner)
			return USES.filter((use) => this.uses[use]).map((use) => swatch(USE_COLOUR[use],
				`${USE_WORDS[use]} ${this.uses[use].toLocaleString("en")}`)).concat(
				!this.uses.free ? [] : swatch("free-large",
					`free, in blocks of ${bytes(2 ** LARGE_ORDER)} and more`));
		const owners = [...now.state.spaces.keys()].slice(0, 12);

		return [...owners.map((mm) => element("span", {},
			element("i.swatch", { style: { background: Colours.owner(mm) } }),
			now.derived.spaceName(mm))), swatch("shared", "several"), swatch("reserved", "nobody's page"),
		swatch("free", "free")];
	}
}

function freeOrder(state, pfn) {
	const chunk = state.frames[Math.floor(pfn / FRAME_CHUNK)];

	return chunk ? chunk[ORDER + pfn % FRAME_CHUNK] : NO_ORDER;
}

function showFrames(now, map, chosen, byOwner) {
	map.show(now, chosen, byOwner);
	byId("frames-words").textContent = `${now.derived.limit.toLocaleString("en")} frames of 4 KiB` +
		(map.uses.free ? `, ${map.uses.free.toLocaleString("en")} free` : "");
	map.canvas.setAttribute("aria-label", USES.filter((use) => map.uses[use])
		.map((use) => `${map.uses[use]} ${USE_WORDS[use]}`).join(", "));
	fill("frames-legend", ...map.legend(now, byOwner));
	byId("frame-words").textContent = chosen === null ?
		"Choose a frame: by a click, or with the arrow keys." : frameWords(now, chosen);
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

/* Rows of: name, bar, number. Those that are there are written over: that is cheaper than new ones. */
function bars(id, rows, none) {
	const place = byId(id), most = Math.max(1, ...rows.map((row) => row.n));

	if (!rows.length) {
		place.replaceChildren(element("p.dim", {}, none));
		return;
	}
	if (!place.firstChild || place.firstChild.className !== "rows")
		place.replaceChildren(element("div.rows"));
	d3.select(place.firstChild).selectAll("div.row").data(rows).join((enter) => {
		const row = enter.append("div").attr("class", "row");

		row.append("span").attr("class", "name");
		row.append("span").append("div").attr("class", "bar");
		row.append("span").attr("class", "number");
		return row;
	}).each(function ({ name, n, colour, words }) {
		const [label, bar, number] = this.children;

		write(label, name);
		label.title = name;
		bar.firstChild.hidden = !n;
		bar.firstChild.style.width = `${100 * n / most}%`;
		bar.firstChild.style.background = `var(--${colour})`;
		write(number, words || n.toLocaleString("en"));
	});
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
	const { state, derived } = now, keys = [...new Set([...state.swap.keys(), ...derived.slots.keys()])];
	const canvas = byId("swap"), both = state.swap.size, words = !keys.length ? "No page is in the swap area." :
		`${plural(keys.length, "slot")} in use; ${both ? both.toLocaleString("en") : "none"} of the ` +
		"pages are in memory too, in the swap cache.";

	byId("swap-words").textContent = words;
	byId("swap-words").className = keys.length ? "" : "dim";
	canvas.hidden = byId("swap-legend").hidden = !keys.length;
	canvas.setAttribute("aria-label", words);
	if (!byId("swap-legend").firstChild)
		fill("swap-legend", swatch("swap", "in the swap area"), swatch("anon", "in memory too (upper half)"),
			swatch("bad", "being read or written (upper half)"));
	if (keys.length)
		Pictures.later(canvas, (width) => paintSlots(canvas, width, now, keys));
}

function showCache(now) {
	const { state } = now, cached = new Map();

	for (const { dev, ino } of state.cache.values()) {
		const key = `${dev}:${ino}`;

		cached.set(key, (cached.get(key) || 0) + 1);
	}
	const rows = [...cached].sort((a, b) => b[1] - a[1]).slice(0, 14).map(([key, n]) =>
		({ name: lastPart(state.files.get(key) || `file ${key}`), n, colour: "file", words: bytes(n) }));

	bars("cache", rows, "No page of a file is recorded in the page cache.");
	byId("cache-more").textContent = cached.size > rows.length ?
		`and ${cached.size - rows.length} more files` : "";
}

/* Slots from the lowest to the highest in use; the upper half tells of the swap cache. */
function paintSlots(canvas, width, now, keys) {
	const slotOf = (key) => Math.floor(key / 2 ** 14);
	const first = d3.min(keys, slotOf), span = d3.max(keys, slotOf) - first + 1;
	const cell = Math.max(2, Math.min(12, Math.floor(Math.sqrt(width * 120 / span))));
	const columns = Math.max(1, Math.floor(width / cell)), rows = Math.ceil(span / columns);
	const height = Math.min(240, rows * cell), context = prepare(canvas, width, height);
	const halves = new Uint32Array(2 * columns * rows).fill(Colours.word("none")); // two rows for one

	for (const key of keys) {
		const at = slotOf(key) - first, pfn = now.state.swap.get(key);
		const upper = Math.floor(at / columns) * 2 * columns + at % columns;

		halves[upper + columns] = Colours.word("swap");
		halves[upper] = Colours.word(pfn === undefined ? "swap" :
			now.state.transfers.has(pfn) ? "bad" : "anon");
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

	byId("reclaim").textContent = who.length ?
		`${who.some(Boolean) ? "kswapd" : "A process that needs memory"} is reclaiming.` : !reclaimed ? "" :
			`The last reclaim, by ${reclaimed.kswapd ? "kswapd" : "a process"}, looked at ` +
			`${plural(reclaimed.scanned, "page")} and took back ` +
			`${reclaimed.reclaimed.toLocaleString("en")}.`;
}
