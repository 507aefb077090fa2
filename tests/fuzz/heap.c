/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any words in place of some of a sound process's.
 *
 * The bytes are read as: which release of glibc, then for each word that is
 * changed four bytes that say which one, and eight that it becomes, or of which
 * the lowest says how it is changed.
 */
#include "fuzz/fuzz.h"

#include "unit/world.h"

enum { CHANGE = 4 + 8, CHANGES_MOST = 64 };

static const char *const releases[] = { "2.26", "2.27", "2.30", "2.32", "2.35",
	"2.42", "2.43" };

static void
make(struct world *w, unsigned release)
{
	char text[2048];

	snprintf(text, sizeof text,
	    "glibc %s; block A 16; tcache T 40; tcache U 40; unsorted X 200; block B 24;"
	    "bin S 300; block C 100; bin L 5000; fast F 32; fast G 32; block D 1;"
	    "foreign 100; block H 56; list M 20 48; segment; block N 16;"
	    "arena; block E 16; heap; bin Y 48; block I 200; thread; tcache V 24; spare;"
	    "mapped P 200000; mapped Q 70000 4096; root -> A; A -> B; B -> C; stack -> M;"
	    "rbx -> E; tls -> P; C -> D+8",
	    releases[release % (sizeof releases / sizeof *releases)]);
	world_write(w, text);
}

/* The n-th word of all memory that has any. */
static bool
nth_word(const struct world *w, uint64_t n, hs_addr *at)
{
	uint64_t all = 0;

	for (size_t i = 0; i < w->memory.n; i++)
		all += w->memory.at[i].size / 8;
	n %= all;
	for (size_t i = 0; i < w->memory.n; i++) {
		const struct area *a = &w->memory.at[i];

		*at = a->range.start + n * 8;
		if (n < a->size / 8)
			return !a->missing;
		n -= a->size / 8;
	}
	return false;
}

/* Words that are not zero, in which case most change something. */
static hs_addr
some_word(struct world *w, uint32_t which)
{
	hs_addr at;

	for (uint32_t i = 0; i < 4096; i++)
		if (nth_word(w, which + i * (which | 1), &at)
		    && memory_get(&w->memory, at) != 0)
			return at;
	return 0;
}

static void
change(struct world *w, const uint8_t *bytes)
{
	uint32_t which;
	uint64_t value, old;
	hs_addr at;

	memcpy(&which, bytes, sizeof which);
	memcpy(&value, bytes + sizeof which, sizeof value);
	if (!(at = some_word(w, which)))
		return;
	old = memory_get(&w->memory, at);
	switch (which >> 29) {
	case 0: value = old ^ UINT64_C(1) << value % 64; break;
	case 1: value = old + (value % 64) * 16 - 512; break;
	case 2:
		value = memory_get(&w->memory, some_word(w, (uint32_t)value));
		break;
	case 3: value = old & ~UINT64_C(0xff); break;
	case 4: value = at + (value % 64) * 16 - 512; break;
	default: break;
	}
	memory_put(&w->memory, at, value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(world_fini) struct world w = WORLD_EMPTY;
	const char *wrong;

	if (n == 0)
		return 0;
	make(&w, bytes[0]);
	for (size_t i = 1; i + CHANGE <= n && i < CHANGES_MOST * CHANGE; i += CHANGE)
		change(&w, bytes + i);
	world_read(&w);
	wrong = heap_invalid(world_heap(&w));
	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	MUST(!wrong);
	return 0;
}
