/* SPDX-License-Identifier: MIT */
/*
 * Maps without a mouse. Each is one stop of Tab, a slider to a screen reader, and tells the page or frame
 * that it stands at whenever that changes. Of the rows of mappings one alone is a stop: that of the
 * chosen address; up and down lead to the others.
 */
"use strict";

/* The page that a key leads to from @page, among these mappings; null: the key means nothing. */
function pageByKey(key, vmas, page) {
	const i = Math.min(byEnd.right(vmas, page || 0), vmas.length - 1), vma = vmas[i];
	const before = vmas[i - 1], after = vmas[i + 1];

	if (!vma)
		return null;
	const inside = vma.start <= page && page < vma.end;
	const stride = Math.max(1, Math.round((vma.end - vma.start) / 16));
	const held = (at) => Math.max(vma.start, Math.min(vma.end - 1, at));

	switch (key) {
	case "ArrowRight":
		return !inside ? vma.start : page + 1 < vma.end ? page + 1 : after ? after.start : page;
	case "ArrowLeft":
		return inside && page > vma.start ? page - 1 : before ? before.end - 1 : vma.start;
	case "ArrowDown":
		return !inside ? vma.start : after ? after.start : page;
	case "ArrowUp":
		return before ? before.start : vma.start;
	case "PageDown":
		return held(inside ? page + stride : vma.start);
	case "PageUp":
		return held(inside ? page - stride : vma.start);
	case "Home":
		return vmas[0].start;
	case "End":
		return vmas[vmas.length - 1].end - 1;
	default:
		return null;
	}
}

/* A key in a map of pages of @space: choose(page), or choose(null), to follow the fault again. */
function keyInPages(event, space, page, choose) {
	const to = event.key === "Escape" ? null : pageByKey(event.key, space ? space.vmas : [], page);

	if (event.ctrlKey || event.altKey || event.metaKey || to === null && event.key !== "Escape")
		return false;
	event.preventDefault();
	event.stopPropagation();
	choose(to);
	return true;
}

/* The frame that a key leads to in a map of so many columns; null: the key means nothing. */
function frameByKey(key, pfn, columns, nr) {
	const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
		PageUp: -8 * columns, PageDown: 8 * columns, Home: -nr, End: nr }[key];

	return step === undefined ? null : Math.max(0, Math.min(nr - 1, pfn + step));
}

/* Attributes, where they are not so already. */
function tell(node, attributes) {
	for (const [name, value] of Object.entries(attributes))
		if (node.getAttribute(name) !== String(value))
			node.setAttribute(name, value);
}

/* What a slider stands at, of how many, and in words. */
function tellAt(node, at, nr, words) {
	tell(node, { "aria-valuemin": 0, "aria-valuemax": Math.max(0, nr - 1), "aria-valuenow": Math.max(0, at),
		"aria-valuetext": words });
}

/* A page of an address space in words. */
function pageWords(now, page) {
	const { space, derived, state } = now;

	if (!space || page === null)
		return "no page is chosen";
	const vma = space.vmaOf(page), [low, high] = space.entry(page);
	const frame = entryPresent(low) && !(low & BIT_SPECIAL) ? `, frame ${entryPfn(low, high).toString(16)}` : "";

	return `${hexPage(page)}: ${PAGES[derived.page(low, high)]}${frame}` +
		(vma ? `, in ${lastPart(vmaName(state, vma))}, ${rights(vma.flags)}` : ", in no mapping");
}
