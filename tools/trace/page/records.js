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
		this.firstDoor = this.layout.FAULT.size / 4;
		this.nrDoorsAt = this.layout.FAULT.fields.nr_doors[0];
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

	/* What filters and charts ask of every fault. Read without get(): there may be many. */
	columns() {
		const n = this.faults.length, { words } = this, programs = new Map();
		const word = (name) => this.layout.FAULT.fields[name][0] / 4;
		const PID = word("pid"), MM = word("mm"), BEGIN = word("begin"), COMM = word("comm");
		const ADDRESS = word("address");
		let last = -1; // the fault before, if its program has the same name

		for (const name of ["cpu", "kind"])
			this[name] = new Uint8Array(n);
		for (const name of ["pid", "mm", "program"])
			this[name] = new Uint32Array(n);
		for (const name of ["page", "time", "cost"])
			this[name] = new Float64Array(n);
		for (let i = 0; i < n; i++) {
			const r = this.faults[i], at = this.starts[r];

			this.cpu[i] = words[at] >>> 24;
			this.pid[i] = words[at + PID];
			this.mm[i] = words[at + MM];
			this.page[i] = words[at + ADDRESS + 1] * 2 ** 20 + (words[at + ADDRESS] >>> 12);
			this.time[i] = this.seconds(words[at + BEGIN + 1] * 2 ** 32 + words[at + BEGIN]);
			this.cost[i] = this.cycles(r);
			this.kind[i] = faultKind(this, r);
			if (last < 0 || [0, 1, 2, 3].some((k) => words[at + COMM + k] !== words[last + COMM + k])) {
				const name = this.text(r, "comm");

				if (!programs.has(name))
					programs.set(name, programs.size);
				this.program[i] = programs.get(name);
			} else {
				this.program[i] = this.program[i - 1];
			}
			last = at;
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

		return nameOf(this.bytes.subarray(begin, zero < 0 ? end : Math.min(zero, end)));
	}

	/* From the first door to the end. */
	cycles(r) {
		const at = this.starts[r], n = this.nrDoors(at);

		return n ? this.words[at + this.firstDoor + 2 * n - 1] : this.get(r, "tsc") - this.get(r, "begin");
	}

	/* How many doors the fault has whose record begins at that word. */
	nrDoors(at) {
		return this.bytes[at * 4 + this.nrDoorsAt];
	}

	/*
	 * The doors of a fault: [{name, at (cycles since its begin), cycles (until the next)}]. The last
	 * one is the end.
	 */
	doors(r) {
		const first = this.starts[r] + this.firstDoor, n = this.nrDoors(this.starts[r]), doors = [];

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

/* Bytes as text, as format.py has it: what is not UTF-8 or not to be printed, by its number. */
function nameOf(bytes) {
	let text;

	try {
		text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		text = Array.from(bytes, (byte) => byte < 128 ? String.fromCharCode(byte) : escaped(byte)).join("");
	}
	return text.replace(/[^\P{Z} ]|\p{C}/gu, (c) => escaped(c.codePointAt(0)));
}

function escaped(code) {
	const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code], hex = code.toString(16);

	return short || (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : code < 0x10000 ?
		`\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`);
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
