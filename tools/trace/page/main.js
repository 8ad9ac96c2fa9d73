/* SPDX-License-Identifier: MIT */
/* The page: which moment is shown, how one gets to another, and who is told. */
"use strict";

const PLAY_PAUSE = 700; // milliseconds between two steps
const LIVE_PAUSE = 500; // between two questions for more records

class Page {
	constructor(meta, buffer) {
		this.meta = meta;
		this.records = new Records(meta, buffer);
		this.model = new Model(this.records);
		this.derived = new Derived(this.records);
		this.moments = this.records.faults.length + 1; // the last one
		this.matches = new Uint8Array(0); // which faults the filter leaves
		this.focus = null;   // {mm, page}: the address that the user chose
		this.frame = null;   // the frame that the user chose
		this.playing = null;
		this.link = new Link(this, (asked) => this.follow(asked));
		this.header();
		this.filters();
		this.match();
		this.views();
		this.controls();
		this.follow(readLink(byId(location.hash.slice(1)) ? "" : location.hash, this));
	}

	/* The first fault of the program, or the first of all. */
	begin() {
		const program = this.records.programs.indexOf(this.meta.program);
		const i = program < 0 ? 0 : this.records.program.indexOf(program);

		return this.records.faults.length ? i + 1 : 0;
	}

	header() {
		const { meta, records } = this, n = records.faults.length, { time } = records;

		document.title = `${meta.program}: ${plural(n, "page fault")}`;
		byId("title").textContent = meta.program;
		byId("summary").textContent = `${plural(n, "page fault")} of ` +
			`${plural(records.processes.size, "process", "processes")} on ` +
			`${plural(meta.nr_cpus, "CPU")}` +
			(n > 1 ? ` in ${(time[n - 1] - time[0]).toFixed(3)} seconds` : "") +
			`, from ${plural(records.count, "record")} of Faultline, ${meta.when}`;
		fill("notes", ...meta.notes.map((note) => element("p", {}, note)));
	}

	views() {
		const choose = (page, jump) => this.choose(this.now.mm, page, jump);

		this.timeline = new Timeline(byId("timeline"), (moment) => this.go({ moment, jump: true }));
		this.map = new SpaceMap(byId("space-map"), choose);
		this.frames = new FrameMap(byId("frames"), byId("frames-near"), (pfn) => {
			this.frame = pfn;
			this.show();
		});
		this.chooseInRow = choose;
		pagesLegend();
		this.charts();
	}

	/* What shows all faults at once. */
	charts() {
		this.timeline.set(this.records, this.matches);
		this.costs = new Costs();
		this.costs.add(this.records, 0);
		kindsLegend(this.records);
		byId("scrub").max = this.moments;
	}

	/*
	 * A run that goes on: more records. What was there is not gone through again, so that a long run
	 * costs no more than a short one. Who stands at the end is taken along.
	 */
	grow(more) {
		const { records } = this, known = records.faults.length, atEnd = this.moment >= this.moments - 1;

		records.add(more);
		this.moments = records.faults.length + 1;
		this.header();
		this.filterChoices();
		this.match(known);
		this.timeline.add(known);
		this.costs.add(records, known);
		kindsLegend(records);
		byId("scrub").max = this.moments;
		this.go({ moment: atEnd ? this.moments - 1 : this.moment });
	}

	/* Ask for more records, and for names of their instructions, until the run is over. */
	async listen() {
		for (let over = false; !over;) {
			const answer = await fetch(`records?from=${this.records.size}`);
			const more = await answer.arrayBuffer(), { places } = this.meta;

			over = answer.headers.get("X-Over") === "1" && !more.byteLength;
			if (more.byteLength) {
				const names = await fetch(`names?from=${Object.keys(places).length}`);

				Object.assign(places, Object.fromEntries(await names.json()));
				this.grow(more);
			}
			await new Promise((done) => setTimeout(done, LIVE_PAUSE));
		}
		byId("summary").append(". The run is over.");
	}

	controls() {
		const on = (id, name, act) => byId(id).addEventListener(name, act);

		on("first", "click", () => this.edge(1));
		on("back", "click", () => this.step(-1));
		on("next", "click", () => this.step(1));
		on("last", "click", () => this.edge(-1));
		on("play", "click", () => this.play());
		on("scrub", "input", () => this.go({ moment: +byId("scrub").value }));
		on("time-in", "click", () => this.timeline.scaleBy(4));
		on("time-out", "click", () => this.timeline.scaleBy(0.25));
		on("time-all", "click", () => this.timeline.whole());
		on("zoom-in", "click", () => this.map.scaleBy(2));
		on("zoom-out", "click", () => this.map.scaleBy(0.5));
		on("zoom-all", "click", () => this.map.whole());
		on("zoom-fault", "click", () => this.map.goTo(this.now.page));
		on("walk-follow", "click", () => this.choose(null, null, true));
		on("walk-form", "submit", (event) => {
			event.preventDefault();
			this.chooseTyped();
		});
		on("walk-space", "change", () => this.choose(+byId("walk-space").value, this.now.page, true));
		on("frames-by", "change", () => this.show());
		on("doors", "click", (event) => {
			if (event.target.closest("button"))
				chooseDoor(this.now, event.target.closest("button"));
		});
		document.addEventListener("keydown", (event) => this.key(event));
		window.addEventListener("resize", () => this.redraw());
		for (const medium of ["print", "(prefers-color-scheme: dark)"])
			matchMedia(medium).addEventListener("change", () => this.redraw());
	}

	redraw() {
		Colours.forget();
		this.timeline.resize();
		this.show();
	}

	key(event) {
		const keys = { ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
			PageUp: () => this.step(-this.stride()), PageDown: () => this.step(this.stride()),
			Home: () => this.edge(1), End: () => this.edge(-1), " ": () => this.play() };
		const typing = event.target.closest("input:not([type=range]), select, textarea");
		const own = event.key === " " && event.target.closest("button, a") ||
			event.key.startsWith("Page") && event.target.closest(".scroll, #source");

		if (!keys[event.key] || typing || own || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		keys[event.key]();
	}

	stride() {
		return Math.max(1, Math.round(this.moments / 100));
	}

	/* ---- Moving ------------------------------------------------------------------------------ */

	allowed(moment) {
		return moment === 0 || moment === this.moments || this.matches[moment - 1];
	}

	/* So many matching moments on, or back. */
	step(n) {
		const way = Math.sign(n);
		let { moment } = this.now;

		for (let left = Math.abs(n), at = moment + way; left && at >= 0 && at <= this.moments; at += way)
			if (this.allowed(at)) {
				moment = at;
				left--;
			}
		this.go({ moment });
	}

	/* To the beginning (1) or the end (-1). */
	edge(way) {
		this.go({ moment: way > 0 ? 0 : this.moments, jump: true });
	}

	play() {
		if (this.playing) {
			clearInterval(this.playing);
			this.playing = null;
		} else {
			this.playing = setInterval(() => {
				this.step(1);
				if (this.now.moment === this.moments)
					this.play();
			}, PLAY_PAUSE);
		}
		byId("play-sign").textContent = this.playing ? "❚❚" : "▶";
		byId("play-word").textContent = this.playing ? " Pause" : " Play";
		byId("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
	}

	/* To a moment. @jump: the browser's Back leads to the one before. */
	go({ moment, jump = false }) {
		this.moment = Math.max(0, Math.min(this.moments, moment));
		this.frame = null;
		write(byId("link-note"), "");
		this.show();
		this.link.later(jump);
	}

	/* The address to look at; none: that of each fault. */
	choose(mm, page, jump = false) {
		this.focus = page === undefined || page === null ? null : { mm, page };
		this.show();
		this.link.later(jump);
	}

	/* Where a link leads (see readLink()). */
	follow({ moment, focus, filter, wrong }) {
		this.focus = focus;
		this.setFilter(filter);
		this.go({ moment: moment === null ? this.begin() : moment });
		write(byId("link-note"), wrong);
	}

	fragment() {
		return linkTo({ moment: this.moment, moments: this.moments, focus: this.focus,
			filter: this.filterWords() });
	}

	chooseTyped() {
		const page = parseAddress(byId("walk-address").value);

		byId("walk-address").setAttribute("aria-invalid", String(page === null));
		if (page !== null) {
			byId("walk-address").blur();
			this.choose(+byId("walk-space").value || this.now.mm, page, true);
		}
	}

	/* ---- Showing ----------------------------------------------------------------------------- */

	show() {
		const now = this.now = this.look();

		showStory(now);
		showDoors(now);
		showWalk(now);
		showVmas(now, this.chooseInRow);
		this.map.show(now, now.space);
		showPair(now);
		showFrames(now, this.frames, this.chosenFrame(now), byId("frames-by").value === "owner");
		showSwap(now);
		showCache(now);
		showLists(now);
		this.timeline.show(now);
		showCosts(now, this.costs.scale);
		byId("scrub").value = now.moment;
		const where = now.i >= 0 ? `fault ${now.moment.toLocaleString("en")} of ` +
			`${this.records.faults.length.toLocaleString("en")}` : now.moment ? "the end" : "the start";

		write(byId("where"), where);
		byId("scrub").setAttribute("aria-valuetext", where);
		Pictures.paint();
	}

	/* All that the views want to know of the moment. */
	look() {
		const { moment, records, model } = this, state = model.seek(moment);
		const i = moment && moment < this.moments ? moment - 1 : -1, r = i < 0 ? -1 : records.faults[i];
		const near = i < 0 ? moment ? records.faults.length - 1 : 0 : i; // whose address there is
		const faultMm = records.faults.length ? records.mm[near] : 0;
		const faultPage = records.faults.length ? records.page[near] : null;
		const { mm, page } = this.focus || { mm: state.spaces.has(faultMm) || i >= 0 ? faultMm :
			[...state.spaces.keys()][0], page: faultPage };
		const offset = this.focus || i < 0 ? 0 : records.halves(r, "address")[0] & 4095;

		return { records, meta: this.meta, state, moment, i, r, mm, page, faultMm, faultPage,
			followed: !this.focus, space: state.spaces.get(mm) || null, offset: `0x${offset.toString(16)}`,
			end: model.end(moment), before: moment ? model.end(moment - 1) : 0,
			derived: this.derived.of(state) };
	}

	/* The chosen frame, or the one that the address leads to. */
	chosenFrame(now) {
		if (this.frame !== null)
			return this.frame;
		const [low, high] = now.space && now.page !== null ? now.space.entry(now.page) : [0, 0];

		return entryPresent(low) ? entryPfn(low, high) : null;
	}

	/* ---- Filters ----------------------------------------------------------------------------- */

	filters() {
		const form = byId("filters");

		this.filterChoices();
		byId("filters-toggle").addEventListener("click", () => this.showFilters(form.hidden));
		form.addEventListener("input", () => this.filter());
		form.addEventListener("submit", (event) => event.preventDefault());
		form.addEventListener("reset", () => setTimeout(() => this.filter()));
	}

	filterChoices() {
		const { records } = this;
		const offer = (id, options) => {
			const chosen = byId(id).value, key = String(options);

			if (byId(id).dataset.key === key)
				return;
			byId(id).dataset.key = key;
			fill(id, element("option", { value: "" }, "all"), ...options.map(([value, words]) =>
				element("option", { value }, words)));
			byId(id).value = chosen;
		};

		offer("filter-pid", [...records.processes].map(([pid, name]) => [pid, `${name} (pid ${pid})`]));
		offer("filter-kind", KINDS.map(({ name }, kind) => [kind, name])
			.filter(([kind]) => records.kinds[kind]));
	}

	/* The filter as links have it. */
	filterWords() {
		const kind = byId("filter-kind").value;

		return { pid: byId("filter-pid").value, kind: kind && KINDS[kind].name,
			range: byId("filter-address").value.trim() };
	}

	setFilter({ pid, kind, range }) {
		const words = this.filterWords();

		if (pid === words.pid && kind === words.kind && range === words.range)
			return;
		byId("filter-pid").value = pid;
		byId("filter-kind").value = kind && String(KINDS.findIndex(({ name }) => name === kind));
		byId("filter-address").value = range;
		this.showFilters(pid !== "" || kind !== "" || range !== "");
		this.filter();
	}

	showFilters(shown) {
		byId("filters").hidden = !shown;
		byId("filters-toggle").setAttribute("aria-expanded", String(shown));
	}

	filter() {
		this.match();
		this.timeline.set(this.records, this.matches);
		if (this.now) {
			this.timeline.show(this.now);
			this.link.later(false);
		}
	}

	/* Which faults the filter leaves, from the one on; of those before it is known. */
	match(from = 0) {
		const { records } = this, pid = byId("filter-pid").value, kind = byId("filter-kind").value;
		const range = parseRange(byId("filter-address").value), n = records.faults.length;
		const [first, last] = range || [0, Infinity];

		records.use({ matches: Uint8Array }, n);
		this.matches = records.matches;
		this.nrMatches = from && this.nrMatches;
		for (let i = from; i < n; i++) {
			this.matches[i] = (pid === "" || records.pid[i] === +pid) &&
				(kind === "" || records.kind[i] === +kind) &&
				first <= records.page[i] && records.page[i] <= last;
			this.nrMatches += this.matches[i];
		}
		byId("filter-address").setAttribute("aria-invalid", String(!range));
		byId("filter-help").textContent = !range ? "That is no address, nor two with a dash." :
			this.nrMatches === n ? "all faults; an address, or two with a dash" :
			!this.nrMatches ? "No fault is like that." :
			`${plural(this.nrMatches, "fault")} of ${n.toLocaleString("en")}: steps go to these alone`;
	}
}

/* The state after so many records, for tests/see. */
function dumpState(model, count) {
	const state = model.after(count), derived = new Derived(model.records).of(state), mms = {};
	const free = [], lru = [], uses = [], swap = [];

	state.swap.forEach((pfn, key) => swap.push([key.toString(16), pfn]));
	for (const [mm, space] of state.spaces) {
		const entries = {};

		space.each(0, Infinity, (at, low, high) => { entries[hexPage(at)] = hex64(low, high); });
		mms[mm] = { entries, vmas: space.vmas.map((vma) => [hexPage(vma.start), hexPage(vma.end),
			vma.flags, vma.pgoff, vma.dev, vma.ino]), tables: Object.fromEntries(space.tables) };
	}
	for (let pfn = 0; pfn < derived.limit; pfn++) {
		const chunk = state.frames[Math.floor(pfn / FRAME_CHUNK)], i = pfn % FRAME_CHUNK;

		uses.push(derived.use(pfn));
		if (chunk && chunk[ORDER + i] !== NO_ORDER)
			free.push([pfn, chunk[ORDER + i]]);
		if (chunk && chunk[LRU + i] !== LRU_OFF)
			lru.push([pfn, chunk[LRU + i]]);
	}
	return { mms, free, lru, uses, maps: [...derived.maps], files: Object.fromEntries(state.files),
		tables: [...state.tables].map(([pfn, [, level]]) => [pfn, level]),
		cache: [...state.cache].map(([pfn, { dev, ino, index }]) => [pfn, dev, ino, index]),
		swap, writing: [...state.writing.keys()],
		tasks: [...state.tasks].map(([tid, task]) => [tid, task.pid, task.mm, task.name]) };
}

let page = null; // for the tests, and for who looks with the browser's tools

async function main() {
	try {
		const meta = JSON.parse(byId("meta").textContent);

		const records = await unpack(byId("records").textContent, meta.bytes);

		byId("records").remove(); // it is as large as the file
		page = new Page(meta, records);
		performance.mark("shown");
		if (meta.live)
			await page.listen();
		else
			page.model.prepare();
	} catch (error) {
		if (!page)
			byId("summary").textContent = "";
		fill("notes", element("p", {}, page ? `No more records come: ${error.message}` :
			`This page cannot be shown: ${error.message}`));
		throw error;
	}
}

main();
