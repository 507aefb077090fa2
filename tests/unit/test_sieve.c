/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every way to look at many words says what the portable one says. */
#include "graph/sieve.h"

#include "unit/check.h"

#include <string.h>

/* Words near the borders of two ranges, and others; the same each time. */
static uint64_t
some_word(const struct sieve *s, uint64_t *seed)
{
	const uint64_t base[] = { 0, UINT64_C(1) << 63, s->from[0], s->from[1],
		s->from[0] + s->size[0], s->from[1] + s->size[1], s->pc, UINT64_MAX };

	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	if (*seed % 3 == 0)
		return *seed;
	uint64_t tag = *seed >> 40 & 1 ? *seed & UINT64_C(0xff) << 56 : 0;
	return tag ^ (base[*seed / 3 % 8] + (*seed >> 32) % 5 - 2);
}

static bool
says_the_same(const struct sieve_way *way, const struct sieve *s)
{
	unsigned char bytes[SIEVE_WORDS * 8 + 1];
	uint64_t seed = 88172645463325252u;

	for (unsigned round = 0; round < 2000; round++) {
		uint64_t pointers, pcs, want = 0, want_pcs = 0;
		unsigned char *at = bytes + round % 2; /* at any address */

		for (unsigned i = 0; i < SIEVE_WORDS; i++) {
			uint64_t w = some_word(s, &seed);

			memcpy(at + i * 8, &w, 8);
			want_pcs |=
			    (uint64_t)(s->wants_pc && w % (1 << SIEVE_PC) == s->pc)
			    << i;
			w &= s->keep;
			want |= (uint64_t)(w - s->from[0] <= s->size[0]
				    || w - s->from[1] <= s->size[1])
			    << i;
		}
		way->look(s, at, &pointers, &pcs);
		if (pointers != want || pcs != want_pcs)
			return false;
	}
	return true;
}

static void
all_ways_say_the_same(void)
{
	static const struct sieve sieves[] = {
		{ .from = { 0x555555559000, 0x7ffff0000000 },
		    .size = { 0x21000, 0x4000000 },
		    .keep = UINT64_MAX },
		{ .from = { 0x555555559000, 0x7ffff0000000 },
		    .size = { 0x21000, 0x4000000 },
		    .keep = UINT64_MAX >> 8 },
		{ .from = { 0x1000, 0x1000 },
		    .size = { 0x1000, 0x1000 },
		    .keep = UINT64_MAX,
		    .pc = 0x1abcd,
		    .wants_pc = true },
		{ .from = { 1, UINT64_MAX - 100 },
		    .size = { UINT64_C(1) << 63, 50 },
		    .keep = UINT64_MAX,
		    .pc = 3,
		    .wants_pc = true },
	};

	for (const struct sieve_way *w = sieve_ways; w->name; w++)
		for (size_t i = 0; i < sizeof sieves / sizeof *sieves; i++) {
			if (!w->is_there())
				continue;
			CHECK(says_the_same(w, &sieves[i]));
		}
}

static void
portable_way_is_always_there(void)
{
	const struct sieve_way *w = sieve_ways;

	while (w[1].name)
		w++;
	CHECK(strcmp(w->name, "portable") == 0 && w->is_there());
}

TESTS(all_ways_say_the_same, portable_way_is_always_there)
