/* SPDX-License-Identifier: MIT */
/*
 * probe.h - how a user program looks at its own memory, without help from the kernel beyond what
 * every Linux has: /proc/self/pagemap (which frame), /proc/self/maps (which promise), getrusage
 * (how many faults), mincore (resident?).
 */
#ifndef USER_PROBE_H
#define USER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <setjmp.h>
#include <sys/types.h>

#define PAGE 4096UL

/*
 * Keeps the compiler from dropping or merging an access: the access itself is what we are here
 * for.
 */
#define peek(addr) (*(volatile unsigned char *)(addr))
#define poke(addr, v) (*(volatile unsigned char *)(addr) = (unsigned char)(v))

/* What /proc/PID/pagemap says of one page (Linux Documentation/admin-guide/mm/pagemap.rst). */
struct pagemap_entry {
	bool present;    /* bit 63: a frame is mapped */
	bool swapped;    /* bit 62: the contents are in the swap area */
	bool file;       /* bit 61: page of a file, or of shared anonymous memory */
	bool exclusive;  /* bit 56: mapped by this address space only */
	bool soft_dirty; /* bit 55 */
	uint64_t pfn;    /* bits 0..54 if present; 0 for a reader without CAP_SYS_ADMIN */
};

struct pagemap_entry pagemap_entry(const void *addr);
bool is_present(const void *addr);
bool is_swapped(const void *addr);
uint64_t pfn_of(const void *addr);
size_t count_present(const void *addr, size_t pages);
size_t count_swapped(const void *addr, size_t pages);

/* False when pagemap hides frame numbers (not root): claims about frames are then skipped. */
bool pfns_visible(void);

/* One line of /proc/self/maps. */
struct mapping {
	uintptr_t start, end;
	char perms[5]; /* as printed: "rw-p" */
	unsigned long offset;
	char name[128];
};

/* Finds the line that covers addr. False if there is none. */
bool maps_find(const void *addr, struct mapping *m);

/*
 * Describes the lines that start inside [addr, addr + pages) as "0-2 rw-p, 3-4 r--p", in pages
 * from addr: the layout as a string, easy to compare and to read. The result is a static buffer.
 */
const char *maps_layout(const void *addr, size_t pages);

/* Page faults of this process so far; subtract two of them. */
struct faults {
	long minor, major;
};
struct faults faults(void);

/* Faults (minor + major, or minor alone) since an earlier faults(). */
long faults_since(struct faults then);
long minor_since(struct faults then);

/* Is the page resident? 1 or 0, -1 if not mapped. */
int mincore_page(const void *addr);

/* A mapping of the file from its start, anonymous if fd is negative; bails out on failure. */
char *map_pages(size_t pages, int prot, int flags, int fd);

/* Fresh private anonymous memory, read and write; bails out on failure. */
void *map_anon(size_t pages);

/* The value of a `Name:` line of /proc/meminfo in KiB, -1 if there is none. */
long meminfo_kb(const char *name);

/* The same of /proc/self/status, such as RssAnon. */
long status_kb(const char *name);

/* A counter of /proc/vmstat, which are the whole machine's; -1 if there is none of that name. */
long vmstat(const char *name);

/*
 * Writes back what is dirty and empties the page cache of what nobody maps. False if this process
 * may not (not root).
 */
bool empty_page_cache(void);

/*
 * Runs fn(arg) in a child. Returns its wait status: WEXITSTATUS is what fn returned. The child
 * shares the terminal but leaves by _exit, so nothing buffered is printed twice.
 */
int run_in_child(int (*fn)(void *), void *arg);

/* The exit status of a wait status, or 128 + signal, as a shell says it. */
int wait_code(int status);

/*
 * Catching faults. catch_faults() installs a SIGSEGV and SIGBUS handler on an alternate stack; then
 *	if (CATCH() == 0) { poke(addr, 1); }
 * runs the block and CAUGHT tells, after it, what arrived.
 */
struct caught {
	int sig, code;
	void *addr;
	unsigned long cr2, err, trapno, ip;
};
extern struct caught caught;
extern sigjmp_buf catch_env;
void catch_faults(void);
#define CATCH() (caught.sig = 0, sigsetjmp(catch_env, 1))

/* True if the access faulted with exactly this signal and code at exactly this address. */
bool faults_with(const void *addr, char access, int sig, int code);

/*
 * Opens a new, empty file for reading and writing on a real disk: in $TMPDIR, the current
 * directory, / or /tmp, the first that is writable and not a RAM file system. The name is in
 * `path` (size bytes); bails out if there is no place at all.
 */
int open_scratch(char *path, size_t size, const char *dir);

/* xorshift64: a small repeatable random source, the same numbers for the same seed everywhere. */
uint64_t next_random(uint64_t *state);

#endif
