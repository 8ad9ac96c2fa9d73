/* SPDX-License-Identifier: MIT */
/* The timeline per CPU, and what each kind of fault costs. */
"use strict";

const LANE = 22, TOP = 6, LEFT = 46;
const LIVE_ROOM = 1.25; // of the time so far: what the axis of a run that goes on has room for

class Timeline {
	constructor(place, choose) {
		this.place = place;
		this.canvas = element("canvas", { role: "img" });
		this.picture = document.createElement("canvas");
		place.append(this.canvas);
		this.axis = d3.select(place).append("svg").attr("class", "axis").attr("aria-hidden", "true");
		this.transform = d3.zoomIdentity;
		this.zoom = d3.zoom().scaleExtent([1, 1e5]).on("zoom", () => {
			this.transform = d3.event.transform;
			this.paintAll();
			this.paint();
		});
		d3.select(this.canvas).call(this.zoom).on("dblclick.zoom", null).on("click", () => {
			const i = this.faultAt(...d3.mouse(this.canvas));

			if (i !== null)
				choose(i + 1);
		});
	}

	/* Draw for these records and this filter; later, show() moves the mark alone. */
	set(records, matches) {
		this.records = records;
		this.matches = matches;
		this.resize();
	}

	/* Faults from @from on are new. While they fit beside those that are drawn, they alone are. */
	add(from) {
		const { records } = this;

		this.matches = records.matches;
		if (records.last > this.base.domain()[1] || records.cpus !== this.cpus || !from)
			this.resize();
		else
			this.paintFaults(from);
	}

	resize() {
		const { records } = this, none = !records.faults.length;
		const first = none ? 0 : records.first, last = none ? 1 : records.last;
		const room = records.meta.live ? LIVE_ROOM : 1;

		this.cpus = records.cpus;
		this.width = this.place.clientWidth;
		this.height = TOP * 2 + LANE * records.cpus;
		this.base = d3.scaleLinear().domain([first, first + Math.max(1e-3, (last - first) * room)])
			.range([LEFT, this.width - 8]);
		this.zoom.extent([[LEFT, 0], [this.width, this.height]])
			.translateExtent([[LEFT, 0], [this.width, this.height]]);
		this.paintAll();
	}

	paintAll() {
		const { records, width, height } = this, context = prepare(this.picture, width, height);
		const scale = this.scale = this.transform.rescaleX(this.base);

		context.font = "11px sans-serif";
		for (let cpu = 0; cpu < records.cpus; cpu++) {
			context.fillStyle = Colours.get("dim");
			context.fillText(`CPU ${cpu}`, 0, TOP + cpu * LANE + 14);
			context.fillStyle = Colours.get("soft");
			context.fillRect(LEFT, TOP + cpu * LANE + 2, width - LEFT, LANE - 4);
		}
		this.paintFaults(0);
		this.axis.attr("width", width).attr("height", 22).style("height", "22px").call(
			d3.axisBottom(scale).ticks(Math.max(3, width / 140)).tickSizeOuter(0)
				.tickFormat((t) => `${+t.toFixed(6)} s`));
	}

	/* The faults from @from on. */
	paintFaults(from) {
		const { records, scale, width } = this, context = this.picture.getContext("2d");
		const colours = KINDS.map(({ colour }) => Colours.get(colour));
		const painted = new Float64Array(32 * KINDS.length).fill(-1); // to which half pixel, by lane

		for (let i = from; i < records.faults.length; i++) {
			const x = scale(records.time[i]), lane = records.cpu[i] * KINDS.length + records.kind[i];

			if (x < LEFT || x > width || !this.matches[i] || Math.floor(x * 2) === painted[lane])
				continue;
			painted[lane] = Math.floor(x * 2);
			context.fillStyle = colours[records.kind[i]];
			context.fillRect(x, TOP + records.cpu[i] * LANE + 2, 1.4, LANE - 4);
		}
		this.canvas.setAttribute("aria-label",
			`${plural(records.faults.length, "fault")} on ${plural(records.cpus, "CPU")}`);
	}

	show(now) {
		this.now = now;
		this.paint();
	}

	/* About the moment, where that is a fault in sight. */
	scaleBy(factor) {
		const { now, records, scale } = this, x = now.i < 0 ? 0 : scale(records.time[now.i]);

		this.zoom.scaleBy(d3.select(this.canvas), factor, x < LEFT || x > this.width ? undefined :
			[x, 0]);
	}

	whole() {
		this.zoom.transform(d3.select(this.canvas), d3.zoomIdentity);
	}

	paint() {
		const { width, height, now } = this, context = prepare(this.canvas, width, height);

		this.canvas.style.height = `${height}px`;
		context.drawImage(this.picture, 0, 0, width, height);
		if (!now || now.i < 0)
			return;
		const x = this.scale(this.records.time[now.i]), y = TOP + this.records.cpu[now.i] * LANE;

		if (x < LEFT)
			return;
		context.fillStyle = Colours.get("ink");
		context.fillRect(x - 0.5, 0, 2, height);
		context.beginPath();
		context.arc(x + 0.5, y + LANE / 2, 4.5, 0, 7);
		context.fill();
	}

	/* The matching fault on that CPU that lies nearest. */
	faultAt(x, y) {
		const cpu = Math.floor((y - TOP) / LANE), { records } = this;
		let best = null, distance = 12;

		for (let i = 0; i < records.time.length; i++) {
			const away = Math.abs(this.scale(records.time[i]) - x);

			if (this.matches[i] && away < distance && records.cpu[i] === cpu) {
				best = i;
				distance = away;
			}
		}
		return best;
	}
}

function kindsLegend(records) {
	update("kinds-legend", ...KINDS.map(({ name, colour }, kind) => records.kinds[kind] ?
		swatch(colour, name) : null));
}

/* ---- Costs ----------------------------------------------------------------------------------- */

/* Numbers that are added to, in sorted pieces, each more than twice as long as the next. */
class Sorted {
	constructor() {
		this.pieces = [];
		this.n = 0;
	}

	add(numbers) {
		let piece = Float64Array.from(numbers).sort();

		this.n += piece.length;
		while (this.pieces.length && this.pieces[this.pieces.length - 1].length <= 2 * piece.length) {
			const both = this.pieces.pop(), longer = new Float64Array(both.length + piece.length);

			longer.set(both);
			longer.set(piece, both.length);
			piece = longer.sort();
		}
		this.pieces.push(piece);
	}

	/* The least whole number that at least this part of the numbers do not exceed. */
	quantile(part) {
		const wanted = Math.max(1, Math.ceil(part * this.n));
		let low = 0, high = d3.max(this.pieces, (piece) => piece[piece.length - 1]);

		while (low < high) {
			const middle = Math.floor((low + high) / 2);

			if (d3.sum(this.pieces, (piece) => d3.bisectRight(piece, middle)) >= wanted)
				high = middle;
			else
				low = middle + 1;
		}
		return low;
	}
}

/* Of each kind: how many, and the 10th, 50th and 90th of a hundred. */
class Costs {
	constructor() {
		this.kinds = KINDS.map(() => new Sorted());
	}

	/* The faults from @from on are new. */
	add(records, from) {
		const fresh = KINDS.map(() => []);

		for (let i = from; i < records.faults.length; i++)
			fresh[records.kind[i]].push(records.cost[i]);
		fresh.forEach((numbers, kind) => numbers.length && this.kinds[kind].add(numbers));
		this.scale = drawCosts(this.kinds.map((sorted, kind) => ({ kind, n: sorted.n })).filter(({ n }) => n)
			.map(({ kind, n }) => ({ kind, n, low: this.kinds[kind].quantile(0.1),
				median: this.kinds[kind].quantile(0.5), high: this.kinds[kind].quantile(0.9) })));
	}
}

/* Returns the scale. */
function drawCosts(costs) {
	const body = d3.select("#costs tbody"), least = d3.min(costs, ({ low }) => low) || 1;
	const most = d3.max(costs, ({ high }) => high) || 10;
	const scale = d3.scaleLog().domain([Math.max(1, least / 2), most * 2]).range([0, 100]).clamp(true);

	body.selectAll("tr").remove();
	body.selectAll("tr").data(costs).join((enter) => {
		const row = enter.append("tr");

		row.append("td").append(({ kind }) => renew(document.createElement("span"),
			swatch(KINDS[kind].colour, KINDS[kind].name)));
		row.append("td").attr("class", "number").text(({ n }) => n.toLocaleString("en"));
		row.append("td").attr("class", "number").text(({ median }) => median.toLocaleString("en"));
		row.append("td").append((cost) => costPicture(cost, scale));
		return row;
	});
	return scale;
}

function costPicture({ kind, low, median, high }, scale) {
	const svg = d3.create("svg").attr("role", "img").attr("aria-label",
		`10 of 100 take at most ${low} cycles, half at most ${median}, ` +
		`90 of 100 at most ${high}`), percent = (value) => `${scale(value)}%`;

	svg.append("line").attr("x1", 0).attr("x2", "100%").attr("y1", 10).attr("y2", 10)
		.style("stroke", "var(--line)");
	svg.append("line").attr("x1", percent(low)).attr("x2", percent(high)).attr("y1", 10).attr("y2", 10)
		.style("stroke", `var(--${KINDS[kind].colour})`).style("stroke-width", 8)
		.style("stroke-linecap", "round");
	svg.append("line").attr("x1", percent(median)).attr("x2", percent(median)).attr("y1", 3)
		.attr("y2", 17).style("stroke", "var(--ink)").style("stroke-width", 2);
	svg.append("circle").attr("r", 5).attr("cy", 10).style("fill", "var(--card)")
		.style("stroke", "var(--ink)").style("stroke-width", 2).style("display", "none");
	return svg.node();
}

function showCosts(now, scale) {
	const kind = now.i < 0 ? -1 : now.records.kind[now.i];

	d3.selectAll("#costs tbody tr").each(function (cost) {
		const here = cost.kind === kind;

		this.setAttribute("aria-current", String(here));
		d3.select(this).select("circle").style("display", here ? null : "none")
			.attr("cx", here ? `${scale(now.records.cost[now.i])}%` : 0);
	});
}
