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
		else if (name.startsWith("on"))
			made.addEventListener(name.slice(2), value);
		else
			made.setAttribute(name, value);
	made.append(...content.filter((part) => part !== null && part !== undefined));
	return made;
}

/* The text of an element, changed only where it differs. */
function write(place, text) {
	if (place.textContent !== text)
		place.textContent = text;
}

const byId = (id) => document.getElementById(id);
const fill = (id, ...content) => byId(id).replaceChildren(...content);

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
	return element("span", {}, element("i.swatch", { style: { background: `var(--${colour})` } }),
		words);
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

const cellPicture = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/*
 * Cells of one colour each (words), so many in a row, fit into a rectangle: one picture, for many
 * thousand rectangles would take longer than all else of a step.
 */
function paintCells(context, cells, columns, { x, y, width, height }) {
	const rows = Math.ceil(cells.length / columns), image = new ImageData(columns, rows);

	new Uint32Array(image.data.buffer).set(cells);
	cellPicture.canvas.width = columns;
	cellPicture.canvas.height = rows;
	cellPicture.putImageData(image, 0, 0);
	context.imageSmoothingEnabled = false;
	context.drawImage(cellPicture.canvas, x, y, width, height);
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
	const cells = new Uint32Array(columns).fill(Colours.word("none")), last = new Float64Array(columns);

	space.each(vma.start, vma.end, (page, low, high) => {
		const at = Math.floor((page - vma.start) * columns / n);
		const end = Math.max(at + 1, Math.floor((page + 1 - vma.start) * columns / n));
		const word = Colours.word(derived.page(low, high));

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
	context.strokeStyle = Colours.get("ink");
	context.lineWidth = 2;
	context.strokeRect(x, y + 1, Math.max(3, width), height - 2);
}
