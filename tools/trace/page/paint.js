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

const byId = (id) => document.getElementById(id);
const fill = (id, ...content) => byId(id).replaceChildren(...content);

const Colours = {
	known: new Map(),

	/* The value of a custom property of style.css, as it is now: light, dark or paper. */
	get(name) {
		if (!this.known.has(name))
			this.known.set(name, getComputedStyle(document.documentElement)
				.getPropertyValue(`--${name}`).trim());
		return this.known.get(name);
	},

	/* The same as the word that ImageData takes. */
	word(name) {
		const key = `${name} as a word`;

		if (!this.known.has(key))
			this.known.set(key, wordOf(this.get(name)));
		return this.known.get(key);
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

/* Fit a canvas to its place, as sharp as the screen is. Returns its context, in CSS pixels. */
function prepare(canvas, width, height) {
	const ratio = Math.min(3, window.devicePixelRatio || 1);
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

/*
 * The pages of a VMA between x0 and x1: its ground, and each entry over it. A page that is less than
 * a pixel wide gets one.
 */
function paintPages(context, derived, space, vma, x0, x1, y, height) {
	const step = (x1 - x0) / (vma.end - vma.start), width = Math.max(step > 4 ? step - 1 : step, 1);

	context.fillStyle = Colours.get("none");
	if (step > 4)
		for (let page = vma.start; page < vma.end; page++)
			context.fillRect(x0 + (page - vma.start) * step, y, width, height);
	else
		context.fillRect(x0, y, Math.max(1, x1 - x0), height);
	space.each(vma.start, vma.end, (page, low, high) => {
		context.fillStyle = Colours.get(derived.page(low, high));
		context.fillRect(x0 + (page - vma.start) * step, y, width, height);
	});
}

/* A mark on one page. */
function paintMark(context, x, width, y, height) {
	context.strokeStyle = Colours.get("ink");
	context.lineWidth = 2;
	context.strokeRect(x, y + 1, Math.max(3, width), height - 2);
}
