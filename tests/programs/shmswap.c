/* SPDX-License-Identifier: MIT */
/*
 * shmswap: shared memory and files of tmpfs larger than RAM, in swap and back, with every word checked; swapoff
 * while they are used, and while they go. TAP. Usage: shmswap [MIB], with a swap area on, as root.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096UL
#define WORDS (PAGE / sizeof(uint64_t))

#define OTHERS 2048 /* KiB that other processes may have in swap by now */

static char device[256]; /* of the swap area */

/* KiB in use of the swap area; its path goes to device[]. */
static long swap_used(void)
{
	char line[512];
	long used = -1;
	FILE *f = fopen("/proc/swaps", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (line[0] == '/' && sscanf(line, "%255s %*s %*s %ld", device, &used) == 2)
			break;
	fclose(f);
	return used;
}

static void fill(uint64_t *page, uint64_t number, uint64_t version)
{
	page[0] = number;
	page[1] = version;
	for (size_t i = 2; i < WORDS; i++)
		page[i] = (number + i) * 0x9e3779b97f4a7c15UL ^ version;
}

static bool is_right(const uint64_t *page, uint64_t number)
{
	for (size_t i = 2; i < WORDS; i++)
		if (page[i] != ((number + i) * 0x9e3779b97f4a7c15UL ^ page[1]))
			return false;
	return page[0] == number;
}

static size_t wrong(const uint64_t *area, size_t pages)
{
	size_t n = 0;

	for (size_t i = 0; i < pages; i++)
		n += !is_right(area + i * WORDS, i);
	return n;
}

static uint64_t *shared(size_t pages)
{
	uint64_t *area =
		mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		_exit(99);
	for (size_t i = 0; i < pages; i++)
		fill(area + i * WORDS, i, 0);
	return area;
}

/* Write every page with number % of == self anew, in an odd order; look at each twice. */
static int stir(uint64_t *area, size_t pages, size_t self, size_t of, int rounds)
{
	size_t bad = 0, at = self;

	for (int round = 1; round <= rounds; round++) {
		for (size_t n = 0; n < pages / of; n++) {
			at = (at + 7 * of) % pages;
			if (at % of != self)
				at = (at + of - at % of + self) % pages;
			bad += !is_right(area + at * WORDS, at);
			fill(area + at * WORDS, at, area[at * WORDS + 1] + 1);
			bad += area[at * 13 % pages * WORDS] != at * 13 % pages; /* anybody's */
		}
	}
	return bad ? 1 : 0;
}

static bool all_well(int children)
{
	int status, good = 0;

	while (children-- && wait(&status) > 0)
		good += WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 1;
	return !good;
}

static void larger_than_ram(size_t pages)
{
	long before = swap_used();
	uint64_t *area = shared(pages);

	check(swap_used() > before, "shared memory larger than RAM goes to swap");
	check(!wrong(area, pages), "and comes back as it was");
	for (size_t i = 0; i < 3; i++)
		if (!fork())
			_exit(stir(area, pages, i, 3, 1));
	check(all_well(3), "three processes write it anew at once");
	check(!wrong(area, pages), "and each finds what the others wrote");
	if (!fork()) {
		munmap(area, pages * PAGE);
		_exit(0);
	}
	check(all_well(1) && !wrong(area, pages), "who unmaps it takes nothing from the others");
	munmap(area, pages * PAGE);
	check(swap_used() <= before + OTHERS, "with the last mapping all its slots are free");
}

static void file_larger_than_ram(size_t pages)
{
	static uint64_t page[WORDS];
	long before = swap_used(), used;
	size_t bad = 0;
	int fd;

	mkdir("shmswap.d", 0755);
	if (!check(!mount("none", "shmswap.d", "tmpfs", 0, "size=80%,nr_inodes=100"), "a tmpfs"))
		return;
	mount("none", "shmswap.d", "tmpfs", MS_REMOUNT, "size=1g");
	fd = open("shmswap.d/file", O_RDWR | O_CREAT, 0600);
	for (size_t i = 0; i < pages; i++) {
		fill(page, i, 5);
		bad += write(fd, page, PAGE) != (ssize_t)PAGE;
	}
	check(!bad && swap_used() > before, "write(2) fills a file of tmpfs larger than RAM");
	for (size_t i = 0; i < pages; i++)
		bad += pread(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE ||
		       !is_right(page, i);
	check(!bad, "read(2) finds all of it");
	used = swap_used();
	check(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			 (off_t)(pages / 4 * PAGE)),
	      "a hole in what is in swap");
	check(swap_used() < used, "its slots are free");
	check(pread(fd, page, PAGE, (off_t)((pages / 4 - 1) * PAGE)) == (ssize_t)PAGE && !page[0] &&
		      !page[9] &&
		      pread(fd, page, PAGE, (off_t)(pages / 4 * PAGE)) == (ssize_t)PAGE &&
		      is_right(page, pages / 4),
	      "it reads as zeroes, and what is behind it as before");
	check(!ftruncate(fd, (off_t)(pages / 2 * PAGE)), "cut to half");
	check(!ftruncate(fd, (off_t)(pages * PAGE)) &&
		      pread(fd, page, PAGE, (off_t)((pages - 1) * PAGE)) == (ssize_t)PAGE &&
		      !page[0] && !page[1],
	      "and it reads as zeroes when the file grows again");
	close(fd);
	check(!umount("shmswap.d"), "unmounted");
	rmdir("shmswap.d");
	check(swap_used() <= before + OTHERS, "nothing of it is left in swap");
}

/* What fits into RAM is all in swap when swapoff begins. */
static void swapoff_in_use(size_t pages)
{
	uint64_t *area = shared(pages);
	bool gone = true;

	for (int round = 0; round < 4; round++) {
		madvise(area, pages * PAGE, MADV_PAGEOUT);
		for (size_t i = 0; i < 2; i++)
			if (!fork())
				_exit(stir(area, pages, i, 2, 2));
		if (!fork()) { /* one whose memory goes to swap, and dies meanwhile */
			madvise(shared(pages / 4), pages / 4 * PAGE, MADV_PAGEOUT);
			_exit(0);
		}
		gone = gone && !swapoff(device);
		gone = all_well(3) && gone;
		gone = !swapon(device, 0) && gone;
	}
	check(gone, "swapoff while two write to what is in swap, and one exits");
	check(!wrong(area, pages), "all of it is there");
	madvise(area, pages * PAGE, MADV_PAGEOUT);
	check(swap_used() > 0 && !swapoff(device), "swapoff of what nobody touches");
	check(swap_used() < 0 && !wrong(area, pages), "brings all of it back");
	munmap(area, pages * PAGE);
	swapon(device, 0);
}

/* Cut, punched and written by others while reclaim takes it: no page shows what was cut off. */
static void cut_under_pressure(size_t pages)
{
	int fd = memfd_create("cut", 0);
	uint64_t *area;
	size_t left = 0;

	ftruncate(fd, (off_t)(pages * PAGE));
	area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		for (size_t n = 0; n < pages * 2; n++) {
			uint64_t *page = area + (n * 7 + (size_t)i) % (pages / 2) * WORDS;

			page[i + 2] = n;
			if (n % 64 == 0)
				madvise(area, pages * PAGE, MADV_PAGEOUT);
		}
		_exit(0);
	}
	for (int n = 0; n < 60; n++) {
		ftruncate(fd, (off_t)(pages / 2 * PAGE));
		ftruncate(fd, (off_t)(pages * PAGE));
		area[(pages / 2 + (size_t)n) * WORDS] = 1;
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(PAGE * (size_t)n),
			  PAGE);
	}
	check(all_well(2), "truncate and punch while others write and reclaim takes");
	ftruncate(fd, (off_t)(pages / 2 * PAGE));
	ftruncate(fd, (off_t)(pages * PAGE));
	for (size_t i = pages / 2; i < pages; i++)
		left += area[i * WORDS] != 0;
	check(!left, "what was cut off is gone");
	munmap(area, pages * PAGE);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sysinfo info;
	size_t ram;

	sysinfo(&info);
	ram = info.totalram / PAGE;
	if (swap_used() < 0)
		return 99;
	larger_than_ram(argc > 1 ? strtoul(argv[1], NULL, 0) * 256 : ram * 5 / 4);
	file_larger_than_ram(argc > 1 ? strtoul(argv[1], NULL, 0) * 256 : ram * 5 / 4);
	swapoff_in_use(ram / 5);
	cut_under_pressure(ram / 8);
	return checks_done();
}
