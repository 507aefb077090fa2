/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows, and the arithmetic of bins.
 *
 * i386 has had blocks aligned to 16 bytes since glibc 2.26, behind headers of
 * 8: so its chunks, but for an arena's top, are multiples of 16 there, too.
 * (What came before is not read.)
 */
#include "heap/glibc/layouts.h"

/* clang-format off */
static const struct arena_layout arenas_64[] = {
	/*                           fast n  top bins  next   attached system max   size  flags mapped_short */
	{ "no fastbins", "2.43",      0,  0,  8,   24, 2072,  2088,   2096,  2104, 2112, 2,    true },
	{ "fastbins",    "2.27",     16, 10, 96,  112, 2160,  2176,   2184,  2192, 2200, 2,    false },
	/* before the one that it could be mistaken for: find.c tells them apart */
	{ "uncounted",   "2.17",      8, 10, 88,  104, 2152,  0,      2168,  2176, 2184, 7,    false },
	{ "flag word",   "2.23",      8, 10, 88,  104, 2152,  2168,   2176,  2184, 2192, 7,    false },
	{ .since = 0 },
};

static const struct arena_layout arenas_32[] = {
	{ "no fastbins", "2.43",      0,  0,  8,   16, 1048,  1056,   1060,  1064, 1068, 2,    true },
	{ "fastbins",    "2.27",     12, 11, 56,   64, 1096,  1104,   1108,  1112, 1116, 2,    false },
	{ "flag word",   "2.26",      8, 11, 52,   60, 1092,  1100,   1104,  1108, 1112, 7,    false },
	{ .since = 0 },
};

static const struct par_layout params_64[] = {
	/*        hp  n_mmaps max max_n no_dyn mmapped max  sbrk  bins count */
	{ "2.43", 56, 68,     72, 76,   80,    88,     96,  104,  112, 128 },
	{ "2.35", 48, 60,     64, 68,   72,    80,     88,  96,   104, 120 },
	{ "2.26",  0, 40,     44, 48,   52,    56,     64,  72,   80,  96 },
	{ "2.24",  0, 40,     44, 48,   52,    56,     64,  72,   0,   0 },
	{ "2.17",  0, 40,     44, 48,   52,    56,     64,  80,   0,   0 },
	{ .since = 0 },
};

static const struct par_layout params_32[] = {
	{ "2.43", 28, 36,     40, 44,   48,    52,     56,  60,   64,  72 },
	{ "2.35", 24, 32,     36, 40,   44,    48,     52,  56,   60,  68 },
	{ "2.26",  0, 20,     24, 28,   32,    36,     40,  44,   48,  56 },
	{ .since = 0 },
};

static const struct tcache_layout tcaches_64[] = {
	/*                          word count bins entries chunk  down   mangled */
	{ "slots left",      "2.42", 8,  2,    76,  152,    0x300, true,  true },
	{ "mangled links",   "2.32", 8,  2,    64,  128,    0x290, false, true },
	{ "short counts",    "2.30", 8,  2,    64,  128,    0x290, false, false },
	{ "byte counts",     "2.26", 8,  1,    64,  64,     0x250, false, false },
	{ .since = 0 },
};

static const struct tcache_layout tcaches_32[] = {
	{ "slots left",      "2.42", 4,  2,    76,  152,    0x1d0, true,  true },
	{ "mangled links",   "2.32", 4,  2,    64,  128,    0x190, false, true },
	{ "short counts",    "2.30", 4,  2,    64,  128,    0x190, false, false },
	{ "byte counts",     "2.26", 4,  1,    64,  64,     0x150, false, false },
	{ .since = 0 },
};

const struct malloc_abi malloc_abi_64 = {
	.word = 8, .header = 16, .min_chunk = 32, .small_limit = 0x400, .small_first = 0,
	.tcache_min = 0x250, .tcache_max = 0x320,
	.heap_max = 64 << 20, .heap_headers = { 0x30, 0x20 }, /* since 2.35; before */
	.arenas = arenas_64, .params = params_64, .tcaches = tcaches_64,
};

const struct malloc_abi malloc_abi_32 = {
	.word = 4, .header = 8, .min_chunk = 16, .small_limit = 0x3f0, .small_first = 1,
	.tcache_min = 0x150, .tcache_max = 0x1f0,
	.heap_max = 1 << 20, .heap_headers = { 0x18 }, /* with and without .pagesize */
	.arenas = arenas_32, .params = params_32, .tcaches = tcaches_32,
};

/* Large bins come in five runs, each with a coarser step; bin 126 takes the rest. */
static const struct run {
	unsigned shift, last, base; /* size >> shift <= last: bin base + (size >> shift) */
} runs[2][5] = {
	{ { 6, 48, 48 }, { 9, 20, 91 }, { 12, 10, 110 }, { 15, 4, 119 }, { 18, 2, 124 } },
	{ { 6, 45, 49 }, { 9, 20, 91 }, { 12, 10, 110 }, { 15, 4, 119 }, { 18, 2, 124 } },
};
/* clang-format on */

enum { NRUNS = sizeof runs[0] / sizeof runs[0][0], LAST_BIN = 126 };

static const struct run *
runs_of(const struct malloc_abi *abi)
{
	return runs[abi->word == 4];
}

unsigned
bin_index(const struct malloc_abi *abi, uint64_t size)
{
	const struct run *r = runs_of(abi);

	if (size < abi->small_limit)
		return abi->small_first + (unsigned)(size >> 4);
	for (unsigned i = 0; i < (unsigned)NRUNS; i++)
		if (size >> r[i].shift <= r[i].last)
			return r[i].base + (unsigned)(size >> r[i].shift);
	return LAST_BIN;
}

void
bin_sizes(const struct malloc_abi *abi, unsigned index, uint64_t *min, uint64_t *max)
{
	const struct run *r = runs_of(abi);
	uint64_t size = abi->small_limit;

	if (index == 1) {
		*min = abi->min_chunk;
		*max = UINT64_MAX;
		return;
	}
	if (index < 64) {
		*min = *max = (uint64_t)(index - abi->small_first) << 4;
		return;
	}
	for (unsigned i = 0; i < (unsigned)NRUNS; i++) {
		uint64_t step = 1ull << r[i].shift;

		while (size >> r[i].shift <= r[i].last) {
			uint64_t next = (size & ~(step - 1)) + step;

			if (bin_index(abi, size) == index) {
				*min = size;
				/* two runs may meet in one bin; the last has no end */
				while (index < LAST_BIN && bin_index(abi, next) == index)
					next += 16;
				*max = index < LAST_BIN ? next - 16 : UINT64_MAX;
				return;
			}
			size = next;
		}
	}
	*min = size;
	*max = UINT64_MAX;
}

/*
 * Bins 0 to 63 hold one size each, from min_chunk up; 64 to 75 a power of two
 * each (since glibc 2.42; used when the tunable tcache_max is raised).  On i386
 * glibc 2.42 leaves out bin 64, so there a bin may hold either of two.
 */
void
tcache_bin_sizes(const struct malloc_abi *abi, unsigned index, uint64_t *min,
    uint64_t *max)
{
	unsigned either = abi->word == 4 && index > 64;

	if (index < 64) {
		*min = *max = abi->min_chunk + (uint64_t)index * 16;
		return;
	}
	*min = index == 64 + either ? 1040u : 1024ull << (index - 64 - either);
	*max = (1024ull << (index - 63)) - 16;
}
