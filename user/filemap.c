/* SPDX-License-Identifier: MIT */
/*
 * filemap - a file as memory. Usage: filemap [DIRECTORY]
 *
 * What you see: a private mapping copies a page at its first write and never changes the file; a
 * shared one IS the file, so read(2), write(2) and the mapping show the same bytes at once, and
 * msync puts them on the disk. One fault maps up to 16 cached pages around it. The last page's
 * tail reads zero, and a page beyond the end of the file is a SIGBUS.
 *
 * Served by: do_fault -> do_read_fault (with fault-around), do_cow_fault, do_shared_fault
 * (page_mkwrite); the page cache under generic read and write; msync -> writeback; truncate ->
 * unmap_mapping_range.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "probe.h"
#include "tap.h"

#define PAGES 64
#define SIZE (PAGES * PAGE - 1000) /* the last page is not full */

static char path[256];

static unsigned char byte_at(size_t i)
{
	return i * 7 + i / PAGE * 13 + 1;
}

/*
 * A new file with a known pattern, closed and opened again, so that nothing but the path leads to
 * it.
 */
static int make_file(const char *dir)
{
	static unsigned char buf[PAGES * PAGE];
	int fd = open_scratch(path, sizeof(path), dir);

	for (size_t i = 0; i < SIZE; i++)
		buf[i] = byte_at(i);
	if (write(fd, buf, SIZE) != (ssize_t)SIZE || fsync(fd))
		bail("write the scratch file");
	close(fd);
	fd = open(path, O_RDWR);
	if (fd < 0)
		bail("open the scratch file again");
	return fd;
}

static unsigned char *map_file(int fd, int flags)
{
	void *p = mmap(NULL, (PAGES + 2) * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		bail("mmap the scratch file");
	return p;
}

static int file_byte(int fd, off_t at)
{
	unsigned char c;

	return pread(fd, &c, 1, at) == 1 ? c : -1;
}

static int pages_inherited(void *p)
{
	return count_present(p, PAGES);
}

static void reading(int fd)
{
	unsigned char *p = map_file(fd, MAP_PRIVATE);
	struct faults then;
	size_t wrong = 0;
	long n;

	for (size_t i = 0; i < SIZE; i += 512) /* brings the file into the page cache */
		file_byte(fd, i);
	ok_eq(count_present(p, PAGES), 0, "mapping a file maps no page yet");
	then = faults();
	for (size_t i = 0; i < SIZE; i++)
		wrong += peek(p + i) != byte_at(i);
	n = faults_since(then);
	ok_eq(wrong, 0, "%d pages read through the mapping: every byte is the file's", PAGES);
	ok(n >= 1 && n <= PAGES / 4, "with fewer faults than pages: fault-around");
	diag("%ld faults for %d pages", n, PAGES);
	ok(pagemap_entry(p).file, "pagemap calls such a page a file page");
	ok_eq(wait_code(run_in_child(pages_inherited, p)), 0,
	      "fork does not copy what the file can give again: a child starts with none of them");
	for (wrong = 0, n = SIZE; n < (long)(PAGES * PAGE); n++)
		wrong += peek(p + n) != 0;
	ok_eq(wrong, 0, "behind the end of the file the last page is zero");
	ok(faults_with(p + PAGES * PAGE + 17, 'r', SIGBUS, BUS_ADRERR),
	   "the page after that is SIGBUS, BUS_ADRERR");
	ok(faults_with(p + PAGES * PAGE + 17, 'w', SIGBUS, BUS_ADRERR), "for a write too");
	munmap(p, (PAGES + 2) * PAGE);
}

static void private_writing(int fd)
{
	unsigned char *p = map_file(fd, MAP_PRIVATE);
	struct faults then = faults();

	poke(p + 3 * PAGE + 10, 0xee);
	ok_eq(faults_since(then), 1, "private mapping: the first touch is a write, one fault");
	ok_eq(peek(p + 3 * PAGE + 10), 0xee, "the byte is there");
	ok_eq(peek(p + 3 * PAGE + 11), byte_at(3 * PAGE + 11), "the file's bytes are around it");
	ok(!pagemap_entry(p + 3 * PAGE).file, "the page is anonymous now, a copy");
	ok_eq(file_byte(fd, 3 * PAGE + 10), byte_at(3 * PAGE + 10), "the file did not change");
	(void)peek(p + 5 * PAGE);
	then = faults();
	poke(p + 5 * PAGE, 0xdd);
	ok_eq(minor_since(then), 1, "a write after a read: one minor fault more");
	ok_eq(file_byte(fd, 5 * PAGE), byte_at(5 * PAGE), "and the file did not change");
	ok(madvise(p + 3 * PAGE, PAGE, MADV_DONTNEED) == 0 &&
		   peek(p + 3 * PAGE + 10) == byte_at(3 * PAGE + 10),
	   "MADV_DONTNEED drops the copy: the file's byte is back");
	munmap(p, (PAGES + 2) * PAGE);
}

static void shared_writing(int fd)
{
	unsigned char *p = map_file(fd, MAP_SHARED), *q = map_file(fd, MAP_SHARED);
	struct faults then;
	int other;

	poke(p + 7 * PAGE + 1, 0x77);
	ok_eq(file_byte(fd, 7 * PAGE + 1), 0x77, "shared mapping: read(2) sees a write at once");
	ok_eq(peek(q + 7 * PAGE + 1), 0x77, "so does another mapping");
	if (pfns_visible())
		ok(pfn_of(p + 7 * PAGE) == pfn_of(q + 7 * PAGE), "it is the same frame");
	else
		skip("it is the same frame", "only root sees frame numbers");
	ok_eq(pwrite(fd, "\x55", 1, 9 * PAGE), 1, "write(2) to the file");
	ok_eq(peek(p + 9 * PAGE), 0x55, "is seen through the mapping");
	ok(msync(p, PAGES * PAGE, MS_SYNC) == 0, "msync(MS_SYNC)");
	then = faults();
	poke(p + 7 * PAGE + 2, 0x78);
	ok_eq(minor_since(then), 1,
	      "msync made the page read-only again: the next write faults, to be noticed");
	poke(p + 7 * PAGE + 3, 0x79);
	ok_eq(minor_since(then), 1, "the one after that does not");
	ok_eq(file_byte(fd, 7 * PAGE + 2), 0x78, "a write after msync is seen as well");
	(void)peek(p + 11 * PAGE);
	then = faults();
	poke(p + 11 * PAGE, 0x11);
	ok_eq(minor_since(then), 1, "a first write after a read is noticed as well");
	munmap(p, (PAGES + 2) * PAGE);
	munmap(q, (PAGES + 2) * PAGE);
	other = open(path, O_RDONLY);
	ok(file_byte(other, 7 * PAGE + 1) == 0x77 && file_byte(other, 7 * PAGE + 2) == 0x78 &&
		   file_byte(other, 9 * PAGE) == 0x55,
	   "unmapped and opened again: all three bytes are in the file");
	close(other);
}

static void permissions(int fd)
{
	int ro = open(path, O_RDONLY);
	unsigned char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);

	ok(p != MAP_FAILED && peek(p) == file_byte(fd, 0),
	   "a file open for reading can be mapped shared to read");
	ok(faults_with(p, 'w', SIGSEGV, SEGV_ACCERR), "and a write to it is SIGSEGV, SEGV_ACCERR");
	ok(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED,
	   "but it cannot be mapped shared to write");
	munmap(p, PAGE);
	close(ro);
}

static void truncating(int fd)
{
	unsigned char *p = map_file(fd, MAP_SHARED);
	struct stat st;

	poke(p + 20 * PAGE, 1);
	poke(p + 10 * PAGE + 200, 0x44);
	ok(ftruncate(fd, 10 * PAGE + 100) == 0, "the file is cut under the mapping");
	ok(faults_with(p + 20 * PAGE, 'r', SIGBUS, BUS_ADRERR),
	   "a page that was there is SIGBUS now");
	ok_eq(peek(p + 10 * PAGE + 99), byte_at(10 * PAGE + 99), "the last byte kept is there");
	ok_eq(peek(p + 10 * PAGE + 200), 0, "the tail of the last page was zeroed");
	ok(ftruncate(fd, 30 * PAGE) == 0 && fstat(fd, &st) == 0 && st.st_size == (off_t)(30 * PAGE),
	   "it grows again");
	ok_eq(peek(p + 20 * PAGE), 0, "what was cut off comes back as zeroes");
	poke(p + 25 * PAGE, 0x25);
	ok_eq(file_byte(fd, 25 * PAGE), 0x25, "and a write into the hole reaches the file");
	munmap(p, (PAGES + 2) * PAGE);
}

int main(int argc, char **argv)
{
	int fd = make_file(argc > 1 ? argv[1] : NULL);

	catch_faults();
	reading(fd);
	private_writing(fd);
	shared_writing(fd);
	permissions(fd);
	truncating(fd);
	close(fd);
	ok(unlink(path) == 0 && open(path, O_RDONLY) < 0, "the scratch file is removed");
	return tap_done();
}
