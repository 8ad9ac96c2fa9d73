/* SPDX-License-Identifier: MIT */
/* Canvases, colours, and elements made in one line. Text is always set as text, never as HTML. */
"use strict";

/* element("p.dim", {id: "x"}, "text", other elements...) */
function element(what, attributes, ...content) {
	const [tag, ...classes] = what.split("."), made = document.createElement(tag);

	if (classes.length)
		made.className = classes.join(" ");
	for (const [name, value] of Object.entries(attributes || {}))
		if (name === "style")
			Object.assign(made.style, value);
		else
			made.setAttribute(name, value);
	made.append(...content.filter((part) => part !== null && part !== undefined));
	return made;
}

/* The text of an element that has nothing else. */
function write(place, text) {
	rewrite(place, [text]);
}

const byId = (id) => document.getElementById(id);
const fill = (id, ...content) => byId(id).replaceChildren(...content);

/*
 * What changes at each step is described, part("p.dim", {id: "x"}, "text", other parts...), and written
 * over what stands there. Nodes that are too many wait for a moment that has more of them: to collect
 * dead ones stops a browser, now and then, for longer than a step may take.
 */
const part = (what, attributes, ...content) => ({ what, attributes: attributes || {}, content });
const described = new WeakMap(); // element -> the part that it shows
const spares = new WeakMap();    // element -> {name of nodes: those of its children that wait}

/* Have these parts and strings as the content of an element. */
function rewrite(place, parts) {
	let i = 0;

	for (const one of parts) {
		if (one === null || one === undefined || one === "")
			continue;
		const text = typeof one === "string", there = place.childNodes[i++];
		const name = text ? "#text" : one.what.split(".")[0].toUpperCase();
		const node = there && there.nodeName === name ? there :
			place.insertBefore(spareOf(place, name) || (text ? document.createTextNode("") :
				document.createElement(name)), there || null);

		if (!text)
			renew(node, one);
		else if (node.data !== one)
			node.data = one;
	}
	trim(place, i);
}

const update = (id, ...parts) => rewrite(byId(id), parts);

/* Have an element be what a part describes. */
function renew(node, one) {
	const had = described.get(node) || { what: node.localName, attributes: {} };

	if (had.what !== one.what)
		node.className = one.what.split(".").slice(1).join(" ");
	for (const name in had.attributes)
		if (!(name in one.attributes))
			node.removeAttribute(name);
	for (const [name, value] of Object.entries(one.attributes))
		if (name === "style")
			Object.assign(node.style, value);
		else if (had.attributes[name] !== value)
			node.setAttribute(name, value);
	described.set(node, one);
	rewrite(node, one.content);
	return node;
}

function spareOf(place, name) {
	const waiting = spares.get(place);

	return waiting && waiting[name] && waiting[name].pop();
}

/* Keep so many nodes of an element. */
function trim(place, n) {
	const waiting = spares.get(place) || {};

	spares.set(place, waiting);
	while (place.childNodes.length > n) {
		const node = place.removeChild(place.lastChild);

		(waiting[node.nodeName] = waiting[node.nodeName] || []).push(node);
	}
}

/* Have so many children of one name in an element; make(): another one. Returns them. */
function rowsIn(place, n, name, make) {
	while (place.childNodes.length < n)
		place.append(spareOf(place, name) || make());
	trim(place, n);
	return place.children;
}

const Colours = {
	known: new Map(),
	words: new Map(),

	/* The value of a custom property of style.css, as it is now: light, dark or paper. */
	get(name) {
		if (!this.known.has(name))
			this.known.set(name, getComputedStyle(document.documentElement)
				.getPropertyValue(`--${name}`).trim());
		return this.known.get(name);
	},

	/* The same as the word that ImageData takes. */
	word(name) {
		if (!this.words.has(name))
			this.words.set(name, wordOf(this.get(name)));
		return this.words.get(name);
	},

	/* The words of PAGES. */
	pages() {
		if (!this.words.has("pages"))
			this.words.set("pages", PAGE_NAMES.map((name) => this.word(name)));
		return this.words.get("pages");
	},

	/* Owners have colours by their number. */
	owner(mm) {
		const key = `owner ${mm}`;

		if (!this.known.has(key))
			this.known.set(key, d3.hcl(mm * 137.5 % 360, 55, this.dark() ? 68 : 56).hex());
		return this.known.get(key);
	},

	ownerWord(mm) {
		const key = `owner ${mm} as a word`;

		if (!this.known.has(key))
			this.known.set(key, wordOf(this.owner(mm)));
		return this.known.get(key);
	},

	dark() {
		return d3.hcl(this.get("paper")).l < 50;
	},

	forget() {
		this.known.clear();
		this.words.clear();
	},
};

function wordOf(colour) {
	const { r, g, b } = d3.rgb(colour);

	return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
}

function swatch(colour, words) {
	return part("span", {}, part("i.swatch", { style: { background: `var(--${colour})` } }), words);
}

function pixelRatio() {
	return Math.min(3, window.devicePixelRatio || 1);
}

/* Fit a canvas to its place, as sharp as the screen is. Returns its context, in CSS pixels. */
function prepare(canvas, width, height) {
	const ratio = pixelRatio();
	const wide = Math.max(1, Math.round(width * ratio)), high = Math.round(height * ratio);

	if (canvas.width !== wide || canvas.height !== high) {
		canvas.width = wide;
		canvas.height = high;
	}
	const context = canvas.getContext("2d");

	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	context.clearRect(0, 0, width, height);
	return context;
}

/*
 * Pictures wait until all that a step writes is written: to ask for a width in between would have
 * the browser lay out the page anew each time.
 */
const Pictures = {
	waiting: [],

	/* paint(width), with the width of that element in CSS pixels, when all is written. */
	later(element, paint) {
		this.waiting.push({ element, paint });
	},

	paint() {
		const all = this.waiting.map(({ element, paint }) => ({ paint, width: element.clientWidth }));

		this.waiting = [];
		for (const { paint, width } of all)
			paint(width);
	},
};

/* Pictures of cells, by their size: powers of two, so that there are few. */
const cellPictures = new Map();

function cellPicture(columns, rows) {
	const wide = 2 ** Math.ceil(Math.log2(columns)), high = 2 ** Math.ceil(Math.log2(rows));
	const key = wide * 2 ** 20 + high;

	if (!cellPictures.has(key)) {
		const canvas = document.createElement("canvas"), image = new ImageData(wide, high);

		canvas.width = wide;
		canvas.height = high;
		cellPictures.set(key, { image, pixels: new Uint32Array(image.data.buffer), wide,
			context: canvas.getContext("2d", { willReadFrequently: true }) });
	}
	return cellPictures.get(key);
}

/*
 * Cells of one colour each (words), so many in a row, fit into a rectangle: one picture, for many
 * thousand rectangles would take longer than all else of a step.
 */
function paintCells(context, cells, columns, { x, y, width, height }) {
	const rows = Math.ceil(cells.length / columns), picture = cellPicture(columns, rows);

	for (let row = 0; row < rows; row++) {
		const end = Math.min(cells.length, (row + 1) * columns);

		for (let i = row * columns, to = row * picture.wide; i < end; i++)
			picture.pixels[to++] = cells[i];
		picture.pixels.fill(0, row * picture.wide + end - row * columns, row * picture.wide + columns);
	}
	picture.context.putImageData(picture.image, 0, 0, 0, 0, columns, rows);
	context.imageSmoothingEnabled = false;
	context.drawImage(picture.context.canvas, 0, 0, columns, rows, x, y, width, height);
}

/* So many cells of one colour, to be painted before the next are asked for. */
let cellRoom = new Uint32Array(4096), pageRoom = new Float64Array(4096);

function emptyCells(n) {
	if (cellRoom.length < n)
		cellRoom = new Uint32Array(2 * n);
	return cellRoom.subarray(0, n).fill(Colours.word("none"));
}

/* So many places for a number of a page. */
function emptyPages(n) {
	if (pageRoom.length < n)
		pageRoom = new Float64Array(2 * n);
	return pageRoom.subarray(0, n).fill(0);
}

/* Lines between cells that are so wide and so high. */
function paintGrid(context, wide, high, width, height) {
	context.fillStyle = Colours.get("card");
	for (let x = wide; x < width + wide; x += wide)
		context.fillRect(x - 1, 0, 1, height);
	for (let y = high; y < height + high; y += high)
		context.fillRect(0, y - 1, width, 1);
}

/*
 * The pages of a VMA between x0 and x1: its ground, and each entry over it. A page that is less than
 * a pixel wide gets one; of several the last.
 */
function paintPages(context, derived, space, vma, x0, x1, y, height) {
	const n = vma.end - vma.start, step = (x1 - x0) / n;

	if (step <= 4) {
		paintNarrow(context, derived, space, vma, { x: x0, y, width: Math.max(1, x1 - x0), height });
		return;
	}
	context.fillStyle = Colours.get("none");
	for (let page = 0; page < n; page++)
		context.fillRect(x0 + page * step, y, step - 1, height);
	space.each(vma.start, vma.end, (page, low, high) => {
		context.fillStyle = Colours.get(derived.page(low, high));
		context.fillRect(x0 + (page - vma.start) * step, y, step - 1, height);
	});
}

function paintNarrow(context, derived, space, vma, place) {
	const n = vma.end - vma.start, columns = Math.ceil(place.width * pixelRatio());
	const cells = emptyCells(columns), last = emptyPages(columns), words = Colours.pages();

	space.each(vma.start, vma.end, (page, low, high) => {
		const at = Math.floor((page - vma.start) * columns / n);
		const end = Math.max(at + 1, Math.floor((page + 1 - vma.start) * columns / n));
		const word = words[derived.pageNumber(low, high)];

		for (let i = at; i < end; i++)
			if (page >= last[i]) {
				last[i] = page;
				cells[i] = word;
			}
	});
	paintCells(context, cells, columns, place);
}

/* A mark on one page. */
function paintMark(context, x, width, y, height) {
	strokeMark(context, x, y + 1, Math.max(3, width), height - 2);
}

/* Ink between two lines of paper: seen on each colour that a page or frame can have. */
function strokeMark(context, x, y, width, height) {
	for (const [colour, line] of [["paper", 5], ["ink", 2.5]]) {
		context.strokeStyle = Colours.get(colour);
		context.lineWidth = line;
		context.strokeRect(x, y, width, height);
	}
}
