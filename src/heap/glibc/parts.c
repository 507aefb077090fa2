/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A part of a run, walked ahead.
 *
 * Only a header says where the next one is, so a walk does little but wait for
 * memory.  The more of them go on at once, the better: a thread walks STREAMS
 * parts in turns, so that their waits overlap.
 *
 *	run   |------------|------------|------------|----------
 *	       known        guess        guess        guess
 *
 * Where the first chunk of a part is we guess: at the first address from which
 * CHAIN headers in a row make sense.  The walk itself (run.c) comes from the
 * left and knows: when it arrives at a chunk that the part has, all that the
 * part has from there on is right, since a header has but one successor.  So a
 * wrong guess costs time, and changes nothing.
 *
 * Only the ordinary is done here, a header that makes sense behind one that
 * did.  At anything else a part ends: at top, fences, damage, a gap in memory,
 * a chunk so large that it may be a lie.  What it means is the walk's matter.
 */
#include "heap/glibc/parts.h"

#include "base/bits.h"
#include "heap/glibc/header.h"
#include "heap/glibc/shape.h"

enum {
	LINE = 64,        /* bytes that memory gives at once */
	CHAIN = 64,       /* headers in a row that make sense: most likely chunks */
	SEARCH = 1 << 16, /* bytes in which the first chunk of a part is looked for */
	MAX_LOOKS = 1 << 14, /* at headers, for one guess */
};

/* A part while it is walked: offsets are into its memory. */
struct stream {
	const unsigned char *bytes;
	uint64_t at, held;  /* the header to look at; the one before it */
	uint64_t stop, end; /* of the part's headers; of the run */
	uint64_t alien;     /* bits that no size word has */
	unsigned word;      /* bytes before the size word */
	unsigned least;     /* bytes of a chunk */
	uint64_t mask;      /* of 8 bytes: those that a word has */
	struct starts starts;
	struct tally loose;
	unsigned likely;  /* sizes of a tcache_perthread_struct */
	uint64_t suspect; /* the last chunk of such a size; NONE */
	uint64_t limit;
	uint64_t tcache_min,
	    tcache_more; /* bytes of such a size: the least; so many more */
	const struct pt_params *params; /* of the run's C library */
	const struct malloc_abi *abi;
};

#define NONE UINT64_MAX

static inline void
mark(uint64_t *bits, uint64_t offset)
{
	bits[offset / CELL_BYTES] |= 1ull << offset / GRANULE % 64;
}

static inline void
unmark(uint64_t *bits, uint64_t offset)
{
	bits[offset / CELL_BYTES] &= ~(1ull << offset / GRANULE % 64);
}

static inline bool
is_plain(const struct stream *s, uint64_t at, uint64_t word)
{
	uint64_t size = word & ~(uint64_t)FLAGS;

	return !(word & s->alien) && size - s->least < BIG - s->least
	    && size <= s->end - at;
}

static inline uint64_t
word_at(const struct stream *s, uint64_t at)
{
	uint64_t word;

	memcpy(&word, s->bytes + at, sizeof word);
	return word & s->mask;
}

/* The last chunk that has the size of a tcache_perthread_struct: may it be one? */
static void
settle(struct stream *s)
{
	uint64_t at = s->suspect, size;

	if (at == NONE)
		return;
	size = word_at(s, at + s->word) & ~(uint64_t)FLAGS;
	if (size > s->limit || at > s->limit - size
	    || !shape_is_hopeless(s->abi, s->params, size,
		s->bytes + at + s->abi->header))
		mark(s->starts.likely, at);
	s->suspect = NONE;
}

/* The chunk at s->at has such a size: we look when it has come into the caches. */
static __attribute__((noinline)) void
suspect(struct stream *s)
{
	settle(s);
	s->suspect = s->at;
	for (unsigned i = 0; i < s->tcache_min; i += LINE)
		__builtin_prefetch(s->bytes + s->at + i);
}

/* The chunk at s->at is one.  Go on to the next header. */
static inline void
pass(struct stream *s, uint64_t size)
{
	mark(s->starts.all, s->at);
	if (size - s->tcache_min <= s->tcache_more
	    && s->likely >> (size - s->tcache_min) / GRANULE & 1)
		suspect(s);
	s->held = s->at;
	s->at += size;
}

/* One chunk further.  False when there is none, or it is not an ordinary one. */
static inline bool
hop(struct stream *s)
{
	uint64_t word;

	if (s->at >= s->stop)
		return false;
	word = word_at(s, s->at + s->word);
	__builtin_prefetch(s->bytes + s->at + AHEAD);
	__builtin_prefetch(s->bytes + s->at + AHEAD + LINE);
	if (!is_plain(s, s->at, word)) {
		s->stop = 0;
		return false;
	}
	if (!(word & FLAG_PREV_USED)) {
		mark(s->starts.loose, s->held);
		s->loose.count++;
		s->loose.bytes += s->at - s->held;
	}
	pass(s, word & ~(uint64_t)FLAGS);
	return true;
}

/* ---- Guesses */

/* Is there a chain from `at` on, or one to where ordinary headers end? */
static bool
is_chain(const struct part *p, const struct stream *s, uint64_t at, unsigned *looks)
{
	uint64_t size = 0;

	for (unsigned n = 0; n < CHAIN && at < p->limit; n++) {
		uint64_t word = word_at(s, at + s->word);

		++*looks;
		__builtin_prefetch(s->bytes + at + AHEAD);
		if (!is_plain(s, at, word)
		    || (n && !(word & FLAG_PREV_USED) && word_at(s, at) != size))
			return false;
		size = word & ~(uint64_t)FLAGS;
		at += size;
	}
	return at >= p->limit ? at == p->limit || !p->exact : true;
}

static bool
guess(const struct part *p, struct stream *s)
{
	unsigned looks = 0;

	for (; s->at < p->stop && s->at < SEARCH && looks < MAX_LOOKS; s->at += GRANULE)
		if (is_chain(p, s, s->at, &looks))
			return true;
	return false;
}

/* ---- Walking */

static void
begin(struct part *p, struct stream *s)
{
	*s = (struct stream) {
		.bytes = p->bytes,
		.stop = p->stop,
		.end = p->run_left,
		.alien = p->alien,
		.word = p->abi->word,
		.least = p->abi->min_chunk,
		.mask = ~UINT64_C(0) >> (64 - 8 * p->abi->word),
		.starts = p->starts,
		.likely = p->likely,
		.suspect = NONE,
		.limit = p->limit,
		.tcache_min = p->abi->tcache_min,
		.tcache_more = p->abi->tcache_max - p->abi->tcache_min,
		.params = p->params,
		.abi = p->abi,
	};
	memset(p->starts.all, 0, 3 * p->words * sizeof *p->starts.all);
	if ((!p->known && !guess(p, s))
	    || !is_plain(s, s->at, word_at(s, s->at + s->word))) {
		s->stop = 0;
		return;
	}
	p->from = p->range.start + s->at;
	pass(s, word_at(s, s->at + s->word) & ~(uint64_t)FLAGS);
}

static void
end(struct part *p, struct stream *s)
{
	if (!p->from)
		return;
	settle(s);
	unmark(p->starts.all, s->held);
	unmark(p->starts.likely, s->held);
	p->held = p->range.start + s->held;
	p->to = p->range.start + s->at;
	p->loose = s->loose;
	for (size_t i = 0; i < p->words; i++) {
		p->chunks += count_bits(p->starts.all[i]);
		p->starts.likely[i] &= ~p->starts.loose[i];
	}
}

void
parts_walk(struct part *p, size_t n)
{
	struct stream s[STREAMS] = { { .stop = 0 } };
	unsigned live;

	for (size_t i = 0; i < n; i++)
		begin(&p[i], &s[i]);
	do {
		live = 0;
#pragma GCC unroll STREAMS
		for (size_t i = 0; i < STREAMS; i++)
			live += hop(&s[i]);
	} while (live > 0);
	for (size_t i = 0; i < n; i++)
		end(&p[i], &s[i]);
}

/* ---- For the walk */

bool
part_has(const struct part *p, hs_addr at)
{
	uint64_t offset = at - p->range.start;

	if (!p->to || at < p->from || at > p->held || offset % GRANULE != 0)
		return false;
	return at == p->held
	    || (p->starts.all[offset / CELL_BYTES] >> offset / GRANULE % 64 & 1);
}

/* Sums up anew what is between .from and .held. */
static void
sum_up(struct part *p)
{
	uint64_t before = 0;
	bool loose = false;

	p->chunks = 0;
	p->loose = (struct tally) { 0, 0 };
	for (size_t i = 0; i < p->words; i++)
		for (uint64_t bits = p->starts.all[i]; bits; bits &= bits - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(bits);
			uint64_t at = i * CELL_BYTES + bit * GRANULE;

			p->loose.bytes += loose ? at - before : 0;
			loose = p->starts.loose[i] >> bit & 1;
			before = at;
			p->loose.count += loose;
			p->chunks++;
		}
	p->loose.bytes += loose ? p->held - p->range.start - before : 0;
}

void
part_trim(struct part *p, hs_addr at)
{
	uint64_t granule = (at - p->range.start) / GRANULE;
	uint64_t keep = ~0ull << granule % 64;

	if (at == p->from)
		return;
	p->from = at;
	for (size_t i = 0; i <= granule / 64; i++) {
		uint64_t mask = i < granule / 64 ? 0 : keep;

		p->starts.all[i] &= mask;
		p->starts.loose[i] &= mask;
		p->starts.likely[i] &= mask;
	}
	sum_up(p);
}

/* What is before the word that has the first chunk is not looked at. */
static size_t
skipped(const struct part *p)
{
	return (p->from - p->range.start) / CELL_BYTES;
}

void
part_close(struct part *p, enum state last)
{
	uint64_t held = p->held - p->range.start;

	mark(p->starts.all, held);
	if (last == STATE_LOOSE)
		mark(p->starts.loose, held);
	p->chunks++;
}

void
part_place(struct part *p, struct heap *heap)
{
	size_t skip = skipped(p);

	p->placed = map_place(heap, p->range.start + skip * CELL_BYTES,
	    p->starts.all + skip, p->words - skip, p->chunks, &p->place);
	if (p->place.shift) /* its cells are others', too */
		part_put(p, heap);
}

void
part_put(struct part *p, struct heap *heap)
{
	size_t skip = skipped(p);

	if (p->placed)
		map_put(heap, &p->place, p->starts.all + skip,
		    p->starts.loose + skip, p->words - skip);
	p->placed = false;
}
