/* SPDX-License-Identifier: MIT */
/* The four-level walk of the chosen address, each entry's bits in words. */
"use strict";

const LEVELS = [{ name: "PGD", level: 3 }, { name: "PUD", level: 2 }, { name: "PMD", level: 1 },
	{ name: "PTE", level: 0 }];
const TABLE_BITS = BIT_PRESENT | BIT_RW | BIT_USER | BIT_ACCESSED; // _PAGE_TABLE

function indexAt(page, level) {
	return Math.floor(page / 512 ** level) % 512;
}

function showWalk(now) {
	const { page, space } = now;

	if (document.activeElement !== byId("walk-address"))
		byId("walk-address").value = page === null ? "" : hexPage(page);
	fillSpaces(now);
	byId("walk-follow").hidden = now.followed;
	if (!space || page === null) {
		update("walk-split");
		update("walk");
		write(byId("walk-end"), "There is no address space to walk at this moment.");
		return;
	}
	update("walk-split", ...LEVELS.map(({ name, level }) => part("span", {}, `${name} `,
		part("b", {}, String(indexAt(page, level))))), part("span.dim", {}, "byte in page ",
		part("b", {}, now.offset)));
	const steps = LEVELS.map((level) => stepOf(now, level));

	update("walk", ...steps.map((step) => levelCard(now, step)));
	write(byId("walk-end"), endWords(now, steps[3]));
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

/*
 * What a level has for the page: {low, high, was: entry before this fault, or null}. Of a table that
 * this fault did not make the frame is recorded; the bits of entries that lead to tables are always
 * the same.
 */
function stepOf(now, { name, level }) {
	const step = { name, level, index: indexAt(now.page, level), was: null, low: 0, high: 0 };
	const pfn = now.space.tables.get(tableKey(level, now.page));

	if (level === 0)
		[step.low, step.high] = now.space.entry(now.page);
	else if (pfn !== undefined)
		[step.low, step.high] = [(pfn % 2 ** 20 * 4096 | TABLE_BITS) >>> 0, Math.floor(pfn / 2 ** 20)];
	if (now.r >= 0 && now.page === now.faultPage && now.mm === now.faultMm) {
		const field = name.toLowerCase(), was = now.records.halves(now.r, `before_${field}`);
		const is = now.records.halves(now.r, `after_${field}`);

		if (is[0] !== was[0] || is[1] !== was[1])
			[step.low, step.high, step.was] = [...is, was];
	}
	return step;
}

function levelCard(now, step) {
	const raw = step.low || step.high, frame = entryPfn(step.low, step.high).toString(16);
	const to = step.level > 0 ? raw ? `the table in frame ${frame}` :
		lowerPresent(now, step.level) ? "a table that is not recorded" : "none" :
		raw ? "" : "none: all zero";
	const was = step.level ? ", made by this fault" : step.was && ` was: ${entryWords(...step.was)}`;

	return part(`li${raw ? "" : ".absent"}${step.was ? ".changed" : ""}`, {},
		part("h3", {}, `${step.name} entry ${step.index}`),
		part("div", {}, ...(raw ? [part("span.raw", {}, hex64(step.low, step.high)), " "] : []), to,
			step.was ? part("span.was", {}, was) : null,
			raw ? part("ul.bits", {}, ...entryBits(step.low, step.high, !step.level)
				.map(({ name, off }) => part(off ? "li.off" : "li", {}, name))) : null));
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
	if (isZeroPage(low, high))
		return `The walk ends at the shared page of zeroes: a write faults.${inside}`;
	const pfn = entryPfn(low, high), users = pfn < now.derived.limit ? now.derived.maps[pfn] : 0;

	return `The walk ends at frame ${pfn.toString(16)} ` +
		`(${USE_WORDS[now.derived.use(pfn)]}, ${plural(users, "user")})` +
		(!(low & BIT_PRESENT) ? ", which the CPU may not use: any access faults." :
			low & BIT_RW ? ": reads and writes go there without a fault." :
				": reads go there without a fault, a write faults.") + inside;
}
