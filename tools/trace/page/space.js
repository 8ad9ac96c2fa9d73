/* SPDX-License-Identifier: MIT */
/* The address space to scale, its mappings one by one, and parent beside child. */
"use strict";

const GAP = 0.02; // of the map's width: what an unused stretch between two mappings gets
const MOST_ROWS = 120, MOST_PAIRS = 24;

class SpaceMap {
	constructor(place, choose) {
		this.canvas = element("canvas", { role: "slider", tabindex: 0,
			"aria-label": "Page of the address space", "aria-describedby": "space-keys" });
		this.labels = d3.select(place).append(() => this.canvas) && d3.select(place).append("svg")
			.attr("class", "over axis").attr("aria-hidden", "true");
		this.place = place;
		this.transform = d3.zoomIdentity;
		this.zoom = d3.zoom().scaleExtent([1, 1e6]).on("zoom", () => {
			this.transform = d3.event.transform;
			this.paint();
		});
		d3.select(this.canvas).call(this.zoom).on("dblclick.zoom", null).on("click", () => {
			const page = this.pageAt(d3.mouse(this.canvas)[0]);

			if (page !== null)
				choose(page, true);
		});
		this.canvas.addEventListener("keydown", (event) => {
			if (keyInPages(event, this.space, this.now.page, choose))
				this.bringIn(this.now.page);
		});
	}

	/* Where each mapping lies when the whole is seen: [{vma, from, to}] within 0..1. */
	layOut(vmas) {
		const pages = d3.sum(vmas, (vma) => vma.end - vma.start) || 1;
		const gap = Math.min(GAP, 0.3 / Math.max(1, vmas.length));
		const gaps = vmas.filter((vma, i) => i && vmas[i - 1].end < vma.start).length;
		let at = 0;

		this.places = vmas.map((vma, i) => {
			at += i && vmas[i - 1].end < vma.start ? gap : 0;
			const from = at;

			at += (vma.end - vma.start) / pages * (1 - gaps * gap);
			return { vma, from, to: at };
		});
	}

	x(part) {
		return this.transform.applyX(part * this.width);
	}

	pageAt(x) {
		const part = this.transform.invertX(x) / this.width;
		const place = this.places.find(({ from, to }) => from <= part && part < to);

		return place ? place.vma.start + Math.floor((part - place.from) / (place.to - place.from) *
			(place.vma.end - place.vma.start)) : null;
	}

	partOf(page) {
		const place = this.places.find(({ vma }) => vma.start <= page && page < vma.end);

		return place && { at: place.from + (page - place.vma.start) / (place.vma.end - place.vma.start) *
			(place.to - place.from), one: (place.to - place.from) / (place.vma.end - place.vma.start) };
	}

	show(now, space) {
		this.now = now;
		this.space = space;
		this.layOut(space ? space.vmas : []);
		Pictures.later(this.place, (width) => {
			this.width = width;
			this.zoom.extent([[0, 0], [width, 60]]).translateExtent([[0, 0], [width, 60]]);
			this.paint();
		});
	}

	paint() {
		const context = prepare(this.canvas, this.width, 44), { page } = this.now;
		const shown = [];

		this.canvas.style.height = "44px";
		for (const place of this.places) {
			const x0 = this.x(place.from), x1 = Math.max(x0 + 2, this.x(place.to));

			if (x1 < 0 || x0 > this.width)
				continue;
			this.paintPart(context, place, x0, x1);
			shown.push({ x: Math.max(0, x0), text: hexPage(place.vma.start) });
		}
		const mark = this.partOf(page);

		if (mark)
			paintMark(context, this.x(mark.at), this.x(mark.at + mark.one) - this.x(mark.at), 0, 44);
		this.label(shown);
		this.tellPage();
	}

	/* To a screen reader: the chosen page, by its place among those that are mapped. */
	tellPage() {
		const { now, space } = this, vmas = space ? space.vmas : [], i = byEnd.right(vmas, now.page || 0);
		const inside = i < vmas.length ? Math.max(0, now.page - vmas[i].start) : 0;

		tellAt(this.canvas, d3.sum(vmas.slice(0, i), (vma) => vma.end - vma.start) + inside,
			d3.sum(vmas, (vma) => vma.end - vma.start), pageWords(now, now.page));
	}

	/* Only the pages in sight: zoomed far in, a mapping is wider than any canvas. */
	paintPart(context, { vma }, x0, x1) {
		const step = (x1 - x0) / (vma.end - vma.start);
		const first = Math.max(0, Math.floor(-x0 / step));
		const last = Math.min(vma.end - vma.start, Math.ceil((this.width - x0) / step));

		paintPages(context, this.now.derived, this.space,
			{ start: vma.start + first, end: vma.start + last }, x0 + first * step, x0 + last * step, 6, 32);
	}

	label(shown) {
		let free = -1;
		const kept = shown.filter(({ x, text }) => {
			const fits = x >= free && x + text.length * 7 < this.width;

			free = fits ? x + text.length * 7 + 10 : free;
			return fits;
		});

		this.labels.attr("width", this.width).attr("height", 60).style("position", "static")
			.style("height", "18px").selectAll("text").data(kept).join("text")
			.attr("x", ({ x }) => x).attr("y", 13).text(({ text }) => text);
	}

	scaleBy(factor) {
		this.zoom.scaleBy(d3.select(this.canvas), factor);
	}

	whole() {
		this.zoom.transform(d3.select(this.canvas), d3.zoomIdentity);
	}

	/* Have a page in sight, as near as the map is now. */
	bringIn(page) {
		const mark = this.partOf(page);

		if (mark && (this.x(mark.at) < 0 || this.x(mark.at + mark.one) > this.width))
			this.zoom.translateTo(d3.select(this.canvas), (mark.at + mark.one / 2) * this.width, 0);
	}

	/* So near that 64 pages fill the map. */
	goTo(page) {
		const mark = this.partOf(page);

		if (mark) {
			const scale = Math.max(1, 1 / (64 * mark.one));
			const middle = (mark.at + mark.one / 2) * this.width * scale;

			this.zoom.transform(d3.select(this.canvas),
				d3.zoomIdentity.translate(this.width / 2 - middle, 0).scale(scale));
		}
	}
}

/* ---- The mappings, one by one ---------------------------------------------------------------- */

function showVmas(now, choose) {
	const space = now.space, vmas = space ? near(space.vmas, now.page) : [];
	const rows = rowsIn(document.querySelector("#vmas tbody"), vmas.length, "TR", () => vmaRow(choose));

	write(byId("space-who"), !space ? "No address space is recorded at this moment." :
		space.vmas.length ? `${now.derived.spaceName(space.mm)}, ` +
			`${plural(space.vmas.length, "mapping")}` + (vmas.length < space.vmas.length ?
			`, of which the ${vmas.length} next to the address are in the table` : "") :
			`${now.derived.spaceName(space.mm)}: its mappings are not recorded, its entries are.`);
	vmas.forEach((vma, i) => showVma(rows[i], vma, now));
	const current = vmas.findIndex((vma) => vma.start <= now.page && now.page < vma.end);

	vmas.forEach((_, i) => tell(pagesOf(rows[i]), { tabindex: i === Math.max(0, current) ? 0 : -1 }));
}

const pagesOf = (row) => row.children[4].firstChild;

/* An empty row. What it tells of now, showVma() writes into it, for the mouse. */
function vmaRow(choose) {
	const canvas = element("canvas", { role: "slider", "aria-describedby": "space-keys" });
	const row = element("tr", {}, ...["td", "td", "td", "td"].map((cell) => element(cell)),
		element("td", {}, canvas, element("span.count")));

	canvas.addEventListener("click", (event) => choose(pageUnder(event, row.shown.vma), true));
	canvas.addEventListener("keydown", (event) => {
		const { now } = row.shown;

		if (keyInPages(event, now.space, now.page, choose))
			document.querySelector("#vmas canvas[tabindex='0']").focus();
	});
	canvas.addEventListener("mousemove", (event) => {
		const { vma, now } = row.shown, page = pageUnder(event, vma);

		canvas.title = `${hexPage(page)}: ${PAGES[now.derived.page(...now.space.entry(page))]}`;
	});
	return row;
}

const byEnd = d3.bisector((vma) => vma.end);

/* The rows around a page. */
function near(vmas, page) {
	const i = byEnd.right(vmas, page || 0);
	const first = Math.max(0, Math.min(i - MOST_ROWS / 2, vmas.length - MOST_ROWS));

	return vmas.slice(first, first + MOST_ROWS);
}

const pagesCounted = new Uint32Array(PAGE_NAMES.length);

function showVma(row, vma, now) {
	const cells = row.children, canvas = pagesOf(row), name = vmaName(now.state, vma);
	const current = vma.start <= now.page && now.page < vma.end;

	row.shown = { vma, now };
	pagesCounted.fill(0);
	now.space.each(vma.start, vma.end, (page, low, high) => {
		pagesCounted[now.derived.pageNumber(low, high)]++;
	});
	const words = PAGE_NAMES.map((what, i) => pagesCounted[i] &&
		`${pagesCounted[i].toLocaleString("en")} ${PAGES_COUNTED[what]}`).filter(Boolean).join(", ") ||
		"nothing touched yet";

	row.setAttribute("aria-current", String(current));
	write(cells[0], `${hexPage(vma.start)}-${hexPage(vma.end)}`);
	write(cells[1], rights(vma.flags));
	write(cells[2], bytes(vma.end - vma.start));
	write(cells[3], name);
	cells[3].title = name;
	write(cells[4].lastChild, words);
	tell(canvas, { "aria-label": `Page of ${lastPart(name)}, ${hexPage(vma.start)}: ${words}` });
	tellAt(canvas, current ? now.page - vma.start : 0, vma.end - vma.start,
		current ? pageWords(now, now.page) : "no page is chosen here");
	Pictures.later(canvas, (width) => paintRow(canvas, width, vma, now));
}

function pageUnder(event, vma) {
	return vma.start + Math.min(vma.end - vma.start - 1,
		Math.floor(event.offsetX / rowWidth(event.target.clientWidth, vma) * (vma.end - vma.start)));
}

/* A page is at most 12 pixels wide, so that few pages do not look like many. */
function rowWidth(room, vma) {
	return Math.min(room, 12 * (vma.end - vma.start));
}

function paintRow(canvas, room, vma, now) {
	const width = rowWidth(room, vma), step = width / (vma.end - vma.start);
	const context = prepare(canvas, room, 14);

	paintPages(context, now.derived, now.space, vma, 0, width, 1, 12);
	if (vma.start <= now.page && now.page < vma.end)
		paintMark(context, (now.page - vma.start) * step, step - 1, 0, 14);
}

function pagesLegend() {
	update("pages-legend", ...Object.entries(PAGES).map(([name, words]) => swatch(name, words)));
}

/* ---- Parent and child ------------------------------------------------------------------------ */

/* The pair to show: the address space and its parent, or its latest child. */
function pairOf(now) {
	const { state, space } = now;

	if (!space)
		return null;
	if (state.spaces.has(space.parent))
		return [state.spaces.get(space.parent), space];
	const children = [...state.spaces.values()].filter((other) => other.parent === space.mm);

	return children.length ? [space, children[children.length - 1]] : null;
}

function showPair(now) {
	const pair = pairOf(now);

	if (!pair) {
		rowsIn(byId("pair"), 0);
		write(byId("pair-words"), now.space ? "At this moment this process has neither a parent " +
			"nor a child with an address space of its own. After fork they stand here side by side." :
			"No address space is recorded at this moment.");
		return;
	}
	const [parent, child] = pair, names = pair.map((space) => now.derived.spaceName(space.mm));
	const rows = child.vmas.filter((vma) => !(vma.flags & VM_MAYSHARE))
		.map((vma) => compare(parent, child, vma)).filter(({ same, parted }) => same || parted);
	const shown = rows.slice(0, MOST_PAIRS);
	const same = d3.sum(rows, (row) => row.same), parted = d3.sum(rows, (row) => row.parted);

	const more = rows.length > MOST_PAIRS ? ` The first ${MOST_PAIRS} of ${rows.length} mappings follow.` : "";

	write(byId("pair-words"), `${names[0]} above, ${names[1]} below. Of their private pages ` +
		`${same.toLocaleString("en")} still lead to one frame; ${parted.toLocaleString("en")} ` +
		`${parted === 1 ? "has" : "have"} parted, or ${parted === 1 ? "is" : "are"} in one of the two only.${more}`);
	const places = rowsIn(byId("pair"), shown.length, "DIV", () => element("div.row", {},
		element("p", {}, element("code"), element("span")), element("canvas", { role: "img" })));

	shown.forEach((row, i) => {
		const [words, canvas] = places[i].children, counts = `${row.same} shared, ${row.parted} parted`;

		write(words.firstChild, `${hexPage(row.vma.start)} `);
		write(words.lastChild, `${lastPart(vmaName(now.state, row.vma))}: ${counts}`);
		canvas.setAttribute("aria-label", counts);
		Pictures.later(canvas, (width) => paintPair(canvas, width, now, [parent, child], row));
	});
}

/* The pages of the child's mapping that either has: which lead to the same frame? */
function compare(parent, child, vma) {
	let n = 0, same = 0;

	parent.each(vma.start, vma.end, (page, low, high) => {
		n++;
		same += sameFrame(low, high, child.low(page), child.high(page));
	});
	child.each(vma.start, vma.end, (page) => {
		n += !parent.low(page) && !parent.high(page);
	});
	return { vma, same, parted: n - same };
}

function sameFrame(low, high, other, otherHigh) {
	return entryPresent(low) && entryPresent(other) ?
		entryPfn(low, high) === entryPfn(other, otherHigh) :
		Boolean(low || high) && swapKey(low, high) === swapKey(other, otherHigh);
}

function paintPair(canvas, room, now, [parent, child], { vma }) {
	const span = vma.end - vma.start, width = Math.min(room, 14 * span);
	const context = prepare(canvas, room, 46), step = width / span;

	paintPages(context, now.derived, parent, vma, 0, width, 1, 15);
	paintPages(context, now.derived, child, vma, 0, width, 30, 15);
	context.fillStyle = Colours.get("shared");
	const wide = Math.max(1, Math.min(3, step - 1));

	parent.each(vma.start, vma.end, (page, low, high) => {
		if (sameFrame(low, high, child.low(page), child.high(page)))
			context.fillRect((page - vma.start + 0.5) * step - wide / 2, 16, wide, 14);
	});
	if (vma.start <= now.page && now.page < vma.end)
		paintMark(context, (now.page - vma.start) * step, step - 1,
			now.space === parent ? 0 : 29, 17);
}
