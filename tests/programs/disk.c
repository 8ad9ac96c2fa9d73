/* SPDX-License-Identifier: MIT */
/*
 * What a test wants done to the root disk; `disk COMMAND ARG...`, status 0 if it was done:
 *
 *	write PATH SIZE SEED     a file of pseudo-random bytes (xorshift32 from SEED, little endian)
 *	check PATH SIZE SEED     it holds exactly those
 *	sync PATH SIZE SEED      write, fsync, say "synced", write PATH.lost, wait for ever
 *	sparse PATH OFFSET       one byte 'x' at OFFSET of an empty file
 *	many DIR COUNT           COUNT files, each holding its own name; then every second one is removed
 *	fill DIR                 write DIR/full until the disk is full; print errno and size
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#define CHUNK 65536

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

/* The next bytes of the sequence. size is a multiple of 4. */
static void generate(uint32_t *state, unsigned char *buf, size_t size)
{
	for (size_t i = 0; i < size; i += 4) {
		*state ^= *state << 13;
		*state ^= *state >> 17;
		*state ^= *state << 5;
		memcpy(buf + i, state, 4);
	}
}

/* All of it, or -1. */
static int write_all(int fd, const unsigned char *buf, size_t size)
{
	while (size) {
		ssize_t n = write(fd, buf, size);

		if (n <= 0)
			return -1;
		buf += n;
		size -= n;
	}
	return 0;
}

/* Returns the descriptor, or -1. */
static int write_file(const char *path, size_t size, uint32_t seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	unsigned char buf[CHUNK];

	while (fd >= 0 && size) {
		size_t n = size < CHUNK ? size : CHUNK;

		generate(&seed, buf, CHUNK);
		if (write_all(fd, buf, n))
			return -1;
		size -= n;
	}
	return fd;
}

static int check_file(const char *path, size_t size, uint32_t seed)
{
	static unsigned char want[CHUNK], got[CHUNK];
	size_t done = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return fail(path);
	while (done < size) {
		size_t n = size - done < CHUNK ? size - done : CHUNK;

		generate(&seed, want, CHUNK);
		if (fread(got, 1, n, f) != n || memcmp(got, want, n)) {
			fprintf(stderr, "%s differs at or after byte %zu\n", path, done);
			return 1;
		}
		done += n;
	}
	if (getc(f) != EOF) {
		fprintf(stderr, "%s is longer than %zu bytes\n", path, size);
		return 1;
	}
	fclose(f);
	return 0;
}

static int sync_file(const char *path, size_t size, uint32_t seed)
{
	char other[256];
	int fd = write_file(path, size, seed);

	if (fd < 0 || fsync(fd) || close(fd))
		return fail(path);
	if (write(1, "synced\n", 7) != 7)
		return 1;
	snprintf(other, sizeof(other), "%s.lost", path);
	write_file(other, size, seed + 1);
	for (;;)
		pause();
}

static int sparse_file(const char *path, off_t offset)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || pwrite(fd, "x", 1, offset) != 1 || close(fd))
		return fail(path);
	return 0;
}

static int many_files(const char *dir, int count)
{
	char path[256];

	if (mkdir(dir, 0755))
		return fail(dir);
	for (int i = 0; i < count; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/file-%05d", dir, i);
		f = fopen(path, "w");
		if (!f || fprintf(f, "%s\n", path) < 0 || fclose(f))
			return fail(path);
	}
	for (int i = 1; i < count; i += 2) {
		snprintf(path, sizeof(path), "%s/file-%05d", dir, i);
		if (unlink(path))
			return fail(path);
	}
	return 0;
}

static int fill(const char *dir)
{
	static unsigned char buf[CHUNK];
	char path[256];
	struct stat st;
	int fd, err;

	snprintf(path, sizeof(path), "%s/full", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return fail(path);
	memset(buf, 'f', sizeof(buf));
	for (err = 0; !err;)
		err = write_all(fd, buf, sizeof(buf)) ? errno : 0;
	if (fstat(fd, &st) || close(fd))
		return fail(path);
	printf("%s %lld\n", err == ENOSPC ? "ENOSPC" : strerror(err), (long long)st.st_size);
	return err != ENOSPC;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long long a = argc > 3 ? atoll(argv[3]) : 0, b = argc > 4 ? atoll(argv[4]) : 0;

	if (!strcmp(what, "write"))
		return write_file(argv[2], a, b) < 0 ? fail(argv[2]) : 0;
	if (!strcmp(what, "check"))
		return check_file(argv[2], a, b);
	if (!strcmp(what, "sync"))
		return sync_file(argv[2], a, b);
	if (!strcmp(what, "sparse"))
		return sparse_file(argv[2], a);
	if (!strcmp(what, "many"))
		return many_files(argv[2], a);
	if (!strcmp(what, "fill"))
		return fill(argv[2]);
	fprintf(stderr, "disk: what is `%s`?\n", what);
	return 2;
}
