/* SPDX-License-Identifier: MIT */
/* The four-level walk of the chosen address, each entry's bits in words. */
"use strict";

const LEVELS = [
	{ name: "PGD", words: "top level", shift: 39, level: 3 },
	{ name: "PUD", words: "1 GiB each", shift: 30, level: 2 },
	{ name: "PMD", words: "2 MiB each", shift: 21, level: 1 },
	{ name: "PTE", words: "one page", shift: 12, level: 0 },
];

function indexAt(page, level) {
	return Math.floor(page / 512 ** level) % 512;
}

function showWalk(now) {
	const { page, space } = now;

	if (document.activeElement !== byId("walk-address"))
		byId("walk-address").value = page === null ? "" : hexPage(page);
	fillSpaces(now);
	byId("walk-follow").hidden = now.followed;
	fill("walk-split");
	fill("walk");
	if (!space || page === null) {
		byId("walk-end").textContent = "There is no address space to walk at this moment.";
		return;
	}
	fill("walk-split", ...LEVELS.map(({ name, level }) => element("span", {}, `${name} `,
		element("b", {}, String(indexAt(page, level))))), element("span.dim", {}, "byte in page ",
		element("b", {}, now.offset)));
	const steps = LEVELS.map((level) => stepOf(now, level));

	fill("walk", ...steps.map((step) => levelCard(now, step)));
	byId("walk-end").textContent = endWords(now, steps[3]);
}

function fillSpaces(now) {
	const select = byId("walk-space"), spaces = [...now.state.spaces.keys()];
	const key = spaces.map((mm) => now.derived.spaceName(mm)).join("\n");

	if (select.dataset.key !== key) {
		select.replaceChildren(...spaces.map((mm) =>
			element("option", { value: mm }, now.derived.spaceName(mm))));
		select.dataset.key = key;
	}
	select.value = String(now.mm);
}

/* What a level has for the page: {known, low, high, pfn, was: entry before, or null}. */
function stepOf(now, { name, words, level }) {
	const step = { name, words, level, index: indexAt(now.page, level), was: null };

	if (level === 0) {
		[step.low, step.high] = now.space.entry(now.page);
		step.known = true;
	} else {
		const table = now.space.tables.get(tableKey(level, now.page));

		Object.assign(step, table || { low: 0, high: 0 });
		step.known = Boolean(table);
	}
	if (now.r >= 0 && now.page === now.faultPage && now.mm === now.faultMm) {
		const field = name.toLowerCase(), was = now.records.halves(now.r, `before_${field}`);
		const is = now.records.halves(now.r, `after_${field}`);

		if (is[0] !== was[0] || is[1] !== was[1])
			step.was = was;
	}
	return step;
}

function levelCard(now, step) {
	const raw = step.low || step.high, card = element("li", {}, element("h3", {},
		`${step.name} entry ${step.index}`));

	card.classList.toggle("absent", !raw && !step.pfn);
	card.classList.toggle("changed", Boolean(step.was));
	if (step.was && (step.level === 0))
		card.append(element("div.was", {}, `was ${entryWords(...step.was)}`));
	else if (step.was)
		card.append(element("div.was", {}, "made by this fault"));
	if (raw)
		card.append(element("div.raw", {}, hex64(step.low, step.high)));
	if (step.level > 0) {
		const pfn = step.pfn === undefined ? null : step.pfn;

		card.append(element("div", {}, pfn === null ? lowerPresent(now, step.level) ?
			"leads to a table that is not recorded" : "none" :
			`leads to the table in frame ${pfn.toString(16)}`));
	} else if (!raw) {
		card.append(element("div", {}, "none: all zero"));
	}
	if (raw)
		card.append(element("ul.bits", {}, ...entryBits(step.low, step.high).map(({ name, off }) =>
			element(off ? "li.off" : "li", {}, name))));
	return card;
}

/* Is anything recorded below this entry, so that it must have led somewhere? */
function lowerPresent(now, level) {
	const span = 512 ** level, first = Math.floor(now.page / span) * span;
	let found = false;

	now.space.each(first, first + span, () => { found = true; });
	return found;
}

/* Where the walk ends, and what the next access would do. */
function endWords(now, { low, high }) {
	const vma = now.space.vmaOf(now.page), where = vma ? describeVma(now.state, vma) : null;
	const inside = where ? ` The page lies in ${where}.` : now.space.vmas.length ?
		" No mapping is there: an access is answered with SIGSEGV." : "";

	if (!low && !high)
		return `The walk ends without a frame: the next access faults.${inside}`;
	if (!entryPresent(low))
		return `The page's contents are in ${entryWords(low, high)}: the next access faults.${inside}`;
	if (low & BIT_SPECIAL)
		return `The walk ends at the shared page of zeroes: a write faults.${inside}`;
	const pfn = entryPfn(low, high), users = pfn < now.derived.limit ? now.derived.maps[pfn] : 0;

	return `The walk ends at frame ${pfn.toString(16)} ` +
		`(${USE_WORDS[now.derived.use(pfn)]}, ${plural(users, "user")})` +
		(!(low & BIT_PRESENT) ? ", which the CPU may not use: any access faults." :
			low & BIT_RW ? ": reads and writes go there without a fault." :
				": reads go there without a fault, a write faults.") + inside;
}
