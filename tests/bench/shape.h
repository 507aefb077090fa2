/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heaps to be measured.
 *
 * Every heap repeats one pattern of PATTERN blocks.  The last LOST of them leak, in the
 * same ways in every heap; the others are live and numbered through, from 0.  A shape
 * says how large blocks are and how the live ones hang together.
 */
#ifndef BENCH_SHAPE_H
#define BENCH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN = 300, LOST = 3 };

struct shape {
	const char *name;
	size_t bytes;             /* of memory for a block, on average */
	size_t (*size)(size_t k); /* what to ask malloc for, for a block like live block k */
	/* Makes live block 0 lead to all of them.  They hold noise that is no address. */
	void (*link)(void);
	void (*tune)(void); /* malloc, beforehand; or NULL */
	bool quiet;         /* nothing else is allocated and freed in between */
};

/* All of them; ends with a NULL name.  To add one, write a row. */
extern const struct shape shapes[];

/* Of the heap that is being built. */
extern size_t live_blocks;
void **live(size_t k); /* the words of live block k */
size_t words_of(void **block);
void grow(size_t k, size_t bytes); /* live block k, to which nothing points yet */

/* Memory that is not of the heap, all zero. */
void *map(size_t bytes);
void unmap(void *p, size_t bytes);

/* A number below that, or any; the same ones in every run. */
uint64_t draw(uint64_t below);

#endif
