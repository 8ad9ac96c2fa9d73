/* SPDX-License-Identifier: MIT */
/*
 * Memory-only files: what tmpfs, memfd_create(2), System V segments and MAP_SHARED | MAP_ANONYMOUS are
 * made of. Contents live in the page cache and, when memory is short, in swap: then the place of the
 * page in i_pages holds the swap entry, as a value. Whoever looks there finds one or the other, or
 * nothing: a hole, which reads as zeroes.
 *
 * A page that was never written is clean, and may be dropped like a file's: it is a hole again. All
 * others are dirty as long as they are in the page cache, for they are nowhere else.
 *
 * What a slot's count says: the value in i_pages is one user, as an entry in a page table is. Between
 * page and value the place changes under tree_lock, with the page locked.
 */
#ifndef MM_BACKING_SHMEM_H
#define MM_BACKING_SHMEM_H

#include "lib/atomic.h"
#include "lib/list.h"
#include "mm/backing/filemap.h"
#include "mm/backing/swap.h"

struct file;
struct vm_area_struct;
struct vm_fault;

/* What the files of one file system may have together, in pages. */
struct shmem_limit {
	atomic_long_t used;
	long max; /* 0: no limit */
};

/* A memory-only file beside its page cache; part of its inode. */
struct shmem {
	struct address_space *mapping; /* constant */
	struct shmem_limit *limit;     /* NULL: none; constant */
	unsigned long reserved;        /* pages promised at birth; 0: each is when it is made; constant */
	unsigned long swapped;         /* values in i_pages; tree_lock */
	unsigned int seals;            /* F_SEAL_*; i_mmap_rwsem to set */
	unsigned int being_mapped;     /* shared, writable VMAs not in the tree yet; i_mmap_rwsem */
	unsigned int unusing;          /* swapoffs that look through it; swaplist_lock */
	struct list_head swaplist;     /* of those that may have swapped pages; swaplist_lock */
};

/* Seals of fcntl(2): what may not be done to the file any more. */
#define F_SEAL_SEAL 0x1u
#define F_SEAL_SHRINK 0x2u
#define F_SEAL_GROW 0x4u
#define F_SEAL_WRITE 0x8u
#define F_SEAL_FUTURE_WRITE 0x10u

extern const struct vm_operations_struct shmem_vm_ops;

/* --- life --- */
/*
 * Make @mapping, fresh, that of a memory-only file of which @reserved pages are promised now. 0, or
 * -ENOMEM: more than there could ever be.
 */
int shmem_init_mapping(struct shmem *shmem, struct address_space *mapping,
		       struct shmem_limit *limit, unsigned long reserved);
/* The file dies: truncate_inode_pages() was called, nobody maps it. May wait for a swapoff. */
void shmem_destroy(struct shmem *shmem);
/*
 * A new nameless file of @size bytes, open for reading and writing, which /proc/PID/maps calls
 * "/@name (deleted)". @vm_flags: VM_NORESERVE, or its size is promised now. One reference. ERR_PTR(-ENOMEM,
 * -ENFILE). The file system fills it in (fs/tmpfs).
 */
struct file *shmem_file_setup(const char *name, loff_t size, unsigned long vm_flags);
/*
 * Gives a new VMA, not yet in its tree, such a file of its own size; the reference on the file it
 * had (/dev/zero mapped shared) is put. 0 or -ENOMEM.
 */
int shmem_zero_setup(struct vm_area_struct *vma);
/*
 * file_operations.mmap. -EPERM: sealed. A shared mapping that may be written is noted, so that no seal
 * comes before it is in the tree of the reverse map: once it is, shmem_mmap_done() takes the note back.
 * Of other VMAs the latter does nothing.
 */
int shmem_mmap(struct file *file, struct vm_area_struct *vma);
void shmem_mmap_done(struct vm_area_struct *vma);
/* Set more seals. 0; -EBUSY: F_SEAL_WRITE of a file that is mapped shared and writable; -EPERM. */
int shmem_add_seals(struct shmem *shmem, unsigned int seals);

/* --- pages --- */
enum shmem_want {
	SHMEM_READ,  /* a hole gives no page */
	SHMEM_CACHE, /* a hole is filled with zeroes; -EINVAL beyond the file's end */
	SHMEM_WRITE, /* a hole is filled, wherever */
};
/*
 * The page at @index: referenced, locked, up to date; *@page NULL for a hole. 0; -ENOMEM; -ENOSPC: the file
 * system is full; -EIO: swap cannot be read. Who writes to it makes it dirty. May sleep.
 */
int shmem_get_page(struct address_space *mapping, pgoff_t index, enum shmem_want want,
		   struct page **page);
/* For write(2) of bytes up to @to of the page: as SHMEM_WRITE. ERR_PTR; also -EPERM: sealed. */
struct page *shmem_write_begin(struct address_space *mapping, pgoff_t index, unsigned int to);
/* For read(2): the page, not locked, with a reference; the zero page for a hole. ERR_PTR. */
struct page *shmem_read_page(struct address_space *mapping, pgoff_t index);
/* Bytes [from, to) of page @index become zero; in a hole they are. 0, -ENOMEM, -EIO. */
int shmem_zero_part(struct address_space *mapping, pgoff_t index, unsigned int from,
		    unsigned int to);
/*
 * fallocate(2): make the pages of [first, end) that are not there, for good. 0; or -ENOSPC, -ENOMEM, -EINTR,
 * -EIO: then those made are holes again. Inode lock held.
 */
int shmem_allocate(struct address_space *mapping, pgoff_t first, pgoff_t end);
/* vm_ops.fault */
vm_fault_t shmem_fault(struct vm_fault *vmf);
/* For mincore(2): would an access find it in memory? */
bool shmem_is_cached(struct address_space *mapping, pgoff_t index);
/* Of pages [first, last]: how many are in swap only. */
unsigned long shmem_swap_usage(struct address_space *mapping, pgoff_t first, pgoff_t last);
/* st_blocks: of 512 bytes. */
unsigned long shmem_blocks(const struct address_space *mapping);
/* The next byte at or after @pos that is (@data) or is not in a hole, below @size; @size if none. */
loff_t shmem_seek(struct address_space *mapping, loff_t pos, loff_t size, bool data);
/* MADV_WILLNEED: read what is in swap of [first, last]. */
void shmem_willneed(struct address_space *mapping, pgoff_t first, pgoff_t last);

/* --- promises --- */
/* One page more. False: the file system is full, or memory. */
bool shmem_charge(struct shmem *shmem);
/* Pages left i_pages for good. tree_lock may be held. */
void shmem_uncharge(struct shmem *shmem, unsigned long pages);
/* The value @entry seen at @index goes, with its slot. False: it changed. No lock held. */
bool shmem_drop_slot(struct address_space *mapping, pgoff_t index, void *entry);

/* --- swap (mm/backing/shmem_swap.c) --- */
/*
 * Reclaim: the locked, dirty, unmapped page moves from the page cache to the swap cache, still to be
 * written. False: no slot, no memory, or somebody else has it or wants it here; nothing changed.
 */
bool shmem_swap_out(struct page *page);
/*
 * The locked page of the swap cache goes back to @index of @mapping, where @entry stood, and its slot is
 * free. 0; -EAGAIN: something changed, look again; -EIO: it could not be read.
 */
int shmem_swap_in(struct address_space *mapping, pgoff_t index, void *entry, struct page *page);
/* swapoff: bring back what the area has. 0, -EINTR, -ENOMEM, -EIO. */
int shmem_unuse(unsigned int type);
/* It dies: swapoff will not find it any more, and does not look at it. Sleeps. */
void shmem_leave_swaplist(struct shmem *shmem);
/* For the audit: the files that may have slots; pages promised to all memory-only files. */
extern struct list_head shmem_swaplist;
extern atomic_long_t shmem_committed;

static inline void *swp_to_value(swp_entry_t entry) { return xa_mk_value(entry.val); }
static inline swp_entry_t value_to_swp(const void *value) { return (swp_entry_t){ xa_to_value(value) }; }

#endif
