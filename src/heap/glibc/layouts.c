/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows, and the arithmetic of bins, for 64-bit machines. */
#include "heap/glibc/layouts.h"

/* clang-format off */
const struct arena_layout arena_layouts[] = {
	/*                           fast n  top bins  next   attached system max   size  flags mapped_short */
	{ "no fastbins", "2.43",      0,  0,  8,   24, 2072,  2088,   2096,  2104, 2112, 2,    true },
	{ "fastbins",    "2.27",     16, 10, 96,  112, 2160,  2176,   2184,  2192, 2200, 2,    false },
	{ "flag word",   "2.23",      8, 10, 88,  104, 2152,  2168,   2176,  2184, 2192, 7,    false },
	{ .since = 0 },
};

const struct par_layout par_layouts[] = {
	/*        hp  n_mmaps max max_n no_dyn mmapped max  sbrk  bins count */
	{ "2.43", 56, 68,     72, 76,   80,    88,     96,  104,  112, 128 },
	{ "2.35", 48, 60,     64, 68,   72,    80,     88,  96,   104, 120 },
	{ "2.26",  0, 40,     44, 48,   52,    56,     64,  72,   80,  96 },
	{ .since = 0 },
};

const struct tcache_layout tcache_layouts[] = {
	/*                           count bins entries chunk  down   mangled */
	{ "slots left",      "2.42", 2,    76,  152,    0x300, true,  true },
	{ "mangled links",   "2.32", 2,    64,  128,    0x290, false, true },
	{ "short counts",    "2.30", 2,    64,  128,    0x290, false, false },
	{ "byte counts",     "2.26", 1,    64,  64,     0x250, false, false },
	{ .since = 0 },
};

/* Large bins come in five runs, each with a coarser step; bin 126 takes the rest. */
static const struct run {
	unsigned shift, last, base; /* size >> shift <= last: bin base + (size >> shift) */
} runs[] = {
	{ 6, 48, 48 }, { 9, 20, 91 }, { 12, 10, 110 }, { 15, 4, 119 }, { 18, 2, 124 },
};
/* clang-format on */

enum { NRUNS = sizeof runs / sizeof *runs, LAST_BIN = 126 };

unsigned
bin_index(uint64_t size)
{
	if (size < SMALL_LIMIT)
		return (unsigned)(size >> 4);
	for (unsigned i = 0; i < NRUNS; i++)
		if (size >> runs[i].shift <= runs[i].last)
			return runs[i].base + (unsigned)(size >> runs[i].shift);
	return LAST_BIN;
}

void
bin_sizes(unsigned index, uint64_t *min, uint64_t *max)
{
	uint64_t size = SMALL_LIMIT;

	if (index == 1) {
		*min = MIN_CHUNK;
		*max = UINT64_MAX;
		return;
	}
	if (index < 64) {
		*min = *max = (uint64_t)index << 4;
		return;
	}
	for (unsigned i = 0; i < NRUNS; i++) {
		uint64_t step = 1ull << runs[i].shift;

		while (size >> runs[i].shift <= runs[i].last) {
			uint64_t next = (size & ~(step - 1)) + step;

			if (bin_index(size) == index) {
				*min = size;
				*max = next - 16;
				return;
			}
			size = next;
		}
	}
	*min = size;
	*max = UINT64_MAX;
}

/*
 * Bins 0 to 63 hold one size each, from MIN_CHUNK up; 64 to 75 a power of two
 * each (since glibc 2.42; used when the tunable tcache_max is raised).
 */
void
tcache_bin_sizes(unsigned index, uint64_t *min, uint64_t *max)
{
	if (index < 64) {
		*min = *max = MIN_CHUNK + (uint64_t)index * 16;
		return;
	}
	*min = index == 64 ? 1040 : 1024ull << (index - 64);
	*max = (1024ull << (index - 63)) - 16;
}
