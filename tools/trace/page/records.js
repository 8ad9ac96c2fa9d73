/* SPDX-License-Identifier: MIT */
/*
 * The records, byte for byte as the kernel wrote them, in the order of seq. Where a field lies says
 * META.layout, which see.py makes from tools/trace/format.py: {NAME: {type, size, fields: {name:
 * [offset, bytes]}}}. An address does not fit a number of JavaScript: its page number does, and
 * entries are kept as two halves.
 */
"use strict";

const NO_PFN = 2 ** 64; // what ~0, "no frame", becomes

/* What is kept of each record, and of each fault: what filters and charts ask of all of them. */
const OF_RECORDS = { starts: Uint32Array };
const OF_FAULTS = { faults: Uint32Array, cpu: Uint8Array, kind: Uint8Array, pid: Uint32Array,
	mm: Uint32Array, program: Uint32Array, page: Float64Array, time: Float64Array,
	cost: Float64Array };

class Records {
	constructor(meta, buffer) {
		this.meta = meta;
		this.room = {}; // typed arrays, of which those of the same name are what is in use
		this.size = 0;  // bytes
		this.layout = meta.layout;
		this.names = [];
		this.ranks = doorRanks(meta.doors);
		this.firstDoor = this.layout.FAULT.size / 4;
		this.nrDoorsAt = this.layout.FAULT.fields.nr_doors[0];
		this.faultWords = {}; // where a field of a fault begins, in words
		for (const [name, [offset]] of Object.entries(this.layout.FAULT.fields))
			this.faultWords[name] = offset >>> 2;
		for (const [name, kind] of Object.entries(this.layout))
			this.names[kind.type] = name;
		this.count = 0;
		this.programs = [];
		this.processes = new Map(); // pid -> the name that it had last
		this.kinds = new Uint32Array(KINDS.length); // faults of each
		this.cpus = 1;
		[this.first, this.last] = [Infinity, -Infinity]; // seconds, of faults
		this.use(OF_RECORDS, 0);
		this.use(OF_FAULTS, 0);
		this.add(buffer);
	}

	/* Records that follow. Those that were there are not looked at again. */
	add(buffer) {
		const begin = this.size / 4;

		this.size += buffer.byteLength;
		this.use({ bytes: Uint8Array }, this.size);
		this.bytes.set(new Uint8Array(buffer), begin * 4);
		this.words = new Uint32Array(this.bytes.buffer, 0, this.size / 4);
		const { records, faults } = this.measure(begin), known = this.faults.length;

		this.use(OF_RECORDS, this.count + records);
		this.use(OF_FAULTS, known + faults);
		this.index(begin, known);
		for (let i = known; i < this.faults.length; i++)
			this.column(i);
	}

	/* Have that many items of each of these arrays in use; room grows by half, at least. */
	use(arrays, n) {
		for (const [name, Type] of Object.entries(arrays)) {
			const had = this.room[name];

			if (!had || had.length < n) {
				this.room[name] = new Type(had ? Math.max(n, had.length * 1.5 >>> 0) : n);
				this.room[name].set(had || []);
			}
			this[name] = this.room[name].subarray(0, n);
		}
	}

	/* How many there are from a word on. */
	measure(begin) {
		const { words } = this, found = { records: 0, faults: 0 };

		for (let at = begin; at < words.length; at += (words[at] & 0xffff) >>> 2) {
			found.records++;
			found.faults += (words[at] >>> 16 & 255) === 1;
		}
		return found;
	}

	/* Where each record begins, in words; which of them are faults. */
	index(begin, nrFaults) {
		const { words } = this;

		for (let at = begin; at < words.length; at += (words[at] & 0xffff) >>> 2) {
			if ((words[at] >>> 16 & 255) === 1)
				this.faults[nrFaults++] = this.count;
			this.starts[this.count++] = at;
		}
	}

	/* What is kept of a fault. Read without get(): there may be many. */
	column(i) {
		const { words } = this, r = this.faults[i], at = this.starts[r];
		const fields = this.faultWords, comm = at + fields.comm;
		const address = at + fields.address, begin = at + fields.begin;

		this.cpu[i] = words[at] >>> 24;
		this.pid[i] = words[at + fields.pid];
		this.mm[i] = words[at + fields.mm];
		this.page[i] = words[address + 1] * 2 ** 20 + (words[address] >>> 12);
		this.time[i] = this.seconds(words[begin + 1] * 2 ** 32 + words[begin]);
		this.cost[i] = this.cycles(r);
		this.kind[i] = faultKind(this, r);
		this.program[i] = i && this.sameName(comm, this.lastComm) ? this.program[i - 1] :
			this.programOf(this.text(r, "comm"));
		this.lastComm = comm;
		this.processes.set(this.pid[i], this.programs[this.program[i]]);
		this.kinds[this.kind[i]]++;
		this.cpus = Math.max(this.cpus, this.cpu[i] + 1);
		this.first = Math.min(this.first, this.time[i]);
		this.last = Math.max(this.last, this.time[i]);
	}

	sameName(at, other) {
		const { words } = this;

		return words[at] === words[other] && words[at + 1] === words[other + 1] &&
			words[at + 2] === words[other + 2] && words[at + 3] === words[other + 3];
	}

	programOf(name) {
		const known = this.programs.indexOf(name);

		return known < 0 ? this.programs.push(name) - 1 : known;
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
		const field = this.field(r, name), offset = field[0], size = field[1];
		const at = this.starts[r] + (offset >>> 2);

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
		const at = this.starts[r] + (this.field(r, name)[0] >>> 2);

		return this.words[at + 1] * 2 ** 20 + (this.words[at] >>> 12);
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
	const inflate = new DecompressionStream("deflate"), writer = inflate.writable.getWriter();
	const reader = inflate.readable.getReader(), bytes = new Uint8Array(size);

	writer.write(fromBase64(base64));
	writer.close();
	for (let at = 0; ;) {
		const { done, value } = await reader.read();

		if (done)
			return bytes.buffer;
		bytes.set(value, at);
		at += value.length;
	}
}

function fromBase64(base64) {
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(base64);
	const text = atob(base64), bytes = new Uint8Array(text.length);

	for (let i = 0; i < text.length; i++)
		bytes[i] = text.charCodeAt(i);
	return bytes;
}
