/* SPDX-License-Identifier: MIT */
/*
 * The lock of one VMA, mm/space/vma_lock.h, whose functions and fields the names here are: two
 * threads fault in it, by their hints, by a walk without locks, or under mmap_lock; a third shrinks
 * it, so that it contains the address no more, or removes it, and frees it after a grace period.
 *
 * The claims, held in every order of their steps:
 *	a VMA that a fault holds contains the address, is in the map, and nobody is changing it
 *	nobody looks at a VMA that was freed
 *	nobody waits for ever: no wake-up is missed                            (spin's end states)
 *
 * Each BUG_... plants a mistake, which must be found.
 */
#define READERS 2
#ifndef FAULTS
#define FAULTS 2  /* of each reader */
#define CHANGES 2 /* of the writer */
#endif
#define CLOSED 100 /* in vm_readers: added to the count */

/* The VMA. */
byte vm_readers, vm_lock_seq;
bool contains = true; /* the address */
bool in_tree = true, changing, freed;
/* The mm. */
byte mm_lock_seq = 1, vma_left_seq;
bool write_locked;    /* mmap_lock */
byte read_locked;
bool waiting, woken;  /* the writer, on vma_wait */
bool in_rcu[READERS];

#define LOOK assert(!freed)

inline vma_end_read_()
{
	d_step {
		LOOK;
		vm_readers--;
		wake = vm_readers >= CLOSED
	};
#ifndef BUG_NOT_WOKEN
	if /* vma_wake_writer(): the VMA is not looked at any more */
	:: wake -> d_step { woken = woken || waiting; wake = false }
	:: else -> skip
	fi
#else
	wake = false
#endif
}

/* locked: whether it could be */
inline vma_start_read()
{
#ifdef BUG_COUNTED_LATE
	d_step { LOOK; seq = vm_lock_seq; locked = vm_readers < CLOSED && seq != mm_lock_seq };
	d_step { LOOK; vm_readers++ };
#else
	d_step { LOOK; vm_readers++; locked = vm_readers < CLOSED };
	if
	:: locked ->
		d_step { LOOK; seq = vm_lock_seq };
		d_step { locked = seq != mm_lock_seq; seq = 0 }
	:: else -> skip
	fi;
#endif
	if
	:: !locked -> vma_end_read_()
	:: else -> skip
	fi
}

/* Locked: does it contain the address? */
inline look_again()
{
	if
#ifndef BUG_NOT_LOOKED_AGAIN
	:: locked && !contains -> locked = false; vma_end_read_()
#endif
	:: else -> skip
	fi
}

inline lock_vma_under_rcu()
{
	in_rcu[me] = true;
	if
	:: hint && hint_seq == vma_left_seq ->
		d_step { LOOK; found = contains };
		if
		:: found -> vma_start_read(); look_again()
		:: else -> skip
		fi
	:: else -> skip
	fi;
	if
	:: !locked ->
		found = in_tree;
		if
		:: found -> d_step { LOOK; found = contains }
		:: else -> skip
		fi;
		if
		:: found -> vma_start_read(); look_again()
		:: else -> skip
		fi;
		if
		:: locked -> d_step { hint = true; hint_seq = vma_left_seq }
		:: else -> skip
		fi
	:: else -> skip
	fi;
	d_step { found = false; in_rcu[me] = false }
}

active [READERS] proctype reader()
{
	byte faults, seq, hint_seq, me = _pid;
	bool hint, found, locked, wake;

	do
	:: faults < FAULTS ->
		faults++;
		lock_vma_under_rcu();
		if
		:: locked ->
			assert(contains && in_tree && !changing && !freed);
			skip; /* the fault: anything may happen meanwhile */
			assert(contains && in_tree && !changing && !freed);
			locked = false;
			vma_end_read_()
		:: else -> /* mmap_lock */
			d_step { !write_locked -> read_locked++ };
			assert(!changing);
			read_locked--
		fi
	:: faults == FAULTS -> break
	od
}

/* --- the writer --- */
inline vma_start_write()
{
	if
	:: vm_lock_seq == mm_lock_seq -> skip
	:: else ->
		d_step { others = vm_readers; vm_readers = vm_readers + CLOSED };
#ifndef BUG_NOT_WAITED_FOR
		do /* wait_event() */
		:: !others -> break
		:: others ->
			waiting = true;
			if
			:: vm_readers == CLOSED -> d_step { waiting = false; woken = false; others = 0 }
			:: else -> d_step { woken -> woken = false }
			fi
		od;
#endif
#ifdef BUG_OPENED_TOO_SOON
		vm_readers = vm_readers - CLOSED;
		vm_lock_seq = mm_lock_seq
#else
		vm_lock_seq = mm_lock_seq;
		vm_readers = vm_readers - CLOSED
#endif
	fi
}

inline mmap_write_unlock()
{
	mm_lock_seq++;
	write_locked = false
}

active proctype writer()
{
	byte changes, others;

	do
	:: changes < CHANGES && in_tree ->
		changes++;
		d_step { !write_locked && !read_locked -> write_locked = true };
		vma_start_write();
		changing = true;
		if
		:: contains = !contains; changing = false
		:: in_tree = false; changing = false;
			/* vma_mark_detached() */
#ifndef BUG_NOT_CLOSED_FOR_GOOD
			vm_readers = vm_readers + CLOSED;
#ifndef BUG_PASSERS_BY_NOT_WAITED_FOR
			vm_readers == CLOSED;
#endif
#endif
#ifndef BUG_NOT_COUNTED_AS_LEFT
			vma_left_seq++
#endif
		fi;
		mmap_write_unlock()
	:: changes == CHANGES || !in_tree -> break
	od;
	if
	:: !in_tree -> /* call_rcu() */
#ifndef BUG_NO_GRACE_PERIOD
		!in_rcu[0];
		!in_rcu[1];
#endif
		freed = true
	:: else -> skip
	fi
}
