/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading blocks: the words in them that may be pointers to blocks. */
#ifndef GRAPH_WORDS_H
#define GRAPH_WORDS_H

#include "graph/sieve.h"

/* Memory that is being read, so that most words cost no look-up. */
struct window {
	hs_addr start;
	const unsigned char *bytes; /* NULL: missing */
	uint64_t n;
};

/* Takes words that were looked up, and which block each is in: more than none. */
typedef void words_fn(void *arg, const struct heap_batch *words,
    const uint64_t *holder);

/*
 * Words that may be pointers, in order of address, until there are enough of
 * them to be looked up at once.  Fill it with words_init().
 */
struct words {
	const struct heap *heap;
	const struct image *image;
	struct sieve sieve;
	unsigned word; /* bytes */
	struct window at;
	/* One is filled while memory gets ready what the other's look-ups want. */
	struct words_batch {
		struct heap_batch words;
		uint64_t holder[HEAP_BATCH]; /* the block that each is in */
	} batch[2];
	unsigned filling;
	words_fn *found;
	void *arg;
	uint64_t looked_at; /* words that went through the sieve */
};

void words_init(struct words *w, const struct heap *heap, const struct image *image,
    words_fn *found, void *arg);

/* Reads the blocks in use among chunks [from, to), in this order. */
void words_of_chunks(struct words *w, uint64_t from, uint64_t to);

/* Reads one block. */
void words_of_block(struct words *w, const struct block *b);

/* Hands over what is left. */
void words_flush(struct words *w);

#endif
