/* SPDX-License-Identifier: MIT */
/*
 * The records, byte for byte as the kernel wrote them, in the order of seq. Where a field lies says
 * META.layout, which see.py makes from tools/trace/format.py: {NAME: {type, size, fields: {name:
 * [offset, bytes]}}}. An address does not fit a number of JavaScript: its page number does, and
 * entries are kept as two halves.
 */
"use strict";

const NO_PFN = 2 ** 64; // what ~0, "no frame", becomes

class Records {
	constructor(meta, buffer) {
		this.meta = meta;
		this.bytes = new Uint8Array(buffer);
		this.words = new Uint32Array(buffer);
		this.layout = meta.layout;
		this.names = [];
		this.ranks = doorRanks(meta.doors);
		for (const [name, kind] of Object.entries(this.layout))
			this.names[kind.type] = name;
		this.index();
		this.columns();
	}

	/* Where each record begins, in words; which of them are faults. */
	index() {
		const { words } = this, starts = [], faults = [];

		for (let at = 0; at < words.length;) {
			if ((words[at] >>> 16 & 255) === 1)
				faults.push(starts.length);
			starts.push(at);
			at += (words[at] & 0xffff) >>> 2;
		}
		this.starts = Uint32Array.from(starts);
		this.faults = Uint32Array.from(faults);
		this.count = starts.length;
	}

	/* What filters and charts ask of every fault. */
	columns() {
		const n = this.faults.length, programs = new Map(), comm = this.layout.FAULT.fields.comm[0] / 4;
		let last = "", name = ""; // the bytes of the name before, and what it reads like

		this.cpu = new Uint8Array(n);
		this.kind = new Uint8Array(n);
		this.pid = new Uint32Array(n);
		this.mm = new Uint32Array(n);
		this.program = new Uint16Array(n);
		this.page = new Float64Array(n);
		this.time = new Float64Array(n);
		this.cost = new Float64Array(n);
		for (let i = 0; i < n; i++) {
			const r = this.faults[i], at = this.starts[r] + comm;
			const raw = this.words.subarray(at, at + 4).join();

			if (raw !== last)
				[last, name] = [raw, this.text(r, "comm")];
			if (!programs.has(name))
				programs.set(name, programs.size);
			this.program[i] = programs.get(name);
			this.cpu[i] = this.words[this.starts[r]] >>> 24;
			this.pid[i] = this.get(r, "pid");
			this.mm[i] = this.get(r, "mm");
			this.page[i] = this.pageOf(r, "address");
			this.time[i] = this.seconds(this.get(r, "begin"));
			this.cost[i] = this.cycles(r);
			this.kind[i] = faultKind(this, r);
		}
		this.programs = [...programs.keys()];
		this.cpus = 1 + this.cpu.reduce((most, cpu) => Math.max(most, cpu), 0);
	}

	type(r) {
		return this.words[this.starts[r]] >>> 16 & 255;
	}

	name(r) {
		return this.names[this.type(r)];
	}

	field(r, name) {
		const field = this.layout[this.name(r)].fields[name];

		if (!field)
			throw new Error(`${this.name(r)} has no ${name}`);
		return field;
	}

	/* A field as a number; exact up to 2^53. */
	get(r, name) {
		const [offset, size] = this.field(r, name), at = this.starts[r] + (offset >>> 2);

		if (size === 8)
			return this.words[at + 1] * 2 ** 32 + this.words[at];
		if (size === 4)
			return this.words[at];
		if (size === 2)
			return this.words[at] >>> (offset & 2) * 8 & 0xffff;
		return this.bytes[this.starts[r] * 4 + offset];
	}

	/* A u64 as [low, high]. */
	halves(r, name) {
		const at = this.starts[r] + (this.field(r, name)[0] >>> 2);

		return [this.words[at], this.words[at + 1]];
	}

	/* The number of the page that an address field lies in. */
	pageOf(r, name) {
		const [low, high] = this.halves(r, name);

		return high * 2 ** 20 + (low >>> 12);
	}

	hex(r, name) {
		return hex64(...this.halves(r, name));
	}

	/* A name of the guest's. What cannot be shown is shown by its number. */
	text(r, name) {
		const [offset, size] = this.field(r, name), begin = this.starts[r] * 4 + offset;

		return this.string(begin, begin + size);
	}

	/* The string behind the fixed part. */
	tail(r) {
		const begin = this.starts[r] * 4;

		return this.string(begin + this.layout[this.name(r)].size,
			begin + (this.words[this.starts[r]] & 0xffff));
	}

	string(begin, end) {
		const zero = this.bytes.indexOf(0, begin);

		return printable(new TextDecoder().decode(
			this.bytes.subarray(begin, zero < 0 ? end : Math.min(zero, end))));
	}

	/* From the first door to the end. */
	cycles(r) {
		const n = this.get(r, "nr_doors");

		return n ? this.words[this.starts[r] + this.layout.FAULT.size / 4 + 2 * n - 1] :
			this.get(r, "tsc") - this.get(r, "begin");
	}

	/* The ids of a fault's doors. */
	doorIds(r) {
		const first = this.starts[r] + this.layout.FAULT.size / 4, ids = [];

		for (let i = this.get(r, "nr_doors"); i--;)
			ids[i] = this.words[first + 2 * i] & 255;
		return ids;
	}

	/*
	 * The doors of a fault: [{name, at (cycles since its begin), cycles (until the next)}]. The last
	 * one is the end.
	 */
	doors(r) {
		const first = this.starts[r] + this.layout.FAULT.size / 4, n = this.get(r, "nr_doors");
		const doors = [];

		for (let i = 0; i < n; i++)
			doors.push({ name: this.meta.doors[this.words[first + 2 * i] & 255] || "?",
				at: this.words[first + 2 * i + 1] });
		doors.forEach((door, i) => {
			door.cycles = i + 1 < n ? doors[i + 1].at - door.at : 0;
		});
		return doors;
	}

	seconds(tsc) {
		return (tsc - this.meta.tsc_boot) / this.meta.tsc_khz / 1000;
	}
}

function hex64(low, high) {
	return high ? high.toString(16) + low.toString(16).padStart(8, "0") : low.toString(16);
}

/* The address of a page. */
function hexPage(page) {
	return hex64(page % 2 ** 20 * 4096, Math.floor(page / 2 ** 20));
}

function printable(text) {
	return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
		(c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/* The bytes that see.py packed: deflated, in base64; @size: how many there were. */
async function unpack(base64, size) {
	const text = atob(base64), packed = new Uint8Array(text.length), bytes = new Uint8Array(size);
	const inflate = new DecompressionStream("deflate"), writer = inflate.writable.getWriter();
	const reader = inflate.readable.getReader();

	for (let i = 0; i < text.length; i++)
		packed[i] = text.charCodeAt(i);
	writer.write(packed);
	writer.close();
	for (let at = 0; ;) {
		const { done, value } = await reader.read();

		if (done)
			return bytes.buffer;
		bytes.set(value, at);
		at += value.length;
	}
}
