/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sieve: of many words at once, which may be pointers.
 *
 * All memory of the heap goes through it, so it is done with the widest
 * compares that this machine has; all of them give the same answer.
 */
#ifndef GRAPH_SIEVE_H
#define GRAPH_SIEVE_H

#include "heap/heap.h"

enum { SIEVE_WORDS = 64 };

struct sieve {
	/* A word w may point into the heap when w - from[i] <= size[i] for an i. */
	uint64_t from[2], size[2];
	uint64_t keep; /* the bits of w that make an address: tags are cut off first */
	uint64_t pc; /* the low SIEVE_PC bits of a program counter that PTR_MANGLE hides */
	bool wants_pc;
	/* Says it of SIEVE_WORDS words, at any address: a bit each, the lowest first. */
	void (*look)(const struct sieve *s, const unsigned char *words,
	    uint64_t *pointers, uint64_t *pcs);
};

/* A mangled program counter has the guard's top bits at its low end (heap/pointer.h). */
enum { SIEVE_PC = 17, SIEVE_PC_MASK = (1 << SIEVE_PC) - 1 };

void sieve_init(struct sieve *s, const struct heap *heap, const struct image *image);

/* Says it of the first n words only. */
static inline void
sieve_few(const struct sieve *s, const unsigned char *words, unsigned n,
    uint64_t *pointers, uint64_t *pcs)
{
	*pointers = *pcs = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t w;

		memcpy(&w, words + i * sizeof w, sizeof w);
		*pcs |= (uint64_t)(s->wants_pc & ((w & SIEVE_PC_MASK) == s->pc)) << i;
		w &= s->keep;
		*pointers |= (uint64_t)((w - s->from[0] <= s->size[0])
				 | (w - s->from[1] <= s->size[1]))
		    << i;
	}
}

/* A way to look, for a kind of machine.  To add one, put a row into the table. */
struct sieve_way {
	const char *name;
	bool (*is_there)(void);
	void (*look)(const struct sieve *s, const unsigned char *words,
	    uint64_t *pointers, uint64_t *pcs);
};

/* From the fastest to "portable", which is always there; ends with a NULL name. */
extern const struct sieve_way sieve_ways[];

#endif
