/* SPDX-License-Identifier: MIT */
/* The link to a moment: what stands behind the # in the browser's bar, and how it follows. */
"use strict";

const LINK_PAUSE = 400; // milliseconds behind a step until the link follows
const LINK_WORDS = ["start", "end", "fault", "mm", "address", "pid", "kind", "range"];

class Link {
	/* @page: has fragment(), and goes where follow() is told. */
	constructor(page, follow) {
		this.page = page;
		this.waiting = null;
		this.jumped = false;
		window.addEventListener("hashchange", () => {
			this.forget();
			if (location.hash !== page.fragment() && !byId(location.hash.slice(1)))
				follow(readLink(location.hash, page));
		});
	}

	forget() {
		clearTimeout(this.waiting);
		this.waiting = null;
		this.jumped = false;
	}

	/*
	 * The moment changed; @jumped: to a place that the browser's Back should leave again. Not at every
	 * step of a quick walk: browsers refuse more than a hundred changes in half a minute, and each
	 * costs as much as a step.
	 */
	later(jumped) {
		this.jumped = this.jumped || jumped;
		this.waiting = this.waiting || setTimeout(() => {
			const fragment = this.page.fragment(), jump = this.jumped && fragment !== location.hash;

			this.forget();
			history[jump ? "pushState" : "replaceState"](null, "", fragment);
		}, LINK_PAUSE);
	}
}

/* The fragment of a moment, with the chosen address and the filter where there are any. */
function linkTo({ moment, moments, focus, filter }) {
	const at = moment === 0 ? "start" : moment === moments ? "end" : `fault=${moment}`;
	const words = new URLSearchParams();

	if (focus) {
		words.set("mm", focus.mm);
		words.set("address", hexPage(focus.page));
	}
	for (const [name, value] of Object.entries(filter))
		if (value !== "")
			words.set(name, value);
	return `#${at}${String(words) && `&${words}`}`;
}

/*
 * What a fragment asks for: {moment (null: none), focus: {mm, page} or null, filter: {pid, kind, range},
 * wrong: what of it cannot be had, in a sentence, or ""}.
 */
function readLink(hash, { moments, records }) {
	const words = new URLSearchParams(hash.slice(1)), wrong = [], last = moments - 1;
	const page = parseAddress(words.get("address") || ""), filter = {};
	let moment = words.has("start") ? 0 : words.has("end") ? moments : null;

	if (moment === null && words.has("fault")) {
		const asked = words.get("fault").trim();

		if (/^\d+$/.test(asked) && +asked >= 1 && +asked <= last)
			moment = +asked;
		else
			wrong.push(`There is no fault “${asked}” in this run, ` +
				(last ? `which has faults 1 to ${last.toLocaleString("en")}.` : "which has none."));
	}
	if (words.has("address") && page === null)
		wrong.push(`“${words.get("address")}” is no address.`);
	for (const name of ["pid", "kind", "range"]) {
		const value = words.get(name) || "", fits = { pid: records.processes.has(+value),
			kind: KINDS.some((kind) => kind.name === value), range: parseRange(value) !== null };

		filter[name] = fits[name] ? value : "";
		if (value && !fits[name])
			wrong.push(`“${value}” is no ${name === "pid" ? "process" : name} to filter by.`);
	}
	const strange = [...words.keys()].filter((name) => !LINK_WORDS.includes(name));

	if (strange.length)
		wrong.push(`“${strange[0]}” means nothing here.`);
	return { moment, filter, focus: page === null ? null : { mm: Number(words.get("mm")) || 0, page },
		wrong: wrong.length ? `Of the link to this page: ${wrong.join(" ")}` : "" };
}

/* The page of an address as one types it, or null. */
function parseAddress(text) {
	const match = /^\s*(?:0x)?([0-9a-f]{1,16})\s*$/i.exec(text);

	return match ? Number(BigInt(`0x${match[1]}`) >> 12n) : null;
}

/* First and last page of "", an address, or two with a dash; null: it is none of these. */
function parseRange(text) {
	const ends = text.trim() === "" ? [] : text.split("-").map(parseAddress);

	return ends.includes(null) || ends.length > 2 ? null : ends.length ? [ends[0], ends[ends.length - 1]] :
		[0, Infinity];
}
