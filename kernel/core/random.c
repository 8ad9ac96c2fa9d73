/* SPDX-License-Identifier: MIT */
/*
 * A ChaCha20 generator (RFC 8439, 2.3) that replaces its own key after every request, so that what
 * was given out cannot be computed from what is in memory later. Seeded from RDRAND where the CPU
 * has it, and from the time-stamp counter: with neither it is repeatable, which a machine that
 * counts instructions instead of time wants anyway.
 */
#include "kernel/core/random.h"

#include "kernel/core/spinlock.h"
#include "lib/string.h"
#include "lib/util.h"
#include <asm/msr.h>
#include <asm/processor.h>

#define BLOCK 64
#define CPUID_1_ECX_RDRAND BIT(30)

static DEFINE_SPINLOCK(random_lock);
static u32 key[8];                      /* random_lock */
static bool seeded;                     /* random_lock */
static u8 spare_bytes[32] __aligned(4); /* random_lock */
static size_t spare;                    /* of them not given out yet; random_lock */

static u32 rotl(u32 x, int n)
{
	return x << n | x >> (32 - n);
}

static __always_inline void quarter_round(u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b], x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotl(x[b] ^ x[c], 7);
}

/* One block of key stream of @k for @counter, nonce 0. */
static void chacha20_block(const u32 k[8], u32 counter, u32 out[16])
{
	u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = counter };
	int i;

	memcpy(in + 4, k, 32);
	memcpy(out, in, sizeof(in));
	for (i = 0; i < 10; i++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (i = 0; i < 16; i++)
		out[i] += in[i];
}

/* False: no instruction, or it had nothing to give (SDM vol. 1 7.3.17.1: try ten times). */
static bool rdrand(u64 *value)
{
	u32 a, b, c, d;
	bool ok = false;
	int i;

	cpuid(1, 0, &a, &b, &c, &d);
	for (i = 0; i < 10 && !ok && c & CPUID_1_ECX_RDRAND; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
	return ok;
}

static void seed(void)
{
	int i;

	for (i = 0; i < 8; i += 2) {
		u64 value = 0;

		rdrand(&value);
		value ^= rdtsc() * 0x9e3779b97f4a7c15ULL;
		key[i] = (u32)value;
		key[i + 1] = (u32)(value >> 32);
	}
	seeded = true;
}

/* Replaces the key with half of a block; the other half is for giving out. random_lock held. */
static void next_key(u32 out[8])
{
	u32 stream[16];

	if (!seeded)
		seed();
	chacha20_block(key, 0, stream);
	memcpy(key, stream, 32);
	memcpy(out, stream + 8, 32);
}

/* A few bytes (AT_RANDOM, stack guards) come from what the last block left over. */
static void take_small(u8 *to, size_t len)
{
	spin_lock(&random_lock);
	if (len > spare) {
		next_key((u32 *)spare_bytes);
		spare = sizeof(spare_bytes);
	}
	spare -= len;
	memcpy(to, spare_bytes + spare, len);
	memset(spare_bytes + spare, 0, len);
	spin_unlock(&random_lock);
}

void get_random_bytes(void *buf, size_t len)
{
	u32 stream[16], k[8], counter = 1;
	u8 *to = buf;

	if (len <= sizeof(spare_bytes)) {
		take_small(buf, len);
		return;
	}
	/* A key of our own: the long part needs no lock. */
	spin_lock(&random_lock);
	next_key(k);
	spin_unlock(&random_lock);
	while (len) {
		size_t n = min(len, (size_t)BLOCK);

		chacha20_block(k, counter++, stream);
		memcpy(to, stream, n);
		to += n;
		len -= n;
	}
	memset(k, 0, sizeof(k));
	barrier(); /* or the compiler would see that nobody reads k any more */
}
