/* SPDX-License-Identifier: MIT */
/*
 * The shootdown of arch/x86_64/mm/tlb.c, whose functions and fields the names here are: a map of
 * two pages and one page table, seen from a CPU that uses it, while two others take things away.
 *
 *	cpu      touches the pages, becomes lazy, changes to the kernel's map and comes back
 *	walker   the same CPU's hardware: whenever the map is loaded, lazy or not, it may walk the
 *	         tables and remember what it finds: the entry in the TLB, the table in the
 *	         paging-structure cache
 *	unmapper munmap of one page, or of both and the table
 *	reclaim  clears entries, flushes once for all of them, and only then frees
 *
 * The claims, held in every order of their steps:
 *	a CPU in user mode uses no translation to a frame that was freed
 *	no CPU walks a table that was freed
 *	when munmap returns no CPU in user mode holds a translation that it, or reclaim, took away
 *	nobody waits for ever
 *
 * Where the code needs a barrier the steps stand in its order. Each BUG_... plants a mistake, which
 * must be found; a barrier left out is the two steps the other way round.
 */
#define PAGES 2
#define FRAMES 3 /* numbered from 1; 0: none */
#define ALL PAGES /* a range: all pages */
#define CURRENT 255 /* the generation when the request is answered */
#ifndef UNMAPS /* larger numbers take long, and found nothing more */
#define UNMAPS 1
#define BATCHES 1
#define NAPS 1
#endif

/* The map. Page-table entries hold frame numbers; a frame may be used while it is the map's. */
byte pte[PAGES];
bool table = true; /* the upper entry leads to it */
bool table_freed;
bool ours[FRAMES + 1];
bool mmap_write; /* mmap_lock is held for writing */
bool ptl;
byte tlb_gen = 1, tlb_batched, tlb_unbatched;
bool cpumask = true;

/* The CPU. */
bool loaded = true; /* loaded_mm is this map, not the kernel's */
bool used = true;   /* used_mm is it as well: not lazy */
bool user = true;   /* in user mode */
byte gen = 1, slot_gen;
byte tlb[PAGES];
bool walk_cache; /* the upper entry is remembered */

/* What the unmapper (0) and reclaim (1) ask of it. */
bool asked[2], ask_tables;
byte ask_pages[2], ask_gen[2];

/* --- the CPU forgets --- */
#define FORGET_ALL tlb[0] = 0; tlb[1] = 0; walk_cache = false

inline catch_up(pages, g)
{
	if
#ifdef BUG_COMPARED_BACKWARDS
	:: gen <= g -> skip
#else
	:: gen >= g -> skip
#endif
	:: else ->
#ifdef BUG_GENERATION_READ_LATE
		d_step { FORGET_ALL };
		gen = tlb_gen
#else
		now = tlb_gen;
		d_step {
			if
#ifdef BUG_RANGE_THOUGH_OTHERS_MISSED
			:: pages != ALL ->
#else
			:: gen + 1 == g && g == now && pages != ALL ->
#endif
				tlb[pages] = 0;
				walk_cache = false
			:: else -> FORGET_ALL
			fi;
			gen = now;
			now = 0
		}
#endif
	fi
}

inline load_init_mm()
{
	used = false;
	d_step {
		slot_gen = gen;
		loaded = false
	};
	cpumask = false
}

/* flush_on_request(), batch_on_request() */
inline on_request(s)
{
	if
	:: ask_gen[s] == CURRENT -> ask_gen[s] = tlb_gen
	:: else -> skip
	fi;
	if
	:: used -> catch_up(ask_pages[s], ask_gen[s])
	:: !used && s == 0 && ask_tables && loaded -> load_init_mm()
	:: else -> skip
	fi;
	d_step {
		ask_gen[s] = 0;
		ask_pages[s] = 0;
		asked[s] = false
	}
}

/* --- others have it forget --- */
inline ask(s, pages, g)
{
	d_step {
		ask_pages[s] = pages;
		ask_gen[s] = g;
		asked[s] = true
	};
	!asked[s]
}

#define RAISE_TLB_GEN d_step { tlb_gen++; g = tlb_gen }

/* flush_mm_slow(), after the generation was raised to g */
inline flush_mm(pages, g, tables)
{
	if
	:: cpumask ->
		if
#ifndef BUG_LAZY_KEEP_FREED_TABLES
		:: tables -> ask_tables = true; ask(0, pages, g); ask_tables = false
		:: !tables && used -> ask(0, pages, g)
#else
		:: used -> ask(0, pages, g)
#endif
		:: else -> skip
		fi
	:: else -> skip
	fi
}

/* --- the CPU runs --- */

/* Nothing in the TLB and nothing in the tables: a page fault installs a page, and a table. */
inline fault(p)
{
	d_step {
		!tlb[p] && !pte[p] && !mmap_write && !ptl && !(ours[1] && ours[2] && ours[3]) ->
		if
		:: !ours[1] -> pte[p] = 1
		:: else ->
			if
			:: !ours[2] -> pte[p] = 2
			:: else -> pte[p] = 3
			fi
		fi;
		ours[pte[p]] = true;
		if
		:: !table -> table = true; table_freed = false
		:: else -> skip
		fi
	}
}

/* Interrupts are off. */
inline stop_being_lazy()
{
#ifdef BUG_NO_BARRIER_LEAVING_LAZY
	now = tlb_gen;
	used = true;
#else
	used = true;
	now = tlb_gen;
#endif
	d_step {
		if
		:: gen == now -> skip
		:: else -> FORGET_ALL
		fi;
		gen = now;
		now = 0
	}
}

/* With PCID what was kept under the slot stays if no generation was missed. */
inline load_mm()
{
	used = true;
#ifdef BUG_MASK_SET_LATE
	now = tlb_gen;
	cpumask = true;
#else
	cpumask = true;
	now = tlb_gen;
#endif
	d_step {
		if
#ifdef BUG_SLOT_NOT_COMPARED
		:: true -> skip
#else
		:: slot_gen == now -> skip
#endif
		:: else -> FORGET_ALL
		fi;
		gen = now;
		now = 0;
		loaded = true
	}
}

active proctype cpu()
{
	byte now, naps;

running:
	do
	:: asked[0] -> on_request(0)
	:: asked[1] -> on_request(1)
	:: d_step { tlb[0] -> assert(ours[tlb[0]]) }
	:: d_step { tlb[1] -> assert(ours[tlb[1]]) }
	:: fault(0)
	:: fault(1)
	:: d_step { naps < NAPS -> naps++; user = false; used = false }; break
	:: naps == NAPS -> goto asleep
	od;
	do /* lazy */
	:: asked[0] -> on_request(0)
	:: asked[1] -> on_request(1)
	:: loaded -> load_init_mm()
	:: loaded -> stop_being_lazy(); break
	:: !loaded -> load_mm(); break
	od;
	do /* interrupts on: requests come before the first instruction of user mode */
	:: asked[0] -> on_request(0)
	:: asked[1] -> on_request(1)
	:: d_step { !asked[0] && !asked[1] -> user = true }; goto running
	od;
asleep:
end:	do
	:: asked[0] -> on_request(0)
	:: asked[1] -> on_request(1)
	od
}

#define WALK(p) d_step { \
		loaded && (walk_cache || table) && \
			(table_freed || !walk_cache || (pte[p] && tlb[p] != pte[p])) -> \
		assert(!table_freed); \
		walk_cache = true; \
		if \
		:: pte[p] -> tlb[p] = pte[p] \
		:: else -> skip \
		fi \
	}

active proctype walker()
{
end:	do
	:: WALK(0)
	:: WALK(1)
	od
}

/* --- munmap, of page 0 or of all --- */
inline do_munmap()
{
	d_step { !ptl -> ptl = true; f = pte[0] };
	pte[0] = 0;
	if
#ifndef BUG_BATCH_FORGOTTEN
	:: !f && tlb_batched != tlb_unbatched -> /* __flush_tlb_batched_pending() */
		batched = tlb_batched;
		RAISE_TLB_GEN;
		flush_mm(ALL, g, false);
		d_step { tlb_unbatched = batched; batched = 0 }
#endif
	:: else -> skip
	fi;
	ptl = false;
	if
	:: f ->
#ifdef BUG_FREED_BEFORE_FLUSH
		ours[f] = false;
#endif
#ifdef BUG_NO_BARRIER_BEFORE_LAZY_CHECK
		lazy = !used;
		RAISE_TLB_GEN;
		if
		:: cpumask && !lazy -> ask(0, 0, g)
		:: else -> skip
		fi
#else
		RAISE_TLB_GEN;
		flush_mm(0, g, false)
#endif
	:: else -> skip
	fi;
	d_step {
		ours[f] = false;
		f = 0;
		g = 0;
		assert(!(user && tlb[0]))
	}
}

inline do_munmap_all()
{
	d_step { !ptl -> f = pte[0]; f2 = pte[1]; pte[0] = 0; pte[1] = 0 };
	table = false;
	RAISE_TLB_GEN;
	flush_mm(ALL, g, true);
	d_step {
		ours[f] = false;
		ours[f2] = false;
		f = 0;
		f2 = 0;
		g = 0;
		table_freed = true;
		assert(!(user && (tlb[0] || tlb[1])))
	}
}

active proctype unmapper()
{
	byte f, f2, g, batched, unmaps;
#ifdef BUG_NO_BARRIER_BEFORE_LAZY_CHECK
	bool lazy;
#endif

	do
	:: unmaps < UNMAPS ->
		unmaps++;
		mmap_write = true;
		if
		:: do_munmap()
		:: do_munmap_all()
		fi;
		mmap_write = false
	:: unmaps == UNMAPS -> break
	od
}

/* --- reclaim --- */
inline unmap_one(p, f)
{
	d_step { !ptl -> ptl = true; f = pte[p] };
	if
	:: f ->
		pte[p] = 0;
		RAISE_TLB_GEN;
		d_step { in_batch = in_batch || cpumask; tlb_batched = g; g = 0 }
	:: else -> skip
	fi;
	ptl = false
}

active proctype reclaim()
{
	byte f, f2, g, batches;
	bool in_batch;

	do
	:: batches < BATCHES ->
		batches++;
		unmap_one(0, f);
		unmap_one(1, f2);
#ifndef BUG_BATCH_NOT_FLUSHED
		if /* tlb_batch_flush() */
		:: in_batch && used -> ask(1, ALL, CURRENT)
		:: else -> skip
		fi;
#endif
		d_step {
			ours[f] = false;
			ours[f2] = false;
			f = 0;
			f2 = 0;
			in_batch = false
		}
	:: batches == BATCHES -> break
	od
}
