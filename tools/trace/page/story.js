/* SPDX-License-Identifier: MIT */
/* What happened: the fault in sentences, its facts, what came before it, its doors and their source. */
"use strict";

function showStory(now) {
	if (now.i < 0) {
		write(byId("story-who"), now.moment ? "The end of the records." :
			"Before the first fault.");
		write(byId("story-outcome"), now.records.faults.length ?
			`${plural(now.records.faults.length, "fault")} of ` +
			`${plural(now.records.processes.size, "process", "processes")} are recorded.` :
			"No fault is recorded: this run had none, or the recorder was on too late.");
		update("facts");
	} else {
		const [who, outcome] = faultWords(now.records, now.i, now.state);

		write(byId("story-who"), who);
		write(byId("story-outcome"), outcome);
		update("facts", ...facts(now));
	}
	showEvents(now);
}

function fact(name, ...value) {
	return [part("dt", {}, name), part("dd", {}, ...value)];
}

function facts(now) {
	const { records, r, i } = now, verdict = records.get(r, "verdict"), list = [];
	const before = records.halves(r, "before_pte"), after = records.halves(r, "after_pte");
	const ip = records.hex(r, "ip"), place = now.meta.places[`${records.text(r, "comm")}:${ip}`];
	const major = verdict & VERDICT_MAJOR;

	list.push(fact("Kind", `${KINDS[records.kind[i]].name}, ${major ? "major" : "minor"}`));
	list.push(fact("Cost", `${records.cost[i].toLocaleString("en")} cycles` +
		(major ? ", most of them waiting for the disk" : "")));
	list.push(fact("When", `${records.time[i].toFixed(6)} s after boot, on CPU ${records.cpu[i]}`));
	if (records.get(r, "error_code") >>> 31) {
		list.push(fact("By", "the kernel itself, by no instruction that faulted"));
	} else {
		list.push(fact("By", part("code", {}, place || ip), place ? ` at ${ip}` : ""));
		list.push(fact("The CPU said", errorWords(records.get(r, "error_code"))));
	}
	list.push(fact("Entry", part("span.was", {}, entryWords(...before)), " → ",
		part("b", {}, entryWords(...after))));
	if (entryPresent(after[0]) && !(after[0] & BIT_SPECIAL) && records.get(r, "pfn") < NO_PFN)
		list.push(fact("Frame", `${records.hex(r, "pfn")}: ` +
			`${plural(records.get(r, "refcount"), "holder")}, ` +
			`${plural(records.get(r, "mapcount"), "entry", "entries")} of page tables`));
	if (records.get(r, "flushes"))
		list.push(fact("TLBs", `${plural(records.get(r, "flushes"), "other CPU")} told to forget`));
	if (records.get(r, "tries") > 1)
		list.push(fact("Tries", String(records.get(r, "tries"))));
	return list.flat();
}

/* What was recorded between the moment before and this one. */
function showEvents(now) {
	const { records } = now, counts = new Map(), sentences = [];
	const begin = now.moment ? now.before : 0, end = now.i < 0 ? now.end : now.end - 1;

	for (let r = begin; r < end; r++) {
		const words = sentences.length < 400 ? eventWords(records, r) : "";

		if (words)
			sentences.push(words);
		else
			counts.set(records.name(r), (counts.get(records.name(r)) || 0) + 1);
	}
	const shown = sentences.slice(-6), rest = [...counts].map(([name, n]) =>
		`${n.toLocaleString("en")} × ${EVENT_WORDS[name] || name}`);

	if (!shown.length && !rest.length) {
		update("events");
		return;
	}
	update("events", now.i < 0 && !now.moment ? "So far:" : "Since the moment before:", part("ul", {},
		sentences.length > shown.length ? part("li", {}, `${sentences.length - shown.length} more, then`) :
			null, ...shown.map((words) => part("li", {}, words)),
		rest.length ? part("li", {}, rest.join(" · ")) : null));
}

const EVENT_WORDS = { VMA_SET: "mapping made or changed", VMA_CLEAR: "mapping gone",
	PTES_SET: "entries stored", PTES_CLEAR: "entries cleared", TABLE: "page table made or freed",
	FRAME: "frames taken, given back, split or merged", KIND: "frame given a use",
	CACHE: "page cache changed", SWAP: "swap slot changed", WRITEBACK: "page written back",
	LRU: "page put on a list", FILE: "file named", COMM: "task named" };

/* ---- The doors ------------------------------------------------------------------------------- */

let chosenDoor = null; // a name, while the user holds on to one

function showDoors(now) {
	const doors = now.i < 0 ? [] : now.records.doors(now.r).slice(0, -1);
	const names = doors.map((door) => door.name), most = Math.max(1, ...doors.map((d) => d.cycles));
	const current = names.includes(chosenDoor) ? chosenDoor : tellingDoor(names);
	const focused = [...byId("doors").children].findIndex((li) => li.contains(document.activeElement));

	if (doors.length)
		update("doors", ...doors.map((door, i) => part("li", {},
			part("button", { "aria-current": String(i === names.lastIndexOf(current)), type: "button",
				title: door.name }, door.name),
			part("span", {}, part("div.bar", { style: { width: `${100 * door.cycles / most}%` } })),
			part("span.cycles", {}, door.cycles.toLocaleString("en")))));
	else
		update("doors", part("li.dim", {}, now.i < 0 ? "No fault at this moment." :
			"No doors were recorded for this fault."));
	if (focused >= doors.length && doors.length) // who goes by keyboard stays there
		byId("doors").lastChild.firstChild.focus({ preventScroll: true });
	showSource(now, current, names);
}

/* Hold on to the door of a button. */
function chooseDoor(now, button) {
	chosenDoor = button.title;
	showDoors(now);
	Pictures.paint();
}

/* The door that says most about a fault: that of its kind, or else the last. */
function tellingDoor(names) {
	const kind = KIND_OF_DOOR.find(([name]) => names.includes(name));

	return kind ? kind[0] : names.length ? names[names.length - 1] : null;
}

/* The source of a door; lines that lead to another door that was taken are lit. */
function showSource(now, name, taken) {
	const excerpt = name && now.meta.sources[name], key = [name, ...taken].join();

	if (byId("source").dataset.key === key)
		return;
	byId("source").dataset.key = key;
	if (!sourceRows.has(key))
		sourceRows.set(key, excerpt ? rowsOf(now, name, taken, excerpt) : [element("p", {}, name ?
			`The source of ${name} is not at hand.` : "The source of a door comes up here.")]);
	fill("source", ...sourceRows.get(key));
	Pictures.later(byId("source"), () => {
		const lit = byId("source").querySelector(".lit");

		byId("source").scrollTop = lit ? lit.offsetTop - byId("source").offsetTop - 60 : 0;
	});
}

/* Rows that were made once are shown again: there are few ways through the kernel, and many faults. */
const sourceRows = new Map();

function rowsOf(now, name, taken, excerpt) {
	const others = taken.filter((door) => door !== name && now.meta.sources[door])
		.flatMap((door) => [door, now.meta.sources[door].name, ...now.meta.sources[door].by || []])
		.filter((called) => called !== excerpt.name);
	const calls = others.length ? new RegExp(`\\b(${others.join("|")})\\b`) : null;
	let comment = false;

	return [element("p", {}, `${excerpt.file}, line ${excerpt.line}`),
		...excerpt.text.split("\n").map((text, i) => {
			const begins = /^\s*(\/\*|\/\/)/.test(text), row = element("div", {},
				element("span.number", { "aria-hidden": "true" }, String(excerpt.line + i)), text || " ");

			comment = comment || begins;
			if (comment)
				row.className = "comment";
			else if (i && (calls && calls.test(text) || text.startsWith(excerpt.name)) ||
				new RegExp(`^\\S.*\\b${excerpt.name}\\(`).test(text))
				row.className = "lit";
			if (/\*\//.test(text) || begins && text.includes("//"))
				comment = false;
			return row;
		})];
}
