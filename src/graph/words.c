/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From bytes to words that may be pointers.
 *
 * Blocks lie side by side, so a span is read from front to back without
 * asking where one ends: 64 words go through the sieve, and what is left of
 * them, one word in ten, is given its block by counting the starts before it.
 *
 *	chunk  | size | user data ...         | size | user data
 *	word   0      1                      n     n + 1
 *
 * The word before a header is the last one of the block before; the size is
 * nobody's, and is taken out even if it looks like a pointer.  Free chunks
 * are passed over when a word comes up, large ones as a whole, so that memory
 * which nobody touched stays untouched.
 *
 * Where words have 4 bytes, 64 of them are widened for the sieve: a group of words
 * takes half the memory, and all else is the same.
 *
 * Two kinds of pointers hide from the compare and are found all the same: the
 * frame pointer in a jmp_buf, which glibc mangles, and the left link of a node
 * of tsearch(), whose lowest bit is a colour.
 */
#include "graph/words.h"

#include <string.h>

#include "base/bits.h"
#include "heap/pointer.h"

enum {
	GROUP = SIEVE_WORDS * 8, /* bytes of a group of words, at most: half a cell */
	LINE = 64,               /* bytes that come at once */
	AHEAD = 4096, /* bytes: processors read ahead by themselves, but not past a page */
	TREE_NODE = 3, /* words of a node of tsearch(): key, left, right; since 2.25 */
	TREE_LEFT = 1,
};

void
words_init(struct words *w, const struct heap *heap, const struct image *image,
    words_fn *found, void *arg)
{
	w->heap = heap;
	w->word = heap_word(heap);
	w->image = image;
	w->found = found;
	w->arg = arg;
	w->at = (struct window) { .n = 0 };
	w->batch[0].words.n = w->batch[1].words.n = 0;
	w->filling = 0;
	w->looked_at = 0;
	sieve_init(&w->sieve, heap, image);
}

static void
look_up(struct words *w, struct words_batch *b)
{
	if (b->words.n == 0)
		return;
	heap_meet_all(w->heap, &b->words);
	w->found(w->arg, &b->words, b->holder);
	b->words.n = 0;
}

/* The batch that was being filled is looked up when the next one is full. */
static void
change_batch(struct words *w)
{
	heap_expect(w->heap, &w->batch[w->filling].words);
	w->filling = !w->filling;
	look_up(w, &w->batch[w->filling]);
}

void
words_flush(struct words *w)
{
	change_batch(w);
	look_up(w, &w->batch[!w->filling]);
}

static inline void
gather(struct words *w, uint64_t holder, uint64_t word)
{
	struct words_batch *b = &w->batch[w->filling];

	b->words.a[b->words.n] = word;
	b->holder[b->words.n++] = holder;
	if (b->words.n == HEAP_BATCH)
		change_batch(w);
}

/* The left link of a red node: its colour is in bit 0, and it leads to a node. */
static uint64_t
without_colour(const struct words *w, hs_addr at, uint64_t holder, uint64_t word)
{
	struct block b = heap_block(w->heap, holder);
	uint64_t size = TREE_NODE * w->word;
	uint64_t node;

	return b.size == size && at == b.address + TREE_LEFT * w->word
		&& heap_meet(w->heap, word - 1, &node) == MEET_START
		&& heap_block(w->heap, node).size == size
	    ? word - 1
	    : word;
}

static void
gather_frame(struct words *w, hs_addr at, uint64_t holder, uint64_t pc)
{
	struct block b = heap_block(w->heap, holder);
	uint64_t frame;

	if (b.size >= JMP_BUF && at - b.address >= JMP_PC
	    && pointer_in_jmp_buf(w->image, at - JMP_PC, pc, &frame))
		gather(w, holder, frame);
}

/* ---- Memory */

static void
look_at(struct words *w, hs_addr a)
{
	bool hole;

	if (a - w->at.start < w->at.n)
		return;
	w->at.start = a;
	w->at.n = space_stretch(w->heap->space, a, UINT64_MAX - a, &w->at.bytes);
	if (!w->at.bytes)
		return;
	w->at.n = core_stretch(w->heap->space->core, w->at.bytes, w->at.n, &hole);
	if (hole)
		w->at.bytes = NULL; /* zeros are no pointers */
}

/*
 * The words at a, of which those in `valid` matter, up to the last of them: in
 * place when all are there, else put together in `patched`, with zeros for
 * what is missing.  NULL when all of them are missing.
 */
static inline const unsigned char *
group_at(struct words *w, hs_addr a, uint64_t valid, const unsigned word,
    unsigned char patched[GROUP])
{
	uint64_t n = valid ? SIEVE_WORDS - (uint64_t)__builtin_clzll(valid) : 0;
	bool any = false;

	look_at(w, a);
	if (w->at.n - (a - w->at.start) >= n * word)
		return w->at.bytes ? w->at.bytes + (a - w->at.start) : NULL;
	memset(patched, 0, GROUP);
	for (unsigned i = 0; i < SIEVE_WORDS; i++) {
		if (!(valid >> i & 1))
			continue;
		look_at(w, a + i * word);
		if (!w->at.bytes || w->at.n - (a + i * word - w->at.start) < word)
			continue;
		memcpy(patched + i * word,
		    w->at.bytes + (a + i * word - w->at.start), word);
		any = true;
	}
	return any ? patched : NULL;
}

/* The first n words of 4 bytes each, as the sieve wants them. */
static const unsigned char *
widen(const unsigned char *bytes, unsigned n, uint64_t wide[SIEVE_WORDS])
{
	for (unsigned i = 0; i < n; i++)
		wide[i] = word_from(bytes + i * 4, 4);
	return (const unsigned char *)wide;
}

/* ---- A group of words */

/* Where chunks have their sizes, their second word: of bits for granules, bits for words. */
static inline uint64_t
size_words(uint32_t starts, const unsigned word)
{
	uint64_t v = starts;

	if (word == 4) { /* four words a granule */
		v = (v | v << 24) & UINT64_C(0x000000ff000000ff);
		v = (v | v << 12) & UINT64_C(0x000f000f000f000f);
		v = (v | v << 6) & UINT64_C(0x0303030303030303);
		v = (v | v << 3) & UINT64_C(0x1111111111111111);
		return v << 1;
	}
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v | v << 2) & UINT64_C(0x3333333333333333);
	v = (v | v << 1) & UINT64_C(0x5555555555555555);
	return v << 1;
}

/*
 * The words of the group at a that matter, `valid`; sizes says which of them
 * are sizes, holder which chunk the first word is in.
 */
static inline void
read_group(struct words *w, hs_addr a, uint64_t valid, uint64_t sizes,
    uint64_t holder, const unsigned bytes_of_word)
{
	const unsigned char *states = w->heap->states.at;
	unsigned char patched[GROUP];
	uint64_t wide[SIEVE_WORDS];
	const unsigned char *bytes = group_at(w, a, valid, bytes_of_word, patched);
	unsigned n = 64 - (unsigned)__builtin_clzll(valid | 1);
	uint64_t pointers, pcs;

	if (!bytes)
		return;
	for (unsigned l = 0; l < GROUP; l += LINE)
		__builtin_prefetch(bytes + AHEAD + l);
	if (bytes_of_word == 4)
		bytes = widen(bytes, n, wide);
	if (valid >> 63)
		w->sieve.look(&w->sieve, bytes, &pointers, &pcs);
	else /* what lies behind would be waited for in vain */
		sieve_few(&w->sieve, bytes, n, &pointers, &pcs);
	w->looked_at += SIEVE_WORDS;
	valid &= ~sizes;
	for (uint64_t left = (pointers | pcs) & valid; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		uint64_t word;

		uint64_t in = holder + count_bits(sizes & ((UINT64_C(1) << i) - 1));

		if (states[in] != STATE_USED)
			continue;
		memcpy(&word, bytes + i * 8, sizeof word);
		word &= w->sieve.keep;
		if (!(pointers >> i & 1))
			gather_frame(w, a + i * bytes_of_word, in, word);
		else
			gather(w, in,
			    word & 1
				? without_colour(w, a + i * bytes_of_word, in, word)
				: word);
	}
}

/* ---- Spans */

/* Bits [from, to) of the group that begins with word `first`. */
static uint64_t
valid_words(uint64_t first, uint64_t from, uint64_t to)
{
	uint64_t valid = ~UINT64_C(0);

	if (from > first)
		valid &= ~UINT64_C(0) << (from - first);
	if (to - first < SIEVE_WORDS)
		valid &= ~(~UINT64_C(0) << (to - first));
	return valid;
}

/* How many granules a group of words takes, and which of a cell's starts are in it. */
static inline unsigned
granules_of(const unsigned word)
{
	return SIEVE_WORDS * word / GRANULE;
}

static inline uint64_t
starts_from(const struct cell *cells, uint64_t g, const unsigned word)
{
	const unsigned n = granules_of(word), groups = 64 / n;

	return cells[g / groups].start >> g % groups * n;
}

static inline uint32_t
starts_in(const struct cell *cells, uint64_t g, const unsigned word)
{
	uint64_t starts = starts_from(cells, g, word);

	return word == 8 ? (uint32_t)starts : (uint16_t)starts;
}

/* The first group from g on in which a chunk starts, or `end`. */
static inline uint64_t
next_start(const struct cell *cells, uint64_t g, uint64_t end, const unsigned word)
{
	const unsigned groups = 64 / granules_of(word);

	while (g < end && !starts_from(cells, g, word))
		g += groups - g % groups;
	while (g < end && !starts_in(cells, g, word))
		g++;
	return g < end ? g : end;
}

/* Words [from, to) of a span, counted from its start: blocks' own, and sizes. */
static inline __attribute__((always_inline)) void
read_flat(struct words *w, const struct span *s, uint64_t from, uint64_t to,
    const unsigned word)
{
	const struct cell *cells = &w->heap->cells.at[s->cell];
	const unsigned n = granules_of(word), groups = 64 / n;
	uint64_t end = (to + SIEVE_WORDS - 1) / SIEVE_WORDS;

	for (uint64_t g = from / SIEVE_WORDS; g < end; g++) {
		const struct cell *c = &cells[g / groups];
		uint64_t below = (UINT64_C(1) << g % groups * n) - 1;
		uint32_t starts = starts_in(cells, g, word);
		uint64_t before = cell_first(w->heap, c)
		    + (below ? count_bits(c->start & below) : 0);
		uint64_t first = g * SIEVE_WORDS;

		/* `before` chunks start before the group: the last of them holds its first word */
		if (!starts && w->heap->states.at[before - 1] != STATE_USED)
			g = next_start(cells, g, end, word) - 1;
		else
			read_group(w, s->range.start + g * SIEVE_WORDS * word,
			    valid_words(first, from, to), size_words(starts, word),
			    before - 1, word);
	}
}

/* The granule at which a chunk of this span begins; past the last: where the span ends. */
static uint64_t
granule_of(const struct heap *h, const struct span *s, uint64_t number)
{
	return number - s->first < s->count
	    ? (heap_block(h, number).address - s->header - s->range.start) / GRANULE
	    : range_size(s->range) / GRANULE;
}

static void
read_block(struct words *w, const struct block *b)
{
	uint64_t group = SIEVE_WORDS * w->word, at = 0, step, left;

	for (; (left = (b->size - at) / w->word) > 0;
	     at = step < b->size - at ? at + step : b->size) {
		hs_addr a = b->address + at;

		look_at(w, a);
		/* what is missing or a hole may be many gigabytes */
		step = w->at.bytes ? 0
				   : align_down(w->at.n - (a - w->at.start), group);
		if (step > 0)
			continue;
		step = group;
		read_group(w, a,
		    left < SIEVE_WORDS ? ~(~UINT64_C(0) << left) : ~UINT64_C(0), 0,
		    b->number, w->word);
	}
}

void
words_of_block(struct words *w, const struct block *b)
{
	if (b->state == STATE_USED)
		read_block(w, b);
}

static void
words_of_span(struct words *w, const struct span *s, uint64_t from, uint64_t to)
{
	uint64_t from_word, to_word;

	/* From behind the first header to the word before the size of what follows. */
	if (!s->mapped && s->header == 2 * w->word && s->tail == (int)w->word) {
		uint64_t words = GRANULE / w->word;

		from_word = granule_of(w->heap, s, from) * words + 2;
		to_word = granule_of(w->heap, s, to) * words + 1;
		if (w->word == 8)
			read_flat(w, s, from_word, to_word, 8);
		else
			read_flat(w, s, from_word, to_word, 4);
		return;
	}
	struct block b = { .span = NULL };

	for (uint64_t i = from; i < to; i++) {
		b = heap_block_after(w->heap, &b, i);
		words_of_block(w, &b);
	}
}

void
words_of_chunks(struct words *w, uint64_t from, uint64_t to)
{
	while (from < to) {
		const struct span *s = heap_block(w->heap, from).span;
		uint64_t end = s->first + s->count;

		if (end > to)
			end = to;
		words_of_span(w, s, from, end);
		from = end;
	}
}
